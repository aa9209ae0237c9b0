"""Photographs for a rig: small copies, which are drawn anew thirty times a second."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from stimuli import Display, photographs

__all__ = ["copied"]

# px of the longer side: more than a display shows of a picture that is moved about on it.
LARGEST = 256

# What is shown where no photograph is given: a texture that comes with the package.
OWN = ("data", "tex-im05.png")


def copied(paths: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Make small copies of photographs.

    Parameters
    ----------
    paths : sequence of path
        The files; a texture that comes with the package if there is none.
    folder : Path
        Where the copies go; must exist.

    Returns
    -------
    tuple of Path
        Numbered, in the order of ``paths``: ``0-NAME.png``.

    Raises
    ------
    ValueError
        If a file is missing or is no picture.
    """
    if not paths:
        with as_file(files("stimuli").joinpath(*OWN)) as own:
            return copied([own], folder)
    # Says what is wrong with a file.
    photographs(Display(), paths, degrees=1.0)
    copies = []
    for number, path in enumerate(paths):
        small = _upright(path)
        small.thumbnail((LARGEST, LARGEST))
        copies.append(folder / f"{number}-{path.stem}.png")
        small.save(copies[-1])
    return tuple(copies)


def _upright(path: Path) -> Image.Image:
    """Read a picture as `stimuli.photographs` shows it, in 8 bits per channel."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):
            return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
        return picture.convert("L" if picture.mode in ("1", "L") else "RGBA")
