"""Suppression by a grating around the patch that a unit prefers.

Curves hold the mean less the blank, or the modulation at the centre's phases, of the centre with
its surround. What the centre does by itself is the coordinate ``alone``; means less blank of either
alone are ``mean_alone`` and ``mean_context_alone``.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import interpolate
from insilico.tuning.fits import fit_curve
from insilico.tuning.properties.values import measures, named, per_unit, suppression
from insilico.tuning.rates import response_criterion

__all__ = [
    "SUPPRESSED",
    "iso_surround_response",
    "iso_surround_response_low_contrast",
    "most_suppressive_orientation",
    "orthogonal_surround_response",
    "orthogonal_surround_response_low_contrast",
    "resultant",
    "surround_alone",
    "surround_frequency_fall",
    "surround_gains",
    "surround_phase_modulation",
    "surround_selectivity",
    "surround_suppressions",
]

Array = npt.NDArray[np.float64]

# Suppression has a selectivity, or an extent, where it is at least this strong.
SUPPRESSED = 0.1
# Ratios mean little where the surround by itself gives more than this share of the centre.
SILENT = 0.1


def iso_surround_response(curve: xr.DataArray) -> xr.DataArray:
    """Response with a surround of the centre's orientation, relative to the centre alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        Responses; centre and surround of contrast .5.

    Returns
    -------
    DataArray, dims ("unit",)
        Below 1 the surround suppresses; a response below blank counts as nothing. NaN where the
        centre alone does not reach 5 spikes/s, or the surround alone gives more than a tenth of it.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    return _relative(curve, 0, "iso_surround_response", "Response with iso-oriented surround")


def orthogonal_surround_response(curve: xr.DataArray) -> xr.DataArray:
    """Response with a surround orthogonal to the centre, relative to the centre alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response`.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where the centre alone does not reach 5 spikes/s, or the surround alone gives more than
        a tenth of it.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    return _relative(curve, 90, "orthogonal_surround_response", "Response with orthogonal surround")


def iso_surround_response_low_contrast(curve: xr.DataArray) -> xr.DataArray:
    """Response with an iso-oriented surround around a centre of low contrast.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response`; the centre's contrast is the lowest of .12, .18 and .25 that
        gives a fifth of the response at .5.

    Returns
    -------
    DataArray, dims ("unit",)
        Relative to that centre alone. NaN where it does not reach 5 spikes/s, or the surround alone
        gives more than a tenth of it.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    return _relative(
        curve,
        0,
        "iso_surround_response_low_contrast",
        "Response with iso-oriented surround, low contrast",
    )


def orthogonal_surround_response_low_contrast(curve: xr.DataArray) -> xr.DataArray:
    """Response with an orthogonal surround around a centre of low contrast.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response_low_contrast`.

    Returns
    -------
    DataArray, dims ("unit",)
        Relative to that centre alone. NaN where it does not reach 5 spikes/s, or the surround alone
        gives more than a tenth of it.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    return _relative(
        curve,
        90,
        "orthogonal_surround_response_low_contrast",
        "Response with orthogonal surround, low contrast",
    )


def surround_alone(curve: xr.DataArray) -> xr.DataArray:
    """Mean response to the iso-oriented surround alone, relative to that to the centre alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response`.

    Returns
    -------
    DataArray, dims ("unit",)
        Of F0 less blank. NaN where the centre's is not above 0.
    """
    return per_unit(
        curve,
        "surround_alone",
        _share_alone(curve.sel(relative_orientation=0)),
        "Response to the surround alone",
        silent=True,
    )


def surround_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Measure how selective suppression is for the orientation of the surround.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response`.

    Returns
    -------
    DataArray, dims ("unit",)
        ``|sum s exp(2i orientation)| / sum |s|``, ``s`` the suppression by each surround. NaN where
        the largest is below .1, the centre alone does not reach 5 spikes/s, or the surround alone
        gives more than a tenth of it.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    strength = surround_suppressions(curve)
    turn = np.exp(2j * np.deg2rad(curve["relative_orientation"].to_numpy()))
    index = resultant(strength, turn)
    return per_unit(
        curve, "surround_selectivity", index, "Selectivity of the surround", silent=True
    )


def most_suppressive_orientation(curve: xr.DataArray) -> xr.DataArray:
    """Difference between the centre's orientation and that of the surround that suppresses most.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation")
        As for `iso_surround_response`.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, folded to 0-90, of the interpolated suppression. NaN as for `surround_selectivity`.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    tuning = xr.DataArray(
        surround_suppressions(curve),
        dims=("unit", "orientation"),
        coords={"orientation": curve["relative_orientation"].to_numpy()},
    )
    smooth = interpolate(tuning, "orientation")
    values = smooth.to_numpy()
    best = smooth["orientation"].to_numpy()[np.nan_to_num(values, nan=-np.inf).argmax(1)]
    known = tuning.to_numpy().max(1) >= SUPPRESSED
    folded = np.where(known, np.minimum(best, 180 - best), np.nan)
    return per_unit(
        curve,
        "most_suppressive_orientation",
        folded,
        "Most suppressive orientation, from the centre's",
        "deg",
        silent=True,
    )


@named(
    "surround_response_gain",
    "surround_contrast_gain",
    "surround_contrast_fit_r2",
)
def surround_gains(curve: xr.DataArray) -> xr.Dataset:
    """How a surround divides: gains of a joint fit to contrasts of centre and surround.

    ``R = Rm 2^(r u) c^n / (c^n + (c50 2^(g u))^n)`` with ``u = surround contrast / .5``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "surround_contrast")
        Responses.

    Returns
    -------
    Dataset, dim "unit"
        ``surround_response_gain``, ``r``: below 0 where the surround divides the response; and
        ``surround_contrast_gain``, ``g``: above 0 where it divides the contrast; both in octaves at
        a surround of contrast .5. ``surround_contrast_fit_r2``: share of the variance that the fit
        explains. NaN for a silent unit; the gains also where the fit explains less than 80 % of the
        variance or has a parameter on a bound.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    fit = fit_curve(curve.where(curve["contrast"] > 0, drop=True), "surround_contrast")
    good = fit.where(fit["flag"] == "good")
    found = {
        "surround_response_gain": (
            good["response_gain"], "Response gain of the surround", "octaves",
            "Change of the largest response by a surround of contrast .5, of the joint fit",
        ),
        "surround_contrast_gain": (
            good["contrast_gain"], "Contrast gain of the surround", "octaves",
            "Change of c50 by a surround of contrast .5, of the joint fit",
        ),
        "surround_contrast_fit_r2": (
            fit["r2"], "R2 of the fit to surrounds", "1",
            "Share of the variance over both contrasts that the joint fit explains",
        ),
    }  # fmt: skip
    return measures(curve, found)


def surround_frequency_fall(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by a surround of the centre's frequency less that by the least effective other.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_frequency")
        Responses; surrounds of the centre's orientation, at its frequency, below it and above.

    Returns
    -------
    DataArray, dims ("unit",)
        Above 0 where its own frequency suppresses more. NaN where the centre alone does not reach 5
        spikes/s, and where a surround alone gives more than a tenth of it.
    """
    found = surround_suppressions(curve)
    own = int(np.abs(curve["relative_frequency"].to_numpy()).argmin())
    fall = found[:, own] - np.delete(found, own, axis=1).min(1)
    return per_unit(
        curve, "surround_frequency_fall", fall, "Suppression, own less other frequency", silent=True
    )


def surround_phase_modulation(curve: xr.DataArray) -> xr.DataArray:
    """Change of the response with the phase of the surround relative to the centre.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_phase")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - smallest / largest``; a response below blank counts as nothing. NaN where no phase
        reaches 5 spikes/s.
    """
    values = curve.transpose("unit", "relative_phase").to_numpy()
    index = suppression(values.min(1), values.max(1), response_criterion(curve))
    return per_unit(curve, "surround_phase_modulation", index, "Modulation by the surround's phase")


def _share_alone(curve: xr.DataArray) -> Array:
    """F0 of the surround alone over F0 of the centre alone."""
    center = curve["mean_alone"].to_numpy()
    around = curve["mean_context_alone"].transpose("unit", ...).to_numpy()
    center = center.reshape(-1, *[1] * (around.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(center > 0, around / center, np.nan)


def surround_suppressions(curve: xr.DataArray) -> Array:
    r"""Suppression by each surround, relative to the centre alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", \\*surrounds)
        Responses, with the coordinates ``alone``, ``mean_alone`` and ``mean_context_alone``.

    Returns
    -------
    array, shape (unit, \\*surrounds)
        NaN where the centre alone does not reach 5 spikes/s, and for a unit to which any of the
        surrounds alone gives more than a tenth of that.
    """
    values = curve.transpose("unit", ...).to_numpy().astype(float)
    shape = (len(values), *[1] * (values.ndim - 1))
    alone = curve["alone"].to_numpy().reshape(shape)
    found = suppression(values, alone, response_criterion(curve).reshape(shape))
    drives = _share_alone(curve) > SILENT
    return np.where(drives.any(axis=tuple(range(1, values.ndim))).reshape(shape), np.nan, found)


def _relative(curve: xr.DataArray, orientation: float, name: str, label: str) -> xr.DataArray:
    chosen = curve.sel(relative_orientation=orientation, method="nearest")
    values = chosen.to_numpy().astype(float)
    lost = suppression(values, curve["alone"].to_numpy(), response_criterion(curve))
    kept = np.where(_share_alone(chosen) > SILENT, np.nan, 1 - lost)
    return per_unit(curve, name, kept, label, silent=True)


def resultant(strength: Array, turn: npt.NDArray[np.complex128]) -> Array:
    """Add suppressions as vectors.

    Parameters
    ----------
    strength : array, shape (unit, surround)
        Suppression by each surround.
    turn : array, shape (surround,)
        Its direction, of length 1 in the complex plane.

    Returns
    -------
    array, shape (unit,)
        ``|sum s turn| / sum |s|``. NaN where the largest suppression is below .1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.abs((strength * turn).sum(1)) / np.abs(strength).sum(1)
    return np.where(strength.max(1) >= SUPPRESSED, index, np.nan)
