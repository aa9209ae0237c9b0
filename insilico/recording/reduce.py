"""Keep of the responses what is asked for, while they arrive and where they arrive."""

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from insilico.recording.f0_and_f1 import phase_weights
from insilico.recording.reductions import Ascent, Correlation, Harmonics, Maximum, Reduction
from insilico.recording.reverse_correlation import Correlations, bytes_of_sums
from insilico.recording.schema import label

__all__ = ["Part", "Store", "bytes_per_unit", "cells_of", "store_for"]

Array = npt.NDArray[np.floating[Any]]

# A response is kept in single precision; of a cell's phases, three sums.
BYTES = 4

# Share of the free memory of a GPU that may hold what is kept; more is kept on the host.
DEVICE_SHARE = 0.5


class Part(NamedTuple):
    """Which units have answered some stimuli of one cell, where the others need not be asked.

    Attributes
    ----------
    rows : slice
        Of the answers.
    own : Tensor
        Which of the answers are those of units.
    units : Tensor
        Which units those are.
    """

    rows: slice
    own: Tensor
    units: Tensor


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
        reduction: Maximum | Harmonics | None = None,
    ) -> None:
        over = () if reduction is None else reduction.over
        missing = [name for name in over if name not in dims]
        if missing:
            raise ValueError(
                f"the stimuli have no {' and no '.join(missing)} to reduce; their factors are "
                f"{', '.join(dims)}."
            )
        self.dims = tuple(name for name in dims if name not in over)
        self._cell = cells_of(conditions, self.dims)
        first = np.unique(self._cell, return_index=True)[1]
        self.conditions = conditions.iloc[first][_constant(conditions, self._cell)]
        self._reduction = reduction
        self._weights = (
            _weights_of(conditions, self._cell) if isinstance(reduction, Harmonics) else None
        )
        parts = 1 if self._weights is None else len(self._weights)
        self._kept = np.empty((parts, len(self.conditions), n_units), dtype=np.float32)
        self._start = -np.inf if isinstance(reduction, Maximum) else 0.0
        self.begin(np.arange(n_units), torch.device("cpu"))

    def begin(self, units: npt.NDArray[np.intp], device: torch.device) -> None:
        """Begin to collect the responses of some units, on the device where they arrive."""
        parts, n_cells, n_units = self._kept.shape
        self._units = units
        self._everyone = np.array_equal(units, np.arange(n_units))
        shape = (parts, n_cells, len(units))
        where = device if _fits(device, BYTES * math.prod(shape)) else torch.device("cpu")
        self._block = (
            torch.from_numpy(self._kept)
            if self._everyone and where.type == "cpu"
            else torch.empty(shape, dtype=torch.float32, device=where)
        ).fill_(self._start)
        self._cells = torch.from_numpy(self._cell).to(where)

    def add(self, rows: range, responses: Tensor, parts: Sequence[Part] | None = None) -> None:
        """Take in the responses (row, unit) of these units to the stimuli in some rows.

        Or of parts of them, of whose responses the largest is kept: see `answer_elsewhere`.
        """
        responses = responses.to(self._block.device)
        for part in parts or ():
            kept = self._block[0, self._cell[rows[part.rows.start]]]
            units = part.units.to(kept.device)
            largest = responses[part.rows].amax(0)[part.own.to(kept.device)]
            kept[units] = torch.maximum(kept[units], largest)
        if parts is not None:
            return
        of_rows = self._cells[rows.start : rows.stop]
        if self._reduction is None:
            self._block[0].index_copy_(0, of_rows, responses)
            return
        if self._weights is None:
            with warnings.catch_warnings():
                # Of its interface being a beta version.
                warnings.filterwarnings("ignore", message="index_reduce", category=UserWarning)
                self._block[0].index_reduce_(0, of_rows, responses, "amax")
            return
        # The rows of each cell side by side, so that one operation puts them together.
        cells, members, present = _side_by_side(self._cell[rows.start : rows.stop])
        at, index = (torch.from_numpy(each).to(responses.device) for each in (cells, members))
        gathered = responses[index]
        weights = self._weights[:, rows.start + members] * present
        sums = torch.from_numpy(weights.swapaxes(0, 1)).to(responses.device) @ (
            gathered.clamp_(min=0).double()
        )
        self._block.index_copy_(1, at, (self._block[:, at] + sums.swapaxes(0, 1)).float())

    def answer_elsewhere(self, parts: Iterable[tuple[int, Tensor]], responses: Tensor) -> None:
        """Give one response to all units but those that were asked.

        Parameters
        ----------
        parts : iterable of tuple of int and Tensor
            A cell, and which units were asked.
        responses : Tensor, shape (unit,)
            What the others respond.
        """
        for cell, units in parts:
            kept = self._block[0, cell]
            units = units.to(kept.device)
            asked = kept[units]
            kept.copy_(responses)
            kept[units] = asked

    def finish(self) -> None:
        """Bring what was kept of these units to the others: once, and no more than that."""
        block = self._block.cpu().numpy()
        if self._everyone:
            self._kept = block
        else:
            self._kept[..., self._units] = block

    @property
    def n_kept(self) -> int:
        """How many numbers are kept of each unit."""
        return int(np.prod(self._kept.shape[:2]))

    def kept(self) -> Array:
        """Return what was kept of these units so far, (number, unit)."""
        return self._block.reshape(self.n_kept, -1).cpu().numpy()

    def go_on(self, kept: Array) -> None:
        """Go on from what `kept` returned."""
        self._block.copy_(torch.from_numpy(kept).reshape(self._block.shape))

    @property
    def keeps_all(self) -> bool:
        """Whether every response can be had again."""
        return self._reduction is None

    def recall(self, row: int) -> Tensor:
        """Return the responses of these units to a stimulus, of a store that keeps all."""
        return self._block[0, self._cell[row]]

    def values(self) -> Array:
        """Return what was kept: (unit, condition), or (unit, condition, harmonic)."""
        if self._weights is None:
            return self._kept[0].T
        _, even, odd = self._kept
        np.hypot(even, odd, out=even)
        return np.moveaxis(self._kept[:2], 0, -1).swapaxes(0, 1)

    def labelled(self, units: pd.DataFrame, blank: Array, attrs: dict[str, Any]) -> xr.DataArray:
        """Label what was kept."""
        return label(
            self.values(),
            conditions=self.conditions,
            dims=self.dims,
            units=units,
            blank=blank,
            attrs=attrs,
        )


def store_for(
    conditions: pd.DataFrame, dims: tuple[str, ...], n_units: int, reduction: Reduction | None
) -> Store | Correlations:
    """Make what collects the responses to a stimulus table."""
    assert not isinstance(reduction, Ascent)
    if isinstance(reduction, Correlation):
        return Correlations(conditions, n_units, reduction)
    return Store(conditions, dims, n_units, reduction)


def bytes_per_unit(
    conditions: pd.DataFrame, dims: tuple[str, ...], reduction: Reduction | None = None
) -> int:
    """Memory that a unit's responses to a stimulus table take."""
    if isinstance(reduction, Correlation):
        return bytes_of_sums(conditions, reduction)
    if isinstance(reduction, Ascent):
        return BYTES * len(conditions) * int(conditions["elements"].iloc[0]) ** 2
    if reduction is None:
        return BYTES * len(conditions)
    kept = 1 + int(
        cells_of(conditions, tuple(name for name in dims if name not in reduction.over)).max()
    )
    return BYTES * kept * (3 if isinstance(reduction, Harmonics) else 1)


def cells_of(conditions: pd.DataFrame, dims: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Give each stimulus the rank of its combination of some factors."""
    if not dims:
        return np.zeros(len(conditions), dtype=np.intp)
    place = np.zeros(len(conditions), dtype=np.intp)
    for name in dims:
        levels, level = np.unique(conditions[name].to_numpy(), return_inverse=True)
        place = place * len(levels) + level
    return np.unique(place, return_inverse=True)[1]


def _side_by_side(
    cells: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """List the rows of each cell: the cells, their rows (cell, place), and which places are taken.

    Where a cell has fewer rows than another, its first one stands in the places that are left.
    """
    order = np.argsort(cells, kind="stable")
    found, first, counts = np.unique(cells[order], return_index=True, return_counts=True)
    places = np.arange(counts.max())
    present = places < counts[:, None]
    return found, order[first[:, None] + np.where(present, places, 0)], present


def _fits(device: torch.device, n_bytes: int) -> bool:
    """Whether a device is known to have the memory, and the double precision of the sums."""
    return device.type == "cuda" and n_bytes <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]


def _constant(conditions: pd.DataFrame, cell: npt.NDArray[np.intp]) -> list[str]:
    """Columns that have one value in every cell."""
    first = np.unique(cell, return_index=True)[1][cell]
    if len(first) == len(np.unique(first)):
        return [str(name) for name in conditions.columns]
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
