"""Draw stimuli a few at a time, and know pictures again that were shown before."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from insilico.recording.forward import Forward
from insilico.recording.windows import Crop
from stimuli import StimulusSet
from stimuli.gratings import blank_screen

__all__ = ["fingerprints", "pictures"]

# Stimuli drawn at a time (or as many as are shown at a time), and the responses to them.
DRAWN = 64

DRAWN_BYTES = {"cpu": 8 * 2**20}

DEVICE_DRAWN_BYTES = 256 * 2**20

# Movies drawn at a time.
MOVIE_BYTES = 64 * 2**20


def pictures(
    forward: Forward, stimuli: StimulusSet, crop: Crop, *, n_units: int, done: int = 0
) -> Iterator[tuple[range, Tensor]]:
    """Draw the stimuli that are not done, some at a time, and after the last one the blank.

    Parameters
    ----------
    forward : Forward
        The model that they are for: pictures are drawn on its device.
    stimuli : StimulusSet
        What is drawn.
    crop : Crop
        The window of the display that is drawn.
    n_units : int
        How many units respond: the more there are, the fewer pictures at a time.
    done : int
        How many were shown before; more than there are stimuli if the blank was, too.

    Yields
    ------
    tuple of range and Tensor
        Which stimuli (the blank comes after the last), and their pictures, shape (n, channel,
        height, width), or movies, (n, frame, channel, height, width).
    """
    device = forward.device
    # At least a batch, so that a device with room for many pictures gets them.
    most = max(DRAWN, forward.batch(crop.window.height * crop.window.width))
    budget = DRAWN_BYTES.get(device.type, DEVICE_DRAWN_BYTES)
    size = int(np.clip(budget // (4 * max(n_units, 1)), 1, most))
    if stimuli.time:
        pixels = crop.window.height * crop.window.width * len(stimuli.time)
        size = int(np.clip(MOVIE_BYTES // (4 * pixels), 1, size))
    for start in range(done, len(stimuli), size):
        rows = range(start, min(start + size, len(stimuli)))
        part = slice(rows.start, rows.stop)
        yield rows, stimuli.images(part, window=crop.window, device=device)
    if done > len(stimuli):
        return
    last = range(len(stimuli), len(stimuli) + 1)
    blank = blank_screen(stimuli.display, window=crop.window, device=device)
    if stimuli.time:
        blank = blank[:, None].expand(1, len(stimuli.time), *blank.shape[1:])
    yield last, blank


def fingerprints(images: Tensor) -> list[tuple[float, ...]]:
    """Make two keys per picture: pictures with equal keys are the same.

    Parameters
    ----------
    images : Tensor, shape (n, channel, height, width)
        The pictures.

    Returns
    -------
    list of tuple of float
    """
    pixels = images.reshape(len(images), -1).double()
    return [tuple(key) for key in (pixels @ _projections(pixels.shape[1], pixels.device)).tolist()]


@lru_cache(maxsize=8)
def _projections(n_pixels: int, device: torch.device) -> Tensor:
    """Two random projections in double precision, (pixel, 2).

    Pictures that differ in any pixel by a step of float32 differ in both by far more than rounding,
    but for a chance of some 2^-80.
    """
    generator = torch.Generator().manual_seed(2)
    factors = torch.rand((n_pixels, 2), generator=generator, dtype=torch.float64) + 0.5
    return factors.to(device)
