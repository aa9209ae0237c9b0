"""Who sits at a rig: takes the questions of its pages, and answers them."""

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.rig.hand import Hand, limits, read
from insilico.rig.rig import Rig

__all__ = ["Desk"]

Picture = npt.NDArray[np.uint8]


class GivenUpError(Exception):
    """A measurement was given up."""


class Desk:
    """Answers the pages of a rig, one question after the other.

    A question is a mapping with ``hand``, what is under the hand, or none; ``do``, a list of
    commands (``next``, ``previous``, ``first``, ``unit``, ``pair``, ``swap``, ``rank``, ``turn``,
    ``measure``, ``stop``), each with its argument; and ``known``, what the last answer gave as
    ``version``: what is known of the units is said again only where it has changed since.

    Parameters
    ----------
    rig : Rig
        The rig.

    Attributes
    ----------
    hand : Hand
        What was under the hand last.
    busy : tuple of str and float, or None
        While units are measured: the protocol, and the share of it that is done.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.hand = Hand()
        self.busy: tuple[str, float] | None = None
        self.limits = limits(rig.probe.display)
        self._bench = ThreadPoolExecutor(1)
        self._stop = False
        self._trouble = ""
        self._version = 0
        self._state: tuple[Any, ...] = ()

    @property
    def news(self) -> tuple[Any, ...]:
        """What differs once there is anything new to draw."""
        return (self.rig.explored.n_shown, self.hand.kind, *self._state_now())

    def answer(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], Picture | None]:
        """Do what a page asks for, show what is under the hand, and say what the units said.

        Parameters
        ----------
        question : mapping
            As it came.

        Returns
        -------
        tuple of dict and array
            The answer, and the picture that was shown; none while units are measured, and where
            the model has failed.
        """
        commands = list(_commands(question))
        if self.busy is not None:
            self._stop |= any(name == "stop" for name, _ in commands)
        said: dict[str, Any] = {}
        picture = None
        if self.busy is None:
            try:
                for name, argument in commands:
                    self._do(name, argument)
                if self.busy is None and isinstance(question.get("hand"), Mapping):
                    picture = self._look(question["hand"], said)
            except UserError as error:
                self._trouble = str(error)
        said |= {
            "busy": self.busy,
            "trouble": self._trouble,
            "shown": self.rig.explored.n_shown,
            "latency": _number(self.rig.latency()),
        }
        return said | self._news_for(question.get("known")), picture

    def save(self) -> None:
        """Write what was explored, if it is time to; say so on the page if that fails."""
        try:
            self.rig.save_if_due()
        except OSError as error:
            self._trouble = (
                f"What was explored cannot be written to {self.rig.folder} ({error.strerror}): "
                "make room there, or it is lost when the rig is closed."
            )

    def close(self) -> None:
        """Give up a measurement, if there is one, and wait until it has ended."""
        self._stop = True
        self._bench.shutdown()

    def _look(self, asked: Mapping[str, Any], said: dict[str, Any]) -> Picture:
        rig = self.rig
        self.hand = read(asked, rig.probe.display, len(rig.photographs))
        heard = rig.look(self.hand)
        said |= {
            "hand": vars(self.hand),
            "responses": _finite(heard.responses),
            "rates": _finite(heard.rates),
        }
        return heard.picture

    def _do(self, name: str, argument: Any) -> None:
        self._trouble = ""
        rig = self.rig
        if name in ("next", "previous"):
            rig.step(1 if name == "next" else -1)
        elif name == "first":
            rig.choose([rig.order[0], *rig.chosen[1:]])
        elif name == "pair":
            rig.pair()
        elif name == "swap":
            rig.choose(rig.chosen[::-1])
        elif name == "unit":
            self._choose(argument)
        elif name == "rank" and argument in rig.rankings:
            rig.rank(argument, ascending=rig.ascending)
        elif name == "turn":
            rig.rank(rig.ranking, ascending=not rig.ascending)
        elif name == "measure":
            self.busy, self._stop = ("", 0.0), False
            self._bench.submit(self._measure)

    def _choose(self, argument: Any) -> None:
        n_units = len(self.rig.probe.units)
        if not isinstance(argument, int) or not 0 <= argument < n_units:
            self._trouble = f"There is no unit {argument}: they go from 0 to {n_units - 1}."
            return
        self.rig.choose([argument, *self.rig.chosen[1:]])

    def _measure(self) -> None:
        """Measure beside the pages, which ask on meanwhile and are told how far it is."""
        try:
            self.rig.measure(self._told)
        except GivenUpError:
            self._trouble = "Stopped; what was measured before is kept."
        except UserError as error:
            self._trouble = str(error)
        except Exception as error:  # noqa: BLE001 - in its thread nobody else hears of it
            self._trouble = f"The measurement failed: {type(error).__name__}: {error}"
        finally:
            self.busy = None

    def _told(self, protocol: str, share: float) -> None:
        if self._stop:
            raise GivenUpError
        self.busy = (protocol, share)

    def _state_now(self) -> tuple[Any, ...]:
        measured = self.rig.measurements
        return (
            self.rig.chosen,
            self.rig.ranking,
            tuple(self.rig.order),
            len(measured.shared),
            len(measured.own),
        )

    def _news_for(self, known: Any) -> dict[str, Any]:
        """Say which units are listened to and what is known of them, if that is new to a page."""
        if self.busy is not None:
            return {}
        now = self._state_now()
        if now != self._state:
            self._state = now
            self._version += 1
        if known == self._version:
            return {}
        rig = self.rig
        return {
            "version": self._version,
            "units": [self._unit(unit) for unit in rig.chosen],
            "blanks": _finite(rig.blanks),
            "n_units": len(rig.probe.units),
            "ranking": rig.ranking,
            "ascending": rig.ascending,
            "rankings": rig.rankings,
        }

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


def _commands(question: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Go through what a question asks to be done."""
    asked = question.get("do")
    for command in asked if isinstance(asked, list) else ():
        if isinstance(command, list) and len(command) == 2 and isinstance(command[0], str):
            yield command[0], command[1]


def _finite(values: Any) -> list[float | None]:
    return [_number(float(value)) for value in values]


def _number(value: float) -> float | None:
    """Return a number, or None, for JSON has no NaN."""
    return value if math.isfinite(value) else None
