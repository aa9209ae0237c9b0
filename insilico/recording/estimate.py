"""What a recording will take, from the time of a few pictures."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.pictures import pictures
from insilico.recording.windows import Crop
from stimuli import StimulusSet

__all__ = ["Estimate", "seconds_per_picture"]

# Pictures by which the seconds of a recording are estimated, and how often they are shown.
TIMED = 64
TIMES = 3

# Where a picture takes so many seconds, one is enough.
LONG = 0.1


@dataclass(frozen=True)
class Estimate:
    """What a recording will take.

    Parameters
    ----------
    n_stimuli : int
        Stimuli to be shown.
    n_pictures : int
        Different pictures among them, as far as their parameters tell.
    seconds : float
        For the forward passes, by the time of a few.
    n_bytes : int
        For the responses that are kept.
    """

    n_stimuli: int
    n_pictures: int
    seconds: float
    n_bytes: int

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(
            self.n_stimuli + other.n_stimuli,
            self.n_pictures + other.n_pictures,
            self.seconds + other.seconds,
            self.n_bytes + other.n_bytes,
        )

    def times(self, n: int) -> "Estimate":
        """Say what ``n`` such recordings take."""
        return Estimate(self.n_stimuli * n, self.n_pictures * n, self.seconds * n, self.n_bytes * n)

    def __str__(self) -> str:
        return (
            f"{self.n_stimuli} stimuli, about {self.n_pictures} different pictures, about "
            f"{self.seconds:.0f} s, {self.n_bytes / 2**20:.0f} MiB of responses"
        )


def seconds_per_picture(forward: Forward, place: Place, crop: Crop, stimuli: StimulusSet) -> float:
    """Measure how long a picture takes to be drawn and shown, from a few of a set.

    Parameters
    ----------
    forward : Forward
        The model, ready.
    place : Place
        What is read of it.
    crop : Crop
        The window that is shown.
    stimuli : StimulusSet
        Of movies a picture is shown, which takes some frames as well.

    Returns
    -------
    float
        In s.
    """
    window = crop.window
    n = min(TIMED, forward.batch(window.height * window.width), max(1, len(stimuli)))
    rows = np.linspace(0, len(stimuli) - 1, n).astype(np.intp)
    noise = torch.rand((n, 1, window.height, window.width))
    drawn = len(stimuli) > 0 and not stimuli.time

    def taken(n: int) -> float:
        started = time.perf_counter()
        images = pictures(stimuli, crop, rows[:n].tolist(), forward.device) if drawn else noise[:n]
        # A GPU has only begun when it returns.
        forward.record(images, place.layers, place.take).cpu()
        return time.perf_counter() - started

    with crop.applied(forward):
        taken(1)  # imports what draws
        once = taken(1)
        if once > LONG:
            return once
        # Other work on the machine makes some of them longer.
        return min(taken(n) for _ in range(TIMES)) / n
