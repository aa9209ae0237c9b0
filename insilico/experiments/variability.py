"""Variability over repeats: of models with noise of their own, and of spikes drawn on request."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.gratings import draw_grating
from insilico.experiments.natural_images import NATURAL_IMAGES
from insilico.experiments.protocol import Protocol
from insilico.tuning.properties import variability as properties
from insilico.tuning.rates import ROUNDING
from stimuli import Display, Position, StimulusSet, factorial

__all__ = [
    "VARIABILITY",
    "WINDOW",
    "counts",
    "poisson_counts",
    "poisson_rates",
    "repeated_gratings",
    "with_spikes",
]

TRIALS = 20

# In which spikes are counted, in s.
WINDOW = 0.5


def repeated_gratings(display: Display, position: Position) -> StimulusSet:
    """Gratings of eight orientations and three frequencies, each shown 20 times.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Anchor of the phase, in deg.

    Returns
    -------
    StimulusSet
        Dims orientation, spatial_frequency, trial.
    """
    return factorial(
        "repeated_gratings",
        display,
        draw_grating,
        {
            "orientation": np.arange(0, 180, 22.5),
            "spatial_frequency": np.unique(np.minimum([1.0, 2.0, 4.0], display.nyquist / 2)),
            "trial": np.arange(TRIALS),
        },
        labels=("trial",),
        x=position.x,
        y=position.y,
    )


def counts(response: xr.DataArray) -> xr.DataArray:
    """Rates times the window in which spikes are counted.

    Parameters
    ----------
    response : DataArray, dims ("unit", "orientation", "spatial_frequency", "trial")
        Recording of `repeated_gratings`, in spikes/s.

    Returns
    -------
    DataArray
        The same, in spikes.
    """
    counted = response.astype(np.float64) * WINDOW
    return counted.assign_attrs(response.attrs, units="spikes", long_name="Spike count")


def poisson_counts(response: xr.DataArray, *, seed: int = 0) -> xr.DataArray:
    """Spikes drawn at the rates of a recording, each trial anew.

    Parameters
    ----------
    response : DataArray, dims ("unit", "orientation", "spatial_frequency", "trial")
        As for `counts`.
    seed : int
        Of the draws.

    Returns
    -------
    DataArray
        Poisson counts in the window. NaN for units that were shown nothing.
    """
    expected = counts(response)
    known = np.isfinite(expected)
    drawn = np.random.default_rng([seed, 2]).poisson(expected.where(known, 0).to_numpy())
    return expected.copy(data=np.where(known, drawn, np.nan))


def poisson_rates(response: xr.DataArray, *, seed: int = 0) -> xr.DataArray:
    """Rates of spikes that are drawn as by `poisson_counts`.

    Parameters
    ----------
    response, seed
        As there.

    Returns
    -------
    DataArray
        In spikes/s.
    """
    return (poisson_counts(response, seed=seed) / WINDOW).assign_attrs(response.attrs)


def spikes(curve: xr.DataArray) -> xr.DataArray:
    """Whether there is a spike on any trial.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    return curve.max([dim for dim in curve.dims if dim != "unit"]) > ROUNDING


def with_spikes(battery: Battery, kind: str, *, seed: int, asked: bool = False) -> Battery:
    """Draw spikes at the rates of a model, where a battery asks how they vary.

    Parameters
    ----------
    battery : Battery
        With the experiments `variability` or `natural_images`, which repeat what they show.
    kind : {"poisson"}
        How they are drawn.
    seed : int
        Of the draws.
    asked : bool
        Whether how spikes vary is asked of any experiment: for intervals over repeats.

    Returns
    -------
    Battery

    Raises
    ------
    UserError
        For another kind, where nothing asks, or where activations are not mapped to the rates that
        spikes are drawn at.
    """
    if kind != "poisson":
        raise UserError(f"spikes must be 'poisson'; got {kind!r}.")
    drawn: dict[str, dict[str, Any]] = {
        VARIABILITY.name: {"curve": partial(poisson_counts, seed=seed), "needs": ""},
        NATURAL_IMAGES.name: {"curve": partial(poisson_rates, seed=seed)},
    }
    if battery.rates_from is None:
        raise UserError(
            f"spikes are drawn at firing rates, and the {battery.name} battery shows nothing that "
            "rates are fitted to (rates_from=None): it is measured on activations. Take its "
            "experiments from a battery that has rates, as in --battery full --protocols "
            f"{battery.protocols[-1].name}, or leave out the spikes."
        )
    if not asked and not drawn.keys() & {each.name for each in battery.protocols}:
        raise UserError(
            f"the {battery.name} battery does not ask how spikes vary; choose variability, "
            "natural_images or full, ask for intervals over repeats (--trials 20), or leave out "
            "the spikes."
        )
    return replace(
        battery,
        protocols=tuple(
            replace(each, **drawn[each.name]) if each.name in drawn else each
            for each in battery.protocols
        ),
        known=battery.rehearsed,
    )


VARIABILITY = Protocol(
    name="variability",
    stimuli=repeated_gratings,
    curve=counts,
    properties=(
        properties.fano_factor,
        properties.reliability,
        properties.noise_correlation,
        properties.signal_correlation,
    ),
    responsive=spikes,
    citation="after Ecker and others (2014)",
    question="How much do responses vary over repeats, and do units vary together?",
    figure="variability",
    needs="noise",
)
