"""The natural_images battery: the geometry of a population's answers to photographs."""

from insilico.experiments.battery import Battery
from insilico.experiments.gratings import ORIENTATION
from insilico.experiments.natural_images import NATURAL_IMAGES

__all__ = ["BATTERY"]

BATTERY = Battery(name="natural_images", protocols=(ORIENTATION, NATURAL_IMAGES), declared=True)
