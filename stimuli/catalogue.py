"""The stimuli that can be drawn, each with conditions that show what it is.

List a new one here: the examples are drawn by ``insilico stimuli NAME``, and every test of what a
stimulus must be is run on them. Nothing is imported before it is drawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["APERTURES", "MOVIES", "STIMULI", "Listed", "Named"]

ORIENTATIONS = (0.0, 20.0, 90.0)
DIRECTIONS = (0.0, 110.0, 200.0)


class Listed(NamedTuple):
    """Where a drawing function is, and conditions for it, as a user would give them."""

    module: str
    example: Mapping[str, Any]

    def function(self, name: str) -> Callable[..., Any]:
        """Import it."""
        drawn: Callable[..., Any] = getattr(import_module(self.module), name)
        return drawn


# Transparency, (n, height, width), that patterns are multiplied with.
APERTURES = {
    "aperture": Listed(
        "stimuli.apertures", {"diameter": (1.0, 2.0, 3.0), "inner_diameter": 0.5, "x": 0.3}
    ),
    "rectangle": Listed(
        "stimuli.bars", {"length": 2.0, "width": 0.3, "orientation": ORIENTATIONS, "x": 0.3}
    ),
}

# Images in [0, 1], (n, channel, height, width): of one channel, or of three in colour.
STIMULI = {
    "bar": Listed(
        "stimuli.bars", {"length": 2.0, "width": 0.3, "orientation": ORIENTATIONS, "x": 0.3}
    ),
    "center_and_patch": Listed(
        "stimuli.patches",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "patch_x": 1.0, "patch_y": 0.3},
    ),
    "center_surround": Listed(
        "stimuli.gratings",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "surround_orientation": 45.0},
    ),
    "cone_grating": Listed(
        "stimuli.colours",
        {
            "orientation": ORIENTATIONS,
            "spatial_frequency": 2.0,
            "l_contrast": (0.08, 0.08, 0.0),
            "m_contrast": (-0.08, 0.08, 0.0),
            "s_contrast": (0.0, 0.0, 0.8),
            "diameter": 2.0,
            "x": 0.3,
        },
    ),
    "cone_square": Listed(
        "stimuli.colours",
        {
            "width": 1.5,
            "orientation": ORIENTATIONS,
            "l_contrast": 0.08,
            "m_contrast": -0.05,
            "ground_s_contrast": 0.3,
            "x": 0.3,
        },
    ),
    "grating": Listed(
        "stimuli.gratings",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "diameter": 2.0, "x": 0.3},
    ),
    "hartley": Listed("stimuli.mosaics", {"frame": (1, 24, 75), "element": 0.125}),
    "noisy_grating": Listed(
        "stimuli.noise",
        {
            "orientation": ORIENTATIONS,
            "spatial_frequency": 2.0,
            "contrast": 0.8,
            "element": 0.2,
            "seed": 3,
        },
    ),
    "plaid": Listed(
        "stimuli.gratings",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "mask_orientation": 60.0},
    ),
    "rectangular_grating": Listed(
        "stimuli.bars",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "length": 3.0, "width": 1.1},
    ),
    "sparse_noise": Listed("stimuli.mosaics", {"frame": (300, 301, 330), "element": 0.125}),
    "spot": Listed("stimuli.bars", {"diameter": 1.0, "contrast": (-1.0, 0.4, 1.0), "x": 0.3}),
    "square": Listed(
        "stimuli.squares",
        {
            "width": 1.5,
            "orientation": ORIENTATIONS,
            "contrast": 0.8,
            "ground_contrast": -0.4,
            "x": 0.3,
        },
    ),
    "square_wave": Listed(
        "stimuli.square_waves",
        {"orientation": ORIENTATIONS, "spatial_frequency": 1.1, "diameter": 3.0},
    ),
    "white_noise": Listed("stimuli.mosaics", {"frame": (0, 1, 2), "element": 0.125, "x": 0.3}),
}

# Frames of movies in [0, 1], (n, frame, channel, height, width); they take ``time`` as well.
MOVIES = {
    "chirp": Listed(
        "stimuli.chirps",
        {
            "temporal_frequency": 1.0,
            "last_temporal_frequency": (1.0, 4.0, 8.0),
            "duration": 1.0,
            "first_contrast": 0.2,
            "spatial_frequency": 1.0,
        },
    ),
    "counterphase_grating": Listed(
        "stimuli.moving",
        {"orientation": ORIENTATIONS, "spatial_frequency": 2.0, "temporal_frequency": 4.0},
    ),
    "drifting_grating": Listed(
        "stimuli.moving",
        {
            "direction": DIRECTIONS,
            "spatial_frequency": 2.0,
            "temporal_frequency": 4.0,
            "diameter": 3.0,
        },
    ),
    "drifting_plaid": Listed(
        "stimuli.moving",
        {"direction": DIRECTIONS, "spatial_frequency": 2.0, "temporal_frequency": 4.0},
    ),
    "moving_bar": Listed(
        "stimuli.moving", {"direction": DIRECTIONS, "speed": 4.0, "length": 2.0, "width": 0.3}
    ),
    "random_dots": Listed(
        "stimuli.dots",
        {
            "direction": 30.0,
            "speed": 4.0,
            "coherence": (0.0, 0.5, 1.0),
            "density": 4.0,
            "element": 0.15,
            "diameter": 3.0,
            "seed": 3,
        },
    ),
}


# Those that are declared to be drawn within disks, told without importing them.
IN_DISKS = ("grating", "plaid")

# Likewise, what does not matter in those without contrast.
SIGNAL = ("orientation", "phase")
VANISHING: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "center_surround": {
        "contrast": SIGNAL,
        "surround_contrast": ("surround_orientation", "surround_phase"),
    },
    "grating": {"contrast": SIGNAL},
    "plaid": {"contrast": SIGNAL, "mask_contrast": ("mask_orientation", "mask_phase")},
}


@dataclass(frozen=True)
class Named:
    """A stimulus by name, found when something is drawn: tables of conditions need no torch.

    Parameters
    ----------
    name : str
        One of `STIMULI` or of `MOVIES`.
    """

    name: str

    def __post_init__(self) -> None:
        # As a function has: a `StimulusSet` takes its name into its fingerprint.
        for attribute in ("__name__", "__qualname__"):
            object.__setattr__(self, attribute, f"draw_{self.name}")

    @property
    def in_disk(self) -> bool:
        """Whether it is drawn within disks: see `stimuli.parameters.in_disk`."""
        return self.name in IN_DISKS

    @property
    def vanishing(self) -> Mapping[str, tuple[str, ...]]:
        """What does not matter without contrast: see `stimuli.parameters.vanishing`."""
        return VANISHING.get(self.name, {})

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Draw, as the function of the name does."""
        return (STIMULI | MOVIES)[self.name].function(self.name)(*args, **parameters)
