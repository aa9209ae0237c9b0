"""The affine map from activations to firing rates."""

import json

import numpy as np
import pytest
import xarray as xr

from insilico.errors import UserError
from insilico.tuning.curves import mean_response
from insilico.tuning.rates import RateMap, fit_rates, to_rates

PHASES = np.arange(0, 360, 45.0)


def recording(best, blank, layer="v1"):
    """Units that respond with their best to one of two orientations, alike at all phases."""
    best, blank = np.asarray(best, dtype=np.float32), np.asarray(blank, dtype=np.float32)
    values = np.stack([best, best - 1], axis=1)[:, :, None] * np.ones(8, dtype=np.float32)
    names = np.broadcast_to(np.asarray(layer, dtype=str), best.shape)
    return xr.DataArray(
        values,
        dims=("unit", "orientation", "phase"),
        coords={
            "orientation": [0.0, 90.0],
            "phase": PHASES,
            "layer": ("unit", names),
            "blank": ("unit", blank),
        },
        attrs={"units": "activation", "long_name": "Response"},
    )


def test_medians_land_on_those_of_the_macaque():
    activation = recording([2, 4, 6, 8, 11], [1, 0.5, 0.25, 0, 0.75])
    rate_map = fit_rates(activation)
    rates = to_rates(activation, rate_map)
    best = mean_response(rates).max("orientation")
    assert float(best.median()) == pytest.approx(33.8)
    assert float(rates["blank"].median()) == pytest.approx(0.82)
    assert rate_map.slope[0] == pytest.approx((33.8 - 0.82) / (6 - 0.5))
    assert rate_map.offset[0] == pytest.approx(0.82 - rate_map.slope[0] * 0.5)
    assert rates.attrs["units"] == "spikes/s"
    assert rates.attrs["long_name"] == "Response"
    assert rates.dims == activation.dims
    assert rates.dtype == np.float64


def test_only_responsive_units_are_fitted():
    # The largest difference is 243.1, so a unit needs more than 5.
    activation = recording([243.1, 5.25, 4.75, 0], [0, 0, 0, 0])
    rate_map = fit_rates(activation)
    assert rate_map.n_units == (4,)
    assert rate_map.n_responsive == (2,)
    assert rate_map.slope[0] == pytest.approx((33.8 - 0.82) / ((243.1 + 5.25) / 2))


def test_negative_activations_count_as_nothing():
    # The blank and the phases below zero are cut off before the mean is taken.
    alternating = recording([3.0, 3.0], [-2.0, -2.0])
    sign = xr.DataArray(np.tile([1.0, -1.0], 4), dims="phase")
    rate_map = fit_rates((alternating * sign).assign_coords(alternating.coords))
    assert rate_map.slope[0] == pytest.approx((33.8 - 0.82) / 1.5)
    assert rate_map.offset[0] == pytest.approx(0.82)


def test_rates_are_cut_off_at_zero():
    rate_map = RateMap(("v1",), (2.0,), (-3.0,), (1,), (1,))
    rates = to_rates(recording([1.0, 4.0], [0.5, 2.0]), rate_map)
    np.testing.assert_allclose(rates.sel(orientation=0, phase=0), [0, 5])
    np.testing.assert_allclose(rates["blank"], [0, 1])


def test_without_a_map_activations_are_only_rectified():
    activation = recording([1.5, -2.0], [0.5, -1.0])
    plain = to_rates(activation, None)
    np.testing.assert_array_equal(plain, np.maximum(activation, 0))
    np.testing.assert_array_equal(plain["blank"], [0.5, 0])
    assert plain.attrs["units"] == "activation"
    assert float(activation.min()) < 0  # the argument is left as it was


def test_every_layer_has_its_own_map():
    layers = ["deep"] * 3 + ["early"] * 3
    together = recording([1, 2, 3, 10, 20, 30], [0] * 6, layers)
    rate_map = fit_rates(together)
    assert rate_map.layer == ("deep", "early")
    for layer, slope in zip(rate_map.layer, rate_map.slope, strict=True):
        alone = together.isel(unit=(together["layer"] == layer).to_numpy())
        assert fit_rates(alone).slope[0] == slope
        np.testing.assert_array_equal(
            to_rates(alone, fit_rates(alone)),
            to_rates(together, rate_map).isel(unit=(together["layer"] == layer).to_numpy()),
        )


def test_a_silent_layer_has_no_rates_and_says_so():
    layers = ["dead", "dead", "v1", "v1"]
    activation = recording([0, -1, 2, 4], [0, 0, 0, 0], layers)
    rate_map = fit_rates(activation)
    assert rate_map.silent_layers == ("dead",)
    rates = to_rates(activation, rate_map)
    assert np.isnan(rates.isel(unit=[0, 1])).all()
    assert np.isfinite(rates.isel(unit=[2, 3])).all()
    summary = json.loads(json.dumps(rate_map.summary()))
    assert summary["dead"] == {"slope": None, "offset": None, "n_units": 2, "n_responsive": 0}
    assert summary["v1"]["n_responsive"] == 2


@pytest.mark.parametrize(
    ("best", "blank"), [([0, 0], [0, 0]), ([1, 2], [3, 3]), ([2, 2], [2, 2]), ([], [])]
)
def test_a_population_that_never_responds_is_refused(best, blank):
    with pytest.raises(
        UserError, match=rf"none of {len(best)} units responds more .* another layer"
    ):
        fit_rates(recording(best, blank))


def test_a_unit_that_is_not_a_number_does_not_spoil_the_others():
    activation = recording([np.nan, 2, 4, 6], [0, 0, 0, 0])
    rate_map = fit_rates(activation)
    assert rate_map.n_responsive == (3,)
    assert rate_map.slope[0] == pytest.approx((33.8 - 0.82) / 4)


def test_an_unknown_layer_is_refused():
    rate_map = fit_rates(recording([2, 4], [0, 0], "conv1"))
    with pytest.raises(UserError, match="fitted to conv1; the recording holds conv2 as well"):
        to_rates(recording([2, 4], [0, 0], "conv2"), rate_map)


def test_harmonics_map_like_the_phases_they_were_made_of():
    phases = recording([4.0, 8.0], [1.0, 0.0]) * (
        1 + np.cos(np.deg2rad(xr.DataArray(PHASES, dims="phase")))
    )
    mean, modulation = (
        mean_response(phases),
        2 * (phases * np.cos(np.deg2rad(phases["phase"]))).mean("phase"),
    )
    harmonics = xr.concat([mean, modulation], "harmonic").assign_coords(harmonic=[0, 1])
    harmonics = harmonics.transpose("unit", "orientation", "harmonic")
    rate_map = RateMap(("v1",), (2.0,), (0.5,), (2,), (2,))
    rates = to_rates(harmonics, rate_map)
    np.testing.assert_allclose(rates.sel(harmonic=0), mean_response(to_rates(phases, rate_map)))
    np.testing.assert_allclose(rates.sel(harmonic=1), 2 * modulation)
    with pytest.raises(UserError, match="cut off, which harmonics cannot show"):
        to_rates(harmonics, RateMap(("v1",), (2.0,), (-0.5,), (2,), (2,)))


def test_rounding_is_no_response_and_has_no_scale():
    """Linear units on a pedestal, as after a sigmoid, answer in the mean as they answer nothing."""
    phase = np.arange(0, 360, 45.0)
    gain = np.linspace(0, 0.1, 24)
    wave = np.cos(np.deg2rad(phase - 10))
    coords = {"phase": phase, "layer": ("unit", ["v1"] * 2), "blank": ("unit", [0.5, 1000.0])}
    linear = np.float32([0.5 + gain[:, None] * wave, 1000 + gain[:, None] * wave])
    gratings = xr.DataArray(linear, coords, ("unit", "grating", "phase"))
    with pytest.raises(UserError, match="none of 2 units .* in the mean over phase"):
        fit_rates(gratings)
    coords |= {"layer": ("unit", ["v1"] * 3), "blank": ("unit", [0.5, 1000.0, 0.0])}
    rectified = np.concatenate([linear, np.clip(gain[:, None] * wave, 0, None)[None]])
    rate_map = fit_rates(xr.DataArray(rectified, coords, ("unit", "grating", "phase")))
    assert rate_map.n_responsive == (1,)
    assert rate_map.slope[0] < 2000
