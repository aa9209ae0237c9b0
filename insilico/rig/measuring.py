"""Measure the units of a rig as a run does: with the true protocols, each at its own optimum."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.contrast import CONTRAST
from insilico.experiments.gratings import (
    ORIENTATION,
    ORIENTATION_MEAN,
    SPATIAL_FREQUENCY,
    gratings,
)
from insilico.experiments.measuring import Measured, measure, unit_table
from insilico.experiments.protocol import Protocol, placed
from insilico.experiments.quick import few_stimuli
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.experiments.rehearsal import preferences
from insilico.experiments.size import SIZE
from insilico.recording.probe import Probe
from insilico.recording.schema import Labelled, side_by_side
from insilico.tuning.rates import RESPONSIVE_THRESHOLD, RateMap, fit_rates, to_rates
from stimuli import Display, Position, StimulusSet

__all__ = ["Measurements", "Survey", "best_phase", "survey"]

# Those that all units of a site are shown alike: one recording measures them all.
SHARED = (RECEPTIVE_FIELD, ORIENTATION, ORIENTATION_MEAN, SPATIAL_FREQUENCY)

# Those that each unit is shown at its own optimum.
OWN = (SIZE, CONTRAST)

Done = Callable[[str, float], None]


@dataclass(frozen=True)
class Survey:
    """What a few gratings say of the units of a probe, before any of them is explored.

    Parameters
    ----------
    rate_map : RateMap
        From activations to firing rates.
    evoked : array, shape (unit,)
        The largest mean rate to a grating, less that to the blank, in spikes/s.
    blank : array, shape (unit,)
        Raw activation to the blank.
    """

    rate_map: RateMap
    evoked: npt.NDArray[np.float64]
    blank: npt.NDArray[np.float64]

    @property
    def responsive(self) -> npt.NDArray[np.bool_]:
        """Which units respond to a grating, by the criterion of the published benchmark."""
        return self.evoked > RESPONSIVE_THRESHOLD


def survey(probe: Probe) -> Survey:
    """Show a few gratings to all units of a probe, where they look.

    Parameters
    ----------
    probe : Probe
        In the model.

    Returns
    -------
    Survey

    Raises
    ------
    UserError
        If no unit responds more to a grating than to the blank.
    """
    quick = replace(ORIENTATION, name="survey", stimuli=few_gratings)
    recording = _recorded(probe, probe.units, quick, _nobody)
    try:
        rate_map = fit_rates(recording)
    except UserError as error:
        layers = ", ".join(probe.layers)
        raise UserError(
            f"there is nothing to hear in {layers}: none of its {len(probe.units)} units responds "
            "more to a grating than to a blank display. Give another layer with --layer, or the "
            "model its weights."
        ) from error
    rates = to_rates(recording, rate_map)
    best = rates.mean("phase").max(["orientation", "spatial_frequency"])
    evoked = (best - rates["blank"]).to_numpy()
    return Survey(rate_map, np.nan_to_num(evoked), recording["blank"].to_numpy().astype(float))


def few_gratings(display: Display, position: Position) -> StimulusSet:
    """Take a few of the gratings of the orientation protocol.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Where their phase is anchored, in deg.

    Returns
    -------
    StimulusSet
    """
    return few_stimuli(gratings(display, position))


class Measurements:
    """What was measured with the true protocols so far.

    Parameters
    ----------
    probe : Probe
        In the model.
    rate_map : RateMap
        From activations to firing rates.

    Attributes
    ----------
    shared : dict of str to Measured
        By protocol, of all units of the probe in their order; empty before the first `measure`.
    own : dict of int to dict of str to Measured
        By unit and protocol, of one unit each.
    """

    def __init__(self, probe: Probe, rate_map: RateMap) -> None:
        self.probe = probe
        self.rate_map = rate_map
        self.shared: dict[str, Measured] = {}
        self.own: dict[int, dict[str, Measured]] = {}
        self._recordings: dict[object, xr.DataArray] = {}
        self._best: dict[tuple[int, str], xr.DataArray] = {}

    def measure(self, unit: int, done: Done) -> None:
        """Measure a unit; with the first one, all that are shown the same.

        Parameters
        ----------
        unit : int
            Row of the probe's table.
        done : callable
            ``done(protocol, share)`` is told how far each experiment is; what it raises ends the
            measurement, and what was measured before is kept.
        """
        for protocol in SHARED:
            if protocol.name not in self.shared:
                self.shared[protocol.name] = self._measured_of_all(protocol, done)
        if unit in self.own:
            return
        one = {name: _of_unit(each, unit) for name, each in self.shared.items()}
        for protocol in OWN:
            found = self._measured_of_one(protocol, unit, one, done)
            if found is None:
                break  # What comes after it is shown at what it finds.
            one[protocol.name] = found
        self.own[unit] = {each.name: one[each.name] for each in OWN if each.name in one}

    def of(self, unit: int) -> dict[str, Measured]:
        """Give all that was measured of a unit, by protocol; dim "unit" of size 1."""
        shared = {name: _of_unit(each, unit) for name, each in self.shared.items()}
        return shared | self.own.get(unit, {})

    def best(self, unit: int, protocol: str) -> xr.DataArray | None:
        """Give the best response over phase, along the factor of a protocol, in spikes/s.

        Parameters
        ----------
        unit : int
            Row of the probe's table.
        protocol : str
            Name of the protocol.

        Returns
        -------
        DataArray, dims (<factor>,), or None
            At the best levels of the other factors: what a hand finds that searches long enough.
            None where it was not measured.
        """
        measured = self.of(unit).get(protocol)
        if measured is None:
            return None
        key = (unit, protocol)
        if key not in self._best:
            shown = measured.protocol.stimuli
            recording = self._recordings.get((shown, unit), self._recordings.get(shown))
            assert recording is not None
            place = unit if recording.sizes["unit"] > 1 else 0
            rates = to_rates(recording.isel(unit=[place]), self.rate_map)
            self._best[key] = best_phase(rates.isel(unit=0), measured.curve)
        return self._best[key]

    def properties(self) -> dict[str, npt.NDArray[np.float64]]:
        """Give the properties that all units were measured for, by name, shape (unit,)."""
        return {
            name: values.to_numpy().astype(float)
            for each in self.shared.values()
            for name, values in each.properties.items()
        }

    def _measured_of_all(self, protocol: Protocol, done: Done) -> Measured:
        if protocol.stimuli not in self._recordings:
            told = partial(_share, done, protocol.name)
            units = self.probe.units
            self._recordings[protocol.stimuli] = _recorded(self.probe, units, protocol, told)
        recording = self._recordings[protocol.stimuli]
        if protocol.name == "orientation":
            self.rate_map = fit_rates(recording)
        return measure(protocol, to_rates(recording, self._scale(protocol)))

    def _measured_of_one(
        self, protocol: Protocol, unit: int, known: dict[str, Measured], done: Done
    ) -> Measured | None:
        """Show a unit what it prefers; nothing to one that prefers nothing."""
        probe, units = self.probe, self.probe.units.iloc[[unit]]
        recording = self._recordings[gratings].isel(unit=[unit])
        wanted = preferences(protocol, unit_table(known, recording), probe.display).iloc[0]
        if wanted.isna().any():
            return None
        preference = {str(name): float(value) for name, value in wanted.items()}
        stimuli = placed(protocol, probe.display, Position(), preference)
        told = partial(_share, done, protocol.name, len(stimuli))
        found = probe.record(stimuli, units, progress=_counting(told))
        self._recordings[protocol.stimuli, unit] = found
        return measure(protocol, to_rates(found, self._scale(protocol)))

    def _scale(self, protocol: Protocol) -> RateMap | None:
        return self.rate_map if protocol.scale == "rates" else None


def best_phase(rates: xr.DataArray, curve: xr.DataArray) -> xr.DataArray:
    """Take the best response over all but the factor of a curve.

    Parameters
    ----------
    rates : DataArray, dims (<factors>,)
        Of one unit.
    curve : DataArray, dims ("unit", <factor>)
        Its curve, or its map.

    Returns
    -------
    DataArray, dims (<factor>,)
    """
    return rates.max([dim for dim in rates.dims if dim not in curve.dims])


def _of_unit(measured: Measured, unit: int) -> Measured:
    return replace(
        measured,
        curve=measured.curve.isel(unit=[unit]),
        properties={name: each[[unit]] for name, each in measured.properties.items()},
        responsive=measured.responsive[[unit]],
    )


def _recorded(
    probe: Probe, units: pd.DataFrame, protocol: Protocol, told: Callable[..., None]
) -> xr.DataArray:
    """Show units a protocol where they look: those of one place together."""
    groups = [
        (placed(protocol, probe.display, Position(*np.array(place, dtype=float)), {}), members)
        for place, members in units.groupby(["x", "y"], sort=False)
    ]
    probe.check_crops(groups)
    total = sum(len(stimuli) for stimuli, _ in groups)
    count = _counting(partial(told, total))
    parts = probe.record_groups(groups, [None] * len(groups), progress=count)
    return _in_order(parts, [members.index for _, members in groups])


def _in_order(parts: Sequence[Labelled], members: Iterable[pd.Index]) -> xr.DataArray:
    order = np.argsort(np.concatenate([np.asarray(each) for each in members]))
    return side_by_side(parts).isel(unit=order)


def _counting(told: Callable[[float], None]) -> Callable[[float], None]:
    """Add up how many stimuli are done."""
    total = 0.0

    def count(n_done: float) -> None:
        nonlocal total
        total += n_done
        told(total)

    return count


def _share(done: Done, name: str, total: int, n_done: float) -> None:
    done(name, min(1.0, n_done / max(total, 1)))


def _nobody(total: int, n_done: float) -> None:
    """Tell nobody how far it is."""
    del total, n_done
