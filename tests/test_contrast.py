"""Contrast response and contrast by size: closed forms, curves known by hand, and a whole run."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from known_cells import DISPLAY, both

import insilico
from insilico.experiments import contrast as experiments
from insilico.experiments.batteries import find_battery
from insilico.experiments.measuring import measure
from insilico.models.textbook.normalized_units import draw_normalized
from insilico.runs.sampling import left_out, sampled
from insilico.tuning.properties import contrast as properties
from insilico.tuning.properties import contrast_tuning, size

DIAMETER = 1.1
CONTRASTS = experiments.CONTRASTS


@pytest.fixture(scope="module")
def units():
    return draw_normalized(8, display=DISPLAY, seed=11)


def test_how_widths_change_with_contrast_is_recovered_from_pixels(units, monkeypatch):
    # Half of the conditions are as good, for cells this broad.
    monkeypatch.setattr(experiments, "ORIENTATIONS", np.arange(0, 180, 15.0))
    monkeypatch.setattr(experiments, "quarter_octaves", lambda display: 2 ** np.arange(-1, 3, 0.5))
    cell = units.iloc[[1]]
    by_orientation = both(experiments.CONTRAST_ORIENTATION, cell, diameter=DIAMETER)
    by_frequency = both(experiments.CONTRAST_FREQUENCY, cell, diameter=DIAMETER)
    found, truth = by_orientation["orientation_width_contrast_slope"]
    np.testing.assert_allclose(found, truth, atol=0.3)
    # Invariant, as normalization makes it.
    assert np.abs(truth).max() < 1
    for name in ("frequency_width_contrast_slope", "frequency_width_ratio"):
        found, truth = by_frequency[name]
        assert np.isfinite(truth).all()
        np.testing.assert_allclose(found, truth, atol=0.03)


# Curves known by hand


def tuned_to_orientation(spreads):
    """Gaussian tuning whose standard deviation is given for each contrast."""
    orientation = np.arange(0, 180, 7.5)
    away = (orientation - 60 + 90) % 180 - 90
    values = 30 * np.exp(-((away / np.array(spreads)[:, None]) ** 2) / 2)
    return xr.DataArray(
        values[None],
        dims=("unit", "contrast", "orientation"),
        coords={
            "contrast": experiments.WIDTH_CONTRASTS,
            "orientation": orientation,
            "layer": ("unit", ["v1"]),
        },
        attrs={"units": "spikes/s"},
    )


def test_slope_and_ratio_of_widths_by_hand():
    """A Gaussian falls to 1/sqrt 2 at sqrt(ln 2) standard deviations."""
    tuned = tuned_to_orientation([10, 12, 14, 16])
    slope = contrast_tuning.orientation_width_contrast_slope(tuned).item()
    assert slope == pytest.approx(2 * np.sqrt(np.log(2)), abs=0.05)
    ratio = contrast_tuning.orientation_width_ratio(tuned).item()
    assert ratio == pytest.approx(12 / 16, abs=0.01)


def test_contrasts_that_do_not_drive_a_unit_have_no_width():
    tuned = tuned_to_orientation([10, 12, 14, 16])
    weak = tuned.where(tuned["contrast"] > 0.3, 0.01 * tuned)
    slope = contrast_tuning.orientation_width_contrast_slope(weak).item()
    assert slope == pytest.approx(2 * np.sqrt(np.log(2)), abs=0.05)
    assert np.isnan(contrast_tuning.orientation_width_ratio(weak).item())
    only = tuned.where(tuned["contrast"] > 0.7, 0.01 * tuned)
    assert np.isnan(contrast_tuning.orientation_width_contrast_slope(only).item())


def curve(values, **coords):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    contrasts = coords.pop("contrast", CONTRASTS)
    return xr.DataArray(
        values,
        dims=("unit", "contrast"),
        coords={"contrast": contrasts, "layer": ("unit", ["v1"] * len(values))},
        attrs={"units": "spikes/s"},
    )


def naka_rushton(c50, exponent, maximum=40.0):
    return maximum * CONTRASTS**exponent / (CONTRASTS**exponent + c50**exponent)


on_a_curve = replace(experiments.CONTRAST, curve=lambda curve: curve)


def half_peak(shown):
    return properties.contrast_fit(shown)["contrast_half_peak"].item()


def test_half_peak_is_below_c50_as_the_formula_says():
    """Where the response to contrast 1 is the peak: c50 (1 + 2 c50^n)^(-1/n)."""
    c50, n = 0.3, 2.0
    found = half_peak(curve(naka_rushton(c50, n)))
    assert found == pytest.approx(c50 * (1 + 2 * c50**n) ** (-1 / n), rel=0.02)


def test_threshold_and_gain_by_hand():
    tuned = curve(naka_rushton(0.2, 2.0))
    shown = CONTRASTS[CONTRASTS**2 * 40 >= 5 * (CONTRASTS**2 + 0.04)]
    assert properties.contrast_threshold(tuned).item() == shown.min()
    line = curve(np.append(0, np.arange(12.0)))
    octaves = np.log2(CONTRASTS[2] / CONTRASTS[1])
    assert properties.contrast_gain(line).item() == pytest.approx(1 / octaves)


def test_threshold_on_activations_is_a_share_of_the_layer():
    pair = curve([naka_rushton(0.2, 2.0), 0.01 * naka_rushton(0.2, 2.0)]).assign_attrs(units="1")
    low, high = properties.contrast_threshold(pair).to_numpy()
    assert np.isfinite(low)
    assert np.isnan(high)


def test_falling_responses_have_a_half_peak_and_a_supersaturation():
    falling = CONTRASTS**2 / (CONTRASTS**2.8 + 0.2**2)
    found = curve(falling)
    peak = falling.max()
    assert properties.contrast_supersaturation(found).item() == pytest.approx(
        1 - falling[-1] / peak
    )
    half = half_peak(found)
    assert np.interp(half, CONTRASTS, falling) == pytest.approx(peak / 2, rel=0.05)


def test_one_fit_gives_several_properties_that_say_what_each_is():
    measured = measure(on_a_curve, curve(naka_rushton(0.2, 2.0)))
    definitions = {name: value.attrs["definition"] for name, value in measured.properties.items()}
    assert definitions["contrast_exponent"].startswith("Exponent of a Naka-Rushton curve")
    assert len(set(definitions.values())) == len(definitions)


def test_linear_responses_have_no_c50():
    linear = curve(CONTRASTS * 30)
    assert np.isnan(properties.contrast_c50(linear).item())
    assert np.isnan(half_peak(linear))
    assert properties.contrast_supersaturation(linear).item() == 0


def test_silent_units_have_nothing():
    silent = curve(np.zeros(13))
    for name, value in measure(on_a_curve, silent).properties.items():
        assert np.isnan(value.item()), name


def test_optimal_diameter_needs_no_suppression():
    diameters = np.geomspace(0.2, 8, 28)
    rising = xr.DataArray(
        [1 - np.exp(-((diameters / 1.0) ** 2))],
        dims=("unit", "diameter"),
        coords={"diameter": diameters},
    )
    expected = np.sqrt(-np.log(0.05))
    assert size.optimal_diameter(rising).item() == pytest.approx(expected, rel=0.02)
    assert np.isnan(size.grating_summation_field(rising).item())


# A whole run


@pytest.mark.slow
def test_a_run_measures_at_the_units_own_optimum():
    model = insilico.load_model("textbook:normalization", n=4, seed=3)
    results = insilico.run(model, battery="contrast")
    units = results.units
    drawn = model.units
    off = (units["preferred_orientation"].to_numpy() - drawn["orientation"] + 90) % 180 - 90
    assert np.abs(off).max() < 2
    assert np.abs(units["receptive_field_x"].to_numpy() - drawn["x"]).max() < 0.1
    assert units["contrast_half_peak"].notnull().all()
    assert find_battery("contrast").battery.name == "contrast"


def test_few_units_are_drawn_with_a_seed_and_the_others_counted():
    table = pd.DataFrame({"layer": ["a"] * 5 + ["b"] * 3, "channel": [*range(5), *range(3)]})
    few = sampled(table, 3, seed=1)
    assert few.groupby("layer").size().to_dict() == {"a": 3, "b": 3}
    assert few.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(few, sampled(table, 3, seed=1))
    assert {tuple(sampled(table, 3, seed=seed).index) for seed in range(8)} != {tuple(few.index)}
    [note] = left_out(table, few)
    assert note.startswith("a: 3 of 5 units were drawn at random")
    assert sampled(table, None, seed=1) is table


def test_how_many_units_a_run_records():
    model = insilico.load_model("textbook:control", n=6)
    plain = {"battery": "contrast", "protocols": "orientation", "seed": 2}
    results = insilico.run(model, most_units=2, **plain)
    assert results.units.sizes["unit"] == 2
    assert any("2 of 6 units were drawn" in note for note in results.warnings)
    assert insilico.run(model, most_units="all", **plain).units.sizes["unit"] == 6
    with pytest.raises(insilico.UserError, match="most_units must be a number of units"):
        insilico.run(model, most_units=0, **plain)
