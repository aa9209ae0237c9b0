"""What a recording will take, from the time of a few pictures."""

import time
from dataclasses import dataclass

import torch

from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.windows import Crop

__all__ = ["Estimate", "seconds_per_picture"]

# Random pictures by which the seconds of a recording are estimated.
TIMED = 16


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


def seconds_per_picture(forward: Forward, place: Place, crop: Crop) -> float:
    """Measure how long a picture takes, from a few random ones.

    Parameters
    ----------
    forward : Forward
        The model, ready.
    place : Place
        What is read of it.
    crop : Crop
        The window that is shown.

    Returns
    -------
    float
        In s.
    """
    height, width = crop.window.height, crop.window.width
    images = torch.rand((TIMED, 1, height, width))[: forward.batch(height * width)]
    with crop.applied(forward):
        forward.record(images[:1], place.layers, place.take)
        started = time.perf_counter()
        forward.record(images, place.layers, place.take)
    return (time.perf_counter() - started) / len(images)
