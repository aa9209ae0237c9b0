"""Cells of known normalization, shown stimuli from pixels and in closed form."""

import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import xarray as xr

from insilico.experiments.measuring import measure, with_given
from insilico.models.textbook.closed_form import recorded
from insilico.models.textbook.normalization import NormalizedPopulation
from insilico.recording.schema import label
from stimuli import Display, Position

DISPLAY = Display.square(96, 6)


def labelled(responses, stimuli):
    """Label responses of cells at one place, in spikes/s."""
    return label(
        responses,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=pd.DataFrame(
            {
                "layer": "v1",
                "channel": range(len(responses)),
                "row": 0,
                "column": 0,
                "x": 0.0,
                "y": 0.0,
            }
        ),
        blank=np.zeros(len(responses)),
        attrs={"units": "spikes/s"},
    )


def pixels(unit, stimuli, **kind):
    """Responses of a cell to pictures."""
    model = NormalizedPopulation(units=unit, **kind)
    with torch.inference_mode():
        parts = [model(stimuli.images(slice(k, k + 64))) for k in range(0, len(stimuli), 64)]
    return torch.cat(parts).double().numpy().T


def filters(unit, stimuli):
    """Responses of the same cell without pool and surround, from pictures."""
    return pixels(unit, stimuli, normalized=False)


def both(protocol, units, truth=recorded, given=None, **fixed):
    """Properties of each unit, shown its own grating: from pixels, and in closed form."""
    found = [known_by(each, protocol, units, given, **fixed) for each in (pixels, truth)]
    return {name: np.stack([each[name] for each in found]) for name in found[0]}


def known_by(respond, protocol, units, given=None, **fixed):
    """Properties of each unit, shown its own grating, from responses of one kind."""
    taken = inspect.signature(protocol.stimuli).parameters
    rows = []
    for i in range(len(units)):
        unit = units.iloc[[i]]
        preference = {
            k: float(unit[k].iloc[0]) for k in ("orientation", "spatial_frequency") if k in taken
        }
        place = Position(float(unit["x"].iloc[0]), float(unit["y"].iloc[0]))
        stimuli = protocol.stimuli(DISPLAY, place, **preference, **fixed)
        known = xr.Dataset({k: ("unit", [v]) for k, v in (given or {}).items()})
        recording = with_given(protocol, labelled(respond(unit, stimuli), stimuli), known)
        properties = measure(protocol, recording).properties
        rows.append({name: value.item() for name, value in properties.items()})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def fine_pixels(unit, stimuli):
    """Responses on a display of twice the resolution: edges are twice as fine."""
    fine = Display.square(2 * DISPLAY.height, DISPLAY.degrees[0])
    shown = replace(stimuli, display=fine)
    model = NormalizedPopulation(units=unit, pixels=fine.height, degrees=fine.degrees[0])
    with torch.inference_mode():
        parts = [model(shown.images(slice(k, k + 32))) for k in range(0, len(shown), 32)]
    return torch.cat(parts).double().numpy().T


def close(found_and_truth, *, relative=0.0, absolute=0.0):
    """Require that what pixels give is what the closed form gives, where it gives anything."""
    found, truth = found_and_truth
    assert np.isfinite(truth).any()
    np.testing.assert_allclose(found, truth, rtol=relative, atol=absolute)
