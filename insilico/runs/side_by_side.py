"""Several models, layers or training seeds side by side: scores, differences, and a ranking."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.comparison.phenomena import holds_scorecard, scorecard
from insilico.comparison.table import score
from insilico.errors import UserError
from insilico.runs.compared_layers import (
    Column,
    columns_of,
    made_otherwise,
    names_of,
    seeds_together,
)
from insilico.runs.ranking import (
    RANKED_BY,
    Entry,
    differences,
    mean_scores,
    ranked,
    shared_references,
)
from insilico.runs.results import Results, open_results

__all__ = [
    "SideBySide",
    "compare",
    "compare_runs",
    "open_runs",
    "without_recordings",
]

# Fewer runs say little about how runs differ (docs/statistics.md).
FEW_RUNS = 10

# What a table of comparisons tells of a distribution, whatever the run and its seed.
OWN_CONTENT = ("n_reference", "median_reference", "floor")


@dataclass(frozen=True)
class SideBySide:
    """What several runs look like beside one another.

    Parameters
    ----------
    battery : str
        The battery of all runs, or those of different ones.
    models : DataFrame, one row per model and layer
        ``name``, under which the other tables have it; ``model``, ``layer``, ``weights``,
        ``weights_hash``, ``trained``, ``degrees``, ``pixels``, ``n_runs`` and ``n_units``.
    scores : DataFrame, one row per model and reference
        ``name`` and the columns of `insilico.comparison.table.score`.
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
    phenomena : DataFrame, one row per model and phenomenon
        What `insilico.scorecard` tells of them, where they were measured; ``model`` is the name.
    """

    battery: str
    models: pd.DataFrame
    scores: pd.DataFrame = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    ranking: pd.DataFrame = field(repr=False)
    seed: int = 0
    warnings: tuple[str, ...] = ()
    phenomena: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


def compare_runs(
    runs: Sequence[Results] | Mapping[str, Results],
    *,
    seeds: str = "apart",
    seed: int = 0,
    n_resamples: int = 1000,
    progress: Callable[[float], Any] | None = None,
) -> SideBySide:
    """Set runs side by side, layer by layer.

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
    progress : callable, optional
        Is told now and then how many runs more are done.

    Returns
    -------
    SideBySide

    Raises
    ------
    UserError
        If the runs cannot be compared: fewer than two models or layers, batteries that share
        nothing, the same run twice.

    Notes
    -----
    Runs of different batteries are compared on what they share: the references of properties that
    come from the same protocol with the same definition. Scores of a single run are those of the
    run itself. The interval of a difference is made of the
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
    if seeds == "together" and len({results.battery for results in named.values()}) > 1:
        raise UserError(
            f"training seeds of one model must be of one battery; these runs are of {battery}. "
            "Leave seeds apart, or do the runs again with one battery."
        )
    parts = columns_of(named)
    groups = seeds_together(parts) if seeds == "together" else [[part] for part in parts]
    if len(groups) < 2:
        raise UserError(
            "side by side are at least two models or layers; "
            + (
                "these runs are seeds of one model. Give another model, or leave them apart."
                if len(parts) > 1
                else f"there is one run of one layer, {parts[0].record['layer']}. Give another run."
            )
        )
    notes = made_otherwise(named)
    foreign = _own_that_differ(named, notes) | _not_shared(named, notes)
    # Half for the scores of a column, half for the samples of its mean.
    each = partial(progress or (lambda _: None), len(named) / len(groups) / 2)
    entries = []
    for name, group in zip(names_of(groups, given), groups, strict=True):
        entries.append(_entry(name, group, foreign, notes, seed=seed, n_resamples=n_resamples))
        each()
    if not any(entry.comparison["similarity"].notna().any() for entry in entries):
        raise UserError(
            "none of these runs has a score: nothing in them was compared with macaque V1. Run a "
            "battery that names references."
        )
    scores = pd.concat(
        [entry.comparison.assign(name=entry.name) for entry in entries], ignore_index=True
    )
    scores = scores[["name", *scores.columns.drop("name")]]
    shared = shared_references(entries)
    means = mean_scores(entries, shared, seed=seed, n_resamples=n_resamples, done=each)
    ranking = pd.concat([ranked(by, means[by]) for by in RANKED_BY], ignore_index=True)
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
        differences=differences(scores, ranking),
        ranking=ranking,
        seed=seed,
        warnings=(*_cautions(entries), *dict.fromkeys(notes)),
        phenomena=_phenomena(entries),
    )


def compare(
    *runs: Results | Path | str,
    seeds: Literal["apart", "together"] = "apart",
    seed: int = 0,
) -> SideBySide:
    """Set runs side by side: scores, differences and a ranking, as ``insilico compare`` does.

    Parameters
    ----------
    *runs : Results or path
        Runs, or the folders that they were saved to; every layer in them is a column. Those of
        different batteries are compared on what they share.
    seeds : {"apart", "together"}
        Whether runs of the same model, layer and visual field, whose weights differ, are columns of
        their own, or are training seeds of one model whose units are taken together.
    seed : int
        Of the resampling.

    Returns
    -------
    SideBySide

    Raises
    ------
    UserError
        As `compare_runs`; or if a folder holds no results.

    Examples
    --------
    >>> side = insilico.compare(results_a, results_b)  # doctest: +SKIP
    >>> side = insilico.compare("results/a", "results/b")  # doctest: +SKIP
    """
    named: dict[str, Results] = {}
    for number, run in enumerate(runs, start=1):
        if isinstance(run, Results):
            named[f"run {number}"] = without_recordings(run)
        else:
            named |= open_runs([run])
    if len(named) < len(runs):
        raise UserError("a folder is given twice. Give each run once.")
    return compare_runs(named, seeds=seeds, seed=seed)


def open_runs(
    folders: Sequence[Path | str], *, progress: Callable[[float], Any] | None = None
) -> dict[str, Results]:
    """Open the folders of runs that are to be compared, without their recordings.

    Parameters
    ----------
    folders : sequence of path
        What `insilico run` or `Results.save` wrote.
    progress : callable, optional
        Is told of each that is open.

    Returns
    -------
    dict of str to Results
        By folder.

    Raises
    ------
    UserError
        If a folder is given twice, or holds no results, or damaged ones.
    """
    runs: dict[str, Results] = {}
    for folder in map(Path, folders):
        if any(folder.resolve() == Path(known).resolve() for known in runs):
            raise UserError(f"{folder} is given twice. Give each run once.")
        runs[str(folder)] = without_recordings(open_results(folder))
        if progress is not None:
            progress(1)
    return runs


def without_recordings(results: Results) -> Results:
    """Keep of a run only what is compared, for recordings and curves are large."""
    return replace(results, recordings={}, curves={})


def _check_runs(runs: Mapping[str, Results]) -> str:
    """Refuse runs that cannot stand side by side, and return their battery."""
    if not runs:
        raise UserError("side by side are at least two models or layers; no run was given.")
    for (one, first), (other, second) in combinations(runs.items(), 2):
        same = all(
            first.provenance.get(key) == second.provenance.get(key) for key in ("model", "display")
        )
        if same and first.units.identical(second.units):
            raise UserError(f"{one} and {other} hold the same run. Give each run once.")
    return ", ".join(dict.fromkeys(results.battery for results in runs.values()))


def _not_shared(runs: Mapping[str, Results], notes: list[str]) -> set[str]:
    """Find references that runs of different batteries were not all compared with alike."""
    batteries = {results.battery: title for title, results in runs.items()}
    if len(batteries) == 1:
        return set()
    compared = [_compared(results) for results in runs.values()]
    names = {name for each in compared for name in each}
    foreign = {
        name
        for name in names
        if any(name not in each for each in compared) or len({each[name] for each in compared}) > 1
    }
    told = ", ".join(f"{name} ({title})" for name, title in batteries.items())
    if foreign == names:
        raise UserError(
            f"these runs share nothing that was compared with macaque V1: they are of the "
            f"batteries {told}. Do the runs again with one battery."
        )
    notes.append(
        f"the runs are of different batteries, {told}: they are compared on the "
        f"{len(names) - len(foreign)} of {len(names)} comparisons that all of them hold"
    )
    return foreign


def _compared(results: Results) -> dict[str, tuple[str, ...]]:
    """Say how the property of each reference of a run was measured."""
    table = results.comparison.reindex(columns=["reference", "property"])
    pairs = table.drop_duplicates("reference").itertuples(index=False, name=None)
    return {
        str(name): tuple(
            str(results.units[measured].attrs.get(key, "")) for key in ("protocol", "definition")
        )
        for name, measured in pairs
    }


def _phenomena(entries: Sequence[Entry]) -> pd.DataFrame:
    """Scorecards of the models whose phenomena were measured."""
    tables = {entry.name: entry.units for entry in entries if holds_scorecard(entry.units)}
    return scorecard(tables) if tables else pd.DataFrame()


def _own_that_differ(runs: Mapping[str, Results], notes: list[str]) -> set[str]:
    """Find names under which runs were compared with different distributions."""
    own = [_own_content(results) for results in runs.values()]
    names = {name for each in own for name in each}
    foreign = {name for name in names if len({each.get(name) for each in own}) > 1}
    if foreign:
        notes.append(
            f"left out, for the runs were compared with different distributions of that name: "
            f"{', '.join(sorted(foreign))}"
        )
    return foreign


def _own_content(results: Results) -> dict[str, tuple[str, ...]]:
    """Distributions of the user's own: the file of each, and what follows from its counts."""
    files = results.provenance.get("own_references", {})
    table = results.comparison.reindex(columns=["reference", *OWN_CONTENT])
    table = table.drop_duplicates("reference").set_index("reference").reindex(list(files))
    # What was written to a file and read again may differ in the last digit.
    return {
        name: (files[name], *(f"{value:.10g}" for value in values))
        for name, *values in table.itertuples()
    }


def _entry(
    name: str,
    group: Sequence[Column],
    foreign: set[str],
    notes: list[str],
    *,
    seed: int,
    n_resamples: int,
) -> Entry:
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
        table = score(units, known, seed=seed, n_resamples=n_resamples)
    table = table[~table["reference"].isin(foreign)]
    record = record | {"own": tuple(sorted(own))}
    return Entry(name, units, table.reset_index(drop=True), record)


def _cautions(entries: Sequence[Entry]) -> list[str]:
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
