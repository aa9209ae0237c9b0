"""Responses to square waves: what their third harmonic does, and how strong their first is."""

import numpy as np
import xarray as xr

from insilico.tuning.properties.contrast import contrast_c50
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = ["square_wave_contrast_shift", "third_harmonic_peak"]

# In octaves from a third of the preferred frequency.
WITHIN = 0.2


def third_harmonic_peak(curve: xr.DataArray) -> xr.DataArray:
    """Height of a second peak at a third of the preferred frequency, of square waves.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_frequency")
        Mean responses less the blank, over octaves from the preferred frequency.

    Returns
    -------
    DataArray, dims ("unit",)
        Of the highest local peak within .2 octaves of a third: how far the response falls on both
        sides of it, or on the side where it falls less, as a share of the largest response. 0
        where there is no peak. NaN where the largest response does not reach 5 spikes/s.
    """
    values = curve.transpose("unit", "relative_frequency").to_numpy().astype(float).clip(0)
    octaves = curve["relative_frequency"].to_numpy()
    near = np.flatnonzero(np.abs(octaves + np.log2(3)) <= WITHIN)
    heights = np.zeros((len(values), len(near)))
    for place, at in enumerate(near):
        inner = (values[:, at] > values[:, at - 1]) & (values[:, at] > values[:, at + 1])
        falls = [values[:, at] - side.min(1) for side in (values[:, :at], values[:, at + 1 :])]
        heights[:, place] = np.where(inner, np.minimum(*falls), 0)
    largest = values.max(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.where(largest >= response_criterion(curve), heights.max(1) / largest, np.nan)
    return per_unit(curve, "third_harmonic_peak", height, "Second peak at a third")


def square_wave_contrast_shift(curve: xr.DataArray) -> xr.DataArray:
    """Octaves by which the contrast of half the maximum is lower for a square than a sine wave.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses to square waves, with the coordinate ``contrast_c50``, that of sine waves.

    Returns
    -------
    DataArray, dims ("unit",)
        ``log2 c50(sine / square)``: log2(4/pi) where only the first harmonic counts. NaN where
        either fit explains less than 80 % of the variance or has a parameter on a bound.
    """
    shift = np.log2(curve["contrast_c50"].to_numpy() / contrast_c50(curve).to_numpy())
    return per_unit(
        curve, "square_wave_contrast_shift", shift, "c50, sine over square wave", "octaves"
    )
