"""
Components of V1, as released and corrected
===========================================

What the components of the constrained networks do before anything is learned: centre-surround
kernels, normalization pools, and cortical magnification.
"""

# %%
# Kernels of the same widths and gains in both modes. As released each has one sign at all taps.
# Pools are rows of weights over the 64 channels for one output channel. Magnified maps have
# eccentricity downwards and polar angle to the right; the picture is a fan of spokes with a ring.

import matplotlib.pyplot as plt
import numpy as np
import torch

from insilico.figures import TWO_COLUMNS, style
from insilico.models.components import CenterSurround, CorticalMagnification, TunedNormalization

MODES = ("as_released", "corrected")
N_KERNELS, CHANNELS, SIDE, OUTPUT = 4, 64, 64, 20


def kernels(mode):
    component = CenterSurround(4, mode=mode)
    with torch.no_grad():
        component.sigma1.fill_(1.2)
        component.sigma2_scale.copy_(torch.linspace(1.3, 3, 16).view(-1, 1, 1))
        component.total_scale.copy_(torch.tensor([1.0, -1.0] * 8).view(-1, 1, 1))
        return component.kernels().flatten(0, 1)[: 16 : 16 // N_KERNELS + 1]


def weights(**options):
    component = TunedNormalization(CHANNELS, **options)
    with torch.no_grad():
        # Every other quarter of the ring is broad.
        component.sigmas.copy_(torch.tensor([5.0, 14.0]).repeat_interleave(16).repeat(2))
        return component.weights()


place = torch.arange(SIDE) - (SIDE - 1) / 2
radius = torch.hypot(place[:, None], place)
angle = torch.atan2(-place[:, None], place)
spokes = torch.where((radius - 16).abs() < 1.5, 1.0, 0.5 + 0.35 * torch.cos(6 * angle))
magnified = {
    "as released": CorticalMagnification(SIDE, mode="as_released"),
    "corrected": CorticalMagnification(SIDE),
    "log-polar": CorticalMagnification(SIDE, density="inverse_square"),
}

with style():
    figure = plt.figure(figsize=(TWO_COLUMNS, 4.6), layout="constrained")
    above, middle, below = figure.subfigures(3, 1, height_ratios=(1, 1.15, 1.25))

    above.suptitle("Centre-surround kernels, ON and OFF in turn", fontsize=7)
    axes = above.subplots(1, 2 * N_KERNELS)
    for half, mode in zip((axes[:N_KERNELS], axes[N_KERNELS:]), MODES, strict=True):
        shown = kernels(mode)
        limit = float(shown.abs().max())
        for ax, kernel in zip(half, shown, strict=True):
            ax.imshow(kernel, cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.set(xticks=[], yticks=[])
        half[0].set_title(mode.replace("_", " "), loc="left")

    left, right = middle.subplots(1, 2)
    released, corrected = weights(mode="as_released"), weights()
    for pool, color in (("opponent", "tab:blue"), ("similar", "tab:orange")):
        left.plot(weights(pool=pool)[OUTPUT], color=color, label=f"pool={pool!r}")
    left.axvline(OUTPUT, color="0.6", linewidth=0.6, linestyle=":")
    left.set(title=f"Pool of channel {OUTPUT} (dotted)", xlabel="Channel", ylabel="Weight")
    left.legend()
    right.plot(released.sum(1), color="tab:red", label="as released")
    right.plot(corrected.sum(1), color="tab:blue", label="corrected")
    right.set(title="Total weight of the pool", xlabel="Channel", ylabel="Sum", ylim=(0, None))
    right.legend(loc="lower right")

    axes = below.subplots(1, 4)
    axes[0].imshow(spokes, cmap="gray", vmin=0, vmax=1)
    axes[0].set(title="Picture", xticks=[], yticks=[])
    for ax, (name, component) in zip(axes[1:], magnified.items(), strict=True):
        ax.imshow(component(spokes[None, None])[0, 0], cmap="gray", vmin=0, vmax=1)
        ax.set(title=f"Magnified, {name}", xticks=[], yticks=[], xlabel="Polar angle")
    axes[1].set_ylabel("Eccentricity")

# %%
# Sums over the taps: corrected kernels give nothing to a uniform field, released ones do.

for mode in MODES:
    found = kernels(mode)
    print(f"{mode:12s}", np.round((found.sum((1, 2)) / found.abs().sum((1, 2))).numpy(), 3))
