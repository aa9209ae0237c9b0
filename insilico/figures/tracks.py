"""Properties against the training step: what a network's units come to prefer, and when."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from insilico.figures.style import (
    PALETTE,
    REFERENCE,
    TWO_COLUMNS,
    axis_label,
    new_figure,
    shorten,
    style,
)

__all__ = ["tracks"]

PANELS = 4  # in a row
PANEL_HEIGHT = 1.2  # in
LETTERS = 26  # of a line of a title, of which there are two


def tracks(table: pd.DataFrame, *, width: float = TWO_COLUMNS) -> Figure:
    """Draw every property against the training step.

    Parameters
    ----------
    table : DataFrame
        What `insilico.training.tracking.track_table` gives.
    width : float
        In inches.

    Returns
    -------
    Figure
        A panel for each property that any unit has: the median of the units with their quartiles,
        or the share of those for which it is true. The grey line is that of macaque V1.
    """
    shown = table[table.groupby("property")["value"].transform(lambda each: each.notna().any())]
    panels = [rows for _, rows in shown.groupby("property", sort=False)]
    layers = list(table["layer"].unique())
    deep = max(1, -(-len(panels) // PANELS))
    with style():
        figure = new_figure(width, PANEL_HEIGHT * deep + 0.4)
        axes = figure.subplots(deep, PANELS, squeeze=False, sharex=True)
        for ax, rows in zip(axes.ravel(), panels, strict=False):
            _panel(ax, rows, layers)
        for ax in axes.ravel()[len(panels) :]:
            ax.set_visible(False)
        for column in range(PANELS):
            # The lowest one of each column.
            number = column + PANELS * ((len(panels) - 1 - column) // PANELS)
            if number >= 0:
                lowest = axes.ravel()[number]
                lowest.set_xlabel("Training step")
                lowest.tick_params(labelbottom=True)
        handles = {
            label: handle
            for ax in axes.ravel()
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles=list(handles.values()),
            labels=list(handles),
            loc="outside upper right",
            ncols=max(1, min(len(handles), 4)),
        )
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, layers: list[str]) -> None:
    macaque = rows["macaque"].iloc[0]
    if np.isfinite(macaque):
        ax.axhline(macaque, color=REFERENCE, linewidth=2, zorder=1, label="macaque")
    for number, layer in enumerate(layers):
        own = rows[rows["layer"] == layer].sort_values("step")
        color = PALETTE[number % len(PALETTE)]
        ax.fill_between(own["step"], own["low"], own["high"], color=color, alpha=0.2, linewidth=0)
        ax.plot(own["step"], own["value"], "o-", color=color, label=shorten(layer, LETTERS))
    label, units = rows["label"].iloc[0], rows["units"].iloc[0]
    yes_or_no = rows["kind"].iloc[0] == "share"
    title = label if yes_or_no else axis_label(label, units)
    ax.set_title(fill(shorten(title, 2 * LETTERS), LETTERS))
    if yes_or_no:
        ax.set_ylabel("Share of units")
        ax.set_ylim(-0.03, 1.03)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
