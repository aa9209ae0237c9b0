"""Experiments that the scorecard alone needs: known cells from pixels, and curves known by hand."""

import numpy as np
import pytest
import xarray as xr
from known_cells import DISPLAY, both, close, fine_pixels, known_by

from insilico.experiments import (
    contrast,
    noise_masks,
    off_optimum,
    spots,
    square_waves,
    surround_frequencies,
    two_sizes,
)
from insilico.models.textbook.normalized_units import draw_normalized
from insilico.tuning.properties import spots as spot_properties
from insilico.tuning.properties.off_optimum import c50_ratio_off_orientation
from insilico.tuning.properties.orientation import circular_variance
from insilico.tuning.properties.plaids import noise_suppression
from insilico.tuning.properties.shuffle_control import shuffled_resultant
from insilico.tuning.properties.square_waves import third_harmonic_peak
from insilico.tuning.properties.two_sizes import orientation_width_size_change
from stimuli import Position

DIAMETER, FIELD = 1.1, 0.9


@pytest.fixture(scope="module")
def cell():
    """A complex cell with a surround, which answers single spots too."""
    return draw_normalized(8, display=DISPLAY, seed=11).iloc[[1]].assign(maximum=120.0)


@pytest.fixture(scope="module")
def free():
    """A simple cell without a surround."""
    return draw_normalized(8, display=DISPLAY, seed=11).iloc[[6]]


def test_fields_and_contrast_responses_off_the_optimum_are_recovered_from_pixels(cell):
    by_size = both(off_optimum.SIZE_OFF_OPTIMUM, cell)
    close(by_size["field_ratio_off_orientation"], relative=0.03)
    # Half an octave finer a field is few pixels wide: with twice as many, 9 % becomes 3.4 %.
    close(by_size["field_ratio_off_frequency"], relative=0.1)
    finer = known_by(fine_pixels, off_optimum.SIZE_OFF_OPTIMUM, cell)["field_ratio_off_frequency"]
    np.testing.assert_allclose(finer, by_size["field_ratio_off_frequency"][1], rtol=0.04)
    by_contrast = both(off_optimum.CONTRAST_OFF_OPTIMUM, cell, diameter=DIAMETER)
    close(by_contrast["c50_ratio_off_orientation"], relative=0.01)
    close(by_contrast["c50_ratio_off_frequency"], relative=0.01)
    # The pool is broad: 15 deg off its response is a scaled one, as Albrecht & Hamilton found.
    assert by_contrast["c50_ratio_off_orientation"][0, 0] == pytest.approx(1, abs=0.05)


def test_what_size_changes_is_recovered_from_pixels(cell, monkeypatch):
    # Half of the conditions are as good, for cells this broad.
    monkeypatch.setattr(two_sizes, "ORIENTATIONS", np.arange(0, 180, 15.0))
    monkeypatch.setattr(two_sizes, "quarter_octaves", lambda display: 2 ** np.arange(-1, 3, 0.5))
    by_contrast = both(two_sizes.CONTRAST_TWO_SIZES, cell, diameter=FIELD)
    close(by_contrast["c50_size_ratio"], relative=0.02)
    assert by_contrast["c50_size_ratio"][0, 0] < 0.5
    by_frequency = both(two_sizes.FREQUENCY_SIZE, cell, diameter=FIELD)
    close(by_frequency["frequency_width_size_change"], absolute=0.03)
    by_orientation = both(two_sizes.ORIENTATION_SIZE, cell, diameter=FIELD)
    close(by_orientation["orientation_width_size_change"], absolute=0.4)
    assert by_orientation["orientation_width_size_change"][0, 0] > 5


def test_a_square_wave_is_as_strong_as_its_first_harmonic(free):
    sine = both(contrast.CONTRAST, free, truth=nothing, diameter=DIAMETER)["contrast_c50"][0, 0]
    square = both(
        square_waves.SQUARE_WAVE_CONTRAST,
        free,
        truth=nothing,
        given={"contrast_c50": sine},
        diameter=DIAMETER,
    )
    shift = square["square_wave_contrast_shift"][0, 0]
    # Its own field answers a little of the third harmonic.
    assert shift == pytest.approx(np.log2(4 / np.pi), abs=0.04)


def test_the_third_harmonic_drives_a_cell(free, monkeypatch):
    monkeypatch.setattr(square_waves, "FINE_PHASES", np.arange(0, 360, 60.0))
    found = both(square_waves.SQUARE_WAVE, free, truth=fine_pixels)
    close(found["third_harmonic_peak"], absolute=0.005)
    assert found["third_harmonic_peak"][1, 0] > 0.005


def test_noise_suppresses_a_normalized_cell(cell):
    found = both(noise_masks.NOISE_MASK, cell, truth=fine_pixels, diameter=FIELD)
    close(found["noise_suppression"], absolute=0.01)
    assert found["noise_suppression"][0, 0] > 0.02


def test_surrounds_of_other_frequencies_are_recovered_from_pixels(cell):
    found = both(
        surround_frequencies.SURROUND_FREQUENCY, cell, diameter=DIAMETER, inner_diameter=1.4
    )
    close(found["surround_frequency_fall"], absolute=0.02)
    assert found["surround_frequency_fall"][0, 0] > 0.1


def test_fields_from_spots_and_bars_are_recovered_from_pixels(cell):
    known = {"given": {"optimal_diameter": FIELD}, "diameter": FIELD, "truth": fine_pixels}
    by_spots = both(spots.SPOTS, cell, **known)
    by_bars = both(spots.BARS_ACROSS, cell, **known)
    close(by_spots["spot_field"], relative=0.03)
    close(by_bars["bar_field"], relative=0.03)
    ratio = by_bars["bar_to_grating_field_ratio"]
    np.testing.assert_allclose(ratio, by_bars["bar_field"] / FIELD)


def nothing(units, stimuli):
    return np.zeros((len(units), len(stimuli)))


# What is shown


def units_at(**properties):
    usual = {
        "x": 0.0, "y": 0.0, "receptive_field_x": np.nan, "receptive_field_y": np.nan,
        "strongest_orientation": 170.0, "preferred_spatial_frequency": 2.0, "optimal_diameter": 1.0,
    }  # fmt: skip
    table = xr.Dataset({name: ("unit", [value]) for name, value in (usual | properties).items()})
    return table.assign_attrs(px_per_deg=16.0, degrees=6.0)


def test_off_the_optimum_one_thing_changes_at_a_time():
    shown = off_optimum.sizes_off_optimum(
        DISPLAY, Position(), orientation=170, spatial_frequency=2
    ).conditions
    seen = shown[["off", "orientation", "spatial_frequency"]].drop_duplicates()
    assert seen.to_numpy() == pytest.approx(
        np.array([[0, 170, 2], [1, 5, 2], [2, 170, 2 * np.sqrt(2)]])
    )


def test_units_without_room_are_shown_nothing():
    assert off_optimum.with_finer_grating(units_at()).notna().all(axis=None)
    too_fine = units_at(preferred_spatial_frequency=6.0)
    assert off_optimum.with_finer_grating(too_fine)["spatial_frequency"].isna().all()
    assert off_optimum.with_finer_patch(too_fine)["spatial_frequency"].isna().all()
    assert two_sizes.patch_with_room(units_at()).notna().all(axis=None)
    # Four fields of 2 deg are wider than 6 deg; two of them are not.
    wide = units_at(optimal_diameter=2.0)
    assert two_sizes.patch_with_room(wide)["diameter"].isna().all()
    assert two_sizes.patch_with_room_of_any_orientation(wide)["diameter"].notna().all()


def test_spots_lie_across_and_along_the_bars():
    shown = spots.spots_along_and_across(
        DISPLAY, Position(0.1, 0), orientation=90, spatial_frequency=2.5, diameter=0.7
    )
    table = shown.conditions
    across = table[table["line"] == spots.ACROSS]
    assert across["y"].abs().max() < 1e-12
    assert [across["x"].min(), across["x"].max()] == pytest.approx([-0.6, 0.8])
    for line, aside in {1: -0.1, 2: 0.0, 3: 0.1}.items():
        along = table[table["line"] == line]
        assert along["x"].to_numpy() == pytest.approx(0.1 + aside)
        assert along["y"].max() == pytest.approx(0.7)
    assert set(table["contrast"]) == {-1.0, 1.0}


@pytest.mark.parametrize("phase", [45, 90])
def test_spots_find_the_field_of_a_simple_cell_of_any_phase(free, phase):
    known = {"given": {"optimal_diameter": FIELD}, "diameter": FIELD, "truth": fine_pixels}
    found = both(spots.SPOTS, free.assign(phase=phase, maximum=300.0), **known)["spot_field"]
    close(found, relative=0.05)


def test_samples_of_noise_have_elements_of_whole_pixels_and_seeds_in_the_table():
    shown = noise_masks.gratings_in_noise(DISPLAY, Position(), spatial_frequency=1.7)
    element = shown.conditions["element"].unique()
    assert element * DISPLAY.px_per_deg == pytest.approx([5])
    assert shown.conditions["seed"].nunique() == 16


# Curves known by hand


def curve(data, **factors):
    return xr.DataArray(
        np.asarray(data, dtype=float)[None],
        dims=("unit", *factors),
        coords={**factors, "layer": ("unit", ["v1"])},
        attrs={"units": "spikes/s"},
    )


def test_a_field_ends_where_a_tenth_is_left():
    places = spots.PLACES
    profile = 30 * np.exp(-((places / 0.25) ** 2) / 2)
    bars = curve(profile, place=places).assign_coords(optimal_diameter=("unit", [2.0]))
    expected = 2 * 0.25 * np.sqrt(2 * np.log(10)) * 2.0
    assert spot_properties.bar_field(bars).item() == pytest.approx(expected, rel=0.03)
    assert spot_properties.bar_to_grating_field_ratio(bars).item() == pytest.approx(
        expected / 2, rel=0.03
    )
    # A field that reaches beyond the places shown has no width, nor has one of a faint response.
    assert np.isnan(spot_properties.bar_field(bars + 5).item())
    assert np.isnan(spot_properties.bar_field(bars / 10).item())


def test_a_second_peak_is_as_high_as_the_lower_of_its_sides():
    octaves = square_waves.OCTAVES
    rising = np.linspace(10, 40, len(octaves))
    assert third_harmonic_peak(curve(rising, relative_frequency=octaves)).item() == 0
    near = np.argmin(np.abs(octaves + np.log2(3)))
    bump = rising.copy()
    bump[near] = 20
    expected = (20 - bump[near + 1]) / 40
    assert third_harmonic_peak(curve(bump, relative_frequency=octaves)).item() == pytest.approx(
        expected
    )


def test_noise_that_adds_suppresses_less_than_nothing():
    assert noise_suppression(curve([40, 30], noise=[0.0, 0.1])).item() == pytest.approx(0.25)
    assert noise_suppression(curve([40, 50], noise=[0.0, 0.1])).item() == pytest.approx(-0.25)
    assert np.isnan(noise_suppression(curve([4, 3], noise=[0.0, 0.1])).item())


def test_a_scaled_contrast_response_has_the_same_c50():
    shares = contrast.CONTRASTS
    whole = 40 * shares**2 / (shares**2 + 0.2**2)
    shown = curve([whole, whole / 3, whole], off=[0, 1, 2], contrast=shares)
    assert c50_ratio_off_orientation(shown).item() == pytest.approx(1, rel=1e-4)
    # A response that no grating off the optimum drives has none; nor has a linear one.
    faint = curve([whole, whole / 30, whole], off=[0, 1, 2], contrast=shares)
    assert np.isnan(c50_ratio_off_orientation(faint).item())
    linear = curve([40 * shares] * 3, off=[0, 1, 2], contrast=shares)
    assert np.isnan(c50_ratio_off_orientation(linear).item())


def test_widths_at_two_sizes_by_hand():
    orientation = np.arange(0, 180, 7.5)
    away = (orientation - 60 + 90) % 180 - 90
    tuned = [30 * np.exp(-((away / spread) ** 2) / 2) for spread in (20, 12)]
    change = orientation_width_size_change(
        curve(tuned, relative_size=[0.5, 2.0], orientation=orientation)
    ).item()
    # A Gaussian falls to 1/sqrt 2 at sqrt(ln 2) standard deviations.
    assert change == pytest.approx(8 * np.sqrt(np.log(2)), abs=0.1)


def test_the_control_of_selectivity_is_that_of_random_orders():
    orientation = np.arange(0, 180, 7.5)
    rng = np.random.default_rng(3)
    tuned = curve(rng.gamma(1.5, 10, len(orientation)), orientation=orientation)
    orders = np.stack([rng.permutation(tuned.to_numpy()[0]) for _ in range(4000)])
    shuffled = xr.DataArray(orders, {"orientation": orientation}, ("unit", "orientation"))
    expected = np.quantile(1 - circular_variance(shuffled).to_numpy(), 0.95)
    assert shuffled_resultant(tuned).item() == pytest.approx(expected, rel=0.08)
    flat = curve(np.full(24, 20.0), orientation=orientation)
    assert shuffled_resultant(flat).item() == 0
