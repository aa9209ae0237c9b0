"""What every stimulus must be: tried on each that the catalogue lists, with no line here for it."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stimuli
from stimuli import Display, Window, frame_times
from stimuli.catalogue import APERTURES, MOVIES, STIMULI
from stimuli.parameters import SIZES, SURROUNDINGS

DISPLAY = Display.square(pixels=64, degrees=4, frame_rate=20)
LISTED = APERTURES | STIMULI | MOVIES
FRAMES = 3


def draw(name, **changed):
    movie = {"time": frame_times(DISPLAY, FRAMES / 20)} if name in MOVIES else {}
    return getattr(stimuli, name)(DISPLAY, **{**LISTED[name].example, **movie, **changed})


def numbers(name):
    """Names of the parameters that are numbers, with the values of the example."""
    parameters = inspect.signature(getattr(stimuli, name)).parameters
    return {
        key: LISTED[name].example.get(key, parameter.default)
        for key, parameter in parameters.items()
        if key not in SURROUNDINGS and not isinstance(parameter.default, str)
    }


def contrasts(name):
    kinds = ("contrast", "noise")
    return {key: np.asarray(n) for key, n in numbers(name).items() if key.endswith(kinds)}


EACH_NUMBER = [(name, parameter) for name in LISTED for parameter in numbers(name)]


def test_all_that_is_listed_is_public_and_all_public_drawing_is_listed():
    drawn = {
        name
        for name in stimuli.__all__
        if {"display", "window", "device"} <= set(dir_of(getattr(stimuli, name)))
    }
    assert drawn == set(LISTED)


def dir_of(value):
    return inspect.signature(value).parameters if inspect.isfunction(value) else ()


def channels(name):
    return 3 if name.startswith("cone_") else 1


@pytest.mark.parametrize("name", LISTED)
def test_every_pixel_is_in_range(name):
    images = draw(name)
    n = max(np.size(value) for value in LISTED[name].example.values())
    movie = (FRAMES,) if name in MOVIES else ()
    shape = () if name in APERTURES else (*movie, channels(name))
    assert images.shape == (n, *shape, 64, 64)
    assert images.dtype == torch.float32
    assert 0 <= float(images.min()) < float(images.max()) <= 1


@pytest.mark.parametrize("name", STIMULI | MOVIES)
def test_the_pattern_is_as_deep_as_its_contrast_about_the_background(name):
    whole = draw(name) - DISPLAY.background
    half = draw(name, **{key: value / 2 for key, value in contrasts(name).items()})
    none = draw(name, **dict.fromkeys(contrasts(name), 0.0))
    assert contrasts(name)
    torch.testing.assert_close(half - DISPLAY.background, whole / 2, rtol=1e-5, atol=1e-6)
    assert bool((none == DISPLAY.background).all())


@pytest.mark.parametrize("name", STIMULI | MOVIES)
def test_the_mean_is_the_background_over_phases_or_over_light_and_dark(name):
    phases = [key for key in numbers(name) if key.endswith("phase")]
    if phases:
        # A cycle of an even number of phases has each with its opposite.
        shown = [draw(name, **dict.fromkeys(phases, 45.0 * k)) for k in range(8)]
        assert float(shown[0].mean()) == pytest.approx(DISPLAY.background, abs=0.05)
    else:
        depth = contrasts(name)
        shown = [draw(name, **{key: sign * n for key, n in depth.items()}) for sign in (1, -1)]
    mean = torch.stack(shown).double().mean(0)
    allowed = 0.5 * LISTED[name].example.get("noise", 0.1) if "noise" in numbers(name) else 0
    assert float((mean - DISPLAY.background).abs().max()) <= allowed + 1e-6
    assert float(mean.mean()) == pytest.approx(DISPLAY.background, abs=0.01)


@pytest.mark.parametrize("name", LISTED)
def test_what_the_pixels_cannot_carry_is_refused(name):
    for key in numbers(name):
        if key.endswith("spatial_frequency"):
            draw(name, **{key: 0.99 * DISPLAY.nyquist})
            with pytest.raises(ValueError, match="is above what the display can show"):
                draw(name, **{key: 1.5 * DISPLAY.nyquist})
        elif key.endswith("contrast"):
            with pytest.raises(ValueError, match="contrast must lie in"):
                draw(name, **{key: 1.01})


@pytest.mark.parametrize("name", LISTED)
def test_a_batch_equals_its_members(name):
    example = {key: np.asarray(value) for key, value in LISTED[name].example.items()}
    batch = draw(name)
    for index in range(len(batch)):
        one = {key: value[index] if value.ndim else value for key, value in example.items()}
        assert torch.equal(batch[index : index + 1], draw(name, **one))


@pytest.mark.parametrize("name", LISTED)
@given(
    top=st.integers(0, 50),
    left=st.integers(0, 50),
    height=st.integers(1, 14),
    width=st.integers(1, 14),
)
@settings(max_examples=15, deadline=None)
def test_a_window_equals_the_same_part_of_the_whole(name, top, left, height, width):
    window = Window(top, left, height, width)
    assert torch.equal(draw(name, window=window), draw(name)[..., window.rows, window.columns])


@pytest.mark.parametrize("wrong", [np.nan, -np.inf, [0.5, np.nan], "8 deg", np.inf, 1e300])
@pytest.mark.parametrize(("name", "parameter"), EACH_NUMBER)
def test_what_is_no_number_is_refused_by_name(name, parameter, wrong):
    if parameter.endswith(SIZES) and wrong in (np.inf, 1e300):
        try:
            images = draw(name, **{parameter: wrong})
        except ValueError as error:
            assert parameter in str(error)
        else:
            assert bool(images.isfinite().all())
        return
    with pytest.raises(ValueError, match=rf"^{parameter} must be a number.*; got"):
        draw(name, **{parameter: wrong})


@pytest.mark.parametrize("name", LISTED)
def test_numbers_of_values_that_do_not_agree_are_refused_by_name(name):
    first, second, *_ = (key for key, value in numbers(name).items() if value is not None)
    given_ = {first: np.repeat(LISTED[name].example.get(first, 0.1), 7)[:7], second: [0.1, 0.2]}
    with pytest.raises(ValueError, match=rf"{first} has 7, .*{second} has 2|{second} has 2"):
        draw(name, **given_)


@pytest.mark.parametrize("name", LISTED)
def test_where_it_is_drawn_changes_nothing(name):
    here = draw(name, device="cpu")
    assert here.device.type == "cpu"
    assert torch.equal(here, draw(name, device=torch.device("cpu")))
    assert torch.equal(here, draw(name))


@pytest.mark.gpu
@pytest.mark.parametrize("name", LISTED)
def test_a_gpu_shows_what_a_cpu_shows(name):
    there = draw(name, device="cuda")
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), draw(name), rtol=0, atol=1e-6)
