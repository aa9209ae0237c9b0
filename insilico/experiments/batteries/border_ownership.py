"""The border-ownership battery: which side of an edge the figure lies on."""

from insilico.experiments.batteries.shared import OPTIMUM
from insilico.experiments.battery import Battery
from insilico.experiments.border_ownership import BORDER_OWNERSHIP
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.protocol import prerequisites

__all__ = ["BATTERY", "REFERENCES"]

REFERENCES = ("zhou2000.border_ownership_ratio",)

BEFORE = prerequisites(OPTIMUM, BORDER_OWNERSHIP.after)

BATTERY = Battery(
    name="border_ownership",
    protocols=(*(each for each in OPTIMUM if each.name in BEFORE), BORDER_OWNERSHIP),
    references=REFERENCES,
    most_units=MOST_UNITS,
    declared=True,
)
