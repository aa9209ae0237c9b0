"""Fifteen pictures whose statistics the naturalistic textures take over.

Eight are parts of photographs that the wheels of scikit-image and scikit-learn hold and that may be
passed on; seven are computed, and repeat without a seam. They were chosen to differ in kind:
grains, stripes, cells, lines, things that cover each other.

Grey levels of every source are stretched to one normal histogram. Noise can then have the spectrum
and the histogram of a texture and no other structure: with a skewed or two-peaked histogram it
cannot, for any picture of such a histogram is more than its spectrum.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree
from scipy.special import ndtri
from scipy.stats import rankdata

__all__ = ["FAMILIES", "Family", "source", "with_normal_histogram"]

Picture = npt.NDArray[np.floating[Any]]

# Side of the computed sources, in px.
SIZE = 512

# Mean and standard deviation of every picture: 0.2 % of a normal histogram is clipped.
MEAN, CONTRAST = 0.5, 0.16

# Standard deviation, in px, of the blur that takes slow changes of light off the photographs.
SLOW = 32


class Family(NamedTuple):
    """One of the fifteen kinds of texture."""

    name: str
    make: Callable[[np.random.Generator], Picture]
    origin: str


def source(family: Family, *, rng: np.random.Generator) -> Picture:
    """Picture of a family, in [0, 1].

    Parameters
    ----------
    family : Family
        One of `FAMILIES`.
    rng : Generator
        What computed sources are made with; photographs do not depend on it.

    Returns
    -------
    array, shape (height, width)
        With the histogram of `with_normal_histogram`.
    """
    return with_normal_histogram(family.make(rng))


def with_normal_histogram(picture: Picture) -> Picture:
    """Stretch grey levels to a normal histogram, mean 0.5 and standard deviation 0.16, in [0, 1].

    Parameters
    ----------
    picture : array
        Grey levels; only their order counts. Equal ones remain equal.

    Returns
    -------
    array
        Of the same shape.

    Examples
    --------
    >>> with_normal_histogram(np.array([7.0, 1.0, 2.0])).round(3)
    array([0.655, 0.345, 0.5  ])
    """
    share = (rankdata(picture).reshape(picture.shape) - 0.5) / picture.size
    return np.clip(MEAN + CONTRAST * ndtri(share), 0, 1)


def photograph(
    _rng: np.random.Generator,
    *,
    package: str,
    file: str,
    corner: tuple[int, int] = (0, 0),
    size: int = SIZE,
    magnify: int = 1,
) -> Picture:
    """Square part of a picture inside an installed package, its edges made to meet."""
    from PIL import Image

    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            f"the source textures need {package}, which is not installed. "
            "Install them with: pip install 'insilico-ephys[textures]'"
        )
    top, left = corner
    with Image.open(Path(found.origin).parent / file) as picture:
        part = picture.convert("L").crop((left, top, left + size, top + size))
        side = (magnify * size,) * 2
        part = part.resize(side, Image.Resampling.BICUBIC)
    whole = periodic_part(np.asarray(part, dtype=np.float64))
    return whole - blurred(whole, SLOW)


def periodic_part(picture: Picture) -> Picture:
    """Take off the smooth part that makes opposite edges differ (Moisan, 2011).

    References
    ----------
    Moisan L (2011). Periodic plus smooth image decomposition. J Math Imaging Vis 39:161-179,
    doi:10.1007/s10851-010-0227-1.
    """
    steps = np.zeros_like(picture)
    steps[0] += picture[0] - picture[-1]
    steps[-1] -= picture[0] - picture[-1]
    steps[:, 0] += picture[:, 0] - picture[:, -1]
    steps[:, -1] -= picture[:, 0] - picture[:, -1]
    rows, columns = (2 * np.cos(2 * np.pi * np.fft.fftfreq(n)) for n in picture.shape)
    laplacian = rows[:, None] + columns - 4
    laplacian[0, 0] = 1
    smooth = np.fft.fft2(steps) / laplacian
    smooth[0, 0] = 0
    return picture + np.fft.ifft2(smooth).real


def dead_leaves(rng: np.random.Generator) -> Picture:
    """Disks of many sizes, as frequent as in natural scenes, that cover one another."""
    picture = np.full((SIZE, SIZE), 0.5)
    for _ in range(5000):
        # Density falls with the cube of the radius, from 4 to 64 px.
        radius = 4 / np.sqrt(rng.uniform((4 / 64) ** 2, 1))
        picture[distance(*rng.uniform(0, SIZE, 2)) < radius] = rng.uniform()
    return blurred(picture, 0.7)


def labyrinth(rng: np.random.Generator) -> Picture:
    """Winding stripes: the reaction and diffusion of Gray and Scott, from seeds everywhere."""
    side = SIZE // 2
    food, feeder = np.ones((side, side)), np.zeros((side, side))
    for top, left in rng.integers(0, side, (300, 2)):
        feeder[top : top + 6, left : left + 6] = rng.uniform(0.3, 0.6)
    for _ in range(3000):
        eaten = food * feeder**2
        food += 0.16 * neighbours(food) - eaten + 0.037 * (1 - food)
        feeder += 0.08 * neighbours(feeder) + eaten - 0.097 * feeder
    return blurred(np.kron(feeder, np.ones((2, 2))), 1)


def cells(rng: np.random.Generator) -> Picture:
    """Voronoi cells of random grey with dark borders."""
    nearest, second, owner = nearest_points(rng.uniform(0, SIZE, (420, 2)))
    border = np.clip((second - nearest) / 4, 0, 1)
    return (0.4 + 0.6 * rng.uniform(size=420))[owner] * border


def weave(rng: np.random.Generator) -> Picture:
    """Threads over and under each other, uneven in brightness."""
    y, x = np.mgrid[:SIZE, :SIZE] / 16
    sway = blurred(rng.normal(size=(2, SIZE, SIZE)), 12) * 8
    warp, weft = (np.abs(np.sin(np.pi * (axis + sway[k]))) for k, axis in enumerate((x, y)))
    over = (np.floor(x + sway[0]) + np.floor(y + sway[1])) % 2 < 1
    light = 1 + 0.25 * rng.normal(size=(2, SIZE // 16))
    rows = light[0][np.floor(y).astype(int)] * weft
    columns = light[1][np.floor(x).astype(int)] * warp
    return blurred(np.where(over, columns, rows), 0.8)


def filtered_noise(rng: np.random.Generator) -> Picture:
    """Noise through filters of random orientation, each where another noise is strong."""
    picture = np.zeros((SIZE, SIZE))
    for orientation in rng.uniform(0, np.pi, 6):
        place = blurred(rng.normal(size=(SIZE, SIZE)), 10)
        carrier = oriented(rng.normal(size=(SIZE, SIZE)), orientation, period=9)
        picture += carrier / carrier.std() * np.exp(0.8 * place / place.std())
    return picture


def needles(rng: np.random.Generator) -> Picture:
    """Straight needles scattered over one another, light and dark."""
    picture = np.full((SIZE, SIZE), 0.5)
    for _ in range(2600):
        dy, dx = offsets(*rng.uniform(0, SIZE, 2))
        angle = rng.uniform(0, np.pi)
        along = np.abs(dx * np.cos(angle) + dy * np.sin(angle))
        across = np.abs(dy * np.cos(angle) - dx * np.sin(angle))
        picture[(along < 22) & (across < 1.6)] = rng.uniform()
    return blurred(picture, 0.7)


def rings(rng: np.random.Generator) -> Picture:
    """Outlines of circles, as of drops on a pond."""
    picture = np.zeros((SIZE, SIZE))
    for _ in range(600):
        radius, light = rng.uniform(6, 26), rng.choice([-1, 1]) * rng.uniform(0.5, 1)
        edge = np.exp(-(((distance(*rng.uniform(0, SIZE, 2)) - radius) / 2) ** 2))
        picture = picture * (1 - edge) + light * edge
    return picture


def offsets(row: float, column: float) -> tuple[Picture, Picture]:
    """Distances down and right from a place, the nearest way round the edges."""
    index = np.arange(SIZE)
    dy, dx = ((index - centre + SIZE / 2) % SIZE - SIZE / 2 for centre in (row, column))
    return dy[:, None], dx


def distance(row: float, column: float) -> Picture:
    """Distance from a place, the nearest way round the edges."""
    return np.hypot(*offsets(row, column))


def nearest_points(points: Picture) -> tuple[Picture, Picture, npt.NDArray[np.int64]]:
    """Distance to the nearest and the second nearest of points, and which one is nearest."""
    pixels = np.moveaxis(np.mgrid[:SIZE, :SIZE], 0, -1)
    away, which = KDTree(points, boxsize=SIZE).query(pixels, k=2)
    return away[..., 0], away[..., 1], which[..., 0]


def neighbours(picture: Picture) -> Picture:
    """Five-point Laplacian, round the edges."""
    return sum(np.roll(picture, step, axis) for step in (-1, 1) for axis in (0, 1)) - 4 * picture


def radial_frequency(shape: tuple[int, ...]) -> Picture:
    """Spatial frequency of each Fourier component, in cycles per px."""
    return np.hypot(np.fft.fftfreq(shape[-2])[:, None], np.fft.fftfreq(shape[-1]))


def blurred(picture: Picture, width: float) -> Picture:
    """Convolution with a Gaussian of standard deviation ``width`` px, round the edges."""
    kernel = np.exp(-2 * (np.pi * width * radial_frequency(picture.shape)) ** 2)
    return np.fft.ifft2(np.fft.fft2(picture) * kernel).real


def oriented(picture: Picture, orientation: float, *, period: float) -> Picture:
    """Pass a band of orientations and frequencies; the angle is that of the carrier."""
    angle = np.arctan2(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE)) - orientation
    frequency = np.log2(np.maximum(radial_frequency(picture.shape), 1 / SIZE) * period)
    passed = np.exp(-(frequency**2) / 0.5) * np.exp(4 * (np.cos(2 * angle) - 1))
    return np.fft.ifft2(np.fft.fft2(picture) * passed).real


_SKIMAGE = partial(photograph, package="skimage")
_SKLEARN = partial(photograph, package="sklearn")
_FLOWER = partial(_SKLEARN, file="datasets/images/flower.jpg", corner=(136, 200), size=176)
_CHINA = partial(_SKLEARN, file="datasets/images/china.jpg", corner=(300, 448), size=96, magnify=2)
_CHELSEA = partial(_SKIMAGE, file="data/chelsea.png", corner=(0, 140), size=80, magnify=2)
_COFFEE = partial(_SKIMAGE, file="data/coffee.png", corner=(272, 0), size=80, magnify=2)

FAMILIES = (
    Family("brick", partial(_SKIMAGE, file="data/brick.png"), "scikit-image, CC0"),
    Family("grass", partial(_SKIMAGE, file="data/grass.png"), "scikit-image, CC0"),
    Family("gravel", partial(_SKIMAGE, file="data/gravel.png"), "scikit-image, CC0"),
    Family("tissue", partial(_SKIMAGE, file="data/ihc.png"), "scikit-image, CMMI, no restrictions"),
    Family("fur", _CHELSEA, "scikit-image, CC0 Stefan van der Walt"),
    Family("wood", _COFFEE, "scikit-image, CC0 Rachel Michetti"),
    Family("petals", _FLOWER, "scikit-learn, CC BY 2.0 vultilion"),
    Family("foliage", _CHINA, "scikit-learn, CC BY 2.0 danielbuechele"),
    Family("dead leaves", dead_leaves, "computed"),
    Family("labyrinth", labyrinth, "computed"),
    Family("cells", cells, "computed"),
    Family("weave", weave, "computed"),
    Family("filtered noise", filtered_noise, "computed"),
    Family("needles", needles, "computed"),
    Family("rings", rings, "computed"),
)
