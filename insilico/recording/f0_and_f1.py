"""F0 and F1: the mean response over the phases of a stimulus, and its modulation."""

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = ["phase_weights"]


def phase_weights(phase: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Weights whose sums over phase are F0 and the two parts of F1: the one definition of both.

    Parameters
    ----------
    phase : array, shape (n,)
        Phases of the stimulus that cover 360 deg evenly, in deg.

    Returns
    -------
    array, shape (3, n)
        ``F0 = w[0] @ r`` and ``F1 = hypot(w[1] @ r, w[2] @ r)``, the amplitude of the modulation.
        F1 is NaN of one phase. Of two it is the difference of the two responses, whatever phase a
        unit prefers; of three and more it is the amplitude.

    Raises
    ------
    UserError
        If they do not cover 360 deg evenly: both would be biased.

    Examples
    --------
    >>> phase = np.arange(0, 360, 45)
    >>> f0, even, odd = phase_weights(phase) @ (3 + 2 * np.cos(np.deg2rad(phase - 30)))
    >>> bool(np.isclose(f0, 3)), bool(np.isclose(np.hypot(even, odd), 2))
    (True, True)
    """
    phases = np.asarray(phase, dtype=float)
    place = np.sort(phases % 360)
    steps = np.diff(place, append=place[:1] + 360)
    if not len(place) or not np.allclose(steps, 360 / len(place)):
        raise UserError(
            "F0 and F1 are taken over phases, in deg, that cover 360 deg evenly; these are "
            f"{', '.join(f'{value:g}' for value in phases) or 'none'}. Leave 360 out where there "
            "is 0, and turn radians into deg."
        )
    angle = np.deg2rad(phases)
    two = 2.0 if len(phases) > 1 else np.nan
    return np.stack([np.ones_like(angle), two * np.cos(angle), two * np.sin(angle)]) / len(angle)
