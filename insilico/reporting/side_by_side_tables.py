"""The tables of several models side by side in words, as LaTeX, and as Markdown."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from insilico import reference
from insilico.reporting.page import NO_VALUE, number, p_value, score
from insilico.runs.side_by_side import SideBySide

__all__ = ["is_binary", "latex", "markdown", "median_in_words", "readable_tables", "with_ends"]

Row = dict[str, Any]


def readable_tables(side: SideBySide) -> dict[str, pd.DataFrame]:
    """Lay the tables of a comparison out in words.

    Parameters
    ----------
    side : SideBySide
        The comparison.

    Returns
    -------
    dict of str to DataFrame
        ``models``, ``scores``, ``differences`` and ``ranking``, and ``phenomena`` where they were
        measured: numbers with their intervals, for reading.
    """
    models = side.models.astype(object)
    trained = {True: "trained", False: "UNTRAINED", None: "unknown"}
    models = pd.DataFrame(
        {
            "Name": models["name"],
            "Model": models["model"],
            "Layer": models["layer"],
            "Weights": models["weights"],
            "Trained": [trained.get(each, "unknown") for each in models["trained"]],
            "Degrees": [number(float(each)) for each in models["degrees"]],
            "Runs": models["n_runs"],
            "Units": models["n_units"],
        }
    )
    return {
        "models": models,
        "scores": _score_table(side),
        "differences": _difference_table(side.differences),
        "ranking": _ranking_table(side.ranking),
        **({"phenomena": _phenomena_table(side.phenomena)} if len(side.phenomena) else {}),
    }


def _phenomena_table(card: pd.DataFrame) -> pd.DataFrame:
    rows: dict[int, Row] = {}
    for row in card.to_dict("records"):
        cells = rows.setdefault(
            row["number"], {"Number": row["number"], "Phenomenon": row["phenomenon"]}
        )
        share = with_ends(row, "share", score)
        cells[str(row["model"])] = share if row["shown"] != "not measured" else "not measured"
        # The last column: models that come later would move behind it.
        cells["Linear control"] = cells.pop("Linear control", score(row["control"]))
    return pd.DataFrame(list(rows.values()))


def _score_table(side: SideBySide) -> pd.DataFrame:
    rows: dict[str, Row] = {}
    for row in side.scores.to_dict("records"):
        name = str(row["name"])
        cells = rows.setdefault(row["reference"], {"Property": row["label"]})
        cells[f"{name}: similarity"] = with_ends(row, "similarity", score)
        cells[f"{name}: skill"] = score(row["skill"])
    return pd.DataFrame(rows.values()).fillna(NO_VALUE)


def _difference_table(differences: pd.DataFrame) -> pd.DataFrame:
    rows = differences.to_dict("records")
    return pd.DataFrame(
        {
            "First": differences["first"],
            "Second": differences["second"],
            "Property": differences["label"],
            "Similarity": [with_ends(row, "similarity_difference", score) for row in rows],
            "p, adjusted": [p_value(row["p_adjusted"]) for row in rows],
            "Skill": [with_ends(row, "skill_difference", score) for row in rows],
            "Median": [_median_difference(row) for row in rows],
        }
    )


def _ranking_table(ranking: pd.DataFrame) -> pd.DataFrame:
    if ranking.empty:
        return pd.DataFrame(columns=["By", "Name", "Mean", "Rank"])
    rows = ranking.to_dict("records")
    ranks = range(1, ranking["name"].nunique() + 1)
    return pd.DataFrame(
        {
            "By": ranking["by"],
            "Name": ranking["name"],
            "Mean": [with_ends(row, "score", score) for row in rows],
            "Rank": [f"{row['rank']} [{row['rank_low']:g}, {row['rank_high']:g}]" for row in rows],
            **{f"P(rank {rank})": [f"{row[f'rank_{rank}']:.3f}" for row in rows] for rank in ranks},
        }
    )


def with_ends(row: Mapping[Any, Any], name: str, write: Callable[[float], str]) -> str:
    """Write a number of a row with the interval around it, if there is one."""
    low, high = row.get(f"{name}_low", np.nan), row.get(f"{name}_high", np.nan)
    text = write(row[name])
    return text if np.isnan([low, high]).any() else f"{text} [{write(low)}, {write(high)}]"


def is_binary(name: str) -> bool:
    """Whether a published property is yes or no, and has no median."""
    return name in reference.names() and reference.load(name).scale == "binary"


def median_in_words(row: Mapping[Any, Any]) -> str:
    """Write the median of a row of the scores."""
    if is_binary(row["reference"]):
        return NO_VALUE
    return with_ends({**row, "median": row["median_model"]}, "median", number)


def _median_difference(row: Mapping[Any, Any]) -> str:
    if is_binary(row["reference"]):
        return NO_VALUE
    units = "" if row["units"] in ("", "1") else f" {row['units']}"
    text = with_ends(row, "median_difference", number)
    return text if text == NO_VALUE else f"{text}{units}"


def markdown(table: pd.DataFrame) -> str:
    """Write a table as Markdown."""

    def line(cells: list[str]) -> str:
        safe = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
        return f"| {' | '.join(' '.join(each.split()) for each in safe)} |"

    head = line([str(name) for name in table])
    ruler = f"|{' --- |' * len(table.columns)}"
    rows = [line([str(cell) for cell in row]) for row in table.itertuples(index=False)]
    return "\n".join([head, ruler, *rows]) + "\n"


def latex(table: pd.DataFrame) -> str:
    """Write a table as LaTeX; it needs the package booktabs."""
    # Plain letters, which every LaTeX sets.
    plain = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "--", "\N{ALMOST EQUAL TO}\N{THIN SPACE}": ""}
    plain |= {"<": "$<$", ">": "$>$"}
    text = table.astype(str).to_latex(index=False, escape=True)
    for letter, instead in plain.items():
        text = text.replace(letter, instead)
    return text
