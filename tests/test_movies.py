"""Models that take time: whole movies or frame by frame; what they answer, and when."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from insilico.errors import UserError
from insilico.models import load_model
from insilico.models.layers import layer_table
from insilico.models.preparation import prepared
from insilico.recording.crops import Crops
from insilico.recording.forward import Forward
from insilico.recording.movies import LEAD_IN, STILL
from insilico.recording.probe import Probe
from insilico.recording.tape import Tape
from insilico.recording.time_axes import how_time_is_taken
from stimuli import Display, drifting_grating, factorial, frame_times, grating

DISPLAY = Display.square(32, 4, frame_rate=20)
TIMES = frame_times(DISPLAY, 0.4, lead_in=0.3)
MEASURED = 8
HELD, BEFORE = round(20 * STILL), round(20 * LEAD_IN)


def movies(time=TIMES, display=DISPLAY, directions=(0.0, 90.0, 180.0)):
    wave = {"spatial_frequency": 1.0, "temporal_frequency": 2.5, "x": 0.1}
    return factorial(
        "movies", display, drifting_grating, {"direction": directions}, time=time, **wave
    )


PICTURES = factorial(
    "pictures", DISPLAY, grating, {"orientation": [0.0, 90.0]}, spatial_frequency=1.0
)


def seeded(make, *arguments, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return make(*arguments, **options)


class Filters(nn.Module):
    """Filters of space and time, for movies (batch, channel, time, height, width)."""

    def __init__(self, padding=1, stride=1):
        super().__init__()
        size = {"kernel_size": (3, 5, 5), "padding": (padding, 2, 2), "stride": (stride, 1, 1)}
        self.c = seeded(nn.Conv3d, 1, 4, **size)
        self.o = nn.Identity()

    def forward(self, x):
        return self.o(torch.relu(self.c(x)))


class TimeFirst(Filters):
    """The same, for movies (batch, time, channel, height, width), its time where it was."""

    def forward(self, x):
        return self.o(torch.relu(self.c(x.transpose(1, 2))).transpose(1, 2))


class Folded(Filters):
    """The same, its frames below each other: (batch x time, channel, height, width)."""

    def forward(self, x):
        return self.o(torch.relu(self.c(x)).transpose(1, 2).flatten(0, 1))


class Loop(Filters):
    """The same, its layer being called for every frame."""

    def forward(self, x):
        found = torch.relu(self.c(x))
        return torch.stack([self.o(frame) for frame in found.unbind(2)], 2)


class Remembers(nn.Module):
    """A leaky state, of the size of the batch and begun with the first frame."""

    def __init__(self, leak=0.5):
        super().__init__()
        self.c = seeded(nn.Conv2d, 1, 4, 5, padding=2)
        self.o = nn.Identity()
        self.state = None
        self.leak = leak

    def forward(self, x):
        now = self.c(x)
        self.state = now if self.state is None else now + self.leak * self.state
        return self.o(torch.relu(self.state))


def probed(model, shown=None, display=DISPLAY, **options):
    probe = Probe(model, ["o"], display=display, channels=1, **options)
    return probe, probe.record(shown or movies())


def by_hand(recording, shown=None, make=Filters):
    """The middle site of the plain filters, at every frame."""
    model = make().eval()
    frames = (shown or movies()).images()
    with torch.no_grad():
        found = model(frames.transpose(1, 2))
    row, column = int(recording["row"][0]), int(recording["column"][0])
    return found[..., row, column].permute(1, 0, 2).numpy()


# --- whole movies


@pytest.mark.parametrize(
    ("make", "time"),
    [
        (Filters, "channel_first"),
        (TimeFirst, "time_first"),
        (Folded, "channel_first"),
        (Loop, "channel_first"),
        (Filters, None),
        (TimeFirst, None),
    ],
)
def test_answers_are_those_to_the_frames_from_0_on(make, time):
    probe, recording = probed(make(), time=time)
    assert recording.dims == ("unit", "direction", "time")
    np.testing.assert_allclose(recording["time"], TIMES[-MEASURED:])
    assert recording["time"].attrs["units"] == "s"
    expected = by_hand(recording)[..., -MEASURED:]
    np.testing.assert_allclose(recording, expected, rtol=1e-4, atol=1e-6)
    assert any("found by trial" in note for note in probe.notes) == (time is None)


def test_windows_are_cut_in_space_and_not_in_time():
    probe, cut = probed(Filters())
    assert probe.crop(probe.units).window.height < 12
    _, whole = probed(Filters(), crop="off")
    np.testing.assert_allclose(cut, whole, rtol=1e-4, atol=1e-6)
    assert not any("full pictures" in note for note in probe.notes)


@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (1, 2), (0, 3)])
def test_the_last_answer_is_that_to_the_last_frame(padding, stride):
    make = lambda: Filters(padding, stride)  # noqa: E731
    _, recording = probed(make())
    np.testing.assert_allclose(recording["time"], np.array(TIMES[-MEASURED:])[::-stride][::-1])
    expected = by_hand(recording, make=make)[..., -recording.sizes["time"] :]
    np.testing.assert_allclose(recording, expected, rtol=1e-4, atol=1e-6)


def test_the_blank_of_movies_is_a_mean_over_their_time():
    _, recording = probed(Filters())
    with torch.no_grad():
        answer = Filters()(torch.full((1, 1, len(TIMES), 32, 32), 0.5))[0, :, -MEASURED:, 16, 16]
    np.testing.assert_allclose(recording["blank"], answer.mean(1), rtol=1e-5)


@pytest.mark.parametrize("layer", ["o", "c"])
def test_a_picture_is_held_and_its_answer_is_a_mean_of_what_is_above_0(layer):
    recording = Probe(Filters(), [layer], display=DISPLAY, channels=1).record(PICTURES)
    assert recording.dims == ("unit", "orientation")
    still = PICTURES.images()[:, None].expand(-1, HELD, -1, -1, -1)
    blank = torch.full((2, 16 - HELD, 1, 32, 32), 0.5)
    with torch.no_grad():
        found = Filters()(torch.cat([blank, still], 1).transpose(1, 2))[:, :, -HELD:]
    row, column = int(recording["row"][0]), int(recording["column"][0])
    expected = found[..., row, column].mean(2).T
    np.testing.assert_allclose(recording, expected, rtol=1e-4, atol=1e-6)


# --- frame by frame


def test_frames_are_shown_in_turn_and_the_state_is_put_back():
    probe, recording = probed(Remembers(), time="frames")
    frames, row = movies().images(), int(recording["row"][0])
    expected = []
    for movie in frames:
        model = Remembers()
        with torch.no_grad():
            expected.append(torch.stack([model(frame[None])[0, :, row, row] for frame in movie]))
    expected = torch.stack(expected)[:, -MEASURED:].permute(2, 0, 1)
    np.testing.assert_allclose(recording, expected, rtol=1e-4, atol=1e-6)
    turned = probe.record(movies(directions=(180.0, 90.0)))
    np.testing.assert_array_equal(turned.sel(direction=180), recording.sel(direction=180))
    assert probe.model.state is None
    assert not any("does not remember" in note for note in probe.notes)


def test_a_model_that_remembers_nothing_is_told():
    probe, _ = probed(Remembers(leak=0), time="frames")
    assert any("does not remember" in note for note in probe.notes)


# --- static models


def test_a_model_that_fails_on_a_movie_is_asked_again_as_it_was():
    forward = Forward(nn.Conv2d(4, 2, 3), channels=3)
    with forward.ready(), pytest.raises(UserError):
        how_time_is_taken(forward, ["output"], DISPLAY, "frames")
    assert forward.movies is None


def test_a_static_model_is_offered_phases():
    model = nn.Sequential()
    model.o = seeded(nn.Conv2d, 1, 4, 5)
    with pytest.raises(UserError, match="movies are movies.*'phases' to show a static one"):
        probed(model)
    probe, recording = probed(model, time="phases")
    assert recording.dims == ("unit", "direction", "time")
    assert any("the model is static" in note for note in probe.notes)
    row, column = int(recording["row"][0]), int(recording["column"][0])
    with torch.no_grad():
        found = model(movies().images()[:, -MEASURED:].flatten(0, 1))[..., row, column]
    expected = found.reshape(3, MEASURED, 4).permute(2, 0, 1)
    np.testing.assert_allclose(recording, expected, rtol=1e-4, atol=1e-6)
    # One that goes the other way shows the same pictures.
    np.testing.assert_allclose(
        np.sort(recording.sel(direction=0).isel(time=slice(None))),
        np.sort(recording.sel(direction=0)),
    )


# --- what is refused


class Either(Filters):
    def forward(self, x):
        return super().forward(x.mean((1, 2), keepdim=True).expand(-1, -1, 16, -1, -1))


class Pooled(Filters):
    def forward(self, x):
        return self.o(self.c(x).mean(2))


class Mixed(Filters):
    def forward(self, x):
        return self.o(self.c(x).flatten(2).transpose(1, 2))


@pytest.mark.parametrize(
    ("make", "time", "message"),
    [
        (Pooled, None, "has no time. Record a layer ahead"),
        (Mixed, "channel_first", "where its time is cannot be told"),
        (Filters, "time_first", "does not take movies of 32 frames of 1 x 32 x 32.*time="),
        (Filters, "movie", "time must be one of frames, time_first"),
    ],
)
def test_what_cannot_be_told_is_refused(make, time, message):
    with pytest.raises(UserError, match=message):
        probed(make(), time=time)


def test_axes_that_could_be_either_are_asked_for():
    class Both(Filters):
        def forward(self, x):
            return self.o(self.c(x if x.shape[1] == 1 else x.transpose(1, 2)))

    with pytest.raises(UserError, match="in either order.*time='time_first' for .batch, time"):
        probed(Both())

    class Neither(Filters):
        def forward(self, x):
            raise ValueError("no")

    with pytest.raises(UserError, match="in neither order"):
        probed(Neither())


def test_a_frame_must_last():
    with pytest.raises(UserError, match=r"Display\(..., frame_rate=60\)"):
        Probe(Filters(), ["o"], display=Display.square(32, 4), channels=1)
    other = Display.square(32, 4, frame_rate=30)
    probe = Probe(Filters(), ["o"], display=DISPLAY, channels=1)
    with pytest.raises(UserError, match="drawn at 30"):
        probe.record(movies(frame_times(other, 0.4), other))


def card(model, **said):
    usual = dict.fromkeys(["display", "degrees", "pixels", "mean", "std", "channels"])
    return prepared(model, **usual | {"seed": 0, "background": 0.5} | said)[1]


def test_the_frame_rate_is_that_which_somebody_says():
    assert card(Filters()).display.frame_rate == 60
    assert card(Filters(), frame_rate=25.0).display.frame_rate == 25
    assert card(Filters(), display=DISPLAY).display.frame_rate == 20
    assert card(Remembers()).display.frame_rate is None
    assert card(Remembers(), time="frames").display.frame_rate == 60
    assert card(Filters()).channels == 1
    with pytest.raises(UserError, match="is for models of movies.*time='frames'"):
        card(Remembers(), frame_rate=25.0)
    with pytest.raises(UserError, match="frame_rate must be a number"):
        card(Filters(), frame_rate=-1)


def test_layers_of_models_of_movies_are_listed():
    table = layer_table(Filters(), display=Display.square(32, 4), channels=1).set_index("layer")
    assert table.loc["o", "shape"] == (4, 64, 32, 32)
    assert table.loc["c", "type"] == "Conv3d"
    loop = layer_table(Loop(), display=Display.square(32, 4), channels=1, fields=True)
    assert loop.set_index("layer").loc["o", "calls"] == 64
    made = load_model("motion_energy", n=4, pixels=48)
    assert layer_table(made).set_index("layer").loc["v1", "shape"] == (64, 4)
    with pytest.raises(UserError, match="does not take movies"):
        layer_table(Filters(), display=Display.square(32, 4), channels=3)


def test_a_stopped_recording_of_movies_goes_on_where_it_stopped(tmp_path):
    probe, whole = probed(Filters())
    told = []

    def stop(done):
        told.append(done)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe.record(movies(), progress=stop, tape=Tape(tmp_path / "tape", "movies"))
    shown = []
    handle = probe.model.register_forward_pre_hook(lambda _, x: shown.append(len(x[0])))
    rest = probe.record(movies(), tape=Tape(tmp_path / "tape", "movies"), crops_checked=True)
    handle.remove()
    # The blank alone was left.
    assert shown == [1]
    np.testing.assert_array_equal(rest, whole)
    np.testing.assert_array_equal(rest["blank"], whole["blank"])


def test_crops_are_checked_on_movies_of_any_length():
    probe, whole = probed(Filters())
    assert "exact crop" in whole.attrs["crop"]
    brief = movies(frame_times(DISPLAY, 0.2, lead_in=0.3))
    probe.check_crops([(movies(), probe.units), (brief, probe.units)])
    assert not any("full pictures" in each for each in probe.notes)


def test_windows_are_checked_by_fewer_movies_than_pictures(monkeypatch):
    # Of what costs little beside any recording, each frame is a part.
    shown = []
    respond = Crops._respond

    def counted(crops, units, images, crop):
        if crop is None:
            shown.append(len(images))
        return respond(crops, units, images, crop)

    monkeypatch.setattr(Crops, "_respond", counted)
    monkeypatch.setattr("insilico.recording.crop_check.LITTLE", 40 * 32**2)
    directions = tuple(range(0, 360, 3))
    angles = {"orientation": [*range(0, 180, 2)]}
    stills = factorial("stills", DISPLAY, grating, angles, spatial_frequency=1.0)
    static = Probe(nn.Sequential(nn.Conv2d(1, 2, 5)), ["0"], display=DISPLAY, channels=1)
    static.check_crops([(stills, static.units)])
    probe = Probe(Filters(), ["o"], display=DISPLAY, channels=1)
    frames = probe.forward.movies.frames
    probe.check_crops([(stills, probe.units)])
    probe.check_crops([(movies(directions=directions), probe.units)])
    assert shown == [40, max(4, 40 // frames), max(4, 40 // len(TIMES))]


def test_movies_that_come_again_are_recalled():
    probe, whole = probed(Filters())
    twice = movies(directions=(0.0, 90.0, 180.0))
    table = twice.conditions.loc[[0, 1, 2, 0, 1, 2]].reset_index(drop=True)
    again = replace(twice, conditions=table.assign(row=range(6)), dims=("row",), labels=("row",))
    recording = probe.record(again)
    assert recording.attrs["n_pictures"] == 4
    np.testing.assert_array_equal(recording[:, 3:], whole)
    np.testing.assert_array_equal(recording[:, :3], whole)
