"""Variability over repeats: of single units, and what pairs of them share.

The curve has the dims ("unit", <factors>, "trial"): spikes that were counted, on every trial of
every stimulus. Units that are compared with one another are those of one layer.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.values import measures, named, per_unit

__all__ = [
    "correlations",
    "counted_moments",
    "fano_factor",
    "noise_correlation",
    "reliability",
    "signal_correlation",
]

Array = npt.NDArray[np.float64]

# Halves that the trials are split into, and samples of the trials, for intervals.
SPLITS = 20
RESAMPLES = 200

# Stimuli with a mean and a variance above 0 that a line is fitted to, at least.
FEWEST = 4


@named(
    "fano_factor",
    "fano_factor_low",
    "fano_factor_high",
    "fano_slope",
    "fano_intercept",
)
def fano_factor(curve: xr.DataArray) -> xr.Dataset:
    """Variance of spike counts over their mean, and the line of log variance on log mean.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    Dataset, dim "unit"
        1 for Poisson spikes. NaN for a unit without spikes; slope and intercept also where fewer
        than four stimuli have a mean and a variance above 0.
    """
    counts = _by_trial(curve)
    rng = np.random.default_rng(0)
    n = counts.shape[2]
    drawn = np.stack([_fano(counts[:, :, rng.integers(0, n, n)]) for _ in range(RESAMPLES)])
    # A sample of trials with repeats varies less than the trials do.
    low, high = np.quantile(drawn * n / max(n - 1, 1), [0.025, 0.975], axis=0)
    slope, intercept = _line(counts)
    said = "of the line of log10 variance on log10 mean count, over stimuli"
    return measures(
        curve,
        {
            "fano_factor": (
                _fano(counts),
                "Fano factor",
                "1",
                "Variance of spike counts over trials, over their mean, both summed over stimuli",
            ),
            "fano_factor_low": (
                low,
                "Fano factor, lower end",
                "1",
                "2.5 % quantile of the Fano factor over samples of the trials",
            ),
            "fano_factor_high": (
                high,
                "Fano factor, upper end",
                "1",
                "97.5 % quantile of the Fano factor over samples of the trials",
            ),
            "fano_slope": (slope, "Variance against mean, slope", "1", f"Slope {said}"),
            "fano_intercept": (intercept, "Variance against mean, intercept", "1", f"Value {said}"),
        },
    )


def reliability(curve: xr.DataArray) -> xr.DataArray:
    """Split-half reliability of mean counts over stimuli, corrected for the length of the halves.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    DataArray, dims ("unit",)
        Correlation r of the means of two halves of the trials, over 20 random splits, as
        2 r / (1 + r) (Spearman and Brown). NaN where a half does not vary over stimuli.
    """
    counts = _by_trial(curve)
    rng = np.random.default_rng(0)
    n = counts.shape[2]
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(n)
        halves = [counts[:, :, part].mean(2) for part in (order[: n // 2], order[n // 2 :])]
        first, second = (_standardised(half, 1) for half in halves)
        found.append((first * second).mean(1))
    r = np.mean(found, axis=0)
    values = 2 * r / (1 + r)
    return per_unit(curve, "reliability", values, "Split-half reliability")


def noise_correlation(curve: xr.DataArray) -> xr.DataArray:
    """Mean correlation of a unit's variation about its means with that of others of its layer.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    DataArray, dims ("unit",)
        Over stimuli and trials, each stimulus in its own standard deviations. NaN without another
        unit that varies.
    """
    values = _mean_of_pairs(curve, "noise")
    return per_unit(curve, "noise_correlation", values, "Noise correlation")


def signal_correlation(curve: xr.DataArray) -> xr.DataArray:
    """Mean correlation of a unit's mean counts over stimuli with those of others of its layer.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN without another unit whose counts differ between stimuli.
    """
    values = _mean_of_pairs(curve, "signal")
    return per_unit(curve, "signal_correlation", values, "Signal correlation")


def counted_moments(curve: xr.DataArray) -> tuple[Array, Array]:
    """Mean and variance over trials of each unit's counts.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    tuple of array, shape (unit, stimulus)
    """
    counts = _by_trial(curve)
    return counts.mean(2), counts.var(2, ddof=1)


def correlations(curve: xr.DataArray) -> dict[str, Array]:
    """Correlate all pairs of units of some layer.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    dict of str to array, shape (unit, unit)
        ``signal`` and ``noise``; NaN on the diagonal, and where a unit does not vary.
    """
    counts = _by_trial(curve)
    signal = _standardised(counts.mean(2), 1)
    residual = _standardised(counts, 2)
    # Stimuli on which a unit never varies say nothing.
    noise = np.nan_to_num(residual).reshape(len(counts), -1)
    varies = np.isfinite(residual).reshape(len(counts), -1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "signal": signal @ signal.T / signal.shape[1],
            "noise": noise @ noise.T / (varies @ varies.T),
        }
    for each in found.values():
        np.fill_diagonal(each, np.nan)
    return found


def _by_trial(curve: xr.DataArray) -> Array:
    """Lay counts out as (unit, stimulus, trial)."""
    ordered = curve.transpose("unit", ..., "trial").to_numpy().astype(float)
    return ordered.reshape(ordered.shape[0], -1, ordered.shape[-1])


def _fano(counts: Array) -> Array:
    mean = counts.mean(2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, counts.var(2, ddof=1).sum(1) / mean, np.nan)


def _line(counts: Array) -> tuple[Array, Array]:
    """Slope and intercept of log variance on log mean, of each unit."""
    mean, variance = counts.mean(2), counts.var(2, ddof=1)
    used = (mean > 0) & (variance > 0)
    x, y = (np.log10(np.where(used, each, 1)) for each in (mean, variance))
    n = used.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre_x, centre_y = ((used * each).sum(1) / n for each in (x, y))
        away = used * (x - centre_x[:, None])
        slope = (away * (y - centre_y[:, None])).sum(1) / (away**2).sum(1)
    slope = np.where(n >= FEWEST, slope, np.nan)
    return slope, centre_y - slope * centre_x


def _standardised(values: Array, axis: int) -> Array:
    away = values - values.mean(axis, keepdims=True)
    size = np.sqrt((away**2).mean(axis, keepdims=True))
    return np.divide(away, size, out=np.full_like(away, np.nan), where=size > 0)


def _mean_of_pairs(curve: xr.DataArray, which: str) -> Array:
    layer = curve["layer"].to_numpy()
    values = np.full(len(layer), np.nan)
    for name in np.unique(layer):
        members = np.flatnonzero(layer == name)
        pairs = correlations(curve.isel(unit=members))[which]
        known = np.isfinite(pairs)
        total = np.where(known, pairs, 0).sum(1)
        values[members] = np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)
    return values
