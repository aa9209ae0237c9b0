"""Sets of naturalistic textures and spectrally matched noise, and of textures in surrounds.

References
----------
Freeman J, Ziemba CM, Heeger DJ, Simoncelli EP, Movshon JA (2013). A functional and perceptual
signature of the second visual area in primates. Nat Neurosci 16:974-981, doi:10.1038/nn.3402.
"""

import math
from collections.abc import Callable
from typing import Any

from stimuli.display import Display, Position
from stimuli.marques2020.sets import BACKGROUND, POSITION
from stimuli.sets import StimulusSet, factorial
from stimuli.textures.pictures import (
    NO_SURROUND,
    NOISE,
    TEXTURE,
    Textures,
    from_folder,
    shipped,
)

__all__ = [
    "NOISE",
    "TEXTURE",
    "Textures",
    "from_folder",
    "published_textures",
    "shipped",
    "texture_surrounds",
    "textures",
]

# Samples of each family that are shown in surrounds.
N_SURROUNDED = 5


def textures(
    display: Display, position: Position, *, pictures: Textures | None = None
) -> StimulusSet:
    """Every texture and every noise, in a raised-cosine aperture of 4 deg.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the pictures, in deg.
    pictures : Textures, optional
        Those of the package by default.

    Returns
    -------
    StimulusSet, dims ("type", "family", "sample")
        Type 1 is noise, type 2 texture.
    """
    pictures = pictures or shipped()
    return _every(display, position, pictures, pictures.draw)


def published_textures(
    display: Display, position: Position = POSITION, *, pictures: Textures | None = None
) -> StimulusSet:
    """Every texture and every noise, drawn as Marques, Schrimpf & DiCarlo (2021) did: in 8 bits.

    Parameters
    ----------
    display : Display
        The screen; its background must be `stimuli.marques2020.sets.BACKGROUND`.
    position : Position
        Centre of the pictures, in deg.
    pictures : Textures, optional
        Those of the package by default.

    Returns
    -------
    StimulusSet, dims ("type", "family", "sample")
        Type 1 is noise, type 2 texture.
    """
    grey = len(display.levels) == 1
    if not (grey and math.isclose(display.mean_background, BACKGROUND, rel_tol=1e-6)):
        raise ValueError(
            "the published textures lie on grey level 128 of 255, a background of "
            f"{BACKGROUND:.6f}; the display has {display.background}. Make it with "
            "background=128 / 255."
        )
    pictures = pictures or shipped()
    return _every(display, position, pictures, pictures.draw_published)


def texture_surrounds(
    display: Display,
    position: Position,
    *,
    diameter: float = 1.0,
    pictures: Textures | None = None,
) -> StimulusSet:
    """Disks of texture alone, in their own noise, and in the texture that they are part of.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    diameter : float
        Of the disks, in deg; the annulus goes on from there to 4 deg.
    pictures : Textures, optional
        Those of the package by default.

    Returns
    -------
    StimulusSet, dims ("surround", "family", "sample")
        Surround 0 is none, 1 noise, 2 texture; five samples of each family.
    """
    pictures = pictures or shipped()
    factors = pictures.factors
    return factorial(
        "texture_surrounds",
        display,
        pictures.draw_surround,
        {
            "surround": [NO_SURROUND, NOISE, TEXTURE],
            "family": factors["family"],
            "sample": factors["sample"][:N_SURROUNDED],
        },
        labels=("checksum",),
        type=TEXTURE,
        diameter=diameter,
        x=position.x,
        y=position.y,
        checksum=pictures.checksum,
    )


def _every(
    display: Display, position: Position, pictures: Textures, draw: Callable[..., Any]
) -> StimulusSet:
    return factorial(
        "textures",
        display,
        draw,
        pictures.factors,
        labels=("checksum",),
        x=position.x,
        y=position.y,
        checksum=pictures.checksum,
    )
