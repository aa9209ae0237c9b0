"""Annuli: gratings with a growing hole where the receptive field is.

The curve has dims ("unit", "contrast", "inner_diameter"), holes ascending in deg and the first of
them 0, and holds the mean less the blank or the modulation.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import interpolate
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "annular_field_contrast_ratio",
    "annular_minimum_response_field",
    "annular_to_summation_field_ratio",
    "hole_suppression",
    "surround_inner_diameter",
    "surround_inner_diameter_low_contrast",
]

Array = npt.NDArray[np.float64]

# A hole is as large as the field when this share of the response is left (Cavanaugh et al. 2002a).
LEVEL = 0.05

# Contrast of the surrounds that will be shown.
SURROUND = 0.5
LOW, HIGH = 0.25, 1.0


def annular_minimum_response_field(curve: xr.DataArray) -> xr.DataArray:
    """Diameter of the smallest hole that leaves at most 5 % of the largest response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, at contrast 1, by cubic spline over log diameter. NaN for a silent unit, and where
        no hole shown leaves so little.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    return per_unit(
        curve,
        "annular_minimum_response_field",
        _hole(curve, HIGH),
        "Annular minimum response field",
        "deg",
    )


def annular_to_summation_field_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Annular minimum response field over the diameter of 95 % of the peak of size tuning.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses, with the coordinate ``optimal_diameter``.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either is.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    ratio = _hole(curve, HIGH) / curve["optimal_diameter"].to_numpy()
    return per_unit(
        curve, "annular_to_summation_field_ratio", ratio, "Annular field / summation field"
    )


def annular_field_contrast_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Annular minimum response field at contrast .25 over that at contrast 1.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either is, or contrast .25 does not reach 5 spikes/s.
    """
    ratio = _hole(curve, LOW) / _hole(curve, HIGH)
    return per_unit(
        curve, "annular_field_contrast_ratio", ratio, "Annular field, low / high contrast"
    )


def hole_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Fall of the response when a hole of half the summation field opens.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses, with the coordinate ``optimal_diameter``.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - R(hole = half a field) / R(no hole)`` at contrast 1, interpolated; a response below
        blank counts as nothing. NaN where the grating without a hole does not reach 5 spikes/s.
    """
    full = _at(curve, HIGH)
    smooth = _smooth(full)
    holes = smooth["inner_diameter"].to_numpy()
    half = curve["optimal_diameter"].to_numpy() / 2
    at = np.abs(holes[:, None] - half).argmin(0)
    left = smooth.to_numpy()[np.arange(len(half)), at].clip(0)
    whole = full.sel(inner_diameter=0).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(whole >= response_criterion(curve), 1 - left / whole, np.nan)
    return per_unit(curve, "hole_suppression", index, "Fall of the response with a hole")


def surround_inner_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Find where a surround begins: at the edge of the centre, or beyond what drives the unit.

    The larger of the summation field at contrast .5 and the hole at which an annulus of contrast .5
    by itself gives at most 5 % of what the centre gives.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses, with the coordinates ``center_diameter`` and ``center_response``.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN where no hole shown leaves so little.
    """
    return _begins(curve, "surround_inner_diameter", "Inner diameter of the surround", "")


def surround_inner_diameter_low_contrast(curve: xr.DataArray) -> xr.DataArray:
    """Where a surround begins around a centre of low contrast.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "inner_diameter")
        Responses, with the coordinates ``center_diameter_low_contrast`` and
        ``center_response_low_contrast``.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, as for `surround_inner_diameter`. NaN where that would be.
    """
    return _begins(
        curve,
        "surround_inner_diameter_low_contrast",
        "Inner diameter of the surround, low contrast",
        "_low_contrast",
    )


def _begins(curve: xr.DataArray, name: str, label: str, which: str) -> xr.DataArray:
    level = LEVEL * curve[f"center_response{which}"].to_numpy()
    hole = _smallest(_at(curve, SURROUND), level)
    inner = np.maximum(hole, curve[f"center_diameter{which}"].to_numpy())
    return per_unit(curve, name, inner, label, "deg", silent=True)


def _at(curve: xr.DataArray, contrast: float) -> xr.DataArray:
    return curve.transpose("unit", "contrast", "inner_diameter").sel(
        contrast=contrast, method="nearest", drop=True
    )


def _hole(curve: xr.DataArray, contrast: float) -> Array:
    """Smallest hole of 5 % of the peak at a contrast that drives the unit."""
    shown = _at(curve, contrast)
    peak = shown.max("inner_diameter").to_numpy()
    hole = _smallest(shown, LEVEL * peak)
    return np.where(peak >= response_criterion(curve), hole, np.nan)


def _smooth(shown: xr.DataArray) -> xr.DataArray:
    """Interpolate over log diameter; no hole at all is not among them."""
    return interpolate(shown.where(shown["inner_diameter"] > 0, drop=True), "inner_diameter")


def _smallest(shown: xr.DataArray, level: Array) -> Array:
    """Smallest hole, (unit,), that leaves at most a level."""
    smooth = _smooth(shown)
    below = smooth.to_numpy() <= level[:, None]
    return np.where(below.any(1), smooth["inner_diameter"].to_numpy()[below.argmax(1)], np.nan)
