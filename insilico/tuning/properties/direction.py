"""Direction tuning, of gratings that drift.

The curve has dims ("unit", "direction"), directions covering [0, 360) deg evenly, and holds mean
less blank, or modulation at the frequency of the grating.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import interpolate
from insilico.tuning.properties.selectivity import tuned
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "direction_index",
    "direction_selectivity",
    "drifting_spatial_frequency",
    "preferred_direction",
    "strongest_direction",
]

# Of two directions a unit that answers less alike to them prefers one.
TELLS = 0.1


def strongest_direction(curve: xr.DataArray) -> xr.DataArray:
    """Direction at the peak of the interpolated curve, tuned or not, in [0, 360) deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, 0 rightward, counter-clockwise: what temporal frequencies are shown at. NaN for a
        silent unit.
    """
    fine = interpolate(curve, "direction")
    peak = fine["direction"].to_numpy()[_peak(fine)]
    return per_unit(
        curve, "strongest_direction", peak, "Direction of the strongest response", "deg"
    )


def preferred_direction(curve: xr.DataArray) -> xr.DataArray:
    """Direction at the peak of the interpolated curve, if tuned to direction, in [0, 360) deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, 0 rightward, counter-clockwise. NaN for a silent unit; for one whose responses in
        random order would be as selective for direction, and as selective for orientation, in 5 %
        of cases or more; and for one that answers alike to opposite directions: with a
        `direction_index` below .1.
    """
    peak = strongest_direction(curve).to_numpy()
    selective = tuned(curve, "direction") | tuned(curve, "direction", peaks=2)
    tells = direction_index(curve).to_numpy() >= TELLS
    preferred = np.where(selective & tells, peak, np.nan)
    return per_unit(curve, "preferred_direction", preferred, "Preferred direction", "deg")


def direction_index(curve: xr.DataArray) -> xr.DataArray:
    """Direction index: 1 less the response to the opposite direction over that to the preferred.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction")
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        ``1 - R(null) / R(preferred)`` of the interpolated curve, in [0, 1]; a response below blank
        counts as 0. NaN where the peak is below 5 spikes/s.

    References
    ----------
    De Valois, Yund & Hepler (1982), Vision Res 22:531-544, doi 10.1016/0042-6989(82)90112-2.
    """
    fine = interpolate(curve, "direction")
    values, peak = fine.to_numpy(), _peak(fine)
    rows, n = np.arange(len(values)), values.shape[1]
    best, null = values[rows, peak], values[rows, (peak + n // 2) % n].clip(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(best >= response_criterion(curve), 1 - null / best, np.nan)
    return per_unit(curve, "direction_index", index, "Direction index")


def direction_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Direction selectivity: ``|sum r e^(i d)| / sum r``, the resultant over directions d.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction")
        Responses relative to blank; those below it count as 0.

    Returns
    -------
    DataArray, dims ("unit",)
        0 for a unit that does not tell directions, be it tuned to orientation; 1 for one that
        answers to a single one. NaN for a silent unit.
    """
    values = curve.transpose("unit", "direction").to_numpy().astype(float).clip(0)
    angle = np.exp(1j * np.deg2rad(curve["direction"].to_numpy()))
    with np.errstate(divide="ignore", invalid="ignore"):
        resultant = np.abs(values @ angle) / values.sum(1)
    return per_unit(curve, "direction_selectivity", resultant, "Direction selectivity")


def drifting_spatial_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Spatial frequency of the drifting grating that drives the unit most, of those shown.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinate ``spatial_frequency`` over "unit"
        Responses relative to blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In cpd: what temporal frequencies and plaids are shown at. NaN for a silent unit.
    """
    return per_unit(
        curve,
        "drifting_spatial_frequency",
        curve["spatial_frequency"],
        "Spatial frequency of the best drifting grating",
        "cpd",
    )


def _peak(fine: xr.DataArray) -> npt.NDArray[np.intp]:
    return np.nan_to_num(fine.to_numpy(), nan=-np.inf).argmax(1)
