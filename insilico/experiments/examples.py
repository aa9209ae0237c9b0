"""Stimuli by name, as one would see them: those of an experiment, of a drawing, or of one's own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from insilico.errors import UserError
from insilico.experiments.batteries import find_battery
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Protocol
from insilico.models.monitor import read_monitor
from insilico.own_code import own_object
from stimuli import Display, Position, StimulusSet, frame_times
from stimuli.catalogue import MOVIES, STIMULI
from stimuli.frames import FRAME_RATE

__all__ = ["example"]

# How long the movie of a drawing lasts, in s.
SECONDS = 1.0


def example(
    name: str,
    *,
    battery: str = "standard",
    pixels: int = 224,
    degrees: float = 8.0,
    frame_rate: float = FRAME_RATE,
    monitor: Path | str | Mapping[str, Any] | None = None,
) -> StimulusSet:
    """Make the stimuli that a name stands for.

    Parameters
    ----------
    name : str
        An experiment of the battery, whose stimuli are shown for an invented unit where they depend
        on one; a drawing, as ``"grating"``; or ``path/to/file.py:NAME`` (or
        ``package.module:NAME``), a `StimulusSet`, a function ``(display, position)`` that returns
        one, or a `Protocol`. Its code is run.
    battery : str
        As for `insilico.run`.
    pixels, degrees
        The square display, on the battery's background.
    frame_rate : float
        Of the display of stimuli that move, in Hz.
    monitor : path or mapping, optional
        As for `insilico.load_model`.

    Returns
    -------
    StimulusSet

    Raises
    ------
    UserError
        If the name stands for nothing, or for something else.
    """
    screen = {} if monitor is None else read_monitor(monitor)
    moving = replace(Display.square(pixels, degrees, frame_rate=frame_rate), **screen)
    if name in STIMULI | MOVIES:
        return _still(_drawing(name, moving))
    if ":" in name:
        return _still(_own(name, moving))
    plan, place = find_battery(battery)
    if name not in {each.name for each in plan.protocols}:
        raise UserError(
            f"{battery} has no protocol {name!r}; it has "
            f"{', '.join(each.name for each in plan.protocols)}. A drawing is one of "
            f"{', '.join(STIMULI | MOVIES)}; stimuli of your own are path/to/file.py:NAME."
        )
    display = moving if "background" in screen else replace(moving, background=plan.background)
    return _still(plan.example(name, display, place.position or Position()))


def _still(shown: StimulusSet) -> StimulusSet:
    """Pictures are those of a display of pictures."""
    return shown if shown.time else replace(shown, display=replace(shown.display, frame_rate=None))


def _drawing(name: str, display: Display) -> StimulusSet:
    listed = (STIMULI | MOVIES)[name]
    # What else varies does so along with it.
    varied, *_ = [key for key, value in listed.example.items() if np.size(value) > 1]
    shown = dict(listed.example)
    if "element" in shown:
        # Elements are whole pixels, on any display.
        shown["element"] = max(1, round(shown["element"] * display.px_per_deg)) / display.px_per_deg
    return StimulusSet(
        name,
        display,
        pd.DataFrame(shown),
        (varied,),
        listed.function(name),
        time=frame_times(display, SECONDS) if name in MOVIES else (),
    )


def _own(name: str, display: Display) -> StimulusSet:
    found = own_object(name)
    if isinstance(found, Battery):
        raise UserError(
            f"{name} is a battery; say which of its experiments: insilico stimuli "
            f"{found.protocols[0].name} --battery {name}"
        )
    if isinstance(found, Protocol):
        return find_battery(name).battery.example(found.name, display, Position())
    made = found
    if callable(found) and not isinstance(found, StimulusSet):
        try:
            made = found(display, Position())
        except Exception as error:
            raise UserError(
                f"{name}(display, position) raised {type(error).__name__}: {error}"
            ) from error
    if not isinstance(made, StimulusSet):
        raise UserError(
            f"{name} must be a StimulusSet, a function (display, position) that returns one, or a "
            f"Protocol; got {type(made).__name__}."
        )
    return made
