import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from insilico.recording import reduce as reduce_module
from insilico.recording.f0_and_f1 import phase_weights
from insilico.recording.reduce import Store, bytes_per_unit
from insilico.recording.reductions import Harmonics, Maximum
from insilico.tuning.curves import first_harmonic, mean_response
from stimuli import Display, factorial, grating

N_UNITS = 5


def conditions(n_phases=6, orientations=(90.0, 0.0, 45.0)):
    """Out of order, as stimulus tables may be."""
    stimuli = factorial(
        "s",
        Display.square(16, 4),
        grating,
        {"orientation": list(orientations), "phase": np.arange(n_phases) * 360 / n_phases},
        spatial_frequency=1.0,
    )
    return stimuli.conditions, stimuli.dims


def stored(table, dims, responses, reduction, batches):
    store = Store(table, dims, responses.shape[1], reduction)
    show(store, responses, batches)
    store.finish()
    return store


def show(store, responses, batches):
    for rows in np.array_split(np.arange(len(responses)), batches):
        store.add(range(rows[0], rows[-1] + 1), torch.from_numpy(responses[rows]))


@pytest.fixture
def responses():
    table, _ = conditions()
    return np.random.default_rng(0).normal(size=(len(table), N_UNITS)).astype(np.float32)


def test_weights_of_a_sinusoid_give_its_mean_and_amplitude():
    phase = np.arange(0, 360, 60)
    wave = 3 + 2 * np.cos(np.deg2rad(phase - 17)) + 0.5 * np.cos(np.deg2rad(2 * phase))
    f0, even, odd = phase_weights(phase) @ wave
    assert f0 == pytest.approx(3)
    assert np.hypot(even, odd) == pytest.approx(2)


def test_everything_is_kept_in_the_order_of_the_factors(responses):
    table, dims = conditions()
    store = stored(table, dims, responses, None, 4)
    assert store.conditions["orientation"].is_monotonic_increasing
    order = table.sort_values(list(dims)).index
    np.testing.assert_array_equal(store.values(), responses[order].T)


@pytest.mark.parametrize("batches", [1, 5, 18])
def test_harmonics_equal_those_of_the_kept_phases(responses, batches):
    table, dims = conditions()
    store = stored(table, dims, responses, Harmonics(), batches)
    assert store.dims == ("orientation",)
    assert "phase" not in store.conditions
    kept = xr.DataArray(
        np.maximum(responses, 0).T.reshape(N_UNITS, 3, 6)[:, [1, 2, 0]],
        dims=("unit", "orientation", "phase"),
        coords={"phase": table["phase"].unique()},
    )
    values = store.values()
    np.testing.assert_allclose(values[..., 0], mean_response(kept), rtol=1e-6)
    np.testing.assert_allclose(values[..., 1], first_harmonic(kept), rtol=1e-5)


@pytest.mark.parametrize("batches", [1, 5, 18])
def test_the_best_response_over_factors_is_kept(responses, batches):
    table, dims = conditions()
    store = stored(table, dims, responses, Maximum(over=("phase",)), batches)
    best = responses.reshape(3, 6, N_UNITS).max(1)[[1, 2, 0]]
    np.testing.assert_array_equal(store.values(), best.T)


def test_columns_that_differ_between_joined_responses_are_gone():
    table, dims = conditions()
    table = table.assign(shift=table["phase"] / 360, contrast=1.0)
    kept = Store(table, dims, 1, Maximum(over=("phase",))).conditions
    assert set(kept) == {"orientation", "spatial_frequency", "contrast"}


def test_some_units_at_a_time(responses):
    table, dims = conditions()
    whole = stored(table, dims, responses, Harmonics(), 2).values()
    store = Store(table, dims, N_UNITS, Harmonics())
    for units in (np.array([3, 0]), np.array([4, 1, 2])):
        store.begin(units, torch.device("cpu"))
        show(store, responses[:, units], 2)
        store.finish()
    np.testing.assert_allclose(store.values(), whole, rtol=1e-5)


@pytest.mark.parametrize("reduction", [None, Maximum(over=("phase",)), Harmonics()])
def test_a_response_can_come_on_another_device_than_it_is_kept(responses, reduction, monkeypatch):
    """What is too much for a device is kept on the host, in the same numbers."""
    table, dims = conditions()
    monkeypatch.setattr(reduce_module, "_fits", lambda *_: False)
    store = Store(table, dims, N_UNITS, reduction)
    store.begin(np.arange(N_UNITS), torch.device("meta"))
    assert store._block.device.type == "cpu"
    show(store, responses, 3)
    store.finish()
    expected = stored(table, dims, responses, reduction, 1).values()
    np.testing.assert_allclose(store.values(), expected, rtol=1e-6)


def test_memory_is_that_of_what_is_kept():
    table, dims = conditions(n_phases=12)
    assert bytes_per_unit(table, dims) == 4 * 36
    assert bytes_per_unit(table, dims, Maximum(over=("phase",))) == 4 * 3
    assert bytes_per_unit(table, dims, Harmonics()) == 4 * 3 * 3
    assert bytes_per_unit(table, dims, Maximum(over=dims)) == 4


def test_a_factor_that_is_not_there_cannot_be_reduced():
    table, dims = conditions()
    with pytest.raises(ValueError, match="no contrast to reduce; their factors are orientation"):
        Store(table, dims, 1, Maximum(over=("contrast",)))


@pytest.mark.parametrize("missing", [0, 3])
def test_harmonics_need_every_phase_of_every_condition(missing):
    table, dims = conditions()
    with pytest.raises(ValueError, match="5 to 6 of the phases 0, 60"):
        Store(table.drop(index=missing).reset_index(drop=True), dims, 1, Harmonics())


def test_harmonics_need_even_phases():
    table = pd.DataFrame({"phase": [0.0, 90.0, 100.0]})
    with pytest.raises(ValueError, match="evenly spaced"):
        Store(table, ("phase",), 1, Harmonics())
