"""The published properties: golden values, closed forms, labels instead of order, odd units."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from insilico.experiments import marques2020, marques2020_curves
from insilico.experiments.textures import texture_curve
from insilico.recording.schema import UNIT_COORDINATES, label
from insilico.tuning.properties import marques2020 as properties
from stimuli import Display
from stimuli.marques2020 import sets as published

GRATINGS = [
    protocol
    for protocol in marques2020.BATTERY.protocols
    if protocol.scale == "rates" and protocol is not marques2020.TEXTURES
]
DISPLAY = Display.square(224, 8.0, background=published.BACKGROUND)
ORIENTATIONS = np.arange(0.0, 180.0, 15.0)
DIAMETERS = 2 ** np.linspace(-2.25, 3.25, 12)
FREQUENCIES = 2 ** np.linspace(-1.375, 3.875, 22)


def unit_coordinates(n, blank):
    names = {name: ("unit", np.arange(n)) for name in UNIT_COORDINATES if name != "layer"}
    layer = ("unit", np.full(n, "v1"))
    return names | {"layer": layer, "blank": ("unit", np.broadcast_to(blank, n).astype(float))}


def curves(values, dim, levels, blank=0.0, first_harmonic=0.0):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    n = len(values)
    coords = unit_coordinates(n, blank) | {dim: levels}
    coords["first_harmonic"] = ("unit", np.broadcast_to(first_harmonic, n).astype(float))
    return xr.DataArray(values, coords, ("unit", dim), attrs={"units": "spikes/s"})


def orientation_curves(values, **coords):
    return curves(values, "orientation", ORIENTATIONS, **coords)


def size_curves(values):
    return curves(values, "diameter", DIAMETERS)


def recording(stimuli, responses, blank):
    units = pd.DataFrame({name: np.arange(len(blank)) for name in UNIT_COORDINATES})
    return label(
        responses,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=units,
        blank=np.asarray(blank, dtype=float),
        attrs={},
    ).assign_attrs(units="spikes/s")


def measure(protocol, response):
    curve = protocol.curve(response)
    values = [prop(curve) for prop in protocol.properties]
    return xr.Dataset({value.name: value.drop_vars(list(value.coords)) for value in values})


@pytest.mark.parametrize("protocol", GRATINGS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_any_number_of_units(protocol, n):
    stimuli = protocol.stimuli(DISPLAY, published.POSITION)
    rng = np.random.default_rng(0)
    response = recording(stimuli, rng.gamma(1.0, size=(n, len(stimuli))), np.full(n, 0.1))
    table = measure(protocol, response)
    assert table.sizes["unit"] == n
    assert protocol.responsive(protocol.curve(response)).shape == (n,)
    for name, value in table.items():
        assert name.split(".")[0] == protocol.name
        assert value.attrs["long_name"]
        assert value.attrs["units"]


@pytest.mark.parametrize("protocol", GRATINGS, ids=lambda protocol: protocol.name)
def test_labels_decide_and_not_the_order_of_stimuli_dims_or_units(protocol):
    stimuli = protocol.stimuli(DISPLAY, published.POSITION)
    rng = np.random.default_rng(1)
    responses, blank = rng.gamma(1.0, size=(5, len(stimuli))), rng.random(5)
    expected = measure(protocol, recording(stimuli, responses, blank))

    shown = rng.permutation(len(stimuli))
    shuffled = recording(
        type(stimuli)(
            stimuli.name,
            DISPLAY,
            stimuli.conditions.iloc[shown].reset_index(drop=True),
            stimuli.dims,
            stimuli.draw,
            stimuli.labels,
        ),
        responses[:, shown],
        blank,
    )
    response = recording(stimuli, responses, blank)
    turned = response.transpose(*reversed(response.dims)).isel(orientation=slice(None, None, -1))
    for other in (shuffled, turned):
        xr.testing.assert_allclose(measure(protocol, other), expected, rtol=1e-12)
    back = measure(protocol, response.isel(unit=[4, 2, 0, 1, 3])).isel(unit=[2, 3, 1, 4, 0])
    xr.testing.assert_allclose(back, expected, rtol=1e-12)


@pytest.mark.parametrize("protocol", GRATINGS, ids=lambda protocol: protocol.name)
def test_units_without_rates_are_nan_and_do_not_count(protocol):
    stimuli = protocol.stimuli(DISPLAY, published.POSITION)
    responses = np.random.default_rng(2).gamma(1.0, 20.0, size=(3, len(stimuli)))
    alone = measure(protocol, recording(stimuli, responses[[0, 2]], [0.1, 0.1]))
    responses[1] = np.nan
    response = recording(stimuli, responses, [0.1, np.nan, 0.1])
    table = measure(protocol, response)
    assert all(np.isnan(value[1]) for value in table.values())
    xr.testing.assert_identical(table.isel(unit=[0, 2]), alone)
    responsive = protocol.responsive(protocol.curve(response))
    np.testing.assert_array_equal(responsive, [True, False, True])


@pytest.mark.parametrize("protocol", GRATINGS, ids=lambda protocol: protocol.name)
def test_silent_units_are_undefined_and_do_not_count(protocol):
    stimuli = protocol.stimuli(DISPLAY, published.POSITION)
    response = recording(stimuli, np.zeros((1, len(stimuli))), [0.0])
    table = measure(protocol, response)
    zero = {"max_dc", "min_dc", "max_ac", "baseline", "orientation_selective"}
    zero |= {"spatial_frequency_selective"}
    for name, value in table.items():
        assert float(value[0]) == 0 if name.split(".")[1] in zero else np.isnan(value[0]), name
    assert not protocol.responsive(protocol.curve(response)).any()


def test_the_first_of_equal_responses_in_published_order_is_preferred():
    # Equal at 0 deg (published 90) and at 165 (published 105): the former comes first there.
    response = np.zeros(12)
    response[[0, 11]] = 10
    response[6] = 4  # orthogonal to 0
    curve = orientation_curves(response)
    assert properties.orthogonal_preferred_ratio(curve).item() == pytest.approx(0.4)
    # In ascending order 15 deg (published 75) would lose against 0 deg (published 90).
    response = np.zeros(12)
    response[[0, 1]], response[7] = 10, 3
    curve = orientation_curves(response)
    assert properties.orthogonal_preferred_ratio(curve).item() == pytest.approx(0.3)


def test_of_equal_components_the_mean_is_taken_unless_modulation_comes_first():
    stimuli = published.size(DISPLAY)
    table = stimuli.conditions
    responses = np.zeros((2, len(stimuli)))
    # Constant 10 at the largest diameter; at the smallest a half wave whose F1 is 10 as well.
    largest, smallest = table["diameter"].max(), table["diameter"].min()
    here = (table["orientation"] == 90) & np.isclose(table["spatial_frequency"], 0.771, atol=1e-3)
    responses[:, here & (table["diameter"] == largest)] = 10
    wave = np.array([10.0, 0, -10, 0])[(table["phase"] // 90).astype(int)]
    wave = np.where(table["phase"] % 90 == 0, wave, 0) * 2
    small = here & (table["diameter"] == smallest)
    responses[1, small] = wave[small]
    curve = marques2020_curves.size_curve(recording(stimuli, responses, [0.0, 0.0]))
    np.testing.assert_array_equal(curve["modulated"], [False, True])
    np.testing.assert_allclose(curve.max("diameter"), [10, 10])


def test_circular_variance_of_a_cosine_and_of_a_single_response():
    theta = np.deg2rad(ORIENTATIONS)
    single = np.eye(12)[3]
    curve = orientation_curves([1 + 0.5 * np.cos(2 * (theta - 0.3)), single, np.ones(12)])
    np.testing.assert_allclose(properties.circular_variance(curve), [0.75, 0, 1], atol=1e-12)


@pytest.mark.parametrize("published_degrees", [0, 30, 75, 90, 150, 157, 165])
def test_preferred_orientation_is_that_of_the_carrier_clockwise(published_degrees):
    bars = np.deg2rad(2 * (ORIENTATIONS - (90 - published_degrees) % 180))
    measured = properties.preferred_orientation(orientation_curves(1 + np.cos(bars))).item()
    expected = published_degrees - 180 if published_degrees >= 157.5 else published_degrees
    assert abs(measured - expected) <= 1
    assert measured == round(measured)


def test_bandwidth_of_a_cosine_is_that_of_its_smoothed_peak():
    # Smoothing leaves a cosine a cosine: a (1 + b cos), whose width follows from 0.707.
    theta = np.deg2rad(2 * (ORIENTATIONS - 60))
    kept = 5 / 9 + 2 * 2 / 9 * np.cos(np.deg2rad(30))
    expected = np.rad2deg(np.arccos((0.707 * (1 + kept) - 1) / kept)) / 2
    measured = properties.bandwidth(orientation_curves(1 + np.cos(theta))).item()
    # Crossings are the next whole degrees beyond.
    assert expected - 0.3 <= measured <= expected + 1.0
    assert measured * 2 == round(measured * 2)


def test_broad_curves_have_no_bandwidth_and_are_not_selective():
    theta = np.deg2rad(2 * ORIENTATIONS)
    curve = orientation_curves([1 + 0.05 * np.cos(theta), 1 + np.cos(theta)])
    assert np.isnan(properties.bandwidth(curve)[0])
    np.testing.assert_array_equal(properties.orientation_selective(curve), [0, 1])
    assert np.isnan(properties.circular_variance_bandwidth_ratio(curve)[0])


def test_uneven_orientations_are_refused():
    curve = curves(np.ones(3), "orientation", [0.0, 30.0, 90.0])
    with pytest.raises(ValueError, match=r"evenly spaced.*got 90, 30, 0\. Record"):
        properties.bandwidth(curve)


def test_modulation_ratio_uses_the_best_grating():
    curve = orientation_curves(np.eye(12)[2] * 8, first_harmonic=4.0)
    assert properties.modulation_ratio(curve).item() == 0.5
    assert properties.max_ac(curve).item() == 4


def test_peak_and_bandwidth_of_a_log_gaussian():
    octaves = np.log2(FREQUENCIES / 3)
    curve = curves(np.exp(-(octaves**2) / 2), "spatial_frequency", FREQUENCIES)
    step = 2 ** (5.25 / 99)
    assert properties.peak_spatial_frequency(curve).item() == pytest.approx(3, rel=step - 1)
    # 0.707 of the peak lies 0.8326 standard deviations away, a little more after smoothing.
    percent = properties.spatial_frequency_bandwidth(curve).item()
    assert 100 * 2 ** (-2 * 0.8326) / step**3 <= percent <= 100 * 2 ** (-2 * 0.8326)
    assert properties.spatial_frequency_selective(curve).item() == 1


def test_low_pass_units_have_no_lower_cut_off():
    curve = curves(1 / (1 + FREQUENCIES), "spatial_frequency", FREQUENCIES)
    assert np.isnan(properties.spatial_frequency_bandwidth(curve))
    assert properties.spatial_frequency_selective(curve).item() == 0
    assert properties.peak_spatial_frequency(curve).item() == pytest.approx(FREQUENCIES[0])


def test_size_tuning_is_read_off_the_diameters_shown():
    response = [0, 1, 5, 9.6, 10, 8, 6, 4, 2.1, 2.05, 2, 2]
    curve = size_curves([response])
    assert properties.surround_suppression_index(curve).item() == 0.8
    assert properties.grating_summation_field(curve).item() == DIAMETERS[3]
    assert properties.surround_diameter(curve).item() == DIAMETERS[8]
    ratio = properties.surround_grating_summation_field_ratio(curve)
    assert ratio.item() == DIAMETERS[8] / DIAMETERS[3]


def test_suppression_below_the_blank_exceeds_one():
    response = np.array([0, 5, 10, 5, 0, -1, -2, -3, -3.9, -4, -4, -4])
    curve = size_curves([response])
    assert properties.surround_suppression_index(curve).item() == 1.4
    assert properties.strongly_suppressed(curve).item() == 1
    # P + 0.05 |P| lies above a negative plateau, at -3.8.
    assert properties.surround_diameter(curve).item() == DIAMETERS[8]


@pytest.mark.parametrize(("plateau", "strong", "field"), [(9.0, 1, False), (8.75, 1, True)])
def test_field_needs_more_than_a_tenth_of_suppression(plateau, strong, field):
    # (10 - 9) / 10 is exactly 0.1: strongly suppressed, but without a field.
    curve = size_curves([[0, 5, 10, *[plateau] * 9]])
    assert properties.strongly_suppressed(curve).item() == strong
    assert np.isfinite(properties.grating_summation_field(curve)).item() is field
    assert np.isfinite(properties.surround_diameter(curve)).item() is field


def test_unsuppressed_units_have_no_field():
    curve = size_curves([np.arange(12.0)])
    assert properties.surround_suppression_index(curve).item() == 0
    assert properties.strongly_suppressed(curve).item() == 0
    assert np.isnan(properties.grating_summation_field(curve))


def textures(values, blank=0.0):
    values = np.asarray(values, dtype=float)
    coords = unit_coordinates(len(values), blank)
    coords |= {"type": [1, 2], "family": np.arange(1, 16), "sample": np.arange(1, 16)}
    return xr.DataArray(
        values, coords, ("unit", "type", "family", "sample"), attrs={"units": "spikes/s"}
    )


def test_texture_properties_of_constant_responses():
    values = np.ones((1, 2, 15, 15)) * np.array([6.0, 10.0])[:, None, None]
    curve = texture_curve(textures(values, blank=2.0))
    assert properties.texture_modulation_index(curve).item() == pytest.approx(1 / 3)
    assert properties.max_texture(curve).item() == 8
    assert properties.max_noise(curve).item() == 4
    assert properties.texture_sparseness(curve).item() == pytest.approx(0, abs=1e-12)
    assert np.isnan(properties.variance_ratio(curve))
    assert marques2020_curves.texture_responsive(curve).all()


def test_selectivity_and_sparseness_of_a_single_response_are_one():
    values = np.zeros((1, 2, 15, 15))
    values[0, 1, 4, 7], values[0, 0, 2, 2] = 30, 5
    curve = textures(values)
    for prop in ("texture_selectivity", "texture_sparseness", "noise_selectivity"):
        assert getattr(properties, prop)(curve).item() == pytest.approx(1)
    # Of 15 families, only those with a response have an index: +1 and -1.
    assert properties.texture_modulation_index(curve).item() == 0
    assert properties.absolute_texture_modulation_index(curve).item() == 0


def test_variance_ratio_of_responses_that_differ_between_families_only():
    values = np.zeros((1, 2, 15, 15))
    values[0, 1] = np.arange(15.0)[:, None]
    curve = textures(values)
    assert properties.family_variance(curve).item() == pytest.approx(1)
    assert properties.sample_variance(curve).item() == pytest.approx(0, abs=1e-12)
    assert properties.variance_ratio(curve).item() == pytest.approx(1.02 / 0.02)
    # Differences between samples alone make the estimate for the families negative.
    curve = textures(values.swapaxes(2, 3))
    assert properties.family_variance(curve).item() == pytest.approx(-1 / 14)


def test_textures_that_do_not_drive_a_unit_are_not_counted():
    values = np.full((2, 2, 15, 15), 5.5)
    values[1, 0, 0, 0] = 6.0
    np.testing.assert_array_equal(
        marques2020_curves.texture_responsive(textures(values, blank=0.75)), [False, True]
    )
