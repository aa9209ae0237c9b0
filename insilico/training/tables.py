"""Tables and figures of the factorial experiment, from the summaries of its networks."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from insilico.errors import UserError
from insilico.figures.style import PALETTE, TWO_COLUMNS, new_figure, save_figure, style
from insilico.reference import CATEGORIES
from insilico.training.effects import estimate_effects
from insilico.training.experiment_config import COMPONENTS

__all__ = ["control_table", "effect_figure", "effect_table", "read_runs", "write_tables"]

ACCURACY = "accuracy"
KINDS = {
    "similarity": "similarity to macaque V1, over its ceiling",
    "median": "median of the units",
}
MEAN = "mean"

# Height of a row of the figure, in inches.
ROW_HEIGHT = 0.2


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
        run = json.loads(path.read_text())
        about = {name: run[name] for name in ("cell", "seed", "dense")}
        rows.append({**about, "place": "", "kind": ACCURACY, "property": ACCURACY,
                     "value": run["accuracy"]})  # fmt: skip
        for place, measured in run["places"].items():
            known = {**about, "place": place}
            rows.append({**known, "kind": "units", "property": "units", "value": measured["units"]})
            rows += [
                {**known, "kind": kind, "property": name, "value": value}
                for kind in (*KINDS, "n")
                for name, value in measured[kind].items()
            ]
    if not rows:
        raise UserError(f"{folder} holds no finished network; run `insilico factorial` first.")
    return pd.DataFrame(rows)


def effect_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Estimate main effects and interactions of the components on everything measured.

    Parameters
    ----------
    runs : DataFrame
        What `read_runs` gives.

    Returns
    -------
    DataFrame, one row per place, kind, property and term
        See `insilico.training.effects.estimate_effects`. Controls are left out. The networks of a
        seed share initial weights: seeds are blocks.
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
        have an interval that excludes zero.
    """
    rows = effects[(effects["place"] == place) & (effects["kind"] == kind)]
    order = _ordered(rows["property"].unique())
    height = pd.Series(range(len(order)), index=order)
    figure = new_figure(TWO_COLUMNS, 0.8 + ROW_HEIGHT * len(order))
    axes = figure.subplots(1, len(COMPONENTS), sharey=True, sharex=True)
    for ax, name, color in zip(axes, COMPONENTS, PALETTE, strict=False):
        own = rows[rows["term"] == name].set_index("property").loc[order]
        clear = (own["low"] > 0) | (own["high"] < 0)
        at = height[own.index].to_numpy()
        ax.axvline(0, color="0.6", linewidth=0.8)
        ax.hlines(at, own["low"], own["high"], color=color, linewidth=1)
        ax.scatter(own["effect"], at, s=14, color=np.where(clear, color, "white"),
                   edgecolor=color, linewidth=0.9, zorder=3)  # fmt: skip
        ax.set_title(name)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(height, [_label(name) for name in order])
    axes[0].set_ylim(len(order) - 0.4, -0.6)
    figure.supxlabel(f"Effect of the component on {KINDS[kind]}", fontsize="medium")
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
        factorial.md, beside runs.csv, effects.csv, controls.csv and factorial.png.
    """
    folder = Path(folder)
    place_for = Path(out) if out is not None else folder
    place_for.mkdir(parents=True, exist_ok=True)
    runs = read_runs(folder)
    effects, controls = effect_table(runs), control_table(runs)
    runs.to_csv(place_for / "runs.csv", index=False)
    effects.to_csv(place_for / "effects.csv", index=False)
    controls.to_csv(place_for / "controls.csv", index=False)
    main = runs.loc[runs["place"] != "", "place"].iloc[0]
    with style():
        save_figure(effect_figure(effects, main), place_for, "factorial", formats=("png",))
    page = place_for / "factorial.md"
    baselines = folder / "baselines.json"
    known = json.loads(baselines.read_text()) if baselines.exists() else {}
    page.write_text(_page(runs, effects, controls, known))
    return page


def _page(
    runs: pd.DataFrame, effects: pd.DataFrame, controls: pd.DataFrame, baselines: dict[str, float]
) -> str:
    """Write all tables as Markdown."""
    parts = [_cell_part(runs, baselines)]
    places = [name for name in effects["place"].unique() if name]
    for place in sorted(places, key=list(runs["place"].unique()).index):
        for kind, words in KINDS.items():
            rows = effects[(effects["place"] == place) & (effects["kind"] == kind)]
            parts.append(f"## Effects on {words}: {place}\n\n{_effect_part(rows)}")
    accuracy = effects[effects["kind"] == ACCURACY]
    parts.append(f"## Effects on accuracy\n\n{_effect_part(accuracy)}")
    if len(controls):
        shown = controls[controls["kind"] == "similarity"].drop(columns="kind")
        parts.append(f"## Magnification and its resolution control\n\n{_markdown(shown)}")
    known = effects["p"].notna()
    n, nominal = int(known.sum()), int((effects["p"] < 0.05).sum())
    parts.append(
        f"Of {n} effects, {nominal} have a 95 % interval that excludes zero, where chance alone "
        f"would give {0.05 * n:.0f}; {int((effects['p_adjusted'] < 0.05).sum())} have an adjusted "
        "p below 0.05 (\\*)."
    )
    return "\n\n".join(parts) + "\n"


def _cell_part(runs: pd.DataFrame, baselines: dict[str, float]) -> str:
    """Write one line per cell: accuracy, units, and the mean similarity at each place."""
    kept = runs[runs["property"].isin([ACCURACY, "units", MEAN])]
    name = kept["place"].where(kept["place"] != "", "") + " " + kept["property"]
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


def _effect_part(rows: pd.DataFrame) -> str:
    """Write properties as rows and terms as columns: effect, half of the interval, a star."""
    reach = (rows["high"] - rows["low"]) / 2
    star = np.where(rows["p_adjusted"] < 0.05, "\\*", "")
    text = [
        "n/a" if np.isnan(effect) else f"{effect:+.3g} ± {half:.2g}{mark}"
        for effect, half, mark in zip(rows["effect"], reach, star, strict=True)
    ]
    table = rows.assign(text=text).pivot(index="property", columns="term", values="text")
    terms = rows["term"].drop_duplicates().to_list()
    return _markdown(table.reindex(index=_ordered(table.index), columns=terms).reset_index())


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
    return name.rpartition(".")[2].replace("_", " ")
