"""
A stimulus and a protocol of your own
=====================================

Bend a grating, show it to every unit at the orientation and frequency that it prefers, and measure
what it loses.
"""

# %%
# A stimulus is a function from a display and parameters to images, with one value per stimulus for
# each parameter. This one is a grating whose bars are arcs: straight at curvature 0, circles about
# a point ``1/curvature`` deg away otherwise. The distance between arcs is the same everywhere, and
# so is the spatial frequency.

import numpy as np
import torch

import insilico
from insilico.experiments.gratings import (
    ORIENTATION,
    PHASES,
    SPATIAL_FREQUENCY,
    preferred_grating,
)
from insilico.experiments.responsive import exceeds_threshold
from insilico.figures import contact_sheet, style, tuning_curve
from insilico.tuning.curves import dominant_component
from stimuli import Display, Position, aperture, factorial
from stimuli.apertures import axes, tables
from stimuli.gratings import check_nyquist, compose
from stimuli.parameters import column


def arcs(display, *, curvature, orientation, spatial_frequency, phase, diameter, x, y, **where):
    check_nyquist(display, orientation=0, spatial_frequency=spatial_frequency)
    angle = np.deg2rad(column("orientation", orientation))[:, None]
    device = where["device"]
    dx, dy = axes(display, x, y, where["window"])
    sin_x, cos_y = tables(device, np.sin(angle) * dx, np.cos(angle) * dy)
    cos_x, sin_y = tables(device, np.cos(angle) * dx, np.sin(angle) * dy)
    across, along = sin_x - cos_y, cos_x + sin_y
    bend, turn, start = (
        torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
        for values in (
            column("curvature", curvature),
            2 * np.pi * column("spatial_frequency", spatial_frequency),
            np.deg2rad(column("phase", phase)),
        )
    )
    # The distance from the arc through the anchor; this form of it is exact at curvature 0, too.
    squares = 2 * across + bend * (across**2 + along**2)
    distance = squares / (1 + torch.sqrt(1 + bend * squares))
    seen = aperture(display, diameter=diameter, x=x, y=y, **where)
    return compose(display, torch.cos(turn * distance + start) * seen)


# %%
# A protocol says what is shown, which curve the responses give, and what is measured on it. With
# ``after`` and ``prefer``, stimuli are made for what each unit preferred in an earlier protocol.


def bent(display, position, *, orientation, spatial_frequency):
    return factorial(
        "arcs",
        display,
        arcs,
        {"curvature": np.linspace(0, 2, 9), "phase": PHASES},
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        diameter=4.0,
        x=position.x,
        y=position.y,
    )


def loss_by_curvature(curve):
    """Share of the response to straight bars that is lost at a curvature of 2 per deg."""
    loss = 1 - curve.sel(curvature=2) / curve.sel(curvature=0)
    return loss.rename("loss_by_curvature").assign_attrs(long_name="Loss by curvature", units="1")


CURVATURE = insilico.Protocol(
    name="curvature",
    stimuli=bent,
    curve=dominant_component,
    properties=(loss_by_curvature,),
    responsive=exceeds_threshold,
    citation="this page",
    after=("orientation", "spatial_frequency"),
    prefer=preferred_grating,
)
battery = insilico.Battery("curvature", protocols=(ORIENTATION, SPATIAL_FREQUENCY, CURVATURE))

display = Display.square(pixels=64, degrees=8)
contact_sheet(bent(display, Position(), orientation=90, spatial_frequency=1))

# %%
# Run it as any other battery.

model = insilico.load_model("textbook", pixels=64, n=48)
results = insilico.run(model, battery=battery)
print(results.units["loss_by_curvature"].quantile([0.25, 0.5, 0.75]).values.round(2))

# %%
# The curve of one unit.

unit = int(abs(results.units["loss_by_curvature"] - 0.5).argmin("unit"))
with style():
    ax = tuning_curve(results.curves["curvature"][unit])
