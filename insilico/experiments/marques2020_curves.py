"""The curves of the published benchmark, and which units count in it."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from insilico.recording.reductions import Maximum
from insilico.tuning.curves import first_harmonic, mean_response
from insilico.tuning.properties.marques2020.orientation import in_published_order
from insilico.tuning.properties.receptive_field import centres_of_mass
from insilico.tuning.rates import LARGEST_MAXIMUM, RESPONSIVE_THRESHOLD
from stimuli import Position
from stimuli.marques2020.canvas import HALF_PX

__all__ = [
    "BEST",
    "above_blank",
    "above_threshold",
    "component_spatial_frequency_curve",
    "has_receptive_field",
    "orientation_curve",
    "receptive_field_map",
    "size_curve",
    "spatial_frequency_curve",
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
    largest = response.max(over, keep_attrs=True) if over else response
    largest = largest.transpose("unit", "offset_y", "offset_x")
    # Candidates may be all units of a layer: labels would take longer than the numbers.
    best = largest.to_numpy().astype(np.float64)
    blank = response["blank"].to_numpy().astype(np.float64)[:, None, None]
    maps = (best - blank).clip(min=0)
    # Single precision leaves a difference between equal responses, and a map of nothing else would
    # have its centre anywhere.
    strongest = np.maximum(best.max((1, 2), keepdims=True), blank)
    maps *= maps > ROUNDING * strongest
    chart = largest.copy(data=maps)
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
        x, y = centres_of_mass(chart)
        return xr.DataArray(np.hypot(x - position.x, y - position.y) <= distance, dims="unit")

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


def above_blank(curve: xr.DataArray) -> xr.DataArray:
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
    return _above(curve, curve["blank"])


def above_threshold(curve: xr.DataArray) -> xr.DataArray:
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
    return _above(curve, xr.zeros_like(curve["blank"]))


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
    return above_threshold((curve - curve["blank"]).assign_attrs(curve.attrs))


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


def _above(curve: xr.DataArray, floor: xr.DataArray) -> xr.DataArray:
    best = curve.max([dim for dim in curve.dims if dim != "unit"])
    if curve.attrs.get("units") == "spikes/s":
        return best > floor + RESPONSIVE_THRESHOLD
    evoked = best - floor
    largest = evoked.groupby("layer").max().sel(layer=evoked["layer"])
    return (evoked > 0) & (evoked > RESPONSIVE_THRESHOLD / LARGEST_MAXIMUM * largest)
