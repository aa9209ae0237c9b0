"""The table of comparisons: each property of each layer beside each published distribution."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.reference import CATEGORIES, MARQUES2020, ReferenceDistribution, load
from insilico.similarity import Floors, Similarity, ceiling, floors, similarity, skill

__all__ = [
    "Floors",
    "Similarity",
    "category_scores",
    "ceiling",
    "compare",
    "floors",
    "similarity",
    "skill",
]

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
)


def compare(
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
        Of the resampling. A row depends on the seed, its units and its reference alone, not on
        what else is compared.
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
        of circular properties are NaN.
    """
    if isinstance(references, str | ReferenceDistribution):
        references = [references]
    loaded = [load(item) if isinstance(item, str) else item for item in references]
    _check_properties(units, loaded)
    layers = units["layer"].to_numpy().astype(str) if "layer" in units else None
    names = pd.unique(layers) if layers is not None and len(layers) else [""]
    contexts = [_context(reference, seed, n_resamples) for reference in loaded]
    rows = []
    for name in names:
        part = units if layers is None else units.isel(unit=np.flatnonzero(layers == name))
        for reference, context in zip(loaded, contexts, strict=True):
            row = _row(part, reference, context, seed=seed, n_resamples=n_resamples)
            rows.append({"layer": str(name), **row})
    return pd.DataFrame(rows, columns=["layer", *COLUMNS])


def category_scores(comparison: pd.DataFrame) -> pd.DataFrame:
    """Average a comparison into the seven categories of the published benchmark, and their mean.

    Parameters
    ----------
    comparison : DataFrame
        As `compare` returns it; rows without a category are not scored.

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


def _row(
    units: xr.Dataset,
    reference: ReferenceDistribution,
    context: _Context,
    *,
    seed: int,
    n_resamples: int,
) -> dict[str, str | int | float]:
    """Compare the units of one layer with one reference."""
    array = units[reference.property]
    values = array.to_numpy().astype(np.float64)[_counting(units, array)]
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
    }


def _counting(units: xr.Dataset, array: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Say which units responded in the protocol that measured the property."""
    if "responsive" not in units:
        return np.ones(array.sizes["unit"], dtype=bool)
    protocol = array.attrs.get("protocol")
    known = units["responsive"]["protocol"].to_numpy().astype(str).tolist()
    if protocol not in known:
        raise UserError(
            f"property {array.name!r} was measured in protocol {protocol!r}, but 'responsive' is "
            f"known for {known}. Set its attribute 'protocol' to one of them."
        )
    return units["responsive"].sel(protocol=protocol).to_numpy().astype(bool)


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
