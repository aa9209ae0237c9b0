"""Fixed front ends: the subcortical stage, and the networks behind models of V1."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from insilico.errors import UserError
from insilico.models import layer_table, load_model
from insilico.models.components.subcortical import SubcorticalBlock
from insilico.models.front_ends.gabors import sample_evnet_parameters, sample_gabor_parameters
from insilico.models.front_ends.networks import (
    EVNET_VARIANTS,
    evnet_resnet50,
    vone_dn,
    vone_resnet50,
)
from insilico.models.front_ends.vone import VOneBlock, add_noise
from insilico.models.weights import fit_weights

GOLDEN = np.load(Path(__file__).parent / "data" / "components.npz")


def cases(component):
    return [case for case in GOLDEN["cases"] if str(GOLDEN[f"{case}.component"]) == component]


def golden(case):
    return {
        name.removeprefix(f"{case}."): GOLDEN[name]
        for name in GOLDEN.files
        if name.startswith(f"{case}.")
    }


def error(value, expected):
    return np.abs(np.asarray(value) - expected).max() / np.abs(expected).max()


def noise_images(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# The subcortical stage


def published_subcortical(expected):
    adaptation = str(expected["light_adaptation"])
    return SubcorticalBlock(
        pixels=int(expected["image_size"]),
        degrees=float(expected["visual_degrees"]),
        parvo=bool(expected["p_channels"]),
        magno=bool(expected["m_channels"]),
        light_adaptation=None if adaptation == "none" else adaptation,
    )


@pytest.mark.parametrize("case", cases("subcortical"))
def test_subcortical_responses_are_the_published_ones(case):
    expected = golden(case)
    block = published_subcortical(expected)
    images = torch.tensor(expected["x"])
    sizes = [(part.center_surround.shape[-1], part.pool.shape[-1]) for part in block.pathways]
    assert sizes == list(zip(expected["kernel_dog"], expected["kernel_cn"], strict=True))
    assert error(block(images), expected["y"]) < 1e-5
    if "adapted" in expected:
        adapted = block.adapted(images)
        assert error(adapted, expected["adapted"]) < 1e-5
        drives = torch.cat([part.drive(adapted) for part in block.pathways], dim=1)
        assert error(drives, expected["dog"]) < 1e-5


def test_subcortical_noise_is_the_published_one():
    expected = golden("subcortical_scaled")
    noisy = SubcorticalBlock.add_noise(torch.tensor(expected["y"]), torch.tensor(expected["noise"]))
    assert error(noisy, expected["y_noise"]) < 1e-6


def test_subcortical_noise_follows_its_generator():
    block = SubcorticalBlock(pixels=32, noise=True)
    images = noise_images(2, 3, 32, 32)
    one, again, other = (
        block(images, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)
    quiet = SubcorticalBlock(pixels=32)(images)
    normalized = (one - quiet) / torch.sqrt(0.4 * (quiet.abs() + 1e-5))
    assert float(normalized.std()) == pytest.approx(1, abs=0.05)


def test_subcortical_cells_see_contrast_and_not_luminance():
    block = SubcorticalBlock(pixels=64)
    images = 0.2 + 0.2 * noise_images(1, 3, 64, 64)
    torch.testing.assert_close(block(images), block(2 * images), rtol=1e-3, atol=1e-3)
    assert float(block(torch.full((1, 3, 64, 64), 0.3)).abs().max()) < 1e-3


def test_center_and_surround_are_antagonistic_and_scale_with_resolution():
    fine, coarse = (SubcorticalBlock(pixels=pixels, degrees=7) for pixels in (448, 224))
    for part in coarse.pathways:
        sums = part.center_surround.sum(dim=(1, 2, 3))
        torch.testing.assert_close(sums, torch.ones_like(sums))
        torch.testing.assert_close(part.pool.sum(dim=(2, 3)).flatten(), torch.ones_like(sums))
    red_green = coarse.pathways[0].center_surround[0]
    middle = red_green.shape[-1] // 2
    assert red_green[0, middle, middle] > 0 > red_green[1, middle, middle]
    assert not red_green[2].any()
    for which, radius in ((0, 1.494800846305186), (1, 7.1528)):
        for block, scale in ((coarse, 1), (fine, 2)):
            kernel = block.pathways[0].center_surround[0, which]
            middle = kernel.shape[-1] // 2
            fall = float(kernel[middle, middle + 3] / kernel[middle, middle])
            assert fall == pytest.approx(math.exp(-((3 / (radius * scale)) ** 2)), rel=1e-4)


@pytest.mark.parametrize("luminance", [0.0, 0.5])
def test_gradients_of_a_blank_are_finite(luminance):
    images = torch.full((1, 3, 48, 48), luminance, requires_grad=True)
    SubcorticalBlock(pixels=48)(images).square().sum().backward()
    assert torch.isfinite(images.grad).all()


def test_subcortical_gradient_is_that_of_differences():
    block = SubcorticalBlock(pixels=16).double()
    images = noise_images(1, 3, 16, 16).double().requires_grad_()
    assert torch.autograd.gradcheck(block, images, nondet_tol=1e-12, fast_mode=True)


def test_subcortical_block_can_be_exported():
    block = SubcorticalBlock(pixels=32)
    images = noise_images(2, 3, 32, 32)
    program = torch.export.export(block, (images,))
    torch.testing.assert_close(program.module()(images), block(images))


def test_subcortical_block_runs_under_autocast():
    block = SubcorticalBlock(pixels=32)
    images = noise_images(2, 3, 32, 32).requires_grad_()
    expected = block(images).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = block(images)
    found.float().square().mean().backward()
    assert images.grad.isfinite().all() and images.grad.any()
    torch.testing.assert_close(
        found.float(), expected, rtol=0.05, atol=0.05 * float(expected.abs().max())
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_subcortical_responses_on_a_gpu_are_those_of_the_processor():
    block = SubcorticalBlock(pixels=32).double()
    images = noise_images(2, 3, 32, 32).double()
    expected = block(images)
    torch.testing.assert_close(block.to("cuda")(images.to("cuda")).cpu(), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_subcortical_block_takes_any_precision(dtype):
    block = SubcorticalBlock(pixels=32)
    images = noise_images(2, 3, 32, 32)
    expected = block(images)
    found = block.to(dtype)(images.to(dtype))
    assert found.dtype == dtype
    tolerance = 1e-4 if dtype == torch.float64 else 0.05
    torch.testing.assert_close(
        found.float(), expected, rtol=tolerance, atol=tolerance * float(expected.abs().max())
    )


def test_subcortical_constants_follow_the_block():
    block = SubcorticalBlock(pixels=32).to("meta")
    assert block(torch.empty(2, 3, 32, 48, device="meta")).shape == (2, 4, 32, 48)
    assert not list(block.parameters())


def test_subcortical_bad_input():
    with pytest.raises(UserError, match="light_adaptation must be 'mean', .*; got 'log'"):
        SubcorticalBlock(light_adaptation="log")
    with pytest.raises(UserError, match="keep at least one of the pathways"):
        SubcorticalBlock(parvo=False, magno=False)
    with pytest.raises(UserError, match=r"34 px on each side .* got images of 30 x 64 px"):
        SubcorticalBlock()(torch.rand(1, 3, 30, 64))


# EVNet's cells of V1


@pytest.mark.parametrize("case", ["gabor_parameters_evnet", "gabor_parameters_evnet_512"])
def test_a_seed_gives_the_published_cells(case):
    expected = golden(case)
    drawn = sample_evnet_parameters(
        int(expected["n_simple"]),
        int(expected["n_complex"]),
        seed=int(expected["seed"]),
        channels=int(expected["in_channels"]),
        proportions=expected["color_prob"].tolist(),
        spatial_frequency_max=float(expected["sf_max"]),
        spatial_frequency_min=float(expected["sf_min"]),
        correlation=float(expected["sf_corr"]),
    )
    for name, theirs in {
        "orientation": "theta",
        "phase": "phase",
        "spatial_frequency": "sf",
        "cycles_across": "nx",
        "cycles_along": "ny",
        "colour": "channel",
    }.items():
        np.testing.assert_allclose(drawn[name], expected[theirs], rtol=1e-12, err_msg=name)


def test_complex_cells_prefer_higher_frequencies():
    drawn = sample_evnet_parameters(5000, 5000, seed=2)
    simple, complex_ = np.split(drawn["spatial_frequency"].to_numpy(), 2)
    assert simple.min() < 0.7 and complex_.min() >= 1
    # 4 + 4 + 8 and 9 of the counted cells lie below 1.4 cpd.
    assert (simple < 1.4).mean() == pytest.approx(16 / 140, abs=0.02)
    assert (complex_ < 1.4).mean() == pytest.approx(9 / 70, abs=0.02)


def test_v1_responses_of_evnet_are_the_published_ones():
    expected = golden("evnet_voneblock")
    n = int(expected["simple_channels"]) + int(expected["complex_channels"])
    block = VOneBlock(
        simple_channels=int(expected["simple_channels"]),
        complex_channels=int(expected["complex_channels"]),
        kernel_size=int(expected["ksize"]),
        stride=int(expected["stride"]),
        gain=float(expected["gain"]),
        colours=4,
        gabors=sample_evnet_parameters(4, 4),
    ).double()
    state = {}
    for bank in ("q0", "q1"):
        weight = torch.zeros(n, 4, 31, 31, dtype=torch.float64)
        weight[torch.arange(n), expected["channel"]] = torch.tensor(
            expected[f"gabor_{bank}"]
        ).double()
        state[f"simple_conv_{bank}.weight"] = weight
    block.load_state_dict(state)
    responses = block(torch.tensor(expected["x"]))
    assert error(responses, expected["y"]) < 1e-12
    noisy = add_noise(
        responses,
        torch.tensor(expected["noise"]),
        noise="fano",
        scale=float(expected["fano_factor"]),
    )
    assert error(noisy, expected["y_noise"]) < 1e-12


def test_filters_of_evnet_follow_from_the_published_parameters():
    network = evnet_resnet50(seed=457, num_classes=2)
    expected = golden("gabor_parameters_evnet_512")
    weight = network.voneblock.simple_conv_q0.weight
    seen = (weight != 0).flatten(2).any(2)
    assert (seen.sum(1) == 1).all()
    assert np.array_equal(seen.int().argmax(1), expected["channel"])
    # At the middle tap a Gabor is its envelope times the cosine of its phase.
    frequency = expected["sf"] / 32
    peak = frequency**2 / (2 * np.pi * expected["nx"] * expected["ny"])
    middle = weight.sum(1)[:, 15, 15]
    np.testing.assert_allclose(middle, peak * np.cos(np.deg2rad(expected["phase"])), atol=1e-7)


# Networks


@pytest.mark.parametrize(
    ("make", "total", "parts"),
    [
        (vone_resnet50, 27_500_264, ["vone_block", "bottleneck", "model"]),
        (
            evnet_resnet50,
            29_533_356,
            ["subcorticalblock", "voneblock", "voneblock_bottleneck", "model"],
        ),
    ],
)
def test_networks_have_the_published_parts(make, total, parts):
    network = make()
    assert [name for name, _ in network.named_children()] == parts
    trainable = sum(parameter.numel() for parameter in network.parameters())
    assert trainable == 25_580_264
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    state = network.state_dict()
    fixed = sum(value.numel() for name, value in state.items() if not name.endswith(statistics))
    assert fixed == total
    first = parts.index("model")
    weight = state[f"{parts[first - 1]}.weight"]
    assert weight.shape == (64, 512, 1, 1)
    expected = math.sqrt(2 / 64) if make is vone_resnet50 else 1 / math.sqrt(3 * 512)
    assert float(weight.std()) == pytest.approx(expected, rel=0.02)
    assert {name.split(".")[1] for name in state if name.startswith("model.")} == {
        "layer1",
        "layer2",
        "layer3",
        "layer4",
        "fc",
    }


def test_the_front_end_feeds_the_first_stage():
    network = vone_resnet50(num_classes=3, simple_channels=4, complex_channels=4).eval()
    images = noise_images(1, 3, 64, 64)
    maps = network.bottleneck(network.vone_block(images))
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        maps = getattr(network.model, stage)(maps)
    torch.testing.assert_close(network(images), network.model.fc(maps.mean(dim=(2, 3))))


def test_weights_depend_on_the_seed_and_leave_the_random_state_alone():
    before = torch.get_rng_state()
    one, again, other = (
        vone_resnet50(seed=seed, num_classes=2, simple_channels=2, complex_channels=2)
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    for name in ("model.fc.weight", "vone_block.simple_conv_q0.weight"):
        states = [network.state_dict()[name] for network in (one, again, other)]
        assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])


def test_constants_of_the_front_ends_are_the_published_ones():
    found = {name: (each.gain, each.fano_factor) for name, each in EVNET_VARIANTS.items()}
    assert found == {
        "standard": (5.3, 0.93),
        "no_p": (4.8, 0.94),
        "no_m": (4.5, 0.94),
        "no_light_adaptation": (4.7, 0.93),
        "no_contrast_normalization": (3.2, 0.96),
        "no_noise": (5.3, 1.0),
        "lgn_to_v2": (5.3, 0.93),
    }
    channels = {"simple_channels": 2, "complex_channels": 2}
    block = VOneBlock(**channels)
    assert (block.gain, block.stride) == (25, 4)
    assert block.simple_conv_q0.weight.shape == (4, 3, 25, 25)
    grey = vone_dn(**channels).vone_block
    assert (grey.gain, grey.stride) == (23.5, 2)
    assert grey.simple_conv_q0.weight.shape == (4, 1, 31, 31)


@pytest.mark.parametrize("variant", EVNET_VARIANTS)
def test_variants_of_evnet(variant):
    network = evnet_resnet50(pixels=64, num_classes=2, variant=variant).eval()
    front = network.evblock if variant == "lgn_to_v2" else network
    channels = {"no_p": 1, "no_m": 3}.get(variant, 4)
    assert front.voneblock.simple_conv_q0.weight.shape == (512, channels, 31, 31)
    assert front.voneblock.gain == EVNET_VARIANTS[variant].gain
    counts = front.voneblock.gabors["colour"].value_counts().sort_index().tolist()
    expected = {"no_p": [512], "no_m": [174, 174, 164]}.get(variant, [128] * 4)
    assert counts == expected
    assert torch.isfinite(network(noise_images(1, 3, 64, 64))).all()


def test_without_noise_means_without_subcortical_noise():
    network = evnet_resnet50(pixels=64, num_classes=2, variant="no_noise", noise=True)
    images = noise_images(1, 3, 64, 64)
    lgn = network.subcorticalblock(images)
    assert torch.equal(lgn, network.subcorticalblock(images))
    assert not torch.equal(network.voneblock(lgn), network.voneblock(lgn))
    assert network.voneblock.noise_scale == 1


def test_subcortical_cells_reach_v2_past_v1():
    network = evnet_resnet50(pixels=64, num_classes=2, variant="lgn_to_v2").eval()
    block = network.evblock
    images = noise_images(1, 3, 64, 64)
    lgn = block.subcorticalblock(images)
    seen = block(images)
    assert block.bottleneck.weight.shape == (60, 512, 1, 1)
    assert seen.shape == (1, 64, 16, 16)
    assert torch.equal(seen[:, :60], block.bottleneck(block.voneblock(lgn)))
    # The largest of 5 x 5 responses around every fourth.
    assert seen[0, 60:, 3, 5].tolist() == lgn[0, :, 10:15, 18:23].amax((1, 2)).tolist()
    assert torch.equal(network.model(seen), network(images))


def test_evnet_variants_load_by_name():
    model = load_model("evnet_resnet50", pixels=64, variant="lgn_to_v2", num_classes=2)
    assert model.card.layers == ("evblock.voneblock",)


def test_noise_of_evnet_is_in_both_stages():
    network = evnet_resnet50(pixels=64, num_classes=2, noise=True).eval()
    images = noise_images(1, 3, 64, 64)
    lgn = network.subcorticalblock(images)
    assert not torch.equal(lgn, network.subcorticalblock(images))
    v1 = network.voneblock(lgn)
    assert not torch.equal(v1, network.voneblock(lgn)) and bool((v1 < 0).any())


@pytest.mark.parametrize("variant", ["standard", "no_contrast_normalization", "lgn_to_v2"])
def test_released_weights_of_evnet_load(variant):
    network, trained = (
        evnet_resnet50(pixels=64, num_classes=2, seed=seed, variant=variant) for seed in (0, 1)
    )
    own = trained.state_dict()
    released = {name: own[name] for name in own if "subcorticalblock." not in name}
    within = "evblock.subcorticalblock" if variant == "lgn_to_v2" else "subcorticalblock"
    block = trained.get_submodule(within)
    block.gain *= 0.9
    parts = {"k_exc": block.gain[None]}
    for index, part in enumerate(block.pathways):
        parts[f"dog.multi_conv.convs.{index}.weight"] = part.center_surround
    if variant != "no_contrast_normalization":
        block.exponent *= 0.9
        parts["contrast_norm.c50"] = block.semisaturation[None]
        parts["contrast_norm.n"] = block.exponent[None]
        for index, part in enumerate(block.pathways):
            parts[f"contrast_norm.multi_conv.convs.{index}.weight"] = part.pool
    fit_weights(network, released | {f"{within}.{name}": value for name, value in parts.items()})
    images = noise_images(1, 3, 64, 64)
    assert torch.equal(network.eval()(images), trained.eval()(images))


def test_released_weights_of_vonenet_load(tmp_path):
    options = {"num_classes": 3, "simple_channels": 4, "complex_channels": 4}
    trained = vone_resnet50(seed=5, **options).eval()
    state = {f"module.{name}": value for name, value in trained.state_dict().items()}
    torch.save({"state_dict": state, "flags": {"stride": 4}}, tmp_path / "vone.pth")
    model = load_model("vone_resnet50", tmp_path / "vone.pth", **options)
    images = noise_images(1, 3, 64, 64)
    assert model.card.trained is True
    assert torch.equal(model(images), trained((images - 0.5) / 0.5))
    with pytest.raises(UserError, match="512 x 3 x 25 x 25 in the model"):
        load_model("vone_resnet50", tmp_path / "vone.pth", num_classes=3)


@pytest.mark.parametrize(("mode", "total"), [("corrected", 1), ("as_released", 0.8 * 16)])
def test_divisive_normalization_behind_the_block(mode, total):
    model = vone_dn(simple_channels=8, complex_channels=8, mode=mode)
    images = noise_images(1, 1, 64, 64) - 0.5
    drive = model.vone_block(images)
    assert drive.shape == (1, 16, 32, 32)
    kernels = model.normalization.kernels()
    assert kernels.shape == (16, 16, 25, 25)
    assert float(kernels.detach().sum((1, 2, 3)).mean()) == pytest.approx(total, rel=0.2)
    pooled = torch.nn.functional.conv2d(drive, kernels, padding=12)
    torch.testing.assert_close(model(images), drive / (1 + pooled))
    assert bool((model.normalization.rho >= 2).all() and (model.normalization.rho <= 6).all())


def test_divisive_normalization_follows_cells_of_all_frequencies():
    drawn = sample_gabor_parameters(20000, spatial_frequency_max=11.3)
    assert (drawn["spatial_frequency"] > 8).mean() == pytest.approx(8 / 147, abs=0.01)


# By name


@pytest.mark.parametrize(
    ("name", "layer", "pixels", "degrees", "mean"),
    [
        ("vone_resnet50", "vone_block", 224, 8, (0.5,) * 3),
        ("evnet_resnet50", "voneblock", 224, 7, (0.0,) * 3),
        ("vone_dn", "normalization", 256, 8, (0.5,)),
    ],
)
def test_front_ends_load_with_their_card(name, layer, pixels, degrees, mean):
    card = load_model(name).card
    assert card.layers == (layer,) and card.mean == mean
    assert (card.display.height, card.display.degrees[0]) == (pixels, degrees)
    assert card.caution.startswith("UNTRAINED") and "random behind" in card.caution
    assert card.drawn_in_degrees


def test_without_light_adaptation_images_are_normalised():
    model = load_model("evnet_resnet50", pixels=64, variant="no_light_adaptation")
    assert model.card.mean == model.card.std == (0.5,) * 3


def test_layers_of_a_network_behind_a_front_end():
    model = load_model("vone_resnet50", simple_channels=4, complex_channels=4, num_classes=2)
    table = layer_table(model).set_index("layer")
    assert table.loc["vone_block", "shape"] == (8, 56, 56)
    assert table.loc["model.layer1", "shape"] == (256, 56, 56)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "evnet_resnet50",
            {"variant": "no_v1"},
            "variant must be one of standard, .*; got 'no_v1'",
        ),
        ("evnet_resnet50", {"num_classes": 0}, "num_classes must be at least 1; got 0"),
        ("vone_resnet50", {"mode": "released"}, "mode must be one of corrected, as_released"),
        ("vone_resnet50", {"strid": 4}, "does not take the options {'strid': 4}"),
        ("vone_dn", {"mode": "new"}, "mode must be one of corrected, as_released; got 'new'"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(UserError, match=message):
        load_model(name, **options)
