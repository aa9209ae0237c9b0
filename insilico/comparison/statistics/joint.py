"""Two properties of the same units: how they go together, and whether as in the data.

References
----------
Peacock JA (1983). Two-dimensional goodness-of-fit testing in astronomy. Mon Not R Astron Soc
202:615-627, doi:10.1093/mnras/202.3.615 (all four quadrants count).
Blum JR, Kiefer J, Rosenblatt M (1961). Distribution free tests of independence based on the sample
distribution function. Ann Math Stat 32:485-498, doi:10.1214/aoms/1177705055.
Phipson B, Smyth GK (2010). Permutation p-values should never be zero. Stat Appl Genet Mol Biol
9:39, doi:10.2202/1544-6115.1585.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.comparison.statistics.two_sample import shares

__all__ = ["JointTest", "dependence", "distance", "rank_correlation", "same_joint"]

Array = npt.NDArray[np.float64]

# Numbers of permutations x units, or x bins, that are held at a time.
BLOCK = 2**21

BINS = (-2, -1)  # the axes of a joint histogram


class JointTest(NamedTuple):
    """A distance between two joint histograms, and its permutation p-value."""

    distance: float
    p: float


def distance(counts: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """Two-dimensional Kolmogorov-Smirnov distance of joint histograms.

    Parameters
    ----------
    counts, reference : array_like, shape (..., bin of x, bin of y)
        Counts on the same bins, or shares.

    Returns
    -------
    array, shape (...)
        Largest difference of the shares in a quadrant, over all four quadrants around all corners
        of bins: in [0, 1].

    Examples
    --------
    >>> float(distance([[1, 0], [0, 1]], [[0, 1], [1, 0]]))
    0.5
    """
    difference = shares(counts, axis=BINS) - shares(reference, axis=BINS)
    lower = difference.cumsum(axis=-2).cumsum(axis=-1)
    x, y = lower[..., :, -1:], lower[..., -1:, :]
    quadrants = (lower, x - lower, y - lower, x + y - lower)
    return np.asarray(np.max([np.abs(each).max(axis=(-2, -1)) for each in quadrants], axis=0))


def same_joint(
    counts: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 1000,
) -> JointTest:
    """Test whether two samples share a joint distribution.

    Parameters
    ----------
    counts, reference : array_like of whole numbers, shape (bin of x, bin of y)
        Independent observations: one unit of each channel, and cells. Fractions are rounded.
    rng : numpy.random.Generator
        Source of randomness.
    n_permutations : int
        How often the pooled observations are dealt anew.

    Returns
    -------
    JointTest
        NaN where a sample is empty.
    """
    first, second = (np.rint(np.asarray(each)).astype(np.int64) for each in (counts, reference))
    if not first.any() or not second.any():
        return JointTest(float("nan"), float("nan"))
    pooled = first + second
    filled = np.flatnonzero(pooled)
    observed = float(distance(first, second))
    reached = 0
    rows = max(BLOCK // pooled.size, 1)
    for start in range(0, n_permutations, rows):
        size = min(rows, n_permutations - start)
        dealt = np.zeros((size, pooled.size), dtype=np.int64)
        dealt[:, filled] = rng.multivariate_hypergeometric(
            pooled.ravel()[filled], first.sum(), size=size, method="marginals"
        )
        dealt = dealt.reshape(size, *pooled.shape)
        reached += int((distance(dealt, pooled - dealt) >= observed - 1e-12).sum())
    return JointTest(observed, (1 + reached) / (1 + n_permutations))


def dependence(
    x: npt.NDArray[np.intp],
    y: npt.NDArray[np.intp],
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    n_permutations: int = 1000,
) -> JointTest:
    """Test whether two properties of the same units depend on one another.

    Parameters
    ----------
    x, y : array, shape (unit,)
        Number of the bin of each unit, which are independent: one of each channel.
    shape : tuple of int
        How many bins there are of x and of y.
    rng : numpy.random.Generator
        Source of randomness.
    n_permutations : int
        How often the values of y are dealt to the units anew.

    Returns
    -------
    JointTest
        ``distance`` is that of the joint histogram from the one that the two would have if they
        were independent: at most 0.25. NaN without units.
    """
    if not len(x):
        return JointTest(float("nan"), float("nan"))
    size = shape[0] * shape[1]
    alone = np.outer(np.bincount(x, minlength=shape[0]), np.bincount(y, minlength=shape[1]))
    joint = np.bincount(x * shape[1] + y, minlength=size).reshape(shape)
    observed = float(distance(joint, alone))
    reached = 0
    rows = max(BLOCK // max(len(x), size), 1)
    for start in range(0, n_permutations, rows):
        number = min(rows, n_permutations - start)
        dealt = rng.permuted(np.broadcast_to(y, (number, len(y))), axis=1)
        place = (np.arange(number)[:, None] * shape[0] + x) * shape[1] + dealt
        counts = np.bincount(place.ravel(), minlength=number * size).reshape(number, *shape)
        reached += int((distance(counts, alone) >= observed - 1e-12).sum())
    return JointTest(observed, (1 + reached) / (1 + n_permutations))


def rank_correlation(counts: npt.ArrayLike) -> Array:
    """Spearman's rank correlation of joint histograms, all values of a bin being tied.

    Parameters
    ----------
    counts : array_like, shape (..., bin of x, bin of y)
        Counts or shares.

    Returns
    -------
    array, shape (...)
        In [-1, 1]; NaN where there is nothing or where all values of a property are in one bin.

    Examples
    --------
    >>> float(rank_correlation([[2, 0], [0, 2]]))
    1.0
    """
    joint = shares(counts, axis=BINS)
    ranks = []
    for axis in (-1, -2):
        alone = joint.sum(axis=axis)
        rank = alone.cumsum(axis=-1) - alone / 2 - 0.5
        ranks.append((rank, np.sqrt((alone * rank**2).sum(axis=-1))))
    (x, spread_x), (y, spread_y) = ranks
    covariance = (joint * x[..., :, None] * y[..., None, :]).sum(axis=(-2, -1))
    spread = spread_x * spread_y
    return np.asarray(covariance / np.where(spread > 1e-12, spread, np.nan))
