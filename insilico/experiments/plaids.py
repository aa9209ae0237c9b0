"""Plaids and masks: a second grating upon the one that a unit prefers."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.in_context import FEW_PHASES, in_context, with_each_alone
from insilico.experiments.optimum import AFTER_PATCH, preferred_patch
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import plaids as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = [
    "CROSS_ORIENTATION",
    "MASK_FREQUENCY",
    "MASK_ORIENTATION",
    "draw_plaid",
    "mask_curve",
    "masks_of_frequencies",
    "masks_of_orientations",
    "plaid_curve",
    "plaids",
]

CONTRASTS = np.array([0.0, 0.06, 0.12, 0.25, 0.5])
SIGNAL, MASK = 0.25, 0.5
ORIENTATIONS = np.arange(0, 180, 15.0)
# Four octaves around the signal's frequency.
OCTAVES = np.linspace(-2, 2, 10)


def plaids(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Preferred gratings under orthogonal ones, at five contrasts each.

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
        Contrasts 0, .06, .12, .25 and .5 of the signal and of the mask, four phases of each.
    """
    return factorial(
        "plaids",
        display,
        draw_plaid,
        {
            "contrast": CONTRASTS,
            "mask_contrast": CONTRASTS,
            "mask_phase": FEW_PHASES,
            "phase": FEW_PHASES,
        },
        orientation=orientation,
        mask_orientation=(orientation + 90) % 180,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


draw_plaid = Named("plaid")


def masks_of_orientations(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Preferred gratings under masks of all orientations.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter
        As for `plaids`.

    Returns
    -------
    StimulusSet
        Signal of contrast .25, mask of .5 and of the same frequency at 12 orientations relative to
        the signal's, four phases of each; both by themselves too.
    """
    return with_each_alone(
        "masks_of_orientations",
        display,
        draw_plaid,
        {"relative_orientation": ORIENTATIONS, "mask_phase": FEW_PHASES},
        derive=lambda table: _contrasts(table).assign(
            mask_orientation=(orientation + table["relative_orientation"]) % 180
        ),
        labels=("relative_orientation",),
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def masks_of_frequencies(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Preferred gratings under orthogonal masks of many frequencies.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter
        As for `plaids`.

    Returns
    -------
    StimulusSet
        Signal of contrast .25, mask of .5 at ten frequencies over four octaves around the signal's,
        no higher than the display can show, four phases of each; both by themselves too.
    """
    angle = np.deg2rad(orientation)
    finest = display.nyquist / max(abs(np.sin(angle)), abs(np.cos(angle)))
    return with_each_alone(
        "masks_of_frequencies",
        display,
        draw_plaid,
        {"relative_frequency": OCTAVES, "mask_phase": FEW_PHASES},
        derive=lambda table: _contrasts(table).assign(
            mask_spatial_frequency=np.minimum(
                spatial_frequency * 2 ** table["relative_frequency"], finest
            )
        ),
        labels=("relative_frequency",),
        orientation=orientation,
        mask_orientation=(orientation + 90) % 180,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def plaid_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the signal's phases, over both contrasts.

    Parameters
    ----------
    response : DataArray
        Recording of `plaids`.

    Returns
    -------
    DataArray, dims ("unit", "contrast", "mask_contrast")
        Amplitudes averaged over the phases of the mask.
    """
    return dominant_component(response, averaged=("mask_phase",))


def mask_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the signal's phases, over masks.

    Parameters
    ----------
    response : DataArray
        Recording of `masks_of_orientations` or `masks_of_frequencies`.

    Returns
    -------
    DataArray, dims ("unit", "relative_orientation") or ("unit", "relative_frequency")
        As `in_context` makes it.
    """
    return in_context(response, phase="mask_phase")


def _contrasts(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(contrast=SIGNAL * table["signal"], mask_contrast=MASK * table["context"])


CROSS_ORIENTATION = Protocol(
    name="cross_orientation",
    stimuli=plaids,
    curve=plaid_curve,
    properties=(
        properties.cross_orientation_suppression,
        properties.mask_contrast_effect,
        properties.mask_contrast_shift,
        properties.mask_fit,
    ),
    responsive=exceeds_threshold,
    citation="Carandini, Heeger & Movshon (1997)",
    question="Does an orthogonal grating suppress, and as a division of contrast would?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
    figure="contrast_pairs",
)

MASK_ORIENTATION = Protocol(
    name="mask_orientation",
    stimuli=masks_of_orientations,
    curve=mask_curve,
    properties=(properties.mask_orientation_selectivity, properties.least_mask_suppression),
    responsive=exceeds_threshold,
    citation="Carandini, Heeger & Movshon (1997)",
    question="Which orientations of a mask suppress?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
    figure="suppression",
)

MASK_FREQUENCY = Protocol(
    name="mask_frequency",
    stimuli=masks_of_frequencies,
    curve=mask_curve,
    properties=(properties.mask_frequency_bandwidth, properties.mask_frequency_fall),
    responsive=exceeds_threshold,
    citation="Carandini, Heeger & Movshon (1997)",
    question="Which spatial frequencies of a mask suppress?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
    figure="suppression",
)
