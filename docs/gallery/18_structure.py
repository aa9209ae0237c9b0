"""
Structure of receptive fields
=============================

Maps of three cells by white noise, sparse noise, Hartley gratings and the gradient of the response.
"""

# %%
# A simple cell, a complex cell and a simple cell that others normalise, on a small display.

import matplotlib.pyplot as plt
import numpy as np

import insilico
from insilico.experiments.measuring import measure, scaled
from insilico.experiments.reverse_correlation import RECEPTIVE_FIELD_STRUCTURE, noise_and_gratings
from insilico.figures import TWO_COLUMNS, style
from stimuli import Position

model = insilico.load_model("textbook", pixels=96, degrees=8, n=6, seed=1)
probe = insilico.Probe(model, ["v1"], display=model.display, channels=1)
kinds = model.units["kind"].to_numpy()
chosen = [int(np.flatnonzero(kinds == kind)[0]) for kind in dict.fromkeys(kinds)][:3]

# %%
# Frames are drawn when they are shown, and only sums of them are kept.

stimuli = noise_and_gratings(model.display, Position(), element=2 / 12, frames=2000)
protocol = RECEPTIVE_FIELD_STRUCTURE
recording = probe.record(stimuli, probe.units.iloc[chosen], reduction=protocol.reduction)
measured = measure(protocol, scaled(protocol, recording, None))

# %%
# Every technique finds the filter of the simple cell. Single elements drive the normalised one
# hardly, so that its sparse map is narrower; the complex cell has no map, but two directions of the
# stimulus that drive it.

with style():
    figure, axes = plt.subplots(3, 4, figsize=(TWO_COLUMNS, 4.6), layout="constrained")
    for row, unit, maps in zip(axes, chosen, measured.curve, strict=True):
        # What rounding leaves of a complex cell is not drawn as if it were a map.
        largest = float(abs(maps).max()) if measured.responsive[chosen.index(unit)] else 1.0
        for ax, one in zip(row, maps, strict=True):
            ax.imshow(one, origin="lower", cmap="RdBu_r", vmin=-largest, vmax=largest)
            ax.set(xticks=[], yticks=[])
            if ax in axes[0]:
                ax.set_title(str(one["technique"].item()).capitalize())
        row[0].set_ylabel(kinds[unit].replace("_", "\n"))

for name in ("receptive_field_nx", "linear_prediction_r2", "n_excitatory_dimensions"):
    print(name, measured.properties[name].to_numpy().round(2))
