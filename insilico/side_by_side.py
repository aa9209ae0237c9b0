"""Several models, layers or training seeds side by side: scores, differences, and a ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import special

from insilico import reference, statistics
from insilico.compare import compare
from insilico.errors import UserError
from insilico.evidence import evidence
from insilico.results import Results, open_results
from insilico.sample import clusters_of, draw, population

__all__ = ["RANKED_BY", "SideBySide", "compare_runs", "open_runs", "without_recordings"]

Array = npt.NDArray[np.float64]

RANKED_BY = ("similarity", "skill")
DIFFERENT = ("similarity", "skill", "median")
LEVEL = 0.95

# Fewer runs say little about how runs differ (docs/statistics.md).
FEW_RUNS = 10

# Two runs that have all of these in common are two training seeds of one model.
SAME_MODEL = ("model", "layer", "trained", "degrees", "pixels")

UNTRAINED = " (untrained)"


@dataclass(frozen=True)
class SideBySide:
    """What several runs of one battery look like beside one another.

    Parameters
    ----------
    battery : str
        The battery of all runs.
    models : DataFrame, one row per model and layer
        ``name``, under which the other tables have it; ``model``, ``layer``, ``weights``,
        ``weights_hash``, ``trained``, ``degrees``, ``pixels``, ``n_runs`` and ``n_units``.
    scores : DataFrame, one row per model and reference
        ``name`` and the columns of `insilico.compare.compare`.
    differences : DataFrame, one row per pair of models and reference
        ``first`` less ``second``: ``similarity_difference``, ``skill_difference`` and
        ``median_difference`` with 95 % intervals; ``p`` of no difference in similarity, and
        ``p_adjusted`` for all pairs and properties. Rows of the property "mean" hold the mean
        score.
    ranking : DataFrame, one row per model and score
        ``by`` similarity or skill: the mean ``score`` with its interval; its ``rank``, the 95 %
        interval of the rank, and the probability of each rank, ``rank_1`` and so on.
    seed : int
        Of the resampling.
    warnings : tuple of str
        What a reader must know before believing a number.
    """

    battery: str
    models: pd.DataFrame
    scores: pd.DataFrame = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    ranking: pd.DataFrame = field(repr=False)
    seed: int = 0
    warnings: tuple[str, ...] = ()


class _Part(NamedTuple):
    """One layer of one run."""

    title: str
    results: Results
    units: xr.Dataset
    record: dict[str, Any]


class _Entry(NamedTuple):
    """One column of the tables: a layer of a model, of one run or of several seeds."""

    name: str
    units: xr.Dataset
    comparison: pd.DataFrame
    record: dict[str, Any]


def compare_runs(
    runs: Sequence[Results] | Mapping[str, Results],
    *,
    seeds: str = "apart",
    seed: int = 0,
    n_resamples: int = 1000,
) -> SideBySide:
    """Set runs of one battery side by side, layer by layer.

    Parameters
    ----------
    runs : sequence of Results, or mapping of str to Results
        The runs, each with any number of layers. The names of a mapping are used where the name of
        the model, its layer, its training and its degrees do not tell two runs apart.
    seeds : {"apart", "together"}
        Whether runs of the same model, layer, display and state of training, whose weights differ,
        stand for themselves, or are training seeds of one model. Together, their units form one
        population, and intervals are over runs first, and channels within them.
    seed : int
        Of the resampling.
    n_resamples : int
        Bootstrap samples.

    Returns
    -------
    SideBySide

    Raises
    ------
    UserError
        If the runs cannot be compared: fewer than two models or layers, different batteries, the
        same run twice.

    Notes
    -----
    Scores of a single run are those of the run itself. The interval of a difference is made of the
    intervals of the two that are compared (Zou & Donner 2008), and its p-value of how far it
    reaches towards 0: it is below 0.05 where the interval leaves 0 out. The macaque data are held
    fixed. Means, and with them the ranking, are over the references for which every model has a
    score on five channels or more; categories of the published benchmark have the same weight,
    and so have properties without a category.

    References
    ----------
    Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a general
    approach. Stat Med 27:1693-1702, doi:10.1002/sim.3095.

    Examples
    --------
    >>> side = compare_runs([run_a, run_b])  # doctest: +SKIP
    >>> side.ranking[["name", "score", "rank"]]  # doctest: +SKIP
    """
    if seeds not in ("apart", "together"):
        raise UserError(f"seeds must be 'apart' or 'together'; got {seeds!r}.")
    given = isinstance(runs, Mapping)
    named = (
        dict(runs)
        if isinstance(runs, Mapping)
        else {f"run {number}": results for number, results in enumerate(runs, start=1)}
    )
    battery = _check_runs(named)
    parts = _parts(named)
    groups = _together(parts) if seeds == "together" else [[part] for part in parts]
    if len(groups) < 2:
        raise UserError(
            "side by side are at least two models or layers; "
            + (
                "these runs are seeds of one model. Give another model, or leave them apart."
                if len(parts) > 1
                else f"there is one run of one layer, {parts[0].record['layer']}. Give another run."
            )
        )
    notes: list[str] = []
    foreign = _own_that_differ(named, notes)
    entries = [
        _entry(name, group, foreign, notes, seed=seed, n_resamples=n_resamples)
        for name, group in zip(_names(groups, given), groups, strict=True)
    ]
    if not any(entry.comparison["similarity"].notna().any() for entry in entries):
        raise UserError(
            "none of these runs has a score: nothing in them was compared with macaque V1. Run a "
            "battery that names references."
        )
    scores = pd.concat(
        [entry.comparison.assign(name=entry.name) for entry in entries], ignore_index=True
    )
    scores = scores[["name", *scores.columns.drop("name")]]
    means = _means(entries, _shared(entries), seed=seed, n_resamples=n_resamples)
    ranking = pd.concat([_ranked(by, *means[by]) for by in RANKED_BY], ignore_index=True)
    if ranking.empty:
        notes.append("no property has a score in every model, so there is no mean and no ranking")
    return SideBySide(
        battery=battery,
        models=pd.DataFrame(
            [
                {
                    "name": entry.name,
                    **{key: value for key, value in entry.record.items() if key != "own"},
                    "n_units": entry.units.sizes["unit"],
                }
                for entry in entries
            ]
        ),
        scores=scores,
        differences=_differences(scores, ranking),
        ranking=ranking,
        seed=seed,
        warnings=(*_cautions(entries), *dict.fromkeys(notes)),
    )


def open_runs(folders: Sequence[Path | str]) -> dict[str, Results]:
    """Open the folders of runs that are to be compared, without their recordings.

    Parameters
    ----------
    folders : sequence of path
        What `insilico run` or `Results.save` wrote.

    Returns
    -------
    dict of str to Results
        By folder.

    Raises
    ------
    UserError
        If a folder is given twice, or holds no results.
    """
    runs: dict[str, Results] = {}
    for folder in map(Path, folders):
        if any(folder.resolve() == Path(known).resolve() for known in runs):
            raise UserError(f"{folder} is given twice. Give each run once.")
        try:
            runs[str(folder)] = without_recordings(open_results(folder))
        except UserError:
            raise
        except (KeyError, ValueError) as error:
            raise UserError(
                f"{folder} cannot be read as results ({error}): its files are damaged, or were not "
                "written by `insilico run`. Do the run again."
            ) from error
    return runs


def without_recordings(results: Results) -> Results:
    """Keep of a run only what is compared, for recordings and curves are large."""
    return replace(results, recordings={}, curves={})


def _check_runs(runs: Mapping[str, Results]) -> str:
    """Refuse runs that cannot stand side by side, and return their battery."""
    if not runs:
        raise UserError("side by side are at least two models or layers; no run was given.")
    batteries = {results.battery: title for title, results in runs.items()}
    if len(batteries) > 1:
        told = ", ".join(f"{name} ({title})" for name, title in batteries.items())
        raise UserError(
            f"runs side by side must be of one battery; got {told}. Do the runs again with one."
        )
    for (one, first), (other, second) in combinations(runs.items(), 2):
        same = all(
            first.provenance.get(key) == second.provenance.get(key) for key in ("model", "display")
        )
        if same and first.units.identical(second.units):
            raise UserError(f"{one} and {other} hold the same run. Give each run once.")
    return next(iter(batteries))


def _parts(runs: Mapping[str, Results]) -> list[_Part]:
    parts = []
    for title, results in runs.items():
        layers = results.units["layer"].to_numpy().astype(str)
        for layer in pd.unique(layers):
            units = results.units.isel(unit=np.flatnonzero(layers == layer))
            screen = results.provenance.get("display", {})
            record = {
                "model": str(results.provenance.get("model", title)),
                "layer": str(layer),
                "weights": str(results.provenance.get("weights", "")),
                "weights_hash": str(results.provenance.get("weights_hash", "")),
                "trained": results.provenance.get("trained"),
                "degrees": float(screen.get("degrees", np.nan)),
                "pixels": screen.get("width_px"),
                "n_runs": 1,
            }
            parts.append(_Part(title, results, units, record))
    if not parts:
        raise UserError("none of these runs recorded a unit. Run them with other layers or sites.")
    return parts


def _together(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Group the layers of training seeds of one model."""
    groups: dict[tuple[Any, ...], list[_Part]] = {}
    for part in parts:
        groups.setdefault(tuple(str(part.record[key]) for key in SAME_MODEL), []).append(part)
    for group in groups.values():
        seen: dict[str, str] = {}
        for part in group:
            twin = seen.setdefault(part.record["weights_hash"], part.title)
            if twin != part.title:
                raise UserError(
                    f"{twin} and {part.title} have the same weights, so they are no two training "
                    "seeds. Give one of them, or leave seeds apart."
                )
    return list(groups.values())


def _names(groups: Sequence[Sequence[_Part]], given: bool) -> list[str]:
    """Call each group by its model and layer, and by whatever else it takes to tell them apart."""
    first = [group[0] for group in groups]
    names = [
        f"{part.record['model']} {part.record['layer']}"
        + (UNTRAINED if part.record["trained"] is False else "")
        for part in first
    ]
    titles = [part.title for part in first]
    further = (
        [f"{part.record['degrees']:g} deg" for part in first],
        titles if given else [part.record["weights"] for part in first],
        [f"weights {part.record['weights_hash'][:8]}" for part in first],
        titles,
    )
    for words in further:
        shared = pd.Series(words).groupby(names).transform("nunique") > 1
        names = [
            f"{name}, {word}" if tell else name
            for name, word, tell in zip(names, words, shared, strict=True)
        ]
    return names


def _own_that_differ(runs: Mapping[str, Results], notes: list[str]) -> set[str]:
    """Find names under which runs were compared with different distributions."""
    own = [dict(results.provenance.get("own_references", {})) for results in runs.values()]
    names = {name for each in own for name in each}
    foreign = {name for name in names if len({each.get(name) for each in own}) > 1}
    if foreign:
        notes.append(
            f"left out, for the runs were compared with different distributions of that name: "
            f"{', '.join(sorted(foreign))}"
        )
    return foreign


def _entry(
    name: str,
    group: Sequence[_Part],
    foreign: set[str],
    notes: list[str],
    *,
    seed: int,
    n_resamples: int,
) -> _Entry:
    results, units, record = group[0].results, group[0].units, group[0].record
    table = results.comparison
    if len(table):
        table = table[table["layer"].astype(str) == record["layer"]]
    table = table.reindex(columns=[*table.columns.union(["reference", "similarity"], sort=False)])
    own = set(results.provenance.get("own_references", {}))
    if len(group) > 1:
        units = xr.concat(
            [
                part.units.assign_coords(run=("unit", np.full(part.units.sizes["unit"], number)))
                for number, part in enumerate(group)
            ],
            dim="unit",
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="exact",
            combine_attrs="override",
        )
        hashes = sorted(part.record["weights_hash"][:8] for part in group)
        record = record | {
            "n_runs": len(group),
            "weights": f"{len(group)} runs",
            "weights_hash": ", ".join(hashes),
        }
        if own:
            notes.append(f"{name}: distributions of the user's own are not compared over seeds")
    if len(group) > 1 or "similarity_low" not in table:
        known = [each for each in table["reference"] if each in reference.names()]
        known = [each for each in known if each not in own]
        table = compare(units, known, seed=seed, n_resamples=n_resamples)
    table = table[~table["reference"].isin(foreign)]
    record = record | {"own": tuple(sorted(own))}
    return _Entry(name, units, table.reset_index(drop=True), record)


def _cautions(entries: Sequence[_Entry]) -> list[str]:
    """Say what is unequal about the models."""
    told = []
    untrained = [entry.name for entry in entries if entry.record["trained"] is False]
    if untrained:
        told.append(f"UNTRAINED, with random weights: {', '.join(untrained)}")
    unknown = [entry.name for entry in entries if entry.record["trained"] is None]
    if unknown:
        told.append(f"it is not known whether these were trained: {', '.join(unknown)}")
    if len({entry.record["degrees"] for entry in entries}) > 1:
        told.append(
            "the visual fields differ in degrees; preferred spatial frequencies and all sizes "
            "scale with that assumption"
        )
    few = [entry for entry in entries if 1 < entry.record["n_runs"] < FEW_RUNS]
    told += [
        f"{entry.name}: {entry.record['n_runs']} runs say little about how runs differ, and the "
        "intervals are too narrow"
        for entry in few
    ]
    return told


def _shared(entries: Sequence[_Entry]) -> list[str]:
    """List the published references for which every model has a score and an interval."""
    shared = list(entries[0].comparison["reference"])
    for entry in entries:
        table = entry.comparison
        scored = table["similarity"].notna() & table["similarity_low"].notna()
        scored &= ~table["reference"].isin(entry.record["own"])
        scored &= table["reference"].isin(reference.names())
        known = set(table.loc[scored, "reference"])
        shared = [name for name in shared if name in known]
    return shared


class _Means(NamedTuple):
    """Mean scores: of each model, shape (model,), and in bootstrap samples, (model, resample)."""

    names: list[str]
    n_properties: int
    scores: Array
    draws: Array


def _means(
    entries: Sequence[_Entry], shared: list[str], *, seed: int, n_resamples: int
) -> dict[str, _Means]:
    names = [entry.name for entry in entries]
    tables = [entry.comparison.set_index("reference").loc[shared] for entry in entries]
    weights = _weights(tables[0])
    floors = tables[0]["floor"].to_numpy(dtype=np.float64)
    scores = np.stack([table["similarity"].to_numpy(dtype=np.float64) for table in tables])
    draws = np.stack(
        [
            _draws(entry, table, shared, seed=seed, n_resamples=n_resamples)
            for entry, table in zip(entries, tables, strict=True)
        ]
    )
    found = {}
    for by in RANKED_BY:
        if by == "skill":
            scores, draws = ((each - floors) / (1 - floors) for each in (scores, draws))
        found[by] = _Means(names, len(shared), scores @ weights, draws @ weights)
    return found


def _weights(table: pd.DataFrame) -> Array:
    """Weigh references so that categories, and properties without one, count the same."""
    group = table["category"].where(table["category"].astype(bool), table["property"])
    size = group.groupby(group).transform("size").to_numpy(dtype=np.float64)
    return np.asarray(1 / size / max(group.nunique(), 1))


def _draws(
    entry: _Entry, table: pd.DataFrame, shared: list[str], *, seed: int, n_resamples: int
) -> Array:
    """Similarities in bootstrap samples of the channels, shape (resample, reference)."""
    rng = np.random.default_rng([seed, crc32(entry.name.encode())])
    clusters = clusters_of(entry.units)
    samples = [population(entry.units, reference.load(name), clusters) for name in shared]
    drawn = draw(samples, clusters, rng=rng, n_resamples=n_resamples)
    moved = [
        evidence(sample, draws, score=score, floor=floor, rng=rng)[1]
        for sample, draws, score, floor in zip(
            samples, drawn, table["similarity"], table["floor"], strict=True
        )
    ]
    return np.stack(moved, axis=1) if moved else np.empty((n_resamples, 0))


def _ranked(by: str, names: list[str], n: int, scores: Array, draws: Array) -> pd.DataFrame:
    """Rank the models by their mean score, in the sample and in bootstrap samples."""
    if not n:
        return pd.DataFrame()
    place = 1 + (scores[:, None] < scores).sum(axis=1)
    # Shape (model, model, resample): who is better than whom.
    places = 1 + (draws[:, None] < draws).sum(axis=1)
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


def _differences(scores: pd.DataFrame, ranking: pd.DataFrame) -> pd.DataFrame:
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
