"""How tuning for orientation and spatial frequency changes with contrast.

Curves hold the mean less the blank, or the modulation, over ``contrast`` and ``orientation`` or
``spatial_frequency``.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.orientation import orientation_half_bandwidth
from insilico.tuning.properties.spatial_frequency import spatial_frequency_bandwidth
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = [
    "frequency_width_contrast_slope",
    "frequency_width_ratio",
    "orientation_width_contrast_slope",
    "orientation_width_ratio",
]

Array = npt.NDArray[np.float64]

# Contrasts at which widths are set against each other.
LOW, HIGH = 0.2, 0.8


def orientation_width_contrast_slope(curve: xr.DataArray) -> xr.DataArray:
    """Change of the orientation half-bandwidth per octave of contrast.

    By least squares over the contrasts that drive the unit; half-bandwidths are those of
    `orientation_half_bandwidth`, of the interpolated curve and not smoothed.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "orientation")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg per octave: 0 where tuning does not change with contrast. NaN where fewer than two
        contrasts drive the unit and give a half-bandwidth.

    References
    ----------
    Sclar & Freeman (1982) and Skottun and others (1987), who found none.
    """
    slope = _slope(curve, _widths(curve, orientation_half_bandwidth))
    return per_unit(
        curve,
        "orientation_width_contrast_slope",
        slope,
        "Orientation half-bandwidth, change with contrast",
        "deg per octave",
    )


def orientation_width_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Orientation half-bandwidth at contrast .2 over that at contrast .8.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "orientation")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either contrast does not drive the unit, or gives no half-bandwidth.
    """
    ratio = _ratio(curve, _widths(curve, orientation_half_bandwidth))
    return per_unit(
        curve, "orientation_width_ratio", ratio, "Orientation half-bandwidth, low / high contrast"
    )


def frequency_width_contrast_slope(curve: xr.DataArray) -> xr.DataArray:
    """Change of the spatial-frequency bandwidth per octave of contrast.

    By least squares over the contrasts that drive the unit; bandwidths are those of
    `spatial_frequency_bandwidth`.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In octaves per octave: above 0 where tuning is narrower at low contrast. NaN where fewer
        than two contrasts drive the unit and give a bandwidth.
    """
    slope = _slope(curve, _widths(curve, spatial_frequency_bandwidth))
    return per_unit(
        curve,
        "frequency_width_contrast_slope",
        slope,
        "Spatial-frequency bandwidth, change with contrast",
        "octaves per octave",
    )


def frequency_width_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Spatial-frequency bandwidth at contrast .2 over that at contrast .8.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either contrast does not drive the unit, or gives no bandwidth.
    """
    ratio = _ratio(curve, _widths(curve, spatial_frequency_bandwidth))
    return per_unit(
        curve,
        "frequency_width_ratio",
        ratio,
        "Spatial-frequency bandwidth, low / high contrast",
    )


def _widths(curve: xr.DataArray, width: Callable[[xr.DataArray], xr.DataArray]) -> Array:
    """Widths at each contrast, (unit, contrast); NaN where the unit is not driven."""
    parts = [curve.isel(contrast=i, drop=True) for i in range(curve.sizes["contrast"])]
    # The criterion on activations is a share of what the layer gives at any contrast.
    criterion = response_criterion(curve)
    return np.stack(
        [
            np.where(
                part.transpose("unit", ...).to_numpy().max(1) >= criterion, width(part), np.nan
            )
            for part in parts
        ],
        axis=1,
    )


def _slope(curve: xr.DataArray, widths: Array) -> Array:
    octaves = np.broadcast_to(np.log2(curve["contrast"].to_numpy()), widths.shape)
    known = np.isfinite(widths)
    n = known.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(known, octaves - ((octaves * known).sum(1) / n)[:, None], 0)
        slope = (x * np.where(known, widths, 0)).sum(1) / (x**2).sum(1)
    return np.where(n > 1, slope, np.nan)


def _ratio(curve: xr.DataArray, widths: Array) -> Array:
    contrasts = curve["contrast"].to_numpy()
    low, high = (widths[:, np.argmin(np.abs(contrasts - each))] for each in (LOW, HIGH))
    return low / high
