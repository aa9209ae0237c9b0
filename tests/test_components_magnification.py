"""Cortical magnification: geometry, in either mode."""

import numpy as np
import pytest
import torch

from insilico.models.components import CorticalMagnification
from insilico.models.components.magnification import radial_profile
from insilico.models.components.polar import RELEASED_EDGES, released_cells, released_masks

RINGS = {"edges": RELEASED_EDGES, "sectors": 30}
SHELLS = [(0, 1), (1, 3), (3, 6), (6, 9), (9, 12), (12, 16), (16, 99)]


def magnification(size=32, **options):
    return CorticalMagnification(size, dtype=torch.float64, **options)


def matrix(size=32, **options):
    return magnification(size, **options).operator().numpy()


def picture(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


def eccentricity(*, centre):
    place = np.arange(32) - centre
    return np.hypot(place[:, None], place).ravel()


def used(weights, distance):
    """Mean weight of the pixels in shells of eccentricity."""
    total = weights.sum(0)
    return [total[(distance >= low) & (distance < high)].mean() for low, high in SHELLS]


SIZES = [(32, 16), ((7, 12), (5, 9)), ((2, 2), (1, 1)), (20, (4, 30)), ((9, 5), (20, 3))]
DENSITIES = ["inverse", "inverse_square"]


@pytest.mark.parametrize(("size", "output_size"), SIZES)
@pytest.mark.parametrize("density", DENSITIES)
def test_corrected_constants_are_preserved(size, output_size, density):
    weights = matrix(size, output_size=output_size, density=density)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-12)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("size", "output_size"), [(32, 16), (17, (6, 12)), (8, (5, 4))])
def test_turning_the_picture_shifts_the_columns(size, output_size, density):
    component = magnification(size, output_size=output_size, density=density)
    maps = picture(2, 3, size, size)
    quarter = component.output_size[1] // 4
    # Counter-clockwise; columns go counter-clockwise too.
    turned = component(torch.rot90(maps, dims=(2, 3)))
    torch.testing.assert_close(turned, component(maps).roll(quarter, 3), rtol=0, atol=1e-12)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("size", [32, 17, (9, 14)])
def test_mirroring_the_picture_reverses_the_columns(size, density):
    component = magnification(size, density=density)
    height, width = component.size
    maps = picture(2, 3, height, width)
    torch.testing.assert_close(component(maps.flip(2)), component(maps).flip(3), rtol=0, atol=1e-12)


def test_every_pixel_is_used_and_few_entries_are():
    component = magnification()
    assert (matrix().sum(0) > 0).all()
    # One entry of the 3,826 is as small as rounding.
    assert len(component.entries) == pytest.approx(3826, abs=2)
    assert len(magnification(mode="as_released").entries) == 4404


def test_corrected_rows_are_eccentricities():
    distance = (matrix() @ eccentricity(centre=15.5)).reshape(16, 16).mean(1)
    expected = [0.89, 1.79, 2.88, 3.98, 5.10, 6.22, 7.34, 8.46, 9.58, 10.70, 11.83, 12.95, 14.40,
                16.10, 17.01, 17.37]  # fmt: skip
    np.testing.assert_allclose(distance, expected, atol=0.006)


def test_released_rows_are_eccentricities():
    weights = matrix(mode="as_released")
    distance = (weights @ eccentricity(centre=16)).reshape(16, 16).sum(1)
    distance /= weights.sum(1).reshape(16, 16).sum(1)
    expected = [0.18, 1.48, 2.66, 3.72, 4.84, 5.98, 7.08, 8.26, 9.47, 10.64, 11.71, 12.81, 14.23,
                16.10, 17.85, 20.22]  # fmt: skip
    np.testing.assert_allclose(distance, expected, atol=0.006)


@pytest.mark.parametrize(
    ("options", "centre", "expected"),
    [
        ({}, 15.5, [3.48, 1.10, 0.50, 0.30, 0.22, 0.16, 0.14]),
        ({"density": "inverse_square"}, 15.5, [14.4, 2.02, 0.52, 0.20, 0.11, 0.085, 0.090]),
        ({"mode": "as_released"}, 16, [13.6, 1.20, 0.51, 0.30, 0.23, 0.12, 0.10]),
    ],
)
def test_magnification_falls_with_eccentricity(options, centre, expected):
    np.testing.assert_allclose(
        used(matrix(**options), eccentricity(centre=centre)), expected, rtol=0.03, atol=0.004
    )


def test_log_polar_density_is_the_inverse_square():
    """Areal density of rows between 2 and 16 px falls as 1 / (r (r + fovea))."""
    edges = radial_profile(400, 16.0, density="inverse_square")
    middle, area = (edges[1:] + edges[:-1]) / 2, np.diff(edges**2)
    density = 1 / area
    kept = (middle > 2) & (middle < 16)
    constant = (density * middle * (middle + 1))[kept]
    np.testing.assert_allclose(constant, constant.mean(), rtol=0.001)


def test_the_default_profile_is_that_of_the_release():
    np.testing.assert_allclose(radial_profile(18, 16.0), RELEASED_EDGES)
    np.testing.assert_allclose(radial_profile(18, 56.0), np.array(RELEASED_EDGES) * 3.5)


def test_corrected_angles_are_true():
    place = np.arange(32) - 15.5
    cosine = place / np.hypot(place[:, None], place)
    edges = 2 * np.pi * np.arange(17) / 16
    mean = np.diff(np.sin(edges)) / np.diff(edges)
    centre = np.cos((edges[1:] + edges[:-1]) / 2)
    found = (matrix() @ cosine.ravel()).reshape(16, 16)[1:]
    assert np.abs(found - mean).max() == pytest.approx(0.0350, abs=0.0005)
    assert np.abs(found - centre).max() == pytest.approx(0.0413, abs=0.0005)


def test_row_0_is_the_centre_and_column_0_is_to_the_right():
    maps = torch.zeros(1, 1, 32, 32).double()
    maps[0, 0, 12, 26] = 1  # to the right, and a little up
    response = magnification()(maps)[0, 0].numpy()
    row, column = np.unravel_index(response.argmax(), response.shape)
    assert column == 0
    assert 8 <= row <= 9
    maps = torch.zeros(1, 1, 32, 32).double()
    maps[0, 0, 5, 15] = 1  # up
    assert magnification()(maps)[0, 0].amax(0).argmax() in (3, 4)


def test_released_sectors_that_hold_pixels():
    filled = released_masks((32, 32), **RINGS).any((2, 3)).sum(1)
    assert filled.tolist() == [1, 8, 16, 20, 24, *[30] * 10, 25, 14, 6]


def test_released_outer_rings_keep_empty_sectors():
    cells = released_cells((32, 32), **RINGS)
    empty = (cells.sum(1) == 0).reshape(18, 30).sum(1)
    assert empty.tolist() == [0] * 16 + [16, 24]


def test_released_constants_are_lost_in_the_outer_rows():
    image = magnification(mode="as_released")(torch.ones(1, 1, 32, 32).double())[0, 0]
    assert image.min() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(image[:12], torch.ones(12, 16).double(), rtol=0, atol=1e-3)
    assert image[14].min() == pytest.approx(0.25, abs=0.01)
    assert image[15].min() == pytest.approx(0, abs=1e-12)


def test_released_angles_are_off_where_sectors_are_empty():
    place = np.arange(32) - 16
    angle = np.arctan2(-place[:, None], place)
    cells = (released_cells((32, 32), **RINGS) @ np.cos(angle).ravel()).reshape(18, 30)
    centres = np.cos(2 * np.pi * (np.arange(30) + 0.5) / 30)
    error = np.abs(cells - centres).max(1)
    np.testing.assert_allclose(error[[1, 2, 3, 15]], [0.38, 0.25, 0.16, 0.57], atol=0.006)
    assert (error[[0, 16, 17]] > 0.9).all()


def test_released_columns_meet_at_a_seam():
    """Columns are 24 deg apart, the first and the last both at angle 0: reflected padding."""
    edge = magnification(mode="as_released").operator().view(16, 16, 32, 32)
    right = edge[3:10, :, :, 16:].sum((0, 2, 3))
    assert right[[0, 15]].min() > right[1:15].max() * 0.999
    place = torch.arange(32) - 16.0
    angle = torch.atan2(-place[:, None], place).double()
    ring = edge[8]
    direction = torch.atan2((ring * angle.sin()).sum((1, 2)), (ring * angle.cos()).sum((1, 2)))
    step = torch.rad2deg(direction).remainder(360)[2:14].diff()
    assert step.mean() == pytest.approx(24, abs=0.2)


def test_antialiasing_of_the_release_matters():
    noise = picture(20, 1, 32, 32) - 0.5
    sharp, smooth = (
        magnification(mode="as_released", antialias=antialias)(noise) for antialias in (False, True)
    )
    assert (sharp - smooth).abs().max() / smooth.abs().max() > 0.1


def test_an_edge_at_45_degrees_is_that_of_single_precision():
    masks = released_masks((32, 32), edges=RELEASED_EDGES, sectors=8)
    sector = {  # one up per step to the side, about the pixel (16, 16)
        (row, column): int(masks[:, :, row, column].sum(0).argmax())
        for row, column in [(13, 19), (13, 13), (19, 13), (19, 19), (16, 20), (12, 16)]
    }
    assert list(sector.values()) == [0, 3, 5, 7, 0, 2]


def test_released_rings_grow_with_the_map():
    large = magnification(64, mode="as_released")
    assert large.output_size == (32, 32)
    middle = large(torch.ones(1, 1, 64, 64).double())[0, 0, 1:24]
    torch.testing.assert_close(middle, torch.ones_like(middle), rtol=0, atol=1e-3)


@pytest.mark.parametrize("mode", ["corrected", "as_released"])
def test_the_sparse_product_is_the_matrix_product(mode):
    component = magnification((10, 13), mode=mode)
    maps = picture(2, 3, 10, 13)
    expected = maps.flatten(2) @ component.operator().T
    torch.testing.assert_close(component(maps).flatten(2), expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_matrix_with_its_zeros_gives_the_same(layout):
    component = magnification((32, 20), output_size=(16, 9))
    maps = picture(2, 5, 32, 20).to(memory_format=layout)
    dense = component._dense(maps)
    torch.testing.assert_close(dense, component(maps))
    assert dense.is_contiguous(memory_format=torch.channels_last)


def test_a_nan_reaches_the_cells_that_see_it_and_no_other():
    """So the receptive fields behind a magnified map can be proven; 0 * NaN would fill them all."""
    component = magnification()
    maps = torch.zeros(1, 2, 32, 32).double()
    maps[0, 1, 7, 20] = torch.nan
    lost = component(maps).isnan()
    sees = component.operator()[:, 7 * 32 + 20] != 0
    assert not lost[0, 0].any()
    assert torch.equal(lost[0, 1].flatten(), sees)


def test_a_large_map_stays_sparse():
    component = CorticalMagnification(112)
    assert component.output_size == (56, 56)
    assert sum(buffer.nbytes for buffer in component.buffers()) < 1e6
    maps = component(torch.ones(1, 2, 112, 112))
    torch.testing.assert_close(maps, torch.ones(1, 2, 56, 56))


def test_half_of_an_odd_size_is_rounded_up_as_in_the_pooling_it_replaces():
    maps = torch.zeros(1, 1, 15, 8)
    pooled = torch.nn.functional.max_pool2d(maps, 3, 2, 1)
    assert CorticalMagnification((15, 8))(maps).shape == pooled.shape
