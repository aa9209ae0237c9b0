"""The page of a rig: its text, its script, and the figures that Bokeh keeps up to date."""

import time
from collections import deque
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
from bokeh.document import Document
from bokeh.plotting import figure
from markupsafe import Markup

from insilico.rig.desk import Desk
from insilico.rig.explored import FACTORS
from insilico.rig.hand import KINDS
from insilico.rig.plots import MAP, curve_frame, curve_parts, map_frame, map_parts

__all__ = ["SCRIPTS", "furnish", "page_template"]

# ms from the drawing of one figure to that of the next: all of them at once would hold up the hand.
REDRAWN = 250

# Share of the time that drawing may take of the server's.
SHARE = 0.1

# The parts of the script, each of which knows those before it.
SCRIPTS = ("hand", "screen", "trace", "panel", "clicks", "line")


def furnish(document: Document, desk: Desk, title: str) -> None:
    """Put a page together, and keep its figures up to date from then on.

    Parameters
    ----------
    document : Document
        The page.
    desk : Desk
        Who answers it.
    title : str
        What is recorded, in words.
    """
    document.title = f"insilico rig: {title}"
    document.template = page_template()
    document.template_variables.update(
        title_of_rig=title, settings=_settings(desk), script=Markup(_script())
    )
    figures = {f"curve-{factor}": curve_frame(factor, desk.limits) for factor in FACTORS}
    figures[MAP] = map_frame(desk.limits)
    for root in figures.values():
        document.add_root(root)
    document.add_periodic_callback(Board(desk, figures).draw, REDRAWN)


def page_template() -> jinja2.Template:
    """Load the template of the page; its script is written into it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("insilico", "rig"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("rig.html.jinja")


class Board:
    """The figures of one page.

    Parameters
    ----------
    desk : Desk
        Who answers the page.
    figures : mapping of str to figure
        By their names.
    """

    def __init__(self, desk: Desk, figures: Mapping[str, figure]) -> None:
        self._desk = desk
        self._figures = figures
        self._turn = deque(figures)
        self._drawn: dict[str, tuple[Any, ...]] = {}
        self._due = 0.0

    def draw(self) -> None:
        """Draw the figure whose turn it is of those for which there is anything new."""
        desk = self._desk
        now, began = desk.rig.seconds, time.thread_time()
        news = desk.news
        stale = [name for name in self._turn if self._drawn.get(name) != news]
        if desk.busy is not None or now < self._due or not stale:
            return
        name = stale[0]
        self._turn.remove(name)
        self._turn.append(name)
        self._drawn[name] = news
        if name == MAP:
            self._draw_map()
        else:
            self._draw_curve(name)
        self._due = now + (time.thread_time() - began) / SHARE

    def _draw_curve(self, name: str) -> None:
        desk = self._desk
        factor = name.removeprefix("curve-")
        parts = curve_parts(desk.rig, desk.hand.kind, factor, desk.limits)
        self._show(name, parts)
        top = max(np.max(each["rate"], initial=1.0, where=_known(each)) for each in parts.values())
        plot: Any = self._figures[name]
        plot.y_range.end = 1.08 * float(top)

    def _draw_map(self) -> None:
        """Show the field of the first unit, and as much around it."""
        desk = self._desk
        plot: Any = self._figures[MAP]
        self._show(MAP, map_parts(desk.rig, desk.hand.kind, desk.limits))
        left, bottom, width, height = desk.rig.field(desk.rig.chosen[0]).proven
        side = max(width, height)
        middle = (left + width / 2, bottom + height / 2)
        for ends, center in zip((plot.x_range, plot.y_range), middle, strict=True):
            ends.update(start=center - side, end=center + side)

    def _show(self, name: str, parts: Mapping[str, Mapping[str, Any]]) -> None:
        plot: Any = self._figures[name]
        sources = {each.name: each.data_source for each in plot.renderers}
        for part, data in parts.items():
            if not _alike(sources[part].data, data):
                sources[part].data = data


def _settings(desk: Desk) -> dict[str, Any]:
    """Say what the script of the page has to know before it asks."""
    display = desk.rig.probe.display
    return {
        "kinds": [[name, kind.uses] for name, kind in KINDS.items()],
        "limits": desk.limits,
        "hand": vars(desk.hand),
        "n_photographs": len(desk.rig.photographs),
        "degrees": display.degrees,
        "folder": str(desk.rig.folder),
    }


def _script() -> str:
    """Put the parts of the script together; only what the last of them gives away is seen."""
    folder = files("insilico").joinpath("rig", "js")
    parts = [folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(['const rig = (() => {\n"use strict";', *parts, "})();"])


def _known(part: Mapping[str, Any]) -> Any:
    return np.isfinite(part["rate"])


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether the columns of two tables are equal, NaN to NaN."""
    return all(
        np.array_equal(np.asarray(one[name]), np.asarray(values), equal_nan=True)
        for name, values in other.items()
    )
