"""Centre-surround and local filters: what follows from the formulas, in either mode."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from insilico.models.components import CenterSurround, LocallyConnected2d
from insilico.models.components import local as local_module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def center_surround(*args, dtype=torch.float64, seed=0, **options):
    component = CenterSurround(*args, generator=seeded(seed), **options)
    return component.to(dtype).requires_grad_(False)


def mixed(kernels):
    """Which kernels have taps of both signs."""
    taps = kernels.flatten(2)
    return (taps.amin(2) < 0) & (taps.amax(2) > 0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-12)])
def test_corrected_kernels_give_nothing_to_a_uniform_field(dtype, tolerance):
    component = center_surround(16, dtype=dtype)
    # Widths out of range are as good as the floors.
    component.sigma1[:20], component.sigma2_scale[10:30] = -1, 0
    kernels = component.kernels()
    norms = torch.linalg.vector_norm(kernels, dim=(2, 3))
    assert (kernels.sum((2, 3)).abs() <= tolerance * norms).all()
    maps = component(torch.ones(1, 16, 9, 9, dtype=dtype))
    assert maps[:, :, 2:-2, 2:-2].abs().max() < 16 * tolerance


def test_single_precision_is_enough_for_the_narrowest_kernels():
    """Centre and surround of nearly one width, and much narrower than a tap."""
    component = center_surround(2)
    component.sigma1[:], component.sigma2_scale[:] = -1, 0
    expected = component.kernels()
    found = component.float().kernels()
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("balance", [0.0, 0.3, 0.9])
def test_balance_is_the_share_of_the_centre_that_the_surround_takes(balance):
    component = center_surround(4, balance=balance)
    full = center_surround(4)
    # The direction of a kernel, less its mean, is center - balance * surround: at 0 all centre.
    sums = component.kernels().sum((2, 3)) / component.total_scale.view(4, 4)
    assert (sums > 0).all()
    assert full.kernels().sum((2, 3)).abs().max() < 1e-12
    if balance == 0:
        squared = component.squared_distances
        center = torch.exp(-squared / component.sigma1).view(4, 4, 5, 5)
        gain = component.total_scale.view(4, 4, 1, 1)
        expected = gain * center / torch.linalg.vector_norm(center, dim=(2, 3), keepdim=True)
        torch.testing.assert_close(component.kernels(), expected)


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_corrected_gain_is_norm_and_polarity(radius):
    component = center_surround(16, radius=radius)
    kernels, gain = component.kernels(), component.total_scale.view(16, 16)
    torch.testing.assert_close(torch.linalg.vector_norm(kernels, dim=(2, 3)), gain.abs())
    assert torch.equal(kernels[:, :, radius, radius].sign(), gain.sign())
    for row in (0, -1):
        for column in (0, -1):
            assert torch.equal(kernels[:, :, row, column].sign(), -gain.sign())
    assert mixed(kernels).all()


def test_a_kernel_by_the_formula():
    component = center_surround(1, radius=1)
    component.sigma1[:], component.sigma2_scale[:], component.total_scale[:] = 1.0, 2.0, -3.0
    edge, corner = math.exp(-1), math.exp(-2)
    center = torch.tensor([corner, edge, 1.0]).double() / (1 + 4 * edge + 4 * corner)
    edge, corner = math.exp(-0.5), math.exp(-1)
    surround = torch.tensor([corner, edge, 1.0]).double() / (1 + 4 * edge + 4 * corner)
    difference = center - surround
    norm = (difference**2 * torch.tensor([4, 4, 1])).sum().sqrt()
    kernel = component.kernels()[0, 0]
    found = torch.stack([kernel[0, 0], kernel[0, 1], kernel[1, 1]])
    torch.testing.assert_close(found, -3 * difference / norm)


def test_only_as_released_does_one_pair_change_all_kernels():
    for mode, changes in (("corrected", 1), ("as_released", 16)):
        component = center_surround(4, mode=mode)
        before = component.kernels()
        component.sigma1[6] += 0.5
        changed = (component.kernels() != before).flatten(2).any(2)
        assert changed.sum() == changes
        assert changed[1, 2]  # row o * n + i


def test_released_kernels_have_one_sign_and_no_antagonism():
    component = center_surround(16, mode="as_released")
    kernels = component.kernels()
    gain = component.total_scale.view(16, 16, 1, 1)
    assert not mixed(kernels).any()
    # The surround is the larger one at every tap.
    assert torch.equal(kernels.sign(), -gain.sign().expand_as(kernels))


def test_released_taps_have_a_norm_of_one_over_all_kernels():
    kernels = center_surround(16, mode="as_released").kernels()
    torch.testing.assert_close((kernels**2).sum((0, 1)), torch.ones(5, 5).double())
    assert (kernels**2).sum((1, 2, 3)).mean() == pytest.approx(25 / 16)


def test_released_kernels_are_nearly_as_strong_in_the_corner_as_in_the_middle():
    strength = torch.stack(
        [
            center_surround(16, mode="as_released", seed=seed).kernels().abs().mean((0, 1))
            for seed in range(20)
        ]
    ).mean(0)
    assert strength[0, 0] == pytest.approx(0.0335, abs=0.001)
    assert strength[2, 2] == pytest.approx(0.0429, abs=0.001)


def test_corrected_initialisation_keeps_the_variance_of_white_input():
    maps = torch.randn(20, 16, 32, 32, generator=seeded()).double()
    gains = [
        float(center_surround(16, seed=seed)(maps[seed, None])[..., 2:-2, 2:-2].std())
        for seed in range(20)
    ]
    assert sum(gains) / 20 == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    ("mode", "ratios", "gain"), [("corrected", (1.01, 2), 0.25), ("as_released", (1, 2), 2)]
)
def test_initial_widths_and_gains(mode, ratios, gain):
    component = center_surround(16, mode=mode)
    for name, (low, high) in {"sigma1": (1, 2), "sigma2_scale": ratios}.items():
        drawn = getattr(component, name)
        assert low <= drawn.min() < low + 0.05
        assert high - 0.05 < drawn.max() <= high
    assert component.total_scale.std() == pytest.approx(gain, rel=0.15)
    assert abs(component.total_scale.mean()) < 0.2 * gain


def test_channels_beyond_the_filtered_ones_pass():
    component = center_surround(3)
    maps = torch.randn(2, 5, 6, 7, generator=seeded()).double()
    assert torch.equal(component(maps)[:, 3:], maps[:, 3:])
    torch.testing.assert_close(component(maps)[:, :3], component(maps[:, :3]))


def test_kernels_of_half_precision_parameters_are_computed_in_single():
    component = center_surround(16, dtype=torch.float16)
    assert component.kernels().dtype == torch.float32
    assert component.kernels().sum((2, 3)).abs().max() < 1e-4


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("size", [(1, 1), (9, 4), (16, 16), (19, 3)])
def test_equal_local_filters_are_a_convolution(kernel_size, size):
    filters = torch.randn(5, 3, kernel_size, kernel_size, generator=seeded()).double()
    component = LocallyConnected2d(3, 5, size, kernel_size=kernel_size).double()
    with torch.no_grad():
        component.weight.copy_(filters.flatten(2)[None, :, :, None, None])
    maps = torch.randn(2, 3, *size, generator=seeded(1)).double()
    expected = functional.conv2d(maps, filters, padding=kernel_size // 2)
    torch.testing.assert_close(component(maps), expected)


def test_local_gradients_are_those_of_the_product_summed():
    """On maps that do not divide into bands, against the plain form under autograd."""
    size = (11, 6)
    component = LocallyConnected2d(3, 4, size, generator=seeded()).double()
    maps = torch.randn(2, 3, *size, generator=seeded(1)).double().requires_grad_()
    seen = functional.unfold(maps, 3, padding=1).view(2, 1, 3, 9, *size).movedim(3, 5)
    plain = (seen * component.weight).sum((2, 5))
    torch.testing.assert_close(component(maps), plain)
    above = torch.randn(plain.shape, generator=seeded(2)).double()
    expected = torch.autograd.grad(plain, (maps, component.weight), above)
    found = torch.autograd.grad(component(maps), (maps, component.weight), above)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("bands", [1, 2, 5])
def test_local_filters_do_not_depend_on_the_bands(bands, monkeypatch):
    component = LocallyConnected2d(3, 4, (11, 6), generator=seeded()).double()
    maps = torch.randn(2, 3, 11, 6, generator=seeded(1)).double().requires_grad_()
    parts = (maps, component.weight)
    expected = component(maps)
    of_expected = torch.autograd.grad(expected.sum(), parts)
    monkeypatch.setattr(local_module, "BANDS", bands)
    torch.testing.assert_close(component(maps), expected, rtol=0, atol=0)
    torch.testing.assert_close(torch.autograd.grad(component(maps).sum(), parts), of_expected)


def test_a_gpu_is_given_as_few_bands_as_its_memory_allows(monkeypatch):
    maps = torch.zeros(4, 8, 16, 16, device="meta")
    assert local_module._bands(maps, 9) == [slice(0, 16)]
    monkeypatch.setattr(local_module, "DEVICE_BAND_BYTES", maps.numel() * 4 * 9 // 3)
    assert local_module._bands(maps, 9) == [slice(0, 6), slice(6, 12), slice(12, 16)]
    monkeypatch.setattr(local_module, "DEVICE_BAND_BYTES", 1)
    assert len(local_module._bands(maps, 9)) == 16


def test_initial_local_weights_have_the_spread_of_the_convolution_in_their_place():
    rectified = torch.randn(32, 64, 16, 16, generator=seeded()).relu()
    component = LocallyConnected2d(64, 64, 16, generator=seeded(1)).requires_grad_(False)
    shared = torch.empty(64, 64, 3, 3)
    torch.nn.init.kaiming_normal_(shared, mode="fan_out", generator=seeded(2))
    assert component.weight.std() == pytest.approx(0.0589, rel=0.001)
    assert component.weight.std() == pytest.approx(float(shared.std()), rel=0.02)
    spread = component(rectified)[..., 1:-1, 1:-1].std()
    shared_spread = functional.conv2d(rectified, shared).std()
    assert spread == pytest.approx(float(shared_spread), rel=0.05)
    released = LocallyConnected2d(64, 64, 16, mode="as_released", generator=seeded(1))
    released.requires_grad_(False)
    assert released.weight.std() == pytest.approx(1, rel=0.001)
    assert released(rectified).std() == pytest.approx(16, rel=0.06)


def test_initial_local_biases():
    options = {"bias": True, "generator": seeded()}
    assert not LocallyConnected2d(2, 8, 16, **options).bias.any()
    released = LocallyConnected2d(2, 8, 16, mode="as_released", **options).bias
    assert released.detach().std() == pytest.approx(1, rel=0.06)


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        storages = [leaf.untyped_storage() for leaf in tree_leaves(made) if torch.is_tensor(leaf)]
        self.elements = max([self.elements, *(storage.nbytes() // 4 for storage in storages)])
        return made


def test_the_product_of_input_and_weights_is_never_made():
    component = LocallyConnected2d(8, 8, 16)
    maps = torch.rand(32, 8, 16, 16, requires_grad=True)
    product = 32 * component.weight.numel()
    plain = functional.unfold(maps, 3, padding=1).view(32, 1, 8, 9, 16, 16).movedim(3, 5)
    with LargestTensor() as largest:
        (plain * component.weight).sum((2, 5))
    assert largest.elements == product
    with LargestTensor() as largest:
        component(maps).sum().backward()
    assert largest.elements == component.weight.numel()


@pytest.mark.slow
def test_the_benchmark_meets_its_targets():
    folder = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, folder / "benchmarks" / "components.py", "--json"],
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    found = json.loads(done.stdout)
    local = found["local"]
    for step in ("forward", "forward_backward"):
        assert local[step]["speedup"] >= 3
        assert local["peak_memory"][step] <= 3
    assert found["magnification"]["speedup"] > 10
