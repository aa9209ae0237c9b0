"""A recording session: every protocol of a battery, and the units that are kept on the way."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from tqdm import tqdm

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.measuring import Measured, measure, unit_table, with_given
from insilico.experiments.protocol import Curve, Placement, Protocol, placed, prerequisites
from insilico.experiments.rehearsal import preferences
from insilico.recording.kept import Harmonics, Reduction
from insilico.recording.probe import Estimate, Probe
from insilico.recording.schema import UNIT_COORDINATES, side_by_side
from insilico.recording.tape import Tape
from insilico.runs.doubts import FEW
from insilico.runs.identity import shown_hash
from insilico.runs.store import Kept, RunStore
from insilico.tuning.rates import RateMap, check_harmonics, fit_rates, to_rates
from stimuli import Position, StimulusSet

__all__ = ["Session", "estimates", "left_out", "record_battery", "sampled"]

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
        If no candidate is selected, or rates need phases that are not kept.
    """
    units, selected, rate_map = (
        sampled(probe.units, most_units, seed=probe.forward.seed),
        None,
        None,
    )
    notes = left_out(probe.units, units)
    shared: dict[Any, Kept] = {}
    recordings: dict[str, xr.DataArray] = {}
    measured: dict[str, Measured] = {}
    scaled: tuple[Any, xr.DataArray] | None = None
    if progress:
        sys.stderr.write(f"{_outlook(probe, units, battery, place, harmonics)}\n")
    with probe.forward.ready(), _bar(progress) as bar:
        for number, protocol in enumerate(battery.protocols):
            if protocol.shown not in shared:
                table = _known(battery, protocol, measured, recordings)
                groups = _groups(probe, units, battery, place, protocol, table, notes)
                # Also where the recording is there: what fails is shown whole from then on.
                probe.check_crops([each for each in groups if len(each[1])])
                take = partial(_record, probe, units, protocol, groups, harmonics, bar)
                select = place.select if number == 0 else None
                shown = shown_hash(groups, _reductions(protocol, groups, harmonics))
                shared[protocol.shown] = _kept(store, protocol, shown, take, select)
            recording, chosen = shared[protocol.shown]
            if number == 0 and chosen is not None:
                selected = int(chosen.sum())
                notes.extend(_judge(selected, len(units)))
                notes.extend(_empty_layers(units, chosen))
                units = units[chosen]
            recordings[protocol.name] = recording
            if rates and protocol.name == battery.rates_from:
                rate_map = _rates(recording, notes)
            scale = rate_map if protocol.scale == "rates" else None
            if scaled is None or scaled[0] != (id(recording), scale):
                # Of protocols that share a recording, the copy in double precision.
                scaled = (id(recording), scale), to_rates(recording, scale)
            responses = scaled[1]
            known = _known(battery, protocol, measured, recordings)
            if known is not None:
                responses = with_given(protocol, responses, known)
            measured[protocol.name] = measure(protocol, responses)
    return Session(recordings, measured, rate_map, len(probe.units), selected, tuple(notes))


def sampled(units: pd.DataFrame, most: int | None, *, seed: int) -> pd.DataFrame:
    """Draw some units of each layer.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    most : int or None
        How many of a layer; all where it has no more, or for None.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        In their order.
    """
    if most is None:
        return units
    rng = np.random.default_rng([seed, crc32(b"units")])
    chosen = [
        np.sort(rng.permutation(places)[:most])
        for places in units.groupby("layer", sort=False).indices.values()
    ]
    return units.iloc[np.sort(np.concatenate(chosen))]


def left_out(units: pd.DataFrame, kept: pd.DataFrame) -> list[str]:
    """Say of which layers units were drawn.

    Parameters
    ----------
    units, kept : DataFrame
        Before and after `sampled`.

    Returns
    -------
    list of str
    """
    before, after = (table.groupby("layer", sort=False).size().to_dict() for table in (units, kept))
    return [
        f"{layer}: {after[layer]} of {n} units were drawn at random and recorded, the others left "
        "out; --most-units all (most_units='all') records all"
        for layer, n in before.items()
        if after[layer] < n
    ]


@contextmanager
def _bar(show: bool) -> Iterator[Any]:
    form = "{desc}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} [{elapsed}<{remaining}]"
    # The total is set when a protocol begins; until then it must be a number for the format.
    with tqdm(
        disable=not show, total=1, bar_format=form, dynamic_ncols=True, smoothing=0.05
    ) as bar:
        yield bar


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
            groups = _groups(probe, units, battery, place, protocol, None, [])
            (stimuli, members), times = groups[0], len(groups)
        else:
            stimuli = battery.example(protocol.name, probe.display, place.position or Position())
            members, times = units.iloc[:1], len(units)
        each = probe.estimate(stimuli, members, reduction=_reduction(protocol, stimuli, harmonics))
        found[protocol.name] = each.times(times)
    return found


def _outlook(
    probe: Probe, units: pd.DataFrame, battery: Battery, place: Placement, harmonics: bool
) -> str:
    """Say what the session will take."""
    each = estimates(probe, battery, place, units=units, harmonics=harmonics)
    later = any(protocol.prefer is not None for protocol in battery.protocols)
    most = "at most " if later or place.select is not None else ""
    windows = dict.fromkeys(
        f"{layer}: {probe.crop(members).status}"
        for layer, members in units.groupby("layer", sort=False)
    )
    return "\n".join([*windows, f"{most}{reduce(add, each.values())}"])


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
    tape: Tape | None,
) -> xr.DataArray:
    bar.set_description(protocol.name)
    bar.reset(total=sum(len(stimuli) for stimuli, _ in groups))
    parts = [
        probe.record(
            stimuli,
            members,
            reduction=reduction,
            crops_checked=True,
            progress=bar.update,
            tape=tape,
        )
        for (stimuli, members), reduction in zip(
            groups, _reductions(protocol, groups, harmonics), strict=True
        )
    ]
    return _join(parts, [members.index for _, members in groups], units)


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


def _reductions(
    protocol: Protocol, groups: Sequence[tuple[StimulusSet, pd.DataFrame]], harmonics: bool
) -> list[Reduction | None]:
    return [_reduction(protocol, stimuli, harmonics) for stimuli, _ in groups]


def _reduction(protocol: Protocol, stimuli: StimulusSet, harmonics: bool) -> Reduction | None:
    if protocol.reduction is not None:
        return protocol.reduction
    return Harmonics() if harmonics and "phase" in stimuli.dims else None


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


def _groups(
    probe: Probe,
    units: pd.DataFrame,
    battery: Battery,
    place: Placement,
    protocol: Protocol,
    known: xr.Dataset | None,
    notes: list[str],
) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Units that are shown the same stimuli: they look at one place, and prefer the same."""
    keys = units[["x", "y"]]
    if place.position is not None:
        keys = keys.assign(x=place.position.x, y=place.position.y)
    if known is not None:
        preference = preferences(protocol, known, probe.display)
        keys = keys.assign(**{str(name): preference[name].to_numpy() for name in preference})
        undefined = keys.isna().any(axis=1)
        if undefined.any():
            notes.append(
                f"{int(undefined.sum())} of {len(units)} units have no preference that "
                f"{protocol.name} could be shown at: it was not shown to them"
            )
        units, keys = units[~undefined], keys[~undefined]
    if not len(units):
        # Nobody to show it to; its table says all the same what would have been shown.
        example = battery.example(protocol.name, probe.display, place.position or Position())
        return [(example, units)]
    groups = []
    for key, members in units.groupby([keys[name] for name in keys], sort=False):
        preferred = dict(zip(keys.columns, (float(value) for value in np.array(key)), strict=True))
        groups.append((placed(protocol, probe.display, Position(), preferred), members))
    return groups


def _join(
    parts: list[xr.DataArray], members: Sequence[pd.Index], units: pd.DataFrame
) -> xr.DataArray:
    """Put recordings of groups of units together, the units in their original order.

    Units that were shown nothing are NaN.
    """
    if len(parts) == 1 and len(members[0]) == len(units):
        return parts[0]
    joined = side_by_side(parts)
    crops = [json.loads(part.attrs["crop"]) for part in parts]
    joined = joined.assign_attrs(
        crop=json.dumps({layer: status for crop in crops for layer, status in crop.items()}),
        n_stimuli=sum(part.attrs["n_stimuli"] for part in parts),
        n_pictures=sum(part.attrs["n_pictures"] for part in parts),
    )
    # A number for each unit, so that those that are missing can be filled in.
    shown = np.concatenate(members)
    whole = joined.assign_coords(unit=shown).reindex(unit=units.index).drop_vars("unit")
    places = {name: ("unit", np.array(units[name].tolist())) for name in UNIT_COORDINATES}
    return whole.assign_coords(places)
