"""Fields from single stimuli: spots and bars at places across the receptive field."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.lengths import draw_bar
from insilico.experiments.optimum import AFTER_PATCH, preferred_patch
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.properties import spots as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = [
    "BARS_ACROSS",
    "SPOTS",
    "bars_across",
    "best_polarity",
    "draw_spot",
    "spots_along_and_across",
]

# In summation fields from the middle.
PLACES = np.linspace(-1, 1, 15)
DARK_AND_LIGHT = [-1.0, 1.0]

# Wide enough to drive a unit at all, in cycles of its preferred frequency.
CYCLES = 0.5

draw_spot = Named("spot")


def spots_along_and_across(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Light and dark spots at 15 places across the preferred bars, and at 15 along them.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `preferred_patch`.

    Returns
    -------
    StimulusSet
        Spots half a cycle wide, at up to a field from the middle; ``along`` is 0 for places across
        the bars and 1 for those along them.
    """
    return factorial(
        "spots_along_and_across",
        display,
        draw_spot,
        {"along": [0.0, 1.0], "place": PLACES, "polarity": DARK_AND_LIGHT},
        derive=lambda table: _moved(
            table, position, orientation - 90 + 90 * table["along"], diameter
        ),
        labels=("along", "place", "polarity"),
        diameter=CYCLES / spatial_frequency,
    )


def bars_across(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Light and dark bars of the preferred orientation at 15 places across.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `preferred_patch`.

    Returns
    -------
    StimulusSet
        Bars half a cycle wide and as long as the field, at up to a field from the middle.
    """
    return factorial(
        "bars_across",
        display,
        draw_bar,
        {"place": PLACES, "polarity": DARK_AND_LIGHT},
        derive=lambda table: _moved(table, position, orientation - 90, diameter),
        labels=("place", "polarity"),
        orientation=orientation,
        width=CYCLES / spatial_frequency,
        length=diameter,
    )


def best_polarity(response: xr.DataArray) -> xr.DataArray:
    """Response to the light or the dark stimulus at each place, whichever is larger, less blank.

    Parameters
    ----------
    response : DataArray
        Recording of either set.

    Returns
    -------
    DataArray, dims ("unit", "along", "place") or ("unit", "place")
    """
    best = response.max("polarity", keep_attrs=True).astype(np.float64)
    return (best - best["blank"]).assign_attrs(response.attrs)


def _moved(
    table: pd.DataFrame, position: Position, direction: float | pd.Series, diameter: float
) -> pd.DataFrame:
    """Move stimuli by their place, in diameters, in a direction in deg."""
    angle, away = np.deg2rad(direction), table["place"] * diameter
    return table.assign(
        x=position.x + away * np.cos(angle),
        y=position.y + away * np.sin(angle),
        contrast=table["polarity"],
    )


SPOTS = Protocol(
    name="spots",
    stimuli=spots_along_and_across,
    curve=best_polarity,
    properties=(properties.spot_field, properties.spot_to_grating_field_ratio),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Is the field that spots find smaller than that of gratings?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
    given=("optimal_diameter",),
)

BARS_ACROSS = Protocol(
    name="bars_across",
    stimuli=bars_across,
    curve=best_polarity,
    properties=(properties.bar_field, properties.bar_to_grating_field_ratio),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Is the field that bars find smaller than that of gratings?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
    given=("optimal_diameter",),
)
