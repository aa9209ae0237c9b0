"""Figures: what they draw, and that their numbers are the data."""

import dataclasses
import io
import subprocess
import sys
from itertools import pairwise

import fake_results
import matplotlib as mpl
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico import UserError, figures, reference
from insilico.comparison.table import score
from insilico.experiments.batteries import BATTERIES, find_battery
from insilico.figures.examples import drawable, example_quantiles
from insilico.figures.pages import check_pages
from insilico.figures.plates import example_places, shown_layers
from insilico.figures.population import counted
from insilico.figures.sheet import contact_rows
from insilico.figures.style import log_axis, new_figure
from insilico.figures.textures import modulation_numbers, surround_numbers
from stimuli import Display, center_surround, factorial, grating
from stimuli.textures.sets import shipped

mpl.use("Agg")

PUBLISHED = [each for each in map(reference.load, reference.names()) if each.counts is not None]
CIRCULAR_VARIANCE = reference.load("ringach2002.circular_variance")


@pytest.fixture(scope="module")
def run():
    return fake_results.results(60, layers=("conv1",))


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    figures.save_figures(run, folder)
    return folder


@pytest.fixture(scope="module")
def textured():
    run = fake_results.results(60, layers=("conv1",), names=())
    return fake_results.with_textures(run, checksum=shipped().checksum)


@pytest.fixture(scope="module")
def texture_plates(textured):
    return {plate.name: plate for plate in figures.plates(textured)}


@pytest.fixture(autouse=True)
def _settings_are_left_alone():
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


@pytest.fixture
def ax():
    return new_figure().subplots()


def values(numbers, **attrs):
    return xr.DataArray(np.asarray(numbers, dtype=float), dims="unit", name="value", attrs=attrs)


def orientation_curve(**coords):
    place = np.arange(0, 180, 22.5)
    response = 5 + 4 * np.cos(np.deg2rad(2 * (place - 45)))
    return xr.DataArray(
        response, {"orientation": place, **coords}, "orientation", attrs={"units": "spikes/s"}
    )


class TestStyle:
    def test_importing_figures_loads_no_window_system(self):
        code = "import insilico.figures, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_widths_are_those_of_a_journal(self):
        assert new_figure(figures.ONE_COLUMN).get_figwidth() * 25.4 == pytest.approx(85)
        assert new_figure().get_figwidth() * 25.4 == pytest.approx(175)

    @pytest.mark.parametrize(
        ("low", "high", "ticks"),
        [
            (0.5, 8, [0.5, 1, 2, 4, 8]),
            (1, 1000, [1, 10, 100, 1000]),
            (0.4, 1.9, [0.5, 1]),
            (0.0625, 16, [0.0625, 0.5, 4]),
        ],
    )
    def test_ticks_of_a_logarithmic_axis_are_plain_numbers(self, ax, low, high, ticks):
        log_axis(ax, low, high)
        shown = [tick for tick in ax.get_xticks() if low <= tick <= high]
        assert shown == pytest.approx(ticks)
        assert ax.xaxis.get_major_formatter()(1000, 0) == "1000"


class TestWidths:
    @pytest.mark.parametrize(("width", "per_row"), [("ONE_COLUMN", 2), ("TWO_COLUMNS", 3)])
    def test_pages_fit_one_column_or_two(self, run, width, per_row):
        inches = getattr(figures, width)
        drawn = {plate.kind: plate.figure for plate in figures.plates(run, width=inches)}
        assert drawn["summary"].get_figwidth() == pytest.approx(inches)
        assert drawn["population"].get_figwidth() == pytest.approx(inches)
        first = drawn["population"].axes[0].get_subplotspec().get_gridspec()
        assert first.ncols == per_row

    def test_text_of_a_pdf_can_be_edited(self, run, tmp_path):
        (file,) = figures.save_figure(
            figures.summary(run.comparison), tmp_path, "summary", formats=("pdf",)
        )
        content = file.read_bytes()
        assert b"/Type0" in content or b"/TrueType" in content
        assert b"/Type3" not in content


class TestTuning:
    def test_orientation_is_closed_and_has_its_blank(self, ax):
        drawn = figures.tuning_curve(orientation_curve(blank=1.5), ax=ax, marked=45)
        assert drawn is ax
        line, blank, mark = ax.lines
        assert line.get_xdata()[-1] == 180
        assert line.get_ydata()[-1] == line.get_ydata()[0]
        assert list(blank.get_ydata()) == [1.5, 1.5]
        assert mark.get_xdata() == [45]
        assert ax.get_xlabel() == "Orientation (deg)"
        assert ax.get_ylabel() == "Response (spikes/s)"

    @pytest.mark.parametrize(("modulated", "name"), [(True, "F1"), (False, "F0 less blank")])
    def test_a_curve_relative_to_blank_says_so_and_has_no_blank(self, ax, modulated, name):
        curve = orientation_curve(blank=1.5, modulated=modulated)
        figures.tuning_curve(curve, ax=ax)
        assert len(ax.lines) == 1
        assert ax.get_ylabel() == f"{name} (spikes/s)"

    def test_a_mark_beyond_the_curve_is_not_drawn(self, ax):
        figures.tuning_curve(orientation_curve(), ax=ax, marked=-20)
        assert len(ax.lines) == 1

    def test_factors_that_grow_by_ratios_are_drawn_on_a_log_axis(self, ax, run):
        figures.tuning_curve(run.curves["size"].isel(unit=0), ax=ax)
        assert ax.get_xscale() == "log"
        assert ax.get_xlabel() == "Grating diameter (deg)"

    def test_polar_draws_every_orientation_twice(self):
        polar = figures.orientation_polar(orientation_curve())
        angle, radius = polar.lines[0].get_data()
        assert len(angle) == 2 * 8 + 1
        assert radius[:8] == pytest.approx(radius[8:16])
        assert angle[np.argmax(radius)] == pytest.approx(np.pi / 4)

    def test_polar_refuses_other_axes(self, ax):
        with pytest.raises(ValueError, match=r"polar axes; got Axes\. Make them with"):
            figures.orientation_polar(orientation_curve(), ax=ax)

    def test_up_is_up_in_the_map(self, ax):
        chart = np.zeros((3, 5))
        chart[0, 4] = 1  # offset_y runs downwards here: the top right corner
        curve = xr.DataArray(
            chart, {"offset_y": [1.0, 0.0, -1.0], "offset_x": np.arange(5.0)}, fake_results.MAP
        )
        figures.receptive_field_map(curve, ax=ax, center=(4, 1), diameter=1)
        (image,) = ax.images
        assert np.unravel_index(image.get_array().argmax(), (3, 5)) == (2, 4)
        assert image.origin == "lower"
        assert image.get_extent() == pytest.approx((-0.5, 4.5, -1.5, 1.5))

    @pytest.mark.parametrize("draw", [figures.tuning_curve, figures.orientation_polar])
    def test_a_silent_or_undefined_unit_can_be_drawn(self, draw):
        for number in (0.0, np.nan):
            assert isinstance(draw(orientation_curve() * 0 + number), Axes)


class TestExamples:
    def test_examples_are_spread_and_do_not_depend_on_order(self):
        rng = np.random.default_rng(0)
        numbers = rng.permutation(np.append(np.arange(100.0), [np.nan] * 5))
        chosen = numbers[figures.choose_examples(values(numbers), quantiles=[0, 0.5, 1])]
        assert chosen.tolist() == [0, 50, 99]

    @pytest.mark.parametrize(("numbers", "places"), [([], []), ([np.nan], []), ([3.0], [0])])
    def test_few_units_are_chosen_once(self, numbers, places):
        assert figures.choose_examples(values(numbers)).tolist() == places

    def test_only_responsive_units_of_the_layer_are_chosen(self):
        run = fake_results.results(40)
        by, places = example_places(run, "conv2")
        assert by == "circular_variance"
        assert set(run.units["layer"].to_numpy()[places]) == {"conv2"}
        assert run.units["responsive"].sel(protocol="orientation")[places].all()

    def test_one_curve_of_each_kind_in_a_fixed_order(self, run):
        again = {"second_size": run.curves["size"]}
        cube = {"cube": run.curves["size"].expand_dims(contrast=[0.1, 1.0])}
        shuffled = dict(reversed(run.curves.items())) | again | cube
        expected = ["orientation", "spatial_frequency", "size", "receptive_field"]
        assert list(drawable(shuffled)) == expected

    def test_a_page_has_a_row_per_unit(self, run):
        page = figures.example_units(run.curves, [3, 1], units=run.units, by="circular_variance")
        assert isinstance(page, Figure)
        # Margin, orientation, polar, frequency, size, map and its colour bar.
        assert len(page.axes) == 2 * 7
        value = float(run.units["circular_variance"][3])
        assert f"{value:.2f}" in page.axes[0].texts[0].get_text().replace("\n", " ")

    def test_ticks_of_narrow_panels_do_not_run_into_each_other(self, run):
        direction = run.curves["orientation"].rename(orientation="direction")
        page = figures.example_units({**run.curves, "direction": direction}, [3], units=run.units)
        with figures.style():
            page.draw_without_rendering()
            for ax in page.axes:
                labels = [label for label in ax.get_xticklabels() if label.get_text()]
                boxes = [label.get_window_extent() for label in labels]
                between = [b.x0 - a.x1 for a, b in pairwise(boxes)]
                assert ax.name == "polar" or all(gap > 2 for gap in between)

    def test_many_curves_take_several_rows_of_fewer_units(self, run):
        length = run.curves["size"].rename(diameter="length")
        many = {f"curve_{i}": length.rename(length=f"factor_{i}") for i in range(12)}
        curves = {**run.curves, **many}
        assert len(example_quantiles(run.curves)) == 6
        assert len(example_quantiles(curves)) == 3
        curves["curve_0"] = curves["curve_0"] * np.nan
        page = figures.example_units(curves, [3, 1], units=run.units)
        # All that there is of both, and nothing so narrow that it cannot be laid out: a warning,
        # and so an error.
        page.draw_without_rendering()
        panels = [ax for ax in page.axes if ax.get_xlabel()]
        assert len(panels) == 2 * (4 + 12)
        assert min(ax.get_position().width for ax in panels) > 0.05
        assert sum(text.get_text() == "no values" for ax in panels for text in ax.texts) == 2

    def test_without_curves_it_says_what_is_needed(self, run):
        with pytest.raises(ValueError, match=r"at least one unit and one curve .* got 0 units"):
            figures.example_units(run.curves, [])

    def test_the_numbers_are_the_curves(self, run):
        table = figures.tuning_numbers(run.curves, [7, 2])
        for name in run.curves:
            rows = table[(table["curve"] == name) & (table["unit"] == 2)]
            expected = run.curves[name].isel(unit=2).to_numpy().ravel()
            np.testing.assert_array_equal(rows["response"], expected)
        assert set(table["unit"]) == {7, 2}


class TestPopulation:
    @given(st.lists(st.floats(-1, 2) | st.just(float("nan")), max_size=40))
    def test_every_defined_value_is_counted(self, numbers):
        table = figures.histograms(values(numbers), CIRCULAR_VARIANCE)
        defined = int(np.isfinite(np.array(numbers, dtype=float)).sum())
        assert table["model_count"].sum() == defined
        assert table["model_proportion"].sum() == pytest.approx(min(defined, 1))
        assert table["reference_proportion"].sum() == pytest.approx(1)

    @pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
    def test_merged_bins_hold_the_same_cells(self, published):
        table = figures.histograms(values([]), published)
        assert len(table) <= 20
        assert table["reference_count"].sum() == pytest.approx(published.counts.sum())
        cells_below = dict(zip(published.edges[1:], np.cumsum(published.counts), strict=True))
        for high, below in zip(table["bin_high"], table["reference_count"].cumsum(), strict=True):
            assert below == pytest.approx(cells_below.get(high, published.counts.sum()))

    def test_a_value_goes_into_its_bin(self):
        published = reference.load("cavanaugh2002a.suppression_index")
        table = figures.histograms(values([0.25, 0.3, 0.99, 7.0, np.nan]), published)
        assert table["model_count"].tolist() == [0, 2, 0, 0, 1, 0, 0, 0, 0, 1]
        assert table["bin_low"].iloc[1] == 0.2
        np.testing.assert_array_equal(table["reference_count"], published.counts)

    def test_both_are_drawn_in_the_same_bins_with_medians(self, ax):
        published = reference.load("cavanaugh2002a.suppression_index")
        index = values([0.1, 0.3, 0.5], long_name="Suppression", units="1")
        figures.population(index, published, ax=ax)
        filled, _, outline = [patch.get_data() for patch in ax.patches]
        np.testing.assert_array_equal(filled.edges, outline.edges)
        np.testing.assert_allclose(filled.values, published.probabilities)
        assert outline.values[:3] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
        marks = [line.get_xdata()[0] for line in ax.lines]
        assert marks == pytest.approx([0.3, published.median])
        assert ax.get_xlabel() == "Suppression"

    def test_the_interval_of_the_median_is_drawn_within_the_axis(self, ax):
        published = reference.load("cavanaugh2002a.suppression_index")
        figures.population(values([0.1, 0.3]), published, ax=ax, interval=(-1, 0.4))
        assert [list(line.get_xdata()) for line in ax.lines][-1] == [published.edges[0], 0.4]
        drawn = len(ax.lines)
        figures.population(values([0.1, 0.3]), published, ax=ax, interval=(np.nan, np.nan))
        assert len(ax.lines) == drawn + 2  # two medians

    def test_the_axis_is_logarithmic_where_the_bins_are(self, ax):
        published = reference.load("devalois1982b.preferred_spatial_frequency")
        figures.population(values([2.0], units="cpd"), published, ax=ax)
        assert ax.get_xscale() == "log"
        assert ax.get_xlabel() == "Preferred spatial frequency (cpd)"

    def test_yes_or_no_has_no_median(self, ax):
        published = reference.load("ringach2002.orientation_selective")
        figures.population(values([1, 1, 0]), published, ax=ax)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["no", "yes"]
        assert not ax.lines

    @pytest.mark.parametrize("numbers", [[], [np.nan], [np.nan] * 9])
    def test_a_property_without_values_says_so(self, ax, numbers):
        figures.population(values(numbers), CIRCULAR_VARIANCE, ax=ax)
        assert ax.texts[0].get_text() == "no unit has a value"
        assert len(ax.lines) == 1  # the median of the reference

    def test_a_reference_without_numbers_says_so(self, ax):
        published = reference.load("marques2020.freemanZiemba2013.texture_selectivity")
        figures.population(values([0.5]), published, ax=ax)
        assert ax.texts[0].get_text() == "no public numbers"

    def test_it_counts_the_units_that_the_comparison_counts(self, run):
        table = score(run.units, fake_results.NAMES, n_resamples=2)
        for row in table.itertuples():
            own = counted(run.units, row.property)
            assert np.isfinite(own).sum() == row.n_defined
            published = reference.load(row.reference)
            assert figures.histograms(own, published)["model_count"].sum() == row.n_defined

    def test_a_page_has_a_lettered_panel_per_property(self, run):
        published = {name: reference.load(name) for name in fake_results.NAMES}
        page = figures.population_page(run.units, run.comparison, published)
        shown = [ax for ax in page.axes if ax.get_visible()]
        letters = [ax.get_title(loc="left").strip() for ax in shown]
        assert letters == list("abcdefg")
        notes = [ax.texts[-1].get_text() for ax in shown]
        first = run.comparison.iloc[0]
        assert f"{first['n_defined']} of {first['n_responsive']} units, 304 cells" in notes[0]
        assert f"similarity {first['similarity']:.2f}" in notes[0]

    def test_an_empty_comparison_is_refused(self, run):
        with pytest.raises(ValueError, match="comparison has no rows"):
            figures.population_page(run.units, run.comparison.iloc[:0], {})
        with pytest.raises(ValueError, match="comparison has no rows"):
            figures.summary(run.comparison.iloc[:0])


class TestSummary:
    def test_counts_stand_beside_their_own_property(self):
        # Categories that alternate, and do not come in alphabetical order.
        rows = [("first", "z", 1), ("second", "a", 2), ("third", "z", 3)]
        table = pd.DataFrame(
            {
                "layer": "v1",
                "reference": [f"x.{label}" for label, *_ in rows],
                "label": [label for label, *_ in rows],
                "category": [category for _, category, _ in rows],
                "similarity": 0.5,
                "similarity_error": 0.1,
                "floor": 0.2,
                "ceiling": 0.9,
                "n_defined": [count for *_, count in rows],
                "n_recorded": 9,
            }
        )
        ax = figures.summary(table).axes[0]
        counts = {text.get_position()[1]: text.get_text() for text in ax.texts}
        written = {
            label.get_text(): counts[place]
            for place, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        }
        assert written == {"first": "1 of 9", "second": "2 of 9", "third": "3 of 9"}

    def test_dots_floors_and_ceilings_stand_in_one_row(self, ax, run):
        figures.similarities(run.comparison, ax=ax)
        ceiling, dots = ax.lines[0], ax.containers[-1].lines[0]
        np.testing.assert_allclose(ceiling.get_xdata(), run.comparison["ceiling"])
        np.testing.assert_allclose(dots.get_xdata(), run.comparison["similarity"])
        np.testing.assert_allclose(dots.get_ydata(), ceiling.get_ydata())
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert labels == run.comparison["label"].tolist()

    def test_lines_are_intervals_or_else_errors(self, ax, run):
        table = run.comparison.assign(similarity=0.5, similarity_error=0.05)
        table["similarity_low"] = [0.3, np.nan, *[0.4] * 5]
        table["similarity_high"] = [0.6, np.nan, *[0.45] * 5]
        figures.similarities(table, ax=ax)
        (lines,) = ax.containers[-1].lines[2]
        ends = [segment[:, 0].tolist() for segment in lines.get_segments()]
        assert ends[:3] == [
            pytest.approx([0.3, 0.6]),
            pytest.approx([0.45, 0.55]),
            pytest.approx([0.4, 0.5]),  # a score beyond its interval has no line on that side
        ]

    def test_categories_stand_together(self, ax, run):
        table = run.comparison.assign(category=list("abacbca"))
        figures.similarities(table, ax=ax)
        labels = [label.get_text() for label in ax.get_yticklabels()]
        order = table.set_index("label").loc[labels, "category"]
        assert "".join(order) == "aaabbcc"
        gaps = [below - above for above, below in pairwise(ax.get_yticks())]
        assert gaps == pytest.approx([1, 1, 1.5, 1, 1.5, 1])

    def test_many_layers_become_a_heat_map(self, run):
        many = pd.concat([run.comparison.assign(layer=f"layer{i}") for i in range(7)])
        with pytest.raises(ValueError, match="can tell 6 layers apart; got 7"):
            figures.similarities(many)
        chart = figures.summary(many).axes[0]
        table = chart.collections[0].get_array().reshape(7, 7)
        expected = np.repeat(run.comparison[["ceiled"]].to_numpy(), 7, axis=1)
        np.testing.assert_allclose(table, expected)


class TestContactSheet:
    @staticmethod
    def gratings(orientations, phases):
        factors = {
            "orientation": np.arange(0, 180, 180 / orientations).tolist(),
            "phase": np.arange(0, 360, 360 / phases).tolist(),
        }
        display = Display.square(pixels=16, degrees=4)
        return factorial("bars", display, grating, factors, spatial_frequency=1.0)

    def test_a_small_set_is_shown_whole(self):
        sheet = figures.contact_sheet(self.gratings(3, 4))
        shown = [ax for ax in sheet.axes if ax.images]
        assert len(shown) == 12
        assert shown[0].get_title() == "orientation 0 deg\nphase 0 deg"
        heading = sheet.get_suptitle()
        assert "12 stimuli" in heading
        assert "all: spatial frequency 1 cpd" in heading
        np.testing.assert_allclose(
            shown[5].images[0].get_array()[::14, ::14],
            self.gratings(3, 4).images([5])[0, 0].numpy(),
        )

    def test_long_names_do_not_run_into_each_other(self):
        display = Display.square(pixels=16, degrees=4)
        turned = factorial(
            "surrounds", display, center_surround, {"surround_orientation": [22.5, 67.5, 112.5]},
            orientation=90, spatial_frequency=1.5, diameter=2, surround_contrast=0.5,
        )  # fmt: skip
        sheet = figures.contact_sheet(turned)
        shown = [ax for ax in sheet.axes if ax.images]
        assert shown[0].get_title() == "surround\norientation\n22.5 deg"
        with figures.style():
            sheet.draw_without_rendering()
            boxes = [ax.title.get_window_extent() for ax in shown]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))

    @pytest.mark.parametrize(("pixels", "times"), [(16, 14), (100, 2), (224, 1), (300, 1)])
    def test_every_pixel_of_a_display_is_seen(self, pixels, times):
        display = Display.square(pixels=pixels, degrees=4)
        factors = {"orientation": np.arange(0, 180, 15.0)}
        place = {"x": 0.9, "y": -2.0}
        finest = factorial(
            "fine", display, grating, factors, spatial_frequency=display.nyquist * 0.9, **place
        )
        file = io.BytesIO()
        with figures.style():
            sheet = figures.contact_sheet(finest)
            sheet.savefig(file)
        file.seek(0)
        drawn = mpl.image.imread(file)[..., 0]
        for number in (0, 5, 11):
            # Around the stimulus, as far as the display goes.
            tile = finest.images([number])[0, 0].numpy()[-224:, -224:]
            expected = tile.repeat(times, axis=0).repeat(times, axis=1)
            left, bottom, right, top = np.rint(sheet.axes[number].get_window_extent().extents)
            rows = slice(len(drawn) - int(top), len(drawn) - int(bottom))
            np.testing.assert_allclose(drawn[rows, int(left) : int(right)], expected, atol=2 / 255)

    def test_a_large_set_is_shown_one_factor_at_a_time(self):
        bars = self.gratings(24, 8)
        strips = contact_rows(bars, most=16)
        assert list(strips) == ["orientation", "phase"]
        for factor, other in (("orientation", "phase"), ("phase", "orientation")):
            rows = bars.conditions.iloc[strips[factor]]
            assert len(rows) == 8
            assert rows[other].nunique() == 1
            assert rows[factor].is_monotonic_increasing
            assert rows[factor].min() == 0
            assert rows[factor].max() == bars.conditions[factor].max()
        assert "one row per factor" in figures.contact_sheet(bars, most=16).get_suptitle()

    def test_too_few_are_refused(self):
        with pytest.raises(ValueError, match=r"each of its 2 factors; got most=1"):
            contact_rows(self.gratings(24, 8), most=1)


class TestSaving:
    def test_every_figure_has_its_numbers_beside_it(self, folder):
        names = {"summary", "population", "examples"}
        expected = {f"{name}.{ending}" for name in names for ending in ("png", "svg", "pdf", "csv")}
        assert {path.name for path in folder.iterdir()} == expected

    def test_the_numbers_are_the_data(self, folder, run):
        summary = pd.read_csv(folder / "summary.csv")
        pd.testing.assert_series_equal(
            summary["similarity"], run.comparison["similarity"], check_names=False
        )
        examples = pd.read_csv(folder / "examples.csv")
        _, places = example_places(run, "conv1")
        assert set(examples["unit"]) == set(places)
        rows = examples[(examples["unit"] == places[0]) & (examples["curve"] == "orientation")]
        np.testing.assert_allclose(
            rows["response"], run.curves["orientation"].isel(unit=places[0]), rtol=1e-6
        )
        population = pd.read_csv(folder / "population.csv")
        rows = population[population["property"] == "suppression_index"]
        published = reference.load("cavanaugh2002a.suppression_index")
        np.testing.assert_allclose(rows["reference_count"], published.counts)

    def test_text_can_be_edited(self, folder):
        drawing = (folder / "population.svg").read_text()
        assert ">Suppression index</text>" in drawing

    def test_the_same_run_gives_the_same_files(self, folder, run, tmp_path):
        (summary, *_) = figures.plates(run)
        figures.save_figure(summary.figure, tmp_path, "summary", numbers=summary.numbers)
        for ending in ("svg", "png", "csv"):
            name = f"summary.{ending}"
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()

    def test_saving_leaves_the_figure_as_it_was(self, tmp_path):
        figure = new_figure()
        figure.subplots()
        engine = figure.get_layout_engine()
        figures.save_figure(figure, tmp_path, "empty", formats=("pdf",))
        assert figure.get_layout_engine() is engine

    @pytest.mark.parametrize("n", [0, 1])
    def test_runs_of_no_or_one_unit(self, n):
        run = fake_results.results(n, layers=("conv1",))
        assert all(isinstance(plate.figure, Figure) for plate in figures.plates(run))

    def test_layers_are_named_in_the_files_and_limited(self):
        layers = tuple(f"block/{i}" for i in range(9))
        run = fake_results.results(18, layers=layers, names=fake_results.NAMES[:1])
        assert shown_layers(run) == ["block/0", "block/4", "block/8"]
        names = [plate.name for plate in figures.plates(run, layers=["block/8"])]
        assert names == ["summary", "population-block-8", "examples-block-8"]


class TestTextures:
    def curve(self, blank=2.0, **factors):
        """Two units of each of two layers; all responses are the blank."""
        coords = {name: list(levels) for name, levels in factors.items()}
        coords["layer"] = ("unit", ["a", "a", "b", "b"])
        coords["blank"] = ("unit", np.full(4, blank))
        shape = (4, *(len(levels) for levels in factors.values()))
        return xr.DataArray(np.full(shape, blank), coords, ("unit", *factors))

    def test_modulation_is_that_of_each_family(self):
        curve = self.curve(type=(1, 2), family=(1, 2, 3), sample=(1, 2))
        curve[:2, :, 0] += np.array([1.0, 3.0])[:, None]  # noise 1, texture 3
        curve[0, 0, 1], curve[1, 1, 1] = 5, 5  # one unit prefers noise, the other texture
        curve[2:, :, 2] -= 1  # below the blank is no response
        table = modulation_numbers(curve).set_index(["layer", "family"])
        assert table.loc[("a", 1), ["n", "low", "median", "high", "mean"]].tolist() == [
            2, 0.5, 0.5, 0.5, 0.5,
        ]  # fmt: skip
        assert table.loc[("a", 2), ["n", "low", "median", "high"]].tolist() == [2, -0.5, 0, 0.5]
        assert table.loc["b", "n"].tolist() == [0, 0, 0]

    def test_responses_in_surrounds_are_relative_to_none(self):
        curve = self.curve(surround=(0, 1, 2), family=(1, 2), blank=0.0)
        curve[:2, :, 0] = np.array([4.0, 2.0, 1.0])
        curve[0, :, 1] = np.array([4.0, 4.0, 8.0])
        table = surround_numbers(curve).set_index(["layer", "surround", "family"])
        assert table.loc[("a", "noise", 1), "median"] == 0.5
        assert table.loc[("a", "texture", 1), "median"] == 0.25
        assert table.loc[("a", "texture", 2), ["n", "median"]].tolist() == [1, 2]
        assert table.loc[("b", "noise", 1), "n"] == 0

    def test_pictures_are_drawn_where_they_are_known(self, textured, texture_plates):
        pictures = [image for ax in texture_plates["textures"].figure.axes for image in ax.images]
        assert len(pictures) == 30
        np.testing.assert_array_equal(pictures[15].get_array(), shipped().levels[1, 0, 0])
        assert "Top: the first texture" in texture_plates["textures"].caption
        curves = {name: curve.assign_coords(checksum=1) for name, curve in textured.curves.items()}
        others = {
            plate.name: plate
            for plate in figures.plates(dataclasses.replace(textured, curves=curves))
        }
        assert not [image for ax in others["textures"].figure.axes for image in ax.images]
        assert "with the pictures of mine (own)" in others["textures"].caption
        assert "not kept with the results" in others["textures"].caption

    def test_means_lie_beside_those_of_macaque(self, texture_plates):
        plate = texture_plates["textures"]
        left, right, _ = plate.figure.axes
        assert left.get_title(loc="left") == f"conv1: {plate.numbers['n'].max()} units"
        model, _, v1, _, v2, _ = right.lines[1:]
        np.testing.assert_allclose(model.get_ydata(), plate.numbers["mean"])
        macaque = reference.table("freeman2013_texture_families")
        np.testing.assert_array_equal(v1.get_ydata(), macaque["v1"])
        np.testing.assert_array_equal(v2.get_ydata(), macaque["v2"])

    def test_only_units_that_respond_are_drawn(self, textured, texture_plates):
        for name in ("textures", "texture_surround"):
            responding = int(textured.units["responsive"].sel(protocol=name).sum())
            assert 0 < responding < textured.units.sizes["unit"]
            assert set(texture_plates[name].numbers["n"]) == {responding}

    def test_runs_without_textures_have_no_figure_of_them(self, run):
        assert not [plate for plate in figures.plates(run) if plate.kind == "textures"]

    def test_a_part_of_the_families_keeps_its_names_and_pictures(self, textured):
        families = [2, 5]
        pictures = shipped()
        names = [pictures.families[family - 1] for family in families]
        modulated, around = (
            textured.curves[name].sel(family=families) for name in ("textures", "texture_surround")
        )
        page = figures.texture_page(modulation_numbers(modulated), pictures)
        shown = page.axes[-1]
        assert [label.get_text() for label in shown.get_xticklabels()] == names
        np.testing.assert_array_equal(shown.images[3].get_array(), pictures.levels[1, 4, 0])
        page = figures.surround_page(around, surround_numbers(around), names=pictures.families)
        assert [label.get_text() for label in page.axes[0].get_xticklabels()] == names

    @pytest.mark.parametrize("width", [figures.ONE_COLUMN, figures.TWO_COLUMNS])
    def test_labels_do_not_overlap(self, textured, width):
        curves, pictures = textured.curves, shipped()
        around = curves["texture_surround"]
        numbers = modulation_numbers(curves["textures"])
        for drawn in (
            figures.texture_page(numbers, pictures, width=width),
            figures.surround_page(
                around, surround_numbers(around), names=pictures.families, width=width
            ),
        ):
            with figures.style():
                drawn.draw_without_rendering()
                for ax in drawn.axes:
                    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
                    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


@pytest.mark.parametrize(("lowest", "bottom"), [(2.0, 0.0), (-3.0, -3.0)])
def test_a_tuning_curve_begins_at_0_or_at_its_lowest_value(lowest, bottom):
    curve = xr.DataArray([lowest, 8.0, 5.0, 4.0], {"diameter": [0.5, 1.0, 2.0, 4.0]}, ("diameter",))
    with figures.style():
        ax = figures.tuning_curve(curve)
    assert ax.get_ylim()[0] == bottom
    assert ax.get_ylim()[1] >= 8


class TestPagesOfProtocols:
    @pytest.mark.parametrize("name", sorted(BATTERIES))
    def test_every_page_that_is_asked_for_can_be_drawn(self, name):
        check_pages(BATTERIES[name]().battery)

    def test_a_page_that_nobody_can_draw_is_refused_before_the_recording(self):
        battery = find_battery("standard").battery.only(["orientation"])
        asked = [dataclasses.replace(each, figure="heat map") for each in battery.protocols]
        with pytest.raises(UserError, match=r"'heat map'.*contrast_pairs"):
            check_pages(dataclasses.replace(battery, protocols=tuple(asked)))
