"""The full battery: every experiment that there is, as far as it suits the model."""

from dataclasses import replace

from insilico.experiments.batteries import border_ownership, colour, standard
from insilico.experiments.batteries.shared import (
    CONTEXT_REFERENCES,
    MOTION,
    PHENOMENA,
    STRUCTURE_REFERENCES,
)
from insilico.experiments.battery import Battery
from insilico.experiments.border_ownership import BORDER_OWNERSHIP
from insilico.experiments.colours import COLOUR
from insilico.experiments.eccentricity import ECCENTRICITY
from insilico.experiments.gratings import SPATIAL_FREQUENCY_MEAN
from insilico.experiments.natural_images import NATURAL_IMAGES
from insilico.experiments.optimal_stimuli import OPTIMAL_STIMULUS
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.textures import TEXTURE_SURROUND, TEXTURES
from insilico.experiments.variability import VARIABILITY

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="full",
    protocols=(
        *PHENOMENA,
        SPATIAL_FREQUENCY_MEAN,
        TEXTURES,
        TEXTURE_SURROUND,
        OPTIMAL_STIMULUS,
        VARIABILITY,
        COLOUR,
        BORDER_OWNERSHIP,
        replace(ECCENTRICITY, needs="known places"),
        NATURAL_IMAGES,
        *MOTION,
    ),
    references=tuple(
        dict.fromkeys(
            (
                *standard.BATTERY.references,
                *CONTEXT_REFERENCES,
                *STRUCTURE_REFERENCES,
                *colour.REFERENCES,
                *border_ownership.REFERENCES,
            )
        )
    ),
    most_units=MOST_UNITS,
    partial=True,
    declared=True,
)
