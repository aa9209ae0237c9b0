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
    "strongest_lines",
]

# In summation fields from the middle.
PLACES = np.linspace(-1, 1, 15)
DARK_AND_LIGHT = [-1.0, 1.0]

# Wide enough to drive a unit at all, in cycles of its preferred frequency.
CYCLES = 0.5

# Lines of spots: one across the preferred bars, and three along them, so many cycles from the
# middle. Whatever the phase of a receptive field, one of these is on a subregion or near it: the
# middle of an odd-symmetric one answers nothing.
ACROSS, ALONG = 0, {1: -0.25, 2: 0.0, 3: 0.25}

draw_spot = Named("spot")


def spots_along_and_across(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Light and dark spots at 15 places across the preferred bars, and on three lines along them.

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
        Spots half a cycle wide, at up to a field from the middle; ``line`` is 0 for places across
        the bars, and 1, 2 and 3 for those along them, a quarter of a cycle before the middle,
        through it, and a quarter beyond it.
    """
    return factorial(
        "spots_along_and_across",
        display,
        draw_spot,
        {"line": [ACROSS, *ALONG], "place": PLACES, "polarity": DARK_AND_LIGHT},
        derive=lambda table: _moved(
            table, position, orientation, **_on_lines(table, spatial_frequency, diameter)
        ),
        labels=("line", "place", "polarity"),
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
        derive=lambda table: _moved(table, position, orientation, across=table["place"] * diameter),
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
    DataArray, dims ("unit", "line", "place") or ("unit", "place")
    """
    best = response.max("polarity", keep_attrs=True).astype(np.float64)
    return (best - best["blank"]).assign_attrs(response.attrs)


def strongest_lines(response: xr.DataArray) -> xr.DataArray:
    """Take the line of spots across the bars, and of those along them the one that drives best.

    Parameters
    ----------
    response : DataArray
        Recording of `spots_along_and_across`.

    Returns
    -------
    DataArray, dims ("unit", "along", "place")
        Response to the better polarity, less blank: ``along`` is 0 across the bars and 1 along
        them.
    """
    best = best_polarity(response)
    along = best.sel(line=[*ALONG])
    strongest = along.max("place").fillna(-np.inf).argmax("line")
    lines = [best.sel(line=ACROSS, drop=True), along.isel(line=strongest).drop_vars("line")]
    return xr.concat(lines, pd.Index([0, 1], name="along")).assign_attrs(best.attrs)


def _on_lines(
    table: pd.DataFrame, spatial_frequency: float, diameter: float
) -> dict[str, pd.Series]:
    """Places of spots across and along the bars, in deg from the middle."""
    away = table["place"] * diameter
    on_first = table["line"] == ACROSS
    aside = table["line"].map(ALONG) / spatial_frequency
    return {"across": away.where(on_first, aside), "along": away.where(~on_first, 0.0)}


def _moved(
    table: pd.DataFrame,
    position: Position,
    orientation: float,
    *,
    across: pd.Series,
    along: pd.Series | float = 0.0,
) -> pd.DataFrame:
    """Move stimuli by so many deg across and along bars of an orientation."""
    sine, cosine = np.sin(np.deg2rad(orientation)), np.cos(np.deg2rad(orientation))
    return table.assign(
        x=position.x + across * sine + along * cosine,
        y=position.y - across * cosine + along * sine,
        contrast=table["polarity"],
    )


SPOTS = Protocol(
    name="spots",
    stimuli=spots_along_and_across,
    curve=strongest_lines,
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
