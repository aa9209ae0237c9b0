"""Answers to photographs: of single units, and of the population that is a layer.

The curve has the dims ("unit", "picture", "view", "trial"). What is said of a population is the
same for all units of a layer: it is measured on those of them that were recorded.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning import geometry
from insilico.tuning.properties.values import per_unit

__all__ = [
    "eigenspectrum",
    "eigenspectrum_exponent",
    "lifetime_sparseness",
    "population_sparseness",
    "share_above_half_maximum",
]


def lifetime_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness of a unit over photographs: 0 where it answers all alike, 1 where only one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        As `insilico.tuning.geometry.lifetime_sparseness`. NaN for a silent unit.

    References
    ----------
    Vinje WE, Gallant JL (2000). Science 287:1273-1276.
    """
    found = geometry.lifetime_sparseness(curve)
    return per_unit(curve, "lifetime_sparseness", found, "Lifetime sparseness")


def share_above_half_maximum(curve: xr.DataArray) -> xr.DataArray:
    """Share of the photographs that drive a unit above half of its largest response to them.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Its mean is the share of units that a photograph drives so. NaN for a silent unit.

    References
    ----------
    Tang S, Zhang Y, Li Z, Li M, Liu F, Jiang H, Lee TS (2018). eLife 7:e33370.
    """
    found = geometry.share_above_half_maximum(curve)
    return per_unit(curve, "share_above_half_maximum", found, "Share above half of the maximum")


def population_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness over the units of a layer, mean of the photographs: 1 where one answers each.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        The same for all units of a layer. NaN where no photograph drives any, or there is but one.
    """

    def mean(part: xr.DataArray) -> float:
        if part.sizes["unit"] < 2:
            return np.nan
        each = geometry.population_sparseness(part)
        known = np.isfinite(each)
        return float(each[known].mean()) if known.any() else np.nan

    values = _of_layers(curve, mean)
    return per_unit(curve, "population_sparseness", values, "Population sparseness", silent=True)


def eigenspectrum_exponent(curve: xr.DataArray) -> xr.DataArray:
    """Exponent that the variance of a layer's answers falls with from one dimension to the next.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Of `eigenspectrum`, from its 11th dimension to a fifth of them; the same for all units of a
        layer. NaN for fewer than 65 units or photographs.

    References
    ----------
    Stringer C, Pachitariu M, Steinmetz N, Carandini M, Harris KD (2019). Nature 571:361-365.
    """
    values = _of_layers(curve, lambda part: geometry.spectrum_exponent(eigenspectrum(part)))
    return per_unit(curve, "eigenspectrum_exponent", values, "Eigenspectrum exponent", silent=True)


def eigenspectrum(curve: xr.DataArray) -> npt.NDArray[np.float64]:
    """Variance of the answers of one layer along each of their dimensions, shared by two trials.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses of the units of a layer.

    Returns
    -------
    array, shape (component,)
        Of `insilico.tuning.geometry.cross_validated_spectrum`.
    """
    by_trial = curve.transpose("trial", "picture", "view", "unit").to_numpy().astype(float)
    first, second = by_trial.reshape(len(by_trial), -1, by_trial.shape[-1])[:2]
    return geometry.cross_validated_spectrum(first, second)


def _of_layers(
    curve: xr.DataArray, measure: Callable[[xr.DataArray], float]
) -> npt.NDArray[np.float64]:
    """Measure the known units of each layer, and give its value to all of them."""
    layer = curve["layer"].to_numpy()
    known = np.isfinite(curve.transpose("unit", ...).to_numpy()).all(axis=(1, 2, 3))
    values = np.full(len(layer), np.nan)
    for name in np.unique(layer[known]):
        members = np.flatnonzero(known & (layer == name))
        values[members] = measure(curve.isel(unit=members))
    return values
