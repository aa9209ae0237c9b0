"""Batteries on few stimuli: every step of a run, to see whether it works."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from insilico.experiments.battery import Battery
from stimuli import Display, Position, StimulusSet
from stimuli.conventions import PERIODS

__all__ = ["QUICK", "QUICK_FIGURE", "few_stimuli", "quick"]

# What a run says that was done so.
QUICK = (
    "QUICK: every experiment was shown few of its stimuli, to few units. It says that the run "
    "works, and no number in it is to be believed"
)

# The same, on a figure.
QUICK_FIGURE = "QUICK: few stimuli, few units; no number here is to be believed"

MOST_UNITS = 16

# Levels of a factor that are shown at most, and at least where there are as many: F1 needs no more
# than four phases, and a peak is interpolated between its neighbours.
MOST = 8
MOST_PHASES = 4
LEAST = 6


@dataclass(frozen=True)
class Few:
    """Makes few of the stimuli of a protocol; equal for equal stimuli, which are recorded once."""

    stimuli: Callable[..., StimulusSet]

    def __call__(self, display: Display, position: Position, **preference: Any) -> StimulusSet:
        return few_stimuli(self.stimuli(display, position, **preference))


def quick(battery: Battery) -> Battery:
    """Take a battery on few stimuli and few units.

    Parameters
    ----------
    battery : Battery
        The whole.

    Returns
    -------
    Battery
        Named after it; the same protocols, properties and references.
    """
    protocols = tuple(
        replace(protocol, stimuli=Few(protocol.stimuli)) for protocol in battery.protocols
    )
    most = min(MOST_UNITS, battery.most_units or MOST_UNITS)
    return replace(
        battery,
        name=f"{battery.name}, quick",
        protocols=protocols,
        most_units=most,
        known=battery.rehearsed,
    )


def few_stimuli(stimuli: StimulusSet) -> StimulusSet:
    """Take a few levels of every factor of a stimulus set.

    Parameters
    ----------
    stimuli : StimulusSet
        The whole.

    Returns
    -------
    StimulusSet
        Of every factor that comes round, levels that divide it evenly; of the others the ends, and
        levels between them, even ones where there are any.
    """
    table = stimuli.conditions
    shown = np.ones(len(table), dtype=bool)
    for dim in stimuli.dims:
        levels = np.sort(table[dim].unique())
        shown &= table[dim].isin(levels[_chosen(levels, dim)]).to_numpy()
    return replace(stimuli, conditions=table[shown].reset_index(drop=True))


def _chosen(levels: npt.NDArray[Any], dim: str) -> Sequence[int] | npt.NDArray[np.intp]:
    """Say which of the levels of a factor are shown."""
    n = len(levels)
    most = MOST_PHASES if dim == "phase" else MOST
    if n <= most:
        return range(n)
    if _comes_round(levels, dim):
        steps = [step for step in range(1, n) if n % step == 0 and MOST_PHASES <= n // step <= most]
        return range(0, n, steps[0]) if steps else range(n)
    even = [step for step in range(1, n) if (n - 1) % step == 0 and (n - 1) // step < most]
    if even and (n - 1) // even[0] + 1 >= LEAST:
        return range(0, n, even[0])
    return np.rint(np.linspace(0, n - 1, most)).astype(np.intp)


def _comes_round(levels: npt.NDArray[Any], dim: str) -> bool:
    """Whether levels cover a circle evenly: angles, and angles relative to another."""
    period = next((PERIODS[name] for name in PERIODS if dim.endswith(name)), None)
    if period is None:
        return False
    return bool(np.allclose(np.diff([*levels, levels[0] + period]), period / len(levels)))
