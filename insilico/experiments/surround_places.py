"""Where a surround suppresses: patches around the centre, and surrounds that begin farther out."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.in_context import FEW_PHASES, in_context, with_each_alone
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.experiments.surrounds import (
    AFTER,
    CENTER,
    around_center,
    draw_center_surround,
    surround_contrasts,
    surround_curve,
)
from insilico.tuning.properties import surround_places as properties
from stimuli import Display, Position, StimulusSet
from stimuli.catalogue import Named

__all__ = [
    "SURROUND_GAP",
    "SURROUND_PATCHES",
    "draw_center_and_patch",
    "lone_center",
    "patch_curve",
    "patches_around",
    "surrounds_with_gaps",
]

GAPS = np.array([0.0, 0.25, 0.5, 1.0, 2.0])
POSITIONS = np.arange(0, 360, 45.0)
PATCH = 0.5


def patches_around(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Preferred patches with a second one at eight places around them.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the first disk, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `lone_center`.

    Returns
    -------
    StimulusSet
        The second patch is as large as the first, of contrast .5 like it, one diameter away at
        angles of 0, 45 ... deg from its bars; four phases of each, and both by themselves too.
    """

    def place(table: pd.DataFrame) -> pd.DataFrame:
        angle = np.deg2rad(orientation + table["relative_position"])
        return table.assign(
            contrast=CENTER * table["signal"],
            patch_contrast=PATCH * table["context"],
            patch_x=position.x + diameter * np.cos(angle),
            patch_y=position.y + diameter * np.sin(angle),
        )

    return with_each_alone(
        "patches_around",
        display,
        draw_center_and_patch,
        {"relative_position": POSITIONS, "patch_phase": FEW_PHASES},
        derive=place,
        labels=("relative_position",),
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


draw_center_and_patch = Named("center_and_patch")


def surrounds_with_gaps(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
    inner_diameter: float = 1.0,
) -> StimulusSet:
    """Preferred patches within surrounds that begin farther and farther out.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter, inner_diameter
        As for `surrounds_of_orientations`.

    Returns
    -------
    StimulusSet
        Iso-oriented and orthogonal surrounds of contrast .5 at gaps of 0, .25, .5, 1 and 2
        diameters of the centre, beyond where a surround begins; four phases of each, and both by
        themselves too. Beyond the display nothing is left of a surround.
    """
    return with_each_alone(
        "surrounds_with_gaps",
        display,
        draw_center_surround,
        {"relative_orientation": [0.0, 90.0], "gap": GAPS, "surround_phase": FEW_PHASES},
        derive=lambda table: surround_contrasts(table, CENTER).assign(
            surround_orientation=(orientation + table["relative_orientation"]) % 180,
            inner_diameter=inner_diameter + 2 * diameter * table["gap"],
        ),
        labels=("relative_orientation", "gap"),
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def lone_center(units: xr.Dataset) -> pd.DataFrame:
    """Find the patch of each unit that has room for a surround.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `around_center`.

    Returns
    -------
    DataFrame, one row per unit
        That of `around_center` without ``inner_diameter``.
    """
    return around_center(units).drop(columns="inner_diameter")


def patch_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the centre's phases, over places of the second patch.

    Parameters
    ----------
    response : DataArray
        Recording of `patches_around`.

    Returns
    -------
    DataArray, dims ("unit", "relative_position")
        As `in_context` makes it.
    """
    return in_context(response, phase="patch_phase")


SURROUND_PATCHES = Protocol(
    name="surround_patches",
    stimuli=patches_around,
    curve=patch_curve,
    properties=(properties.surround_asymmetry, properties.end_zone_bias),
    responsive=exceeds_threshold,
    citation="after Walker and others (1999), in the cat",
    question="Is the surround the same on all sides?",
    after=AFTER,
    prefer=lone_center,
)

SURROUND_GAP = Protocol(
    name="surround_gap",
    stimuli=surrounds_with_gaps,
    curve=surround_curve,
    properties=(
        properties.surround_extent,
        properties.near_surround_selectivity,
        properties.far_surround_selectivity,
    ),
    responsive=exceeds_threshold,
    citation="after Shushruth, Ichida, Levitt & Angelucci (2009), doi 10.1152/jn.00512.2009",
    question="How far does the surround reach, and is its far part tuned as its near part?",
    after=AFTER,
    prefer=around_center,
)
