"""Where around its centre a unit is suppressed: sides and ends, near and far.

Curves are as in `insilico.tuning.properties.surround`.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import crossing
from insilico.tuning.properties.surround import SUPPRESSED, resultant, surround_suppressions
from insilico.tuning.properties.values import per_unit

__all__ = [
    "end_zone_bias",
    "far_surround_selectivity",
    "near_surround_selectivity",
    "surround_asymmetry",
    "surround_extent",
]

Array = npt.NDArray[np.float64]


def surround_asymmetry(curve: xr.DataArray) -> xr.DataArray:
    """First harmonic of suppression over the place of a patch around the centre.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_position")
        Responses with a patch at each angle from the centre's bars, in deg.

    Returns
    -------
    DataArray, dims ("unit",)
        ``|sum s exp(i angle)| / sum |s|``: 0 where all places suppress alike, 1 where one does.
        NaN where the largest suppression is below .1, or the centre alone does not reach 5
        spikes/s.
    """
    turn = np.exp(1j * np.deg2rad(curve["relative_position"].to_numpy()))
    index = resultant(_by_patch(curve), turn)
    return per_unit(curve, "surround_asymmetry", index, "Asymmetry of the surround", silent=True)


def end_zone_bias(curve: xr.DataArray) -> xr.DataArray:
    """Second harmonic of suppression over the place of a patch, along the centre's bars.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_position")
        As for `surround_asymmetry`.

    Returns
    -------
    DataArray, dims ("unit",)
        ``sum s cos(2 angle) / sum |s|``: above 0 where the ends of the bars suppress more than the
        sides. NaN as for `surround_asymmetry`.
    """
    strength = _by_patch(curve)
    turn = np.cos(2 * np.deg2rad(curve["relative_position"].to_numpy()))
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = (strength * turn).sum(1) / np.abs(strength).sum(1)
    bias = np.where(strength.max(1) >= SUPPRESSED, bias, np.nan)
    return per_unit(curve, "end_zone_bias", bias, "Bias to the end zones", silent=True)


def surround_extent(curve: xr.DataArray) -> xr.DataArray:
    """Gap between centre and iso-oriented surround that leaves half of the suppression.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation", "gap")
        Responses, with the coordinate ``diameter``: gaps are in diameters of the centre.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, interpolated. NaN where suppression without a gap is below .1, and where more than
        half is left at the widest gap.
    """
    iso = _by_gap(curve, 0)
    with np.errstate(invalid="ignore"):
        steps = crossing(iso, np.zeros(len(iso), dtype=int), iso[:, 0] / 2)
    gaps = curve["gap"].to_numpy().astype(float)
    gap = np.interp(steps, np.arange(len(gaps)), gaps) * _diameters(curve)
    known = np.isfinite(steps) & (iso[:, 0] >= SUPPRESSED)
    return per_unit(
        curve,
        "surround_extent",
        np.where(known, gap, np.nan),
        "Extent of the surround",
        "deg",
        silent=True,
    )


def near_surround_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Contrast between iso-oriented and orthogonal suppression by the surround without a gap.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation", "gap")
        As for `surround_extent`.

    Returns
    -------
    DataArray, dims ("unit",)
        ``(iso - orthogonal) / (|iso| + |orthogonal|)``. NaN where neither reaches .1.
    """
    return _gap_selectivity(curve, 0, "near_surround_selectivity", "Selectivity, near surround")


def far_surround_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Contrast between iso-oriented and orthogonal suppression beyond a gap of one diameter.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_orientation", "gap")
        As for `surround_extent`.

    Returns
    -------
    DataArray, dims ("unit",)
        As `near_surround_selectivity`. NaN where neither suppression reaches .1.
    """
    return _gap_selectivity(curve, 1, "far_surround_selectivity", "Selectivity, far surround")


def _by_patch(curve: xr.DataArray) -> Array:
    return surround_suppressions(curve.transpose("unit", "relative_position"))


def _by_gap(curve: xr.DataArray, orientation: float) -> Array:
    ordered = curve.transpose("unit", "relative_orientation", "gap")
    place = int(np.argmin(np.abs(ordered["relative_orientation"].to_numpy() - orientation)))
    return surround_suppressions(ordered)[:, place]


def _gap_selectivity(curve: xr.DataArray, gap: float, name: str, label: str) -> xr.DataArray:
    place = int(np.argmin(np.abs(curve["gap"].to_numpy() - gap)))
    iso, orthogonal = (_by_gap(curve, each)[:, place] for each in (0, 90))
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (iso - orthogonal) / (np.abs(iso) + np.abs(orthogonal))
    known = np.maximum(iso, orthogonal) >= SUPPRESSED
    return per_unit(curve, name, np.where(known, index, np.nan), label, silent=True)


def _diameters(curve: xr.DataArray) -> Array:
    return np.broadcast_to(curve["diameter"].to_numpy(), curve.sizes["unit"])
