"""
Eccentricity
============

Fields that grow with their distance from the centre of gaze, as behind a log-polar front end.
"""

# %%
# All cells are shown the same spots and gratings, wherever they look.

import insilico
from insilico.comparison.eccentricity import eccentricity_slopes
from insilico.figures.plates import plates

model = insilico.load_model("textbook:log_polar")
results = insilico.run(model, battery="eccentricity")
page = next(plate for plate in plates(results) if plate.name == "eccentricity")
over_eccentricity = page.figure

# %%
# Standard deviations of the envelopes grow by .12 per deg, and a cycle is 2.5 of them: its slope is
# .3.

slopes = eccentricity_slopes(results.units)
print(slopes[["property", "n", "slope", "slope_low", "slope_high"]].round(3).to_string(index=False))
