"""The battery of Marques, Schrimpf & DiCarlo (2021): the published V1 benchmark, to the letter.

All stimuli are shown at one place, (0.5, 0.5) deg in the benchmark's coordinates, and the units
whose receptive field lies there are kept. The `standard` battery asks the same questions without
the benchmark's coarse grids, kernels and 8-bit pictures; docs/marques2020.md lists the differences.
"""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from insilico.comparison.joint import CELLS, RATIO, SUPPRESSION, VARIANCE, Pair
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement, Protocol
from insilico.experiments.textures import CITATION as TEXTURE_CITATION
from insilico.experiments.textures import texture_curve
from insilico.recording.kept import Maximum
from insilico.tuning.curves import first_harmonic, mean_response
from insilico.tuning.properties import marques2020 as properties
from insilico.tuning.properties.marques2020.orientation import in_published_order
from insilico.tuning.rates import LARGEST_MAXIMUM, RESPONSIVE_THRESHOLD
from stimuli import Position
from stimuli.marques2020 import sets as stimuli
from stimuli.marques2020.canvas import HALF_PX
from stimuli.textures.sets import published_textures

__all__ = [
    "BATTERY",
    "CAVANAUGH2002A",
    "DEVALOIS1982A",
    "DEVALOIS1982B",
    "PLACE",
    "RECEPTIVE_FIELD",
    "RINGACH2002",
    "SCHILLER1976",
    "TEXTURES",
    "TEXTURE_PROPERTIES",
    "texture_responsive",
    "within",
]

# Units whose receptive field has its centre farther than this from the stimuli, in deg, are not
# used.
MAXIMUM_DISTANCE = 0.15

# All that a map needs: of every site of a layer, no more would fit into memory.
BEST = Maximum(over=("orientation", "phase"))

# What single precision leaves of the difference between two equal responses, relative to the
# largest: the tolerance to which crops are checked.
ROUNDING = 1e-5

# Sites whose nominal centre lies in a disk of this diameter around the stimuli are candidates; what
# is found farther off, and what looking there costs, is in docs/marques2020.md.
CANDIDATES_WITHIN = 1.2


def receptive_field_map(response: xr.DataArray) -> xr.DataArray:
    """Best response, over orientation and phase, at each place: less the blank, not below 0.

    Parameters
    ----------
    response : DataArray, dims ("unit", "offset_y", "offset_x", "orientation", "phase")
        Rectified activations, or the largest of them at each place, as the probe keeps them.

    Returns
    -------
    DataArray, dims ("unit", "offset_y", "offset_x")
        With the place of the published origin in the coordinates ``centre_x`` and ``centre_y``.
    """
    over = [dim for dim in BEST.over if dim in response.dims]
    best = response.max(over, keep_attrs=True).astype(np.float64)
    blank = response["blank"].astype(np.float64)
    chart = (best - blank).clip(min=0)
    # Single precision leaves a difference between equal responses, and a map of nothing else would
    # have its centre anywhere.
    strongest = np.maximum(best.max(("offset_y", "offset_x")), blank)
    chart = (chart * (chart > ROUNDING * strongest)).assign_attrs(response.attrs)
    origin = {"centre_x": HALF_PX, "centre_y": -HALF_PX}
    return chart.assign_coords(
        {name: ("unit", np.full(chart.sizes["unit"], value)) for name, value in origin.items()}
    )


def orientation_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response over orientation, at the preferred number of cycles and spatial frequency.

    Parameters
    ----------
    response : DataArray, dims ("unit", "cycles", "spatial_frequency", "orientation", "phase")
        Firing rates.

    Returns
    -------
    DataArray, dims ("unit", "orientation")
        Nothing subtracted; the coordinate ``first_harmonic`` is F1 at the preferred condition.
    """
    mean = mean_response(response)
    best = _preferred(mean, "cycles", "spatial_frequency", "orientation")
    modulation = first_harmonic(response.sel(best)).to_numpy()
    curve = mean.sel({dim: best[dim] for dim in ("cycles", "spatial_frequency")})
    return curve.assign_coords(first_harmonic=("unit", modulation)).assign_attrs(response.attrs)


def spatial_frequency_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean response over spatial frequency, at the preferred size and orientation.

    Parameters
    ----------
    response : DataArray, dims ("unit", "diameter", "spatial_frequency", "orientation", "phase")
        Firing rates.

    Returns
    -------
    DataArray, dims ("unit", "spatial_frequency")
        Nothing subtracted.
    """
    mean = mean_response(response)
    best = _preferred(mean, "diameter", "spatial_frequency", "orientation")
    curve = mean.sel({dim: best[dim] for dim in ("diameter", "orientation")})
    return curve.assign_attrs(response.attrs)


def component_spatial_frequency_curve(response: xr.DataArray) -> xr.DataArray:
    """F0 less the blank, or F1, over spatial frequency, at the preferred size and orientation.

    Parameters
    ----------
    response : DataArray, dims ("unit", "diameter", "spatial_frequency", "orientation", "phase")
        Firing rates.

    Returns
    -------
    DataArray, dims ("unit", "spatial_frequency")
        The component that is larger at the best condition; ``modulated`` says which.
    """
    return _component_curve(response, "spatial_frequency")


def size_curve(response: xr.DataArray) -> xr.DataArray:
    """F0 less the blank, or F1, over diameter, at the preferred frequency and orientation.

    Parameters
    ----------
    response : DataArray, dims ("unit", "diameter", "spatial_frequency", "orientation", "phase")
        Firing rates.

    Returns
    -------
    DataArray, dims ("unit", "diameter")
        The component that is larger at the best condition; ``modulated`` says which.
    """
    return _component_curve(response, "diameter")


def within(
    position: Position, distance: float = MAXIMUM_DISTANCE
) -> Callable[[xr.DataArray], xr.DataArray]:
    """Make the filter that keeps units whose receptive field lies at a place.

    Parameters
    ----------
    position : Position
        The place.
    distance : float
        How far from it the centre of a field may lie, in deg.

    Returns
    -------
    callable
        Takes what `receptive_field_map` gives; True, per unit, where the centre is near enough, and
        False for a unit without a receptive field.
    """

    def near(chart: xr.DataArray) -> xr.DataArray:
        dx = properties.receptive_field_x(chart) - position.x
        dy = properties.receptive_field_y(chart) - position.y
        return (dx**2 + dy**2) ** 0.5 <= distance

    return near


def has_receptive_field(chart: xr.DataArray) -> xr.DataArray:
    """Whether any patch drives the unit more than the blank does.

    Parameters
    ----------
    chart : DataArray, dims ("unit", "offset_y", "offset_x")
        What `receptive_field_map` gives.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    return chart.max(("offset_y", "offset_x")) > 0


def exceeds_blank(curve: xr.DataArray) -> xr.DataArray:
    """Whether the best mean response exceeds that to the blank by 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factor>)
        Mean responses, nothing subtracted.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest such difference in the layer.
    """
    return _exceeds(curve, curve["blank"])


def exceeds_threshold(curve: xr.DataArray) -> xr.DataArray:
    """Whether the best response, the blank already subtracted, exceeds 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factor>)
        F0 less the blank, or F1.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        On activations the criterion is 5/243.1 of the largest response in the layer.
    """
    return _exceeds(curve, xr.zeros_like(curve["blank"]))


def texture_responsive(curve: xr.DataArray) -> xr.DataArray:
    """Whether the best response to any picture exceeds that to the blank by 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample")
        What `texture_curve` gives.

    Returns
    -------
    DataArray of bool, dims ("unit",)
    """
    return exceeds_threshold((curve - curve["blank"]).assign_attrs(curve.attrs))


def _preferred(mean: xr.DataArray, *dims: str) -> dict[str, xr.DataArray]:
    """Values, along each dim, of the condition each unit likes best: the first as published."""
    ordered = in_published_order(mean).transpose("unit", *dims)
    shape = tuple(ordered.sizes[dim] for dim in dims)
    # A unit without rates is NaN throughout, and NaN is what is read at any condition.
    best = ordered.to_numpy().reshape(ordered.sizes["unit"], math.prod(shape)).argmax(axis=1)
    places = zip(dims, np.unravel_index(best, shape), strict=True)
    return {dim: xr.DataArray(ordered[dim].to_numpy()[place], dims="unit") for dim, place in places}


def _component_curve(response: xr.DataArray, along: str) -> xr.DataArray:
    mean = mean_response(response) - response["blank"]
    modulation = first_harmonic(response)
    # Of two components that tie, the published order takes the mean: modulation must exceed it.
    larger = xr.apply_ufunc(np.maximum, mean, modulation)
    best = _preferred(larger, "diameter", "spatial_frequency", "orientation")
    modulated = modulation.sel(best) > mean.sel(best)
    fixed = {dim: value for dim, value in best.items() if dim != along}
    curve = mean.sel(fixed).where(~modulated, modulation.sel(fixed))
    return (
        curve.transpose("unit", along)
        .assign_coords(modulated=("unit", modulated.to_numpy()))
        .assign_attrs(response.attrs)
    )


def _exceeds(curve: xr.DataArray, floor: xr.DataArray) -> xr.DataArray:
    best = curve.max([dim for dim in curve.dims if dim != "unit"])
    if curve.attrs.get("units") == "spikes/s":
        return best > floor + RESPONSIVE_THRESHOLD
    evoked = best - floor
    largest = evoked.groupby("layer").max().sel(layer=evoked["layer"])
    return (evoked > 0) & (evoked > RESPONSIVE_THRESHOLD / LARGEST_MAXIMUM * largest)


RECEPTIVE_FIELD = Protocol(
    name="receptive_field",
    stimuli=stimuli.receptive_field,
    curve=receptive_field_map,
    properties=(properties.receptive_field_x, properties.receptive_field_y),
    responsive=has_receptive_field,
    citation="Marques, Schrimpf & DiCarlo (2021), doi 10.1101/2021.03.01.433495",
    question="Which units look where the stimuli are?",
    scale="activations",
    reduction=BEST,
)

RINGACH2002 = Protocol(
    name="ringach2002",
    stimuli=stimuli.orientation,
    curve=orientation_curve,
    properties=(
        properties.circular_variance,
        properties.bandwidth,
        properties.orthogonal_preferred_ratio,
        properties.orientation_selective,
        properties.circular_variance_bandwidth_ratio,
        properties.orthogonal_preferred_ratio_circular_variance_difference,
        properties.orthogonal_preferred_ratio_bandwidth_ratio,
        properties.modulation_ratio,
        properties.max_dc,
        properties.min_dc,
        properties.max_ac,
        properties.baseline,
    ),
    responsive=exceeds_blank,
    citation="Ringach, Shapley & Hawken (2002), doi 10.1523/JNEUROSCI.22-13-05639.2002",
    question="How selective for orientation is the mean rate, and how strongly does it modulate?",
    joint=(
        Pair("ringach2002.circular_variance", "ringach2002.bandwidth", joint=CELLS),
        Pair(
            "ringach2002.circular_variance",
            "ringach2002.modulation_ratio",
            bins_x=VARIANCE,
            bins_y=RATIO,
        ),
    ),
    shuffled=(properties.circular_variance, properties.orthogonal_preferred_ratio),
)

DEVALOIS1982A = Protocol(
    name="devalois1982a",
    stimuli=stimuli.orientation,
    curve=orientation_curve,
    properties=(properties.preferred_orientation,),
    responsive=exceeds_blank,
    citation="De Valois, Yund & Hepler (1982), doi 10.1016/0042-6989(82)90112-2",
    question="Which orientations do units prefer?",
)

DEVALOIS1982B = Protocol(
    name="devalois1982b",
    stimuli=stimuli.spatial_frequency,
    curve=component_spatial_frequency_curve,
    properties=(properties.peak_spatial_frequency,),
    responsive=exceeds_threshold,
    citation="De Valois, Albrecht & Thorell (1982), doi 10.1016/0042-6989(82)90113-4",
    question="Which spatial frequencies do units prefer?",
)

SCHILLER1976 = Protocol(
    name="schiller1976",
    stimuli=stimuli.spatial_frequency,
    curve=spatial_frequency_curve,
    properties=(properties.spatial_frequency_selective, properties.spatial_frequency_bandwidth),
    responsive=exceeds_blank,
    citation="Schiller, Finlay & Volman (1976), doi 10.1152/jn.1976.39.6.1334",
    question="How selective are units for spatial frequency?",
)

CAVANAUGH2002A = Protocol(
    name="cavanaugh2002a",
    stimuli=stimuli.size,
    curve=size_curve,
    properties=(
        properties.surround_suppression_index,
        properties.strongly_suppressed,
        properties.grating_summation_field,
        properties.surround_diameter,
        properties.surround_grating_summation_field_ratio,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    question="How large are summation fields, and how strongly do surrounds suppress?",
    joint=(
        Pair(
            "cavanaugh2002a.surround_suppression_index",
            "ringach2002.circular_variance",
            bins_x=SUPPRESSION,
            bins_y=VARIANCE,
        ),
    ),
)

# What is measured on `texture_curve`.
TEXTURE_PROPERTIES = (
    properties.texture_modulation_index,
    properties.absolute_texture_modulation_index,
    properties.texture_selectivity,
    properties.noise_selectivity,
    properties.texture_sparseness,
    properties.noise_sparseness,
    properties.variance_ratio,
    properties.sample_variance,
    properties.family_variance,
    properties.max_texture,
    properties.max_noise,
)

TEXTURES = Protocol(
    name="textures",
    stimuli=published_textures,
    curve=texture_curve,
    properties=TEXTURE_PROPERTIES,
    responsive=texture_responsive,
    citation=TEXTURE_CITATION,
    question="Do units answer naturalistic textures more than noise of the same spectrum?",
    figure="texture_modulation",
    section="textures",
)

TEXTURE_REFERENCES = (
    "freemanZiemba2013.texture_modulation_index",
    "freemanZiemba2013.absolute_texture_modulation_index",
    "freemanZiemba2013.texture_selectivity",
    "freemanZiemba2013.texture_sparseness",
    "freemanZiemba2013.variance_ratio",
    "freemanZiemba2013.max_texture",
    "freemanZiemba2013.max_noise",
)

BATTERY = Battery(
    name="marques2020",
    protocols=(
        RECEPTIVE_FIELD,
        RINGACH2002,
        DEVALOIS1982A,
        DEVALOIS1982B,
        SCHILLER1976,
        CAVANAUGH2002A,
        TEXTURES,
    ),
    references=tuple(
        f"marques2020.{name}"
        for name in (
            "ringach2002.circular_variance",
            "ringach2002.bandwidth",
            "ringach2002.orthogonal_preferred_ratio",
            "ringach2002.orientation_selective",
            "ringach2002.circular_variance_bandwidth_ratio",
            "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
            "ringach2002.modulation_ratio",
            "ringach2002.max_dc",
            "devalois1982a.preferred_orientation",
            "devalois1982b.peak_spatial_frequency",
            "schiller1976.spatial_frequency_selective",
            "schiller1976.spatial_frequency_bandwidth",
            "cavanaugh2002a.surround_suppression_index",
            "cavanaugh2002a.grating_summation_field",
            "cavanaugh2002a.surround_diameter",
            *TEXTURE_REFERENCES,
        )
    ),
    rates_from="ringach2002",
    background=stimuli.BACKGROUND,
)

# All stimuli lie at one place, and the units that look there are kept.
PLACE = Placement(stimuli.POSITION, sites=CANDIDATES_WITHIN, select=within(stimuli.POSITION))
