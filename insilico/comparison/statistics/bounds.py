"""Intervals of distances between histograms, and what two samples of the same animals differ by.

A distance is never negative, and that of two samples is larger than that of what they were drawn
from; where there is little to tell apart, no bootstrap interval of it covers. So there are two
ways. Well away from 0, farther than sampling noise brings it, a bootstrap interval is made. Nearer
to 0 the interval is a bound, got by inverting tests: it holds every distance that a test at 5 %
does not reject, and is too wide rather than too narrow.

References
----------
Berger RL (1982). Multiparameter hypothesis testing and acceptance sampling. Technometrics
24:295-300, doi:10.1080/00401706.1982.10487790 (the upper end: every edge is tested by itself).
Wilson EB (1927). Probable inference, the law of succession, and statistical inference. J Am Stat
Assoc 22:209-212, doi:10.1080/01621459.1927.10502953 (edges beyond which few units lie).
Fang Z, Santos A (2019). Inference on directionally differentiable functions. Rev Econ Stud
86:377-412, doi:10.1093/restud/rdy049 (the lower end, where several edges are nearly the largest).
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from insilico.comparison.statistics.bootstrap import Interval
from insilico.comparison.statistics.two_sample import (
    cumulative_difference,
    kolmogorov_smirnov,
    wasserstein,
)

__all__ = [
    "kolmogorov_smirnov_interval",
    "sampling_margin",
    "share_margins",
    "wasserstein_interval",
]

Array = npt.NDArray[np.float64]

NORMAL = NormalDist()

# How many times the 95th percentile of its noise a distance must be to be well away from 0. Below,
# simulated bootstrap intervals cover too rarely (docs/statistics.md).
AWAY = 1.5

# Variance of a share that moves in no bootstrap sample, at most.
ROUNDING = 1e-12


def kolmogorov_smirnov_interval(
    difference: Array, draws: Array, *, level: float = 0.95, margins: Array | None = None
) -> Interval:
    """Interval of the Kolmogorov-Smirnov distance.

    Parameters
    ----------
    difference : array, shape (edge,)
        Of the cumulative histograms, from `cumulative_difference`.
    draws : array, shape (resample, edge)
        The same of bootstrap samples.
    level : float
        Share of samples whose interval is to hold the truth.
    margins : array, shape (2, edge), optional
        How far below and above at least the first of the two may truly lie at each edge, from
        `share_margins`.

    Returns
    -------
    Interval
        ``method`` is ``"bootstrap"`` well away from 0, otherwise ``"bound"``.
    """
    noise = draws - difference
    estimate = float(kolmogorov_smirnov(difference))
    z = NORMAL.inv_cdf((1 + level) / 2)
    below, above = np.zeros((2, len(difference))) if margins is None else margins
    away, back = np.where(difference > 0, (above, below), (below, above))
    reached = np.maximum(z * noise.std(axis=0), away)
    high = float((np.abs(difference) + reached).max())
    typical, largest = np.quantile(kolmogorov_smirnov(noise), (level, (1 + level) / 2))
    if estimate <= AWAY * typical:
        return Interval(estimate, max(estimate - float(largest), 0.0), min(high, 1.0), "bound")
    # Edges that one standard error might have put first are all in the running.
    signed = noise * np.sign(difference)
    top = np.abs(difference).argmax()
    behind = (signed - signed[:, [top]]).std(axis=0)
    running = estimate - np.abs(difference) <= behind
    reach = float(np.quantile(signed[:, running].max(axis=1), (1 + level) / 2))
    low = estimate - max(reach, float(back[running].max()))
    return Interval(estimate, max(low, 0.0), min(high, 1.0), "bootstrap")


def share_margins(shares: Array, draws: Array, n: int, *, level: float = 0.95) -> Array:
    """How far below and above an observed share the true one may lie (Wilson 1927).

    Bootstrap samples of a share near 0 or 1 move little, and more to the side on which the truth is
    not; one of exactly 0 or 1 does not move at all.

    Parameters
    ----------
    shares : array, shape (edge,)
        What was observed.
    draws : array, shape (resample, edge)
        The same in bootstrap samples: their variance says how many independent observations the
        units are worth.
    n : int
        How many they are worth where no sample differs.
    level : float
        Share of samples whose margins are to hold the truth.

    Returns
    -------
    array, shape (2, edge)
        Below and above.

    Examples
    --------
    >>> below, above = share_margins(np.array([0.0]), np.zeros((9, 1)), 100)
    >>> float(below[0]), round(float(above[0]), 3)
    (0.0, 0.037)
    """
    shares, variance = shares.clip(0, 1), draws.var(axis=0)
    moves = variance > ROUNDING
    worth = np.where(moves, shares * (1 - shares) / np.where(moves, variance, 1.0), n)
    low, high = wilson(shares, worth, level=level)
    return np.maximum([shares - low, high - shares], 0.0)


def wilson(
    shares: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95
) -> npt.NDArray[np.float64]:
    """Interval of a share of independent observations (Wilson 1927).

    Parameters
    ----------
    shares : array
        What was observed.
    n : array
        Of how many; need not be whole numbers.
    level : float
        Share of samples whose interval is to hold the truth.

    Returns
    -------
    array, shape (2, ...)
        Lower and upper limit.

    Examples
    --------
    >>> wilson(0.8, 10).round(3).tolist()
    [0.49, 0.943]
    """
    shares, n = np.asarray(shares, dtype=float), np.asarray(n, dtype=float)
    square = NORMAL.inv_cdf((1 + level) / 2) ** 2
    middle = (shares + square / (2 * n)) / (1 + square / n)
    half = np.sqrt(square * shares * (1 - shares) / n + (square / (2 * n)) ** 2) / (1 + square / n)
    return np.stack([middle - half, middle + half])


def wasserstein_interval(
    difference: Array, draws: Array, centres: Array, *, level: float = 0.95
) -> Interval:
    """Interval of the Wasserstein distance.

    Parameters
    ----------
    difference : array, shape (edge,)
        Of the cumulative histograms, from `cumulative_difference`.
    draws : array, shape (resample, edge)
        The same of bootstrap samples.
    centres : array, shape (edge + 1,)
        The value that stands for each bin.
    level : float
        Share of samples whose interval is to hold the truth.

    Returns
    -------
    Interval
        In the units of the property; ``method`` as for `kolmogorov_smirnov_interval`.
    """
    noise = draws - difference
    estimate = float(wasserstein(difference, centres))
    typical, largest = np.quantile(wasserstein(noise, centres), (level, (1 + level) / 2))
    if estimate > AWAY * typical:
        low, high = np.quantile(wasserstein(draws, centres), ((1 - level) / 2, (1 + level) / 2))
        return Interval(estimate, float(low), float(high), "bootstrap")
    # No choice of signs of the differences has a larger standard error than this.
    width = np.diff(centres)
    spread = np.sqrt(width @ np.abs(np.atleast_2d(np.cov(noise, rowvar=False))) @ width)
    high = estimate + float(NORMAL.inv_cdf((1 + level) / 2) * spread)
    return Interval(estimate, max(estimate - float(largest), 0.0), high, "bound")


def sampling_margin(
    shares: Array,
    n: int,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> float:
    """Distance that two samples of the same population stay below: a margin for equivalence.

    Parameters
    ----------
    shares : array, shape (bin,)
        The population.
    n : int
        Size of each sample.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int
        Pairs of samples drawn.
    level : float
        Share of the pairs whose Kolmogorov-Smirnov distance is at most the margin.

    Returns
    -------
    float
    """
    first, second = rng.multinomial(n, shares, size=(2, n_resamples))
    distances = kolmogorov_smirnov(cumulative_difference(first, second))
    return float(np.quantile(distances, level))
