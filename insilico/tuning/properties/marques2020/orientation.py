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
    published_angle,
    ratio,
)
from insilico.tuning.properties.values import named, per_unit

# Preferred orientations from here on are given as negative ones: the last bin edge.
WRAP_AT = 157.5


@named("ringach2002.baseline")
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
    return per_unit(
        curve, "ringach2002.baseline", curve["blank"], "Baseline rate", "spikes/s", silent=True
    )


@named("ringach2002.max_dc")
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
    return per_unit(curve, "ringach2002.max_dc", best, "Maximum mean rate", "spikes/s", silent=True)


@named("ringach2002.min_dc")
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
    return per_unit(
        curve, "ringach2002.min_dc", worst, "Minimum mean rate", "spikes/s", silent=True
    )


@named("ringach2002.max_ac")
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
    return per_unit(
        curve, "ringach2002.max_ac", modulation, "Maximum modulation", "spikes/s", silent=True
    )


@named("ringach2002.modulation_ratio")
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
    return per_unit(
        curve, "ringach2002.modulation_ratio", values, "Modulation ratio F1/F0", silent=True
    )


@named("ringach2002.circular_variance")
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
    return per_unit(
        curve, "ringach2002.circular_variance", values, "Circular variance", silent=True
    )


@named("ringach2002.bandwidth")
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
        "ringach2002.bandwidth",
        _half_bandwidth(curve),
        "Orientation half-bandwidth",
        "deg",
        silent=True,
    )


@named("ringach2002.orthogonal_preferred_ratio")
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
        "ringach2002.orthogonal_preferred_ratio",
        ratio(orthogonal.drop_vars("orientation"), curve.max("orientation")),
        "Orthogonal/preferred ratio",
        silent=True,
    )


@named("ringach2002.orientation_selective")
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
        "ringach2002.orientation_selective",
        np.where(known, selective, np.nan),
        "Orientation selective",
        silent=True,
    )


@named("ringach2002.circular_variance_bandwidth_ratio")
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
        "ringach2002.circular_variance_bandwidth_ratio",
        circular_variance(curve) / _half_bandwidth(curve),
        "Circular variance / half-bandwidth",
        "1/deg",
        silent=True,
    )


@named("ringach2002.orthogonal_preferred_ratio_circular_variance_difference")
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
        "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
        orthogonal_preferred_ratio(curve) - circular_variance(curve),
        "Orthogonal/preferred ratio - circular variance",
        silent=True,
    )


@named("ringach2002.orthogonal_preferred_ratio_bandwidth_ratio")
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
        "ringach2002.orthogonal_preferred_ratio_bandwidth_ratio",
        orthogonal_preferred_ratio(curve) / _half_bandwidth(curve),
        "Orthogonal/preferred ratio / half-bandwidth",
        "1/deg",
        silent=True,
    )


@named("devalois1982a.preferred_orientation")
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
        "devalois1982a.preferred_orientation",
        np.where(fine.max("angle") > 0, wrapped, np.nan),
        "Preferred orientation (0 vertical bars, clockwise)",
        "deg",
        silent=True,
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
