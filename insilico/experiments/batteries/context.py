"""The context battery: masks, surrounds, length and polarity, at each unit's own optimum."""

from insilico.experiments.batteries.shared import CONTEXT_REFERENCES, CONTEXTS, OPTIMUM
from insilico.experiments.battery import Battery
from insilico.experiments.optimum import MOST_UNITS

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="context",
    protocols=(*OPTIMUM, *CONTEXTS),
    references=CONTEXT_REFERENCES,
    most_units=MOST_UNITS,
    declared=True,
)
