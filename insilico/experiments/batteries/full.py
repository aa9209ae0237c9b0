"""The full battery: every experiment that there is, as far as it suits the model."""

from insilico.experiments.batteries import colour, standard
from insilico.experiments.batteries.shared import CONTEXT_REFERENCES, PHENOMENA
from insilico.experiments.battery import Battery
from insilico.experiments.colours import COLOUR
from insilico.experiments.gratings import SPATIAL_FREQUENCY_MEAN
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.textures import TEXTURE_SURROUND, TEXTURES

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="full",
    protocols=(*PHENOMENA, SPATIAL_FREQUENCY_MEAN, TEXTURES, TEXTURE_SURROUND, COLOUR),
    references=tuple(
        dict.fromkeys((*standard.BATTERY.references, *CONTEXT_REFERENCES, *colour.REFERENCES))
    ),
    most_units=MOST_UNITS,
    partial=True,
)
