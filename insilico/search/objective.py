"""What a search makes large: how alike the units of a model and macaque cells are.

The units are measured as those of any other model. Nothing here knows what the model is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import xarray as xr

from insilico.comparison.ceilings_and_floors import ceiling
from insilico.comparison.population import counting
from insilico.comparison.similarity import similarity
from insilico.errors import UserError
from insilico.experiments import marques2020
from insilico.experiments.battery import Battery
from insilico.experiments.measuring import measure, unit_table
from insilico.experiments.protocol import function_name
from insilico.reference import ReferenceDistribution, load
from insilico.search.halves import half
from insilico.tuning.rates import fit_rates, to_rates
from stimuli import Display, Position, StimulusSet

__all__ = ["POSITION", "Objective", "fitted_battery", "measured", "scores", "thinned"]

# Units are told where they look, so their fields are not mapped; textures are never fitted.
FITTED = ("ringach2002", "devalois1982a", "devalois1982b", "schiller1976", "cavanaugh2002a")

RESAMPLES = 200

POSITION = marques2020.PLACE.position or Position()


def thinned(
    stimuli: Callable[..., StimulusSet], every: Mapping[str, int]
) -> Callable[..., StimulusSet]:
    """Show some of the levels of a factor only.

    Parameters
    ----------
    stimuli : callable
        As of a `Protocol`.
    every : mapping of str to int
        By factor: 2 takes every second level. A set that does not vary the factor is left as it is.

    Returns
    -------
    callable
        Makes the smaller set.
    """

    def fewer(display: Display, position: Position, **preference: float) -> StimulusSet:
        whole = stimuli(display, position, **preference)
        kept = np.ones(len(whole), dtype=bool)
        for name, step in every.items():
            if name in whole.dims:
                levels = whole.conditions[name].unique()
                shown = np.sort(levels)[min(step // 2, len(levels) - 1) :: step]
                kept &= whole.conditions[name].isin(shown).to_numpy()
        return replace(whole, conditions=whole.conditions[kept].reset_index(drop=True))

    return fewer


def fitted_battery(every: Mapping[str, int] | None = None) -> Battery:
    """Take the grating experiments of the published battery.

    Parameters
    ----------
    every : mapping of str to int, optional
        As of `thinned`; the whole sets unless given.

    Returns
    -------
    Battery
    """
    battery = marques2020.BATTERY.only(FITTED)
    # Protocols that show the same go on sharing their recording.
    fewer = {each.stimuli: thinned(each.stimuli, every or {}) for each in battery.protocols}
    compared = {load(name).property for name in battery.references}
    protocols = tuple(
        replace(
            each,
            stimuli=fewer[each.stimuli],
            # What no cells are published of is not measured.
            properties=tuple(
                one for one in each.properties if f"{each.name}.{function_name(one)}" in compared
            ),
        )
        for each in battery.protocols
    )
    return replace(battery, protocols=protocols)


def measured(
    record: Callable[[Callable[..., StimulusSet], Position], xr.DataArray], battery: Battery
) -> xr.Dataset:
    """Record and measure units, all of which look where the stimuli are.

    Parameters
    ----------
    record : callable
        Takes the ``stimuli`` of a protocol and their place, and returns the recording.
    battery : Battery
        Its protocols come after nothing.

    Returns
    -------
    Dataset, dim "unit"
        As of a run.

    Raises
    ------
    UserError
        If no grating drives any unit.
    """
    # Protocols that show the same share a recording.
    shown = {each.stimuli for each in battery.protocols}
    recordings = {stimuli: record(stimuli, POSITION) for stimuli in shown}
    reference, *_ = (each for each in battery.protocols if each.name == battery.rates_from)
    rates = fit_rates(recordings[reference.stimuli])
    responses = {stimuli: to_rates(each, rates) for stimuli, each in recordings.items()}
    found = {each.name: measure(each, responses[each.stimuli]) for each in battery.protocols}
    return unit_table(found, recordings[reference.stimuli])


def scores(
    units: xr.Dataset, references: Mapping[str, ReferenceDistribution], *, seed: int = 0
) -> dict[str, float]:
    """Similarity over the ceiling of each reference; 0 where no unit has a value.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As of `measured`.
    references : mapping of str to ReferenceDistribution
        By name.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to float
    """
    found = {}
    for name, reference in references.items():
        array = units[reference.property]
        values = array.to_numpy().astype(np.float64)[counting(units, array)]
        stream = [seed, crc32(name.encode())]
        best = ceiling(reference, rng=np.random.default_rng(stream), n_resamples=RESAMPLES)
        score = 0.0
        if len(values):
            rng = np.random.default_rng(stream)
            score = similarity(values, reference, rng=rng, n_resamples=RESAMPLES).mean
        found[name] = score / best.mean
    return found


@dataclass(frozen=True)
class Objective:
    """Mean similarity of a model's units to one half of the published cells.

    Parameters
    ----------
    every : mapping of str to int
        Which stimuli are shown: see `thinned`.
    split : int
        Seed of the halves.
    categories : float
        Share of the score, from 0 to 1, that is the mean over categories of properties, as the
        published benchmark averages them, rather than over properties.
    seed : int
        Of the resampling.
    """

    every: Mapping[str, int]
    split: int = 0
    categories: float = 0.0
    seed: int = 0

    def __call__(
        self, record: Callable[[Callable[..., StimulusSet], Position], xr.DataArray]
    ) -> dict[str, Any]:
        """Record units; both halves are scored, and ``score`` is made of the fitted one alone.

        Parameters
        ----------
        record : callable
            As of `measured`.

        Returns
        -------
        dict
            ``score``, ``fitted`` and ``held out``, the latter by reference. All are 0 where no
            grating drives any unit.
        """
        battery = _battery(tuple(sorted(self.every.items())))
        try:
            units = measured(record, battery)
        except UserError:
            silent = dict.fromkeys(battery.references, 0.0)
            return {"score": 0.0, "fitted": silent, "held out": silent}
        found = {
            which: scores(
                units,
                {name: half(load(name), which, seed=self.split) for name in battery.references},
                seed=self.seed,
            )
            for which in ("fitted", "held out")
        }
        return {"score": self._mean(found["fitted"]), **found}

    def _mean(self, found: Mapping[str, float]) -> float:
        table = pd.Series(found)
        by_category = table.groupby([load(name).category for name in table.index]).mean()
        return float((1 - self.categories) * table.mean() + self.categories * by_category.mean())


@cache
def _battery(every: tuple[tuple[str, int], ...]) -> Battery:
    return fitted_battery(dict(every))
