"""The batteries that the command line knows, each with the place where it is shown by default.

To add one, write it and list it here.
"""

from typing import NamedTuple

from insilico.errors import UserError
from insilico.experiments import marques2020, standard
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement

__all__ = ["BATTERIES", "Placed", "find_battery"]


class Placed(NamedTuple):
    """A battery, and where it is shown unless a run says otherwise."""

    battery: Battery
    place: Placement


BATTERIES: dict[str, Placed] = {
    "standard": Placed(standard.BATTERY, Placement()),
    "marques2020": Placed(marques2020.BATTERY, marques2020.PLACE),
}


def find_battery(battery: str | Battery) -> Placed:
    """Find a battery by its name, with its default place.

    Parameters
    ----------
    battery : str or Battery
        A name, or a battery of your own, which is shown where each unit looks.

    Returns
    -------
    Placed

    Raises
    ------
    UserError
        If there is none of the name; says which there are.
    """
    if isinstance(battery, Battery):
        known = [each for each in BATTERIES.values() if each.battery is battery]
        return known[0] if known else Placed(battery, Placement())
    if battery not in BATTERIES:
        raise UserError(
            f"battery must be one of {', '.join(BATTERIES)}, or a Battery; got {battery!r}."
        )
    return BATTERIES[battery]
