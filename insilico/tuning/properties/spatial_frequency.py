"""Spatial-frequency tuning: peak and bandwidth.

Curves have dims ("unit", "spatial_frequency"), log-spaced. De Valois, Albrecht & Thorell (1982)
judge a cell on its mean or on its modulation, whichever is larger; Schiller, Finlay & Volman (1976)
on its mean rate. The protocols choose accordingly.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import OCTAVE_STEP, crossing, first_maximum, interpolate
from insilico.tuning.properties.values import per_unit

__all__ = [
    "high_frequency_fall",
    "preferred_spatial_frequency",
    "spatial_frequency_bandwidth",
    "spatial_frequency_bandwidth_percent",
    "spatial_frequency_selective",
]

BANDWIDTH_LEVEL = 1 / np.sqrt(2)


def preferred_spatial_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Spatial frequency at the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In cpd. A low-pass unit gets the lowest frequency shown, and so does one that answers all
        alike. NaN for a silent unit.

    References
    ----------
    De Valois, Albrecht & Thorell (1982), Vision Res 22:545-559.
    """
    fine = interpolate(curve, "spatial_frequency")
    peak = fine["spatial_frequency"].to_numpy()[_peak(fine)]
    return per_unit(
        curve, "preferred_spatial_frequency", peak, "Preferred spatial frequency", "cpd"
    )


def high_frequency_fall(curve: xr.DataArray) -> xr.DataArray:
    """Fall of the response from its peak to the highest frequency shown, as a share of the peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        1 where the highest frequency leaves nothing. NaN for a silent unit.
    """
    values = curve.transpose("unit", "spatial_frequency").to_numpy().clip(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 1 - values[:, -1] / values.max(1)
    return per_unit(curve, "high_frequency_fall", fall, "Fall at the highest frequency")


def spatial_frequency_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Full bandwidth at 1/sqrt 2 of the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In octaves. NaN where the curve does not fall to the level on both sides of the peak
        within the frequencies shown (low-pass and high-pass units).
    """
    low, high = _octaves(curve)
    return per_unit(
        curve, "spatial_frequency_bandwidth", low + high, "Spatial-frequency bandwidth", "octaves"
    )


def spatial_frequency_bandwidth_percent(curve: xr.DataArray) -> xr.DataArray:
    """Low over high cut-off at 1/sqrt 2 of the peak, in per cent: larger is narrower.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In per cent; octaves = log2(100 / value). NaN as for `spatial_frequency_bandwidth`.

    References
    ----------
    Schiller, Finlay & Volman (1976), J Neurophysiol 39:1334-1351.
    """
    low, high = _octaves(curve)
    return per_unit(
        curve,
        "spatial_frequency_bandwidth_percent",
        100 * 2.0 ** -(low + high),
        "Low / high cut-off frequency",
        "%",
    )


def spatial_frequency_selective(curve: xr.DataArray) -> xr.DataArray:
    """Whether the curve falls to 1/sqrt 2 of its peak on both sides: 1 or 0.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit.
    """
    low, high = _octaves(curve)
    return per_unit(
        curve,
        "spatial_frequency_selective",
        np.isfinite(low + high),
        "Spatial-frequency selective",
        "1",
    )


def _peak(fine: xr.DataArray) -> npt.NDArray[np.intp]:
    return first_maximum(fine.to_numpy())


def _octaves(curve: xr.DataArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Octaves from the peak down to the lower and up to the upper crossing."""
    fine = interpolate(curve, "spatial_frequency")
    values, peak = fine.to_numpy(), _peak(fine)
    n = values.shape[1]
    level = BANDWIDTH_LEVEL * values[np.arange(len(values)), peak]
    frequencies = fine["spatial_frequency"].to_numpy()
    step = np.log2(frequencies[-1] / frequencies[0]) / (n - 1) if n > 1 else OCTAVE_STEP
    low = crossing(values[:, ::-1], n - 1 - peak, level)
    high = crossing(values, peak, level)
    return low * step, high * step
