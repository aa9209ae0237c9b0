"""Orientation tuning as in the benchmark, for the data of Ringach (2002) and De Valois (1982a).

The curve has dims ("unit", "orientation") and holds the mean response over phase, nothing
subtracted, at the preferred number of cycles and spatial frequency. Its coordinate
``first_harmonic`` is F1 at the preferred condition, ``blank`` the response to the blank.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.marques2020._smoothing import (
    HANNING,
    SMOOTH,
    crossings,
    fine_orientation,
    per_unit,
    published_angle,
    ratio,
)

# Preferred orientations from here on are given as negative ones: the last bin edge.
WRAP_AT = 157.5


def baseline(curve: xr.DataArray) -> xr.DataArray:
    """Response to the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    return per_unit(curve, curve["blank"], "ringach2002.baseline", "Baseline rate", "spikes/s")


def max_dc(curve: xr.DataArray) -> xr.DataArray:
    """Mean response (F0) to the preferred grating.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    best = curve.max("orientation")
    return per_unit(curve, best, "ringach2002.max_dc", "Maximum mean rate", "spikes/s")


def min_dc(curve: xr.DataArray) -> xr.DataArray:
    """Smallest mean response of the orientation curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    worst = curve.min("orientation")
    return per_unit(curve, worst, "ringach2002.min_dc", "Minimum mean rate", "spikes/s")


def max_ac(curve: xr.DataArray) -> xr.DataArray:
    """First harmonic (F1) of the response to the grating with the largest mean response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation"), coordinate ``first_harmonic``
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    modulation = curve["first_harmonic"]
    return per_unit(curve, modulation, "ringach2002.max_ac", "Maximum modulation", "spikes/s")


def modulation_ratio(curve: xr.DataArray) -> xr.DataArray:
    """F1/F0 of the response to the grating with the largest mean response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation"), coordinate ``first_harmonic``
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit.
    """
    values = ratio(curve["first_harmonic"], curve.max("orientation"))
    return per_unit(curve, values, "ringach2002.modulation_ratio", "Modulation ratio F1/F0")


def circular_variance(curve: xr.DataArray) -> xr.DataArray:
    """``1 - |sum R exp(2i theta)| / sum |R|``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        0 for a unit that answers to one orientation only, 1 for one that has no preference. NaN
        for a silent unit.
    """
    direction = np.exp(2j * np.deg2rad(curve["orientation"]))
    resultant = abs(xr.dot(curve, direction, dim="orientation"))
    values = 1 - ratio(resultant, abs(curve).sum("orientation", skipna=False))
    return per_unit(curve, values, "ringach2002.circular_variance", "Circular variance")


def bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Half-bandwidth at 0.707 of the peak of the "hanning"-smoothed curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, a multiple of 0.5. NaN where the curve does not fall to 0.707 on either side, where
        it would exceed 90 deg, and for a silent unit.
    """
    return per_unit(
        curve,
        _half_bandwidth(curve),
        "ringach2002.bandwidth",
        "Orientation half-bandwidth",
        "deg",
    )


def orthogonal_preferred_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Response at 90 deg from the preferred orientation, relative to the preferred one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit.
    """
    ordered = in_published_order(curve)
    preferred = ordered["orientation"][ordered.argmax("orientation", skipna=False)]
    orthogonal = ordered.sel(orientation=(preferred.drop_vars("orientation") + 90) % 180)
    return per_unit(
        curve,
        ratio(orthogonal.drop_vars("orientation"), curve.max("orientation")),
        "ringach2002.orthogonal_preferred_ratio",
        "Orthogonal/preferred ratio",
    )


def orientation_selective(curve: xr.DataArray) -> xr.DataArray:
    """1, or 0 where the bandwidth is undefined.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a unit without finite responses.
    """
    selective = np.isfinite(_half_bandwidth(curve)).astype(float)
    known = np.isfinite(curve.max("orientation", skipna=False))
    return per_unit(
        curve,
        np.where(known, selective, np.nan),
        "ringach2002.orientation_selective",
        "Orientation selective",
    )


def circular_variance_bandwidth_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Circular variance over half-bandwidth.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In 1/deg. NaN where either is.
    """
    return per_unit(
        curve,
        circular_variance(curve) / _half_bandwidth(curve),
        "ringach2002.circular_variance_bandwidth_ratio",
        "Circular variance / half-bandwidth",
        "1/deg",
    )


def orthogonal_preferred_ratio_circular_variance_difference(curve: xr.DataArray) -> xr.DataArray:
    """Orthogonal/preferred ratio minus circular variance.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit.
    """
    return per_unit(
        curve,
        orthogonal_preferred_ratio(curve) - circular_variance(curve),
        "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
        "Orthogonal/preferred ratio - circular variance",
    )


def orthogonal_preferred_ratio_bandwidth_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Orthogonal/preferred ratio over half-bandwidth.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In 1/deg. NaN where either is.
    """
    return per_unit(
        curve,
        orthogonal_preferred_ratio(curve) / _half_bandwidth(curve),
        "ringach2002.orthogonal_preferred_ratio_bandwidth_ratio",
        "Orthogonal/preferred ratio / half-bandwidth",
        "1/deg",
    )


def preferred_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Peak of the "smooth"-smoothed curve, in the benchmark's degrees.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In whole deg from -22 to 157: 0 for vertical bars, turning clockwise. NaN for a silent unit.
    """
    fine = fine_orientation(curve, SMOOTH).sel(angle=slice(0, 179))
    angle = fine["angle"].to_numpy()[fine.argmax("angle", skipna=False).to_numpy()].astype(float)
    wrapped = np.where(angle >= WRAP_AT, angle - 180, angle)
    return per_unit(
        curve,
        np.where(fine.max("angle") > 0, wrapped, np.nan),
        "devalois1982a.preferred_orientation",
        "Preferred orientation (0 vertical bars, clockwise)",
        "deg",
    )


def in_published_order(response: xr.DataArray) -> xr.DataArray:
    """Sort orientations as published: from vertical bars clockwise.

    Parameters
    ----------
    response : DataArray, dims (..., "orientation")
        Responses.

    Returns
    -------
    DataArray
        The same responses; the first of several that are equal is the preferred one.
    """
    return response.isel(orientation=np.argsort(published_angle(response)))


def _half_bandwidth(curve: xr.DataArray) -> npt.NDArray[np.float64]:
    fine = fine_orientation(curve, HANNING)
    peak = fine.sel(angle=slice(0, 179)).argmax("angle", skipna=False) + 180
    lower, upper = crossings(fine, peak, "angle")
    full = upper - lower
    return np.where(full > 180, np.nan, full / 2)
