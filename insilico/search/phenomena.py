"""The scorecard as a second term: how many of the phenomena of V1 the units of a population show.

Units are recorded one by one at one site, each at its own measured optimum, and measured with the
functions that measure any other model. What a picture leaves at the site is kept: while the filters
of the units stay, populations that differ behind them are shown the same pictures again and again.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr

from insilico.comparison.phenomena import scorecard
from insilico.errors import UserError
from insilico.experiments.batteries.phenomena import BATTERY
from insilico.experiments.battery import Battery
from insilico.experiments.measuring import Measured, measure, scaled, unit_table, with_given
from insilico.experiments.protocol import Protocol, placed
from insilico.experiments.rehearsal import preferences
from insilico.models.mechanistic.filters import STRIDE
from insilico.models.mechanistic.hyper_parameters import SUBCORTICAL, HyperParameters
from insilico.models.mechanistic.module import MechanisticV1, Seen
from insilico.recording.reductions import Correlation
from insilico.recording.reverse_correlation import Correlations
from insilico.recording.schema import Labelled, label
from insilico.runs.groups import joined
from insilico.search.objective import thinned
from insilico.tuning.rates import RateMap, fit_rates
from stimuli import Display, Position, StimulusSet
from stimuli.display import Window

__all__ = ["SHOWN", "phenomena_card", "phenomena_units", "shown_share"]

# Larger than that of the published benchmark: on a smaller one, wide centres leave no room for
# surrounds.
PIXELS, DEGREES = 336, 12.0
DISPLAY = Display.square(PIXELS, DEGREES)

# Pictures that pass the subcortical stage at a time, and those whose responses are correlated.
AT_A_TIME, ANSWERED = 8, 512

# Every second phase of what a unit answers to.
EVERY = {"phase": 2}

# All but what no phenomenon of the scorecard needs.
SHOWN = tuple(
    each.name
    for each in BATTERY.protocols
    if each.name not in ("surround_contrast", "surround_patches", "surround_gap",
                         "phase_surround", "length", "bar_length", "polarity")
)  # fmt: skip

# Stimuli that show the opposite, light for dark, where all these are turned by half a cycle; and
# those that do with the opposite contrast.
PHASES_OF = {
    "draw_grating": ("phase",),
    "draw_plaid": ("phase", "mask_phase"),
    "draw_center_surround": ("phase", "surround_phase"),
    "draw_square_wave": ("phase",),
}
LIGHT_OR_DARK = ("draw_spot", "draw_bar", "draw_mosaics")

# A share of units beyond which a phenomenon counts no more: of 24 units it is above one half for
# certain.
ENOUGH = 0.75

# Experiments, each of one unit, of which what pictures leave at the site is kept.
KEPT = 2000


def shown_share(card: pd.DataFrame) -> float:
    """Mean share of units that show the phenomena that were measured, each up to three quarters.

    Parameters
    ----------
    card : DataFrame
        As `insilico.scorecard` gives it, of one model.

    Returns
    -------
    float
        From 0 to 1, where three quarters of the units show each.
    """
    shares = card.loc[card["shown"] != "not measured", "share"]
    return float((shares.clip(upper=ENOUGH) / ENOUGH).mean())


def phenomena_card(said: HyperParameters, *, n: int, seed: int) -> pd.DataFrame:
    """Draw a population, record it in the phenomena battery, and tell what it shows.

    Parameters
    ----------
    said : HyperParameters
        What the population is drawn from.
    n : int
        Number of units.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame, one row per phenomenon
        As from `insilico.scorecard`.
    """
    return scorecard(phenomena_units(said, n=n, seed=seed))


def phenomena_units(said: HyperParameters, *, n: int, seed: int) -> xr.Dataset:
    """Draw a population, and record and measure it in the phenomena battery.

    Parameters
    ----------
    said : HyperParameters
        What the population is drawn from.
    n : int
        Number of units.
    seed : int
        Of the draw.

    Returns
    -------
    Dataset, dim "unit"
        As of a run, with every second phase. Fields are mapped for their diameter; the centre of
        each is where its unit is known to look.
    """
    model = MechanisticV1(pixels=PIXELS, degrees=DEGREES, n=n, seed=seed, hyper_parameters=said,
                          at=(0.0, 0.0))  # fmt: skip
    battery, units = _battery(), _units(_place(model), n)
    with torch.inference_mode():
        blank = model.answers(_blank(_subcortical(model)))[0].numpy()
    known: dict[str, Measured] = {}
    shared: dict[Any, xr.DataArray] = {}
    rates: RateMap | None = None
    for protocol in battery.protocols:
        if protocol.shown not in shared:
            table = None
            if protocol.prefer is not None:
                so_far = unit_table(known, next(iter(shared.values())))
                table = preferences(protocol, so_far, DISPLAY)
            recorded = _correlated if isinstance(protocol.reduction, Correlation) else _recorded
            shared[protocol.shown] = recorded(model, protocol, table, units, blank)
        recording = shared[protocol.shown]
        if protocol.name == battery.rates_from:
            rates = fit_rates(recording)
        responses = scaled(protocol, recording, rates)
        responses = with_given(protocol, responses, unit_table(known, recording))
        found = measure(protocol, responses, known)
        known[protocol.name] = _looking_at(found, units)
    return unit_table(known, recording)


def _recorded(
    model: MechanisticV1,
    protocol: Protocol,
    table: pd.DataFrame | None,
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
) -> xr.DataArray:
    """Record all units, each with what it wants where a table says what that is."""
    place = {name: float(units[name].iloc[0]) for name in "xy"}
    if table is None:
        stimuli, seen = _kept(protocol, tuple(place.items()), None, _subcortical(model))
        with torch.inference_mode():
            return _labelled(stimuli, model.answers(seen).T.numpy(), units, blank)
    shown = np.flatnonzero(table.notna().all(axis=1))
    if not len(shown):
        raise UserError(f"no unit has a preference that {protocol.name} could be shown at.")
    parts = []
    for unit in shown.tolist():
        wanted = place | {str(name): float(table[name].iloc[unit]) for name in table}
        kernel = model.kernel_of(unit)
        stimuli, seen = _kept(protocol, tuple(wanted.items()), kernel, _subcortical(model))
        with torch.inference_mode():
            answers = model.answers_of(unit, seen)[None].numpy()
        own = slice(unit, unit + 1)
        recording = _labelled(stimuli, answers, units.iloc[own], blank[own])
        parts.append(Labelled.of(recording))
    return joined(parts, [units.index[[unit]] for unit in shown.tolist()], units)


def _labelled(
    stimuli: StimulusSet,
    answers: npt.NDArray[np.floating[Any]],
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
) -> xr.DataArray:
    return label(
        answers,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=units,
        blank=blank,
        attrs=_attributes(stimuli),
    )


def _attributes(stimuli: StimulusSet) -> dict[str, Any]:
    return {"crop": {}, "n_stimuli": len(stimuli), "n_pictures": len(stimuli)}


def _correlated(
    model: MechanisticV1,
    protocol: Protocol,
    table: pd.DataFrame | None,
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
) -> xr.DataArray:
    """Show mosaics, the same to all units that want the same, and keep what goes with responses."""
    assert table is not None and isinstance(protocol.reduction, Correlation)
    parts, members = [], []
    for wanted, some in table.dropna().groupby(list(table)):
        own = np.array(some.index)
        values = np.array(wanted, dtype=float).tolist()
        preference = tuple(zip(map(str, table), values, strict=True))
        stimuli, seen = _kept(protocol, preference, None, _subcortical(model))
        sums = Correlations(stimuli.conditions, len(own), protocol.reduction)
        sums.begin(np.arange(len(own)), torch.device("cpu"))
        with torch.inference_mode():
            for start in range(0, len(stimuli), ANSWERED):
                rows = range(start, min(start + ANSWERED, len(stimuli)))
                sums.add(rows, model.answers(seen.part(slice(rows.start, rows.stop)))[:, own])
            sums.finish()
        maps = sums.labelled(units.loc[own], blank[own], _attributes(stimuli))
        parts.append(Labelled.of(maps))
        members.append(some.index)
    return joined(parts, members, units)


def _looking_at(found: Measured, units: pd.DataFrame) -> Measured:
    """Put the place where units are known to look into what a map said of it."""
    known = {f"receptive_field_{axis}": units[axis].to_numpy() for axis in "xy"}
    places = {
        name: found.properties[name].copy(data=known[name])
        for name in known
        if name in found.properties
    }
    return replace(found, properties={**found.properties, **places})


def _units(place: Position, n: int) -> pd.DataFrame:
    return pd.DataFrame({"layer": "output", "channel": range(n), "row": 0, "column": 0,
                         "x": place.x, "y": place.y})  # fmt: skip


def _place(model: MechanisticV1) -> Position:
    """Where the one site of a model lies, in deg."""
    assert model.sites is not None
    (row, _), (column, _) = model.sites
    middle = (PIXELS // STRIDE - 1) / 2
    return Position((column - middle) * STRIDE * DEGREES / PIXELS,
                    (middle - row) * STRIDE * DEGREES / PIXELS)  # fmt: skip


def _subcortical(model: MechanisticV1) -> tuple[float, ...]:
    return tuple(getattr(model.hyper_parameters, name) for name in SUBCORTICAL)


@cache
def _battery() -> Battery:
    battery = BATTERY.only(SHOWN)
    # Protocols that show the same go on sharing their recording.
    fewer = {each.stimuli: thinned(each.stimuli, EVERY) for each in battery.protocols}
    return replace(
        battery,
        protocols=tuple(replace(each, stimuli=fewer[each.stimuli]) for each in battery.protocols),
        known=battery.rehearsed,
    )


@lru_cache(maxsize=KEPT)
def _kept(
    protocol: Protocol,
    wanted: tuple[tuple[str, float], ...],
    kernel: tuple[int, int] | None,
    subcortical: tuple[float, ...],
) -> tuple[StimulusSet, Seen]:
    """Show what a unit wants; of one kernel, or of all."""
    stimuli = placed(protocol, DISPLAY, Position(), dict(wanted))
    model = _eye(subcortical)
    looked_at = model.looks_at(DISPLAY)
    same, sign = _alike_or_opposite(stimuli, looked_at)
    rows, of_row = np.unique(same, return_inverse=True)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), AT_A_TIME):
            some = rows[start : start + AT_A_TIME]
            images = stimuli.images(some, window=looked_at).mean(1, keepdim=True)
            parts.append(model.seen(2 * images - 1, looked_at))
    kernels = list(parts[0].windows) if kernel is None else [kernel]
    windows = {each: torch.cat([part.windows[each] for part in parts]) for each in kernels}
    taken = torch.as_tensor(of_row)
    turned = torch.as_tensor(sign, dtype=parts[0].pooled.dtype)[:, None]
    return stimuli, Seen({each: seen[taken] * turned for each, seen in windows.items()},
                         torch.cat([part.pooled for part in parts])[taken])  # fmt: skip


def _alike_or_opposite(
    stimuli: StimulusSet, window: Window
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Tell which stimuli show the same, or the same with light and dark exchanged.

    What such a picture leaves is the same but for the sign of what filters are given; all that is
    pooled is alike.

    Returns
    -------
    tuple of array, shape (n,)
        Of each stimulus the first that shows the same or the opposite; 1 or -1.
    """
    n = len(stimuli)
    table = stimuli.conditions
    turned = [each for each in PHASES_OF.get(stimuli.draw.__name__, ()) if each in table]
    if stimuli.draw.__name__ in LIGHT_OR_DARK:
        opposite = table.assign(contrast=-table["contrast"])
    elif turned:
        opposite = table.assign(**{each: (table[each] + 180) % 360 for each in turned})
    else:
        return stimuli.first_alike(window), np.ones(n)
    both = replace(
        stimuli,
        conditions=pd.concat([table, opposite], ignore_index=True).assign(stimulus=range(2 * n)),
        dims=("stimulus",),
        labels=(*stimuli.labels, "stimulus"),
    )
    first = both.first_alike(window)
    own, other = first[:n], first[n:]
    return np.minimum(own, other), np.where(other < own, -1.0, 1.0)


@lru_cache(maxsize=2)
def _blank(subcortical: tuple[float, ...]) -> Seen:
    with torch.inference_mode():
        return _eye(subcortical).seen(torch.zeros(1, 1, PIXELS, PIXELS))


@lru_cache(maxsize=2)
def _eye(subcortical: tuple[float, ...]) -> MechanisticV1:
    """Make a model for what all populations see."""
    said: Mapping[str, float] = dict(zip(SUBCORTICAL, subcortical, strict=True))
    return MechanisticV1(pixels=PIXELS, degrees=DEGREES, n=1, at=(0.0, 0.0),
                         hyper_parameters=said)  # fmt: skip
