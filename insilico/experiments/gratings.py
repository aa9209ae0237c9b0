"""Orientation and spatial frequency, with full-field gratings at full contrast.

They share one factorial set, so that the tuning along either is read at the interpolated optimum of
the other.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.comparison.joint import CELLS, RATIO, VARIANCE, Pair
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_blank, exceeds_threshold
from insilico.tuning.curves import (
    at_preferred,
    dominant_component,
    first_harmonic,
    mean_response,
    orientation_and_frequency_tuning,
)
from insilico.tuning.properties import orientation as orientation_properties
from insilico.tuning.properties import spatial_frequency as frequency_properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named
from stimuli.display import NEAR_NYQUIST_CYCLES_PER_PX

__all__ = [
    "FINE_PHASES",
    "ORIENTATION",
    "ORIENTATIONS",
    "ORIENTATION_MEAN",
    "PHASES",
    "SPATIAL_FREQUENCY",
    "SPATIAL_FREQUENCY_MEAN",
    "disk_diameters",
    "draw_grating",
    "gratings",
    "preferred_grating",
    "quarter_octaves",
]

PHASES = np.arange(0, 360, 45.0)

# The mean of a rectified response at 8 phases depends by 3 % on which phases they are; at 12, by
# half as much, and the modulation of a squared one by 0.4 % instead of 1.4 %. That matters where
# the shape of a curve is measured.
FINE_PHASES = np.arange(0, 360, 30.0)

# Steps of 7.5 deg sample a unit of 10 deg half-bandwidth twice within it.
ORIENTATIONS = np.arange(0, 180, 7.5)

# Disks begin at 1/40 of the display, and on one of more than so many deg as on that: fields are no
# larger for it.
FROM, SCREEN = 1 / 40, 8.0

draw_grating = Named("grating")


def gratings(display: Display, position: Position) -> StimulusSet:
    """Full-field gratings: orientation by spatial frequency by phase.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Where the phase is anchored, in deg.

    Returns
    -------
    StimulusSet
        24 orientations; spatial frequencies in quarter octaves, from two cycles in the display up
        to what its pixels carry.
    """

    def mark(table: pd.DataFrame) -> pd.DataFrame:
        angle = np.deg2rad(table["orientation"])
        component = np.maximum(np.abs(np.sin(angle)), np.abs(np.cos(angle)))
        cycles_per_px = table["spatial_frequency"] * component / display.px_per_deg
        return table.assign(near_nyquist=cycles_per_px > NEAR_NYQUIST_CYCLES_PER_PX)

    return factorial(
        "gratings",
        display,
        draw_grating,
        {
            "orientation": ORIENTATIONS,
            "spatial_frequency": quarter_octaves(display),
            "phase": FINE_PHASES,
        },
        derive=mark,
        labels=("near_nyquist",),
        diameter=np.inf,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def quarter_octaves(display: Display) -> npt.NDArray[np.float64]:
    """Spatial frequencies, from two cycles in the display up to what its pixels carry.

    Parameters
    ----------
    display : Display
        The screen.

    Returns
    -------
    array
        In cpd: powers of 2^(1/4).
    """
    lowest, highest = 2 / min(display.degrees), display.nyquist
    steps = np.arange(np.ceil(4 * np.log2(lowest)), np.floor(4 * np.log2(highest)) + 1)
    return 2 ** (steps / 4)


def disk_diameters(
    display: Display, n: int, *, largest: float = 1.0
) -> npt.NDArray[np.floating[Any]]:
    """Diameters of disks or holes in equal ratios, up to a share of the display.

    Parameters
    ----------
    display : Display
        The screen.
    n : int
        How many, on a display of up to 8 deg.
    largest : float
        The largest, as a share of the display.

    Returns
    -------
    array
        In deg: from 1/40 of the display, or from 0.2 deg where that is less; then as many more as
        ratios no larger than those of ``n`` take.
    """
    side = min(display.degrees)
    if side <= SCREEN:
        return side * np.geomspace(FROM, largest, n)
    ratio = (largest / FROM) ** (1 / (n - 1))
    more = int(np.ceil(np.log(side / SCREEN) / np.log(ratio) - 1e-9))
    return np.geomspace(SCREEN * FROM, side * largest, n + more)


def orientation_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over orientation at the interpolated best frequency.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings`.

    Returns
    -------
    DataArray, dims ("unit", "orientation")
    """
    return orientation_and_frequency_tuning(dominant_component(response))[0]


def mean_orientation_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response, blank not subtracted, over orientation at the interpolated best frequency.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings`.

    Returns
    -------
    DataArray, dims ("unit", "orientation")
        With the coordinates ``mean`` and ``first_harmonic``: F0 and F1 at the best sampled grating.
    """
    mean = mean_response(response)
    curve, _ = orientation_and_frequency_tuning(mean)
    best_mean = at_preferred(mean, "orientation", "spatial_frequency")
    modulation = first_harmonic(response).sel(
        orientation=best_mean["orientation"], spatial_frequency=best_mean["spatial_frequency"]
    )
    return curve.assign_coords(
        mean=("unit", best_mean.to_numpy()), first_harmonic=("unit", modulation.to_numpy())
    )


def spatial_frequency_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over spatial frequency at the interpolated best orientation.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings`.

    Returns
    -------
    DataArray, dims ("unit", "spatial_frequency")
    """
    return orientation_and_frequency_tuning(dominant_component(response))[1]


def mean_spatial_frequency_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response, blank not subtracted, over spatial frequency at the best orientation.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings`.

    Returns
    -------
    DataArray, dims ("unit", "spatial_frequency")
    """
    return orientation_and_frequency_tuning(mean_response(response))[1]


def preferred_grating(units: xr.Dataset) -> pd.DataFrame:
    """Orientation and spatial frequency that each unit likes best, to the step of the stimuli.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``strongest_orientation`` and ``preferred_spatial_frequency``.

    Returns
    -------
    DataFrame, one row per unit
        ``orientation`` (deg) and ``spatial_frequency`` (cpd): the shown values nearest to the
        interpolated optimum, so that units of like preference share their stimuli. A unit that
        is not tuned to orientation is shown the one that drives it most all the same, and one that
        answers alike to all of them horizontal ones. NaN for a unit that gratings do
        not drive.
    """
    step = ORIENTATIONS[1]
    frequency = units["preferred_spatial_frequency"].to_numpy()
    orientation = units["strongest_orientation"].fillna(0).to_numpy()
    return pd.DataFrame(
        {
            "orientation": np.where(
                np.isnan(frequency), np.nan, np.round(orientation / step) * step % 180
            ),
            "spatial_frequency": 2 ** (np.round(4 * np.log2(frequency)) / 4),
        }
    )


ORIENTATION = Protocol(
    name="orientation",
    stimuli=gratings,
    curve=orientation_curve,
    properties=(
        orientation_properties.preferred_orientation,
        orientation_properties.strongest_orientation,
        orientation_properties.orientation_from_cardinal,
        orientation_properties.orientation_half_bandwidth,
        orientation_properties.orientation_half_width,
    ),
    responsive=exceeds_threshold,
    citation="De Valois, Yund & Hepler (1982), doi 10.1016/0042-6989(82)90112-2",
    question="Which orientation does a unit prefer, and how narrowly?",
)

# Ringach et al. measured on the mean rate, of simple cells too.
ORIENTATION_MEAN = Protocol(
    name="orientation_mean",
    stimuli=gratings,
    curve=mean_orientation_curve,
    properties=(
        orientation_properties.circular_variance,
        orientation_properties.smoothed_half_bandwidth,
        orientation_properties.orientation_selective,
        orientation_properties.orthogonal_preferred_ratio,
        orientation_properties.circular_variance_over_half_bandwidth,
        orientation_properties.orthogonal_preferred_ratio_minus_circular_variance,
        orientation_properties.maximum_response,
        orientation_properties.first_harmonic,
        orientation_properties.modulation_ratio,
    ),
    responsive=exceeds_blank,
    citation="Ringach, Shapley & Hawken (2002), doi 10.1523/JNEUROSCI.22-13-05639.2002",
    question="How selective is the mean rate for orientation, and is the unit simple or complex?",
    joint=(
        Pair("circular_variance", "smoothed_half_bandwidth", joint=CELLS),
        Pair("circular_variance", "modulation_ratio", bins_x=VARIANCE, bins_y=RATIO),
    ),
    shuffled=(
        orientation_properties.circular_variance,
        orientation_properties.orthogonal_preferred_ratio,
    ),
)

SPATIAL_FREQUENCY = Protocol(
    name="spatial_frequency",
    stimuli=gratings,
    curve=spatial_frequency_curve,
    properties=(
        frequency_properties.preferred_spatial_frequency,
        frequency_properties.spatial_frequency_bandwidth,
    ),
    responsive=exceeds_threshold,
    citation="De Valois, Albrecht & Thorell (1982), doi 10.1016/0042-6989(82)90113-4",
    question="Which spatial frequency does a unit prefer, and how narrowly?",
)

# So did Schiller et al.
SPATIAL_FREQUENCY_MEAN = Protocol(
    name="spatial_frequency_mean",
    stimuli=gratings,
    curve=mean_spatial_frequency_curve,
    properties=(
        frequency_properties.spatial_frequency_bandwidth_percent,
        frequency_properties.spatial_frequency_selective,
    ),
    responsive=exceeds_blank,
    citation="Schiller, Finlay & Volman (1976), doi 10.1152/jn.1976.39.6.1334",
    question="How selective is the mean rate for spatial frequency?",
)
