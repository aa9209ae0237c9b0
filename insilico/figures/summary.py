"""All comparisons at a glance: similarity beside its ceiling and its floor."""

from textwrap import fill
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from insilico.figures.style import (
    ONE_COLUMN,
    PALETTE,
    REFERENCE,
    TWO_COLUMNS,
    new_axes,
    new_figure,
    shorten,
    style,
)

__all__ = ["MOST_COMPARED", "layer_heatmap", "similarities", "summary"]

MARKERS = "osD^vP"
MOST_COMPARED = len(PALETTE)  # layers that can be told apart in one panel
ROW_HEIGHT = 0.23  # in
CELL_WIDTH = 0.3  # in
LABEL_WIDTH = 36  # characters


def similarities(comparison: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the similarity of every property as a dot, with its floor and its ceiling.

    Parameters
    ----------
    comparison : DataFrame
        The comparison table, of up to six layers.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Properties from the top, grouped by category. The grey bar reaches from the floor (what
        values spread over the bins, or heaped in one of them, get) to the ceiling (what another
        sample of the animals gets). Lines: the 95 % interval of the score where the comparison has
        one, or else the standard deviation over resamples. A property without a score has no dot.
    """
    ax = new_axes(ax)
    layers = list(comparison["layer"].unique())
    if len(layers) > MOST_COMPARED:
        raise ValueError(
            f"similarities can tell {MOST_COMPARED} layers apart; got {len(layers)}. "
            "Choose some of them, or draw layer_heatmap."
        )
    rows = _rows(comparison)
    categories = rows["category"].astype(str).to_numpy()
    gap = 0.5 * np.cumsum(np.append(False, categories[1:] != categories[:-1]))
    height = pd.Series(np.arange(len(rows)) + gap, index=rows["reference"])
    ax.barh(
        height, (rows["ceiling"] - rows["floor"]).clip(lower=0), left=rows["floor"], height=0.5,
        color=REFERENCE, alpha=0.55, linewidth=0,
    )  # fmt: skip
    ax.plot(rows["ceiling"], height, "|", color="0.3", markersize=7)
    spread = 0.16 * (np.arange(len(layers)) - (len(layers) - 1) / 2)
    for layer, color, marker, shift in zip(layers, PALETTE, MARKERS, spread, strict=False):
        own = comparison[comparison["layer"] == layer]
        ax.errorbar(
            own["similarity"].to_numpy(), height[own["reference"]].to_numpy() + shift,
            xerr=_reach(own),
            fmt=marker, color=color, markersize=3.5, elinewidth=0.8, label=shorten(str(layer), 24),
            clip_on=False, zorder=3,
        )  # fmt: skip
    ax.set_yticks(height, [fill(label, LABEL_WIDTH) for label in rows["label"]])
    ax.set_ylim(float(height.max()) + 0.6 if len(height) else 1, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, 1)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.set_xlabel("Similarity to macaque V1")
    return ax


def layer_heatmap(comparison: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the similarity of every property (rows) in every layer (columns), over its ceiling.

    Parameters
    ----------
    comparison : DataFrame
        The comparison table.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Properties without a score are left white.
    """
    # Loaded when first needed: it takes as long to import as all of matplotlib.
    import seaborn as sns

    ax = new_axes(ax)
    order = _rows(comparison)
    table = comparison.pivot_table(
        index="reference", columns="layer", values="ceiled", dropna=False
    )
    table = table.reindex(index=order["reference"], columns=comparison["layer"].unique())
    sns.heatmap(
        table, ax=ax, vmin=0, vmax=1, cmap="cividis", xticklabels=True,
        cbar_kws={"label": "Similarity / ceiling", "shrink": 0.6, "aspect": 15, "pad": 0.02},
    )  # fmt: skip
    ax.set_yticks(np.arange(len(order)) + 0.5, order["label"], rotation=0)
    ax.set_xticks(ax.get_xticks(), [shorten(str(name), 24) for name in table.columns], rotation=90)
    ax.tick_params(length=0)
    ax.set_xlabel("")
    ax.set_ylabel("")
    return ax


def summary(comparison: pd.DataFrame, *, width: float = TWO_COLUMNS) -> Figure:
    """Draw all comparisons: dots for a few layers, a heat map for many.

    Parameters
    ----------
    comparison : DataFrame
        The comparison table.
    width : float
        In inches: `TWO_COLUMNS` or `ONE_COLUMN`.

    Returns
    -------
    Figure
    """
    if comparison.empty:
        raise ValueError(
            "summary needs at least one compared property; the comparison has no rows. "
            "Compare the units with a battery that names references."
        )
    layers = comparison["layer"].nunique()
    rows = comparison["reference"].nunique()
    with style():
        if layers > MOST_COMPARED:
            needed = min(width, 3.2 + CELL_WIDTH * layers)
            figure = new_figure(needed, ROW_HEIGHT * rows + 1.5)
            layer_heatmap(comparison, ax=figure.subplots())
            return figure
        figure = new_figure(width, ROW_HEIGHT * rows + 0.9)
        ax = similarities(comparison, ax=figure.subplots())
        if layers == 1:
            _write_counts(ax, comparison)
        handles: list[Any] = ax.get_legend_handles_labels()[0]
        handles += [
            Line2D(
                [], [], color="0.3", marker="|", linestyle="none", markersize=7, label="ceiling"
            ),
            Line2D([], [], color=REFERENCE, alpha=0.55, linewidth=5, label="from floor to ceiling"),
        ]
        figure.legend(
            handles=handles, loc="outside upper left", ncols=4 if width > ONE_COLUMN else 2,
            columnspacing=1.5,
        )  # fmt: skip
    return figure


def _reach(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """How far the line of each dot reaches to either side."""
    error = rows["similarity_error"].to_numpy()
    if "similarity_low" not in rows:
        return np.stack([error, error])
    score = rows["similarity"]
    sides = np.stack([score - rows["similarity_low"], rows["similarity_high"] - score])
    # The score is a mean over resamples, and may lie just outside of a narrow interval.
    return np.where(np.isfinite(sides), sides.clip(0), error)


def _write_counts(ax: Axes, comparison: pd.DataFrame) -> None:
    """Write, right of each row, how many units have a value."""
    heights = dict(zip(_rows(comparison)["reference"], ax.get_yticks(), strict=True))
    for row in comparison.to_dict("records"):
        ax.text(
            1.02, heights[row["reference"]], f"{row['n_defined']} of {row['n_recorded']}",
            transform=ax.get_yaxis_transform(), va="center", fontsize=6, color="0.35",
        )  # fmt: skip
    ax.text(1.02, 1.02, "units with a value", transform=ax.transAxes, fontsize=6, color="0.35")


def _rows(comparison: pd.DataFrame) -> pd.DataFrame:
    """One row per reference, categories together in the order in which they first come."""
    rows = comparison.drop_duplicates("reference")
    place = rows.groupby("category", sort=False, dropna=False).ngroup()
    return rows.loc[place.sort_values(kind="stable").index]
