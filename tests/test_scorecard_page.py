"""The scorecard in a report and in a comparison: what is drawn, and what is said."""

import dataclasses
import re

import fake_results
import numpy as np
import pytest
import xarray as xr

import insilico
from insilico.comparison.phenomena import holds_scorecard
from insilico.comparison.phenomena_curves import DRAWN, median_curves
from insilico.comparison.phenomena_list import PHENOMENA
from insilico.experiments.batteries.shared import PHENOMENA as PROTOCOLS
from insilico.figures.plates import plates
from insilico.figures.scorecard import scorecard_page
from insilico.figures.style import ONE_COLUMN
from insilico.reporting.report import write_report
from insilico.reporting.scorecard import scorecard_rows
from insilico.reporting.side_by_side import write_side_by_side
from insilico.runs.side_by_side import compare_runs


def measured(seed=0, effect=0.5, **names):
    """A run with everything that the scorecard asks for; every effect is the same."""
    run = fake_results.results(24, layers=("v1",), seed=seed, **names)
    extra = {name: effect for each in PHENOMENA for name in each.needs}
    missing = {
        name: ("unit", np.full(24, value), {"long_name": name, "units": "1", "protocol": "size"})
        for name, value in extra.items()
        if name not in run.units
    }
    return dataclasses.replace(run, units=run.units.assign(missing))


@pytest.fixture(scope="module")
def run():
    return measured()


def curve(values, **factors):
    values = np.asarray(values, dtype=float)
    return xr.DataArray(
        values,
        {**factors, "layer": ("unit", ["v1"] * len(values))},
        ("unit", *factors),
    )


# Curves


def test_each_phenomenon_has_a_curve_of_the_battery():
    # That of maps has none.
    assert set(DRAWN) == {each.number for each in PHENOMENA} - {29}
    names = {each.name for each in PROTOCOLS}
    assert {drawn.protocol for parts in DRAWN.values() for drawn in parts} <= names


def test_median_curves_by_hand():
    sizes = curve([[1.0, 4.0, 2.0], [2.0, 4.0, 4.0], [0.0, 0.0, 0.0]], diameter=[1, 2, 4])
    drawn = median_curves({"size": sizes})
    assert drawn["number"].unique().tolist() == [1]
    # Of the two units that answer, each relative to its largest response.
    assert drawn["response"].tolist() == [0.375, 1.0, 0.75]
    assert drawn["x"].tolist() == [1, 2, 4]


def test_orientation_is_drawn_around_the_best_one():
    orientations = np.arange(0, 180, 45.0)
    tuned = curve([[4.0, 2, 1, 2], [1, 2, 4, 2]], orientation=orientations)
    drawn = median_curves({"orientation_mean": tuned})
    assert dict(zip(drawn["x"], drawn["response"], strict=True)) == {
        -90: 0.25, -45: 0.5, 0: 1.0, 45: 0.5,
    }  # fmt: skip


def test_two_conditions_are_two_lines_and_context_is_relative_to_none():
    sizes = curve([[[1.0, 2.0], [5.0, 10.0]]], contrast=[0.12, 1.0], diameter=[1.0, 2.0])
    lines = median_curves({"contrast_size": sizes}).groupby("line")["response"].apply(list)
    assert lines.to_dict() == {0.12: [0.5, 1.0], 1.0: [0.5, 1.0]}
    masked = curve([[10.0, 30.0]], relative_orientation=[0.0, 90.0]).assign_coords(
        alone=("unit", [40.0])
    )
    assert median_curves({"mask_orientation": masked})["response"].tolist() == [0.25, 0.75]


def test_without_curves_there_are_none():
    assert median_curves({}).empty
    silent = curve([[0.0, 0.0]], diameter=[1.0, 2.0])
    assert median_curves({"size": silent}).empty


# Figures


def test_filled_dots_are_phenomena_that_are_shown(run):
    card = insilico.scorecard(run.units)
    [axes] = scorecard_page(card, width=ONE_COLUMN).axes
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    filled, open_ = dots
    [crosses] = [line for line in axes.lines if line.get_marker() == "x"]
    assert np.asarray(crosses.get_xdata()).tolist()[:3] == [0, 0, 1]
    assert len(filled.get_xdata()) == (card["shown"] == "yes").sum()
    assert open_.get_markerfacecolor() == "white"
    assert len(open_.get_xdata()) == (card["shown"] == "no").sum()
    assert not axes.texts
    missing = scorecard_page(insilico.scorecard(run.units.drop_vars("suppression_index")))
    assert [text.get_text() for text in missing.axes[0].texts] == ["not measured"]


def test_shares_say_of_how_many_units_they_are(run):
    few = run.units.isel(unit=slice(10))
    [axes] = scorecard_page(insilico.scorecard(few), width=ONE_COLUMN).axes
    assert axes.get_xlabel() == "Share of 10 units"
    figure = scorecard_page(insilico.scorecard({"one": run.units, "other": few}))
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told[1:3] == ["one, n = 24", "other, n = 10"]


def test_only_batteries_of_phenomena_have_a_scorecard(run):
    assert holds_scorecard(run.units)
    plain = fake_results.results(24, layers=("v1",))
    assert not holds_scorecard(plain.units)
    assert "phenomena" not in {plate.kind for plate in plates(plain)}


# Pages


def test_a_row_says_what_was_found(run):
    rows = {row["number"]: row for row in scorecard_rows(run.units, run.curves)}
    assert len(rows) == 30
    size = rows[1]
    assert re.fullmatch(r"\[\d\.\d\d, \d\.\d\d\]", size["interval"])
    assert "<polyline" in size["thumbnail"]
    assert "190 cells" in size["macaque"]
    assert [rows[number]["control"] for number in (1, 13)] == ["0.00", "1.00"]
    assert rows[28]["control"] == "0.42"
    assert "reverse correlation" in rows[29]["phenomenon"]


def test_the_report_has_it(run, tmp_path):
    page = write_report(run, tmp_path).read_text()
    assert page.count('<section id="phenomena"') == 1
    assert "surround is tuned to orientation" in page
    assert "Linear control" in page
    assert (tmp_path / "figures" / "phenomena.csv").exists()
    assert "phenomena" in page[page.index("<nav") : page.index("</nav>")]


def test_the_comparison_has_it(run, tmp_path):
    side = compare_runs([run, measured(seed=1, effect=0.001, model="other")], n_resamples=50)
    assert side.phenomena["model"].unique().tolist() == ["imaginary v1", "other v1"]
    page = write_side_by_side(side, tmp_path).read_text()
    assert "Thirty phenomena of V1" in page
    table = (tmp_path / "phenomena.md").read_text()
    assert "imaginary v1" in table
    assert "| 30 | field from bars is smaller" in table
    assert table.splitlines()[0].endswith("| Linear control |")
