"""A recording session: every protocol of a battery, and the units that are kept on the way."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from tqdm import tqdm

from insilico.errors import UserError
from insilico.experiments.protocol import Battery, Protocol
from insilico.recording.kept import Harmonics, Reduction
from insilico.recording.probe import Estimate, Probe
from insilico.tuning.rates import check_harmonics, fit_rates, to_rates
from stimuli import Position, StimulusSet

__all__ = ["Session", "record_battery"]

# Selected units are few; candidates may be all units of a layer, and are judged in parts.
JUDGED_BYTES = 64 * 2**20

# Scores of fewer units than this mean little.
FEW = 20


@dataclass(frozen=True)
class Session:
    """What was recorded.

    Parameters
    ----------
    recordings : dict of str to DataArray
        By protocol; protocols that share their stimuli share a recording.
    n_candidates : int
        Units that the first protocol was shown to.
    n_selected : int or None
        Units that it selected, if it does.
    notes : tuple of str
        What a user should know.
    """

    recordings: dict[str, xr.DataArray]
    n_candidates: int
    n_selected: int | None
    notes: tuple[str, ...]


def record_battery(
    probe: Probe,
    plan: Battery,
    *,
    harmonics: bool = False,
    rates: bool = True,
    progress: bool = False,
) -> Session:
    """Record every protocol of a battery; protocols that share stimuli share a recording.

    Parameters
    ----------
    probe : Probe
        In the model, its units being the candidates.
    plan : Battery
        The protocols.
    harmonics : bool
        Whether F0 and F1 are kept in place of every phase.
    rates : bool
        Whether activations will be mapped to firing rates.
    progress : bool
        Show what the session will take, and a progress bar.

    Returns
    -------
    Session

    Raises
    ------
    UserError
        If no candidate is selected, or rates need phases that are not kept.
    """
    units, selected = probe.units, None
    notes: list[str] = []
    by_stimuli: dict[Any, xr.DataArray] = {}
    recordings: dict[str, xr.DataArray] = {}
    if progress:
        sys.stderr.write(f"{_outlook(probe, plan, harmonics)}\n")
    with probe.forward.ready(), _bar(progress) as bar:
        for number, protocol in enumerate(plan.protocols):
            if protocol.stimuli not in by_stimuli:
                by_stimuli[protocol.stimuli] = _record(
                    probe, units, plan, protocol, recordings, harmonics, bar
                )
            recording = by_stimuli[protocol.stimuli]
            if number == 0 and plan.select is not None:
                kept = _select(plan, protocol, recording)
                selected = int(kept.sum())
                notes.extend(_judge(selected, len(units)))
                notes.extend(_empty_layers(units, kept))
                units, recording = units[kept], recording.isel(unit=kept)
                by_stimuli[protocol.stimuli] = recording
            recordings[protocol.name] = recording
            if harmonics and rates and protocol.name == plan.rates_from:
                _check_rates(recording)
    return Session(recordings, len(probe.units), selected, tuple(notes))


@contextmanager
def _bar(show: bool) -> Iterator[Any]:
    form = "{desc}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} [{elapsed}<{remaining}]"
    # The total is set when a protocol begins; until then it must be a number for the format.
    with tqdm(
        disable=not show, total=1, bar_format=form, dynamic_ncols=True, smoothing=0.05
    ) as bar:
        yield bar


def _outlook(probe: Probe, plan: Battery, harmonics: bool) -> str:
    """Say what the session will take, as far as the stimuli are known before it."""
    known = {each.stimuli: each for each in plan.protocols if each.prefer is None}
    estimates: list[Estimate] = []
    for protocol in known.values():
        groups = _groups(probe, probe.units, plan, protocol, {})
        stimuli, members = groups[0]
        each = probe.estimate(stimuli, members, reduction=_reduction(protocol, stimuli, harmonics))
        estimates.append(
            Estimate(*(getattr(each, name) * len(groups) for name in each.__dataclass_fields__))
        )
    later = [each.name for each in plan.protocols if each.prefer is not None]
    added = f", and {', '.join(later)} at each unit's preference" if later else ""
    most = "at most " if plan.select is not None else ""
    windows = dict.fromkeys(
        f"{layer}: {probe.crop(units).status}"
        for layer, units in probe.units.groupby("layer", sort=False)
    )
    return "\n".join([*windows, f"{most}{reduce(add, estimates)}{added}"])


def _record(
    probe: Probe,
    units: pd.DataFrame,
    plan: Battery,
    protocol: Protocol,
    recordings: dict[str, xr.DataArray],
    harmonics: bool,
    bar: Any,
) -> xr.DataArray:
    groups = _groups(probe, units, plan, protocol, recordings)
    probe.check_crops(groups)
    bar.set_description(protocol.name)
    bar.reset(total=sum(len(stimuli) for stimuli, _ in groups))
    parts = [
        probe.record(
            stimuli,
            members,
            reduction=_reduction(protocol, stimuli, harmonics),
            crops_checked=True,
            progress=bar.update,
        )
        for stimuli, members in groups
    ]
    return _join(parts, np.concatenate([members.index for _, members in groups]))


def _reduction(protocol: Protocol, stimuli: StimulusSet, harmonics: bool) -> Reduction | None:
    if protocol.reduction is not None:
        return protocol.reduction
    return Harmonics() if harmonics and "phase" in stimuli.dims else None


def _select(plan: Battery, protocol: Protocol, recording: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Judge the candidates, some at a time."""
    assert plan.select is not None
    n_units = recording.sizes["unit"]
    # In double precision, and with a few copies.
    step = max(1, JUDGED_BYTES // (8 * max(1, recording.size // max(1, n_units))))
    kept = [
        plan.select(protocol.curve(to_rates(recording.isel(unit=slice(start, start + step)), None)))
        for start in range(0, n_units, step)
    ]
    return np.concatenate([part.to_numpy().astype(bool) for part in kept])


def _check_rates(recording: xr.DataArray) -> None:
    """Find out early, and not after the last protocol, whether harmonics can become rates."""
    try:
        rate_map = fit_rates(recording)
    except UserError:
        return  # there will be no rates
    check_harmonics(rate_map)


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
    plan: Battery,
    protocol: Protocol,
    recordings: dict[str, xr.DataArray],
) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Units that are shown the same stimuli: they look at one place, and prefer the same."""
    keys = units[["x", "y"]]
    if plan.position is not None:
        keys = keys.assign(x=plan.position.x, y=plan.position.y)
    if protocol.prefer is not None and protocol.after is not None:
        preference = protocol.prefer(recordings[protocol.after])
        keys = keys.join(preference.set_axis(units.index))
    groups = []
    for key, members in units.groupby([keys[name] for name in keys], sort=False):
        x, y, *preferred = (float(value) for value in np.array(key))
        named = dict(zip(keys.columns[2:], preferred, strict=True))
        groups.append((protocol.stimuli(probe.display, Position(x, y), **named), members))
    return groups


def _join(parts: list[xr.DataArray], order: npt.NDArray[np.intp]) -> xr.DataArray:
    """Put recordings of groups of units together, the units in their original order."""
    if len(parts) == 1:
        return parts[0]
    joined = xr.concat(parts, "unit", coords="different", compat="equals", combine_attrs="override")
    crops = [json.loads(part.attrs["crop"]) for part in parts]
    return joined.isel(unit=order.argsort()).assign_attrs(
        crop=json.dumps({layer: status for crop in crops for layer, status in crop.items()}),
        n_stimuli=sum(part.attrs["n_stimuli"] for part in parts),
        n_pictures=sum(part.attrs["n_pictures"] for part in parts),
    )
