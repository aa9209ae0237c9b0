"""Windows that follow the stimulus: sites that see nothing of it answer as they answer the blank.

Where all sites of a layer are asked, what they see together is the whole display. But a small
stimulus on a blank screen is seen by few of them. Those are computed, from a window around it,
and all others have the answer to the blank. The windows of all stimuli are of one size and begin
where a site does, so that they share batches, and that what shows the same in them is shown once,
wherever it lies. Whether all this holds for a model is proven and checked: see `tile_proof`.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.pictures import batches, fingerprints
from insilico.recording.receptive_fields import Fields
from insilico.recording.reduce import Part
from insilico.recording.responses import Responses
from insilico.recording.together import Together
from insilico.recording.windows import WORTHWHILE, Crop
from stimuli import StimulusSet, Window

__all__ = ["Plan", "Tiles", "numbered", "planned", "show_tiles"]

Ints = npt.NDArray[np.intp]

# What it costs to prove and to check windows that follow the stimulus, in whole pictures, but for
# those in which stimuli are NaN.
SET_UP = 20


@dataclass(frozen=True)
class Plan:
    """Which sites of a layer see anything of each stimulus.

    Parameters
    ----------
    corners : array, shape (stimulus, 2)
        First row and first column of those sites; -1 where the stimulus is shown whole, for they
        are too many, or see beyond the border of the display. Stimuli of one cell have one corner.
    sites : tuple of int
        How many rows and columns of sites, the same for all stimuli.
    reach : array, shape (stimulus, 4)
        First and last row and column of pixels, and one, beyond which those of its cell are blank.
    inner : array, shape (2, 2)
        First and last row, first and last column of sites that see nothing beyond the border.
    cells : array, shape (stimulus,)
        Which stimuli are put together.
    window : tuple of int
        Height and width in px of what the sites see.
    """

    corners: Ints
    sites: tuple[int, int]
    reach: Ints
    inner: Ints
    cells: Ints
    window: tuple[int, int]

    @property
    def tiled(self) -> npt.NDArray[np.bool_]:
        """Which stimuli are not shown whole."""
        return self.corners[:, 0] >= 0

    def cost(self, crop: Crop) -> float:
        """Tell what the pictures cost that are shown, in pictures that are shown through a crop."""
        window = self.window[0] * self.window[1] / (crop.window.height * crop.window.width)
        return float(np.where(self.tiled, window, 1).sum())


def planned(
    stimuli: StimulusSet, cells: Ints, fields: Fields, grid: tuple[int, int], crop: Crop
) -> Plan | None:
    """Plan windows that follow the stimulus, if they take less than one that holds all sites.

    Parameters
    ----------
    stimuli : StimulusSet
        What is shown.
    cells : array, shape (stimulus,)
        Stimuli of a cell, whose responses are put together, share a window.
    fields : Fields
        What sites see.
    grid : tuple of int
        Rows and columns of sites.
    crop : Crop
        The window that would be shown of every stimulus.

    Returns
    -------
    Plan or None
    """
    on_pixels = all(float(each).is_integer() for each in (*fields.corner, *fields.stride))
    reach = None if stimuli.time or not len(stimuli) else stimuli.reach()
    if reach is None or not on_pixels:
        return None
    each = pd.DataFrame(reach).groupby(cells)
    reach = np.stack(
        [each[end].transform("max" if end % 2 else "min").to_numpy() for end in range(4)], 1
    )
    display = (stimuli.display.height, stimuli.display.width)
    rows, columns = (
        _seen_along(axis, reach[:, 2 * axis : 2 * axis + 2], fields, grid[axis], display[axis])
        for axis in (0, 1)
    )
    fits = rows.inside & columns.inside
    (top, height), (left, width) = rows.placed(fits), columns.placed(fits)
    fits &= (top >= rows.low) & (left >= columns.low)
    if not fits.any():
        return None
    corners = np.where(fits[:, None], np.stack([top, left], 1), -1)
    inner = np.array([(rows.low, rows.high), (columns.low, columns.high)])
    window = (
        (height - 1) * int(fields.stride[0]) + fields.size[0],
        (width - 1) * int(fields.stride[1]) + fields.size[1],
    )
    plan = Plan(corners, (height, width), reach, inner, cells, window)
    # As many stimuli are NaN in one picture as there are windows side by side.
    at_once = max(1, grid[0] // height) * max(1, grid[1] // width)
    tried = SET_UP + len(np.unique(corners, axis=0)) / at_once
    whole = display[0] * display[1] / (crop.window.height * crop.window.width)
    worth = WORTHWHILE * stimuli.n_different(crop.window)
    return plan if plan.cost(crop) + tried * whole < worth else None


class _Seen(NamedTuple):
    """Along one axis: sites that see stimuli, from first to last; those that see no border."""

    first: Ints
    last: Ints
    low: int
    high: int

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        return (self.first >= self.low) & (self.last <= self.high)

    def placed(self, fits: npt.NDArray[np.bool_]) -> tuple[Ints, int]:
        """Place as many sites for all that fit, though some stimuli are seen by fewer."""
        n = int((self.last - self.first)[fits].max(initial=0)) + 1
        return np.minimum(self.first, self.high - n + 1), n


def _seen_along(axis: int, reach: Ints, fields: Fields, count: int, pixels: int) -> _Seen:
    """Find which sites see stimuli from one pixel on and as far as another one."""
    corner, size, stride = (int(each[axis]) for each in (fields.corner, fields.size, fields.stride))
    start, stop = reach.T
    return _Seen(
        np.clip((start - size - corner) // stride + 1, 0, count - 1),
        np.clip(-((corner - stop) // stride) - 1, 0, count - 1),
        # Sites between these see nothing beyond the border, and so none of what a model pads with.
        max(0, -(corner // stride)),
        min(count - 1, (pixels - size - corner) // stride),
    )


@dataclass(frozen=True)
class Tiles:
    """Windows of one size, each of which holds what some sites see of a stimulus.

    Parameters
    ----------
    plan : Plan
        Which sites those are.
    crop : Crop
        The window of as many sites elsewhere, proven and checked as any other.
    place : Place
        Where all channels of its sites are: slowest, before rows and columns.
    first : tuple of int
        Row and column of the first of its sites.
    stride : tuple of int
        Pixels from one site to the next.
    units : Tensor, shape (channel, row, column)
        Number of each unit, in the order in which responses come; -1 where none is recorded.
    """

    plan: Plan
    crop: Crop
    place: Place
    first: tuple[int, int]
    stride: tuple[int, int]
    units: Tensor

    def window(self, corner: tuple[int, int]) -> Window:
        """Tell what the sites see that begin at a row and a column."""
        top, left, height, width = self.crop.window
        down, across = (
            (place - first) * step
            for place, first, step in zip(corner, self.first, self.stride, strict=True)
        )
        return Window(top + down, left + across, height, width)

    def drawn(self, stimuli: StimulusSet, rows: Sequence[int], device: torch.device) -> Tensor:
        """Draw what the windows of some stimuli hold."""
        parts = [
            stimuli.images(list(some), window=self.window(corner), device=device)
            for corner, some in self._runs(rows)
        ]
        return torch.cat(parts)

    def asked_at(self, corner: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Tell which answers at some sites are those of units, and of which."""
        row, column = corner
        rows, columns = self.plan.sites
        units = self.units[:, row : row + rows, column : column + columns].reshape(-1)
        own = torch.nonzero(units >= 0)[:, 0]
        return own, units[own]

    def parts(self, rows: range) -> list[Part]:
        """Tell which units answer some stimuli."""
        found = []
        for corner, some in self._runs(rows):
            own, units = self.asked_at(corner)
            for _, cell in itertools.groupby(some, lambda row: self.plan.cells[row]):
                first, *others = cell
                stop = first + 1 + len(others)
                found.append(Part(slice(first - rows.start, stop - rows.start), own, units))
        return found

    def asked(self) -> Iterator[tuple[int, Tensor]]:
        """Tell of each cell which units see anything of its stimuli; not of those shown whole."""
        cells, first = np.unique(self.plan.cells, return_index=True)
        for cell, row in zip(cells.tolist(), first.tolist(), strict=True):
            if self.plan.tiled[row]:
                yield cell, self.asked_at(self._corner(row))[1]

    def runs(self, rows: range) -> list[tuple[range, bool]]:
        """Divide stimuli into those that follow each other and are shown alike: whole or not."""
        found = []
        for tiled, some in itertools.groupby(rows, lambda row: bool(self.plan.tiled[row])):
            first, *others = some
            found.append((range(first, first + 1 + len(others)), tiled))
        return found

    def _corner(self, row: int) -> tuple[int, int]:
        first, second = self.plan.corners[row].tolist()
        return first, second

    def _runs(self, rows: Sequence[int]) -> Iterator[tuple[tuple[int, int], Iterator[int]]]:
        yield from itertools.groupby(rows, self._corner)


def show_tiles(
    forward: Forward, together: Together, tiles: Tiles, rows: range, responses: Responses
) -> Iterator[int]:
    """Record the units that see anything of some stimuli, from the windows around these.

    Parameters
    ----------
    forward : Forward
        The model, ready.
    together : Together
        What is shown.
    tiles : Tiles
        The windows.
    rows : range
        Which stimuli; none of them is shown whole.
    responses : Responses
        Where the responses go.

    Yields
    ------
    int
        How many stimuli were dealt with.
    """
    n_units = len(tiles.place.order)
    with tiles.crop.applied(forward):
        for some in batches(forward, together, tiles.crop, n_units=n_units, shown=rows):
            images = tiles.drawn(together.stimuli, some, forward.device)
            keys = fingerprints(images, together.shown_to(some))
            new = responses.unknown(keys)
            found = torch.empty((0, n_units), device=forward.device)
            if new:
                found = forward.record(images[new], tiles.place.layers, tiles.place.take)
            responses.add(some, keys, new, found, tiles.parts(some))
            yield len(some)


def numbered(units: pd.DataFrame, grid: tuple[int, int, int], device: torch.device) -> Tensor:
    """Give units of a layer numbers, by channel, row and column: -1 where there is none."""
    numbers = np.full(grid, -1, dtype=np.int64)
    numbers[tuple(units[name].to_numpy() for name in ("channel", "row", "column"))] = np.arange(
        len(units)
    )
    return torch.from_numpy(numbers).to(device)
