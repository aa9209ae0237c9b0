"""The batteries that the command line knows, each with the place where it is shown by default.

To add one, write it and list it here.
"""

import sys
from importlib import import_module
from typing import NamedTuple

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement, Protocol

__all__ = ["BATTERIES", "Placed", "find_battery"]


class Placed(NamedTuple):
    """A battery, and where it is shown unless a run says otherwise."""

    battery: Battery
    place: Placement


# Modules that hold a BATTERY, and a PLACE unless it is shown where each unit looks. They are
# imported when they are asked for: a battery is rehearsed when it is made, which takes a second.
BATTERIES = {
    "standard": "insilico.experiments.standard",
    "contrast": "insilico.experiments.contrast",
    "context": "insilico.experiments.context",
    "marques2020": "insilico.experiments.marques2020",
}


def find_battery(battery: str | Battery) -> Placed:
    """Find a battery by its name, with its default place.

    Parameters
    ----------
    battery : str or Battery
        A name; ``path/to/file.py:NAME`` or ``package.module:NAME``, whose code is run; or a battery
        of your own. The latter are shown where each unit looks.

    Returns
    -------
    Placed

    Raises
    ------
    UserError
        If there is none of the name, or the name stands for something else.
    """
    if isinstance(battery, Battery):
        for name, module in BATTERIES.items():
            if getattr(sys.modules.get(module), "BATTERY", None) is battery:
                return _named(name)
        return Placed(battery, Placement())
    if battery in BATTERIES:
        return _named(battery)
    if ":" not in str(battery):
        raise UserError(
            f"battery must be one of {', '.join(BATTERIES)}, file.py:NAME or a Battery; got "
            f"{battery!r}."
        )
    # A model's loader needs torch, which the names above do not.
    from insilico.models.own import own_object

    found = own_object(battery)
    if isinstance(found, Protocol):
        rated = found.name if found.scale == "rates" else None
        found = Battery(found.name, (found,), rates_from=rated)
    if isinstance(found, Placed):
        return found
    if not isinstance(found, Battery):
        raise UserError(
            f"{battery} is a {type(found).__name__}; it must be a Battery, a Protocol or a "
            "Placed (a battery and its placement)."
        )
    return find_battery(found)


def _named(name: str) -> Placed:
    module = import_module(BATTERIES[name])
    return Placed(module.BATTERY, getattr(module, "PLACE", Placement()))
