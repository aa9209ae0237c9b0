"""Gratings in colour: cone contrasts, shown in red, green and blue."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.cone_contrast import check_gamut, light_of
from stimuli.display import Display, Window
from stimuli.gratings import carrier
from stimuli.parameters import Numbers, column, drawing
from stimuli.squares import beside_edge

__all__ = ["compose_light", "cone_grating", "cone_square"]

Images = Float[Tensor, "n 3 height width"]


def compose_light(
    display: Display,
    light: Float[np.ndarray, "#n 3"],
    pattern: Float[Tensor, "#n height width"],
) -> Images:
    """Add coloured light to the background, as a pattern says.

    Parameters
    ----------
    display : Display
        The screen, with its background and transfer function.
    light : array, shape (n, 3)
        Linear red, green and blue of each picture, less those of the background.
    pattern : Tensor, shape (n, height, width)
        How much of it, in [-1, 1].

    Returns
    -------
    Tensor, shape (n, 3, height, width)
        Images in [0, 1].
    """
    colour = torch.as_tensor(light.astype(np.float32), device=pattern.device)[:, :, None, None]
    ground = pattern.new_tensor(display.levels)[:, None, None]
    return display.encode((ground + colour * pattern[:, None]).clamp(0, 1))


@drawing
def cone_grating(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    l_contrast: Numbers = 0.0,
    m_contrast: Numbers = 0.0,
    s_contrast: Numbers = 0.0,
    phase: Numbers = 0.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw gratings that modulate the L, M and S cones by given contrasts.

    Parameters
    ----------
    display : Display
        The screen. Its ``cones`` say how its red, green and blue excite the cones, and its transfer
        function what values a model receives for them.
    orientation, spatial_frequency, phase
        As in `carrier`; the phase is that at (x, y).
    l_contrast, m_contrast, s_contrast : float or sequence of float
        Contrasts of the three kinds of cones about the background: of opposite sign where one is
        excited least while another is excited most.
    diameter, x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, 3, height, width), float32
        Images in [0, 1]; every parameter may be one value per stimulus.

    Raises
    ------
    ValueError
        If the display cannot show the frequency, or the colour at this contrast: says how much it
        can.

    Examples
    --------
    The same contrast for all cones is a grey grating.

    >>> from stimuli import Display, cone_grating, grating
    >>> seen = {"orientation": 90, "spatial_frequency": 1}
    >>> same = cone_grating(Display(), l_contrast=0.4, m_contrast=0.4, s_contrast=0.4, **seen)
    >>> bool((same - grating(Display(), contrast=0.4, **seen)).abs().max() < 1e-6)
    True
    """
    contrasts = _together(l_contrast=l_contrast, m_contrast=m_contrast, s_contrast=s_contrast)
    check_gamut(display, contrasts)
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
    return compose_light(display, light_of(display, contrasts), pattern * seen)


@drawing
def cone_square(
    display: Display,
    *,
    width: Numbers,
    orientation: Numbers = 90.0,
    side: Numbers = 1.0,
    l_contrast: Numbers = 0.0,
    m_contrast: Numbers = 0.0,
    s_contrast: Numbers = 0.0,
    ground_l_contrast: Numbers = 0.0,
    ground_m_contrast: Numbers = 0.0,
    ground_s_contrast: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw coloured squares on a coloured ground, by the place of one edge.

    Parameters
    ----------
    display : Display
        As for `cone_grating`.
    width, orientation, side, x, y
        As in `square`.
    l_contrast, m_contrast, s_contrast : float or sequence of float
        Cone contrasts of the square about the background of the display.
    ground_l_contrast, ground_m_contrast, ground_s_contrast : float or sequence of float
        The same of all around it.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, 3, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show a colour, or a side is neither 1 nor -1.
    """
    figure = _together(l_contrast=l_contrast, m_contrast=m_contrast, s_contrast=s_contrast)
    ground = _together(
        ground_l_contrast=ground_l_contrast,
        ground_m_contrast=ground_m_contrast,
        ground_s_contrast=ground_s_contrast,
    )
    for contrasts in (figure, ground):
        check_gamut(display, contrasts, uniform=True)
    seen = beside_edge(
        display,
        width=width,
        orientation=orientation,
        side=side,
        x=x,
        y=y,
        window=window,
        device=device,
    )
    figure_light, ground_light = (
        torch.as_tensor(light_of(display, contrasts).astype(np.float32), device=device)
        for contrasts in (figure, ground)
    )
    around = ground_light[:, :, None, None]
    light = around + (figure_light[:, :, None, None] - around) * seen[:, None]
    levels = light.new_tensor(display.levels)[:, None, None]
    return display.encode((levels + light).clamp(0, 1))


def _together(**contrasts: Numbers) -> Float[np.ndarray, "n 3"]:
    """Contrasts of L, M and S, one row a picture."""
    each = (column(name, value) for name, value in contrasts.items())
    return np.stack(np.broadcast_arrays(*each), axis=1)
