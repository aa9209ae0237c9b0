"""Two gratings in disks that lie apart."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.display import Display, Window
from stimuli.gratings import carrier, compose, depths
from stimuli.parameters import Numbers, drawing

__all__ = ["center_and_patch"]


@drawing
def center_and_patch(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    patch_x: Numbers,
    patch_y: Numbers,
    phase: Numbers = 0.0,
    patch_phase: Numbers = 0.0,
    contrast: Numbers = 0.5,
    patch_contrast: Numbers = 0.5,
    diameter: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n channel height width"]:
    """Draw a grating in a disk, and the same grating in a second disk elsewhere.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase, contrast, diameter, x, y
        The first disk, as in `grating`.
    patch_x, patch_y : float or sequence of float
        Centre of the second disk, in deg; it is as large as the first.
    patch_phase, patch_contrast
        Of its grating; the phase is that at its centre.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the frequency, or the contrasts: disks may overlap by an edge,
        so that both together must not exceed it.
    """
    depth, patch_depth = depths(display, contrast, patch_contrast, device=device)
    shown: dict[str, Any] = {"window": window, "device": device}
    bars: dict[str, Any] = {"orientation": orientation, "spatial_frequency": spatial_frequency}
    modulation = torch.zeros((), device=device)
    here: dict[str, Any] = {"x": x, "y": y}
    there: dict[str, Any] = {"x": patch_x, "y": patch_y}
    for strength, turn, at in ((depth, phase, here), (patch_depth, patch_phase, there)):
        seen = aperture(display, diameter=diameter, **at, **shown)
        modulation = modulation + strength * seen * carrier(
            display, phase=turn, **bars, **at, **shown
        )
    return compose(display, modulation)
