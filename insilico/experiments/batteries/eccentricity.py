"""The eccentricity battery: fields, frequencies and orientations over the visual field."""

from insilico.experiments.battery import Battery
from insilico.experiments.eccentricity import ECCENTRICITY
from insilico.experiments.gratings import ORIENTATION, SPATIAL_FREQUENCY
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.protocol import Placement
from stimuli import Position

__all__ = ["BATTERY", "PLACE"]

BATTERY = Battery(
    name="eccentricity",
    protocols=(ORIENTATION, SPATIAL_FREQUENCY, ECCENTRICITY),
    most_units=2 * MOST_UNITS,
    declared=True,
)

# Full-field gratings are the same for all units, wherever they look.
PLACE = Placement(Position(), sites="lattice")
