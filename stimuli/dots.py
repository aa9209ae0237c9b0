"""Dots of which some move together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.display import Display, Window
from stimuli.frames import frame_rate
from stimuli.gratings import depths
from stimuli.moving import frames_of
from stimuli.parameters import Numbers, column, drawing

__all__ = ["random_dots"]

Values = npt.NDArray[np.float64]

# Shares of a pixel are multiples of this, so that sums of them are exact in any order: a part of a
# frame is the part of the whole.
GRAIN = 2.0**-12


@drawing
def random_dots(
    display: Display,
    *,
    time: Sequence[float],
    direction: Numbers,
    speed: Numbers,
    coherence: Numbers,
    density: Numbers,
    element: Numbers,
    seed: Numbers,
    contrast: Numbers = 1.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n frame channel height width"]:
    """Draw square dots: from frame to frame a share of them moves, the others appear anew anywhere.

    Which ones move is drawn afresh for every frame. Dots that leave the square around the disk
    come in on its other side.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    time : sequence of float
        When the frames are shown, in s.
    direction, speed : float or sequence of float
        Of the dots that move, in deg and in deg/s.
    coherence : float or sequence of float
        Share of the dots that move, in [0, 1].
    density : float or sequence of float
        Dots per square degree.
    element : float or sequence of float
        Side of a dot, in deg.
    seed : int or sequence of int
        Of all that is random.
    contrast : float or sequence of float
        As in `bar`; dots that overlap are no brighter than one.
    diameter, x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display has no frame rate or cannot show the contrast, or a coherence is no share.
    """
    frame_rate(display)
    named = {
        "direction": direction, "speed": speed, "coherence": coherence, "density": density,
        "element": element, "seed": seed, "diameter": diameter, "x": x, "y": y,
    }  # fmt: skip
    columns = [
        column(name, value, size=name in ("element", "diameter")) for name, value in named.items()
    ]
    rows = np.stack(np.broadcast_arrays(*columns), axis=1)
    _check(dict(zip(named, rows.T, strict=True)))
    shown = window or display.whole
    movies = np.stack([_covered(display, time, row, shown) for row in rows.tolist()])
    dots = torch.as_tensor(movies, device=device)
    seen = aperture(display, diameter=diameter, x=x, y=y, window=window, device=device)
    [depth] = depths(display, contrast, signed=True, device=device)
    return frames_of(display, depth[:, None] * dots * seen[:, None])


def _check(given: dict[str, Values]) -> None:
    share, seed = given["coherence"], given["seed"]
    if ((share < 0) | (share > 1)).any():
        raise ValueError(f"coherence must lie in [0, 1]; got {share.min():g} to {share.max():g}.")
    if (given["density"] < 0).any():
        raise ValueError(f"density must be 0 or more; got {given['density'].min():g}.")
    if ((seed < 0) | (seed != np.floor(seed))).any():
        raise ValueError(f"a seed must be a whole number from 0 on; got {seed.min():g}.")


def _covered(
    display: Display, time: Sequence[float], row: list[float], window: Window
) -> npt.NDArray[np.float32]:
    """Share of each pixel that is covered by the dots of one movie: (frame, height, width)."""
    direction, speed, coherence, density, element, seed, diameter, x, y = row
    side = min(diameter, max(display.degrees))
    places = _walk(
        np.random.default_rng(int(seed)),
        round(density * side**2),
        coherence,
        np.asarray(time, dtype=float),
        speed * np.exp(1j * np.deg2rad(direction)),
        side,
    )
    columns, rows = (
        _shares(axis, centre + along - side / 2, element, display.px_per_deg)
        for axis, centre, along in (
            (display.x()[window.columns], x, places.real),
            (display.y()[window.rows], y, places.imag),
        )
    )
    return np.minimum(rows.swapaxes(1, 2) @ columns, 1).astype(np.float32)


def _walk(
    rng: np.random.Generator,
    n: int,
    coherence: float,
    moments: Values,
    velocity: complex,
    side: float,
) -> npt.NDArray[np.complex128]:
    """Places of dots in a square, (frame, dot), as complex numbers from 0 to its side."""
    here = side * (rng.random(n) + 1j * rng.random(n))
    places = [here]
    for step in np.diff(moments):
        moved = here + step * velocity
        elsewhere = side * (rng.random(n) + 1j * rng.random(n))
        here = np.where(rng.random(n) < coherence, moved, elsewhere)
        here = here.real % side + 1j * (here.imag % side)
        places.append(here)
    return np.stack(places)


def _shares(axis: Values, centres: Values, element: float, px_per_deg: float) -> Values:
    """Share of each pixel along an axis that each dot covers: (frame, dot, pixel)."""
    away = np.abs(axis - centres[:, :, None]) * px_per_deg
    size = element * px_per_deg
    inside = np.clip(size / 2 + 0.5 - away, 0, min(size, 1.0))
    return np.round(inside / GRAIN) * GRAIN
