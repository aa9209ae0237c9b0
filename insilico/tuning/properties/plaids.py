"""Suppression by masks: gratings upon the one that a unit prefers.

Curves hold the mean less the blank, or the modulation at the signal's phases, of the signal with
its mask; what the signal does by itself is the coordinate ``alone``, and what the mask does
``context_alone``.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing
from insilico.tuning.fits import fit_curve
from insilico.tuning.properties.values import measures, named, per_unit, suppression
from insilico.tuning.rates import response_criterion

__all__ = [
    "cross_orientation_suppression",
    "least_mask_suppression",
    "mask_contrast_effect",
    "mask_contrast_shift",
    "mask_fit",
    "mask_frequency_bandwidth",
    "mask_frequency_fall",
    "mask_orientation_selectivity",
    "noise_suppression",
]

Array = npt.NDArray[np.float64]

# The pair of contrasts at which plaids are judged.
SIGNAL, MASK = 0.25, 0.5
FAINT_MASK = 0.06

# A mask is silent that by itself gives less than this share of what the signal gives.
SILENT = 0.05

# Suppression has a selectivity, or an extent, where it is at least this strong.
SUPPRESSED = 0.1


def cross_orientation_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Suppression of a grating of contrast .25 by an orthogonal one of contrast .5.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "mask_contrast")
        Responses; contrast 0 of either is the other alone.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - R(.25, .5) / R(.25, 0)``, below 0 where the mask adds; a response below blank counts
        as nothing. NaN where the grating alone does not reach 5 spikes/s.

    References
    ----------
    Priebe & Ferster (2006) measure it so, in the cat.
    """
    ordered = curve.transpose("unit", "contrast", "mask_contrast")
    signal = ordered.sel(contrast=SIGNAL, method="nearest")
    alone = signal.sel(mask_contrast=0).to_numpy()
    masked = signal.sel(mask_contrast=MASK, method="nearest").to_numpy()
    index = suppression(masked, alone, response_criterion(curve))
    return per_unit(curve, "cross_orientation_suppression", index, "Cross-orientation suppression")


def mask_contrast_shift(curve: xr.DataArray) -> xr.DataArray:
    """Octaves by which a mask of contrast .5 moves the contrast of half the peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "mask_contrast")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Half-peaks are those of each curve within the contrasts shown, interpolated in log contrast.
        NaN where either curve has none there, or does not reach 5 spikes/s.
    """
    shown = curve.where(curve["contrast"] > 0, drop=True).transpose(
        "unit", "contrast", "mask_contrast"
    )
    octaves = np.log2(shown["contrast"].to_numpy())
    halves = []
    for mask in (0, MASK):
        values = shown.sel(mask_contrast=mask, method="nearest").to_numpy()
        peak, top = values.max(1), values.argmax(1)
        steps = crossing(values[:, ::-1], values.shape[1] - 1 - top, peak / 2)
        half = np.interp(top - steps, np.arange(len(octaves)), octaves)
        known = np.isfinite(steps) & (peak >= response_criterion(curve))
        halves.append(np.where(known, half, np.nan))
    return per_unit(
        curve,
        "mask_contrast_shift",
        halves[1] - halves[0],
        "Shift of half-peak by a mask",
        "octaves",
    )


def mask_contrast_effect(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by an orthogonal mask of contrast .5 less that by one of .06.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "mask_contrast")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Of a grating of contrast .25. NaN where it does not reach 5 spikes/s by itself.
    """
    signal = curve.sel(contrast=SIGNAL, method="nearest")
    alone, faint, strong = (
        signal.sel(mask_contrast=each, method="nearest").to_numpy()
        for each in (0, FAINT_MASK, MASK)
    )
    criterion = response_criterion(curve)
    effect = suppression(strong, alone, criterion) - suppression(faint, alone, criterion)
    return per_unit(curve, "mask_contrast_effect", effect, "Masking, strong less faint mask")


@named("mask_weight", "mask_fit_r2")
def mask_fit(curve: xr.DataArray) -> xr.Dataset:
    """Weight of the mask's contrast in the normalization, of a fit to all pairs of contrasts.

    ``R = Rm c^n / (c50^n + (c^2 + k^2 m^2)^(n/2))``: energies of signal and mask add.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "mask_contrast")
        Responses; those to the mask alone are not fitted.

    Returns
    -------
    Dataset, dim "unit"
        ``mask_weight``, ``k``: 0 without suppression. ``mask_fit_r2``: share of the variance that
        the fit explains. NaN for a silent unit; the weight also where the fit explains less than
        80 % of the variance or has a parameter on a bound.

    References
    ----------
    Carandini, Heeger & Movshon (1997).
    """
    fit = fit_curve(curve.where(curve["contrast"] > 0, drop=True), "plaid")
    found = {
        "mask_weight": (
            fit["mask_weight"].where(fit["flag"] == "good"), "Weight of the mask", "1",
            "Weight of the mask's contrast in the normalization, of a fit to all pairs",
        ),
        "mask_fit_r2": (
            fit["r2"], "R2 of the fit to plaids", "1",
            "Share of the variance over pairs of contrasts that the fit of the weight explains",
        ),
    }  # fmt: skip
    return measures(curve, found)


def mask_orientation_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Measure how selective suppression is for the mask's orientation: ``1 - least / largest``.

    Over masks that by themselves give less than 5 % of what the signal gives.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        Responses, with the coordinates ``alone`` and ``context_alone``.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all silent masks suppress alike, 1 where one of them does not suppress at all (or
        adds). NaN where fewer than three masks are silent, or the largest suppression is below .1.

    References
    ----------
    Carandini, Heeger & Movshon (1997).
    """
    silent = _by_silent_masks(curve)
    least, most = np.fmin.reduce(silent, axis=1), np.fmax.reduce(silent, axis=1)
    enough = (np.isfinite(silent).sum(1) >= 3) & (most >= SUPPRESSED)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(enough, 1 - least.clip(0) / most, np.nan)
    return per_unit(
        curve, "mask_orientation_selectivity", index, "Selectivity of masking", silent=True
    )


def least_mask_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the least effective of the silent masks.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `mask_orientation_selectivity`.

    Returns
    -------
    DataArray, dims ("unit",)
        Above 0 where every mask suppresses. NaN where fewer than three masks are silent, or the
        signal alone does not reach 5 spikes/s.
    """
    silent = _by_silent_masks(curve)
    least = np.where(np.isfinite(silent).sum(1) >= 3, np.fmin.reduce(silent, axis=1), np.nan)
    return per_unit(
        curve, "least_mask_suppression", least, "Least suppression by a mask", silent=True
    )


def mask_frequency_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Octaves over which suppression by an orthogonal mask is at least half of its largest.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_frequency")
        Responses, with the coordinates ``alone`` and ``context_alone``.

    Returns
    -------
    DataArray, dims ("unit",)
        In octaves, interpolated. NaN where suppression does not fall to half on both sides within
        the frequencies shown, where the mask of largest suppression is not silent (see
        `mask_orientation_selectivity`), or where it is below .1.
    """
    by_frequency, silent = _suppressions(curve), _is_silent(curve)
    best = np.nan_to_num(by_frequency, nan=-np.inf).argmax(1)
    rows, last = np.arange(len(best)), by_frequency.shape[1] - 1
    half = by_frequency[rows, best] / 2
    above = crossing(by_frequency, best, half)
    below = crossing(by_frequency[:, ::-1], last - best, half)
    step = float(np.diff(curve["relative_frequency"])[0])
    clear = silent[rows, best] & (2 * half >= SUPPRESSED)
    width = np.where(clear, (above + below) * step, np.nan)
    return per_unit(
        curve, "mask_frequency_bandwidth", width, "Bandwidth of masking", "octaves", silent=True
    )


def mask_frequency_fall(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the mask of best frequency less that by the one of highest frequency.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_frequency")
        As for `mask_frequency_bandwidth`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where the signal alone does not reach 5 spikes/s.
    """
    by_frequency = _suppressions(curve)
    fall = np.fmax.reduce(by_frequency, axis=1) - by_frequency[:, -1]
    return per_unit(
        curve, "mask_frequency_fall", fall, "Masking, best less highest frequency", silent=True
    )


def noise_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Suppression of a grating of contrast .5 by binary noise of standard deviation .1.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "noise")
        Responses, averaged over samples of the noise; 0 is none.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - R(noise) / R(none)``, below 0 where noise adds. NaN where the grating alone does not
        reach 5 spikes/s.
    """
    ordered = curve.sortby("noise").transpose("unit", "noise").to_numpy().astype(float)
    index = suppression(ordered[:, -1], ordered[:, 0], response_criterion(curve))
    return per_unit(curve, "noise_suppression", index, "Suppression by noise", silent=True)


def _suppressions(curve: xr.DataArray) -> Array:
    """Suppression by each mask, (unit, mask)."""
    values = curve.transpose("unit", ...).to_numpy().astype(float)
    alone = curve["alone"].to_numpy()[:, None]
    return suppression(values, alone, response_criterion(curve)[:, None])


def _is_silent(curve: xr.DataArray) -> npt.NDArray[np.bool_]:
    by_itself = curve["context_alone"].transpose("unit", ...).to_numpy()
    return by_itself < SILENT * curve["alone"].to_numpy()[:, None]


def _by_silent_masks(curve: xr.DataArray) -> Array:
    return np.where(_is_silent(curve), _suppressions(curve), np.nan)
