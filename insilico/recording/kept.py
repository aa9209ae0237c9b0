"""What is kept of a recording: every response, the best of some, or F0 and F1 over phase."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Harmonics", "Maximum", "Reduction", "phase_weights"]

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Maximum:
    """Keep the largest response over some factors.

    Parameters
    ----------
    over : tuple of str
        The factors; the others remain.
    """

    over: tuple[str, ...]


@dataclass(frozen=True)
class Harmonics:
    """Keep F0 and F1 of the rectified response in place of every phase.

    The factor ``phase`` gives way to ``harmonic``, 0 and 1.
    """

    over: tuple[str, ...] = ("phase",)


Reduction = Maximum | Harmonics


def phase_weights(phase: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Weights whose sums over phase are F0 and the two parts of F1: the one definition of both.

    Parameters
    ----------
    phase : array, shape (n,)
        Evenly spaced phases of the stimulus, in deg.

    Returns
    -------
    array, shape (3, n)
        ``F0 = w[0] @ r`` and ``F1 = hypot(w[1] @ r, w[2] @ r)``, the amplitude of the modulation.

    Examples
    --------
    >>> phase = np.arange(0, 360, 45)
    >>> f0, even, odd = phase_weights(phase) @ (3 + 2 * np.cos(np.deg2rad(phase - 30)))
    >>> bool(np.isclose(f0, 3)), bool(np.isclose(np.hypot(even, odd), 2))
    (True, True)
    """
    angle = np.deg2rad(np.asarray(phase, dtype=float))
    return np.stack([np.ones_like(angle), 2 * np.cos(angle), 2 * np.sin(angle)]) / len(angle)
