"""The phenomena battery: what the scorecard of thirty phenomena is made of."""

from insilico.experiments.batteries.shared import CONTEXT_REFERENCES, PHENOMENA
from insilico.experiments.battery import Battery
from insilico.experiments.optimum import MOST_UNITS

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="phenomena",
    protocols=PHENOMENA,
    references=CONTEXT_REFERENCES,
    most_units=MOST_UNITS,
    declared=True,
)
