"""
Naturalistic textures
=====================

Neurons of V2 tell textures from noise of the same spectrum; neurons of V1 hardly do.
"""

# %%
# The package ships 15 families of textures, and noise for each. The noise has the amplitude
# spectrum and the histogram of its family, and nothing else.

import matplotlib.pyplot as plt
import numpy as np

import insilico
from insilico import reference
from insilico.experiments.gratings import ORIENTATION
from insilico.experiments.textures import TEXTURES
from insilico.figures import TWO_COLUMNS, style
from stimuli import Display, Position
from stimuli.textures.sets import shipped, texture_surrounds, textures

pictures = shipped()
noise, texture = pictures.levels[:, :, 0]
with style():
    figure, axes = plt.subplots(5, 6, figsize=(TWO_COLUMNS, 6.4), layout="constrained")
    for number, name in enumerate(pictures.families):
        pair = axes.flat[2 * number : 2 * number + 2]
        for ax, picture in zip(pair, (texture[number], noise[number]), strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
            ax.set_axis_off()
        pair[0].set_title(name)

# %%
# They are shown in a raised-cosine aperture of 4 deg; or a disk of one, in an annulus of noise or
# of the texture that it is part of.

display = Display.square(pixels=112, degrees=6)
shown = textures(display, Position())
around = texture_surrounds(display, Position(), diameter=1.2)
pick = "family == 1 and sample == 1"
images = [
    *shown.images(shown.conditions.query(pick).index.to_numpy()),
    *around.images(around.conditions.query(pick).index.to_numpy()),
]
titles = ("noise", "texture", "disk alone", "in noise", "in texture")
with style():
    figure, axes = plt.subplots(1, 5, figsize=(TWO_COLUMNS, 1.6), layout="constrained")
    for ax, image, title in zip(axes, images, titles, strict=True):
        ax.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()

# %%
# The modulation index of each family is ``(T - N) / (T + N)`` of the mean responses to texture and
# noise. The VOneBlock, whose filters know no texture, modulates as little as V1 does. Published
# families are others than ours, so both are put in order.

battery = insilico.Battery("textures", (ORIENTATION, TEXTURES), references=())
model = insilico.load_model("vone", pixels=112, degrees=4)
results = insilico.run(model, battery=battery)
curve = results.curves["textures"]
evoked = (curve - curve["blank"]).clip(min=0).mean("sample")
quiet, loud = evoked.sel(type=1), evoked.sel(type=2)
total = quiet + loud
index = ((loud - quiet) / total.where(total > 0)).mean("unit")
macaque = reference.table("freeman2013_texture_families")
place = np.arange(1, 16)
with style():
    figure, ax = plt.subplots(figsize=(TWO_COLUMNS / 2, 2.6), layout="constrained")
    ax.axhline(0, color="0.8", linewidth=0.8)
    for values, label in (
        (index.to_numpy(), "VOneBlock, our textures"),
        (macaque["v1"], "V1, published textures"),
        (macaque["v2"], "V2, published textures"),
    ):
        ax.plot(place, np.sort(values)[::-1], marker="o", markersize=3, label=label)
    ax.set(xlabel="Texture family, in order", ylabel="Modulation index", xlim=(0.5, 15.5))
    ax.legend(frameon=False)
