"""Oriented filters on a pyramid: each is applied at the coarsest resolution that carries it.

Pictures are halved twice, each time by a binomial of four taps. All levels have their sites in the
middle of blocks of 4 x 4 px, so that the maps of all filters lie on one lattice.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "KERNELS",
    "LEVELS",
    "STRIDE",
    "Gabors",
    "Pairs",
    "Sites",
    "halved",
    "kernels",
    "pairs",
    "window",
]

Values = npt.NDArray[np.float64]

# Sites are this many px of the picture apart.
STRIDE = 4
LEVELS = 3

# The finest carrier of a halved level, in cycles per px of it.
FINEST_HALVED = 0.25

# Sides of kernels, in px of the level: where sites lie between pixels they are even.
SMALL_KERNEL = (16, 16, 17)
LARGE_KERNEL = (24, 24, 25)

# All levels, with the sides of their kernels.
KERNELS = tuple(
    (level, side) for level in range(LEVELS) for side in (SMALL_KERNEL[level], LARGE_KERNEL[level])
)

# How far a small kernel reaches, in standard deviations of the envelope.
REACH = 2.8

# Of the outer and of the inner two taps.
BINOMIAL = (1 / 8, 3 / 8)


class Sites(NamedTuple):
    """A rectangle of sites, or with `None` all of the map."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def grown(self, by: int) -> "Sites":
        """Take the neighbours as well."""
        return Sites(*((first - by, last + by) for first, last in self))

    def moved(self, rows: int, columns: int) -> "Sites":
        """Take those so many rows and columns on."""
        return Sites(
            *(
                (first + by, last + by)
                for (first, last), by in zip(self, (rows, columns), strict=True)
            )
        )


class Gabors(NamedTuple):
    """Parameters of filters, arrays of shape (filter,).

    Parameters
    ----------
    orientation : array
        Of the bars, in deg.
    frequency : array
        Of the carrier, in cycles per px of the picture.
    across, along : array
        Standard deviations of the envelope, in cycles of the carrier.
    phase : array
        In deg.
    """

    orientation: Values
    frequency: Values
    across: Values
    along: Values
    phase: Values

    def part(self, which: npt.NDArray[np.intp]) -> "Gabors":
        """Take some of the filters."""
        return Gabors(*(each[which] for each in self))


def halved(images: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 1 rows columns"]:
    """Halve the resolution by a binomial, which leaves next to nothing to be aliased."""
    rows, columns = (side // 2 for side in images.shape[2:])
    beside = functional.pad(images, (0, 0, 1, 1))
    images = _binomial([beside[:, :, tap : tap + 2 * rows : 2] for tap in range(4)])
    beside = functional.pad(images, (1, 1))
    return _binomial([beside[..., tap : tap + 2 * columns : 2] for tap in range(4)])


def _binomial(taps: Sequence[Tensor]) -> Tensor:
    """Weigh four taps: in sums, for a convolution of one channel takes longer."""
    first, second, third, last = taps
    return (first + last).add_(second + third, alpha=BINOMIAL[1] / BINOMIAL[0]).mul_(BINOMIAL[0])


def kernels(gabors: Gabors) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Say at which level of the pyramid filters are applied, and how large their kernels are.

    Parameters
    ----------
    gabors : Gabors
        The filters.

    Returns
    -------
    tuple of array, shape (filter,)
        Levels, of which 0 is the picture itself; sides in px of the level.
    """
    octaves = np.floor(np.log2(FINEST_HALVED / gabors.frequency))
    level = np.clip(octaves, 0, LEVELS - 1).astype(np.intp)
    widest = np.maximum(gabors.across, gabors.along) / gabors.frequency / 2.0**level
    small, large = np.array(SMALL_KERNEL)[level], np.array(LARGE_KERNEL)[level]
    return level, np.where(2 * REACH * widest <= small, small, large)


def pairs(
    gabors: Gabors, level: int, side: int
) -> tuple[Float[np.ndarray, "filter side side"], Float[np.ndarray, "filter side side"]]:
    """Quadrature pairs of Gabors that uniform light does not drive.

    Parameters
    ----------
    gabors : Gabors
        Filters of one level.
    level : int
        The level.
    side : int
        Side of the kernels, in px of the level.

    Returns
    -------
    tuple of array
        Filters of the phase, and of the phase less 90 deg. The response to the carrier itself, at
        contrast 1 in the picture, has amplitude 1.
    """
    scale = 2**level
    taps = np.arange(side) - (side - 1) / 2
    x, y = taps[None, None, :], -taps[None, :, None]
    angle, per_px, across, along, phase = (each[:, None, None] for each in gabors)
    angle, per_px, phase = np.deg2rad(angle), per_px * scale, np.deg2rad(phase)
    u = x * np.sin(angle) - y * np.cos(angle)
    v = x * np.cos(angle) + y * np.sin(angle)
    envelope = np.exp(-((u * per_px / across) ** 2 + (v * per_px / along) ** 2) / 2)
    carrier = 2 * np.pi * per_px * u
    even, odd = envelope * np.cos(carrier), envelope * np.sin(carrier)
    even -= envelope * even.sum((1, 2), keepdims=True) / envelope.sum((1, 2), keepdims=True)
    passed = _passed(per_px * np.sin(angle), per_px * np.cos(angle), level)
    even /= passed * (even * np.cos(carrier)).sum((1, 2), keepdims=True)
    odd /= passed * (odd * np.sin(carrier)).sum((1, 2), keepdims=True)
    return (
        np.cos(phase) * even - np.sin(phase) * odd,
        np.sin(phase) * even + np.cos(phase) * odd,
    )


def _passed(across: Values, along: Values, level: int) -> Values:
    """Say what halving leaves of a carrier of frequencies along x and y, in cycles per px there.

    The binomial is the third power of the mean of two neighbours.
    """
    left = np.ones_like(across)
    for _ in range(level):
        across, along = across / 2, along / 2
        left = left * (np.cos(np.pi * across) * np.cos(np.pi * along)) ** 3
    return left


class Pairs(nn.Module):
    """Quadrature pairs of one level, applied at sites 4 px of the picture apart.

    Parameters
    ----------
    even, odd : array, shape (filter, side, side)
        As of `pairs`.
    level : int
        The level.
    """

    weight: Tensor

    def __init__(
        self,
        even: Float[np.ndarray, "filter side side"],
        odd: Float[np.ndarray, "filter side side"],
        level: int,
    ) -> None:
        super().__init__()
        weight = torch.tensor(np.concatenate([even, odd]), dtype=torch.get_default_dtype())
        self.register_buffer("weight", weight[:, None])
        self.level, self.step = level, STRIDE >> level
        # Sites lie in the middle of blocks: half a block from the border.
        self.margin = (even.shape[-1] - self.step) // 2

    def forward(
        self, images: Float[Tensor, "batch 1 height width"], sites: Sites | None = None
    ) -> tuple[
        Float[Tensor, "batch filter rows columns"], Float[Tensor, "batch filter rows columns"]
    ]:
        """Responses of the filters and of their partners."""
        if sites is None:
            both = functional.conv2d(images, self.weight, None, self.step, self.margin)
        else:
            side = self.weight.shape[-1]
            seen = window(images, self.level, side, sites)
            if seen.shape[2:] == self.weight.shape[2:]:
                return self.of_windows(seen.flatten(1))
            both = functional.conv2d(seen, self.weight, None, self.step)
        even, odd = both.chunk(2, dim=1)
        return even, odd

    def of_windows(
        self, windows: Float[Tensor, "batch pixel"]
    ) -> tuple[Float[Tensor, "batch filter 1 1"], Float[Tensor, "batch filter 1 1"]]:
        """Responses to what one site sees, as `window` cuts it out."""
        both = (windows @ self.weight.flatten(1).T)[:, :, None, None]
        even, odd = both.chunk(2, dim=1)
        return even, odd


def window(
    images: Float[Tensor, "batch 1 height width"], level: int, side: int, sites: Sites
) -> Float[Tensor, "batch 1 rows columns"]:
    """Cut out what kernels at some sites see, with nothing beyond the picture.

    Parameters
    ----------
    images : Tensor
        Of a level of the pyramid.
    level : int
        The level.
    side : int
        Of the kernels, in px of the level.
    sites : Sites
        Where they are.

    Returns
    -------
    Tensor
    """
    step = STRIDE >> level
    margin = (side - step) // 2
    ends = [(first * step - margin, last * step - margin + side) for first, last in sites]
    sizes = images.shape[2:]
    kept = [slice(max(low, 0), min(high, n)) for (low, high), n in zip(ends, sizes, strict=True)]
    beyond = [(max(-low, 0), max(high - n, 0)) for (low, high), n in zip(ends, sizes, strict=True)]
    return functional.pad(images[:, :, kept[0], kept[1]], (*beyond[1], *beyond[0]))
