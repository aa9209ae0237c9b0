import numpy as np
import pytest
import xarray as xr

from insilico.errors import UserError
from insilico.tuning.curves import (
    at_preferred,
    crossing,
    dominant_component,
    first_harmonic,
    interpolate,
    mean_response,
    orientation_and_frequency_tuning,
)

PHASE = np.arange(0, 360, 45.0)


def phases(values, **coords):
    return xr.DataArray(
        np.atleast_2d(values), dims=("unit", "phase"), coords={"phase": PHASE, **coords}
    )


def test_harmonics_of_a_sinusoid_are_its_mean_and_amplitude():
    response = phases(3 + 2 * np.cos(np.deg2rad(PHASE - 33)))
    assert mean_response(response).item() == pytest.approx(3)
    assert first_harmonic(response).item() == pytest.approx(2)


def test_a_rectified_sinusoid_at_eight_phases():
    response = phases(np.cos(np.deg2rad(PHASE)).clip(0))
    ratio = (first_harmonic(response) / mean_response(response)).item()
    assert ratio == pytest.approx(4 / (1 + np.sqrt(2)))


@pytest.mark.parametrize(
    "phase", [np.linspace(0, 360, 9), np.deg2rad(PHASE), PHASE / 2, PHASE[:-1], PHASE[:0]]
)
def test_phases_that_do_not_cover_a_turn_evenly_are_refused(phase):
    response = xr.DataArray([1 + np.cos(phase)], {"phase": phase}, ("unit", "phase"))
    for harmonic in (mean_response, first_harmonic):
        with pytest.raises(UserError, match="in deg, that cover 360 deg evenly; these are"):
            harmonic(response)


@pytest.mark.parametrize("phase", [[0.0], [240.0, 0.0, 120.0], [-90.0, 0.0, 90.0, 180.0]])
def test_one_phase_has_no_amplitude(phase):
    values = 3 + 2 * np.cos(np.deg2rad(phase) - 0.5)
    response = xr.DataArray([values], {"phase": phase}, ("unit", "phase"))
    assert mean_response(response).item() == pytest.approx(values.mean())
    expected = 2 if len(phase) > 2 else np.nan
    assert first_harmonic(response).item() == pytest.approx(expected, nan_ok=True)


def test_harmonics_of_a_streamed_recording_are_read_not_computed():
    streamed = xr.DataArray([[3.0, 2.0]], {"harmonic": [0, 1]}, ("unit", "harmonic"))
    assert mean_response(streamed).item() == 3
    assert first_harmonic(streamed).item() == 2


def test_the_dominant_component_is_chosen_per_unit():
    simple = np.cos(np.deg2rad(PHASE)).clip(0)
    complex_cell = np.full(8, 2.0)
    response = xr.DataArray(
        np.stack([simple, complex_cell])[:, None],
        dims=("unit", "orientation", "phase"),
        coords={"orientation": [0.0], "phase": PHASE, "blank": ("unit", [0.0, 0.5])},
    )
    component = dominant_component(response)
    np.testing.assert_allclose(component[:, 0], [0.5, 1.5])
    assert component["modulated"].values.tolist() == [True, False]


def test_at_preferred_takes_the_first_maximum_and_keeps_its_label():
    response = xr.DataArray(
        [[[1.0, 5.0], [5.0, 0.0]]],
        dims=("unit", "orientation", "diameter"),
        coords={"orientation": [0, 90], "diameter": [1, 2]},
    )
    curve = at_preferred(response, "orientation")
    assert curve.values.tolist() == [[1, 5]]
    assert curve["orientation"].values.tolist() == [0]


def test_interpolation_is_periodic_and_passes_through_the_samples():
    orientation = np.arange(0, 180, 7.5)

    def tuning(theta):
        return np.exp(2 * (np.cos(np.deg2rad(2 * (theta - 3))) - 1))

    curve = xr.DataArray(
        [tuning(orientation)], {"orientation": orientation}, ("unit", "orientation")
    )
    fine = interpolate(curve, "orientation")
    np.testing.assert_allclose(fine.sel(orientation=orientation), curve, atol=1e-12)
    np.testing.assert_allclose(fine[0], tuning(fine["orientation"].values), atol=4e-4)


def test_uneven_orientations_are_refused():
    curve = xr.DataArray(
        [[1.0, 2, 3, 4]], {"orientation": [0.0, 15, 30, 90]}, ("unit", "orientation")
    )
    with pytest.raises(UserError, match="0, 15, 30, 90. Uneven steps"):
        interpolate(curve, "orientation")


def test_tuning_is_read_at_the_interpolated_optimum():
    orientation, frequency = np.arange(0, 180, 7.5), 2 ** np.arange(-2, 3.6, 0.25)
    best_orientation, best_frequency = np.array([3.1, 171.0]), np.array([2.19, 1.3])
    theta, f = np.meshgrid(orientation, frequency, indexing="ij")
    # A width that follows the frequency couples the two axes, as in a Gabor.
    surface = xr.DataArray(
        [
            np.exp((f / bf) * 4 * (np.cos(np.deg2rad(2 * (theta - bo))) - 1) - np.log2(f / bf) ** 2)
            for bo, bf in zip(best_orientation, best_frequency, strict=True)
        ],
        dims=("unit", "orientation", "spatial_frequency"),
        coords={"orientation": orientation, "spatial_frequency": frequency},
    )
    along_orientation, along_frequency = orientation_and_frequency_tuning(surface)
    np.testing.assert_allclose(along_orientation["at_spatial_frequency"], best_frequency, rtol=0.01)
    np.testing.assert_allclose(along_frequency["at_orientation"], best_orientation, atol=0.3)
    expected = np.exp(4 * (np.cos(np.deg2rad(2 * (orientation - best_orientation[0]))) - 1))
    np.testing.assert_allclose(along_orientation[0], expected, atol=0.01)


def test_crossing_interpolates_and_says_where_there_is_none():
    curves = np.array([[1.0, 0.8, 0.4, 0.0], [1.0, 0.9, 0.8, 0.7]])
    found = crossing(curves, np.array([0, 0]), np.array([0.5, 0.5]))
    assert found[0] == pytest.approx(1.75)
    assert np.isnan(found[1])
