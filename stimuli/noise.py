"""Noise on a grating."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.display import Display, Window
from stimuli.gratings import carrier, compose, depths
from stimuli.parameters import Numbers, column, drawing

__all__ = ["noisy_grating"]


@drawing
def noisy_grating(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    element: Numbers,
    seed: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 0.5,
    noise: Numbers = 0.1,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n channel height width"]:
    """Draw gratings with binary noise upon them: square elements, each light or dark.

    Binary noise has the largest standard deviation that its range allows, and nothing is clipped.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase, contrast
        As in `grating`.
    element : float or sequence of float
        Side of an element, in deg; the elements begin at the top left of the display, and a
        pixel belongs to the element in which its centre lies.
    seed : int or sequence of int
        Of the noise; gratings of one seed and one size of element have the same.
    noise : float or sequence of float
        Contrast of the noise, which is its standard deviation.
    diameter, x, y, window, device
        As in `aperture`; the noise too is seen in the aperture alone.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the frequency, or the contrasts of grating and noise together.
    """
    depth, noise_depth = depths(display, contrast, noise, device=device)
    pattern = carrier(
        display,
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        phase=phase,
        x=x,
        y=y,
        window=window,
        device=device,
    )
    seen = aperture(display, diameter=diameter, x=x, y=y, window=window, device=device)
    signs = _signs(display, element, seed, window or display.whole)
    dots = torch.as_tensor(signs, device=device)
    return compose(display, (depth * pattern + noise_depth * dots) * seen)


def _signs(
    display: Display, element: Numbers, seed: Numbers, window: Window
) -> Float[np.ndarray, "n height width"]:
    """-1 or 1 for every pixel of a window; each seed is drawn once."""
    sides, seeds = np.broadcast_arrays(column("element", element, size=True), column("seed", seed))
    if (sides * display.px_per_deg < 1 - 1e-9).any():
        raise ValueError(
            f"an element of noise must be at least a pixel wide, {1 / display.px_per_deg:g} deg; "
            f"got {sides.min():g} deg."
        )
    if ((seeds < 0) | (seeds != np.floor(seeds))).any():
        raise ValueError(f"a seed must be a whole number from 0 on; got {seeds.min():g}.")
    drawn = {}
    for side, number in {*zip(sides.tolist(), seeds.tolist(), strict=True)}:
        # A hair off the edges of elements, where rounding would decide.
        row, column_ = (
            ((np.arange(n) + 0.5) / (side * display.px_per_deg) + 1e-9).astype(int)
            for n in (display.height, display.width)
        )
        elements = np.random.default_rng(int(number)).integers(
            2, size=(row[-1] + 1, column_[-1] + 1)
        )
        cut = np.ix_(row[window.rows], column_[window.columns])
        drawn[side, number] = (2.0 * elements[cut] - 1).astype(np.float32)
    return np.stack([drawn[pair] for pair in zip(sides.tolist(), seeds.tolist(), strict=True)])
