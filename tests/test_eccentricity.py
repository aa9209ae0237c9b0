"""Eccentricity: fields all over the display, and slopes of what grows with their distance."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.comparison.eccentricity import eccentricity_slopes
from insilico.experiments.batteries import find_battery
from insilico.experiments.eccentricity import field_maps, spots_everywhere
from insilico.experiments.scope import lacking
from insilico.figures.eccentricity import eccentricity_page
from insilico.figures.plates import plates
from insilico.models.card import ModelCard
from insilico.models.textbook.log_polar import CENTRE, CYCLES, GROWTH, LogPolar
from insilico.recording.probe import Probe
from insilico.tuning.properties import eccentricity as properties
from stimuli import Display, Position

# The period grows by so much per deg.
PERIOD_SLOPE = GROWTH / CYCLES


@pytest.fixture(scope="module")
def model():
    return insilico.load_model("textbook:log_polar", seed=1)


@pytest.fixture(scope="module")
def results(model):
    return insilico.run(model, battery="eccentricity")


def gaussian_maps(sigma, x=0.0, y=0.0):
    """Maps of fields on 8 deg, by formula: energies of envelopes, blurred by the spots."""
    conditions = spots_everywhere(Display.square(24, 8), Position()).conditions
    places = conditions["offset_x"].unique()
    sigma, x, y = (np.broadcast_to(each, len(sigma))[:, None, None] for each in (sigma, x, y))
    along, across = np.meshgrid(places, places, indexing="ij")
    # The variance of a disk along a line is a sixteenth of its squared diameter.
    spread = sigma**2 + conditions["diameter"].iloc[0] ** 2 / 16
    values = np.exp(-((along - y) ** 2 + (across - x) ** 2) / spread)
    nowhere = ("unit", np.zeros(len(sigma)))
    return xr.DataArray(
        values,
        dims=("unit", "offset_y", "offset_x"),
        coords={"offset_y": places, "offset_x": places, "centre_x": nowhere, "centre_y": nowhere},
    )


def test_slopes_are_those_of_the_front_end(model, results):
    lines = eccentricity_slopes(results.units).set_index("property")
    # The same estimator on the envelopes themselves.
    known = model.units.sort_values("eccentricity")
    truth = np.polyfit(
        known["eccentricity"],
        properties.field_diameter(
            gaussian_maps(*(known[name].to_numpy() for name in ("sigma_across", "x", "y")))
        ).to_numpy(),
        1,
    )
    assert lines.loc["field_diameter", "slope"] == pytest.approx(truth[0], rel=0.05)
    period = lines.loc["preferred_period"]
    assert period["slope"] == pytest.approx(PERIOD_SLOPE, rel=0.05)
    assert period["intercept"] == pytest.approx(CENTRE / CYCLES, rel=0.05)
    assert period["slope_low"] < period["slope"] < period["slope_high"]
    off = np.deg2rad(known["orientation"] - known["polar_angle"])
    assert lines.loc["radial_bias", "mean"] == pytest.approx(np.cos(2 * off).mean(), abs=0.02)


def test_units_are_found_where_they_look(model, results):
    known = model.units.iloc[results.units["channel"].to_numpy()]
    for place, truth in (("eccentricity", known["eccentricity"]),):
        np.testing.assert_allclose(results.units[place], truth, atol=0.03)
    off = (results.units["polar_angle"].to_numpy() - known["polar_angle"] + 180) % 360 - 180
    assert np.abs(off).max() < 1


def test_the_page_draws_the_lines(results):
    page = next(plate for plate in plates(results) if plate.name == "eccentricity")
    assert "not compared with" in page.caption
    assert len(page.numbers) == 40
    assert page.figure.axes[0].get_title().startswith("slope 0.1")


def test_channels_are_resampled_with_all_of_their_sites():
    """A property that differs by channel alone is no surer for being read at many sites."""
    rng = np.random.default_rng(0)
    channel = np.repeat(np.arange(8), 50)
    units = xr.Dataset(
        {
            "eccentricity": ("unit", rng.uniform(0, 4, 400)),
            "preferred_period": ("unit", rng.normal(size=8)[channel]),
        },
        coords={"layer": ("unit", ["a"] * 400), "channel": ("unit", channel)},
    )
    [line] = eccentricity_slopes(units).to_dict("records")
    assert line["mean_high"] - line["mean_low"] > 0.5
    alone = units.assign_coords(channel=("unit", np.arange(400)))
    [line] = eccentricity_slopes(alone).to_dict("records")
    assert line["mean_high"] - line["mean_low"] < 0.3


def test_too_few_units_have_no_slope():
    units = xr.Dataset(
        {"eccentricity": ("unit", [1.0, 2, 3, np.nan]), "radial_bias": ("unit", [1.0, 0, 1, 1])},
        coords={"layer": ("unit", ["a"] * 4), "channel": ("unit", range(4))},
    )
    [line] = eccentricity_slopes(units).to_dict("records")
    assert line["n"] == 3
    assert np.isnan(line["slope"])
    with pytest.raises(insilico.UserError, match="run battery='eccentricity'"):
        eccentricity_slopes(units.drop_vars("eccentricity"))


def test_units_that_look_at_one_place_have_no_slope():
    """A few hundredths of a degree of scatter would make any slope."""
    rng = np.random.default_rng(0)

    def line(spread):
        units = xr.Dataset(
            {
                "eccentricity": ("unit", 1 + spread * rng.uniform(size=30)),
                "field_diameter": ("unit", rng.uniform(0.5, 1.5, 30)),
            },
            coords={"layer": ("unit", ["a"] * 30), "channel": ("unit", range(30))},
        )
        [found] = eccentricity_slopes(units).to_dict("records")
        return found

    assert np.isfinite(line(4)["slope"])
    scattered = line(0.05)
    assert scattered["n"] == 30
    assert np.isnan(scattered["slope"])
    numbers = pd.DataFrame({"eccentricity": 1 + 0.05 * rng.uniform(size=30)}).assign(
        field_diameter=1.0, preferred_period=0.5, radial_bias=0.2, layer="a", channel=range(30)
    )
    page = eccentricity_page(numbers, width=7)
    assert {ax.get_title() for ax in page.axes} == {"no slope"}


def test_radial_bars_point_to_the_centre():
    curve = gaussian_maps([0.4, 0.4, 0.4]).assign_coords(
        centre_x=("unit", [2.0, 0.0, 0.1]),
        centre_y=("unit", [2.0, -2.0, 0.0]),
        preferred_orientation=("unit", [45.0, 0.0, 45.0]),
    )
    # On a diagonal; below the centre and horizontal; too near to it to say.
    np.testing.assert_allclose(properties.radial_bias(curve), [1, -1, np.nan], atol=1e-12)


class Pool(nn.Module):
    """One filter all over the display."""

    def __init__(self):
        super().__init__()
        self.filter = nn.Conv2d(3, 2, 5, stride=4, bias=False)
        nn.init.ones_(self.filter.weight)

    def forward(self, images):
        return torch.relu(self.filter(images - 0.5))


def test_sites_of_a_network_are_found_where_they_look():
    display = Display.square(32, 4)
    probe = insilico.Probe(Pool(), ["filter"], display=display, sites="lattice")
    shown = spots_everywhere(display, Position())
    curve = field_maps(probe.record(shown))
    # The middles of their windows, which is not where an even division would put them.
    x = (4 * curve["column"] + 2 - 15.5) / 8
    y = (15.5 - 4 * curve["row"] - 2) / 8
    found = properties.eccentricity(curve).to_numpy()
    inside = np.isfinite(found)
    # All but those at the upper and the left border, whose fields reach it.
    assert inside.sum() == 2 * 16
    np.testing.assert_allclose(found[inside], np.hypot(x, y)[inside], atol=0.03)


def test_the_front_end_needs_room_and_grey_pictures():
    with pytest.raises(insilico.UserError, match="and 8 deg on a side; got"):
        LogPolar(degrees=4)
    with pytest.raises(insilico.UserError, match="Give one grey channel"):
        LogPolar()(torch.zeros(1, 3, 64, 64))


def test_everything_leaves_out_places_that_nothing_says():
    full = find_battery("full").battery
    named = find_battery("eccentricity").battery
    display = Display.square(16, 4.0)
    card = ModelCard("flat", display, channels=1)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    vector = Probe(flat, ["1"], display=display, channels=1)
    needed = lacking(card, vector)
    assert full["eccentricity"].needs in needed
    assert needed["known places"].startswith("nothing says where the units of 1 look")
    # Asked for by its name, it is done: they may look at several places.
    assert named["eccentricity"].needs not in needed
    maps = nn.Conv2d(1, 2, 3, padding=1)
    one = lacking(card, Probe(maps, ["output"], display=display, channels=1))
    several = lacking(card, Probe(maps, ["output"], display=display, channels=1, sites="lattice"))
    for battery in (full, named):
        assert battery["eccentricity"].needs in one
        assert battery["eccentricity"].needs not in several
