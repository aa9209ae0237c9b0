"""
What is shown
=============

A stimulus set is a table of conditions, and a function that draws them.
"""

# %%
# The gratings of the standard battery. A contact sheet of a large set varies one factor per row.

from insilico.experiments.gratings import gratings
from insilico.figures import contact_sheet
from stimuli import Display, Position, center_surround, factorial

display = Display.square(pixels=112, degrees=8)
contact_sheet(gratings(display, Position()))

# %%
# Any drawing function makes a set of its own. Here the surround turns, while the centre stays.

surrounds = factorial(
    "surrounds",
    display,
    center_surround,
    {"surround_orientation": [0, 22.5, 45, 67.5, 90, 112.5, 135, 157.5]},
    orientation=90,
    spatial_frequency=1.5,
    diameter=2.5,
    surround_contrast=0.5,
)
contact_sheet(surrounds)

# %%
# The table names every stimulus; responses are labelled from it, never by the order of
# presentation.

print(surrounds.conditions.to_string(index=False))
