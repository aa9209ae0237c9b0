"""Gratings, plaids and bars that move: movies, frame by frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.bars import rectangle
from stimuli.display import Display, Window
from stimuli.frames import check_temporal_nyquist, frame_rate
from stimuli.gratings import carrier, compose, depths
from stimuli.parameters import Numbers, column, drawing

__all__ = [
    "counterphase_grating",
    "drifting_grating",
    "drifting_plaid",
    "frames_of",
    "moving_bar",
]

Movies = Float[Tensor, "n frame channel height width"]
Columns = dict[str, npt.NDArray[np.float64]]


@drawing
def drifting_grating(
    display: Display,
    *,
    time: Sequence[float],
    direction: Numbers,
    spatial_frequency: Numbers,
    temporal_frequency: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Movies:
    """Draw gratings that drift behind a disk that stays.

    Parameters
    ----------
    display : Display
        The screen, with a frame rate.
    time : sequence of float
        When the frames are shown, in s.
    direction : float or sequence of float
        Heading of the motion, in deg counter-clockwise from rightward; the bars lie across it.
    spatial_frequency : float or sequence of float
        In cpd.
    temporal_frequency : float or sequence of float
        In Hz; below 0 the grating moves the other way.
    phase : float or sequence of float
        At (x, y) and time 0, in deg: 0 puts a bright bar there.
    contrast, diameter, x, y, window, device
        As in `grating`.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1]; every parameter may be one value per movie.

    Raises
    ------
    ValueError
        If the pixels or the frames of the display cannot show the frequencies, or the display
        the contrast.

    Examples
    --------
    >>> from stimuli import Display, frame_times
    >>> screen = Display(frame_rate=60)
    >>> times = frame_times(screen, 0.5)
    >>> movie = drifting_grating(
    ...     screen, time=times, direction=[0, 90], spatial_frequency=2, temporal_frequency=4
    ... )
    >>> tuple(movie.shape)
    (2, 30, 1, 224, 224)
    """
    check_temporal_nyquist(display, temporal_frequency)
    given = _columns(
        direction=direction,
        spatial_frequency=spatial_frequency,
        temporal_frequency=temporal_frequency,
        phase=phase,
        x=x,
        y=y,
    )
    place: dict[str, Any] = {"window": window, "device": device}
    pattern = _drifting(display, time, given, **place)
    seen = aperture(display, diameter=diameter, x=x, y=y, **place)
    [depth] = depths(display, contrast, device=device)
    return frames_of(display, depth[:, None] * pattern * seen[:, None])


@drawing
def counterphase_grating(
    display: Display,
    *,
    time: Sequence[float],
    orientation: Numbers,
    spatial_frequency: Numbers,
    temporal_frequency: Numbers,
    phase: Numbers = 0.0,
    contrast: Numbers = 1.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Movies:
    """Draw gratings that stay where they are and reverse their contrast, as a cosine of time.

    They are the sum of two gratings of half the contrast that drift against each other.

    Parameters
    ----------
    display, time, spatial_frequency, contrast, diameter, x, y, window, device
        As in `drifting_grating`.
    orientation : float or sequence of float
        Of the bars, in deg counter-clockwise from horizontal.
    temporal_frequency : float or sequence of float
        Cycles of contrast per second, in Hz; full contrast at time 0.
    phase : float or sequence of float
        As in `grating`.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        As in `drifting_grating`.
    """
    check_temporal_nyquist(display, temporal_frequency)
    place: dict[str, Any] = {"x": x, "y": y, "window": window, "device": device}
    pattern = carrier(
        display, orientation=orientation, spatial_frequency=spatial_frequency, phase=phase, **place
    )
    rate = column("temporal_frequency", temporal_frequency)[:, None]
    course = np.cos(2 * np.pi * rate * np.asarray(time)).astype(np.float32)
    swing = torch.as_tensor(course, device=device)[:, :, None, None]
    [depth] = depths(display, contrast, device=device)
    still = depth * pattern * aperture(display, diameter=diameter, **place)
    return frames_of(display, swing * still[:, None])


@drawing
def drifting_plaid(
    display: Display,
    *,
    time: Sequence[float],
    direction: Numbers,
    spatial_frequency: Numbers,
    temporal_frequency: Numbers,
    plaid_angle: Numbers = 120.0,
    phase: Numbers = 0.0,
    mask_phase: Numbers = 0.0,
    contrast: Numbers = 0.5,
    mask_contrast: Numbers = 0.5,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Movies:
    """Draw two superimposed gratings that drift in directions on either side of the plaid's own.

    Parameters
    ----------
    display, time, spatial_frequency, temporal_frequency, diameter, x, y, window, device
        As in `drifting_grating`; both gratings have the same frequencies.
    direction : float or sequence of float
        Of the pattern, in deg: the gratings drift half of ``plaid_angle`` to either side of it.
    plaid_angle : float or sequence of float
        Between the directions of the gratings, in deg; at 0 they are one.
    phase, mask_phase : float or sequence of float
        Of the grating on the counter-clockwise side and of the other, as in `drifting_grating`.
    contrast, mask_contrast : float or sequence of float
        Likewise.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        As in `drifting_grating`; and if the contrasts add up to more than the display can show.
    """
    check_temporal_nyquist(display, temporal_frequency)
    place: dict[str, Any] = {"window": window, "device": device}
    shared = _columns(
        direction=direction,
        spatial_frequency=spatial_frequency,
        temporal_frequency=temporal_frequency,
        plaid_angle=plaid_angle,
        phase=phase,
        mask_phase=mask_phase,
        x=x,
        y=y,
    )
    half = shared.pop("plaid_angle") / 2
    other = shared | {"phase": shared["mask_phase"], "direction": shared["direction"] - half}
    shared["direction"] = shared["direction"] + half
    one, two = (_drifting(display, time, each, **place) for each in (shared, other))
    depth, mask_depth = (
        each[:, None] for each in depths(display, contrast, mask_contrast, device=device)
    )
    seen = aperture(display, diameter=diameter, x=x, y=y, **place)[:, None]
    return frames_of(display, (depth * one + mask_depth * two) * seen)


@drawing
def moving_bar(
    display: Display,
    *,
    time: Sequence[float],
    direction: Numbers,
    speed: Numbers,
    length: Numbers,
    width: Numbers,
    passes: Numbers = 0.5,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Movies:
    """Draw light and dark bars that move across themselves.

    Parameters
    ----------
    display, time, window, device
        As in `drifting_grating`.
    direction : float or sequence of float
        Heading of the motion, in deg; the bar lies across it.
    speed : float or sequence of float
        In deg/s.
    length, width, contrast : float or sequence of float
        As in `bar`.
    passes : float or sequence of float
        When the middle of the bar is at (x, y), in s.
    x, y : float or sequence of float
        The place that it passes, in deg.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display has no frame rate, or cannot show the contrast.
    """
    frame_rate(display)
    given = _columns(
        direction=direction, speed=speed, length=length, width=width, passes=passes, x=x, y=y
    )
    moments = np.asarray(time, dtype=float)
    way = given["speed"][:, None] * (moments - given["passes"][:, None])
    heading = np.deg2rad(given["direction"])[:, None]
    n, frames = way.shape
    seen = rectangle(
        display,
        length=np.repeat(given["length"], frames),
        width=np.repeat(given["width"], frames),
        orientation=np.repeat(given["direction"] + 90, frames),
        x=(given["x"][:, None] + way * np.cos(heading)).ravel(),
        y=(given["y"][:, None] + way * np.sin(heading)).ravel(),
        window=window,
        device=device,
    )
    [depth] = depths(display, contrast, signed=True, device=device)
    return frames_of(display, depth[:, None] * seen.reshape(n, frames, *seen.shape[1:]))


def frames_of(display: Display, modulation: Float[Tensor, "n frame height width"]) -> Movies:
    """Turn modulation about the background into the frames that the display shows.

    Parameters
    ----------
    display : Display
        The screen.
    modulation : Tensor, shape (n, frame, height, width)
        As for `compose`.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width)
        Images in [0, 1].
    """
    images = compose(display, modulation.flatten(0, 1))
    return images.reshape(*modulation.shape[:2], *images.shape[1:])


def _columns(**given: Numbers) -> Columns:
    """Parameters as vectors of one length, that of the longest."""
    sizes = ("length", "width")
    columns = {name: column(name, value, size=name in sizes) for name, value in given.items()}
    n = max(len(each) for each in columns.values())
    return {name: np.broadcast_to(each, n) for name, each in columns.items()}


def _drifting(
    display: Display, time: Sequence[float], given: Columns, **place: Any
) -> Float[Tensor, "n frame height width"]:
    """Sinusoids that fill the display and drift."""
    moments = np.asarray(time, dtype=float)
    phase = given["phase"][:, None] - 360 * given["temporal_frequency"][:, None] * moments
    n, frames = phase.shape
    x, y, frequency, heading = (
        np.repeat(given[name], frames) for name in ("x", "y", "spatial_frequency", "direction")
    )
    # The carrier axis points along orientation - 90 deg: along the direction.
    pattern = carrier(
        display,
        orientation=heading + 90,
        spatial_frequency=frequency,
        phase=phase.ravel(),
        x=x,
        y=y,
        **place,
    )
    return pattern.reshape(n, frames, *pattern.shape[1:])
