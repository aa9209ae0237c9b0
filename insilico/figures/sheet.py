"""A contact sheet: what a stimulus set shows."""

import textwrap
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.style import TWO_COLUMNS, new_figure, style
from insilico.recording.schema import UNITS
from stimuli import StimulusSet

__all__ = ["contact_rows", "contact_sheet"]

PER_ROW = 8
ROW_HEIGHT = 0.98  # in


def contact_sheet(stimulus_set: StimulusSet, *, most: int = 48) -> Figure:
    """Draw a set of stimuli as a model sees them, each with its parameters.

    Parameters
    ----------
    stimulus_set : StimulusSet
        The set.
    most : int
        How many stimuli to draw at most. A larger set is shown as one row per factor, in which
        that factor changes while the others keep a middle value.

    Returns
    -------
    Figure
        Its heading says how many stimuli there are and what all of them share.
    """
    strips = contact_rows(stimulus_set, most=most)
    lines = [(factor, line) for factor, rows in strips.items() for line in _lines(rows)]
    everything = _varying(stimulus_set.conditions)
    with style():
        figure = new_figure(TWO_COLUMNS, ROW_HEIGHT * len(lines) + 0.4)
        axes = figure.subplots(len(lines), PER_ROW, squeeze=False)
        for (factor, line), places in zip(lines, axes, strict=True):
            images = stimulus_set.images(line.tolist()).numpy()
            table = stimulus_set.conditions.iloc[line]
            texts = _texts(table[everything]) if not factor else _numbers(table[factor])
            for ax, image, text in zip(places, images, texts, strict=False):
                _draw(ax, image, text)
            places[0].set_ylabel(factor.replace("_", " "))
            for ax in places[len(line) :]:
                ax.set_axis_off()
        figure.suptitle(_heading(stimulus_set, strips), x=0.005, ha="left", fontsize=7)
    return figure


def contact_rows(stimulus_set: StimulusSet, *, most: int = 48) -> dict[str, npt.NDArray[np.intp]]:
    """Choose the stimuli of a contact sheet.

    Parameters
    ----------
    stimulus_set : StimulusSet
        The set.
    most : int
        How many to choose at most.

    Returns
    -------
    dict of str to array of int
        Rows of the table. All of them under the name "" if they are few enough; otherwise, for each
        factor, evenly spaced levels of it through the stimulus in the middle of the others.
    """
    table = stimulus_set.conditions
    if most < len(stimulus_set.dims):
        raise ValueError(
            f"a contact sheet of {stimulus_set.name!r} needs at least one stimulus for each of its "
            f"{len(stimulus_set.dims)} factors; got most={most}."
        )
    if len(table) <= most:
        return {"": np.arange(len(table))}
    ranks = table[list(stimulus_set.dims)].rank(method="dense").to_numpy()
    middle = np.abs(ranks - (1 + ranks.max(0)) // 2).sum(1).argmin()
    each = min(PER_ROW, most // len(stimulus_set.dims))
    strips = {}
    for column, factor in enumerate(stimulus_set.dims):
        others = np.delete(ranks, column, axis=1)
        along = np.flatnonzero((others == others[middle]).all(1))
        along = along[np.argsort(ranks[along, column], kind="stable")]
        places = np.linspace(0, len(along) - 1, min(each, len(along)))
        strips[factor] = along[np.rint(places).astype(int)]
    return strips


def _lines(rows: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    return [rows[start : start + PER_ROW] for start in range(0, len(rows), PER_ROW)]


def _draw(ax: Axes, image: npt.NDArray[np.floating], text: str) -> None:
    pixels = np.clip(np.moveaxis(image, 0, -1), 0, 1)
    grey = pixels.shape[-1] == 1
    ax.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("0.7")
    ax.set_title(text, fontsize=5.5, pad=2)


def _varying(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if table[name].nunique() > 1]


def _numbers(column: pd.Series) -> list[str]:
    return [_value(str(column.name), value, named=False) for value in column.tolist()]


def _texts(table: pd.DataFrame) -> list[str]:
    """Say the values of all columns, one text per row."""
    rows = table.to_dict("records")
    values = [[_value(str(name), row[name]) for name in row] for row in rows]
    return ["\n".join("\n".join(textwrap.wrap(text, 20)) for text in row) for row in values]


def _value(name: str, value: object, *, named: bool = True) -> str:
    units = UNITS.get(name, "1")
    number = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = number if units == "1" else f"{number} {units}"
    if value == np.inf:
        text = "unlimited"
    return f"{name.replace('_', ' ')} {text}" if named else text


def _heading(stimulus_set: StimulusSet, strips: Mapping[str, npt.NDArray[np.intp]]) -> str:
    """Say how many stimuli there are, and what stays the same."""
    table = stimulus_set.conditions
    factors = [f"{dim.replace('_', ' ')} ({table[dim].nunique()})" for dim in stimulus_set.dims]
    lines = [f"{stimulus_set.name}: {len(table)} stimuli, varied in {', '.join(factors)}"]
    shared = {str(name): table[name].iloc[0] for name in table if name not in _varying(table)}
    if shared:
        lines.append("all: " + ", ".join(_value(name, value) for name, value in shared.items()))
    if len(strips) > 1:
        # Along the strip of one factor, every other one has its middle value.
        first, second = list(strips)[:2]
        middle = {
            dim: table[dim].iloc[strips[second if dim == first else first][0]] for dim in strips
        }
        rest = ", ".join(_value(name, value) for name, value in middle.items())
        lines.append(f"one row per factor, the others at {rest}")
    return "\n".join("\n".join(textwrap.wrap(line, 140)) for line in lines)
