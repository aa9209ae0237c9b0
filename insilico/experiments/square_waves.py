"""Square waves: gratings of sharp bars, which hold the third harmonic of their frequency too."""

import numpy as np
import xarray as xr

from insilico.experiments.contrast import CONTRASTS, contrast_curve
from insilico.experiments.gratings import FINE_PHASES, PHASES
from insilico.experiments.optimum import AFTER_GRATING, centered_grating, preferred_patch
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import mean_response
from insilico.tuning.properties import square_waves as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named

__all__ = [
    "SQUARE_WAVE",
    "SQUARE_WAVE_CONTRAST",
    "draw_square_wave",
    "square_wave_curve",
    "square_waves_of_contrasts",
    "square_waves_of_frequencies",
]

# From a quarter of the preferred frequency up to it, in octaves.
OCTAVES = np.arange(-2, 0.01, 1 / 8)

draw_square_wave = Named("square_wave")


def square_waves_of_frequencies(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Square waves over the whole display, of frequencies up to the preferred one.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Where the phase is anchored, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `centered_grating`.

    Returns
    -------
    StimulusSet
        17 frequencies in eighths of an octave from a quarter of the preferred one up to it, at 12
        phases and contrast 1. In a disk of the size of a field less than a cycle would be left of
        the lower ones.
    """
    return factorial(
        "square_waves_of_frequencies",
        display,
        draw_square_wave,
        {"relative_frequency": OCTAVES, "phase": FINE_PHASES},
        derive=lambda table: table.assign(
            spatial_frequency=spatial_frequency * 2 ** table["relative_frequency"]
        ),
        labels=("relative_frequency",),
        orientation=orientation,
        contrast=1.0,
        diameter=np.inf,
        x=position.x,
        y=position.y,
    )


def square_waves_of_contrasts(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Square waves of growing contrast in a disk.

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
        Contrast 0 and 12 contrasts from .01 to 1 in equal ratios, at 8 phases, as the sine waves of
        `contrasts`.
    """
    return factorial(
        "square_waves_of_contrasts",
        display,
        draw_square_wave,
        {"contrast": CONTRASTS, "phase": PHASES},
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def square_wave_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank over frequency, of simple cells too.

    The modulation at the frequency of the wave is blind to what its harmonics do.

    Parameters
    ----------
    response : DataArray
        Recording of `square_waves_of_frequencies`.

    Returns
    -------
    DataArray, dims ("unit", "relative_frequency")
    """
    mean = mean_response(response)
    return (mean - mean["blank"]).assign_attrs(response.attrs)


SQUARE_WAVE = Protocol(
    name="square_wave",
    stimuli=square_waves_of_frequencies,
    curve=square_wave_curve,
    properties=(properties.third_harmonic_peak,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Does a square wave of a third of the preferred frequency drive a unit?",
    after=AFTER_GRATING,
    prefer=centered_grating,
)

SQUARE_WAVE_CONTRAST = Protocol(
    name="square_wave_contrast",
    stimuli=square_waves_of_contrasts,
    curve=contrast_curve,
    properties=(properties.square_wave_contrast_shift,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Does a square wave saturate the response at a lower contrast than a sine wave?",
    after=("orientation", "spatial_frequency", "size", "receptive_field", "contrast"),
    prefer=preferred_patch,
    given=("contrast_c50",),
)
