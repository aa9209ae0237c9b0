"""Several models side by side: maps of their scores, their ranks, and what degrees do to them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from insilico.figures.style import (
    MODEL,
    PALETTE,
    REFERENCE,
    TWO_COLUMNS,
    axis_label,
    new_figure,
    shorten,
    style,
)

__all__ = ["degree_curves", "rank_chart", "score_maps"]

ROW_HEIGHT = 0.23  # in
MOST_WRITTEN = 10  # models whose scores are written into the map
LETTERS_WHITE = 0.55  # of a colour scale; below, it is dark
NAME_LETTERS = 36
PANELS = 3  # in a row
PANEL_HEIGHT = 1.55  # in
LABEL_LETTERS = 34

# Names are long, and type is set up to a tenth wider in a file than when it is laid out.
INSIDE = (0.03, 0.03, 0.95, 0.97)


def score_maps(scores: pd.DataFrame, *, width: float = TWO_COLUMNS) -> Figure:
    """Draw similarity and skill of every property (rows) in every model (columns).

    Parameters
    ----------
    scores : DataFrame
        ``scores`` of an `insilico.runs.side_by_side.SideBySide`.
    width : float
        In inches.

    Returns
    -------
    Figure
        Two maps beside one another; white where there is no score. Skill below -1 has the colour
        of -1.
    """
    order = scores.drop_duplicates("reference")
    names = list(scores["name"].unique())
    with style():
        deep = 0.075 * max(len(name) for name in _short(names))
        figure = new_figure(width, ROW_HEIGHT * len(order) + deep + 0.7)
        figure.set_layout_engine("constrained", rect=INSIDE)
        axes = figure.subplots(1, 2, sharey=True)
        scales: tuple[dict[str, Any], ...] = (
            {"vmin": 0, "vmax": 1, "cmap": "cividis"},
            {"vmin": -1, "vmax": 1, "cmap": "PuOr"},
        )
        for ax, column, scale in zip(axes, ("similarity", "skill"), scales, strict=True):
            table = scores.pivot_table(
                index="reference", columns="name", values=column, dropna=False
            ).reindex(index=order["reference"], columns=names)
            _map(ax, table, scale)
            ax.set_title(column.capitalize())
            ax.set_yticks(np.arange(len(order)), [shorten(row, 40) for row in order["label"]])
    return figure


def _map(ax: Axes, table: pd.DataFrame, scale: dict[str, Any]) -> None:
    values = table.to_numpy(dtype=np.float64)
    drawn = ax.imshow(values, aspect="auto", interpolation="nearest", **scale)
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.6, aspect=18, pad=0.02)
    bar.outline.set_linewidth(0.4)
    ax.set_xticks(
        np.arange(values.shape[1]),
        _short([str(name) for name in table.columns]),
        rotation=90,
    )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if values.shape[1] > MOST_WRITTEN:
        return
    colours = np.asarray(drawn.cmap(drawn.norm(values)))[..., :3].mean(axis=-1)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ax.text(
                column, row, f"{value:.2f}".replace("-", "\N{MINUS SIGN}"), ha="center",
                va="center", fontsize=5.5,
                color="white" if colours[row, column] < LETTERS_WHITE else "black",
            )  # fmt: skip


def _short(names: list[str]) -> list[str]:
    """Leave out the model where all are layers of one, and the middle of what is long still."""
    model = names[0].partition(" ")[0] + " "
    if all(name.startswith(model) for name in names):
        names = [name.removeprefix(model) for name in names]
    return [shorten(name, NAME_LETTERS) for name in names]


def rank_chart(ranking: pd.DataFrame, *, width: float = TWO_COLUMNS) -> Figure:
    """Draw the mean score of every model with its interval, and the probability of each rank.

    Parameters
    ----------
    ranking : DataFrame
        Rows of one score of ``ranking`` of an `insilico.runs.side_by_side.SideBySide`.
    width : float
        In inches.

    Returns
    -------
    Figure
        The best model on top.
    """
    ranks = [f"rank_{place}" for place in range(1, len(ranking) + 1)]
    row = np.arange(len(ranking))
    with style():
        figure = new_figure(width, ROW_HEIGHT * len(ranking) + 0.75)
        figure.set_layout_engine("constrained", rect=INSIDE)
        left, right = figure.subplots(1, 2, sharey=True)
        left.errorbar(
            ranking["score"], row,
            xerr=_reach(ranking, "score", "score"),
            fmt="o", color=MODEL, markersize=3.5, elinewidth=1,
        )  # fmt: skip
        left.set_xlabel(f"Mean {ranking['by'].iloc[0]}")
        left.xaxis.set_major_locator(MaxNLocator(5))
        left.grid(axis="x", color="0.9")
        left.set_axisbelow(True)
        chances = ranking[ranks].to_numpy(dtype=np.float64)
        right.imshow(chances, aspect="auto", vmin=0, vmax=1, cmap="Blues")
        for (place, rank), chance in np.ndenumerate(chances):
            if len(ranks) <= MOST_WRITTEN:
                right.text(
                    rank, place, f"{chance:.2f}", ha="center", va="center", fontsize=5.5,
                    color="white" if chance > 0.6 else "black",
                )  # fmt: skip
        step = max(1, len(ranks) // MOST_WRITTEN)
        right.set_xticks(np.arange(0, len(ranks), step), np.arange(1, len(ranks) + 1, step))
        right.set_xlabel("Probability of each rank")
        right.tick_params(length=0)
        right.spines[:].set_visible(False)
        left.set_yticks(row, _short(list(ranking["name"])))
        left.set_ylim(len(ranking) - 0.5, -0.5)
    return figure


def degree_curves(
    swept: pd.DataFrame, *, column: str = "median_model", width: float = TWO_COLUMNS
) -> Figure:
    """Draw how the numbers of each property move with the degrees of the visual field.

    Parameters
    ----------
    swept : DataFrame
        ``scores`` with the columns ``degrees`` and ``line``, the name of the model without its
        degrees.
    column : {"median_model", "similarity"}
        What is drawn, with its 95 % interval.
    width : float
        In inches.

    Returns
    -------
    Figure
        A panel for each property. The grey line is the median of the cells, or the ceiling.
    """
    stem = "median" if column == "median_model" else column
    beside = "median_reference" if column == "median_model" else "ceiling"
    shown = swept[swept.groupby("reference")[column].transform(lambda each: each.notna().any())]
    panels = [(name, rows) for name, rows in shown.groupby("reference", sort=False)]
    lines = list(swept["line"].unique())
    deep = -(-len(panels) // PANELS)
    with style():
        figure = new_figure(width, PANEL_HEIGHT * deep + 0.4)
        axes = figure.subplots(deep, PANELS, squeeze=False).ravel()
        for ax, (_, rows) in zip(axes, panels, strict=False):
            _degree_panel(ax, rows, lines, column, stem, beside)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        handles, _ = axes[0].get_legend_handles_labels()
        figure.legend(handles=handles, loc="outside upper right", ncols=min(len(handles), 4))
    return figure


def _degree_panel(
    ax: Axes, rows: pd.DataFrame, lines: list[str], column: str, stem: str, beside: str
) -> None:
    ax.axhline(
        rows[beside].iloc[0], color=REFERENCE, linewidth=2, zorder=1,
        label="macaque" if stem == "median" else "ceiling",
    )  # fmt: skip
    for number, line in enumerate(lines):
        own = rows[rows["line"] == line].sort_values("degrees")
        color = PALETTE[number % len(PALETTE)]
        reach = _reach(own, column, stem)
        ax.errorbar(
            own["degrees"], own[column], yerr=np.nan_to_num(reach), marker="o", color=color,
            elinewidth=0.8, label=shorten(line, NAME_LETTERS),
        )  # fmt: skip
    degrees = np.sort(rows["degrees"].unique())
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(degrees.tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("Visual field (deg)")
    label, units = rows["label"].iloc[0], rows["units"].iloc[0]
    ax.set_title(shorten(axis_label(label, units), LABEL_LETTERS))
    ax.set_ylabel("Median" if stem == "median" else "Similarity")
    if stem == "similarity":
        ax.set_ylim(0, 1)


def _reach(rows: pd.DataFrame, column: str, stem: str) -> npt.NDArray[np.float64]:
    """How far intervals reach down and up; an estimate may lie just outside of its own."""
    middle, low, high = (
        rows[name].to_numpy(dtype=np.float64) for name in (column, f"{stem}_low", f"{stem}_high")
    )
    return np.stack([middle - low, high - middle]).clip(0)
