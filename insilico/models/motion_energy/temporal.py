"""Temporal filters of Adelson & Bergen (1985): their taps, and their gain in closed form.

The filter of order ``n`` is ``(kt)^n exp(-kt) (1 / n! - (kt)^2 / (n + 2)!)``: it does not answer to
what stays, and one of a higher order answers later. Two whose orders differ by 2 are ``2 atan(u)``
apart, with ``u`` the angular frequency over ``k``: a quarter of a cycle at ``k``, and half of that
where they answer most. So units that take them for a quadrature pair answer to the opposite
direction, too, but less.

References
----------
Adelson EH, Bergen JR (1985). Spatiotemporal energy models for the perception of motion. J Opt Soc
Am A 2:284-299, doi:10.1364/JOSAA.2.000284.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

__all__ = ["FAST", "SLOW", "best_frequency", "gain", "taps"]

Values = npt.NDArray[np.float64]

# Orders of the two filters.
FAST, SLOW = 3, 5

# A filter is cut off where it has fallen to nothing, at this many times 1 / k.
REACH = 22.0


def taps(order: int, rate: Values, dt: float) -> Values:
    """Sample a filter at the frames of a movie.

    Parameters
    ----------
    order : int
        ``n``.
    rate : array, shape (unit,)
        ``k``, in 1/s.
    dt : float
        Between frames, in s.

    Returns
    -------
    array, shape (unit, frame)
        Weight of the present frame and of those before it; sums stand for integrals over time.
    """
    n_frames = math.ceil(REACH / (rate.min() * dt))
    at = rate[:, None] * dt * np.arange(n_frames)
    first, second = math.factorial(order), math.factorial(order + 2)
    return at**order * np.exp(-at) * (1 / first - at**2 / second) * dt


def gain(order: int, rate: npt.ArrayLike, temporal_frequency: npt.ArrayLike) -> npt.NDArray[Any]:
    """Gain of a filter for a sinusoid, in closed form.

    Parameters
    ----------
    order : int
        ``n``.
    rate : array
        ``k``, in 1/s.
    temporal_frequency : array
        In Hz; below 0 for the conjugate.

    Returns
    -------
    array of complex
        In s: ``((1 - iu)^-(n+1) - (1 - iu)^-(n+3)) / k``, with ``u`` the angular frequency over
        ``k``, for a sinusoid ``exp(-i omega t)``.
    """
    rate = np.asarray(rate, dtype=float)
    base = 1 - 1j * 2 * np.pi * np.asarray(temporal_frequency, dtype=float) / rate
    return (base ** -(order + 1) - base ** -(order + 3)) / rate


def best_frequency(kind: str) -> tuple[float, float]:
    """Find the frequency at which a unit of ``k = 1`` answers most, and its gain there.

    Parameters
    ----------
    kind : {"simple", "energy", "opponent", "separable"}
        As in `insilico.models.motion_energy.units.KINDS`.

    Returns
    -------
    tuple of float
        In cycles per unit of time, and the amplitude of the response to a sinusoid of amplitude 1:
        both scale with ``k``, the latter inversely. Of separable units the frequency has a closed
        form: ``u^2`` solves ``(n + 1) w^2 + (4 n + 6) w - 4 = 0``.
    """

    def amplitude(frequency: float) -> float:
        fast, slow = (gain(order, 1.0, frequency) for order in (FAST, SLOW))
        if kind == "separable":
            return float(abs(fast))
        preferred, null = abs(slow + 1j * fast), abs(slow - 1j * fast)
        if kind == "opponent":
            return float(np.sqrt(preferred**2 - null**2))
        return float(preferred)

    found = minimize_scalar(
        lambda frequency: -amplitude(frequency), bounds=(0.01, 0.2), options={"xatol": 1e-9}
    )
    return float(found.x), amplitude(float(found.x))
