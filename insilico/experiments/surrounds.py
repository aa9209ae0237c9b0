"""Surrounds: gratings around the patch that a unit prefers, at its own size and contrast."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.comparison.joint import VARIANCE, Pair
from insilico.experiments.in_context import FEW_PHASES, in_context, with_each_alone
from insilico.experiments.optimum import centered_grating, third_octave
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import surround as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = [
    "AFTER",
    "CENTER",
    "PHASE_SURROUND",
    "SURROUND_CONTRAST",
    "SURROUND_ORIENTATION",
    "SURROUND_ORIENTATION_LOW_CONTRAST",
    "around_center",
    "around_center_of_low_contrast",
    "draw_center_surround",
    "surround_contrast_curve",
    "surround_contrasts",
    "surround_curve",
    "surround_phase_curve",
    "surrounds_of_contrasts",
    "surrounds_of_orientations",
    "surrounds_of_phases",
]

CENTER, SURROUND = 0.5, 0.5
CONTRASTS = np.array([0.0, 0.03, 0.06, 0.12, 0.25, 0.5])
ORIENTATIONS = np.arange(0, 180, 15.0)
RELATIVE_PHASES = np.arange(0, 360, 45.0)

# A surround has room around a centre of at most a quarter of the display, in the outer half of it.
LARGEST_CENTER, LARGEST_HOLE = 1 / 4, 1 / 2

AFTER = ("orientation", "spatial_frequency", "receptive_field", "contrast_size", "annulus")

draw_center_surround = Named("center_surround")


def around_center(units: xr.Dataset) -> pd.DataFrame:
    """Find the patch of each unit at contrast .5, and where a surround begins.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `centered_grating`, with ``center_diameter`` and ``surround_inner_diameter``.

    Returns
    -------
    DataFrame, one row per unit
        With ``diameter`` and ``inner_diameter``, in deg, to a third of an octave. NaN for a unit
        whose surround has no room on the display: a centre above a quarter of it, or an inner
        diameter above half of it.
    """
    return _fitting(units, "center_diameter", "surround_inner_diameter")


def around_center_of_low_contrast(units: xr.Dataset) -> pd.DataFrame:
    """Find the patch of each unit at low contrast, which is larger, and where a surround begins.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``center_low_contrast``, ``center_diameter_low_contrast`` and
        ``surround_inner_diameter_low_contrast``.

    Returns
    -------
    DataFrame, one row per unit
        With ``contrast`` too.
    """
    table = _fitting(units, "center_diameter_low_contrast", "surround_inner_diameter_low_contrast")
    return table.assign(contrast=units["center_low_contrast"].to_numpy())


def surrounds_of_orientations(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
    inner_diameter: float = 1.0,
    contrast: float = CENTER,
) -> StimulusSet:
    """Preferred patches within gratings of all orientations.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency, diameter, inner_diameter : float
        What the units prefer, in deg, cpd and deg, and where the surround begins; a run asks
        `around_center`.
    contrast : float
        Of the centre.

    Returns
    -------
    StimulusSet
        Surrounds of contrast .5 at 12 orientations relative to the centre's, four phases of each;
        both by themselves too.
    """
    return with_each_alone(
        "surrounds_of_orientations",
        display,
        draw_center_surround,
        {"relative_orientation": ORIENTATIONS, "surround_phase": FEW_PHASES},
        derive=lambda table: surround_contrasts(table, contrast).assign(
            surround_orientation=(orientation + table["relative_orientation"]) % 180
        ),
        labels=("relative_orientation",),
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        inner_diameter=inner_diameter,
        x=position.x,
        y=position.y,
    )


def surrounds_of_contrasts(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
    inner_diameter: float = 1.0,
) -> StimulusSet:
    """Preferred patches within iso-oriented surrounds, at six contrasts each.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter, inner_diameter
        As for `surrounds_of_orientations`.

    Returns
    -------
    StimulusSet
        Contrasts 0, .03, .06, .12, .25 and .5 of the centre and of the surround, four phases of
        each.
    """
    return factorial(
        "surrounds_of_contrasts",
        display,
        draw_center_surround,
        {
            "contrast": CONTRASTS,
            "surround_contrast": CONTRASTS,
            "surround_phase": FEW_PHASES,
            "phase": FEW_PHASES,
        },
        orientation=orientation,
        surround_orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        inner_diameter=inner_diameter,
        x=position.x,
        y=position.y,
    )


def surrounds_of_phases(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
    inner_diameter: float = 1.0,
) -> StimulusSet:
    """Preferred patches within iso-oriented surrounds of other phases.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter, inner_diameter
        As for `surrounds_of_orientations`.

    Returns
    -------
    StimulusSet
        Surrounds of contrast .5 at eight phases relative to the centre's, which has four; both by
        themselves too.
    """
    return with_each_alone(
        "surrounds_of_phases",
        display,
        draw_center_surround,
        {"relative_phase": RELATIVE_PHASES},
        derive=lambda table: surround_contrasts(table, CENTER).assign(
            surround_phase=(table["phase"] + table["relative_phase"]) % 360
        ),
        labels=("relative_phase",),
        orientation=orientation,
        surround_orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        inner_diameter=inner_diameter,
        x=position.x,
        y=position.y,
    )


def surround_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the centre's phases, over surrounds.

    Parameters
    ----------
    response : DataArray
        Recording of `surrounds_of_orientations` or `surrounds_with_gaps`.

    Returns
    -------
    DataArray, dims ("unit", "relative_orientation") or with "gap" too
        As `in_context` makes it.
    """
    return in_context(response, phase="surround_phase")


def surround_phase_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the centre's phases, over phases of the surround.

    Parameters
    ----------
    response : DataArray
        Recording of `surrounds_of_phases`.

    Returns
    -------
    DataArray, dims ("unit", "relative_phase")
        As `in_context` makes it.
    """
    return in_context(response)


def surround_contrast_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the centre's phases, over both contrasts.

    Parameters
    ----------
    response : DataArray
        Recording of `surrounds_of_contrasts`.

    Returns
    -------
    DataArray, dims ("unit", "contrast", "surround_contrast")
        Amplitudes averaged over the phases of the surround.
    """
    return dominant_component(response, averaged=("surround_phase",))


def surround_contrasts(table: pd.DataFrame, contrast: float) -> pd.DataFrame:
    """Add the contrasts of centre and surround.

    Parameters
    ----------
    table : DataFrame
        With ``signal`` and ``context``, 1 where the one or the other is shown.
    contrast : float
        Of the centre; that of the surround is .5.

    Returns
    -------
    DataFrame
    """
    return table.assign(
        contrast=contrast * table["signal"], surround_contrast=SURROUND * table["context"]
    )


def _fitting(units: xr.Dataset, center: str, hole: str) -> pd.DataFrame:
    diameter, inner = third_octave(units[center]), third_octave(units[hole], up=True)
    side = units.attrs["degrees"]
    room = (diameter <= LARGEST_CENTER * side) & (inner <= LARGEST_HOLE * side)
    # Rounded up, a surround that meets its centre may begin a step farther out.
    inner = np.maximum(diameter, inner)
    return centered_grating(units).assign(
        diameter=np.where(room, diameter, np.nan), inner_diameter=np.where(room, inner, np.nan)
    )


SURROUND_ORIENTATION = Protocol(
    name="surround_orientation",
    stimuli=surrounds_of_orientations,
    curve=surround_curve,
    properties=(
        properties.iso_surround_response,
        properties.orthogonal_surround_response,
        properties.surround_alone,
        properties.surround_selectivity,
        properties.most_suppressive_orientation,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00693.2001",
    question="Which orientations suppress from outside the receptive field?",
    joint=(
        Pair(
            "surround_selectivity",
            "circular_variance",
            bins_x="cavanaugh2002b.surround_selectivity",
            bins_y=VARIANCE,
        ),
    ),
    after=AFTER,
    prefer=around_center,
    figure="suppression",
)

SURROUND_ORIENTATION_LOW_CONTRAST = Protocol(
    name="surround_orientation_low_contrast",
    stimuli=surrounds_of_orientations,
    curve=surround_curve,
    properties=(
        properties.iso_surround_response_low_contrast,
        properties.orthogonal_surround_response_low_contrast,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00693.2001",
    question="Does the surround suppress a centre of low contrast more?",
    after=AFTER,
    prefer=around_center_of_low_contrast,
    figure="suppression",
)

SURROUND_CONTRAST = Protocol(
    name="surround_contrast",
    stimuli=surrounds_of_contrasts,
    curve=surround_contrast_curve,
    properties=(properties.surround_gains,),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    question="Does a surround divide the response, or the contrast?",
    after=AFTER,
    prefer=around_center,
    figure="contrast_pairs",
)

PHASE_SURROUND = Protocol(
    name="phase_surround",
    stimuli=surrounds_of_phases,
    curve=surround_phase_curve,
    properties=(properties.surround_phase_modulation,),
    responsive=exceeds_threshold,
    citation="described, not compared: no distribution is to be had",
    question="Does the phase of the surround relative to the centre matter?",
    after=AFTER,
    prefer=around_center,
)
