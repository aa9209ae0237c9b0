"""Put what docs/mechanistic.md measured into the package, for the reports of the model.

    python docs/mechanistic_record.py

Reads the csv files in docs/mechanistic, which the benchmarks wrote, and writes the four tables of
``insilico/models/mechanistic/record.json``.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).parent / "mechanistic"
RECORD = Path(__file__).parents[1] / "insilico" / "models" / "mechanistic" / "record.json"

CATEGORIES = (
    "orientation", "spatial_frequency", "receptive_field_size", "surround_modulation",
    "response_selectivity", "response_magnitude", "mean",
)  # fmt: skip

TEXT = (
    "The hyper-parameters of this model were fitted to one half of the published cells by a "
    "recorded search, and the other half was not looked at before it had ended. These tables were "
    "measured when its defaults were set, on populations drawn anew; they are not of this run. "
    "What a population whose histograms match does not show about V1, and all other numbers, are "
    "on the documentation's page on the mechanistic V1."
)

Cell = tuple[str, str]


def record() -> dict[str, Any]:
    """Text and tables; cells are what is said, and what is written small beside it."""
    populations = pd.read_csv(FOLDER / "populations.csv")
    tables = [
        _halves(populations),
        _ablations(populations),
        _joint(pd.read_csv(FOLDER / "joint.csv")),
        _phenomena(pd.read_csv(FOLDER / "phenomena.csv")),
    ]
    return {"text": TEXT, "tables": tables}


def _halves(populations: pd.DataFrame) -> dict[str, Any]:
    fitted = populations[populations["population"] == "fitted"].set_index("what")
    rows = [
        [
            (name.replace("_", " "), ""),
            _interval(row["similarity"], row["low"], row["high"], 3),
            (f"{row['fitted half']:.3f}", ""),
            (f"{row['other half']:.3f}", ""),
        ]
        for name, row in fitted.loc[list(CATEGORIES)].iterrows()
    ]
    seeds = fitted["seeds"].max()
    return {
        "caption": "Similarity over its ceiling.",
        "about": f"Means of {seeds} populations of 500 units, with 95 % intervals: beside all "
        "cells, the half of them that was fitted, and the one that was held out.",
        "head": ["Category", "All cells", "Fitted half", "Held-out half"],
        "rows": rows,
    }


def _ablations(populations: pd.DataFrame) -> dict[str, Any]:
    means = populations[populations["what"] == "mean"].set_index("population")
    single = means[means.index.str.startswith("without ") & ~means.index.str.contains(" and ")]
    whole = means.loc["fitted", "similarity"]
    rows = [
        [
            (name.removeprefix("without "), ""),
            _interval(row["similarity"], row["low"], row["high"], 3),
            (f"{row['similarity'] - whole:+.3f}", ""),
        ]
        for name, row in single.sort_values("similarity").iterrows()
    ]
    return {
        "caption": "Without one mechanism.",
        "about": "Mean similarity of 15 properties over the ceiling; nothing was fitted again.",
        "head": ["Without", "Mean", "Change"],
        "rows": rows,
    }


def _joint(pairs: pd.DataFrame) -> dict[str, Any]:
    rows = [
        [
            (f"{_short(row['property_x'])} and {_short(row['property_y'])}", ""),
            (_signed(row["correlation_reference"]), ""),
            _interval(*(row[f"correlation{each}"] for each in ("", "_low", "_high"))),
        ]
        for row in pairs[pairs["population"] == "fitted"].to_dict("records")
    ]
    return {
        "caption": "Two properties of the same units.",
        "about": "Spearman's correlation, to which nothing was fitted.",
        "head": ["Properties", "Macaque cells", "Model"],
        "rows": rows,
    }


def _phenomena(phenomena: pd.DataFrame) -> dict[str, Any]:
    fitted = phenomena[phenomena["population"] == "fitted"]
    rows = [
        [
            (f"{row['number']} {row['phenomenon']}", ""),
            _interval(row["share"], row["share_low"], row["share_high"]),
            _effect(row["effect"]),
            (row["shown"], ""),
        ]
        for row in fitted.to_dict("records")
    ]
    return {
        "caption": "Phenomena of V1.",
        "about": f"Of {fitted['n_units'].max()} units, drawn at random. The model shows one where "
        "the lower limit of the share of its units is above one half. The search scored none of "
        "them; ranges of its hyper-parameters were set after a look at them in a few units.",
        "head": ["Phenomenon", "Share of units", "Median effect", "Shown"],
        "rows": rows,
    }


def _short(name: str) -> str:
    return name.partition(".")[2].replace("_", " ") or name.replace("_", " ")


def _signed(value: float) -> str:
    return "\N{EN DASH}" if pd.isna(value) else f"{value:+.2f}"


def _effect(value: float) -> Cell:
    # Rounding leaves no sign to 0.
    return ("\N{EN DASH}" if pd.isna(value) else f"{round(value, 2) + 0:.2f}"), ""


def _interval(value: float, low: float, high: float, digits: int = 2) -> Cell:
    if pd.isna(value):
        return "\N{EN DASH}", ""
    return f"{value:.{digits}f}", f"[{low:.{digits}f}, {high:.{digits}f}]"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
