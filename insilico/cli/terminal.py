"""What the command line prints: tables as text, no wider than a terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import xarray as xr

    from insilico.reference import ReferenceDistribution
    from insilico.reference.leaderboard import Standing
    from insilico.runs.results import Results
    from insilico.runs.summary import Middle

__all__ = ["aligned", "benchmark_tables", "comparison_table", "distribution_page", "summary"]

WIDTH = 96

LABEL_WIDTH = 38

BAR_WIDTH = 40

LEGEND = (
    "n: units that respond and have a value. similarity: 1 for the same distribution (normalised "
    "Kolmogorov-Smirnov, as published), and its standard deviation over resamples. ceiling: what "
    "the data reach against themselves. skill: 0 for the best trivial population; top: the skill "
    "of the data against themselves. Of a property that is yes or no, the share of yes is shown in "
    "place of the median."
)

CATEGORY_LEGEND = (
    "raw: mean similarity; ceiled: divided by the ceiling, as the benchmark reports it. Means are "
    "over the properties covered, AlexNet's over the same ones; each category has the same weight. "
    "published: the published ceiling. top: the skill that the ceiling has."
)


def summary(results: "Results") -> str:
    """Say in text what a run found: which model, the comparison, counts and warnings.

    Parameters
    ----------
    results : Results
        Of a run.

    Returns
    -------
    str
    """
    provenance = results.provenance
    return "\n".join(
        [
            *_headline(provenance),
            "",
            comparison_table(results),
            "",
            wrapped(LEGEND),
            "",
            *benchmark_tables(results.comparison),
            *_selected(provenance),
            _counts(results.units),
            *(f"\n{wrapped(warning, 'warning: ')}" for warning in results.warnings),
        ]
    )


def comparison_table(results: "Results") -> str:
    """Lay out a comparison: a block per layer, a group per paper, a row per property.

    Parameters
    ----------
    results : Results
        The run.

    Returns
    -------
    str
        Beside the name of every layer stands that the model is untrained, if it is.
    """
    from insilico.runs.summary import TRAINING, middle

    comparison = results.comparison
    if comparison.empty:
        return "nothing to compare"
    note = TRAINING[results.provenance["trained"]]
    own = results.provenance.get("own_references", {})
    header = ("n", "model", "macaque", "similarity", "ceiling", "skill", "top")
    rows: list[tuple[str, ...]] = []
    for layer, block in comparison.groupby("layer", sort=False):
        title = f"LAYER {layer!s}" if layer else ""
        rows.append((", ".join(filter(None, (title, note))), *header))
        for citation, group in block.groupby("citation", sort=False, dropna=False):
            rows.append((f"{_cited(citation)}, {group['n_reference'].max()} cells",) + ("",) * 7)
            rows += [
                _comparison_row(row, middle(results.units, row, own))
                for row in group.to_dict("records")
            ]
    return _columns(rows, right=range(1, 8))


def benchmark_tables(comparison: pd.DataFrame) -> list[str]:
    """Set a comparison beside what was published with the benchmark: scores, categories, a rank.

    Parameters
    ----------
    comparison : DataFrame
        From `insilico.comparison.table.score`.

    Returns
    -------
    list of str
        Paragraphs, each followed by an empty one; none where no reference belongs to the published
        benchmark.
    """
    from insilico.comparison.published import beside_published, categories, standings

    told = []
    ranks = standings(comparison)
    means = categories(comparison)
    for name, rows in beside_published(comparison).groupby("layer", sort=False):
        layer = str(name)
        told += [
            _published_table(f"PUBLISHED BENCHMARK, {layer}", rows),
            "",
            _category_table(f"CATEGORIES, {layer}", means[means["layer"] == name]),
            "",
            wrapped(CATEGORY_LEGEND),
            "",
        ]
        if layer in ranks:
            told += [wrapped(_rank(layer, ranks[layer])), ""]
    return told


def distribution_page(reference: "ReferenceDistribution") -> str:
    """Show a published distribution: where it comes from, and its histogram.

    Parameters
    ----------
    reference : ReferenceDistribution
        The distribution.

    Returns
    -------
    str
    """
    facts = {
        "name": reference.name,
        "property": reference.property,
        "label": reference.label,
        "units": reference.units,
        "cells": _cells(reference),
        "animal": ", ".join(filter(None, (reference.species, reference.state, reference.area))),
        "which": reference.population,
        "definition": reference.definition,
        "citation": reference.citation,
        "doi": reference.doi,
        "grade": reference.grade,
        "obtained": reference.obtained,
        "caution": reference.caution,
    }
    lines = [wrapped(text, f"{name:<12}") for name, text in facts.items() if text]
    if reference.counts is None:
        return "\n".join([*lines, "", "No numbers are public: only the bins are known."])
    largest = float(reference.counts.max())
    rows: list[tuple[str, ...]] = [("from", "to", "cells", "")]
    for low, high, cells in zip(
        reference.edges[:-1], reference.edges[1:], reference.counts, strict=True
    ):
        bar = "#" * round(BAR_WIDTH * cells / largest)
        rows.append((_number(low), _number(high), _number(cells), bar))
    return "\n".join([*lines, "", _columns(rows, right=range(3))])


def aligned(table: pd.DataFrame) -> str:
    """Lay out a table: numbers to the right, words to the left.

    Parameters
    ----------
    table : DataFrame
        Its column names become the header.

    Returns
    -------
    str

    Examples
    --------
    >>> print(aligned(pd.DataFrame({"layer": ["conv1", "pool"], "calls": [1, 12]})))
    layer  calls
    conv1      1
    pool      12
    """
    rows = [tuple(str(name) for name in table.columns)]
    rows += [tuple(map(str, row)) for row in table.itertuples(index=False)]
    numeric = [i for i, kind in enumerate(table.dtypes) if pd.api.types.is_numeric_dtype(kind)]
    return _columns(rows, right=numeric)


def wrapped(text: str, bullet: str = "") -> str:
    """Break a text into lines, the further ones indented under the first word."""
    return textwrap.fill(text, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet))


def _headline(provenance: Mapping[str, Any]) -> list[str]:
    display = provenance["display"]
    lines = [
        f"{provenance['model']} (weights: {provenance['weights']})",
        f"{', '.join(provenance['layers'])}; {provenance['battery']} battery; "
        f"{display['width_px']} x {display['height_px']} px, {display['degrees']:g} deg; "
        f"normalisation {provenance['normalisation']}; seed {provenance['seed']}",
    ]
    return [wrapped(line) for line in lines]


def _counts(units: "xr.Dataset") -> str:
    n_units = units.sizes["unit"]
    responding = units["responsive"].sum("unit").to_series()
    told = ", ".join(f"{name} {number}" for name, number in responding.items())
    return wrapped(f"{n_units} units recorded; of these respond: {told}")


def _published_table(title: str, comparison: pd.DataFrame) -> str:
    """Raw scores, and all that they are read beside."""
    header = ("raw", "AlexNet", "ceiling", "published", "floor", "skill", "top")
    names = (
        "similarity",
        "alexnet",
        "ceiling",
        "published_ceiling",
        "floor",
        "skill",
        "ceiling_skill",
    )
    rows: list[tuple[str, ...]] = [(title, *header)]
    rows += [
        (f"  {_shortened(str(row['label']))}", *(_number(row[name], 2) for name in names))
        for row in comparison.to_dict("records")
    ]
    return _columns(rows, right=range(1, len(header) + 1))


def _category_table(title: str, scores: pd.DataFrame) -> str:
    rows = [(title, "raw", "ceiled", "AlexNet, raw", "properties covered")]
    rows += [
        (
            f"  {row['category'].replace('_', ' ')}",
            *(_number(row[name], 2) for name in ("similarity", "ceiled", "alexnet")),
            row["coverage"],
        )
        for row in scores.to_dict("records")
    ]
    return _columns(rows, right=range(1, 5))


def _rank(layer: str, standing: "Standing") -> str:
    return (
        f"{layer} would stand at place {standing.rank} among the {standing.n} models of the public "
        f"leaderboard of May 2025, ranked on the same properties ({standing.coverage}): "
        f"{standing.score:.2f} ceiled; their median is {standing.median:.2f}, the best "
        f"{standing.best:.2f}. Each model there is scored on the layer that it committed to V1."
    )


def _selected(provenance: Mapping[str, Any]) -> list[str]:
    """How many of the candidate units were kept, where the battery selects."""
    if provenance.get("selected") is None:
        return []
    kept = f"{provenance['selected']} of {provenance['candidates']} candidate units"
    return [wrapped(f"{kept} have their receptive field where the stimuli are, and were kept")]


def _comparison_row(row: Mapping[Any, Any], middle: "Middle") -> tuple[str, ...]:
    unit = "" if row["units"] in ("", "1") else f" ({row['units']})"
    label = _shortened(f"{row['label']}{unit}")
    score = _number(row["similarity"], 2)
    # Resamples of one unit are that unit: they say nothing of how sure its score is.
    if score != "-" and row["n_defined"] > 1:
        score += f" ±{row['similarity_error']:.2f}"
    return (
        f"  {label}",
        str(row["n_defined"]),
        *((_share if middle.share else _number)(each) for each in middle[:2]),
        score,
        _number(row["ceiling"], 2),
        _number(row["skill"], 2),
        _number(row["ceiling_skill"], 2),
    )


def _shortened(label: str) -> str:
    """Leave out words of a long label, but not the last ones, which tell it from others."""
    if len(label) <= LABEL_WIDTH:
        return label
    words = label.split()
    ends = [
        " ".join([*words[:first], "...", *words[last:]])
        for first in range(len(words) - 1, 0, -1)
        for last in range(first + 1, len(words))
    ]
    fitting = [each for each in ends if len(each) <= LABEL_WIDTH]
    return max(
        fitting, key=lambda each: len(each.split()), default=f"{label[: LABEL_WIDTH - 4]} ..."
    )


def _number(value: float, decimals: int | None = None) -> str:
    """Write a number with three digits, or with so many decimals; a dash for what is undefined."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "-"


def _cited(citation: object) -> str:
    from insilico.runs.summary import short_citation

    return short_citation(citation) if citation and isinstance(citation, str) else "of your own"


def _cells(reference: "ReferenceDistribution") -> str:
    without = reference.undefined
    return f"{reference.n}" + (f", {without:g} of them without a value" if without > 0 else "")


def _columns(rows: Sequence[tuple[str, ...]], *, right: "range | list[int]") -> str:
    # A heading that stands alone in its row reaches over all columns.
    filled = [row for row in rows if any(row[1:]) or len(row) == 1]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return "\n".join(
        "  ".join(
            word.rjust(width) if i in right else word.ljust(width)
            for i, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
