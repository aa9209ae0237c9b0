"""Groups of units that are recorded together, though each is shown stimuli of its own.

Where every unit is shown what it prefers, a run is hundreds of small recordings. Those of units at
the same sites look through the same window: their pictures fill the same batches, and of every pass
each group takes up the responses of its own units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.recording.reduce import Store
from insilico.recording.reductions import Ascent, Correlation, Reduction
from insilico.recording.schema import Labelled, coordinates_of, labelled
from stimuli import StimulusSet

__all__ = ["Group", "Together", "alike"]

Group = tuple[StimulusSet, pd.DataFrame]
Ints = npt.NDArray[np.intp]

# The factor that says which group a stimulus is shown to. No parameter of a stimulus has spaces.
GROUP = "group of units"

# Stimuli that are recorded together at most, so that tables stay small.
MOST_STIMULI = 2**16


@dataclass(frozen=True)
class Together:
    """Groups of units at the same sites, and the stimuli of each, one group after the other.

    Parameters
    ----------
    stimuli : StimulusSet
        What all are shown; the stimuli of each group are as many.
    units : DataFrame
        All units; those of each group are as many.
    n_groups : int
        How many there are.
    """

    stimuli: StimulusSet
    units: pd.DataFrame
    n_groups: int

    @classmethod
    def of(cls, groups: Sequence[Group]) -> "Together":
        """Put groups together that are `alike`; one by itself stays what it is."""
        first, units = groups[0]
        if len(groups) == 1:
            return cls(first, units, 1)
        sets = [stimuli for stimuli, _ in groups]
        columns = {
            name: np.concatenate([each.columns[name] for each in sets]) for name in first.columns
        }
        table = pd.DataFrame({GROUP: np.repeat(np.arange(len(sets)), len(first)), **columns})
        dims, labels = (GROUP, *first.dims), (GROUP, *first.labels)
        together = StimulusSet(
            first.name, first.display, table, dims, first.draw, labels, first.time
        )
        return cls(together, pd.concat([units for _, units in groups]), len(groups))

    @property
    def members(self) -> int:
        """How many units a group has."""
        return len(self.units) // self.n_groups

    @property
    def each(self) -> int:
        """How many stimuli a group is shown."""
        return len(self.stimuli) // self.n_groups

    @property
    def end(self) -> int:
        """The number after the last picture: after all stimuli comes a blank for each group."""
        return len(self.stimuli) + self.n_groups

    def shown_to(self, rows: Sequence[int] | range) -> Ints:
        """Tell which group pictures are shown to, by their numbers."""
        numbers = np.asarray(rows, dtype=np.intp)
        n = len(self.stimuli)
        return np.where(numbers < n, numbers // max(self.each, 1), numbers - n)

    def places(self, answered: Ints) -> tuple[Ints, Ints]:
        """Tell where the units of each group are in the order in which units answer.

        Parameters
        ----------
        answered : array, shape (unit,)
            Numbers of the units that look through some window, in that order.

        Returns
        -------
        tuple of array
            The place of each, (group, unit); and which of its group's units those are, (unit,).
        """
        group, member = np.divmod(answered, self.members)
        places = np.argsort(group, kind="stable").reshape(self.n_groups, -1)
        return places, member[places[0]]

    def labelled(
        self, store: Store, blank: npt.NDArray[np.floating[Any]], attrs: Sequence[dict[str, Any]]
    ) -> list[Labelled]:
        """Label the responses of each group.

        Parameters
        ----------
        store : Store
            Where they were collected, of the units of a group by their place in it.
        blank : array, shape (group, unit)
            Responses to the blank.
        attrs : sequence of dict
            What is known of the recording of each.

        Returns
        -------
        list of Labelled
        """
        values, conditions = store.values(), store.conditions
        units = coordinates_of(self.units)
        columns = {str(name): column.to_numpy() for name, column in conditions.items()}
        of = columns.pop(GROUP, np.zeros(len(conditions), dtype=np.intp))
        ends = np.searchsorted(of, np.arange(self.n_groups + 1))
        found = []
        for group in range(self.n_groups):
            rows = slice(ends[group], ends[group + 1])
            own = slice(group * self.members, (group + 1) * self.members)
            found.append(
                labelled(
                    values[:, rows],
                    columns={name: column[rows] for name, column in columns.items()},
                    dims=tuple(name for name in store.dims if name != GROUP),
                    units={name: each[own] for name, each in units.items()},
                    blank=blank[group],
                    attrs=attrs[group],
                )
            )
        return found


def alike(
    groups: Sequence[Group], reductions: Sequence[Reduction | None], *, deterministic: bool
) -> list[list[int]]:
    """Find groups that can be recorded together.

    Parameters
    ----------
    groups : sequence of tuple of StimulusSet and DataFrame
        What is shown, and to which units.
    reductions : sequence of Reduction or None
        What is kept of the responses to each.
    deterministic : bool
        Whether the model is. Noise is the same whatever is recorded with a group, so it is recorded
        by itself.

    Returns
    -------
    list of list of int
        Their numbers: groups whose units sit at the same sites, and whose stimuli are as many and
        are drawn alike. The first numbers ascend.
    """
    open_: dict[Any, list[int]] = {}
    found: list[list[int]] = []
    for number, ((stimuli, units), reduction) in enumerate(zip(groups, reductions, strict=True)):
        alone = not deterministic or isinstance(reduction, Ascent | Correlation) or not len(units)
        if alone:
            found.append([number])
            continue
        key = (str(reduction), *_told(stimuli), *_sites(units))
        there = open_.get(key)
        if there is None or (len(there) + 1) * len(stimuli) > MOST_STIMULI:
            there = open_[key] = []
            found.append(there)
        there.append(number)
    return found


def _told(stimuli: StimulusSet) -> tuple[Any, ...]:
    """Say of a set of stimuli what those that are drawn together have in common."""
    kinds = tuple((name, values.dtype.str) for name, values in stimuli.columns.items())
    # What draws may hold what has no hash: by identity then, which is always right.
    draw = stimuli.draw if getattr(stimuli.draw, "__hash__", None) else id(stimuli.draw)
    return (
        stimuli.name, str(stimuli.display), stimuli.dims, stimuli.labels, stimuli.time,
        draw, len(stimuli), kinds,
    )  # fmt: skip


def _sites(units: pd.DataFrame) -> tuple[Any, ...]:
    return tuple(tuple(units[name].tolist()) for name in ("layer", "row", "column"))
