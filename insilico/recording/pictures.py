"""Draw stimuli a few at a time, and know those again that were shown before."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.recording.forward import Forward
from insilico.recording.together import Together
from insilico.recording.windows import Crop
from stimuli import StimulusSet
from stimuli.gratings import blank_screen

__all__ = ["batches", "fingerprints", "first_alike", "pictures"]

# Stimuli drawn at a time (or as many as are shown at a time, or more in small windows: so many
# pixels), and the responses to them.
DRAWN = 64
DRAWN_PIXELS = 2**18

DRAWN_BYTES = {"cpu": 8 * 2**20}

DEVICE_DRAWN_BYTES = 256 * 2**20

# Movies drawn at a time.
MOVIE_BYTES = 64 * 2**20


def batches(
    forward: Forward, together: Together, crop: Crop, *, n_units: int, shown: range
) -> Iterator[range]:
    """Divide some stimuli, a few at a time, and after the last of all the blanks.

    Parameters
    ----------
    forward : Forward
        The model that they are for: pictures are drawn on its device.
    together : Together
        What is shown.
    crop : Crop
        The window of the display that is drawn.
    n_units : int
        How many units respond: the more there are, the fewer pictures at a time.
    shown : range
        Which stimuli; the numbers after the last are those of the blanks.

    Yields
    ------
    range
        Which stimuli; the blanks, one for each group, come after the last by themselves.
    """
    device, stimuli = forward.device, together.stimuli
    # At least a batch, so that a device with room for many pictures gets them.
    pixels = crop.window.height * crop.window.width
    most = max(DRAWN, forward.batch(pixels), DRAWN_PIXELS // pixels)
    budget = DRAWN_BYTES.get(device.type, DEVICE_DRAWN_BYTES)
    size = int(np.clip(budget // (4 * max(n_units, 1)), 1, most))
    if stimuli.time:
        size = int(np.clip(MOVIE_BYTES // (4 * pixels * len(stimuli.time)), 1, size))
    for some in (
        range(shown.start, min(shown.stop, len(stimuli))),
        range(max(shown.start, len(stimuli)), shown.stop),
    ):
        for start in some[::size]:
            yield range(start, min(start + size, some.stop))


def pictures(stimuli: StimulusSet, crop: Crop, rows: Sequence[int], device: torch.device) -> Tensor:
    """Draw some stimuli, or blanks.

    Parameters
    ----------
    stimuli : StimulusSet
        What is drawn.
    crop : Crop
        The window of the display that is drawn.
    rows : sequence of int
        Which; the numbers after the last are those of blanks, which are drawn by themselves.
    device : torch device
        Where to draw.

    Returns
    -------
    Tensor
        Pictures, shape (n, channel, height, width), or movies, (n, frame, channel, height, width).
    """
    if rows[0] < len(stimuli):
        return stimuli.images(rows, window=crop.window, device=device)
    blank = blank_screen(stimuli.display, window=crop.window, device=device)
    if stimuli.time:
        blank = blank[:, None].expand(1, len(stimuli.time), *blank.shape[1:])
    return blank.expand(len(rows), *blank.shape[1:])


def first_alike(together: Together, crop: Crop, done: int) -> list[int]:
    """Tell which of the stimuli that are not done show the same, before any is drawn.

    Parameters
    ----------
    together : Together
        What is shown.
    crop : Crop
        The window of the display that is drawn.
    done : int
        How many were shown before.

    Returns
    -------
    list of int
        Of each the first that shows its group the same; the blanks, which are the last, are told by
        their pixels.
    """
    n = len(together.stimuli)
    alike = together.stimuli.first_alike(crop.window)
    alike = (alike * together.n_groups + together.shown_to(range(n)))[done:]
    _, index, number = np.unique(alike, return_index=True, return_inverse=True)
    return [*range(min(done, n)), *(done + index[number]).tolist(), *range(n, together.end)]


def fingerprints(images: Tensor, groups: npt.NDArray[np.intp]) -> list[tuple[float, ...]]:
    """Make two keys per picture: pictures with equal keys are the same, and shown to the same.

    Parameters
    ----------
    images : Tensor, shape (n, channel, height, width)
        The pictures.
    groups : array, shape (n,)
        The group of units that each is shown to.

    Returns
    -------
    list of tuple of float
    """
    pixels = images.reshape(len(images), -1).double()
    keys = pixels @ _projections(pixels.shape[1], pixels.device)
    # The same picture is another one for other units, who have not answered it.
    apart = 1 + torch.from_numpy(groups).to(keys.device)[:, None]
    return [tuple(key) for key in ((1 + keys) * apart).tolist()]


@lru_cache(maxsize=8)
def _projections(n_pixels: int, device: torch.device) -> Tensor:
    """Two random projections in double precision, (pixel, 2).

    Pictures that differ in any pixel by a step of float32 differ in both by far more than rounding,
    but for a chance of some 2^-80.
    """
    generator = torch.Generator().manual_seed(2)
    factors = torch.rand((n_pixels, 2), generator=generator, dtype=torch.float64) + 0.5
    return factors.to(device)
