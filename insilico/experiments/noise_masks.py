"""Noise on the grating that a unit prefers."""

import numpy as np
import xarray as xr

from insilico.experiments.in_context import FEW_PHASES
from insilico.experiments.optimum import AFTER_PATCH, preferred_patch
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import plaids as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = ["NOISE_MASK", "draw_noisy_grating", "gratings_in_noise", "noise_curve"]

# Standard deviations of the noise, and the seeds of its samples.
NOISE = np.array([0.0, 0.1])
SEEDS = np.arange(16)
SIGNAL = 0.5

# Side of an element of noise, in cycles of the grating: that of one of its bars.
ELEMENT = 0.5

draw_noisy_grating = Named("noisy_grating")


def gratings_in_noise(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Preferred gratings with and without binary noise upon them.

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
        Contrast .5; noise of standard deviation 0 and .1, whose elements are half a cycle
        wide (in whole pixels), in 16 samples (the ``seed`` of each is in the table); four phases.
    """
    element = max(1, round(ELEMENT / spatial_frequency * display.px_per_deg)) / display.px_per_deg
    return factorial(
        "gratings_in_noise",
        display,
        draw_noisy_grating,
        {"noise": NOISE, "seed": SEEDS, "phase": FEW_PHASES},
        contrast=SIGNAL,
        element=element,
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def noise_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation at the grating's phases, over the strength of the noise.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings_in_noise`.

    Returns
    -------
    DataArray, dims ("unit", "noise")
        Amplitudes averaged over samples of the noise.
    """
    return dominant_component(response, averaged=("seed",))


NOISE_MASK = Protocol(
    name="noise_mask",
    stimuli=gratings_in_noise,
    curve=noise_curve,
    properties=(properties.noise_suppression,),
    responsive=exceeds_threshold,
    citation="after Carandini, Heeger & Movshon (1997)",
    question="Does noise on a grating lower the response to it?",
    after=AFTER_PATCH,
    prefer=preferred_patch,
)
