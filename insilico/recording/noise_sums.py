"""Sums of a reverse correlation, and what comes before and after them: waiting, and eigenvalues."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stimuli.mosaics import WHITE_NOISE_VARIANCE

__all__ = [
    "Frames",
    "Sizes",
    "Sums",
    "Waiting",
    "coarse_elements",
    "counted",
    "dimensions",
    "linear_share",
    "pairs",
    "products",
    "some",
]

# Seed and number of each frame, (frame, 2).
Frames = npt.NDArray[np.integer[Any]]

# Elements along a side that are one in the second order: its maps have the square of theirs.
COARSE = 2

# Frames whose products are summed at a time.
PART = 512

# Eigenvalues are found for so many matrices at a time.
SOLVED = 256


class Sizes(NamedTuple):
    """How much is kept of a unit: techniques, shuffles, and elements along a side."""

    techniques: int
    shuffles: int
    elements: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the sums of a unit."""
        n = self.elements**2
        # Elements of the second order; what is left over along a side has no part in it.
        coarse = (self.elements // COARSE) ** 2
        return (
            (self.techniques, 2, n),
            (self.shuffles, n),
            (1 + self.shuffles, coarse * (coarse + 1) // 2),
            (3,),
        )

    @property
    def numbers(self) -> int:
        """Numbers that are kept of a unit."""
        return sum(math.prod(shape) for shape in self.shapes)


class Sums(NamedTuple):
    """What comes together of some units while they respond.

    Attributes
    ----------
    first : Tensor, shape (unit, technique, polarity, element)
        Frames times response.
    chance : Tensor, shape (unit, shuffle, element)
        White noise that was not shown, times response.
    second : Tensor, shape (unit, 1 + shuffle, pair of coarse elements)
        Products of elements of white noise times response; of frames that were not shown, too.
    moments : Tensor, shape (unit, 3)
        The first response, which is taken off all of them; sum, and sum of squares, of what is left
        of those to white noise.
    """

    first: Tensor
    chance: Tensor
    second: Tensor
    moments: Tensor

    @classmethod
    def nothing(cls, sizes: Sizes, n_units: int, device: torch.device) -> "Sums":
        """Begin with sums of 0."""
        return cls(*(torch.zeros(n_units, *shape, device=device) for shape in sizes.shapes))


class Waiting:
    """Responses to frames, until there are enough for one product."""

    def __init__(self) -> None:
        self._parts: list[tuple[Frames, Tensor]] = []

    def put(self, frames: Frames, answers: Tensor) -> None:
        """Let answers (polarity, frame, unit) wait; those to one frame are added up."""
        self._parts.append(_together(frames, answers))

    @property
    def any(self) -> bool:
        """Whether something waits."""
        return bool(self._parts)

    @property
    def enough(self) -> bool:
        """Whether as much waits as is taken at a time."""
        return sum(len(frames) for frames, _ in self._parts) >= PART

    def take(self) -> tuple[Frames, Tensor]:
        """Take what waits: frames, each once, and the answers (polarity, frame, unit)."""
        frames, answers = zip(*self._parts, strict=True)
        self._parts = []
        return _together(np.concatenate(frames), torch.cat(answers, 1))


def _together(frames: Frames, answers: Tensor) -> tuple[Frames, Tensor]:
    """Add up the answers to each frame."""
    found, place = np.unique(frames, axis=0, return_inverse=True)
    of_frame = np.arange(len(found))[:, None] == place.reshape(-1)
    # A product, as the order in which a device adds up is not given.
    return found, torch.from_numpy(of_frame).to(answers) @ answers


def counted(frames: Frames, times: npt.NDArray[Any] | None = None) -> tuple[Frames, Any]:
    """List frames once, with how often each is there.

    Parameters
    ----------
    frames : array, shape (n, 2)
        Seeds and numbers.
    times : array, shape (n,), optional
        How often each of them counts; once by default.

    Returns
    -------
    tuple of array, shape (frame, 2), and array, shape (frame,)
    """
    found, place = np.unique(frames, axis=0, return_inverse=True)
    return found, np.bincount(place.reshape(-1), times, len(found))


def some(frames: Frames, times: npt.NDArray[Any]) -> Iterator[tuple[Frames, Tensor]]:
    """Go through frames a part at a time, however many there are.

    Parameters
    ----------
    frames, times : array
        As from `counted`.

    Yields
    ------
    tuple of array, shape (frame, 2), and Tensor, shape (frame, 1)
        Frames, and how often each is there.
    """
    for start in range(0, len(frames), PART):
        part = slice(start, start + PART)
        yield frames[part], torch.from_numpy(times[part]).float()[:, None]


def coarse_elements(frames: Tensor) -> Tensor:
    """Make one element of those beside each other.

    Parameters
    ----------
    frames : Tensor, shape (frame, row, column)
        Elements of white noise.

    Returns
    -------
    Tensor, shape (frame, coarse element)
        Of variance 1.
    """
    n = frames.shape[1] // COARSE
    whole = frames[:, : n * COARSE, : n * COARSE]
    sums = whole.reshape(-1, n, COARSE, n, COARSE).sum((2, 4)).flatten(1)
    return sums / (COARSE * math.sqrt(WHITE_NOISE_VARIANCE))


def products(coarse: Tensor) -> Tensor:
    """Multiply the elements of each frame with each other.

    Parameters
    ----------
    coarse : Tensor, shape (frame, element)
        Elements.

    Returns
    -------
    Tensor, shape (frame, pair of elements)
        Each pair once, as `pairs` lists them.
    """
    one, other = pairs(coarse.shape[1], coarse.device)
    # Whole rows are picked several times as fast as columns are.
    rows = coarse.T.contiguous()
    return (rows[one] * rows[other]).T


def pairs(n: int, device: torch.device) -> Tensor:
    """List each pair of n things once, a thing with itself among them, (2, pair)."""
    return torch.tril_indices(n, n, device=device)


def linear_share(
    first: Tensor, chance: Tensor, moments: Tensor, *, inverse: Tensor, n: int
) -> Tensor:
    """Share of the variance of responses to white noise that is linear in it.

    What a regression explains grows with its number of elements; how much it would explain by
    chance is known from frames that were not shown.

    Parameters
    ----------
    first : Tensor, shape (unit, element)
        White noise times response.
    chance, moments : Tensor
        As in `Sums`.
    inverse : Tensor, shape (element, element)
        Of the summed products of the elements of what was shown.
    n : int
        Number of responses, two to each frame.

    Returns
    -------
    Tensor, shape (unit,)
        NaN unless there are more frames than elements.
    """
    pairs, elements = n // 2, first.shape[1]
    _, total, squares = moments.double().T
    variance = squares - total**2 / n
    if pairs <= elements + 1:
        return torch.full_like(variance, torch.nan)
    explained = ((first @ inverse) * first).double().sum(1)
    by_chance = ((chance @ inverse) * chance).double().sum(2).mean(1)
    odd = by_chance * (pairs - elements - 1) / elements
    share = elements / pairs
    return (explained - share * odd) / (1 - share) / variance


def dimensions(second: Tensor, mean: Tensor, shown: Tensor) -> Tensor:
    """Count the directions along which the spike-triggered covariance exceeds chance.

    Parameters
    ----------
    second : Tensor, shape (unit, 1 + shuffle, pair of coarse elements)
        Mean product of each two elements and the response; then those of chance.
    mean : Tensor, shape (unit,)
        Mean response.
    shown : Tensor, shape (1 + shuffle, pair of coarse elements)
        Mean products of the elements.

    Returns
    -------
    Tensor, shape (6, unit)
        How many eigenvalues are above and below all those of chance; the largest and the smallest
        eigenvalue, and those of chance.
    """
    covariance = second - mean[:, None, None] * shown
    n = math.isqrt(2 * shown.shape[1])
    one, other = pairs(n, shown.device)
    # Only the lower triangle is looked at.
    matrices = covariance.new_zeros(*covariance.shape[:2], n, n)
    matrices[..., one, other] = covariance
    values = torch.linalg.eigvalsh(matrices)
    own, chance = values[:, 0], values[:, 1:].flatten(1)
    above = (own > chance.amax(1, True)).sum(1)
    below = (own < chance.amin(1, True)).sum(1)
    return torch.stack([above, below, own[:, -1], own[:, 0], chance.amax(1), chance.amin(1)])
