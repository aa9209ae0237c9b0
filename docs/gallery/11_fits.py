"""
Fits
====

`insilico.fit_curve` fits every unit of a population at once: any tuning curves with labels, of a
model or of your own recordings.
"""

# %%
# Five cells of known contrast response, with noise, and the Naka-Rushton curves through them.
# The fit is a table with one value per cell for each parameter, the share of the variance that is
# explained, and a flag.

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import insilico
from insilico.figures import TWO_COLUMNS, style
from insilico.tuning.fits import evaluate

rng = np.random.default_rng(2)
contrast = xr.DataArray(np.geomspace(0.01, 1, 12), dims="contrast")
c50 = xr.DataArray([0.05, 0.1, 0.2, 0.4, 0.8], dims="unit")
exponent = xr.DataArray([1.5, 2.0, 2.5, 3.0, 3.5], dims="unit")
clean = 40 * contrast**exponent / (contrast**exponent + c50**exponent)
recorded = (clean + rng.normal(0, 0.8, clean.shape)).assign_coords(contrast=contrast)

fit = insilico.fit_curve(recorded, "naka_rushton")
print(fit[["maximum", "c50", "exponent", "r2", "flag"]].to_dataframe().round(2))

# %%
# The same for size tuning, which a ratio of Gaussians describes, and for a noisy map of a receptive
# field, which is a Gabor function.

diameter = np.geomspace(0.2, 8, 14)
suppressed = xr.Dataset(
    {
        "excitation": ("unit", [60.0, 60.0, 60.0]),
        "center_width": ("unit", [0.9, 0.9, 0.9]),
        "surround_to_center": ("unit", [2.5, 2.5, 2.5]),
        "suppression": ("unit", [0.0, 0.7, 3.0]),
    },
    attrs={"family": "ratio_of_gaussians", "dims": "diameter"},
)
sizes = evaluate(suppressed, diameter=diameter)
sizes = sizes + rng.normal(0, 1.2, sizes.shape)
size_fit = insilico.fit_curve(sizes, "ratio_of_gaussians")

place = np.linspace(-1, 1, 25)
x, y = np.meshgrid(place, place)
across = np.sin(np.deg2rad(60)) * (x - 0.1) - np.cos(np.deg2rad(60)) * (y + 0.1)
along = np.cos(np.deg2rad(60)) * (x - 0.1) + np.sin(np.deg2rad(60)) * (y + 0.1)
envelope = np.exp(-((across / 0.25) ** 2 + (along / 0.4) ** 2) / 2)
field = xr.DataArray(
    [envelope * np.cos(2 * np.pi * 1.6 * across) + rng.normal(0, 0.25, x.shape)],
    dims=("unit", "y", "x"),
    coords={"y": place, "x": place},
)
gabor = insilico.fit_curve(field, "gabor")
print(gabor[["orientation", "spatial_frequency", "sigma_across", "sigma_along", "r2"]])

# %%
# `evaluate` draws a fit at any conditions.

fine = np.geomspace(0.01, 1, 200)
fine_size = np.linspace(0.05, 8, 200)
dense = np.linspace(-1, 1, 100)
with style():
    figure, axes = plt.subplots(1, 4, figsize=(TWO_COLUMNS, 2.1), layout="constrained")
    for unit in range(5):
        color = plt.colormaps["viridis"](unit / 5)
        axes[0].semilogx(contrast, recorded.isel(unit=unit), "o", color=color, markersize=3)
        axes[0].semilogx(fine, evaluate(fit, contrast=fine)[unit], color=color)
    axes[0].set(xlabel="Contrast", ylabel="Response (spikes/s)", title="Naka-Rushton")
    for unit in range(3):
        color = plt.colormaps["viridis"](unit / 3)
        axes[1].plot(diameter, sizes[unit], "o", color=color, markersize=3)
        axes[1].plot(fine_size, evaluate(size_fit, diameter=fine_size)[unit], color=color)
    axes[1].set(xlabel="Diameter (deg)", title="Ratio of Gaussians")
    extent = (-1, 1, -1, 1)
    maps = (field[0], evaluate(gabor, y=dense, x=dense)[0])
    for ax, values, title in zip(axes[2:], maps, ("Map", "Gabor"), strict=True):
        ax.imshow(values, extent=extent, origin="lower", cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xlabel="x (deg)", title=title)
    axes[2].set_ylabel("y (deg)")
