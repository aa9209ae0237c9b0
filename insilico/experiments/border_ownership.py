"""Border ownership: the same edge as part of a square on the one side or on the other."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.lengths import best_place
from insilico.experiments.optimum import AFTER_GRATING, centered_grating
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.properties import border_ownership as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = ["BORDER_OWNERSHIP", "border_curve", "border_squares", "edge_with_room"]

# Squares of 4 deg on 12 deg, in the code of VOneNetDN; on a smaller display they are as large a
# part of it.
SIDE, SHARE = 4.0, 1 / 3

# Of the edge across a unit, in cycles of its preferred grating: that of a simple cell drives it
# where its phase says.
PLACES = np.arange(-0.5, 0.5, 0.125)

draw_square = Named("square")


def border_squares(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Squares to either side of an edge, light on dark and dark on light.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places of the edge, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `edge_with_room`.

    Returns
    -------
    StimulusSet
        Two sides, two polarities (1 where the square is light), of contrast 1 between square and
        ground, and eight places of the edge over a cycle. A square is 4 deg wide, or a third of a
        display below 12 deg.
    """
    angle = np.deg2rad(orientation)

    def place(table: pd.DataFrame) -> pd.DataFrame:
        away = table["place"] / spatial_frequency
        return table.assign(
            contrast=table["polarity"],
            ground_contrast=-table["polarity"],
            x=position.x + away * np.sin(angle),
            y=position.y - away * np.cos(angle),
        )

    return factorial(
        "border_squares",
        display,
        draw_square,
        {"side": [-1.0, 1.0], "polarity": [-1.0, 1.0], "place": PLACES},
        derive=place,
        labels=("polarity", "place"),
        orientation=orientation,
        width=_width(min(display.degrees)),
    )


def edge_with_room(units: xr.Dataset) -> pd.DataFrame:
    """Find the edge that each unit prefers, if there is room for a square on all sides of it.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `centered_grating`, with the attribute ``degrees``.

    Returns
    -------
    DataFrame, one row per unit
        As from there. NaN for a unit from whose place a square would reach beyond the display.
    """
    table = centered_grating(units)
    degrees = float(units.attrs["degrees"])
    room = degrees / 2 - _width(degrees)
    off = np.hypot(table["x"], table["y"]) > room * (1 + 1e-9)
    return table.where(~off)


def border_curve(response: xr.DataArray) -> xr.DataArray:
    """Response with the edge at its best place, less the blank.

    Parameters
    ----------
    response : DataArray
        Recording of `border_squares`.

    Returns
    -------
    DataArray, dims ("unit", "side", "polarity")
    """
    return best_place(response)


def _width(degrees: float) -> float:
    return min(SIDE, SHARE * degrees)


BORDER_OWNERSHIP = Protocol(
    name="border_ownership",
    stimuli=border_squares,
    curve=border_curve,
    properties=(properties.border_ownership_ratio, properties.polarity_ratio),
    responsive=exceeds_threshold,
    citation="after Zhou, Friedman & von der Heydt (2000), doi 10.1523/JNEUROSCI.20-17-06594.2000",
    question="Does the response to an edge depend on which side owns it?",
    after=AFTER_GRATING,
    prefer=edge_with_room,
    figure="border_ownership",
)
