"""The constrained networks: published outputs and counts, every combination, checkpoints."""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from insilico import open_results
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.models import load_model
from insilico.models.built_in import BUILT_IN
from insilico.models.components import (
    CenterSurround,
    CorticalMagnification,
    DivisiveNormalization,
    LocallyConnected2d,
    TunedNormalization,
)
from insilico.models.constrained.resnet import NAMED, constrained_resnet, named_network
from insilico.models.weights import fit_weights
from insilico.recording.probe import Probe

GOLDEN = np.load(Path(__file__).parent / "data" / "components.npz")
CASES = [case for case in GOLDEN["cases"] if str(GOLDEN[f"{case}.component"]) == "network"]

# Trainable parameters at 64 px of the networks as released.
COUNTS = {
    "resnet50": 25_557_032,
    "resnet50_center_surround": 25_559_336,
    "resnet50_local_rf": 34_957_352,
    "resnet50_tuned_norm": 25_557_800,
    "resnet50_div_norm": 26_736_683,
    "resnet50_cortical_magnification": 25_557_032,
    "resnet50_composite_a": 34_959_656,
    "resnet50_composite_b": 34_958_120,
    "resnet50_composite_c": 34_958_888,
    "resnet50_composite_d": 34_959_656,
    "resnet50_composite_e": 25_557_800,
    "resnet50_composite_f": 34_957_352,
    "resnet50_composite_g": 34_958_120,
}

COMPONENTS = {
    "center_surround": (False, True),
    "local": (False, True),
    "normalization": (None, "tuned"),
    "magnification": (False, True),
}
CELLS = [
    dict(zip(COMPONENTS, values, strict=True)) for values in itertools.product(*COMPONENTS.values())
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(depth=18, *, width=8, seed=0, **options):
    return constrained_resnet(
        depth, width, **{"num_classes": 5, "input_size": 32, "generator": seeded(seed)} | options
    )


def n_trainable(model):
    return sum(parameter.numel() for parameter in model.parameters())


def error(value, expected):
    return np.abs(np.asarray(value) - expected).max() / np.abs(expected).max()


def published_weights(case):
    """The weights of a case, which are made from seeds, under their released names."""
    keys, shapes, scales, offsets = (
        GOLDEN[f"{case}.{name}"] for name in ("keys", "shapes", "scale", "offset")
    )
    state = {}
    for index, (key, shape, scale, offset) in enumerate(
        zip(keys, shapes, scales, offsets, strict=True)
    ):
        stream = np.random.RandomState(1000 * int(GOLDEN[f"{case}.seed"]) + index)
        normal = stream.standard_normal([int(side) for side in shape.split(",")])
        state[str(key)] = torch.tensor(normal.astype(np.float32) * scale + offset)
    return state


# As released


@pytest.mark.parametrize("case", CASES)
def test_published_weights_give_the_published_outputs(case):
    name = str(GOLDEN[f"{case}.model"])
    model = named_network(name, mode="as_released").eval()
    assert n_trainable(model) == COUNTS[name] == int(GOLDEN[f"{case}.n_trainable"])
    fit_weights(model, published_weights(case))
    first_stage = []
    model.layer1.register_forward_hook(lambda module, inputs, maps: first_stage.append(maps))
    with torch.no_grad():
        logits = model(torch.tensor(GOLDEN[f"{case}.x"]))
    channels = GOLDEN[f"{case}.layer1_channels"]
    assert error(first_stage[0][:, channels], GOLDEN[f"{case}.layer1"]) < 1e-5
    assert error(logits, GOLDEN[f"{case}.logits"]) < 1e-5


def test_all_published_networks_are_checked():
    assert {str(GOLDEN[f"{case}.model"]) for case in CASES} == set(COUNTS) == set(NAMED)


def test_a_single_component_as_released_differs_from_its_part_in_composites():
    alone = small(50, center_surround=True, mode="as_released")
    together = small(50, center_surround=True, magnification=True, mode="as_released")
    assert sites(alone, CenterSurround) == [f"layer1.{n}.conv2.center_surround" for n in range(3)]
    assert sites(together, CenterSurround) == sites(alone, CenterSurround)[:2]
    wide = constrained_resnet(50, center_surround=True, mode="as_released", generator=seeded())
    weight = wide.layer1[0].conv2.conv.weight.detach()
    # torch's default is uniform, within 1 / sqrt(64 * 9).
    assert float(weight.abs().max()) == pytest.approx(1 / 24, rel=1e-3)

    alone = small(50, local=True, mode="as_released")
    together = small(50, local=True, magnification=True, mode="as_released")
    assert sites(alone, nn.Dropout2d) == ["layer1.2.conv2.dropout"]
    assert sites(together, nn.Dropout2d) == []


# Placement


def sites(model, kind):
    return [name for name, module in model.named_modules() if isinstance(module, kind)]


@pytest.mark.parametrize(("depth", "blocks"), [(18, 2), (34, 3), (50, 3)])
def test_components_are_where_they_belong(depth, blocks):
    model = small(
        depth, center_surround=True, local=True, normalization="tuned", magnification=True
    )
    assert sites(model, CenterSurround) == [
        f"layer1.{n}.conv2.center_surround" for n in range(blocks - 1)
    ]
    assert sites(model, LocallyConnected2d) == [f"layer1.{blocks - 1}.conv2.local"]
    assert sites(model, TunedNormalization) == [f"layer1.{n}.normalization" for n in range(blocks)]
    assert sites(model, CorticalMagnification) == ["maxpool"]
    assert sites(model, nn.Dropout2d) == sites(model, nn.MaxPool2d) == []
    assert model.layer1[0].conv2.center_surround.filtered == 2
    assert model.layer1[0].normalization.channels == (32 if depth == 50 else 8)


def test_every_component_adds_its_parameters():
    plain = n_trainable(constrained_resnet())
    full = constrained_resnet(
        center_surround=True, local=True, normalization="tuned", magnification=True
    )
    assert plain == COUNTS["resnet50"]
    assert n_trainable(full) == plain + 1_536 + 9_400_320 + 768
    assert n_trainable(constrained_resnet(normalization="divisive")) == plain + 786_432


@pytest.mark.parametrize(("depth", "width", "channels"), [(18, 8, 8), (50, 4, 16)])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_combination_takes_any_size_and_learns(cell, depth, width, channels):
    images = torch.rand(2, 3, 50, 71, generator=seeded())
    model = small(depth, width=width, input_size=(50, 71), **cell)
    first_stage = []
    model.layer1.register_forward_hook(lambda module, inputs, maps: first_stage.append(maps))
    model(images).square().sum().backward()
    assert first_stage[0].shape == (2, channels, 13, 18)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_networks_do_not_depend_on_those_made_before():
    """Nothing is kept in classes or globally: made again in reverse, they are what they were."""
    images = torch.rand(1, 3, 32, 32, generator=seeded())

    def logits(cell):
        with torch.no_grad():
            return small(**cell).eval()(images)

    models = [small(**cell).eval() for cell in CELLS]
    again = [logits(cell) for cell in reversed(CELLS)][::-1]
    with torch.no_grad():
        first = [model(images) for model in models]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    pairs = itertools.combinations(first, 2)
    assert not any(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("depth", [18, 50])
def test_normalization_is_applied_to_the_output_of_a_block(depth):
    block = small(depth, normalization="divisive").eval().layer1[1]
    maps = torch.rand(1, 32 if depth == 50 else 8, 8, 8, generator=seeded())
    normalized = block(maps)
    normalization, block.normalization = block.normalization, nn.Identity()
    rectified = block(maps)
    assert isinstance(normalization, DivisiveNormalization) and bool((rectified >= 0).all())
    assert torch.equal(normalized, normalization(rectified))
    assert not torch.allclose(normalized, rectified, rtol=0.1)


# Initial weights


@pytest.mark.parametrize("component", COMPONENTS)
def test_neighbouring_cells_differ_in_one_component_only(component):
    without = dict.fromkeys(COMPONENTS, True) | {"normalization": "tuned"}
    without[component] = COMPONENTS[component][0]
    full = small(center_surround=True, local=True, normalization="tuned", magnification=True)
    states = [model.state_dict() for model in (full, small(**without))]
    shared = states[0].keys() & states[1].keys()
    assert len(shared) > 100
    assert all(torch.equal(states[0][name], states[1][name]) for name in shared)


def test_weights_follow_from_the_generator_and_leave_the_global_one_alone():
    options = {"center_surround": True, "local": True, "normalization": "divisive"}
    before = torch.get_rng_state()
    first, again, other = (small(seed=seed, **options).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    drawn = [name for name, value in first.items() if value.unique().numel() > 1]
    assert len(drawn) > 20
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_without_a_generator_weights_follow_from_torch():
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(small(generator=None).conv1.weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("width", [8, 64, 96])
def test_ordinary_convolutions_keep_the_variance_of_their_output(width):
    model = small(width=width, center_surround=True)
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            weight = module.weight.detach()
            spread = float(weight.std()) / (2 / fan_out) ** 0.5
            assert spread == pytest.approx(1, abs=4 / weight.numel() ** 0.5), name


def test_a_network_can_be_exported():
    model = small(center_surround=True, local=True, normalization="tuned", magnification=True)
    images = torch.rand(2, 3, 32, 32, generator=seeded())
    program = torch.export.export(model.eval(), (images,))
    torch.testing.assert_close(program.module()(images), model(images))


@pytest.mark.parametrize(
    ("components", "status"),
    [
        ({}, "exact crop 43 px of 128"),
        ({"center_surround": True, "normalization": "tuned"}, "exact crop 64 px of 128"),
        ({"local": True}, "full picture: the model does not take a smaller picture"),
        ({"magnification": True}, "full picture: no window was proven for single sites"),
    ],
    ids=str,
)
def test_components_that_know_their_place_are_shown_the_full_picture(components, status):
    options = {"depth": 18, "width": 8, "num_classes": 2}
    model = load_model("constrained_resnet", pixels=128, **options, **components)
    probe = Probe(model, ["layer1"], display=model.card.display)
    assert probe.crop(probe.units).status.startswith(status)


@pytest.mark.slow
def test_the_full_model_gives_a_report(tmp_path):
    out = tmp_path / "run"
    arguments = ["run", "resnet50_composite_a", "--battery", "marques2020", "--quiet"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "resnet50_composite_a" in (out / "report.html").read_text()
    units = open_results(out).units
    # Sites of magnified maps are where the map of receptive fields says.
    assert units.sizes["unit"] > 100


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 101}, "depth must be one of 18, 34, 50; got 101"),
        ({"width": 3}, "width must be at least 4 channels; got 3"),
        ({"normalization": "batch"}, "must be None, 'tuned' or 'divisive'; got 'batch'"),
        ({"mode": "released"}, "mode must be one of corrected, as_released; got 'released'"),
        ({"num_classes": 0}, "num_classes must be at least 1; got 0"),
        ({"input_size": (0, 64)}, "input_height must be at least 1; got 0"),
        ({"pool": "similar"}, "pool='similar' needs normalization='tuned'; got None"),
        ({"density": "inverse_square"}, "density='inverse_square' needs magnification=True"),
        (
            {"antialias": False, "mode": "as_released"},
            "antialias=False needs magnification=True",
        ),
        ({"pad_radius": True, "mode": "as_released"}, "pad_radius=True needs magnification=True"),
        ({"antialias": False, "magnification": True}, "antialias=False needs mode='as_released'"),
        ({"pad_radius": True, "magnification": True}, "pad_radius=True needs mode='as_released'"),
        ({"magnification": True, "input_size": 2}, "maps of at least 2 x 2"),
        (
            {"normalization": "tuned", "pool": "similar", "mode": "as_released"},
            "the released component has the opponent pool",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(options, message):
    with pytest.raises(UserError, match=message):
        constrained_resnet(**options)


def test_unknown_name():
    with pytest.raises(UserError, match="name must be one of resnet50, .*; got 'resnet50_polar'"):
        named_network("resnet50_polar")


@pytest.mark.parametrize("component", ["local", "magnification"])
def test_images_of_another_size_are_an_error(component):
    with pytest.raises(UserError, match=r"for maps of .*got .*\(\d, \d+, (24, 24|48, 48)\)"):
        small(**{component: True})(torch.zeros(1, 3, 96, 96))


# Loading


def test_built_in_names_are_those_of_the_paper():
    named = {name for name, load in BUILT_IN.items() if load is BUILT_IN["constrained_resnet"]}
    assert named == set(NAMED) - {"resnet50"} | {"constrained_resnet"}


def test_named_networks_load_with_their_card():
    model = load_model("resnet50_composite_e", mode="as_released", num_classes=200)
    assert model.layer1[0].normalization.mode == model.maxpool.mode == "as_released"
    assert model.fc.out_features == 200
    card = model.card
    assert card.layers == ("layer1",) and card.mean == card.std == (0.5,) * 3
    assert (card.display.height, card.display.px_per_deg) == (64, 8)
    assert card.caution.startswith("UNTRAINED")


def test_pixels_set_the_size_of_local_receptive_fields():
    model = load_model("constrained_resnet", pixels=96, depth=18, width=8, local=True)
    assert model.layer1[1].conv2.local.size == (24, 24)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet50_tuned_norm", {"normalization": None}, "normalization cannot be given"),
        ("resnet50_composite_a", {"depth": 18}, "depth cannot be given as an option"),
        ("constrained_resnet", {"breadth": 8}, "constrained_resnet has no option 'breadth'"),
        ("resnet50_composite_h", {}, r"Did you mean resnet50_composite_\w"),
        ("resnet50_composite_a", {"weights": "pretrained"}, "download by torchvision or timm"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(UserError, match=message):
        load_model(name, **options)


SMALL = {"depth": 18, "width": 8, "num_classes": 5, "mode": "as_released"}
FULL = {"center_surround": True, "local": True, "normalization": "tuned", "magnification": True}


def released_checkpoint(path, model, **others):
    """Save a network with everything in the authors' layout."""
    state = {}
    for name, value in model.state_dict().items():
        released = (
            name.replace("center_surround.", "dog.dog_conv.")
            .replace("conv2.local.", "conv2.")
            .replace("normalization.", "dn.")
        )
        state[released] = value
    state |= {
        "layer1.0.conv2.dog.dog_conv.kernel_dists": torch.zeros(5, 5),
        "layer1.0.conv2.dog.dog_conv.bias": torch.zeros(2),
        "layer1.0.dn.channel_distances": torch.zeros(8, 8),
        "lpp.pooling_masks": torch.zeros(3, 8, 8, dtype=torch.float16),
        "lpp.pooling_mask_counts": torch.zeros(3, dtype=torch.float16),
    }
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [60, 80])
    torch.save(
        {
            "model": state,
            "args": argparse.Namespace(model="resnet18", lr=0.1),
            "current_epoch": 3,
            "valid_acc": 0.5,
            "optimizer": optimiser.state_dict(),
            "lr_scheduler": schedule.state_dict(),
            "device": torch.device("cpu"),
            **others,
        },
        path,
    )


def test_released_checkpoints_load(tmp_path):
    trained = small(**FULL, mode="as_released", seed=7).eval()
    released_checkpoint(tmp_path / "best.pt", trained)
    model = load_model("constrained_resnet", tmp_path / "best.pt", pixels=32, **SMALL, **FULL)
    assert model.card.trained is True and model.card.weights.startswith("best.pt (sha256")
    images = torch.rand(1, 3, 32, 32, generator=seeded())
    assert torch.equal(model(images), trained((images - 0.5) / 0.5))


@pytest.mark.parametrize("options", [{"antialias": False}, {"pad_radius": True}])
def test_magnification_can_be_that_of_the_published_networks(options):
    name = "resnet50_cortical_magnification"
    model = load_model(name, pixels=64, mode="as_released", num_classes=2, **options)
    maps = torch.rand(1, 2, 32, 32, generator=seeded())
    expected = CorticalMagnification(32, mode="as_released", **options)(maps)
    assert torch.equal(model.maxpool(maps), expected)
    plain = CorticalMagnification(32, mode="as_released")(maps)
    assert not torch.allclose(expected, plain, rtol=0.01)


class Dangerous:
    def __reduce__(self):
        return (print, ("code was run",))


def test_a_namespace_may_hold_no_code(tmp_path, capsys):
    path = tmp_path / "best.pt"
    released_checkpoint(path, small(**FULL), args=argparse.Namespace(hidden=Dangerous()))
    with pytest.raises(UserError, match="holds Python objects besides tensors"):
        load_model("constrained_resnet", path, pixels=32, **SMALL, **FULL)
    assert "code was run" not in capsys.readouterr().out


def test_checkpoint_of_another_architecture(tmp_path):
    released_checkpoint(tmp_path / "best.pt", small(**FULL))
    others = FULL | {"local": False, "normalization": None}
    with pytest.raises(
        UserError,
        match=r"missing: layer1\.1\.conv2\.weight; "
        r"unexpected: layer1\.0\.normalization\.sigmas.*layer1\.1\.conv2\.local\.weight",
    ):
        load_model("constrained_resnet", tmp_path / "best.pt", pixels=32, **SMALL, **others)
    with pytest.raises(UserError, match="1 x 8 x 8 x 8 x 8 x 9 in the file, 1 x 8 x 8 x 16 x 16"):
        load_model("constrained_resnet", tmp_path / "best.pt", pixels=64, **SMALL, **FULL)


def test_weights_run_in_either_mode():
    released, corrected = (small(**FULL, mode=mode) for mode in ("as_released", "corrected"))
    fit_weights(corrected, released.state_dict())
    images = torch.rand(1, 3, 32, 32, generator=seeded())
    assert not torch.allclose(corrected.eval()(images), released.eval()(images), rtol=0.01)
    divisive = [small(normalization="divisive", mode=m) for m in ("as_released", "corrected")]
    with pytest.raises(UserError, match=r"unexpected: layer1\.0\.normalization\.v"):
        fit_weights(divisive[1], divisive[0].state_dict())
