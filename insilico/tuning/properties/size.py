"""Size tuning: summation field, surround and suppression, as in Cavanaugh, Bair & Movshon (2002).

The curve has dims ("unit", "diameter"), diameters ascending in deg, and holds the mean less the
blank or the modulation, whichever is larger, of gratings that the unit prefers.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing, fine, interpolate
from insilico.tuning.properties.values import per_unit

__all__ = [
    "grating_summation_field",
    "optimal_diameter",
    "preferred_diameter",
    "suppression_index",
    "surround_diameter",
    "surround_to_field_ratio",
]

Array = npt.NDArray[np.float64]

# Cavanaugh et al. (2002): the summation field reaches 95 % of the maximum; the surround ends within
# 5 % of the response to the largest grating; both only where suppression exceeds 10 %.
FIELD_LEVEL = 0.95
SURROUND_MARGIN = 0.05
SUPPRESSED = 0.1


def suppression_index(curve: xr.DataArray) -> xr.DataArray:
    """Suppression by the largest grating: ``(Ropt - Rsupp) / Ropt``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        0 without suppression, 1 when the largest grating leaves nothing (a response below blank
        counts as nothing). NaN for a silent unit.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    index, *_ = _size_tuning(curve)
    return per_unit(curve, "suppression_index", index, "Suppression index", "1")


def grating_summation_field(curve: xr.DataArray) -> xr.DataArray:
    """Smallest diameter whose response reaches 95 % of the maximum.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for units with at most 10 % suppression, as in the reference.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    _, field, _ = _size_tuning(curve)
    return per_unit(curve, "grating_summation_field", field, "Grating summation field", "deg")


def preferred_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Diameter of the largest response, of those shown.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg; the smallest of several alike. NaN for a silent unit.
    """
    ordered = curve.transpose("unit", "diameter")
    best = ordered.fillna(-np.inf).to_numpy().argmax(axis=1)
    return per_unit(
        curve, "preferred_diameter", curve["diameter"].to_numpy()[best], "Preferred diameter", "deg"
    )


def optimal_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Smallest diameter of 95 % of the peak, by cubic spline over log diameter.

    The grating summation field without its rule that a unit must be suppressed: where a patch for
    further experiments has to be chosen, every unit needs one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for a silent unit.
    """
    smooth = interpolate(curve, "diameter")
    values = smooth.to_numpy()
    reached = values >= FIELD_LEVEL * values.max(1, keepdims=True)
    diameter = smooth["diameter"].to_numpy()[reached.argmax(1)]
    return per_unit(curve, "optimal_diameter", diameter, "Optimal diameter", "deg")


def surround_diameter(curve: xr.DataArray) -> xr.DataArray:
    """First diameter beyond the optimum within 5 % of the response to the largest grating.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for units with at most 10 % suppression, as in the reference.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2530-2546.
    """
    *_, surround = _size_tuning(curve)
    return per_unit(curve, "surround_diameter", surround, "Surround diameter", "deg")


def surround_to_field_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Surround diameter over grating summation field.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either is.
    """
    _, field, surround = _size_tuning(curve)
    return per_unit(
        curve, "surround_to_field_ratio", surround / field, "Surround / summation field", "1"
    )


def _size_tuning(curve: xr.DataArray) -> tuple[Array, Array, Array]:
    """Suppression index, summation field and surround diameter of each unit."""
    curve = curve.transpose("unit", "diameter")
    diameters = curve["diameter"].to_numpy().astype(float)
    dense = fine("diameter", diameters)
    values = curve.to_numpy().astype(float).clip(0)
    # Modified Akima splines do not overshoot a plateau, as cubic ones would: an unsuppressed unit
    # keeps an index of 0.
    smooth = _akima(np.log2(diameters), values, np.log2(dense))
    rows = np.arange(len(smooth))
    peak = smooth.argmax(1)
    best, last = smooth[rows, peak], smooth[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (best - last) / best
    suppressed = index > SUPPRESSED
    octave = np.log2(dense[1] / dense[0])
    # The rising flank is read outwards from zero: the first diameter at 95 %, not the last below.
    reached = (smooth >= FIELD_LEVEL * best[:, None]).argmax(1)
    below = np.maximum(reached - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (FIELD_LEVEL * best - smooth[rows, below]) / (
            smooth[rows, reached] - smooth[rows, below]
        )
    at_field = np.where(reached > 0, below + share, 0.0)
    field = dense[0] * 2 ** (octave * at_field)
    to_surround = crossing(smooth, peak, last * (1 + SURROUND_MARGIN))
    surround = dense[0] * 2 ** (octave * (peak + to_surround))
    return (
        index,
        np.where(suppressed, field, np.nan),
        np.where(suppressed, surround, np.nan),
    )


def _akima(nodes: Array, values: Array, at: Array) -> Array:
    from scipy.interpolate import Akima1DInterpolator  # takes a while to import

    known = np.isfinite(values).all(1)
    smooth = np.full((len(values), len(at)), np.nan)
    if known.any():
        spline = Akima1DInterpolator(nodes, values[known], axis=1, method="makima")
        smooth[known] = spline(at.clip(nodes[0], nodes[-1]))
    return np.nan_to_num(smooth, nan=0.0)
