"""What a session will take, protocol by protocol."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import pandas as pd

from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement, Protocol
from insilico.recording.estimate import Estimate
from insilico.recording.probe import Probe
from insilico.recording.reduce import bytes_per_unit
from insilico.recording.schema import over_time
from insilico.runs.groups import grouped, reduction
from stimuli import Position

__all__ = ["estimates", "outlook", "tape_bytes"]


def estimates(
    probe: Probe,
    battery: Battery,
    place: Placement,
    *,
    units: pd.DataFrame | None = None,
    harmonics: bool = False,
) -> dict[str, Estimate]:
    """Estimate what each protocol takes, before anything is recorded.

    Parameters
    ----------
    probe, battery, place, harmonics
        As for `record_battery`.
    units : DataFrame, optional
        Rows of ``probe.units``; all by default.

    Returns
    -------
    dict of str to Estimate
        Of protocols that share a recording, the first. At most: units may be fewer after a
        selection, and those that prefer the same share what is shown at their preference.
    """
    units = probe.units if units is None else units
    found: dict[str, Estimate] = {}
    known: set[Any] = set()
    for protocol in battery.protocols:
        if protocol.shown in known:
            continue
        known.add(protocol.shown)
        if protocol.prefer is None:
            groups = grouped(probe, units, battery, place, protocol, None, [])
            (stimuli, members), times = groups[0], len(groups)
        else:
            stimuli = battery.example(protocol.name, probe.display, place.position or Position())
            members, times = units.iloc[:1], len(units)
        kept = reduction(protocol, stimuli, harmonics)
        each = probe.estimate(stimuli, members, reduction=kept)
        found[protocol.name] = each.times(times)
    return found


def outlook(
    probe: Probe,
    units: pd.DataFrame,
    battery: Battery,
    place: Placement,
    expected: Mapping[str, Estimate],
) -> str:
    """Say what a session will take.

    Parameters
    ----------
    probe, units, battery, place
        As for `estimates`.
    expected : mapping of str to Estimate
        What each protocol takes.

    Returns
    -------
    str
        A line for the windows of each layer, and one for the whole.
    """
    later = any(protocol.prefer is not None for protocol in battery.protocols)
    most = "at most " if later or place.select is not None else ""
    windows = dict.fromkeys(
        f"{layer}: {probe.crop(members).status}"
        for layer, members in units.groupby("layer", sort=False)
    )
    return "\n".join([*windows, f"{most}{reduce(add, expected.values())}"])


def tape_bytes(
    probe: Probe,
    units: pd.DataFrame,
    battery: Battery,
    place: Placement,
    protocols: Sequence[Protocol],
    harmonics: bool,
) -> dict[str, int]:
    """Tell what has to be on the disk while protocols are recorded, without showing anything.

    Parameters
    ----------
    probe, units, battery, place, harmonics
        As for `estimates`.
    protocols : sequence of Protocol
        Of the battery.

    Returns
    -------
    dict of str to int
        Bytes of every response of every unit. Of protocols that share a recording, the first;
        without those of which it is not known yet to whom they are shown, and those of which only
        sums or the best are kept, which a short recording never writes.
    """
    found: dict[Any, tuple[str, int]] = {}
    for protocol in protocols:
        if protocol.prefer is None and protocol.shown not in found:
            stimuli = battery.example(protocol.name, probe.display, place.position or Position())
            each = bytes_per_unit(*over_time(stimuli))
            kept = each if reduction(protocol, stimuli, harmonics) is None else 0
            found[protocol.shown] = (protocol.name, kept * len(units))
    return dict(found.values())
