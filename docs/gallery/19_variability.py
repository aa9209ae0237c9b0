"""
Variability over repeats
========================

Spikes drawn at the rates of model units, and what pairs of units share.
"""

# %%
# Sixty units with preferences spread over a circle, and a gain that changes from trial to trial and
# is common to all of them.

import numpy as np
import xarray as xr

from insilico.experiments.variability import poisson_counts
from insilico.figures.variability import variability_numbers, variability_page
from insilico.tuning.properties import variability as properties

rng = np.random.default_rng(0)
orientation = np.arange(0, 180, 22.5)
preferred = np.linspace(0, 180, 60, endpoint=False)[:, None]
tuning = 2 + 40 * np.exp(2 * (np.cos(2 * np.deg2rad(orientation - preferred)) - 1))


def counted(shared):
    gain = np.clip(1 + shared * rng.standard_normal((1, len(orientation), 100)), 0, None)
    rates = xr.DataArray(
        tuning[:, :, None] * gain,
        dims=("unit", "orientation", "trial"),
        coords={"layer": ("unit", ["v1"] * 60), "channel": ("unit", np.arange(60))},
    )
    return poisson_counts(rates)


# %%
# Poisson spikes alone have a variance that equals their mean, and share nothing. A common gain adds
# variance that grows with the square of the mean, and correlations of the noise.

for shared in (0.0, 0.25):
    curve = counted(shared)
    print(
        f"shared gain {shared}: Fano factor",
        f"{float(properties.fano_factor(curve)['fano_factor'].median()):.2f}, noise correlation",
        f"{float(properties.noise_correlation(curve).median()):.2f}",
    )

figure = variability_page(curve, variability_numbers(curve), width=6.9)

# %%
# How well do twenty repeats fix what is measured? Everything is measured again on halves of the
# trials: bars are 95 % intervals.

import matplotlib.pyplot as plt

import insilico
from insilico.figures import ONE_COLUMN, style

model = insilico.load_model("textbook", pixels=64, n=12)
results = insilico.run(model, protocols="orientation_mean", spikes="poisson", trials=20)
found = results.repeats.query("property == 'circular_variance'").dropna()
ends = abs(found[["low", "high"]].sub(found["estimate"], axis=0)).T
with style():
    intervals, ax = plt.subplots(figsize=(ONE_COLUMN, 2.6), layout="constrained")
    ax.errorbar(found["value"], found["estimate"] - found["value"], ends, fmt="o", ms=3, lw=0.8)
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set(
        xlabel="Circular variance without noise",
        ylabel="Estimate from 20 trials, less that",
        title=f"n = {len(found)} units",
    )
