"""Eccentricity: fields mapped all over the display, and what changes with their place."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import driven
from insilico.tuning.properties import eccentricity as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = ["ECCENTRICITY", "everywhere", "field_maps", "spots_everywhere"]

# Places along each side of the display; a spot is as wide as they are apart.
PLACES = 24

DARK_AND_LIGHT = [-1.0, 1.0]

draw_spot = Named("spot")


def spots_everywhere(display: Display, position: Position) -> StimulusSet:
    """Light and dark spots at 24 x 24 places that cover the display.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places, in deg; a run takes the centre of the display, for all units.

    Returns
    -------
    StimulusSet
        Dims offset_y, offset_x (deg), and polarity, -1 for dark.
    """
    step = min(display.degrees) / PLACES
    offsets = (np.arange(PLACES) - (PLACES - 1) / 2) * step
    return factorial(
        "spots_everywhere",
        display,
        draw_spot,
        {"offset_y": offsets, "offset_x": offsets, "polarity": DARK_AND_LIGHT},
        derive=lambda table: table.assign(
            x=position.x + table["offset_x"],
            y=position.y + table["offset_y"],
            contrast=table["polarity"],
        ),
        labels=("offset_y", "offset_x", "polarity"),
        diameter=step,
    )


def everywhere(units: xr.Dataset) -> pd.DataFrame:
    """Place the spots around the centre of the display, wherever units look.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Any.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y``, both 0.
    """
    nothing = np.zeros(units.sizes["unit"])
    return pd.DataFrame({"x": nothing, "y": nothing})


def field_maps(response: xr.DataArray) -> xr.DataArray:
    """Response at each place, averaged over light and dark: less the blank, and not below 0.

    Parameters
    ----------
    response : DataArray
        Recording of `spots_everywhere`.

    Returns
    -------
    DataArray, dims ("unit", "offset_y", "offset_x")
    """
    chart = (response.astype(np.float64) - response["blank"]).clip(min=0).mean("polarity")
    nowhere = ("unit", np.zeros(chart.sizes["unit"]))
    left = [name for name in ("stimulus_x", "stimulus_y") if name in chart.coords]
    return (
        chart.drop_vars(left)
        .assign_coords(centre_x=nowhere, centre_y=nowhere)
        .assign_attrs(response.attrs)
    )


ECCENTRICITY = Protocol(
    name="eccentricity",
    stimuli=spots_everywhere,
    curve=field_maps,
    properties=(
        properties.eccentricity,
        properties.polar_angle,
        properties.field_diameter,
        properties.preferred_period,
        properties.radial_bias,
    ),
    responsive=driven,
    citation="our own: fields mapped with spots",
    question="How do field size, spatial frequency and orientation change over the visual field?",
    scale="activations",
    after=("orientation", "spatial_frequency"),
    prefer=everywhere,
    given=("preferred_orientation", "preferred_spatial_frequency"),
    figure="eccentricity",
    needs="places",
)
