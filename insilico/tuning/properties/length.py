"""Length tuning and polarity, of bars and of gratings.

Curves over ``length`` (deg) or over ``polarity`` (-1 dark, 1 light) hold responses less the blank.
"""

import numpy as np
import xarray as xr

from insilico.tuning.properties import size
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "bar_end_stopping_index",
    "bar_preferred_length",
    "black_white_ratio",
    "end_stopping_index",
    "preferred_length",
]


def end_stopping_index(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the longest grating: ``(peak - longest) / peak``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "length")
        Responses to gratings one field wide.

    Returns
    -------
    DataArray, dims ("unit",)
        Of the interpolated curve: 0 without end-stopping, 1 when the longest grating leaves
        nothing. NaN for a silent unit.

    References
    ----------
    Jones, Grieve, Wang & Sillito (2001), J Neurophysiol 86:2011-2028, with gratings that grow on
    all sides.
    """
    return _end_stopping(curve, "end_stopping_index", "End-stopping index")


def preferred_length(curve: xr.DataArray) -> xr.DataArray:
    """Shortest length that gives 95 % of the largest response, of gratings one field wide.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "length")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, by cubic spline over log length. NaN for a silent unit.
    """
    return _preferred(curve, "preferred_length", "Preferred length")


def bar_end_stopping_index(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the longest bar: ``(peak - longest) / peak``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "length")
        Responses to bars half a cycle wide, at their best place.

    Returns
    -------
    DataArray, dims ("unit",)
        As `end_stopping_index`. NaN for a silent unit.
    """
    return _end_stopping(curve, "bar_end_stopping_index", "End-stopping index, bars")


def bar_preferred_length(curve: xr.DataArray) -> xr.DataArray:
    """Shortest length that gives 95 % of the largest response, of bars.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "length")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, by cubic spline over log length. NaN for a silent unit.
    """
    return _preferred(curve, "bar_preferred_length", "Preferred length, bars")


def black_white_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Logarithm to base ten of the response to light bars over that to dark bars.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "polarity")
        Largest response to each, over places.

    Returns
    -------
    DataArray, dims ("unit",)
        Below 0 where dark bars give more. NaN where either does not reach 5 spikes/s.

    References
    ----------
    Yeh, Xing & Shapley (2009), J Neurosci 29:11753-11760, of signal-to-noise ratios.
    """
    ordered = curve.transpose("unit", "polarity")
    dark, light = (ordered.sel(polarity=each).to_numpy() for each in (-1, 1))
    both = np.minimum(dark, light) >= response_criterion(curve)
    ratio = np.where(both, np.log10(np.where(both, light, 1) / np.where(both, dark, 1)), np.nan)
    return per_unit(curve, "black_white_ratio", ratio, "White over black, log")


def _end_stopping(curve: xr.DataArray, name: str, label: str) -> xr.DataArray:
    index = size.suppression_index(curve.rename(length="diameter"))
    return per_unit(curve, name, index, label)


def _preferred(curve: xr.DataArray, name: str, label: str) -> xr.DataArray:
    length = size.optimal_diameter(curve.rename(length="diameter"))
    return per_unit(curve, name, length, label, "deg")
