"""What is kept of a recording: every response, the best of some, or what goes with it."""

from dataclasses import dataclass

__all__ = ["Ascent", "Correlation", "Harmonics", "Maximum", "Reduction"]


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


@dataclass(frozen=True)
class Correlation:
    """Keep what of mosaics goes with the rectified response: maps in place of every frame.

    For stimuli of `stimuli.mosaics`, whose factors are ``technique``, ``frame`` and ``polarity``.

    Parameters
    ----------
    shuffles : int
        How often responses are paired with frames that were not shown, for what chance gives.
    gradient_frames : int
        Frames of white noise, in both polarities, over which the gradient of the response is
        averaged.
    over : tuple of str
        The factor that gives way to maps.
    """

    shuffles: int = 19
    gradient_frames: int = 16
    over: tuple[str, ...] = ("frame",)


@dataclass(frozen=True)
class Ascent:
    """Keep what each unit likes best, found by climbing its response from the frames shown.

    For stimuli of `stimuli.mosaics`, whose factor is ``start``.

    Parameters
    ----------
    steps : int
        From each start.
    rms : float
        Root mean square contrast over the square: the norm.
    contrast : float
        Of the lightest and the darkest element at most.
    blur : float
        Standard deviation, in elements, of what the pictures are smoothed with.
    over : tuple of str
        The factor that gives way to pictures.
    """

    steps: int = 60
    rms: float = 0.1
    contrast: float = 1.0
    blur: float = 0.6
    over: tuple[str, ...] = ("start",)


Reduction = Maximum | Harmonics | Correlation | Ascent
