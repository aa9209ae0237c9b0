"""Motion: directions, temporal frequencies and plaids, on units that are known."""

import json

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.errors import UserError
from insilico.experiments.batteries.shared import MOTION
from insilico.experiments.battery import Battery
from insilico.experiments.gratings import ORIENTATION
from insilico.experiments.motion import directions, plaids_and_gratings, temporal_frequencies
from insilico.experiments.scope import lacking
from insilico.figures import plates
from insilico.models import load_model
from insilico.models.motion_energy.units import harmonics
from insilico.models.preparation import prepared
from insilico.recording.probe import Probe
from insilico.tuning.curves import dominant_component, first_harmonic, mean_response
from insilico.tuning.properties import direction as of_direction
from insilico.tuning.properties import pattern_motion as of_plaids
from insilico.tuning.properties import temporal_frequency as of_time
from stimuli import Display, Position

SCREEN = Display.square(48, 6, frame_rate=60)


def curve(values, dim, places, **coords):
    values = np.atleast_2d(values)
    units = {"layer": ("unit", ["v1"] * len(values)), "blank": ("unit", np.zeros(len(values)))}
    return xr.DataArray(
        values, {**units, dim: places, **coords}, ("unit", dim), attrs={"units": "spikes/s"}
    )


# --- the whole of it, on units in closed form


@pytest.fixture(scope="module")
def model():
    return load_model("motion_energy", n=8, pixels=48, seed=1)


@pytest.fixture(scope="module")
def results(model):
    return insilico.run(model, battery="motion")


def test_preferred_directions_and_temporal_frequencies_are_recovered(model, results):
    known, units = model.truth(), results.units
    away = units["preferred_direction"] - known["preferred_direction"].to_numpy()
    directional = (model.units["kind"] != "separable").to_numpy()
    assert np.abs((away.to_numpy()[directional] + 180) % 360 - 180).max() < 1
    assert np.isnan(units["preferred_direction"][~directional]).all()
    ratio = units["preferred_temporal_frequency"] / known["preferred_temporal_frequency"].to_numpy()
    assert np.abs(ratio.to_numpy() - 1).max() < 0.03
    assert (units["temporal_low_pass"] == 0).all()


def test_direction_indices_are_those_of_the_closed_form_at_what_was_shown(model, results):
    shown = results.curves["direction"]
    rate, frequency = (
        shown[name].to_numpy()[:, None] for name in ("temporal_frequency", "spatial_frequency")
    )
    heading = model.units["direction"].to_numpy()[:, None]
    f0, f1 = (
        np.concatenate(each, 1)
        for each in zip(
            *(
                harmonics(
                    model.units,
                    direction=heading + turn,
                    spatial_frequency=frequency,
                    temporal_frequency=rate,
                )
                for turn in (0, 180)
            ),
            strict=True,
        )
    )
    there, back = np.where(f1.any(1)[:, None], f1, f0.clip(0)).T
    np.testing.assert_allclose(results.units["direction_index"], 1 - back / there, atol=0.03)
    np.testing.assert_array_equal(shown["modulated"], model.units["kind"] == "simple")


def test_cut_offs_are_where_the_closed_form_is_half(model, results):
    rates = np.geomspace(1, 21, 2000)
    f0, f1 = harmonics(
        model.units,
        direction=model.units["direction"].to_numpy()[:, None],
        spatial_frequency=results.units["drifting_spatial_frequency"].to_numpy()[:, None],
        temporal_frequency=rates,
    )
    course = np.where(f1.any(1)[:, None], f1, f0)
    above = np.arange(len(rates)) > course.argmax(1)[:, None]
    half = rates[(above & (course < course.max(1, keepdims=True) / 2)).argmax(1)]
    np.testing.assert_allclose(results.units["high_cut_off"], half, rtol=0.03)


def test_motion_energy_follows_the_gratings_of_a_plaid(results):
    shown = results.units.sel(protocol="pattern_motion")
    responding = shown.isel(unit=shown["responsive"].to_numpy())
    assert (responding["component_cell"] == 1).mean() > 0.8
    assert (responding["pattern_cell"] == 0).all()
    assert (responding["pattern_index"] < -1.28).all()


def test_the_report_says_how_time_was_taken(results):
    assert results.provenance["time"] == "channel_first"
    assert results.provenance["display"]["frame_rate"] == 60
    json.dumps(results.provenance)
    assert "60 frames/s, which the model was shown all at once" in results.methods()
    assert not any("assumption" in each for each in results.warnings)


def test_plaids_have_a_page_and_its_numbers(results):
    [plate] = [each for each in plates(results) if each.name == "pattern_motion"]
    assert "component" in plate.caption
    responsive = results.units["responsive"].sel(protocol="pattern_motion")
    assert len(plate.numbers) == int(responsive.sum()) > 4
    assert set(plate.numbers["kind"]) <= {"component", "neither"}
    at_sixty = plate.numbers[["plaid_at_60_deg", "plaid_at_-60_deg"]].median()
    assert (at_sixty > 3 * plate.numbers["plaid_at_0_deg"].median()).all()


# --- what is measured on curves


def test_f0_and_f1_of_frames_are_those_of_the_stimulus_frequency():
    time = np.arange(40) / 20
    waves = 3 + 2 * np.cos(2 * np.pi * np.array([[1.0], [4.0]]) * time - 0.5)
    # Stronger, but not at the frequency of the stimulus.
    waves += 5 * np.cos(2 * np.pi * 2.0 * time)
    response = xr.DataArray(
        waves[None],
        {"temporal_frequency": [1.0, 4.0], "time": time, "blank": ("unit", [1.0])},
        ("unit", "temporal_frequency", "time"),
    )
    np.testing.assert_allclose(mean_response(response), 3)
    np.testing.assert_allclose(first_harmonic(response), 2)
    assert dominant_component(response).dims == ("unit", "temporal_frequency")
    seldom = response.isel(time=slice(None, None, 4))
    assert np.isnan(first_harmonic(seldom)[0]).values.tolist() == [False, True]
    of_units = response.isel(temporal_frequency=0, drop=True).assign_coords(
        temporal_frequency=("unit", [4.0])
    )
    assert first_harmonic(of_units).dims == ("unit",)


def test_directions_by_hand():
    places = np.arange(0, 360, 12.0)
    turn = np.deg2rad(places - 100)
    one = 10 * np.exp(3 * (np.cos(turn) - 1))
    both = 10 * np.exp(3 * (np.cos(2 * turn) - 1))
    partly = one + 0.4 * np.roll(one, 15)
    below = one - 0.5
    shown = curve(
        [one, both, partly, below, 0 * one],
        "direction",
        places,
        spatial_frequency=("unit", [1.0] * 5),
    )
    preferred = of_direction.preferred_direction(shown)
    np.testing.assert_allclose(preferred[[0, 2, 3]], 100, atol=0.3)
    assert np.isnan(preferred[[1, 4]]).all()
    assert float(of_direction.strongest_direction(shown)[1]) % 180 == pytest.approx(100, abs=0.3)
    index = of_direction.direction_index(shown)
    opposite = np.exp(-6)
    expected = [1 - opposite, 0, 1 - (0.4 + opposite) / (1 + 0.4 * opposite), 1]
    np.testing.assert_allclose(index[:4], expected, atol=0.005)
    selectivity = of_direction.direction_selectivity(shown)
    exact = np.abs((one * np.exp(1j * turn)).sum()) / one.sum()
    np.testing.assert_allclose(selectivity[:3], [exact, 0, exact * 0.6 / 1.4], atol=1e-6)
    assert np.isnan(of_direction.direction_index(0.3 * shown)[0])


def test_temporal_frequencies_by_hand():
    places = np.array([1, 2, 3, 4, 6, 8, 11, 16, 21.0])
    octaves = np.log2(places)
    band = 10 * np.exp(-0.5 * ((octaves - 2.3) / 0.8) ** 2)
    low = 10 / (1 + (places / 6) ** 4)
    broad = 10 + 0 * places + octaves
    shown = curve([band, low, broad], "temporal_frequency", places)
    half = 0.8 * np.sqrt(2 * np.log(2))
    best = of_time.preferred_temporal_frequency(shown)
    assert float(best[0]) == pytest.approx(2**2.3, rel=0.01)
    assert of_time.temporal_low_pass(shown).values.tolist() == [0, 1, 1]
    cut = of_time.high_cut_off(shown)
    np.testing.assert_allclose(cut[:2], [2 ** (2.3 + half), 6], rtol=0.01)
    assert np.isnan(cut[2])
    width = of_time.temporal_frequency_bandwidth(shown)
    assert float(width[0]) == pytest.approx(2 * half, abs=0.02)
    assert np.isnan(width[1:]).all()


def test_pattern_and_component_cells_by_hand():
    places = np.arange(0, 360, 30.0)
    grating = 10 * np.exp(4 * (np.cos(np.deg2rad(places - 90)) - 1))
    component = np.roll(grating, 2) + np.roll(grating, -2)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.3, (2, 12))
    plaids = np.stack([grating + noise[0], component + noise[1], grating, grating + component])
    shown = curve(
        plaids, "direction", places, plaid_angle=120.0,
        grating=(("unit", "direction"), np.tile(grating, (4, 1))),
    )  # fmt: skip
    assert of_plaids.pattern_cell(shown).values.tolist() == [1, 0, 1, 0]
    assert of_plaids.component_cell(shown).values.tolist() == [0, 1, 0, 0]
    index = of_plaids.pattern_index(shown)
    assert index[0] > 1.28
    assert index[1] < -1.28
    # By the formula, of the first.
    r = np.corrcoef(np.stack([plaids[0], grating, component]))
    partial = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert float(of_plaids.pattern_motion(shown)[0]) == pytest.approx(np.arctanh(partial) * 3)
    # What follows one exactly has nothing left for the other.
    assert float(of_plaids.component_motion(shown)[2]) == pytest.approx(0, abs=0.1)
    assert float(of_plaids.pattern_motion(shown)[2]) < np.arctanh(0.999) * 3
    flat = shown.assign_coords(grating=(("unit", "direction"), np.ones((4, 12))))
    assert np.isnan(of_plaids.pattern_index(flat)).all()
    with pytest.raises(ValueError, match="half of 100 deg is no multiple of 30 deg"):
        of_plaids.pattern_index(shown.assign_coords(plaid_angle=100.0))


# --- what is shown


def test_frequencies_complete_whole_cycles():
    odd = Display.square(48, 6, frame_rate=29.97)
    for shown in (directions(odd, Position()), temporal_frequencies(odd, Position())):
        rates = shown.conditions["temporal_frequency"].unique()
        times = np.array([moment for moment in shown.time if moment >= 0])
        assert abs(np.exp(2j * np.pi * rates[:, None] * times).sum(1)).max() < 1e-9
        assert rates.max() <= 0.35 * 29.97
        assert shown.time[0] == pytest.approx(-0.5, abs=0.02)
    plaids = plaids_and_gratings(SCREEN, Position(), temporal_frequency=3.2)
    assert plaids.conditions["temporal_frequency"].unique().tolist() == [3.0]
    alone = plaids.conditions["plaid_angle"] == 0
    assert plaids.conditions["mask_contrast"][alone].tolist() == [0.0] * 12
    with pytest.raises(ValueError, match="too few for temporal frequencies from 2 Hz on"):
        directions(Display.square(48, 6, frame_rate=5), Position())


# --- models of other kinds


def test_motion_is_left_out_for_a_static_model_and_the_reason_said():
    static = static_model()
    display = Display.square(16, 2)
    usual = dict.fromkeys(["degrees", "pixels", "mean", "std", "channels"])
    _, card = prepared(static, display=display, seed=0, background=0.5, **usual)
    probe = Probe(static, ["o"], display=card.display, channels=1)
    plan = Battery("some", (ORIENTATION, *MOTION), partial=True)
    rest, told = plan.suiting(card.display, lacking(card, probe))
    assert [each.name for each in rest.protocols] == ["orientation"]
    assert [each.partition(" ")[0] for each in told] == [each.name for each in MOTION]
    assert "takes pictures, and these stimuli move" in told[0]
    assert "--time phases" in told[0]
    assert not any("\n" in each for each in told)
    moving = Display.square(64, 8, frame_rate=60)
    assert plan.suiting(moving) == (plan, [])


class Recurrent(nn.Module):
    """A state that shifts to the right from frame to frame: it prefers leftward or rightward."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self.c = nn.Conv2d(1, 4, 5, padding=2)
        self.o = nn.Identity()
        self.state = None

    def forward(self, x):
        now = self.c(x)
        kept = 0 if self.state is None else 0.6 * torch.roll(self.state, 1, dims=3)
        self.state = now + kept
        return self.o(torch.relu(self.state))


def static_model():
    static = nn.Sequential()
    static.o = nn.Sequential(Recurrent().c, nn.ReLU())
    return static


TINY = {"layers": ["o"], "pixels": 16, "degrees": 2.0, "quick": True, "frame_rate": 20.0}


def test_a_recurrent_model_has_directions_and_a_static_one_is_offered_phases(tmp_path):
    # The other experiments are shown to other models of movies.
    asked = {"battery": "motion", "protocols": "direction", **TINY}
    recurrent = insilico.run(Recurrent(), time="frames", **asked)
    assert float(recurrent.units["direction_index"].max()) > 0.3
    static = static_model()
    with pytest.raises(UserError, match="nothing of the motion, quick battery.*with --time phases"):
        insilico.run(static, **{**asked, "frame_rate": None})
    phases = insilico.run(static, time="phases", out=tmp_path / "run", **asked)
    assert float(phases.units["direction_index"].max()) < 0.05
    assert any("the model is static" in each for each in phases.warnings)
    again = insilico.run(static, time="phases", out=tmp_path / "run", **asked)
    xr.testing.assert_equal(again.units, phases.units)


def test_a_frame_rate_that_the_filters_were_not_made_for_is_refused():
    made = load_model("motion_energy", n=4, pixels=48)
    with pytest.raises(UserError, match="made for 60 frames/s and would be shown 30"):
        insilico.run(made, battery="motion", frame_rate=30.0)
