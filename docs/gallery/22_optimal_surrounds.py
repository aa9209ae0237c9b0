"""
Optimal surrounds
=================

What around a fixed grating suppresses a cell most?
"""

# %%
# Normalised cells, whose surround is tuned to their own orientation; each is shown the grating that
# it prefers, in a disk, and what is around it follows the gradient of the response.

import matplotlib.pyplot as plt
import numpy as np

import insilico
from insilico.experiments.optimal_surrounds import optimal_surrounds
from insilico.figures import TWO_COLUMNS, style
from insilico.recording.probe import Probe
from stimuli import grating

model = insilico.load_model("textbook:normalization", n=12)
card = model.card
probe = Probe(model, card.layers, display=card.display, channels=card.channels)
cells = model.units[model.units["kind"] == "complex"].head(4)
units = probe.units.loc[cells.index]
envelope = np.sqrt(cells["sigma_across"] * cells["sigma_along"]).to_numpy()
place = {"x": cells["x"].to_numpy(), "y": cells["y"].to_numpy(), "diameter": 4 * envelope}
centres = grating(
    card.display,
    orientation=cells["orientation"].to_numpy(),
    spatial_frequency=cells["spatial_frequency"].to_numpy(),
    contrast=0.5,
    **place,
)
found = {
    "suppresses": optimal_surrounds(probe, centres, units, **place),
    "excites": optimal_surrounds(probe, centres, units, **place, suppressive=False),
}

# %%
# Top: the surround that suppresses most. Bottom: the one that excites most. Above each: the
# response, in shares of that to the centre alone.

side = card.display.height / card.display.px_per_deg / 2
with style():
    figure, axes = plt.subplots(2, 4, figsize=(TWO_COLUMNS, 3.6), layout="constrained")
    for line, (title, pictures) in zip(axes, found.items(), strict=True):
        for ax, picture in zip(line, pictures, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, extent=(-side, side, -side, side))
            share = float(picture["response"] / picture["centre_response"])
            ax.set(xticks=[], yticks=[], title=f"{share:.2f}")
        line[0].set(ylabel=title)
        line[0].set(yticks=[-side, 0, side])
    for ax in axes[1]:
        ax.set(xticks=[-side, 0, side], xlabel="deg")
