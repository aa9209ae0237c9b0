"""
Tuning of one unit
==================

Record a model, and look at everything that was measured of one of its units.
"""

# %%
# ``textbook`` is a population of V1 units whose tuning is known in closed form: here 24, on a small
# display of 64 px and 8 deg. Their responses are in spikes/s, so that no map to rates is wanted.

import insilico
from insilico import figures

model = insilico.load_model("textbook", pixels=64, n=24)
results = insilico.run(model, rates=False)
print(*results.units.data_vars, sep="\n")

# %%
# A unit's whole tuning in a row: orientation (0 is horizontal, counter-clockwise), spatial
# frequency, grating diameter, and the map of its receptive field. Triangles mark what was measured.
# This unit is divisively normalised: large gratings suppress it.

unit = 16
figures.unit_tuning(results.curves, unit, units=results.units)

# %%
# What was measured, beside what is true of this unit by formula, for the phases and sizes shown.

shown = results.recordings
phases, diameters = shown["orientation"]["phase"].values, shown["size"]["diameter"].values
truth = model.truth(phases=phases, diameters=diameters).iloc[unit]
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
