"""
A proven receptive field
========================

Fill a picture with NaN outside a window: whatever is finite in the end cannot have seen it.
"""

# %%
# A small network, with random weights; the units are all channels at one site of its last layer.

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle
from torch import nn

from insilico.figures import TWO_COLUMNS, style
from insilico.recording.probe import Probe
from insilico.recording.windows import proven_windows
from stimuli import Display, grating

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 8, 7, stride=2, padding=3),
    nn.ReLU(),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.Conv2d(8, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1),
).eval()
row, column = 8, 6
display = Display.square(pixels=64, degrees=4)


def finite(images):
    with torch.no_grad():
        return model(images)[:, :, row, column].isfinite().all(1, keepdim=True)


(window,) = proven_windows(finite, display, 1)
print(window)

# %%
# The proof, and a witness. In the window the units are finite; a window smaller by one pixel on any
# side is not enough. The gradient shows where the units do look, averaged over random pictures: it
# lies inside. It need not fill the window, since a gradient that is small, or zero for these
# pictures, is still no proof that a pixel does not matter.

inside = torch.full((1, 1, 64, 64), torch.nan)
picture = grating(display, orientation=60, spatial_frequency=2)
inside[..., window.rows, window.columns] = picture[..., window.rows, window.columns]
with torch.no_grad():
    sites = model(inside)[0].isfinite().all(0)

noise = torch.rand(200, 1, 64, 64, requires_grad=True)
model(noise)[:, :, row, column].abs().sum().backward()
gradient = noise.grad.abs().mean((0, 1))


def outline(window, **look):
    corner = (window.left - 0.5, window.top - 0.5)
    return Rectangle(corner, window.width, window.height, fill=False, **look)


with style():
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.4), layout="constrained")
    axes[0].set_facecolor("0.85")
    axes[0].imshow(inside[0, 0], cmap="gray", vmin=0, vmax=1)
    axes[0].set_title("Picture, NaN outside the window")
    axes[1].imshow(sites, cmap="cividis")
    axes[1].set_title("Sites of the layer that stay finite")
    image = axes[2].imshow(gradient / gradient.max(), cmap="magma")
    axes[2].set_title("Gradient of the units at that site")
    figure.colorbar(image, ax=axes[2], shrink=0.75, label="relative to the largest")
    for ax, color in ((axes[0], "tab:red"), (axes[2], "white")):
        ax.add_patch(outline(window, edgecolor=color, linewidth=1))
    for ax in axes:
        ax.set(xticks=[], yticks=[])

# %%
# A probe does this for the units that it is to record, grows the window to the stride of the layer,
# checks that the small picture gives the responses of the whole one in changing surroundings, and
# says what came of it.

probe = Probe(model, ["5"], display=display, channels=1, sites=[(row, column)])
print(probe.crop(probe.units).status)

# %%
# A model that looks everywhere is recorded whole.

everywhere = nn.Sequential(model, nn.InstanceNorm2d(8)).eval()
probe = Probe(everywhere, ["1"], display=display, channels=1, sites=[(row, column)])
print(probe.crop(probe.units).window)
