"""Recording many populations at one site: what pictures leave there is kept, and shown to each."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import pandas as pd
import torch
import xarray as xr

from insilico.models.mechanistic.hyper_parameters import SUBCORTICAL, HyperParameters
from insilico.models.mechanistic.module import MechanisticV1, Seen
from insilico.recording.schema import label
from stimuli import Display, Position, StimulusSet

__all__ = ["Recorder", "recorder"]

Recorder = Callable[[Callable[..., StimulusSet], Position], xr.DataArray]

# Pictures that pass the subcortical stage at a time.
AT_A_TIME = 32

# Sets of pictures that are kept: those of the grating experiments.
SETS = 3

PIXELS, DEGREES = 224, 8.0


class Kept(NamedTuple):
    """A set of pictures, and what each leaves at the site; the blank comes last."""

    stimuli: StimulusSet
    seen: Seen


def recorder(
    said: HyperParameters, *, n: int, seed: int, position: Position, background: float
) -> Recorder:
    """Draw a population, and make ready to record it.

    Parameters
    ----------
    said : HyperParameters
        What the population is drawn from.
    n : int
        Number of units.
    seed : int
        Of the draw.
    position : Position
        The site that is recorded is the one nearest to it.
    background : float
        Luminance of the blank display.

    Returns
    -------
    callable
        Takes the ``stimuli`` of a protocol and where they are shown, and records as a probe does.
        Pictures pass the subcortical stage and the channels of the suppression once for all
        populations with the same ones that are recorded in a row.
    """
    model = MechanisticV1(pixels=PIXELS, degrees=DEGREES, n=n, seed=seed, hyper_parameters=said,
                          at=position)  # fmt: skip
    subcortical = tuple(getattr(said, name) for name in SUBCORTICAL)
    units = pd.DataFrame({"layer": "output", "channel": range(n), "row": 0, "column": 0,
                          "x": position.x, "y": position.y})  # fmt: skip

    def record(stimuli: Callable[..., StimulusSet], shown_at: Position) -> xr.DataArray:
        kept = _kept(stimuli, shown_at, background, position, subcortical)
        with torch.inference_mode():
            answers = model.answers(kept.seen).T.numpy()
        dims = kept.stimuli.dims
        return label(
            answers[:, :-1],
            conditions=kept.stimuli.conditions[list(dims)],
            dims=dims,
            units=units,
            blank=answers[:, -1],
            attrs={},
        )

    return record


@lru_cache(maxsize=SETS)
def _kept(
    stimuli: Callable[..., StimulusSet],
    shown_at: Position,
    background: float,
    position: Position,
    subcortical: tuple[float, ...],
) -> Kept:
    said: Mapping[str, float] = dict(zip(SUBCORTICAL, subcortical, strict=True))
    model = MechanisticV1(pixels=PIXELS, degrees=DEGREES, n=1, at=position, hyper_parameters=said)
    drawn = stimuli(Display.square(PIXELS, DEGREES, background=background), shown_at)
    blank = torch.full((1, 1, PIXELS, PIXELS), background)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(drawn), AT_A_TIME):
            images = drawn.images(slice(start, start + AT_A_TIME)).mean(1, keepdim=True)
            parts.append(model.seen(2 * images - 1))
        parts.append(model.seen(2 * blank - 1))
    windows = {
        kernel: torch.cat([part.windows[kernel] for part in parts]) for kernel in parts[0].windows
    }
    return Kept(drawn, Seen(windows, torch.cat([part.pooled for part in parts])))
