"""Find where the sites of layers look, from a few pictures that are NaN but for their middle."""

import itertools
from collections.abc import Callable, Generator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.recording.receptive_fields import Fields
from insilico.recording.windows import noise
from stimuli import Display

__all__ = ["survey"]

# Up to where the display is clear while the edges of receptive fields are looked for, as shares of
# it, seen from one side and from the other: two places give the spacing of the sites, and the third
# tells whether it is even. What remains between both sides is in the middle of the display.
PLACES = ((0.5, 0.9), (0.7, 0.7), (0.9, 0.5))

# Share of the display that is clear while sites at one border are asked if they see the other.
FAR = 0.9

FiniteSites = Callable[[Tensor], Mapping[str, Tensor]]
Grid = tuple[int, int]

# Axis of the display, and whether NaN comes after a line (or before it).
Side = tuple[int, bool]
SIDES: tuple[Side, ...] = tuple(itertools.product((0, 1), (True, False)))
Edge = tuple[str, Side]

# Where the lines are from which on a picture is NaN.
Frame = tuple[tuple[Side, int], ...]
Search = Generator[int, npt.NDArray[np.bool_], tuple[int, int] | None]
Cuts = Generator[int, npt.NDArray[np.bool_], int | None]


def survey(
    finite: FiniteSites, display: Display, grids: Mapping[str, Grid]
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
    found = _searched(finite, display, grids, at_once=True)
    found |= dict.fromkeys(_contradicted(finite, display, grids, found))
    # Sites may see too much to be clear of lines on all sides at once.
    wide = {layer: grids[layer] for layer, fields in found.items() if fields is None}
    others = _searched(finite, display, wide, at_once=False)
    return found | others | dict.fromkeys(_contradicted(finite, display, grids, others))


def _searched(
    finite: FiniteSites, display: Display, grids: Mapping[str, Grid], *, at_once: bool
) -> dict[str, Fields | None]:
    """Find receptive fields: with lines on all four sides of a picture, or with one in each."""
    size = (display.height, display.width)
    ends: dict[Edge, list[tuple[int, int]]] = {
        (layer, side): [] for layer in grids for side in SIDES
    }
    for shares in PLACES:
        searches = {
            (layer, (axis, after)): _edge(
                size[axis], grids[layer][axis], shares[0] if after else shares[1], known
            )
            for (layer, (axis, after)), known in ends.items()
        }
        cuts = {edge: next(search) for edge, search in searches.items()}
        while cuts:
            frames = _frames(cuts, at_once)
            shown = _show(finite, display, sorted(set(frames.values())))
            failed = set()
            for edge, frame in frames.items():
                layer, side = edge
                try:
                    sites = _along(shown[layer, frame], side, frame, size)
                    cuts[edge] = searches[edge].send(sites)
                except StopIteration as stop:
                    del cuts[edge]
                    if stop.value is None:
                        failed.add(layer)
                    else:
                        ends[edge].append(stop.value)
            # What one side of a layer lacks, the others need not be searched for.
            for edge in [edge for edge in ends if edge[0] in failed]:
                del ends[edge]
                cuts.pop(edge, None)
    found: dict[str, Fields | None] = dict.fromkeys(grids)
    for layer, grid in grids.items():
        if (layer, SIDES[0]) in ends:
            found[layer] = _fields({side: ends[layer, side] for side in SIDES}, grid, size)
    return found


def _contradicted(
    finite: FiniteSites,
    display: Display,
    grids: Mapping[str, Grid],
    found: Mapping[str, Fields | None],
) -> list[str]:
    """Which layers have sites that are not clear of NaN at the far border, as their fields are."""
    if not any(found.values()):
        return []
    size = (display.height, display.width)
    corners = (
        [((axis, after), round(FAR * size[axis])) for axis in (0, 1)] for after in (True, False)
    )
    frames: list[Frame] = [tuple(lines) for lines in corners]
    shown = _show(finite, display, frames)
    doubted = []
    for layer, fields in found.items():
        for frame in frames if fields is not None else ():
            assert fields is not None
            rows, columns = (
                fields.clear(axis, grids[layer][axis], pixels, size[axis])
                for axis, pixels in enumerate(_middle(frame, size))
            )
            if not shown[layer, frame][np.ix_(rows, columns)].all():
                doubted.append(layer)
                break
    return doubted


def _edge(size: int, count: int, share: float, known: Sequence[tuple[int, int]]) -> Search:
    """Search where the field of a site ends: yields a cut, and is sent which sites it leaves clear.

    A cut blinds the model to all pixels from there on. Returns the last site that is clear of one
    at a share of the display, and where its field ends; or None. What is known of other sites
    tells where to look first.
    """
    clear = round(share * size)
    seen = np.flatnonzero((yield clear))
    site = int(seen.max(initial=-1))
    if not 0 <= site < count - 1 or site - seen[0] >= len(seen):
        return None
    # As far from where another one ends as evenly spaced sites are.
    expected = known[0][1] + round((site - known[0][0]) * size / count) if known else None
    end = yield from _end(clear, site, expected)
    return None if end is None else (site, end)


def _spacing(found: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Where the field of site 0 ends and how far apart sites are, from three; None if unevenly."""
    (first, start), (between, middle), (last, stop) = sorted(found)
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


def _frames(cuts: Mapping[Edge, int], at_once: bool) -> dict[Edge, Frame]:
    """Say which picture each search looks at: one with the lines of all sides of its layer, or not.

    Every picture costs a pass.
    """
    lines: dict[str, list[tuple[Side, int]]] = {}
    for (layer, side), cut in cuts.items():
        lines.setdefault(layer, []).append((side, cut))
    return {
        (layer, side): tuple(sorted(lines[layer])) if at_once else ((side, cut),)
        for (layer, side), cut in cuts.items()
    }


def _clear(side: Side, cut: int, size: int) -> slice:
    """Pixels before a cut, counted from the far side."""
    return slice(0, cut) if side[1] else slice(size - cut, size)


def _show(
    finite: FiniteSites, display: Display, frames: Sequence[Frame]
) -> dict[tuple[str, Frame], npt.NDArray[np.bool_]]:
    """Which sites (row, column) of layers are clear in pictures that are NaN beyond some lines."""
    size = (display.height, display.width)
    plain = noise(display)[0]
    images = torch.full((len(frames), *plain.shape), torch.nan)
    for image, frame in zip(images, frames, strict=True):
        rows, columns = _middle(frame, size)
        image[:, rows, columns] = plain[:, rows, columns]
    return {
        (layer, frame): sites
        for layer, clear in finite(images).items()
        for frame, sites in zip(frames, clear.cpu().numpy(), strict=True)
    }


def _middle(frame: Frame, size: Sequence[int]) -> tuple[slice, slice]:
    """Rows and columns of pixels that no line cuts off."""
    start, stop = [0, 0], list(size)
    for side, cut in frame:
        clear = _clear(side, cut, size[side[0]])
        start[side[0]] = max(start[side[0]], clear.start)
        stop[side[0]] = min(stop[side[0]], clear.stop)
    return slice(start[0], stop[0]), slice(start[1], stop[1])


def _along(
    sites: npt.NDArray[np.bool_], side: Side, frame: Frame, size: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """Sites from the far end of one axis on, along the middle of what is clear on the other."""
    axis, after = side
    across = _middle(frame, size)[1 - axis]
    middle = (across.start + across.stop) * sites.shape[1 - axis] // (2 * size[1 - axis])
    line = sites[:, middle] if axis == 0 else sites[middle]
    return line if after else line[::-1]


def _fields(
    found: Mapping[Side, Sequence[tuple[int, int]]], grid: Grid, size: Grid
) -> Fields | None:
    """Put the four edges of the fields together."""
    corner, extent, strides = [], [], []
    for axis in (0, 1):
        after, before = (_spacing(found[axis, each]) for each in (True, False))
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
