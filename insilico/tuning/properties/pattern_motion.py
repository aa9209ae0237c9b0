"""Whether a unit answers to the motion of a plaid or to that of its gratings.

The curve has dims ("unit", "direction") and holds the responses to plaids; its coordinate
``grating`` holds those to gratings alone, and ``plaid_angle`` the angle between the two gratings of
a plaid.

References
----------
Movshon JA, Adelson EH, Gizzi MS, Newsome WT (1985). The analysis of moving visual patterns. In:
Pattern Recognition Mechanisms, 117-151.
Smith MA, Majaj NJ, Movshon JA (2005). Dynamics of motion signaling by neurons in macaque area MT.
Nat Neurosci 8:220-228, doi:10.1038/nn1382.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.values import per_unit

__all__ = ["component_cell", "component_motion", "pattern_cell", "pattern_index", "pattern_motion"]

Array = npt.NDArray[np.float64]

# A cell is one or the other if its index exceeds the other one, and 0, by this: p = .9.
CRITERION = NormalDist().inv_cdf(0.9)

# Noiseless responses can follow a prediction exactly, of which Fisher's z is infinite.
HIGHEST = 0.999


def pattern_motion(curve: xr.DataArray) -> xr.DataArray:
    """Fisher's z of the partial correlation with what a unit of pattern motion would answer.

    Such a unit answers to a plaid as to a grating that drifts in its direction.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        Responses to plaids, relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In standard deviations: ``atanh(R) sqrt(n - 3)``, with n directions; correlations beyond
        .999 count as .999. NaN where the two predictions are alike, or the responses do not vary.
    """
    return per_unit(curve, "pattern_motion", _scores(curve)[0], "Pattern motion (z)")


def component_motion(curve: xr.DataArray) -> xr.DataArray:
    """Fisher's z of the partial correlation with what a unit of component motion would answer.

    Such a unit answers to a plaid as to each of its gratings, and sums.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        As for `pattern_motion`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN as for `pattern_motion`.
    """
    return per_unit(curve, "component_motion", _scores(curve)[1], "Component motion (z)")


def pattern_index(curve: xr.DataArray) -> xr.DataArray:
    """Pattern index: Fisher's z for pattern motion less that for component motion.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        As for `pattern_motion`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN as for `pattern_motion`.
    """
    pattern, component = _scores(curve)
    return per_unit(curve, "pattern_index", pattern - component, "Pattern index")


def pattern_cell(curve: xr.DataArray) -> xr.DataArray:
    """Whether the unit is a pattern cell: pattern motion exceeds the other and 0 by 1.28.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        As for `pattern_motion`.

    Returns
    -------
    DataArray, dims ("unit",)
        1 or 0. NaN as for `pattern_motion`.
    """
    pattern, component = _scores(curve)
    return per_unit(curve, "pattern_cell", _exceeds(pattern, component), "Pattern cell")


def component_cell(curve: xr.DataArray) -> xr.DataArray:
    """Whether the unit is a component cell: component motion exceeds the other and 0 by 1.28.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        As for `pattern_motion`.

    Returns
    -------
    DataArray, dims ("unit",)
        1 or 0. NaN as for `pattern_motion`.
    """
    pattern, component = _scores(curve)
    return per_unit(curve, "component_cell", _exceeds(component, pattern), "Component cell")


def _exceeds(one: Array, other: Array) -> Array:
    return np.where(np.isnan(one), np.nan, one - other.clip(0) > CRITERION)


def _scores(curve: xr.DataArray) -> tuple[Array, Array]:
    """Fisher's z for pattern and for component motion."""
    plaid, grating = (
        each.transpose("unit", "direction").to_numpy().astype(float)
        for each in (curve, curve["grating"])
    )
    n = plaid.shape[1]
    turn = float(curve["plaid_angle"]) / 2 / (360 / n)
    if abs(turn - round(turn)) > 1e-6:
        raise ValueError(
            "the gratings of a plaid must drift in directions that are shown; half of "
            f"{float(curve['plaid_angle']):g} deg is no multiple of {360 / n:g} deg."
        )
    component = np.roll(grating, round(turn), axis=1) + np.roll(grating, -round(turn), axis=1)
    with_pattern, with_component = (
        np.clip(_correlation(plaid, each), -HIGHEST, HIGHEST) for each in (grating, component)
    )
    between = _correlation(grating, component)
    between = np.where(np.abs(between) > HIGHEST, np.nan, between)
    return (
        _fisher(with_pattern, with_component, between, n),
        _fisher(with_component, with_pattern, between, n),
    )


def _correlation(one: Array, other: Array) -> Array:
    a, b = (each - each.mean(1, keepdims=True) for each in (one, other))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))


def _fisher(one: Array, other: Array, between: Array, n: int) -> Array:
    partial = (one - other * between) / np.sqrt((1 - other**2) * (1 - between**2))
    return np.arctanh(np.clip(partial, -HIGHEST, HIGHEST)) * np.sqrt(max(n - 3, 0))
