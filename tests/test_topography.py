"""Maps over the sheet of a layer: pinwheels, salt and pepper, and weights that are shared."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.comparison.topography import sheet_maps, similarity_over_distance, topography
from insilico.figures.topography import topography_page
from stimuli import Display, Position

SIDE = 24


def units_of(angle, layer="sheet"):
    """A table of units from maps (channel, row, column), in random order."""
    channel, row, column = (each.ravel() for each in np.indices(angle.shape))
    order = np.random.default_rng(0).permutation(angle.size)
    coords = {"layer": np.full(angle.size, layer), "channel": channel, "row": row, "column": column}
    return xr.Dataset(
        {"preferred_orientation": ("unit", angle.ravel()[order])},
        coords={name: ("unit", values[order]) for name, values in coords.items()},
    )


def lattice_of_pinwheels(period):
    """Zeros of cos kx + i cos ky: four in a period squared."""
    place = 2 * np.pi * (np.arange(SIDE) + 0.3) / period
    wave = np.cos(place)[None, :] + 1j * np.cos(place)[:, None]
    return np.rad2deg(np.angle(wave))[None] / 2 % 180


def test_one_pinwheel_is_one():
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    pinwheel = np.rad2deg(np.arctan2(y, x))[None] / 2 % 180
    [found] = topography(units_of(pinwheel)).to_dict("records")
    assert found["pinwheels"] == 1
    assert found["similarity"] > 0.9
    assert found["p"] == pytest.approx(1 / 201)
    # The map is laid out as the units say, in whatever order they come.
    np.testing.assert_allclose(sheet_maps(units_of(pinwheel), "sheet"), pinwheel)


@pytest.mark.parametrize("period", [8, 12])
def test_the_density_of_a_lattice_of_pinwheels(period):
    [found] = topography(units_of(lattice_of_pinwheels(period))).to_dict("records")
    assert found["hypercolumn"] == pytest.approx(period, rel=0.05)
    assert found["pinwheels"] == pytest.approx(4 * (SIDE / period) ** 2, rel=0.15)
    assert found["density"] == pytest.approx(4, rel=0.2)


def test_salt_and_pepper_is_no_more_alike_than_by_chance():
    scattered = np.random.default_rng(1).uniform(0, 180, (4, SIDE, SIDE))
    table = similarity_over_distance(sheet_maps(units_of(scattered), "sheet"))
    assert table["similarity"].abs().max() < 0.1
    assert table["p"][0] > 0.05
    inside = (table["low"] <= table["similarity"]) & (table["similarity"] <= table["high"])
    assert inside.mean() > 0.7


def test_weights_that_are_shared_make_no_map():
    same = np.broadcast_to(np.array([10.0, 70.0])[:, None, None], (2, 6, 6)).copy()
    same[0, 2, 3] = np.nan
    [found] = topography(units_of(same)).to_dict("records")
    assert found["similarity"] == pytest.approx(1)
    assert found["p"] == 1
    assert found["pinwheels"] == 0


class Sheet(nn.Module):
    """Gabor filters, each site with its own; orientations turn around the middle."""

    def __init__(self, sites=5, side=11, stride=8):
        super().__init__()
        y, x = np.mgrid[:sites, :sites] - (sites - 1) / 2
        self.orientation = np.rad2deg(np.arctan2(-y, x + 1e-9)) / 2 % 180
        across, down = np.meshgrid(*2 * [np.arange(side) - side // 2])
        turn = np.deg2rad(self.orientation.ravel())[:, None, None]
        wave = np.cos(2 * np.pi * 0.14 * (np.sin(turn) * across + np.cos(turn) * down))
        gabor = np.exp(-(across**2 + down**2) / 14) * wave
        gabor -= gabor.mean((1, 2), keepdims=True)
        self.weight = nn.Parameter(torch.tensor(gabor.reshape(len(gabor), -1)).float())
        self.patches = nn.Unfold(side, stride=stride)
        self.units = nn.ReLU()

    def forward(self, images):
        seen = self.patches(images)
        n = round(len(self.weight) ** 0.5)
        return self.units((seen * self.weight.T).sum(1).reshape(len(seen), 1, n, n))


def test_the_map_of_a_sheet_of_filters_is_recovered():
    model = Sheet()
    results = insilico.run(
        model,
        ["units"],
        protocols=["orientation"],
        place=insilico.Placement(Position(), sites="all"),
        display=Display.square(43, 5.0),
        channels=1,
        quick=True,
        most_units="all",
    )
    maps = sheet_maps(results.units, "units")
    assert maps.shape == (1, 5, 5)
    off = (maps[0] - model.orientation + 90) % 180 - 90
    # The one in the middle of the pinwheel has an orientation all the same.
    assert np.abs(off).median() < 3
    [found] = topography(results.units).to_dict("records")
    assert found["p"] < 0.05
    figure = topography_page(maps, similarity_over_distance(maps))
    assert len(figure.axes) == 3


def test_what_is_no_map_is_refused():
    units = units_of(np.zeros((1, 2, 4)))
    with pytest.raises(insilico.UserError, match="at least 3 x 3 sites, and 2 x 4 of 'sheet'"):
        topography(units)
    with pytest.raises(insilico.UserError, match="comes round and was measured: preferred_orient"):
        topography(units, of="circular_variance")
