"""
Direction, speed and plaids
===========================

Motion energy of Adelson & Bergen (1985), from its filters to what the `motion` battery says of it.
"""

# %%
# A unit adds the squared answers of two filters that are oriented in space and time. It is known
# in closed form: the gain of its temporal filters says which temporal frequency it prefers, and how
# much it answers to the opposite direction.

import matplotlib.pyplot as plt
import numpy as np

import insilico
from insilico.figures import TWO_COLUMNS, style
from insilico.figures.motion import plaid_numbers, plaid_page
from insilico.figures.style import ACCENT, MODEL, log_axis
from insilico.models.motion_energy.units import harmonics

model = insilico.load_model("motion_energy", n=12, pixels=48, seed=3)
units = model.units
rates = np.geomspace(1, 20, 200)
one = units[units["kind"] == "energy"].iloc[:1]
there, back = (
    harmonics(
        one,
        direction=one["direction"].to_numpy()[:, None] + turn,
        spatial_frequency=one["spatial_frequency"].to_numpy()[:, None],
        temporal_frequency=rates,
    )[0][0]
    for turn in (0, 180)
)

# %%
# The battery shows drifting gratings, frame by frame of pixels. What it measures is drawn on the
# closed form.

results = insilico.run(model, battery="motion")
row = int(np.flatnonzero(units["kind"] == "energy")[0])
course = results.curves["temporal_frequency"].isel(unit=row)
with style():
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(TWO_COLUMNS, 2.3), layout="constrained", width_ratios=[1, 1.2]
    )
    left.plot(rates, there / there.max(), color=MODEL, label="preferred direction")
    left.plot(rates, back / there.max(), color=ACCENT, label="opposite direction")
    left.plot(course["temporal_frequency"], course / course.max(), "o", color=MODEL, ms=3)
    log_axis(left, 1, 20)
    left.set(xlabel="Temporal frequency (Hz)", ylabel="Response / largest")
    left.legend(loc="upper right")
    found = results.units["preferred_direction"]
    right.plot(units["direction"], found, "o", color=MODEL, ms=3)
    right.plot([0, 360], [0, 360], color="0.7", lw=0.6, zorder=0)
    right.set(
        xlabel="Direction of the filters (deg)",
        ylabel="Preferred direction (deg)",
        xticks=np.arange(0, 361, 90),
        yticks=np.arange(0, 361, 90),
    )

# %%
# Filters do not see the pattern of a plaid, only its gratings: all of these units are component
# cells, and so are most direction-selective cells of macaque V1.

plaid_page(plaid_numbers(results.curves["pattern_motion"]), width=TWO_COLUMNS)

# %%

named = ["preferred_direction", "direction_index", "preferred_temporal_frequency", "pattern_index"]
results.units[named].to_dataframe()[named].round(2).assign(kind=units["kind"].to_numpy())
