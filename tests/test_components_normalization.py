"""Tuned and divisive normalization: what follows from the formulas, in either mode."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from insilico.models.components import DivisiveNormalization, TunedNormalization

POOLS = ("opponent", "similar", "learned")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tuned(channels, *, sigmas=None, **options):
    component = TunedNormalization(channels, generator=seeded(), **options)
    component = component.double().requires_grad_(False)
    if sigmas is not None:
        component.sigmas.copy_(torch.as_tensor(sigmas))
    return component


def signed(*shape, seed=0):
    return torch.randn(shape, generator=seeded(seed)).double()


@given(
    widths=st.lists(st.floats(-10, 1e3), min_size=1, max_size=9),
    pool=st.sampled_from(["opponent", "similar"]),
)
def test_corrected_rows_sum_to_one_for_any_widths(widths, pool):
    weights = tuned(len(widths), pool=pool, sigmas=widths).weights()
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(len(widths)).double())


def test_rows_of_a_learned_table_sum_to_one():
    component = tuned(6, pool="learned")
    component.table.copy_(10 * signed(6, 6))
    torch.testing.assert_close(component.weights().sum(1), torch.ones(6).double())


def test_a_learned_pool_starts_as_the_opponent_one():
    torch.testing.assert_close(
        tuned(8, pool="learned").weights(), tuned(8).weights(), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("channels", [2, 8, 64])
def test_equal_widths_give_the_released_weights(channels):
    sigmas = torch.full((channels,), 3.0)
    torch.testing.assert_close(
        tuned(channels, sigmas=sigmas).weights(),
        tuned(channels, sigmas=sigmas, mode="as_released").weights(),
    )


@pytest.mark.parametrize("pool", POOLS[:2])
@pytest.mark.parametrize("channels", [7, 8])
def test_a_shift_of_the_channels_shifts_the_result(pool, channels):
    sigmas = 0.5 + torch.rand(channels, generator=seeded())
    maps = signed(2, channels, 3, 4)
    found = tuned(channels, pool=pool, sigmas=sigmas.roll(2))(maps.roll(2, 1))
    expected = tuned(channels, pool=pool, sigmas=sigmas)(maps).roll(2, 1)
    torch.testing.assert_close(found, expected)
    assert (expected - expected.roll(1, 1)).abs().max() > 0.1


def test_which_channels_weigh_most():
    index = torch.arange(8)
    opponent, similar = (
        tuned(8, pool=pool, sigmas=torch.ones(8)).weights() for pool in ("opponent", "similar")
    )
    assert torch.equal(opponent.argmax(1), (index + 4) % 8)
    assert torch.equal(similar.argmax(1), index)
    torch.testing.assert_close(similar, opponent.roll(4, 1))


def test_a_width_belongs_to_the_output_when_corrected_and_to_the_input_as_released():
    for mode, own in (("corrected", lambda w: w), ("as_released", lambda w: w.mT)):
        before = own(tuned(8, mode=mode).weights())
        component = tuned(8, mode=mode)
        component.sigmas[3] += 1
        changed = (own(component.weights()) - before).abs().amax(1) > 1e-9
        assert changed.nonzero().flatten().tolist() == [3]


def test_weights_and_result_by_the_formula():
    component = tuned(4, sigmas=[1.0, 2.0, 0.1, 1.0])
    distance = torch.tensor([2.0, 1.0, 0.0, 1.0]).double()  # of inputs 0..3 from the opposite of 0
    gaussian = torch.exp(-(distance**2) / 2)
    torch.testing.assert_close(component.weights()[0], gaussian / gaussian.sum())
    # A width below the floor of 0.5 counts as 0.5.
    narrow = torch.exp(-(distance.roll(2) ** 2) / (2 * 0.25))
    torch.testing.assert_close(component.weights()[2], narrow / narrow.sum())
    maps = torch.tensor([3.0, -1.0, 2.0, 1.0]).double()
    expected = 3 / (1 + (gaussian / gaussian.sum() * maps.clamp(min=0)).sum())
    assert component(maps.view(1, 4, 1, 1))[0, 0, 0, 0] == pytest.approx(float(expected))


@pytest.mark.parametrize("pool", POOLS)
def test_the_corrected_denominator_is_at_least_one(pool):
    maps = 100 * signed(2, 8, 5, 5)
    component = tuned(8, pool=pool)
    assert (component(maps).abs() <= maps.abs()).all()
    released = tuned(8, mode="as_released")
    assert (released(maps).abs() > maps.abs()).any()


def test_rectified_maps_make_the_modes_differ_by_the_widths_alone():
    maps = signed(2, 8, 5, 5).relu()
    sigmas = torch.full((8,), 2.0)
    torch.testing.assert_close(
        tuned(8, sigmas=sigmas)(maps), tuned(8, sigmas=sigmas, mode="as_released")(maps)
    )


def test_released_columns_sum_to_one_and_rows_drift():
    component = tuned(256, mode="as_released")
    weights = component.weights()
    torch.testing.assert_close(weights.sum(0), torch.ones(256).double())
    assert (weights.sum(1) - 1).abs().max() < 0.0015
    assert weights.diagonal().mean() / weights.max() == pytest.approx(4e-4, rel=0.2)
    component.sigmas[:128], component.sigmas[128:] = 5, 60
    rows = component.weights().sum(1)
    assert float(rows.min()) == pytest.approx(0.58, abs=0.005)
    assert float(rows.max()) == pytest.approx(1.42, abs=0.005)
    component.sigmas[0::2], component.sigmas[1::2] = 5, 60
    assert (component.weights().sum(1) - 1).abs().max() < 1e-5


def test_released_distance_is_asymmetric_for_an_odd_number():
    even, odd = (tuned(n, mode="as_released").channel_distances for n in (8, 7))
    assert torch.equal(even, even.mT)
    assert not torch.equal(odd, odd.mT)
    corrected = tuned(7).channel_distances
    assert torch.equal(corrected, corrected.mT)


@pytest.mark.parametrize("mode", ["corrected", "as_released"])
def test_initial_widths(mode):
    sigmas = TunedNormalization(256, mode=mode, generator=seeded()).sigmas
    assert 32 <= sigmas.min() < 32.05
    assert 32.95 < sigmas.max() <= 33


@pytest.mark.parametrize("extent", [0.3, 2.0, 50.0])
def test_a_pool_with_extent_keeps_constants_up_to_the_border(extent):
    constant = signed(1, 6, 1, 1).abs().expand(1, 6, 9, 5)
    torch.testing.assert_close(tuned(6, extent=extent)(constant), tuned(6)(constant))


def test_a_pool_with_extent_is_a_gaussian_in_space():
    # One channel, so that the pool is the blurred map: x / (1 + blur) gives the blur back.
    spot = torch.full((1, 1, 21, 21), 1e-9).double()
    spot[0, 0, 10, 10] = 1.0
    extent = 2.0
    pooled = spot / tuned(1, extent=extent)(spot) - 1
    offset = torch.arange(-10, 11).double()
    gaussian = torch.exp(-(offset**2) / (2 * extent**2))
    expected = gaussian[:, None] * gaussian / gaussian.sum() ** 2
    # In the interior the window that is normalised to one is all but complete.
    middle = slice(6, 15)
    torch.testing.assert_close(
        pooled[0, 0, middle, middle], expected[middle, middle], rtol=0.02, atol=1e-6
    )


def test_a_wide_pool_is_the_mean_of_the_map_and_a_narrow_one_the_site():
    maps = signed(1, 4, 6, 7).relu()
    # With unit widths the pool is linear in the maps: that of the mean is the mean of the pools.
    mean = maps.mean((2, 3), keepdim=True)
    pool = torch.einsum("oi,bihw->bohw", tuned(4).weights(), mean)
    torch.testing.assert_close(tuned(4, extent=1e4)(maps), maps / (1 + pool))
    torch.testing.assert_close(tuned(4, extent=0.05)(maps), tuned(4)(maps))


def divisive(channels, **options):
    component = DivisiveNormalization(channels, generator=seeded(), **options)
    return component.double().requires_grad_(False)


@pytest.mark.parametrize("kernel_size", [1, 3, 25])
def test_corrected_amplitude_is_the_weight_of_the_pair(kernel_size):
    component = divisive(6, kernel_size=kernel_size)
    component.A.copy_(signed(6, 6, 1, 1))
    component.rho[0] = -0.01  # below the floor
    torch.testing.assert_close(component.kernels().sum((2, 3)), component.A.abs()[:, :, 0, 0])


def test_corrected_pools_are_point_symmetric_ellipses():
    component = divisive(6, kernel_size=5)
    kernels = component.kernels()
    torch.testing.assert_close(kernels, kernels.flip(2, 3))
    component.theta += math.pi
    torch.testing.assert_close(component.kernels(), kernels)
    component.theta -= math.pi / 2
    assert (component.kernels() - kernels).abs().max() > 1e-3
    component.rho.data, component.sigma.data = component.sigma.data, component.rho.data
    torch.testing.assert_close(component.kernels(), kernels)


def test_an_elongated_pool_lies_along_its_angle():
    component = divisive(1, kernel_size=9)
    component.rho[:], component.sigma[:], component.theta[:] = 3, 0.4, 0
    kernel = component.kernels()[0, 0]
    assert kernel[4].sum() > 0.9 * kernel.sum()  # theta 0: along the row


def test_a_constant_is_divided_by_its_own_pool():
    component, level = divisive(4), 3.0
    maps = component(torch.full((1, 4, 7, 7), level).double())
    expected = level / (1 + level * component.A.abs().sum((1, 2, 3)))
    inside = maps[0, :, 1:-1, 1:-1]
    torch.testing.assert_close(inside, expected[:, None, None].expand_as(inside))


def test_corrected_division_never_amplifies():
    maps = 100 * signed(2, 4, 6, 6)
    assert (divisive(4)(maps).abs() <= maps.abs()).all()


def test_initial_pools():
    component = divisive(128)
    assert component.A.sum(1).mean() == pytest.approx(1, rel=0.03)
    assert component.A.min() >= 0
    for name, low, high in (
        ("rho", 0.24, 0.72), ("sigma", 0.24, 0.72), ("theta", 0, math.pi)
    ):  # fmt: skip
        drawn = getattr(component, name)
        assert low <= drawn.min() < low + 0.01
        assert high - 0.01 < drawn.max() <= high
    authors = divisive(128, amplitude_scale=1.0)
    assert authors.A.sum(1).mean() == pytest.approx(0.8 * 128, rel=0.03)


def test_at_the_authors_size_the_amplitude_is_theirs():
    """Theirs is abs(a) / (2 pi rho sigma) times the Gaussian."""
    component = divisive(8, kernel_size=25)
    assert 2 <= component.rho.min() <= component.rho.max() <= 6
    peak = component.A.abs() / (2 * math.pi * component.rho * component.sigma)
    ratio = peak[:, :, 0, 0] / component.kernels()[:, :, 12, 12]
    assert 0.93 <= ratio.min() <= ratio.max() <= 1.0


def test_released_pools_miss_their_kernel():
    component = divisive(256, mode="as_released")
    right, down = (
        component.v * component.theta.cos() - component.w * component.theta.sin(),
        component.v * component.theta.sin() + component.w * component.theta.cos(),
    )
    inside = ((right - 2).abs() <= 1.5) & ((down - 2).abs() <= 1.5)
    assert inside.double().mean() == pytest.approx(0.13, abs=0.005)
    assert component.kernels().sum((1, 2, 3)).mean() == pytest.approx(16.6, rel=0.02)
    kernels = component.kernels()
    assert (kernels - kernels.flip(2, 3)).abs().max() > 0.1


def test_initial_released_pools():
    component = divisive(64, mode="as_released")
    for name, low, high in (
        ("A", 0, 1), ("rho", 1, 2), ("sigma", 1, 2), ("theta", 0, 2 * math.pi)
    ):  # fmt: skip
        drawn = getattr(component, name)
        assert low <= drawn.min() < low + 0.01
        assert high - 0.01 < drawn.max() <= high
    for name in ("v", "w"):
        assert getattr(component, name).mean() == pytest.approx(1, abs=0.05)
        assert getattr(component, name).std() == pytest.approx(1, abs=0.05)
    assert 1 <= component.bias <= 2
