"""
Contrast
========

The contrast response of cells whose normalization is known, and how their size tuning changes with
contrast, beside example cells of macaque V1.
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


def curves(stimuli):
    shape = [len(stimuli.conditions[dim].unique()) for dim in stimuli.dims]
    coords = {dim: stimuli.conditions[dim].unique() for dim in stimuli.dims}
    return dominant_component(
        xr.DataArray(
            recorded(units, stimuli).reshape(len(units), *shape),
            dims=("unit", *stimuli.dims),
            coords={**coords, "blank": ("unit", [0.0, 0.0])},
            attrs={"units": "spikes/s"},
        )
    )


response = curves(contrasts(display, Position(), **grating, diameter=1.0))
sizes = curves(contrast_sizes(display, Position(), **grating))
print(properties.contrast_c50(response).round(3).to_numpy())
print(properties.summation_field_contrast_ratio(sizes).round(2).to_numpy())

# %%
# The curves through the responses are Naka-Rushton fits. Below, example cells: contrast responses
# with surrounds of growing contrast, and size tuning at five contrasts. They are drawn, not
# scored: nobody has published the distributions.

cells = reference.table("cavanaugh2002a_contrast_examples")
one = reference.table("cavanaugh2002a_contrast_size_example")
shown = np.geomspace(0.01, 1, 100)
BESIDE = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
fit = fit_curve(response, "naka_rushton")
with style():
    figure, axes = plt.subplots(2, 2, figsize=(TWO_COLUMNS, 4.2), layout="constrained")
    for unit, label in enumerate(("no surround", "with a surround")):
        color = f"C{unit}"
        axes[0, 0].semilogx(response["contrast"][1:], response[unit, 1:], "o", color=color, ms=3)
        axes[0, 0].semilogx(shown, evaluate(fit, contrast=shown)[unit], color=color, label=label)
    axes[0, 0].legend()
    for i, contrast in enumerate(sizes["contrast"].to_numpy()):
        color = plt.colormaps["viridis"](i / sizes.sizes["contrast"])
        axes[0, 1].plot(sizes["diameter"], sizes[1, i], color=color, label=f"{contrast:g}")
    axes[0, 1].legend(title="Contrast", **BESIDE)
    first = cells[cells["cell"] == 1]
    for i, (contrast, curve) in enumerate(first.groupby("surround_contrast")):
        color = plt.colormaps["viridis"](i / first["surround_contrast"].nunique())
        axes[1, 0].plot(
            curve["center_contrast"], curve["response_sps"], "o-", color=color, ms=3,
            label=f"{contrast:g}",
        )  # fmt: skip
    axes[1, 0].legend(title="Surround", **BESIDE)
    for i, (contrast, curve) in enumerate(one.groupby("contrast")):
        color = plt.colormaps["viridis"](i / one["contrast"].nunique())
        axes[1, 1].plot(
            curve["extent_deg_as_named_radius"], curve["response_sps"], "o-", color=color, ms=3,
            label=f"{contrast:g}",
        )  # fmt: skip
    axes[1, 1].legend(title="Contrast", **BESIDE)
    axes[0, 0].set(xlabel="Contrast", ylabel="Response (spikes/s)", title="Known cells: contrast")
    axes[0, 1].set(xlabel="Diameter (deg)", title="Known cell with a surround: size")
    axes[1, 0].set(
        xlabel="Contrast of the centre", ylabel="Response (spikes/s)",
        title="Macaque cell: contrast",
    )  # fmt: skip
    axes[1, 1].set(xlabel="Extent (deg, as the source has it)", title="Macaque cell: size")
