"""
Border ownership
================

Which side of an edge is the figure on? Cells that know, to a known degree.
"""

# %%
# The two squares on the left have the same edge in the middle, and so have the two on the right.

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import insilico
from insilico.experiments.border_ownership import border_curve, border_squares
from insilico.figures import TWO_COLUMNS, style
from insilico.figures.style import MODEL
from insilico.tuning.properties.border_ownership import border_ownership_ratio
from stimuli import Position, square

model = insilico.load_model("textbook:border_ownership", n=24)
display = model.card.display
seen = {"width": 2.0, "orientation": 60.0}
pairs = [(1, 1), (-1, -1), (1, -1), (-1, 1)]

# %%
# Each cell is shown the squares at its own orientation and spatial frequency.

probe = insilico.Probe(model, ["v1"], display=display, channels=1)
curves = []
for unit, cell in model.units.iterrows():
    preferred = {name: cell[name] for name in ("orientation", "spatial_frequency")}
    shown = border_squares(display, Position(), **preferred)
    curves.append(border_curve(probe.record(shown, probe.units.iloc[[unit]])))
ratio = border_ownership_ratio(xr.concat(curves, "unit", coords="minimal", compat="override"))

with style():
    figure, axes = plt.subplots(1, 5, figsize=(TWO_COLUMNS, 1.5), layout="constrained")
    for ax, (side, polarity) in zip(axes, pairs, strict=False):
        picture = square(display, side=side, contrast=polarity, ground_contrast=-polarity, **seen)
        ax.imshow(picture[0, 0], cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    axes[4].plot([0, 1], [0, 1], color="0.8", lw=0.6)
    axes[4].plot(model.border_ownership_ratio(), ratio, "o", color=MODEL, ms=3)
    axes[4].set(xlabel="Known ratio", ylabel="Measured", xlim=(0, 1.05), ylim=(0, 1.05))
print(np.abs(ratio - model.border_ownership_ratio()).max().round(4).item())
