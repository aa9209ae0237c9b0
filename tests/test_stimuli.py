import numpy as np
import pandas as pd
import pytest
import torch

from stimuli import (
    Display,
    StimulusSet,
    Window,
    aperture,
    center_surround,
    factorial,
    from_convention,
    grating,
    plaid,
    to_convention,
)
from stimuli.conventions import CONVENTIONS
from stimuli.gratings import carrier
from stimuli.marques2020.eight_bit import draw as draw_eight_bit
from stimuli.parameters import combinations, each_once

DISPLAY = Display.square(pixels=64, degrees=4)


def peak_of_spectrum(image):
    """Frequency (cpd) and direction of the carrier (deg, y up) at the FFT peak."""
    centred = image - image.mean()
    power = np.abs(np.fft.fft2(centred, s=(1024, 1024)))
    frequency = np.fft.fftfreq(1024, 1 / DISPLAY.px_per_deg)
    row, column = np.unravel_index(power.argmax(), power.shape)
    across, up = frequency[column], -frequency[row]
    return np.hypot(across, up), np.rad2deg(np.arctan2(up, across)) % 180


@pytest.mark.parametrize("orientation", [0, 30, 90, 135, 172.5])
def test_orientation_is_that_of_the_bars_counter_clockwise_from_horizontal(orientation):
    image = grating(DISPLAY, orientation=orientation, spatial_frequency=2.5)[0, 0].numpy()
    frequency, carrier = peak_of_spectrum(image)
    assert frequency == pytest.approx(2.5, rel=0.02)
    error = (carrier - (orientation - 90) + 90) % 180 - 90
    assert abs(error) < 1.5


# (value in their terms, the same grating drawn by their definition: unit vector along the carrier,
# x right and y up).
THEIR_CARRIER = {
    "psychopy": lambda o: (np.cos(np.deg2rad(o)), -np.sin(np.deg2rad(o))),
    "brainscore": lambda o: (np.cos(np.deg2rad(o)), -np.sin(np.deg2rad(o))),
    "stimupy": lambda o: (np.cos(np.deg2rad(o)), np.sin(np.deg2rad(o))),
    "allensdk": lambda o: (np.cos(np.deg2rad(o)), np.sin(np.deg2rad(o))),
    "imagen": lambda o: (-np.sin(o), np.cos(o)),
    "mozaik": lambda o: (-np.sin(o), np.cos(o)),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("degrees", [0, 30, 135])
def test_converters_agree_with_the_spectrum_of_their_gratings(convention, degrees):
    theirs = np.deg2rad(degrees) if convention in ("imagen", "mozaik") else degrees
    across, up = THEIR_CARRIER[convention](theirs)
    x, y = np.meshgrid(DISPLAY.x(), DISPLAY.y())
    _, carrier = peak_of_spectrum(np.cos(2 * np.pi * 2.5 * (across * x + up * y)))
    ours = from_convention(theirs, convention)
    error = (ours - (carrier + 90) + 90) % 180 - 90
    assert abs(error) < 1.5
    assert to_convention(ours, convention) == pytest.approx(theirs)


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match=r"one of psychopy.*got 'matlab'"):
        from_convention(0, "matlab")


def test_phase_zero_is_a_bright_bar_at_the_anchor_and_phase_moves_it_against_the_carrier_axis():
    display = Display.square(pixels=65, degrees=4)
    middle = 32
    image = grating(display, orientation=90, spatial_frequency=1, phase=[0, 90, 180])[:, 0]
    assert image[0, middle, middle] == 1
    assert image[1, middle, middle] == pytest.approx(0.5, abs=1e-6)
    assert image[2, middle, middle] == 0
    # cos(2 pi f x + 90 deg) falls to the right of the anchor.
    assert image[1, middle, middle + 3] < 0.5 < image[1, middle, middle - 3]


@pytest.mark.parametrize("edge", ["antialiased", "hard", "cosine", "gaussian"])
def test_every_edge_can_be_drawn_in_a_window(edge):
    kind = {"diameter": [1.0, 2.5], "edge": edge, "edge_width": 0.3, "x": 0.1}
    window = Window(11, 9, 23, 31)
    part = aperture(DISPLAY, **kind, window=window)
    assert torch.equal(part, aperture(DISPLAY, **kind)[:, window.rows, window.columns])


@pytest.mark.parametrize("diameter", [0.5, 1.0, 3.0])
def test_an_antialiased_disk_has_the_area_of_a_disk(diameter):
    area = float(aperture(DISPLAY, diameter=diameter).sum()) / DISPLAY.px_per_deg**2
    assert area == pytest.approx(np.pi / 4 * diameter**2, rel=0.01)


@pytest.mark.parametrize("px", [0.25, 0.5, 1, 2, 3, 3.9])
@pytest.mark.parametrize("off", [0, 0.2, 0.5])
def test_a_disk_of_few_pixels_has_the_area_of_a_disk_wherever_it_lies(px, off):
    place = {"diameter": px / DISPLAY.px_per_deg, "x": off / DISPLAY.px_per_deg}
    disk = aperture(DISPLAY, **place)
    assert float(disk.sum()) == pytest.approx(np.pi / 4 * px**2, rel=0.02 if px >= 1 else 0.05)
    around = aperture(DISPLAY, **{**place, "diameter": 2, "inner_diameter": place["diameter"]})
    assert float((around + disk).sum()) == pytest.approx(
        float(aperture(DISPLAY, **{**place, "diameter": 2}).sum()), rel=1e-5
    )


def test_a_disk_of_no_size_shows_nothing():
    display = Display.square(pixels=65, degrees=4)
    for edge in ("antialiased", "gaussian"):
        disk = aperture(display, diameter=[0, 1e-300], edge=edge, x=0.01)
        assert float(disk.sum()) == pytest.approx(0, abs=1e-5)


def test_small_disks_are_drawn_in_windows_and_batches_alike():
    kind = {"diameter": [0.05, 1.0, 0.2], "x": 0.1, "y": [0.1, 0.0, -0.3]}
    window = Window(20, 21, 17, 23)
    whole = aperture(DISPLAY, **kind)
    part = aperture(DISPLAY, **kind, window=window)
    assert torch.equal(part, whole[:, window.rows, window.columns])
    for index in range(3):
        one = {name: np.broadcast_to(value, 3)[index] for name, value in kind.items()}
        assert torch.equal(aperture(DISPLAY, **one)[0], whole[index])


def test_disk_and_annulus_add_up_to_the_larger_disk():
    disk = aperture(DISPLAY, diameter=1)
    annulus = aperture(DISPLAY, diameter=3, inner_diameter=1)
    torch.testing.assert_close(disk + annulus, aperture(DISPLAY, diameter=3))


def test_gaussian_aperture_is_at_half_height_at_its_radius():
    display = Display.square(pixels=65, degrees=65 / 16)
    seen = aperture(display, diameter=1.0, edge="gaussian")[0]
    assert float(seen[32, 32]) == 1
    assert float(seen[32, 32 + 8]) == pytest.approx(0.5, abs=1e-6)


def test_contrast_is_michelson_about_the_background():
    display = Display.square(pixels=64, degrees=4, background=0.3)
    image = grating(display, orientation=90, spatial_frequency=1, contrast=0.4)
    low, high = float(image.min()), float(image.max())
    assert (high - low) / (high + low) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: grating(DISPLAY, orientation=90, spatial_frequency=9), "carries at most 8 cpd"),
        (lambda: grating(DISPLAY, orientation=0, spatial_frequency=1, contrast=1.2), "contrast"),
        (
            lambda: plaid(
                DISPLAY, orientation=0, spatial_frequency=1, mask_orientation=90, contrast=0.8
            ),
            "together",
        ),
        (lambda: aperture(DISPLAY, diameter=1, inner_diameter=2), "must not exceed"),
        (lambda: aperture(DISPLAY, edge="soft"), "edge must be one of"),
        (lambda: aperture(DISPLAY, diameter=-1), "diameter must be a number from 0 to infinity"),
        (
            lambda: center_surround(
                DISPLAY,
                orientation=0,
                spatial_frequency=1,
                surround_orientation=0,
                diameter=2,
                inner_diameter=1,
            ),
            "outside the centre",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize("wrong", [np.nan, -np.inf, [0.5, np.nan], "8 deg", np.inf, 1e300])
@pytest.mark.parametrize("draw", [carrier, draw_eight_bit])
def test_parts_and_published_pictures_refuse_what_is_no_number(draw, wrong):
    known = {"orientation": 20.0, "spatial_frequency": 1.0, "phase": 0.0, "x": 0.0, "y": 0.0}
    if draw is draw_eight_bit:
        known["diameter"] = 1.0
    display = Display.square(pixels=64, degrees=4, background=128 / 255)
    for name in known:
        if name != "diameter" or wrong not in (np.inf, 1e300):
            with pytest.raises(ValueError, match=f"^{name} must be a number.*; got"):
                draw(display, **known | {name: wrong})


def test_nyquist_is_checked_along_the_axes():
    # 10 cpd at 45 deg is 7.07 cpd along rows and columns: the pixels carry 8.
    grating(DISPLAY, orientation=45, spatial_frequency=10)
    with pytest.raises(ValueError, match="along a row or"):
        grating(DISPLAY, orientation=0, spatial_frequency=10)


def test_factorial_crosses_its_factors():
    stimuli = factorial(
        "f", DISPLAY, grating, {"orientation": [0, 90], "phase": [0, 120, 240]}, spatial_frequency=2
    )
    assert len(stimuli) == 6
    assert stimuli.dims == ("orientation", "phase")
    assert torch.equal(
        stimuli.images([4]), grating(DISPLAY, orientation=90, phase=120, spatial_frequency=2)
    )


def test_patterns_that_come_several_times_are_drawn_once():
    drawn = []

    @each_once
    def draw(display, *, size, place=0.0, edge="hard"):
        size, place = np.broadcast_arrays(np.reshape(size, -1), np.reshape(place, -1))
        drawn.append(len(size))
        return torch.from_numpy(size + 10 * place)[:, None, None]

    def values(**parameters):
        return draw(DISPLAY, **parameters).flatten().tolist()

    assert values(size=[1, 2, 1, 2, 2], place=[0, 0, 0, 0, 0], edge="soft") == [1, 2, 1, 2, 2]
    assert values(size=[3, 3, 3], place=5) == [53, 53, 53]
    # Where few are the same it would not pay.
    assert values(size=[1, 2, 3, 1], place=[0, 1, 0, 0]) == [1, 12, 3, 1]
    assert values(size=4) == [4]
    assert drawn == [2, 1, 4, 1]


def test_what_repeats_in_a_batch_is_drawn_as_by_itself():
    shown = {"spatial_frequency": 2.0, "x": 0.1, "phase": np.tile([0.0, 70.0], 4)}
    shown["diameter"] = np.repeat([1.0, 0.1], 4)
    shown["contrast"] = np.linspace(0.1, 0.5, 8)
    for draw, others in (
        (grating, {"orientation": 20.0, "inner_diameter": np.repeat([0.5, 0.05], 4)}),
        (plaid, {"orientation": 20.0, "mask_orientation": np.repeat([50.0, 80.0], 4)}),
        (center_surround, {"orientation": 20.0, "surround_orientation": np.repeat([50, 80.0], 4)}),
    ):
        together = draw(DISPLAY, **shown, **others)
        for row in range(8):
            one = {name: np.reshape(value, -1) for name, value in (shown | others).items()}
            one = {name: value[row if len(value) > 1 else 0] for name, value in one.items()}
            assert torch.equal(together[[row]], draw(DISPLAY, **one)), draw


def test_many_pictures_are_drawn_some_at_a_time_and_are_the_same(monkeypatch):
    table = pd.DataFrame(
        {"orientation": np.linspace(0, 170, 40), "diameter": np.linspace(1, 6, 40)}
    )
    sizes = []

    def draw(display, **parameters):
        sizes.append(len(parameters["orientation"]))
        return grating(display, spatial_frequency=2.0, **parameters)

    shown = StimulusSet("s", DISPLAY, table, ("orientation",), draw)
    together = shown.images()
    part = Window(3, 5, 30, 20)
    windowed = shown.images(window=part)
    assert sizes == [40, 40]
    sizes.clear()
    monkeypatch.setattr("stimuli.sets.MOST_PIXELS", 15 * DISPLAY.height * DISPLAY.width)
    assert torch.equal(shown.images(), together)
    assert sizes == [15, 15, 10]
    sizes.clear()
    assert torch.equal(shown.images(window=part), windowed)
    assert sizes == [40]
    rows = [39, 3, *range(30)]
    assert torch.equal(shown.images(rows), together[rows])
    assert torch.equal(shown.images(slice(4, None, 2)), together[4::2])
    # One that is larger than all that may be drawn at a time is drawn by itself.
    sizes.clear()
    monkeypatch.setattr("stimuli.sets.MOST_PIXELS", 1)
    assert torch.equal(shown.images([2, 1]), together[[2, 1]])
    assert sizes == [1, 1]
    assert shown.images([]).shape == (0, 1, DISPLAY.height, DISPLAY.width)


def test_rows_are_told_apart_by_all_of_their_columns():
    words = np.array(["a", "b", "a", "b"], dtype=object)
    numbers = np.array([1.0, np.nan, 1.0, np.nan])
    assert len(np.unique(combinations([words, numbers]))) == 2
    assert len(np.unique(combinations([words, numbers, np.array([1, 1, 2, 2])]))) == 4
    many = [np.random.default_rng(n).permutation(5000) for n in range(6)]
    assert len(np.unique(combinations(many))) == 5000


def test_a_set_must_name_every_stimulus_once():
    table = pd.DataFrame({"orientation": [0.0, 0.0], "spatial_frequency": [1.0, 2.0]})
    with pytest.raises(ValueError, match="1 of 2 rows repeat"):
        StimulusSet("s", DISPLAY, table, ("orientation",), grating)
    with pytest.raises(ValueError, match="as dims or labels"):
        StimulusSet("s", DISPLAY, table, ("phase",), grating)


def test_content_hash_follows_the_conditions():
    def make(**constants):
        return factorial("f", DISPLAY, grating, {"orientation": [0, 90]}, **constants)

    same = make(spatial_frequency=2).content_hash()
    assert make(spatial_frequency=2).content_hash() == same
    assert make(spatial_frequency=3).content_hash() != same
