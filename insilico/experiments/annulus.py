"""Annuli: gratings with a growing hole, which find how far inputs reach that drive a unit."""

from dataclasses import replace

import numpy as np
import xarray as xr

from insilico.experiments.contrast import CONTRAST_SIZE
from insilico.experiments.gratings import PHASES, disk_diameters, draw_grating
from insilico.experiments.optimum import centered_grating
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import annulus as properties
from insilico.tuning.properties.center import center_patch
from stimuli import Display, Position, StimulusSet, factorial

__all__ = ["ANNULUS", "CENTER_SIZE", "annuli", "annulus_curve"]

CONTRASTS = np.array([0.25, 0.5, 1.0])


def annuli(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Gratings over the whole display, with holes of growing diameter.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the holes, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `centered_grating`.

    Returns
    -------
    StimulusSet
        No hole, and 12 from 1/40 to half of the display, at contrasts .25, .5 and 1, 8 phases; on a
        display larger than 8 deg more holes, from 0.2 deg.
    """
    return factorial(
        "annuli",
        display,
        draw_grating,
        {
            "contrast": CONTRASTS,
            "inner_diameter": np.append(0, disk_diameters(display, 12, largest=1 / 2)),
            "phase": PHASES,
        },
        diameter=np.inf,
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        x=position.x,
        y=position.y,
    )


def annulus_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over contrast and diameter of the hole.

    Parameters
    ----------
    response : DataArray
        Recording of `annuli`.

    Returns
    -------
    DataArray, dims ("unit", "contrast", "inner_diameter")
    """
    return dominant_component(response)


# Size tuning at many contrasts, which also says what centre a surround is put around.
CENTER_SIZE = replace(CONTRAST_SIZE, properties=(*CONTRAST_SIZE.properties, center_patch))

ANNULUS = Protocol(
    name="annulus",
    stimuli=annuli,
    curve=annulus_curve,
    properties=(
        properties.annular_minimum_response_field,
        properties.annular_to_summation_field_ratio,
        properties.annular_field_contrast_ratio,
        properties.hole_suppression,
        properties.surround_inner_diameter,
        properties.surround_inner_diameter_low_contrast,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    question="How large a hole in a grating silences a unit?",
    after=("orientation", "spatial_frequency", "receptive_field", "size", "contrast_size"),
    prefer=centered_grating,
    given=(
        "optimal_diameter",
        "center_diameter",
        "center_response",
        "center_diameter_low_contrast",
        "center_response_low_contrast",
    ),
)
