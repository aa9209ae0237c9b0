"""Bilinear resize of 8-bit pictures, whole or in part: as Pillow does it, or to any place.

Pillow resizes each axis in turn, columns first, with integer weights of 22 bits, and rounds to
8 bits after each. Integers of that size are exact in float64, so two matrix products give the
same pixels on every device, and a part of the result needs only the pixels beneath it. Where
nothing is rounded in between, 8 + 22 + 22 bits are still exact.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["ONE", "bilinear_weights", "devices", "resize", "shares", "span"]

Array = npt.NDArray[np.float64]

# Pillow keeps 32 - 8 - 2 bits of each weight: 8 for the pixel, 2 to spare.
ONE = 2**22


@lru_cache(maxsize=64)
def bilinear_weights(source: int, target: int) -> Array:
    """Weights of Pillow's antialiased bilinear resize along one axis.

    Parameters
    ----------
    source, target : int
        Size before and after, in px.

    Returns
    -------
    array, shape (target, source)
        Whole numbers; each row adds up to 2^22, give or take its rounding.

    Examples
    --------
    >>> bilinear_weights(6, 3)[1] / 2**22 * 8
    array([0., 1., 3., 3., 1., 0.])
    """
    scale = source / target
    # Where the picture grows, the triangle spans two pixels: plain interpolation.
    reach = max(scale, 1.0)
    center = (np.arange(target)[:, None] + 0.5) * scale
    pixel = np.arange(source)
    first = np.maximum(0, np.trunc(center - reach + 0.5))
    last = np.minimum(source, np.trunc(center + reach + 0.5))
    weight = 1 - np.abs((pixel - center + 0.5) * (1 / reach))
    weight = np.where((pixel >= first) & (pixel < last), np.maximum(0, weight), 0)
    share = weight / np.cumsum(weight, axis=1)[:, -1:]
    weights = np.trunc(0.5 + share * ONE)
    weights.setflags(write=False)
    return weights


def resize(
    images: Float[Tensor, "*batch source_rows source_columns"], rows: Array, columns: Array
) -> Float[Tensor, "*batch rows columns"]:
    """Resize columns and then rows, and round to 8 bits after each.

    Parameters
    ----------
    images : Tensor, shape (..., row, column), float64
        Grey levels, 0 to 255.
    rows, columns : array, shape (target, source)
        Rows and columns of `bilinear_weights`.

    Returns
    -------
    Tensor, shape (..., row, column), float64
        Grey levels, 0 to 255.
    """
    # Nothing but what lies beneath the result.
    down, across = (span(weights.any(axis=0)) for weights in (rows, columns))
    beneath = images[..., down, across]
    return _resize_axis(_resize_axis(beneath, columns[:, across]).mT, rows[:, down]).mT


def _resize_axis(
    images: Float[Tensor, "*batch source"], weights: Array
) -> Float[Tensor, "*batch target"]:
    """Resize the last axis, and round."""
    matrix = torch.as_tensor(weights.T.copy(), device=images.device)
    # The weights are not negative and add up to one, so nothing leaves the range 0 to 255.
    return (images @ matrix).add_(ONE / 2).div_(ONE).floor_()


def shares(place: Array, source: int, step: float) -> Array:
    """Share of each pixel of a picture in what is seen at places along one of its axes.

    Parameters
    ----------
    place : array, shape (...)
        In px of the picture; the centre of its first pixel is 0.
    source : int
        Size of the picture, in px.
    step : float
        Distance of neighbouring pixels of the display, in px of the picture.

    Returns
    -------
    array, shape (..., source)
        Adds up to 1, or to 0 where the picture is out of reach.

    Examples
    --------
    >>> shares(np.array([1.0, 1.25]), 4, 1.0)
    array([[0.  , 1.  , 0.  , 0.  ],
           [0.  , 0.75, 0.25, 0.  ]])
    """
    # Where the picture shrinks, the triangle spans two pixels of the display.
    reach = max(step, 1.0)
    weight = np.maximum(0, 1 - np.abs(np.arange(source) - place[..., None]) / reach)
    total = weight.sum(axis=-1, keepdims=True)
    return weight / np.where(total > 0, total, 1)


def devices(device: torch.device | str | None) -> tuple[torch.device, torch.device]:
    """Where to reckon in double precision, and where the images are wanted."""
    place = torch.device("cpu" if device is None else device)
    # Apple's GPUs lack double precision.
    return torch.device("cpu") if place.type == "mps" else place, place


def span(flags: npt.ArrayLike) -> slice:
    """Slice from the first true flag to the last."""
    where = np.flatnonzero(flags)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)
