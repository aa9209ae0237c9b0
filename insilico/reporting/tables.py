"""The columns of the comparison tables: what stands in a cell, and which term explains it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from insilico.reporting.page import NO_VALUE, number, p_value, score

__all__ = ["JOINT", "TABLES", "Column", "Table", "tables"]

Row = Mapping[Any, Any]
Cell = tuple[str, str]  # the number, and what is written small beside it


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    header : str
        What stands over it.
    term : str
        Which of `insilico.reporting.terms.TERMS` explains it.
    cell : callable
        Makes its cell of a row of the comparison.
    """

    header: str
    term: str
    cell: Callable[[Row], Cell]


@dataclass(frozen=True)
class Table:
    """A table of one row per property.

    Parameters
    ----------
    caption : str
        What it shows of a layer.
    needs : str
        A column without which there is no such table: older results have fewer.
    columns : tuple of Column
        From left to right.
    """

    caption: str
    needs: str
    columns: tuple[Column, ...]


def tables(rows: Sequence[Row]) -> list[Table]:
    """Choose the tables that a comparison has the numbers for, without their empty columns.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the comparison, with ``model`` and ``macaque``: the medians in words.

    Returns
    -------
    list of Table
    """
    return [
        replace(
            table,
            columns=tuple(
                column
                for column in table.columns
                if any(column.cell(row)[0] != NO_VALUE for row in rows)
            ),
        )
        for table in TABLES
        if all(table.needs in row for row in rows)
    ]


def _known(row: Row, name: str) -> bool:
    return name in row and bool(np.isfinite(row[name]))


def _between(row: Row, name: str, write: Callable[[float], str]) -> str:
    low, high = f"{name}_low", f"{name}_high"
    if not (_known(row, low) and _known(row, high)):
        return ""
    return f"[{write(row[low])}, {write(row[high])}]"


def _median(row: Row) -> Cell:
    # Where a property is yes or no, shares stand in place of medians.
    return row["model"], "" if "%" in row["model"] else _between(row, "median", number)


def _units(row: Row) -> Cell:
    defined, responsive = row["n_defined"], row["n_responsive"]
    return f"{defined}", f"of {responsive}" if defined != responsive else ""


def _similarity(row: Row) -> Cell:
    if not _known(row, "similarity"):
        return NO_VALUE, ""
    interval = _between(row, "similarity", score)
    if not interval and row["n_defined"] > 1:
        interval = f"\N{PLUS-MINUS SIGN} {score(row['similarity_error'])}"
    return score(row["similarity"]), interval


def _scored(name: str) -> Callable[[Row], Cell]:
    return lambda row: (score(row[name]), _between(row, name, score))


def _distance(name: str, write: Callable[[float], str]) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        bound = row[f"{name}_interval"] == "bound" and _known(row, f"{name}_high")
        if bound and not row[f"{name}_low"] > 0:
            return write(row[name]), f"below {write(row[f'{name}_high'])}"
        return write(row[name]), _between(row, name, write)

    return cell


def _p(row: Row) -> Cell:
    return p_value(row["p_adjusted"]), ""


def _equivalence(row: Row) -> Cell:
    margin = f"margin {score(row['ks_margin'])}" if _known(row, "ks_margin") else ""
    return row["equivalence"] or NO_VALUE, margin


def _pair(row: Row) -> Cell:
    return f"{row['n_units']}", f"on {row['n_channels']} channels"


def _cells_correlation(row: Row) -> Cell:
    if not _known(row, "correlation_reference"):
        return NO_VALUE, ""
    return score(row["correlation_reference"]), f"{row['n_reference']:g} cells"


def _from(row: Row) -> Cell:
    return score(row["distance"]), f"from {row['compared_with']}"


# One row per pair of properties: how they go together in the same units.
JOINT = (
    Column("Units", "units", _pair),
    Column("Rank correlation", "correlation", _scored("correlation")),
    Column("Of the cells", "correlation", _cells_correlation),
    Column("Distance", "joint-distance", _from),
    Column("p, adjusted", "joint-distance", _p),
)

TABLES = (
    Table(
        "beside macaque V1.",
        "similarity",
        (
            Column("Median, model", "median", _median),
            Column("Median, macaque", "median", lambda row: (row["macaque"], "")),
            Column("Units", "units", _units),
            Column("Cells", "cells", lambda row: (f"{row['n_reference']:g}", "")),
            Column("Similarity", "similarity", _similarity),
            Column("Ceiling", "ceiling", lambda row: (score(row["ceiling"]), "")),
            Column("Floor", "floor", lambda row: (score(row["floor"]), "")),
            Column("Skill", "skill", _scored("skill")),
            Column("Top of skill", "skill", lambda row: (score(row["ceiling_skill"]), "")),
        ),
    ),
    Table(
        "and macaque V1: how far apart, and how sure.",
        "n_channels",
        (
            Column("Channels", "channels", lambda row: (f"{row['n_channels']}", "")),
            Column("Matched ceiling", "matched-ceiling", _scored("matched_ceiling")),
            Column("KS distance", "ks", _distance("ks", score)),
            Column("p, adjusted", "p", _p),
            Column("Distance, in its units", "wasserstein", _distance("wasserstein", number)),
            Column("Effect size", "effect-size", _scored("effect_size")),
            Column("Equivalent", "equivalence", _equivalence),
            Column(
                "Median, shuffled", "shuffle-floor", lambda row: (number(row["shuffle_floor"]), "")
            ),
            Column("Without a value", "units", lambda row: (f"{row['n_undefined']}", "")),
        ),
    ),
)
