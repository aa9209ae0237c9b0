"""Keep of the responses what is asked for, while they arrive."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.recording.kept import Harmonics, Maximum, Reduction, phase_weights

__all__ = ["Store", "bytes_per_unit"]

Array = npt.NDArray[np.floating[Any]]

# A response is kept in single precision; of a cell's phases, three sums.
BYTES = 4


class Store:
    """Collects the responses to a stimulus set, and keeps what the reduction keeps.

    Parameters
    ----------
    conditions : DataFrame
        The stimulus table.
    dims : tuple of str
        Its factors.
    n_units : int
        Number of units.
    reduction : Maximum or Harmonics, optional
        Everything is kept by default.

    Attributes
    ----------
    conditions : DataFrame
        One row per kept response, sorted by the factors that remain; columns that differ between
        the responses put together are gone.
    dims : tuple of str
        The factors that remain.

    Raises
    ------
    ValueError
        If the stimuli lack a factor that is reduced, or phases differ between conditions.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        dims: tuple[str, ...],
        n_units: int,
        reduction: Reduction | None = None,
    ) -> None:
        over = () if reduction is None else reduction.over
        missing = [name for name in over if name not in dims]
        if missing:
            raise ValueError(
                f"the stimuli have no {' and no '.join(missing)} to reduce; their factors are "
                f"{', '.join(dims)}."
            )
        self.dims = tuple(name for name in dims if name not in over)
        self._cell = _cells(conditions, self.dims)
        first = np.unique(self._cell, return_index=True)[1]
        self.conditions = conditions.iloc[first][_constant(conditions, self._cell)]
        self._reduction = reduction
        shape = (len(self.conditions), n_units)
        if isinstance(reduction, Harmonics):
            self._weights = _weights_of(conditions, self._cell)
            self._values = np.zeros((3, *shape), dtype=np.float32)
        elif isinstance(reduction, Maximum):
            self._values = np.full(shape, -np.inf, dtype=np.float32)
        else:
            self._values = np.empty(shape, dtype=np.float32)

    def add(
        self, rows: npt.NDArray[np.intp], units: npt.NDArray[np.intp] | slice, responses: Array
    ) -> None:
        """Take in responses (row, unit) to the stimuli in some rows of the table."""
        if self._reduction is None:
            self._values[_at(self._cell[rows], units)] = responses
            return
        # Cells that several rows of the batch belong to are put together before they are stored.
        order = np.argsort(self._cell[rows], kind="stable")
        cells, first = np.unique(self._cell[rows][order], return_index=True)
        responses = responses[order]
        if isinstance(self._reduction, Maximum):
            at = _at(cells, units)
            best = np.maximum.reduceat(responses, first)
            self._values[at] = np.maximum(self._values[at], best)
            return
        rectified = np.maximum(responses, 0, dtype=np.float64)
        for part, weights in zip(self._values, self._weights[:, rows[order]], strict=True):
            part[_at(cells, units)] += np.add.reduceat(rectified * weights[:, None], first)

    @property
    def keeps_all(self) -> bool:
        """Whether every response can be had again."""
        return self._reduction is None

    def recall(self, row: int, units: npt.NDArray[np.intp] | slice) -> Array:
        """Return the responses to a stimulus, of a store that keeps all."""
        return self._values[self._cell[row], units]

    def values(self) -> Array:
        """Return what was kept: (unit, condition), or (unit, condition, harmonic)."""
        if isinstance(self._reduction, Harmonics):
            _, even, odd = self._values
            np.hypot(even, odd, out=even)
            return np.moveaxis(self._values[:2], 0, -1).swapaxes(0, 1)
        return self._values.T


def bytes_per_unit(
    conditions: pd.DataFrame, dims: tuple[str, ...], reduction: Reduction | None = None
) -> int:
    """Memory that a unit's responses to a stimulus table take."""
    over = () if reduction is None else reduction.over
    kept = 1 + int(_cells(conditions, tuple(name for name in dims if name not in over)).max())
    return BYTES * kept * (3 if isinstance(reduction, Harmonics) else 1)


def _cells(conditions: pd.DataFrame, dims: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Give each stimulus the rank of its combination of some factors."""
    if not dims:
        return np.zeros(len(conditions), dtype=np.intp)
    place = np.zeros(len(conditions), dtype=np.intp)
    for name in dims:
        levels, level = np.unique(conditions[name].to_numpy(), return_inverse=True)
        place = place * len(levels) + level
    return np.unique(place, return_inverse=True)[1]


def _at(cells: npt.NDArray[np.intp], units: npt.NDArray[np.intp] | slice) -> Any:
    return (cells, units) if isinstance(units, slice) else np.ix_(cells, units)


def _constant(conditions: pd.DataFrame, cell: npt.NDArray[np.intp]) -> list[str]:
    """Columns that have one value in every cell."""
    first = np.unique(cell, return_index=True)[1][cell]
    kept = []
    for name in conditions.columns:
        values = conditions[name].to_numpy()
        alike = (values == values[first]) | (pd.isna(values) & pd.isna(values[first]))
        if alike.all():
            kept.append(str(name))
    return kept


def _weights_of(conditions: pd.DataFrame, cell: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Weights (3, stimulus) of F0 and F1, each stimulus at its phase."""
    phase = conditions["phase"].to_numpy(dtype=float)
    levels = np.unique(phase)
    counts = np.bincount(cell)
    even = math.isclose(np.ptp(np.diff(levels, append=levels[0] + 360)), 0, abs_tol=1e-9)
    if not even or (counts != len(levels)).any():
        raise ValueError(
            "F0 and F1 need every condition at the same, evenly spaced phases; these stimuli have "
            f"{counts.min()} to {counts.max()} of the phases {', '.join(f'{p:g}' for p in levels)}."
        )
    return phase_weights(levels)[:, np.searchsorted(levels, phase)]
