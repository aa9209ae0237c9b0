"""Of every site of a layer, those are computed that see a stimulus; the others answer the blank."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

from insilico.errors import UserError
from insilico.recording.forward import Forward
from insilico.recording.probe import Probe
from insilico.recording.receptive_fields import Fields
from insilico.recording.reductions import Harmonics, Maximum
from insilico.recording.tape import Tape
from insilico.recording.tile_proof import Tiling
from insilico.recording.tiles import planned
from insilico.recording.windows import ROUNDING, Crop
from stimuli import Display, StimulusSet, factorial, grating
from stimuli.parameters import in_disk

DISPLAY = Display.square(64, 8)
MIDDLE = np.arange(-12, 13, 2) / 8
BORDER = np.arange(-31, 32, 4) / 8
BEST = Maximum(over=("orientation", "phase"))


def conv(*arguments, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Conv2d(*arguments, **options)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = conv(6, 6, 3, padding=1)

    def forward(self, x):
        return x + self.body(x)


class Patches(nn.Module):
    """Sites last but for their channels."""

    def __init__(self):
        super().__init__()
        self.body = conv(1, 6, 4, stride=2, padding=1)

    def forward(self, x):
        return self.body(x).permute(0, 2, 3, 1)


def stack(*layers):
    return nn.Sequential(*layers).eval()


def usual():
    return stack(conv(1, 6, 5, stride=2, padding=2), nn.ReLU(), Residual())


MODELS = {
    "one convolution": (lambda: stack(conv(1, 4, 7, padding=3)), "0"),
    "strides and a shortcut": (usual, "2"),
    "pools": (
        lambda: stack(
            conv(1, 6, 3, padding=1), nn.MaxPool2d(3, 2, 1), conv(6, 6, 3, stride=2, padding=1)
        ),
        "2",
    ),
    "channels last": (lambda: stack(Patches()), "0"),
}


def patches(display=DISPLAY, places=MIDDLE, **others):
    factors = {"y": places, "x": places, "orientation": [0.0, 90.0], "phase": [0.0, 180.0]}
    settings = {"diameter": 0.5, "spatial_frequency": 2.0} | others
    return factorial("patches", display, grating, factors, **settings)


def probed(model, layers, **options):
    display = options.pop("display", DISPLAY)
    return Probe(
        model, layers, display=display, channels=1, **{"sites": "all", "batch_size": 64} | options
    )


def both(model, layer, stimuli, units=slice(None), reduction=BEST):
    """Responses with windows around stimuli, and to whole pictures."""
    with torch.no_grad():
        tiled, whole = (
            (probe := probed(model, [layer], crop=crop)).record(
                stimuli, probe.units.iloc[units], reduction=reduction
            )
            for crop in ("auto", "off")
        )
    return tiled, whole


def status(recording, layer):
    return json.loads(recording.attrs["crop"])[layer]


def assert_alike(tiled, whole):
    largest = float(abs(whole).max())
    assert float(abs(tiled - whole).max()) <= ROUNDING * largest
    np.testing.assert_allclose(tiled["blank"], whole["blank"], atol=ROUNDING * largest)
    xr.testing.assert_identical(
        tiled.coords.to_dataset().drop_vars("blank"), whole.coords.to_dataset().drop_vars("blank")
    )


@pytest.mark.parametrize("name", MODELS)
def test_responses_are_those_to_whole_pictures(name):
    model, layer = MODELS[name]
    tiled, whole = both(model(), layer, patches())
    assert "px of 64 around each stimulus (receptive field" in status(tiled, layer)
    assert "full pictures" not in status(tiled, layer)
    assert_alike(tiled, whole)
    assert whole.attrs["n_pictures"] == 13 * 13 * 4 + 1
    assert float(tiled.std()) > 0


def test_what_shows_the_same_in_its_window_is_shown_once():
    tiled, _ = both(usual(), "2", patches())
    # Sites and disks are 2 px apart, so that all are at one place in their window.
    assert tiled.attrs["n_pictures"] == 4 + 1


def test_sites_that_see_nothing_answer_as_they_answer_the_blank():
    model = stack(conv(1, 2, 5, padding=2))
    tiled, whole = both(model, "0", patches())
    blind = abs(tiled["row"] - 31.5) > 20
    assert blind.any()
    assert (tiled[blind] == tiled["blank"][blind]).all()
    assert float(abs(whole[blind] - tiled["blank"][blind]).max()) == 0
    # A site that sees the disk is not among them.
    centre = (tiled["row"] == 32) & (tiled["column"] == 32) & (tiled["channel"] == 0)
    assert float(abs(tiled[centre] - tiled["blank"][centre]).max()) > 0.01


def test_what_is_seen_at_the_border_is_shown_whole():
    """There a model pads, and a window of the middle would not."""
    stimuli = patches(places=BORDER)
    tiled, whole = both(usual(), "2", stimuli)
    share = status(tiled, "2")
    n = int(share.partition("stimulus, ")[2].split()[0])
    assert 0 < n < len(stimuli)
    assert n + 16 >= tiled.attrs["n_pictures"] - 1 >= n
    assert_alike(tiled, whole)


@pytest.mark.parametrize("seed", [0, 1])
def test_some_units_in_any_order(seed):
    chosen = np.random.default_rng(seed).permutation(6 * 32 * 32)[:700]
    tiled, whole = both(usual(), "2", patches(places=BORDER), units=chosen)
    assert "around each stimulus" in status(tiled, "2")
    assert_alike(tiled, whole)


def test_layers_have_windows_of_their_own():
    model = stack(conv(1, 3, 3, padding=1), nn.AvgPool2d(2), conv(3, 3, 3, padding=1))
    layers = ["0", "2"]
    tiled, whole = (
        probed(model, layers, crop=crop).record(patches(), reduction=BEST)
        for crop in ("auto", "off")
    )
    said = [status(tiled, layer) for layer in layers]
    assert all("around each stimulus" in each for each in said)
    assert len(set(said)) == 2
    assert_alike(tiled, whole)


def test_cells_may_hold_stimuli_of_several_places():
    tiled, whole = both(usual(), "2", patches(), reduction=Maximum(over=("x", "phase")))
    assert tiled.sizes["y"] == 13
    assert "x" not in tiled.dims
    assert_alike(tiled, whole)


def test_few_pictures_through_a_small_window_are_no_tiles():
    """There is less to gain than it costs to prove them."""
    probe = probed(usual(), ["2"], sites=0.6)
    recording = probe.record(patches(), reduction=BEST)
    assert "around" not in status(recording, "2")
    assert "exact crop" in status(recording, "2")


@pytest.mark.parametrize("reduction", [None, Harmonics()])
def test_only_the_largest_response_is_kept_so(reduction):
    recording = probed(usual(), ["2"]).record(
        patches(places=np.arange(-2, 3) / 8), reduction=reduction
    )
    assert status(recording, "2").startswith("full picture")


class Remote(nn.Module):
    """One site adds hardly anything of another one, far from it."""

    share = 1e-9

    def forward(self, x):
        x = x.clone()
        if x.shape[-1] == 64:
            x[..., 22, 25] += self.share * x[..., 42, 44]
        return x


class Uneven(nn.Module):
    """Is more sensitive in one corner than elsewhere, by a table for the whole picture."""

    def forward(self, x):
        gain = torch.ones(64, 64)
        gain[44:, 44:] = 1.5
        return x * gain[: x.shape[-2], : x.shape[-1]]


class Adapted(nn.Module):
    """Adds something everywhere where most of a picture is grey: in no picture of noise, or NaN."""

    def forward(self, x):
        grey = (x == 0.5).float().mean((1, 2, 3), keepdim=True) > 0.97
        other = torch.nan_to_num((x - 0.5).abs().amax((1, 2, 3), keepdim=True))
        return x + grey * other


class Launders(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.nan_to_num(x).mean((2, 3), keepdim=True)


CHEATS = {
    "remote": (Remote, "see more of stimuli than was found"),
    "uneven": (Uneven, "do not answer alike wherever they lie"),
    "adapted": (Adapted, "6 channels respond otherwise to windows around stimuli"),
    "launders": (Launders, "cropped responses differ by"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_models_for_which_it_does_not_hold_are_shown_whole_pictures(name):
    cheat, why = CHEATS[name]
    model = stack(cheat(), conv(1, 6, 3, padding=1))
    tiled, whole = both(model, "1", patches())
    assert why in status(tiled, "1")
    assert status(tiled, "1").startswith("full picture: ")
    np.testing.assert_array_equal(tiled, whole)


def test_units_that_answer_stimuli_otherwise_are_told_of():
    probe = probed(stack(Adapted(), conv(1, 6, 3, padding=1)), ["1"])
    for _ in range(2):
        # Tried once: the second time it is known.
        probe.record(patches(), reduction=BEST)
    assert [note for note in probe.notes if "windows around stimuli" in note] == [
        "1: shown in full pictures, for 6 channels respond otherwise to windows around stimuli "
        "than to all of them"
    ]


@in_disk
def too_large(display, *, diameter, window=None, device=None, **others):
    return grating(
        display, diameter=np.asarray(diameter) + 1, window=window, device=device, **others
    )


def test_stimuli_that_reach_farther_than_they_say_are_found_out():
    told = patches()
    stimuli = StimulusSet("patches", DISPLAY, told.conditions, told.dims, too_large)
    tiled, whole = both(usual(), "2", stimuli)
    assert "stimuli reach farther than their parameters tell" in status(tiled, "2")
    np.testing.assert_array_equal(tiled, whole)


class Shifting(nn.Module):
    """Sites of two kinds take turns: what lies under one kind is filtered otherwise."""

    def __init__(self):
        super().__init__()
        self.body = conv(1, 6, 3, padding=1)

    def forward(self, x):
        found = self.body(x)
        found[..., ::2, :] *= 2
        return found


def test_sites_that_take_turns_are_found_out():
    tiled, whole = both(stack(Shifting()), "0", patches())
    assert "do not answer alike wherever they lie" in status(tiled, "0")
    np.testing.assert_array_equal(tiled, whole)


class Tokens(nn.Module):
    """Patches of 4 x 4 px in a row, after one that is none."""

    def __init__(self):
        super().__init__()
        self.body = conv(1, 6, 4, stride=4)

    def forward(self, x):
        found = self.body(x).flatten(2).mT
        return torch.cat([found[:, :1], found], 1)


def test_tokens_are_recorded_as_ever():
    tiled, whole = both(stack(Tokens()), "0", patches())
    assert status(tiled, "0") == "full picture: units see 100% of the display"
    np.testing.assert_array_equal(tiled, whole)


class Noisy(nn.Module):
    def forward(self, x):
        return x + 0.01 * torch.randn_like(x)


def test_noise_is_recorded_in_whole_pictures():
    probe = probed(stack(Noisy(), conv(1, 2, 3, padding=1)), ["1"])
    recording = probe.record(patches(places=np.arange(-3, 4) / 8), reduction=BEST)
    assert status(recording, "1") == "full picture: the model is stochastic"


def test_responses_that_are_not_finite_are_refused(monkeypatch):
    checked = []
    # Those that are shown whole as well would give it away before.
    monkeypatch.setattr(Tiling, "_checked", lambda *_: checked.append(1))
    peak = patches().images([0]).max()

    class Breaks(nn.Module):
        def forward(self, x):
            # No pixel of noise is just so light, nor of other pictures that models are tried with.
            return torch.where(x == peak, torch.inf, x)

    said = []
    for crop in ("auto", "off"):
        probe = probed(stack(Breaks(), conv(1, 2, 3, padding=1)), ["1"], crop=crop)
        with pytest.raises(
            UserError, match=r"infinity for \d+ of 677 stimuli in \d+ of "
        ) as refusal:
            probe.record(patches(), reduction=BEST)
        said.append(str(refusal.value))
    assert checked == [1]
    # Of as many stimuli and units as when they are shown whole.
    assert said[0] == said[1]


def test_without_memory_for_pictures_they_are_shown_again(monkeypatch):
    once = probed(usual(), ["2"]).record(patches(), reduction=BEST)
    monkeypatch.setattr("insilico.recording.responses.RECALLED_BYTES", 0)
    again = probed(usual(), ["2"]).record(patches(), reduction=BEST)
    assert again.attrs["n_pictures"] > once.attrs["n_pictures"]
    np.testing.assert_allclose(again, once, atol=ROUNDING * float(abs(once).max()))


@pytest.mark.parametrize("places", [np.arange(-12, 13) / 8, BORDER])
def test_a_recording_that_was_stopped_goes_on(tmp_path, monkeypatch, places):
    """After each pass in turn, and then nothing is shown twice."""
    monkeypatch.setattr("insilico.recording.tape.SECONDS", 0.0)
    monkeypatch.setattr("insilico.recording.tape.PRICE", 0)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN", 1)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN_PIXELS", 2**14)
    record, shown, stops = Forward.record, [], set()

    def stopped(self, images, *others):
        if len(shown) in stops:
            stops.discard(len(shown))
            raise KeyboardInterrupt
        shown.append(len(images))
        return record(self, images, *others)

    def recorded(tape=None):
        model = stack(conv(1, 2, 5, stride=3, padding=2))
        return probed(model, ["0"], batch_size=8).record(
            patches(places=places), reduction=BEST, tape=tape
        )

    monkeypatch.setattr(Forward, "record", stopped)
    expected = recorded()
    assert "around each stimulus" in status(expected, "0")
    n_passes, n_shown = len(shown), sum(shown)
    assert n_passes > 3
    shown.clear()
    stops = {1, 2, n_passes // 2, n_passes - 1}
    while True:
        try:
            found = recorded(Tape(tmp_path / "tape", "this"))
            break
        except KeyboardInterrupt:
            continue
    assert not stops
    assert sum(shown) == n_shown
    xr.testing.assert_identical(found, expected)
    # What is whole is played, and nothing shown.
    xr.testing.assert_identical(recorded(Tape(tmp_path / "tape", "this")), expected)
    assert sum(shown) == n_shown


def test_an_estimate_is_of_the_windows():
    probe = probed(usual(), ["2"])
    tiled, whole = (probe.estimate(patches(), reduction=reduction) for reduction in (BEST, None))
    assert tiled.n_pictures == whole.n_pictures
    assert tiled.seconds < whole.seconds / 2


FIELDS = Fields((-3.0, -3.0), (9, 9), (2.0, 2.0))
WHOLE = Crop(DISPLAY.whole, False, "")


def plan_of(stimuli, cells=None, fields=FIELDS):
    cells = np.arange(len(stimuli)) if cells is None else cells
    return planned(stimuli, cells, fields, (32, 32), WHOLE)


def test_planned_sites_are_those_that_see_a_stimulus():
    """Each one is tried pixel by pixel."""
    stimuli = patches(places=np.arange(-31, 32, 3) / 8)
    plan, images = plan_of(stimuli), stimuli.images()[:, 0].numpy()
    assert plan.window == tuple(2 * (n - 1) + 9 for n in plan.sites)
    first = 2 * np.arange(32) - 3
    for row in np.random.default_rng(0).permutation(len(stimuli))[:300]:
        shown = np.argwhere(images[row] != 0.5)
        seen = [
            np.flatnonzero(
                [((shown[:, axis] >= at) & (shown[:, axis] < at + 9)).any() for at in first]
            )
            for axis in (0, 1)
        ]
        if not plan.tiled[row]:
            continue
        for corner, n, sites in zip(plan.corners[row], plan.sites, seen, strict=True):
            assert corner <= sites.min()
            assert sites.max() < corner + n
            # What they see is within the display.
            assert first[corner] >= 0
            assert first[corner + n - 1] + 9 <= 64
    # In the middle all are tiled, and next to the border none.
    x, y = (abs(stimuli.columns[name]) for name in "xy")
    assert plan.tiled[(x < 2) & (y < 2)].all()
    assert not plan.tiled[(x > 3.5) | (y > 3.5)].any()


def test_stimuli_that_are_put_together_share_a_window():
    stimuli = patches()
    y = stimuli.columns["y"]
    plan = plan_of(stimuli, np.unique(y, return_inverse=True)[1])
    for place in np.unique(y):
        assert len(np.unique(plan.corners[y == place], axis=0)) == 1
    assert plan.sites[1] > plan.sites[0]


@pytest.mark.parametrize(
    "fields", [Fields((-3.5, -3.0), (9, 9), (2.0, 2.0)), Fields((-3.0, -3.0), (9, 9), (2.5, 2.0))]
)
def test_fields_between_pixels_are_not_planned(fields):
    assert plan_of(patches(), fields=fields) is None


def test_large_stimuli_are_not_planned():
    assert plan_of(patches(diameter=6.0)) is None
    assert plan_of(patches(diameter=np.inf)) is None


def test_noise_is_seen_at_every_site(monkeypatch):
    """The windows that are tried cover all sites that see nothing beyond the border."""
    seen = np.zeros((32, 32), dtype=bool)
    tried = Tiling._alike_everywhere

    def noted(self, layer, tiles):
        window = tiles.window

        def placed(corner):
            rows, columns = (
                slice(at, at + n) for at, n in zip(corner, tiles.plan.sites, strict=True)
            )
            seen[rows, columns] = True
            return window(corner)

        object.__setattr__(tiles, "window", placed)
        try:
            return tried(self, layer, tiles)
        finally:
            object.__delattr__(tiles, "window")

    monkeypatch.setattr(Tiling, "_alike_everywhere", noted)
    probe = probed(usual(), ["2"])
    probe.record(patches(), reduction=BEST)
    fields = probe._crops.seen("2")
    inside = [
        int(fields.corner[0] + fields.stride[0] * n) >= 0
        and int(fields.corner[0] + fields.stride[0] * n) + fields.size[0] <= 64
        for n in range(32)
    ]
    np.testing.assert_array_equal(seen, np.outer(inside, inside))
    assert 0 < sum(inside) < 32


def test_reach_is_where_stimuli_are_drawn():
    places = [-4.5, -3.9, -1.0, 0.03, 3.7]
    table = pd.DataFrame(
        [
            {"x": x, "y": y, "diameter": diameter, "orientation": 30.0, "n": 0}
            for x, y, diameter in itertools.product(places, places, [0.02, 0.3, 1.0, 5.0, np.inf])
        ]
    ).assign(spatial_frequency=1.0, phase=0.0)
    table["n"] = np.arange(len(table))
    stimuli = StimulusSet("s", DISPLAY, table, ("n",), grating, ("n",))
    reach, images = stimuli.reach(), stimuli.images()[:, 0].numpy()
    for image, (top, bottom, left, right), diameter in zip(
        images, reach, table["diameter"], strict=True
    ):
        beyond = image.copy()
        beyond[top:bottom, left:right] = 0.5
        assert (beyond == 0.5).all()
        # Not much farther, either.
        assert max(bottom - top, right - left) <= min(64, 8 * diameter + 6)
    assert StimulusSet("s", DISPLAY, table, ("n",), lambda *_: None, ("n",)).reach() is None
