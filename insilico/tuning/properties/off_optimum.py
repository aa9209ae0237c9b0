"""What changes where a grating is turned off the preferred orientation, or finer than preferred.

Curves hold the mean less the blank, or the modulation, over ``off`` (0 at the optimum, 1 turned, 2
finer) and ``diameter`` or ``contrast``.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from insilico.tuning.properties.contrast import contrast_c50
from insilico.tuning.properties.size import optimal_diameter
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "AT_OPTIMUM",
    "FINER",
    "TURNED",
    "c50_ratio_off_frequency",
    "c50_ratio_off_orientation",
    "field_ratio_off_frequency",
    "field_ratio_off_orientation",
]

AT_OPTIMUM, TURNED, FINER = 0, 1, 2


def field_ratio_off_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Summation field 15 deg off the preferred orientation over that at it.

    A field is the smallest diameter of 95 % of the peak, by cubic spline over log diameter.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "off", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either grating does not reach 5 spikes/s at any size.
    """
    ratio = _ratio(curve, TURNED, optimal_diameter)
    return per_unit(curve, "field_ratio_off_orientation", ratio, "Summation field, 15 deg off / at")


def field_ratio_off_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Summation field half an octave above the preferred frequency over that at it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "off", "diameter")
        As for `field_ratio_off_orientation`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either grating does not reach 5 spikes/s at any size.
    """
    ratio = _ratio(curve, FINER, optimal_diameter)
    return per_unit(
        curve, "field_ratio_off_frequency", ratio, "Summation field, half an octave off / at"
    )


def c50_ratio_off_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Contrast of half the maximum 15 deg off the preferred orientation over that at it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "off", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        1 where the one contrast response is the other, scaled. NaN where either grating does not
        reach 5 spikes/s, or either Naka-Rushton curve explains less than 80 % of the variance or
        has a parameter on a bound.

    References
    ----------
    Albrecht & Hamilton (1982), J Neurophysiol 48:217-237.
    """
    ratio = _ratio(curve, TURNED, contrast_c50)
    return per_unit(curve, "c50_ratio_off_orientation", ratio, "c50, 15 deg off / at")


def c50_ratio_off_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Contrast of half the maximum half an octave above the preferred frequency over that at it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "off", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        As `c50_ratio_off_orientation`. NaN where that would be.

    References
    ----------
    Albrecht & Hamilton (1982), J Neurophysiol 48:217-237.
    """
    ratio = _ratio(curve, FINER, contrast_c50)
    return per_unit(curve, "c50_ratio_off_frequency", ratio, "c50, half an octave off / at")


def _ratio(
    curve: xr.DataArray, off: int, measure: Callable[[xr.DataArray], xr.DataArray]
) -> np.ndarray:
    criterion = response_criterion(curve)
    parts = [curve.sel(off=each, drop=True) for each in (off, AT_OPTIMUM)]
    changed, best = (
        np.where(part.transpose("unit", ...).to_numpy().max(1) >= criterion, measure(part), np.nan)
        for part in parts
    )
    return changed / best
