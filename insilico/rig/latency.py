"""How long a rig takes from the hand to the answer."""

from dataclasses import replace
from time import perf_counter

import numpy as np

from insilico.rig.hand import KINDS, Hand
from insilico.rig.rig import Rig

__all__ = ["latency", "timed"]

# Answers by which a rig is timed, after some that are not counted.
TIMES = 20
FIRST = 3


def timed(rig: Rig, kind: str, times: int = TIMES) -> float:
    """Time a rig as it moves a stimulus; nothing of it is noted down.

    Parameters
    ----------
    rig : Rig
        The rig.
    kind : str
        Of the stimulus.
    times : int
        How often.

    Returns
    -------
    float
        Median time from the hand to the answers of the chosen units, in ms.
    """
    x, y = rig.field(rig.chosen[0]).center
    took = []
    for number in range(FIRST + times):
        began = perf_counter()
        rig.respond(replace(Hand(kind, x=x, y=y), orientation=9.0 * number % 180))
        took.append(1000 * (perf_counter() - began))
    return float(np.median(took[FIRST:]))


def latency(rig: Rig) -> str:
    """Say how fast a rig answers on this machine, in one line.

    Parameters
    ----------
    rig : Rig
        The rig.

    Returns
    -------
    str
    """
    each = {kind: timed(rig, kind) for kind in KINDS}
    told = ", ".join(f"{kind} {took:.1f}" for kind, took in each.items())
    slowest = max(each.values())
    return f"from the hand to the answer in ms: {told} (at least {1000 / slowest:.0f} a second)"
