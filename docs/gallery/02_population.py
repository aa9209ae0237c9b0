"""
A population beside macaque V1
==============================

Record the VOneBlock, and compare the distribution of every property with published ones.
"""

# %%
# A small VOneBlock: 64 channels instead of 512, and 112 px instead of 224. One unit of each
# channel is recorded, the one that looks at the middle of the display.

import insilico
from insilico import figures, reference

model = insilico.load_model("vone", pixels=112, simple_channels=32, complex_channels=32)
results = insilico.run(model)

# %%
# Similarity is 1 for the same distribution. The grey bars reach from the *floor*, what a population
# without any knowledge of the data gets, to the *ceiling*, what the data get against themselves.
# Only what lies above the floor says something for the model.

figures.summary(results.comparison)

# %%
# The VOneBlock has no surround: nothing suppresses its units, and those without suppression have
# neither a summation field nor a surround. Its preferred orientations and frequencies were drawn
# from published distributions.

rows = results.comparison.query("n_defined >= 20").head(9)
published = {name: reference.load(name) for name in rows["reference"]}
figures.population_page(results.units, rows, published)

# %%
# The same as a table, which `insilico.Results.save` writes as ``comparison.csv``.

columns = ["n_defined", "median_model", "median_reference", "skill"]
results.comparison.set_index("property")[columns].round(2)
