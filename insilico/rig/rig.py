"""The rig itself, without a page: units, the stimulus under the hand, and what was explored."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from insilico.folders import written
from insilico.recording.listening import Respond
from insilico.recording.probe import Probe
from insilico.rig.drawing import picture
from insilico.rig.explored import UNIT, Explored
from insilico.rig.field import Field, field_of
from insilico.rig.hand import Hand
from insilico.rig.measuring import Measurements, Survey
from insilico.rig.rates import rates_of
from insilico.rig.threads import threads

__all__ = ["PHOTOGRAPHS", "SCRIPT_NAME", "TABLE_NAME", "Heard", "Rig"]

TABLE_NAME = "explored.csv"
SCRIPT_NAME = "repeat.py"
PHOTOGRAPHS = "photographs"

# The table is written so often (s), and less often where that would take more than this share of
# the time.
EVERY = 2.0
SHARE = 0.02

# Answers whose latency is remembered.
REMEMBERED = 300

# Ranks by the strongest answer to the gratings of the survey, by the place in the layer, and by the
# answer to what is under the hand.
RANKINGS = ("strongest", "number", "now")


@dataclass(frozen=True)
class Heard:
    """What was shown, and what the units said.

    Parameters
    ----------
    picture : array of uint8, shape (height, width) or (height, width, 3)
        As the model was shown it, but for the rounding to 256 levels.
    responses : array of float32, shape (unit,)
        Raw activations of the chosen units.
    rates : array, shape (unit,)
        In spikes/s.
    """

    picture: npt.NDArray[np.uint8]
    responses: npt.NDArray[np.float32]
    rates: npt.NDArray[np.float64]


class Rig:
    """Shows what is under the hand to a model, and listens to one unit or two; made by `opened`.

    Parameters
    ----------
    probe : Probe
        In the model.
    found : Survey
        What its units said to a few gratings.
    folder : Path
        Where what is explored is written.
    photographs : sequence of Path
        Pictures that can be shown; copied to the folder once one was.
    script : str
        A program that shows again what was explored; written beside the table.
    threads : int
        Of the processor, that units are measured with.

    Attributes
    ----------
    chosen : tuple of int
        The units that are listened to: rows of the probe's table.
    order : list of int
        All units, in the order in which `step` goes through them.
    ranking : str
        What they are ordered by.
    ascending : bool
        Whether the smallest come first.
    explored : Explored
        What was shown.
    measurements : Measurements
        What was measured.
    """

    def __init__(
        self,
        probe: Probe,
        found: Survey,
        *,
        folder: Path,
        photographs: Sequence[Path] = (),
        script: str = "",
        threads: int = 1,
    ) -> None:
        self.probe = probe
        self.survey = found
        self.folder = folder
        self.photographs = tuple(photographs)
        self.measurements = Measurements(probe, found.rate_map)
        self.explored = Explored(folder / TABLE_NAME)
        self._script = script
        self._threads = threads
        self._started = time.monotonic()
        self._saved = (self._started, 0.0)
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)
        self._last = Hand()
        self._photographed = False
        self._contexts = ExitStack()
        self.chosen: tuple[int, ...] = ()
        self.rank("strongest")
        self.choose(self.order[:1])

    def choose(self, units: Sequence[int]) -> None:
        """Listen to other units.

        Parameters
        ----------
        units : sequence of int
            One row of the probe's table, or two; twice the same is one.
        """
        self._contexts.close()
        self.chosen = tuple(dict.fromkeys(int(unit) for unit in units))
        table = self.probe.units.iloc[list(self.chosen)]
        places = table[list(UNIT)].itertuples(index=False, name=None)
        self._places = dict(zip(self.chosen, places, strict=True))
        self._blank = self.survey.blank[list(self.chosen)]
        self._respond: Respond = self._contexts.enter_context(self.probe.listening(table))

    def step(self, by: int) -> None:
        """Exchange the first of the chosen units for the next in the order of the ranking.

        After the last comes the first. One that is listened to already is passed over.

        Parameters
        ----------
        by : {1, -1}
            Down, or up.
        """
        here, *beside = self.chosen
        others = [unit for unit in self.order if unit not in beside]
        self.choose([others[(others.index(here) + by) % len(others)], *beside])

    def pair(self) -> None:
        """Listen to the next unit beside the one that is there; or to one again, if it was two."""
        place = self.order.index(self.chosen[0]) + 1
        other = self.order[place % len(self.order)]
        self.choose(self.chosen[:1] if len(self.chosen) > 1 else (self.chosen[0], other))

    def rank(self, by: str, *, ascending: bool = False) -> None:
        """Put the units into the order of a property.

        Parameters
        ----------
        by : str
            One of `rankings`. Units without a value come last.
        ascending : bool
            The smallest first.
        """
        values = self._values(by)
        ranked = np.argsort(values if ascending else -values, kind="stable")
        self.order = [int(unit) for unit in ranked]
        self.ranking, self.ascending = by, ascending

    @property
    def rankings(self) -> list[str]:
        """What units can be ranked by: properties too, once they were measured."""
        return [*RANKINGS, *self.measurements.properties()]

    def value(self, unit: int) -> float:
        """Give the value that a unit is ranked by; NaN where that is no property."""
        properties = self.measurements.properties()
        return float(properties[self.ranking][unit]) if self.ranking in properties else np.nan

    def look(self, hand: Hand) -> Heard:
        """Show what is under the hand, and note down the answers.

        Parameters
        ----------
        hand : Hand
            What it is, and where.

        Returns
        -------
        Heard
        """
        began = time.perf_counter()
        drawn, responses = self.respond(hand)
        took = 1000 * (time.perf_counter() - began)
        self._latencies.append(took)
        self._last = hand
        self._photographed |= hand.kind == "photograph"
        self.explored.add(
            hand, self._places, responses.tolist(), self._blank.tolist(), self.seconds
        )
        levels = np.rint(255 * drawn[0].clamp(0, 1).cpu().numpy()).astype(np.uint8)
        image = levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1)
        return Heard(image, responses, self.rates(responses))

    def respond(self, hand: Hand) -> tuple[torch.Tensor, npt.NDArray[np.float32]]:
        """Draw what is under the hand, and ask the chosen units; nothing is noted down.

        Parameters
        ----------
        hand : Hand
            What it is, and where.

        Returns
        -------
        picture : Tensor, shape (1, channel, height, width)
            Of the whole display.
        responses : array, shape (unit,)
            Raw activations.
        """
        drawn = self._draw(hand)
        return drawn, self._respond(drawn)[0]

    def rates(self, responses: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map activations of the chosen units to firing rates, in spikes/s."""
        layers = [str(place[0]) for place in self._places.values()]
        return rates_of(self.measurements.rate_map, layers, np.asarray(responses, dtype=float))

    def rates_of(self, unit: int, responses: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map activations of one unit to firing rates, in spikes/s."""
        layer = str(self.probe.units["layer"].iat[unit])
        many = np.asarray(responses, dtype=float)
        return rates_of(self.measurements.rate_map, [layer] * many.size, many)

    @property
    def blanks(self) -> npt.NDArray[np.float64]:
        """Rates of the chosen units to the blank, in spikes/s."""
        return self.rates(self._blank)

    def field(self, unit: int) -> Field:
        """Say where a unit looks."""
        measured = self.measurements.of(unit).get("receptive_field")
        return field_of(self.probe, unit, None if measured is None else measured.properties)

    def measure(self, done: Callable[[str, float], None]) -> None:
        """Run the true protocols for the chosen units.

        Parameters
        ----------
        done : callable
            ``done(protocol, share)`` is told how far it is; what it raises ends the measurement.
        """
        with threads(self._threads):
            for unit in self.chosen:
                self.measurements.measure(unit, done)

    @property
    def seconds(self) -> float:
        """How long the rig is open, in s."""
        return time.monotonic() - self._started

    def latency(self) -> float:
        """Give the median time from the hand to the answers, in ms; NaN before the first one."""
        return float(np.median(self._latencies)) if self._latencies else np.nan

    def save(self) -> None:
        """Write the table of what was explored, and the script, if there is anything new."""
        if not self.explored.n_shown:
            return
        began = time.monotonic()
        self.explored.save()
        path = self.folder / SCRIPT_NAME
        if not path.exists():
            written(path, self._script)
        for each in self.photographs if self._photographed else ():
            copy = self.folder / PHOTOGRAPHS / each.name
            if not copy.exists():
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(each, copy)
        now = time.monotonic()
        self._saved = (now, now - began)

    def save_if_due(self) -> None:
        """Write what is new every two seconds, and less often where that would take long."""
        when, took = self._saved
        if time.monotonic() - when > max(EVERY, took / SHARE):
            self.save()

    def close(self) -> None:
        """Write what is new, and give the model back as it was found."""
        try:
            self.save()
        finally:
            self._contexts.close()

    def _draw(self, hand: Hand) -> torch.Tensor:
        device = self.probe.forward.device
        return picture(self.probe.display, hand, self.photographs, device=device)

    def _values(self, by: str) -> npt.NDArray[np.float64]:
        if by == "strongest":
            return self.survey.evoked
        if by == "number":
            return -np.arange(len(self.probe.units), dtype=float)
        if by == "now":
            everyone = self.probe.units
            with self.probe.listening(everyone) as respond:
                responses = respond(self._draw(self._last))[0].astype(float)
            layers = everyone["layer"].tolist()
            rate_map = self.measurements.rate_map
            blank = rates_of(rate_map, layers, self.survey.blank)
            return rates_of(rate_map, layers, responses) - blank
        return self.measurements.properties()[by]
