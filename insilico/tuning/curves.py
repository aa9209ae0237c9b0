"""From responses to tuning curves: phase harmonics, preferred conditions, interpolation."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.errors import UserError
from insilico.recording.f0_and_f1 import phase_weights
from stimuli.conventions import PERIODS

__all__ = [
    "at_preferred",
    "check_angles",
    "crossing",
    "dominant_component",
    "first_harmonic",
    "first_maximum",
    "interpolate",
    "mean_response",
    "orientation_and_frequency_tuning",
    "preferred",
]

Array = npt.NDArray[np.float64]

# Steps of the interpolated curves: 0.25 deg of angle, 1/100 octave of frequency or size.
ANGLE_STEP = 0.25
OCTAVE_STEP = 0.01

# What a spline in double precision makes of equal values.
EQUAL = 1e-12


def mean_response(response: xr.DataArray) -> xr.DataArray:
    """F0: the mean over phase or over time, nothing subtracted.

    Parameters
    ----------
    response : DataArray, dims (..., "phase"), (..., "harmonic") or (..., "time")
        Responses at evenly spaced phases, or their harmonics as a streamed recording keeps them; or
        to the frames of movies.

    Returns
    -------
    DataArray
        The same without that dim.
    """
    if "harmonic" in response.dims:
        return response.sel(harmonic=0, drop=True)
    if "time" in response.dims:
        return response.mean("time", skipna=False, keep_attrs=True)
    return _phase_sum(response, 0)


def first_harmonic(response: xr.DataArray) -> xr.DataArray:
    """F1: amplitude of modulation at the stimulus frequency, ``2/N |sum r exp(-i phase)|``.

    Parameters
    ----------
    response : DataArray, dims (..., "phase"), (..., "harmonic") or (..., "time")
        As for `mean_response`; with ``time`` it has the coordinate ``temporal_frequency`` (Hz), of
        which the time holds whole cycles.

    Returns
    -------
    DataArray
        The same without that dim. NaN of a single phase; over time where the answers come too
        seldom, less than twice a cycle.

    Raises
    ------
    UserError
        If phases do not cover 360 deg evenly.

    Notes
    -----
    A rectified sinusoid sampled at 8 phases, its preferred one among them, has
    F1/F0 = 4 / (1 + sqrt 2) = 1.657; continuous phase would give pi/2.
    """
    if "harmonic" in response.dims:
        return response.sel(harmonic=1, drop=True)
    if "time" in response.dims:
        return _modulation_in_time(response)
    even, odd = (_phase_sum(response, part) for part in (1, 2))
    return xr.apply_ufunc(np.hypot, even, odd).assign_attrs(response.attrs)


def _phase_sum(response: xr.DataArray, part: int) -> xr.DataArray:
    """Weighted sum, in double precision whatever responses are kept in, and one pass of BLAS."""
    weights = xr.DataArray(phase_weights(response["phase"])[part], dims="phase")
    return xr.dot(response, weights, dim="phase").assign_attrs(response.attrs)


def _modulation_in_time(response: xr.DataArray) -> xr.DataArray:
    """Project onto the temporal frequency of each stimulus, which need not be the strongest one."""
    turns = response["time"] * response["temporal_frequency"]
    weights = 2 / response.sizes["time"] * np.exp(-2j * np.pi * turns)
    even, odd = (xr.dot(response, part, dim="time") for part in (weights.real, weights.imag))
    amplitude = xr.apply_ufunc(np.hypot, even, odd).assign_attrs(response.attrs)
    times = response["time"].to_numpy()
    step = np.diff(times).max(initial=0.0)
    slow = response["temporal_frequency"] * step < 0.5
    return amplitude.where(slow).transpose(*[dim for dim in response.dims if dim != "time"])


def preferred(response: xr.DataArray) -> dict[str, xr.DataArray]:
    """Index, along every dim but ``unit``, of the condition each unit likes best (the first one).

    A unit without any finite response gets index 0 along each dim; whatever is read there is NaN.
    """
    dims = [str(dim) for dim in response.dims if dim != "unit"]
    if not response.sizes["unit"]:  # argmax over several dims takes no empty array
        return {dim: xr.zeros_like(response["unit"], dtype=int) for dim in dims}
    best = response.fillna(-np.inf).argmax(dims, skipna=False)
    return {dim: best[dim] for dim in dims}


def at_preferred(response: xr.DataArray, *dims: str) -> xr.DataArray:
    r"""Fix ``dims`` at the condition each unit likes best.

    Parameters
    ----------
    response : DataArray, dims ("unit", \\*factors)
        One number per condition, without phase.
    *dims : str
        The factors to fix; the others remain.

    Returns
    -------
    DataArray
        The remaining curve; the preferred value of each fixed factor is a coordinate on ``unit``.
    """
    best = preferred(response)
    return response.isel({dim: best[dim] for dim in dims})


def dominant_component(response: xr.DataArray, *, averaged: tuple[str, ...] = ()) -> xr.DataArray:
    r"""F0 less blank, or F1, whichever is larger at the unit's best condition.

    Simple cells are judged on their modulation and complex cells on their mean, as in De Valois,
    Albrecht & Thorell (1982) and Cavanaugh, Bair & Movshon (2002).

    Parameters
    ----------
    response : DataArray, dims ("unit", \\*factors, "phase" or "harmonic"), coordinate ``blank``
        A recording.
    averaged : tuple of str
        Factors over which the amplitudes are averaged: the phases of other gratings.

    Returns
    -------
    DataArray, dims ("unit", \\*factors)
        One component per unit, that of its strongest condition; the coordinate ``modulated`` says
        which (True for F1).
    """
    mean = (mean_response(response) - response["blank"]).mean(averaged)
    modulation = first_harmonic(response).mean(averaged)
    dims = [dim for dim in mean.dims if dim != "unit"]
    modulated = modulation.max(dims) > mean.max(dims)
    return (
        mean.where(~modulated, modulation)
        .transpose(*mean.dims)
        .assign_coords(modulated=modulated)
        .assign_attrs(response.attrs)
    )


def check_angles(angles: npt.NDArray[np.floating[Any]], dim: str) -> None:
    """Refuse angles that do not cover their period evenly: what is read off them would be biased.

    Parameters
    ----------
    angles : array
        Of a curve, in deg.
    dim : str
        Which angle: it has a period.

    Raises
    ------
    UserError
        If they are too few, uneven, not ascending, or in radians.
    """
    period = PERIODS[dim]
    step = np.diff(np.append(angles, angles[:1] + period))
    if len(angles) < 4 or not np.allclose(step, step[0]):
        raise UserError(
            f"tuning over {dim} needs at least 4 {dim}s, in deg, that rise and cover "
            f"[0, {period:g}) evenly; the curve has {', '.join(f'{value:g}' for value in angles)}. "
            f"Uneven steps would bias the tuning. Record the missing {dim}s, and turn radians into "
            "deg."
        )


def fine(dim: str, nodes: Array) -> Array:
    """Where a curve over ``dim`` is interpolated: angles in deg, anything else in log2."""
    if dim in PERIODS:
        return np.arange(0, PERIODS[dim], ANGLE_STEP)
    if len(nodes) < 2 or not (nodes > 0).all() or not (np.diff(nodes) > 0).all():
        raise UserError(
            f"tuning over {dim} needs two values or more that rise and are above 0; the curve has "
            f"{', '.join(f'{value:g}' for value in nodes)}. Sort them, and leave 0 out."
        )
    octaves = np.log2(nodes[-1] / nodes[0])
    return np.geomspace(nodes[0], nodes[-1], 1 + round(octaves / OCTAVE_STEP))


@lru_cache(maxsize=32)
def _spline_matrix(dim: str, nodes: tuple[float, ...]) -> Array:
    """Cubic spline through the nodes as a matrix, shape (fine, node): it is linear in the data."""
    from scipy.interpolate import CubicSpline  # takes longer to import than numpy

    at, place = np.array(nodes), fine(dim, np.array(nodes))
    if dim not in PERIODS:
        return CubicSpline(np.log2(at), np.eye(len(at)))(np.log2(place))
    check_angles(at, dim)
    period = PERIODS[dim]
    closed = np.vstack([np.eye(len(at)), np.eye(len(at))[:1]])
    spline = CubicSpline(np.append(at, at[0] + period), closed, bc_type="periodic")
    return spline(at[0] + (place - at[0]) % period)


def interpolate(curve: xr.DataArray, dim: str) -> xr.DataArray:
    """Cubic spline through a curve: periodic over angles, over log2 of anything else.

    Parameters
    ----------
    curve : DataArray, dims (..., dim)
        Sampled curves.
    dim : str
        The dim to refine: angles in steps of 0.25 deg, others of 1/100 octave.

    Returns
    -------
    DataArray
        The same with ``dim`` refined and last. NaN where a curve holds NaN.

    Raises
    ------
    UserError
        If angles do not cover their period evenly, in deg; if other values do not rise, or are not
        above 0.
    """
    nodes = curve[dim].to_numpy().astype(float)
    matrix = _spline_matrix(dim, tuple(nodes))
    data = curve.transpose(..., dim)
    refined = data.to_numpy().astype(float) @ matrix.T
    coords = {name: value for name, value in data.coords.items() if dim not in value.dims}
    return xr.DataArray(
        refined, dims=data.dims, coords={**coords, dim: fine(dim, nodes)}, attrs=curve.attrs
    )


def orientation_and_frequency_tuning(surface: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Orientation and spatial-frequency curves through each unit's interpolated optimum.

    The sampled optimum can be an eighth of an octave off the true one, which alone changes an
    orientation bandwidth by nearly a tenth; so the curves are taken through the optimum of the
    spline surface, found by going back and forth between its two axes.

    Parameters
    ----------
    surface : DataArray, dims ("unit", "orientation", "spatial_frequency")
        One number per condition. NaN where a grating could not be shown.

    Returns
    -------
    tuple of DataArray
        The curves, dims ("unit", "orientation") and ("unit", "spatial_frequency"), at the sampled
        values of the remaining dim, not below 0; the former with the coordinate
        ``at_spatial_frequency`` (cpd) and the latter with ``at_orientation`` (deg).
    """
    surface = surface.transpose("unit", "orientation", "spatial_frequency")
    values = surface.to_numpy().astype(float)
    orientations = surface["orientation"].to_numpy().astype(float)
    frequencies = surface["spatial_frequency"].to_numpy().astype(float)
    by_orientation = _spline_matrix("orientation", tuple(orientations))
    by_frequency = _spline_matrix("spatial_frequency", tuple(frequencies))
    best = preferred(surface)["orientation"].to_numpy()
    frequency_curve = values[np.arange(len(values)), best]
    for _ in range(2):
        at_frequency = first_maximum(frequency_curve @ by_frequency.T)
        orientation_curve = np.einsum("uof,uf->uo", values, by_frequency[at_frequency])
        at_orientation = first_maximum(orientation_curve @ by_orientation.T)
        frequency_curve = np.einsum("uof,uo->uf", values, by_orientation[at_orientation])
    unit_coords = {
        name: value for name, value in surface.coords.items() if value.dims in ((), ("unit",))
    }
    along_orientation = xr.DataArray(
        orientation_curve.clip(0),
        dims=("unit", "orientation"),
        coords={
            **unit_coords,
            "orientation": surface["orientation"],
            "at_spatial_frequency": ("unit", fine("spatial_frequency", frequencies)[at_frequency]),
        },
        attrs=surface.attrs,
    )
    along_frequency = xr.DataArray(
        frequency_curve.clip(0),
        dims=("unit", "spatial_frequency"),
        coords={
            **unit_coords,
            "spatial_frequency": surface["spatial_frequency"],
            "at_orientation": ("unit", fine("orientation", orientations)[at_orientation]),
        },
        attrs=surface.attrs,
    )
    return along_orientation, along_frequency


def crossing(curve: Array, start: npt.NDArray[np.intp], level: Array) -> Array:
    """Distance, in fractional steps, from ``start`` to where a curve first falls to a level.

    Parameters
    ----------
    curve : array, shape (unit, step)
        Curves read towards increasing index; reverse them to look the other way.
    start : array of int, shape (unit,)
        Where the search begins.
    level : array, shape (unit,)
        The level, below the curve's value at ``start``.

    Returns
    -------
    array, shape (unit,)
        Linearly interpolated between steps. NaN where the curve never falls to the level.
    """
    steps = np.arange(curve.shape[1])
    below = (curve <= level[:, None]) & (steps > start[:, None])
    found = below.any(1)
    after = np.where(found, below.argmax(1), 1)
    rows = np.arange(len(curve))
    high, low = curve[rows, after - 1], curve[rows, after]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high > low, (high - level) / (high - low), 0.0)
    return np.where(found, after - 1 + share - start, np.nan)


def first_maximum(curves: Array) -> npt.NDArray[np.intp]:
    """Where curves are largest: the first place, where several are equal but for rounding.

    Parameters
    ----------
    curves : array, shape (..., step)
        NaN is nowhere largest.

    Returns
    -------
    array, shape (...,)
        Of a flat curve the first step, and not one that the rounding of a spline chose.
    """
    values = np.where(np.isnan(curves), -np.inf, curves)
    largest = values.max(-1, keepdims=True)
    return (values >= largest - EQUAL * np.abs(largest)).argmax(-1)
