import inspect
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from insilico.comparison.statistics.shuffling import shuffled
from insilico.errors import UserError
from insilico.experiments import measuring
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.tuning.properties import (
    marques2020,
    orientation,
    receptive_field,
    size,
    spatial_frequency,
)
from insilico.tuning.properties.selectivity import tuned

ORIENTATION = np.arange(0, 180, 7.5)
FREQUENCY = 2 ** np.arange(-2, 3.6, 0.25)
DIAMETER = 8 * np.geomspace(1 / 40, 1, 14)
OFFSET = np.arange(-7, 8) * 0.25

MAGNITUDES = {"maximum_response", "first_harmonic"}


def orientation_curves(values):
    values = np.atleast_2d(values).astype(float)
    coords = {name: ("unit", values.max(1)) for name in ("mean", "first_harmonic")}
    return xr.DataArray(
        values,
        dims=("unit", "orientation"),
        coords={"orientation": ORIENTATION, "blank": ("unit", np.zeros(len(values))), **coords},
    )


def frequency_curves(values):
    return xr.DataArray(
        np.atleast_2d(values), {"spatial_frequency": FREQUENCY}, ("unit", "spatial_frequency")
    )


def size_curves(values):
    return xr.DataArray(np.atleast_2d(values), {"diameter": DIAMETER}, ("unit", "diameter"))


def maps(values):
    values = np.asarray(values, dtype=float).reshape(-1, 15, 15)
    centre = {name: ("unit", np.zeros(len(values))) for name in ("centre_x", "centre_y")}
    return xr.DataArray(
        values,
        dims=("unit", "offset_y", "offset_x"),
        coords={"offset_y": OFFSET, "offset_x": OFFSET, **centre},
    )


def von_mises(preferred, concentration, base=0.0):
    shape = np.exp(concentration * (np.cos(np.deg2rad(2 * (ORIENTATION - preferred))) - 1))
    return base + (1 - base) * shape


def gaussian_map(x, y, sigma):
    return np.exp(-((OFFSET[None, :] - x) ** 2 + (OFFSET[:, None] - y) ** 2) / (2 * sigma**2))


# One curve maker per module, and a few curves of each kind.
FAMILIES = {
    orientation: (orientation_curves, np.stack([von_mises(p, 3, 0.1) for p in (10, 95, 170)])),
    spatial_frequency: (
        frequency_curves,
        np.stack([np.exp(-(np.log2(FREQUENCY / f) ** 2)) for f in (1, 2, 3)]),
    ),
    size: (
        size_curves,
        np.stack([DIAMETER / (w + DIAMETER**2) for w in (0.5, 1, 2)]),
    ),
    receptive_field: (maps, np.stack([gaussian_map(x, 0.1, 0.4) for x in (-0.2, 0, 0.3)])),
}
PROPERTIES = [
    pytest.param(module, getattr(module, name), id=name)
    for module in FAMILIES
    for name in module.__all__
]


@pytest.mark.parametrize(("module", "measure"), PROPERTIES)
def test_every_property_is_labelled_and_measures_each_unit_alone(module, measure):
    make, values = FAMILIES[module]
    together = measure(make(values))
    assert together.name == measure.__name__
    assert together.dims == ("unit",)
    assert together.attrs["long_name"]
    assert together.attrs["units"]
    assert np.isfinite(together).all()
    backwards = measure(make(values[::-1]))
    np.testing.assert_allclose(backwards[::-1], together)
    np.testing.assert_allclose(measure(make(values[:1])), together[:1])
    assert measure(make(values[:0])).shape == (0,)


@pytest.mark.parametrize(("module", "measure"), PROPERTIES)
def test_gain_changes_magnitudes_alone(module, measure):
    make, values = FAMILIES[module]
    gain = 7.0 if measure.__name__ in MAGNITUDES else 1.0
    # A centre at 0 is 0 but for rounding.
    np.testing.assert_allclose(
        measure(make(7 * values)), gain * measure(make(values)), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("module", "measure"), PROPERTIES)
def test_silent_units_are_nan(module, measure):
    make, values = FAMILIES[module]
    silent = values.copy()
    silent[1] = 0
    measured = measure(make(silent))
    assert np.isnan(measured[1])
    np.testing.assert_allclose(measured[[0, 2]], measure(make(values))[[0, 2]])


@pytest.mark.parametrize(("module", "measure"), PROPERTIES)
def test_docstrings_say_what_becomes_nan(module, measure):
    assert "NaN" in inspect.getdoc(measure)


def apart(first, second):
    """How far apart two orientations are, in deg."""
    return (first - second + 90) % 180 - 90


def peak_of_spline(values):
    """Where a periodic cubic spline through a curve is largest."""
    spline = CubicSpline([*ORIENTATION, 180], [*values, values[0]], bc_type="periodic")
    turns = spline.derivative().roots(extrapolate=False)
    return turns[spline(turns).argmax()]


@given(preferred=st.floats(0, 179.9), concentration=st.floats(0.5, 8))
@example(preferred=24.015625, concentration=8.0)
@example(preferred=1.78, concentration=8.0)
@settings(max_examples=60, deadline=None)
def test_orientation_properties_of_a_von_mises_curve(preferred, concentration):
    values = von_mises(preferred, concentration)
    curve = orientation_curves(values)
    # The curve is known every 7.5 deg, and where a spline through that has its peak is off by more
    # the sharper it is; the measure is off from there by half a step of 0.25 deg.
    peak = peak_of_spline(values)
    assert abs(apart(peak, preferred)) <= 0.005 + 0.02 * concentration
    assert abs(apart(float(orientation.preferred_orientation(curve)[0]), peak)) <= 0.126
    # exp(k (cos 2d - 1)) = level where cos 2d = 1 + log(level) / k.
    for measure, level in (
        (orientation.orientation_half_bandwidth, 1 / np.sqrt(2)),
        (orientation.orientation_half_width, 0.5),
    ):
        cosine = 1 + np.log(level) / concentration
        measured = float(measure(curve)[0])
        if cosine > -0.99:
            assert measured == pytest.approx(np.rad2deg(np.arccos(cosine)) / 2, rel=0.01)
    ratio = np.exp(-2 * concentration)
    assert float(orientation.orthogonal_preferred_ratio(curve)[0]) == pytest.approx(ratio, abs=1e-3)
    # The resultant of a von Mises curve is I1(k) / I0(k).
    theta = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    weight = np.exp(concentration * np.cos(theta))
    resultant = (weight * np.cos(theta)).sum() / weight.sum()
    assert float(orientation.circular_variance(curve)[0]) == pytest.approx(1 - resultant, abs=1e-6)


@given(steps=st.integers(0, 23))
@settings(max_examples=24, deadline=None)
def test_circular_variance_ignores_rotation(steps):
    values = von_mises(40, 2, 0.2)
    rotated = np.roll(values, steps)
    expected = orientation.circular_variance(orientation_curves(values))
    np.testing.assert_allclose(
        orientation.circular_variance(orientation_curves(rotated)), expected, atol=1e-12
    )


def test_an_untuned_unit_has_no_bandwidth_and_no_preference():
    curve = orientation_curves(np.ones(24))
    assert float(orientation.circular_variance(curve)[0]) == pytest.approx(1)
    assert float(orientation.orientation_selective(curve)[0]) == 0
    for undefined in (
        orientation.orientation_half_bandwidth,
        orientation.smoothed_half_bandwidth,
        orientation.preferred_orientation,
        orientation.strongest_orientation,
    ):
        assert np.isnan(undefined(curve)).all()


def test_responses_in_random_order_have_no_preferred_orientation():
    rng = np.random.default_rng(0)
    curve = orientation_curves(rng.uniform(1, 2, (2000, 24)))
    for measured in (orientation.preferred_orientation, orientation.orientation_from_cardinal):
        # As many as chance leaves.
        assert float(measured(curve).notnull().mean()) == pytest.approx(0.05, abs=0.015)
    assert orientation.strongest_orientation(curve).notnull().all()


def test_the_chance_is_that_of_the_shuffle_control():
    rng = np.random.default_rng(1)
    values = 3 + rng.normal(size=(40, 24)) + 0.8 * von_mises(70, 1)
    tuned = orientation.preferred_orientation(orientation_curves(values)).notnull().to_numpy()
    own = orientation.circular_variance(orientation_curves(values)).to_numpy()
    floor = shuffled(
        orientation_curves(values), orientation.circular_variance, rng=rng, n_shuffles=400
    )
    chance = (floor.to_numpy() <= own[:, None]).mean(1)
    # Undecided are those within the error of 400 shuffles.
    clear = np.abs(chance - 0.05) > 0.025
    assert clear.sum() > 25
    np.testing.assert_array_equal(tuned[clear], (chance < 0.05)[clear])
    assert tuned.any()
    assert not tuned.all()


@pytest.mark.parametrize("base", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("preferred", [10.0, 93.0])
def test_broad_and_narrow_tuning_on_any_pedestal_has_a_preference(preferred, base):
    for concentration in (0.05, 0.5, 3, 8):
        curve = orientation_curves(von_mises(preferred, concentration, base))
        assert orientation.preferred_orientation(curve).notnull().all()


def test_a_single_orientation_that_drives_a_unit_is_its_preferred_one():
    curve = orientation_curves(np.where(ORIENTATION == 30, 1.0, 0.0))
    assert float(orientation.preferred_orientation(curve)[0]) == 30


def test_rounding_is_no_tuning():
    rounded = (1 + 2e-7 * von_mises(40, 1)).astype(np.float32)
    assert orientation.preferred_orientation(orientation_curves(rounded)).isnull().all()


def test_the_hanning_window_alone_is_9_8_deg_wide():
    # The narrowest curve that the grid carries is broadened to little more than the window itself,
    # whose half-width at 1/sqrt 2 follows from (1 + cos(pi x / 27)) / 2 = 1/sqrt 2.
    window_alone = 27 / np.pi * np.arccos(np.sqrt(2) - 1)
    assert window_alone == pytest.approx(9.83, abs=0.01)
    values = np.zeros(24)
    values[5] = 1
    width = float(orientation.smoothed_half_bandwidth(orientation_curves(values))[0])
    assert window_alone < width < window_alone + 2


@given(peak=st.floats(0.7, 5), octaves=st.floats(0.5, 2))
@settings(max_examples=40, deadline=None)
def test_frequency_properties_of_a_log_gaussian_curve(peak, octaves):
    sigma = octaves / (2 * np.sqrt(np.log(2)))
    curve = frequency_curves(np.exp(-(np.log2(FREQUENCY / peak) ** 2) / (2 * sigma**2)))
    measured = float(spatial_frequency.preferred_spatial_frequency(curve)[0])
    assert measured == pytest.approx(peak, rel=0.01)
    # exp(-x^2 / 2 sigma^2) = 1/sqrt 2 at x = sigma sqrt(log 2).
    width = 2 * sigma * np.sqrt(np.log(2))
    if np.log2(FREQUENCY[-1] / peak) > width and np.log2(peak / FREQUENCY[0]) > width:
        bandwidth = float(spatial_frequency.spatial_frequency_bandwidth(curve)[0])
        percent = float(spatial_frequency.spatial_frequency_bandwidth_percent(curve)[0])
        assert bandwidth == pytest.approx(width, rel=0.02)
        assert np.log2(100 / percent) == pytest.approx(bandwidth)


def test_a_low_pass_unit_has_a_peak_but_no_bandwidth():
    curve = frequency_curves(1 / (1 + FREQUENCY))
    assert float(spatial_frequency.preferred_spatial_frequency(curve)[0]) == FREQUENCY[0]
    assert np.isnan(spatial_frequency.spatial_frequency_bandwidth(curve)).all()
    assert float(spatial_frequency.spatial_frequency_selective(curve)[0]) == 0


def ratio_of_gaussians(diameter, center=0.6, surround=3.0, weight=2.0):
    drive = 1 - np.exp(-(diameter**2) / center**2)
    return drive / (1 + weight * (1 - np.exp(-(diameter**2) / surround**2)))


def test_a_flat_unit_has_the_lowest_frequency_and_not_one_of_rounding():
    flat = spatial_frequency.preferred_spatial_frequency(frequency_curves(np.full(23, 1 / 3)))
    assert flat.item() == FREQUENCY[0]


def test_size_properties_of_a_ratio_of_gaussians():
    dense = np.geomspace(DIAMETER[0], DIAMETER[-1], 20001)
    values = ratio_of_gaussians(dense)
    best, last = values.max(), values[-1]
    curve = size_curves(ratio_of_gaussians(DIAMETER))
    assert float(size.suppression_index(curve)[0]) == pytest.approx((best - last) / best, abs=0.01)
    field = dense[(values >= 0.95 * best).argmax()]
    assert float(size.grating_summation_field(curve)[0]) == pytest.approx(field, rel=0.03)
    beyond = dense > dense[values.argmax()]
    surround = dense[beyond & (values <= 1.05 * last)][0]
    assert float(size.surround_diameter(curve)[0]) == pytest.approx(surround, rel=0.03)
    ratio = float(size.surround_to_field_ratio(curve)[0])
    assert ratio == pytest.approx(surround / field, rel=0.05)


def test_an_unsuppressed_unit_has_an_index_of_exactly_zero_and_no_field():
    curve = size_curves(np.minimum(DIAMETER, 2.0))
    assert float(size.suppression_index(curve)[0]) == 0
    assert np.isnan(size.grating_summation_field(curve)).all()
    assert np.isnan(size.surround_diameter(curve)).all()


def test_suppression_below_blank_counts_as_complete():
    values = np.exp(-DIAMETER)
    values[-1] = -0.3
    assert float(size.suppression_index(size_curves(values))[0]) == pytest.approx(1)


@given(x=st.floats(-0.4, 0.4), y=st.floats(-0.4, 0.4), sigma=st.floats(0.2, 0.5))
@settings(max_examples=40, deadline=None)
def test_receptive_field_of_a_gaussian_map(x, y, sigma):
    curve = maps(gaussian_map(x, y, sigma))
    assert float(receptive_field.receptive_field_x(curve)[0]) == pytest.approx(x, abs=0.018)
    assert float(receptive_field.receptive_field_y(curve)[0]) == pytest.approx(y, abs=0.018)
    width = 2 * np.sqrt(2 * np.log(2)) * sigma
    measured = float(receptive_field.receptive_field_diameter(curve)[0])
    # Leaving out what is below 5 % of the peak narrows the moments by some 8 %.
    assert 0.85 * width < measured < 1.01 * width


FIELD = (
    receptive_field.receptive_field_x,
    receptive_field.receptive_field_y,
    receptive_field.receptive_field_diameter,
)


@pytest.mark.parametrize("measured", FIELD)
@pytest.mark.parametrize(
    ("x", "y", "sigma"), [(0, 0, 5.0), (3.5, -3.2, 0.3), (1.7, 0, 0.3), (0, 9.0, 1.0)]
)
def test_a_field_that_reaches_beyond_the_map_has_no_place_and_no_size(measured, x, y, sigma):
    assert np.isnan(measured(maps(gaussian_map(x, y, sigma)))).all()


def test_the_reason_why_a_field_has_no_centre_is_said():
    beyond = maps(gaussian_map(3.5, -3.2, 0.3))
    drives = partial(xr.DataArray.any, dim=("offset_y", "offset_x"))
    as_it_is = replace(RECEPTIVE_FIELD, curve=lambda chart: chart, responsive=drives)
    for measured in measuring.measure(as_it_is, beyond).properties.values():
        assert measured.isnull().all()
        assert "above half its peak at its border" in measured.attrs["undefined"]


def test_centres_of_many_maps_are_those_of_each():
    rng = np.random.default_rng(0)
    offset = np.linspace(-1, 1, 5)
    curve = xr.DataArray(
        rng.random((4, 5, 5)) * [[[1]], [[1]], [[0]], [[1]]],
        {
            "offset_y": offset,
            "offset_x": offset,
            "centre_x": ("unit", [0, 1, 0, 0.5]),
            "centre_y": ("unit", [0, 2, 0, -1]),
        },
        ("unit", "offset_y", "offset_x"),
    )
    grid = dict(zip("yx", np.meshgrid(offset, offset, indexing="ij"), strict=True))
    for axis, found in zip("xy", receptive_field.centres_of_mass(curve), strict=True):
        for each, place in zip(curve, found, strict=True):
            weights = each.where(each > 0.05 * each.max(), 0).to_numpy()
            middle = (weights * grid[axis]).sum() / weights.sum() if weights.any() else np.nan
            assert place == pytest.approx(middle + float(each[f"centre_{axis}"]), nan_ok=True)
        np.testing.assert_array_equal(receptive_field.centre_of_mass(curve, axis), found)
    assert np.isnan(found).tolist() == [False, False, True, False]


def test_the_published_centre_is_the_centre_of_mass_wherever_the_map_ends():
    curve = maps(gaussian_map(3.5, -3.2, 0.3))
    assert float(marques2020.receptive_field_x(curve)[0]) == pytest.approx(1.75, abs=0.01)
    assert float(marques2020.receptive_field_y(curve)[0]) == pytest.approx(-1.75, abs=0.01)
    inside = maps(gaussian_map(0.2, -0.1, 0.3))
    for axis in "xy":
        published = getattr(marques2020, f"receptive_field_{axis}")(inside)
        ours = getattr(receptive_field, f"receptive_field_{axis}")(inside)
        np.testing.assert_array_equal(published, ours)


@pytest.mark.parametrize(
    "angles",
    [ORIENTATION * np.pi / 180, 2 * ORIENTATION, np.linspace(0, 180, 24), -ORIENTATION],
    ids=["radians", "twice round", "both ends", "descending"],
)
def test_angles_that_do_not_cover_their_period_are_refused(angles):
    curve = orientation_curves(von_mises(40, 2)).assign_coords(orientation=angles)
    for measure in (
        orientation.circular_variance,
        orientation.orthogonal_preferred_ratio,
        lambda curve: tuned(curve, "orientation"),
    ):
        with pytest.raises(UserError, match="in deg, that rise and cover"):
            measure(curve)


def test_curves_over_values_that_do_not_rise_are_refused():
    frequency = np.array([0.0, 1, 2, 4])
    for values in (frequency, frequency[:0:-1], frequency[3:], np.array([1.0, 2, np.nan])):
        curve = xr.DataArray(
            [np.arange(len(values)) + 1.0],
            dims=("unit", "spatial_frequency"),
            coords={"spatial_frequency": values},
        )
        with pytest.raises(UserError, match="two values or more that rise and are above 0"):
            spatial_frequency.preferred_spatial_frequency(curve)
        with pytest.raises(UserError, match="two values or more that rise and are above 0"):
            size.suppression_index(curve.rename(spatial_frequency="diameter"))
