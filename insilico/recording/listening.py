"""Listen to a few units while pictures come one after the other: nothing is set up for each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor

from insilico.recording.crops import Crops
from insilico.recording.forward import Forward

__all__ = ["Respond", "listening"]

# Stimuli that are expected: an hour at 30 a second, so that distant units have crops of their own.
MANY = 30 * 3600

Respond = Callable[[Tensor], npt.NDArray[np.float32]]


@contextmanager
def listening(forward: Forward, crops: Crops, units: pd.DataFrame) -> Iterator[Respond]:
    """Find once where units sit and what they are shown, and hold the model ready.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    crops : Crops
        What its units are shown.
    units : DataFrame
        Those that are listened to.

    Yields
    ------
    callable
        ``respond(pictures)``: pictures of the whole display, (n, channel, height, width), to raw
        activations, float32 (n, unit).
    """
    layered = [
        (crop, members, crops.place(units.iloc[members]))
        for crop, members in crops.passes(units, MANY)
    ]

    def respond(pictures: Tensor) -> npt.NDArray[np.float32]:
        responses = np.empty((len(pictures), len(units)), dtype=np.float32)
        for crop, members, place in layered:
            shown = pictures[..., crop.window.rows, crop.window.columns]
            with crop.applied(forward):
                found = forward.record(shown, place.layers, place.take)
            responses[:, members[place.order]] = found.cpu().numpy()
        return responses

    with forward.ready():
        yield respond
