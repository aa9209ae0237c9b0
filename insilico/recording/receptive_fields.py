"""Where the sites of layers look: their receptive fields, and which of them share a window."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stimuli import Display, Window

__all__ = ["Fields", "split_sites"]

# What it costs to set up another crop, in whole pictures: its proof and its check.
SET_UP = 10

Site = tuple[int, int]


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

    def clear(self, axis: int, count: int, pixels: slice, size: int) -> npt.NDArray[np.intp]:
        """Which of so many sites along an axis see nothing beyond some pixels, one to spare."""
        first = self.corner[axis] + self.stride[axis] * np.arange(count)
        last = first + self.size[axis]
        # Beyond the border of the display there is nothing to be seen.
        start = pixels.start + 1 if pixels.start else -np.inf
        stop = pixels.stop - 1 if pixels.stop < size else np.inf
        return np.flatnonzero((first >= start) & (last <= stop))


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
