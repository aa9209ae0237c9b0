"""Gratings in 8 bits, drawn, cropped and resized as Marques, Schrimpf & DiCarlo (2021) did.

Published pictures are drawn on a canvas of 672 px and 12 deg in truncated grey levels, cropped to
the model's field of view and resized to its pixels. Only the pixels that a window depends on are
drawn, and every step is exact, so that a part of a picture equals the part cut from the whole.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.display import Display, Window
from stimuli.marques2020.canvas import CANVAS_PX, GREY, HALF_PX, ORIGIN_PX, PX_PER_DEG
from stimuli.marques2020.resize import bilinear_weights, resize, span
from stimuli.parameters import Numbers, column, drawing

__all__ = ["draw"]

Array = npt.NDArray[np.float64]
Images = Float[Tensor, "n 1 height width"]


@drawing
def draw(
    display: Display,
    *,
    orientation: Numbers,
    spatial_frequency: Numbers,
    phase: Numbers,
    diameter: Numbers,
    x: Numbers,
    y: Numbers,
    contrast: Numbers = 1.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Gratings in hard-edged disks, as the benchmark renders, crops and resizes them.

    Parameters
    ----------
    display : Display
        The screen. The published canvas of 12 deg is cropped to its field, or set in grey where
        the field is larger, and resized to its pixels; its background must be `BACKGROUND`.
    orientation, spatial_frequency, phase, diameter, x, y, contrast
        One number, or one per stimulus, as in `stimuli.grating`. The contrast is about 127.5 on a
        background of 128, and opposite phases average to 127: the published pedestal.
    window : Window, optional
        Draw only this part; it equals the same part of the whole picture, bit for bit.
    device : torch device, optional
        Where to draw.

    Returns
    -------
    Tensor, shape (n, 1, height, width), float32
        Grey levels 0 to 255, divided by 255.
    """
    window = window or display.whole
    place = torch.device("cpu" if device is None else device)
    # Grey levels are truncated sines: they need double precision, which Apple's GPUs lack.
    work = torch.device("cpu") if place.type == "mps" else place
    bars, frequency, cosine_phase, across, x, y, depth = np.broadcast_arrays(
        column("orientation", orientation),
        column("spatial_frequency", spatial_frequency),
        column("phase", phase),
        column("diameter", diameter, size=True),
        column("x", x),
        column("y", y),
        column("contrast", contrast),
    )
    # Back to the published terms; rounding takes off what adding half a pixel has left behind.
    left, top, radius = np.round(x - HALF_PX, 12), np.round(-y - HALF_PX, 12), across / 2
    sine_phase = np.where(bars > 90, 90 - cosine_phase, cosine_phase + 90) % 360
    rows = _axis(display.height, display.degrees[0], window.rows, top, radius)
    columns = _axis(display.width, display.degrees[1], window.columns, left, radius)
    picture = _discs(
        columns.coordinates - left[:, None],
        rows.coordinates - top[:, None],
        carrier=np.deg2rad((90 - bars) % 180),
        frequency=frequency,
        phase=np.deg2rad(sine_phase),
        radius=radius,
        contrast=depth,
        device=work,
    )
    picture = resize(picture, rows.weights, columns.weights)
    images = torch.full((len(bars), 1, window.height, window.width), float(GREY), device=work)
    images[:, 0, rows.seen, columns.seen] = picture.float()
    return display.encode(images / 255).to(place)


class _Axis(NamedTuple):
    """The part of one axis in which a picture is not plain grey."""

    coordinates: Array  # of the source pixels that it depends on, deg
    weights: Array  # that turn these into pixels of the window
    seen: slice  # where those lie in the window


def _axis(
    pixels: int,
    degrees: float,
    window: slice,
    center: Array,
    radius: Array,
) -> _Axis:
    """Place the canvas on the screen, and find what the discs change within a window."""
    screen = round(PX_PER_DEG * degrees)
    pixel = np.arange(screen) + round((CANVAS_PX - screen) / 2)
    coordinates = (pixel - ORIGIN_PX) / PX_PER_DEG
    weights = bilinear_weights(screen, pixels)
    near = coordinates >= (center - radius).min(initial=np.inf)
    near &= coordinates <= (center + radius).max(initial=-np.inf)
    changed = span(weights[window, near].any(axis=1))
    weights = weights[window][changed]
    needed = span(weights.any(axis=0))
    # A disc ends where the canvas does: no distance from nowhere is within its radius.
    coordinates = np.where((pixel >= 0) & (pixel < CANVAS_PX), coordinates, np.nan)
    return _Axis(coordinates[needed], weights[:, needed], changed)


def _discs(
    dx: Array,
    dy: Array,
    *,
    carrier: Array,
    frequency: Array,
    phase: Array,
    radius: Array,
    contrast: Array,
    device: torch.device,
) -> Float[Tensor, "n height width"]:
    """Grey levels at distances (n, width) and (n, height) from the centres, in published terms."""

    def table(values: Array, *shape: int) -> Tensor:
        return torch.tensor(values, device=device).reshape(len(values), *shape)

    def columns(values: Array) -> Tensor:
        return table(values, 1, -1)

    def rows(values: Array) -> Tensor:
        return table(values, -1, 1)

    # One operation at a time and in the published order, so that every grey level truncates alike.
    along = columns(dx * np.cos(carrier)[:, None]) + rows(dy * np.sin(carrier)[:, None])
    wave = torch.sin(columns(2 * np.pi * frequency) * along + columns(phase))
    level = torch.floor(255 * (columns(contrast) * wave + 1) / 2)
    inside = columns(dx**2) + rows(dy**2) <= columns(radius**2)
    return torch.where(inside, level, float(GREY))
