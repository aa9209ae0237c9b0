"""The scorecard of thirty phenomena as a figure: shares of units, and the curve behind each."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.style import (
    ACCENT,
    MODEL,
    ONE_COLUMN,
    PALETTE,
    TWO_COLUMNS,
    new_figure,
    shorten,
    style,
)

__all__ = ["scorecard_page"]

ROW_HEIGHT = 0.235  # in
NAME_LETTERS = 52
# A phenomenon is shown where the lower limit of the share is above it.
HALF = 0.5
CONTROL = "0.55"
LOG = ("contrast", "diameter", "inner_diameter")


def scorecard_page(
    card: pd.DataFrame, curves: pd.DataFrame | None = None, *, width: float = TWO_COLUMNS
) -> Figure:
    """Draw the share of units that show each phenomenon, with its interval.

    Parameters
    ----------
    card : DataFrame
        Of `insilico.scorecard`, of one population or of several models.
    curves : DataFrame, optional
        Of `insilico.comparison.phenomena_curves.median_curves`, of the population: drawn small
        beside each row.
    width : float
        In inches.

    Returns
    -------
    Figure
        A row for each phenomenon; filled dots where the model shows it, open ones where it does
        not, and nothing where it was not measured. Grey crosses are the linear control.
    """
    order = card.drop_duplicates("number").sort_values("number")
    models = list(card["model"].unique())
    with style():
        figure = new_figure(width, ROW_HEIGHT * len(order) + 0.65)
        ax = figure.subplots()
        _shares(ax, card, order, models)
        if curves is not None and width > ONE_COLUMN:
            for row, number in enumerate(order["number"]):
                height = 1 / len(order)
                place = ax.inset_axes((1.02, 1 - (row + 0.9) * height, 0.13, 0.8 * height))
                _thumbnail(place, curves[curves["number"] == number])
    return figure


def _shares(ax: Axes, card: pd.DataFrame, order: pd.DataFrame, models: list[str]) -> None:
    place = {number: row for row, number in enumerate(order["number"])}
    step = 0.6 / max(len(models), 2)
    counts = card.groupby("model", sort=False)["n_units"].max()
    ax.plot(
        order["control"], order["number"].map(place), "x", color=CONTROL, markersize=3.2,
        markeredgewidth=0.8, label="Linear control",
    )  # fmt: skip
    for which, model in enumerate(models):
        rows = card[(card["model"] == model) & card["share"].notna()]
        color = PALETTE[which % len(PALETTE)] if len(models) > 1 else MODEL
        at = rows["number"].map(place) + step * (which - (len(models) - 1) / 2)
        yes = (rows["shown"] == "yes").to_numpy()
        ax.hlines(at, rows["share_low"], rows["share_high"], color=color, linewidth=0.8)
        for chosen, face in ((yes, color), (~yes, "white")):
            ax.plot(
                rows["share"][chosen], at[chosen], "o", color=color, markerfacecolor=face,
                markersize=3, markeredgewidth=0.8,
            )  # fmt: skip
        if len(models) > 1:
            label = f"{shorten(model, NAME_LETTERS)}, n = {counts[model]}"
            ax.plot([], [], "o-", color=color, markersize=3, label=label)
    shade = MODEL if len(models) == 1 else CONTROL
    for face, label in ((shade, "Shown, and 95 % interval"), ("white", "Not shown for certain")):
        ax.plot([], [], "o-", color=shade, markerfacecolor=face, markersize=3, lw=0.8, label=label)
    unmeasured = order[~order["number"].isin(card.loc[card["share"].notna(), "number"])]
    for number in unmeasured["number"]:
        ax.text(
            0.5, place[number], "not measured", ha="center", va="center", color="0.55",
            backgroundcolor="white",
        )  # fmt: skip
    ax.axvline(HALF, color="0.6", linewidth=0.6, linestyle="--", zorder=0)
    ax.set_yticks(
        range(len(order)),
        [
            f"{shorten(name, NAME_LETTERS)}  {number}"
            for name, number in zip(order["phenomenon"], order["number"], strict=True)
        ],
    )
    ax.set(xlim=(-0.02, 1.02), ylim=(len(order) - 0.5, -0.5))
    ax.set_xlabel("Share of units" if len(models) > 1 else f"Share of {counts.iloc[0]} units")
    ax.grid(axis="y", color="0.93")
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.figure.legend(loc="outside upper center", ncols=3)


def _thumbnail(ax: Axes, curve: pd.DataFrame) -> None:
    ax.set_axis_off()
    for which, (_, line) in enumerate(
        curve.groupby(["protocol", "line"], dropna=False, sort=False)
    ):
        kept = line[line["x"] > 0] if line["along"].iloc[0] in LOG else line
        ax.plot(kept["x"], kept["response"], color=(MODEL, ACCENT)[which % 2], linewidth=0.9)
    if len(curve) and curve["along"].iloc[0] in LOG:
        ax.set_xscale("log")
    if len(curve):
        top = float(np.nanmax(curve["response"]))
        ax.set_ylim(0, 1.08 * max(top, 1e-9))
