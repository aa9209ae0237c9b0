"""Naturalistic textures and matched noise, and disks of them; with pictures of other sources."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Protocol
from insilico.experiments.receptive_field import measured_place
from insilico.experiments.responsive import exceeds_blank, exceeds_threshold
from insilico.tuning.properties import textures as properties
from stimuli.textures.sets import Textures, published_textures, texture_surrounds, textures

__all__ = ["CITATION", "TEXTURES", "TEXTURE_SURROUND", "texture_curve", "with_textures"]

# Of textures, in deg; pictures are 4 deg wide.
LARGEST_DISK = 2.0

SETS = (textures, published_textures, texture_surrounds)

# The published pictures are not public: these are others, of the same design.
OURS = ", with pictures of ours in place of the published ones"
CITATION = "Freeman, Ziemba, Heeger, Simoncelli & Movshon (2013), doi 10.1038/nn.3402" + OURS


def texture_curve(response: xr.DataArray) -> xr.DataArray:
    """Responses to textures and noise, nothing subtracted.

    Parameters
    ----------
    response : DataArray, dims ("unit", "type", "family", "sample")
        Recording of `stimuli.textures.sets.textures` or `published_textures`.

    Returns
    -------
    DataArray
        The same, in float64; type 1 is noise, type 2 texture.
    """
    return response.astype(np.float64)


def texture_surround_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response to disks of each family, less the blank and not below 0, over surrounds.

    Parameters
    ----------
    response : DataArray
        Recording of `stimuli.textures.sets.texture_surrounds`.

    Returns
    -------
    DataArray, dims ("unit", "surround", "family")
        Surround 0 is none, 1 noise, 2 texture.
    """
    mean = response.mean("sample", keep_attrs=True).astype(np.float64)
    return (mean - mean["blank"]).clip(min=0).assign_attrs(response.attrs)


def centered_disk(units: xr.Dataset) -> pd.DataFrame:
    """Disk that the surround of each unit lies around: on its field, as large as its best grating.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``preferred_diameter``, and as for `measured_place`.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y`` as in `measured_place`; ``diameter``, in deg: at most 2 deg, so that there
        is room for a surround. NaN for a unit that no grating drives.
    """
    preferred = units["preferred_diameter"].to_numpy()
    return measured_place(units).assign(diameter=np.minimum(preferred, LARGEST_DISK))


def with_textures(battery: Battery, pictures: Textures) -> Battery:
    """Show other pictures in the texture experiments of a battery.

    Parameters
    ----------
    battery : Battery
        With experiments that show textures.
    pictures : Textures
        What `stimuli.textures.sets.from_folder` gives.

    Returns
    -------
    Battery
        The citation of those experiments says whose pictures they are.

    Raises
    ------
    UserError
        If the battery shows no textures.
    """
    if not any(protocol.stimuli in SETS for protocol in battery.protocols):
        raise UserError(
            f"the {battery.name} battery shows no textures, so there is no place for those of "
            f"{pictures.origin}. Choose the standard or the marques2020 battery."
        )
    return replace(
        battery,
        protocols=tuple(
            _with(protocol, pictures) if protocol.stimuli in SETS else protocol
            for protocol in battery.protocols
        ),
    )


def _with(protocol: Protocol, pictures: Textures) -> Protocol:
    citation = protocol.citation.removesuffix(OURS)
    return replace(
        protocol,
        stimuli=partial(protocol.stimuli, pictures=pictures),
        citation=f"{citation}, with the pictures of {pictures.origin}",
    )


TEXTURES = Protocol(
    name="textures",
    stimuli=textures,
    curve=texture_curve,
    properties=(
        properties.texture_modulation_index,
        properties.absolute_texture_modulation_index,
        properties.texture_selectivity,
        properties.texture_sparseness,
        properties.texture_variance_ratio,
        properties.maximum_texture_response,
        properties.maximum_noise_response,
    ),
    responsive=exceeds_blank,
    citation=CITATION,
    question="Do units answer naturalistic textures more than noise of the same spectrum?",
    figure="texture_modulation",
    section="textures",
)

TEXTURE_SURROUND = Protocol(
    name="texture_surround",
    stimuli=texture_surrounds,
    curve=texture_surround_curve,
    properties=(
        properties.texture_surround_suppression,
        properties.noise_surround_suppression,
        properties.naturalistic_surround_index,
    ),
    responsive=exceeds_threshold,
    citation="after Ziemba, Freeman, Simoncelli & Movshon (2018), doi 10.1152/jn.00900.2017",
    after=("size", "receptive_field"),
    prefer=centered_disk,
    figure="texture_surround",
    section="textures",
    question="Does a surround of noise or of texture suppress a disk of texture?",
)
