"""What changes between a small and a large grating.

Curves hold the mean less the blank, or the modulation, over ``relative_size`` (in fields) and
``contrast``, ``orientation`` or ``spatial_frequency``.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from insilico.tuning.properties.contrast import contrast_c50
from insilico.tuning.properties.orientation import orientation_half_bandwidth
from insilico.tuning.properties.spatial_frequency import spatial_frequency_bandwidth
from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = ["c50_size_ratio", "frequency_width_size_change", "orientation_width_size_change"]


def c50_size_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Contrast of half the maximum in a disk of four fields over that in one of half a field.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_size", "contrast")
        Responses, contrast 0 among them.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where either size does not reach 5 spikes/s, or either Naka-Rushton curve explains less
        than 80 % of the variance or has a parameter on a bound.
    """
    small, large = _small_and_large(curve, contrast_c50)
    return per_unit(curve, "c50_size_ratio", large / small, "c50, large / small grating")


def orientation_width_size_change(curve: xr.DataArray) -> xr.DataArray:
    """Orientation half-bandwidth in a disk of half a field less that in one of two fields.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_size", "orientation")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In deg. NaN where either size does not reach 5 spikes/s, or gives no half-bandwidth.
    """
    small, large = _small_and_large(curve, orientation_half_bandwidth)
    return per_unit(
        curve,
        "orientation_width_size_change",
        small - large,
        "Orientation half-bandwidth, small less large grating",
        "deg",
    )


def frequency_width_size_change(curve: xr.DataArray) -> xr.DataArray:
    """Spatial-frequency bandwidth in a disk of half a field less that in one of two fields.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "relative_size", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In octaves. NaN where either size does not reach 5 spikes/s, or gives no bandwidth.
    """
    small, large = _small_and_large(curve, spatial_frequency_bandwidth)
    return per_unit(
        curve,
        "frequency_width_size_change",
        small - large,
        "Spatial-frequency bandwidth, small less large grating",
        "octaves",
    )


def _small_and_large(
    curve: xr.DataArray, measure: Callable[[xr.DataArray], xr.DataArray]
) -> tuple[np.ndarray, np.ndarray]:
    criterion = response_criterion(curve)
    ordered = curve.sortby("relative_size").transpose("unit", "relative_size", ...)
    small, large = (
        np.where(
            ordered.isel(relative_size=end).to_numpy().max(1) >= criterion,
            measure(ordered.isel(relative_size=end, drop=True)),
            np.nan,
        )
        for end in (0, -1)
    )
    return small, large
