"""The structure battery: what receptive fields look like, from noise, gratings and gradients."""

from insilico.experiments.batteries.shared import STRUCTURE, STRUCTURE_REFERENCES
from insilico.experiments.battery import Battery
from insilico.experiments.optimum import MOST_UNITS

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="structure",
    protocols=STRUCTURE,
    references=STRUCTURE_REFERENCES,
    rates_from=None,
    most_units=MOST_UNITS,
    declared=True,
)
