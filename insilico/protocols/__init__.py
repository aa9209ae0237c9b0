"""Experiments: one file per battery. To add one, write a `Protocol` and list it here."""

from insilico.protocol import Battery
from insilico.protocols import marques2020, standard

__all__ = ["BATTERIES"]

BATTERIES: dict[str, Battery] = {
    battery.name: battery for battery in (standard.BATTERY, marques2020.BATTERY)
}
