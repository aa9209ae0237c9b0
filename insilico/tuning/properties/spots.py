"""Fields that single spots and bars find.

Curves hold the response to the better polarity, less the blank, over ``place``, in summation fields
from the middle; the coordinate ``optimal_diameter`` is that field, in deg.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = ["bar_field", "bar_to_grating_field_ratio", "spot_field", "spot_to_grating_field_ratio"]

Array = npt.NDArray[np.float64]

# A field reaches to this share of the largest response.
LEVEL = 0.1


def spot_field(curve: xr.DataArray) -> xr.DataArray:
    """Diameter of the field that spots find: where the response is above 10 % of its peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "along", "place")
        Responses to spots across the preferred bars (``along`` 0) and along them (1), on the line
        of three that drives the unit best.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg: the geometric mean of the two extents, each between its outermost crossings,
        interpolated. NaN where the peak does not reach 5 spikes/s, or the response does not fall to
        10 % of it on all sides within the places shown.
    """
    return per_unit(curve, "spot_field", _of_spots(curve), "Field, from spots", "deg")


def spot_to_grating_field_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Diameter of the field that spots find over the diameter of 95 % of the peak of gratings.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "along", "place")
        As for `spot_field`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where `spot_field` would be.
    """
    ratio = _of_spots(curve) / curve["optimal_diameter"].to_numpy()
    return per_unit(curve, "spot_to_grating_field_ratio", ratio, "Field, spots / gratings")


def bar_field(curve: xr.DataArray) -> xr.DataArray:
    """Width of the field that bars find: where the response is above 10 % of its peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "place")
        Responses to bars of the preferred orientation.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, across the bars, between the outermost crossings, interpolated. NaN where the peak
        does not reach 5 spikes/s, or the response does not fall to 10 % of it on both sides within
        the places shown.
    """
    return per_unit(curve, "bar_field", _of_bars(curve), "Field, from bars", "deg")


def bar_to_grating_field_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Width of the field that bars find over the diameter of 95 % of the peak of gratings.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "place")
        As for `bar_field`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where `bar_field` would be.
    """
    ratio = _of_bars(curve) / curve["optimal_diameter"].to_numpy()
    return per_unit(curve, "bar_to_grating_field_ratio", ratio, "Field, bars / gratings")


def _of_spots(curve: xr.DataArray) -> Array:
    across, along = (_extent(curve, curve.sel(along=each, drop=True)) for each in (0, 1))
    return np.sqrt(across * along)


def _of_bars(curve: xr.DataArray) -> Array:
    return _extent(curve, curve)


def _extent(whole: xr.DataArray, curve: xr.DataArray) -> Array:
    """Distance between the outermost places of 10 % of the peak, (unit,), in deg."""
    values = curve.transpose("unit", "place").to_numpy().astype(float)
    places = curve["place"].to_numpy()
    peak = values.max(1)
    above = values > LEVEL * peak[:, None]
    last = values.shape[1] - 1
    first_above, last_above = above.argmax(1), last - above[:, ::-1].argmax(1)
    beyond = crossing(values, last_above, LEVEL * peak)
    before = crossing(values[:, ::-1], last - first_above, LEVEL * peak)
    steps = last_above - first_above + beyond + before
    width = steps * (places[1] - places[0]) * curve["optimal_diameter"].to_numpy()
    return np.where(peak >= response_criterion(whole), width, np.nan)
