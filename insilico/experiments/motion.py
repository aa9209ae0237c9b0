"""Motion: drifting gratings of all directions and temporal frequencies, and plaids that drift.

They are movies, for models that take time. All fill the display, so that units that look at one
place share them; what a unit prefers is taken from the drifting gratings themselves, for some
answer to nothing that stays.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import quarter_octaves
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import at_preferred, dominant_component
from insilico.tuning.properties import direction as direction_properties
from insilico.tuning.properties import pattern_motion as pattern_properties
from insilico.tuning.properties import temporal_frequency as frequency_properties
from stimuli import Display, Position, StimulusSet, factorial, frame_times
from stimuli.catalogue import Named
from stimuli.display import NEAR_NYQUIST_CYCLES_PER_PX
from stimuli.frames import whole_cycles

__all__ = [
    "DIRECTION",
    "PATTERN_MOTION",
    "TEMPORAL_FREQUENCY",
    "direction_curve",
    "directions",
    "plaids_and_gratings",
    "temporal_frequencies",
    "temporal_frequency_curve",
]

# At steps of 15 deg the peak of a narrow curve is a degree off.
DIRECTIONS = np.arange(0, 360, 12.0)
FEW_DIRECTIONS = np.arange(0, 360, 30.0)
PLAID_ANGLE = 120.0

# Movies lead in for so long, for filters and states to settle, in s; and are measured for so long.
LEAD_IN = 0.5
BRIEF, LONG = 0.5, 1.0

# Cycles within the brief time (2, 4 and 8 Hz), and within the long one (about half an octave
# apart).
FEW_CYCLES = (1, 2, 4)
CYCLES = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32)

draw_drifting_grating = Named("drifting_grating")
draw_drifting_plaid = Named("drifting_plaid")


def directions(display: Display, position: Position) -> StimulusSet:
    """Drifting gratings of full contrast: direction by spatial by temporal frequency.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    position : Position
        Where the phase is anchored, in deg.

    Returns
    -------
    StimulusSet
        30 directions; spatial frequencies in half octaves, from two cycles in the display up to
        .35 cycles/px; 2, 4 and 8 Hz, as far as the frames carry them. Half a second each, after as
        long.

    Raises
    ------
    ValueError
        If the display has no frame rate, or too low a one for any of them.
    """
    frequencies = quarter_octaves(display)[::2]
    finest = NEAR_NYQUIST_CYCLES_PER_PX * display.px_per_deg
    return factorial(
        "directions",
        display,
        draw_drifting_grating,
        {
            "direction": DIRECTIONS,
            "spatial_frequency": frequencies[frequencies <= finest],
            "temporal_frequency": _temporal(display, BRIEF, FEW_CYCLES),
        },
        time=frame_times(display, BRIEF, lead_in=LEAD_IN),
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def temporal_frequencies(
    display: Display,
    position: Position,
    *,
    direction: float = 0.0,
    spatial_frequency: float = 1.0,
) -> StimulusSet:
    """Gratings that drift in the preferred direction, at many temporal frequencies.

    Parameters
    ----------
    display, position
        As for `directions`.
    direction, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `preferred_drift`.

    Returns
    -------
    StimulusSet
        About half an octave apart from 1 Hz on, to .35 cycles a frame; each completes whole cycles
        in the second that is measured, after half of one.

    Raises
    ------
    ValueError
        As for `directions`.
    """
    return factorial(
        "temporal_frequencies",
        display,
        draw_drifting_grating,
        {"temporal_frequency": _temporal(display, LONG, CYCLES)},
        time=frame_times(display, LONG, lead_in=LEAD_IN),
        direction=direction,
        spatial_frequency=spatial_frequency,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def plaids_and_gratings(
    display: Display,
    position: Position,
    *,
    spatial_frequency: float = 1.0,
    temporal_frequency: float = 4.0,
) -> StimulusSet:
    """Plaids of two gratings 120 deg apart, and gratings alone, in all directions.

    Parameters
    ----------
    display, position
        As for `directions`.
    spatial_frequency, temporal_frequency : float
        What the units prefer, in cpd and Hz; a run asks `preferred_speed`.

    Returns
    -------
    StimulusSet
        12 directions, that of the plaid being midway between those of its gratings; a
        ``plaid_angle`` of 0 is a grating alone. Every grating has contrast .5. Phases of both are 0
        at the position.

    Raises
    ------
    ValueError
        As for `directions`.
    """
    shown = _temporal(display, LONG, CYCLES)
    nearest = shown[np.abs(np.log2(shown / temporal_frequency)).argmin()]
    return factorial(
        "plaids_and_gratings",
        display,
        draw_drifting_plaid,
        {"plaid_angle": [0.0, PLAID_ANGLE], "direction": FEW_DIRECTIONS},
        derive=lambda table: table.assign(mask_contrast=0.5 * (table["plaid_angle"] > 0)),
        time=frame_times(display, LONG, lead_in=LEAD_IN),
        spatial_frequency=spatial_frequency,
        temporal_frequency=float(nearest),
        contrast=0.5,
        x=position.x,
        y=position.y,
    )


def direction_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over direction at the best frequencies shown.

    Parameters
    ----------
    response : DataArray
        Recording of `directions`.

    Returns
    -------
    DataArray, dims ("unit", "direction")
        With the coordinates ``spatial_frequency`` (cpd) and ``temporal_frequency`` (Hz) over unit.
    """
    return at_preferred(dominant_component(response), "spatial_frequency", "temporal_frequency")


def temporal_frequency_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over temporal frequency.

    Parameters
    ----------
    response : DataArray
        Recording of `temporal_frequencies`.

    Returns
    -------
    DataArray, dims ("unit", "temporal_frequency")
    """
    return dominant_component(response)


def plaid_motion_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over the direction of plaids.

    Parameters
    ----------
    response : DataArray
        Recording of `plaids_and_gratings`.

    Returns
    -------
    DataArray, dims ("unit", "direction")
        With the coordinate ``grating``, the same to gratings alone, and the ``plaid_angle``.
    """
    both = dominant_component(response)
    plaid = both.sel(plaid_angle=PLAID_ANGLE)
    grating = both.sel(plaid_angle=0.0).transpose("unit", "direction")
    return plaid.assign_coords(grating=(("unit", "direction"), grating.to_numpy()))


def preferred_drift(units: xr.Dataset) -> pd.DataFrame:
    """Direction and spatial frequency at which temporal frequencies are shown, to their steps.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``strongest_direction`` and ``drifting_spatial_frequency``.

    Returns
    -------
    DataFrame, one row per unit
        ``direction`` (deg) and ``spatial_frequency`` (cpd); NaN for a unit that nothing drives.
    """
    step = DIRECTIONS[1]
    return pd.DataFrame(
        {
            "direction": np.round(units["strongest_direction"].to_numpy() / step) * step % 360,
            "spatial_frequency": units["drifting_spatial_frequency"].to_numpy(),
        }
    )


def preferred_speed(units: xr.Dataset) -> pd.DataFrame:
    """Spatial and temporal frequency at which plaids are shown, to half and to whole octaves.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``drifting_spatial_frequency`` and ``preferred_temporal_frequency``.

    Returns
    -------
    DataFrame, one row per unit
        ``spatial_frequency`` (cpd) and ``temporal_frequency`` (Hz); NaN for a unit that nothing
        drives.
    """
    octaves = np.round(np.log2(units["preferred_temporal_frequency"].to_numpy()))
    return pd.DataFrame(
        {
            "spatial_frequency": units["drifting_spatial_frequency"].to_numpy(),
            "temporal_frequency": 2.0**octaves,
        }
    )


def _temporal(display: Display, seconds: float, cycles: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Temporal frequencies of whole cycles that the frames carry."""
    shown = whole_cycles(display, seconds, cycles)
    if not len(shown):
        raise ValueError(
            f"{display.frame_rate:g} frames/s are too few for temporal frequencies from "
            f"{cycles[0] / seconds:g} Hz on. Raise the frame rate."
        )
    return shown


DIRECTION = Protocol(
    name="direction",
    stimuli=directions,
    curve=direction_curve,
    properties=(
        direction_properties.preferred_direction,
        direction_properties.strongest_direction,
        direction_properties.direction_index,
        direction_properties.direction_selectivity,
        direction_properties.drifting_spatial_frequency,
    ),
    responsive=exceeds_threshold,
    needs="time",
    citation="De Valois, Yund & Hepler (1982), doi 10.1016/0042-6989(82)90112-2",
    question="Which direction of motion does a unit prefer, and does it answer to the opposite?",
)

TEMPORAL_FREQUENCY = Protocol(
    name="temporal_frequency",
    stimuli=temporal_frequencies,
    curve=temporal_frequency_curve,
    properties=(
        frequency_properties.preferred_temporal_frequency,
        frequency_properties.temporal_low_pass,
        frequency_properties.high_cut_off,
        frequency_properties.temporal_frequency_bandwidth,
    ),
    responsive=exceeds_threshold,
    needs="time",
    citation="Foster, Gaska, Nagler & Pollen (1985)",
    question="Which temporal frequency does a unit prefer, and is it band-pass or low-pass?",
    after="direction",
    prefer=preferred_drift,
)

PATTERN_MOTION = Protocol(
    name="pattern_motion",
    stimuli=plaids_and_gratings,
    curve=plaid_motion_curve,
    properties=(
        pattern_properties.pattern_index,
        pattern_properties.pattern_motion,
        pattern_properties.component_motion,
        pattern_properties.pattern_cell,
        pattern_properties.component_cell,
    ),
    responsive=exceeds_threshold,
    needs="time",
    citation="Movshon, Adelson, Gizzi & Newsome (1985)",
    question="Does a unit answer to the motion of a plaid, or to that of its gratings?",
    after=("direction", "temporal_frequency"),
    prefer=preferred_speed,
    figure="plaid_motion",
)
