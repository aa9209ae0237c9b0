"""Pictures in files, such as photographs, shown on the display's background."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import UInt8, UInt16
from PIL import Image, ImageOps

from stimuli.display import Display, Position
from stimuli.sets import StimulusSet

__all__ = ["DEEP", "Drawn", "Levels", "Look", "look", "photographs", "picture_levels"]

CENTRE = Position()

# Pillow's names of pictures with at most 8 bits per channel.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")

# And of grey ones with 16, whose white is the largest number.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
DEEP = 2**16 - 1

# Files that were looked at and have not changed are not looked at again.
REMEMBERED = 2**14

Levels = UInt8[np.ndarray, "rows columns 4"] | UInt16[np.ndarray, "rows columns 4"]


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
    levels = picture_levels(path)
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

    def draw(self, display: Display, **parameters: Any) -> Any:
        """Draw some of the pictures; tables of them need no torch."""
        from stimuli.picture_drawing import draw_pictures

        return draw_pictures(display, self.paths, coloured=self.coloured, **parameters)


def picture_levels(path: Path) -> Levels:
    """Read a picture.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    array of uint8 or uint16, shape (row, column, 4)
        Red, green and blue, each times opacity, and opacity.

    Raises
    ------
    ValueError
        If it is missing or no such picture.
    """
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
