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
    weight = kept / total[:, None, None]
    x, y = _offsets(curve, kept, total)
    dx = curve["offset_x"].to_numpy() - x[:, None]
    dy = curve["offset_y"].to_numpy() - y[:, None]
    xx, yy = (weight.sum(1) * dx**2).sum(1), (weight.sum(2) * dy**2).sum(1)
    xy = np.einsum("uyx,uy,ux->u", weight, dy, dx)
    area = np.sqrt((xx * yy - xy * xy).clip(0))
    diameter = 2 * np.sqrt(2 * np.log(2)) * np.sqrt(area)
    return per_unit(
        curve,
        "receptive_field_diameter",
        np.where(_inside(curve), diameter, np.nan),
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
    x, y = centres_of_mass(curve)
    one = curve.isel(offset_y=0, offset_x=0, drop=True)
    return one.copy(data={"x": x, "y": y}[axis])


def centres_of_mass(curve: xr.DataArray) -> tuple[Array, Array]:
    """Centre of mass of many maps along both axes, without labels: `centre_of_mass` has them.

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
    x, y = _offsets(curve, *_kept(curve))
    return x + curve["centre_x"].to_numpy(), y + curve["centre_y"].to_numpy()


def _offsets(curve: xr.DataArray, kept: Array, total: Array) -> tuple[Array, Array]:
    """Centre of mass from the middle of the map, in deg."""
    along_y, along_x = kept.sum(2), kept.sum(1)
    return (
        along_x @ curve["offset_x"].to_numpy() / total,
        along_y @ curve["offset_y"].to_numpy() / total,
    )


def _kept(curve: xr.DataArray) -> tuple[Array, Array]:
    """Leave out the weakest places of the map, and sum the others: NaN where nothing is left."""
    maps = curve.transpose("unit", "offset_y", "offset_x").to_numpy()
    kept = maps * (maps > MAP_THRESHOLD * maps.max((1, 2), keepdims=True))
    total = kept.sum((1, 2))
    return kept, np.where(total > 0, total, np.nan)


def _inside(curve: xr.DataArray) -> xr.DataArray:
    """Whether the map has fallen to half its peak at its border."""
    return _border(curve) <= 0.5 * curve.max(("offset_y", "offset_x"))


def _border(curve: xr.DataArray) -> xr.DataArray:
    rows = curve.isel(offset_y=[0, -1]).max(("offset_y", "offset_x"))
    columns = curve.isel(offset_x=[0, -1]).max(("offset_y", "offset_x"))
    return rows.where(rows > columns, columns)
