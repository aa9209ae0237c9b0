"""Size tuning as in the benchmark, for the data of Cavanaugh, Bair & Movshon (2002a).

The curve has dims ("unit", "diameter"): the mean response less the blank, or the first harmonic,
whichever has the larger maximum, at the preferred spatial frequency and orientation. Nothing is
interpolated: field and surround are diameters that were shown.
"""

import numpy as np
import xarray as xr

from insilico.tuning.properties.marques2020._smoothing import ratio
from insilico.tuning.properties.values import named, per_unit

# Field and surround are measured where suppression exceeds 10 %; the field reaches 95 % of the
# maximum, the surround comes within 5 % of the response to the largest grating.
SUPPRESSED = 0.1
FIELD_LEVEL = 0.95
SURROUND_MARGIN = 0.05


@named("cavanaugh2002a.surround_suppression_index")
def surround_suppression_index(curve: xr.DataArray) -> xr.DataArray:
    """``(R - P) / R``, R the largest response and P that to the largest grating.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Above 1 where the largest grating suppresses the unit below its response to the blank. NaN
        for a unit without any response.
    """
    return per_unit(
        curve,
        "cavanaugh2002a.surround_suppression_index",
        _suppression(curve),
        "Surround suppression index",
        silent=True,
    )


@named("cavanaugh2002a.strongly_suppressed")
def strongly_suppressed(curve: xr.DataArray) -> xr.DataArray:
    """1 where the suppression index is 0.1 or more, else 0.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a unit without any response.
    """
    index = _suppression(curve)
    return per_unit(
        curve,
        "cavanaugh2002a.strongly_suppressed",
        (index >= SUPPRESSED).where(np.isfinite(index)),
        "Strongly suppressed",
        silent=True,
    )


@named("cavanaugh2002a.grating_summation_field")
def grating_summation_field(curve: xr.DataArray) -> xr.DataArray:
    """Smallest diameter whose response reaches 95 % of the largest.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for units with at most 10 % suppression.
    """
    return per_unit(
        curve,
        "cavanaugh2002a.grating_summation_field",
        _field(curve),
        "Grating summation field",
        "deg",
        silent=True,
    )


@named("cavanaugh2002a.surround_diameter")
def surround_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Smallest diameter beyond the preferred one that comes within 5 % of the largest grating.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for units with at most 10 % suppression.
    """
    return per_unit(
        curve,
        "cavanaugh2002a.surround_diameter",
        _surround(curve),
        "Surround diameter",
        "deg",
        silent=True,
    )


@named("cavanaugh2002a.surround_grating_summation_field_ratio")
def surround_grating_summation_field_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Surround diameter over grating summation field.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "diameter")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for units with at most 10 % suppression.
    """
    return per_unit(
        curve,
        "cavanaugh2002a.surround_grating_summation_field_ratio",
        _surround(curve) / _field(curve),
        "Surround diameter / grating summation field",
        silent=True,
    )


def _suppression(curve: xr.DataArray) -> xr.DataArray:
    largest = curve.max("diameter", skipna=False)
    return ratio(largest - _plateau(curve), largest.where(largest > 0))


def _plateau(curve: xr.DataArray) -> xr.DataArray:
    return curve.sel(diameter=curve["diameter"].max(), drop=True)


def _field(curve: xr.DataArray) -> xr.DataArray:
    reached = curve >= FIELD_LEVEL * curve.max("diameter")
    return _smallest(curve, reached)


def _surround(curve: xr.DataArray) -> xr.DataArray:
    curve = curve.sortby("diameter")
    plateau = _plateau(curve)
    preferred = curve["diameter"][curve.argmax("diameter", skipna=False)].drop_vars("diameter")
    ended = curve <= plateau + SURROUND_MARGIN * abs(plateau)
    return _smallest(curve, ended & (curve["diameter"] > preferred))


def _smallest(curve: xr.DataArray, where: xr.DataArray) -> xr.DataArray:
    """Smallest diameter at which a condition holds, in suppressed units."""
    diameter = curve["diameter"].where(where).min("diameter")
    return diameter.where(_suppression(curve) > SUPPRESSED)
