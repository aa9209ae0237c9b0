"""Contrast response, and how size tuning changes with contrast.

Curves hold the mean less the blank, or the modulation, over ``contrast`` (and ``diameter``).
"""

import numpy as np
import xarray as xr

from insilico.tuning.curves import crossing, interpolate
from insilico.tuning.fits import fit_curve, is_better
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "contrast_c50",
    "contrast_exponent",
    "contrast_fit_r2",
    "contrast_gain",
    "contrast_half_peak",
    "contrast_supersaturation",
    "contrast_threshold",
    "summation_field_contrast_ratio",
    "suppression_index_low_contrast",
]

# The summation field reaches this share of the largest response, and size tuning is read at the
# lowest contrast that gives this share of the response at contrast 1 (Cavanaugh et al. 2002).
FIELD_LEVEL = 0.95
LOW_CONTRAST_SHARE = 0.2


def contrast_c50(curve: xr.DataArray) -> xr.DataArray:
    """Contrast of half the maximum, of a Naka-Rushton curve fitted to the contrast response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit, and where the fit explains less than 80 % of the variance or has a
        parameter on a bound.

    References
    ----------
    Albrecht & Hamilton (1982), J Neurophysiol 48:217-237.
    """
    return per_unit(curve, "contrast_c50", _good(curve)["c50"], "Contrast at half maximum")


def contrast_exponent(curve: xr.DataArray) -> xr.DataArray:
    """Exponent of a Naka-Rushton curve fitted to the contrast response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit, and where the fit explains less than 80 % of the variance or has a
        parameter on a bound.

    References
    ----------
    Albrecht & Hamilton (1982), J Neurophysiol 48:217-237.
    """
    return per_unit(curve, "contrast_exponent", _good(curve)["exponent"], "Contrast exponent")


def contrast_fit_r2(curve: xr.DataArray) -> xr.DataArray:
    """Share of the variance of the contrast response that its Naka-Rushton curve explains.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit.
    """
    fit = fit_curve(curve, "naka_rushton")
    return per_unit(curve, "contrast_fit_r2", fit["r2"], "R2 of the contrast response")


def contrast_half_peak(curve: xr.DataArray) -> xr.DataArray:
    """Lowest contrast of half the largest response, interpolated in log contrast.

    Below c50 where the response does not saturate within contrast 1.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit, and where neither the Naka-Rushton curve nor Peirce's, which falls
        again at high contrast, fits well.

    References
    ----------
    Peirce (2007), J Vis 7(6):13, on curves that fall.
    """
    contrast, values = _shown(curve)
    base = _base(curve)
    peak = values.max(1)
    half = base + (peak - base) / 2
    # Read downwards from the peak: the mirrored curve first falls to half there.
    top = values.argmax(1)
    steps = crossing(values[:, ::-1], values.shape[1] - 1 - top, half)
    place = top - steps
    found = np.exp(np.interp(place, np.arange(len(contrast)), np.log(contrast)))
    simple, falling = fit_curve(curve, "naka_rushton"), fit_curve(curve, "peirce")
    fits = (simple["flag"] == "good") | ((falling["flag"] == "good") & is_better(falling, simple))
    return per_unit(
        curve,
        "contrast_half_peak",
        np.where(fits & np.isfinite(place), found, np.nan),
        "Contrast at half of the peak",
    )


def contrast_supersaturation(curve: xr.DataArray) -> xr.DataArray:
    """Fall of the response from its peak to contrast 1, as a share of the peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where the largest response is that to contrast 1. NaN for a silent unit.

    References
    ----------
    Peirce (2007), J Vis 7(6):13.
    """
    _, values = _shown(curve)
    base, peak = _base(curve), values.max(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = (peak - np.maximum(values[:, -1], base)) / (peak - base)
    return per_unit(curve, "contrast_supersaturation", fall, "Supersaturation")


def contrast_gain(curve: xr.DataArray) -> xr.DataArray:
    """Steepest rise of the response per octave of contrast.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        Between neighbouring contrasts. NaN for a silent unit.
    """
    contrast, values = _shown(curve)
    slope = np.diff(values, axis=1) / np.diff(np.log2(contrast))
    units = f"{curve.attrs.get('units', '1')} per octave"
    return per_unit(curve, "contrast_gain", slope.max(1), "Contrast gain", units)


def contrast_threshold(curve: xr.DataArray) -> xr.DataArray:
    """Lowest shown contrast that gives 5 spikes/s above blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest response in the layer. NaN for a
        unit that no contrast drives so far.
    """
    contrast, values = _shown(curve)
    above = values >= response_criterion(curve)[:, None]
    lowest = np.where(above.any(1), contrast[above.argmax(1)], np.nan)
    return per_unit(curve, "contrast_threshold", lowest, "Contrast threshold")


def summation_field_contrast_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Summation field at low contrast over that at contrast 1.

    The low contrast is the lowest with at least 20 % of the response at contrast 1; a field is the
    smallest diameter of 95 % of the peak, by cubic spline over log diameter.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a silent unit, and where only contrast 1 gives 20 %.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546 (the rule); Sceniak, Ringach,
    Hawken & Shapley (1999), Nat Neurosci 2:733-739 (the comparison).
    """
    low, high = (_field(part) for part in _low_and_high(curve))
    return per_unit(
        curve, "summation_field_contrast_ratio", low / high, "Summation field, low / high contrast"
    )


def suppression_index_low_contrast(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the largest grating at low contrast: ``(Ropt - Rsupp) / Ropt``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "diameter")
        Responses; the low contrast is that of `summation_field_contrast_ratio`.

    Returns
    -------
    DataArray, dims ("unit",)
        A response below blank counts as nothing. NaN for a silent unit, and where only contrast 1
        gives 20 %.
    """
    low, _ = _low_and_high(curve)
    values = interpolate(low, "diameter").to_numpy()
    best = values.max(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = 1 - values[:, -1].clip(0) / best
    return per_unit(curve, "suppression_index_low_contrast", index, "Suppression, low contrast")


def _good(curve: xr.DataArray) -> xr.Dataset:
    """Naka-Rushton fits, NaN where they are none to speak of."""
    fit = fit_curve(curve, "naka_rushton")
    return fit[["c50", "exponent"]].where(fit["flag"] == "good")


def _shown(curve: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Contrasts above 0, and the responses (unit, contrast) to them."""
    seen = curve.where(curve["contrast"] > 0, drop=True).transpose("unit", "contrast")
    return seen["contrast"].to_numpy().astype(float), seen.to_numpy().astype(float)


def _base(curve: xr.DataArray) -> np.ndarray:
    """Response to contrast 0, or 0 where it was not shown."""
    zero = curve.where(curve["contrast"] == 0, drop=True)
    if not zero.sizes["contrast"]:
        return np.zeros(curve.sizes["unit"])
    return zero.isel(contrast=0).to_numpy().astype(float)


def _low_and_high(curve: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Size tuning at low contrast, NaN where there is none, and at the highest contrast."""
    ordered = curve.transpose("unit", "contrast", "diameter")
    best = ordered.max("diameter")
    enough = best >= LOW_CONTRAST_SHARE * best.isel(contrast=-1)
    lowest = enough.argmax("contrast")
    low = ordered.isel(contrast=lowest).drop_vars("contrast")
    return low.where(lowest < curve.sizes["contrast"] - 1), ordered.isel(contrast=-1, drop=True)


def _field(curve: xr.DataArray) -> np.ndarray:
    """Smallest diameter of 95 % of the peak, by cubic spline over log diameter, in deg."""
    smooth = interpolate(curve, "diameter")
    values = smooth.to_numpy()
    reached = values >= FIELD_LEVEL * values.max(1, keepdims=True)
    return np.where(reached.any(1), smooth["diameter"].to_numpy()[reached.argmax(1)], np.nan)
