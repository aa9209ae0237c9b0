"""Visual stimuli in degrees of visual angle, as images in [0, 1] or as arrays of modulation.

Everything drawn needs torch, which is imported when first used: the display and the tables of
conditions serve analyses that have none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stimuli.catalogue import APERTURES, MOVIES, STIMULI
from stimuli.conventions import from_convention, to_convention
from stimuli.display import Display, Position, Window
from stimuli.frames import frame_times
from stimuli.sets import StimulusSet, factorial

if TYPE_CHECKING:
    from stimuli.apertures import aperture
    from stimuli.bars import bar, rectangle, rectangular_grating, spot
    from stimuli.chirps import chirp
    from stimuli.colours import cone_grating, cone_square
    from stimuli.dots import random_dots
    from stimuli.gratings import center_surround, grating, plaid
    from stimuli.mosaics import hartley, sparse_noise, white_noise
    from stimuli.moving import (
        counterphase_grating,
        drifting_grating,
        drifting_plaid,
        moving_bar,
    )
    from stimuli.noise import noisy_grating
    from stimuli.patches import center_and_patch
    from stimuli.picture_files import photographs
    from stimuli.square_waves import square_wave
    from stimuli.squares import square

__all__ = [
    "Display",
    "Position",
    "StimulusSet",
    "Window",
    "aperture",
    "bar",
    "center_and_patch",
    "center_surround",
    "chirp",
    "cone_grating",
    "cone_square",
    "counterphase_grating",
    "drifting_grating",
    "drifting_plaid",
    "factorial",
    "frame_times",
    "from_convention",
    "grating",
    "hartley",
    "moving_bar",
    "noisy_grating",
    "photographs",
    "plaid",
    "random_dots",
    "rectangle",
    "rectangular_grating",
    "sparse_noise",
    "spot",
    "square",
    "square_wave",
    "to_convention",
    "white_noise",
]


def __getattr__(name: str) -> Any:
    if name == "photographs":
        return import_module("stimuli.picture_files").photographs
    listed = (APERTURES | STIMULI | MOVIES).get(name)
    if listed is not None:
        return listed.function(name)
    raise AttributeError(f"module 'stimuli' has no attribute {name!r}")
