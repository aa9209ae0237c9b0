"""Visual stimuli in degrees of visual angle, as images in [0, 1] or as arrays of modulation.

Everything drawn needs torch, which is imported when first used: the display and the tables of
conditions serve analyses that have none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stimuli.conventions import from_convention, to_convention
from stimuli.display import Display, Position, Window
from stimuli.sets import StimulusSet, factorial

if TYPE_CHECKING:
    from stimuli.apertures import aperture
    from stimuli.gratings import center_surround, grating, plaid
    from stimuli.picture_files import photographs

__all__ = [
    "Display",
    "Position",
    "StimulusSet",
    "Window",
    "aperture",
    "center_surround",
    "factorial",
    "from_convention",
    "grating",
    "photographs",
    "plaid",
    "to_convention",
]

_DRAWN = {
    "aperture": "stimuli.apertures",
    "center_surround": "stimuli.gratings",
    "grating": "stimuli.gratings",
    "photographs": "stimuli.picture_files",
    "plaid": "stimuli.gratings",
}


def __getattr__(name: str) -> Any:
    if name in _DRAWN:
        return getattr(import_module(_DRAWN[name]), name)
    raise AttributeError(f"module 'stimuli' has no attribute {name!r}")
