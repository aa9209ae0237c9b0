"""The stimuli that can be drawn, each with conditions that show what it is.

List a new one here: the examples are drawn by ``insilico stimuli NAME``, and every test of what a
stimulus must be is run on them. Nothing is imported before it is drawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["APERTURES", "STIMULI", "Listed", "Named"]

ORIENTATIONS = (0.0, 20.0, 90.0)


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

# Images in [0, 1], (n, 1, height, width).
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
    "square_wave": Listed(
        "stimuli.square_waves",
        {"orientation": ORIENTATIONS, "spatial_frequency": 1.1, "diameter": 3.0},
    ),
    "white_noise": Listed("stimuli.mosaics", {"frame": (0, 1, 2), "element": 0.125, "x": 0.3}),
}


@dataclass(frozen=True)
class Named:
    """A stimulus by name, found when something is drawn: tables of conditions need no torch.

    Parameters
    ----------
    name : str
        One of `STIMULI`.
    """

    name: str

    def __post_init__(self) -> None:
        # As a function has: a `StimulusSet` takes its name into its fingerprint.
        for attribute in ("__name__", "__qualname__"):
            object.__setattr__(self, attribute, f"draw_{self.name}")

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Draw, as the function of the name does."""
        return STIMULI[self.name].function(self.name)(*args, **parameters)
