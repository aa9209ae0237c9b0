"""The page that sets several models side by side, its figures, and its tables as files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from insilico.figures.plate import Plate
from insilico.figures.scorecard import scorecard_page
from insilico.figures.side_by_side import degree_curves, rank_chart, score_maps
from insilico.figures.style import save_figure
from insilico.folders import made
from insilico.reporting.page import NO_VALUE, inline, render, score, write_page
from insilico.reporting.scorecard import scorecards_beside
from insilico.reporting.side_by_side_tables import (
    is_binary,
    latex,
    markdown,
    median_in_words,
    readable_tables,
    with_ends,
)
from insilico.reporting.terms import TERMS
from insilico.runs.compared_layers import UNTRAINED, told_apart
from insilico.runs.ranking import RANKED_BY
from insilico.runs.side_by_side import SideBySide
from insilico.tables import write_csv

__all__ = ["by_degrees", "side_by_side_plates", "write_side_by_side"]

FIGURES = "figures"
PAGE = "comparison.html"

# Of the terms of a report, those that this page uses.
USED = ("median", "similarity", "ceiling", "floor", "skill", "interval")
OWN_TERMS = (
    (
        "difference",
        "Difference",
        "The value of the first model less that of the second. Its interval is made of those of "
        "the two (Zou & Donner 2008); the cells are the same for both, and are held fixed.",
    ),
    (
        "p",
        "p, adjusted",
        "Of no difference in similarity: below 0.05 where the interval of the difference leaves 0 "
        "out; then adjusted for all pairs of models and all properties on this page "
        "(Benjamini-Hochberg).",
    ),
    (
        "mean",
        "Mean",
        "Over the properties for which every model has a score on five channels or more. "
        "Categories of the published benchmark have the same weight, and so have properties "
        "without a category.",
    ),
    (
        "rank",
        "Rank",
        "1 has the highest mean. Its interval and the probability of each rank come from bootstrap "
        "samples of the channels of every model: how the order would vary with other channels.",
    ),
    (
        "runs",
        "Runs",
        "Training seeds of one model, taken together. Intervals are then over runs first, and over "
        "channels within them.",
    ),
)

Row = dict[str, Any]


def write_side_by_side(side: SideBySide, folder: Path | str) -> Path:
    """Write the page of a comparison, its figures and its tables.

    Parameters
    ----------
    side : SideBySide
        From `insilico.runs.side_by_side.compare_runs`.
    folder : path
        Where to write; made if there is none.

    Returns
    -------
    Path
        The page, ``comparison.html``: one file, which can be sent by itself. Beside it are the
        tables ``models``, ``scores``, ``differences`` and ``ranking``, as csv with every digit, and
        as LaTeX and Markdown for reading; and the folder ``figures``.
    """
    folder = made(folder)
    for name, table in readable_tables(side).items():
        write_csv(getattr(side, name), folder / f"{name}.csv")
        (folder / f"{name}.md").write_text(markdown(table), encoding="utf-8")
        (folder / f"{name}.tex").write_text(latex(table), encoding="utf-8")
    drawn = side_by_side_plates(side)
    for plate in drawn:
        save_figure(plate.figure, folder / FIGURES, plate.name, numbers=plate.numbers)
    return write_page(_render(side, drawn, folder / FIGURES), folder / PAGE)


def side_by_side_plates(side: SideBySide) -> list[Plate]:
    """Draw every figure of a comparison.

    Parameters
    ----------
    side : SideBySide
        The comparison.

    Returns
    -------
    list of Plate
        The map of scores; the ranking, if there is one; shares of units that show phenomena, where
        these were measured; and what moves with the degrees, where a
        model was shown several visual fields.
    """
    made = [
        Plate(
            "scores",
            "",
            "scores",
            "Similarity and skill",
            "Of every property (rows) in every model (columns). Similarity: 1 is the same "
            "distribution as that of the cells. Skill: 0 is the best trivial population; "
            "below \N{MINUS SIGN}1 it has the colour of \N{MINUS SIGN}1. White: no score.",
            score_maps(side.scores),
            side.scores[["name", "reference", "label", "similarity", "skill"]],
        )
    ]
    for by, rows in side.ranking.groupby("by", sort=False) if len(side.ranking) else ():
        caption = (
            f"Left: mean {by} over {rows['n_properties'].iloc[0]} properties, with its 95 % "
            "interval. Right: how probable each rank is, 1 being the best, if other channels had "
            "been drawn."
        )
        figure = rank_chart(rows)
        made.append(Plate("ranking", "", f"ranking-{by}", f"Rank by {by}", caption, figure, rows))
    if len(side.phenomena):
        caption = (
            "Share of the units of each model that show each of thirty phenomena of V1 (Sawada & "
            "Petrov 2017), with 95 % intervals over channels. Filled: the lower limit is above one "
            "half, and the model shows it. Crosses: what linear filters show (textbook:control)."
        )
        figure = scorecard_page(side.phenomena)
        title = "Thirty phenomena"
        made.append(Plate("phenomena", "", "phenomena", title, caption, figure, side.phenomena))
    swept = by_degrees(side)
    for column, title in (("median_model", "Medians"), ("similarity", "Similarity")):
        if len(swept) and swept[column].notna().any():
            caption = (
                f"{title} of every property, with 95 % intervals, if the input is taken to span "
                "so many degrees. What moves with the degrees is a property of the assumption, "
                "not only of the model."
            )
            name = f"degrees-{column.partition('_')[0]}"
            figure = degree_curves(swept, column=column)
            made.append(Plate("degrees", "", name, f"{title} by degrees", caption, figure, swept))
    return made


def by_degrees(side: SideBySide) -> pd.DataFrame:
    """Gather the scores of the models that were shown several visual fields.

    Parameters
    ----------
    side : SideBySide
        The comparison.

    Returns
    -------
    DataFrame
        Rows of its ``scores``, with ``degrees`` and ``line``, the name of the model without its
        degrees, as `insilico.figures.side_by_side.degree_curves` takes them.
    """
    same = ["model", "layer", "trained", "weights_hash", "pixels"]
    models = side.models
    keys = [str(values) for values in models[same].itertuples(index=False)]
    chosen = models[models.groupby(keys)["degrees"].transform("nunique") > 1]
    line = told_apart(
        [
            f"{row.model} {row.layer}{UNTRAINED if row.trained is False else ''}"
            for row in chosen.itertuples()
        ],
        [f"{pixels} px" for pixels in chosen["pixels"]],
        list(chosen["weights"]),
        [f"weights {each[:8]}" for each in chosen["weights_hash"]],
    )
    columns = chosen.assign(line=line)[["name", "degrees", "line"]]
    binary = side.scores["reference"].map(is_binary)
    scores = side.scores.assign(median_model=side.scores["median_model"].mask(binary))
    return scores.merge(columns, on="name")


def _render(side: SideBySide, drawn: list[Plate], folder: Path) -> str:
    tables = readable_tables(side)
    terms = [term for term in TERMS if term[0] in USED]
    cited = side.scores[["citation", "doi"]].astype(object).drop_duplicates("citation")
    return render(
        "side_by_side.html.jinja",
        side=side,
        facts=_facts(side),
        plates=[inline(plate, folder) for plate in drawn],
        models=_laid_out(tables["models"]),
        phenomena=_scorecards(side),
        scores=_beside(side, lambda row: with_ends(row, "similarity", score)),
        skills=_beside(side, lambda row: with_ends(row, "skill", score)),
        medians=_beside(side, median_in_words),
        pairs=[
            {
                "first": first,
                "second": second,
                **_laid_out(rows.drop(columns=["First", "Second"])),
            }
            for (first, second), rows in tables["differences"].groupby(
                ["First", "Second"], sort=False
            )
        ],
        rankings=[
            {"by": by, **_laid_out(tables["ranking"].query("By == @by").drop(columns="By"))}
            for by in RANKED_BY
            if len(side.ranking)
        ],
        terms=[*terms, *OWN_TERMS],
        sources=[
            row
            for row in cited.where(cited.notna(), "").to_dict("records")
            if row["citation"] or row["doi"]
        ],
        untrained=list(side.models.loc[side.models["trained"].eq(False), "name"]),
    )


def _scorecards(side: SideBySide) -> Row:
    if not len(side.phenomena):
        return {}
    names = list(dict.fromkeys(side.phenomena["model"]))
    return {"names": names, "rows": scorecards_beside(side.phenomena, names)}


def _facts(side: SideBySide) -> list[tuple[str, str]]:
    facts = [
        ("Models and layers", f"{len(side.models)}"),
        ("Battery", side.battery),
        ("Comparisons with macaque V1", f"{side.scores['reference'].nunique()}"),
        ("Seed of the resampling", f"{side.seed}"),
    ]
    if len(side.ranking):
        facts.insert(3, ("Properties in the mean", f"{side.ranking['n_properties'].iloc[0]}"))
    return facts


def _beside(side: SideBySide, cell: Callable[[Mapping[Any, Any]], str]) -> Row:
    """Lay one number of every model out, a row per reference; the cells come last."""
    rows: dict[str, Row] = {}
    binary = side.scores["reference"].map(is_binary)
    scores = side.scores.assign(median_reference=side.scores["median_reference"].mask(binary))
    for row in scores.to_dict("records"):
        name = str(row["reference"])
        made = rows.setdefault(
            name,
            {"label": row["label"], "units": row["units"], "record": row, "cells": {}},
        )
        made["cells"][row["name"]] = _split(cell(row))
    names = list(side.models["name"])
    for made in rows.values():
        made["cells"] = [made["cells"].get(name, (NO_VALUE, "")) for name in names]
    return {"names": names, "rows": list(rows.values())}


def _laid_out(table: pd.DataFrame) -> Row:
    return {
        "head": list(table.columns),
        "rows": [[_split(str(each)) for each in row] for row in table.itertuples(index=False)],
    }


def _split(text: str) -> tuple[str, str]:
    """Set the interval of a number apart from it."""
    value, bracket, rest = text.partition(" [")
    if bracket and rest[:1].strip("0123456789.\N{MINUS SIGN}\N{ALMOST EQUAL TO}") == "":
        return value, f"[{rest}"
    return text, ""
