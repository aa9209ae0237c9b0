"""Protocol and Battery: an experiment, and a set of experiments with the rules they share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import xarray as xr

from insilico.recording.kept import Maximum
from stimuli import Position, StimulusSet

__all__ = ["Battery", "Protocol"]

Measure = Callable[[xr.DataArray], xr.DataArray]


@dataclass(frozen=True)
class Protocol:
    r"""One experiment: what is shown, the curve it gives, and what is measured on the curve.

    Parameters
    ----------
    name : str
        Name of the experiment, and of its recording and its curve in the results.
    stimuli : callable
        ``stimuli(display, position, **preference)`` makes the stimulus set around a position.
        Protocols that share this function share one recording.
    curve : callable
        ``curve(response)`` reduces a recording, dims ("unit", \\*factors), to a tuning curve. The
        curve keeps the unit coordinates, ``blank`` among them.
    properties : tuple of callable
        Each takes the curve and returns one value per unit; the name of what it returns names the
        property, and its ``long_name`` and ``units`` label it.
    responsive : callable
        ``responsive(curve)`` says, per unit, whether it counts in comparisons.
    citation : str
        Whose experiment it is.
    scale : {"rates", "activations"}
        Whether the curve is taken from firing rates or from rectified activations.
    reduction : Maximum, optional
        What the curve needs of the responses, where it is less than all of them: kept while they
        arrive. The curve is taken of the reduced recording.
    after : str, optional
        Name of an earlier protocol whose recording tells what each unit prefers.
    prefer : callable, optional
        ``prefer(response)`` turns that recording into a table, one row per unit, of further
        arguments of ``stimuli``: each unit is shown the set made for it, as a physiologist would.
    """

    name: str
    stimuli: Callable[..., StimulusSet]
    curve: Measure
    properties: tuple[Measure, ...]
    responsive: Measure
    citation: str
    scale: Literal["rates", "activations"] = "rates"
    reduction: Maximum | None = None
    after: str | None = None
    prefer: Callable[[xr.DataArray], pd.DataFrame] | None = None


@dataclass(frozen=True)
class Battery:
    """Protocols, where they are shown, which units are kept, and how activations become rates.

    Parameters
    ----------
    name : str
        What ``--battery`` takes.
    protocols : tuple of Protocol
        The experiments; one that selects units comes first.
    references : tuple of str
        The reference distributions that the population is compared with.
    position : Position or None
        Where the stimuli are shown; None centres them on each unit's nominal receptive field.
    sites_within : float or None
        Diameter, in deg around ``position``, of the region whose sites are candidates; None takes
        the one site nearest the centre of the display.
    select : callable, optional
        ``select(curve)`` says, per unit, whether it is kept after the first protocol.
    rates_from : str
        The protocol whose recording fixes the map from activations to firing rates.
    background : float
        Luminance of the blank display.
    """

    name: str
    protocols: tuple[Protocol, ...]
    references: tuple[str, ...]
    position: Position | None = None
    sites_within: float | None = None
    select: Measure | None = None
    rates_from: str = "orientation"
    background: float = 0.5
