"""When the frames of a movie are shown, and what can move in them."""

import math

import numpy as np
import numpy.typing as npt

from stimuli.display import Display
from stimuli.parameters import Numbers, column

__all__ = ["FRAME_RATE", "check_temporal_nyquist", "frame_rate", "frame_times", "whole_cycles"]

# Of a display of movies where nobody says, in Hz.
FRAME_RATE = 60.0

# Above this share of the frame rate a frequency is no longer offered: the limit is 0.5, where
# what drifts only flickers.
FASTEST = 0.35


def frame_rate(display: Display) -> float:
    """Tell the frame rate of a display of movies.

    Parameters
    ----------
    display : Display
        The screen.

    Returns
    -------
    float
        In Hz.

    Raises
    ------
    ValueError
        If it is a display of pictures.
    """
    if display.frame_rate is None:
        raise ValueError(
            "these stimuli move, and a display without a frame rate shows pictures. Make it with "
            "frame_rate=60 (Hz); of a model say how it takes time: time='frames', 'time_first' or "
            "'channel_first', or 'phases' for a static one (--time on the command line)."
        )
    return display.frame_rate


def frame_times(display: Display, seconds: float, *, lead_in: float = 0.0) -> tuple[float, ...]:
    """Say when the frames of a movie are shown.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    seconds : float
        How long the movie is measured, from 0 on.
    lead_in : float
        How long it is shown before, in s.

    Returns
    -------
    tuple of float
        In s, one for each frame: whole numbers of frames after 0, and before it.

    Raises
    ------
    ValueError
        If the display has no frame rate, or no frame is shown in such a time.

    Examples
    --------
    >>> frame_times(Display(frame_rate=10), 0.3, lead_in=0.1)
    (-0.1, 0.0, 0.1, 0.2)
    """
    rate = frame_rate(display)
    if not (0 <= lead_in < math.inf and 0 < seconds < math.inf) or round(seconds * rate) < 1:
        raise ValueError(
            f"a movie lasts a frame at least, {1 / rate:g} s at {rate:g} Hz, and leads in for 0 s "
            f"or more; got {seconds:g} s, led in for {lead_in:g} s."
        )
    return tuple(frame / rate for frame in range(-round(lead_in * rate), round(seconds * rate)))


def check_temporal_nyquist(display: Display, temporal_frequency: Numbers) -> None:
    """Refuse a temporal frequency that the frames of a display cannot show.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    temporal_frequency : float or sequence of float
        In Hz.

    Raises
    ------
    ValueError
        If any is above half the frame rate, 1 / (2 dt).
    """
    rate = frame_rate(display)
    fastest = np.abs(column("temporal_frequency", temporal_frequency)).max(initial=0.0)
    if fastest > rate / 2 * (1 + 1e-9):
        raise ValueError(
            f"temporal_frequency {fastest:g} Hz is above what the display can show: {rate:g} "
            f"frames/s carry at most {rate / 2:g} Hz. Lower it, or raise the frame rate."
        )


def whole_cycles(
    display: Display, seconds: float, cycles: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Temporal frequencies that complete whole cycles while a movie is measured.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    seconds : float
        How long the movie is measured, as in `frame_times`.
    cycles : sequence of int
        How many cycles it shows.

    Returns
    -------
    array
        In Hz; those that the frames carry well, of at most 0.35 cycles a frame.
    """
    rate = frame_rate(display)
    frequencies = np.asarray(cycles, dtype=float) * rate / round(seconds * rate)
    return frequencies[frequencies <= FASTEST * rate * (1 + 1e-9)]
