"""How alike two populations are: a normalised Kolmogorov-Smirnov similarity, and its context.

The similarity is that of the published benchmark (Marques, Schrimpf & DiCarlo 2021, doi
10.1101/2021.03.01.433495). It is made on the bins of the reference, so digitised and raw data are
treated alike. What it is read against is in `insilico.comparison.ceilings_and_floors`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.reference import ReferenceDistribution

__all__ = ["Similarity", "expected_scores", "resampled", "score_histograms", "similarity"]

# The published rule: more than this many resamples without any defined value make the score 0. It
# is a number of resamples, not a share of them.
MOST_UNDEFINED_RESAMPLES = 100

# Of `expected_scores`: populations drawn for each, the steps in which they are drawn, and the
# numbers held at a time.
EXPECTED_DRAWS = 32
STEPS = 4096
BLOCK = 2**20


class Similarity(NamedTuple):
    """A score in [0, 1] and the standard deviation of it over resamples."""

    mean: float
    error: float


def similarity(
    values: npt.ArrayLike,
    reference: ReferenceDistribution,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
) -> Similarity:
    """Normalised Kolmogorov-Smirnov similarity of a population with a reference.

    Populations of the size of the reference are drawn from the values with replacement, undefined
    ones included; each is binned, and its score is ``1 - KS / KS_max``. KS is the largest
    difference of the two cumulative histograms over values that are defined, and KS_max what a
    population wholly in the first or wholly in the last bin has, whichever is farther.

    Parameters
    ----------
    values : array_like
        One value per unit; NaN where undefined. Values beyond the bins count in the outer bins.
    reference : ReferenceDistribution
        The data.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int
        How many populations are drawn.

    Returns
    -------
    Similarity
        Mean and standard deviation over resamples. NaN where there are no values at all; 0 where
        more than 100 resamples hold no defined value, as published.

    Examples
    --------
    >>> from insilico.reference import load
    >>> reference = load("cavanaugh2002a.suppression_index")
    >>> score = similarity(np.zeros(50), reference, rng=np.random.default_rng(0))
    >>> round(score.mean, 3)
    0.347
    """
    units = np.asarray(values, dtype=np.float64)
    counts = reference.histogram(units)
    if units.size == 0:
        return Similarity(float("nan"), float("nan"))
    shares = counts / max(counts.sum(), 1)
    return resampled(shares, float(np.isnan(units).mean()), reference, rng, n_resamples)


def expected_scores(
    counts: npt.NDArray[np.float64],
    reference: ReferenceDistribution,
    *,
    rng: np.random.Generator,
    n_draws: int = EXPECTED_DRAWS,
) -> npt.NDArray[np.float64]:
    """Similarity of many populations at once, all judged by the same draws.

    Each draw is a set of random numbers that is shared by all populations, so their scores differ
    by what the populations are and hardly by the luck of the draw.

    Parameters
    ----------
    counts : array, shape (population, bin + 1)
        Units on the bins of the reference; those without a value come last.
    reference : ReferenceDistribution
        The data.
    rng : numpy.random.Generator
        Source of randomness.
    n_draws : int
        How many populations of the size of the reference are drawn.

    Returns
    -------
    array, shape (population,)
        Mean score over the draws that hold a defined value; NaN where none does.
    """
    bins = counts.shape[1] - 1
    # Values drawn with replacement are even random numbers below the cumulative shares.
    numbers = rng.integers(0, STEPS, (n_draws, reference.n)) + STEPS * np.arange(n_draws)[:, None]
    below = np.bincount(numbers.ravel(), minlength=n_draws * STEPS).reshape(n_draws, STEPS)
    below = np.pad(below.cumsum(axis=1), ((0, 0), (1, 0))).astype(np.float32)
    total = counts.sum(axis=1, keepdims=True)
    edges = counts[:, :bins].cumsum(axis=1) / np.where(total > 0, total, 1)
    place = np.rint(edges * STEPS).astype(np.intp)
    data = reference.probabilities
    scale, data = 1 - min(data[0], data[-1]), data.cumsum().astype(np.float32)
    scores = np.empty(len(place))
    rows = max(BLOCK // (n_draws * bins), 1)
    for start in range(0, len(place), rows):
        drawn = below[:, place[start : start + rows]]
        defined = drawn[..., -1]
        distance = np.abs(drawn / np.maximum(defined, 1)[..., None] - data).max(axis=-1)
        score = np.clip(1 - distance / scale, 0, 1) * (defined > 0)
        known = (defined > 0).sum(axis=0)
        scores[start : start + rows] = score.sum(axis=0) / np.where(known > 0, known, np.nan)
    return scores


def score_histograms(
    shares: npt.NDArray[np.float64], reference: ReferenceDistribution
) -> npt.NDArray[np.float64]:
    """Score histograms of shares, one per row."""
    data = reference.probabilities
    distance = abs(np.cumsum(shares, axis=1) - np.cumsum(data)).max(axis=1)
    # All mass in the first bin is 1 - data[0] away from the data, all in the last 1 - data[-1].
    return np.clip(1 - distance / (1 - min(data[0], data[-1])), 0, 1)


def resampled(
    shares: npt.NDArray[np.float64],
    undefined: float,
    reference: ReferenceDistribution,
    rng: np.random.Generator,
    n_resamples: int,
) -> Similarity:
    """Score populations in which a share is undefined, and the others lie in bins by ``shares``."""
    if n_resamples < 1:
        raise UserError(f"n_resamples must be at least 1; got {n_resamples}.")
    # Only the histogram enters the score, so values drawn with replacement are multinomial counts.
    chances = np.append(shares * (1 - undefined), undefined)
    drawn = rng.multinomial(reference.n, chances, size=n_resamples)[:, :-1].astype(np.float64)
    defined = drawn.sum(axis=1)
    drawn, kept = drawn[defined > 0], defined[defined > 0]
    if n_resamples - len(kept) > MOST_UNDEFINED_RESAMPLES or len(kept) == 0:
        return Similarity(0.0, 0.0)
    scores = score_histograms(drawn / kept[:, None], reference)
    return Similarity(float(scores.mean()), float(scores.std()))
