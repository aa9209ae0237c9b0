"""Pictures of naturalistic textures and of spectrally matched noise.

The pictures of Freeman, Ziemba et al. (2013) are not public. Those that come with this package
follow their design, 15 families by 15 samples by 2 types, and are synthesised by the same method
from other sources (`stimuli.textures.synthesis`); a folder of other pictures can take their place.

References
----------
Freeman J, Ziemba CM, Heeger DJ, Simoncelli EP, Movshon JA (2013). A functional and perceptual
signature of the second visual area in primates. Nat Neurosci 16:974-981, doi:10.1038/nn.3402.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from stimuli.display import Display

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "NOISE",
    "NO_SURROUND",
    "SAMPLE_PX",
    "TEXTURE",
    "Textures",
    "cut",
    "from_folder",
    "shipped",
]

NOISE, TEXTURE = 1, 2
NO_SURROUND = 0

# Samples of a family are cut from one field, row by row.
SAMPLE_PX = 160
N_SAMPLES = 15

# The order of the published families, by the numbers in their file names.
PUBLISHED_FAMILIES = (60, 56, 13, 48, 71, 18, 327, 336, 402, 38, 23, 52, 99, 393, 30)
FILE_NAME = re.compile(r"(?P<type>tex|noise)-(.+-)?im(?P<family>\d+)-smp(?P<sample>\d+)")

Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Textures:
    """Pictures of texture families, each 4 deg wide.

    Parameters
    ----------
    levels : array of uint8, shape (type, family, sample, height, width)
        Grey levels of square pictures; noise first, then texture.
    families : tuple of str
        Names of the families.
    origin : str
        Where the pictures come from.
    """

    levels: Levels = field(repr=False)
    families: tuple[str, ...]
    origin: str

    def draw(self, display: Display, **parameters: Any) -> "Tensor":
        """Draw pictures as `stimuli.textures.drawing.draw` does, of these textures."""
        # The drawing function is found when something is drawn: tables need no torch.
        from stimuli.textures.drawing import draw

        return draw(display, self._taken(parameters), **parameters)

    def draw_published(self, display: Display, **parameters: Any) -> "Tensor":
        """Draw pictures as `stimuli.textures.drawing.draw_published` does, of these textures."""
        from stimuli.textures.drawing import draw_published

        return draw_published(display, self._taken(parameters), **parameters)

    def draw_surround(self, display: Display, *, surround: Any, **parameters: Any) -> "Tensor":
        """Draw pictures as `stimuli.textures.drawing.draw_surround` does, of these textures."""
        from stimuli.textures.drawing import draw_surround

        around = np.asarray(surround)
        outer = self._taken({**parameters, "type": np.maximum(around, NOISE)})
        parameters["surround_contrast"] = (around != NO_SURROUND).astype(float)
        return draw_surround(display, self._taken(parameters), outer, **parameters)

    @cached_property
    def checksum(self) -> int:
        """Fingerprint of all pictures: part of a set, since the set of others is another."""
        return crc32(self.levels.tobytes())

    @property
    def factors(self) -> dict[str, list[int]]:
        """Number of each type, family and sample, from 1: the dims of a response."""
        names = ("type", "family", "sample")
        sizes = zip(names, self.levels.shape[:3], strict=True)
        return {name: list(range(1, n + 1)) for name, n in sizes}

    def _taken(self, parameters: dict[str, Any]) -> Levels:
        """Take out of the parameters those that name a picture, and find it."""
        place = [np.asarray(parameters.pop(name)) - 1 for name in ("type", "family", "sample")]
        return self.levels[tuple(place)]


@cache
def shipped() -> Textures:
    """Load the synthesised pictures that come with the package: 2 x 15 x 15 of 160 px.

    Returns
    -------
    Textures

    Raises
    ------
    ValueError
        If a file is damaged.
    """
    folder = files("stimuli").joinpath("data")
    record = json.loads(folder.joinpath("textures.json").read_text("utf-8"))
    fields = []
    for name, expected in record["sha256"].items():
        content = folder.joinpath(name).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise ValueError(
                f"the texture {name} of this installation is damaged. Install the package again."
            )
        fields.append(cut(_grey(BytesIO(content))))
    levels = np.stack(fields).reshape(2, -1, N_SAMPLES, SAMPLE_PX, SAMPLE_PX)
    return Textures(levels, tuple(record["families"]), record["origin"])


def from_folder(folder: Path | str) -> Textures:
    """Load pictures of one's own, in files named as in the literature.

    Parameters
    ----------
    folder : path
        Holds one square grey picture per file, all of one size and all 4 deg wide:
        ``tex-320x320-im60-smp1.png`` is sample 1 of texture family 60, ``noise-320x320-im60-smp1``
        its noise. Every family needs every sample of both types.

    Returns
    -------
    Textures
        Families in the published order, if their numbers are those of Freeman, Ziemba et al.
        (2013), or else in ascending order.

    Raises
    ------
    ValueError
        If pictures are missing or differ in size.
    """
    folder = Path(folder)
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (match := FILE_NAME.fullmatch(path.stem)) is not None:
            kind = (NOISE, TEXTURE)[match["type"] == "tex"]
            found[kind, int(match["family"]), int(match["sample"])] = path
    if not found:
        raise ValueError(
            f"{folder} holds no textures: their names must be like tex-320x320-im60-smp1.png and "
            "noise-320x320-im60-smp1.png. Give the folder that holds these files."
        )
    samples = sorted({sample for _, _, sample in found})
    families = sorted({family for _, family, _ in found}, key=_published_place)
    wanted = [(kind, im, smp) for kind in (NOISE, TEXTURE) for im in families for smp in samples]
    missing = [
        f"{'tex' if kind == TEXTURE else 'noise'}-...-im{family}-smp{sample}"
        for kind, family, sample in wanted
        if (kind, family, sample) not in found
    ]
    if missing:
        raise ValueError(
            f"every family needs every sample of both types, but {folder} lacks {missing[0]} "
            f"({len(missing)} of {len(wanted)} files). Add them."
        )
    pictures = [_grey(found[key]) for key in wanted]
    shapes = {picture.shape for picture in pictures}
    if len(shapes) > 1 or len(set(pictures[0].shape)) > 1:
        sizes = ", ".join(f"{width} x {height}" for height, width in sorted(shapes))
        raise ValueError(
            f"textures must be square and of one size; those in {folder} have {sizes} px. Cut them "
            "to one size."
        )
    levels = np.stack(pictures).reshape(2, len(families), len(samples), *pictures[0].shape)
    return Textures(levels, tuple(f"im{family}" for family in families), f"{folder.name} (own)")


def cut(field: Levels) -> Levels:
    """Cut samples from a field, side by side and without overlap.

    Parameters
    ----------
    field : array of uint8, shape (height, width)
        Grey levels.

    Returns
    -------
    array of uint8, shape (15, 160, 160)
        The rest of the field is not used.
    """
    rows, columns = (size // SAMPLE_PX for size in field.shape)
    tiles = field[: rows * SAMPLE_PX, : columns * SAMPLE_PX].reshape(
        rows, SAMPLE_PX, columns, SAMPLE_PX
    )
    return tiles.swapaxes(1, 2).reshape(-1, SAMPLE_PX, SAMPLE_PX)[:N_SAMPLES]


def _published_place(family: int) -> tuple[int, int]:
    """Sort published families as published, and others behind them."""
    if family in PUBLISHED_FAMILIES:
        return PUBLISHED_FAMILIES.index(family), family
    return len(PUBLISHED_FAMILIES), family


def _grey(file: Any) -> Levels:
    from PIL import Image

    with Image.open(file) as picture:
        return np.asarray(picture.convert("L"))
