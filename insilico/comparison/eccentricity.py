"""How properties change with eccentricity: means and slopes, with intervals."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.comparison import statistics
from insilico.errors import UserError

__all__ = ["MEASURED", "eccentricity_slopes"]

Array = npt.NDArray[np.float64]

# Of the experiment on eccentricity.
MEASURED = ("field_diameter", "preferred_period", "radial_bias")

# A slope needs units at places that differ; of fewer channels no interval is made.
FEWEST_UNITS = 5


def eccentricity_slopes(
    units: xr.Dataset, *, seed: int = 0, n_resamples: int = 1000
) -> pd.DataFrame:
    """Fit straight lines to properties over eccentricity, by least squares.

    Parameters
    ----------
    units : Dataset, dim "unit"
        The table of units of a run, with ``eccentricity`` and some of `MEASURED`.
    seed : int
        Of the resampling.
    n_resamples : int
        Bootstrap samples: channels are drawn with replacement, each with all of its sites.

    Returns
    -------
    DataFrame, one row per layer and property
        ``n`` units with a value; ``mean`` and ``slope`` (per deg of eccentricity), each with the
        ends of a 95 % interval in ``_low`` and ``_high``; ``intercept``, the value of the line at
        eccentricity 0. NaN for a layer with fewer than five such units, and where eccentricities
        differ by less than the median ``field_diameter``: units that look at one place differ by
        what their maps scatter.

    Raises
    ------
    UserError
        If eccentricity was not measured.
    """
    if "eccentricity" not in units:
        raise UserError(
            "eccentricity was not measured: run battery='eccentricity', which records sites all "
            "over the display."
        )
    rows = []
    for layer in pd.unique(units["layer"].to_numpy().astype(str)):
        of_layer = units.isel(unit=np.flatnonzero(units["layer"].to_numpy().astype(str) == layer))
        for name in MEASURED:
            if name in units:
                rng = np.random.default_rng(seed)
                rows.append(
                    {"layer": layer, "property": name, **_line(of_layer, name, rng, n_resamples)}
                )
    return pd.DataFrame(rows)


def _line(
    units: xr.Dataset, name: str, rng: np.random.Generator, n_resamples: int
) -> dict[str, float]:
    """Mean, slope and intercept of one property, with intervals."""
    distance, values = units["eccentricity"].to_numpy(), units[name].to_numpy()
    known = np.isfinite(distance) & np.isfinite(values)
    distance, values = distance[known], values[known]
    nothing = dict.fromkeys(
        ("mean", "mean_low", "mean_high", "slope", "slope_low", "slope_high", "intercept"), np.nan
    )
    if known.sum() < FEWEST_UNITS or np.ptp(distance) <= _one_place(units):
        return {"n": int(known.sum()), **nothing}
    clusters = statistics.cluster(units["channel"].to_numpy()[known])
    # Sums per channel: those of a sample follow from how often each channel was drawn.
    terms = np.stack(
        [np.ones_like(distance), distance, distance**2, values, distance * values], axis=1
    )
    sums = np.zeros((clusters.n, terms.shape[1]))
    np.add.at(sums, clusters.of_unit, terms)
    blocks = statistics.resamples(clusters, rng=rng, n_resamples=n_resamples)
    drawn = np.concatenate([_fit(times.astype(float) @ sums) for times in blocks])
    [(mean, slope, intercept)] = _fit(sums.sum(0, keepdims=True))
    ends = {
        label: statistics.interval(estimate, drawn[:, column])
        for column, (label, estimate) in enumerate((("mean", mean), ("slope", slope)))
    }
    return {
        "n": int(known.sum()),
        **{
            key: value
            for label, found in ends.items()
            for key, value in (
                (label, found.estimate),
                (f"{label}_low", found.low),
                (f"{label}_high", found.high),
            )
        },
        "intercept": intercept,
    }


def _one_place(units: xr.Dataset) -> float:
    """Say by how much eccentricities may differ, in deg, of units that look at one place."""
    if "field_diameter" not in units or not units["field_diameter"].notnull().any():
        return 0.0
    return float(units["field_diameter"].median())


def _fit(sums: Array) -> Array:
    """Mean, slope and intercept from sums of 1, x, x^2, y and x y: (sample, 3)."""
    n, x, xx, y, xy = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (n * xy - x * y) / (n * xx - x**2)
        return np.stack([y / n, slope, (y - slope * x) / n], axis=1)
