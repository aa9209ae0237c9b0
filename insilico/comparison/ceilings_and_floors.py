"""What a similarity is read against: the ceiling of the data themselves, and a trivial floor."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.comparison.similarity import (
    Similarity,
    expected_scores,
    resampled,
    score_histograms,
)
from insilico.reference import ReferenceDistribution

__all__ = ["Floors", "ceiling", "floors", "matched_ceiling", "skill"]


class Floors(NamedTuple):
    """Scores of populations that know nothing of the data, resampling left out.

    ``uniform`` has the same share in every bin; ``single_bin`` has everything in the bin that
    scores best, which is bin number ``best_bin``, counted from 1; ``first_bin`` and ``last_bin``
    have everything in an outer bin.
    """

    uniform: float
    single_bin: float
    best_bin: int
    first_bin: float
    last_bin: float

    @property
    def floor(self) -> float:
        """The floor of `skill`: the uniform or the single-bin population, whichever scores more."""
        return max(self.uniform, self.single_bin)


def ceiling(
    reference: ReferenceDistribution, *, rng: np.random.Generator, n_resamples: int = 1000
) -> Similarity:
    """Similarity of the data with themselves: what sampling as few cells allows at best.

    Parameters
    ----------
    reference : ReferenceDistribution
        The data.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int
        How many populations are drawn.

    Returns
    -------
    Similarity
    """
    undefined = reference.undefined / reference.n
    return resampled(reference.probabilities, undefined, reference, rng, n_resamples)


def matched_ceiling(
    reference: ReferenceDistribution,
    n: int,
    *,
    rng: np.random.Generator,
    undefined: int = 0,
    n_resamples: int = 1000,
) -> npt.NDArray[np.float64]:
    """Scores that macaque cells would get if there were as few of them as units.

    A population of few units scores less than `ceiling` even where it is drawn from the data.

    Parameters
    ----------
    reference : ReferenceDistribution
        The data.
    n : int
        Cells with a value: as many as there are channels with one.
    rng : numpy.random.Generator
        Source of randomness.
    undefined : int
        Cells without a value.
    n_resamples : int
        How many such populations are drawn.

    Returns
    -------
    array, shape (resample,)
    """
    drawn = rng.multinomial(n, reference.probabilities, size=n_resamples)
    counts = np.column_stack([drawn, np.full(n_resamples, undefined)]).astype(np.float64)
    return expected_scores(counts, reference, rng=rng)


def floors(reference: ReferenceDistribution) -> Floors:
    """Scores of trivial populations, computed from the reference.

    Parameters
    ----------
    reference : ReferenceDistribution
        The data.

    Returns
    -------
    Floors
    """
    bins = len(reference.probabilities)
    uniform, *single = score_histograms(
        np.vstack([np.full(bins, 1 / bins), np.eye(bins)]), reference
    )
    return Floors(
        uniform=float(uniform),
        single_bin=float(max(single)),
        best_bin=int(np.argmax(single)) + 1,
        first_bin=float(single[0]),
        last_bin=float(single[-1]),
    )


def skill(score: float, floor: float) -> float:
    """Share of the way from the floor to a perfect score; negative below the floor.

    Examples
    --------
    >>> skill(0.75, 0.5)
    0.5
    """
    return (score - floor) / (1 - floor) if floor < 1 else float("nan")
