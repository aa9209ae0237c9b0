"""Tuning properties of `Textbook` units, from their parameters alone."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.interpolate import CubicSpline

from insilico.models.textbook.drive import drive, harmonics, size_drive

__all__ = ["modulation_ratio", "properties", "size_curve"]

Values = npt.NDArray[np.float64]

# Criterion of the bandwidths (Ringach, Shapley & Hawken 2002; De Valois et al. 1982).
BANDWIDTH_LEVEL = 1 / np.sqrt(2)
# Share of the peak that defines the grating summation field (Cavanaugh, Bair & Movshon 2002).
SUMMATION_LEVEL = 0.95

OCTAVES = (-3.0, 2.0)  # about the frequency of the carrier


def properties(
    units: pd.DataFrame,
    *,
    diameters: npt.ArrayLike,
    phases: npt.ArrayLike | None = None,
    diameter: float = np.inf,
    contrast: float = 1.0,
    x: float = 0.0,
    y: float = 0.0,
) -> pd.DataFrame:
    """Tuning properties of every unit.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    diameters : sequence of float
        For size tuning, ascending, in deg. Suppression is measured at the last one.
    phases : sequence of float, optional
        The phases that are shown, in deg; by default the limit of infinitely many.
    diameter : float
        For orientation and frequency tuning, in deg; by default gratings without end. Disks are
        slower: some ten seconds for 240 units.
    contrast : float
        Michelson contrast.
    x, y : float
        Anchor of the phase and centre of the disks, in deg.

    Returns
    -------
    DataFrame, one row per unit
        ``receptive_field_x``, ``receptive_field_y`` (deg), ``preferred_spatial_frequency`` (cpd,
        of the dominant component: F1 or F0, whichever is larger), ``preferred_orientation``
        (deg), ``orientation_half_bandwidth`` and ``orientation_half_width`` (half the width at
        1/sqrt 2 and at half of the peak of F0, at the preferred frequency, deg),
        ``circular_variance``, ``orthogonal_preferred_ratio``, ``spatial_frequency_bandwidth``
        (full width at 1/sqrt 2 of the dominant component, octaves) with its ends
        ``spatial_frequency_low`` and ``spatial_frequency_high`` (cpd), ``modulation_ratio``
        (F1/F0), ``maximum_response`` (F0, spikes/s), ``suppression_index``,
        ``grating_summation_field`` (deg). A width is NaN where the curve does not fall to its
        level.
    """
    shown: dict[str, Any] = {"phases": phases, "contrast": contrast}
    placed: dict[str, Any] = {"diameter": diameter, "x": x, "y": y}
    theta = units["orientation"].to_numpy()[:, None]
    carrier = units["spatial_frequency"].to_numpy()[:, None]
    # Quadrature is dear: fewer points then, and the spline between them is good to 1e-3.
    coarse = 1 if np.isinf(diameter) else 3

    octave = np.linspace(*OCTAVES, 300 // coarse + 1)
    driven = drive(units, orientation=theta, spatial_frequency=carrier * 2**octave, **placed)
    octave, curve = _fine(octave, _dominant(*harmonics(units, driven, **shown)))
    peak = _peak(octave, curve)
    low, high = _crossings(octave, curve, BANDWIDTH_LEVEL)
    preferred = carrier * 2 ** peak[:, None]

    angle = np.linspace(-90, 90, 180 // coarse + 1)
    driven = drive(units, orientation=theta + angle, spatial_frequency=preferred, **placed)
    mean, _ = harmonics(units, driven, **shown)
    angle, curve = _fine(angle, mean)
    ratios = _circular(angle[:-1], curve[:, :-1])
    best = theta + _peak(angle, curve)[:, None]

    driven = drive(units, orientation=best, spatial_frequency=preferred, **placed)
    mean, modulation = harmonics(units, driven, **shown)
    sizes = size_curve(
        units, diameters, orientation=best, spatial_frequency=preferred, x=x, y=y, **shown
    )
    return pd.DataFrame(
        {
            "receptive_field_x": units["x"],
            "receptive_field_y": units["y"],
            "preferred_spatial_frequency": preferred[:, 0],
            "preferred_orientation": best[:, 0] % 180,
            **ratios,
            "spatial_frequency_bandwidth": high - low,
            "spatial_frequency_low": carrier[:, 0] * 2**low,
            "spatial_frequency_high": carrier[:, 0] * 2**high,
            "modulation_ratio": (modulation / mean)[:, 0],
            "maximum_response": mean[:, 0],
            **_size(np.asarray(diameters, dtype=float), sizes),
        }
    )


def modulation_ratio(
    units: pd.DataFrame,
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    phases: npt.ArrayLike | None = None,
    contrast: float = 1.0,
    diameter: float = np.inf,
    x: float = 0.0,
    y: float = 0.0,
) -> Values:
    """F1/F0 at given conditions, such as those that a rig found to be preferred.

    Parameters
    ----------
    units, phases, contrast, diameter, x, y
        As in `properties`.
    orientation, spatial_frequency : array, broadcasts to (unit, condition)
        In deg and cpd; one value per unit is a column.

    Returns
    -------
    array, shape (unit, condition)
    """
    driven = drive(
        units,
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=diameter,
        x=x,
        y=y,
    )
    mean, modulation = harmonics(units, driven, phases=phases, contrast=contrast)
    return modulation / mean


def size_curve(
    units: pd.DataFrame,
    diameters: npt.ArrayLike,
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    phases: npt.ArrayLike | None = None,
    contrast: float = 1.0,
    x: float = 0.0,
    y: float = 0.0,
) -> Values:
    """Dominant component of the response to gratings in disks.

    Parameters
    ----------
    units, phases, contrast, x, y
        As in `properties`.
    diameters : sequence of float
        Ascending, in deg.
    orientation, spatial_frequency : array, broadcasts to (unit, 1)
        In deg and cpd.

    Returns
    -------
    array, shape (unit, diameter)
        In spikes/s: F1 if it is larger than F0 at its best, else F0.
    """
    driven = size_drive(
        units,
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameters=diameters,
        x=x,
        y=y,
    )
    return _dominant(*harmonics(units, driven, phases=phases, contrast=contrast))[:, 0]


def _dominant(mean: Values, modulation: Values) -> Values:
    others = tuple(range(1, mean.ndim))
    modulated = modulation.max(others, keepdims=True) > mean.max(others, keepdims=True)
    return np.where(modulated, modulation, mean)


def _circular(angle: Values, curve: Values) -> dict[str, Values]:
    """Properties of an orientation curve that covers 180 deg evenly."""
    n = len(angle)
    around = np.exp(2j * np.deg2rad(angle))
    # The peak in the middle: neither flank then leaves the range.
    order = (np.arange(n) + curve.argmax(1)[:, None] - n // 2) % n
    curve = np.take_along_axis(curve, order, axis=1)
    low, high = _crossings(angle, curve, BANDWIDTH_LEVEL)
    half_low, half_high = _crossings(angle, curve, 0.5)
    return {
        "orientation_half_bandwidth": (high - low) / 2,
        "orientation_half_width": (half_high - half_low) / 2,
        "circular_variance": 1 - np.abs((curve * around).sum(1)) / curve.sum(1),
        "orthogonal_preferred_ratio": curve[:, 0] / curve[:, n // 2],
    }


def _size(diameters: Values, curve: Values) -> dict[str, Values]:
    """Suppression and summation of a size curve."""
    fine = np.linspace(0, np.log(diameters[-1] / diameters[0]), 8 * len(diameters))
    curve = CubicSpline(np.log(diameters / diameters[0]), curve, axis=1)(fine)
    peak = curve.max(1)
    level = SUMMATION_LEVEL * peak
    after = (curve >= level[:, None]).argmax(1).clip(1)
    rows = np.arange(len(curve))
    inner, outer = curve[rows, after - 1], curve[rows, after]
    share = ((level - inner) / (outer - inner)).clip(0, 1)
    return {
        "suppression_index": 1 - curve[:, -1] / peak,
        "grating_summation_field": diameters[0] * np.exp(fine[after - 1] + share * fine[1]),
    }


def _fine(x: Values, curve: Values) -> tuple[Values, Values]:
    """Interpolate a smooth curve at about 5000 points."""
    fine = np.linspace(x[0], x[-1], 4801)
    return fine, CubicSpline(x, curve, axis=1)(fine)


def _peak(x: Values, curve: Values) -> Values:
    """Where the curve is largest, by the parabola through the best three points."""
    best = curve.argmax(1).clip(1, curve.shape[1] - 2)[:, None]
    before, top, after = (np.take_along_axis(curve, best + step, 1)[:, 0] for step in (-1, 0, 1))
    return x[best[:, 0]] + (x[1] - x[0]) / 2 * (before - after) / (before - 2 * top + after)


def _crossings(x: Values, curve: Values, level: float) -> tuple[Values, Values]:
    """Where the curve falls to a share of its peak, below and above the peak; NaN if nowhere."""
    return -_crossing(-x[::-1], curve[:, ::-1], level), _crossing(x, curve, level)


def _crossing(x: Values, curve: Values, level: float) -> Values:
    threshold = level * curve.max(1)
    beyond = np.arange(curve.shape[1]) > curve.argmax(1)[:, None]
    below = beyond & (curve <= threshold[:, None])
    after = below.argmax(1).clip(1)
    rows = np.arange(len(curve))
    inner, outer = curve[rows, after - 1], curve[rows, after]
    share = (inner - threshold) / np.where(inner > outer, inner - outer, 1)
    return np.where(below.any(1), x[after - 1] + share * (x[after] - x[after - 1]), np.nan)
