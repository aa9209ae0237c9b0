"""Contrast response and contrast by size: closed forms, curves known by hand, and a whole run."""

import numpy as np
import pytest
import torch
import xarray as xr

import insilico
from insilico.experiments import contrast as experiments
from insilico.experiments.batteries import find_battery
from insilico.experiments.measuring import measure
from insilico.models.textbook.closed_form import recorded
from insilico.models.textbook.normalization import NormalizedPopulation
from insilico.models.textbook.normalized_truth import amplitudes
from insilico.models.textbook.normalized_units import draw_normalized, pool
from insilico.recording.schema import label
from insilico.tuning.properties import contrast as properties
from insilico.tuning.properties import size
from stimuli import Display, Position

DISPLAY = Display.square(96, 6)
DIAMETER = 1.1
CONTRASTS = experiments.CONTRASTS


def labelled(responses, stimuli):
    import pandas as pd

    return label(
        responses,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=pd.DataFrame(
            {
                "layer": "v1",
                "channel": range(len(responses)),
                "row": 0,
                "column": 0,
                "x": 0.0,
                "y": 0.0,
            }
        ),
        blank=np.zeros(len(responses)),
        attrs={"units": "spikes/s"},
    )


def both(protocol, units, **fixed):
    """Properties of each unit, shown its own grating: from pixels, and in closed form."""
    tables = []
    for i in range(len(units)):
        unit = units.iloc[[i]]
        preference = {k: float(unit[k].iloc[0]) for k in ("orientation", "spatial_frequency")}
        place = Position(float(unit["x"].iloc[0]), float(unit["y"].iloc[0]))
        stimuli = protocol.stimuli(DISPLAY, place, **preference, **fixed)
        model = NormalizedPopulation(units=unit)
        with torch.inference_mode():
            pixels = torch.cat(
                [model(stimuli.images(slice(k, k + 64))) for k in range(0, len(stimuli), 64)]
            )
        found = []
        for responses in (pixels.double().numpy().T, recorded(unit, stimuli)):
            measured = measure(protocol, labelled(responses, stimuli))
            found.append({k: v.item() for k, v in measured.properties.items()})
        tables.append(found)
    return {
        name: np.array([[one[name] for one in found] for found in tables]).T
        for name in tables[0][0]
    }


@pytest.fixture(scope="module")
def units():
    return draw_normalized(8, display=DISPLAY, seed=11)


@pytest.fixture(scope="module")
def contrast(units):
    return both(experiments.CONTRAST, units, diameter=DIAMETER)


@pytest.fixture(scope="module")
def by_size(units):
    return both(experiments.CONTRAST_SIZE, units)


@pytest.mark.parametrize(
    ("name", "relative", "absolute"),
    [
        ("contrast_c50", 0.01, 0),
        ("contrast_exponent", 0.01, 0),
        ("contrast_half_peak", 0.02, 0),
        ("contrast_supersaturation", 0, 0.015),
        ("contrast_gain", 0.02, 0),
        ("contrast_fit_r2", 0, 1e-3),
    ],
)
def test_contrast_response_is_recovered_from_pixels(contrast, name, relative, absolute):
    found, truth = contrast[name]
    assert np.isfinite(truth).any()
    np.testing.assert_allclose(found, truth, rtol=relative, atol=absolute)


def test_supersaturation_in_the_mean(contrast):
    found, truth = contrast["contrast_supersaturation"]
    assert np.abs(found - truth).mean() < 0.01


def test_c50_and_exponent_are_literally_those_of_cells_without_surround(units, contrast):
    free = ((units["response_gain"] == 0) & (units["contrast_gain"] == 0)).to_numpy()
    # The power of a rectified linear response is the cell's own; its pool's ripple is small.
    assert free.sum() == 2
    for i in np.flatnonzero(free):
        unit = units.iloc[[i]]
        own = {k: unit[k].item() for k in ("orientation", "spatial_frequency", "x", "y")}
        [patch] = amplitudes(unit, **own, diameters=[DIAMETER])
        ahead, behind = patch.pool
        energy = (pool(unit).weight.reshape(1, -1) * (abs(ahead) ** 2 + abs(behind) ** 2) / 4).sum()
        c50 = unit["semisaturation"].item() / np.sqrt(energy)
        assert contrast["contrast_c50"][0, i] == pytest.approx(c50, rel=0.01)
        assert contrast["contrast_exponent"][0, i] == pytest.approx(
            unit["exponent"].item(), rel=0.01
        )


def test_supersaturation_needs_response_gain(units, contrast):
    without = (units["response_gain"] == 0).to_numpy()
    assert contrast["contrast_supersaturation"][0, without].max() < 0.005


def test_summation_field_ratio_is_recovered_from_pixels(by_size):
    found, truth = by_size["summation_field_contrast_ratio"]
    np.testing.assert_allclose(found, truth, rtol=0.03)
    found, truth = by_size["suppression_index_low_contrast"]
    np.testing.assert_allclose(found, truth, atol=0.02)


def test_fields_grow_at_low_contrast_with_a_surround_alone(units, by_size):
    around = ((units["response_gain"] > 0) & (units["contrast_gain"] > 0)).to_numpy()
    none = ((units["response_gain"] == 0) & (units["contrast_gain"] == 0)).to_numpy()
    ratio = by_size["summation_field_contrast_ratio"][0]
    assert ratio[around].min() > 1.05
    assert np.abs(ratio[none] - 1).max() < 0.1


# Curves known by hand


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


def test_half_peak_is_below_c50_as_the_formula_says():
    """Where the response to contrast 1 is the peak: c50 (1 + 2 c50^n)^(-1/n)."""
    c50, n = 0.3, 2.0
    found = properties.contrast_half_peak(curve(naka_rushton(c50, n))).item()
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
    half = properties.contrast_half_peak(found).item()
    assert np.interp(half, CONTRASTS, falling) == pytest.approx(peak / 2, rel=0.05)


def test_linear_responses_have_no_c50():
    linear = curve(CONTRASTS * 30)
    assert np.isnan(properties.contrast_c50(linear).item())
    assert np.isnan(properties.contrast_half_peak(linear).item())
    assert properties.contrast_supersaturation(linear).item() == 0


def test_silent_units_have_nothing():
    silent = curve(np.zeros(13))
    for measure_one in experiments.CONTRAST.properties:
        assert np.isnan(measure_one(silent).item()), measure_one.__name__


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
