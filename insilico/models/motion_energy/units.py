"""The units of `MotionEnergy`: their parameters, and their responses to drifting gratings."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.errors import UserError
from insilico.models.motion_energy.temporal import FAST, SLOW, best_frequency, gain
from insilico.models.textbook.units import EXTENT, FINEST, transfer
from stimuli import Display

__all__ = ["KINDS", "Phasors", "draw_units", "harmonics", "phasors", "scale_of", "truth"]

Values = npt.NDArray[np.float64]
Phasors = tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]

# A rectified filter that is oriented in space and time; the energy of two in quadrature; that less
# the energy of the pair for the opposite direction; the energy of a pair that has no direction.
KINDS = ("simple", "energy", "opponent", "separable")

# Receptive-field centres scatter by less than this around the centre of the display, in deg.
SCATTER = 0.1

# Preferred temporal frequencies, in Hz: the memory of slower ones is longer than a lead-in.
SLOWEST, FASTEST = 3.0, 6.0

# Frames within 1 / k at least, where filters are sampled well enough for their closed form.
FRAMES = 0.6


def draw_units(n: int, *, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw a population, every parameter from a continuous distribution.

    Parameters
    ----------
    n : int
        Number of units, a quarter of each of `KINDS`.
    display : Display
        The receptive fields fit into it, and its frames carry the filters.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``kind``, ``x`` and ``y`` (centre of the receptive field, deg), ``direction`` (preferred,
        deg; of separable units that or the opposite), ``orientation`` (of the bars, deg),
        ``spatial_frequency`` (cpd), ``sigma_across`` and ``sigma_along`` (of the envelope, deg),
        ``temporal_frequency`` (preferred, Hz), ``rate`` (``k`` of the filters, 1/s), ``gain``
        (spikes/s).

    Raises
    ------
    UserError
        If the display is too small, too coarse or too slow for such receptive fields.
    """
    rng = np.random.default_rng(seed)
    kind = np.array(KINDS)[np.sort(np.arange(n) % len(KINDS))]
    across, along = rng.uniform(0.35, 0.55, n), rng.uniform(0.35, 0.6, n)
    room = min(display.degrees) / 2 - SCATTER
    lowest = EXTENT * np.maximum(across, along).max() / max(room, 1e-9)
    highest = FINEST * display.px_per_deg
    if room <= 0 or lowest >= highest:
        raise UserError(
            "the display has to hold receptive fields that its pixels can carry, for which it "
            f"needs at least 48 px on a side and about 6 deg; got {display.height} x "
            f"{display.width} px of {min(display.degrees):g} deg."
        )
    frequency = np.exp(rng.uniform(np.log(lowest), np.log(highest), n))
    temporal = np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST), n))
    best = {name: best_frequency(name)[0] for name in KINDS}
    rate = temporal / np.array([best[name] for name in kind.tolist()])
    frame_rate = display.frame_rate or 0.0
    if frame_rate < FRAMES * rate.max(initial=0.0):
        raise UserError(
            f"the filters of motion_energy need {np.ceil(FRAMES * rate.max()):g} frames/s or more; "
            f"got {frame_rate:g}. Give the option frame_rate=60."
        )
    direction = rng.uniform(0, 360, n)
    distance, angle = SCATTER * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    return pd.DataFrame(
        {
            "kind": kind,
            "x": distance * np.cos(angle),
            "y": distance * np.sin(angle),
            "direction": direction,
            "orientation": (direction + 90) % 180,
            "spatial_frequency": frequency,
            "sigma_across": across / frequency,
            "sigma_along": along / frequency,
            "temporal_frequency": temporal,
            "rate": rate,
            "gain": rng.uniform(20, 60, n),
        }
    )


def phasors(
    units: pd.DataFrame,
    *,
    direction: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    temporal_frequency: npt.ArrayLike,
    opposite: bool = False,
) -> Phasors:
    """Amplitudes of the two filters of each unit in quadrature, for drifting gratings.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    direction, spatial_frequency, temporal_frequency : array, broadcasts to (unit, condition)
        Of full-field gratings of contrast 1 that fill the display, in deg, cpd and Hz.
    opposite : bool
        Whether the filters are those for the opposite direction.

    Returns
    -------
    tuple of array of complex, shape (unit, condition)
        The filters answer ``Re(P exp(-i omega t))``, up to the phase of the grating at the unit.
    """
    heading, frequency, rate = np.broadcast_arrays(
        np.deg2rad(np.atleast_2d(direction)),
        2 * np.pi * np.atleast_2d(spatial_frequency),
        np.atleast_2d(temporal_frequency),
    )
    away = heading - np.deg2rad(units["direction"].to_numpy())[:, None]
    across, along = frequency * np.cos(away), frequency * np.sin(away)
    # Of the complex receptive field the part that the wave drives, and the part that its mirror
    # image does.
    ahead, behind = (transfer(units, sign * across, sign * along) / 2 for sign in (-1, 1))
    even, odd = ahead + behind, 1j * (ahead - behind)
    k = units["rate"].to_numpy()[:, None]
    fast, slow = (gain(order, k, rate) for order in (FAST, SLOW))
    scale = scale_of(units)
    sign = -1 if opposite else 1
    first = scale * (even * slow + sign * odd * fast)
    second = scale * (even * fast - sign * odd * slow)
    separable = (units["kind"] == "separable").to_numpy()[:, None]
    return (
        np.where(separable, scale * even * fast, first),
        np.where(separable, scale * odd * fast, second),
    )


def harmonics(
    units: pd.DataFrame,
    *,
    direction: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    temporal_frequency: npt.ArrayLike,
    contrast: float = 1.0,
) -> tuple[Values, Values]:
    """Mean and modulation of the responses to drifting gratings, in closed form.

    Parameters
    ----------
    units, direction, spatial_frequency, temporal_frequency
        As in `phasors`.
    contrast : float
        Michelson contrast.

    Returns
    -------
    tuple of array, shape (unit, condition)
        F0 and F1 in spikes/s. Opponent units are not rectified. Energies are modulated at twice the
        frequency of the grating, if at all: their F1 is 0.
    """
    shown: dict[str, Any] = {
        "direction": direction,
        "spatial_frequency": spatial_frequency,
        "temporal_frequency": temporal_frequency,
    }
    first, second = phasors(units, **shown)
    energy = (np.abs(first) ** 2 + np.abs(second) ** 2) / 2
    other = sum(np.abs(each) ** 2 for each in phasors(units, **shown, opposite=True)) / 2
    kind = units["kind"].to_numpy()[:, None]
    amplitude = contrast * np.abs(first)
    peak = units["gain"].to_numpy()[:, None]
    squared = contrast**2 * np.where(kind == "opponent", energy - other, energy)
    simple = kind == "simple"
    return (
        peak * np.where(simple, amplitude / np.pi, squared),
        peak * np.where(simple, amplitude / 2, 0.0),
    )


def truth(units: pd.DataFrame) -> pd.DataFrame:
    """Tell what each unit prefers, and how it tells directions, in closed form.

    Parameters
    ----------
    units : DataFrame
        One row per unit.

    Returns
    -------
    DataFrame, one row per unit
        ``preferred_direction`` (deg; NaN for separable units), ``preferred_temporal_frequency``
        (Hz) and ``direction_index``, ``1 - R(null) / R(preferred)`` at that frequency, with
        responses below 0 taken as 0.
    """
    own: dict[str, Any] = {
        name: units[name].to_numpy()[:, None]
        for name in ("spatial_frequency", "temporal_frequency")
    }
    heading = units["direction"].to_numpy()[:, None]
    there, back = (
        harmonics(units, direction=heading + turn, **own)[0][:, 0].clip(0) for turn in (0, 180)
    )
    separable = (units["kind"] == "separable").to_numpy()
    return pd.DataFrame(
        {
            "preferred_direction": np.where(separable, np.nan, units["direction"]),
            "preferred_temporal_frequency": units["temporal_frequency"],
            "direction_index": 1 - back / there,
        }
    )


def scale_of(units: pd.DataFrame) -> Values:
    """Factor on the temporal filters that makes the largest response 1, up to 3 %.

    Parameters
    ----------
    units : DataFrame
        One row per unit.

    Returns
    -------
    array, shape (unit, 1)
    """
    peak = {name: best_frequency(name)[1] for name in KINDS}
    at_most = np.array([peak[name] for name in units["kind"].tolist()])
    return (units["rate"].to_numpy() / at_most)[:, None]
