"""Where the sites of layers look: their receptive fields, from a few pictures that are half NaN."""

import itertools
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.recording.windows import noise
from stimuli import Display, Window

__all__ = ["Fields", "split_sites", "survey"]

# What it costs to set up another crop, in whole pictures: its proof and its check.
SET_UP = 10

# Where the edges of receptive fields are looked for, as shares of the display: two places give the
# spacing of the sites, and the third tells whether it is even.
PLACES = (0.5, 0.7, 0.9)

FiniteSites = Callable[[Tensor], Mapping[str, Tensor]]
Site = tuple[int, int]

# Axis of the display, whether NaN comes after the line (or before it), and where the line is.
Line = tuple[int, bool, int]
Search = Generator[int, npt.NDArray[np.bool_], tuple[float, float] | None]
Cuts = Generator[int, npt.NDArray[np.bool_], int | None]


@dataclass(frozen=True)
class Fields:
    """Receptive fields of the sites of a layer: evenly spaced, and of one size.

    Parameters
    ----------
    corner : tuple of float
        Top and left edge of the field of site (0, 0), in px; below 0 where it leaves the display.
    size : tuple of int
        Height and width of every field, in px.
    stride : tuple of float
        Pixels from one site to the next along rows and columns.
    """

    corner: tuple[float, float]
    size: tuple[int, int]
    stride: tuple[float, float]

    def window(self, sites: Sequence[Site], display: Display) -> Window:
        """Smallest window that holds the fields of some sites, as far as the display reaches."""
        place = np.array(sites)
        first = np.array(self.corner) + place.min(0) * self.stride
        last = np.array(self.corner) + place.max(0) * self.stride + self.size
        (top, left), (bottom, right) = (
            np.clip(edge, 0, (display.height, display.width)).astype(int)
            for edge in (np.floor(first), np.ceil(last))
        )
        return Window(int(top), int(left), int(bottom - top), int(right - left))


def survey(
    finite: FiniteSites, display: Display, grids: Mapping[str, tuple[int, int]]
) -> dict[str, Fields | None]:
    """Find the receptive fields of layers, from pictures that are NaN on one side of a line.

    Parameters
    ----------
    finite : callable
        ``finite(images)``, images (n, 1, height, width), says for each layer which of its sites
        are finite in all channels: bool (n, row, column).
    display : Display
        The screen.
    grids : mapping of str to tuple of int
        Rows and columns of each layer.

    Returns
    -------
    dict of str to Fields or None
        None for a layer whose sites see as far as the border from wherever they look, or are not
        evenly spaced.

    Raises
    ------
    Exception
        Whatever the model raises on NaN.
    """
    size = (display.height, display.width)
    searches: dict[tuple[str, int, bool], Search] = {
        (layer, axis, after): _ends(size[axis], grid[axis])
        for layer, grid in grids.items()
        for axis in (0, 1)
        for after in (True, False)
    }
    ends: dict[tuple[str, int, bool], tuple[float, float] | None] = {}
    cuts = {key: next(search) for key, search in searches.items()}
    shown: dict[tuple[str, Line], npt.NDArray[np.bool_]] = {}
    while cuts:
        lines = {(axis, after, cut) for (_, axis, after), cut in cuts.items()}
        shown |= _show(finite, display, sorted(lines - {line for _, line in shown}), grids)
        for (layer, axis, after), cut in list(cuts.items()):
            key = (layer, axis, after)
            try:
                cuts[key] = searches[key].send(shown[layer, (axis, after, cut)])
            except StopIteration as stop:
                ends[key] = stop.value
                del cuts[key]
    return {layer: _fields(ends, layer, grids[layer], size) for layer in grids}


def _ends(size: int, count: int) -> Search:
    """Search where the fields of sites end: yields a cut, and is sent which sites it leaves clear.

    A cut blinds the model to all pixels from there on. Returns where the field of site 0 ends and
    the spacing of the sites, or None.
    """
    found: list[tuple[int, int]] = []
    for share in PLACES:
        clear = round(share * size)
        seen = yield clear
        site = int(seen.sum()) - 1
        if not 0 <= site < count - 1 or not seen[: site + 1].all():
            return None
        # As far from where the first one ended as evenly spaced sites are.
        expected = found[0][1] + round((site - found[0][0]) * size / count) if found else None
        end = yield from _end(clear, site, expected)
        if end is None:
            return None
        found.append((site, end))
    (first, start), (between, middle), (last, stop) = found
    if last == first:
        return None
    stride = (stop - start) / (last - first)
    if abs(start + stride * (between - first) - middle) >= 1:
        return None
    return start - stride * first, stride


def _end(clear: int, site: int, expected: int | None) -> Cuts:
    """Search the smallest cut that leaves a site clear; one of them does.

    Where none is expected, or it is not that one: by growing steps, and then by halves.
    """
    blind = -1
    for cut in () if expected is None else (expected, expected - 1):
        if 0 <= cut < clear:
            clear, blind = (cut, blind) if (yield cut)[site] else (clear, cut)
    cut, step = clear, 1
    while blind < 0:
        cut = max(cut - step, 0)
        if not (yield cut)[site]:
            blind = cut
        elif cut == 0:
            return None
        else:
            clear, step = cut, 2 * step
    while clear - blind > 1:
        middle = (clear + blind) // 2
        clear, blind = (middle, blind) if (yield middle)[site] else (clear, middle)
    return clear


def _show(
    finite: FiniteSites,
    display: Display,
    lines: Sequence[Line],
    grids: Mapping[str, tuple[int, int]],
) -> dict[tuple[str, Line], npt.NDArray[np.bool_]]:
    """Which sites, along the middle of the other axis, each line leaves clear: from its far end."""
    size = (display.height, display.width)
    images = noise(display).repeat(len(lines), 1, 1, 1)
    for image, (axis, after, cut) in zip(images, lines, strict=True):
        # Seen from the other side, everything is mirrored.
        hidden = slice(cut, None) if after else slice(None, size[axis] - cut)
        image[(slice(None), hidden) if axis == 0 else (slice(None), slice(None), hidden)] = (
            torch.nan
        )
    found = {}
    for layer, clear in finite(images).items():
        rows, columns = grids[layer]
        for line, sites in zip(lines, clear.cpu().numpy(), strict=True):
            axis, after, _ = line
            along = sites[:, columns // 2] if axis == 0 else sites[rows // 2]
            found[layer, line] = along if after else along[::-1]
    return found


def _fields(
    ends: Mapping[tuple[str, int, bool], tuple[float, float] | None],
    layer: str,
    grid: tuple[int, int],
    size: tuple[int, int],
) -> Fields | None:
    """Put the four edges of the fields together."""
    corner, extent, strides = [], [], []
    for axis in (0, 1):
        after, before = ends[layer, axis, True], ends[layer, axis, False]
        if after is None or before is None or abs(after[1] - before[1]) > 1e-6:
            return None
        (end, stride), mirrored = after, before[0]
        # Of the last site, mirrored, and from there back to the first.
        start = size[axis] - mirrored - stride * (grid[axis] - 1)
        middle = start + stride * (grid[axis] // 2)
        if middle <= 0 or middle + end - start >= size[axis]:
            return None
        corner.append(start)
        extent.append(round(end - start))
        strides.append(stride)
    return Fields((corner[0], corner[1]), (extent[0], extent[1]), (strides[0], strides[1]))


def split_sites(
    sites: Sequence[Site], fields: Fields, display: Display, n_stimuli: int
) -> list[list[Site]]:
    """Divide scattered sites into groups that are recorded faster one after the other.

    Parameters
    ----------
    sites : sequence of (row, column)
        The sites.
    fields : Fields
        What they see.
    display : Display
        The screen.
    n_stimuli : int
        How many stimuli are to be shown.

    Returns
    -------
    list of list
        All of them together where one window costs no more.
    """

    def cost(group: Sequence[Site]) -> float:
        window, whole = fields.window(group, display), display.height * display.width
        return n_stimuli * window.height * window.width + SET_UP * whole

    parts = [part for axis in (0, 1) if (part := _at_widest_gap(sites, axis)) is not None]
    if parts:
        one, other = min(parts, key=lambda part: cost(part[0]) + cost(part[1]))
        if cost(one) + cost(other) < cost(sites):
            return [
                group
                for part in (one, other)
                for group in split_sites(part, fields, display, n_stimuli)
            ]
    return [list(sites)]


def _at_widest_gap(sites: Sequence[Site], axis: int) -> tuple[list[Site], list[Site]] | None:
    places = sorted({site[axis] for site in sites})
    if len(places) < 2:
        return None
    _, border = max((b - a, b) for a, b in itertools.pairwise(places))
    return (
        [site for site in sites if site[axis] < border],
        [site for site in sites if site[axis] >= border],
    )
