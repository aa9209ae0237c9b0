"""Square-wave gratings, sampled by the area of the pixels."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture, axes
from stimuli.display import Display, Window
from stimuli.gratings import check_nyquist, compose, depths
from stimuli.parameters import Numbers, column, drawing

__all__ = ["square_wave"]

# Below this advance over one pixel, in cycles, the wave is taken to be level along that axis: the
# second difference over so small a step would be rounding.
LEVEL = 1e-6


@drawing
def square_wave(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n channel height width"]:
    """Draw gratings of light and dark bars with sharp edges.

    Each pixel shows the mean of the wave over its area, which is exact for any orientation. A
    series of sines cut off at the Nyquist limit would overshoot the contrast at every edge.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase
        As in `grating`: at phase 0 the middle of a light bar is at (x, y).
    contrast : float or sequence of float
        Michelson contrast about the background, in [0, 1]: that of the bars. The sine at their
        frequency has 4/pi of it.
    diameter, x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the frequency, that of the bars, or the contrast.
    """
    check_nyquist(display, orientation=orientation, spatial_frequency=spatial_frequency)
    [depth] = depths(display, contrast, device=device)
    window = window or display.whole
    place = torch.device("cpu" if device is None else device)
    work = torch.device("cpu") if place.type == "mps" else place
    angle = np.deg2rad(column("orientation", orientation))[:, None]
    frequency = column("spatial_frequency", spatial_frequency)[:, None]
    right, up = axes(display, x, y)
    start = column("phase", phase)[:, None] / 360
    across = frequency * np.sin(angle) * right + start
    along = -frequency * np.cos(angle) * up
    # Advance of the wave, in cycles, from one side of a pixel to the other.
    steps = (
        np.abs(frequency * part) / display.px_per_deg for part in (np.sin(angle), np.cos(angle))
    )
    step_x, step_y = (torch.as_tensor(step[:, :, None], device=work) for step in steps)
    turn = torch.as_tensor(across[:, None, window.columns], device=work) + torch.as_tensor(
        along[:, window.rows, None], device=work
    )
    wave = _mean_over_pixel(turn, step_x, step_y).float().to(place)
    seen = aperture(display, diameter=diameter, x=x, y=y, window=window, device=device)
    return compose(display, depth * wave * seen)


def _mean_over_pixel(turn: Tensor, step_x: Tensor, step_y: Tensor) -> Tensor:
    """Mean of the wave over a pixel whose centre is at ``turn``, in cycles."""
    wide, narrow = torch.maximum(step_x, step_y), torch.minimum(step_x, step_y)
    # Along one axis: the difference of the integral. Along both: of the integral's integral.
    line = (_integral(turn + wide / 2) - _integral(turn - wide / 2)) / wide
    corners = [
        sign * _double_integral(turn + (wide * a + narrow * b) / 2)
        for sign, a, b in ((1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1))
    ]
    level = narrow < LEVEL
    area = sum(corners[1:], corners[0]) / (wide * torch.where(level, 1.0, narrow))
    return torch.where(level, line, area).clamp(-1, 1)


def _from_edge(turn: Tensor) -> Tensor:
    """Cycles since the last edge from dark to light, in [0, 1)."""
    shifted = turn + 0.25
    return shifted - torch.floor(shifted)


def _integral(turn: Tensor) -> Tensor:
    """Integral of the wave: a triangle between 0 and 1/2."""
    since = _from_edge(turn)
    return torch.minimum(since, 1 - since)


def _double_integral(turn: Tensor) -> Tensor:
    """Integral of the triangle less its mean of 1/4: two parabolas a cycle."""
    since = _from_edge(turn)
    rising = since * (since - 0.5) / 2
    rest = 1 - since
    falling = rest * (0.5 - rest) / 2
    return torch.where(since < 0.5, rising, falling)
