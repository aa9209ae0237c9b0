"""StimulusSet: a table of conditions and the function that draws them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stimuli.display import Display, Window
from stimuli.edges import touches_and_covers
from stimuli.parameters import combinations

if TYPE_CHECKING:
    import torch

__all__ = ["StimulusSet", "crossed", "factorial"]

# Pixels to spare between the edge of a disk and a window that it fills or misses.
SPARE = 2.0

# Pixels that are drawn on a CPU at a time: what is made on the way to more of them leaves its
# caches, and has to be found in memory anew each time (four times as long, at 13 million).
MOST_PIXELS = 2**19


@dataclass(frozen=True)
class StimulusSet:
    """What is shown: one row per stimulus, and how to draw any of them.

    The table and the drawing function are the public record of an experiment: responses are
    labelled from the table, never by the order of presentation.

    Parameters
    ----------
    name : str
        Short name of the set.
    display : Display
        The screen.
    conditions : DataFrame, one row per stimulus
        One column per parameter, in the units of docs/conventions.md.
    dims : tuple of str
        The columns that together name every row once: the dims of the response.
    draw : callable
        ``draw(display, *, window, device, **parameters)`` with one value per stimulus for each
        parameter; returns images (n, channel, height, width) in [0, 1]. Of movies it is given
        ``time`` as well, and returns (n, frame, channel, height, width).
    labels : tuple of str, optional
        Columns that describe a stimulus but are no parameters of ``draw``.
    time : tuple of float, optional
        When the frames of a movie are shown, in s, ascending; none for pictures. What is measured
        begins at 0: frames before it lead in, and are shown but not recorded.
    """

    name: str
    display: Display
    conditions: pd.DataFrame = field(repr=False)
    dims: tuple[str, ...]
    draw: Callable[..., Any] = field(repr=False)
    labels: tuple[str, ...] = ()
    time: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        missing = [name for name in (*self.dims, *self.labels) if name not in self.conditions]
        if missing:
            raise ValueError(
                f"stimulus set {self.name!r} names {missing} as dims or labels, but its table has "
                f"the columns {list(self.conditions.columns)}."
            )
        factors = [self.columns[name] for name in self.dims]
        different = len(np.unique(combinations(factors))) if factors else min(1, len(self))
        repeated = len(self) - different
        if repeated:
            raise ValueError(
                f"the dims {list(self.dims)} of stimulus set {self.name!r} must name every row "
                f"once; {repeated} of {len(self.conditions)} rows repeat an earlier one. "
                "Add the column that tells them apart."
            )
        ascending = all(first < second for first, second in pairwise(self.time))
        if self.time and not (ascending and self.time[-1] >= 0):
            raise ValueError(
                f"the frames of stimulus set {self.name!r} must follow each other in time, and "
                f"the last one be shown at 0 s or later; got {self.time[0]:g} to "
                f"{self.time[-1]:g} s. stimuli.frame_times makes such times."
            )

    def __len__(self) -> int:
        return len(self.conditions)

    @cached_property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Columns of the table, which are asked for more often than pandas is quick at."""
        return {str(name): values.to_numpy() for name, values in self.conditions.items()}

    def images(
        self,
        rows: slice | Sequence[int] | npt.NDArray[np.integer[Any]] = slice(None),
        *,
        window: Window | None = None,
        device: "torch.device | str | None" = None,
    ) -> "torch.Tensor":
        """Draw some of the stimuli.

        Parameters
        ----------
        rows : slice or sequence of int
            Which rows of the table.
        window : Window, optional
            Draw only this part; equal, bit for bit, to the same part of the whole picture.
        device : torch device, optional
            Where to draw.

        Returns
        -------
        Tensor, shape (n, channel, height, width), float32
            Images in [0, 1]; of movies, (n, frame, channel, height, width).
        """
        chosen = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows, int)
        seen = window or self.display.whole
        pixels = seen.height * seen.width * max(1, len(self.time))
        on_cpu = device is None or str(device).startswith("cpu")
        size = max(1, MOST_PIXELS // pixels) if on_cpu else len(chosen)
        images = self._drawn(chosen[:size], window, device)
        if len(chosen) <= size:
            return images
        together, n = images.new_empty((len(chosen), *images.shape[1:])), len(images)
        together[:n] = images
        for start in range(size, len(chosen), size):
            images = self._drawn(chosen[start : start + size], window, device)
            together[n : n + len(images)] = images
            n += len(images)
        return together[:n]

    def _drawn(
        self,
        rows: npt.NDArray[np.intp],
        window: Window | None,
        device: "torch.device | str | None",
    ) -> "torch.Tensor":
        columns = {name: values[rows] for name, values in self._parameters.items()}
        frames = {"time": self.time} if self.time else {}
        images: torch.Tensor = self.draw(
            self.display, window=window, device=device, **frames, **columns
        )
        return images

    def first_alike(self, window: Window) -> npt.NDArray[np.intp]:
        """Tell which stimuli show the same within a window, as far as their parameters tell.

        Parameters
        ----------
        window : Window
            The part of the display that is looked at.

        Returns
        -------
        array, shape (n,)
            Of each stimulus the first row that shows the same; its own where none before it does.
        """
        table = self._parameters
        touches = np.ones(len(self), dtype=bool)
        disks = self._disks()
        if disks is not None:
            touches, covers = touches_and_covers(self.display, window, *disks, spare=SPARE)
            # How large a disk is does not matter where it fills the window.
            table["diameter"] = np.where(covers, np.inf, disks[-1])
        for contrast, others in getattr(self.draw, "vanishing", {}).items():
            if contrast in table:
                gone = table[contrast] == 0
                table |= {each: np.where(gone, 0, table[each]) for each in others if each in table}
        alike = combinations([np.zeros(len(self)), *table.values()])
        # The blank is the same wherever the disk is that misses the window.
        _, first, number = np.unique(
            np.where(touches, alike, -1), return_index=True, return_inverse=True
        )
        return first[number]

    def n_different(self, window: Window) -> int:
        """Count the pictures that differ within a window, as far as their parameters tell.

        Parameters
        ----------
        window : Window
            The part of the display that is looked at.

        Returns
        -------
        int
            At least the true number.
        """
        return len(np.unique(self.first_alike(window)))

    def reach(self) -> npt.NDArray[np.intp] | None:
        """Tell where stimuli end, as far as their parameters tell: beyond, they are blank.

        Returns
        -------
        array, shape (n, 4), or None
            Of each stimulus the first row that it may reach and the one after the last, and the
            same of columns. None where parameters do not tell.
        """
        disks = self._disks()
        if disks is None:
            return None
        x, y, diameter = disks
        radius = diameter / 2 + (0.5 + SPARE) / self.display.px_per_deg
        # The y of rows descends.
        ends = [
            np.searchsorted(axis, place + sign * radius)
            for axis, place in ((-self.display.y(), -y), (self.display.x(), x))
            for sign in (-1, 1)
        ]
        return np.stack(ends, axis=1)

    @property
    def _parameters(self) -> dict[str, npt.NDArray[Any]]:
        return {name: each for name, each in self.columns.items() if name not in self.labels}

    def _disks(self) -> tuple[npt.NDArray[np.float64], ...] | None:
        """Give x, y and diameter of the disks that stimuli are drawn in, if that is known."""
        table = self._parameters
        told = getattr(self.draw, "in_disk", False) and {"x", "y", "diameter"} <= set(table)
        if not told or {"inner_diameter", "edge"} & set(table):
            return None
        return tuple(table[name].astype(float) for name in ("x", "y", "diameter"))

    def content_hash(self) -> str:
        """Fingerprint of the table, the frames, the display and the name of what draws."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        digest = hashlib.sha256(f"{self.display}{self.dims}{self.draw.__qualname__}".encode())
        digest.update(np.array(self.time).tobytes())
        for name, values in self.columns.items():
            digest.update(f"{name} {values.dtype}".encode())
            # Numbers as they are; words, and what else there may be, as they are written.
            as_written = values.dtype.hasobject
            digest.update(repr(values.tolist()).encode() if as_written else values.tobytes())
        return digest.hexdigest()[:16]


def factorial(
    name: str,
    display: Display,
    draw: Callable[..., Any],
    factors: Mapping[str, npt.ArrayLike],
    *,
    derive: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    labels: tuple[str, ...] = (),
    time: tuple[float, ...] = (),
    **constants: float,
) -> StimulusSet:
    """Cross every factor with every other.

    Parameters
    ----------
    name, display, draw, labels, time
        As in `StimulusSet`.
    factors : mapping of str to values
        The crossed parameters, slowest first; they become the dims of the response.
    derive : callable, optional
        Adds columns that follow from others (``diameter`` from a number of cycles).
    **constants : float
        Parameters that every stimulus shares.

    Returns
    -------
    StimulusSet

    Examples
    --------
    >>> from stimuli import Display, factorial, grating
    >>> pair = {"orientation": [0, 90], "phase": [0, 180]}
    >>> len(factorial("cardinal", Display(), grating, pair, spatial_frequency=2.0))
    4
    """
    table = crossed(factors, **constants)
    if derive is not None:
        table = derive(table)
    return StimulusSet(name, display, table, tuple(factors), draw, labels, time)


def crossed(factors: Mapping[str, npt.ArrayLike], **constants: Any) -> pd.DataFrame:
    """Make a table in which every factor is crossed with every other.

    Parameters
    ----------
    factors, **constants
        As for `factorial`.

    Returns
    -------
    DataFrame, one row per combination
    """
    levels = [_levels(values) for values in factors.values()]
    places = np.indices([len(values) for values in levels]).reshape(len(levels), -1)
    columns = {
        name: values[place] for name, values, place in zip(factors, levels, places, strict=True)
    }
    return pd.DataFrame(columns | constants, index=range(len(places[0])))


def _levels(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Take the values of a factor: numbers in double precision, words as pandas has them."""
    listed = np.asarray(values).tolist()
    numbers = np.asarray(listed)
    return numbers if numbers.dtype.kind in "bif" else pd.Series(listed).to_numpy()
