import gc
import json
import weakref

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from insilico.errors import UserError
from insilico.models import as_module
from insilico.models.weights import weights_hash
from insilico.recording.forward import Forward
from insilico.recording.hooks import layer_outputs
from insilico.recording.probe import Probe
from insilico.recording.reductions import Harmonics, Maximum
from insilico.recording.remembered import Remembered
from insilico.tuning.curves import first_harmonic, mean_response
from stimuli import Display, Position, factorial, grating

DISPLAY = Display.square(32, 4)


class Luminance(nn.Module):
    """Known answers: each unit is the mean of a block of 4 x 4 px, in three gains."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(4)
        self.gain = nn.Conv2d(1, 3, 1, bias=False)
        self.rectify = nn.ReLU(inplace=True)
        with torch.no_grad():
            self.gain.weight[:, 0, 0, 0] = torch.tensor([1.0, 2.0, -1.0])

    def forward(self, x):
        return self.rectify(self.gain(self.pool(x)))


def luminance_set(display=DISPLAY, n=6):
    return factorial(
        "s",
        display,
        grating,
        {"orientation": np.arange(n) * 180 / n, "phase": [0.0, 90.0]},
        spatial_frequency=0.5,
    )


def test_responses_are_those_of_the_unit_at_its_site():
    stimuli = luminance_set()
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, sites=[(2, 5)])
    response = probe.record(stimuli)
    assert response.dims == ("unit", "orientation", "phase")
    images = stimuli.images()[:, 0].numpy().reshape(6, 2, 32, 32)
    block = images[:, :, 8:12, 20:24].mean((2, 3))
    np.testing.assert_allclose(response[0], block, atol=1e-6)
    np.testing.assert_allclose(response[2], -block, atol=1e-6)
    np.testing.assert_allclose(response["blank"], [0.5, 1.0, -0.5], atol=1e-6)


def test_units_carry_their_place():
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1)
    place = probe.units.iloc[0]
    # Blocks of 4 px at 8 px/deg: the middle of block 4 is 2 px from the centre.
    assert (place["row"], place["column"]) in [(3, 3), (3, 4), (4, 3), (4, 4)]
    assert abs(place["x"]) == pytest.approx(0.25)
    assert abs(place["y"]) == pytest.approx(0.25)
    assert probe.units["channel"].tolist() == [0, 1, 2]
    assert probe.maps["gain"].centre == "proven"
    assert probe.maps["gain"].field == (4, 4)


def test_in_place_layers_do_not_overwrite_what_was_recorded():
    probe = Probe(Luminance(), ["gain", "rectify"], display=DISPLAY, channels=1)
    response = probe.record(luminance_set())
    before, after = (response[response["layer"] == name] for name in ("gain", "rectify"))
    assert float(before.min()) < 0
    np.testing.assert_allclose(after, np.maximum(before, 0))


@pytest.mark.parametrize("batch_size", [1, 5, 64])
@pytest.mark.parametrize("crop", ["auto", "off"])
def test_batches_and_crops_change_nothing(batch_size, crop):
    expected = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1).record(luminance_set())
    probe = Probe(
        Luminance(), ["gain"], display=DISPLAY, channels=1, batch_size=batch_size, crop=crop
    )
    np.testing.assert_allclose(probe.record(luminance_set()), expected, atol=1e-6)


def test_a_batch_is_as_large_as_was_asked_for():
    sizes = []

    class Counted(Luminance):
        def forward(self, x):
            sizes.append(len(x))
            return super().forward(x)

    model = Counted()
    probe = Probe(model, ["gain"], display=DISPLAY, channels=1, batch_size=100)
    sizes.clear()
    probe.record(luminance_set(n=60))
    assert max(sizes) == 100


def test_sites_within_a_diameter_or_all():
    within = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, sites=1.5)
    assert len(within.units) == 3 * 4
    assert len(Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, sites="all").units) == 192
    aimed = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, around=Position(1.75, 1.75))
    assert aimed.units.iloc[0][["row", "column"]].tolist() == [0, 7]


def test_identical_pictures_are_shown_once():
    # Disks larger than the window of a unit are one picture to it.
    stimuli = factorial(
        "s",
        DISPLAY,
        grating,
        {"diameter": [2.0, 3.0, 4.0], "phase": [0.0, 90.0]},
        orientation=0,
        spatial_frequency=1,
    )
    response = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1).record(stimuli)
    assert response.attrs["n_stimuli"] == 6
    # Two phases and the blank.
    assert response.attrs["n_pictures"] == 3
    np.testing.assert_array_equal(response.sel(diameter=2), response.sel(diameter=4))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.calls = 0

    def forward(self, x):
        x = self.first(x)
        self.calls += 1
        return self.second(x)


def test_the_pass_stops_after_the_last_wanted_layer():
    model = Counting().eval()
    probe = Probe(model, ["first"], display=DISPLAY)
    model.calls = 0
    probe.record(luminance_set())
    assert model.calls == 0


def test_hooks_are_removed_and_the_mode_is_restored_whatever_happens():
    model = Counting().train()
    model.second.eval()
    probe = Probe(model, ["first"], display=DISPLAY)
    with pytest.raises(UserError):
        probe.record(luminance_set(Display.square(16, 4)))

    def fail(_layer, _output):
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        layer_outputs(model, ["first"], torch.zeros(1, 3, 32, 32), fail)
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training
    assert model.first.training
    assert not model.second.training


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 3, 3, padding=1)
        self.unused = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return self.body(self.body(x))


def test_a_layer_called_twice_must_be_numbered():
    with pytest.raises(UserError, match=r"called 2 times.*'body@1' to 'body@2'"):
        Probe(Reused(), ["body"], display=DISPLAY)
    model = Reused().eval()
    probe = Probe(model, ["body@1", "body@2"], display=DISPLAY, crop="off")
    response = probe.record(luminance_set())
    images = luminance_set().images().expand(-1, 3, -1, -1)
    with torch.no_grad():
        once = model.body(images)
        twice = model.body(once)
    for layer, expected in (("body@1", once), ("body@2", twice)):
        units = response[response["layer"] == layer]
        row, column = int(units["row"][0]), int(units["column"][0])
        np.testing.assert_allclose(
            units.values.reshape(3, -1), expected[:, :, row, column].T, atol=1e-6
        )
    with pytest.raises(UserError, match="is called 2 times, not more"):
        Probe(Reused(), ["body@3"], display=DISPLAY)


def test_a_layer_that_is_never_called_is_an_error():
    with pytest.raises(UserError, match="put out nothing"):
        Probe(Reused(), ["unused"], display=DISPLAY)


@pytest.mark.parametrize(
    ("model", "layout", "n"),
    [
        (nn.Sequential(nn.Conv2d(3, 6, 4, 4)), "map", 6),
        (
            nn.Sequential(nn.Conv2d(3, 6, 4, 4), torchvision.ops.Permute([0, 2, 3, 1])),
            "map_last",
            6,
        ),
        (
            nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.Flatten(2), torchvision.ops.Permute([0, 2, 1])),
            "tokens",
            6,
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(3072, 5)), "vector", 5),
    ],
)
def test_layouts_of_outputs(model, layout, n):
    layer = str(len(model) - 1)
    probe = Probe(model, [layer], display=DISPLAY, sites=[(0, 0)])
    assert probe.maps[layer].layout == layout
    assert len(probe.units) == n
    response = probe.record(luminance_set())
    with torch.no_grad():
        output = model(luminance_set().images().expand(-1, 3, -1, -1))
    first = {
        "map": lambda: output[:, :, 0, 0],
        "map_last": lambda: output[:, 0, 0],
        "tokens": lambda: output[:, 0],
        "vector": lambda: output,
    }[layout]()
    np.testing.assert_allclose(response.values.reshape(n, -1), first.T, atol=1e-6)


def test_normalisation_is_applied_per_channel():
    model = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(3)[:, :, None, None])
    probe = Probe(model, ["0"], display=DISPLAY, mean=[0.1, 0.2, 0.3], std=[1, 2, 4])
    blank = probe.record(luminance_set())["blank"]
    np.testing.assert_allclose(blank, [0.4, 0.15, 0.05], atol=1e-6)


def test_a_plain_function_is_recorded():
    model = as_module(lambda images: images.mean(axis=(2, 3)))
    response = Probe(model, ["output"], display=DISPLAY).record(luminance_set())
    np.testing.assert_allclose(response["blank"], 0.5)
    assert response.sizes["unit"] == 3


class Noisy(nn.Module):
    def forward(self, x):
        return x[:, :, ::8, ::8] + torch.randn(1)


def test_noise_is_noticed_and_seeded():
    def record():
        probe = Probe(Noisy(), ["output"], display=DISPLAY, seed=3)
        assert any("stochastic" in note for note in probe.notes)
        return probe.record(luminance_set())

    state = torch.random.get_rng_state()
    np.testing.assert_array_equal(record(), record())
    assert torch.equal(torch.random.get_rng_state(), state)


class Breaks(nn.Module):
    def forward(self, x):
        return torch.where(x > 0.9, torch.nan, x)


BAD = {
    "no layer": ({"layers": []}, "no layer to record"),
    "wrong layer": ({"layers": ["gian"]}, r"no layer 'gian'; did you mean gain"),
    "wrong channels": ({"channels": 3}, r"does not take images of 3 x 32 x 32"),
    "no such site": ({"sites": [(9, 0)]}, "has 8 rows and 8 columns"),
    "no site near": ({"sites": 0.1}, "the nearest is 0.35 deg away"),
    "unknown sites": ({"sites": "middle"}, "sites must be 'centre', 'all'"),
    "unknown crop": ({"crop": "yes"}, "crop must be"),
    "unknown precision": (
        {"precision": "half"},
        "must be one of float32, tf32, bfloat16; got 'half'",
    ),
    "zero std": ({"std": 0.0}, "std must be above 0"),
    "two means": ({"mean": [0.1, 0.2]}, "got 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_explained(name):
    changes, message = BAD[name]
    arguments = {"layers": ["gain"], "display": DISPLAY, "channels": 1, **changes}
    with pytest.raises(UserError, match=message):
        Probe(Luminance(), arguments.pop("layers"), **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel": 99}, "units have the channels 99 to 99, and the layer has those from 0"),
        ({"row": -1}, "units have the rows -1 to -1"),
        ({"layer": "nowhere"}, "the probe is in .*, and not in nowhere. Give rows of probe.units"),
    ],
)
def test_units_that_are_not_there_are_refused(change, message):
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1)
    with pytest.raises(UserError, match=message):
        probe.record(luminance_set(), probe.units.assign(**change))


def test_stimuli_of_another_visual_field_are_refused():
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1)
    with pytest.raises(UserError, match="drawn at 2 px/deg, but the probe's display has 8"):
        probe.record(luminance_set(Display.square(32, 16)))


def test_responses_that_are_not_finite_are_an_error():
    probe = Probe(Breaks(), ["output"], display=DISPLAY, crop="off")
    with pytest.raises(UserError, match=r"NaN or infinity for \d+ of 13 stimuli"):
        probe.record(luminance_set())


def test_a_recording_too_large_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr("insilico.recording.probe.LITTLE", 0)
    monkeypatch.setattr("insilico.recording.probe.available_memory", lambda: 100)
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1)
    with pytest.raises(UserError, match="Record fewer sites or layers"):
        probe.record(luminance_set())


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("reduction", [Harmonics(), Maximum(over=("phase",))])
def test_a_reduced_recording_is_the_reduction_of_a_full_one(reduction, batch_size):
    factors = {"orientation": [0.0, 60.0, 120.0], "phase": [0.0, 90.0, 180.0, 270.0]}
    stimuli = factorial("s", DISPLAY, grating, factors, spatial_frequency=0.5)
    probe = Probe(
        Luminance(), ["gain"], display=DISPLAY, channels=1, sites="all", batch_size=batch_size
    )
    full, reduced = probe.record(stimuli), probe.record(stimuli, reduction=reduction)
    if isinstance(reduction, Harmonics):
        assert reduced.dims == ("unit", "orientation", "harmonic")
        for function in (mean_response, first_harmonic):
            expected = function(full.clip(min=0))
            np.testing.assert_allclose(function(reduced), expected, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(reduced, full.max("phase"))
    np.testing.assert_array_equal(reduced["blank"], full["blank"])
    assert reduced.attrs["kept"] == str(reduction)
    assert full.attrs["kept"] == "every response"


def test_pictures_are_recalled_as_long_as_memory_lasts(monkeypatch):
    stimuli = factorial(
        "s",
        DISPLAY,
        grating,
        {"diameter": [2.0, 3.0, 4.0], "phase": [0.0, 90.0]},
        orientation=0,
        spatial_frequency=1,
    )
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, batch_size=1)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN", 1)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN_PIXELS", 0)
    kept = probe.record(stimuli, reduction=Maximum(over=("phase",)))
    monkeypatch.setattr("insilico.recording.responses.RECALLED_BYTES", 0)
    shown_again = probe.record(stimuli, reduction=Maximum(over=("phase",)))
    # Two phases and the blank; without memory, every stimulus.
    assert (kept.attrs["n_pictures"], shown_again.attrs["n_pictures"]) == (3, 7)
    np.testing.assert_array_equal(kept, shown_again)


def test_what_is_recalled_fills_its_memory_and_no_more():
    remembered = Remembered(10, 2 * 3 * 4)
    one, two, three = (1.0, 0.5), (2.0, 0.5), (3.0, 0.5)
    remembered.add([one], torch.tensor([[1.0, 2.0, 3.0]]))
    remembered.add([two, three], torch.tensor([[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]))
    assert one in remembered and two in remembered and three not in remembered
    assert remembered[two].tolist() == [4, 5, 6]
    np.testing.assert_array_equal(remembered.pictures, [one, two])
    np.testing.assert_array_equal(remembered.responses, [[1, 2, 3], [4, 5, 6]])

    remembered.add([three], torch.ones(1, 3))
    assert three not in remembered
    few = Remembered(1, 2**20)
    few.add([one, two], torch.ones(2, 3))
    assert one in few and two not in few


def test_a_pass_that_is_stopped_leaves_no_map_behind():
    # Without a collector of rings, which comes at any time: until then a pass would hold memory.
    alive = []

    def note(_module, given, output):
        alive.extend(weakref.ref(each) for each in (given[0], output))

    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Conv2d(2, 2, 3))
    for module in model:
        module.register_forward_hook(note)
    gc.collect()
    gc.disable()
    try:
        found = layer_outputs(model, ["2"], torch.zeros(2, 3, 16, 16), lambda _, maps: maps.sum())
        held = [each for each in alive if each() is not None]
    finally:
        gc.enable()
    # It was stopped after the third of four.
    assert list(found) == ["2"] and len(alive) == 6
    assert not held


def test_an_estimate_counts_pictures_and_memory():
    probe = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1, sites="all")
    stimuli = luminance_set(n=5)
    estimate = probe.estimate(stimuli)
    recorded = probe.record(stimuli)
    assert estimate.n_stimuli == 10
    assert estimate.n_pictures == recorded.attrs["n_pictures"] == 11
    assert estimate.n_bytes == recorded.nbytes
    assert 0 < estimate.seconds < 60
    assert (
        probe.estimate(stimuli, reduction=Maximum(over=("phase",))).n_bytes == recorded.nbytes / 2
    )
    assert str(estimate + estimate).startswith("20 stimuli, about 22 different pictures")


def test_lower_precision_is_approximate_and_says_so():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 3))
    full, lower = (
        Probe(model, ["2"], display=DISPLAY, precision=precision).record(luminance_set())
        for precision in ("float32", "bfloat16")
    )
    assert lower.attrs["precision"] == "bfloat16"
    assert lower.attrs["crop"] == full.attrs["crop"]
    difference = float(abs(lower - full).max() / abs(full).max())
    assert 1e-4 < difference < 3e-2


def test_the_layout_of_weights_is_restored():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Conv2d(3, 32, 3), nn.Conv2d(32, 8, 3))
    before = [parameter.data_ptr() for parameter in model.parameters()]
    forward = Forward(model)
    with pytest.raises(RuntimeError, match="in the middle"), forward.ready():
        # The first convolution of a network of colours too: what follows is faster.
        for wide in model[1:]:
            assert wide.weight.is_contiguous(memory_format=torch.channels_last)
        assert model[0].weight.is_contiguous()
        raise RuntimeError("in the middle")
    assert [parameter.data_ptr() for parameter in model.parameters()] == before
    assert model.training


class Exhausted(Luminance):
    """Out of memory for more than two pictures at a time."""

    def forward(self, x):
        if len(x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


class Branches(nn.Module):
    """Channels of one layer whose kernels differ in size."""

    def __init__(self):
        super().__init__()
        self.narrow = nn.Conv2d(1, 1, 3, padding=1)
        self.wide = nn.Conv2d(1, 1, 11, padding=5)
        self.joined = nn.Identity()

    def forward(self, x):
        return self.joined(torch.cat([self.narrow(x), self.wide(x)], 1))


def test_a_crop_found_for_one_channel_holds_for_the_others_at_its_site():
    probe = Probe(Branches(), ["joined"], display=DISPLAY, channels=1)
    whole = Probe(probe.model, ["joined"], display=DISPLAY, channels=1, crop="off")
    probe.record(luminance_set(), probe.units.iloc[:1])
    cropped = probe.record(luminance_set(), probe.units.iloc[1:])
    np.testing.assert_allclose(cropped, whole.record(luminance_set())[1:], atol=1e-6)


def test_each_layer_is_told_its_own_status():
    # Both are shown the whole picture, in one pass, for different reasons.
    model = nn.Sequential(nn.Conv2d(3, 4, 29, padding=14), nn.InstanceNorm2d(4))
    probe = Probe(model, ["0", "1"], display=DISPLAY)
    crops = json.loads(probe.record(luminance_set()).attrs["crop"])
    assert "units see 82% of the display" in crops["0"]
    assert "no window was proven" in crops["1"]


def test_memory_is_exhausted_once_and_not_at_every_batch():
    probe = Probe(Exhausted(), ["gain"], display=DISPLAY, channels=1, crop="off", batch_size=4)
    probe.record(luminance_set())
    assert probe.forward._most == 2


def test_batches_are_halved_when_memory_is_exhausted():
    expected = Probe(Luminance(), ["gain"], display=DISPLAY, channels=1).record(luminance_set())
    probe = Probe(Exhausted(), ["gain"], display=DISPLAY, channels=1, crop="off")
    np.testing.assert_allclose(probe.record(luminance_set()), expected, atol=1e-6)


def test_the_hash_follows_the_weights():
    model = Luminance()
    before = weights_hash(model)
    assert weights_hash(model) == before
    with torch.no_grad():
        model.gain.weight[0] += 1e-6
    assert weights_hash(model) != before


def test_a_batch_is_asked_for_its_pictures_and_nothing_else(monkeypatch):
    """To ask a GPU for a number is to wait for it: once for each batch, and not at all where
    parameters tell that everything was shown."""
    asked = []
    for name in ("tolist", "item", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__"):
        plain = getattr(torch.Tensor, name)

        def counted(tensor, *given, plain=plain, name=name, **options):
            asked.append(name)
            return plain(tensor, *given, **options)

        monkeypatch.setattr(torch.Tensor, name, counted)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN", 4)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN_PIXELS", 0)
    model = nn.Sequential(nn.Conv2d(1, 3, 5, padding=2, bias=False), nn.ReLU())
    display = Display.square(32, 4)
    probe = Probe(model, ["1"], display=display, channels=1, batch_size=4)

    def crossings(n, trials):
        stimuli = factorial(
            "s",
            display,
            grating,
            {"trial": np.arange(trials), "phase": np.arange(n) * 360 / n},
            labels=("trial",),
            orientation=0.0,
            spatial_frequency=1.0,
        )
        asked.clear()
        recording = probe.record(stimuli, crops_checked=True)
        return len(asked), recording.attrs["n_pictures"]

    crossings(4, 1)  # finds the window
    few, _ = crossings(4, 1)
    many, shown = crossings(40, 1)
    assert shown == 41
    assert many - few == 9
    again, shown = crossings(4, 10)
    assert shown == 5
    assert again == few
