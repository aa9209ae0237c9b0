"""Exemplar classification: regions of a few photographs, each of them a class.

The photographs come inside the wheels of scikit-image and scikit-learn, so that nothing has to be
downloaded. They are tiled with squares; every square is a class. The middle of each is never
trained on: its pixels are the test. The task follows the idea of Dosovitskiy et al. (2014), who
made one class of each patch of a picture; here the test needs the look of the frame of a region to
carry over to its middle.

References
----------
Dosovitskiy A, Springenberg JT, Riedmiller M, Brox T (2014). Discriminative unsupervised feature
learning with convolutional neural networks. NeurIPS 27.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from insilico.errors import UserError
from insilico.training.batches import Batch, seed_of
from stimuli.packaged import INSTALL, packaged_photographs

__all__ = ["Exemplars", "Regions", "histogram_accuracy", "load_regions"]

REGION = 128  # px, side
# The test is a square in the middle, and training happens in the frame around it; for a validation
# part, the top of the frame is held out too.
FRAME = 40  # px, width
HELD_OUT = REGION - 2 * FRAME

# Rectangles of the frame: top, left, height, width.
TOP = (0, 0, FRAME, REGION)
WHOLE_FRAME = (
    TOP,
    (REGION - FRAME, 0, FRAME, REGION),
    (0, 0, REGION, FRAME),
    (0, REGION - FRAME, REGION, FRAME),
)
REST_OF_FRAME = (
    (REGION - FRAME, 0, FRAME, REGION),
    (FRAME, 0, REGION - FRAME, FRAME),
    (FRAME, REGION - FRAME, REGION - FRAME, FRAME),
)

# A region counts if the standard deviation of the luminance of each quadrant, white being 1, is at
# least this: in flat sky there is nothing to recognise.
LEAST_CONTRAST = 0.01

# Side of the crops, px; they are resized to the side of the network's input.
SMALLEST_CROP, LARGEST_CROP = 32, FRAME
TEST_CROPS = 5

# Every crop is seen in a light of its own: gain of each colour, contrast, and mean luminance are
# changed by at most so much, in tests too. What is left to recognise is form and texture.
GAIN, CONTRAST, LUMINANCE = 0.3, 0.3, 0.15

# Of the baseline: bins per colour, and training crops per class.
BINS = 8
HISTOGRAMS_PER_CLASS = 40


@dataclass(frozen=True)
class Regions:
    """Square regions of photographs, each a class.

    Parameters
    ----------
    pixels : Tensor, shape (class, 3, 128, 128)
        The regions, in [0, 1].
    names : tuple of str
        Photograph, row and column of each.
    """

    pixels: Float[Tensor, "n 3 side side"]
    names: tuple[str, ...]


def load_regions() -> Regions:
    """Cut the photographs into regions.

    Returns
    -------
    Regions

    Raises
    ------
    UserError
        If scikit-image or scikit-learn are not installed.
    """
    tiles: list[np.ndarray] = []
    names: list[str] = []
    photographs = packaged_photographs()
    if not photographs:
        raise UserError(
            "the exemplars are cut from photographs inside scikit-image and scikit-learn: "
            f"{INSTALL}."
        )
    for path in photographs:
        with Image.open(path) as picture:
            grid = _tile(np.asarray(picture.convert("RGB")))
        rows, columns = grid.shape[:2]
        tiles.append(grid.reshape(rows * columns, *grid.shape[2:]))
        names += [f"{path.name}:{row},{column}" for row in range(rows) for column in range(columns)]
    every = np.concatenate(tiles)
    kept = _contrast(every) >= LEAST_CONTRAST
    pixels = torch.from_numpy(every[kept].transpose(0, 3, 1, 2).copy()).float() / 255
    return Regions(pixels, tuple(name for name, keep in zip(names, kept, strict=True) if keep))


@dataclass(frozen=True)
class Exemplars:
    """Crops of regions, drawn when they are asked for.

    Parameters
    ----------
    regions : Regions
        What the crops are cut from.
    part : {"train", "validation", "test"}
        Which pixels.
    image_size : int
        Side of the crops, once resized, in px.
    crops_per_class : int
        Of ``train``: how many there are in an epoch.
    hold_out_validation : bool
        Whether training leaves out the validation quadrant too.
    """

    regions: Regions
    part: str
    image_size: int = 64
    crops_per_class: int = 50
    hold_out_validation: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the regions."""
        return self.regions.names

    def __len__(self) -> int:
        return len(self.classes) * (self.crops_per_class if self.part == "train" else TEST_CROPS)

    def fetch(self, indices: Sequence[int], key: tuple[int, ...] | None = None) -> Batch:
        """Cut some crops.

        Parameters
        ----------
        indices : sequence of int
            Of crops; the class is the index modulo the number of classes.
        key : tuple of int, optional
            What the random crops of training depend on.

        Returns
        -------
        Batch
        """
        which = torch.as_tensor(indices)
        labels = which % len(self.classes)
        if self.part == "train":
            generator = torch.Generator().manual_seed(seed_of(*(key or (0,))))
            images = self._random_crops(labels, generator)
        else:
            images = self._fixed_crops(labels, which // len(self.classes))
        return Batch(images, labels)

    def _random_crops(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        n = len(labels)
        frame = torch.tensor(REST_OF_FRAME if self.hold_out_validation else WHOLE_FRAME)
        top, left, height, width = frame[torch.randint(len(frame), (n,), generator=generator)].T
        side = SMALLEST_CROP + (LARGEST_CROP - SMALLEST_CROP) * torch.rand(n, generator=generator)
        down, right, mirror = torch.rand(3, n, generator=generator)
        images = self._cut(
            labels, top + down * (height - side), left + right * (width - side), side, mirror < 0.5
        )
        return _in_light(images, torch.rand(n, 5, generator=generator))

    def _fixed_crops(self, labels: Tensor, number: Tensor) -> Tensor:
        """Cut the same crops each time: four corners and the middle, or five along the top."""
        room = HELD_OUT - LARGEST_CROP
        places = torch.tensor([(0, 0), (0, room), (room, 0), (room, room), (room / 2, room / 2)])
        top, left = (places[number] + FRAME).T
        if self.part == "validation":
            top, left = torch.zeros(len(number)), number * (REGION - FRAME) / (TEST_CROPS - 1)
        side = torch.full_like(top, LARGEST_CROP)
        mirror = torch.zeros_like(labels, dtype=torch.bool)
        # Of every crop of the whole part, so that it does not matter which are asked for together.
        lights = torch.rand(
            TEST_CROPS, len(self.classes), 5, generator=torch.Generator().manual_seed(0)
        )
        return _in_light(self._cut(labels, top, left, side, mirror), lights[number, labels])

    def _cut(
        self, labels: Tensor, top: Tensor, left: Tensor, side: Tensor, mirror: Tensor
    ) -> Float[Tensor, "n 3 height width"]:
        """Cut squares, given in px, and resize them."""
        # The outermost samples lie on the middles of the outermost pixels of the square: pixels
        # outside of it, which may be held out, have no weight. grid_sample counts -1 to 1.
        scale = (side - 1) / REGION
        maps = torch.zeros(len(labels), 2, 3)
        maps[:, 0, 0] = torch.where(mirror, -scale, scale)
        maps[:, 1, 1] = scale
        maps[:, 0, 2] = (2 * left + side) / REGION - 1
        maps[:, 1, 2] = (2 * top + side) / REGION - 1
        size = [len(labels), 3, self.image_size, self.image_size]
        grid = affine_grid(maps, size, align_corners=True)
        return grid_sample(self.regions.pixels[labels], grid, align_corners=False)


def histogram_accuracy(regions: Regions, *, seed: int = 0) -> float:
    """Accuracy of the nearest colour histogram, on the test crops: what no network is needed for.

    Parameters
    ----------
    regions : Regions
        The classes.
    seed : int
        Of the training crops.

    Returns
    -------
    float
        Of the better of two rules: the class of the nearest of all training crops, or of the
        nearest mean of a class. The distance is Hellinger's, between histograms of 8 bins per
        colour.
    """
    train = Exemplars(regions, "train", crops_per_class=HISTOGRAMS_PER_CLASS)
    test = Exemplars(regions, "test")
    known = train.fetch(range(len(train)), (seed,))
    asked = test.fetch(range(len(test)))
    n_classes = len(regions.names)
    points, queries = _histograms(known.images), _histograms(asked.images)
    means = points.reshape(HISTOGRAMS_PER_CLASS, n_classes, -1).mean(0)
    nearest = known.labels[torch.cdist(queries.sqrt(), points.sqrt()).argmin(1)]
    nearest_mean = torch.cdist(queries.sqrt(), means.sqrt()).argmin(1)
    return max(float((answer == asked.labels).float().mean()) for answer in (nearest, nearest_mean))


def _in_light(images: Tensor, numbers: Tensor) -> Tensor:
    """Change gains of the colours, contrast and luminance; ``numbers`` are five in [0, 1] each."""
    change = (2 * numbers - 1)[..., None, None]
    coloured = images * (1 + GAIN * change[:, :3])
    mean = coloured.mean((1, 2, 3), keepdim=True)
    contrast, shift = 1 + CONTRAST * change[:, 3:4], LUMINANCE * change[:, 4:]
    return (mean + contrast * (coloured - mean) + shift).clamp(0, 1)


def _tile(picture: np.ndarray) -> np.ndarray:
    """Cut the middle of a picture into regions, shape (row, column, height, width, colour)."""
    rows, columns = picture.shape[0] // REGION, picture.shape[1] // REGION
    top, left = (picture.shape[0] - rows * REGION) // 2, (picture.shape[1] - columns * REGION) // 2
    middle = picture[top : top + rows * REGION, left : left + columns * REGION]
    return middle.reshape(rows, REGION, columns, REGION, 3).swapaxes(1, 2)


def _contrast(tiles: np.ndarray) -> np.ndarray:
    """Measure the spread of luminance in the flattest quadrant of each region."""
    grey = tiles.mean(-1) / 255
    quadrants = grey.reshape(len(tiles), 2, REGION // 2, 2, REGION // 2)
    return quadrants.std((2, 4)).min((1, 2))


def _histograms(images: Tensor) -> Tensor:
    """Joint histogram of red, green and blue of each picture."""
    levels = (images * BINS).long().clamp(max=BINS - 1).flatten(2)
    bins = (levels[:, 0] * BINS + levels[:, 1]) * BINS + levels[:, 2]
    counts = torch.zeros(len(images), BINS**3)
    counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=counts.dtype))
    return counts / bins.shape[1]
