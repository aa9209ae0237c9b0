"""
Topography
==========

Maps of preferred orientation over a sheet of sites, and how alike neighbours are.
"""

# %%
# A sheet of 24 x 24 sites with four pinwheels in every 12 x 12, as a table of units.

import numpy as np
import xarray as xr

from insilico.comparison.topography import sheet_maps, similarity_over_distance, topography
from insilico.figures.topography import topography_page

side, period = 24, 12
place = 2 * np.pi * (np.arange(side) + 0.3) / period
wave = np.cos(place)[None, :] + 1j * np.cos(place)[:, None]
rng = np.random.default_rng(0)
angles = {
    "pinwheels": np.rad2deg(np.angle(wave)) / 2 % 180,
    "salt and pepper": rng.uniform(0, 180, (side, side)),
}


def units_of(layer):
    row, column = (each.ravel() for each in np.indices((side, side)))
    coords = {"layer": np.full(side**2, layer), "channel": 0 * row, "row": row, "column": column}
    return xr.Dataset(
        {"preferred_orientation": ("unit", angles[layer].ravel())},
        coords={name: ("unit", values) for name, values in coords.items()},
    )


# %%
# Neighbours of the first prefer the like, and sites half a period apart the opposite.

for layer in angles:
    print(topography(units_of(layer)).round(3).to_string(index=False))

maps = sheet_maps(units_of("pinwheels"), "pinwheels")
pinwheels = topography_page(maps, similarity_over_distance(maps))

# %%
# Where orientations are scattered, sites are as alike as in random order.

maps = sheet_maps(units_of("salt and pepper"), "salt and pepper")
scattered = topography_page(maps, similarity_over_distance(maps))
