"""
Tuning of one unit
==================

Record a model, and look at everything that was measured of one of its units.
"""

# %%
# ``textbook`` is a population of V1 units whose tuning is known in closed form. Here it has 24 of
# them, on a small display of 64 px and 8 deg. Their responses are in spikes/s already, so that no map
# to rates is wanted.

import insilico
from insilico import figures

model = insilico.load_model("textbook", pixels=64, n=24)
results = insilico.run(model, rates=False)
results.units

# %%
# A unit's whole tuning in a row: orientation (0 is horizontal, counter-clockwise), spatial frequency,
# grating diameter, and the map of its receptive field. Triangles mark what was measured.

unit = 3
figure = figures.unit_tuning(results.curves, unit, units=results.units)

# %%
# What was measured, beside what is true of this unit by formula.

truth = model.truth().iloc[unit]
for name in (
    "preferred_orientation",
    "preferred_spatial_frequency",
    "spatial_frequency_bandwidth",
    "circular_variance",
    "modulation_ratio",
    "suppression_index",
):
    measured = float(results.units[name][unit])
    print(f"{name:28} measured {measured:8.3f}   true {truth[name]:8.3f}")
