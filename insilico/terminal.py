"""What the command line prints: tables as text, no wider than a terminal."""

import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from insilico.reference import ReferenceDistribution
    from insilico.results import Results

__all__ = ["aligned", "comparison_table", "distribution_page", "summary"]

WIDTH = 96

LABEL_WIDTH = 44

BAR_WIDTH = 40

LEGEND = (
    "n: units that respond and have a value. similarity: 1 for the same distribution (normalised "
    "Kolmogorov-Smirnov, as published), and its standard deviation over resamples. ceiling: what "
    "the data reach against themselves. skill: 0 for the best trivial population, 1 for the same "
    "distribution."
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
            comparison_table(results.comparison, note=_training(provenance)),
            "",
            wrapped(LEGEND),
            "",
            _counts(results.units),
            *(f"\n{wrapped(warning, 'warning: ')}" for warning in results.warnings),
        ]
    )


def comparison_table(comparison: pd.DataFrame, *, note: str = "") -> str:
    """Lay out a comparison: a block per layer, a group per paper, a row per property.

    Parameters
    ----------
    comparison : DataFrame
        From `insilico.compare.compare`.
    note : str
        Set beside the name of every layer.

    Returns
    -------
    str
    """
    if comparison.empty:
        return "nothing to compare"
    header = ("n", "model", "macaque", "similarity", "ceiling", "skill")
    rows: list[tuple[str, ...]] = []
    for layer, block in comparison.groupby("layer", sort=False):
        title = f"LAYER {layer!s}" if layer else ""
        rows.append((", ".join(filter(None, (title, note))), *header))
        for citation, group in block.groupby("citation", sort=False, dropna=False):
            rows.append((f"{_short(citation)}, {group['n_reference'].max()} cells",) + ("",) * 6)
            rows += [_comparison_row(row) for row in group.to_dict("records")]
    return _columns(rows, right=range(1, 7))


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


def _training(provenance: Mapping[str, Any]) -> str:
    return {True: "", False: "UNTRAINED", None: "TRAINING UNKNOWN"}[provenance["trained"]]


def _counts(units: xr.Dataset) -> str:
    n_units = units.sizes["unit"]
    responding = units["responsive"].sum("unit").to_series()
    told = ", ".join(f"{name} {number}" for name, number in responding.items())
    return wrapped(f"{n_units} units recorded; of these respond: {told}")


def _comparison_row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    unit = "" if row["units"] in ("", "1") else f" ({row['units']})"
    label = textwrap.shorten(f"{row['label']}{unit}", LABEL_WIDTH - 2, placeholder=" ...")
    score = _number(row["similarity"], 2)
    if score != "-":
        score += f" ±{row['similarity_error']:.2f}"
    return (
        f"  {label}",
        str(row["n_defined"]),
        _number(row["median_model"]),
        _number(row["median_reference"]),
        score,
        _number(row["ceiling"], 2),
        _number(row["skill"], 2),
    )


def _number(value: float, decimals: int | None = None) -> str:
    """Write a number with three digits, or with so many decimals; a dash for what is undefined."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"


def _short(citation: object) -> str:
    """Shorten a citation to authors and year."""
    found = re.match(r".*?\(\d{4}\w?\)", citation) if isinstance(citation, str) else None
    return found[0] if found else str(citation or "of your own")


def _cells(reference: "ReferenceDistribution") -> str:
    without = reference.undefined
    return f"{reference.n}" + (f", {without:g} of them without a value" if without > 0 else "")


def _columns(rows: list[tuple[str, ...]], *, right: "range | list[int]") -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            word.rjust(width) if i in right else word.ljust(width)
            for i, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
