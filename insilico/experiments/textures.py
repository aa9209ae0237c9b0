"""What the texture experiments of all batteries share, and how they show other pictures."""

from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.protocol import Battery, Protocol
from stimuli.textures.sets import Textures, published_textures, texture_surrounds, textures

__all__ = ["CITATION", "texture_curve", "with_textures"]

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
