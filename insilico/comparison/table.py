"""The table of comparisons: each property of each layer beside each published distribution."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.comparison import statistics
from insilico.comparison.ceilings_and_floors import ceiling, floors, skill
from insilico.comparison.intervals import evidence, similarity_draws
from insilico.comparison.population import Population, clusters_of, counting, draw, population
from insilico.comparison.similarity import Similarity, similarity
from insilico.errors import UserError
from insilico.reference import CATEGORIES, MARQUES2020, ReferenceDistribution, load

__all__ = ["WORDS", "Comparison", "category_scores", "score", "score_all"]

COLUMNS = (
    "property",
    "reference",
    "label",
    "units",
    "n_recorded",
    "n_responsive",
    "n_defined",
    "n_reference",
    "median_model",
    "median_reference",
    "similarity",
    "similarity_error",
    "ceiling",
    "ceiled",
    "floor",
    "skill",
    "ceiling_skill",
    "category",
    "citation",
    "doi",
    "n_channels",
    "n_undefined",
    "why_undefined",
    "median_low",
    "median_high",
    "similarity_low",
    "similarity_high",
    "skill_low",
    "skill_high",
    "matched_ceiling",
    "matched_ceiling_low",
    "matched_ceiling_high",
    "ks",
    "ks_low",
    "ks_high",
    "ks_interval",
    "p",
    "p_adjusted",
    "wasserstein",
    "wasserstein_low",
    "wasserstein_high",
    "wasserstein_interval",
    "effect_size",
    "effect_size_low",
    "effect_size_high",
    "ks_margin",
    "equivalence",
    "shuffle_floor",
)

# Those of words; an empty word is a word.
WORDS = (
    "reference",
    "label",
    "units",
    "category",
    "citation",
    "doi",
    "why_undefined",
    "ks_interval",
    "wasserstein_interval",
    "equivalence",
)


class Comparison(NamedTuple):
    """Properties, one row per layer and reference; categories, one row per layer and category."""

    properties: pd.DataFrame
    categories: pd.DataFrame


def score(
    units: xr.Dataset,
    references: Iterable[str | ReferenceDistribution],
    *,
    seed: int = 0,
    n_resamples: int = 1000,
) -> pd.DataFrame:
    """Compare the units of each layer with published distributions.

    Parameters
    ----------
    units : Dataset, dim "unit"
        One variable per property, labelled by ``long_name`` and ``units``; the coordinate
        ``layer``. Where there is a variable ``responsive``, dims ("unit", "protocol"), a unit
        counts only if it responded in the protocol that the property names in its attribute
        ``protocol``.
    references : iterable of str or ReferenceDistribution
        Names, or distributions of your own.
    seed : int
        Of the resampling. But for ``p_adjusted``, a row depends on the seed, its units and its
        reference alone, not on what else is compared.
    n_resamples : int
        Populations drawn for each score and each ceiling.

    Returns
    -------
    DataFrame, one row per layer and reference
        ``n_recorded`` units, of which ``n_responsive`` count and ``n_defined`` have a value;
        ``n_reference`` cells; the medians; ``similarity`` and its ``similarity_error`` over
        resamples; the ``ceiling``, and ``ceiled`` = similarity / ceiling; the ``floor`` of trivial
        populations, the ``skill`` above it, and ``ceiling_skill``, the skill of the data against
        themselves. NaN where no unit counts or where the reference has no public numbers; medians
        of circular properties are NaN. The further columns say how sure all this is; see Notes.

    Notes
    -----
    The channel is the sampling unit, and of several runs (coordinate ``run``) the run is the outer
    one; ``n_channels`` have a value. Columns that end in ``_low`` and ``_high`` are 95 % intervals,
    NaN below five channels. docs/statistics.md explains each statistic.

    - ``n_undefined`` units respond and have no value; ``why_undefined`` says what makes it so.
    - ``matched_ceiling``: similarity that as few macaque cells as there are channels would get, and
      the range of 95 % of such samples.
    - ``ks``: Kolmogorov-Smirnov distance on the bins; ``p``, exact, of one unit of each channel;
      ``p_adjusted`` for the number of rows of the layer (Benjamini-Hochberg).
    - ``wasserstein``: distance in the units of the property. ``ks_interval`` and
      ``wasserstein_interval`` say how the intervals were made: ``bootstrap``, or ``bound`` where
      the distance is too near to 0 for one.
    - ``effect_size``: Cliff's delta, above 0 where units have larger values than cells.
    - ``equivalence``: ``equivalent`` where the interval of ``ks`` lies below ``ks_margin``, the
      distance that two macaque samples of that size stay below in 95 % of cases.
    - ``shuffle_floor``: median of a selectivity index of the same units, their responses shuffled.
    """
    return score_all(units, references, seed=seed, n_resamples=n_resamples).properties


def score_all(
    units: xr.Dataset,
    references: Iterable[str | ReferenceDistribution],
    *,
    seed: int = 0,
    n_resamples: int = 1000,
    shuffled: Mapping[str, xr.DataArray] | None = None,
) -> Comparison:
    """Compare as `score` does, and average into categories, with intervals.

    Parameters
    ----------
    units, references, seed, n_resamples
        As for `score`.
    shuffled : mapping of str to DataArray, dims ("unit", "shuffle")
        Selectivity indices of the same units with their responses shuffled, by the name of the
        property: see `insilico.comparison.statistics.shuffled`.

    Returns
    -------
    Comparison
        ``properties`` as `score` returns it; ``categories`` as `category_scores` does, and
        ``similarity_low`` and ``similarity_high``.
    """
    if isinstance(references, str | ReferenceDistribution):
        references = [references]
    loaded = [load(item) if isinstance(item, str) else item for item in references]
    _check_properties(units, loaded)
    layers = units["layer"].to_numpy().astype(str) if "layer" in units else None
    names = pd.unique(layers) if layers is not None and len(layers) else [""]
    contexts = [_context(reference, seed, n_resamples) for reference in loaded]
    rows, categories = [], {}
    for name in names:
        chosen = (
            np.arange(units.sizes["unit"]) if layers is None else np.flatnonzero(layers == name)
        )
        part = units.isel(unit=chosen)
        own = {key: values.isel(unit=chosen) for key, values in (shuffled or {}).items()}
        made, moved = _layer(part, loaded, contexts, own, seed=seed, n_resamples=n_resamples)
        rows += [{"layer": str(name), **row} for row in made]
        categories[str(name)] = moved
    table = pd.DataFrame(rows, columns=["layer", *COLUMNS])
    table["p_adjusted"] = table.groupby("layer")["p"].transform(statistics.adjusted)
    scored = category_scores(table[table["category"] != ""])
    return Comparison(table, _with_intervals(scored, categories))


def category_scores(comparison: pd.DataFrame) -> pd.DataFrame:
    """Average a comparison into the seven categories of the published benchmark, and their mean.

    Parameters
    ----------
    comparison : DataFrame
        As `score` returns it; rows without a category are not scored.

    Returns
    -------
    DataFrame, eight rows per layer
        ``category`` (the last one is "mean"), ``similarity`` and ``ceiled``: the mean of the
        properties that have a score, and for "mean" the mean of the categories that have one, each
        with the same weight. ``covered`` of ``published`` properties have a score, ``coverage``
        says so in words; a category without any is NaN.
    """
    every = pd.Series([load(name).category for name in MARQUES2020]).value_counts()
    tables = []
    for layer, rows in comparison.groupby("layer", sort=False):
        scored = rows.loc[rows["similarity"].notna() & rows["category"].isin(CATEGORIES)]
        groups = scored.groupby("category")
        means = groups[["similarity", "ceiled"]].mean().reindex(list(CATEGORIES))
        means["covered"] = groups.size().reindex(means.index, fill_value=0)
        means["published"] = every.reindex(means.index)
        totals = means[["covered", "published"]].sum()
        means.loc["mean"] = pd.concat([means[["similarity", "ceiled"]].mean(), totals])
        tables.append(means.rename_axis("category").reset_index().assign(layer=layer))
    columns = ["layer", "category", "similarity", "ceiled", "covered", "published", "coverage"]
    if not tables:
        return pd.DataFrame(columns=columns)
    scores = pd.concat(tables, ignore_index=True).astype({"covered": int, "published": int})
    scores["coverage"] = [
        f"{covered} of {published}"
        for covered, published in zip(scores["covered"], scores["published"], strict=True)
    ]
    return scores[columns]


class _Context(NamedTuple):
    """What a score is read against, the same for every layer."""

    ceiling: float
    floor: float
    median: float


def _generator(seed: int, *words: str) -> np.random.Generator:
    """Make a stream that depends on names, not on the order of anything."""
    return np.random.default_rng([seed, *(crc32(word.encode()) for word in words)])


def _context(reference: ReferenceDistribution, seed: int, n_resamples: int) -> _Context:
    if reference.counts is None:
        return _Context(float("nan"), float("nan"), float("nan"))
    best = ceiling(
        reference, rng=_generator(seed, reference.name, "ceiling"), n_resamples=n_resamples
    )
    return _Context(best.mean, floors(reference).floor, reference.median)


def _layer(
    units: xr.Dataset,
    references: Sequence[ReferenceDistribution],
    contexts: Sequence[_Context],
    shuffled: Mapping[str, xr.DataArray],
    *,
    seed: int,
    n_resamples: int,
) -> tuple[list[dict[str, Any]], dict[str, list[npt.NDArray[np.float64]]]]:
    """Rows of one layer; and similarities in bootstrap samples, by category."""
    clusters = clusters_of(units)
    samples = [population(units, reference, clusters) for reference in references]
    drawn = draw(samples, clusters, rng=_generator(seed, "channels"), n_resamples=n_resamples)
    rows: list[dict[str, Any]] = []
    moved: dict[str, list[npt.NDArray[np.float64]]] = {}
    for sample, draws, context in zip(samples, drawn, contexts, strict=True):
        reference = sample.reference
        row = _row(units, sample, context, seed=seed, n_resamples=n_resamples)
        rng = _generator(seed, reference.name, "evidence")
        more = evidence(sample, draws, score=row["similarity"], floor=context.floor, rng=rng)
        floor = _shuffle_floor(units, reference.property, shuffled)
        rows.append({**dict.fromkeys(WORDS, ""), **row, **more, "shuffle_floor": floor})
        if not np.isnan(row["similarity"]):
            scores = similarity_draws(sample, draws, row["similarity"])
            moved.setdefault(reference.category, []).append(scores)
    return rows, moved


def _with_intervals(
    scores: pd.DataFrame, moved: Mapping[str, Mapping[str, list[npt.NDArray[np.float64]]]]
) -> pd.DataFrame:
    """Put intervals beside the means of categories, which share their bootstrap samples."""
    ends = []
    for layer, name, score in scores[["layer", "category", "similarity"]].itertuples(index=False):
        means = {key: np.mean(each, axis=0) for key, each in moved[layer].items() if key}
        draws = means.get(name)
        if name == "mean" and means:
            draws = np.mean(list(means.values()), axis=0)
        ends.append(statistics.interval(score, draws if draws is not None else np.array([])))
    return scores.assign(
        similarity_low=[each.low for each in ends], similarity_high=[each.high for each in ends]
    )


def _shuffle_floor(units: xr.Dataset, name: str, shuffled: Mapping[str, xr.DataArray]) -> float:
    if name not in shuffled:
        return float("nan")
    values = shuffled[name].to_numpy()[counting(units, units[name])]
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _row(
    units: xr.Dataset,
    sample: Population,
    context: _Context,
    *,
    seed: int,
    n_resamples: int,
) -> dict[str, Any]:
    """Compare the units of one layer with one reference."""
    reference = sample.reference
    array = units[reference.property]
    values = array.to_numpy().astype(np.float64)[counting(units, array)]
    defined = values[~np.isnan(values)]
    score = Similarity(float("nan"), float("nan"))
    # The published benchmark scores 0 where no unit has a value. Elsewhere nothing is compared.
    published = bool(reference.category)
    if reference.counts is not None and (len(defined) or published):
        rng = _generator(seed, reference.name)
        score = similarity(values, reference, rng=rng, n_resamples=n_resamples)
    linear = reference.period is None and len(defined) > 0
    return {
        "property": reference.property,
        "reference": reference.name,
        "label": array.attrs.get("long_name", reference.label),
        "units": array.attrs.get("units", reference.units),
        "n_recorded": array.sizes["unit"],
        "n_responsive": len(values),
        "n_defined": len(defined),
        "n_reference": reference.n,
        "median_model": float(np.median(defined)) if linear else float("nan"),
        "median_reference": context.median,
        "similarity": score.mean,
        "similarity_error": score.error,
        "ceiling": context.ceiling,
        "ceiled": score.mean / context.ceiling,
        "floor": context.floor,
        "skill": skill(score.mean, context.floor),
        "ceiling_skill": skill(context.ceiling, context.floor),
        "category": reference.category,
        "citation": reference.citation,
        "doi": reference.doi,
        "why_undefined": array.attrs.get("undefined", ""),
    }


def _check_properties(units: xr.Dataset, references: list[ReferenceDistribution]) -> None:
    """Stop where a reference has nothing to be compared with."""
    present = [str(name) for name, array in units.data_vars.items() if array.dims == ("unit",)]
    for reference in references:
        if reference.property not in present:
            raise UserError(
                f"reference {reference.name!r} is compared with the property "
                f"{reference.property!r}, which the unit table does not have; its properties are "
                f"{', '.join(present) or 'none'}. Leave the reference out, or record the protocol "
                "that measures the property."
            )
