"""The motion battery: direction, temporal frequency and plaids, for models that take time."""

from insilico.experiments.batteries.shared import MOTION
from insilico.experiments.battery import Battery
from insilico.experiments.optimum import MOST_UNITS

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="motion",
    protocols=MOTION,
    rates_from="direction",
    most_units=MOST_UNITS,
    declared=True,
)
