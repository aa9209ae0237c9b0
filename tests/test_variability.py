"""Variability over repeats: Poisson spikes, models with noise, and deterministic ones."""

import numpy as np
import pytest
import small_battery
import xarray as xr

import insilico
from insilico.experiments.batteries import find_battery
from insilico.experiments.scope import lacking
from insilico.experiments.variability import WINDOW, poisson_counts, with_spikes
from insilico.figures.variability import variability_numbers, variability_page
from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from insilico.tuning.properties import variability as properties

OPTIONS = {"layers": ["rectified"], "display": small_battery.DISPLAY, "channels": 1}


def rates(n_units=40, n_stimuli=24, n_trials=20, *, shared=0.0):
    rng = np.random.default_rng(0)
    mean = rng.uniform(2, 80, (n_units, n_stimuli, 1))
    gain = 1 + shared * rng.standard_normal((1, n_stimuli, n_trials))
    return xr.DataArray(
        np.broadcast_to(mean * gain, (n_units, n_stimuli, n_trials)),
        dims=("unit", "orientation", "trial"),
        coords={"layer": ("unit", ["v1"] * n_units), "channel": ("unit", np.arange(n_units))},
        attrs={"units": "spikes/s"},
    )


def test_poisson_spikes_have_a_fano_factor_of_1():
    found = properties.fano_factor(poisson_counts(rates(n_units=100, n_trials=40)))
    assert found["fano_factor"].mean() == pytest.approx(1, abs=0.03)
    assert found["fano_slope"].mean() == pytest.approx(1, abs=0.05)
    assert found["fano_intercept"].mean() == pytest.approx(0, abs=0.08)
    inside = (found["fano_factor_low"] < 1) & (found["fano_factor_high"] > 1)
    assert 0.85 < inside.mean() <= 1


def test_spikes_are_drawn_from_the_seed_alone_at_rate_times_window():
    response = rates(n_trials=400)
    drawn = poisson_counts(response, seed=3)
    assert drawn.equals(poisson_counts(response, seed=3))
    assert not drawn.equals(poisson_counts(response, seed=4))
    np.testing.assert_allclose(drawn.mean("trial"), WINDOW * response.mean("trial"), rtol=0.4)
    assert drawn.mean() == pytest.approx(float(WINDOW * response.mean()), rel=0.01)


def test_twice_the_variance_is_twice_the_fano_factor():
    drawn = poisson_counts(rates(n_trials=200))
    doubled = drawn.mean("trial") + np.sqrt(2) * (drawn - drawn.mean("trial"))
    found = properties.fano_factor(doubled.transpose(*drawn.dims))["fano_factor"]
    assert found.mean() == pytest.approx(2, abs=0.06)


def test_units_that_vary_together_are_told_from_those_that_prefer_the_same():
    alone = poisson_counts(rates())
    assert abs(properties.noise_correlation(alone).mean()) < 0.02
    together = poisson_counts(rates(shared=0.3))
    assert properties.noise_correlation(together).mean() > 0.2
    # Their preferences are as unlike as before.
    assert abs(properties.signal_correlation(together).mean()) < 0.1
    copies = rates().isel(unit=[0, 0, 1])
    signal = properties.signal_correlation(copies)
    assert signal[0] == signal[1]
    assert properties.correlations(copies.astype(float))["signal"][0, 1] == pytest.approx(1)


def test_reliability_is_that_of_the_means_of_all_trials():
    assert (properties.reliability(rates()) > 0.999).all()
    drawn = poisson_counts(rates(n_trials=20))
    # Variance of the means over stimuli, and that of their errors.
    means = drawn.mean("trial")
    error = float((drawn.var("trial", ddof=1) / 20).mean())
    truth = 1 - error / float(means.var("orientation", ddof=1).mean())
    assert properties.reliability(drawn).mean() == pytest.approx(truth, abs=0.01)


def test_a_deterministic_model_is_left_out_unless_spikes_are_drawn():
    probe = Probe(small_battery.Filters(), ["rectified"], display=small_battery.DISPLAY, channels=1)
    card = ModelCard("filters", small_battery.DISPLAY, channels=1)
    battery = find_battery("variability").battery
    _, left_out = battery.suiting(card.display, lacking(card, probe))
    assert left_out == [
        "variability is left out: filters answers a picture in the same way every time, and no "
        "spikes are drawn (--spikes poisson)"
    ]
    kept, left_out = with_spikes(battery, "poisson", seed=0).suiting(
        card.display, lacking(card, probe)
    )
    assert left_out == []
    assert len(kept.protocols) == 2


def test_a_run_draws_spikes_and_a_noisy_model_needs_none():
    told = {"battery": "variability", "quick": True, **OPTIONS}
    drawn = insilico.run(small_battery.Filters(), spikes="poisson", **told)
    assert drawn.units["fano_factor"].mean() == pytest.approx(1, abs=0.4)
    # Twenty repeats of one picture are one picture.
    noisy = insilico.run(small_battery.Filters(noise=0.3), **told)
    assert noisy.units["fano_factor"].notnull().any()
    assert "trial" in noisy.recordings["variability"].dims
    curve = drawn.curves["variability"]
    figure = variability_page(curve, variability_numbers(curve), width=7)
    assert len(figure.axes) == 2


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(insilico.UserError, match="spikes must be 'poisson'"):
        insilico.run(small_battery.Filters(), battery="variability", spikes="gamma", **OPTIONS)
    with pytest.raises(insilico.UserError, match="spikes are drawn at firing rates"):
        insilico.run(
            small_battery.Filters(), battery="variability", spikes="poisson", rates=False, **OPTIONS
        )
    with pytest.raises(insilico.UserError, match="does not ask how spikes vary"):
        insilico.run(small_battery.Filters(), battery="standard", spikes="poisson", **OPTIONS)
