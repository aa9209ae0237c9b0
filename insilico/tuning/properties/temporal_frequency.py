"""Temporal-frequency tuning, of gratings that drift in the preferred direction.

Curves have dims ("unit", "temporal_frequency"), about half an octave apart, and hold mean less
blank, or modulation at the frequency of the grating. Where they are cut off they are at half of
their peak.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing, interpolate
from insilico.tuning.properties.values import per_unit

__all__ = [
    "high_cut_off",
    "preferred_temporal_frequency",
    "temporal_frequency_bandwidth",
    "temporal_low_pass",
]

HALF = 0.5


def preferred_temporal_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Temporal frequency at the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "temporal_frequency")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In Hz. The peak of a low-pass unit may be the lowest frequency shown. NaN for a silent unit.
    """
    fine = interpolate(curve, "temporal_frequency")
    peak = fine["temporal_frequency"].to_numpy()[_peak(fine)]
    return per_unit(
        curve, "preferred_temporal_frequency", peak, "Preferred temporal frequency", "Hz"
    )


def temporal_low_pass(curve: xr.DataArray) -> xr.DataArray:
    """Whether the lowest temporal frequency shown still drives the unit above half of its peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "temporal_frequency")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for low-pass, 0 for band-pass; among frequencies from 1 Hz on. NaN for a silent unit.
    """
    low, _ = _cut_offs(curve)
    return per_unit(curve, "temporal_low_pass", np.isnan(low), "Low-pass in time")


def high_cut_off(curve: xr.DataArray) -> xr.DataArray:
    """Temporal frequency above the peak at which the response falls to half of it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "temporal_frequency")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In Hz. NaN where it does not fall so far within the frequencies that the frames can show.
    """
    return per_unit(curve, "high_cut_off", _cut_offs(curve)[1], "High cut-off in time", "Hz")


def temporal_frequency_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Full bandwidth at half of the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "temporal_frequency")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In octaves. NaN for a low-pass unit, and as for `high_cut_off`.
    """
    low, high = _cut_offs(curve)
    return per_unit(
        curve,
        "temporal_frequency_bandwidth",
        np.log2(high / low),
        "Temporal-frequency bandwidth",
        "octaves",
    )


def _peak(fine: xr.DataArray) -> npt.NDArray[np.intp]:
    return np.nan_to_num(fine.to_numpy(), nan=-np.inf).argmax(1)


def _cut_offs(curve: xr.DataArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Frequencies below and above the peak where the response is half of it, NaN where none is."""
    fine = interpolate(curve, "temporal_frequency")
    values, peak = fine.to_numpy(), _peak(fine)
    n = values.shape[1]
    frequencies = fine["temporal_frequency"].to_numpy()
    step = np.log2(frequencies[-1] / frequencies[0]) / max(n - 1, 1)
    level = HALF * values[np.arange(len(values)), peak]
    low = crossing(values[:, ::-1], n - 1 - peak, level)
    high = crossing(values, peak, level)
    return frequencies[peak] * 2.0 ** (-low * step), frequencies[peak] * 2.0 ** (high * step)
