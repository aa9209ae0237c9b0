"""
Colour
======

Cone weights, and single and double opponency, of cells in which both are known.
"""

# %%
# Six colours, directions in the space of cone contrasts, as the display shows them. Contrasts are
# those of the experiment: of one length, which L-M limits.

import matplotlib.pyplot as plt
import numpy as np

import insilico
from insilico.experiments.colours import colour_gratings
from insilico.figures import TWO_COLUMNS, style
from insilico.figures.plates import plates
from stimuli import Position
from stimuli.cone_contrast import DIRECTIONS

model = insilico.load_model("textbook:colour", pixels=64, n=40)
shown = colour_gratings(model.card.display, Position())
table = shown.conditions
vertical = (table["orientation"] == 90) & (table["phase"] == 0)
middle = vertical & np.isclose(table["spatial_frequency"], 2 / 3)
with style():
    figure, axes = plt.subplots(1, 6, figsize=(TWO_COLUMNS, 1.3), layout="constrained")
    for ax, name in zip(axes, DIRECTIONS, strict=True):
        row = np.flatnonzero(middle & (table["colour"] == name))
        ax.imshow(shown.images(row)[0].movedim(0, -1))
        ax.set(title=name, xticks=[], yticks=[])

# %%
# A single-opponent cell answers uniform colour, a double-opponent one edges of colour. Cells of
# De & Horwitz (2022) were chosen for fields of two opposed parts: they are no sample of V1.

results = insilico.run(model, battery="colour")
page = next(plate for plate in plates(results) if plate.name == "colour")
beside_macaques = page.figure

# %%
# Their weights are known in closed form.

response = abs(results.curves["colour"]).max("colour")
frequency = response["spatial_frequency"].to_numpy()[response.argmax("spatial_frequency")]
found = np.stack([results.units[f"{cone}_weight"] for cone in "lms"], axis=1)
print(np.abs(found - model.cone_weights(frequency)).max().round(4))
