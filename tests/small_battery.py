"""A battery that is recorded in a moment: all responses, the best, and what units prefer."""

import numpy as np
import pandas as pd
import torch
from torch import nn

import insilico
from insilico.recording.reductions import Maximum
from insilico.tuning.properties.values import per_unit
from stimuli import Display, factorial, grating

DISPLAY = Display.square(32, 4)


def gratings(display, position, *, spatial_frequency=1.0):
    """Gratings of every orientation and phase."""
    factors = {"orientation": np.arange(0, 180, 22.5), "phase": np.arange(0, 360, 45)}
    return factorial(
        "gratings", display, grating, factors,
        spatial_frequency=spatial_frequency, diameter=3.0, x=position.x, y=position.y,
    )  # fmt: skip


def frequencies(display, position):
    """Gratings of every spatial frequency."""
    factors = {
        "spatial_frequency": [0.5, 1.0, 2.0],
        "orientation": np.arange(0, 180, 22.5),
        "phase": np.arange(0, 360, 45),
    }
    return factorial(
        "frequencies", display, grating, factors, diameter=3.0, x=position.x, y=position.y
    )


def best(curve):
    """Spatial frequency of the largest response."""
    value = curve.idxmax("spatial_frequency")
    return per_unit(curve, "best_frequency", value, "Best frequency", "cpd")


def largest(curve):
    """Largest response."""
    return per_unit(curve, "largest", curve.max("orientation"), "Largest response", "activation")


def total(curve):
    """Sum of all responses."""
    return per_unit(curve, "total", curve.sum("orientation"), "Total", "activation")


def exceeds_blank(curve):
    """Whether a unit responds."""
    return curve.max([name for name in curve.dims if name != "unit"]) > curve["blank"]


def at_the_best(units):
    """What each unit prefers."""
    return pd.DataFrame({"spatial_frequency": units["best_frequency"].to_numpy()})


def protocol(name, **options):
    return insilico.Protocol(
        name=name, question="", citation="", scale="activations", responsive=exceeds_blank,
        **options,
    )  # fmt: skip


BATTERY = insilico.Battery(
    "small",
    (
        protocol(
            "frequency",
            stimuli=frequencies,
            curve=lambda response: response.max("orientation"),
            properties=(best,),
            reduction=Maximum(("phase",)),
        ),
        protocol(
            "mean",
            stimuli=gratings,
            curve=lambda response: response.mean("phase", keep_attrs=True),
            properties=(total,),
        ),
        protocol(
            "orientation",
            stimuli=gratings,
            curve=lambda response: response.max("phase", keep_attrs=True),
            properties=(largest,),
            after="frequency",
            prefer=at_the_best,
        ),
    ),
    rates_from=None,
)


class Filters(nn.Module):
    """Random filters; with noise, if asked for."""

    def __init__(self, n=4, noise=0.0):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.filters = nn.Conv2d(1, n, 9, padding=4, bias=False)
        weight = torch.randn(self.filters.weight.shape, generator=generator)
        self.filters.weight = nn.Parameter(weight - weight.mean((1, 2, 3), keepdim=True))
        self.rectified = nn.ReLU()
        self.noise = noise
        # Of its own: no seed of ours reaches it.
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, images):
        found = self.filters(images)
        if self.noise:
            drawn = torch.randn(found.shape, generator=self.generator) + torch.randn(found.shape)
            found = found + self.noise * drawn
        return self.rectified(found)


def run(model=None, **options):
    """Record it."""
    options = {
        "layers": ["rectified"],
        "battery": BATTERY,
        "display": DISPLAY,
        "batch_size": 32,
    } | options
    return insilico.run(Filters() if model is None else model, **options)
