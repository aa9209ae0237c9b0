"""Drawing pictures in files.

All sums are of integers that double precision holds exactly: a part of a picture equals the part
cut from the whole, and a GPU shows what a CPU shows.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, UInt8, UInt16
from torch import Tensor

from stimuli.apertures import axes
from stimuli.display import Display, Position, Window
from stimuli.marques2020.resize import ONE, devices, shares, span
from stimuli.parameters import Numbers, column
from stimuli.picture_files import DEEP, picture_levels

__all__ = ["draw_pictures"]

Array = npt.NDArray[np.float64]
# Of the channels that are drawn, and opacity.
Parts = UInt8[np.ndarray, "rows columns parts"] | UInt16[np.ndarray, "rows columns parts"]

Picture = Float[Tensor, "channel height width"]


def draw_pictures(
    display: Display,
    paths: Sequence[Path],
    *,
    coloured: bool,
    picture: Numbers,
    degrees: Numbers,
    x: Numbers,
    y: Numbers,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n channel height width"]:
    """Draw pictures in files on the background.

    Parameters
    ----------
    display : Display
        The screen.
    paths : sequence of Path
        The files.
    coloured : bool
        Whether images have three channels.
    picture, degrees, x, y : array_like
        Of each image: the number of its file, its width in deg, and where its centre lies.
    window : Window, optional
        The part of the display that is drawn; all by default.
    device : torch device, optional
        Where.

    Returns
    -------
    Tensor, shape (n, channel, height, width)
    """
    work, place = devices(device)
    parameters = {"picture": picture, "degrees": degrees, "x": x, "y": y}
    columns = np.broadcast_arrays(*(column(*each) for each in parameters.items()))
    images: list[Picture] = []
    before: tuple[float, ...] = ()
    # One at a time: files differ in size, and may be large. Repeats follow each other, and so
    # do views of one file, which is read once for all of them.
    for row in zip(*columns, strict=True):
        if row == before:
            images.append(images[-1])
            continue
        number, width, *at = row
        if before[:1] != row[:1]:
            levels = picture_levels(paths[int(number)])[..., :: 1 if coloured else 3]
        before = row
        images.append(_drawn(display, levels, width, Position(*at), window or display.whole, work))
    return torch.stack(images).to(place)


def _drawn(
    display: Display,
    levels: Parts,
    degrees: float,
    at: Position,
    window: Window,
    device: torch.device,
) -> Picture:
    """Draw one picture over the background."""
    [across], [along] = axes(display, at.x, at.y)
    px_per_deg = levels.shape[1] / degrees
    weights = [
        _weights(distance, size, px_per_deg, display)
        for distance, size in (
            (-along[window.rows], levels.shape[0]),
            (across[window.columns], levels.shape[1]),
        )
    ]
    # What the window does not show adds nothing.
    seen_rows, seen_columns = (span(each.any(axis=0)) for each in weights)
    levels = levels[seen_rows, seen_columns]
    rows, columns = (
        torch.as_tensor(each[:, part], device=device)
        for each, part in zip(weights, (seen_rows, seen_columns), strict=True)
    )
    # Of more than 8 bits, in two parts: sums of each are exact.
    parts = (levels // 256, levels % 256) if levels.dtype == np.uint16 else (levels,)
    sums = [
        rows @ torch.tensor(part.astype(np.float64), device=device).permute(2, 0, 1) @ columns.mT
        for part in parts
    ]
    *light, opacity = (
        sums[0] / (255 * ONE**2) if len(sums) == 1 else (256 * sums[0] + sums[1]) / (DEEP * ONE**2)
    )
    seen = torch.stack(light)
    ground = sums[0].new_tensor(display.levels)[:, None, None]
    return display.encode(seen + ground * (1 - opacity)).float()


def _weights(distance: Array, pixels: int, px_per_deg: float, display: Display) -> Array:
    """Weights (pixel of the display, pixel of the picture) along one axis.

    Whole numbers; those of a display pixel add up to the part of it that the picture covers,
    `ONE` being all of it.
    """
    place = distance * px_per_deg + (pixels - 1) / 2
    step = px_per_deg / display.px_per_deg
    ends = np.stack([place - step / 2, place + step / 2]).clip(-0.5, pixels - 0.5)
    covered = np.rint(ONE * (ends[1] - ends[0]) / step)
    weights = np.rint(covered[:, None] * shares(place, pixels, step))
    # What rounding has taken goes to the largest of them: a constant stays what it is.
    largest = (np.arange(len(weights)), weights.argmax(axis=1))
    weights[largest] += covered - weights.sum(axis=1)
    return weights
