"""Receptive-field centre and size, from a map of small grating patches.

The curve has dims ("unit", "offset_y", "offset_x"): the response to a patch at each offset from the
point where the stimuli were centred, whose place is in the coordinates ``centre_x``, ``centre_y``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.values import per_unit

__all__ = ["receptive_field_diameter", "receptive_field_x", "receptive_field_y"]

Array = npt.NDArray[np.floating[Any]]

# Positions that answer less than this share of the best one are left out of the centre of mass:
# the published benchmark's threshold (Marques, Schrimpf & DiCarlo 2021).
MAP_THRESHOLD = 0.05


def receptive_field_x(curve: xr.DataArray) -> xr.DataArray:
    """Horizontal centre of the receptive field: centre of mass of the map.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg from the centre of the display, right positive. NaN for a unit that no patch drives,
        and where the map is still above half its peak at its border: the field reaches beyond the
        map, and its centre may lie there.
    """
    x = centre_of_mass(curve, "x").where(_inside(curve))
    return per_unit(curve, "receptive_field_x", x, "Receptive field, horizontal", "deg")


def receptive_field_y(curve: xr.DataArray) -> xr.DataArray:
    """Vertical centre of the receptive field: centre of mass of the map.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg from the centre of the display, up positive. NaN for a unit that no patch drives,
        and where the map is still above half its peak at its border: the field reaches beyond the
        map, and its centre may lie there.
    """
    y = centre_of_mass(curve, "y").where(_inside(curve))
    return per_unit(curve, "receptive_field_y", y, "Receptive field, vertical", "deg")


def receptive_field_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Size of the receptive field: full width at half height of the Gaussian of equal moments.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, the geometric mean over the two axes of the field; the size of the patch is
        contained in it. NaN for a unit that no patch drives, and where the map is still above half
        its peak at its border: the field reaches beyond the map.
    """
    kept, total = _kept(curve)
    weight = kept / total
    dx = curve["offset_x"] - _mean_offset(curve, "offset_x", kept, total)
    dy = curve["offset_y"] - _mean_offset(curve, "offset_y", kept, total)
    place = ("offset_y", "offset_x")
    xx, yy, xy = ((weight * product).sum(place) for product in (dx * dx, dy * dy, dx * dy))
    area = np.sqrt((xx * yy - xy * xy).clip(0))
    diameter = 2 * np.sqrt(2 * np.log(2)) * np.sqrt(area)
    return per_unit(
        curve,
        "receptive_field_diameter",
        diameter.where(_inside(curve)),
        "Receptive-field diameter",
        "deg",
    )


def centre_of_mass(curve: xr.DataArray, axis: str) -> xr.DataArray:
    """Centre of mass of the map along one axis, wherever the map ends.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.
    axis : {"x", "y"}
        Which axis.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg from the centre of the display. A field that reaches beyond the map comes out nearer
        to the middle than it is. NaN for a unit that no patch drives.
    """
    offset = _mean_offset(curve, f"offset_{axis}", *_kept(curve))
    return offset + curve[f"centre_{axis}"]


def centres_of_mass(curve: xr.DataArray) -> tuple[Array, Array]:
    """Centre of mass of many maps along both axes: `centre_of_mass` without labels on the way.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    tuple of array, shape (unit,)
        Horizontal and vertical, in deg from the centre of the display; NaN for a unit that no patch
        drives.
    """
    maps = curve.transpose("unit", "offset_y", "offset_x").to_numpy()
    kept = maps * (maps > MAP_THRESHOLD * maps.max((1, 2), keepdims=True))
    along_y, along_x = kept.sum(2), kept.sum(1)
    total = along_x.sum(1)
    total = np.where(total > 0, total, np.nan)
    x, y = (
        (along @ curve[f"offset_{axis}"].to_numpy()) / total + curve[f"centre_{axis}"].to_numpy()
        for axis, along in (("x", along_x), ("y", along_y))
    )
    return x, y


def _mean_offset(
    curve: xr.DataArray, dim: str, kept: xr.DataArray, total: xr.DataArray
) -> xr.DataArray:
    return xr.dot(kept, curve[dim], dim=("offset_y", "offset_x")) / total


def _kept(curve: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Leave out the weakest places of the map, and sum the others: NaN where nothing is left."""
    place = ("offset_y", "offset_x")
    kept = curve * (curve > MAP_THRESHOLD * curve.max(place))
    total = kept.sum(place, skipna=False)
    return kept, total.where(total > 0)


def _inside(curve: xr.DataArray) -> xr.DataArray:
    """Whether the map has fallen to half its peak at its border."""
    return _border(curve) <= 0.5 * curve.max(("offset_y", "offset_x"))


def _border(curve: xr.DataArray) -> xr.DataArray:
    rows = curve.isel(offset_y=[0, -1]).max(("offset_y", "offset_x"))
    columns = curve.isel(offset_x=[0, -1]).max(("offset_y", "offset_x"))
    return rows.where(rows > columns, columns)
