"""Where in the visual field a unit looks, and what changes with eccentricity.

The curve is a map over the whole display, dims ("unit", "offset_y", "offset_x"): the response to
spots at each place, in deg from its centre, with the coordinates ``centre_x`` and ``centre_y``
(both 0), ``preferred_orientation`` and ``preferred_spatial_frequency``.
"""

import numpy as np
import xarray as xr

from insilico.tuning.properties import receptive_field as mapped
from insilico.tuning.properties.values import per_unit

__all__ = ["eccentricity", "field_diameter", "polar_angle", "preferred_period", "radial_bias"]


def eccentricity(curve: xr.DataArray) -> xr.DataArray:
    """Distance of the field's centre of mass from the centre of the display.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to spots.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN for a unit that no spot drives, and where the map is still above half its peak
        at the border of the display.
    """
    distance = np.hypot(mapped.receptive_field_x(curve), mapped.receptive_field_y(curve))
    return per_unit(curve, "eccentricity", distance, "Eccentricity", "deg")


def polar_angle(curve: xr.DataArray) -> xr.DataArray:
    """Direction of the field's centre of mass from the centre of the display.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to spots.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg counter-clockwise from rightward, in [0, 360). NaN as for `eccentricity`.
    """
    angle = np.rad2deg(np.arctan2(mapped.receptive_field_y(curve), mapped.receptive_field_x(curve)))
    return per_unit(curve, "polar_angle", angle % 360, "Polar angle", "deg")


def field_diameter(curve: xr.DataArray) -> xr.DataArray:
    """Size of the field: full width at half height of the Gaussian of equal moments.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to spots.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg, as `receptive_field_diameter`; the size of a spot is contained in it. NaN as for
        `eccentricity`.
    """
    found = mapped.receptive_field_diameter(curve)
    return per_unit(curve, "field_diameter", found, "Field diameter", "deg")


def preferred_period(curve: xr.DataArray) -> xr.DataArray:
    """One cycle of the preferred spatial frequency, in deg.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to spots, with the coordinate ``preferred_spatial_frequency``.

    Returns
    -------
    DataArray, dims ("unit",)
        It grows in proportion to eccentricity where the field does so. NaN for a unit without a
        preference.
    """
    period = 1 / curve["preferred_spatial_frequency"]
    return per_unit(curve, "preferred_period", period, "Preferred period", "deg")


def radial_bias(curve: xr.DataArray) -> xr.DataArray:
    """Cosine of twice the angle between the preferred bars and the line to the centre.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Responses to spots, with the coordinate ``preferred_orientation``.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for bars that point to the centre of the display, -1 for tangential ones. NaN for a field
        whose centre is nearer to it than half its diameter, and for a unit that prefers no
        orientation.
    """
    off = np.deg2rad(curve["preferred_orientation"] - polar_angle(curve))
    away = eccentricity(curve) > field_diameter(curve) / 2
    return per_unit(curve, "radial_bias", np.cos(2 * off).where(away), "Radial bias")
