"""F0 and F1: the mean response over the phases of a stimulus, and its modulation."""

import numpy as np
import numpy.typing as npt

__all__ = ["phase_weights"]


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
