"""The colour battery: cone weights, and single or double opponency."""

from insilico.experiments.battery import Battery
from insilico.experiments.colours import COLOUR

__all__ = ["BATTERY", "REFERENCES"]

REFERENCES = (
    "dehorwitz2022.l_weight",
    "dehorwitz2022.m_weight",
    "dehorwitz2022.s_weight",
    "dehorwitz2022.l_m_opponent",
)

BATTERY = Battery(
    name="colour", protocols=(COLOUR,), references=REFERENCES, rates_from=None, declared=True
)
