"""Joint structure: whether properties go together in the units as they do in macaque V1."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.comparison import statistics
from insilico.comparison.intervals import FEWEST_CHANNELS
from insilico.comparison.population import bins_of, clusters_of, counting
from insilico.reference import load, load_joint

__all__ = ["CELLS", "RATIO", "SUPPRESSION", "VARIANCE", "Pair", "joint_structure"]

COLUMNS = (
    "layer",
    "property_x",
    "property_y",
    "reference",
    "n_units",
    "n_channels",
    "n_reference",
    "correlation",
    "correlation_low",
    "correlation_high",
    "correlation_reference",
    "distance",
    "p",
    "p_adjusted",
    "compared_with",
    "citation",
    "doi",
)


class Pair(NamedTuple):
    """Two properties whose joint structure is asked for.

    Parameters
    ----------
    x, y : str
        Names of the properties.
    joint : str
        Their joint histogram in macaque V1, if there is one.
    bins_x, bins_y : str
        Otherwise the distributions whose bins are used.
    """

    x: str
    y: str
    joint: str = ""
    bins_x: str = ""
    bins_y: str = ""


CELLS = "ringach2002.circular_variance_and_smoothed_half_bandwidth"
VARIANCE = "marques2020.ringach2002.circular_variance"
RATIO = "marques2020.ringach2002.modulation_ratio"
SUPPRESSION = "marques2020.cavanaugh2002a.surround_suppression_index"


def joint_structure(
    units: xr.Dataset, pairs: Iterable[Pair], *, seed: int = 0, n_resamples: int = 1000
) -> pd.DataFrame:
    """Tell how properties of the same units go together.

    Circular variance with half-bandwidth is compared with the cells of Ringach et al. (2002).
    Circular variance with F1/F0, and suppression with circular variance, have no joint histogram in
    macaque V1 to be compared with: there the question is whether they depend on one another at all.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As `insilico.comparison.table.score` takes it.
    pairs : iterable of Pair
        Which properties; pairs of which one was not measured are left out.
    seed : int
        Of the resampling and the permutations.
    n_resamples : int
        Bootstrap samples, and permutations.

    Returns
    -------
    DataFrame, one row per layer and pair of properties
        Of the ``n_units`` with both values, on ``n_channels`` channels: ``correlation``, Spearman's
        on the bins, with its 95 % interval (channels are drawn), and the one of the cells.
        ``distance`` is the two-dimensional Kolmogorov-Smirnov distance from what
        ``compared_with`` names, ``cells`` or ``independence``, on one unit of each channel; ``p``
        is its permutation p-value, ``p_adjusted`` for the pairs of the layer.
    """
    layers = units["layer"].to_numpy().astype(str) if "layer" in units else None
    names = pd.unique(layers) if layers is not None and len(layers) else [""]
    rows = []
    for name in names:
        part = units if layers is None else units.isel(unit=np.flatnonzero(layers == name))
        rows += [
            {"layer": str(name), **_row(part, pair, seed, n_resamples)}
            for pair in pairs
            if pair.x in units and pair.y in units
        ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p_adjusted"] = table.groupby("layer")["p"].transform(statistics.adjusted)
    return table


def _row(units: xr.Dataset, pair: Pair, seed: int, n_resamples: int) -> dict[str, Any]:
    cells = load_joint(pair.joint) if pair.joint else None
    edges_x = cells.edges_x if cells else load(pair.bins_x).edges
    edges_y = cells.edges_y if cells else load(pair.bins_y).edges
    shape = (len(edges_x) - 1, len(edges_y) - 1)
    x, y = (units[name].to_numpy().astype(np.float64) for name in (pair.x, pair.y))
    both = np.isfinite(x) & np.isfinite(y)
    for name in (pair.x, pair.y):
        both &= counting(units, units[name])
    place_x, place_y = bins_of(x, edges_x), bins_of(y, edges_y)
    clusters = clusters_of(units)
    rng = np.random.default_rng([seed, crc32(f"{pair.x} {pair.y}".encode())])
    single = clusters.one_of_each(both, rng)
    size = shape[0] * shape[1]
    flat = np.where(both, place_x * shape[1] + place_y, size)
    tallies = clusters.totals(flat, size + 1)[:, :-1]
    counts = tallies.sum(axis=0).reshape(shape)
    if cells is not None:
        one_each = np.bincount(flat[single], minlength=size).reshape(shape)
        test = statistics.same_joint(one_each, cells.counts, rng=rng, n_permutations=n_resamples)
    else:
        test = statistics.dependence(
            place_x[single], place_y[single], shape, rng=rng, n_permutations=n_resamples
        )
    correlation = float(statistics.rank_correlation(counts))
    draws = np.array([])
    if len(single) >= FEWEST_CHANNELS:
        draws = _correlations(tallies, shape, clusters, rng=rng, n_resamples=n_resamples)
    ends = statistics.interval(correlation, draws)
    known = cells is not None
    return {
        "property_x": pair.x,
        "property_y": pair.y,
        "reference": pair.joint,
        "n_units": int(both.sum()),
        "n_channels": len(single),
        "n_reference": cells.n if cells else 0,
        "correlation": correlation,
        "correlation_low": ends.low,
        "correlation_high": ends.high,
        "correlation_reference": (
            float(statistics.rank_correlation(cells.counts)) if cells else float("nan")
        ),
        "distance": test.distance,
        "p": test.p,
        "compared_with": "cells" if known else "independence",
        "citation": cells.citation if cells else "",
        "doi": cells.doi if cells else "",
    }


def _correlations(
    tallies: npt.NDArray[np.float32],
    shape: tuple[int, int],
    clusters: statistics.Clusters,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> npt.NDArray[np.float64]:
    """Rank correlation in bootstrap samples of the channels; only filled bins are multiplied."""
    filled = np.flatnonzero(tallies.any(axis=0))
    found = []
    for times in statistics.resamples(clusters, rng=rng, n_resamples=n_resamples):
        counts = np.zeros((len(times), tallies.shape[1]), dtype=np.float32)
        counts[:, filled] = times @ tallies[:, filled]
        found.append(statistics.rank_correlation(counts.reshape(-1, *shape)))
    return np.concatenate(found)
