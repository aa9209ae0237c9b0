"""A contact sheet: what a stimulus set shows."""

import re
import textwrap
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.movie import frames
from insilico.figures.style import style
from insilico.recording.schema import UNITS
from stimuli import Display, StimulusSet, Window

__all__ = ["contact_rows", "contact_sheet"]

PER_ROW = 8

# Everything is placed in whole pixels of the sheet, which is two columns of a page wide: a picture
# that is drawn in fewer or more of them than it has shows stripes that no model sees.
DPI = 300
TILE = 224
GAP = 12
LEFT, RIGHT = 84, 16
TEXT_LINE = 28
HEADING_LINE = 36

LETTERS = 17  # of a line above a picture

Picture = npt.NDArray[np.floating]


def contact_sheet(stimulus_set: StimulusSet, *, most: int = 48) -> Figure:
    """Draw a set of stimuli as a model sees them, pixel by pixel, each with its parameters.

    Parameters
    ----------
    stimulus_set : StimulusSet
        The set; of movies, some of their frames, ``time`` being one more factor.
    most : int
        How many stimuli to draw at most. A larger set is shown as one row per factor, in which
        that factor changes while the others keep a middle value.

    Returns
    -------
    Figure
        Its heading says how many stimuli there are and what all of them share. At its own
        resolution (300 dpi) a pixel of the display is one pixel of the sheet, or several where the
        display is small. Of a display above 224 px, a window around each stimulus is shown.
    """
    if stimulus_set.time:
        stimulus_set = frames(stimulus_set)
    strips = contact_rows(stimulus_set, most=most)
    lines = [(factor, line) for factor, rows in strips.items() for line in _lines(rows)]
    everything = _varying(stimulus_set.conditions)
    table = stimulus_set.conditions
    texts = [
        _numbers(table[factor].iloc[line]) if factor else _texts(table[everything].iloc[line])
        for factor, line in lines
    ]
    heading = _heading(stimulus_set, strips)
    above = HEADING_LINE * (1 + len(heading.splitlines()))
    tall = [TEXT_LINE * max(text.count("\n") + 1 for text in row) for row in texts]
    width = LEFT + PER_ROW * TILE + (PER_ROW - 1) * GAP + RIGHT
    height = above + sum(tall) + len(lines) * (TILE + 2 * GAP)
    with style():
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        top = above
        for (factor, line), row, titles in zip(lines, texts, tall, strict=True):
            top += titles + GAP
            for number, (stimulus, text) in enumerate(zip(line, row, strict=True)):
                picture = _seen(stimulus_set, int(stimulus))
                left = LEFT + number * (TILE + GAP)
                ax = _place(figure, picture, left, height - top)
                _draw(ax, picture, text)
                if number == 0:
                    ax.set_ylabel(factor.replace("_", " "), fontsize=6)
            top += TILE + GAP
        figure.suptitle(heading, x=GAP / width, y=1 - GAP / height, ha="left", va="top", fontsize=7)
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


def _seen(stimulus_set: StimulusSet, stimulus: int) -> Picture:
    """One picture, or as much of it around the stimulus as there is room for."""
    display, row = stimulus_set.display, stimulus_set.conditions.iloc[stimulus]
    window = _window(display, float(row.get("x", 0.0)), float(row.get("y", 0.0)))
    image = stimulus_set.images([stimulus], window=window)[0].numpy()
    times = max(1, TILE // max(window.height, window.width))
    return np.clip(np.moveaxis(image, 0, -1), 0, 1).repeat(times, axis=0).repeat(times, axis=1)


def _window(display: Display, x: float, y: float) -> Window:
    """Find the part of a display that is shown: around a place, and within the display."""
    height, width = min(display.height, TILE), min(display.width, TILE)
    row, column = np.abs(display.y() - y).argmin(), np.abs(display.x() - x).argmin()
    top = int(np.clip(row - height // 2, 0, display.height - height))
    left = int(np.clip(column - width // 2, 0, display.width - width))
    return Window(top, left, height, width)


def _place(figure: Figure, picture: Picture, left: int, top: int) -> Axes:
    """Axes as large as a picture, in whole pixels, ``top`` being counted from below."""
    height, width = picture.shape[:2]
    across, up = np.rint(figure.get_size_inches() * DPI)
    return figure.add_axes((left / across, (top - height) / up, width / across, height / up))


def _draw(ax: Axes, picture: Picture, text: str) -> None:
    grey = picture.shape[-1] == 1
    pixels = picture[..., 0] if grey else picture
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    ax.set_xticks([])
    ax.set_yticks([])
    # A frame would cover pixels.
    ax.spines[:].set_visible(False)
    ax.set_title(text, fontsize=5.5, pad=2)


def _varying(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if table[name].nunique() > 1]


def _numbers(column: pd.Series) -> list[str]:
    return [_value(str(column.name), value, named=False) for value in column.tolist()]


def _texts(table: pd.DataFrame) -> list[str]:
    """Say the values of all columns, one text per row."""
    rows = table.to_dict("records")
    values = [[_value(str(name), row[name]) for name in row] for row in rows]
    return ["\n".join(map(_wrapped, row)) for row in values]


def _wrapped(text: str) -> str:
    """Break a text into lines, but not between a number and its units."""
    held = re.sub(r" (?=[a-zA-Z/]+$)(?<=\d )", "\N{NO-BREAK SPACE}", text)
    return "\n".join(textwrap.wrap(held, LETTERS)).replace("\N{NO-BREAK SPACE}", " ")


def _value(name: str, value: object, *, named: bool = True) -> str:
    # "surround_orientation" is an orientation.
    units = next((UNITS[known] for known in UNITS if f"_{name}".endswith(f"_{known}")), "1")
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
    display = stimulus_set.display
    shown = _window(display, 0.0, 0.0)
    if (shown.height, shown.width) != (display.height, display.width):
        lines.append(
            f"each in a window of {shown.height} x {shown.width} of the {display.height} x "
            f"{display.width} px"
        )
    if len(strips) > 1:
        # Along the strip of one factor, every other one has its middle value.
        first, second = list(strips)[:2]
        middle = {
            dim: table[dim].iloc[strips[second if dim == first else first][0]] for dim in strips
        }
        rest = ", ".join(_value(name, value) for name, value in middle.items())
        lines.append(f"one row per factor, the others at {rest}")
    return "\n".join("\n".join(textwrap.wrap(line, 140)) for line in lines)
