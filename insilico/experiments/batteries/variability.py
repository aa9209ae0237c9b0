"""The variability battery: repeats of gratings, for models with noise or with spikes drawn."""

from insilico.experiments.battery import Battery
from insilico.experiments.gratings import ORIENTATION
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.variability import VARIABILITY

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="variability", protocols=(ORIENTATION, VARIABILITY), most_units=MOST_UNITS, declared=True
)
