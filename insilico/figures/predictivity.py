"""How well layers predict recorded neurons: every layer, and every neuron."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.style import (
    ACCENT,
    MODEL,
    ONE_COLUMN,
    REFERENCE,
    TWO_COLUMNS,
    new_figure,
    shorten,
    style,
)

__all__ = ["layer_scores", "neuron_scores"]

ROW_HEIGHT = 0.23  # in
TALLEST = 9.0  # in
AROUND = 0.95  # in: axis and legend
NAME_LETTERS = 30
MOST_NAMED = 60  # layers


class _Dots(NamedTuple):
    """A column of the table, drawn as dots."""

    column: str
    label: str
    look: dict[str, Any]


R = _Dots("r", "", {"color": "0.25", "marker": "o"})
# Filled and blue for the rule in use; hollow and orange for the one before.
RULES = (
    _Dots("explained_variance", "r\N{SUPERSCRIPT TWO} / ceiling", {"color": MODEL, "marker": "o"}),
    _Dots(
        "explained_variance_before_2026",
        "(r / ceiling)\N{SUPERSCRIPT TWO}, before 2026",
        {"color": ACCENT, "marker": "s", "markerfacecolor": "white"},
    ),
)
PROPERTIES = (
    (_Dots("similarity", "", {"color": "0.25", "marker": "D"}), "Similarity of properties"),
    (_Dots("skill", "", {"color": "0.25", "marker": "D"}), "Skill of properties"),
)


def layer_scores(layers: pd.DataFrame, *, width: float = TWO_COLUMNS) -> Figure:
    """Draw how well each layer predicts neurons, and how V1-like its properties are if known.

    Parameters
    ----------
    layers : DataFrame
        One row per layer, in the order of the network: ``layers`` of a
        `insilico.predictivity.Predictivity`, with or without ``similarity`` and ``skill``.
    width : float
        In inches.

    Returns
    -------
    Figure
        The first layer on top. Lines through dots are 95 % intervals. Grey: the ceiling; dashed:
        what a perfect model would reach.
    """
    known = [each for each in PROPERTIES if each[0].column in layers]
    # So that names do not overlap.
    step = -(-len(layers) // MOST_NAMED)
    with style():
        figure = new_figure(width, min(TALLEST, ROW_HEIGHT * len(layers) + AROUND))
        axes = figure.subplots(1, 2 + len(known), sharey=True, squeeze=False)[0]
        _correlations(axes[0], layers)
        _explained(axes[1], layers)
        for ax, (dots, label) in zip(axes[2:], known, strict=True):
            _draw(ax, layers, dots, 0)
            ax.set_xlabel(label)
            if dots.column == "skill":
                ax.axvline(0, color="0.6", linewidth=0.6, zorder=0)
            else:
                ax.set_xlim(0, 1)
        for ax in axes:
            ax.grid(axis="x", color="0.93")
            ax.set_axisbelow(True)
        named = [shorten(str(name), NAME_LETTERS) for name in layers["layer"][::step]]
        axes[0].set_yticks(np.arange(0, len(layers), step), named)
        axes[0].set_ylim(len(layers) - 0.5, -0.5)
        handles = [each for ax in axes[:2] for each in ax.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    return figure


def neuron_scores(neurons: pd.DataFrame, *, width: float = ONE_COLUMN) -> Figure:
    """Draw every neuron: its r against the largest that its noise allows.

    Parameters
    ----------
    neurons : DataFrame
        One row per neuron: ``r`` and ``ceiling``, the reliability, of one layer.
    width : float
        In inches.

    Returns
    -------
    Figure
        On the line, a layer predicts all that can be predicted. Neurons without an r, or whose
        ceiling is not above 0, are not drawn; the title says how many are.
    """
    drawn = neurons[np.isfinite(neurons["r"]) & (neurons["ceiling"] > 0)]
    lowest = min(0.0, float(drawn["r"].min()) - 0.05) if len(drawn) else 0.0
    with style():
        figure = new_figure(width, width)
        ax = figure.subplots()
        ax.axline((0, 0), slope=1, color="0.6", linewidth=0.8)
        if lowest < 0:
            ax.axhline(0, color="0.85", linewidth=0.6, zorder=0)
        ax.plot(
            np.sqrt(drawn["ceiling"]), drawn["r"], "o", color=MODEL, alpha=0.6, markersize=3.5,
            markeredgewidth=0, clip_on=False,
        )  # fmt: skip
        ax.set_xlim(0, 1)
        ax.set_ylim(lowest, 1)
        ax.set_aspect("equal")
        ax.set_xlabel("Largest possible r: square root of the ceiling")
        ax.set_ylabel("r")
        of = "" if len(drawn) == len(neurons) else f" of {len(neurons)}"
        ax.set_title(f"n = {len(drawn)}{of} neurons", loc="left")
    return figure


def _correlations(ax: Axes, layers: pd.DataFrame) -> None:
    ceiling = layers.iloc[0]
    if np.isfinite(ceiling["ceiling"]):
        ax.axvspan(
            ceiling["ceiling_low"], ceiling["ceiling_high"], color=REFERENCE, alpha=0.7,
            linewidth=0, zorder=0, label="ceiling, 95 %",
        )  # fmt: skip
        ax.axvline(
            np.sqrt(max(ceiling["ceiling"], 0)), color="0.3", linestyle="--", linewidth=0.8,
            zorder=0, label="perfect model",
        )  # fmt: skip
    _draw(ax, layers, R, 0)
    ax.set_xlim(min(0.0, 1.1 * float(np.nanmin([0, *layers["r_low"]]))), 1)
    ax.set_xlabel("r, median of neurons")


def _explained(ax: Axes, layers: pd.DataFrame) -> None:
    shift = 0.13
    for dots, place in zip(RULES, (-shift, shift), strict=True):
        _draw(ax, layers, dots, place)
    ax.axvline(1, color=MODEL, linestyle="--", linewidth=0.8, zorder=0)
    ceiling = float(layers["ceiling"].iloc[0])
    if ceiling > 0:
        ax.axvline(1 / ceiling, color=ACCENT, linestyle="--", linewidth=0.8, zorder=0)
    ax.set_xlim(left=0)
    ax.set_xlabel("Explained variance")


def _draw(ax: Axes, layers: pd.DataFrame, dots: _Dots, shift: float) -> None:
    ax.errorbar(
        layers[dots.column], np.arange(len(layers)) + shift,
        xerr=_reach(layers, dots.column), linestyle="none", markersize=3.5, elinewidth=0.9,
        label=dots.label, **dots.look,
    )  # fmt: skip


def _reach(layers: pd.DataFrame, column: str) -> npt.NDArray[np.float64] | None:
    """How far the interval of each dot reaches to either side, if the column has intervals."""
    if f"{column}_low" not in layers:
        return None
    value = layers[column]
    sides = np.stack([value - layers[f"{column}_low"], layers[f"{column}_high"] - value])
    # An estimate may lie just outside of the interval of its resamples.
    return np.asarray(sides.clip(0))
