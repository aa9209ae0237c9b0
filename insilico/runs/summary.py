"""A run in a few lines: what a person sees first, on a screen and in a notebook."""

import re
import textwrap
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.comparison.population import counting
from insilico.reference.catalogue import BENCHMARK

if TYPE_CHECKING:
    from insilico.runs.results import Results

__all__ = ["TRAINING", "Middle", "headline", "lines", "middle", "short_citation", "short_table"]

# What is said of a model's training beside its weights.
TRAINING = {True: "", False: "UNTRAINED", None: "TRAINING UNKNOWN"}

WIDTH = 88

# Rows of the comparison in an overview: the least and the most alike.
SHOWN = 4

NAME_WIDTH = 52
LEAST_LETTERS = 20

# Smaller values are told as such: of a property that is 0, rounding is left.
LEAST = 5e-4

COLUMNS = ("units", "n", "model", "macaque", "similarity", "error", "ceiling", "skill", "top")


class Middle(NamedTuple):
    """Where units and cells lie: medians, or shares of yes where a property is yes or no."""

    model: float
    macaque: float
    share: bool


def middle(units: xr.Dataset, row: Mapping[Any, Any], own: Container[str] = ()) -> Middle:
    """Say where the units and the cells of a comparison lie.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Of the run.
    row : mapping
        A row of its comparison.
    own : container of str
        Names of the distributions that are the user's own: of these, medians are all that is known.

    Returns
    -------
    Middle
        NaN where no unit has a value, or no number is public; and of a property that comes round.
    """
    name = row["reference"]
    known = reference.load(name) if name in reference.names() and name not in own else None
    if known is None or known.scale != "binary":
        return Middle(float(row["median_model"]), float(row["median_reference"]), share=False)
    values = units[row["property"]]
    kept = counting(units, values) & (units["layer"].to_numpy().astype(str) == str(row["layer"]))
    defined = values.to_numpy()[kept].astype(float)
    defined = defined[np.isfinite(defined)]
    share = float(defined.mean()) if len(defined) else float("nan")
    macaque = float("nan") if known.counts is None else float(known.probabilities[1])
    return Middle(share, macaque, share=True)


def short_table(results: "Results") -> pd.DataFrame:
    """Take the main columns of a comparison.

    Parameters
    ----------
    results : Results
        A run.

    Returns
    -------
    DataFrame, index ``layer`` and ``reference``
        ``units``; ``n``, units that respond and have a value; ``model`` and ``macaque``, medians,
        or the shares of yes where a property is yes or no (NaN for a property that comes round);
        ``similarity`` and its standard ``error``, ``ceiling``, ``skill``, and ``top``, the skill of
        the data against themselves. As `insilico.comparison.table.score` defines them.
    """
    table = results.comparison
    index = ["layer", "reference"]
    if table.empty:
        return pd.DataFrame(columns=[*index, *COLUMNS]).set_index(index)
    own = results.provenance.get("own_references", {})
    middles = [middle(results.units, row, own) for row in table.to_dict("records")]
    named = table.assign(
        layer=table["layer"].astype(str),
        units=table["units"].replace("1", ""),
        n=table["n_defined"],
        model=[each.model for each in middles],
        macaque=[each.macaque for each in middles],
        error=table["similarity_error"],
        top=table["ceiling_skill"],
    )
    return named.set_index(index)[list(COLUMNS)]


def headline(results: "Results") -> dict[str, str]:
    """Say what was recorded: model, weights and their training, layers with units, display.

    Parameters
    ----------
    results : Results
        A run.

    Returns
    -------
    dict of str to str
        In words, by name; nothing that the run does not know.
    """
    record, units = results.provenance, results.units
    screen = record.get("display", {})
    counts = pd.Series(units["layer"].to_numpy().astype(str)).value_counts(sort=False)
    told = {
        "model": str(record.get("model", "")),
        "weights": ", ".join(
            filter(None, (str(record.get("weights", "")), TRAINING[record.get("trained")]))
        ),
        "layers": ", ".join(f"{layer} ({n} units)" for layer, n in counts.items()) or "no unit",
        "display": (
            f"{screen['width_px']} x {screen['height_px']} px over {screen['degrees']:g} deg"
            if screen
            else ""
        ),
        "battery": f"{results.battery}, seed {record.get('seed', 'unknown')}",
    }
    return {name: text for name, text in told.items() if text}


def lines(results: "Results") -> list[str]:
    """Say in some ten lines what a run is, what it found, and what to be careful about.

    Parameters
    ----------
    results : Results
        A run.

    Returns
    -------
    list of str
    """
    told = [f"{name:<8} {_cut(text, WIDTH - 9)}" for name, text in headline(results).items()]
    table = short_table(results).reset_index()
    if table.empty:
        told.append("nothing was compared with macaque V1")
    else:
        told += _extremes(table)
    cautions = results.warnings
    if cautions:
        said = f"{len(cautions)} warning{'s' if len(cautions) > 1 else ''}"
        told.append(_cut(f"{said} in .warnings: {cautions[0]}", WIDTH))
    published = table["reference"].astype(str).str.startswith(BENCHMARK).any()
    board = ".leaderboard() " if published else ""
    told.append(f"more: .summary() .units .unit(0) .plot.summary() {board}.report(FOLDER)")
    return told


def _extremes(table: pd.DataFrame) -> list[str]:
    """Show the rows that are most and least like macaque V1."""
    several = table["layer"].nunique() > 1
    scored = table[table["similarity"].notna()].sort_values("similarity", ascending=False)
    half = SHOWN // 2
    shown = scored if len(scored) <= SHOWN else pd.concat([scored[:half], scored[-half:]])
    # The layer stays whole: it tells one row of a reference from another.
    names = [
        _cut_word(row["reference"], NAME_WIDTH, f" ({row['layer']})" if several else "")
        for row in shown.to_dict("records")
    ]
    width = min(NAME_WIDTH, max(map(len, ["compared with", *names])))
    told = [f"{'compared with':<{width}}  {'n':>5} {'model':>8} {'macaque':>8} {'similarity':>10}"]
    told += [
        f"{name:<{width}}  {row['n']:>5} {_number(row['model']):>8} "
        f"{_number(row['macaque']):>8} {row['similarity']:>10.2f}"
        for name, row in zip(names, shown.to_dict("records"), strict=True)
    ]
    left = len(table) - len(shown)
    return [*told, f"... and {left} more in .summary()"] if left else told


def short_citation(citation: str) -> str:
    """Shorten a citation to authors and year.

    Parameters
    ----------
    citation : str
        The whole.

    Returns
    -------
    str
        As it is where it names no year.
    """
    found = re.match(r".*?\(\d{4}\w?\)", citation)
    return found[0] if found else citation


def _cut(text: str, width: int) -> str:
    return textwrap.shorten(text, width, placeholder=" ...")


def _cut_word(word: str, width: int, after: str) -> str:
    """Shorten a name without blanks, which `_cut` would leave nothing of."""
    left = max(width - len(after), LEAST_LETTERS)
    return (word if len(word) <= left else f"{word[: left - 3]}...") + after


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) >= LEAST else "0"
