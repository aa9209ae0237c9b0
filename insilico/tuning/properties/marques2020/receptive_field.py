"""Receptive-field centres as in the benchmark, which selects its units by them.

The curve has dims ("unit", "offset_y", "offset_x"): the best response to a patch at each place.
Where a map ends is not looked at: a field that reaches beyond it has a centre all the same.
"""

import xarray as xr

from insilico.tuning.properties.receptive_field import centre_of_mass
from insilico.tuning.properties.values import per_unit


def receptive_field_x(curve: xr.DataArray) -> xr.DataArray:
    """Horizontal centre of mass of the map.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg from the centre of the display, right positive; on the border of the map for a field
        beyond it. NaN for a unit that no patch drives.
    """
    return per_unit(
        curve,
        "receptive_field_x",
        centre_of_mass(curve, "x"),
        "Receptive field, horizontal",
        "deg",
    )


def receptive_field_y(curve: xr.DataArray) -> xr.DataArray:
    """Vertical centre of mass of the map.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to patches.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg from the centre of the display, up positive; on the border of the map for a field
        beyond it. NaN for a unit that no patch drives.
    """
    return per_unit(
        curve, "receptive_field_y", centre_of_mass(curve, "y"), "Receptive field, vertical", "deg"
    )
