"""The page of a rig: what it asks for, and what it is answered."""

import asyncio
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
from bokeh.document import Document, without_document_lock
from bokeh.models import ColumnDataSource
from markupsafe import Markup

from insilico.errors import UserError
from insilico.rig.explored import FACTORS
from insilico.rig.hand import KINDS, Hand, limits, read
from insilico.rig.plots import MAP, curve_frame, drawn, map_frame
from insilico.rig.rig import Heard, Rig

__all__ = ["Desk", "page_template"]

# s between two drawings of the figures: dots need not come thirty times a second.
REDRAWN = 0.5

# Share of the time that drawing them may take.
SHARE = 0.1


class GivenUpError(Exception):
    """A measurement was given up."""


class Desk:
    """Who sits at a rig: answers the page, one question after the other.

    A question is a JSON object in the column ``question`` of ``asked``: ``number``; ``hand``, what
    is under the hand, or none; and ``do``, a list of commands (``next``, ``previous``, ``unit``,
    ``pair``, ``rank``, ``measure``, ``stop``, ``hello``), each with its argument. The answer has
    its number.

    Parameters
    ----------
    rig : Rig
        The rig.
    title : str
        What is recorded, in words.
    """

    def __init__(self, rig: Rig, title: str) -> None:
        self.rig = rig
        self.title = title
        self._limits = limits(rig.probe.display)
        self._bench = ThreadPoolExecutor(1)
        self._busy: tuple[str, float] | None = None
        self._stop = False
        self._trouble = ""
        self._hand = Hand()
        self._drawn: tuple[float, Any] = (0.0, None)
        self._drawing = False
        self._told_of: tuple[Any, ...] = ()

    def furnish(self, document: Document) -> None:
        """Put the figures, and the two sources that carry questions and answers, on a page."""
        document.title = f"insilico rig: {self.title}"
        document.template = page_template()
        script = files("insilico").joinpath("rig", "rig.js").read_text(encoding="utf-8")
        document.template_variables.update(
            title_of_rig=self.title, settings=self._settings(), script=Markup(script)
        )
        asked = ColumnDataSource({"question": []}, name="asked")
        answered = ColumnDataSource({"answer": [], "picture": []}, name="answered")
        figures = {f"curve-{factor}": curve_frame(factor, self._limits) for factor in FACTORS}
        figures[MAP] = map_frame(self._limits)
        for root in (asked, answered, *figures.values()):
            document.add_root(root)

        def answer(_attribute: str, _old: Any, new: Mapping[str, list[str]]) -> None:
            for question in new["question"]:
                said, picture = self.answer(json.loads(question), document)
                answered.data = {"answer": [json.dumps(said)], "picture": [picture]}
            if not self._drawing:
                self._drawing = True
                # After the answer has left, which is waited for.
                document.add_next_tick_callback(partial(self._draw, figures))

        asked.on_change("data", answer)

    def _settings(self) -> dict[str, Any]:
        """Say what the script of the page has to know before it asks."""
        display = self.rig.probe.display
        return {
            "kinds": [[name, kind.uses] for name, kind in KINDS.items()],
            "limits": self._limits,
            "hand": vars(self._hand),
            "n_photographs": len(self.rig.photographs),
            "degrees": display.degrees,
            "background": [round(255 * float(display.encode(each))) for each in display.levels],
            "folder": str(self.rig.folder),
        }

    def answer(self, question: Mapping[str, Any], document: Document) -> tuple[dict[str, Any], Any]:
        """Do what a page asks for, show what is under the hand, and say what the units said.

        Parameters
        ----------
        question : mapping
            As it came.
        document : Document
            The page.

        Returns
        -------
        tuple of dict and array
            The answer, and the picture that was shown; none while units are measured.
        """
        said: dict[str, Any] = {"number": question.get("number")}
        if self._busy is None:
            for name, argument in question.get("do", ()):
                self._do(name, argument, document)
        elif any(name == "stop" for name, _ in question.get("do", ())):
            self._stop = True
        picture = None
        if self._busy is None:
            asked = question.get("hand")
            if isinstance(asked, Mapping):
                heard = self._look(asked)
                picture = heard.picture
                said |= _heard(heard, self._hand)
            said["blanks"] = _finite(self.rig.blanks)
        said["busy"] = self._busy
        said["trouble"] = self._trouble
        anew = any(name == "hello" for name, _ in question.get("do", ()))
        return said | self._state(anew=anew), picture

    def _look(self, asked: Mapping[str, Any]) -> Heard:
        self._hand = read(asked, self.rig.probe.display, len(self.rig.photographs))
        return self.rig.look(self._hand)

    def _do(self, name: str, argument: Any, document: Document) -> None:
        self._trouble = ""
        rig = self.rig
        if name in ("next", "previous"):
            rig.step(1 if name == "next" else -1, side=int(argument or 0) % len(rig.chosen))
        elif name == "pair":
            rig.pair()
        elif name == "unit":
            self._choose(argument)
        elif name == "rank" and argument in rig.rankings:
            rig.rank(argument)
        elif name == "measure":
            self._busy, self._stop = ("", 0.0), False
            beside: Any = without_document_lock  # It takes coroutines too.
            document.add_next_tick_callback(beside(self._measure))

    def _choose(self, argument: Any) -> None:
        n_units = len(self.rig.probe.units)
        if not isinstance(argument, int) or not 0 <= argument < n_units:
            self._trouble = f"There is no unit {argument}: they go from 0 to {n_units - 1}."
            return
        self.rig.choose([argument, *self.rig.chosen[1:]])

    async def _measure(self) -> None:
        """Measure beside the page, which asks on meanwhile and is told how far it is."""
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._bench, self.rig.measure, self._told)
        except GivenUpError:
            self._trouble = "Stopped; what was measured before is kept."
        except UserError as error:
            self._trouble = str(error)
        finally:
            self._busy = None
            self._drawn = (0.0, None)

    def _told(self, protocol: str, share: float) -> None:
        if self._stop:
            raise GivenUpError
        self._busy = (protocol, share)

    def close(self) -> None:
        """Give up a measurement, if there is one, and wait until it has ended."""
        self._stop = True
        self._bench.shutdown()

    def _state(self, *, anew: bool) -> dict[str, Any]:
        """Say which units are listened to and what is known of them, if that is new."""
        rig = self.rig
        said: dict[str, Any] = {"shown": rig.explored.n_shown, "latency": _number(rig.latency())}
        if self._busy is not None:
            return said
        now = (rig.chosen, rig.ranking, tuple(rig.order), self._n_measured())
        if anew or now != self._told_of:
            self._told_of = now
            said |= {
                "units": [self._unit(unit) for unit in rig.chosen],
                "n_units": len(rig.probe.units),
                "ranking": rig.ranking,
                "rankings": rig.rankings,
            }
        return said

    def _n_measured(self) -> tuple[int, int]:
        return len(self.rig.measurements.shared), len(self.rig.measurements.own)

    def _unit(self, unit: int) -> dict[str, Any]:
        rig = self.rig
        row, field = rig.probe.units.iloc[unit], rig.field(unit)
        return {
            "number": unit,
            "name": f"{row['layer']}, channel {row['channel']}",
            "rank": rig.order.index(unit) + 1,
            "value": _number(rig.value(unit)),
            "proven": field.proven,
            "status": field.status,
            "measured": field.measured,
            "map": self._map(unit),
            "properties": {
                name: _number(float(value[0]))
                for measured in rig.measurements.of(unit).values()
                for name, value in measured.properties.items()
            },
        }

    def _zoom(self, chart: Any) -> None:
        """Show the field of the first unit, and as much around it."""
        left, bottom, width, height = self.rig.field(self.rig.chosen[0]).proven
        side = max(width, height)
        middle = (left + width / 2, bottom + height / 2)
        for ends, center in zip((chart.x_range, chart.y_range), middle, strict=True):
            ends.update(start=center - side, end=center + side)

    def _map(self, unit: int) -> dict[str, Any] | None:
        """Lay out the measured map of a field: where it is, in deg, and its values up to 1."""
        measured = self.rig.measurements.of(unit).get("receptive_field")
        if measured is None:
            return None
        chart = measured.curve.isel(unit=0).sortby("offset_x").sortby("offset_y", ascending=False)
        values = chart.transpose("offset_y", "offset_x").to_numpy()
        peak = np.nanmax(values, initial=0.0)
        x, y = (
            chart[f"offset_{axis}"].to_numpy() + float(chart[f"centre_{axis}"]) for axis in "xy"
        )
        step = abs(float(x[1] - x[0]))
        return {
            "extent": [x.min() - step / 2, y.max() + step / 2, step * len(x), step * len(y)],
            "values": np.round(np.nan_to_num(values) / (peak or 1.0), 3).tolist(),
        }

    def _draw(self, figures: Mapping[str, Any]) -> None:
        """Draw the figures anew, unless that was just done or nothing is new."""
        self._drawing = False
        due, key = self._drawn
        rig = self.rig
        new = (rig.explored.n_shown, rig.chosen, self._n_measured(), self._hand.kind)
        if self._busy is not None or rig.seconds < due or new == key:
            return
        began = rig.seconds
        for name, parts in drawn(rig, self._hand.kind, self._limits).items():
            sources = {each.name: each.data_source for each in figures[name].renderers}
            for part, data in parts.items():
                if not _alike(sources[part].data, data):
                    sources[part].data = data
            if name == MAP:
                self._zoom(figures[MAP])
            else:
                top = max(1.0, *(data["rate"].max(initial=0.0) for data in parts.values()))
                figures[name].y_range.end = 1.08 * top
        now = rig.seconds
        self._drawn = (now + max(REDRAWN, (now - began) / SHARE), new)


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


def _heard(heard: Heard, hand: Hand) -> dict[str, Any]:
    return {
        "hand": vars(hand),
        "responses": _finite(heard.responses),
        "rates": _finite(heard.rates),
        "milliseconds": heard.milliseconds,
    }


def _finite(values: Any) -> list[float | None]:
    return [_number(float(value)) for value in values]


def _number(value: float) -> float | None:
    """Return a number, or None, for JSON has no NaN."""
    return value if math.isfinite(value) else None


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether the columns of two tables are equal, NaN to NaN."""
    return all(
        np.array_equal(np.asarray(one[name]), np.asarray(values), equal_nan=True)
        for name, values in other.items()
    )
