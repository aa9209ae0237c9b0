"""Motion energy: pixels and frames against the closed form."""

import numpy as np
import pytest
import torch

from insilico.errors import UserError
from insilico.models import load_model
from insilico.models.motion_energy.module import MotionEnergy
from insilico.models.motion_energy.temporal import FAST, SLOW, best_frequency, gain, taps
from insilico.models.motion_energy.units import KINDS, harmonics
from stimuli import drifting_grating, frame_times


@pytest.fixture(scope="module")
def model():
    return MotionEnergy(n=32, pixels=48)


def test_filters_have_the_gain_of_their_closed_form():
    rate, dt = np.array([40.0, 70.0]), 1 / 400
    for order in (FAST, SLOW):
        for frequency in (0.0, 2.0, 7.0):
            sampled = taps(order, rate, dt)
            wave = np.exp(2j * np.pi * frequency * dt * np.arange(sampled.shape[1]))
            np.testing.assert_allclose(sampled @ wave, gain(order, rate, frequency), atol=1e-5)
    # They do not see what stays; the slow one follows the fast one by a quarter at k.
    assert abs(gain(FAST, rate, 0.0)).max() < 1e-12
    at_k = 1 / (2 * np.pi)
    assert np.angle(gain(SLOW, 1.0, at_k) / gain(FAST, 1.0, at_k), deg=True) == pytest.approx(90)


def test_the_best_frequency_of_one_filter_solves_its_equation():
    w = (2 * np.pi * best_frequency("separable")[0]) ** 2
    assert (FAST + 1) * w**2 + (4 * FAST + 6) * w - 4 == pytest.approx(0, abs=1e-5)


def test_what_units_prefer_is_where_their_closed_form_is_largest(model):
    units, known = model.units, model.truth()
    own = units["spatial_frequency"].to_numpy()[:, None]
    rates = units["temporal_frequency"].to_numpy()[:, None] * 2 ** np.linspace(-0.5, 0.5, 101)
    f0, f1 = harmonics(
        units,
        direction=units["direction"].to_numpy()[:, None],
        spatial_frequency=own,
        temporal_frequency=rates,
    )
    assert (f0.argmax(1) == 50).all()
    assert sorted(set(units["kind"])) == sorted(KINDS)
    of = dict(iter(known.groupby(units["kind"])["direction_index"]))
    np.testing.assert_allclose(of["opponent"], 1)
    np.testing.assert_allclose(of["separable"], 0, atol=1e-9)
    assert of["energy"].between(0.7, 1).all()
    assert (
        f1[units["kind"] == "simple", 50] > 0.4 * units["gain"][units["kind"] == "simple"]
    ).all()


def test_frames_of_pixels_answer_as_the_closed_form(model):
    """Every unit at gratings near its own, each way, in the steady state."""
    rng = np.random.default_rng(0)
    chosen = model.units.iloc[rng.choice(len(model.units), 8, replace=False)]
    shown = {
        "direction": chosen["direction"].to_numpy() + rng.normal(0, 15, 8) + [0, 180] * 4,
        "spatial_frequency": chosen["spatial_frequency"].to_numpy() * 2 ** rng.normal(0, 0.2, 8),
        "temporal_frequency": rng.integers(2, 9, 8).astype(float),
    }
    times = frame_times(model.display, 1.0, lead_in=0.6)
    movies = drifting_grating(model.display, time=times, contrast=0.5, **shown)
    with torch.no_grad():
        answers = model(movies.transpose(1, 2))[:, -60:].double().numpy()
    wave = np.exp(-2j * np.pi * shown["temporal_frequency"][:, None] * np.array(times[-60:]))
    f0, f1 = harmonics(model.units, contrast=0.5, **shown)
    peak = model.units["gain"].to_numpy()
    assert (f0 / peak[:, None]).max() > 0.2
    np.testing.assert_allclose(answers.mean(1) / peak, f0.T / peak, atol=0.01)
    found = 2 / 60 * np.abs(np.einsum("ntu,nt->nu", answers, wave))
    np.testing.assert_allclose(found / peak, f1.T / peak, atol=0.015)


def test_before_a_movie_the_screen_was_blank(model):
    blank = torch.full((1, 1, 5, 48, 48), 0.5)
    assert float(model(blank).abs().max()) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame_rate": 20.0}, "frames/s or more; got 20"),
        ({"pixels": 16}, "at least 48 px"),
        ({"degrees": 0.1}, "at least 48 px"),
    ],
)
def test_displays_that_cannot_carry_it_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        MotionEnergy(**options)


def test_what_is_no_movie_is_refused(model):
    with pytest.raises(UserError, match=r"movies of shape \(batch, 1, time, 48, 48\)"):
        model(torch.zeros(1, 1, 48, 48))


def test_it_is_loaded_by_name_with_its_own_time():
    card = load_model("motion_energy", n=4, pixels=48, frame_rate=90).card
    assert (card.time, card.display.frame_rate, card.channels) == ("channel_first", 90, 1)
    assert len(load_model("motion_energy", n=5, seed=2).units) == 5
