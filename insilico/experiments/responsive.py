"""Which units respond: the criteria of the physiologists, on rates or on activations."""

import numpy as np
import xarray as xr

from insilico.tuning.rates import LARGEST_MAXIMUM, RESPONSIVE_THRESHOLD, ROUNDING

__all__ = ["driven", "exceeds_blank", "exceeds_threshold"]


def exceeds_blank(curve: xr.DataArray) -> xr.DataArray:
    """Whether the mean response exceeds that to blank by 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Mean responses, nothing subtracted.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest such difference in the layer.
    """
    return _responsive(
        curve, curve.max([dim for dim in curve.dims if dim != "unit"]) - curve["blank"]
    )


def exceeds_threshold(curve: xr.DataArray) -> xr.DataArray:
    """Whether the response, already relative to blank, exceeds 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Mean less blank, or modulation.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest response in the layer.
    """
    return _responsive(curve, curve.max([dim for dim in curve.dims if dim != "unit"]))


def driven(curve: xr.DataArray) -> xr.DataArray:
    """Whether anything shown drives the unit at all, beyond the rounding of its blank response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses relative to blank.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    evoked = curve.max([dim for dim in curve.dims if dim != "unit"])
    return (evoked > 0) & (evoked > ROUNDING * np.abs(curve["blank"]))


def _responsive(curve: xr.DataArray, evoked: xr.DataArray) -> xr.DataArray:
    if curve.attrs.get("units") == "spikes/s":
        return evoked > RESPONSIVE_THRESHOLD
    largest = evoked.groupby("layer").max().sel(layer=evoked["layer"])
    share = RESPONSIVE_THRESHOLD / LARGEST_MAXIMUM
    return (evoked > share * largest) & (evoked > ROUNDING * np.abs(curve["blank"]))
