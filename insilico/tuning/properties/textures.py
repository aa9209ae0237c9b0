"""Responses to textures and to spectrally matched noise.

The definitions are those of the published benchmark (`insilico.tuning.properties.marques2020`), on
responses less the blank that are rectified, as those of the neurons were: indices then keep within
their range. The variance ratio takes responses as they are. A curve has the dims ("unit", "type",
"family", "sample"); type 1 is noise, 2 texture. The surround indices are our own, on curves with
the dims ("unit", "surround", "family").

References
----------
Freeman J, Ziemba CM, Heeger DJ, Simoncelli EP, Movshon JA (2013). A functional and perceptual
signature of the second visual area in primates. Nat Neurosci 16:974-981, doi:10.1038/nn.3402.
"""

import xarray as xr

from insilico.tuning.properties import marques2020
from insilico.tuning.properties.marques2020.textures import (
    family_modulation as published_modulation,
)
from insilico.tuning.properties.values import per_unit
from stimuli.textures.pictures import NO_SURROUND, NOISE, TEXTURE

__all__ = [
    "absolute_texture_modulation_index",
    "family_modulation",
    "maximum_noise_response",
    "maximum_texture_response",
    "naturalistic_surround_index",
    "noise_surround_suppression",
    "texture_modulation_index",
    "texture_selectivity",
    "texture_sparseness",
    "texture_surround_suppression",
    "texture_variance_ratio",
]


def texture_modulation_index(curve: xr.DataArray) -> xr.DataArray:
    """``(T - N) / (T + N)`` of the responses to texture and noise, averaged over families.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        In [-1, 1]. Families without any response are left out; NaN where none is left.
    """
    index = marques2020.texture_modulation_index(_rectified(curve))
    return index.rename("texture_modulation_index")


def family_modulation(curve: xr.DataArray) -> xr.DataArray:
    """``(T - N) / (T + N)`` of the responses to texture and noise, family by family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit", "family")
        In [-1, 1]; NaN where a family gives no response.
    """
    return published_modulation(_rectified(curve))


def absolute_texture_modulation_index(curve: xr.DataArray) -> xr.DataArray:
    """Absolute value of the texture modulation index.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        In [0, 1]; NaN where that index is.
    """
    index = marques2020.absolute_texture_modulation_index(_rectified(curve))
    return index.rename("absolute_texture_modulation_index")


def texture_selectivity(curve: xr.DataArray) -> xr.DataArray:
    """Measure selectivity for texture families: the sparseness of their mean responses.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all families give the same response, 1 where a single one gives any.
    """
    return marques2020.texture_selectivity(_rectified(curve)).rename("texture_selectivity")


def texture_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness over all textures, ``(1 - mean(r)^2 / mean(r^2)) / (1 - 1/n)``.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all textures give the same response, 1 where a single one gives any.
    """
    return marques2020.texture_sparseness(_rectified(curve)).rename("texture_sparseness")


def texture_variance_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Variance across texture families over variance across samples of a family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample")
        Responses; nothing is subtracted here.

    Returns
    -------
    DataArray, dims ("unit",)
        Of shares of the total, each raised by 0.02; NaN for a constant response.
    """
    return marques2020.variance_ratio(curve).rename("texture_variance_ratio")


def maximum_texture_response(curve: xr.DataArray) -> xr.DataArray:
    """Largest response to a texture, less the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    return marques2020.max_texture(_rectified(curve)).rename("maximum_texture_response")


def maximum_noise_response(curve: xr.DataArray) -> xr.DataArray:
    """Largest response to a noise picture, less the blank.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses, nothing subtracted.

    Returns
    -------
    DataArray, dims ("unit",)
        In spikes/s.
    """
    return marques2020.max_noise(_rectified(curve)).rename("maximum_noise_response")


def texture_surround_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Share of the response to a disk of texture that is lost when the texture goes on around it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "surround", "family")
        Mean responses less the blank, not below 0.

    Returns
    -------
    DataArray, dims ("unit",)
        Negative where the surround facilitates; NaN where the disk alone gives no response.
    """
    return _suppression(curve, TEXTURE, "texture_surround_suppression", "a texture surround")


def noise_surround_suppression(curve: xr.DataArray) -> xr.DataArray:
    """Share of the response to a disk of texture that is lost within spectrally matched noise.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "surround", "family")
        Mean responses less the blank, not below 0.

    Returns
    -------
    DataArray, dims ("unit",)
        Negative where the surround facilitates; NaN where the disk alone gives no response.
    """
    return _suppression(curve, NOISE, "noise_surround_suppression", "a noise surround")


def naturalistic_surround_index(curve: xr.DataArray) -> xr.DataArray:
    """``(N - T) / (N + T)`` of a disk of texture within noise N and within its own texture T.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "surround", "family")
        Mean responses less the blank, not below 0.

    Returns
    -------
    DataArray, dims ("unit",)
        Positive where naturalistic structure of the surround suppresses; NaN where neither gives
        a response.
    """
    noise, texture = (_within(curve, kind) for kind in (NOISE, TEXTURE))
    total = noise + texture
    index = (noise - texture) / total.where(total > 0)
    return per_unit(curve, "naturalistic_surround_index", index, "Naturalistic surround index", "1")


def _rectified(curve: xr.DataArray) -> xr.DataArray:
    return curve.clip(min=curve["blank"], keep_attrs=True)


def _within(curve: xr.DataArray, surround: int) -> xr.DataArray:
    return curve.sel(surround=surround, drop=True).mean("family")


def _suppression(curve: xr.DataArray, kind: int, name: str, by: str) -> xr.DataArray:
    alone = _within(curve, NO_SURROUND)
    lost = 1 - _within(curve, kind) / alone.where(alone > 0)
    return per_unit(curve, name, lost, f"Suppression by {by}", "1")
