"""Intervals by a bootstrap whose sampling unit is the channel.

The units of one channel at several sites share their weights: they are copies of one another, and
counting them as independent makes any interval too narrow. Channels are drawn with replacement,
each with all of its sites; where several runs of a model are given, runs are drawn first.

References
----------
Davison AC, Hinkley DV (1997). Bootstrap methods and their application. Cambridge University Press,
section 3.8 (several levels).
Efron B (1987). Better bootstrap confidence intervals. J Am Stat Assoc 82:171-185,
doi:10.1080/01621459.1987.10478410.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = ["Clusters", "Interval", "cluster", "interval", "medians", "resamples"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
# How often something was drawn: whole numbers, which single precision holds exactly.
Times = npt.NDArray[np.float32]

# Numbers of resamples x units that are held at a time: 16 MiB in each array.
BLOCK = 2**22


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Parameters
    ----------
    estimate : float
        What the sample gives.
    low, high : float
        Ends of the interval.
    method : str
        How it was made: ``"percentile"``, ``"bca"``, ``"bootstrap"``,
        ``"bound"``; empty for none.
    """

    estimate: float
    low: float
    high: float
    method: str


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which channel each unit belongs to, and which run each channel.

    Parameters
    ----------
    of_unit : array, shape (unit,)
        Number of the channel of each unit.
    run : array, shape (channel,)
        Number of the run of each channel.
    """

    of_unit: Whole
    run: Whole

    @property
    def n(self) -> int:
        """How many channels there are."""
        return len(self.run)

    @property
    def n_runs(self) -> int:
        """How many runs there are."""
        return int(self.run.max(initial=-1)) + 1

    def totals(self, values: Whole, length: int) -> Times:
        """Count whole numbers below ``length`` in each channel.

        Parameters
        ----------
        values : array, shape (unit,)
            One number of 0, 1, ..., ``length - 1`` per unit.
        length : int
            How many numbers there are.

        Returns
        -------
        array, shape (channel, length)
        """
        flat = np.bincount(self.of_unit * length + values, minlength=self.n * length)
        return flat.reshape(self.n, length).astype(np.float32)

    def one_of_each(self, chosen: npt.NDArray[np.bool_], rng: np.random.Generator) -> Whole:
        """Draw one unit of each channel.

        Parameters
        ----------
        chosen : array of bool, shape (unit,)
            The units to draw from; a channel without any is left out.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        array, shape (at most channel,)
            Numbers of units.
        """
        shuffled = rng.permutation(np.flatnonzero(chosen))
        _, first = np.unique(self.of_unit[shuffled], return_index=True)
        return shuffled[first]


def cluster(
    channel: npt.NDArray[np.generic], run: npt.NDArray[np.generic] | None = None
) -> Clusters:
    """Group units by channel, and channels by run.

    Parameters
    ----------
    channel : array, shape (unit,)
        The channel of each unit.
    run : array, shape (unit,), optional
        The run, or training seed, of each unit; channels of different runs are different channels.

    Returns
    -------
    Clusters

    Examples
    --------
    >>> groups = cluster(np.array([7, 7, 9, 7]), np.array(["a", "a", "a", "b"]))
    >>> groups.of_unit.tolist(), groups.run.tolist()
    ([0, 0, 1, 2], [0, 0, 1])
    """
    _, channel_number = np.unique(channel, return_inverse=True)
    runs = np.zeros_like(channel_number)
    if run is not None:
        _, runs = np.unique(run, return_inverse=True)
    pairs, of_unit = np.unique(np.stack([runs, channel_number]), axis=1, return_inverse=True)
    return Clusters(of_unit.reshape(-1), pairs[0])


def resamples(
    clusters: Clusters, *, rng: np.random.Generator, n_resamples: int = 1000
) -> Iterator[Times]:
    """Draw runs with replacement, and in each as many channels as it has, block by block.

    Parameters
    ----------
    clusters : Clusters
        Of the units.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int
        How many in all.

    Yields
    ------
    array, shape (resample, channel)
        How often each channel was drawn; few enough resamples that they fit into memory.

    Examples
    --------
    >>> blocks = resamples(cluster(np.arange(5)), rng=np.random.default_rng(0), n_resamples=3)
    >>> [block.sum(axis=1).tolist() for block in blocks]
    [[5.0, 5.0, 5.0]]
    """
    if n_resamples < 1:
        raise UserError(f"n_resamples must be at least 1; got {n_resamples}.")
    if not clusters.n:
        yield np.zeros((n_resamples, 0), dtype=np.float32)
        return
    n_runs = clusters.n_runs
    rows = max(BLOCK // max(len(clusters.of_unit), 1), 1)
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        times = rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=size)
        counts = np.zeros((size, clusters.n), dtype=np.float32)
        for run in range(n_runs):
            members = np.flatnonzero(clusters.run == run)
            even = np.full(len(members), 1 / len(members))
            counts[:, members] = rng.multinomial(times[:, run] * len(members), even)
        yield counts


def medians(values: Array, times: Times) -> Array:
    """Medians of samples that hold each value a number of times.

    Parameters
    ----------
    values : array, shape (unit,)
        All defined.
    times : array, shape (sample, unit)
        How often each value is in each sample.

    Returns
    -------
    array, shape (sample,)
        As `numpy.median` gives them; NaN for an empty sample.

    Examples
    --------
    >>> medians(np.array([5.0, 1.0, 2.0]), np.float32([[1, 1, 2], [1, 1, 0]])).tolist()
    [2.0, 3.0]
    """
    if not values.size:
        return np.full(len(times), np.nan)
    order = values.argsort()
    ranked, upto = values[order], times[:, order].cumsum(axis=1)
    total = upto[:, -1:]
    lower, upper = ((upto > np.floor((total - part) / 2)).argmax(axis=1) for part in (1, 0))
    return np.where(total[:, 0] > 0, (ranked[lower] + ranked[upper]) / 2, np.nan)


def interval(
    estimate: float,
    draws: Array,
    *,
    jackknife: Sequence[tuple[Array, Array]] = (),
    level: float = 0.95,
) -> Interval:
    """Interval from the values that a statistic has in bootstrap samples.

    Parameters
    ----------
    estimate : float
        Its value in the sample itself.
    draws : array, shape (resample,)
        Its values in bootstrap samples; NaN, where a sample held nothing defined, is left out.
    jackknife : sequence of (array, array)
        For each independent sample that enters the statistic: its values when one observation is
        left out, and how many observations give each of these values. With them the interval is
        bias-corrected and accelerated (BCa); without them it is the percentile interval, as for
        medians, whose jackknife does not estimate their spread.
    level : float
        Share of samples whose interval is to hold the truth.

    Returns
    -------
    Interval
        NaN where there is no estimate, or where fewer than half of the draws are defined.

    Examples
    --------
    >>> round(interval(0.5, np.linspace(0, 1, 1001)).low, 9)
    0.025
    """
    from scipy import special  # takes a while to import

    known = draws[~np.isnan(draws)]
    if np.isnan(estimate) or 2 * len(known) < len(draws) or not len(known):
        return Interval(estimate, float("nan"), float("nan"), "")
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    method = "percentile"
    if jackknife and np.ptp(known) > 0:
        # Half of the ties count as below, as scipy.stats.bootstrap has it.
        share = ((known < estimate).mean() + (known <= estimate).mean()) / 2
        bias = special.ndtri(np.clip(share, 1 / len(known), 1 - 1 / len(known)))
        shifted = bias + special.ndtri(tails)
        tails = special.ndtr(bias + shifted / (1 - _acceleration(jackknife) * shifted))
        method = "bca"
    low, high = np.quantile(known, tails)
    return Interval(estimate, float(low), float(high), method)


def _acceleration(jackknife: Sequence[tuple[Array, Array]]) -> float:
    """Skewness of the influence of single observations, a sixth of it."""
    cubes = squares = 0.0
    for values, times in jackknife:
        n = times.sum()
        influence = (n - 1) * ((values * times).sum() / n - values)
        cubes += (times * influence**3).sum() / n**3
        squares += (times * influence**2).sum() / n**2
    return float(cubes / (6 * squares**1.5)) if squares > 0 else 0.0
