"""The contrast battery: the response to the preferred patch, and tuning, at many contrasts."""

from insilico.experiments.batteries.shared import CONTRASTS, OPTIMUM, SIZE_REFERENCES
from insilico.experiments.battery import Battery
from insilico.experiments.optimum import MOST_UNITS

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="contrast",
    protocols=(*OPTIMUM, *CONTRASTS),
    references=SIZE_REFERENCES,
    most_units=MOST_UNITS,
    declared=True,
)
