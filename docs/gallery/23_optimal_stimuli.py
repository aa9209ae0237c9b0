"""
Optimal stimuli
===============

Which picture does a cell like best, of all that have one root mean square contrast?
"""

# %%
# A simple cell, a complex cell, one that others normalise, and one whose filter is no grating.

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import insilico
from insilico.experiments.optimal_stimuli import OPTIMAL_STIMULUS, noise_to_start_from
from insilico.figures import TWO_COLUMNS, style
from stimuli import Position


class Checks(nn.Module):
    """A rectified filter: the product of two gratings at right angles, in a window."""

    def __init__(self, pixels):
        super().__init__()
        y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, pixels)], indexing="ij")
        checks = torch.exp(-30 * (x**2 + y**2)) * torch.cos(24 * x) * torch.cos(24 * y)
        self.register_buffer("filter", checks.flatten() / pixels)
        self.v1 = nn.ReLU()

    def forward(self, images):
        return self.v1((2 * images - 1).flatten(1) @ self.filter[:, None])


model = insilico.load_model("textbook", pixels=96, degrees=8, n=6, seed=1)
kinds = model.units["kind"].to_numpy()
chosen = [int(np.flatnonzero(kinds == kind)[0]) for kind in dict.fromkeys(kinds)][:3]
cells = insilico.Probe(model, ["v1"], display=model.display, channels=1)
checked = insilico.Probe(Checks(96), ["v1"], display=model.display, channels=1)

# %%
# All starts of all units climb together: from noise to the optimal picture, and from the best of
# 320 Gabor functions to the best one that there is.

starts = noise_to_start_from(model.display, Position(), element=2 / 12)
names, pictures = [], []
for probe, units, labels in (
    (cells, cells.units.iloc[chosen], [kinds[unit].replace("_", "\n") for unit in chosen]),
    (checked, checked.units, ["checks"]),
):
    climbed = probe.record(starts, units, reduction=OPTIMAL_STIMULUS.reduction)
    gabor, others = climbed.isel(picture=0), climbed.isel(picture=slice(1, None))
    best = others.isel(picture=others["reached"].argmax("picture"))
    names += labels
    pictures += [*zip(best, gabor, strict=True)]

# %%
# Top: the optimal picture. Bottom: the best Gabor function. The simple and the complex cell like
# nothing better than their grating; for the last one no grating is as good as its own checks.

with style():
    figure, axes = plt.subplots(2, 4, figsize=(TWO_COLUMNS, 3.8), layout="constrained")
    for column, name, (best, gabor) in zip(axes.T, names, pictures, strict=True):
        for ax, picture in zip(column, (best, gabor), strict=True):
            largest = float(abs(picture).max())
            ax.imshow(picture, origin="lower", cmap="gray", vmin=-largest, vmax=largest)
            ax.set(xticks=[], yticks=[])
        column[0].set_title(name)
        gain = float(best["reached"] / gabor["reached"])
        column[0].set_xlabel(f"{gain:.2f} x the best Gabor")
    axes[0, 0].set_ylabel("optimal")
    axes[1, 0].set_ylabel("Gabor")
