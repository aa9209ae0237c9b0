"""
Contrast
========

The contrast response of cells whose normalization is known, with surrounds and without, and how
their size tuning changes with contrast, beside example cells of macaque V1.
"""

# %%
# Two complex cells without and with a surround, shown their preferred gratings, from the formula
# that the pixels of `textbook:normalization` follow.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

from insilico import fit_curve, reference
from insilico.experiments.contrast import contrast_sizes, contrasts
from insilico.experiments.surrounds import surrounds_of_contrasts
from insilico.figures import TWO_COLUMNS, style
from insilico.models.textbook.closed_form import recorded
from insilico.tuning.curves import dominant_component
from insilico.tuning.fits import evaluate
from insilico.tuning.properties import contrast as properties
from stimuli import Display, Position

cell = {
    "kind": "complex", "x": 0.0, "y": 0.0, "orientation": 30.0, "spatial_frequency": 2.0,
    "phase": 0.0, "sigma_across": 0.2, "sigma_along": 0.25, "exponent": 2.5,
    "semisaturation": 0.2, "response_gain": 0.0, "contrast_gain": 0.0, "maximum": 40.0,
}  # fmt: skip
gains = {"response_gain": 1.0, "contrast_gain": 0.4}
units = pd.DataFrame([cell, cell | gains])
display = Display.square(pixels=96, degrees=6)
grating = {"orientation": 30.0, "spatial_frequency": 2.0}


def curves(stimuli, averaged=()):
    shape = [len(stimuli.conditions[dim].unique()) for dim in stimuli.dims]
    coords = {dim: stimuli.conditions[dim].unique() for dim in stimuli.dims}
    return dominant_component(
        xr.DataArray(
            recorded(units, stimuli).reshape(len(units), *shape),
            dims=("unit", *stimuli.dims),
            coords={**coords, "blank": ("unit", [0.0, 0.0])},
            attrs={"units": "spikes/s"},
        ),
        averaged=averaged,
    )


response = curves(contrasts(display, Position(), **grating, diameter=1.0))
sizes = curves(contrast_sizes(display, Position(), **grating))
surrounded = curves(
    surrounds_of_contrasts(display, Position(), **grating, diameter=1.0, inner_diameter=1.0),
    averaged=("surround_phase",),
)
print(properties.contrast_c50(response).round(3).to_numpy())
print(properties.summation_field_contrast_ratio(sizes).round(2).to_numpy())

# %%
# Above, contrast responses within surrounds of growing contrast: those of the known cell with a
# surround, and of two cells of macaque V1. Below, the responses of both known cells with their
# Naka-Rushton fits, and size tuning at five contrasts. The macaque cells are drawn, not scored:
# nobody has published the distributions.

cells = reference.table("cavanaugh2002a_contrast_examples")
one = reference.table("cavanaugh2002a_contrast_size_example")
shown = np.geomspace(0.01, 1, 100)
fit = fit_curve(response, "naka_rushton")


def family(ax, lines, title):
    lines = list(lines)
    for i, (level, x, y) in enumerate(lines):
        color = plt.colormaps["viridis"](i / len(lines))
        ax.plot(x, y, "o-", color=color, ms=2.5, lw=1, label=f"{level:g}")
    ax.legend(title=title, ncols=2, columnspacing=1, handlelength=1, title_fontsize="small",
              fontsize="x-small")  # fmt: skip


with style():
    figure, axes = plt.subplots(2, 3, figsize=(TWO_COLUMNS, 4.4), layout="constrained")
    known = [
        (float(each["surround_contrast"]), each["contrast"], each)
        for each in surrounded[1].transpose("surround_contrast", "contrast")
    ]
    family(axes[0, 0], known, "Surround")
    for ax, (_, cell) in zip(axes[0, 1:], cells.groupby("cell"), strict=True):
        groups = cell.groupby("surround_contrast")
        lines = [(level, c["center_contrast"], c["response_sps"]) for level, c in groups]
        family(ax, lines, "Surround")
    for unit, label in enumerate(("no surround", "with a surround")):
        color = f"C{unit}"
        axes[1, 0].semilogx(response["contrast"][1:], response[unit, 1:], "o", color=color, ms=3)
        axes[1, 0].semilogx(shown, evaluate(fit, contrast=shown)[unit], color=color, label=label)
    axes[1, 0].legend()
    five = sizes[1].sel(contrast=[0.06, 0.12, 0.25, 0.5, 1])
    family(axes[1, 1], [(float(c["contrast"]), c["diameter"], c) for c in five], "Contrast")
    groups = one.groupby("contrast")
    extent = "extent_deg_as_named_radius"
    family(axes[1, 2], [(level, c[extent], c["response_sps"]) for level, c in groups], "Contrast")
    for ax, title in zip(
        axes.flat,
        ("Known cell: surrounds", "Macaque cell 1", "Macaque cell 2",
         "Known cells: contrast", "Known cell: size", "Macaque cell: size"),
        strict=True,
    ):  # fmt: skip
        ax.set_title(title)
    for ax in axes[0]:
        ax.set_xlabel("Contrast of the centre")
    axes[1, 0].set_xlabel("Contrast")
    axes[1, 1].set_xlabel("Diameter (deg)")
    axes[1, 2].set_xlabel("Extent (deg, as the source has it)")
    for ax in axes[:, 0]:
        ax.set_ylabel("Response (spikes/s)")
