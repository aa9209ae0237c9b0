"""Models that behave otherwise than a rig assumes: right, or refused, or said in the notes."""

import random
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import deform_conv2d

import insilico
from insilico.cli.run import _layout
from insilico.errors import UserError
from insilico.models import as_module
from insilico.models.layers import layer_table
from insilico.recording.forward import Forward
from insilico.recording.generators import seeded
from insilico.recording.model_state import ModelState
from insilico.recording.probe import Probe
from insilico.recording.reductions import Maximum
from stimuli import Display, factorial, grating

DISPLAY = Display.square(64, 4)
SETTINGS = {"orientation": np.arange(4) * 45.0, "phase": np.arange(0, 360, 90.0)}
STIMULI = factorial("s", DISPLAY, grating, SETTINGS, spatial_frequency=1.0)


def conv(*arguments, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Conv2d(*arguments, **options)


class Of(nn.Module):
    """A convolution, and a function of its map and of the module, put out by ``o``."""

    def __init__(self, function, **options):
        super().__init__()
        self.c = conv(3, 8, 7, padding=3, **options)
        self.o = nn.Identity()
        self.function = function

    def forward(self, x):
        return self.function(self, self.c(x), x)


def probed(model, layer="o", display=DISPLAY, **options):
    probe = Probe(model, [layer], display=display, **options)
    return probe, probe.record(options.get("stimuli", STIMULI))


def by_hand(make, layer="o", stimuli=STIMULI):
    """What a fresh model responds at its middle site to each picture, shown alone and first."""
    found = []
    for image in stimuli.images().expand(-1, 3, -1, -1):
        model = make().eval()
        put_out = []
        module = model if layer == "output" else dict(model.named_modules())[layer]
        module.register_forward_hook(lambda *passed, put_out=put_out: put_out.append(passed[2]))
        with torch.no_grad():
            model(image[None].clone())
        found.append(put_out[0][0].detach())
    return torch.stack(found)


def assert_as_by_hand(recording, make, layer="o", atol=1e-6):
    row, column = int(recording["row"][0]), int(recording["column"][0])
    expected = by_hand(make, layer)
    expected = expected[..., row, column] if expected.ndim > 2 else expected
    found = recording.values.reshape(recording.sizes["unit"], -1).T
    np.testing.assert_allclose(found, expected.float(), rtol=1e-5, atol=atol)


# --- responses that depend on the batch


def largest_of_the_batch(model, y, _x):
    return model.o(y / y.abs().max())


def mean_of_the_batch(model, y, _x):
    return model.o(y - y.mean(0, keepdim=True) * (len(y) > 1))


def number_in_the_batch(model, y, _x):
    return model.o(y / len(y))


def batch_statistics():
    return nn.Sequential(conv(3, 8, 7, padding=3), nn.BatchNorm2d(8, track_running_stats=False))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Of(largest_of_the_batch),
        lambda: Of(mean_of_the_batch),
        lambda: Of(number_in_the_batch),
        lambda: nn.Sequential(batch_statistics()),
    ],
    ids=["maximum", "mean", "number", "statistics"],
)
def test_what_depends_on_the_batch_is_shown_one_picture_at_a_time(make):
    layer = "o" if isinstance(make(), Of) else "0"
    recordings = {}
    for batch_size in (1, 3, None):
        probe, recordings[batch_size] = probed(make(), layer, batch_size=batch_size)
        assert any("one picture at a time" in note for note in probe.notes)
        assert probe.deterministic
    for recording in recordings.values():
        np.testing.assert_array_equal(recording, recordings[1])
    # With channels last, torch sums the statistics in another order; each order is off by 1e-5.
    assert_as_by_hand(recordings[None], make, layer, atol=5e-5 if layer == "0" else 1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.GroupNorm(2, 8),
        nn.BatchNorm2d(8),
        nn.InstanceNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.LocalResponseNorm(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_ordinary_models_are_found_ordinary(layer):
    probe = Probe(nn.Sequential(conv(3, 8, 7, padding=3), layer), ["1"], display=DISPLAY)
    assert probe.deterministic
    assert probe.forward.kind == type(probe.forward.kind)()
    assert not [note for note in probe.notes if "picture" in note]


# --- state


class Adapting(Of):
    """What it returns is less the running mean of what it was shown."""

    def __init__(self):
        super().__init__(None)
        self.register_buffer("mean", torch.zeros(8, 1, 1))

    def forward(self, x):
        y = self.c(x)
        out = self.o(y - self.mean)
        self.mean += 0.3 * (y.mean((0, 2, 3))[:, None, None] - self.mean)
        return out


class Cleared(Of):
    """A membrane that is emptied at the end of every pass, after the layer that is read."""

    def __init__(self):
        super().__init__(None)
        self.membrane = None

    def forward(self, x):
        for _ in range(2):
            y = self.c(x)
            self.membrane = y if self.membrane is None else 0.5 * self.membrane + y
        out = self.o(self.membrane.relu())
        self.membrane = None
        return out * 2


class Cached(Of):
    """Divides by what the first picture ever gave."""

    def __init__(self):
        super().__init__(None)
        self.cache = {}

    def forward(self, x):
        y = self.c(x)
        self.cache.setdefault("scale", y.std())
        return self.o(y / self.cache["scale"])


class Listed(Of):
    """Keeps its frames in a list, and looks back at the last one."""

    def __init__(self):
        super().__init__(None)
        self.frames = []

    def forward(self, x):
        y = self.c(x)
        self.frames.append(y)
        return self.o(y + self.frames[-2] if len(self.frames) > 1 else y)


class Nested(Of):
    """Its state lies in a plain object."""

    def __init__(self):
        super().__init__(None)
        self.memory = types.SimpleNamespace(last=np.zeros(1))

    def forward(self, x):
        y = self.c(x)
        out = self.o(y + float(self.memory.last[0]))
        self.memory.last[0] = float(y.abs().max())
        return out


class Plastic(Of):
    """Changes its own weights."""

    def __init__(self):
        super().__init__(None)

    def forward(self, x):
        out = self.o(self.c(x))
        with torch.no_grad():
            self.c.weight.mul_(0.9)
        return out


STATEFUL = [Adapting, Cleared, Cached, Listed, Nested, Plastic]


@pytest.mark.parametrize("make", STATEFUL)
@pytest.mark.parametrize("crop", ["auto", "off"])
def test_state_does_not_go_from_picture_to_picture(make, crop):
    model = make()
    found = ModelState.of(model, weights=True)
    probe, recording = probed(model, crop=crop)
    assert_as_by_hand(recording, make)
    assert not found.changed()
    said = "run to its end" if make is Cleared else "put back into the state"
    assert any(said in note for note in probe.notes)
    # Whatever the batch, and in whatever order.
    _, alone = probed(make(), batch_size=1)
    np.testing.assert_allclose(recording, alone, rtol=1e-5, atol=1e-6)


class Positional(Of):
    """Keeps a table per size of picture, which changes nothing."""

    def __init__(self):
        super().__init__(None)
        self.tables = {}

    def forward(self, x):
        y = self.c(x)
        if y.shape[2:] not in self.tables:
            self.tables[y.shape[2:]] = torch.linspace(0, 1, y.shape[3])
        return self.o(y * self.tables[y.shape[2:]])


def test_a_cache_that_changes_nothing_is_no_state():
    probe, recording = probed(Positional())
    assert not probe.notes
    assert_as_by_hand(recording, Positional)
    assert not probe.model.tables


def test_a_model_that_changes_while_it_is_recorded_is_found_by_the_blank():
    gain = [1.0]
    probe = Probe(Of(lambda model, y, _x: model.o(y * gain[0])), ["o"], display=DISPLAY, sites=0.3)
    for part in (probe.units, probe.units.iloc[5:9]):
        probe.record(STIMULI, part)
    assert not probe.notes
    gain[0] = 0.9
    for _ in range(2):
        probe.record(STIMULI, probe.units.iloc[2:7])
    (note,) = probe.notes
    assert note.startswith("o: the blank was answered otherwise later on than at first (by up to")


class Spiking(nn.Module):
    """A recurrent layer that keeps its state between calls, of the size of the batch."""

    def __init__(self):
        super().__init__()
        self.c = conv(3, 8, 7, padding=3)
        self.o = nn.Identity()
        self.h = None

    def forward(self, x):
        y = self.c(x)
        self.h = y if self.h is None else 0.8 * self.h + y
        return self.o((self.h > 0.1).float())


def test_a_state_of_the_size_of_the_batch():
    for batch_size in (1, 5, None):
        _, recording = probed(Spiking(), batch_size=batch_size)
        assert_as_by_hand(recording, Spiking)


# --- noise

NOISE = {
    "poisson": lambda y: torch.poisson(20 * functional.relu(y)),
    "dropout": functional.dropout,
    "numpy": lambda y: y + 0.1 * y * float(np.random.randn()),  # noqa: NPY002
    "python": lambda y: y * random.choice([0.5, 1.5, 1, 2, 3]),
    "one channel": lambda y: y + functional.pad(torch.randn_like(y[:, :1]), [0] * 5 + [7]) * y,
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_that_is_silent_on_the_blank_is_found_and_seeded(name):
    def make():
        return Of(lambda model, y, _x: model.o(NOISE[name](y)), bias=False)

    (one, first), (_, second) = (probed(make(), mean=0.5, seed=3) for _ in range(2))
    assert not one.deterministic
    assert any("stochastic" in note for note in one.notes)
    np.testing.assert_array_equal(first, second)


def test_generators_are_seeded_and_restored():
    draws = []
    for _ in range(2):
        # Not by way of a recording: checks of types, which tests have, draw numbers themselves.
        before = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
        with seeded(3, torch.device("cpu")):
            draws.append((float(torch.rand(1)), np.random.rand(), random.random()))  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
        assert random.getstate() == before[2]
        torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    assert draws[0] == draws[1]


def test_noise_of_its_own_source_is_said_not_to_be_repeatable():
    rng = np.random.default_rng()
    model = as_module(lambda images: images.mean((2, 3)) + rng.normal(size=(len(images), 3)))
    probe = Probe(model, ["output"], display=DISPLAY)
    assert not probe.deterministic
    assert any("no seed repeats" in note for note in probe.notes)


@pytest.mark.parametrize("reduction", [None, Maximum(("phase",))])
def test_identical_pictures_of_a_noisy_model_are_all_shown(reduction):
    trials = factorial(
        "t",
        DISPLAY,
        lambda display, *, window, device, trial, phase: grating(
            display, window=window, device=device, orientation=0.0 * trial, spatial_frequency=1.0
        ),
        {"trial": np.arange(20.0), "phase": [0.0]},
    )
    noisy = Of(lambda model, y, _x: model.o(y + torch.randn_like(y)))
    recording = Probe(noisy, ["o"], display=DISPLAY).record(trials, reduction=reduction)
    assert recording.attrs["n_pictures"] == 21
    assert 0.5 < float(recording.std("trial").mean()) < 1.5
    quiet = Probe(Of(lambda model, y, _x: model.o(y)), ["o"], display=DISPLAY).record(trials)
    assert quiet.attrs["n_pictures"] == 2


# --- rows that are not pictures


class Frames(nn.Module):
    """Rows are pictures x frames; the output has one row per picture."""

    def __init__(self):
        super().__init__()
        self.c = conv(3, 8, 5, padding=2)
        self.o = nn.Identity()

    def forward(self, x):
        frames = self.c(x[:, None].repeat(1, 4, 1, 1, 1).flatten(0, 1))
        return self.o(frames.unflatten(0, (-1, 4)).mean(1))


class Sequence(nn.Module):
    """Tokens before the batch, through an LSTM, as torch has it by default."""

    def __init__(self):
        super().__init__()
        self.c = conv(3, 8, 16, stride=16)
        self.o = nn.LSTM(8, 5)

    def forward(self, x):
        return self.o(self.c(x).flatten(2).permute(2, 0, 1))[0].mean(0)


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (Frames(), "c"),
        (Sequence(), "o"),
        (Of(lambda model, y, _x: model.o(y.unfold(2, 8, 8).flatten(0, 1))), "o"),
        (Of(lambda model, y, _x: model.o(y.mean(0, keepdim=True))), "o"),
        (Of(lambda model, y, _x: model.o(y.mean())), "o"),
    ],
    ids=["frames", "sequence", "windows", "mean over pictures", "one number"],
)
@pytest.mark.parametrize("reduction", [None, Maximum(("phase",))])
def test_rows_that_are_no_pictures_are_refused(model, layer, reduction):
    with pytest.raises(UserError, match="rows are no pictures"):
        Probe(model, [layer], display=DISPLAY).record(STIMULI, reduction=reduction)


def test_rows_in_another_order_are_not_taken_for_the_pictures():
    # Seen as what depends on the others; alone, a picture is its own row.
    _, recording = probed(Of(lambda model, y, _x: model.o(y.flip(0))))
    assert_as_by_hand(recording, lambda: Of(lambda model, y, _x: model.o(y)))


# --- operations that swallow NaN, and thresholds that only gratings reach


def weak_surround(model, y, x):
    everything = torch.nan_to_num(x[:, :1]).mean((2, 3), keepdim=True)
    return model.o(torch.cat([y[:, :3], 1e-6 * y[:, 3:] * (1 + everything)], 1))


def gated(model, y, x):
    far = torch.nan_to_num(x[:, 0, :6]).flatten(1).mean(1)
    return model.o(y * torch.where(far > 0.6, 0.5, 1.0)[:, None, None, None])


BRIGHT = factorial(
    "b",
    DISPLAY,
    grating,
    {"phase": np.arange(0, 360, 45.0)},
    spatial_frequency=0.5,
    orientation=0.0,
)


@pytest.mark.parametrize("function", [weak_surround, gated])
@pytest.mark.parametrize("stimuli", [STIMULI, BRIGHT])
def test_crops_are_checked_on_the_stimuli_that_are_shown(function, stimuli):
    probe = Probe(Of(function), ["o"], display=DISPLAY)
    whole = Probe(Of(function), ["o"], display=DISPLAY, crop="off")
    found, expected = probe.record(stimuli), whole.record(stimuli)
    scale = abs(expected).max([dim for dim in expected.dims if dim != "unit"])
    assert float((abs(found - expected) / scale).max()) < 1e-4
    if function is weak_surround or stimuli is BRIGHT:
        assert any("shown in full pictures" in note for note in probe.notes)


def nearby_brightness(x):
    """Above 0 on gratings alone: of a proof's random pictures no mean is so bright."""
    return functional.relu(functional.avg_pool2d(x[:, :1], 5, 1, 2) - 0.85)


def pads_unseen(model, y, x):
    """A branch that pads for itself, and is silent until something bright is near."""
    bright = nearby_brightness(x)
    right = functional.unfold(bright, 3, padding=1)[:, 5:6].unflatten(2, bright.shape[2:])
    return model.o(functional.max_pool2d(y, 3, 1, 1) + 5 * right)


def divided(model, y, x):
    return model.o(functional.max_pool2d(y, 3, 1, 1).div(1 + 9 * nearby_brightness(x)))


def of_one_site(model, y, x):
    seen = functional.max_pool2d(y, 3, 1, 1)
    return model.o(seen + nearby_brightness(x).amax() if seen.shape[3] == 1 else seen)


@pytest.mark.parametrize("function", [pads_unseen, divided, of_one_site])
def test_what_computes_no_other_sites_is_checked_on_the_stimuli_too(function):
    probe = Probe(Of(function), ["o"], display=DISPLAY)
    whole = Probe(Of(function), ["o"], display=DISPLAY, crop="off")
    found, expected = probe.record(BRIGHT), whole.record(BRIGHT)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    crop = probe.crop(probe.units)
    assert crop.exact
    assert crop.padded


def deformed(model, y, _x):
    offsets = y[:, :2].repeat(1, 9, 1, 1)
    return model.o(deform_conv2d(y, offsets, torch.ones(8, 8, 3, 3), padding=1))


def test_a_proof_by_nan_does_not_crash_what_reads_at_given_places():
    # Without a guard, the process ends here.
    probe, recording = probed(Of(deformed))
    assert_as_by_hand(recording, lambda: Of(deformed))
    assert any("could not be proven" in note for note in probe.notes)


def test_a_rectified_surround_is_still_cropped():
    def surround(model, y, _x):
        pooled = functional.avg_pool2d(functional.relu(y), 5, 1, 2)
        return model.o(functional.relu(y - 2 * pooled - 0.3))

    probe, found = probed(Of(surround))
    assert probe.crop(probe.units).exact
    assert found.attrs["crop"].count("exact crop")
    whole = Probe(Of(surround), ["o"], display=DISPLAY, crop="off").record(STIMULI)
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_few_whole_pictures_check_the_crops_of_a_protocol():
    shown = []

    def count(model, y, x):
        shown.extend([x.shape[-1]] * len(x))
        return model.o(y)

    display = Display.square(224, 8)
    probe = Probe(Of(count), ["o"], display=display, sites=1.0)
    fine = {"orientation": np.arange(32) * 5.625, "phase": np.arange(0, 360, 45.0)}
    groups = [
        (factorial("s", display, grating, fine, spatial_frequency=frequency), members)
        for frequency, (_, members) in zip(
            np.linspace(0.5, 2, 40), probe.units.groupby(["row", "column"]), strict=False
        )
    ]
    for _, members in groups:
        probe.crop(members)
    shown.clear()
    probe.check_crops(groups)
    # One of each of six groups, and no blank beside any.
    assert sum(side == 224 for side in shown) == 6


def test_units_are_checked_on_what_others_are_shown_too():
    probe = Probe(Of(gated), ["o"], display=DISPLAY)
    first, second = probe.units.iloc[:1], probe.units.iloc[1:]
    dim = factorial(
        "d",
        DISPLAY,
        grating,
        {"phase": [0.0, 90.0]},
        contrast=0.1,
        spatial_frequency=0.5,
        orientation=0.0,
    )
    probe.check_crops([(dim, first)])
    assert probe.crop(first).exact
    probe.check_crops([(dim, first), (BRIGHT, second)])
    assert [
        note for note in probe.notes if f"{len(probe.units)} channels respond otherwise" in note
    ]


# --- layouts


class Tokens(nn.Module):
    def __init__(self, rows_first=True, attention=False):
        super().__init__()
        self.c = conv(3, 24, 16, stride=16)
        self.tok = nn.Identity()
        self.attention = attention

    def forward(self, x):
        tokens = self.c(x).flatten(2).transpose(1, 2)
        if self.attention:
            tokens = tokens + tokens.mean(1, keepdim=True)
        return self.tok(tokens)


class Unfolded(nn.Module):
    """Patches without a convolution."""

    def __init__(self, attention=False):
        super().__init__()
        self.tok = nn.Linear(768, 24)
        self.attention = attention

    def forward(self, x):
        tokens = functional.unfold(x, 16, stride=16).transpose(1, 2)
        if self.attention:
            tokens = tokens + tokens.mean(1, keepdim=True)
        return self.tok(tokens)


WIDE = Display(144, 256, 16.0)


@pytest.mark.parametrize("model", [Tokens(), Tokens(attention=True), Unfolded()])
def test_token_grids_of_a_display_that_is_not_square(model):
    chart = Probe(model, ["tok"], display=WIDE).maps["tok"]
    assert (chart.rows, chart.columns) == (9, 16)


def test_what_nothing_tells_is_asked():
    model = Unfolded(attention=True)
    with pytest.raises(UserError, match=r"9 x 16 sites.*layout='9x16' or '12x12'"):
        Probe(model, ["tok"], display=WIDE)
    for layout in ("9x16", {"tok": "9x16"}):
        chart = Probe(model, ["tok"], display=WIDE, layout=layout).maps["tok"]
        assert (chart.rows, chart.columns) == (9, 16)
    with pytest.raises(UserError, match="cannot be read so"):
        Probe(model, ["tok"], display=WIDE, layout="map")
    with pytest.raises(UserError, match="layout names c, which is not recorded"):
        Probe(model, ["tok"], display=WIDE, layout={"c": "map"})


class Cube(nn.Module):
    """As many channels as rows and columns, channels first or last."""

    def __init__(self, last, everything=False, layer=None):
        super().__init__()
        self.c = conv(3, 16, 4, stride=4)
        self.o = layer or nn.Identity()
        self.last, self.everything = last, everything

    def forward(self, x):
        y = self.c(x)
        if self.everything:
            y = y + y.mean((2, 3), keepdim=True)
        return self.o(y.permute(0, 2, 3, 1) if self.last else y)


@pytest.mark.parametrize("last", [False, True])
def test_maps_with_as_many_channels_as_rows(last):
    layout = "map_last" if last else "map"
    probe = Probe(Cube(last), ["o"], display=DISPLAY, sites=[(2, 5)])
    assert probe.maps["o"].layout == layout
    knows = nn.LayerNorm(16) if last else nn.BatchNorm2d(16)
    probe = Probe(Cube(last, everything=True, layer=knows), ["o"], display=DISPLAY)
    assert probe.maps["o"].layout == layout
    with pytest.raises(UserError, match="layout='map' or 'map_last'"):
        Probe(Cube(last, everything=True), ["o"], display=DISPLAY)
    probe = Probe(Cube(last, everything=True), ["o"], display=DISPLAY, layout=layout)
    assert probe.maps["o"].layout == layout


# --- complex responses


def test_complex_responses_are_refused():
    model = Of(lambda model, y, _x: model.o(torch.fft.fft2(y)))
    with pytest.raises(UserError, match=r"complex numbers.*output.abs\(\)"):
        Probe(model, ["o"], display=DISPLAY)
    table = layer_table(model, display=DISPLAY, fields=True).set_index("layer")
    assert table.loc["o", "shape"] is None


# --- tensors of other kinds


@pytest.mark.parametrize(
    "kept",
    [
        lambda y: torch.quantize_per_tensor(y, 1e-4, 0, torch.qint32),
        lambda y: y.to_sparse(),
        lambda y: y.to_mkldnn(),
    ],
    ids=["quantised", "sparse", "mkldnn"],
)
def test_tensors_of_other_kinds_are_read_as_numbers(kept):
    _, found = probed(Of(lambda model, y, _x: model.o(kept(y))))
    _, expected = probed(Of(lambda model, y, _x: model.o(y)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_nested_tensors_are_refused():
    def nested(model, y, _x):
        return model.o(torch.nested.nested_tensor(list(y)))

    with pytest.raises(UserError, match="nested tensor"):
        Probe(Of(nested), ["o"], display=DISPLAY)


# --- layers that are called a varying number of times


class ExitsEarly(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = conv(3, 3, 5, padding=2)

    def forward(self, x):
        y = self.c(x)
        return self.c(self.c(y)) if float(x.std()) > 0.05 else y


class Thrice(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = conv(3, 3, 5, padding=2)

    def forward(self, x):
        return self.c(self.c(self.c(x)))


def test_layers_called_a_varying_number_of_times_are_refused():
    with pytest.raises(UserError, match=r"called 1 to 3 times.*'c@1' to 'c@3'"):
        Probe(ExitsEarly(), ["c"], display=DISPLAY)
    with pytest.raises(UserError, match="1 times for one picture and 3 times for another"):
        Probe(ExitsEarly(), ["c@2"], display=DISPLAY)
    assert Probe(ExitsEarly(), ["c@1"], display=DISPLAY).deterministic


# --- side effects


class Caching(nn.Module):
    """Keeps its last map, and the table of its positions."""

    def __init__(self):
        super().__init__()
        self.c = nn.LazyConv2d(8, 7, padding=3)
        self.table = None

    def forward(self, x):
        if self.table is None:
            self.table = torch.linspace(0, 1, x.shape[-1])
        return self.c(x * self.table)


def test_models_can_be_trained_afterwards():
    for make in (Caching, Adapting):
        model = make()
        Probe(model, ["c"], display=DISPLAY).record(STIMULI)
        model.train()
        # Whatever was kept of the pictures of the recording would not fit.
        model(torch.rand(2, 3, 48, 48)).sum().backward()
        assert model.c.weight.grad is not None


def test_a_layer_that_raises_on_nan_leaves_its_neighbours_alone():
    class Strict(nn.Module):
        def forward(self, x):
            if not bool(x.isfinite().all()):
                raise ValueError("NaN in strict")
            return x

    model = nn.Sequential(conv(3, 8, 7, padding=3), Strict(), conv(8, 8, 3, padding=1))
    probe = Probe(model, ["0", "1"], display=DISPLAY)
    alone = Probe(model, ["0"], display=DISPLAY)
    assert probe.maps["0"].centre == alone.maps["0"].centre == "proven"
    assert probe.crop(probe.units[probe.units["layer"] == "0"]) == alone.crop(alone.units)


# --- precisions, scripts, exports, gradients inside


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_models_of_other_precisions_are_run_in_theirs(dtype):
    model = nn.Sequential(conv(3, 8, 7, padding=3)).to(dtype)
    probe, found = probed(model, "0")
    assert any(f"computes in {str(dtype)[6:]}" in note for note in probe.notes)
    _, expected = probed(nn.Sequential(conv(3, 8, 7, padding=3)), "0")
    tolerance = 1e-6 if dtype == torch.float64 else 3e-2
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.filterwarnings("ignore")
def test_scripted_models_are_recorded_at_their_output():
    plain = nn.Sequential(conv(3, 8, 7, padding=3), nn.ReLU())
    scripted = torch.jit.script(plain)
    _, found = probed(scripted, "output")
    _, expected = probed(plain, "output")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(UserError, match="TorchScript, inside which nothing can be read"):
        Probe(scripted, ["0"], display=DISPLAY)
    assert list(layer_table(scripted, display=DISPLAY)["layer"]) == ["output"]


@pytest.mark.filterwarnings("ignore")
def test_exported_models_are_shown_one_picture_at_a_time():
    plain = nn.Sequential(conv(3, 8, 7, padding=3), nn.ReLU()).eval()
    exported = torch.export.export(plain, (torch.zeros(1, 3, 64, 64),)).module()
    probe, found = probed(exported, "output")
    _, expected = probed(plain, "output")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert any("one picture at a time" in note for note in probe.notes)
    with pytest.raises(UserError, match=r"torch.export.*'output'"):
        Probe(exported, ["0"], display=DISPLAY)


def test_weights_without_values_are_refused():
    with pytest.raises(UserError, match="on the meta device, where they have a shape"):
        Probe(nn.Sequential(nn.Conv2d(3, 8, 7, device="meta")), ["0"], display=DISPLAY)


def energy(model, y, x):
    """Puts out the gradient of its own energy."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        gradient = torch.autograd.grad(model.c(x).pow(2).sum(), x)[0]
    return model.o(gradient)


def in_place(model, y, x):
    x.mul_(0.5)
    return model.o(model.c(x))


@pytest.mark.parametrize("function", [energy, in_place])
def test_gradients_inside_and_work_in_place(function):
    _, found = probed(Of(function))
    assert_as_by_hand(found, lambda: Of(function))


def test_what_a_model_raises_is_said_with_its_type_and_place():
    class Picky(nn.Module):
        def forward(self, x):
            return {"a": x}["b"]

    with pytest.raises(UserError, match=r"KeyError: 'b' \(.*test_model_kinds.py, line \d+\)"):
        Probe(Picky(), ["output"], display=DISPLAY)

    def leaves(_model, _y, _x):
        raise SystemExit("no licence")

    with pytest.raises(UserError, match=r"ended the program with SystemExit: no licence \(.*line"):
        Probe(Of(leaves), ["o"], display=DISPLAY)

    tired = []

    def late(model, y, _x):
        if tired:
            raise ValueError("too tired")
        return model.o(y)

    probe = Probe(Of(late), ["o"], display=DISPLAY)
    tired.append(True)
    with pytest.raises(UserError, match=r"ValueError: too tired \(.*line \d+\)"):
        probe.record(STIMULI)


# --- the same through run and predict


def test_run_passes_through_the_same_place(monkeypatch):
    noisy = Of(lambda model, y, _x: model.o(functional.dropout(y)), bias=False)
    few = {"pixels": 32, "degrees": 2, "rates": False, "protocols": "orientation", "quick": True}
    results = insilico.run(noisy, ["o"], mean=0.5, **few)
    assert any("stochastic" in note for note in results.warnings)
    results = insilico.run(Of(weak_surround), ["o"], **few)
    assert any("shown in full pictures" in note for note in results.warnings)
    with pytest.raises(UserError, match="rows are no pictures"):
        insilico.run(Frames(), ["c"], **few)
    with pytest.raises(UserError, match="cannot be read so"):
        insilico.run(Frames(), ["o"], layout="9x16", **few)


def test_generators_of_a_model_go_on_and_are_put_back():
    model = Of(None)
    model.generator = torch.Generator().manual_seed(5)
    model.function = lambda model, y, _x: model.o(
        y + torch.randn(y.shape[1:], generator=model.generator)
    )
    before = model.generator.get_state()
    probe = Probe(model, ["o"], display=DISPLAY)
    assert not probe.deterministic
    assert torch.equal(model.generator.get_state(), before)


def test_readiness_is_entered_once_and_seeded_anew():
    forward = Forward(Of(lambda model, y, _x: model.o(y)))
    draws = []
    with forward.ready():
        draws.append(torch.rand(1))
        with forward.ready():
            draws.append(torch.rand(1))
        draws.append(torch.rand(1))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_layouts_on_the_command_line():
    assert _layout(()) is None
    assert _layout(("9x16",)) == "9x16"
    assert _layout(("a.b=9x16", "c=map")) == {"a.b": "9x16", "c": "map"}
    with pytest.raises(UserError, match="need the names of their layers"):
        _layout(("9x16", "map"))
