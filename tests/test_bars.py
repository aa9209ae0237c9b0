"""Bars, rectangles, square waves and noise: areas that can be worked out, and finer grids."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stimuli import Display, Window, bar, grating, noisy_grating, rectangle, spot, square_wave

DISPLAY = Display.square(pixels=32, degrees=4)
FINER = 40


def finer(display, values):
    """Means over the pixels of a function of position (deg), from points inside them."""
    pixels, step = display.width, 1 / display.px_per_deg
    inside = (np.arange(FINER) + 0.5) / FINER - 0.5
    places = (display.x()[:, None] + inside * step).ravel()
    x, y = np.meshgrid(places, -places)
    return values(x, y).reshape(pixels, FINER, pixels, FINER).mean((1, 3))


def across_and_along(x, y, orientation):
    angle = np.deg2rad(orientation)
    return np.sin(angle) * x - np.cos(angle) * y, np.cos(angle) * x + np.sin(angle) * y


# Rectangles


@given(
    length=st.floats(0.01, 2.5),
    width=st.floats(0.001, 1.5),
    orientation=st.floats(0, 180),
    x=st.floats(-0.5, 0.5),
    y=st.floats(-0.5, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_the_area_is_that_of_the_rectangle(length, width, orientation, x, y):
    seen = rectangle(DISPLAY, length=length, width=width, orientation=orientation, x=x, y=y)
    area = float(seen.double().sum()) / DISPLAY.px_per_deg**2
    assert area == pytest.approx(length * width, rel=2e-6, abs=1e-9)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1


@pytest.mark.parametrize("orientation", [0, 0.01, 30, 45, 89.9999, 90, 137, 180])
@pytest.mark.parametrize(("length", "width"), [(2.0, 0.06), (1.3, 0.9), (0.05, 0.05)])
def test_every_pixel_shows_its_covered_share(orientation, length, width):
    place = {"x": 0.13, "y": -0.21}
    seen = rectangle(DISPLAY, length=length, width=width, orientation=orientation, **place)

    def covered(x, y):
        across, along = across_and_along(x - place["x"], y - place["y"], orientation)
        return (np.abs(across) <= width / 2) & (np.abs(along) <= length / 2)

    # What is left is the raster of the finer grid, along the edges.
    assert np.abs(seen[0].numpy() - finer(DISPLAY, covered)).max() < 0.035


def test_shares_along_the_axes_by_hand():
    """A bar 1.5 px wide whose left edge lies a quarter into a pixel."""
    screen = Display.square(pixels=6, degrees=6)
    seen = rectangle(screen, length=2, width=1.5, orientation=90, x=0.0, y=0.0)[0]
    expected = torch.zeros(6, 6)
    expected[2:4, 2:4] = 0.75
    torch.testing.assert_close(seen, expected)


def test_rectangles_that_meet_leave_no_seam():
    halves = rectangle(
        DISPLAY, length=1.0, width=0.7, orientation=30,
        x=[0.5 * np.cos(np.pi / 6), -0.5 * np.cos(np.pi / 6)], y=[0.25, -0.25],
    )  # fmt: skip
    whole = rectangle(DISPLAY, length=2.0, width=0.7, orientation=30)
    torch.testing.assert_close(halves.sum(0), whole[0], atol=1e-6, rtol=0)


def test_an_infinite_rectangle_spans_the_display():
    seen = rectangle(DISPLAY, length=np.inf, width=np.inf, orientation=20, x=1.5)
    assert torch.equal(seen, torch.ones(1, 32, 32))
    stripe = rectangle(DISPLAY, length=np.inf, width=0.5, orientation=90)
    assert torch.equal(stripe[0].sum(1), torch.full((32,), 4.0))


def test_a_rectangle_beyond_the_display_is_not_seen():
    assert rectangle(DISPLAY, length=1, width=1, orientation=45, x=9.0).max() == 0


@given(
    top=st.integers(0, 20), left=st.integers(0, 20), height=st.integers(1, 12),
    width=st.integers(1, 12),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_windows_and_batches_are_parts_of_the_whole(top, left, height, width):
    window = Window(top, left, height, width)
    several = {"orientation": [0, 33, 90], "contrast": [1, -1, 0.3], "x": [0.1, 0, -0.4]}
    for draw, kind in (
        (bar, several | {"length": [2, 1, 0.3], "width": 0.25}),
        (spot, {"diameter": [0.1, 1, 2], "contrast": [1, -1, 0.3], "x": [0.1, 0, -0.4]}),
    ):
        whole = draw(DISPLAY, **kind)
        assert torch.equal(
            draw(DISPLAY, **kind, window=window), whole[..., window.rows, window.columns]
        )
        for i in range(3):
            one = {k: v[i] if isinstance(v, list) else v for k, v in kind.items()}
            assert torch.equal(draw(DISPLAY, **one), whole[i : i + 1])


# Bars and spots


def test_contrast_of_bars_has_a_sign():
    light, dark = bar(DISPLAY, length=2, width=1, orientation=90, contrast=[1, -0.5])
    assert float(light.max()) == 1
    assert float(light.min()) == 0.5
    assert float(dark.min()) == 0.25
    assert float(dark.max()) == 0.5


@pytest.mark.parametrize("diameter", [0.1, 0.3, 1.0])
def test_a_spot_has_the_light_of_its_area(diameter):
    light = spot(DISPLAY, diameter=diameter, x=0.03) - 0.5
    area = float(light.double().sum()) / 0.5 / DISPLAY.px_per_deg**2
    assert area == pytest.approx(np.pi / 4 * diameter**2, rel=0.02)


# Square waves


@pytest.mark.parametrize("orientation", [0, 20, 45, 90, 161])
@pytest.mark.parametrize("frequency", [0.3, 1.1, 3.1])
def test_a_square_wave_is_the_mean_over_each_pixel(orientation, frequency):
    image = square_wave(
        DISPLAY, orientation=orientation, spatial_frequency=frequency, phase=70, x=0.1, y=0.2
    )

    def wave(x, y):
        across, _ = across_and_along(x - 0.1, y - 0.2, orientation)
        return np.sign(np.cos(2 * np.pi * frequency * across + np.deg2rad(70)))

    assert np.abs(2 * image[0, 0].numpy() - 1 - finer(DISPLAY, wave)).max() < 0.08
    assert float(image.min()) >= 0
    assert float(image.max()) <= 1


def test_a_square_wave_has_four_over_pi_of_its_sine():
    """Less what averaging over pixels takes, a sinc; harmonics near the raster come on top."""
    display = Display.square(pixels=256, degrees=4)
    square, sine = (
        draw(display, orientation=90, spatial_frequency=2.0, contrast=0.5)[0, 0].double() - 0.5
        for draw in (square_wave, grating)
    )
    ratio = float((square * sine).sum() / (sine * sine).sum())
    assert ratio == pytest.approx(4 / np.pi * np.sinc(2 / 64), rel=5e-3)


def test_nearly_level_waves_are_like_level_ones():
    """On both sides of where the second difference gives way to the first."""
    level, nearly, further = (
        square_wave(DISPLAY, orientation=90 + tilt, spatial_frequency=1.1, phase=20)
        for tilt in (0, 1e-5, 1e-3)
    )
    torch.testing.assert_close(level, nearly, atol=1e-4, rtol=0)
    torch.testing.assert_close(level, further, atol=2e-3, rtol=0)


# Noise


def test_noise_is_added_to_the_grating_and_clips_nothing():
    kind = {"orientation": 30, "spatial_frequency": 1.5, "contrast": 0.6, "diameter": 3}
    noisy = noisy_grating(DISPLAY, **kind, noise=0.4, element=0.25, seed=[1, 2])
    noise = 2 * (noisy - grating(DISPLAY, **kind))[:, 0]
    inside = noise[:, 12:20, 12:20]
    torch.testing.assert_close(inside.abs(), torch.full_like(inside, 0.4))
    assert not torch.equal(noise[0], noise[1])
    # Elements of two pixels.
    torch.testing.assert_close(inside[:, ::2, ::2], inside[:, 1::2, 1::2])
    assert float(noise[:, 0, 0].abs().max()) < 1e-6  # outside the aperture


def test_noise_is_that_of_its_seed_at_any_phase():
    kind = {"orientation": 0, "spatial_frequency": 1, "contrast": 0.0, "element": 0.125}
    a, b, c = noisy_grating(DISPLAY, **kind, phase=[0, 90, 0], seed=[5, 5, 6])
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert float((a - 0.5).double().std()) == pytest.approx(0.05, rel=0.01)
    assert float((a - 0.5).double().mean()) == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: bar(DISPLAY, length=1, width=1, contrast=-1.1), r"lie in \[-1, 1\]"),
        (lambda: spot(DISPLAY, diameter=1, contrast=1.2), r"lie in \[-1, 1\]"),
        (lambda: rectangle(DISPLAY, length=-1, width=1), "length must be a number from 0"),
        (lambda: rectangle(DISPLAY, length=1, width=np.nan), "width must be a number"),
        (lambda: square_wave(DISPLAY, orientation=0, spatial_frequency=4.1), "carries at most 4"),
        (
            lambda: noisy_grating(
                DISPLAY, orientation=0, spatial_frequency=1, element=1, seed=0, contrast=0.95
            ),
            "superimposed components together; got 0 to 1.05",
        ),
        (
            lambda: noisy_grating(
                DISPLAY, orientation=0, spatial_frequency=1, element=0.1, seed=0
            ),
            "at least a pixel wide, 0.125 deg; got 0.1 deg",
        ),
        (
            lambda: noisy_grating(
                DISPLAY, orientation=0, spatial_frequency=1, element=1, seed=0.5
            ),
            "a whole number from 0 on; got 0.5",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
