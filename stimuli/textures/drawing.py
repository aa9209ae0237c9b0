"""Pictures of textures on a display: resampled exactly, or as the published benchmark does.

All sums are of integers that double precision holds exactly: a part of a picture equals the part
cut from the whole, and a GPU shows what a CPU shows.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture, axes
from stimuli.display import Display, Window
from stimuli.gratings import compose
from stimuli.marques2020.canvas import HALF_PX
from stimuli.marques2020.resize import ONE, bilinear_weights, devices, resize, shares, span
from stimuli.parameters import Numbers, column

__all__ = ["draw", "draw_published", "draw_surround"]

Levels = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]
Images = Float[Tensor, "n 1 height width"]
Maps = Float[Tensor, "n height width"]

# Side of every picture, in deg. The raised cosine falls from its centre to its edge.
DEGREES = 4.0

# Where a surround fades into the background, in deg.
SURROUND_EDGE = 0.5

# The published canvas, in px.
CANVAS_PX = 640
PX_PER_DEG = 80
PICTURE_PX = 320
GREY = 128


def draw(
    display: Display,
    levels: Levels,
    *,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Pictures in a raised-cosine aperture of 4 deg.

    Parameters
    ----------
    display : Display
        The screen; mid-grey becomes its background.
    levels : array of uint8, shape (n, height, width)
        Square pictures of 4 deg.
    x, y : float or sequence of float
        Centre, in deg; y is up.
    window : Window, optional
        Draw only this part; it equals the same part of the whole picture, bit for bit.
    device : torch device, optional
        Where to draw.

    Returns
    -------
    Tensor, shape (n, 1, height, width), float32
        Images in [0, 1].
    """
    work, place = devices(device)
    seen = aperture(
        display,
        diameter=DEGREES / 2,
        edge="cosine",
        edge_width=DEGREES / 2,
        x=x,
        y=y,
        window=window,
        device=work,
    )
    pattern = _pattern(display, levels, x=x, y=y, window=window, device=work)
    return compose(display, pattern * seen).to(place)


def draw_surround(
    display: Display,
    levels: Levels,
    surround: Levels,
    *,
    diameter: Numbers,
    surround_contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Disks cut from pictures, in an annulus cut from others.

    Parameters
    ----------
    display, x, y, window, device
        As in `draw`.
    levels, surround : array of uint8, shape (n, height, width)
        Square pictures of 4 deg: what the disk and what the annulus are cut from.
    diameter : float or sequence of float
        Of the disk, in deg. The annulus begins there, and fades out before 4 deg.
    surround_contrast : float or sequence of float
        Contrast of the annulus, relative to its picture; 0 shows the disk alone.

    Returns
    -------
    Tensor, shape (n, 1, height, width), float32
        Images in [0, 1].
    """
    work, place = devices(device)
    disk = aperture(display, diameter=diameter, x=x, y=y, window=window, device=work)
    whole = aperture(
        display,
        diameter=DEGREES - SURROUND_EDGE,
        edge="cosine",
        edge_width=SURROUND_EDGE,
        x=x,
        y=y,
        window=window,
        device=work,
    )
    inside, outside = (
        _pattern(display, each, x=x, y=y, window=window, device=work) for each in (levels, surround)
    )
    depth = torch.tensor(
        column("surround_contrast", surround_contrast), dtype=torch.float32, device=work
    )
    around = depth[:, None, None] * whole * (1 - disk)
    return compose(display, inside * disk * whole + outside * around).to(place)


def draw_published(
    display: Display,
    levels: Levels,
    *,
    x: Numbers,
    y: Numbers,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Pictures as Marques, Schrimpf & DiCarlo (2021) paste, window, crop and resize them.

    Parameters
    ----------
    display : Display
        The screen. The published canvas of 8 deg is cropped to its field, or set in grey where the
        field is larger, and resized to its pixels.
    levels : array of uint8, shape (n, height, width)
        Square pictures of 4 deg; made 320 px wide, as the published ones are.
    x, y : float or sequence of float
        Centre, in deg, the same for all pictures.
    window, device
        As in `draw`.

    Returns
    -------
    Tensor, shape (n, 1, height, width), float32
        Grey levels 0 to 255, divided by 255.
    """
    window = window or display.whole
    work, place = devices(device)
    places = np.unique(
        np.stack(np.broadcast_arrays(column("x", x), column("y", y)), axis=1), axis=0
    )
    if len(places) > 1:
        raise ValueError(
            f"published textures are shown at one place at a time; got {len(places)}. Draw those "
            "of each place by themselves."
        )
    # To the published coordinates, y down; rounding takes off what half a pixel leaves behind.
    left, down = (int(PX_PER_DEG * round(at, 12)) for at in places[0] * (1, -1) - HALF_PX)
    rows = _axis(display.height, display.degrees[0], window.rows, down)
    columns = _axis(display.width, display.degrees[1], window.columns, left)
    picture = torch.tensor(levels, dtype=torch.float64, device=work)
    if picture.shape[-1] != PICTURE_PX:
        larger = bilinear_weights(picture.shape[-1], PICTURE_PX)
        picture = resize(picture, larger[rows.part], larger[columns.part])
    else:
        picture = picture[:, rows.part, columns.part]
    distance = torch.arange(PICTURE_PX, dtype=torch.float64, device=work) - PICTURE_PX / 2
    share = torch.hypot(distance[rows.part, None], distance[columns.part]) / (PICTURE_PX / 2)
    seen = torch.where(share < 1, 0.5 * (1 + torch.cos(torch.pi * share)), 0.0)
    canvas = picture.new_full((len(picture), rows.pixels, columns.pixels), GREY)
    canvas[:, rows.pasted, columns.pasted] = torch.floor(GREY + (picture - GREY) * seen)
    canvas = resize(canvas, rows.weights, columns.weights)
    images = torch.full((len(picture), 1, window.height, window.width), float(GREY), device=work)
    images[:, 0, rows.seen, columns.seen] = canvas.float()
    return display.encode(images / 255).to(place)


class _Axis(NamedTuple):
    """Where a published picture lies along one axis of the screen and of a window of it."""

    pixels: int  # of the screen, before the resize, that the changed part of the window needs
    part: slice  # of the picture that lies among them
    pasted: slice  # where it lies there
    weights: Array  # that turn them into pixels of the window
    seen: slice  # where those lie in the window


def _axis(pixels: int, degrees: float, window: slice, offset: int) -> _Axis:
    screen = round(PX_PER_DEG * degrees)
    canvas = np.arange(screen) + round((CANVAS_PX - screen) / 2)
    picture = canvas - (CANVAS_PX - PICTURE_PX) // 2 - offset
    # A picture ends where the canvas does.
    inside = (picture >= 0) & (picture < PICTURE_PX) & (canvas >= 0) & (canvas < CANVAS_PX)
    weights = bilinear_weights(screen, pixels)[window]
    seen = span(weights[:, inside].any(axis=1))
    needed = span(weights[seen].any(axis=0))
    pasted = span(inside[needed])
    first = picture[needed][pasted]
    part = slice(first[0], first[-1] + 1) if len(first) else slice(0, 0)
    return _Axis(needed.stop - needed.start, part, pasted, weights[seen][:, needed], seen)


def _pattern(
    display: Display,
    levels: Levels,
    *,
    x: Numbers,
    y: Numbers,
    window: Window | None,
    device: torch.device,
) -> Maps:
    """Pictures about their mid-grey, in [-1, 1], on the pixels of the display."""
    across, along = axes(display, x, y, window)
    columns, rows = (
        torch.tensor(_weights(distance, levels.shape[-1], display), device=device)
        for distance in (across, -along)
    )
    grey = torch.tensor(levels, dtype=torch.float64, device=device)
    sums = rows @ grey @ columns.mT
    return (2 / 255 * (sums / ONE**2) - 1).float()


def _weights(distance: Array, pixels: int, display: Display) -> Array:
    """Weight of each pixel of a picture at distances (n, length) from its centre, in deg."""
    # Places that all pictures share need one matrix.
    distance = np.unique(distance, axis=0) if (distance == distance[0]).all() else distance
    px_per_deg = pixels / DEGREES
    place = distance * px_per_deg + (pixels - 1) / 2
    return np.rint(ONE * shares(place, pixels, px_per_deg / display.px_per_deg))
