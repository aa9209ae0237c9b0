"""Differences between models, and their ranks, with how sure they are."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import special

from insilico import reference
from insilico.comparison import statistics
from insilico.comparison.intervals import similarity_draws
from insilico.comparison.population import clusters_of, draw, population

__all__ = [
    "RANKED_BY",
    "Entry",
    "Means",
    "differences",
    "mean_scores",
    "ranked",
    "shared_references",
]

Array = npt.NDArray[np.float64]

RANKED_BY = ("similarity", "skill")
DIFFERENT = ("similarity", "skill", "median")
LEVEL = 0.95


class Entry(NamedTuple):
    """One column of the tables: a layer of a model, of one run or of several seeds.

    Parameters
    ----------
    name : str
        What the tables call it.
    units : Dataset, dim "unit"
        Its units, with the coordinate ``run`` where there are several runs.
    comparison : DataFrame
        Its rows of `insilico.comparison.table.score`.
    record : dict
        What is known of it; ``own`` names the distributions that are the user's own.
    """

    name: str
    units: xr.Dataset
    comparison: pd.DataFrame
    record: dict[str, Any]


class Means(NamedTuple):
    """Mean scores of models.

    Parameters
    ----------
    names : list of str
        The models.
    n_properties : int
        How many references are in the mean.
    scores : array, shape (model,)
        The means.
    draws : array, shape (model, resample)
        The same in bootstrap samples of the channels.
    """

    names: list[str]
    n_properties: int
    scores: Array
    draws: Array


def shared_references(entries: Sequence[Entry]) -> list[str]:
    """List the published references for which every model has a score and an interval.

    Parameters
    ----------
    entries : sequence of Entry
        The models.

    Returns
    -------
    list of str
    """
    shared = list(entries[0].comparison["reference"])
    for entry in entries:
        table = entry.comparison
        scored = table["similarity"].notna() & table["similarity_low"].notna()
        scored &= ~table["reference"].isin(entry.record["own"])
        scored &= table["reference"].isin(reference.names())
        known = set(table.loc[scored, "reference"])
        shared = [name for name in shared if name in known]
    return shared


def mean_scores(
    entries: Sequence[Entry],
    shared: list[str],
    *,
    seed: int,
    n_resamples: int,
    done: Callable[[], Any],
) -> dict[str, Means]:
    """Average the scores of every model over the same references, each category alike.

    Parameters
    ----------
    entries : sequence of Entry
        The models.
    shared : list of str
        The references.
    seed : int
        Of the resampling.
    n_resamples : int
        Bootstrap samples.
    done : callable
        Is called after each model.

    Returns
    -------
    dict of str to Means
        By similarity and by skill.
    """
    names = [entry.name for entry in entries]
    tables = [entry.comparison.set_index("reference").loc[shared] for entry in entries]
    weights = _weights(tables[0])
    floors = tables[0]["floor"].to_numpy(dtype=np.float64)
    scores = np.stack([table["similarity"].to_numpy(dtype=np.float64) for table in tables])
    drawn = []
    for entry, table in zip(entries, tables, strict=True):
        drawn.append(_draws(entry, table, shared, seed=seed, n_resamples=n_resamples))
        done()
    draws = np.stack(drawn)
    found = {}
    for by in RANKED_BY:
        if by == "skill":
            scores, draws = ((each - floors) / (1 - floors) for each in (scores, draws))
        found[by] = Means(names, len(shared), scores @ weights, draws @ weights)
    return found


def _weights(table: pd.DataFrame) -> Array:
    """Weigh references so that categories, and properties without one, count the same."""
    group = table["category"].where(table["category"].astype(bool), table["property"])
    size = group.groupby(group).transform("size").to_numpy(dtype=np.float64)
    return np.asarray(1 / size / max(group.nunique(), 1))


def _draws(
    entry: Entry, table: pd.DataFrame, shared: list[str], *, seed: int, n_resamples: int
) -> Array:
    """Similarities in bootstrap samples of the channels, shape (resample, reference)."""
    rng = np.random.default_rng([seed, crc32(entry.name.encode())])
    clusters = clusters_of(entry.units)
    samples = [population(entry.units, reference.load(name), clusters) for name in shared]
    drawn = draw(samples, clusters, rng=rng, n_resamples=n_resamples)
    moved = [
        similarity_draws(sample, draws, score)
        for sample, draws, score in zip(samples, drawn, table["similarity"], strict=True)
    ]
    return np.stack(moved, axis=1) if moved else np.empty((n_resamples, 0))


def ranked(by: str, means: Means) -> pd.DataFrame:
    """Rank the models by their mean score, in the sample and in bootstrap samples.

    Parameters
    ----------
    by : str
        Which score.
    means : Means
        Its means.

    Returns
    -------
    DataFrame, one row per model
        The best first; empty where no reference is shared.
    """
    names, n, scores, draws = means
    # A resample may hold no value of some property: nobody has a rank in it.
    known = draws[:, ~np.isnan(draws).any(axis=0)]
    if not n or not known.size:
        return pd.DataFrame()
    place = 1 + (scores[:, None] < scores).sum(axis=1)
    # Shape (model, model, resample): who is better than whom.
    places = 1 + (known[:, None] < known).sum(axis=1)
    ends = [statistics.interval(score, own) for score, own in zip(scores, draws, strict=True)]
    low, high = np.quantile(places, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1, method="nearest")
    table = pd.DataFrame(
        {
            "by": by,
            "name": names,
            "n_properties": n,
            "score": scores,
            "score_low": [each.low for each in ends],
            "score_high": [each.high for each in ends],
            "rank": place,
            "rank_low": low,
            "rank_high": high,
            **{f"rank_{rank}": (places == rank).mean(axis=1) for rank in range(1, len(names) + 1)},
        }
    )
    return table.sort_values("rank", kind="stable", ignore_index=True)


def differences(scores: pd.DataFrame, ranking: pd.DataFrame) -> pd.DataFrame:
    """Set every model against every later one, reference by reference, and in the mean.

    Parameters
    ----------
    scores : DataFrame
        The comparisons of all models, with the column ``name``.
    ranking : DataFrame
        From `ranked`, by every score; may be empty.

    Returns
    -------
    DataFrame
        As `insilico.runs.side_by_side.SideBySide` has it.
    """
    scores = scores.rename(columns={"median_model": "median"})
    tables = [scores]
    if len(ranking):
        columns = {"score": "", "score_low": "_low", "score_high": "_high"}
        parts = [
            ranking[ranking["by"] == by]
            .set_index("name")[list(columns)]
            .rename(columns={name: f"{by}{ending}" for name, ending in columns.items()})
            for by in RANKED_BY
        ]
        constant = {"property": "mean", "reference": "mean", "units": "1", "category": ""}
        label = f"Mean of {ranking['n_properties'].iloc[0]} properties"
        tables.append(pd.concat(parts, axis=1).reset_index().assign(**constant, label=label))
    rows = pd.concat(tables, ignore_index=True)
    by_name = {name: part.set_index("reference") for name, part in rows.groupby("name", sort=False)}
    pairs = [
        _difference(by_name[first], by_name[second]).assign(first=first, second=second)
        for first, second in combinations(by_name, 2)
    ]
    table = pd.concat(pairs, ignore_index=True)
    # The means are a family of their own, for they are made of the others.
    family = table["property"] == "mean"
    table["p_adjusted"] = table.groupby(family)["p"].transform(statistics.adjusted)
    ends = [f"{name}_difference{end}" for name in DIFFERENT for end in ("", "_low", "_high")]
    words = ["first", "second", "property", "reference", "label", "units"]
    return table[[*words, *ends, "p", "p_adjusted"]]


def _difference(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Differences of two models, reference by reference."""
    both = first.index.intersection(second.index, sort=False)
    first, second = first.loc[both], second.loc[both]
    table = first[["property", "label", "units"]].copy()
    for name in DIFFERENT:
        (a, a_down, a_up), (b, b_down, b_up) = (_reach(part, name) for part in (first, second))
        middle = a - b
        down, up = np.hypot(a_down, b_up), np.hypot(a_up, b_down)
        table[f"{name}_difference"] = middle
        table[f"{name}_difference_low"], table[f"{name}_difference_high"] = (
            middle - down,
            middle + up,
        )
        if name == "similarity":
            table["p"] = _no_difference(middle, np.where(middle > 0, down, up))
    return table.rename_axis("reference").reset_index()


def _reach(table: pd.DataFrame, name: str) -> tuple[Array, Array, Array]:
    """Estimates, and how far their intervals reach down and up."""
    middle, low, high = (
        table[f"{name}{ending}"].to_numpy(dtype=np.float64) for ending in ("", "_low", "_high")
    )
    # A similarity is a mean over resamples, and may lie just outside of a narrow interval.
    return middle, np.maximum(middle - low, 0), np.maximum(high - middle, 0)


def _no_difference(difference: Array, reach: Array) -> Array:
    """Two-sided p-value of a difference whose interval reaches so far towards 0."""
    half = special.ndtri((1 + LEVEL) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.ndtr(-half * np.abs(difference) / reach)
    return np.where(np.isnan(reach), np.nan, np.where(difference == 0, 1.0, p))
