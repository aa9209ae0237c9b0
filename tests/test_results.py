"""Results as a person meets them: printed, in a notebook, unit by unit, as figures."""

import html.parser

import fake_results
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico import UserError
from insilico.reference import leaderboard

mpl.use("Agg")


@pytest.fixture(scope="module")
def run():
    return fake_results.results(60, layers=("conv1",))


@pytest.fixture(scope="module")
def layers():
    return fake_results.results(60, layers=("conv1", "conv2"))


class TestPrinted:
    def test_in_ten_lines_or_so(self, run):
        told = repr(run).splitlines()
        assert len(told) <= 14
        assert max(map(len, told)) <= 88

    def test_says_what_was_recorded(self, run):
        told = repr(run)
        assert run.provenance["model"] in told
        assert "conv1 (60 units)" in told

    @pytest.mark.parametrize(
        ("trained", "said"), [(False, "UNTRAINED"), (None, "TRAINING UNKNOWN"), (True, "weights")]
    )
    def test_says_whether_it_is_trained(self, run, trained, said):
        told = repr(fake_results.replaced(run, trained=trained))
        assert said in told
        assert ("TRAIN" in told) == (trained is not True)

    def test_shows_the_most_and_the_least_alike(self, run):
        scored = run.comparison.dropna(subset="similarity").set_index("reference")["similarity"]
        told = repr(run)
        assert scored.idxmax() in told
        assert scored.idxmin() in told
        assert f"{scored.max():.2f}" in told

    def test_names_the_layers_where_there_are_several(self, layers):
        assert "(conv2)" in repr(layers)

    def test_says_when_nothing_was_compared(self, run):
        assert "nothing was compared" in repr(fake_results.uncompared(run))

    def test_long_names_are_shortened_to_something(self, run, layers):
        name = "ringach2002.orthogonal_preferred_ratio_minus_circular_variance"
        for results in (run, layers):
            table = results.comparison.assign(reference=name)
            rows = repr(fake_results.with_comparison(results, table)).splitlines()
            told = [row for row in rows if "orthogonal_preferred" in row]
            assert len(told) == 4
            assert all(row.startswith(name[:30]) and len(row) <= 88 for row in told)

    @pytest.mark.parametrize("battery", ["marques2020.", ""])
    def test_the_leaderboard_is_offered_where_there_is_one(self, run, battery):
        table = run.comparison.assign(reference=f"{battery}ringach2002.circular_variance")
        told = repr(fake_results.with_comparison(run, table))
        assert (".leaderboard()" in told) == bool(battery)

    def test_rounding_is_not_told_in_powers_of_ten(self, run):
        table = run.comparison.assign(median_model=3e-9)
        assert "e-09" not in repr(fake_results.with_comparison(run, table))


class TestSummary:
    def test_has_a_row_for_every_comparison(self, layers):
        table = layers.summary()
        assert len(table) == len(layers.comparison)
        assert table.index.names == ["layer", "reference"]
        assert table["similarity"].tolist() == layers.comparison["similarity"].tolist()

    def test_is_empty_where_nothing_was_compared(self, run):
        assert fake_results.uncompared(run).summary().empty

    def test_yes_or_no_is_told_as_a_share(self, run):
        units = run.units.copy()
        name = "spatial_frequency_selective"
        flags = np.arange(60) < 45
        protocol = str(units["protocol"].to_numpy()[0])
        units[name] = ("unit", flags.astype(float), {"protocol": protocol})
        units["responsive"] = units["responsive"].copy(
            data=np.ones(units["responsive"].shape, bool)
        )
        row = run.comparison.iloc[0].to_dict() | {
            "property": name,
            "reference": "marques2020.schiller1976.spatial_frequency_selective",
            "layer": "conv1",
        }
        told = fake_results.with_comparison(run, pd.DataFrame([row]), units=units).summary()
        assert told["model"].item() == pytest.approx(0.75)
        assert 0 < told["macaque"].item() < 1


class TestUnit:
    def test_is_a_row_of_the_table_with_its_curves(self, run):
        unit = run.unit(16)
        assert (unit.number, unit.layer) == (16, "conv1")
        assert unit.channel == int(run.units["channel"][16])
        name = "circular_variance"
        assert unit.properties["value"][name] == float(run.units[name][16])
        assert set(unit.curves) == set(run.curves)
        first = next(iter(run.curves))
        assert unit.curves[first].identical(run.curves[first].isel(unit=16))

    def test_responds_where_the_run_says(self, run):
        unit = run.unit(3)
        for row in unit.properties.itertuples():
            flags = run.units["responsive"].sel(protocol=row.protocol)
            assert row.responsive == bool(flags[3])

    def test_prints_what_is_defined(self, run):
        told = repr(run.unit(0)).splitlines()
        assert any(line.startswith("circular_variance ") for line in told)
        # Numbers stand below each other, however long the names are.
        ends = {len(line) - len(line.lstrip()) for line in told}
        assert ends == {0}
        values = [line for line in told[1:] if line.split()[0] in run.units]
        longest = max(len(line.split()[0]) for line in values)
        assert {len(line[: longest + 11].rstrip()) for line in values} == {longest + 11}

    @pytest.mark.parametrize("number", [-1, 60, 1.5, "3", True])
    def test_numbers_that_are_no_row_are_refused(self, run, number):
        with pytest.raises(UserError, match="from 0 to 59"):
            run.unit(number)


class TestPlot:
    def test_returns_figures(self, run):
        for figure in (run.plot.summary(), run.plot.population(), run.plot.unit(16)):
            assert isinstance(figure, Figure)

    def test_draws_a_curve(self, run):
        ax = run.plot.tuning("orientation", unit=16)
        assert isinstance(ax, Axes)
        drawn = ax.lines[0].get_ydata()
        np.testing.assert_array_equal(drawn[:-1], run.curves["orientation"].isel(unit=16))

    def test_marks_what_was_measured_on_a_curve(self, run):
        ax = run.plot.tuning("orientation", unit=16)
        [mark] = [line for line in ax.lines if line.get_marker() == "v"]
        assert mark.get_xdata() == [run.units["preferred_orientation"].to_numpy()[16]]
        field = run.plot.tuning("receptive_field", unit=16)
        [cross] = [line for line in field.lines if line.get_marker() == "+"]
        assert np.isfinite(cross.get_xydata()).all()
        assert field.xaxis.label.get_size() == 7

    def test_says_which_curves_there_are(self, run):
        with pytest.raises(UserError, match="orientation"):
            run.plot.tuning("sise", unit=16)

    def test_asks_which_layer(self, layers):
        with pytest.raises(UserError, match="conv1, conv2"):
            layers.plot.population()
        assert isinstance(layers.plot.population("conv2"), Figure)

    def test_says_when_there_is_nothing_to_draw(self, run):
        with pytest.raises(UserError, match="compared"):
            fake_results.uncompared(run).plot.summary()

    def test_phenomena_are_drawn_where_they_were_measured(self, run):
        units = run.units.drop_vars("suppression_index")
        with pytest.raises(UserError, match="battery='phenomena'"):
            fake_results.with_comparison(run, run.comparison, units=units).plot.phenomena()


def test_leaderboard_ranks_each_property_among_those_scored(run):
    board = leaderboard.models()
    name = "marques2020.ringach2002.circular_variance"
    scores = board["ringach2002.circular_variance"].dropna()
    row = run.comparison.iloc[0].to_dict()
    ceiled = float(scores.sort_values().iloc[-3]) + 1e-6
    table = pd.DataFrame(
        [row | {"reference": name, "property": "ringach2002.circular_variance", "ceiled": ceiled}]
    )
    told = fake_results.with_comparison(run, table).leaderboard()
    first, mean = told.to_dict("records")
    assert (first["rank"], first["n"]) == (3, len(scores))
    assert first["best"] == scores.max()
    assert mean["property"] == "mean"


def test_without_a_score_on_the_benchmark_there_is_no_leaderboard(run):
    ours = run.comparison[~run.comparison["reference"].str.startswith("marques2020.")]
    for table in (ours, ours.iloc[:0]):
        with pytest.raises(UserError, match="no score on it: run battery='marques2020'"):
            fake_results.with_comparison(run, table).leaderboard()


def test_methods_name_units_stimuli_and_sources(run):
    told = run.methods()
    assert "60 units of conv1" in told
    flags = run.units["responsive"].sel(protocol="orientation")
    assert f"{int(flags.sum())} of 60 units responded" in told
    assert "doi" in told.split("References")[1]
    assert "\nafter " not in told
    assert "offset xs" not in told


def test_cell_of_a_notebook_loads_nothing_and_runs_nothing(run):
    evil = "<script>alert(1)</script>"
    cell = fake_results.replaced(run, model=evil)._repr_html_()
    assert evil not in cell
    sources = []

    class Links(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            sources.extend(value for name, value in attrs if name in ("src", "href"))

    Links().feed(cell)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_report_is_written_where_asked(run, tmp_path):
    page = run.report(tmp_path / "page")
    assert page == tmp_path / "page" / "report.html"
    assert page.is_file()
