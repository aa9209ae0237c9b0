"""Contrast: the response to the preferred patch, and tuning, at many contrasts."""

import numpy as np
import xarray as xr

from insilico.experiments.gratings import (
    ORIENTATIONS,
    PHASES,
    disk_diameters,
    draw_grating,
    quarter_octaves,
)
from insilico.experiments.optimum import (
    AFTER_GRATING,
    AFTER_PATCH,
    centered_grating,
    patch_of_any_frequency,
    patch_of_any_orientation,
    preferred_patch,
)
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import contrast as properties
from insilico.tuning.properties import contrast_tuning
from stimuli import Display, Position, StimulusSet, factorial

__all__ = [
    "CONTRAST",
    "CONTRAST_FREQUENCY",
    "CONTRAST_ORIENTATION",
    "CONTRAST_SIZE",
    "contrast_curve",
    "contrast_frequencies",
    "contrast_orientations",
    "contrast_sizes",
    "contrasts",
]

CONTRASTS = np.append(0, np.geomspace(0.01, 1, 12))
WIDTH_CONTRASTS = np.array([0.1, 0.2, 0.4, 0.8])
SIZE_CONTRASTS = np.array([0.03, 0.06, 0.09, 0.12, 0.18, 0.25, 0.5, 1.0])


def contrasts(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of growing contrast in a disk.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disk, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `preferred_patch`.

    Returns
    -------
    StimulusSet
        Contrast 0 and 12 contrasts from .01 to 1 in equal ratios, at 8 phases.
    """
    return factorial(
        "contrasts",
        display,
        draw_grating,
        {"contrast": CONTRASTS, "phase": PHASES},
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def contrast_orientations(
    display: Display,
    position: Position,
    *,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of all orientations and four contrasts in a disk.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disk, in deg.
    spatial_frequency, diameter : float
        What the units prefer, in cpd and deg; a run asks
        `patch_of_any_orientation`.

    Returns
    -------
    StimulusSet
        24 orientations at contrasts .1, .2, .4 and .8, at 8 phases.
    """
    return factorial(
        "contrast_orientations",
        display,
        draw_grating,
        {"contrast": WIDTH_CONTRASTS, "orientation": ORIENTATIONS, "phase": PHASES},
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def contrast_frequencies(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of all spatial frequencies and four contrasts in a disk.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disk, in deg.
    orientation, diameter : float
        What the units prefer, in deg; a run asks `patch_of_any_frequency`.

    Returns
    -------
    StimulusSet
        Quarter octaves, as in `gratings`, at contrasts .1, .2, .4 and .8, at 8 phases.
    """
    return factorial(
        "contrast_frequencies",
        display,
        draw_grating,
        {
            "contrast": WIDTH_CONTRASTS,
            "spatial_frequency": quarter_octaves(display),
            "phase": PHASES,
        },
        orientation=orientation,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def contrast_sizes(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Gratings of many contrasts in disks of growing diameter.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `centered_grating`.

    Returns
    -------
    StimulusSet
        8 contrasts from .03 to 1, 12 diameters from 1/40 of the display to all of it, 8 phases; on
        a display larger than 8 deg more diameters, from 0.2 deg.
    """
    return factorial(
        "contrast_sizes",
        display,
        draw_grating,
        {
            "contrast": SIZE_CONTRASTS,
            "diameter": disk_diameters(display, 12),
            "phase": PHASES,
        },
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        x=position.x,
        y=position.y,
    )


def contrast_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over contrast.

    Parameters
    ----------
    response : DataArray
        Recording of any set here.

    Returns
    -------
    DataArray, dims ("unit", "contrast") or ("unit", "contrast", <factor>)
        One component per unit: that of its strongest condition.
    """
    return dominant_component(response)


CONTRAST = Protocol(
    name="contrast",
    stimuli=contrasts,
    curve=contrast_curve,
    properties=(
        properties.contrast_supersaturation,
        properties.contrast_gain,
        properties.contrast_threshold,
        properties.contrast_log_slope_low,
        properties.contrast_log_slope_high,
        properties.contrast_fit,
    ),
    responsive=exceeds_threshold,
    citation="Albrecht & Hamilton (1982), doi 10.1152/jn.1982.48.1.217",
    question="How does the response to the preferred grating grow with contrast?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
)

CONTRAST_ORIENTATION = Protocol(
    name="contrast_orientation",
    stimuli=contrast_orientations,
    curve=contrast_curve,
    properties=(
        contrast_tuning.orientation_width_contrast_slope,
        contrast_tuning.orientation_width_ratio,
    ),
    responsive=exceeds_threshold,
    citation="Sclar & Freeman (1982)",
    question="Does the width of orientation tuning stay the same when contrast falls?",
    after=AFTER_PATCH,
    prefer=patch_of_any_orientation,
)

CONTRAST_FREQUENCY = Protocol(
    name="contrast_frequency",
    stimuli=contrast_frequencies,
    curve=contrast_curve,
    properties=(
        contrast_tuning.frequency_width_contrast_slope,
        contrast_tuning.frequency_width_ratio,
        contrast_tuning.frequency_width_change,
    ),
    responsive=exceeds_threshold,
    citation="after Sclar & Freeman (1982)",
    question="Does spatial-frequency tuning narrow when contrast falls?",
    after=AFTER_PATCH,
    prefer=patch_of_any_frequency,
)

CONTRAST_SIZE = Protocol(
    name="contrast_size",
    stimuli=contrast_sizes,
    curve=contrast_curve,
    properties=(
        properties.summation_field_contrast_ratio,
        properties.suppression_index_low_contrast,
    ),
    responsive=exceeds_threshold,
    citation="Sceniak, Ringach, Hawken & Shapley (1999), doi 10.1038/11197",
    question="Does the summation field grow at low contrast?",
    after=AFTER_GRATING,
    prefer=centered_grating,
)
