"""What holds for every component: published values, gradients, precision, export, bad input."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from insilico.models.components import (
    CenterSurround,
    CorticalMagnification,
    DivisiveNormalization,
    LocallyConnected2d,
    TunedNormalization,
)
from insilico.models.components.subcortical import SubcorticalBlock

GOLDEN = np.load(Path(__file__).parent / "data" / "components.npz")
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
SHAPE = (4, 6, 5)  # channels, height, width of the maps that every component below takes

COMPONENTS = {
    "center_surround": lambda **mode: CenterSurround(3, radius=1, **mode),
    "local": lambda **mode: LocallyConnected2d(4, 3, (6, 5), bias=True, **mode),
    "tuned": lambda **mode: TunedNormalization(4, **mode),
    "divisive": lambda **mode: DivisiveNormalization(4, **mode),
    "magnification": lambda **mode: CorticalMagnification((6, 5), **mode),
}
BEYOND = {
    "similar": lambda: TunedNormalization(4, pool="similar"),
    "learned": lambda: TunedNormalization(4, pool="learned"),
    "extent": lambda: TunedNormalization(4, extent=1.5),
    "log_polar": lambda: CorticalMagnification((6, 5), density="inverse_square"),
}
EVERY = [
    *(
        pytest.param(lambda make=make, mode=mode: make(mode=mode), id=f"{name}-{mode}")
        for name, make in COMPONENTS.items()
        for mode in ("corrected", "as_released")
    ),
    *(pytest.param(make, id=name) for name, make in BEYOND.items()),
]


def golden(case):
    return {
        name.removeprefix(f"{case}."): GOLDEN[name]
        for name in GOLDEN.files
        if name.startswith(f"{case}.")
    }


def error(value, expected):
    return np.abs(np.asarray(value) - expected).max() / np.abs(expected).max()


def fill(component, **values):
    """Set parameters, in any shape of as many numbers."""
    component.double().requires_grad_(False)
    for name, value in values.items():
        parameter = getattr(component, name)
        parameter.copy_(torch.as_tensor(value).reshape(parameter.shape))
    return component


def positive(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("case", ["dog", "dog_part"])
def test_center_surround_is_the_published_one(case):
    expected = golden(case)
    names = ("sigma1", "sigma2_scale", "total_scale")
    component = fill(
        CenterSurround(len(expected["sigma1"]), radius=int(expected["k"]), mode="as_released"),
        **{name: expected[name] for name in names},
    )
    assert error(component.kernels(), expected["kernels"]) < 1e-12
    assert error(component(torch.tensor(expected["x"])), expected["y"]) < 1e-12


@pytest.mark.parametrize("case", ["tuned_normalization", "tuned_normalization_odd"])
def test_tuned_normalization_is_the_published_one(case):
    expected = golden(case)
    component = TunedNormalization(len(expected["sigmas"]), mode="as_released")
    fill(component, sigmas=expected["sigmas"])
    assert error(component.weights(), expected["weights"]) < 1e-12
    assert error(component(torch.tensor(expected["x"])), expected["y"]) < 1e-12


@pytest.mark.parametrize("case", ["divisive_normalization", "divisive_normalization_k5"])
def test_divisive_normalization_is_the_published_one(case):
    expected = golden(case)
    names = ("A", "rho", "sigma", "theta", "v", "w", "bias")
    component = fill(
        DivisiveNormalization(
            len(expected["A"]), kernel_size=int(expected["k"]), mode="as_released"
        ),
        **{name: expected[name] for name in names},
    )
    assert error(component.kernels(), expected["kernels"]) < 1e-12
    assert error(component(torch.tensor(expected["x"])), expected["y"]) < 1e-12


@pytest.mark.parametrize("case", ["local", "local_bias"])
@pytest.mark.parametrize("mode", ["as_released", "corrected"])
def test_local_filters_are_the_published_ones_in_both_modes(case, mode):
    expected = golden(case)
    outputs, inputs, *size, _ = expected["weight"].shape
    parameters = {name: expected[name] for name in ("weight", "bias") if name in expected}
    component = fill(
        LocallyConnected2d(inputs, outputs, tuple(size), bias="bias" in expected, mode=mode),
        **parameters,
    )
    assert error(component(torch.tensor(expected["x"])), expected["y"]) < 1e-12


@pytest.mark.parametrize("case", ["polar", "polar_no_antialias", "polar_submitted"])
def test_magnification_is_the_published_one(case):
    expected = golden(case)
    component = CorticalMagnification(
        32,
        mode="as_released",
        antialias=bool(expected["antialias"]),
        pad_radius=bool(expected["pad_radius"]),
        dtype=torch.float64,
    )
    assert error(component(torch.tensor(expected["x"])), expected["y"]) < 1e-12


def test_the_two_released_resizes_differ_by_a_fifth():
    """What docs/components.md says of white noise in [0, 1]."""
    smooth, sharp = golden("polar"), golden("polar_no_antialias")
    assert np.array_equal(smooth["x"], sharp["x"])
    assert error(sharp["y"], smooth["y"]) == pytest.approx(0.183, abs=0.001)


@pytest.mark.parametrize("make", EVERY)
def test_no_constant_is_of_half_precision(make):
    """As the masks of the release are."""
    constants = [each for each in make().buffers() if each.is_floating_point()]
    assert all(each.dtype == torch.get_default_dtype() for each in constants)


@pytest.mark.parametrize("make", EVERY)
def test_gradients(make):
    component = make().double()
    maps = positive(2, *SHAPE).requires_grad_()
    names = [name for name, _ in component.named_parameters()]

    def outputs(maps, *parameters):
        state = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(component, state, (maps,))

    # Along random directions, not one parameter after the other; so closely that one parameter of
    # thousands shows in them.
    assert torch.autograd.gradcheck(
        outputs, (maps, *component.parameters()), fast_mode=True, atol=1e-8, rtol=1e-6
    )


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision(make, dtype):
    component = make()
    maps = positive(2, *SHAPE, dtype=torch.float32)
    with torch.no_grad():
        expected = component(maps)
        found = component.to(dtype)(maps.to(dtype))
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float64 else 0.03
    torch.testing.assert_close(
        found.float(), expected, rtol=tolerance, atol=tolerance * float(expected.abs().max())
    )


@pytest.mark.parametrize("make", EVERY)
def test_autocast_runs_forward_and_backward(make):
    torch.manual_seed(0)
    component = make()
    maps = positive(2, *SHAPE, dtype=torch.float32).requires_grad_()
    expected = component(maps).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = component(maps)
    found.float().square().mean().backward()
    gradients = [tensor.grad for tensor in (maps, *component.parameters())]
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)
    torch.testing.assert_close(
        found.float(), expected, rtol=0.03, atol=0.03 * float(expected.abs().max())
    )


@pytest.mark.parametrize("make", EVERY)
def test_export_with_any_batch(make):
    component = make()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(
        component, (positive(2, *SHAPE, dtype=torch.float32),), dynamic_shapes=({0: batch},)
    )
    maps = positive(5, *SHAPE, seed=1, dtype=torch.float32)
    torch.testing.assert_close(exported.module()(maps), component(maps))


def check_compiled(backend, tolerance):
    """Compile every component without a break, and compare results and gradients."""
    takes_images = pytest.param(lambda: SubcorticalBlock(pixels=16), id="subcortical")
    for parameter in (*EVERY, takes_images):
        (make,) = parameter.values
        component = make()
        shape = (3, 16, 16) if parameter is takes_images else SHAPE
        maps = positive(2, *shape, dtype=torch.float32).requires_grad_()
        sources = (maps, *component.parameters())
        torch.compiler.reset()
        compiled = torch.compile(component, fullgraph=True, backend=backend)
        found, expected = (
            (output, *torch.autograd.grad(output.square().sum(), sources))
            for output in (compiled(maps), component(maps))
        )
        torch.testing.assert_close(
            found, expected, rtol=tolerance, atol=tolerance,
            msg=lambda text, parameter=parameter: f"{parameter.id}: {text}",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "tolerance"),
    [
        ("aot_eager", 1e-5),
        # Released kernels are differences of nearly equal terms: gradients feel another rounding.
        pytest.param("inductor", 2e-3, marks=[pytest.mark.slow, NEEDS_COMPILER]),
    ],
)
def test_all_compile(backend, tolerance):
    # In a process of its own: no compiler can follow the checks that conftest.py installs.
    script = f"import test_components as each; each.check_compiled({backend!r}, {tolerance})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("make", EVERY)
def test_constants_are_buffers_that_follow_the_module_and_stay_out_of_its_state(make):
    component = make()
    assert set(component.state_dict()) == {name for name, _ in component.named_parameters()}
    assert all(parameter.requires_grad for parameter in component.parameters())
    on_meta = make().to("meta")
    assert on_meta(torch.empty(2, *SHAPE, device="meta")).device.type == "meta"
    # Anything that is not a buffer would have stayed behind, and failed above.
    assert all(not isinstance(value, torch.Tensor) for value in vars(component).values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("make", EVERY)
def test_results_on_a_gpu_are_those_of_the_processor(make):
    component = make().double()
    maps = positive(2, *SHAPE)
    expected = component(maps)
    torch.testing.assert_close(component.to("cuda")(maps.to("cuda")).cpu(), expected)


@pytest.mark.parametrize("make", EVERY)
def test_the_input_is_left_alone(make):
    maps = positive(2, *SHAPE, dtype=torch.float32) - 0.5
    before = maps.clone()
    make()(maps)
    assert torch.equal(maps, before)


@pytest.mark.parametrize("name", ["center_surround", "local", "tuned", "divisive"])
@pytest.mark.parametrize("mode", ["corrected", "as_released"])
def test_a_generator_alone_decides_the_initial_values(name, mode):
    def drawn(seed):
        return nn.utils.parameters_to_vector(
            COMPONENTS[name](mode=mode, generator=torch.Generator().manual_seed(seed)).parameters()
        )

    state = torch.get_rng_state()
    first, again, other = drawn(3), drawn(3), drawn(4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda mode: CenterSurround(16, mode=mode), {"corrected": 768, "as_released": 768}),
        (lambda mode: TunedNormalization(256, mode=mode), {"corrected": 256, "as_released": 256}),
        (
            lambda mode: DivisiveNormalization(256, mode=mode),
            {"corrected": 262_144, "as_released": 393_217},
        ),
        (
            lambda mode: LocallyConnected2d(64, 64, 16, mode=mode),
            {"corrected": 9_437_184, "as_released": 9_437_184},
        ),
        (lambda mode: CorticalMagnification(32, mode=mode), {"corrected": 0, "as_released": 0}),
    ],
)
@pytest.mark.parametrize("mode", ["corrected", "as_released"])
def test_parameter_counts(make, count, mode):
    assert sum(parameter.numel() for parameter in make(mode).parameters()) == count[mode]


def test_names_and_shapes_of_the_state_are_the_released_ones():
    def shapes(component):
        return {name: tuple(value.shape) for name, value in component.state_dict().items()}

    pairs = (256, 1, 1)
    assert shapes(CenterSurround(16)) == {
        "sigma1": pairs, "sigma2_scale": pairs, "total_scale": pairs
    }  # fmt: skip
    assert shapes(LocallyConnected2d(3, 5, 7)) == {"weight": (1, 5, 3, 7, 7, 9)}
    assert shapes(TunedNormalization(8)) == {"sigmas": (8,)}
    assert shapes(DivisiveNormalization(8, mode="as_released")) == {
        **dict.fromkeys(("A", "rho", "sigma", "theta", "v", "w"), (8, 8, 1, 1)),
        "bias": (1,),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CenterSurround(2, mode="fixed"), "mode must be one of corrected, as_released"),
        (lambda: CenterSurround(0), "filtered must be at least 1; got 0"),
        (lambda: CenterSurround(2, radius=0), "radius must be at least 1; got 0"),
        (lambda: CenterSurround(2, balance=1.5), "balance must lie between 0 and 1; got 1.5"),
        (
            lambda: CenterSurround(2, balance=0.5, mode="as_released"),
            "balance=0.5 needs mode='corrected'",
        ),
        (lambda: LocallyConnected2d(2, 2, 0), "height must be at least 1; got 0"),
        (lambda: LocallyConnected2d(2, 2, 4, kernel_size=2), "kernel_size must be odd; got 2"),
        (lambda: TunedNormalization(4, pool="own"), "pool must be one of opponent, similar, lear"),
        (lambda: TunedNormalization(4, extent=0.0), "extent must be positive, or None; got 0"),
        (
            lambda: TunedNormalization(4, pool="similar", mode="as_released"),
            "pool='similar' and extent=None need mode='corrected'",
        ),
        (lambda: DivisiveNormalization(4, kernel_size=4), "kernel_size must be odd; got 4"),
        (
            lambda: DivisiveNormalization(4, amplitude_scale=1.0, mode="as_released"),
            "amplitude_scale needs mode='corrected'",
        ),
        (lambda: CorticalMagnification(1), "at least 2 x 2 .* got 1 x 1 and 1 x 1"),
        (lambda: CorticalMagnification(8, fovea=0.0), "fovea must be positive; got 0"),
        (lambda: CorticalMagnification(8, density="flat"), "density must be one of inverse, inv"),
        (
            lambda: CorticalMagnification(8, density="inverse_square", mode="as_released"),
            "density='inverse_square' needs mode='corrected'",
        ),
        (
            lambda: CorticalMagnification(8, fovea=0.1),
            "fovea=0.1 needs density='inverse_square'",
        ),
        (
            lambda: CorticalMagnification(8, antialias=False),
            "antialias=False needs mode='as_released'",
        ),
        (
            lambda: CorticalMagnification(8, pad_radius=True),
            "pad_radius=True needs mode='as_released'",
        ),
        (
            lambda: CorticalMagnification(8, ring_edges=(0.0, 4.0)),
            r"ring_edges=\(0.0, 4.0\) needs mode='as_released'",
        ),
        (lambda: CorticalMagnification(8, sectors=8), "sectors=8 needs mode='as_released'"),
    ],
)
def test_bad_options_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("component", "shape", "message"),
    [
        (CenterSurround(4), (1, 3, 8, 8), r"at least as many; got shape \(1, 3, 8, 8\).*ed=3 or"),
        (
            LocallyConnected2d(2, 2, (8, 6)),
            (1, 2, 6, 8),
            r"maps of shape \(batch, 2, 8, 6\); got \(1, 2, 6, 8\)",
        ),
        (TunedNormalization(4), (1, 3, 8, 8), "made for 4 channels.*Make it with channels=3"),
        (DivisiveNormalization(4), (1, 3, 8, 8), "made for 4 channels.*Make it with channels=3"),
        (
            CorticalMagnification(8),
            (1, 3, 8, 7),
            r"made for maps of 8 x 8; got shape \(1, 3, 8, 7\).*size=\(8, 7\)",
        ),
    ],
)
def test_maps_that_do_not_fit_are_errors(component, shape, message):
    with pytest.raises(ValueError, match=message):
        component(torch.zeros(shape))


def test_a_printed_network_tells_the_modes():
    for make in COMPONENTS.values():
        assert "mode='as_released'" in repr(make(mode="as_released"))


def test_the_published_count_of_constants():
    """What the release registers as parameters, and buffers here: 41 and 65,536 per site."""
    center_surround, tuned = CenterSurround(16), TunedNormalization(256)
    assert center_surround.squared_distances.numel() + center_surround.filtered == 41
    assert tuned.channel_distances.numel() == math.prod((256, 256))
