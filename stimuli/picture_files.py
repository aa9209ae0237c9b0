"""Pictures in files, such as photographs, shown on the display's background.

All sums are of integers that double precision holds exactly: a part of a picture equals the part
cut from the whole, and a GPU shows what a CPU shows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float, UInt8, UInt16
from PIL import Image, ImageOps
from torch import Tensor

from stimuli.apertures import axes
from stimuli.display import Display, Position, Window
from stimuli.marques2020.resize import ONE, devices, shares, span
from stimuli.parameters import Numbers, column
from stimuli.sets import StimulusSet

__all__ = ["Drawn", "Look", "look", "photographs"]

CENTRE = Position()

# Pillow's names of pictures with at most 8 bits per channel.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")

# And of grey ones with 16, whose white is the largest number.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
DEEP = 2**16 - 1

# Files that were looked at and have not changed are not looked at again.
REMEMBERED = 2**14

Array = npt.NDArray[np.float64]
Levels = UInt8[np.ndarray, "rows columns 4"] | UInt16[np.ndarray, "rows columns 4"]
Picture = Float[Tensor, "channel height width"]


def photographs(
    display: Display,
    paths: Sequence[Path | str],
    *,
    degrees: float,
    position: Position = CENTRE,
) -> StimulusSet:
    """Pictures in files, all shown at one width.

    A grey level is a share of the luminance of white, as on a linearised monitor: the transfer
    function of the display applies to it, and `encoded` leaves the values of the file as they are.
    What lies beyond the display is cut off; where a picture is transparent, the background is
    seen.

    Parameters
    ----------
    display : Display
        The screen.
    paths : sequence of path
        The files, in any format that Pillow reads, with 8 bits per channel, or grey with 16. Each
        is looked at now, and read again whenever it is drawn; upright, as its camera says.
    degrees : float
        Width of every picture, in deg; its height is in proportion.
    position : Position
        Centre of the pictures, in deg.

    Returns
    -------
    StimulusSet, dims ("picture",)
        Pictures are numbered from 0, in the order of ``paths``. The images have three channels if
        any picture has colour, or else one.

    Raises
    ------
    ValueError
        If a file is missing or is no such picture.
    """
    if not degrees > 0:
        raise ValueError(
            f"degrees must be above 0; got {degrees:g}. It is the width of the pictures in degrees "
            "of visual angle."
        )
    if not paths:
        raise ValueError("there are no pictures to show. Give the path of at least one file.")
    files = tuple(Path(path) for path in paths)
    looks = [look(path) for path in files]
    table = pd.DataFrame(
        {
            "picture": np.arange(len(files)),
            "degrees": float(degrees),
            "x": float(position.x),
            "y": float(position.y),
            "file": [path.name for path in files],
            "checksum": [each.checksum for each in looks],
        }
    )
    shown = Drawn(files, any(each.coloured for each in looks))
    return StimulusSet(
        "photographs", display, table, ("picture",), shown.draw, labels=("file", "checksum")
    )


class Look(NamedTuple):
    """What a picture in a file is like.

    Attributes
    ----------
    checksum : str
        Of its pixels.
    coloured : bool
        Whether it has colour.
    height, width : int
        In px, upright.
    """

    checksum: str
    coloured: bool
    height: int
    width: int


def look(path: Path) -> Look:
    """Look at a picture in a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Look

    Raises
    ------
    ValueError
        If it is missing or no picture.
    """
    try:
        status = path.stat()
    except OSError:
        return _look(path, 0, 0)
    return _look(path, status.st_mtime_ns, status.st_size)


@lru_cache(REMEMBERED)
def _look(path: Path, _changed: int, _size: int) -> Look:
    levels = _levels(path)
    digest = hashlib.sha256(str(levels.shape).encode() + levels.tobytes()).hexdigest()[:16]
    coloured = bool((levels[..., :1] != levels[..., 1:3]).any())
    return Look(digest, coloured, *levels.shape[:2])


@dataclass(frozen=True)
class Drawn:
    """Files of pictures, and whether they are drawn in colour.

    Parameters
    ----------
    paths : tuple of Path
        The files.
    coloured : bool
        Whether images have three channels.
    """

    paths: tuple[Path, ...] = field(repr=False)
    coloured: bool

    def draw(
        self,
        display: Display,
        *,
        picture: Numbers,
        degrees: Numbers,
        x: Numbers,
        y: Numbers,
        window: Window | None = None,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n channel height width"]:
        """Draw some of the pictures: one number, width and place each."""
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
                levels = _levels(self.paths[int(number)])
            before = row
            images.append(
                self._one(display, levels, width, Position(*at), window or display.whole, work)
            )
        return torch.stack(images).to(place)

    def _one(
        self,
        display: Display,
        levels: Levels,
        degrees: float,
        at: Position,
        window: Window,
        device: torch.device,
    ) -> Picture:
        """Draw one picture over the background."""
        if not self.coloured:
            levels = levels[..., ::3]
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
            rows
            @ torch.tensor(part.astype(np.float64), device=device).permute(2, 0, 1)
            @ columns.mT
            for part in parts
        ]
        *light, opacity = (
            sums[0] / (255 * ONE**2)
            if len(sums) == 1
            else (256 * sums[0] + sums[1]) / (DEEP * ONE**2)
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


def _levels(path: Path) -> Levels:
    """Red, green and blue, each times opacity, and opacity."""
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode in MODES:
                return np.asarray(picture.convert("RGBA").convert("RGBa"))
            mode = picture.mode
            if mode in DEEP_MODES:
                grey = np.asarray(picture).astype(np.int64)
                if grey.min(initial=0) >= 0 and grey.max(initial=0) <= DEEP:
                    opaque = np.full_like(grey, DEEP)
                    return np.stack([grey, grey, grey, opaque], axis=2).astype(np.uint16)
    except FileNotFoundError:
        raise ValueError(f"there is no picture {path}. Look at its name and folder.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from None
    raise ValueError(
        f"pictures have 8 bits per channel, or 16 of grey; {path} is of the kind {mode!r}. Convert "
        "it first."
    )
