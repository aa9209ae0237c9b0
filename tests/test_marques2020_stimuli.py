"""The published stimulus sets: tables, and pictures bit for bit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stimuli import Display, Position, Window
from stimuli.marques2020 import sets as published
from stimuli.marques2020.eight_bit import draw
from stimuli.marques2020.resize import bilinear_weights, resize

SETS = {
    published.receptive_field: 3528,
    published.orientation: 1152,
    published.spatial_frequency: 2112,
    published.size: 2304,
}
EXAMPLE = {
    "orientation": [30.0, 135.0],
    "spatial_frequency": [3.084, 1.542],
    "phase": [45.0, 270.0],
    "diameter": [3.364, 1.19],
}
# Pixels and degrees: half and seventh of the canvas, an odd crop, padding, growth, 1:1.
SCREENS = [(224, 8.0), (64, 8.0), (224, 7.0), (100, 5.25), (224, 16.0), (512, 8.0), (448, 8.0)]


def screen(pixels, degrees):
    return Display.square(pixels, degrees, background=published.BACKGROUND)


def grey(images):
    """Back to grey levels, checking that they are whole."""
    levels = images.numpy()[:, 0].astype(float) * 255
    assert np.allclose(levels, np.rint(levels), atol=1e-4)
    return np.rint(levels).astype(np.uint8)


@pytest.mark.parametrize(("make", "n"), SETS.items())
def test_sets_have_the_published_size_and_name_every_stimulus_once(make, n):
    stimuli = make(screen(224, 8.0), published.POSITION)
    assert len(stimuli) == n
    assert set(stimuli.conditions["contrast"]) == {1.0}
    assert stimuli.dims[-2:] == ("orientation", "phase")


@pytest.mark.parametrize("make", SETS)
def test_other_backgrounds_are_refused(make):
    with pytest.raises(ValueError, match=r"0\.501961; the display has 0\.5.*128 / 255"):
        make(Display.square(224, 8.0), published.POSITION)


def test_orientation_set_holds_whole_cycles():
    table = published.orientation(screen(224, 8.0)).conditions
    cycles = table["diameter"] * table["spatial_frequency"]
    np.testing.assert_allclose(cycles, table["cycles"])
    assert len(np.unique(table["diameter"].round(9))) == 9


def test_grids_are_as_published():
    size = published.size(screen(224, 8.0)).conditions
    radii = np.unique(size["diameter"]) / 2
    np.testing.assert_allclose(radii[[0, 5, 11]], [0.105, 0.595, 4.757], atol=5e-4)
    frequencies = np.unique(size["spatial_frequency"])
    np.testing.assert_allclose(frequencies, [0.771, 1.542, 3.084, 6.169], atol=5e-4)
    sweep = published.spatial_frequency(screen(224, 8.0)).conditions["spatial_frequency"]
    np.testing.assert_allclose([sweep.min(), sweep.max()], [0.386, 14.67], atol=5e-3)


def test_tables_keep_the_published_order():
    table = published.orientation(screen(224, 8.0)).conditions
    assert list(table["orientation"][:96:8]) == [*range(90, -1, -15), *range(165, 90, -15)]
    assert list(table["phase"][:8]) == [270, 315, 0, 45, 90, 135, 180, 225]


def test_map_offsets_are_y_up_from_the_published_origin():
    table = published.receptive_field(screen(224, 8.0)).conditions
    assert table["offset_y"].iloc[0] == 2.5
    assert table["offset_x"].iloc[0] == -2.5
    np.testing.assert_allclose(table["y"] - table["offset_y"], -1 / 112)
    np.testing.assert_allclose(table["x"] - table["offset_x"], 1 / 112)
    moved = published.receptive_field(screen(224, 8.0), Position(1.0, 1.0))
    pd.testing.assert_frame_equal(moved.conditions, table)


@given(
    orientation=st.sampled_from(list(np.arange(0.0, 180.0, 15.0))),
    phase=st.sampled_from(list(np.arange(0.0, 360.0, 45.0))),
)
def test_converted_gratings_are_the_same_sinusoid(orientation, phase):
    # The published formula, y down, against ours of docs/conventions.md, y up.
    table = pd.DataFrame(
        {
            "position_x": [0.0],
            "position_y": [0.0],
            "radius": [1.0],
            "spatial_frequency": [1.7],
            "orientation": [orientation],
            "phase": [phase],
            "contrast": [1.0],
        }
    )
    (ours,) = published.from_published(table).itertuples()
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    carrier = np.deg2rad(orientation)
    distance = x * np.cos(carrier) + y * np.sin(carrier)
    theirs = np.sin(2 * np.pi * 1.7 * distance + np.deg2rad(phase))
    axis = np.deg2rad(ours.orientation - 90)
    distance = x * np.cos(axis) - y * np.sin(axis)
    np.testing.assert_allclose(
        np.cos(2 * np.pi * 1.7 * distance + np.deg2rad(ours.phase)), theirs, atol=1e-12
    )


@pytest.mark.parametrize(("pixels", "degrees"), SCREENS)
def test_a_window_equals_the_same_part_of_the_whole(pixels, degrees):
    display = screen(pixels, degrees)
    place = {"x": published.POSITION.x, "y": published.POSITION.y}
    whole = draw(display, **EXAMPLE, **place).numpy()
    rng = np.random.default_rng(pixels)
    for _ in range(12):
        top, left = rng.integers(0, pixels - 1, 2)
        height, width = (int(rng.integers(1, pixels - start + 1)) for start in (top, left))
        window = Window(int(top), int(left), height, width)
        part = draw(display, **EXAMPLE, **place, window=window).numpy()
        assert (part == whole[:, :, window.rows, window.columns]).all()


@pytest.mark.parametrize("make", SETS)
def test_windows_of_every_set(make):
    display = screen(64, 8.0)
    stimuli = make(display, published.POSITION)
    rows = np.random.default_rng(1).choice(len(stimuli), 8, replace=False).tolist()
    window = Window(30, 20, 17, 25)
    whole, part = stimuli.images(rows), stimuli.images(rows, window=window)
    assert (part == whole[:, :, window.rows, window.columns]).all()
    # A picture does not depend on what is drawn beside it.
    assert (stimuli.images(rows[:1]) == whole[:1]).all()


@pytest.mark.parametrize(("pixels", "degrees"), SCREENS)
def test_pictures_are_resized_as_by_pillow(pixels, degrees):
    image = pytest.importorskip("PIL.Image")
    place = {"x": published.POSITION.x, "y": published.POSITION.y}
    canvas = grey(draw(screen(round(56 * degrees), degrees), **EXAMPLE, **place))
    shown = grey(draw(screen(pixels, degrees), **EXAMPLE, **place))
    for source, ours in zip(canvas, shown, strict=True):
        resized = image.fromarray(source).resize((pixels, pixels), image.Resampling.BILINEAR)
        assert (np.asarray(resized) == ours).all()


@settings(deadline=None, max_examples=30)
@given(source=st.integers(2, 300), target=st.integers(1, 300), seed=st.integers(0, 100))
def test_resize_of_noise_equals_pillow(source, target, seed):
    image = pytest.importorskip("PIL.Image")
    torch = pytest.importorskip("torch")
    noise = np.random.default_rng(seed).integers(0, 256, (source, source), dtype=np.uint8)
    expected = image.fromarray(noise).resize((target, target), image.Resampling.BILINEAR)
    weights = bilinear_weights(source, target)
    levels = torch.from_numpy(noise.astype(np.float64))
    ours = resize(levels, weights, weights)
    assert (ours.numpy() == np.asarray(expected)).all()


def test_equal_sizes_leave_a_picture_as_it_is():
    assert (bilinear_weights(448, 448) == np.eye(448) * 2**22).all()


def test_smaller_and_larger_fields_show_the_same_canvas():
    place = {"x": published.POSITION.x, "y": published.POSITION.y}
    eight, seven, sixteen = (
        grey(draw(screen(round(56 * degrees), degrees), **EXAMPLE, **place))
        for degrees in (8.0, 7.0, 16.0)
    )
    assert (seven == eight[:, 28:-28, 28:-28]).all()
    assert (sixteen[:, 224:-224, 224:-224] == eight).all()


def test_the_canvas_ends_at_twelve_degrees():
    wide = grey(
        draw(screen(896, 16.0), orientation=90, spatial_frequency=1, phase=0, diameter=40, x=0, y=0)
    )
    assert (wide[:, :112] == 128).all()
    assert (wide[:, :, -112:] == 128).all()
    assert (wide[:, 112:-112, 112:-112] != 128).any(axis=(1, 2)).all()


def test_opposite_phases_add_up_to_254_on_a_background_of_128():
    pair = grey(
        draw(
            screen(448, 8.0),
            orientation=60,
            spatial_frequency=2.3,
            phase=[20, 200],
            diameter=2,
            x=published.POSITION.x,
            y=published.POSITION.y,
        )
    ).astype(int)
    # The centre lies on pixel (224 + 28, 224 + 28); its disk of 1 deg radius includes the rim.
    row, column = np.indices((448, 448)) - 252
    inside = row**2 + column**2 <= 56**2
    assert set(pair.sum(0)[inside]) <= {254, 255}
    assert (pair.sum(0)[inside] == 254).mean() > 0.999
    assert (pair[:, ~inside] == 128).all()


def test_a_disk_off_the_screen_leaves_it_grey():
    images = draw(
        screen(64, 8.0), orientation=0, spatial_frequency=1, phase=0, diameter=0.5, x=40, y=0
    )
    assert (grey(images) == 128).all()


def test_the_transfer_function_is_applied_last():
    display = Display.square(64, 8.0, background=published.BACKGROUND, transfer="gamma:2")
    place = {"x": published.POSITION.x, "y": published.POSITION.y}
    encoded = draw(display, **EXAMPLE, **place)
    plain = draw(screen(64, 8.0), **EXAMPLE, **place)
    np.testing.assert_allclose(encoded.numpy(), plain.numpy() ** 0.5, rtol=1e-6)
