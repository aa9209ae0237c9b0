"""Chirps: light or gratings whose frequency and contrast sweep in the course of a movie."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.apertures import aperture
from stimuli.display import Display, Window
from stimuli.frames import check_temporal_nyquist
from stimuli.gratings import carrier, depths
from stimuli.moving import frames_of
from stimuli.parameters import Numbers, column, drawing

__all__ = ["chirp"]


@drawing
def chirp(
    display: Display,
    *,
    time: Sequence[float],
    temporal_frequency: Numbers,
    last_temporal_frequency: Numbers,
    duration: Numbers,
    first_contrast: Numbers = 1.0,
    contrast: Numbers = 1.0,
    spatial_frequency: Numbers = 0.0,
    orientation: Numbers = 0.0,
    phase: Numbers = 0.0,
    diameter: Numbers = float("inf"),
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n frame channel height width"]:
    """Draw light, or gratings, that reverse ever faster, or with ever more contrast.

    Parameters
    ----------
    display, time, spatial_frequency, diameter, x, y, window, device
        As in `drifting_grating`. A spatial frequency of 0 is uniform light.
    temporal_frequency, last_temporal_frequency : float or sequence of float
        Reversals of contrast per second, in Hz, at 0 s and at the end; in between, and only there,
        they change evenly.
    duration : float or sequence of float
        When the end is reached, in s.
    first_contrast, contrast : float or sequence of float
        Contrast at 0 s and at the end, likewise.
    orientation, phase : float or sequence of float
        As in `grating`.

    Returns
    -------
    Tensor, shape (n, frame, channel, height, width), float32
        Images in [0, 1]. Full light at time 0.

    Raises
    ------
    ValueError
        If the pixels or the frames of the display cannot show the frequencies, or the display the
        contrast; or if the duration is not above 0.

    Examples
    --------
    >>> from stimuli import Display, frame_times
    >>> screen = Display(frame_rate=60)
    >>> movie = chirp(
    ...     screen,
    ...     time=frame_times(screen, 2.0),
    ...     temporal_frequency=0.5,
    ...     last_temporal_frequency=8,
    ...     duration=2.0,
    ... )
    >>> tuple(movie.shape)
    (1, 120, 1, 224, 224)
    """
    check_temporal_nyquist(display, temporal_frequency)
    check_temporal_nyquist(display, last_temporal_frequency)
    end = column("duration", duration)[:, None]
    if not (end > 0).all():
        raise ValueError(f"duration must be above 0 s; got {end.min():g}.")
    first, last = (
        column("temporal_frequency", each)[:, None]
        for each in (temporal_frequency, last_temporal_frequency)
    )
    moments = np.asarray(time, dtype=float)
    swept = np.clip(moments / end, 0, 1)
    # The integral of a frequency that grows evenly, and stays when the end is reached.
    cycles = first * moments + (last - first) * (end * swept**2 / 2 + np.maximum(moments - end, 0))
    course = torch.as_tensor(np.cos(2 * np.pi * cycles).astype(np.float32), device=device)
    share = torch.as_tensor(swept.astype(np.float32), device=device)
    place: dict[str, Any] = {"x": x, "y": y, "window": window, "device": device}
    pattern = carrier(
        display, orientation=orientation, spatial_frequency=spatial_frequency, phase=phase, **place
    )
    still = pattern * aperture(display, diameter=diameter, **place)
    # One after the other: they are never shown together.
    [at_first] = depths(display, first_contrast, device=device)
    [at_last] = depths(display, contrast, device=device)
    begun, reached = (each.reshape(-1, 1) for each in (at_first, at_last))
    swing = (begun + (reached - begun) * share) * course
    return frames_of(display, swing[:, :, None, None] * still[:, None])
