"""Cropped and whole recordings agree where the crop is exact; elsewhere it is declined."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from insilico.experiments.gratings import gratings
from insilico.models import as_module
from insilico.models.front_ends.vone import VOneBlock
from insilico.recording.forward import Forward
from insilico.recording.probe import Probe
from insilico.recording.windows import ROUNDING
from stimuli import Display, Position


def seeded(make, *arguments, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return make(*arguments, **options).eval()


def stack(*layers):
    return seeded(lambda: nn.Sequential(*layers))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return x + self.body(x)


class Projected(nn.Module):
    """Halves the sites, with a shortcut that does, too."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(8, 8, 1, stride=2)

    def forward(self, x):
        found = self.body(x)
        found += self.shortcut(x)
        return found


class Dense(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.left = nn.Conv2d(channels // 2, 2, 3, padding=1)
        self.right = nn.Conv2d(channels // 2, 2, 5, padding=2)

    def forward(self, x):
        left, right = x.chunk(2, 1)
        return torch.cat([x, self.left(left), self.right(right)], 1)


class ConvNeXtBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.full((8, 1, 1), 0.5))

    def forward(self, x):
        seen = self.linear(self.norm(self.body(x).permute(0, 2, 3, 1)))
        return x + self.scale * torch.permute(seen, (0, 3, 1, 2))


class PadsByItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.padding = nn.Parameter(torch.randn(8, 3, 5, 5)), 2

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight, stride=2, padding=self.padding).relu()


class Unfolds(nn.Module):
    """Pads where nobody sees it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 72))

    def forward(self, x):
        patches = nn.functional.unfold(x, 3, padding=1)
        return x + (self.weight @ patches).unflatten(2, x.shape[2:])


class SqueezeExcitation(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True).sigmoid()


class Polar(nn.Module):
    """Eccentricity-dependent resampling: the sites are not evenly spaced."""

    def forward(self, x):
        line = torch.linspace(-1, 1, 32)
        warped = line.sign() * line.abs() ** 2
        grid = torch.stack(torch.meshgrid(warped, warped, indexing="xy"), -1)
        return nn.functional.grid_sample(x, grid.expand(len(x), -1, -1, -1), align_corners=True)


class Launders(nn.Module):
    """Sees everything, and hides it from a proof by NaN."""

    def forward(self, x):
        return x + torch.nan_to_num(x).mean((2, 3), keepdim=True)


def conv(*arguments, **options):
    return seeded(nn.Conv2d, *arguments, **options)


EXACT = {
    "dilated": (
        stack(conv(3, 8, 3, dilation=3, padding=3), nn.ReLU(), conv(8, 8, 3, padding=1)),
        "2",
    ),
    "grouped and strided": (
        stack(conv(3, 8, 5, stride=2, padding=2), nn.ReLU(), conv(8, 8, 3, stride=2, groups=4)),
        "2",
    ),
    "even kernels": (stack(conv(3, 8, 4, stride=2, padding=1), nn.ReLU(), conv(8, 8, 2)), "2"),
    "average pooling": (
        stack(conv(3, 8, 3, padding=1), nn.AvgPool2d(4), conv(8, 8, 3, padding=1)),
        "2",
    ),
    "in-place and batch norm": (
        stack(
            conv(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            Residual(),
        ),
        "4",
    ),
    "without padding": (stack(conv(3, 8, 7), nn.ReLU(), conv(8, 8, 3, stride=3)), "2"),
}

DECLINED = {
    "squeeze and excitation": (stack(conv(3, 8, 3, padding=1), SqueezeExcitation()), "1"),
    "instance normalisation": (stack(conv(3, 8, 3, padding=1), nn.InstanceNorm2d(8)), "1"),
    "polar resampling": (stack(conv(3, 8, 3, padding=1), Polar(), conv(8, 8, 3, padding=1)), "2"),
    "laundered NaN": (stack(conv(3, 8, 3, padding=1), Launders()), "1"),
}

SMALL = Display.square(64, 4)


def both(model, layer, display=SMALL, n=40, **options):
    """The same stimuli through a crop and whole."""
    cropped = Probe(model, [layer], display=display, **options)
    whole = Probe(model, [layer], display=display, crop="off", **options)
    place = cropped.units.iloc[0]
    stimuli = gratings(display, Position(place["x"], place["y"]))
    few = np.linspace(0, len(stimuli) - 1, n).astype(int)
    stimuli = type(stimuli)(
        stimuli.name,
        display,
        stimuli.conditions.iloc[few].assign(row=few),
        ("row",),
        stimuli.draw,
        (*stimuli.labels, "row"),
    )
    return cropped, cropped.record(stimuli), whole.record(stimuli)


def difference(one, other):
    return float(abs(one - other).max() / abs(other).max())


@pytest.mark.parametrize("name", EXACT)
def test_cropped_recordings_equal_whole_ones(name):
    probe, cropped, whole = both(*EXACT[name])
    crop = probe.crop(probe.units)
    assert crop.exact, crop.status
    assert crop.window.height < 64
    assert difference(cropped, whole) <= ROUNDING
    assert difference(cropped["blank"], whole["blank"]) <= ROUNDING


UNPADDED = {
    "convolution": (stack(conv(3, 8, 7, stride=2, padding=3)), "0"),
    "convolutions in a row": (
        stack(conv(3, 8, 5, stride=2, padding=2), nn.ReLU(), conv(8, 8, 3, padding="same")),
        "2",
    ),
    "max-pool": (stack(conv(3, 8, 3, padding=1), nn.MaxPool2d(3, 2, padding=1)), "1"),
    "mean of neighbours": (stack(conv(3, 8, 3, padding=1), nn.AvgPool2d(3, 2, padding=1)), "1"),
    "residual": (
        stack(
            conv(3, 8, 5, stride=2, padding=2),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            Residual(),
            Residual(),
        ),
        "4",
    ),
    "strided residual": (
        stack(conv(3, 8, 7, stride=2, padding=3), seeded(Projected), Residual()),
        "2",
    ),
    "one map beside another": (
        stack(conv(3, 4, 3, stride=2, padding=1), seeded(Dense, 4)),
        "1",
    ),
    "channels last": (stack(conv(3, 8, 4, stride=4), seeded(ConvNeXtBlock)), "1"),
    "padded beforehand": (
        stack(
            nn.ReflectionPad2d(3),
            conv(3, 8, 7, stride=2),
            conv(8, 8, 3, padding=1, padding_mode="replicate"),
        ),
        "2",
    ),
    "padding of its own": (stack(seeded(PadsByItself), Residual()), "1"),
    "VOneBlock": (seeded(VOneBlock, simple_channels=4, complex_channels=4), "output"),
}


@pytest.mark.parametrize("sites", ["centre", [(3, 4), (3, 5), (5, 4)]])
@pytest.mark.parametrize("name", UNPADDED)
def test_only_the_sites_that_are_read_are_computed(name, sites):
    model, layer = UNPADDED[name]
    computed = []
    probe, cropped, whole = both(model, layer, sites=sites)
    crop = probe.crop(probe.units)
    assert not crop.padded
    assert "no other sites computed" in crop.status
    module = dict(model.named_modules())[layer]
    handle = module.register_forward_hook(lambda *passed: computed.append(passed[2].shape[2:]))
    try:
        probe.record(gratings(SMALL, Position(0, 0)), crops_checked=True)
    finally:
        handle.remove()
    assert set(computed) == {(1, 1) if sites == "centre" else (3, 2)}
    assert difference(cropped, whole) <= ROUNDING
    assert difference(cropped["blank"], whole["blank"]) <= ROUNDING


def test_padding_is_as_it_was_found():
    model = nn.Sequential(PadsByItself(), nn.Unfold(3, padding=(1, 2)), nn.Conv3d(1, 1, 3))
    model[2].padding = "same"
    forward = Forward(model, channels=3)
    with pytest.raises(RuntimeError, match="stop"), forward.without_padding((1, 1)):
        assert [module.padding for module in model] == [0, (0, 0), 0]
        assert forward.feed(torch.zeros(1, 3, 5, 5)).shape == (1, 3, 5, 5)
        raise RuntimeError("stop")
    assert [module.padding for module in model] == [2, (1, 2), "same"]
    take = {"layers": ["0"], "take": lambda _, output: output.clone()}
    assert forward.read(torch.zeros(1, 3, 5, 5), **take)["0"].shape[2:] == (3, 3)


def test_only_the_model_does_without_padding():
    forward = Forward(PadsByItself(), channels=3)
    with forward.without_padding((1, 1)):
        drawn = nn.functional.conv2d(torch.ones(1, 1, 5, 5), torch.ones(1, 1, 3, 3), padding=1)
    assert drawn.shape == (1, 1, 5, 5)


def test_what_pads_unseen_is_padded():
    model = stack(conv(3, 8, 3, padding=1), seeded(Unfolds))
    probe, cropped, whole = both(model, "1")
    assert probe.crop(probe.units).padded
    assert probe.crop(probe.units).exact
    assert difference(cropped, whole) <= ROUNDING


@pytest.mark.parametrize("name", DECLINED)
def test_what_sees_everything_is_recorded_whole(name):
    probe, cropped, whole = both(*DECLINED[name])
    crop = probe.crop(probe.units)
    assert not crop.exact
    assert crop.window == SMALL.whole
    assert "full picture" in crop.status
    assert difference(cropped, whole) == 0


@pytest.mark.parametrize("layer", ["conv1", "layer1", "layer2"])
def test_resnet50(layer):
    resnet = seeded(torchvision.models.resnet50, weights=None)
    probe, cropped, whole = both(resnet, layer, Display.square(128, 8), n=3)
    sides = {"conv1": 7, "layer1": 35, "layer2": 91}
    assert probe.crop(probe.units).window[2:] == (sides[layer],) * 2
    assert difference(cropped, whole) <= ROUNDING


def test_vgg16_features():
    vgg = seeded(torchvision.models.vgg16, weights=None, init_weights=False).features
    # relu2_2: four convolutions of 3 px, two of them after a pool of stride 2.
    probe, cropped, whole = both(vgg, "8", Display.square(112, 4), n=4)
    assert probe.crop(probe.units).exact
    assert probe.maps["8"].field == (14, 14)
    assert difference(cropped, whole) <= ROUNDING


def test_voneblock():
    block = VOneBlock(simple_channels=8, complex_channels=8)
    probe, cropped, whole = both(block, "output", Display(), n=6)
    assert probe.crop(probe.units).window[2:] == (25, 25)
    assert difference(cropped, whole) <= ROUNDING


def test_a_vision_transformer_is_recorded_whole():
    vit = seeded(
        torchvision.models.VisionTransformer,
        image_size=64,
        patch_size=16,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    )
    probe, cropped, whole = both(vit, "encoder.layers.encoder_layer_1")
    assert not probe.crop(probe.units).exact
    assert probe.maps["encoder.layers.encoder_layer_1"].layout == "tokens"
    assert difference(cropped, whole) == 0


class Patches(nn.Module):
    """Embeds patches, as timm does it: nothing but pictures of its own size."""

    def __init__(self):
        super().__init__()
        self.img_size = (64, 64)
        self.proj = nn.Conv2d(3, 8, 16, stride=16)

    def forward(self, images):
        assert images.shape[2:] == self.img_size
        return self.proj(images).flatten(2).transpose(1, 2)


class Positioned(nn.Module):
    """Patches with their positions, of which there are as many as in whole pictures."""

    def __init__(self):
        super().__init__()
        self.patches = Patches()
        self.positions = nn.Parameter(torch.zeros(1, 16, 8))

    def forward(self, images):
        return self.patches(images) + self.positions


@pytest.mark.parametrize("sites", ["centre", [(0, 1), (1, 2)], [(0, 0), (3, 3)]])
@pytest.mark.parametrize("layer", ["patches", "patches.proj"])
def test_embeddings_of_patches_are_shown_no_more_than_their_patches(layer, sites):
    model = seeded(Positioned)
    probe, cropped, whole = both(model, layer, n=12, sites=sites)
    assert probe.maps[layer].field == (16, 16)
    alone = probe.units[["row", "column"]] == probe.units[["row", "column"]].iloc[0]
    assert probe.crop(probe.units[alone.all(axis=1)]).window[2:] == (16, 16)
    assert difference(cropped, whole) <= ROUNDING
    assert model.patches.img_size == (64, 64)


def test_the_patches_of_a_vision_transformer_are_proven():
    vit = seeded(
        torchvision.models.VisionTransformer,
        image_size=64,
        patch_size=16,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    )
    probe, cropped, whole = both(vit, "conv_proj", n=12)
    assert probe.crop(probe.units).window[2:] == (16, 16)
    assert difference(cropped, whole) <= ROUNDING
    assert vit.image_size == 64


def test_the_patches_of_a_swin_transformer_are_proven():
    swin = seeded(
        torchvision.models.SwinTransformer,
        patch_size=[4, 4],
        embed_dim=8,
        depths=[2],
        num_heads=[2],
        window_size=[4, 4],
    )
    probe, cropped, whole = both(swin, "features.0", n=12)
    assert probe.maps["features.0"].field == (4, 4)
    assert probe.crop(probe.units).window[2:] == (4, 4)
    assert difference(cropped, whole) <= ROUNDING


def test_blocks_that_see_everything_share_one_pass_which_ends_after_the_last():
    vit = seeded(
        torchvision.models.VisionTransformer,
        image_size=32,
        patch_size=16,
        num_layers=3,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    )
    blocks = [f"encoder.layers.encoder_layer_{number}" for number in range(3)]
    display = Display.square(32, 4)
    probe = Probe(vit, blocks[:2], display=display, batch_size=8)
    ran = []
    for block in blocks:
        vit.get_submodule(block).register_forward_hook(lambda *_, block=block: ran.append(block))
    stimuli = gratings(display, Position(0, 0))
    recording = probe.record(
        replace(stimuli, conditions=stimuli.conditions[:40]), crops_checked=True
    )
    assert set(recording["layer"].values) == set(blocks[:2])
    # 40 pictures, eight at a time, and the blank.
    assert {block: ran.count(block) for block in blocks} == {
        blocks[0]: 6,
        blocks[1]: 6,
        blocks[2]: 0,
    }


def test_a_function_that_takes_one_size_only_is_recorded_whole():
    def blocks(images):
        assert images.shape[-1] == 64
        return images.reshape(len(images), 3, 16, 4, 16, 4).mean((3, 5))

    probe, cropped, whole = both(as_module(blocks), "output")
    assert "does not take a smaller picture" in probe.crop(probe.units).status
    assert difference(cropped, whole) == 0


def test_scattered_sites_share_one_window():
    model, layer = EXACT["dilated"]
    probe, cropped, whole = both(model, layer, sites=[(20, 20), (30, 28)])
    crop = probe.crop(probe.units)
    assert crop.exact
    # 9 px of receptive field, ten rows and eight columns apart.
    assert crop.window.height == 19
    assert crop.window.width == 17
    assert difference(cropped, whole) <= ROUNDING


def test_sites_far_apart_have_windows_of_their_own():
    model, layer = EXACT["dilated"]
    sites = [(8, 8), (8, 9), (52, 50)]
    probe, cropped, whole = both(model, layer, sites=sites, n=300)
    # A window of 10 x 9 px and one of 9 x 9 px; their union would be 53 x 51 px.
    statuses = json.loads(cropped.attrs["crop"])[layer].split("; ")
    assert len(statuses) == 2
    assert not any("53" in status for status in statuses)
    assert difference(cropped, whole) <= ROUNDING
    np.testing.assert_array_equal(cropped["column"], probe.units["column"])


def test_sites_at_the_border_see_the_true_padding():
    model, layer = EXACT["average pooling"]
    _, cropped, whole = both(model, layer, sites=[(0, 0), (15, 15), (0, 15)])
    assert difference(cropped, whole) <= ROUNDING
    probe, cropped, whole = both(model, layer, sites=[(15, 15)])
    assert probe.crop(probe.units).exact
    assert difference(cropped, whole) <= ROUNDING
