"""Sinusoidal gratings: patches, annuli, plaids, and centre with surround."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture, axes, tables
from stimuli.display import Display, Window
from stimuli.parameters import Numbers, column, drawing, each_once, in_disk, vanishing

__all__ = [
    "blank_screen",
    "carrier",
    "center_surround",
    "check_nyquist",
    "compose",
    "depths",
    "grating",
    "plaid",
]

Images = Float[Tensor, "n channel height width"]
Maps = Float[Tensor, "n height width"]


def check_nyquist(display: Display, *, orientation: Numbers, spatial_frequency: Numbers) -> None:
    """Refuse a grating that the display cannot show.

    Raises
    ------
    ValueError
        If any component along a row or a column exceeds half a cycle per pixel.
    """
    angle = np.deg2rad(column("orientation", orientation))
    frequency = column("spatial_frequency", spatial_frequency)
    component = frequency * np.maximum(np.abs(np.sin(angle)), np.abs(np.cos(angle)))
    # A hair of tolerance: the limit itself is allowed and comes out of a division.
    if component.size and component.max() > display.nyquist * (1 + 1e-9):
        raise ValueError(
            f"spatial_frequency {frequency.max():g} cpd is above what the display can show: "
            f"{display.px_per_deg:g} px/deg carries at most {display.nyquist:g} cpd along a row or "
            "a column. Lower the frequency or use a display with more pixels per degree."
        )


@drawing
@each_once
def carrier(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    phase: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Maps:
    """Sinusoid of unit amplitude that fills the display.

    Parameters
    ----------
    display : Display
        The screen.
    orientation : float or sequence of float
        Orientation of the bars, in deg counter-clockwise from horizontal.
    spatial_frequency : float or sequence of float
        In cpd.
    phase : float or sequence of float
        Cosine phase at the anchor, in deg: 0 puts a bright bar there.
    x, y : float or sequence of float
        The anchor, in deg.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, height, width), float32
        Modulation in [-1, 1].
    """
    angle = np.deg2rad(column("orientation", orientation))
    frequency = column("spatial_frequency", spatial_frequency)
    check_nyquist(display, orientation=orientation, spatial_frequency=frequency)
    start = np.deg2rad(column("phase", phase))
    dx, dy = axes(display, x, y, window)
    # The carrier axis points along orientation - 90 deg: right for vertical bars.
    turn = 2 * np.pi * frequency
    across = (turn * np.sin(angle))[:, None] * dx + start[:, None]
    along = (-turn * np.cos(angle))[:, None] * dy
    # cos(a + b) = cos a cos b - sin a sin b: two short tables instead of a cosine per pixel.
    cos_x, cos_y, sin_x, sin_y = tables(
        device, np.cos(across), np.cos(along), np.sin(across), np.sin(along)
    )
    return cos_y * cos_x - sin_y * sin_x


def compose(display: Display, modulation: Maps) -> Images:
    """Turn modulation about the background into what the display shows.

    Parameters
    ----------
    display : Display
        The screen, with its background and transfer function.
    modulation : Tensor, shape (n, height, width)
        Contrast times pattern: luminance = background * (1 + modulation).

    Returns
    -------
    Tensor, shape (n, channel, height, width)
        Images in [0, 1]: of one channel on a grey display, or else of three.
    """
    levels = modulation.new_tensor(display.levels)[:, None, None]
    return display.encode((levels * (1 + modulation[:, None])).clamp_(0, 1))


def blank_screen(
    display: Display,
    *,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw the screen without anything on it.

    Parameters
    ----------
    display : Display
        The screen.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (1, channel, height, width)
        As `compose` makes it.
    """
    window = window or display.whole
    return compose(display, torch.zeros((1, window.height, window.width), device=device))


@in_disk
@vanishing(contrast=("orientation", "phase"))
@drawing
def grating(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    diameter: Numbers = float("inf"),
    inner_diameter: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    edge: str = "antialiased",
    edge_width: float = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw gratings in a disk or an annulus on the background.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase
        As in `carrier`; the phase is that at (x, y).
    contrast : float or sequence of float
        Michelson contrast about the background, in [0, 1].
    diameter, inner_diameter, x, y, edge, edge_width, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1]; every parameter may be one value per stimulus.

    Raises
    ------
    ValueError
        If the display cannot show the frequency or the contrast.

    Examples
    --------
    >>> from stimuli import Display, grating
    >>> images = grating(Display(), orientation=[0, 45, 90], spatial_frequency=2, diameter=1)
    >>> tuple(images.shape), float(images[0, 0, 0, 0])
    ((3, 1, 224, 224), 0.5)
    """
    [depth] = depths(display, contrast, device=device)
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
    seen = aperture(
        display,
        diameter=diameter,
        inner_diameter=inner_diameter,
        x=x,
        y=y,
        edge=edge,
        edge_width=edge_width,
        window=window,
        device=device,
    )
    return compose(display, depth * pattern * seen)


@in_disk
@vanishing(contrast=("orientation", "phase"), mask_contrast=("mask_orientation", "mask_phase"))
@drawing
def plaid(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    mask_orientation: Numbers,
    mask_spatial_frequency: Numbers | None = None,
    phase: Numbers = 0.0,
    mask_phase: Numbers = 0.0,
    contrast: Numbers = 0.5,
    mask_contrast: Numbers = 0.5,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Superimpose two gratings in one disk.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase, contrast
        The signal, as in `grating`.
    mask_orientation, mask_spatial_frequency, mask_phase, mask_contrast
        The mask; its frequency is the signal's unless given.
    diameter, x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the contrasts add up to more than the display can show.
    """
    depth, mask_depth = depths(display, contrast, mask_contrast, device=device)
    if mask_spatial_frequency is None:
        mask_spatial_frequency = spatial_frequency
    place: dict[str, Any] = {"x": x, "y": y, "window": window, "device": device}
    signal = carrier(
        display, orientation=orientation, spatial_frequency=spatial_frequency, phase=phase, **place
    )
    mask = carrier(
        display,
        orientation=mask_orientation,
        spatial_frequency=mask_spatial_frequency,
        phase=mask_phase,
        **place,
    )
    seen = aperture(display, diameter=diameter, **place)
    return compose(display, (depth * signal + mask_depth * mask) * seen)


@vanishing(
    contrast=("orientation", "phase"), surround_contrast=("surround_orientation", "surround_phase")
)
@drawing
def center_surround(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    surround_orientation: Numbers,
    surround_spatial_frequency: Numbers | None = None,
    phase: Numbers = 0.0,
    surround_phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    surround_contrast: Numbers = 1.0,
    diameter: Numbers = 1.0,
    inner_diameter: Numbers | None = None,
    outer_diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw a grating disk inside a grating annulus.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase, contrast, diameter
        The centre, as in `grating`.
    surround_orientation, surround_spatial_frequency, surround_phase, surround_contrast
        The surround; its frequency is the centre's unless given.
    inner_diameter, outer_diameter : float or sequence of float
        The annulus, in deg; it begins at the edge of the centre unless told otherwise.
    x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].
    """
    [depth] = depths(display, contrast, device=device)
    [surround_depth] = depths(display, surround_contrast, device=device)
    inner = diameter if inner_diameter is None else inner_diameter
    edges = column("inner_diameter", inner, size=True)
    if (edges < column("diameter", diameter, size=True)).any():
        raise ValueError(
            "the surround must begin outside the centre: inner_diameter is smaller than diameter. "
            "Leave inner_diameter out to make them meet."
        )
    if surround_spatial_frequency is None:
        surround_spatial_frequency = spatial_frequency
    place: dict[str, Any] = {"x": x, "y": y, "window": window, "device": device}
    center = carrier(
        display, orientation=orientation, spatial_frequency=spatial_frequency, phase=phase, **place
    )
    surround = carrier(
        display,
        orientation=surround_orientation,
        spatial_frequency=surround_spatial_frequency,
        phase=surround_phase,
        **place,
    )
    disk = aperture(display, diameter=diameter, **place)
    annulus = aperture(display, diameter=outer_diameter, inner_diameter=inner, **place)
    return compose(display, depth * center * disk + surround_depth * surround * annulus)


def depths(
    display: Display,
    *contrasts: Numbers,
    signed: bool = False,
    device: torch.device | str | None = None,
) -> list[Float[Tensor, "n 1 1"]]:
    """Contrasts that are shown on top of each other, as columns that multiply patterns.

    Parameters
    ----------
    display : Display
        The screen.
    *contrasts : float or sequence of float
        One for each component.
    signed : bool
        Whether darker than the background, which is below 0, has a meaning.
    device : torch device, optional
        Where to draw.

    Returns
    -------
    list of Tensor, shape (n, 1, 1), float32

    Raises
    ------
    ValueError
        If the display cannot show them together.
    """
    columns = [column("contrast", contrast) for contrast in contrasts]
    highest = sum(depth.max(initial=0.0) for depth in columns)
    lowest = sum(min(depth.min(initial=0.0), 0) for depth in columns)
    lightest = 1 / max(display.levels) - 1
    room = lightest if signed else min(1.0, lightest)
    if lowest < -signed * (1 + 1e-9) or highest > room * (1 + 1e-9):
        raise ValueError(
            f"contrast must lie in [{-int(signed)}, {room:g}] on a background of "
            f"{max(display.levels):g}, superimposed components together; got {lowest:g} to "
            f"{highest:g}. Lower the contrasts so that no pixel is clipped."
        )
    return [
        torch.as_tensor(depth.astype(np.float32), device=device)[:, None, None] for depth in columns
    ]
