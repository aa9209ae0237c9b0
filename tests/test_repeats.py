"""Intervals over repeats: against known scatter, of Poisson cells and of models with noise."""

from dataclasses import replace

import numpy as np
import pytest
import small_battery
import xarray as xr

import insilico
from insilico.comparison.statistics.half_samples import halves, spread
from insilico.experiments.batteries import find_battery
from insilico.experiments.measuring import Measured, measure
from insilico.experiments.optimal_stimuli import OPTIMAL_STIMULUS
from insilico.experiments.responsive import exceeds_blank
from insilico.experiments.reverse_correlation import RECEPTIVE_FIELD_STRUCTURE
from insilico.experiments.variability import with_spikes
from insilico.runs.repeats import intervals_over_repeats
from insilico.runs.session import Session
from insilico.tuning.properties import orientation as properties
from insilico.tuning.rates import RateMap

OPTIONS = {"layers": ["rectified"], "display": small_battery.DISPLAY, "channels": 1}
TRIALS = 20


class TestHalves:
    def test_each_half_comes_with_the_other(self):
        which = halves(6, 10, np.random.default_rng(0))
        assert which.shape == (10, 3)
        together = np.sort(which.reshape(5, 6), axis=1)
        assert (together == np.arange(6)).all()

    def test_they_scatter_as_the_mean_of_all_trials_does(self):
        rng = np.random.default_rng(1)
        trials = rng.normal(3, 2, (TRIALS, 2000))
        found = trials[halves(TRIALS, 200, rng)].mean(1)
        around = spread(trials.mean(0), found)
        assert np.sqrt((around.standard_error**2).mean()) == pytest.approx(
            2 / np.sqrt(20), rel=0.02
        )
        covered = ((around.low < 3) & (around.high > 3)).mean()
        assert covered == pytest.approx(0.935, abs=0.02)

    def test_bias_is_corrected(self):
        # A sum of squares is too large with noise, and on halves too large by twice as much.
        rng = np.random.default_rng(2)
        trials = rng.normal(1, 2, (TRIALS, 10, 1000))
        found = (trials[halves(TRIALS, 100, rng)].mean(1) ** 2).sum(1)
        around = spread((trials.mean(0) ** 2).sum(0), found)
        assert (around.low > 10).mean() < 0.17
        assert (around.high < 10).mean() < 0.1

    def test_what_comes_round_and_what_is_undefined(self):
        found = np.array([[1.0, np.nan, np.nan], [179.0, 4.0, np.nan], [0.5, 5.0, 1.0]])
        around = spread(np.array([180.0, 4.5, 2.0]), found, 180.0)
        assert 178.9 < around.low[0] < 180 < around.high[0] < 181.1
        assert around.defined.tolist() == pytest.approx([1, 2 / 3, 1 / 3])
        assert 4 <= around.low[1] <= around.high[1] <= 5
        assert np.isnan([around.low[2], around.high[2], around.standard_error[2]]).all()


def tuned_cells(n=300):
    """Cells of known rates, as they would be recorded: activations are a tenth of the rates."""
    rng = np.random.default_rng(0)
    orientation = np.arange(0, 180, 10.0)
    preferred = rng.uniform(0, 180, (n, 1))
    narrow, base = rng.uniform(0.5, 3, (n, 1)), rng.uniform(2, 12, (n, 1))
    rates = base + 40 * np.exp(narrow * (np.cos(2 * np.deg2rad(orientation - preferred)) - 1))
    return xr.DataArray(
        rates / 10,
        dims=("unit", "orientation"),
        coords={
            "orientation": orientation,
            "layer": ("unit", ["v1"] * n),
            "channel": ("unit", np.arange(n)),
            "blank": ("unit", base[:, 0] / 10),
        },
    )


def recorded(scale):
    """A session of one experiment on `tuned_cells`."""
    protocol = insilico.Protocol(
        name="tuning",
        stimuli=lambda display, position: None,
        curve=lambda response: response.astype(float),
        properties=(
            properties.circular_variance,
            properties.preferred_orientation,
            properties.orthogonal_preferred_ratio,
            properties.maximum_response,
        ),
        responsive=exceeds_blank,
        citation="",
        scale=scale,
    )
    cells = tuned_cells()
    rate_map = RateMap(("v1",), (10.0,), (0.0,), (300,), (300,))
    measured = measure(protocol, cells * (10 if scale == "rates" else 1))
    return Session({"tuning": cells}, {"tuning": measured}, rate_map, 300, None, ()), [protocol]


@pytest.mark.parametrize("scale", ["rates", "activations"])
def test_intervals_of_poisson_cells_hold_the_property_without_noise(scale):
    session, protocols = recorded(scale)
    table, notes = intervals_over_repeats(
        session, protocols, n_trials=TRIALS, seed=0, spikes=True, n_halves=100
    )
    assert notes == []
    assert len(table) == 4 * 300
    truth = table["value"]
    assert np.array_equal(truth[:300], session.measured["tuning"].properties["circular_variance"])
    off = (truth - table["low"]) * (truth - table["high"]) > 0
    missed = off.groupby(table["property"]).mean()
    for name in ("circular_variance", "preferred_orientation", "orthogonal_preferred_ratio"):
        assert 0.02 < missed[name] < 0.12, name
    # Rates of 40 and more in 10 s of each stimulus: standard errors from theory.
    best = table[table["property"] == "maximum_response"]
    unit = 1 if scale == "rates" else 10
    theory = np.sqrt(best["value"] * unit / (TRIALS * 0.5)) / unit
    assert (best["standard_error"] / theory).median() == pytest.approx(0.8, abs=0.25)
    again, _ = intervals_over_repeats(
        session, protocols, n_trials=TRIALS, seed=0, spikes=True, n_halves=100
    )
    assert again.equals(table)


def test_four_times_the_trials_halve_the_errors():
    session, protocols = recorded("rates")
    errors = []
    for n in (TRIALS, 4 * TRIALS):
        table, _ = intervals_over_repeats(
            session, protocols, n_trials=n, seed=0, spikes=True, n_halves=100
        )
        errors.append(table.groupby("property")["standard_error"].median())
    # Preferred orientations are whole degrees, which few trials do not come down to.
    ratio = (errors[0] / errors[1]).drop("preferred_orientation")
    assert ratio.to_numpy() == pytest.approx(2, abs=0.25)


def test_a_run_with_spikes_has_intervals_of_every_property(tmp_path):
    results = insilico.run(
        small_battery.Filters(),
        battery="variability",
        quick=True,
        spikes="poisson",
        trials=TRIALS,
        out=tmp_path / "run",
        **OPTIONS,
    )
    table = results.repeats
    measured = {name for name in results.units.data_vars if results.units[name].ndim == 1}
    assert set(table["property"]) == measured
    # What is measured over trials is measured on halves of them.
    fano = table[table["property"] == "fano_factor"]
    assert ((fano["low"] < fano["value"]) & (fano["high"] > fano["value"])).all()
    assert (fano["value"] == fano["estimate"]).all()
    best = table[table["property"] == "maximum_response"]
    assert (best["standard_error"] > 0).all()
    reopened = insilico.open_results(tmp_path / "run").repeats
    assert reopened["low"].to_numpy() == pytest.approx(table["low"], nan_ok=True)
    # Nothing else in the run is changed by it.
    plain = insilico.run(
        small_battery.Filters(), battery="variability", quick=True, spikes="poisson", **OPTIONS
    )
    xr.testing.assert_allclose(plain.units, results.units)
    assert plain.repeats.empty


def test_a_model_with_noise_is_shown_everything_several_times():
    results = small_battery.run(small_battery.Filters(noise=0.5), trials=8)
    for name in ("frequency", "mean", "orientation"):
        assert results.recordings[name].sizes["trial"] == 8
        assert "trial" not in results.curves[name].dims
    table = results.repeats.set_index("property")
    assert table["value"].to_numpy() == pytest.approx(table["estimate"], rel=1e-5)
    # The sum of eight means over eight phases, of noise of twice .25, rectified where it is low.
    theory = np.sqrt(2 * 0.25 * 8 / 8 / 8)
    found = table.loc["total", "standard_error"]
    assert found.mean() == pytest.approx(theory, rel=0.5)
    assert (found < 1.2 * theory).all()


def test_maps_say_that_they_have_no_intervals():
    session, [protocol] = recorded("rates")
    signed = insilico.Protocol(**{**vars(protocol), "scale": "signed", "after": ()})
    table, notes = intervals_over_repeats(
        session, [signed], n_trials=TRIALS, seed=0, spikes=True, n_halves=10
    )
    assert table.empty
    assert notes == [
        "tuning has no intervals over repeats: its maps are kept, and not what single trials add "
        "to them"
    ]


def climbed_cells(n=400):
    """Linear cells of which pictures were climbed: activations are a tenth of the rates."""
    rng = np.random.default_rng(0)
    blank, reached = rng.uniform(2, 6, n), rng.uniform(25, 60, (n, 3))
    cells = {"layer": ("unit", ["v1"] * n), "channel": ("unit", np.arange(n))}
    elements = {"element_y": [0, 1], "element_x": [0, 1]}
    pictures = xr.DataArray(
        rng.normal(size=(n, 3, 2, 2)),
        dims=("unit", "picture", "element_y", "element_x"),
        coords={
            "picture": [0, 1, 2],
            "reached": (("unit", "picture"), reached / 10),
            "blank": ("unit", blank / 10),
            **cells,
            **elements,
        },
    )
    maps = xr.DataArray(
        rng.normal(size=(n, 1, 2, 2)),
        dims=("unit", "technique", "element_y", "element_x"),
        coords={
            "technique": ["white noise"],
            "peak": ("unit", np.ones(n)),
            "chance_peak": ("unit", np.zeros(n)),
            **cells,
            **elements,
        },
    )
    structure = replace(RECEPTIVE_FIELD_STRUCTURE, properties=(), after=(), prefer=None)
    optimal = replace(OPTIMAL_STIMULUS, after=(structure.name,))
    known = {structure.name: Measured(structure, maps, {}, maps["peak"] > 0)}
    known[optimal.name] = measure(optimal, pictures, known)
    rate_map = RateMap(("v1",), (10.0,), (0.0,), (n,), (n,))
    recordings = {structure.name: maps, optimal.name: pictures}
    rates = np.stack([reached[:, 1:].max(1), reached[:, 0], blank])
    return Session(recordings, known, rate_map, n, None, ()), [structure, optimal], rates


def intervals_of_gain(n_trials):
    session, protocols, _ = climbed_cells()
    return intervals_over_repeats(
        session, protocols, n_trials=n_trials, seed=0, spikes=True, n_halves=100
    )


def test_the_gain_of_climbed_pictures_has_intervals_over_spikes():
    table, notes = intervals_of_gain(TRIALS)
    assert [note.partition(":")[0] for note in notes] == [
        "receptive_field_structure has no intervals over repeats",
        "optimal_gabor_correlation, optimal_map_correlation",
    ]
    # Pictures are found once.
    assert set(table["property"]) == {"optimal_stimulus_gain"}
    optimal, gabor, blank = climbed_cells()[2]
    truth = (optimal - blank) / (gabor - blank)
    assert table["value"].to_numpy() == pytest.approx(truth)
    missed = ((table["low"] > truth) | (table["high"] < truth)).mean()
    assert 0.02 < missed < 0.12
    # The ratio of two differences, to first order: counts in .5 s on each trial.
    squares = optimal + truth**2 * gabor + (1 - truth) ** 2 * blank
    theory = np.sqrt(squares / (TRIALS * 0.5)) / (gabor - blank)
    # What is drawn is not the rate: of one unit they differ.
    assert (table["standard_error"] / theory).median() == pytest.approx(1, abs=0.1)
    more = intervals_of_gain(4 * TRIALS)[0]
    ratio = table["standard_error"].median() / more["standard_error"].median()
    assert ratio == pytest.approx(2, abs=0.15)


def test_properties_of_pictures_are_among_the_properties():
    with pytest.raises(insilico.UserError, match="pictured of orthogonal_preferred_ratio, which"):
        replace(OPTIMAL_STIMULUS, pictured=(properties.orthogonal_preferred_ratio,))


def test_climbed_pictures_of_a_noisy_model_say_that_they_are_not_shown_again():
    session, protocols, _ = climbed_cells(20)
    table, notes = intervals_over_repeats(session, protocols, n_trials=8, seed=0, spikes=False)
    assert table.empty
    assert notes[1] == (
        "optimal_stimulus has no intervals over repeats: its pictures are climbed on noisy "
        "responses, and are not shown again"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 7, "spikes": "poisson"}, "trials must be an even number from 8 on"),
        ({"trials": 8.0, "spikes": "poisson"}, "trials must be an even number from 8 on"),
        ({"trials": 8}, "answers a picture in the same way every time: its trials differ only"),
        (
            {"trials": 8, "spikes": "poisson", "phases": "harmonics"},
            "single trials are not kept as harmonics",
        ),
        (
            {"trials": 8, "spikes": "poisson", "model": small_battery.Filters(noise=0.5)},
            "has noise of its own",
        ),
    ],
)
def test_trials_that_there_cannot_be_are_refused(options, message):
    said = {"model": small_battery.Filters(), "battery": "variability", **OPTIONS, **options}
    with pytest.raises(insilico.UserError, match=message):
        insilico.run(**said)


@pytest.mark.parametrize("trials", [8, None])
def test_a_battery_without_rates_has_no_spikes_and_says_so_before_the_recording(trials):
    structure = find_battery("structure").battery
    said = "shows nothing that rates are fitted to.*--battery full --protocols optimal_stimulus, or"
    with pytest.raises(insilico.UserError, match=said):
        insilico.run(None, battery=structure, spikes="poisson", trials=trials)
    # What is said to help, does.
    full = find_battery("full").battery.only(["optimal_stimulus"])
    assert with_spikes(full, "poisson", seed=0, asked=True).rates_from == "orientation"
