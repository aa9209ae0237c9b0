"""Length and polarity: bars and gratings in rectangles along a preferred orientation."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import PHASES, disk_diameters
from insilico.experiments.optimum import (
    AFTER_GRATING,
    AFTER_PATCH,
    centered_grating,
    preferred_patch,
)
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import length as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = [
    "BAR_LENGTH",
    "LENGTH",
    "POLARITY",
    "across",
    "bars_of_lengths",
    "bars_of_polarities",
    "best_place",
    "draw_bar",
    "draw_rectangular_grating",
    "gratings_of_lengths",
    "length_curve",
]

# Places over one cycle and over two, in cycles.
PLACES = np.arange(8) / 8 - 0.5
POLARITY_PLACES = np.linspace(-1, 1, 17)


draw_bar = Named("bar")
draw_rectangular_grating = Named("rectangular_grating")


def gratings_of_lengths(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings in rectangles one field wide, of growing length.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the rectangles, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `preferred_patch`.

    Returns
    -------
    StimulusSet
        12 lengths from 1/40 of the display to all of it, at 8 phases; on a display larger than 8
        deg more, from 0.2 deg.
    """
    return factorial(
        "gratings_of_lengths",
        display,
        draw_rectangular_grating,
        {"length": _lengths(display), "phase": PHASES},
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        width=diameter,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def bars_of_lengths(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Light bars half a cycle wide, of growing length, at eight places over a cycle.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `centered_grating`.

    Returns
    -------
    StimulusSet
        12 lengths from 1/40 of the display to all of it; on a display larger than 8 deg more, from
        0.2 deg.
    """
    return factorial(
        "bars_of_lengths",
        display,
        draw_bar,
        {"length": _lengths(display), "place": PLACES},
        derive=lambda table: across(table, position, orientation, spatial_frequency),
        labels=("place",),
        orientation=orientation,
        width=0.5 / spatial_frequency,
        contrast=1.0,
    )


def bars_of_polarities(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Light and dark bars half a cycle wide, as long as the field, at 17 places over two cycles.

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
        Polarity 1 is twice the background, -1 black.
    """
    return factorial(
        "bars_of_polarities",
        display,
        draw_bar,
        {"polarity": [-1.0, 1.0], "place": POLARITY_PLACES},
        derive=lambda table: across(table, position, orientation, spatial_frequency).assign(
            contrast=table["polarity"]
        ),
        labels=("polarity", "place"),
        orientation=orientation,
        width=0.5 / spatial_frequency,
        length=diameter,
    )


def length_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over length.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings_of_lengths`.

    Returns
    -------
    DataArray, dims ("unit", "length")
    """
    return dominant_component(response)


def best_place(response: xr.DataArray) -> xr.DataArray:
    """Response at the best place, less the blank.

    Parameters
    ----------
    response : DataArray
        Recording of `bars_of_lengths` or `bars_of_polarities`.

    Returns
    -------
    DataArray, dims ("unit", "length") or ("unit", "polarity")
    """
    best = response.max("place", keep_attrs=True).astype(np.float64)
    return (best - best["blank"]).assign_attrs(response.attrs)


def _lengths(display: Display) -> np.ndarray:
    return disk_diameters(display, 12)


def across(
    table: pd.DataFrame, position: Position, orientation: float, spatial_frequency: float
) -> pd.DataFrame:
    """Move bars across their orientation, along which the phase of a grating grows.

    Parameters
    ----------
    table : DataFrame
        With ``place``, in cycles.
    position : Position
        The middle, in deg.
    orientation, spatial_frequency : float
        Of the bars, in deg, and of the grating, in cpd.

    Returns
    -------
    DataFrame
        With ``x`` and ``y``, in deg.
    """
    angle, away = np.deg2rad(orientation), table["place"] / spatial_frequency
    return table.assign(x=position.x + away * np.sin(angle), y=position.y - away * np.cos(angle))


LENGTH = Protocol(
    name="length",
    stimuli=gratings_of_lengths,
    curve=length_curve,
    properties=(properties.end_stopping_index, properties.preferred_length),
    responsive=exceeds_threshold,
    citation="after Jones, Grieve, Wang & Sillito (2001), J Neurophysiol 86:2011-2028",
    question="Is a unit end-stopped?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
)

BAR_LENGTH = Protocol(
    name="bar_length",
    stimuli=bars_of_lengths,
    curve=best_place,
    properties=(properties.bar_end_stopping_index, properties.bar_preferred_length),
    responsive=exceeds_threshold,
    citation="after Kapadia, Westheimer & Gilbert (1999), doi 10.1073/pnas.96.21.12073",
    question="Is a unit end-stopped for bars?",
    after=AFTER_GRATING,
    prefer=centered_grating,
)

POLARITY = Protocol(
    name="polarity",
    stimuli=bars_of_polarities,
    curve=best_place,
    properties=(properties.black_white_ratio,),
    responsive=exceeds_threshold,
    citation="after Yeh, Xing & Shapley (2009), doi 10.1523/JNEUROSCI.1991-09.2009",
    question="Does a unit answer dark bars more than light ones?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
)
