from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from insilico.experiments.batteries import find_battery
from insilico.recording.field_survey import survey
from insilico.recording.layers import finite_sites, layer_map
from insilico.recording.layouts import readings
from insilico.recording.receptive_fields import Fields, split_sites
from insilico.recording.windows import proven_windows
from stimuli import Display, Position, StimulusSet, Window, factorial, grating, plaid
from stimuli.apertures import aperture
from stimuli.catalogue import IN_DISKS, STIMULI, VANISHING, Named
from stimuli.edges import touches_and_covers
from stimuli.frames import FRAME_RATE
from stimuli.packaged import packaged_photographs
from stimuli.parameters import in_disk

DISPLAY = Display.square(64, 4)


def surveyed(model, display=DISPLAY):
    model = model.eval()
    with torch.no_grad():
        output = model(torch.zeros(1, 1, display.height, display.width))
    chart = layer_map(readings("m", output, display, model, ()).options[0], display)

    def finite(images):
        with torch.no_grad():
            return {"m": finite_sites(chart, model(images))}

    grid = (chart.rows, chart.columns)
    return survey(finite, display, {"m": grid})["m"], finite, grid


# Fields by the arithmetic of convolutions: first pixel of site 0, size, stride.
STACKS = {
    "odd": (nn.Sequential(nn.Conv2d(1, 2, 5, padding=2)), -2, 5, 1),
    "strided": (nn.Sequential(nn.Conv2d(1, 2, 7, stride=2, padding=3), nn.MaxPool2d(2)), -3, 9, 4),
    "dilated": (nn.Sequential(nn.Conv2d(1, 2, 3, dilation=3)), 0, 7, 1),
    "even": (nn.Sequential(nn.Conv2d(1, 2, 4, stride=2, padding=1), nn.Conv2d(2, 2, 2)), -1, 6, 2),
    "patches": (nn.Sequential(nn.Conv2d(1, 2, 16, stride=16)), 0, 16, 16),
    "large": (nn.Sequential(nn.Conv2d(1, 2, 49, padding=24)), -24, 49, 1),
}


@pytest.mark.parametrize("name", STACKS)
def test_fields_follow_the_arithmetic_of_convolutions(name):
    model, corner, size, stride = STACKS[name]
    fields, *_ = surveyed(model)
    assert fields == Fields((corner, corner), (size, size), (stride, stride))


@pytest.mark.parametrize("name", ["strided", "dilated", "even"])
def test_the_window_of_sites_is_the_smallest_proven_one(name):
    fields, finite, (rows, columns) = surveyed(STACKS[name][0])
    sites = [(rows // 2, columns // 2), (rows // 2 + 2, columns // 2 - 3)]

    def together(images):
        clear = finite(images)["m"]
        return torch.stack([clear[:, row, column] for row, column in sites], 1).all(1, True)

    assert proven_windows(together, DISPLAY, 1) == [fields.window(sites, DISPLAY)]


def test_rows_and_columns_may_differ():
    model = nn.Conv2d(1, 2, (3, 9), stride=(1, 2), padding=(1, 4))
    fields, *_ = surveyed(model, Display(48, 80, 10.0))
    assert fields == Fields((-1, -4), (3, 9), (1, 2))


class Uneven(nn.Module):
    """Sites that are farther apart towards the border."""

    def forward(self, x):
        line = torch.linspace(-1, 1, 32)
        place = ((line.sign() * line.abs() ** 1.5 + 1) / 2 * 63).round().long()
        return x[:, :, place][:, :, :, place]


@pytest.mark.parametrize(
    "model",
    [
        nn.InstanceNorm2d(1),
        Uneven(),
        nn.Conv2d(1, 1, 63, padding=31),
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(1, 1, 5, padding=2, padding_mode="circular"),
    ],
    ids=["global", "uneven", "as large as the display", "one site", "round the border"],
)
def test_there_are_no_even_fields(model):
    assert surveyed(model)[0] is None


def test_layers_share_the_pictures_of_a_survey():
    shown = []
    models = {"a": nn.Conv2d(1, 1, 3, padding=1), "b": nn.Conv2d(1, 1, 3, padding=1)}

    def of(*names):
        def finite(images):
            shown.append(len(images))
            with torch.no_grad():
                return {name: models[name](images).isfinite()[:, 0] for name in names}

        return survey(finite, DISPLAY, dict.fromkeys(names, (64, 64)))

    both = of("a", "b")
    n_both, shown[:] = sum(shown), []
    assert of("a")["a"] == both["a"] == both["b"] == Fields((-1, -1), (3, 3), (1, 1))
    assert sum(shown) == n_both


def test_a_survey_looks_from_all_sides_at_once():
    shown = []

    def finite(images):
        shown.append(len(images))
        with torch.no_grad():
            return {"m": STACKS["strided"][0](images).isfinite().all(1)}

    assert survey(finite, DISPLAY, {"m": (16, 16)})["m"] == Fields((-3, -3), (9, 9), (4, 4))
    # Of each of three places one picture for every cut, and two of the far borders.
    assert set(shown[:-1]) == {1} and shown[-1] == 2
    assert sum(shown) <= 16


def test_a_window_ends_where_the_display_does():
    fields = Fields((-2, -2), (5, 5), (4, 4))
    assert fields.window([(0, 15)], DISPLAY) == Window(0, 58, 3, 5)


FIELDS = Fields((-2.0, -2.0), (5, 5), (1.0, 1.0))
CORNERS = [(5, 5), (5, 58), (58, 5), (58, 58)]


def test_scattered_sites_are_split_where_that_is_faster():
    near = [(5, 6), (6, 5)]
    groups = split_sites(CORNERS + near, FIELDS, DISPLAY, n_stimuli=1000)
    apart = [[(5, 5), *near], *([corner] for corner in CORNERS[1:])]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, apart))


def test_sites_stay_together_where_another_crop_costs_more():
    assert split_sites(CORNERS, FIELDS, DISPLAY, n_stimuli=5) == [CORNERS]
    everywhere = [(row, column) for row in range(64) for column in range(64)]
    assert split_sites(everywhere, FIELDS, DISPLAY, n_stimuli=1000) == [everywhere]


def test_different_pictures_are_counted_by_their_parameters():
    factors = {"diameter": [0.5, 3.0, 4.0], "x": [0.0, 1.5], "phase": [0.0, 90.0]}
    stimuli = factorial(
        "s", DISPLAY, grating, factors, y=0.0, orientation=0.0, spatial_frequency=2.0
    )
    window = Window(28, 28, 8, 8)
    # In the middle: two phases of the small disk, two of the covering ones. At 1.5 deg the small
    # one misses the window, the second one reaches into it, and the third one covers it.
    images = stimuli.images(window=window)
    distinct = len(np.unique(images.numpy().reshape(len(stimuli), -1), axis=0))
    assert stimuli.n_different(window) >= distinct
    # The second one, in the middle, is given two pixels to spare; so is the small one at the side.
    assert stimuli.n_different(window) == 2 + 2 + 1 + 2 + 2
    assert stimuli.n_different(DISPLAY.whole) == len(stimuli)


@pytest.mark.parametrize("name", ["full", "marques2020"])
def test_what_shows_the_same_by_its_parameters_does_pixel_by_pixel(name):
    battery = find_battery(name).battery
    display = Display(background=battery.background, frame_rate=FRAME_RATE)
    told = {}
    for protocol in battery.protocols:
        if protocol.needs == "photographs" and not packaged_photographs():
            continue
        stimuli = battery.example(protocol.name, display, Position(0.4, -0.2))
        for window in (Window(90, 110, 25, 25), Window(20, 150, 9, 12)):
            first = stimuli.first_alike(window)
            again = np.flatnonzero(first != np.arange(len(stimuli)))
            assert (first[again] < again).all()
            again = np.random.default_rng(0).permutation(again)[:40]
            if len(again):
                shown, before = (
                    stimuli.images(rows, window=window) for rows in (again, first[again])
                )
                assert (shown == before).all(), protocol.name
                told[protocol.name] = len(again)
    assert len(told) > 3


def test_what_is_drawn_otherwise_is_told_by_its_columns_alone():
    """Beyond a disk of its own making may lie anything."""
    table = {"diameter": [0.5, 3.9, 4.0, 4.0], "x": 0.0, "y": 0.0, "n": np.arange(4)}
    shown = (DISPLAY, pd.DataFrame(table), ("n",))
    window = Window(28, 28, 8, 8)
    assert StimulusSet("s", *shown, disk, ("n",)).first_alike(window).tolist() == [0, 1, 2, 2]
    assert StimulusSet("s", *shown, in_disk(partial(disk)), ("n",)).first_alike(
        window
    ).tolist() == [0, 1, 1, 1]


def test_the_catalogue_knows_what_is_drawn_in_disks():
    found = {name for name in STIMULI if getattr(STIMULI[name].function(name), "in_disk", False)}
    assert found == set(IN_DISKS) == {name for name in STIMULI if Named(name).in_disk}


def test_the_catalogue_knows_what_vanishes_without_contrast():
    drawn = {name: STIMULI[name].function(name) for name in STIMULI}
    found = {name: each.vanishing for name, each in drawn.items() if hasattr(each, "vanishing")}
    assert found == VANISHING
    assert {name for name in STIMULI if Named(name).vanishing} == set(VANISHING)


def test_the_phase_of_what_has_no_contrast_does_not_matter():
    factors = {"contrast": [0, 0.5], "mask_contrast": [0, 0.5], "phase": [0, 90, 180]}
    shown = {"orientation": 0, "mask_orientation": 60, "spatial_frequency": 1}
    stimuli = factorial("s", DISPLAY, plaid, {**factors, "mask_phase": [0, 120]}, **shown)
    # The blank, two phases of the mask, three of the signal, and six of both.
    assert stimuli.n_different(DISPLAY.whole) == 1 + 2 + 3 + 6
    assert len(torch.unique(stimuli.images().flatten(1), dim=0)) == 12


@pytest.mark.parametrize("place", [0.0, 0.03125, 0.013])
def test_small_disks_are_counted_as_they_are_drawn(place):
    """Disks of few pixels are drawn on a finer grid, whose edge lies elsewhere."""
    factors = {
        "diameter": np.array([0.2, 0.7, 1.0, 1.9, 3.1, 3.9, 4.1]) / DISPLAY.px_per_deg,
        "x": place + np.arange(-9, 10) / 3 / DISPLAY.px_per_deg,
        "y": place + np.arange(-9, 10) / 4 / DISPLAY.px_per_deg,
    }
    stimuli = factorial("s", DISPLAY, disk, factors)
    window = Window(31, 31, 2, 3)
    images = stimuli.images(window=window).numpy().reshape(len(stimuli), -1)
    drawn = (images != 0.5).any(1)
    table = stimuli.conditions
    touches, covers = touches_and_covers(
        DISPLAY, window, *(table[name].to_numpy() for name in ("x", "y", "diameter"))
    )
    np.testing.assert_array_equal(touches, drawn)
    np.testing.assert_array_equal(covers, (images == 1.0).all(1))
    assert stimuli.n_different(window) >= len(np.unique(images, axis=0))


def disk(display, *, diameter, x, y, window=None, device=None):
    seen = aperture(display, diameter=diameter, x=x, y=y, window=window, device=device)
    return (0.5 + 0.5 * seen)[:, None]
