"""Surrounds whose spatial frequency is not that of the centre."""

import numpy as np

from insilico.experiments.in_context import FEW_PHASES, with_each_alone
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
from insilico.tuning.properties import surround as properties
from stimuli import Display, Position, StimulusSet

__all__ = ["SURROUND_FREQUENCY", "surrounds_of_frequencies"]

# Relative to the centre's.
OCTAVES = np.array([-1.5, 0.0, 1.5])


def surrounds_of_frequencies(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
    inner_diameter: float = 1.0,
) -> StimulusSet:
    """Preferred patches within iso-oriented surrounds of a lower and a higher frequency.

    Parameters
    ----------
    display, position, orientation, spatial_frequency, diameter, inner_diameter
        As for `insilico.experiments.surrounds.surrounds_of_orientations`.

    Returns
    -------
    StimulusSet
        Centre and surround of contrast .5, the latter of the centre's frequency, one and a half
        octaves below, and as far above or as fine as the display can show; four phases of each, and
        both by themselves too.
    """
    angle = np.deg2rad(orientation)
    finest = display.nyquist / max(abs(np.sin(angle)), abs(np.cos(angle)))
    return with_each_alone(
        "surrounds_of_frequencies",
        display,
        draw_center_surround,
        {"relative_frequency": OCTAVES, "surround_phase": FEW_PHASES},
        derive=lambda table: surround_contrasts(table, CENTER).assign(
            surround_spatial_frequency=np.minimum(
                spatial_frequency * 2 ** table["relative_frequency"], finest
            )
        ),
        labels=("relative_frequency",),
        orientation=orientation,
        surround_orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        inner_diameter=inner_diameter,
        x=position.x,
        y=position.y,
    )


SURROUND_FREQUENCY = Protocol(
    name="surround_frequency",
    stimuli=surrounds_of_frequencies,
    curve=surround_curve,
    properties=(properties.surround_frequency_fall,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Does a surround of the centre's frequency suppress more than others?",
    after=AFTER,
    prefer=around_center,
    figure="suppression",
)
