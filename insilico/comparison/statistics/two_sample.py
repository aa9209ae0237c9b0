"""How far apart two histograms on the same bins are: distances, effect size, and a test.

Reference distributions are histograms, so the units are counted on the same bins, and counts are
compared with counts. Nothing finer than the bins is claimed.

References
----------
Schröer G, Trenkler D (1995). Exact and randomization distributions of Kolmogorov-Smirnov tests for
two or three samples. Comput Stat Data Anal 20:185-202, doi:10.1016/0167-9473(94)00040-P.
Cliff N (1993). Dominance statistics: ordinal analyses to answer ordinal questions. Psychol Bull
114:494-509, doi:10.1037/0033-2909.114.3.494.
"""

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = [
    "adjusted",
    "cliffs_delta",
    "cumulative_difference",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_test",
    "wasserstein",
]

Array = npt.NDArray[np.float64]


def cumulative_difference(counts: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """Difference of two cumulative histograms at the edges between bins.

    Parameters
    ----------
    counts, reference : array_like, shape (..., bin)
        Counts on the same bins.

    Returns
    -------
    array, shape (..., bin - 1)
        NaN where one of the two is empty.
    """
    return (shares(counts).cumsum(axis=-1) - shares(reference).cumsum(axis=-1))[..., :-1]


def kolmogorov_smirnov(difference: Array) -> Array:
    """Largest difference of two cumulative histograms.

    Parameters
    ----------
    difference : array, shape (..., edge)
        From `cumulative_difference`.

    Returns
    -------
    array, shape (...)
        In [0, 1].
    """
    return np.asarray(np.abs(difference).max(axis=-1))


def wasserstein(difference: Array, centres: Array) -> Array:
    """Wasserstein distance: how far, on average, values must move for the histograms to agree.

    Parameters
    ----------
    difference : array, shape (..., bin - 1)
        From `cumulative_difference`.
    centres : array, shape (bin,)
        The value that stands for each bin.

    Returns
    -------
    array, shape (...)
        In the units of the property.

    Examples
    --------
    >>> difference = cumulative_difference([0, 4, 4, 0], [4, 4, 0, 0])
    >>> float(wasserstein(difference, np.array([5.0, 15.0, 25.0, 35.0])))
    10.0
    """
    return np.asarray(np.abs(difference) @ np.diff(centres))


def cliffs_delta(counts: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """Probability that a unit lies in a higher bin than a cell, less that it lies in a lower one.

    Parameters
    ----------
    counts, reference : array_like, shape (..., bin)
        Counts on the same bins.

    Returns
    -------
    array, shape (...)
        Cliff's delta, in [-1, 1]: 0 where neither is larger as a rule, 1 where every unit is above
        every cell.

    Examples
    --------
    >>> float(cliffs_delta([0, 1, 1], [1, 1, 0]))
    0.75
    """
    cells = shares(reference)
    below = cells.cumsum(axis=-1) - cells
    return np.asarray((shares(counts) * (2 * below + cells - 1)).sum(axis=-1))


def kolmogorov_smirnov_test(counts: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Exact p-value of the binned Kolmogorov-Smirnov distance of two independent samples.

    Parameters
    ----------
    counts, reference : array_like of whole numbers, shape (bin,)
        Independent observations: one unit of each channel, and cells. Fractions are rounded.

    Returns
    -------
    float
        The share of all ways to deal the pooled observations to two samples of these sizes that
        give at least this distance. Because of ties a nominal level of 5 % is at most 5 %. NaN
        where a sample is empty.

    Notes
    -----
    The number of observations dealt to the first sample, from bin to bin, is a Markov chain; what
    leaves the band that the distance allows is counted at the bin where it leaves.

    Examples
    --------
    >>> round(kolmogorov_smirnov_test([3, 0], [0, 3]), 6)  # 2 of 20 ways
    0.1
    """
    first, second = (np.rint(np.asarray(each)).astype(np.int64) for each in (counts, reference))
    if (first < 0).any() or (second < 0).any() or first.shape != second.shape or first.ndim != 1:
        raise UserError(
            "kolmogorov_smirnov_test takes two histograms on the same bins, none negative; got "
            f"{first.tolist()} and {second.tolist()}."
        )
    n, m = int(first.sum()), int(second.sum())
    if not n or not m:
        return float("nan")
    pooled = first + second
    from scipy.stats import binom  # takes a second to import

    # In units of 1 / (n m) the distance is a whole number, so ties are exact.
    observed = int(np.abs(first.cumsum() * m - second.cumsum() * n).max())
    if observed == 0:
        return 1.0
    # Each observation is dealt to the first sample with probability n / (n + m); to be divided by
    # the probability that n of them are.
    chance, seen, outside = n / (n + m), 0, 0.0
    inside = np.ones(1)
    lowest = 0
    for ties in pooled[:-1]:
        if ties == 0:
            continue
        inside = np.convolve(inside, binom.pmf(np.arange(ties + 1), ties, chance))
        seen += int(ties)
        dealt = lowest + np.arange(len(inside))
        left = np.abs(dealt * m - (seen - dealt) * n) >= observed
        rest = binom.pmf(n - dealt, n + m - seen, chance)
        outside += float(inside[left] @ rest[left])
        kept = np.flatnonzero(~left)
        if not len(kept):
            break
        lowest += int(kept[0])
        inside = inside[kept[0] : kept[-1] + 1]
    return float(min(outside / binom.pmf(n, n + m, chance), 1.0))


def adjusted(p: npt.ArrayLike) -> Array:
    """Adjust p-values for their number: Benjamini and Hochberg's false discovery rate.

    Parameters
    ----------
    p : array_like
        NaN where nothing was tested.

    Returns
    -------
    array, shape of ``p``
        NaN likewise.

    References
    ----------
    Benjamini & Hochberg (1995), J R Stat Soc B 57:289-300,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> adjusted([0.01, np.nan, 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    from scipy.stats import false_discovery_control

    values = np.array(p, dtype=np.float64)
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = false_discovery_control(values[tested])
    return values


def shares(counts: npt.ArrayLike, *, axis: int | tuple[int, ...] = -1) -> Array:
    """Divide counts by their sum over one axis or several; NaN where it is 0."""
    array = np.asarray(counts, dtype=np.float64)
    total = array.sum(axis=axis, keepdims=True)
    return array / np.where(total > 0, total, np.nan)
