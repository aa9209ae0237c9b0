"""The batteries that the command line knows, each with the place where it is shown by default.

To add one, write it and list it here.
"""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement, Protocol
from insilico.own_code import did_you_mean, own_object

__all__ = ["BATTERIES", "Placed", "find_battery"]


class Placed(NamedTuple):
    """A battery, and where it is shown unless a run says otherwise."""

    battery: Battery
    place: Placement


def _written_in(module: str) -> Callable[[], Placed]:
    """Find a battery where it is written: its place is the file's ``PLACE``, if it has one."""

    def found() -> Placed:
        file = import_module(module)
        return Placed(file.BATTERY, getattr(file, "PLACE", Placement()))

    return found


# Each is made, and rehearsed, when it is first asked for.
BATTERIES: dict[str, Callable[[], Placed]] = {
    name: _written_in(f"{__name__}.{name}")
    for name in (
        "standard",
        "contrast",
        "context",
        "structure",
        "variability",
        "phenomena",
        "colour",
        "border_ownership",
        "eccentricity",
        "motion",
        "natural_images",
        "full",
    )
} | {"marques2020": _written_in("insilico.experiments.marques2020")}


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
        ours = BATTERIES.get(battery.name, lambda: Placed(battery, Placement()))()
        return ours if ours.battery is battery else Placed(battery, Placement())
    if battery in BATTERIES:
        return BATTERIES[battery]()
    if ":" not in str(battery):
        raise UserError(
            f"battery must be one of {', '.join(BATTERIES)}, file.py:NAME or a Battery; got "
            f"{battery!r}. {did_you_mean(str(battery), BATTERIES)}"
        )
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
