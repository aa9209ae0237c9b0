"""VOneBlock: published values, and what follows from the formulas."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from insilico.models.front_ends.vone import (
    VOneBlock,
    add_noise,
    gabor_filters,
    sample_gabor_parameters,
)
from stimuli import Display, grating

GOLDEN = np.load(Path(__file__).parent / "data" / "voneblock.npz")
CASES = ("voneblock", "voneblock_noise", "voneblock_gaussian")


def golden(case):
    return {
        name.removeprefix(f"{case}."): GOLDEN[name]
        for name in GOLDEN.files
        if name.startswith(f"{case}.")
    }


def error(value, expected):
    return np.abs(np.asarray(value) - expected).max() / np.abs(expected).max()


def published_block(expected, **options):
    """A block with the filters of a published case, loaded as published weights would be."""
    block = VOneBlock(
        simple_channels=int(expected["simple_channels"]),
        complex_channels=int(expected["complex_channels"]),
        kernel_size=int(expected["ksize"]),
        stride=int(expected["stride"]),
        gain=float(expected["gain"]),
        **options,
    ).double()
    state = {}
    for bank in ("q0", "q1"):
        weight = torch.zeros_like(block.simple_conv_q0.weight)
        rows = torch.arange(len(weight))
        weight[rows, expected[f"channel_{bank}"]] = torch.tensor(expected[f"gabor_{bank}"]).double()
        state[f"simple_conv_{bank}.weight"] = weight
    block.load_state_dict(state)
    return block


def dense(block, images):
    """The responses by the formula, without any of the block's short cuts."""
    even, odd = (
        functional.conv2d(images, bank.weight, stride=block.stride, padding=12)
        for bank in (block.simple_conv_q0, block.simple_conv_q1)
    )
    n = block.simple_channels
    energy = torch.sqrt(even[:, n:] ** 2 + odd[:, n:] ** 2) / math.sqrt(2)
    return block.gain * torch.cat([even[:, :n].relu(), energy], dim=1)


@pytest.mark.parametrize("case", ["gabor_parameters", "gabor_parameters_sf6"])
def test_a_seed_gives_the_published_parameters(case):
    expected = golden(case)
    drawn = sample_gabor_parameters(
        int(expected["n"]),
        seed=int(expected["seed"]),
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
    }.items():
        np.testing.assert_allclose(drawn[name], expected[theirs], rtol=1e-12, err_msg=name)


def test_parameters_follow_the_published_histograms():
    drawn = sample_gabor_parameters(20000, seed=3)
    assert drawn["orientation"].between(0, 180, inclusive="left").all()
    horizontal = (drawn["orientation"] + 22.5) % 180 < 45
    assert horizontal.mean() == pytest.approx(66 / 246, abs=0.01)
    octave = drawn["spatial_frequency"].between(2, 2.8)
    assert octave.mean() == pytest.approx(32 / 139, abs=0.01)
    middle = drawn["cycles_across"].between(10**-0.52, 10**-0.28)
    assert middle.mean() == pytest.approx(42 / 79, abs=0.01)
    elongated = drawn["cycles_along"][middle].between(10**-0.28, 10**-0.04)
    assert elongated.mean() == pytest.approx(17 / 42, abs=0.015)
    assert drawn["colour"].value_counts(normalize=True).to_numpy() == pytest.approx(1 / 3, abs=0.01)


def test_drawing_leaves_the_global_generators_alone():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    VOneBlock(simple_channels=2, complex_channels=2, mode="as_released", noise="neuronal")(
        torch.zeros(1, 3, 32, 32)
    )
    assert (np.random.get_state()[1] == before[0]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


def test_no_frequency_left_is_an_error():
    with pytest.raises(ValueError, match=r"no bin .* between 0 and 0\.6 cpd.*Widen"):
        sample_gabor_parameters(4, spatial_frequency_max=0.6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("bank", "turn"), [("q0", 0), ("q1", 90)])
def test_filters_are_the_published_ones(case, bank, turn):
    expected = golden(case)
    filters = gabor_filters(
        orientation=np.rad2deg(expected["theta"]),
        spatial_frequency=expected["sf"],
        phase=np.rad2deg(expected["phase"]) + turn,
        sigma_across=expected["sigma_x"],
        sigma_along=expected["sigma_y"],
        kernel_size=int(expected["ksize"]),
    )
    assert error(filters, expected[f"gabor_{bank}"]) < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_responses_are_the_published_ones(case):
    expected = golden(case)
    responses = published_block(expected)(torch.tensor(expected["x"]))
    assert error(responses, expected["y"]) < 1e-12


@pytest.mark.parametrize("case", CASES[1:])
def test_noisy_responses_are_the_published_ones(case):
    expected = golden(case)
    noisy = add_noise(
        torch.tensor(expected["y"]),
        torch.tensor(expected["noise"]),
        noise=str(expected["noise_mode"]),
        scale=float(expected["noise_scale"]),
        level=float(expected["noise_level"]),
    )
    assert error(noisy.relu(), expected["y_noise"]) < 1e-12


@pytest.mark.parametrize("mode", ["corrected", "as_released"])
@pytest.mark.parametrize("size", [(1, 1), (33, 40), (64, 64)])
def test_short_cuts_are_exact_at_any_size(mode, size):
    block = VOneBlock(simple_channels=7, complex_channels=9, mode=mode).double()
    images = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(block(images), dense(block, images), rtol=1e-12, atol=1e-12)


def test_filters_that_see_several_colours_are_run_on_all():
    block = VOneBlock(simple_channels=3, complex_channels=3).double()
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(weight.shape, generator=generator).double()
        for name, weight in block.state_dict().items()
    }
    block.load_state_dict(state)
    images = torch.randn(2, 3, 30, 30, generator=generator).double()
    torch.testing.assert_close(block(images), dense(block, images))


def test_state_has_the_published_names_and_shapes():
    state = VOneBlock().state_dict()
    assert {name: tuple(weight.shape) for name, weight in state.items()} == {
        "simple_conv_q0.weight": (512, 3, 25, 25),
        "simple_conv_q1.weight": (512, 3, 25, 25),
    }
    assert not list(VOneBlock(simple_channels=1, complex_channels=1).parameters())


@pytest.mark.parametrize("channels", [(5, 0), (0, 5)])
def test_simple_or_complex_cells_may_be_left_out(channels):
    block = VOneBlock(simple_channels=channels[0], complex_channels=channels[1])
    assert block(torch.rand(1, 3, 32, 32)).shape == (1, 5, 8, 8)


@pytest.mark.parametrize("orientation", [0.0, 20.0, 45.0, 90.0, 130.0, 175.0])
def test_orientation_is_that_of_the_bars(orientation):
    """The peak of the spectrum lies where the convention puts it: y up, counter-clockwise."""
    frequency = 0.2
    (kernel,) = gabor_filters(
        orientation=orientation,
        spatial_frequency=frequency,
        phase=30.0,
        sigma_across=5.0,
        sigma_along=5.0,
        kernel_size=63,
    )
    side = 1024
    power = np.abs(np.fft.fft2(kernel, (side, side)))
    down, right = np.unravel_index(power.argmax(), power.shape)
    down, right = (np.fft.fftfreq(side)[index] for index in (down, right))
    angle = (np.rad2deg(np.arctan2(-down, right)) + 90) % 180
    assert (angle - orientation + 90) % 180 - 90 == pytest.approx(0, abs=0.3)
    assert np.hypot(down, right) == pytest.approx(frequency, abs=1e-3)


def test_a_filter_prefers_the_grating_of_its_own_orientation_and_phase():
    """Gratings of the stimulus package, so that both agree on orientation, y and phase."""
    orientation, phase = 65.0, 40.0
    display = Display(height=63, width=63, px_per_deg=10)
    (kernel,) = gabor_filters(
        orientation=orientation,
        spatial_frequency=0.15,
        phase=phase,
        sigma_across=6.0,
        sigma_along=6.0,
        kernel_size=63,
    )
    for factor, best in (("orientation", orientation), ("phase", phase)):
        condition = {"orientation": orientation, "phase": phase, "spatial_frequency": 1.5}
        values = np.arange(0, 180 if factor == "orientation" else 360, 5.0)
        images = grating(display, **condition | {factor: values}) - 0.5
        assert values[np.einsum("nhw,hw->n", images[:, 0].numpy(), kernel).argmax()] == best


def test_the_envelope_has_unit_integral():
    (kernel,) = gabor_filters(
        orientation=30, spatial_frequency=0, phase=0, sigma_across=2, sigma_along=3, kernel_size=41
    )
    assert kernel.sum() == pytest.approx(1, abs=1e-9)


def test_corrected_complex_cells_do_not_care_about_phase():
    """As released, two complex cells in three combine different colours, and do care."""
    display = Display.square(pixels=64, degrees=64 / 28)

    def modulation(mode):
        block = VOneBlock(simple_channels=0, complex_channels=256, mode=mode)
        gabors = block.gabors
        # A filter of a few cycles that fits its kernel, is seen by red light, and whose partner
        # is or is not.
        suitable = (
            gabors["spatial_frequency"].between(2, 4)
            & gabors["cycles_across"].between(0.4, 0.6)
            & gabors["cycles_along"].between(0.2, 0.6)
            & (gabors["colour"] == 0)
            & ((gabors.get("colour_q1", 0) == 0) == (mode == "corrected"))
        )
        index = int(suitable.to_numpy().argmax())
        images = grating(
            display,
            orientation=gabors["orientation"][index],
            spatial_frequency=gabors["spatial_frequency"][index],
            phase=np.arange(0, 360, 30),
        )
        red = torch.cat([2 * images - 1, torch.zeros_like(images), torch.zeros_like(images)], 1)
        rates = block(red)[:, index, 8, 8]
        return float((rates.max() - rates.min()) / rates.max())

    assert modulation("corrected") < 0.1
    # |cos| at steps of 30 deg falls to at most cos(75 deg).
    assert modulation("as_released") > 0.7


def test_colours_of_a_pair_are_shared_only_when_corrected():
    corrected, released = VOneBlock(), VOneBlock(mode="as_released")

    def shared(block):
        colours = [
            (bank.weight != 0).flatten(2).any(2).int().argmax(1)
            for bank in (block.simple_conv_q0, block.simple_conv_q1)
        ]
        return (colours[0] == colours[1]).double().mean()

    assert shared(corrected) == 1
    assert shared(released) == pytest.approx(1 / 3, abs=0.08)
    columns = ["orientation", "phase", "spatial_frequency", "cycles_across", "cycles_along"]
    assert corrected.gabors[columns].equals(released.gabors[columns])


def test_responses_are_linear_in_contrast():
    block = VOneBlock(simple_channels=4, complex_channels=4).double()
    images = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(2)).double()
    torch.testing.assert_close(block(0.25 * images), 0.25 * block(images))


def test_a_nan_reaches_every_unit_that_sees_it_and_no_other():
    block = VOneBlock(simple_channels=8, complex_channels=8)
    images = torch.zeros(1, 3, 96, 96)
    row, column = 50, 41
    images[:, :, row, column] = torch.nan
    lost = block(images).isnan()
    centre = torch.arange(24) * 4
    sees = ((centre - row).abs() <= 12)[:, None] & ((centre - column).abs() <= 12)
    assert torch.equal(lost, sees.expand_as(lost))


def test_noise_is_off_by_default_and_follows_its_generator():
    images = torch.rand(2, 3, 32, 32)
    quiet = VOneBlock(simple_channels=4, complex_channels=4)
    assert torch.equal(quiet(images), quiet(images))
    noisy = VOneBlock(simple_channels=4, complex_channels=4, noise="neuronal", noise_seed=5)
    twin = copy.deepcopy(noisy)
    first = noisy(images)
    assert not torch.equal(first, noisy(images))
    assert torch.equal(first, twin(images))
    given = [noisy(images, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*given)
    assert (first >= 0).all()


def test_neuronal_noise_has_a_fano_factor_of_one():
    normal = torch.randn(200_000, generator=torch.Generator().manual_seed(0)).double()
    counts = add_noise(torch.full_like(normal, 9.0), normal, noise="neuronal", scale=1.0, level=0.0)
    assert counts.var() / counts.mean() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fixed"}, "mode must be one of corrected, as_released; got 'fixed'"),
        (
            {"noise": "poisson"},
            "noise must be None, 'neuronal', 'gaussian' or 'fano'; got 'poisson'",
        ),
        ({"kernel_size": 24}, "kernel_size must be odd.*got 24"),
    ],
)
def test_bad_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        VOneBlock(simple_channels=2, complex_channels=2, **options)


def test_grey_images_are_an_error():
    with pytest.raises(
        ValueError, match=r"3 colours.*got \(1, 1, 32, 32\).*Repeat a grey channel 3 times"
    ):
        VOneBlock(simple_channels=2, complex_channels=2)(torch.zeros(1, 1, 32, 32))
