"""Rehearse a battery on invented responses, and find out before a recording what fails after it."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.errors import UserError
from insilico.experiments.measuring import Measured, measure, scaled, unit_table, with_given
from insilico.experiments.protocol import Protocol, placed, prerequisites
from insilico.recording.reductions import Ascent, Correlation
from insilico.recording.schema import MAP_NUMBERS, label, label_maps, label_pictures, over_time
from insilico.tuning.rates import fit_rates
from stimuli import Display, Position
from stimuli.frames import FRAME_RATE
from stimuli.packaged import packaged_photographs

__all__ = ["Rehearsed", "as_declared", "preferences", "rehearse"]

N_UNITS = 2


class Rehearsed(NamedTuple):
    """What a rehearsal found out of a protocol: its properties, and an example of a preference."""

    properties: tuple[str, ...]
    preference: dict[str, float]


def rehearse(
    name: str,
    protocols: Sequence[Protocol],
    *,
    rates_from: str | None,
    references: Sequence[str] = (),
    background: float = 0.5,
) -> dict[str, Rehearsed]:
    """Go through the protocols of a battery with two invented units.

    Parameters
    ----------
    name, protocols, rates_from, references, background
        As for `insilico.Battery`; names and order of the protocols are right already.

    Returns
    -------
    dict of str to Rehearsed
        By protocol: the names of its properties, and a preference at which it can be shown; nothing
        of one that needs photographs, where none are installed.

    Raises
    ------
    UserError
        Says what is wrong with which protocol.
    """
    display = Display(background=background, frame_rate=FRAME_RATE)
    rng = np.random.default_rng(0)
    shown: dict[object, xr.DataArray] = {}
    measured: dict[str, Measured] = {}
    preferred: dict[str, dict[str, float]] = {}
    rate_map = None
    owners: dict[str, str] = {}
    for protocol in protocols:
        preferred[protocol.name] = {}
        if protocol.needs == "photographs" and not packaged_photographs():
            # A run leaves it out, and says what to install: `insilico.experiments.scope`.
            continue
        table = None
        if protocol.prefer is not None:
            before = prerequisites(protocols, protocol.after)
            known = {each: measured[each] for each in measured if each in before}
            table = unit_table(known, next(iter(shown.values())))
            row = preferences(protocol, table, display).iloc[0]
            preferred[protocol.name] = {str(each): float(value) for each, value in row.items()}
        if protocol.shown not in shown:
            shown[protocol.shown] = _invent(protocol, display, preferred[protocol.name], rng)
        recording = shown[protocol.shown]
        if protocol.name == rates_from:
            if not {"phase", "time"} & set(recording.dims):
                raise UserError(
                    f"the {name} battery takes firing rates from {protocol.name!r}, but they are "
                    "fitted to the mean over phase or time, and its stimuli vary "
                    f"{', '.join(map(str, recording.dims[1:]))}. Name another protocol, or measure "
                    "activations (rates_from=None)."
                )
            rate_map = fit_rates(recording)
        responses = scaled(protocol, recording, rate_map)
        if table is not None:
            responses = with_given(protocol, responses, table)
        measured[protocol.name] = measure(protocol, responses, measured)
        for each in measured[protocol.name].properties:
            if each in owners:
                raise UserError(
                    f"protocols {owners[each]!r} and {protocol.name!r} of the {name} "
                    f"battery both measure {each!r}, and a table has one column of a name. Rename "
                    "the property of one."
                )
            owners[each] = protocol.name
    for each in references:
        if reference.load(each).property not in owners:
            raise UserError(
                f"the {name} battery is compared with {each}, but none of its protocols "
                f"measures {reference.load(each).property!r}. Leave the reference out, or add the "
                "property."
            )
    return {
        each.name: Rehearsed(
            tuple(measured[each.name].properties), _without_defaults(each, preferred[each.name])
        )
        if each.name in measured
        else Rehearsed((), {})
        for each in protocols
    }


def as_declared(protocols: Sequence[Protocol]) -> dict[str, Rehearsed]:
    """Say what a rehearsal would find of protocols that keep to what they declare.

    Parameters
    ----------
    protocols : sequence of Protocol
        Their properties have the names that they are `named`, and their stimuli can be shown
        without a preference.

    Returns
    -------
    dict of str to Rehearsed
        By protocol.
    """
    return {each.name: Rehearsed(each.measures, {}) for each in protocols}


def preferences(
    protocol: Protocol, units: xr.Dataset, display: Display, *, stimuli: bool = True
) -> pd.DataFrame:
    """Ask a protocol what units prefer, and check the answer.

    Parameters
    ----------
    protocol : Protocol
        With ``prefer``.
    units : Dataset, dim "unit"
        What was measured so far.
    display : Display
        The screen.
    stimuli : bool
        Whether the names of the columns are checked against the arguments of its stimuli.

    Returns
    -------
    DataFrame, one row per unit

    Raises
    ------
    UserError
        If it is no table, has another number of rows, or columns that the stimuli do not take.
    """
    assert protocol.prefer is not None
    screen = {"px_per_deg": display.px_per_deg, "degrees": min(display.degrees)}
    table = protocol.prefer(units.assign_attrs(screen))
    n_units = units.sizes["unit"]
    if not isinstance(table, pd.DataFrame) or len(table) != n_units:
        got = f"{len(table)} rows" if isinstance(table, pd.DataFrame) else type(table).__name__
        raise UserError(
            f"prefer of protocol {protocol.name!r} must return a DataFrame with one row for each "
            f"of {n_units} units; got {got}."
        )
    parameters = inspect.signature(protocol.stimuli).parameters
    catch_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    unknown = [str(name) for name in table if name not in {*parameters, "x", "y"}]
    if stimuli and unknown and not catch_all:
        raise UserError(
            f"prefer of protocol {protocol.name!r} gives {', '.join(unknown)}, which its stimuli "
            f"do not take; they take {', '.join(['x', 'y', *list(parameters)[2:]])}."
        )
    return table.reset_index(drop=True)


def _without_defaults(protocol: Protocol, preference: Mapping[str, float]) -> dict[str, float]:
    """Keep what the stimuli do not know for themselves."""
    parameters = inspect.signature(protocol.stimuli).parameters
    return {
        name: value
        for name, value in preference.items()
        if name in parameters and parameters[name].default is inspect.Parameter.empty
    }


def _invent(
    protocol: Protocol, display: Display, preference: Mapping[str, float], rng: np.random.Generator
) -> xr.DataArray:
    """Invent the recording of a protocol."""
    stimuli = placed(protocol, display, Position(), preference)
    reduction = protocol.reduction
    missing = [name for name in reduction.over if name not in stimuli.dims] if reduction else []
    if missing:
        raise UserError(
            f"protocol {protocol.name!r} keeps the largest response over {', '.join(missing)}, "
            f"which its stimuli do not vary; they vary {', '.join(stimuli.dims)}."
        )
    said: dict[str, Any] = {
        "conditions": stimuli.conditions,
        "units": pd.DataFrame(
            {"layer": "rehearsal", "channel": range(N_UNITS), "row": 0, "column": 0, "x": 0, "y": 0}
        ),
        "blank": np.full(N_UNITS, 0.1),
        "attrs": {"stimulus_set": stimuli.name},
    }
    if isinstance(reduction, Correlation):
        return _invented_maps(said, rng)
    if isinstance(reduction, Ascent):
        n, size = 1 + len(stimuli), int(stimuli.conditions["elements"].iloc[0])
        pictures = rng.uniform(-1, 1, (N_UNITS, n, size, size))
        return label_pictures(pictures, reached=np.ones((N_UNITS, n)), **said)
    said["conditions"], dims = over_time(stimuli)
    recording = label(_responses(len(said["conditions"]), rng), dims=dims, **said)
    return recording if reduction is None else recording.max(reduction.over, keep_attrs=True)


def _invented_maps(said: Mapping[str, Any], rng: np.random.Generator) -> xr.DataArray:
    """Invent maps, a number at a place, and what else is known of a unit."""
    techniques = (*sorted(said["conditions"]["technique"].unique()), "gradient")
    n = int(said["conditions"]["elements"].iloc[0])
    return label_maps(
        rng.uniform(-1, 1, (N_UNITS, len(techniques), 2, n, n)),
        techniques=techniques,
        numbers={name: np.ones(N_UNITS) for name in MAP_NUMBERS},
        **said,
    )


def _responses(n_stimuli: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return rng.uniform(0.2, 1.0, (N_UNITS, n_stimuli))
