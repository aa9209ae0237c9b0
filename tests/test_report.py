"""The report: whole in one file, honest about the run, and safe with any name."""

import dataclasses
import shutil
import subprocess
from html.parser import HTMLParser

import fake_results
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from insilico.compare import compare
from insilico.report import write_report
from insilico.results import open_results

mpl.use("Agg")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NASTY = '<script>alert("x")</script>"><img src=http://example.org/x onerror=alert(1)>'


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, html):
        super().__init__()
        self.html, self.tags, self.ids, self.links, self.words = html, [], [], [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on")]
        self.ids += [given["id"]] if "id" in given else []
        self.links += [(tag, given[name]) for name in ("href", "src", "srcset") if name in given]

    def handle_data(self, data):
        self.words.append(data)


def written(run, folder):
    return Page(write_report(run, folder).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run():
    return fake_results.results(40, warnings=("4 units are silent",), trained=False)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(run, folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


class TestOneFile:
    def test_nothing_is_fetched(self, page):
        assert "script" not in page.tags
        for tag, target in page.links:
            inside = target.startswith(("#", "data:"))
            assert inside or (tag == "a" and target.startswith("https://doi.org/10.")), target
        assert "default-src 'none'" in page.html
        assert "@import" not in page.html
        assert "url(" not in page.html

    def test_links_lead_somewhere(self, page):
        assert len(set(page.ids)) == len(page.ids)
        assert {target[1:] for _, target in page.links if target.startswith("#")} <= set(page.ids)

    def test_figures_and_numbers_are_inside_and_beside(self, page, folder):
        pictures = [target for tag, target in page.links if tag == "img"]
        assert len(pictures) == 5  # a summary, and two pages for each of two layers
        assert all(target.startswith("data:image/svg+xml") for target in pictures)
        tables = [target for tag, target in page.links if target.startswith("data:text/csv")]
        assert len(tables) == 5
        assert len(list((folder / "figures").glob("*.csv"))) == 5

    def test_it_is_small(self, folder):
        assert (folder / "report.html").stat().st_size < 3e6

    def test_it_is_whole_or_not_there(self, folder):
        assert {path.name for path in folder.iterdir()} == {"report.html", "figures"}

    def test_an_earlier_report_is_replaced(self, tmp_path):
        run = fake_results.results(1, layers=("conv1",), names=())
        (tmp_path / "report.html").write_text("old")
        assert "old" not in written(run, tmp_path).text.split()


class TestContents:
    def test_the_summary_says_what_was_recorded(self, page):
        assert "Units recorded 40" in page.text
        assert "8 deg wide (28 px/deg), an assumption" in page.text
        assert "7 of 7 comparisons with macaque V1 have a score" in page.text
        assert "4 units are silent" in page.text

    def test_the_table_holds_the_comparison(self, page, run):
        for row in run.comparison.itertuples():
            assert f"{row.similarity:.2f} ± {row.similarity_error:.2f}" in page.text
            assert f"property-{row.property}" in page.ids
        assert "% yes" in page.text

    def test_every_property_has_its_definition_and_source(self, page, run):
        assert {f"property-{name}" for name in fake_results.PROPERTIES} <= set(page.ids)
        for row in run.comparison.itertuples():
            assert row.citation in page.text
            assert ("a", f"https://doi.org/{row.doi}") in page.links
        assert "1 - |sum r exp(2i theta)| / sum r" in page.text

    @pytest.mark.parametrize(
        "sentence",
        [
            "Static gratings, shown to a network, are compared with drifting gratings",
            "anaesthetised",
            "Degrees are an assumption",
            "A high mean says little about learned features",
            "1 − KS / KS max",  # noqa: RUF001
        ],
    )
    def test_it_says_what_the_numbers_do_not(self, page, sentence):
        assert sentence in page.text

    def test_the_run_can_be_repeated_from_it(self, page, run):
        for fact in ("0123456789abcdef", "mean 0.5, std 0.5", "display · px per deg 28"):
            assert fact in page.text
        assert run.provenance["citation"] in page.text

    def test_examples_are_given_in_numbers(self, page, run):
        assert page.text.count("The same units in numbers") == 2


class TestTraining:
    @pytest.mark.parametrize(
        ("trained", "said"), [(False, "UNTRAINED WEIGHTS"), (None, "It is not known whether")]
    )
    def test_random_weights_are_announced(self, tmp_path, trained, said):
        run = fake_results.results(1, layers=("conv1",), names=(), trained=trained)
        assert said in written(run, tmp_path).text

    def test_trained_ones_are_not(self, tmp_path):
        page = written(fake_results.results(1, layers=("conv1",), names=()), tmp_path)
        assert "untrained weights" not in page.text.lower()
        assert "It is not known" not in page.text

    def test_tables_and_figures_repeat_it(self, page):
        assert page.text.count("Untrained weights.") == 2 + 5


class TestAnyInput:
    def test_names_are_text(self, tmp_path):
        run = fake_results.results(
            2, layers=(NASTY,), warnings=(NASTY,), model=NASTY, weights=NASTY, citation=NASTY
        )
        run.units["circular_variance"].attrs["definition"] = NASTY
        page = written(run, tmp_path)
        assert "script" not in page.tags
        assert page.tags.count("img") == 3
        assert page.text.count("alert(") >= 10

    def test_a_saved_run_can_be_reported(self, tmp_path):
        run = fake_results.results(2, layers=("0", "1.10"), names=fake_results.NAMES[:1])
        opened = open_results(run.save(tmp_path / "run"))
        page = written(opened, tmp_path / "run")
        assert "Units recorded 2" in page.text
        assert "0 beside macaque V1" in page.text
        assert "1.10 beside macaque V1" in page.text
        assert page.tags.count("img") == 5

    @pytest.mark.parametrize("n", [0, 1])
    def test_no_or_one_unit(self, tmp_path, n):
        run = fake_results.results(n, layers=("conv1",))
        page = written(run, tmp_path)
        assert f"Units recorded {n}" in page.text
        if not n:
            assert "no responsive unit has a value" in page.text

    def test_nothing_compared(self, tmp_path):
        run = fake_results.results(2, layers=("conv1",), names=())
        page = written(run, tmp_path)
        assert "Nothing was compared with macaque V1" in page.text
        assert "no property was compared" in page.text

    def test_a_property_without_values(self, tmp_path):
        run = fake_results.results(2, layers=("conv1",))
        units = run.units.copy()
        units["suppression_index"][:] = np.nan
        again = compare(units, fake_results.NAMES, n_resamples=2)
        page = written(dataclasses.replace(run, units=units, comparison=again), tmp_path)
        assert "no responsive unit has a value" in page.text

    def test_units_that_never_respond(self, tmp_path):
        run = fake_results.results(2, layers=("conv1",))
        silent = run.units.assign(responsive=run.units["responsive"] & False)
        again = compare(silent, fake_results.NAMES, n_resamples=2)
        page = written(dataclasses.replace(run, units=silent, comparison=again), tmp_path)
        assert "0 of 7 comparisons" in page.text
        assert "0 of 2" in page.text
        assert "no responsive unit has a value, or no tuning curve" in page.text

    def test_without_curves(self, tmp_path):
        run = dataclasses.replace(fake_results.results(2, layers=("conv1",)), curves={})
        assert "no tuning curve was recorded" in written(run, tmp_path).text

    def test_many_layers_stay_readable(self, tmp_path):
        layers = tuple(f"block{i}" for i in range(9))
        run = fake_results.results(9, layers=layers, names=fake_results.NAMES[:1])
        page = written(run, tmp_path)
        assert "3 of 9 layers are drawn" in page.text
        assert all(f"{layer} beside macaque V1" in page.text for layer in layers)
        assert page.tags.count("img") == 1 + 2 * 3


@pytest.fixture
def browser():
    found = [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        pytest.fail(
            "these tests need Chromium or Chrome on the PATH. On Debian or Ubuntu: "
            "apt-get install chromium"
        )
    return found[0]


@pytest.mark.browser
class TestBrowser:
    """The page as Chromium shows it."""

    @staticmethod
    def shown(browser, page, folder, *options):
        """Picture of a page, and what it wrote to the console."""
        picture = folder / "picture.png"
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1000,1400",
            f"--screenshot={picture}", *options, page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return imread(picture)[..., :3], console

    def test_it_opens_without_a_complaint(self, browser, folder, tmp_path):
        picture, console = self.shown(browser, folder / "report.html", tmp_path)
        assert console == []
        blue = np.abs(picture - np.array([0, 0x72, 0xB2]) / 255).max(-1) < 0.02
        assert blue.sum() > 100  # the dots of the model: figures are drawn
        assert picture[2, 2].min() > 0.95

    def test_dark(self, browser, folder, tmp_path):
        dark = "--blink-settings=preferredColorScheme=0"
        picture, console = self.shown(browser, folder / "report.html", tmp_path, dark)
        assert console == []
        assert picture[2, 2].max() < 0.2

    def test_a_complaint_would_be_heard(self, browser, tmp_path):
        broken = tmp_path / "broken.html"
        broken.write_text("<script>undefined.f()</script><img src=missing.png>")
        _, console = self.shown(browser, broken, tmp_path)
        assert any("TypeError" in line for line in console)
