"""The texture experiments of a battery, with other pictures."""

from dataclasses import replace
from functools import partial

from insilico.errors import UserError
from insilico.protocol import Battery, Protocol
from stimuli.textures import Textures, published_textures, texture_surrounds, textures

__all__ = ["with_textures"]

SETS = (textures, published_textures, texture_surrounds)


def with_textures(battery: Battery, pictures: Textures) -> Battery:
    """Show other pictures in the texture experiments of a battery.

    Parameters
    ----------
    battery : Battery
        With experiments that show textures.
    pictures : Textures
        What `stimuli.textures.from_folder` gives.

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
    citation = protocol.citation.partition(", with pictures of ours")[0]
    return replace(
        protocol,
        stimuli=partial(protocol.stimuli, pictures=pictures),
        citation=f"{citation}, with the pictures of {pictures.origin}",
    )
