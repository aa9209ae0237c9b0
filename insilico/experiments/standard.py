"""The standard battery: receptive field, orientation, spatial frequency, size and textures.

Stimuli are full-contrast gratings centred on each unit's nominal receptive field, shown at eight
phases or more. Orientation and spatial frequency share one factorial set, so that the tuning along
either is read at the interpolated optimum of the other; sizes are shown at what each unit then
prefers.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.protocol import Battery, Protocol
from insilico.experiments.textures import CITATION as TEXTURE_CITATION
from insilico.experiments.textures import texture_curve
from insilico.tuning.curves import (
    at_preferred,
    dominant_component,
    first_harmonic,
    mean_response,
    orientation_and_frequency_tuning,
)
from insilico.tuning.properties import orientation as orientation_properties
from insilico.tuning.properties import receptive_field as field_properties
from insilico.tuning.properties import size as size_properties
from insilico.tuning.properties import spatial_frequency as frequency_properties
from insilico.tuning.properties import textures as texture_properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.display import NEAR_NYQUIST_CYCLES_PER_PX
from stimuli.textures.sets import texture_surrounds, textures

__all__ = [
    "BATTERY",
    "ORIENTATION",
    "ORIENTATION_MEAN",
    "RECEPTIVE_FIELD",
    "SIZE",
    "SPATIAL_FREQUENCY",
    "SPATIAL_FREQUENCY_MEAN",
    "TEXTURES",
    "TEXTURE_SURROUND",
    "gratings",
    "patches",
    "sizes",
]

PHASES = np.arange(0, 360, 45.0)

# The mean of a rectified response at 8 phases depends by 3 % on which phases they are; at 12, by
# half as much, and the modulation of a squared one by 0.4 % instead of 1.4 %. That matters where
# the shape of a curve is measured.
FINE_PHASES = np.arange(0, 360, 30.0)

# Steps of 7.5 deg sample a unit of 10 deg half-bandwidth twice within it.
ORIENTATIONS = np.arange(0, 180, 7.5)

# A unit answers if it exceeds blank by 5 spikes/s (Ringach et al. 2002, Cavanaugh et al. 2002).
# On activations, the same share of the largest response: 243.1 spikes/s is the largest rate of the
# macaque sample that the published benchmark scales to.
RESPONSE_THRESHOLD = 5.0
LARGEST_RATE = 243.1

# Of textures, in deg; pictures are 4 deg wide.
LARGEST_DISK = 2.0

# What single precision leaves of the difference between two equal responses, relative to them.
ROUNDING = 1e-6


def patches(display: Display, position: Position) -> StimulusSet:
    """Grating patches of two cycles on a 19 x 19 grid, for the receptive-field map.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the grid, in deg.

    Returns
    -------
    StimulusSet
        Dims offset_y, offset_x (deg), orientation, phase. A step is 3/128 of the display (0.19 of
        8 deg), which samples even the smallest fields of V1 without aliasing their centre.
    """
    side = min(display.degrees)
    offsets = np.arange(-9, 10) * 3 / 128 * side
    diameter = side / 16
    return factorial(
        "patches",
        display,
        _grating,
        {
            "offset_y": offsets,
            "offset_x": offsets,
            "orientation": [0.0, 45.0, 90.0, 135.0],
            "phase": PHASES,
        },
        derive=lambda table: table.assign(
            x=position.x + table["offset_x"], y=position.y + table["offset_y"]
        ),
        labels=("offset_y", "offset_x"),
        spatial_frequency=min(2 / diameter, display.nyquist / 2),
        diameter=diameter,
        contrast=1.0,
    )


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
    lowest, highest = 2 / min(display.degrees), display.nyquist
    steps = np.arange(np.ceil(4 * np.log2(lowest)), np.floor(4 * np.log2(highest)) + 1)

    def mark(table: pd.DataFrame) -> pd.DataFrame:
        angle = np.deg2rad(table["orientation"])
        component = np.maximum(np.abs(np.sin(angle)), np.abs(np.cos(angle)))
        cycles_per_px = table["spatial_frequency"] * component / display.px_per_deg
        return table.assign(near_nyquist=cycles_per_px > NEAR_NYQUIST_CYCLES_PER_PX)

    return factorial(
        "gratings",
        display,
        _grating,
        {"orientation": ORIENTATIONS, "spatial_frequency": 2 ** (steps / 4), "phase": FINE_PHASES},
        derive=mark,
        labels=("near_nyquist",),
        diameter=np.inf,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def sizes(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Grating disks of growing diameter, at a preferred orientation and spatial frequency.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `preferred_grating`.

    Returns
    -------
    StimulusSet
        28 diameters from 1/40 of the display to all of it, in steps of 0.2 octaves.
    """
    return factorial(
        "sizes",
        display,
        _grating,
        {
            "diameter": min(display.degrees) * np.geomspace(1 / 40, 1, 28),
            "phase": PHASES,
        },
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def preferred_grating(response: xr.DataArray) -> pd.DataFrame:
    """Orientation and spatial frequency that each unit likes best, to the step of the stimuli.

    Parameters
    ----------
    response : DataArray
        Recording of `gratings`.

    Returns
    -------
    DataFrame, one row per unit
        ``orientation`` (deg) and ``spatial_frequency`` (cpd): the shown values nearest to the
        interpolated optimum, so that units of like preference share their stimuli.
    """
    along_orientation, along_frequency = orientation_and_frequency_tuning(
        dominant_component(response.clip(min=0))
    )
    step = ORIENTATIONS[1]
    nearest = np.round(along_frequency["at_orientation"].to_numpy() / step) * step % 180
    shown = response["spatial_frequency"].to_numpy()
    octaves = np.log2(along_orientation["at_spatial_frequency"].to_numpy()[:, None] / shown)
    return pd.DataFrame(
        {
            "orientation": nearest,
            "spatial_frequency": shown[np.abs(octaves).argmin(axis=1)],
        }
    )


def receptive_field_map(response: xr.DataArray) -> xr.DataArray:
    """Response at each place, averaged over orientation: mean less blank, or modulation.

    Parameters
    ----------
    response : DataArray
        Recording of `patches`.

    Returns
    -------
    DataArray, dims ("unit", "offset_y", "offset_x")
        Not below 0.
    """
    chart = dominant_component(response).mean("orientation", keep_attrs=True).clip(min=0)
    centres = {}
    for axis in ("x", "y"):
        offset = f"offset_{axis}"
        centre = (response[f"stimulus_{axis}"] - response[offset]).isel({offset: 0}, drop=True)
        centres[f"centre_{axis}"] = ("unit", np.broadcast_to(centre, chart.sizes["unit"]))
    return chart.drop_vars(["stimulus_x", "stimulus_y"]).assign_coords(centres)


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


def size_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over diameter.

    Parameters
    ----------
    response : DataArray
        Recording of `sizes`.

    Returns
    -------
    DataArray, dims ("unit", "diameter")
    """
    return dominant_component(response)


def texture_surround_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response to disks of each family, less the blank and not below 0, over surrounds.

    Parameters
    ----------
    response : DataArray
        Recording of `stimuli.textures.sets.texture_surrounds`.

    Returns
    -------
    DataArray, dims ("unit", "surround", "family")
        Surround 0 is none, 1 noise, 2 texture.
    """
    mean = response.mean("sample", keep_attrs=True).astype(np.float64)
    return (mean - mean["blank"]).clip(min=0).assign_attrs(response.attrs)


def preferred_diameter(response: xr.DataArray) -> pd.DataFrame:
    """Diameter of the grating that each unit likes best: the disk that its surround lies around.

    Parameters
    ----------
    response : DataArray
        Recording of `sizes`.

    Returns
    -------
    DataFrame, one row per unit
        ``diameter``, in deg: of those shown, at most 2 deg, so that there is room for a surround.
    """
    curve = dominant_component(response.clip(min=0)).transpose("unit", "diameter")
    shown = curve["diameter"].to_numpy()
    best = curve.fillna(-np.inf).to_numpy().argmax(axis=1)
    return pd.DataFrame({"diameter": np.minimum(shown[best], LARGEST_DISK)})


def exceeds_blank(curve: xr.DataArray) -> xr.DataArray:
    """Whether the mean response exceeds that to blank by 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Mean responses, nothing subtracted.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest such difference in the layer.
    """
    return _responsive(
        curve, curve.max([dim for dim in curve.dims if dim != "unit"]) - curve["blank"]
    )


def exceeds_threshold(curve: xr.DataArray) -> xr.DataArray:
    """Whether the response, already relative to blank, exceeds 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Mean less blank, or modulation.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest response in the layer.
    """
    return _responsive(curve, curve.max([dim for dim in curve.dims if dim != "unit"]))


def driven(curve: xr.DataArray) -> xr.DataArray:
    """Whether anything shown drives the unit at all, beyond the rounding of its blank response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses relative to blank.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    evoked = curve.max([dim for dim in curve.dims if dim != "unit"])
    return (evoked > 0) & (evoked > ROUNDING * np.abs(curve["blank"]))


def _responsive(curve: xr.DataArray, evoked: xr.DataArray) -> xr.DataArray:
    if curve.attrs.get("units") == "spikes/s":
        return evoked > RESPONSE_THRESHOLD
    largest = evoked.groupby("layer").max().sel(layer=evoked["layer"])
    share = RESPONSE_THRESHOLD / LARGEST_RATE
    return (evoked > share * largest) & (evoked > ROUNDING * np.abs(curve["blank"]))


def _grating(display: Display, **parameters: Any) -> Any:
    # The drawing function is found when something is drawn: tables need no torch.
    from stimuli.gratings import grating

    return grating(display, **parameters)


RECEPTIVE_FIELD = Protocol(
    name="receptive_field",
    stimuli=patches,
    curve=receptive_field_map,
    properties=(
        field_properties.receptive_field_x,
        field_properties.receptive_field_y,
        field_properties.receptive_field_diameter,
    ),
    responsive=driven,
    citation="Marques, Schrimpf & DiCarlo (2021), doi 10.1101/2021.03.01.433495 (patch mapping)",
    scale="activations",
)

ORIENTATION = Protocol(
    name="orientation",
    stimuli=gratings,
    curve=orientation_curve,
    properties=(
        orientation_properties.preferred_orientation,
        orientation_properties.orientation_from_cardinal,
        orientation_properties.orientation_half_bandwidth,
        orientation_properties.orientation_half_width,
    ),
    responsive=exceeds_threshold,
    citation="De Valois, Yund & Hepler (1982), doi 10.1016/0042-6989(82)90112-2",
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
)

SIZE = Protocol(
    name="size",
    stimuli=sizes,
    curve=size_curve,
    properties=(
        size_properties.suppression_index,
        size_properties.grating_summation_field,
        size_properties.surround_diameter,
        size_properties.surround_to_field_ratio,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    after="orientation",
    prefer=preferred_grating,
)

TEXTURES = Protocol(
    name="textures",
    stimuli=textures,
    curve=texture_curve,
    properties=(
        texture_properties.texture_modulation_index,
        texture_properties.absolute_texture_modulation_index,
        texture_properties.texture_selectivity,
        texture_properties.texture_sparseness,
        texture_properties.texture_variance_ratio,
        texture_properties.maximum_texture_response,
        texture_properties.maximum_noise_response,
    ),
    responsive=exceeds_blank,
    citation=TEXTURE_CITATION,
)

TEXTURE_SURROUND = Protocol(
    name="texture_surround",
    stimuli=texture_surrounds,
    curve=texture_surround_curve,
    properties=(
        texture_properties.texture_surround_suppression,
        texture_properties.noise_surround_suppression,
        texture_properties.naturalistic_surround_index,
    ),
    responsive=exceeds_threshold,
    citation="after Ziemba, Freeman, Simoncelli & Movshon (2018), doi 10.1152/jn.00900.2017",
    after="size",
    prefer=preferred_diameter,
)

BATTERY = Battery(
    name="standard",
    protocols=(
        RECEPTIVE_FIELD,
        ORIENTATION,
        ORIENTATION_MEAN,
        SPATIAL_FREQUENCY,
        SPATIAL_FREQUENCY_MEAN,
        SIZE,
        TEXTURES,
        TEXTURE_SURROUND,
    ),
    references=(
        "ringach2002.circular_variance",
        "ringach2002.smoothed_half_bandwidth",
        "ringach2002.orthogonal_preferred_ratio",
        "ringach2002.orientation_selective",
        "ringach2002.circular_variance_over_half_bandwidth",
        "ringach2002.orthogonal_preferred_ratio_minus_circular_variance",
        "ringach2002.modulation_ratio",
        "ringach2002.maximum_response",
        "devalois1982a.orientation_from_cardinal",
        "devalois1982b.preferred_spatial_frequency",
        "schiller1976c.spatial_frequency_selective",
        "schiller1976c.spatial_frequency_bandwidth_percent",
        "cavanaugh2002a.suppression_index",
        "cavanaugh2002a.grating_summation_field",
        "cavanaugh2002a.surround_diameter",
        "freeman2013.texture_modulation_index",
    ),
)
