"""What a search makes large: how alike the units of a model and macaque cells are.

The rig records the model as it does any other. Nothing here knows what the model is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import nn

from insilico.comparison.ceilings_and_floors import ceiling
from insilico.comparison.population import counting
from insilico.comparison.similarity import similarity
from insilico.experiments import marques2020
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement
from insilico.reference import ReferenceDistribution, load
from insilico.runs.placed_probe import placed_probe
from insilico.runs.session import record_battery
from insilico.search.halves import half
from stimuli import Display, Position, StimulusSet, Window

__all__ = ["Objective", "fitted_battery", "measured", "remembered", "scores", "thinned"]

# Units are told where they look, so their fields are not mapped; textures are never fitted.
FITTED = ("ringach2002", "devalois1982a", "devalois1982b", "schiller1976", "cavanaugh2002a")

RESAMPLES = 200

# Pictures drawn at a time.
DRAWN = 64

PLACE = Placement(marques2020.PLACE.position)


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

    def fewer(display: Display, position: Position) -> StimulusSet:
        whole = stimuli(display, position)
        kept = np.ones(len(whole), dtype=bool)
        for name, step in every.items():
            if name in whole.dims:
                levels = whole.conditions[name].unique()
                shown = np.sort(levels)[min(step // 2, len(levels) - 1) :: step]
                kept &= whole.conditions[name].isin(shown).to_numpy()
        return replace(whole, conditions=whole.conditions[kept].reset_index(drop=True))

    return fewer


def remembered(stimuli: Callable[..., StimulusSet]) -> Callable[..., StimulusSet]:
    """Draw every picture once, however often the set is shown.

    Parameters
    ----------
    stimuli : callable
        As of a `Protocol`; its pictures have 256 grey levels.

    Returns
    -------
    callable
        Makes sets that hold their pictures.
    """

    @cache
    def drawn(display: Display, position: Position) -> StimulusSet:
        made = stimuli(display, position)

        @cache
        def pictures() -> torch.Tensor:
            parts = [made.images(slice(each, each + DRAWN)) for each in range(0, len(made), DRAWN)]
            return torch.cat([(255 * part).round().to(torch.uint8) for part in parts])

        def draw(
            _: Display,
            *,
            picture: npt.NDArray[np.intp],
            window: Window | None,
            device: torch.device | str | None,
            **_parameters: Any,
        ) -> torch.Tensor:
            chosen = pictures()[torch.tensor(picture)].to(device)
            if window is not None:
                chosen = chosen[:, :, window.rows, window.columns]
            return chosen / 255

        numbered = made.conditions.assign(picture=np.arange(len(made)))
        return replace(made, conditions=numbered, draw=draw)

    return drawn


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
    fewer = {
        each.stimuli: remembered(thinned(each.stimuli, every or {})) for each in battery.protocols
    }
    protocols = tuple(replace(each, stimuli=fewer[each.stimuli]) for each in battery.protocols)
    return replace(battery, protocols=protocols)


def measured(model: nn.Module, battery: Battery, *, seed: int = 0) -> xr.Dataset:
    """Record and measure the units of a model, all of which look where the stimuli are.

    Parameters
    ----------
    model : nn.Module
        As of `insilico.load_model`.
    battery : Battery
        Which selects no units.
    seed : int
        Of the probe.

    Returns
    -------
    Dataset, dim "unit"
    """
    probe, _ = placed_probe(
        model, place=PLACE, background=battery.background, crop="off", seed=seed
    )
    return record_battery(probe, battery, PLACE).units


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
    seed : int
        Of the resampling.
    """

    every: Mapping[str, int]
    split: int = 0
    seed: int = 0

    def __call__(self, model: nn.Module) -> dict[str, Any]:
        """Record a model; both halves are scored, and ``score`` is the mean of the fitted one."""
        battery = _battery(tuple(sorted(self.every.items())))
        units = measured(model, battery, seed=self.seed)
        found = {
            which: scores(
                units,
                {name: half(load(name), which, seed=self.split) for name in battery.references},
                seed=self.seed,
            )
            for which in ("fitted", "held out")
        }
        return {"score": float(np.mean(list(found["fitted"].values()))), **found}


@cache
def _battery(every: tuple[tuple[str, int], ...]) -> Battery:
    return fitted_battery(dict(every))
