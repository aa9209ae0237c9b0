"""
Answers to photographs
======================

How sparse the answers of a population are, and how many dimensions they fill.
"""

# %%
# Ten photographs, each seen in 36 views, are shown to energies and simple cells whose preferences
# cover orientations, frequencies and places of the display.

import numpy as np

import insilico
from insilico.experiments.examples import example
from insilico.figures import contact_sheet
from insilico.figures.plates import plates

shown = contact_sheet(example("natural_images", battery="natural_images", pixels=64))

model = insilico.load_model("vone", pixels=64, simple_channels=128, complex_channels=128)
results = insilico.run(model, battery="natural_images")
page = next(plate for plate in plates(results) if plate.name == "natural_images")
answers = page.figure

for name in ("lifetime_sparseness", "population_sparseness", "eigenspectrum_exponent"):
    print(f"{name}: {float(results.units[name].median()):.2f}")

# %%
# A population whose variance falls with an exponent of 1, behind noise: two repeats share the
# signal and not the noise, so that the spectrum of what they share falls as that of the signal.

from insilico.tuning import geometry

rng = np.random.default_rng(0)
n_photographs, n_units = 1500, 600
scale = np.arange(1, n_units + 1) ** -0.5
signal = rng.standard_normal((n_photographs, n_units)) * scale
noise = 0.02 * rng.standard_normal((2, n_photographs, n_units))
spectrum = geometry.cross_validated_spectrum(*(signal + noise))
print(f"exponent {geometry.spectrum_exponent(spectrum, last=60):.2f}")
