"""Batteries that show everything several times, for models whose noise is their own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Protocol
from insilico.recording.reductions import Maximum
from stimuli import Display, Position, StimulusSet

__all__ = ["repeated"]


@dataclass(frozen=True)
class Repeated:
    """Makes the stimuli of a protocol, each several times; equal for equal stimuli."""

    stimuli: Callable[..., StimulusSet]
    n: int

    def __call__(self, display: Display, position: Position, **preference: Any) -> StimulusSet:
        once = self.stimuli(display, position, **preference)
        table = once.conditions.loc[once.conditions.index.repeat(self.n)]
        return replace(
            once,
            conditions=table.assign(trial=np.tile(np.arange(self.n), len(once))).reset_index(
                drop=True
            ),
            dims=(*once.dims, "trial"),
            labels=(*once.labels, "trial"),
        )


@dataclass(frozen=True)
class OverTrials:
    """Takes the curve of a protocol of the mean of its trials."""

    curve: Callable[..., xr.DataArray]

    def __call__(self, response: xr.DataArray, *others: xr.DataArray) -> xr.DataArray:
        return self.curve(response.mean("trial", keep_attrs=True), *others)


def repeated(battery: Battery, n: int, display: Display) -> Battery:
    """Show everything in a battery several times, and take curves of the mean of the trials.

    Parameters
    ----------
    battery : Battery
        The whole.
    n : int
        How often.
    display : Display
        The screen.

    Returns
    -------
    Battery
        Protocols that repeat what they show already, and those of which maps or pictures are kept,
        are as they were.
    """

    def several(protocol: Protocol) -> Protocol:
        dims = battery.example(protocol.name, display, Position()).dims
        kept = protocol.reduction is None or isinstance(protocol.reduction, Maximum)
        if "trial" in dims or not kept:
            return protocol
        return replace(
            protocol,
            stimuli=Repeated(protocol.stimuli, n),
            curve=OverTrials(protocol.curve),
        )

    return replace(
        battery,
        protocols=tuple(several(each) for each in battery.protocols),
        known=battery.rehearsed,
    )
