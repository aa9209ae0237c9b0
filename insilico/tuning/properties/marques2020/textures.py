"""Responses to textures as in the benchmark, for the data of Freeman, Ziemba et al. (2013).

The curve has dims ("unit", "type", "family", "sample") and holds the response to every picture,
nothing subtracted: type 1 is spectrally matched noise, type 2 naturalistic texture, 15 samples of
each of 15 families. All but the variance ratio are computed on the response less the blank, which
may be negative.
"""

import numpy as np
import xarray as xr

from insilico.tuning.properties.marques2020._smoothing import ratio
from insilico.tuning.properties.values import named, per_unit
from stimuli.textures.pictures import NOISE, TEXTURE

# The variance ratio is taken on stabilised counts in windows of 100 ms; the floor keeps it finite.
WINDOWS_PER_S = 10
VARIANCE_FLOOR = 0.02


@named("freemanZiemba2013.texture_modulation_index")
def texture_modulation_index(curve: xr.DataArray) -> xr.DataArray:
    """``(T - N) / (T + N)`` of texture and noise, averaged over families.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Families in which T + N is 0 are left out; NaN where none is left.
    """
    return _property(
        curve, _modulation(curve), "texture_modulation_index", "Texture modulation index"
    )


@named("freemanZiemba2013.absolute_texture_modulation_index")
def absolute_texture_modulation_index(curve: xr.DataArray) -> xr.DataArray:
    """Absolute value of the texture modulation index.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN where that index is.
    """
    return _property(
        curve,
        abs(_modulation(curve)),
        "absolute_texture_modulation_index",
        "Absolute texture modulation index",
    )


def family_modulation(curve: xr.DataArray) -> xr.DataArray:
    """``(T - N) / (T + N)`` of texture and noise, family by family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit", "family")
        NaN where T + N is 0.
    """
    texture, noise = (_evoked(curve, kind).mean("sample") for kind in (TEXTURE, NOISE))
    return ratio(texture - noise, texture + noise)


@named("freemanZiemba2013.texture_selectivity")
def texture_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Measure selectivity for texture families, on their mean responses.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all families give the same response, 1 where a single one gives any.
    """
    families = _evoked(curve, TEXTURE).mean("sample")
    return _property(
        curve, _sparseness(families, "family"), "texture_selectivity", "Texture selectivity"
    )


@named("freemanZiemba2013.noise_selectivity")
def noise_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Measure selectivity for noise families, on their mean responses.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        As `texture_selectivity`.
    """
    families = _evoked(curve, NOISE).mean("sample")
    return _property(
        curve, _sparseness(families, "family"), "noise_selectivity", "Noise selectivity"
    )


@named("freemanZiemba2013.texture_sparseness")
def texture_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness over all texture pictures.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all pictures give the same response, 1 where a single one gives any.
    """
    sparseness = _sparseness(_evoked(curve, TEXTURE), "family", "sample")
    return _property(curve, sparseness, "texture_sparseness", "Texture sparseness")


@named("freemanZiemba2013.noise_sparseness")
def noise_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness over all noise pictures.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        As `texture_sparseness`.
    """
    sparseness = _sparseness(_evoked(curve, NOISE), "family", "sample")
    return _property(curve, sparseness, "noise_sparseness", "Noise sparseness")


@named("freemanZiemba2013.variance_ratio")
def variance_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Variance across texture families over variance across samples of a family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Of shares of the total, each raised by 0.02; negative where the samples vary so much that
        the estimate for the families is. NaN for a constant response.
    """
    family, sample = _variance_shares(curve)
    values = (family + VARIANCE_FLOOR) / (sample + VARIANCE_FLOOR)
    return _property(curve, values, "variance_ratio", "Variance ratio (family/sample)")


@named("freemanZiemba2013.sample_variance")
def sample_variance(curve: xr.DataArray) -> xr.DataArray:
    """Share of the variance that lies across the samples of a texture family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Above 1 where the share of the families is negative. NaN for a constant response.
    """
    _, sample = _variance_shares(curve)
    return _property(curve, sample, "sample_variance", "Share of variance across samples")


@named("freemanZiemba2013.family_variance")
def family_variance(curve: xr.DataArray) -> xr.DataArray:
    """Share of the variance that lies across texture families.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        May be negative. NaN for a constant response.
    """
    family, _ = _variance_shares(curve)
    return _property(curve, family, "family_variance", "Share of variance across families")


@named("freemanZiemba2013.max_texture")
def max_texture(curve: xr.DataArray) -> xr.DataArray:
    """Largest response to a texture picture, less the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    largest = _evoked(curve, TEXTURE).max(("family", "sample"))
    return _property(curve, largest, "max_texture", "Maximum texture response", "spikes/s")


@named("freemanZiemba2013.max_noise")
def max_noise(curve: xr.DataArray) -> xr.DataArray:
    """Largest response to a noise picture, less the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    largest = _evoked(curve, NOISE).max(("family", "sample"))
    return _property(curve, largest, "max_noise", "Maximum noise response", "spikes/s")


def _property(
    curve: xr.DataArray, values: xr.DataArray, name: str, long_name: str, units: str = "1"
) -> xr.DataArray:
    return per_unit(curve, f"freemanZiemba2013.{name}", values, long_name, units, silent=True)


def _evoked(curve: xr.DataArray, kind: int) -> xr.DataArray:
    return curve.sel(type=kind, drop=True) - curve["blank"]


def _modulation(curve: xr.DataArray) -> xr.DataArray:
    return family_modulation(curve).mean("family", skipna=True)


def _sparseness(response: xr.DataArray, *dims: str) -> xr.DataArray:
    """``(1 - mean(r)^2 / mean(r^2)) / (1 - 1/n)``, as of Vinje & Gallant (2000)."""
    n = np.prod([response.sizes[dim] for dim in dims])
    square, power = response.mean(dims) ** 2, (response**2).mean(dims)
    return (1 - ratio(square, power)) / (1 - 1 / n)


def _variance_shares(curve: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Shares of texture families and of samples in the variance of the stabilised response."""
    count = curve.sel(type=TEXTURE, drop=True) / WINDOWS_PER_S
    stable = count**0.5 + (count + 1) ** 0.5
    n_families, n_samples = stable.sizes["family"], stable.sizes["sample"]
    family_mean = stable.mean("sample")
    within = ((stable - family_mean) ** 2).sum(("family", "sample"))
    between = ((family_mean - family_mean.mean("family")) ** 2).sum("family")
    sample = within / (n_families * (n_samples - 1))
    family = (n_samples * between / (n_families - 1) - sample) / n_samples
    return ratio(family, family + sample), ratio(sample, family + sample)
