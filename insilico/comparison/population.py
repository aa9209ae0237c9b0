"""Units of one layer on the bins of a reference, and the same in bootstrap samples of channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.comparison import statistics
from insilico.comparison.statistics import Clusters
from insilico.errors import UserError
from insilico.reference import ReferenceDistribution

__all__ = [
    "Draws",
    "Population",
    "bins_of",
    "clusters_of",
    "counting",
    "draw",
    "places",
    "population",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Population:
    """Units of one layer on the bins of one reference.

    Parameters
    ----------
    reference : ReferenceDistribution
        The data.
    clusters : Clusters
        The channels of all units of the layer.
    defined : array of bool, shape (unit,)
        The units that respond and have a value.
    values : array, shape (defined unit,)
        Their values.
    tallies : array, shape (channel, bin + 1)
        Units of each channel that respond, by bin; those without a value come last.
    """

    reference: ReferenceDistribution
    clusters: Clusters
    defined: npt.NDArray[np.bool_]
    values: Array
    tallies: npt.NDArray[np.float32]

    @property
    def n_channels(self) -> int:
        """How many channels have a unit with a value."""
        return int(self.tallies[:, :-1].any(axis=1).sum())


class Draws(NamedTuple):
    """A population in bootstrap samples: its histogram, shape (resample, bin + 1), and median."""

    counts: Array
    medians: Array


def counting(units: xr.Dataset, array: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Say which units responded in the protocol that measured a property.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As `insilico.comparison.table.score` takes it.
    array : DataArray, dims ("unit",)
        The property.

    Returns
    -------
    array of bool, shape (unit,)
        All of them where ``units`` holds no variable ``responsive``; not those where it is NaN.
    """
    if "responsive" not in units:
        return np.ones(array.sizes["unit"], dtype=bool)
    protocol = array.attrs.get("protocol")
    known = units["responsive"]["protocol"].to_numpy().astype(str).tolist()
    if protocol not in known:
        raise UserError(
            f"property {array.name!r} was measured in protocol {protocol!r}, but 'responsive' is "
            f"known for {known}. Set its attribute 'protocol' to one of them."
        )
    # NaN stands where tables of different protocols were joined: not known to respond.
    return units["responsive"].sel(protocol=protocol).fillna(False).to_numpy().astype(bool)


def clusters_of(units: xr.Dataset) -> Clusters:
    """Group the units of a layer by their coordinates ``channel`` and, where there is one, ``run``.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Of one layer. Without the coordinate ``channel`` every unit is a channel of its own.

    Returns
    -------
    Clusters
    """
    n = units.sizes.get("unit", 0)
    channel = units["channel"].to_numpy() if "channel" in units.coords else np.arange(n)
    return statistics.cluster(channel, units["run"].to_numpy() if "run" in units.coords else None)


def places(
    reference: ReferenceDistribution, values: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """Say in which bin of a reference each value is counted.

    Parameters
    ----------
    reference : ReferenceDistribution
        The bins.
    values : array, shape (unit,)
        All defined.

    Returns
    -------
    array, shape (unit,)
        From 0; as `ReferenceDistribution.histogram` counts.
    """
    edges = reference.edges
    if reference.period is not None:
        values = edges[0] + (values - edges[0]) % reference.period
    return bins_of(values, edges)


def bins_of(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """Say in which bin each value lies.

    Parameters
    ----------
    values : array, shape (unit,)
        Those beyond the edges lie in the outer bins, and undefined ones in any.
    edges : array, shape (bin + 1,)
        Rising bin edges.

    Returns
    -------
    array, shape (unit,)
        From 0.
    """
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def population(
    units: xr.Dataset, reference: ReferenceDistribution, clusters: Clusters
) -> Population:
    """Count the units of a layer on the bins of a reference.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Of one layer.
    reference : ReferenceDistribution
        The data.
    clusters : Clusters
        The channels of the units.

    Returns
    -------
    Population
    """
    array = units[reference.property]
    values = array.to_numpy().astype(np.float64)
    counts = counting(units, array)
    defined = counts & ~np.isnan(values)
    bins = len(reference.edges) - 1
    # Units that do not respond get a bin of their own, which is dropped.
    place = np.where(counts, bins, bins + 1)
    place[defined] = places(reference, values[defined])
    tallies = clusters.totals(place, bins + 2)[:, :-1]
    return Population(reference, clusters, defined, values[defined], tallies)


def draw(
    populations: Sequence[Population],
    clusters: Clusters,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> list[Draws]:
    """Draw the channels of a layer with replacement, the same for all of its properties.

    Parameters
    ----------
    populations : sequence of Population
        Of one layer.
    clusters : Clusters
        Its channels.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int
        How often.

    Returns
    -------
    list of Draws
        One for each population.
    """
    parts: list[list[Draws]] = [[] for _ in populations]
    for times in statistics.resamples(clusters, rng=rng, n_resamples=n_resamples):
        for each, drawn in zip(populations, parts, strict=True):
            middle = np.full(len(times), np.nan)
            if each.reference.period is None:
                middle = statistics.medians(each.values, times[:, clusters.of_unit[each.defined]])
            drawn.append(Draws((times @ each.tallies).astype(np.float64), middle))
    return [Draws(*map(np.concatenate, zip(*drawn, strict=True))) for drawn in parts]
