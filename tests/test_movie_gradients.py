"""Responses to movies can be differentiated, whichever way a model takes time."""

import numpy as np
import pytest
import torch
from torch import nn

from insilico.errors import UserError
from insilico.experiments import optimal_stimuli
from insilico.experiments.optimal_stimuli import noise_to_start_from
from insilico.models.motion_energy.module import MotionEnergy
from insilico.models.motion_energy.units import harmonics
from insilico.recording.probe import Probe
from insilico.recording.reductions import Ascent
from stimuli import Display, Position, drifting_grating, factorial, frame_times
from stimuli.mosaics import drawn_mosaic

DISPLAY = Display.square(16, 2, frame_rate=20)


def seeded(make, *arguments, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return make(*arguments, **options)


class Whole(nn.Module):
    """Filters of space and time, and a nonlinearity that is smooth."""

    def __init__(self):
        super().__init__()
        self.c = seeded(nn.Conv3d, 1, 3, (3, 5, 5), padding=(0, 2, 2))
        self.o = nn.Identity()

    def forward(self, x):
        return self.o(nn.functional.softplus(8 * self.c(x)))


class TimeFirst(Whole):
    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Called(nn.Module):
    """Takes whole movies, and calls its layers for every frame; no time is lost."""

    def __init__(self):
        super().__init__()
        self.c = seeded(nn.Conv2d, 1, 3, 5, padding=2)
        self.o = nn.Identity()

    def forward(self, x):
        state, answers = 0.0, []
        for frame in x.unbind(1):
            state = torch.tanh(4 * self.c(frame) + 0.5 * state)
            answers.append(self.o(state))
        return torch.stack(answers, 1)


class Remembers(nn.Module):
    """Takes frames, and keeps what they left behind."""

    state = None

    def __init__(self):
        super().__init__()
        self.c = seeded(nn.Conv2d, 1, 3, 5, padding=2)
        self.o = nn.Identity()

    def forward(self, x):
        now = 4 * self.c(x)
        self.state = torch.tanh(now if self.state is None else now + 0.5 * self.state)
        return self.o(self.state)


KINDS = {
    "channel_first": Whole,
    "time_first": TimeFirst,
    "called": Called,
    "frames": Remembers,
    "phases": lambda: nn.Sequential(seeded(nn.Conv2d, 1, 3, 5, padding=2), nn.Softplus()),
}


def probe_of(kind):
    time = "time_first" if kind == "called" else kind
    layer = "1" if kind == "phases" else "o"
    return Probe(KINDS[kind](), [layer], display=DISPLAY, channels=1, time=time)


@pytest.mark.parametrize("kind", KINDS)
def test_responses_are_those_recorded_and_gradients_those_of_differences(kind):
    probe = probe_of(kind)
    shown = factorial(
        "movies", DISPLAY, drifting_grating, {"direction": [0.0, 90.0]},
        spatial_frequency=1.0, temporal_frequency=2.5, contrast=0.8,
        time=frame_times(DISPLAY, 0.3, lead_in=0.2),
    )  # fmt: skip
    units = probe.units.iloc[[2, 0]]
    movies = shown.images().requires_grad_()
    found = probe.respond(movies, units)
    recorded = torch.from_numpy(probe.record(shown, units).to_numpy()).movedim(0, -1)
    torch.testing.assert_close(found[:, -6:].detach(), recorded, atol=1e-5, rtol=1e-4)
    # Along some direction in the space of movies.
    way = torch.randn(movies.shape, generator=torch.Generator().manual_seed(1)) * 1e-3
    (gradient,) = torch.autograd.grad(found.square().sum(), movies)
    with torch.no_grad():
        ahead, behind = (
            probe.respond(movies + sign * way, units).square().double().sum() for sign in (1, -1)
        )
    slope = float((gradient * way).double().sum())
    assert slope == pytest.approx(float(ahead - behind) / 2, rel=0.02, abs=1e-4)
    assert gradient.flatten(2).norm(dim=2).min() > 0 or kind in ("frames", "called", "phases")
    assert probe.differentiable
    # What a model remembers of it is forgotten.
    torch.testing.assert_close(probe.respond(shown.images(), units), found.detach())


def test_the_gradient_of_motion_energy_is_that_of_its_closed_form():
    """Along the contrast of a grating: energies grow with its square."""
    model = MotionEnergy(n=12, pixels=48, seed=1)
    probe = Probe(model, ["v1"], display=model.display, channels=1, time="channel_first")
    best = model.units.iloc[[4]]
    shown = {
        name: best[name].to_numpy() for name in ("direction", "spatial_frequency")
    } | {"temporal_frequency": np.array([4.0])}  # fmt: skip
    times = frame_times(model.display, 1.0, lead_in=0.6)
    contrast = 0.5
    movies = drifting_grating(model.display, time=times, contrast=contrast, **shown)
    movies.requires_grad_()
    answers = probe.respond(movies)[:, -60:].mean(1)[0]
    slopes = []
    for answer in answers:
        (gradient,) = torch.autograd.grad(answer, movies, retain_graph=True)
        slopes.append(float((gradient * (movies.detach() - 0.5)).sum()) / contrast)
    f0, _ = harmonics(model.units, contrast=contrast, **shown)
    power = np.where(model.units["kind"] == "simple", 1, 2)
    gain = model.units["gain"].to_numpy()
    assert (f0[:, 0] / gain).max() > 0.2
    np.testing.assert_allclose(slopes / gain, power * f0[:, 0] / contrast / gain, atol=0.02)


def test_movies_are_for_models_of_movies_and_layers_have_one_time():
    pictures = Probe(nn.Conv2d(1, 2, 3), ["output"], display=Display.square(16, 2), channels=1)
    with pytest.raises(UserError, match=r"shape \(n, channel, 16, 16\), as the probe's display"):
        pictures.respond(torch.zeros(1, 3, 1, 16, 16))
    moving = probe_of("channel_first")
    with pytest.raises(UserError, match=r"\(n, frame, channel, 16, 16\), as the probe's display"):
        moving.respond(torch.zeros(1, 3, 1, 8, 8))
    # To a picture, held still, they respond as they are recorded.
    still = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert moving.respond(still).shape == (2, 3)

    class Two(Whole):
        def __init__(self):
            super().__init__()
            self.d = nn.Conv3d(3, 3, (2, 1, 1), stride=(2, 1, 1))

        def forward(self, x):
            return self.d(super().forward(x))

    two = Probe(Two(), ["o", "d"], display=DISPLAY, channels=1, time="channel_first")
    with pytest.raises(UserError, match=r"o, d answer .* times. Give the units of one layer"):
        two.respond(torch.rand(1, 8, 1, 16, 16))


def test_the_optimal_stimulus_of_a_filter_of_space_and_time_is_its_filter(monkeypatch):
    monkeypatch.setattr(optimal_stimuli, "ELEMENTS", 16)
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 16)], indexing="ij")
    filters = torch.stack(
        [torch.exp(-4 * (x**2 + y**2)) * torch.cos(7 * x + turn * y) for turn in (2, -3)]
    )

    class Filter(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv3d(1, 2, (2, 16, 16), bias=False)
            # The picture of now, less some of that before.
            weights = torch.stack([-0.3 * filters, filters], 1)[:, None]
            self.c.weight = nn.Parameter(weights, requires_grad=False)
            self.o = nn.Identity()

        def forward(self, x):
            return self.o(self.c(2 * x - 1).relu())

    probe = Probe(Filter(), ["o"], display=DISPLAY, channels=1, time="channel_first")
    stimuli = noise_to_start_from(DISPLAY, Position(), element=2 / 16)
    found = probe.record(stimuli, reduction=Ascent(steps=40))
    best = found.isel(picture=slice(1, None))
    best = best.isel(picture=best["reached"].argmax("picture"))
    for picture, own in zip(best.to_numpy(), filters.flip(1).numpy(), strict=True):
        assert np.corrcoef(picture.ravel(), own.ravel())[0, 1] > 0.98
    # What was reached is what is recorded of it: the mean over time of what is above 0.
    shown = drawn_mosaic(DISPLAY, torch.from_numpy(best.to_numpy()), element=2 / 16)
    moving = probe.forward.movies.of_pictures(shown)
    answers = Filter()(moving.transpose(1, 2))[:, :, -probe.forward.movies.still :, 0, 0]
    np.testing.assert_allclose(best["reached"], answers.mean(2).diagonal(), rtol=1e-4)
