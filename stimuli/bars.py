"""Bars, spots, and gratings in rectangles of any size."""

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture, axes
from stimuli.display import Display, Window
from stimuli.gratings import carrier, compose, depths
from stimuli.parameters import Numbers, column, drawing, each_once

__all__ = ["bar", "rectangle", "rectangular_grating", "spot"]

Images = Float[Tensor, "n channel height width"]
Maps = Float[Tensor, "n height width"]
Values = npt.NDArray[np.float64]

# An edge that crosses a row of pixels by less than this share of a pixel is vertical there: the
# difference of two areas over so small a step would be rounding.
VERTICAL = 1e-6

# Shares of a pixel below this are rounding.
ROUNDING = 1e-9


@drawing
@each_once
def rectangle(
    display: Display,
    *,
    length: Numbers,
    width: Numbers,
    orientation: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Maps:
    """Rectangular apertures of exact area: each pixel is as open as the share of it they cover.

    Parameters
    ----------
    display : Display
        The screen.
    length, width : float or sequence of float
        Along and across the orientation, in deg; infinite to span the display.
    orientation : float or sequence of float
        Of the long axis, in deg counter-clockwise from horizontal.
    x, y : float or sequence of float
        Centre, in deg; y is up.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, height, width), float32
        Transparency, in [0, 1].

    Notes
    -----
    The area that a polygon shares with a pixel is the integral, once around the polygon, of the
    distance from the left of the pixel, kept within the pixel, over the height: exact for any
    rectangle, however thin.
    """
    window = window or display.whole
    # Shares are differences of areas: they need double precision, which Apple's GPUs lack.
    place = torch.device("cpu" if device is None else device)
    work = torch.device("cpu") if place.type == "mps" else place
    corner_x, corner_y = _corners(display, length, width, orientation, x, y)
    columns, rows = (part * display.px_per_deg for part in axes(display, x, y))
    left = torch.as_tensor(columns[:, None, window.columns] - 0.5, device=work)
    share = torch.zeros((), dtype=torch.float64, device=work)
    for edge in range(4):
        start_x, end_x, height = (
            torch.as_tensor(part[:, window.rows, None], device=work)
            for part in _edge(corner_x, corner_y, edge, rows)
        )
        share = share + height * _mean_reach(start_x - left, end_x - left, end_x - start_x)
    # What rounding leaves where nothing is covered would make blank pixels differ.
    share = torch.where(share < ROUNDING, 0.0, share.clamp(max=1))
    return share.float().to(place)


@drawing
def bar(
    display: Display,
    *,
    length: Numbers,
    width: Numbers,
    orientation: Numbers = 0.0,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw light and dark bars on the background.

    Parameters
    ----------
    display : Display
        The screen.
    length, width, orientation, x, y
        As in `rectangle`.
    contrast : float or sequence of float
        ``luminance = background (1 + contrast)``: light above 0, dark below.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the contrast.

    Examples
    --------
    A bar a tenth of a pixel wide has a tenth of the light of one that is a pixel wide.

    >>> from stimuli import Display
    >>> screen = Display.square(pixels=8, degrees=8)
    >>> thin = bar(screen, length=4, width=0.1, orientation=90, x=0.5)
    >>> round(float((thin - 0.5).sum() / 0.5), 6)
    0.4
    """
    [depth] = depths(display, contrast, signed=True, device=device)
    seen = rectangle(
        display,
        length=length,
        width=width,
        orientation=orientation,
        x=x,
        y=y,
        window=window,
        device=device,
    )
    return compose(display, depth * seen)


@drawing
def spot(
    display: Display,
    *,
    diameter: Numbers,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw light and dark disks on the background.

    Parameters
    ----------
    display : Display
        The screen.
    diameter : float or sequence of float
        In deg.
    contrast : float or sequence of float
        As in `bar`.
    x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the contrast.
    """
    [depth] = depths(display, contrast, signed=True, device=device)
    seen = aperture(display, diameter=diameter, x=x, y=y, window=window, device=device)
    return compose(display, depth * seen)


@drawing
def rectangular_grating(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    length: Numbers,
    width: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw gratings in rectangles that lie along their bars.

    Parameters
    ----------
    display : Display
        The screen.
    orientation, spatial_frequency, phase, contrast
        As in `grating`; the phase is that at (x, y).
    length, width : float or sequence of float
        Along and across the bars, in deg.
    x, y, window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show the frequency or the contrast.
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
    seen = rectangle(
        display,
        length=length,
        width=width,
        orientation=orientation,
        x=x,
        y=y,
        window=window,
        device=device,
    )
    return compose(display, depth * pattern * seen)


def _corners(
    display: Display,
    length: Numbers,
    width: Numbers,
    orientation: Numbers,
    x: Numbers,
    y: Numbers,
) -> tuple[Values, Values]:
    """Corners of rectangles counter-clockwise, shape (n, 4), in px from their centres."""
    angle = np.deg2rad(column("orientation", orientation))
    away = np.abs(column("x", x)).max(initial=0) + np.abs(column("y", y)).max(initial=0)
    # Longer ones end beyond the display all the same.
    longest = 4 * (sum(display.degrees) + away)
    along, across = (
        np.minimum(column(name, size, size=True), longest) * display.px_per_deg / 2
        for name, size in (("length", length), ("width", width))
    )
    angle, along, across = np.broadcast_arrays(angle, along, across)
    forward, sideways = np.array([1, 1, -1, -1]), np.array([-1, 1, 1, -1])
    forward, sideways = along[:, None] * forward, across[:, None] * sideways
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return forward * cosine - sideways * sine, forward * sine + sideways * cosine


def _edge(
    corner_x: Values, corner_y: Values, edge: int, rows: Values
) -> tuple[Values, Values, Values]:
    """Where one edge enters and leaves each row of pixels, and its height there: (n, row), px."""
    (x0, x1), (y0, y1) = (
        (corner[:, [edge]], corner[:, [(edge + 1) % 4]]) for corner in (corner_x, corner_y)
    )
    level = y1 == y0
    slope = np.where(level, 0, (x1 - x0) / np.where(level, 1, y1 - y0))
    enters, leaves = (np.clip(end, rows - 0.5, rows + 0.5) for end in (y0, y1))
    return x0 + (enters - y0) * slope, x0 + (leaves - y0) * slope, leaves - enters


def _mean_reach(start: Tensor, end: Tensor, run: Tensor) -> Tensor:
    """Mean over a line from start to end of the reach into the pixel, which is kept in [0, 1]."""
    vertical = run.abs() < VERTICAL
    inside = ((start + end) / 2).clamp(0, 1)
    passed = (_area_before(end) - _area_before(start)) / torch.where(vertical, 1.0, run)
    return torch.where(vertical, inside, passed)


def _area_before(reach: Tensor) -> Tensor:
    """Integral of the reach, kept in [0, 1], from far to the left up to here."""
    within = reach.clamp(0, 1)
    return within * within / 2 + (reach - 1).clamp(min=0)
