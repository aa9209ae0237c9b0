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
from insilico.recording.windows import Crop
from stimuli import StimulusSet, Window

__all__ = ["Plan", "Tiles", "numbered", "planned", "show_tiles"]

Ints = npt.NDArray[np.intp]

# What it costs to prove and to check windows that follow the stimulus, in whole pictures.
SET_UP = 40


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
    """

    corners: Ints
    sites: tuple[int, int]
    reach: Ints
    inner: Ints

    @property
    def tiled(self) -> npt.NDArray[np.bool_]:
        """Which stimuli are not shown whole."""
        return self.corners[:, 0] >= 0

    def pixels(self, fields: Fields) -> int:
        """Size of a window that holds what the sites see."""
        spans = zip(self.sites, fields.stride, fields.size, strict=True)
        return int(np.prod([(n - 1) * step + size for n, step, size in spans]))


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
    whole = not all(float(each).is_integer() for each in (*fields.corner, *fields.stride))
    reach = None if stimuli.time or not len(stimuli) else stimuli.reach()
    if reach is None or whole:
        return None
    each = pd.DataFrame(reach).groupby(cells)
    reach = np.stack(
        [each[end].transform("max" if end % 2 else "min").to_numpy() for end in range(4)], 1
    )
    display = (stimuli.display.height, stimuli.display.width)
    corners, sizes, inner, fits = [], [], [], np.ones(len(stimuli), dtype=bool)
    seen = []
    for axis in (0, 1):
        corner, size, stride = (
            int(each[axis]) for each in (fields.corner, fields.size, fields.stride)
        )
        # Sites between these see nothing beyond the border, and so none of what a model pads with.
        low = max(0, -(corner // stride))
        high = min(grid[axis] - 1, (display[axis] - size - corner) // stride)
        start, stop = reach[:, 2 * axis], reach[:, 2 * axis + 1]
        first = np.clip((start - size - corner) // stride + 1, 0, grid[axis] - 1)
        last = np.clip(-((corner - stop) // stride) - 1, 0, grid[axis] - 1)
        fits &= (first >= low) & (last <= high)
        seen.append((first, last))
        inner.append((low, high))
    if not fits.any():
        return None
    for (first, last), (_, high) in zip(seen, inner, strict=True):
        n = int((last - first)[fits].max(initial=0)) + 1
        sizes.append(n)
        # As many sites for all, though some stimuli are seen by fewer.
        corners.append(np.minimum(first, high - n + 1))
    for corner, (low, _) in zip(corners, inner, strict=True):
        fits &= corner >= low
    where = np.where(fits[:, None], np.stack(corners, 1), -1)
    plan = Plan(where, (sizes[0], sizes[1]), reach, np.array(inner))
    now = crop.window.height * crop.window.width
    cost = int(fits.sum()) * plan.pixels(fields) + int((~fits).sum()) * now
    cost += SET_UP * display[0] * display[1]
    return plan if fits.any() and cost < stimuli.n_different(crop.window) * now else None


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
    cells : array, shape (stimulus,)
        Which stimuli are put together.
    """

    plan: Plan
    crop: Crop
    place: Place
    first: tuple[int, int]
    stride: tuple[int, int]
    units: Tensor
    cells: Ints

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
            for _, cell in itertools.groupby(some, lambda row: self.cells[row]):
                first, *others = cell
                stop = first + 1 + len(others)
                found.append(Part(slice(first - rows.start, stop - rows.start), own, units))
        return found

    def asked(self) -> Iterator[tuple[int, Tensor]]:
        """Tell of each cell which units see anything of its stimuli; not of those shown whole."""
        cells, first = np.unique(self.cells, return_index=True)
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
