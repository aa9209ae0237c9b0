"""The batteries that the command line knows. To add one, write it and list it here."""

from insilico.experiments import marques2020, standard
from insilico.experiments.protocol import Battery

__all__ = ["BATTERIES"]

BATTERIES: dict[str, Battery] = {
    battery.name: battery for battery in (standard.BATTERY, marques2020.BATTERY)
}
