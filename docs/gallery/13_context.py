"""
Masks, surrounds and length
===========================

What a second grating does to the response to the first, for cells whose normalization is known.
"""

# %%
# A complex cell without a surround, and others with surrounds of several strengths, as those of
# `textbook:normalization`.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from insilico import reference
from insilico.experiments.lengths import gratings_of_lengths, length_curve
from insilico.experiments.plaids import plaid_curve, plaids
from insilico.experiments.surrounds import surround_curve, surrounds_of_orientations
from insilico.figures import TWO_COLUMNS, style
from insilico.figures.style import ACCENT, MODEL, log_axis
from insilico.models.textbook.normalization import NormalizedPopulation
from insilico.recording.schema import label
from insilico.tuning.properties import surround
from insilico.tuning.properties.length import end_stopping_index
from stimuli import Display, Position

cell = {
    "kind": "complex", "x": 0.0, "y": 0.0, "orientation": 30.0, "spatial_frequency": 2.0,
    "phase": 0.0, "sigma_across": 0.2, "sigma_along": 0.25, "exponent": 2.5,
    "semisaturation": 0.2, "response_gain": 0.0, "contrast_gain": 0.0, "maximum": 40.0,
}  # fmt: skip
rng = np.random.default_rng(1)
several = [
    cell | {"response_gain": gain, "contrast_gain": shift, "semisaturation": half}
    for gain, shift, half in zip(
        np.exp(rng.normal(0, 0.5, 12)),
        0.4 * np.exp(rng.normal(0, 0.5, 12)),
        0.2 * np.exp(rng.normal(0, 0.3, 12)),
        strict=True,
    )
]
units = pd.DataFrame([cell, *several])
display = Display.square(pixels=96, degrees=6)
patch = {"orientation": 30.0, "spatial_frequency": 2.0, "diameter": 1.0}


def shown(units, stimuli):
    model = NormalizedPopulation(units=units)
    with torch.inference_mode():
        responses = torch.cat(
            [model(stimuli.images(slice(k, k + 64))) for k in range(0, len(stimuli), 64)]
        )
    places = pd.DataFrame({"layer": "v1", "channel": range(len(units)), "row": 0, "column": 0})
    return label(
        responses.double().numpy().T,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=places.assign(x=0.0, y=0.0),
        blank=np.zeros(len(units)),
        attrs={"units": "spikes/s"},
    )


plaid = plaid_curve(shown(units[:1], plaids(display, Position(), **patch)))
high, low = (
    surround_curve(
        shown(
            units,
            surrounds_of_orientations(
                display, Position(), **patch, inner_diameter=1.3, contrast=contrast
            ),
        )
    )
    for contrast in (0.5, 0.18)
)
length = length_curve(shown(units[:2], gratings_of_lengths(display, Position(), **patch)))
print(end_stopping_index(length).round(2).to_numpy())

# %%
# Orthogonal energies add up in the pool, so that the mask divides. The surround is tuned to
# orientation, and suppresses a centre of low contrast more. Grey: 58 cells of macaque V1 at high
# contrast of the centre (Cavanaugh, Bair & Movshon 2002b, digitised); lines mark their medians.

iso = surround.iso_surround_response(high)[1:]
orthogonal = surround.orthogonal_surround_response(high)[1:]
cells = reference.table("cavanaugh2002b_surround_cells")
macaque = cells[cells["center_contrast"] == "high"]
with style():
    figure, axes = plt.subplots(2, 2, figsize=(TWO_COLUMNS, 4.4), layout="constrained")
    share = plaid[0] / plaid[0].max()
    image = axes[0, 0].imshow(share, origin="lower", cmap="viridis", vmin=0, vmax=1)
    ticks = [f"{contrast:g}" for contrast in plaid["contrast"].to_numpy()]
    axes[0, 0].set(xlabel="Contrast of the mask", ylabel="Contrast of the signal", title="Plaids")
    axes[0, 0].set_xticks(range(len(ticks)), ticks)
    axes[0, 0].set_yticks(range(len(ticks)), ticks)
    figure.colorbar(image, ax=axes[0, 0], label="Response / largest")
    for curve, color, name in ((high, MODEL, ".5"), (low, ACCENT, ".18")):
        left = curve[1] / curve["alone"][1]
        axes[0, 1].plot(curve["relative_orientation"], left, "o-", color=color, ms=3, label=name)
    axes[0, 1].axhline(1, color="0.6", lw=0.8, ls="--")
    axes[0, 1].set(
        xlabel="Orientation relative to the centre (deg)", ylabel="Response / centre alone",
        ylim=(0, 1.1), title="Surrounds",
    )  # fmt: skip
    axes[0, 1].legend(title="Contrast of the centre")
    pair = macaque["iso_surround_response"], macaque["orthogonal_surround_response"]
    top = 1.05 * max(each.max() for each in pair)
    axes[1, 0].plot([0, top], [0, top], color="0.8", lw=0.8)
    axes[1, 0].plot(*pair, "o", color="0.6", ms=3, label="macaque V1")
    axes[1, 0].axvline(pair[0].median(), color="0.6", lw=0.8, ls="--")
    axes[1, 0].axhline(pair[1].median(), color="0.6", lw=0.8, ls="--")
    axes[1, 0].plot(iso, orthogonal, "o", color=MODEL, ms=3, label="known cells")
    axes[1, 0].legend(loc="lower right")
    axes[1, 0].set(
        xlabel="Response with iso-oriented surround", ylabel="... with orthogonal surround",
        xlim=(0, top), ylim=(0, top), title="Iso-oriented and orthogonal surrounds",
    )  # fmt: skip
    for unit, name, color in ((0, "no surround", "0.5"), (1, "with a surround", MODEL)):
        relative = length[unit] / length[unit].max()
        axes[1, 1].plot(length["length"], relative, "o-", color=color, ms=3, label=name)
    axes[1, 1].set(
        xlabel="Length (deg)", ylabel="Response / largest", ylim=(0, 1.1), title="End-stopping"
    )
    log_axis(axes[1, 1], 0.125, 6.5)
    axes[1, 1].legend()
