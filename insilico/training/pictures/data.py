"""Data of a training run: training pictures, some of them held out, and the test."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from insilico.errors import UserError
from insilico.training.batches import Source, Subset
from insilico.training.config import DataConfig
from insilico.training.pictures.exemplars import Exemplars, load_regions
from insilico.training.pictures.folders import ImageFiles, Transform, image_folders, tiny_imagenet

__all__ = ["Parts", "load_data", "load_test", "pictures_to_tensors"]


class Parts(NamedTuple):
    """The three parts of a data set.

    Parameters
    ----------
    train : Source
        What is learned.
    validation : Source or None
        Held out of the training part, to choose a checkpoint.
    test : Source
        What is reported.
    """

    train: Source
    validation: Source | None
    test: Source


def load_data(config: DataConfig, *, seed: int) -> Parts:
    """Find the pictures of a training run.

    Parameters
    ----------
    config : DataConfig
        Where they are.
    seed : int
        Of the split of the training part.

    Returns
    -------
    Parts

    Raises
    ------
    UserError
        If they are not there, or not in the layout that was asked for.
    """
    if config.kind == "exemplars":
        return _exemplars(config)
    folder = Path(config.path)
    augmented, plain = pictures_to_tensors(config, train=True), pictures_to_tensors(config)
    listed = tiny_imagenet if config.kind == "tiny_imagenet" else image_folders
    train = listed(folder, "train", augmented)
    test = load_test(config, train.classes)
    if not config.validation_fraction:
        return Parts(train, None, test)
    held_out = _held_out(train.labels, config.validation_fraction, seed)
    unaugmented = ImageFiles(train.files, train.labels, train.classes, plain)
    return Parts(
        Subset(train, torch.from_numpy(np.flatnonzero(~held_out))),
        Subset(unaugmented, torch.from_numpy(np.flatnonzero(held_out))),
        test,
    )


def load_test(config: DataConfig, classes: Sequence[str]) -> Source:
    """Find the pictures of the test alone: those of training need not be there.

    Parameters
    ----------
    config : DataConfig
        Where they are.
    classes : sequence of str
        What was trained, in that order.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If they are not there, or are of other classes.
    """
    if config.kind == "exemplars":
        return Exemplars(load_regions(), "test", config.image_size)
    folder, plain = Path(config.path), pictures_to_tensors(config)
    if config.kind == "tiny_imagenet":
        found = tiny_imagenet(folder, "val", plain)
        if found.classes != tuple(classes):
            raise UserError(
                f"{folder} holds {len(found.classes)} classes, which are not the {len(classes)} "
                "that were trained. Give the data of this network."
            )
        return found
    return image_folders(folder, "val", plain, classes)


def pictures_to_tensors(config: DataConfig, *, train: bool = False) -> Transform:
    """Make the transform from a PIL picture to what the network is shown, in [0, 1].

    Parameters
    ----------
    config : DataConfig
        Sizes, and which augmentation.
    train : bool
        Whether the picture is one to learn.

    Returns
    -------
    callable
    """
    # As PIL pictures, which are always antialiased.
    steps: list[v2.Transform] = []
    cut = config.augmentation == "crop_and_flip"
    if cut and train:
        steps.append(v2.RandomResizedCrop(config.crop_size, antialias=True))
    elif cut:
        steps += [v2.Resize(config.resize_size), v2.CenterCrop(config.crop_size)]
    steps.append(_Resize(config.image_size))
    if train and config.augmentation != "none":
        steps.append(v2.RandomHorizontalFlip())
    steps += [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose(steps)


class _Resize(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Resize to a square, and leave alone what already is one of that size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, picture: Image.Image) -> Image.Image:
        if picture.size == (self.side, self.side):
            return picture
        return v2.functional.resize(picture, [self.side, self.side], InterpolationMode.BILINEAR)


def _exemplars(config: DataConfig) -> Parts:
    regions = load_regions()
    size, holds_out = config.image_size, config.validation_fraction > 0
    return Parts(
        Exemplars(regions, "train", size, config.crops_per_class, holds_out),
        Exemplars(regions, "validation", size) if holds_out else None,
        Exemplars(regions, "test", size),
    )


def _held_out(labels: Tensor, fraction: float, seed: int) -> np.ndarray:
    """Choose the same share of every class, at least one picture and never all of them."""
    classes = labels.numpy()
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    counts = np.bincount(classes)
    place = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = np.clip(np.round(fraction * counts), 1, counts - 1)
    chosen = np.zeros(len(classes), dtype=bool)
    chosen[by_class] = place < np.repeat(share, counts)
    return chosen
