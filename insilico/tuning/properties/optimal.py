"""Optimal stimuli: how much better than a grating they are, and what they look like.

The curve has dims ("unit", "picture", "element_y", "element_x"): the optimal picture, the best
Gabor function (a grating in a Gaussian window) of the same root mean square contrast, and the map
from white noise; ``optimal_response`` and ``gabor_response`` are the responses to the first two.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.structure import PLACE
from insilico.tuning.properties.values import per_unit

__all__ = ["found", "optimal_gabor_correlation", "optimal_map_correlation", "optimal_stimulus_gain"]


def found(curve: xr.DataArray) -> xr.DataArray:
    """Whether any picture drives the unit above its blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    return curve["optimal_response"] > curve["blank"]


def optimal_stimulus_gain(curve: xr.DataArray) -> xr.DataArray:
    """Response to the optimal picture over that to the best Gabor function, both less the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures of equal root mean square contrast.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for a unit whose filter is a Gabor function. NaN where no Gabor function drives it.
    """
    gabor = curve["gabor_response"] - curve["blank"]
    gain = (curve["optimal_response"] - curve["blank"]) / gabor.where(gabor > 0)
    return _known(curve, "optimal_stimulus_gain", gain, "Optimal stimulus / best grating")


def optimal_gabor_correlation(curve: xr.DataArray) -> xr.DataArray:
    """Correlation of the optimal picture with the best Gabor function.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures.

    Returns
    -------
    DataArray, dims ("unit",)
        Over elements. NaN for a unit that no picture drives.
    """
    values = _correlation(curve, "optimal", "Gabor")
    return _known(curve, "optimal_gabor_correlation", values, "Optimal stimulus and Gabor")


def optimal_map_correlation(curve: xr.DataArray) -> xr.DataArray:
    """Correlation of the optimal picture with the map from white noise.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures.

    Returns
    -------
    DataArray, dims ("unit",)
        Over elements: 1 for a linear unit. NaN for a unit that no picture drives, and for one that
        has no map, as it does not mind the sign of a picture.
    """
    values = _correlation(curve, "optimal", "map")
    return _known(curve, "optimal_map_correlation", values, "Optimal stimulus and map")


def _known(
    curve: xr.DataArray, name: str, values: xr.DataArray | npt.NDArray[np.float64], label: str
) -> xr.DataArray:
    return per_unit(curve, name, np.where(found(curve), values, np.nan), label, silent=True)


def _correlation(curve: xr.DataArray, one: str, other: str) -> npt.NDArray[np.float64]:
    first, second = (curve.sel(picture=name, drop=True) for name in (one, other))
    first, second = (each - each.mean(PLACE) for each in (first, second))
    size = ((first**2).sum(PLACE) * (second**2).sum(PLACE)) ** 0.5
    return ((first * second).sum(PLACE) / size.where(size > 0)).to_numpy()
