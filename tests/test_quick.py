"""Runs on few stimuli: every step is made, and all that is written says so."""

import numpy as np
import pytest

import insilico
from insilico.experiments.batteries import BATTERIES, find_battery
from insilico.experiments.quick import QUICK, few_stimuli, quick
from stimuli import Display, factorial, grating

DISPLAY = Display.square(64, 8)


def few(dim, levels):
    full = factorial("set", DISPLAY, grating, {dim: levels}, spatial_frequency=1.0)
    return few_stimuli(full).conditions[dim].tolist()


@pytest.mark.parametrize(("n", "left"), [(24, 8), (12, 6), (8, 8), (16, 8), (7, 7), (11, 11)])
def test_orientations_divide_the_half_turn_evenly(n, left):
    kept = few("orientation", np.arange(n) * 180 / n)
    assert len(kept) == left
    assert np.allclose(np.diff([*kept, 180]), 180 / left)


@pytest.mark.parametrize(("n", "left"), [(12, 4), (8, 4), (4, 4), (6, 6)])
def test_four_phases_are_enough_for_f1(n, left):
    kept = few("phase", np.arange(n) * 360 / n)
    assert len(kept) == left
    assert np.allclose(np.diff([*kept, 360]), 360 / left)


@pytest.mark.parametrize(("n", "left"), [(19, 7), (24, 8), (28, 8), (5, 5)])
def test_other_factors_keep_their_ends(n, left):
    levels = np.linspace(0.1, 2, n)
    kept = few("contrast" if n == 5 else "x", levels / 2)
    assert len(kept) == left
    assert (kept[0], kept[-1]) == (0.05, 1)


def test_places_stay_even_and_hold_the_middle():
    kept = few("x", np.linspace(-1.5, 1.5, 19))
    assert np.allclose(np.diff(kept), kept[1] - kept[0])
    assert 0 in np.round(kept, 9)


@pytest.mark.parametrize("name", sorted(BATTERIES))
def test_every_battery_can_be_quick(name):
    whole = find_battery(name).battery
    thin = quick(whole)
    assert [each.name for each in thin.protocols] == [each.name for each in whole.protocols]
    # Those that share a recording still do.
    shown = [[each.shown for each in battery.protocols] for battery in (whole, thin)]
    assert len(set(shown[0])) == len(set(shown[1]))


@pytest.fixture(scope="module")
def quick_run():
    return insilico.run(
        "textbook", protocols=["orientation"], sites="centre", quick=True, most_units=3
    )


def test_a_run_says_that_it_was_quick(quick_run):
    assert quick_run.warnings[0] == QUICK
    assert "quick" in quick_run.battery
    assert "QUICK" in repr(quick_run)
    assert quick_run.methods().startswith(QUICK)
    assert quick_run.recordings["orientation"].sizes["orientation"] == 8
    assert quick_run.units.sizes["unit"] == 3


def test_all_that_a_quick_run_writes_says_so(quick_run, tmp_path):
    page = quick_run.report(tmp_path)
    assert "<strong>QUICK</strong>" in page.read_text(encoding="utf-8")
    written = sorted((tmp_path / "figures").iterdir())
    # Drawn for the page, not for print.
    assert {path.suffix for path in written} == {".svg", ".csv"}
    pictures = [path.read_text(encoding="utf-8") for path in written if path.suffix == ".svg"]
    assert pictures
    assert all("QUICK" in picture for picture in pictures)
