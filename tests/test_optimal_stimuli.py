"""Optimal stimuli: truth for linear units and energies, and models without gradients."""

import numpy as np
import pytest
import torch
from torch import nn

import insilico
from insilico.experiments import optimal_stimuli, reverse_correlation
from insilico.experiments.batteries import find_battery
from insilico.experiments.optimal_stimuli import OPTIMAL_STIMULUS, noise_to_start_from
from insilico.experiments.protocol import Protocol
from insilico.experiments.reverse_correlation import noise_and_gratings, receptive_field_maps
from insilico.experiments.scope import lacking
from insilico.figures.structure import optimal_numbers, optimal_page
from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from insilico.recording.reductions import Ascent, Correlation
from stimuli import Display, Position

N = 16
DISPLAY = Display.square(2 * N, 2)


class Units(nn.Module):
    """A rectified Gabor filter, the energy of two, and a rectified plaid."""

    def __init__(self):
        super().__init__()
        y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 2 * N)], indexing="ij")
        window = torch.exp(-4 * (x**2 + y**2)) / N
        even, odd = window * torch.cos(7 * x + 2 * y), window * torch.sin(7 * x + 2 * y)
        self.filters = torch.stack(
            [even, odd, window * torch.cos(7 * x) * torch.cos(7 * y)]
        ).flatten(1)
        self.v1 = nn.Identity()

    def forward(self, images):
        even, odd, other = ((2 * images - 1).flatten(1) @ self.filters.T).unbind(1)
        return self.v1(torch.stack([even.relu(), even**2 + odd**2, other.relu()], 1))


@pytest.fixture(scope="module")
def climbed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reverse_correlation, "ELEMENTS", N)
        patch.setattr(optimal_stimuli, "ELEMENTS", N)
        probe = Probe(Units(), ["v1"], display=DISPLAY, channels=1)
        stimuli = noise_to_start_from(DISPLAY, Position(), element=2 / 16)
        recording = probe.record(stimuli, reduction=Ascent())
        noise = noise_and_gratings(DISPLAY, Position(), element=2 / 16, frames=300)
        maps = receptive_field_maps(probe.record(noise, reduction=Correlation(shuffles=2)))
    return recording, OPTIMAL_STIMULUS.curve(recording, maps)


def alike(one, other):
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


def of_elements(filters):
    return filters.reshape(-1, N, 2, N, 2).sum((2, 4)).flip(1).numpy()


def test_the_optimal_stimulus_of_a_linear_unit_is_its_filter(climbed):
    _, curve = climbed
    even, _, other = of_elements(Units().filters)
    assert alike(curve.sel(picture="optimal")[0], even) > 0.98
    assert alike(curve.sel(picture="optimal")[2], other) > 0.98
    assert alike(curve.sel(picture="Gabor")[0], even) > 0.98
    found = properties(curve)
    assert found["optimal_map_correlation"][[0, 2]] == pytest.approx(1, abs=0.02)
    assert np.isnan(found["optimal_map_correlation"][1])
    assert found["optimal_gabor_correlation"][0] > 0.98
    # No Gabor function is as good as a plaid.
    assert found["optimal_stimulus_gain"][0] == pytest.approx(1, abs=0.03)
    assert found["optimal_stimulus_gain"][2] > 1.1


def properties(curve):
    return {each(curve).name: each(curve).to_numpy() for each in OPTIMAL_STIMULUS.properties}


def test_that_of_an_energy_is_a_grating_of_any_phase(climbed):
    _, curve = climbed
    even, odd, _ = (each.ravel() / np.linalg.norm(each) for each in of_elements(Units().filters))
    picture = curve.sel(picture="optimal")[1].to_numpy().ravel()
    within = np.hypot(picture @ even, picture @ odd) / np.linalg.norm(picture)
    assert within > 0.98
    assert properties(curve)["optimal_stimulus_gain"][1] == pytest.approx(1, abs=0.05)


def test_pictures_keep_to_the_constraints(climbed):
    recording, _ = climbed
    values = recording.to_numpy()
    assert abs(values).max() <= 1
    rms = np.sqrt((values**2).mean((2, 3)))
    # Where nothing is cut off; some of the norm is where contrast reaches its limit.
    assert (rms <= 0.1 + 1e-5).all()
    np.testing.assert_allclose(rms[abs(values).max((2, 3)) < 1], 0.1, rtol=1e-4)
    assert (recording["reached"] >= 0).all()


def test_what_was_reached_is_the_response_to_the_picture(climbed):
    from stimuli.mosaics import drawn_mosaic

    recording, _ = climbed
    pictures = torch.from_numpy(recording.isel(picture=2).to_numpy())
    images = drawn_mosaic(DISPLAY, pictures, element=2 / 16)
    found = Units()(images).diagonal()
    np.testing.assert_allclose(recording["reached"].isel(picture=2), found, rtol=1e-4)


def test_the_page(climbed):
    _, curve = climbed
    figure = optimal_page(curve, optimal_numbers(curve), width=7)
    assert {"Optimal", "Gabor", "Map"} <= {axes.get_title() for axes in figure.axes}


def test_a_model_without_gradients_is_left_out_with_the_reason():
    class Opaque(Units):
        def forward(self, images):
            with torch.no_grad():
                return super().forward(images)

    card = ModelCard("opaque", DISPLAY, channels=1)
    probe = Probe(Opaque(), ["v1"], display=DISPLAY, channels=1)
    assert not probe.differentiable
    battery = find_battery("structure").battery
    needed = {each.needs for each in battery.protocols}
    kept, left_out = battery.suiting(DISPLAY, lacking(card, probe, needed))
    assert "optimal_stimulus" not in {each.name for each in kept.protocols}
    assert left_out == [
        "optimal_stimulus is left out: opaque gives no gradients of its responses to pictures"
    ]
    clear = Probe(Units(), ["v1"], display=DISPLAY, channels=1)
    assert clear.differentiable
    assert "gradients" not in lacking(card, clear, needed)


def test_a_curve_is_taken_only_from_what_comes_before():
    with pytest.raises(insilico.UserError, match="does not come after it"):
        Protocol(
            "late", noise_to_start_from, lambda curve: curve, (), lambda curve: curve, "",
            beside="receptive_field_structure",
        )  # fmt: skip


def test_the_command_measures_it():
    model = insilico.load_model("textbook", pixels=64, degrees=8, n=3)
    results = insilico.run(model, battery="structure", quick=True)
    assert results.units["optimal_stimulus_gain"].notnull().any()
