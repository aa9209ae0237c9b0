"""Intervals over repeats: what is measured on half of the trials, about what all of them give.

The mean of half of n trials, drawn without replacement, scatters about that of all of them as the
mean of n trials scatters about the truth: with a variance of s^2/n. What is measured on halves
therefore gives standard errors and intervals without a factor, and no trial is in it twice: it is
the jackknife that deletes half.

References
----------
Efron B (1987). Better bootstrap confidence intervals. J Am Stat Assoc 82:171-185,
doi:10.1080/01621459.1987.10478410.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Spread", "halves", "spread"]

Array = npt.NDArray[np.float64]

LEVEL = 0.95

# Of the halves something has to have a value on, for an interval.
KNOWN = 0.5


class Spread(NamedTuple):
    """What halves of the trials say about values.

    Attributes
    ----------
    low, high : array, shape (n,)
        Ends of 95 % intervals. NaN where more than half of the halves give no value, or all give
        none.
    standard_error : array, shape (n,)
        Root mean square deviation of the halves. NaN likewise.
    defined : array, shape (n,)
        Share of the halves that give a value.
    """

    low: Array
    high: Array
    standard_error: Array
    defined: Array


def halves(n_trials: int, n_halves: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw halves of some trials: each with the one that it leaves.

    Parameters
    ----------
    n_trials, n_halves : int
        Even numbers.
    rng : Generator
        Draws.

    Returns
    -------
    array, shape (half, trial)
        Numbers of the trials in each, ascending.

    Examples
    --------
    >>> halves(4, 2, np.random.default_rng(0)).tolist()
    [[0, 2], [1, 3]]
    """
    order = rng.permuted(np.tile(np.arange(n_trials), (n_halves // 2, 1)), axis=1)
    return np.sort(order.reshape(n_halves, n_trials // 2), axis=1)


def spread(estimate: Array, found: Array, period: float | None = None) -> Spread:
    """Tell how estimates scatter from what is measured on halves of the trials.

    Parameters
    ----------
    estimate : array, shape (n,)
        Measured on all trials.
    found : array, shape (half, n)
        Measured on each half; NaN where it is undefined there.
    period : float, optional
        Of a value that comes round: ends may lie outside of one period.

    Returns
    -------
    Spread
        Intervals are corrected for bias: where more of the halves lie above the estimate than
        below, so does the estimate, presumably, above the truth.
    """
    from scipy.special import ndtr, ndtri  # takes a while to import

    away = found - estimate
    if period is not None:
        away = (away + period / 2) % period - period / 2
    known = np.isfinite(away)
    n = known.sum(axis=0)
    # Ties count for both sides.
    below = ((away < 0).sum(axis=0) + 0.5 * (away == 0).sum(axis=0)) / np.maximum(n, 1)
    shift = ndtri(np.clip(below, 1 / (n + 1), n / (n + 1)))
    reach = ndtri((1 + LEVEL) / 2)
    # What is not known comes last.
    ordered = np.sort(away, axis=0)
    low, high = (_at(ordered, n, ndtr(2 * shift + side * reach)) for side in (-1, 1))
    squares = np.where(known, away**2, 0).sum(axis=0) / np.maximum(n, 1)
    share = n / len(found)
    enough = (share >= KNOWN) & np.isfinite(estimate)
    measured = (estimate + low, estimate + high, np.sqrt(squares))
    lower, upper, error = (np.where(enough, each, np.nan) for each in measured)
    return Spread(lower, upper, error, share)


def _at(ordered: Array, n: npt.NDArray[np.intp], share: Array) -> Array:
    """Quantile of the first n of each column, interpolated."""
    place = share * np.maximum(n - 1, 0)
    before = np.floor(place).astype(np.intp)
    after = np.minimum(before + 1, np.maximum(n - 1, 0))
    first, second = (np.take_along_axis(ordered, each[None], axis=0)[0] for each in (before, after))
    return first + (place - before) * (second - first)
