"""Contrast response, and how size tuning changes with contrast.

Curves hold the mean less the blank, or the modulation, over ``contrast`` (and ``diameter``).
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing, interpolate
from insilico.tuning.fits import fit_curve, is_better
from insilico.tuning.properties.values import measures, named, per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "contrast_c50",
    "contrast_fit",
    "contrast_gain",
    "contrast_log_slope_high",
    "contrast_log_slope_low",
    "contrast_supersaturation",
    "contrast_threshold",
    "summation_field_contrast_ratio",
    "suppression_index_low_contrast",
]

# The summation field reaches this share of the largest response, and size tuning is read at the
# lowest contrast that gives this share of the response at contrast 1 (Cavanaugh et al. 2002).
FIELD_LEVEL = 0.95
LOW_CONTRAST_SHARE = 0.2

# The foot of a contrast response begins at this share of the peak.
SMALLEST_SHARE = 0.01


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
    fit = fit_curve(curve, "naka_rushton")
    good = fit["c50"].where(fit["flag"] == "good")
    return per_unit(curve, "contrast_c50", good, "Contrast at half maximum")


@named(
    "contrast_half_peak",
    "contrast_c50",
    "contrast_exponent",
    "contrast_fit_r2",
)
def contrast_fit(curve: xr.DataArray) -> xr.Dataset:
    """Half-peak of the contrast response, and a Naka-Rushton curve fitted to it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    Dataset, dim "unit"
        ``contrast_half_peak``: lowest contrast of half the largest response, interpolated in log
        contrast; below c50 where the response does not saturate within contrast 1.
        ``contrast_c50`` and ``contrast_exponent`` of the fit, and ``contrast_fit_r2``, the share of
        the variance that it explains. NaN for a silent unit; c50 and exponent also where the fit
        explains less than 80 % of the variance or has a parameter on a bound, and the half-peak
        where neither that curve nor Peirce's, which falls again at high contrast, fits well.

    References
    ----------
    Albrecht & Hamilton (1982), J Neurophysiol 48:217-237; Peirce (2007), J Vis 7(6):13, on curves
    that fall.
    """
    simple, falling = fit_curve(curve, "naka_rushton"), fit_curve(curve, "peirce")
    is_good = simple["flag"] == "good"
    fits = is_good | ((falling["flag"] == "good") & is_better(falling, simple))
    found: dict[str, tuple[npt.ArrayLike, str, str, str]] = {
        "contrast_half_peak": (
            np.where(fits, _half_peak(curve), np.nan), "Contrast at half of the peak", "1",
            "Lowest contrast of half the largest response, interpolated in log contrast",
        ),
        "contrast_c50": (
            simple["c50"].where(is_good), "Contrast at half maximum", "1",
            "Contrast of half the maximum, of a Naka-Rushton curve fitted to the contrast response",
        ),
        "contrast_exponent": (
            simple["exponent"].where(is_good), "Contrast exponent", "1",
            "Exponent of a Naka-Rushton curve fitted to the contrast response",
        ),
        "contrast_fit_r2": (
            simple["r2"], "R2 of the contrast response", "1",
            "Share of the variance of the contrast response that its Naka-Rushton curve explains",
        ),
    }  # fmt: skip
    return measures(curve, found)


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


def contrast_log_slope_low(curve: xr.DataArray) -> xr.DataArray:
    """Slope of log response over log contrast at low contrast: the power of the curve's foot.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for a linear response. Between the lowest contrast that gives a hundredth of the peak and
        the second one above it. NaN for a silent unit, and where these are not below the top.
    """
    contrast, values = _shown(curve)
    evoked = values - _base(curve)[:, None]
    first = (evoked >= SMALLEST_SHARE * evoked.max(1, keepdims=True)).argmax(1)
    slope = _log_slope(contrast, evoked, first, first + 2)
    return per_unit(curve, "contrast_log_slope_low", slope, "Log-log slope at low contrast")


def contrast_log_slope_high(curve: xr.DataArray) -> xr.DataArray:
    """Slope of log response over log contrast at the top: 0 where the response saturates.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        Over the two highest steps of contrast; below 0 where the response falls. NaN for a silent
        unit, and where it falls to the blank.
    """
    contrast, values = _shown(curve)
    evoked = values - _base(curve)[:, None]
    last = np.full(len(evoked), len(contrast) - 1)
    slope = _log_slope(contrast, evoked, last - 2, last)
    return per_unit(curve, "contrast_log_slope_high", slope, "Log-log slope at high contrast")


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


def _log_slope(
    contrast: np.ndarray, evoked: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Slope between two of the contrasts, (unit,)."""
    rows, within = np.arange(len(evoked)), end < len(contrast)
    end = np.where(within, end, len(contrast) - 1)
    low, high = evoked[rows, start], evoked[rows, end]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(high / low) / np.log(contrast[end] / contrast[start])
    return np.where(within & (low > 0) & (high > 0), slope, np.nan)


def _half_peak(curve: xr.DataArray) -> np.ndarray:
    """Lowest contrast of half the peak, (unit,)."""
    contrast, values = _shown(curve)
    base, peak = _base(curve), values.max(1)
    # Read downwards from the peak: the mirrored curve first falls to half there.
    top = values.argmax(1)
    steps = crossing(values[:, ::-1], values.shape[1] - 1 - top, base + (peak - base) / 2)
    place = top - steps
    found = np.exp(np.interp(place, np.arange(len(contrast)), np.log(contrast)))
    return np.where(np.isfinite(place), found, np.nan)


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
