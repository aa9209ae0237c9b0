"""The scorecard: shares, intervals, and what is not measured."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import insilico
from insilico.comparison.phenomena import share_interval
from insilico.comparison.phenomena_list import PHENOMENA
from insilico.experiments import contrast as experiments
from insilico.experiments.batteries import find_battery
from insilico.tuning.properties import contrast as properties
from insilico.tuning.properties.plaids import mask_contrast_effect
from insilico.tuning.properties.spatial_frequency import high_frequency_fall

SCORECARDS = Path(__file__).parents[1] / "docs" / "scorecards"


def table(n=40, **properties):
    return xr.Dataset(
        {name: ("unit", np.broadcast_to(values, n)) for name, values in properties.items()},
        coords={"layer": ("unit", ["v1"] * n), "channel": ("unit", np.arange(n))},
    )


def row(units, number):
    found = insilico.scorecard(units)
    return found[found["number"] == number].iloc[0]


def test_there_are_thirty_and_each_is_measured():
    assert [each.number for each in PHENOMENA] == list(range(1, 31))
    for each in PHENOMENA:
        assert each.needs


def test_what_is_measured_is_measured_by_the_battery():
    rehearsed = find_battery("phenomena").battery.rehearsed.values()
    names = {name for protocol in rehearsed for name in protocol.properties}
    assert {name for each in PHENOMENA for name in each.needs} <= names


def test_the_linear_control_stands_beside_as_it_was_measured():
    card = insilico.scorecard(table(suppression_index=0.4)).set_index("number")
    known = pd.read_csv(SCORECARDS / "control.csv").set_index("number")["share"]
    np.testing.assert_allclose(card["control"], known, atol=1e-4)
    # What is put down to normalization and surrounds.
    assert (card.loc[[1, 2, 7, 8, 10, 11, 12, 18, *range(20, 28)], "control"] == 0).all()


def test_the_table_of_the_page_is_that_of_its_columns():
    made = runpy.run_path(str(SCORECARDS.with_suffix(".py")))
    assert made["table"]() == (SCORECARDS / "table.inc").read_text(encoding="utf-8")
    # Known cells show what is put down to normalization, but for what takes gains that half lack.
    cards = made["columns"]()
    shown = cards["normalization"].set_index("number")["shown"]
    for number in (1, 2, 7, 9, 10, 11, 12, 18, *range(20, 27)):
        assert shown[number] == "yes", number


def test_a_model_shows_what_more_than_half_of_its_units_show():
    index = np.where(np.arange(40) < 30, 0.4, 0.0)
    shown = row(table(suppression_index=index), 1)
    assert shown["share"] == 0.75
    assert shown["share_low"] > 0.5
    assert shown["shown"] == "yes"
    # Half of the units are no more than half.
    half = row(table(suppression_index=np.where(np.arange(40) < 22, 0.4, 0.0)), 1)
    assert half["shown"] == "no"


def test_what_has_no_value_counts_as_not_shown():
    index = np.where(np.arange(40) < 10, 0.4, np.nan)
    found = row(table(suppression_index=index), 1)
    assert found["share"] == 0.25
    assert found["n_undefined"] == 30
    assert found["effect"] == 0.4
    never = row(table(suppression_index=np.nan), 1)
    assert never["shown"] == "no"
    assert never["why"] == "no unit has a value"


def test_thresholds_from_above_and_from_below():
    slope = row(table(orientation_width_contrast_slope=-1.5), 17)
    assert slope["shown"] == "no"
    assert row(table(orientation_width_contrast_slope=-0.5), 17)["shown"] == "yes"
    linear = {"contrast_log_slope_low": 1.0, "contrast_log_slope_high": 1.0}
    squared = {"contrast_log_slope_low": 2.0, "contrast_log_slope_high": 2.0}
    sigmoid = {"contrast_log_slope_low": 2.0, "contrast_log_slope_high": 0.3}
    assert [row(table(**each), 7)["shown"] for each in (linear, squared, sigmoid)] == [
        "no", "no", "yes",
    ]  # fmt: skip
    surrounds = {
        "iso_surround_response": 0.6,
        "orthogonal_surround_response": 0.8,
        "iso_surround_response_low_contrast": 0.4,
        "orthogonal_surround_response_low_contrast": 0.7,
    }
    assert row(table(**surrounds), 27)["effect"] == pytest.approx(0.1)
    assert row(table(**surrounds), 26)["effect"] == pytest.approx(0.4)


def test_what_was_not_measured_is_never_shown():
    found = insilico.scorecard(table(suppression_index=0.4))
    rest = found[found["number"] != 1]
    assert (rest["shown"] == "not measured").all()
    assert rest["why"].str.len().min() > 10
    assert rest["share"].isna().all()


def test_models_side_by_side():
    found = insilico.scorecard({"a": table(suppression_index=0.4), "b": table()})
    assert found.groupby("model").size().to_dict() == {"a": 30, "b": 30}


def test_sites_of_a_channel_are_one_cell():
    shown = np.array([True] * 10 + [False] * 10)
    alone = share_interval(shown, np.arange(20))
    repeated = share_interval(np.repeat(shown, 5), np.repeat(np.arange(20), 5))
    assert alone == pytest.approx(repeated)
    assert share_interval(np.ones(64, dtype=bool), np.arange(64)).low > 0.9


def test_slopes_of_the_contrast_response_by_hand():
    contrasts = experiments.CONTRASTS
    shown = xr.DataArray(
        [40 * contrasts**2 / (contrasts**2 + 0.2**2), 40 * contrasts],
        dims=("unit", "contrast"),
        coords={"contrast": contrasts, "layer": ("unit", ["v1"] * 2)},
        attrs={"units": "spikes/s"},
    )
    low = properties.contrast_log_slope_low(shown).to_numpy()
    assert low[0] == pytest.approx(2, abs=0.1)
    assert low[1] == pytest.approx(1)
    high = properties.contrast_log_slope_high(shown).to_numpy()
    assert 0 < high[0] < 0.3
    assert high[1] == pytest.approx(1)


def test_masking_by_contrast_and_falls_by_hand():
    contrasts = np.array([0, 0.06, 0.12, 0.25, 0.5])
    energy = contrasts[:, None] ** 2 + contrasts**2
    plaid = xr.DataArray(
        (40 * contrasts[:, None] ** 2 / (0.1**2 + energy))[None],
        dims=("unit", "contrast", "mask_contrast"),
        coords={"contrast": contrasts, "mask_contrast": contrasts, "layer": ("unit", ["v1"])},
        attrs={"units": "spikes/s"},
    )
    alone, faint, strong = (1 / (0.01 + 0.25**2 + m**2) for m in (0, 0.06, 0.5))
    assert mask_contrast_effect(plaid).item() == pytest.approx((faint - strong) / alone)
    tuned = xr.DataArray(
        [[1.0, 4.0, 1.0]],
        dims=("unit", "spatial_frequency"),
        coords={"spatial_frequency": [1.0, 2.0, 4.0]},
    )
    assert high_frequency_fall(tuned).item() == pytest.approx(0.75)
