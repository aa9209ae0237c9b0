"""ReferenceDistribution: a published histogram, with what must be known to compare with it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.reference.bins import count

__all__ = ["JointDistribution", "ReferenceDistribution", "Scale"]

Scale = Literal["linear", "log", "binary"]


# eq=False: two histograms are not compared with ==, which arrays would answer bin by bin.
@dataclass(frozen=True, eq=False)
class ReferenceDistribution:
    """Histogram of one property over a recorded population.

    Parameters
    ----------
    name : str
        Its name in this project, ``SOURCE.PROPERTY``.
    property : str
        The variable of the unit table that is compared with it.
    edges : array, shape (bin + 1,)
        Bin edges, in ``units``. Bins are half-open, the last one is closed.
    counts : array, shape (bin,), or None
        Cells per bin, not necessarily whole numbers; None where no numbers are public.
    n : int
        Cells, those whose value is undefined included.
    label, units : str
        What an axis says.
    scale : {"linear", "log", "binary"}
        How values lie inside a bin: uniform, uniform on a logarithmic axis, or 0 in the first and 1
        in the second of two bins.
    period : float, optional
        Of a circular property: values are brought into one period from the first edge on.
    citation, doi, species, area, state, population : str
        Whose measurement, and of what: animal, brain area, anaesthetised or awake, which cells.
    definition : str
        The definition of the property that was used.
    grade, obtained, caution : str
        How good the counts are, where they were read, and what to beware of.
    category : str
        Category in the published benchmark; empty where it is not scored there.
    published_ceiling, alexnet : float
        Raw scores that were published for this histogram: the data against itself, and AlexNet.

    Examples
    --------
    >>> index = ReferenceDistribution(
    ...     name="lab.suppression_index", property="suppression_index",
    ...     edges=np.array([0.0, 0.5, 1.0]), counts=np.array([30.0, 10.0]), n=50,
    ... )
    >>> round(index.median, 3), index.undefined
    (0.333, 10.0)
    """

    name: str
    property: str
    edges: npt.NDArray[np.float64] = field(repr=False)
    counts: npt.NDArray[np.float64] | None = field(repr=False)
    n: int
    label: str = ""
    units: str = "1"
    scale: Scale = "linear"
    period: float | None = None
    citation: str = ""
    doi: str = ""
    species: str = ""
    area: str = "V1"
    state: str = ""
    population: str = ""
    definition: str = field(default="", repr=False)
    grade: str = ""
    obtained: str = field(default="", repr=False)
    caution: str = field(default="", repr=False)
    category: str = ""
    published_ceiling: float = float("nan")
    alexnet: float = float("nan")

    def __post_init__(self) -> None:
        edges = _frozen(self.edges)
        rises = edges.ndim == 1 and len(edges) >= 3 and bool((np.diff(edges) > 0).all())
        if not rises or not np.isfinite(edges).all():
            raise UserError(
                f"reference {self.name!r} needs at least three bin edges that rise and are finite "
                "(what lies beyond is counted in the outer bins anyway); got "
                f"{edges.tolist()}."
            )
        if self.scale == "log" and edges[0] <= 0:
            raise UserError(
                f"reference {self.name!r} has scale 'log', which needs edges above 0; the first "
                f"is {edges[0]:g}. Use scale='linear'."
            )
        if self.scale == "binary" and len(edges) != 3:
            raise UserError(
                f"reference {self.name!r} has scale 'binary', which needs two bins; got "
                f"{len(edges) - 1}."
            )
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "label", self.label or self.property)
        if self.counts is None:
            return
        counts = _frozen(self.counts)
        if counts.shape != (len(edges) - 1,):
            raise UserError(
                f"reference {self.name!r} has {len(edges) - 1} bins but counts of shape "
                f"{counts.shape}. Give one count per bin."
            )
        total = counts.sum()
        # Rebuilt counts are fractional and add up only to rounding.
        if not (counts >= 0).all() or not 0 < total <= self.n * (1 + 1e-9):
            raise UserError(
                f"the counts of reference {self.name!r} must not be negative and must add up to "
                f"between 1 and its n = {self.n}; they add up to {total:g}."
            )
        object.__setattr__(self, "counts", counts)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Share of the cells with a value in each bin."""
        if self.counts is None:
            raise UserError(
                f"no numbers are public for reference {self.name!r}; only its bins and its n are "
                "known. Load them from a file of your own with from_csv or from_assembly."
            )
        return self.counts / self.counts.sum()

    @cached_property
    def cdf(self) -> npt.NDArray[np.float64]:
        """Share of the cells with a value below each edge: 0 at the first, 1 at the last."""
        below = np.append(0.0, np.cumsum(self.probabilities))
        return below / below[-1]

    @cached_property
    def undefined(self) -> float:
        """How many of the ``n`` cells have no value; NaN where no numbers are public."""
        return float("nan") if self.counts is None else max(self.n - float(self.counts.sum()), 0.0)

    @cached_property
    def median(self) -> float:
        """The median as `quantile` gives it; NaN for a circular property."""
        return float("nan") if self.period is not None else float(self.quantile(0.5))

    def quantile(self, q: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Quantiles, interpolated inside the bins: derived numbers, not the authors'.

        Parameters
        ----------
        q : array_like
            Shares in [0, 1].

        Returns
        -------
        array, shape of ``q``
            Linear inside a bin, or linear on a logarithmic axis where ``scale`` is log; exactly 0
            or 1 where it is binary.
        """
        wanted = np.asarray(q, dtype=np.float64)
        filled = np.flatnonzero(self.probabilities)
        share = self.probabilities[filled]
        above = np.cumsum(share)
        place = np.minimum(np.searchsorted(above, wanted.ravel()), len(filled) - 1)
        inside = 1 - (above[place] - wanted.ravel()) / share[place]
        return self._inside(filled[place], np.clip(inside, 0, 1)).reshape(wanted.shape)

    def sample(self, size: int, *, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Draw cells, NaN for those without a value; nothing finer than the bins is real.

        Parameters
        ----------
        size : int
            How many.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        array, shape (size,)
        """
        place = rng.choice(len(self.probabilities), size, p=self.probabilities)
        values = self._inside(place, rng.random(size))
        return np.where(rng.random(size) < self.undefined / self.n, np.nan, values)

    def histogram(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Count values on the bins of this reference.

        Parameters
        ----------
        values : array_like
            Values of the property; they are not changed.

        Returns
        -------
        array, shape (bin,)
            NaN is left out, what lies beyond the outer edges is counted in the outer bins.
        """
        units = np.asarray(values, dtype=np.float64).ravel()
        if self.period is not None:
            units = self.edges[0] + (units - self.edges[0]) % self.period
        return count(units, self.edges)

    def _inside(
        self, place: npt.NDArray[np.intp], share: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Values a share of the way through the bins ``place``."""
        if self.scale == "binary":
            return place.astype(np.float64)
        edges = np.log(self.edges) if self.scale == "log" else self.edges
        values = edges[place] + share * (edges[place + 1] - edges[place])
        return np.exp(values) if self.scale == "log" else values


@dataclass(frozen=True, eq=False)
class JointDistribution:
    """Histogram of two properties of the same cells.

    Parameters
    ----------
    name : str
        Its name in this project.
    property_x, property_y : str
        The two variables of the unit table.
    edges_x, edges_y : array
        Bin edges of the two.
    counts : array, shape (bin of x, bin of y)
        Cells that have both values.
    n : int
        Cells, those without one of the two values included.
    label_x, label_y, units_x, units_y : str
        What the axes say.
    scale_x, scale_y : {"linear", "log", "binary"}
        As for `ReferenceDistribution`.
    citation, doi, species, area, state, population, definition, grade, obtained, caution : str
        As for `ReferenceDistribution`.
    """

    name: str
    property_x: str
    property_y: str
    edges_x: npt.NDArray[np.float64] = field(repr=False)
    edges_y: npt.NDArray[np.float64] = field(repr=False)
    counts: npt.NDArray[np.float64] = field(repr=False)
    n: int
    label_x: str = ""
    label_y: str = ""
    units_x: str = "1"
    units_y: str = "1"
    scale_x: Scale = "linear"
    scale_y: Scale = "linear"
    citation: str = ""
    doi: str = ""
    species: str = ""
    area: str = "V1"
    state: str = ""
    population: str = ""
    definition: str = field(default="", repr=False)
    grade: str = ""
    obtained: str = field(default="", repr=False)
    caution: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in ("edges_x", "edges_y", "counts"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        shape = (len(self.edges_x) - 1, len(self.edges_y) - 1)
        if self.counts.shape != shape:
            raise UserError(
                f"joint reference {self.name!r} has {shape} bins but counts of shape "
                f"{self.counts.shape}."
            )


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Copy to float64 and lock: references are shared, and nothing may clip them in place."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
