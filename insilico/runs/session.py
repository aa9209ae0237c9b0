"""A recording session: every protocol of a battery, and the units that are kept on the way."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.measuring import Measured, measure, scaled, unit_table, with_given
from insilico.experiments.protocol import Curve, Placement, Protocol, prerequisites
from insilico.progress import progress_bar
from insilico.recording.probe import Probe
from insilico.recording.tape import Tape
from insilico.runs.cautions import FEW
from insilico.runs.costs import estimates, outlook, tape_bytes
from insilico.runs.groups import grouped, joined, reductions
from insilico.runs.identity import shown_hash
from insilico.runs.sampling import left_out, sampled
from insilico.runs.store import Kept, RunStore
from insilico.tuning.rates import RateMap, check_harmonics, fit_rates, to_rates
from stimuli import StimulusSet

__all__ = ["Session", "record_battery"]

# Selected units are few; candidates may be all units of a layer, and are judged in parts, several
# at a time. Larger parts take their memory from the system anew for every copy.
JUDGED_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Session:
    """What was recorded, and what was measured on the way.

    Parameters
    ----------
    recordings : dict of str to DataArray
        By protocol; protocols that show the same to the same units share a recording.
    measured : dict of str to Measured
        By protocol.
    rate_map : RateMap or None
        From activations to firing rates; None where activations were measured.
    n_candidates : int
        Units that the first protocol was shown to.
    n_selected : int or None
        Units that were selected, if any selection was made.
    notes : tuple of str
        What a user should know.
    """

    recordings: dict[str, xr.DataArray]
    measured: dict[str, Measured]
    rate_map: RateMap | None
    n_candidates: int
    n_selected: int | None
    notes: tuple[str, ...]

    @property
    def units(self) -> xr.Dataset:
        """One table of all that was measured, dim "unit"."""
        return unit_table(self.measured, next(iter(self.recordings.values())))


def record_battery(
    probe: Probe,
    battery: Battery,
    place: Placement,
    *,
    harmonics: bool = False,
    rates: bool = True,
    most_units: int | None = None,
    progress: bool = False,
    store: RunStore | None = None,
) -> Session:
    """Record and measure every protocol of a battery.

    Parameters
    ----------
    probe : Probe
        In the model, its units being the candidates.
    battery : Battery
        The protocols.
    place : Placement
        Where they are shown, and which units are kept after the first one.
    harmonics : bool
        Whether F0 and F1 are kept in place of every phase.
    rates : bool
        Whether activations are mapped to firing rates.
    most_units : int, optional
        Of how many units of each layer, drawn at random with the probe's seed; all by default.
    progress : bool
        Show what the session will take, and a progress bar.
    store : RunStore, optional
        Where recordings are kept while they are made, and where those are that were made before.

    Returns
    -------
    Session

    Raises
    ------
    UserError
        If no candidate is selected, rates need phases that are not kept, or the disk of the store
        has too little room.
    """
    units = sampled(probe.units, most_units, seed=probe.forward.seed)
    selected: int | None = None
    rate_map: RateMap | None = None
    notes = left_out(probe.units, units)
    shared: dict[Any, Kept] = {}
    recordings: dict[str, xr.DataArray] = {}
    measured: dict[str, Measured] = {}
    kept: tuple[Any, xr.DataArray] | None = None
    # Of how many units the others will be recorded is known after the selection.
    known_now = battery.protocols if place.select is None else battery.protocols[:1]
    _check_room(store, probe, units, battery, place, known_now, harmonics)
    later: dict[str, int] = {}
    if progress:
        expected = estimates(probe, battery, place, units=units, harmonics=harmonics)
        later = _later(battery, {name: each.n_stimuli for name, each in expected.items()})
        sys.stderr.write(f"{outlook(probe, units, battery, place, expected)}\n")
    with probe.forward.ready(), _bar(progress) as bar:
        for number, protocol in enumerate(battery.protocols):
            if protocol.shown not in shared:
                table = _known(battery, protocol, measured, recordings)
                groups = grouped(probe, units, battery, place, protocol, table, notes)
                # Also where the recording is there: what fails is shown whole from then on.
                probe.check_crops([each for each in groups if len(each[1])])
                to_come = later.get(protocol.name, 0)
                take = partial(_record, probe, units, protocol, groups, harmonics, bar, to_come)
                select = place.select if number == 0 else None
                shown = shown_hash(groups, reductions(protocol, groups, harmonics))
                shared[protocol.shown] = _kept(store, protocol, shown, take, select)
            recording, chosen = shared[protocol.shown]
            if number == 0 and chosen is not None:
                selected = int(chosen.sum())
                notes.extend(_judge(selected, len(units)))
                notes.extend(_empty_layers(units, chosen))
                units = units[chosen]
                rest = battery.protocols[1:]
                _check_room(store, probe, units, battery, place, rest, harmonics)
            recordings[protocol.name] = recording
            if rates and protocol.name == battery.rates_from:
                rate_map = _rates(recording, notes)
            if kept is None or kept[0] != (id(recording), protocol.scale, rate_map):
                # Of protocols that share a recording, the copy in double precision.
                key = (id(recording), protocol.scale, rate_map)
                kept = key, scaled(protocol, recording, rate_map)
            responses = kept[1]
            known = _known(battery, protocol, measured, recordings)
            if known is not None:
                responses = with_given(protocol, responses, known)
            measured[protocol.name] = measure(protocol, responses, measured)
        # What was expected after the last recording was there already.
        bar.total = max(1, bar.n)
    return Session(recordings, measured, rate_map, len(probe.units), selected, tuple(notes))


def _check_room(
    store: RunStore | None,
    probe: Probe,
    units: pd.DataFrame,
    battery: Battery,
    place: Placement,
    protocols: Sequence[Protocol],
    harmonics: bool,
) -> None:
    if store is not None:
        store.check_room(tape_bytes(probe, units, battery, place, protocols, harmonics))


def _later(battery: Battery, expected: Mapping[str, int]) -> dict[str, int]:
    """Sum, for each protocol, the stimuli that are expected after it."""
    names = [protocol.name for protocol in battery.protocols]
    return {
        name: sum(expected.get(each, 0) for each in names[place + 1 :])
        for place, name in enumerate(names)
    }


@contextmanager
def _bar(show: bool) -> Iterator[Any]:
    form = "{desc}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} [{elapsed}<{remaining}]"
    # The total is told better whenever a protocol begins; the format needs a number until then.
    with progress_bar(show=show, total=1, bar_format=form, smoothing=0.05) as bar:
        yield bar


def _known(
    battery: Battery,
    protocol: Protocol,
    measured: Mapping[str, Measured],
    recordings: Mapping[str, xr.DataArray],
) -> xr.Dataset | None:
    """Gather what the protocols that one comes after have measured."""
    if protocol.prefer is None:
        return None
    before = prerequisites(battery.protocols, protocol.after)
    known = {name: each for name, each in measured.items() if name in before}
    return unit_table(known, next(iter(recordings.values())))


def _record(
    probe: Probe,
    units: pd.DataFrame,
    protocol: Protocol,
    groups: list[tuple[StimulusSet, pd.DataFrame]],
    harmonics: bool,
    bar: Any,
    later: int,
    tape: Tape | None,
) -> xr.DataArray:
    # The bar is of the whole session, so that the time that it tells is.
    bar.total = bar.n + sum(len(stimuli) for stimuli, _ in groups) + later
    bar.set_description(protocol.name)
    kept = reductions(protocol, groups, harmonics)
    parts = probe.record_groups(groups, kept, progress=bar.update, tape=tape)
    return joined(parts, [members.index for _, members in groups], units)


def _kept(
    store: RunStore | None,
    protocol: Protocol,
    shown: str,
    take: Callable[[Tape | None], xr.DataArray],
    select: Curve | None,
) -> Kept:
    """Find the recording of a protocol, or make it; with the units that it selects."""
    if store is None:
        return _selected(take(None), protocol, select)
    found = store.kept(protocol.name, shown)
    if found is not None:
        return found
    with store.tape(protocol.name, shown) as tape:
        recording = take(tape)
    return store.keep(protocol.name, _selected(recording, protocol, select), shown)


def _selected(recording: xr.DataArray, protocol: Protocol, select: Curve | None) -> Kept:
    if select is None:
        return Kept(recording, None)
    chosen = _select(select, protocol, recording)
    return Kept(recording.isel(unit=chosen), chosen)


def _select(select: Curve, protocol: Protocol, recording: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Judge the candidates, some at a time."""
    n_units = recording.sizes["unit"]
    # In double precision, and with a few copies.
    step = max(1, JUDGED_BYTES // (8 * max(1, recording.size // max(1, n_units))))

    def judged(start: int) -> npt.NDArray[np.bool_]:
        part = recording.isel(unit=slice(start, start + step))
        return select(protocol.curve(to_rates(part, None))).to_numpy().astype(bool)

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return np.concatenate(list(threads.map(judged, range(0, n_units, step))))


def _rates(recording: xr.DataArray, notes: list[str]) -> RateMap | None:
    try:
        rate_map = fit_rates(recording)
    except UserError as error:
        notes.append(f"activations were not mapped to firing rates: {error}")
        return None
    if "harmonic" in recording.dims:
        check_harmonics(rate_map)
    notes.extend(
        f"{layer}: no unit responds more to a grating than to blank, so nothing is measured there"
        for layer in rate_map.silent_layers
    )
    return rate_map


def _judge(n_selected: int, n_candidates: int) -> list[str]:
    if n_selected == 0:
        raise UserError(
            f"none of the {n_candidates} candidate units has its receptive field where the "
            "stimuli are. Record an earlier layer, or another number of degrees."
        )
    if n_selected >= FEW:
        return []
    return [
        f"only {n_selected} of {n_candidates} candidate units have their receptive "
        "field where the stimuli are: scores of so few mean little"
    ]


def _empty_layers(units: pd.DataFrame, kept: npt.NDArray[np.bool_]) -> list[str]:
    """Say which layers keep no unit, for they are in no table."""
    chosen = pd.Series(kept).groupby(units["layer"].to_numpy(), sort=False)
    return [
        f"{layer}: none of its {len(of_layer)} candidate units has its receptive field where the "
        "stimuli are, so nothing is measured there"
        for layer, of_layer in chosen
        if not of_layer.any()
    ]
