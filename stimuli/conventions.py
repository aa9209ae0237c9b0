"""Orientation as other packages count it, converted to ours and back.

Ours: the orientation of the bars, in deg counter-clockwise from horizontal, in [0, 180).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["CONVENTIONS", "PERIODS", "from_convention", "to_convention"]

# After so many deg a factor comes round again.
PERIODS = {"orientation": 180.0, "direction": 360.0, "phase": 360.0}

Angles = npt.NDArray[np.float64]


class Convention(NamedTuple):
    """How a package counts orientation: to ours and back, and the size of a half turn in it."""

    to_ours: Callable[[Angles], Angles]
    from_ours: Callable[[Angles], Angles]
    half_turn: float = 180.0


# Vertical bars are 0 for psychopy, Brain-Score (both clockwise as seen), stimupy and AllenSDK
# (counter-clockwise as seen); horizontal bars are 0 for imagen and mozaik, in radians.
_CLOCKWISE = Convention(lambda theirs: 90 - theirs, lambda ours: 90 - ours)
_COUNTER_CLOCKWISE = Convention(lambda theirs: 90 + theirs, lambda ours: ours - 90)
_RADIANS = Convention(np.rad2deg, np.deg2rad, np.pi)

CONVENTIONS: dict[str, Convention] = {
    "psychopy": _CLOCKWISE,
    "brainscore": _CLOCKWISE,
    "stimupy": _COUNTER_CLOCKWISE,
    "allensdk": _COUNTER_CLOCKWISE,
    "imagen": _RADIANS,
    "mozaik": _RADIANS,
}


def from_convention(orientation: npt.ArrayLike, convention: str) -> Angles:
    """Convert another package's orientation to ours.

    Parameters
    ----------
    orientation : array_like
        Orientation as the other package counts it.
    convention : str
        One of `CONVENTIONS`.

    Returns
    -------
    array
        In deg, in [0, 180).

    Raises
    ------
    ValueError
        If the convention is unknown.

    Examples
    --------
    >>> from_convention([0, 30], "psychopy")
    array([90., 60.])
    """
    rule = _rule(convention)
    return np.asarray(rule.to_ours(np.asarray(orientation, dtype=np.float64)) % 180)


def to_convention(orientation: npt.ArrayLike, convention: str) -> Angles:
    """Convert our orientation to another package's.

    Parameters
    ----------
    orientation : array_like
        Orientation of the bars, in deg counter-clockwise from horizontal.
    convention : str
        One of `CONVENTIONS`.

    Returns
    -------
    array
        As the other package counts it, within half a turn from 0.

    Raises
    ------
    ValueError
        If the convention is unknown.

    Examples
    --------
    >>> to_convention([0, 90], "stimupy")
    array([90.,  0.])
    """
    rule = _rule(convention)
    return np.asarray(rule.from_ours(np.asarray(orientation, dtype=np.float64)) % rule.half_turn)


def _rule(convention: str) -> Convention:
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}; got {convention!r}.")
    return CONVENTIONS[convention]
