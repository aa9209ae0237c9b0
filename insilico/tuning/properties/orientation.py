"""Orientation tuning, measured as in Ringach, Shapley & Hawken (2002).

The curve has dims ("unit", "orientation"), orientations covering [0, 180) deg evenly, and holds the
mean response over phase, nothing subtracted. Its coordinate ``first_harmonic`` is F1 at the unit's
best condition.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import check_angles, crossing, interpolate
from insilico.tuning.properties.selectivity import tuned
from insilico.tuning.properties.values import per_unit

__all__ = [
    "circular_variance",
    "circular_variance_over_half_bandwidth",
    "first_harmonic",
    "maximum_response",
    "modulation_ratio",
    "orientation_from_cardinal",
    "orientation_half_bandwidth",
    "orientation_half_width",
    "orientation_selective",
    "orthogonal_preferred_ratio",
    "orthogonal_preferred_ratio_minus_circular_variance",
    "preferred_orientation",
    "smoothed_half_bandwidth",
    "strongest_orientation",
]

Array = npt.NDArray[np.float64]

# Ringach et al. (2002) read the half-bandwidth at 1/sqrt 2 of the peak, off a curve smoothed with a
# Hanning window whose half-width at half-height is 13.5 deg.
BANDWIDTH_LEVEL = 1 / np.sqrt(2)
HANNING_HALF_WIDTH = 13.5


def strongest_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Orientation of the bars at the peak of the interpolated curve, tuned or not, in [0, 180) deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, 0 horizontal, counter-clockwise: what sizes, contrasts and surrounds are shown at.
        NaN for a silent unit, and for one that answers alike to all orientations.
    """
    fine = interpolate(curve, "orientation")
    peak = fine["orientation"].to_numpy()[_peak(fine)]
    flat = curve.max("orientation").to_numpy() == curve.min("orientation").to_numpy()
    return per_unit(
        curve,
        "strongest_orientation",
        np.where(flat, np.nan, peak),
        "Orientation of the strongest response",
        "deg",
    )


def preferred_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Orientation of the bars at the peak of the interpolated curve, if tuned, in [0, 180) deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, 0 horizontal, counter-clockwise. NaN for a silent unit, and for one without tuning:
        its responses in random order would be as selective in 5 % of cases or more, and its
        circular variance is above .5.

    Notes
    -----
    Selective in the sense of the resultant, ``|sum r exp(2i orientation)|``. Its square is
    exponential, about, when the order of the responses is random, with the mean
    ``n / (n - 1) sum (r - mean r)^2``; nothing is drawn. Gain and offset of the responses do not
    matter.
    """
    peak = strongest_orientation(curve).to_numpy()
    preferred = np.where(tuned(curve, "orientation"), peak, np.nan)
    return per_unit(curve, "preferred_orientation", preferred, "Preferred orientation", "deg")


def orientation_from_cardinal(curve: xr.DataArray) -> xr.DataArray:
    """Distance of the preferred orientation from horizontal or vertical, in [0, 45] deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg: 0 cardinal, 45 oblique. NaN as for `preferred_orientation`.
    """
    preferred = preferred_orientation(curve).to_numpy()
    distance = np.abs((preferred + 45) % 90 - 45)
    return per_unit(
        curve, "orientation_from_cardinal", distance, "Distance from cardinal orientation", "deg"
    )


def circular_variance(curve: xr.DataArray) -> xr.DataArray:
    """Circular variance: 0 for a unit that answers to one orientation, 1 for an untuned one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses, none negative.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - |sum r exp(2i orientation)| / sum r``. NaN for a silent unit.

    Raises
    ------
    UserError
        If the orientations do not cover [0, 180) deg evenly.

    References
    ----------
    Ringach, Shapley & Hawken (2002), J Neurosci 22:5639-5651.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> orientation = np.arange(0, 180, 15.0)
    >>> tuned = 1 + np.cos(np.deg2rad(2 * (orientation - 30)))
    >>> curve = xr.DataArray([tuned], {"orientation": orientation}, ("unit", "orientation"))
    >>> circular_variance(curve).values.round(6)
    array([0.5])
    """
    check_angles(curve["orientation"].to_numpy(), "orientation")
    direction = np.exp(2j * np.deg2rad(curve["orientation"]))
    total = curve.sum("orientation")
    resultant = np.abs((curve * direction).sum("orientation"))
    variance = 1 - resultant / total.where(total > 0)
    return per_unit(curve, "circular_variance", variance, "Circular variance", "1")


def orientation_half_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Half-bandwidth at 1/sqrt 2 of the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, half the distance between the two crossings. NaN where the curve does not fall to
        the level within 90 deg on both sides.
    """
    width = _half_width(interpolate(curve, "orientation"), BANDWIDTH_LEVEL)
    return per_unit(curve, "orientation_half_bandwidth", width, "Orientation half-bandwidth", "deg")


def orientation_half_width(curve: xr.DataArray) -> xr.DataArray:
    """Half-width at half height of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg; NaN as for `orientation_half_bandwidth`.
    """
    width = _half_width(interpolate(curve, "orientation"), 0.5)
    return per_unit(
        curve, "orientation_half_width", width, "Orientation half-width at half height", "deg"
    )


def smoothed_half_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Half-bandwidth as Ringach et al. read it: 1/sqrt 2 of the peak of the smoothed curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. The Hanning window broadens sharp tuning: an infinitely sharp unit gives 9.8 deg.
        NaN where the smoothed curve does not fall to the level within 90 deg on both sides.

    References
    ----------
    Ringach, Shapley & Hawken (2002), J Neurosci 22:5639-5651.
    """
    width = _half_width(_smooth(interpolate(curve, "orientation")), BANDWIDTH_LEVEL)
    return per_unit(curve, "smoothed_half_bandwidth", width, "Half-bandwidth, smoothed", "deg")


def orientation_selective(curve: xr.DataArray) -> xr.DataArray:
    """Whether the smoothed curve has a half-bandwidth at all: 1 or 0.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        1 where `smoothed_half_bandwidth` is defined, 0 where the curve is too flat, NaN for a
        silent unit.
    """
    selective = np.isfinite(smoothed_half_bandwidth(curve).to_numpy())
    return per_unit(curve, "orientation_selective", selective, "Orientation selective", "1")


def orthogonal_preferred_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Response at 90 deg from the preferred orientation over the response at it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Of the interpolated curve, not below 0. NaN for a silent unit.
    """
    fine = interpolate(curve, "orientation")
    values = fine.to_numpy()
    peak = _peak(fine)
    rows = np.arange(len(values))
    opposite = (peak + values.shape[1] // 2) % values.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values[rows, opposite].clip(0) / values[rows, peak]
    return per_unit(
        curve, "orthogonal_preferred_ratio", ratio, "Orthogonal / preferred response", "1"
    )


def circular_variance_over_half_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Circular variance over the smoothed half-bandwidth: global against local selectivity.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In 1/deg; NaN where either is.
    """
    ratio = circular_variance(curve) / smoothed_half_bandwidth(curve)
    return per_unit(
        curve,
        "circular_variance_over_half_bandwidth",
        ratio,
        "Circular variance / half-bandwidth",
        "1/deg",
    )


def orthogonal_preferred_ratio_minus_circular_variance(curve: xr.DataArray) -> xr.DataArray:
    """Orthogonal/preferred ratio less circular variance.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either is.
    """
    difference = orthogonal_preferred_ratio(curve) - circular_variance(curve)
    return per_unit(
        curve,
        "orthogonal_preferred_ratio_minus_circular_variance",
        difference,
        "Orthogonal / preferred - circular variance",
        "1",
    )


def maximum_response(curve: xr.DataArray) -> xr.DataArray:
    """Mean response at the peak of the interpolated curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In the units of the curve, nothing subtracted. NaN for a silent unit.
    """
    peak = interpolate(curve, "orientation").max("orientation")
    units = curve.attrs.get("units", "1")
    return per_unit(curve, "maximum_response", peak, "Maximum mean response", units)


def first_harmonic(curve: xr.DataArray) -> xr.DataArray:
    """F1, the modulation at the stimulus frequency, at the unit's best sampled condition.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation"), coordinate ``first_harmonic``
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In the units of the curve. NaN for a silent unit.
    """
    units = curve.attrs.get("units", "1")
    return per_unit(curve, "first_harmonic", curve["first_harmonic"], "First harmonic", units)


def modulation_ratio(curve: xr.DataArray) -> xr.DataArray:
    """F1/F0 at the unit's best sampled condition: above 1 for simple cells.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation"), coordinates ``first_harmonic``, ``mean``
        Mean responses.

    Returns
    -------
    DataArray, dims ("unit",)
        The mean is not corrected for the response to the blank. NaN for a silent unit.

    References
    ----------
    Skottun et al. (1991), Vision Res 31:1079-1086; as in Ringach, Shapley & Hawken (2002).
    """
    mean = curve["mean"]
    ratio = curve["first_harmonic"] / mean.where(mean > 0)
    return per_unit(curve, "modulation_ratio", ratio, "Modulation ratio F1/F0", "1")


def _peak(fine: xr.DataArray) -> npt.NDArray[np.intp]:
    return np.nan_to_num(fine.to_numpy(), nan=-np.inf).argmax(1)


def _half_width(fine: xr.DataArray, share: float) -> Array:
    """Half the distance between the crossings of ``share`` of the peak, in deg."""
    values = fine.to_numpy()
    n = values.shape[1]
    step = 180 / n
    peak = _peak(fine)
    # The peak in the middle, 90 deg on either side; the two ends are the same orientation.
    around = (peak[:, None] + np.arange(-(n // 2), n // 2 + 1)) % n
    centred = np.take_along_axis(values, around, axis=1)
    middle = np.full(len(values), n // 2)
    level = share * values[np.arange(len(values)), peak]
    right = crossing(centred, middle, level)
    left = crossing(centred[:, ::-1], middle, level)
    return (left + right) / 2 * step


def _smooth(fine: xr.DataArray) -> xr.DataArray:
    """Circular convolution with Ringach's Hanning window."""
    n = fine.sizes["orientation"]
    lag = (np.arange(n) * 180 / n + 90) % 180 - 90
    window = np.where(
        np.abs(lag) < 2 * HANNING_HALF_WIDTH,
        0.5 + 0.5 * np.cos(np.pi * lag / (2 * HANNING_HALF_WIDTH)),
        0.0,
    )
    spectrum = np.fft.rfft(fine.to_numpy(), axis=1) * np.fft.rfft(window / window.sum())
    return fine.copy(data=np.fft.irfft(spectrum, n, axis=1))
