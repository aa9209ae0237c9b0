"""Tables and figures of the factorial experiment, from the summaries of its networks."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from insilico.checksums import unsealed
from insilico.errors import UserError
from insilico.figures.style import PALETTE, TWO_COLUMNS, new_figure, save_figure, style
from insilico.reference import CATEGORIES
from insilico.tables import write_csv
from insilico.training.checkpoint import blamed_on
from insilico.training.factorial.config import COMPONENTS
from insilico.training.factorial.effects import estimate_effects

__all__ = ["control_table", "effect_figure", "effect_table", "read_runs", "write_tables"]

ACCURACY = "accuracy"
KINDS = {
    "similarity": "similarity to macaque V1, over its ceiling",
    "median": "median of the units, or share of those for which it is true",
}
MEAN = "mean"

REMEDY = "Move the folder of that network away; `insilico factorial` trains and measures it again."

# An adjusted p below this is marked.
FALSE_DISCOVERIES = 0.05

# Height of a row of the figure, in inches.
ROW_HEIGHT = 0.2

# What takes too much room in full.
SHORT = {
    "orthogonal_preferred_ratio": "orthogonal/preferred ratio",
    "orthogonal_preferred_ratio_circular_variance_difference": "o/p ratio - circular variance",
    "circular_variance_bandwidth_ratio": "circular variance / bandwidth",
    "texture_modulation_index": "texture modulation",
    "absolute_texture_modulation_index": "absolute texture modulation",
}


def read_runs(folder: Path | str) -> pd.DataFrame:
    """Collect what the networks of an experiment gave.

    Parameters
    ----------
    folder : path
        That of the experiment.

    Returns
    -------
    DataFrame, one row per network, place, kind and property
        ``cell``, ``seed``, ``dense``, ``place``; ``kind``: accuracy, similarity, median, n or
        units; ``property``; ``value``.

    Raises
    ------
    UserError
        If no network is done.
    """
    rows: list[dict[str, Any]] = []
    for path in sorted(Path(folder).glob("runs/*/summary.json")):
        with blamed_on(path, remedy=REMEDY):
            rows += _rows(unsealed(path))
    if not rows:
        raise UserError(f"{folder} holds no finished network; run `insilico factorial` first.")
    return pd.DataFrame(rows)


def _rows(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lay the summary of one network out."""
    about = {name: run[name] for name in ("cell", "seed", "dense")}
    accuracy = float(run["accuracy"])
    rows = [{**about, "place": "", "kind": ACCURACY, "property": ACCURACY, "value": accuracy}]
    for place, measured in run["places"].items():
        known = {**about, "place": place}
        rows.append({**known, "kind": "units", "property": "units", "value": measured["units"]})
        rows += [
            {**known, "kind": kind, "property": name, "value": float(value)}
            for kind in (*KINDS, "n")
            for name, value in measured[kind].items()
        ]
    return rows


def effect_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Estimate main effects and interactions of the components on everything measured.

    Parameters
    ----------
    runs : DataFrame
        What `read_runs` gives.

    Returns
    -------
    DataFrame, one row per place, kind, property and term
        See `insilico.training.factorial.effects.estimate_effects`. Controls are left out. The
        networks of a seed share initial weights: seeds are blocks.
    """
    plain = runs[~runs["dense"] & runs["kind"].isin([ACCURACY, *KINDS])]
    wide = plain.pivot(
        index=["cell", "seed"], columns=["place", "kind", "property"], values="value"
    )
    chosen = wide.index.get_level_values("cell").str.split("+")
    levels = pd.DataFrame({name: [name in each for each in chosen] for name in COMPONENTS})
    names = wide.columns
    numbered = wide.set_axis(range(len(names)), axis=1)
    effects = estimate_effects(
        levels, numbered, blocks=wide.index.get_level_values("seed").to_list()
    )
    about = names.to_frame(index=False).iloc[effects.pop("response")].reset_index(drop=True)
    return pd.concat([about, effects], axis=1)


def control_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Set magnification beside its resolution control.

    Parameters
    ----------
    runs : DataFrame
        What `read_runs` gives.

    Returns
    -------
    DataFrame, one row per cell that has a control, place, kind and property
        Means over seeds of the network alone, ``plain``; with the denser sampling, ``dense``; and
        with magnification, ``magnified``.
    """
    cells = runs.loc[runs["dense"], "cell"].unique().tolist()
    keys = ["cell", "place", "kind", "property"]
    parts = {
        "plain": runs[~runs["dense"] & runs["cell"].isin(cells)],
        "dense": runs[runs["dense"]],
        "magnified": _unmagnified(runs[~runs["dense"]], cells),
    }
    means = {name: part.groupby(keys, sort=False)["value"].mean() for name, part in parts.items()}
    return pd.DataFrame(means).reset_index()


def effect_figure(effects: pd.DataFrame, place: str, kind: str = "similarity") -> Figure:
    """Draw the main effects on every property, with their intervals.

    Parameters
    ----------
    effects : DataFrame
        What `effect_table` gives.
    place : str
        Which place.
    kind : {"similarity", "median"}
        Of what.

    Returns
    -------
    Figure
        One panel per component; categories and their mean stand below the properties. Filled dots
        are those with an adjusted p below 0.05.
    """
    rows = effects[(effects["place"] == place) & (effects["kind"] == kind)]
    order = _ordered(rows.loc[rows["effect"].notna(), "property"].unique())
    summaries = [name in (*CATEGORIES, MEAN) for name in order]
    # A gap tells categories from the properties that they are means of.
    height = pd.Series(np.arange(len(order)) + np.array(summaries), index=order)
    figure = new_figure(TWO_COLUMNS, 1.1 + ROW_HEIGHT * len(order))
    axes = figure.subplots(1, len(COMPONENTS), sharey=True, sharex=True)
    for ax, name, color in zip(axes, COMPONENTS, PALETTE, strict=False):
        own = rows[rows["term"] == name].set_index("property").loc[order]
        clear = own["p_adjusted"] < FALSE_DISCOVERIES
        at = height[own.index].to_numpy()
        ax.axvline(0, color="0.6", linewidth=0.8)
        ax.hlines(at, own["low"], own["high"], color=color, linewidth=1)
        ax.scatter(own["effect"], at, s=14, color=np.where(clear, color, "white"),
                   edgecolor=color, linewidth=0.9, zorder=3)  # fmt: skip
        ax.set_title(name)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(height, [_label(name) for name in order])
    axes[0].set_ylim(height.max() + 0.6, -0.6)
    figure.supxlabel(f"Effect of the component on {KINDS[kind]}", fontsize="medium")
    marks = [
        Line2D([], [], marker="o", color="0.3", markersize=4, linewidth=1, markerfacecolor=face)
        for face in ("0.3", "white")
    ]
    words = ("adjusted p < 0.05", "not told from 0", f"n = {int(rows['runs'].max())} networks")
    figure.legend(
        [*marks, Line2D([], [], linewidth=0)], words, loc="outside upper center", ncols=3,
        fontsize="small",
    )  # fmt: skip
    return figure


def write_tables(folder: Path | str, out: Path | str | None = None) -> Path:
    """Write the tables and the figure of an experiment.

    Parameters
    ----------
    folder : path
        That of the experiment.
    out : path, optional
        Where they go; the folder itself by default.

    Returns
    -------
    Path
        factorial.md, beside runs.csv, effects.csv, controls.csv and a figure for each place.
    """
    folder = Path(folder)
    place_for = Path(out) if out is not None else folder
    place_for.mkdir(parents=True, exist_ok=True)
    runs = read_runs(folder)
    effects, controls = effect_table(runs), control_table(runs)
    write_csv(runs, place_for / "runs.csv")
    write_csv(effects, place_for / "effects.csv")
    write_csv(controls, place_for / "controls.csv")
    for place in _places(runs):
        with style():
            save_figure(effect_figure(effects, place), place_for, place)
    page = place_for / "factorial.md"
    baselines = folder / "baselines.json"
    with blamed_on(baselines, remedy="Delete it; `insilico factorial` makes it again."):
        known = json.loads(baselines.read_text(encoding="utf-8")) if baselines.exists() else {}
        text = _page(runs, effects, controls, known)
    page.write_text(text, encoding="utf-8")
    return page


def _page(
    runs: pd.DataFrame, effects: pd.DataFrame, controls: pd.DataFrame, baselines: dict[str, float]
) -> str:
    """Write all tables as Markdown."""
    known = effects["p"].notna()
    n, nominal = int(known.sum()), int((effects["p"] < FALSE_DISCOVERIES).sum())
    marked = int((effects["p_adjusted"] < FALSE_DISCOVERIES).sum())
    parts = [
        _cell_part(runs, baselines),
        f"Of {n} effects in the tables below, and of interactions, {nominal} have a 95 % interval "
        f"that excludes zero, where chance alone would give {FALSE_DISCOVERIES * n:.0f}; {marked} "
        f"have an adjusted p below {FALSE_DISCOVERIES:g} (\\*).",
    ]
    for place in _places(runs):
        for kind, words in KINDS.items():
            rows = effects[(effects["place"] == place) & (effects["kind"] == kind)]
            parts.append(f"## Main effects on {words}: {_words(place)}\n\n{_main_part(rows)}")
    accuracy = effects[effects["kind"] == ACCURACY]
    parts.append(f"## Main effects on accuracy\n\n{_main_part(accuracy)}")
    parts.append(f"## Interactions\n\n{_interaction_part(effects)}")
    if len(controls):
        parts.append(f"## Magnification and its resolution control\n\n{_control_part(controls)}")
    return "\n\n".join(parts) + "\n"


def _places(runs: pd.DataFrame) -> list[str]:
    """Name the places where networks were measured, the first of the settings first."""
    return [str(name) for name in runs["place"].unique() if name]


def _cell_part(runs: pd.DataFrame, baselines: dict[str, float]) -> str:
    """Write one line per cell: accuracy, units, and the mean similarity at each place."""
    kept = runs[runs["property"].isin([ACCURACY, "units", MEAN])]
    name = kept["place"].map(_words) + " " + kept["property"]
    cell = kept["cell"] + np.where(kept["dense"], " (dense)", "")
    table = (
        kept.assign(column=name.str.strip(), cell=cell)
        .groupby(["cell", "column"], sort=False)["value"]
        .mean()
        .unstack()
        .reset_index()
    )
    lines = (
        [
            f"{baselines['classes']} classes: chance {baselines['chance']:.3f}, nearest colour "
            f"histogram {baselines['colour_histogram']:.3f}."
        ]
        if baselines
        else []
    )
    return "\n\n".join(["## Networks, means over seeds", *lines, _markdown(table)])


def _main_part(rows: pd.DataFrame) -> str:
    """Write properties as rows and components as columns; without those that have no value."""
    own = rows[rows["term"].isin(list(COMPONENTS)) & rows["effect"].notna()]
    table = own.assign(text=_in_words(own)).pivot(index="property", columns="term", values="text")
    return _markdown(
        table.reindex(index=_ordered(table.index), columns=list(COMPONENTS)).reset_index()
    )


def _interaction_part(effects: pd.DataFrame) -> str:
    """List the interactions that are told from zero, the surest first."""
    every = effects[effects["term"].str.contains(":")]
    own = every[every["p_adjusted"] < FALSE_DISCOVERIES].sort_values("p", kind="stable")
    said = (
        f"{len(own)} of {int(every['p'].notna().sum())} have an adjusted p below "
        f"{FALSE_DISCOVERIES:g}; effects.csv has all."
    )
    about = own[["term", "place", "kind", "property"]].assign(place=own["place"].map(_words))
    return said if own.empty else f"{said}\n\n{_markdown(about.assign(effect=_in_words(own)))}"


def _control_part(controls: pd.DataFrame) -> str:
    """Write the similarities of magnification beside those of its control, place by place."""
    parts = []
    for (cell, place), rows in controls.groupby(["cell", "place"], sort=False):
        own = rows[rows["kind"] == "similarity"].set_index("property")
        if place:
            shown = own.loc[_ordered(own.index), ["plain", "dense", "magnified"]].dropna(how="all")
            parts.append(f"Cell {cell}, {_words(str(place))}:\n\n{_markdown(shown.reset_index())}")
    return "\n\n".join(parts)


def _words(place: str) -> str:
    """Write the name of a place for a reader; in tables of numbers it stays as in the settings."""
    return place.replace("_", " ")


def _in_words(rows: pd.DataFrame) -> list[str]:
    """Write effects, half of their intervals, and a star where they are told from zero."""
    reach = (rows["high"] - rows["low"]) / 2
    star = np.where(rows["p_adjusted"] < FALSE_DISCOVERIES, "\\*", "")
    return [
        "n/a" if np.isnan(effect) else f"{effect:+.2g} ± {_rounded(half)}{mark}"
        for effect, half, mark in zip(rows["effect"], reach, star, strict=True)
    ]


def _rounded(half: float) -> str:
    return "?" if np.isnan(half) else f"{half:.2g}"


def _markdown(table: pd.DataFrame) -> str:
    def text(value: Any) -> str:
        if isinstance(value, float):
            return "n/a" if np.isnan(value) else f"{value:.3g}"
        return str(value)

    rows = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy(dtype=object).tolist()]
    return "\n".join(f"| {' | '.join(map(text, row))} |" for row in rows)


def _unmagnified(runs: pd.DataFrame, cells: Sequence[str]) -> pd.DataFrame:
    """Find the networks with magnification, under the name of their cell without it."""
    partner = {"CM" if cell == "none" else f"{cell}+CM": cell for cell in cells}
    chosen = runs[runs["cell"].isin(list(partner))]
    return chosen.assign(cell=chosen["cell"].map(partner))


def _ordered(names: Iterable[Any]) -> list[str]:
    """Put categories and their mean behind the properties."""
    last = [*CATEGORIES, MEAN]
    return sorted(names, key=lambda name: last.index(name) + 1 if name in last else 0)


def _label(name: str) -> str:
    own = name.rpartition(".")[2]
    return SHORT.get(own, own.replace("_", " "))
