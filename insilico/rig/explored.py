"""What was explored: every stimulus that was under the hand, and how the units answered it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.folders import written
from insilico.rig.hand import KINDS, PARAMETERS, Hand
from insilico.tables import csv_text, read_csv

__all__ = ["COLUMNS", "FACTORS", "UNIT", "Explored", "by_hand", "map_by_hand", "read_explored"]

Values = npt.NDArray[np.float64]

# The table: which stimulus, when (s since the rig was opened), what, which unit, and its raw
# activations to the stimulus and to the blank.
UNIT = ("layer", "channel", "row", "column")
COLUMNS = ("shown", "seconds", "kind", *PARAMETERS, *UNIT, "response", "blank")

# What tuning curves are drawn along, with the step of their bins: octaves where they grow by
# ratios.
FACTORS = {"orientation": 15.0, "spatial_frequency": 0.5, "diameter": 0.5, "contrast": 0.1}
RATIOS = ("spatial_frequency", "diameter")

# Rows of numbers that are made room for at first.
FIRST = 1024


class Explored:
    """Notes down what was explored, and writes it to a file that is whole at any moment.

    Parameters
    ----------
    path : Path
        The csv file; its folder is made with it. Nothing is written before something was shown.

    Attributes
    ----------
    n_shown : int
        How many stimuli were shown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_shown = 0
        self._rows: list[tuple[object, ...]] = []
        self._text = ""
        self._n_written = 0
        self._numbers: dict[int, Values] = {}
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        hand: Hand,
        units: Mapping[int, tuple[object, ...]],
        responses: Sequence[float],
        blanks: Sequence[float],
        seconds: float,
    ) -> None:
        """Note down one stimulus and the responses to it.

        Parameters
        ----------
        hand : Hand
            What was shown.
        units : mapping of int to tuple
            The units that were listened to, by their row in the probe's table, each with the
            values of `UNIT`.
        responses, blanks : sequence of float, one for each unit
            Raw activations.
        seconds : float
            Since the rig was opened.
        """
        kind = list(KINDS).index(hand.kind)
        uses = {"x", "y", *KINDS[hand.kind].uses}
        parameters = [getattr(hand, name) if name in uses else np.nan for name in PARAMETERS]
        for (unit, place), response, blank in zip(units.items(), responses, blanks, strict=True):
            self._rows.append(
                (self.n_shown, seconds, hand.kind, *parameters, *place, response, blank)
            )
            self._note(unit, [kind, *parameters, response])
        self.n_shown += 1

    def of(self, unit: int, kind: str) -> pd.DataFrame:
        """Give what was shown to a unit of one kind of stimulus.

        Parameters
        ----------
        unit : int
            Its row in the probe's table.
        kind : str
            One of `KINDS`.

        Returns
        -------
        DataFrame
            With the columns `PARAMETERS` and ``response``, in the order in which it was shown.
        """
        values = self._numbers.get(unit, np.empty((0, len(PARAMETERS) + 2)))
        values = values[: self._counts.get(unit, 0)]
        chosen = values[values[:, 0] == list(KINDS).index(kind), 1:]
        return pd.DataFrame(chosen, columns=[*PARAMETERS, "response"])

    def table(self) -> pd.DataFrame:
        """Return all of it, one row for every stimulus and unit, with the columns `COLUMNS`."""
        return pd.DataFrame(self._rows, columns=list(COLUMNS))

    def save(self) -> None:
        """Write what is new; the file is as it was before, or whole."""
        if self._n_written == len(self._rows):
            return
        new = csv_text(pd.DataFrame(self._rows[self._n_written :], columns=list(COLUMNS)))
        self._text += new if not self._text else new.partition("\n")[2]
        self._n_written = len(self._rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written(self.path, self._text)

    def _note(self, unit: int, numbers: list[float]) -> None:
        """Keep the numbers where they are drawn from: thirty times a second, for hours."""
        n = self._counts.get(unit, 0)
        room = self._numbers.get(unit, np.empty((FIRST, len(numbers))))
        if n == len(room):
            room = np.concatenate([room, np.empty_like(room)])
        room[n] = numbers
        self._numbers[unit], self._counts[unit] = room, n + 1


def read_explored(path: Path | str) -> pd.DataFrame:
    """Read a table that a rig wrote.

    Parameters
    ----------
    path : path
        ``explored.csv``.

    Returns
    -------
    DataFrame
        With the columns `COLUMNS`, every number as it was.
    """
    # Of pandas' readers, the one that reads numbers as Python does; and names may be numbers.
    return read_csv(path, engine="python", dtype={"layer": str})


def by_hand(dots: pd.DataFrame, factor: str, limits: Mapping[str, tuple[float, float]]) -> Values:
    """Take a tuning curve from dots: the best response in each bin of a factor.

    Parameters
    ----------
    dots : DataFrame
        From `Explored.of`.
    factor : str
        One of `FACTORS`.
    limits : mapping
        From `insilico.rig.hand.limits`.

    Returns
    -------
    array, shape (2, bin)
        Where the best response of every bin was, and what it was; bins that nothing fell into are
        left out.
    """
    low, _ = limits[factor]
    place, response = (dots[name].to_numpy() for name in (factor, "response"))
    steps = np.log2(place / low) if factor in RATIOS else place - low
    bins = np.floor(steps / FACTORS[factor] + 0.5)
    if factor == "orientation":
        # The last half of a bin before 180 deg belongs to that around 0.
        bins %= np.round(180 / FACTORS[factor])
    order = np.lexsort([response, bins])
    last = np.append(np.diff(bins[order]) > 0, np.ones(min(1, len(bins)), dtype=bool))
    best = order[last]
    best = best[np.argsort(place[best])]
    return np.stack([place[best], response[best]])


def map_by_hand(
    dots: pd.DataFrame, limits: Mapping[str, tuple[float, float]], side: float
) -> tuple[Values, Values, Values]:
    """Take a map of the field from dots: the mean response to stimuli that lay in each place.

    Parameters
    ----------
    dots : DataFrame
        From `Explored.of`.
    limits : mapping
        From `insilico.rig.hand.limits`.
    side : float
        Of a place, in deg.

    Returns
    -------
    tuple of array
        The middles of the places along x and y, and the map (y, x); NaN where nothing lay.
    """
    edges_y, edges_x = (_edges(*limits[axis], side) for axis in "yx")
    y, x = (dots[axis].to_numpy(dtype=float) for axis in "yx")
    weights = dots["response"].to_numpy(dtype=float)
    total, _, _ = np.histogram2d(y, x, bins=(edges_y, edges_x), weights=weights)
    count, _, _ = np.histogram2d(y, x, bins=(edges_y, edges_x))
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    middle_x, middle_y = ((edge[1:] + edge[:-1]) / 2 for edge in (edges_x, edges_y))
    return middle_x, middle_y, mean


def _edges(low: float, high: float, side: float) -> Values:
    n = max(1, round((high - low) / side))
    return np.linspace(low, high, n + 1)
