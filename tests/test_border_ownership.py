"""Border ownership: the same edge on either side of a figure, and cells that know which."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.experiments.border_ownership import (
    border_curve,
    border_squares,
    coloured_borders,
    edge_with_room,
)
from insilico.figures.plates import plates
from insilico.models.textbook.border import BorderOwners, draw_border_units
from insilico.tuning.properties.border_ownership import border_ownership_ratio, polarity_ratio
from stimuli import Display, Position, cone_square, square

DISPLAY = Display.square(60, 6)


@pytest.fixture(scope="module")
def model():
    return insilico.load_model("textbook:border_ownership", n=4, seed=2)


def curve_of(*responses):
    """Units from responses (side, polarity): A and C on one side, B and D on the other."""
    return xr.DataArray(
        np.array(responses, dtype=float),
        dims=("unit", "side", "polarity"),
        coords={
            "side": [-1.0, 1.0],
            "polarity": [-1.0, 1.0],
            "layer": ("unit", ["a"] * len(responses)),
        },
        attrs={"units": "spikes/s"},
    )


# The squares


@pytest.mark.parametrize("orientation", [0.0, 35.0, 90.0])
def test_sides_differ_only_beyond_the_edge(orientation):
    shown = border_squares(
        DISPLAY, Position(0.2, -0.1), orientation=orientation, spatial_frequency=2.0
    )
    table = shown.conditions
    images = {
        (row.side, row.polarity): shown.images([row.Index])[0, 0]
        for row in table[table["place"] == 0].itertuples()
    }
    row, column = np.abs(DISPLAY.y() + 0.1).argmin(), np.abs(DISPLAY.x() - 0.2).argmin()
    near = (slice(row - 5, row + 6), slice(column - 5, column + 6))
    for polarity in (-1, 1):
        apart = images[1, polarity][near] - images[-1, -polarity][near]
        assert apart.abs().max() < 1e-5
        assert not torch.equal(images[1, polarity], images[-1, -polarity])
        # A third of the display wide, as light as can be on black, or the other way round.
        light = float(images[1, polarity].mean())
        assert light == pytest.approx(1 / 9 if polarity > 0 else 8 / 9, abs=1e-3)


def test_a_side_is_one_or_the_other():
    with pytest.raises(ValueError, match="side must be 1 or -1; got 0"):
        square(DISPLAY, width=1, side=[1, 0])


def test_the_figure_lies_where_the_phase_grows():
    right = square(DISPLAY, width=2)[0, 0]
    assert right[30, 31] == 1
    assert right[30, 28] == 0.5
    below = square(DISPLAY, width=2, orientation=0)[0, 0]
    assert below[31, 30] == 1
    assert below[28, 30] == 0.5


def test_units_without_room_for_a_square_are_shown_nothing():
    places = [0.0, 0.7, 0.9]
    units = xr.Dataset(
        {
            "strongest_orientation": ("unit", [90.0] * 3),
            "preferred_spatial_frequency": ("unit", [2.0] * 3),
            "receptive_field_x": ("unit", places),
            "receptive_field_y": ("unit", places),
        },
        coords={"x": ("unit", places), "y": ("unit", places)},
        attrs={"px_per_deg": 10.0, "degrees": 6.0},
    )
    # 6 deg: squares of 2 deg need their edge within 1 deg of the centre.
    assert edge_with_room(units)["x"].isna().tolist() == [False, False, True]


# In colour


RED_AND_GREEN = pd.DataFrame({"red": [0.6, 0.4], "green": [0.45, 0.55], "blue": [0.5, 0.5]})


def test_squares_have_the_colours_of_a_table():
    protocol = coloured_borders(RED_AND_GREEN, ground=(0.6, 0.6, 0.6))
    display = Display.square(60, 6, background=(0.5, 0.45, 0.4))
    shown = protocol.stimuli(display, Position(), orientation=90.0, spatial_frequency=2.0)
    table = shown.conditions
    middle = (table["place"] == 0) & (table["side"] == 1)
    for colour, polarity in ((0, 1), (1, -1)):
        row = middle & (table["colour"] == colour) & (table["polarity"] == polarity)
        [picture] = shown.images(np.flatnonzero(row))
        named, grey = RED_AND_GREEN.iloc[colour].to_numpy(), np.full(3, 0.6)
        inside, outside = (named, grey) if polarity > 0 else (grey, named)
        np.testing.assert_allclose(picture[:, 30, 33], inside, atol=1e-6)
        np.testing.assert_allclose(picture[:, 30, 26], outside, atol=1e-6)


class Redness(nn.Module):
    """Two units: how much redder than green the two sides of the middle are."""

    def forward(self, images):
        red = torch.relu(images[:, 0] - images[:, 1])
        return torch.stack(
            [red[:, 25:35, 30:35].mean((1, 2)), red[:, 25:35, 25:30].mean((1, 2))], 1
        )


def test_units_are_judged_at_the_colour_they_like_best():
    display = Display.square(60, 6)
    protocol = coloured_borders(RED_AND_GREEN, ground=(0.6, 0.6, 0.6))
    probe = insilico.Probe(Redness(), ["output"], display=display)
    curve = protocol.curve(probe.record(protocol.stimuli(display, Position())))
    # Red figures, or grey ones on red: with the edge at its best place each side is red once.
    assert (curve["colour"] == 0).all()
    assert border_ownership_ratio(curve).to_numpy() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("table", "ground", "message"),
    [
        (RED_AND_GREEN.drop(columns="red"), (0.5, 0.5, 0.5), "columns red, green and blue"),
        (RED_AND_GREEN, (0.5, 0.5), "ground three numbers"),
        (2 * RED_AND_GREEN, (0.5, 0.5, 0.5), "between 0 and 1; got "),
        (RED_AND_GREEN.assign(red=["dim", 0.4]), (0.5, 0.5, 0.5), "got dim, 0.45"),
    ],
)
def test_tables_that_are_no_colours_are_refused(table, ground, message):
    with pytest.raises(insilico.UserError, match=message):
        coloured_borders(table, ground=ground)


def test_a_square_may_be_brighter_than_a_grating():
    """It has no trough: only its own colour has to lie within what the display shows."""
    dim = Display.square(20, 4, background=0.2)
    light = {"l_contrast": 3.0, "m_contrast": 3.0, "s_contrast": 3.0}
    assert float(cone_square(dim, width=1, **light).max()) == pytest.approx(0.8)
    with pytest.raises(ValueError, match=r"largest of this colour are L 4, M 4, S 4"):
        cone_square(dim, width=1, **dict.fromkeys(light, 4.5))


# The ratio


def test_the_ratio_is_that_of_the_formula():
    both, polar, owner, silent = (
        [[20, 10], [30, 30]],
        [[0, 30], [30, 0]],
        [[-5, -2], [10, 10]],
        [[1, 2], [1, 3]],
    )
    curve = curve_of(both, polar, owner, silent)
    np.testing.assert_allclose(border_ownership_ratio(curve), [0.5, 1, 0, np.nan])
    # Edges that are light on the right: light squares there, dark ones on the left.
    np.testing.assert_allclose(polarity_ratio(curve), [40 / 50, 0, 1, np.nan])


# Cells that know


def test_the_cells_give_what_their_formula_says(model):
    probe = insilico.Probe(model, ["v1"], display=model.card.display, channels=1)
    for unit, row in model.units.iterrows():
        shown = border_squares(
            model.card.display,
            Position(),
            orientation=row["orientation"],
            spatial_frequency=row["spatial_frequency"],
        )
        curve = border_curve(probe.record(shown).isel(unit=[unit]))
        found = border_ownership_ratio(curve).item()
        assert found == pytest.approx(model.border_ownership_ratio()[unit], abs=2e-3)
        assert polarity_ratio(curve).item() == pytest.approx(1, abs=2e-3)


def test_a_run_finds_the_edge_of_each_unit_and_draws_the_page(model):
    results = insilico.run(model, battery="border_ownership", quick=True)
    found = results.units["border_ownership_ratio"]
    np.testing.assert_allclose(found, model.border_ownership_ratio(), atol=0.05)
    assert "zhou2000.border_ownership_ratio" in set(results.comparison["reference"])
    page = next(plate for plate in plates(results) if plate.name == "border_ownership")
    assert len(page.numbers) == 4
    assert page.numbers[["before", "after"]].max(axis=1).eq(1).all()


def test_cells_need_room_and_grey_pictures():
    with pytest.raises(insilico.UserError, match=r"at least 8\.9 px/deg and 5\.9 deg"):
        draw_border_units(2, display=Display.square(64, 4))
    with pytest.raises(insilico.UserError, match="Give one grey channel"):
        BorderOwners(n=1)(torch.zeros(1, 3, 64, 64))
