"""The report as Chromium shows it: opened from disk, driven by mouse and by keyboard."""

import json

import fake_results
import numpy as np
import pytest

from insilico.reporting.report import write_report
from insilico.reporting.side_by_side import write_side_by_side
from insilico.runs.side_by_side import compare_runs

pytestmark = pytest.mark.browser

NASTY = "<script>document.title = 1</script>\"'><img src=http://example.org/x onerror=alert(1)>"
UNITS = 60

# What the figures of the page hold, by the name of the figure and of its part.
DRAWN = """([plot, part, column]) => {
  const figure = Bokeh.documents[0].all_roots.find((root) => root.name === plot);
  const { data } = figure.renderers.find((each) => each.name === part).data_source;
  return Array.from(data[column], Number);
}"""
SHOWN = """() => {
  const figure = Bokeh.documents[0].all_roots.find((root) => root.name === "plot-units");
  const { booleans } = figure.renderers[0].view.filter;
  return booleans.flatMap((shown, unit) => (shown ? [unit] : []));
}"""
# Where on the screen a unit is drawn.
PLACE = """(unit) => {
  const figure = Bokeh.documents[0].all_roots.find((root) => root.name === "plot-units");
  const view = Bokeh.index.get_by_id(figure.id);
  const { data } = figure.renderers[0].data_source;
  const box = view.canvas_view.el.getBoundingClientRect();
  const x = view.frame.x_scale.compute(data.x[unit]);
  const y = view.frame.y_scale.compute(data.y[unit]);
  return [box.x + x, box.y + y];
}"""


@pytest.fixture
def show(chromium):
    """Open a page and record what it complains of and what it asks for."""
    contexts = []

    def show(path, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def run():
    return fake_results.results(UNITS)


@pytest.fixture(scope="module")
def report(run, tmp_path_factory):
    return write_report(run, tmp_path_factory.mktemp("report"))


@pytest.fixture
def page(show, report):
    page = show(report)
    page.wait_for_selector("#explorer[data-ready]")
    return page


def chosen(page):
    return int(page.input_value("#explorer-unit"))


def responding(run, *names):
    protocols = [run.units[name].attrs["protocol"] for name in names]
    return run.units["responsive"].sel(protocol=protocols).all("protocol").to_numpy()


class TestOpening:
    def test_nothing_is_fetched_and_nothing_complains(self, page, report):
        assert page.complaints == []
        assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [
            report.as_uri()
        ]

    def test_a_complaint_would_be_heard(self, show, tmp_path):
        broken = tmp_path / "broken.html"
        broken.write_text("<img src=missing.png><script>undefined.f()</script>")
        page = show(broken)
        assert any("undefined" in each for each in page.complaints)
        assert any(url.endswith("missing.png") for url in page.asked)

    def test_names_are_text(self, show, tmp_path):
        run = fake_results.results(6, layers=(NASTY,), warnings=(NASTY,), model=NASTY)
        run.units["circular_variance"].attrs["long_name"] = NASTY
        page = show(write_report(run, tmp_path))
        page.wait_for_selector("#explorer[data-ready]")
        assert page.complaints == []
        assert page.title() == f"{NASTY} beside macaque V1"
        assert NASTY in page.text_content("#explorer-name")
        assert page.locator("img[src^=http]").count() == 0

    def test_a_script_that_is_not_the_page_s_own_does_not_run(self, show, report, tmp_path):
        smuggled = tmp_path / "smuggled.html"
        text = report.read_text(encoding="utf-8")
        smuggled.write_text(text.replace("<h1>", "<script>document.title = 'broken'</script><h1>"))
        page = show(smuggled)
        assert any("Content Security Policy" in each for each in page.complaints)
        assert page.title() == "imaginary beside macaque V1"


class TestChoosing:
    def test_the_first_unit_is_shown_with_its_curves_and_numbers(self, page, run):
        unit = chosen(page)
        curve = run.curves["orientation"].isel(unit=unit).to_numpy()
        drawn = page.evaluate(DRAWN, ["plot-line-orientation", "line", "response"])
        np.testing.assert_allclose(drawn, [*curve, curve[0]], rtol=1e-5)
        frequencies = run.curves["spatial_frequency"].isel(unit=unit)
        drawn = page.evaluate(DRAWN, ["plot-line-spatial_frequency", "line", "response"])
        np.testing.assert_allclose(drawn, frequencies, rtol=1e-5)
        value = float(run.units["circular_variance"][unit])
        assert float(page.text_content("[data-property=circular_variance]")) == pytest.approx(
            value, rel=0.01
        )

    def test_the_polar_curve_points_where_the_unit_prefers(self, page, run):
        x = np.array(page.evaluate(DRAWN, ["plot-polar-orientation", "patch", "x"]))
        y = np.array(page.evaluate(DRAWN, ["plot-polar-orientation", "patch", "y"]))
        furthest = np.argmax(np.hypot(x, y))
        angle = np.rad2deg(np.arctan2(y[furthest], x[furthest])) % 180
        assert angle == pytest.approx(float(run.units["preferred_orientation"][chosen(page)]))
        assert np.hypot(x, y).max() == pytest.approx(1)

    def test_the_map_is_that_of_the_unit(self, page, run):
        chart = run.curves["receptive_field"].isel(unit=chosen(page))
        drawn = page.evaluate(
            """() => Array.from(Bokeh.documents[0].all_roots
              .find((root) => root.name === "plot-map-receptive_field")
              .renderers[0].data_source.data.image[0])"""
        )
        chart = chart.transpose("offset_y", "offset_x").sortby(["offset_y", "offset_x"]).to_numpy()
        step = (chart.max() - chart.min()) / 255
        np.testing.assert_allclose(drawn, chart.ravel(), atol=0.51 * step)

    def test_a_click_chooses_a_unit(self, page, run):
        before = chosen(page)
        line = ["plot-line-orientation", "line", "response"]
        first = page.evaluate(DRAWN, line)
        x = run.units["circular_variance"].to_numpy()
        shown = page.evaluate(SHOWN)
        # The one that lies furthest out has no other on top of it.
        other = max((unit for unit in shown if unit != before), key=lambda unit: x[unit])
        page.locator("#plot-units").scroll_into_view_if_needed()
        page.mouse.click(*page.evaluate(PLACE, other))
        page.wait_for_function(f"document.querySelector('#explorer-unit').value === '{other}'")
        assert page.evaluate(DRAWN, line) != first
        assert f"Unit {other}:" in page.text_content("#explorer-name")
        assert page.complaints == []

    def test_arrow_keys_go_along_the_axes(self, page, run):
        x = run.units["circular_variance"].to_numpy()
        y = run.units["orientation_half_bandwidth"].to_numpy()
        shown = np.array(page.evaluate(SHOWN))
        page.focus("#explorer-scatter")
        page.keyboard.press("Home")
        seen = [chosen(page)]
        for _ in range(4):
            page.keyboard.press("ArrowRight")
            seen.append(chosen(page))
        assert seen == shown[np.argsort(x[shown])][:5].tolist()
        page.keyboard.press("ArrowLeft")
        assert chosen(page) == seen[-2]
        above = shown[y[shown] > y[seen[-2]]]
        page.keyboard.press("ArrowUp")
        assert chosen(page) == above[np.argmin(y[above])]
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")  # nothing lies beyond the last one
        assert chosen(page) == shown[np.argmax(x[shown])]

    def test_buttons_and_numbers_choose_too(self, page):
        shown = page.evaluate(SHOWN)
        first = chosen(page)
        page.click("#explorer-next")
        second = chosen(page)
        assert second == shown[shown.index(first) + 1]
        page.click("#explorer-previous")
        assert chosen(page) == first
        page.fill("#explorer-unit", str(second))
        page.keyboard.press("Enter")
        assert f"Unit {second}:" in page.text_content("#explorer-name")

    @pytest.mark.parametrize("number", ["100000", "-1", ""])
    def test_a_number_that_is_no_unit_is_said(self, page, number):
        before = chosen(page)
        page.fill("#explorer-unit", number)
        page.keyboard.press("Tab")
        assert "There is no unit" in page.text_content("#explorer-wrong")
        assert page.get_attribute("#explorer-unit", "aria-invalid") == "true"
        assert f"Unit {before}:" in page.text_content("#explorer-name")
        page.click("#explorer-next")
        assert page.text_content("#explorer-wrong") == ""

    def test_the_scatter_is_one_key_away(self, page):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "explorer-scatter"
        before = chosen(page)
        page.keyboard.press("End")
        assert chosen(page) != before


class TestFilter:
    def test_only_responsive_units_with_both_values_at_first(self, page, run):
        names = ("circular_variance", "orientation_half_bandwidth")
        values = np.stack([run.units[name].to_numpy() for name in names])
        expected = responding(run, *names) & np.isfinite(values).all(0)
        assert page.evaluate(SHOWN) == np.flatnonzero(expected).tolist()
        assert f"{expected.sum()} of {UNITS} units shown" in page.text_content("#explorer-count")

    def test_by_layer_channel_and_response(self, page, run):
        page.select_option("#explorer-y", "modulation_ratio")
        page.select_option("#explorer-responsive", "all")
        assert page.evaluate(SHOWN) == list(range(UNITS))
        page.select_option("#explorer-responsive", "no")
        silent = ~responding(run, "circular_variance", "modulation_ratio")
        assert page.evaluate(SHOWN) == np.flatnonzero(silent).tolist()
        page.select_option("#explorer-responsive", "all")
        page.select_option("#explorer-layer", "conv2")
        assert page.evaluate(SHOWN) == list(range(UNITS // 2, UNITS))
        page.fill("#explorer-channel", "3, 28-31")
        assert page.evaluate(SHOWN) == [30, 31]
        assert chosen(page) in (30, 31)
        page.fill("#explorer-channel", "many")
        assert page.get_attribute("#explorer-channel", "aria-invalid") == "true"

    def test_a_filter_that_nothing_passes(self, page):
        page.fill("#explorer-channel", "1000")
        assert page.evaluate(SHOWN) == []
        page.focus("#explorer-scatter")
        page.keyboard.press("ArrowRight")
        assert page.complaints == []

    def test_axes_are_chosen(self, page, run):
        page.select_option("#explorer-x", "grating_summation_field")
        drawn = page.evaluate(DRAWN, ["plot-units", "dots", "x"])
        np.testing.assert_allclose(drawn, run.units["grating_summation_field"], rtol=1e-5)


class TestColours:
    def background(self, page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    def axis(self, page):
        return page.evaluate("Bokeh.documents[0].all_roots[0].below[0].axis_label_text_color")

    def test_the_page_follows_the_system_and_its_switch(self, show, report):
        dark = show(report, color_scheme="dark")
        dark.wait_for_selector("#explorer[data-ready]")
        assert self.background(dark) == "rgb(21, 23, 26)"
        assert self.axis(dark) == "#e4e6e9"
        dark.click("#switch-colours")
        assert self.background(dark) == "rgb(255, 255, 255)"
        assert self.axis(dark) == "#1c1e21"
        dark.click("#switch-colours")
        assert self.background(dark) == "rgb(21, 23, 26)"

    def test_light(self, page):
        assert self.background(page) == "rgb(255, 255, 255)"
        assert page.text_content("#switch-colours") == "Dark page"

    def test_paper_is_white_and_nothing_on_it_is_to_be_chosen(self, show, report):
        dark = show(report, color_scheme="dark")
        dark.wait_for_selector("#explorer[data-ready]")
        dark.emulate_media(media="print", color_scheme="dark")
        assert self.background(dark) == "rgb(255, 255, 255)"
        assert dark.locator("#comparison").is_visible()
        for hidden in ("#units", "a[download]", "#switch-colours"):
            assert not dark.locator(hidden).first.is_visible()

    @pytest.mark.parametrize("width", [420, 1400])
    def test_nothing_is_wider_than_the_screen(self, show, report, width):
        page = show(report, viewport={"width": width, "height": 900})
        page.wait_for_selector("#explorer[data-ready]")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        if width == 1400:
            tables = "[...document.querySelectorAll('.scroll')]"
            cut = f"{tables}.filter(each => each.scrollWidth > each.clientWidth)"
            assert page.evaluate(f"{cut}.map(each => each.id)") == []

    def test_words_of_docstrings_neither_widen_nor_heighten_a_table(self, show, run, tmp_path):
        why = "NaN where `spatial_frequency_bandwidth_percent` is, and wherever else it may be."
        table = run.comparison.assign(why_undefined=why, n_undefined=3)
        path = write_report(fake_results.with_comparison(run, table), tmp_path)
        page = show(path, viewport={"width": 420, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == 420
        assert page.locator("#comparison li", has_text=why.replace("`", "")).count() == 2
        rows = "[...document.querySelectorAll('#comparison-conv1 tbody tr')]"
        tallest = page.evaluate(f"Math.max(...{rows}.map(each => each.offsetHeight))")
        line = "parseFloat(getComputedStyle(document.querySelector('#comparison td')).lineHeight)"
        # A label takes two lines, and an interval stands below its number.
        assert tallest < 2.6 * page.evaluate(line)


class TestSaving:
    def saved(self, page, selector):
        with page.expect_download() as download:
            page.click(selector)
        return download.value.suggested_filename, download.value.path().read_text("utf-8")

    def test_figures_as_svg(self, page):
        for selector in ("[data-picture=picture-summary]", "[data-plot=plot-line-orientation]"):
            name, text = self.saved(page, selector)
            assert name.endswith(".svg")
            assert "<svg" in text
            assert "<text" in text

    def test_units_and_curves_as_csv(self, page, run):
        name, text = self.saved(page, "[data-table=units]")
        assert name == "units.csv"
        head, *rows = text.splitlines()
        assert head.startswith("unit,layer,channel,row,column,")
        assert [int(row.split(",")[0]) for row in rows] == page.evaluate(SHOWN)
        _, text = self.saved(page, "[data-table=curves]")
        n_places = sum(
            run.curves[name].shape[1] for name in ("orientation", "spatial_frequency", "size")
        )
        assert len(text.splitlines()) == 1 + n_places


class TestSize:
    def test_two_thousand_units_are_small_and_quick(self, show, tmp_path):
        report = write_report(fake_results.results(2000, layers=("conv1",)), tmp_path)
        assert report.stat().st_size < 10e6
        page = show(report)
        page.wait_for_selector("#explorer[data-ready]")
        took = json.loads(
            page.evaluate(
                """() => {
                  const scatter = document.getElementById("explorer-scatter");
                  const press = () => scatter.dispatchEvent(
                    new KeyboardEvent("keydown", { key: "ArrowRight" }));
                  press();
                  const began = performance.now();
                  for (let times = 0; times < 20; times += 1) press();
                  return JSON.stringify((performance.now() - began) / 20);
                }"""
            )
        )
        assert took < 200  # ms for each unit, on a slow machine


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    runs = [
        fake_results.results(20, model=model, seed=seed, trained=bool(seed))
        for seed, model in enumerate((NASTY, "plain", "other"))
    ]
    folder = tmp_path_factory.mktemp("comparison")
    return write_side_by_side(compare_runs(runs, n_resamples=50), folder)


class TestSideBySide:
    def test_nothing_is_fetched_and_nothing_complains(self, show, comparison):
        page = show(comparison)
        assert page.complaints == []
        assert [url for url in page.asked if not url.startswith("data:")] == [comparison.as_uri()]
        assert page.locator("img[src^=http]").count() == 0
        assert NASTY in page.text_content("h1 + .banner")

    def test_the_colours_switch_and_figures_are_saved(self, show, comparison):
        page = show(comparison, color_scheme="dark")
        background = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(background) == "rgb(21, 23, 26)"
        page.click("#switch-colours")
        assert page.evaluate(background) == "rgb(255, 255, 255)"
        with page.expect_download() as download:
            page.click("[data-picture=picture-scores]")
        assert download.value.suggested_filename == "scores.svg"
        assert "<svg" in download.value.path().read_text("utf-8")

    @pytest.mark.parametrize("width", [420, 1400])
    def test_nothing_is_wider_than_the_screen(self, show, comparison, width):
        page = show(comparison, viewport={"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width

    def test_differences_of_many_pairs_are_folded(self, show, comparison):
        page = show(comparison)
        assert page.locator("#differences details").count() == 15
        assert page.locator("#differences table:visible").count() == 0
        page.locator("#differences summary").first.click()
        assert page.locator("#differences table:visible").count() == 1

    def test_paper_is_white(self, show, comparison):
        page = show(comparison, color_scheme="dark")
        page.emulate_media(media="print", color_scheme="dark")
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(255, 255, 255)"
