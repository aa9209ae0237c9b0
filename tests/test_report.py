"""The report: whole in one file, honest about the run, and safe with any name."""

import base64
import dataclasses
import hashlib
import html
import json
from html.parser import HTMLParser

import fake_results
import matplotlib as mpl
import numpy as np
import pytest

from insilico.comparison.joint import joint_structure
from insilico.comparison.table import score
from insilico.errors import UserError
from insilico.experiments.batteries import standard
from insilico.figures.style import FORMATS
from insilico.reporting.explorer import explorer
from insilico.reporting.page import number
from insilico.reporting.report import write_report
from insilico.reporting.tables import TABLES
from insilico.reporting.terms import TERMS
from insilico.runs.results import open_results
from stimuli.textures.sets import shipped

mpl.use("Agg")

NASTY = '<script>alert("x")</script>"><img src=http://example.org/x onerror=alert(1)>'

PAIRS = [pair for each in standard.BATTERY.protocols for pair in each.joint]


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text):
        super().__init__()
        self.html, self.tags, self.ids, self.links, self.words = text, [], [], [], []
        self.scripts, self.data = [], {}
        self.inside = None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "script":
            assert set(given) <= {"type", "id"}
            self.inside = given.get("id", "script")
        assert not [name for name in given if name.startswith("on")]
        self.ids += [given["id"]] if "id" in given else []
        self.links += [(tag, given[name]) for name in ("href", "src", "srcset") if name in given]

    def handle_endtag(self, tag):
        self.inside = None if tag == "script" else self.inside

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside:
            self.data[self.inside] = json.loads(data)
        else:
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


@pytest.fixture
def words_alone(monkeypatch):
    """A page without figures and explorer, which take most of its time."""
    monkeypatch.setattr("insilico.reporting.report.plates", lambda results: [])
    monkeypatch.setattr("insilico.reporting.report.explorer", lambda results: None)


class TestOneFile:
    def test_nothing_is_fetched(self, page):
        for tag, target in page.links:
            inside = target.startswith(("#", "data:"))
            assert inside or (tag == "a" and target.startswith("https://doi.org/10.")), target
        assert "default-src 'none'" in page.html
        assert "unsafe-eval" not in page.html.partition("<style>")[0]

    def test_only_its_own_scripts_may_run(self, page):
        (policy,) = [line for line in page.html.splitlines() if "Content-Security-Policy" in line]
        digests = [hashlib.sha256(each.encode()).digest() for each in page.scripts]
        assert len(digests) == 3  # Bokeh, the page, the explorer
        expected = [f"'sha256-{base64.b64encode(each).decode()}'" for each in digests]
        allowed = html.unescape(policy).partition("script-src ")[2].removesuffix('">').split()
        assert allowed == expected

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

    def test_textures_have_a_part_of_their_own(self, page, tmp_path):
        run = fake_results.results(4, layers=("conv1",), names=())
        shown = fake_results.with_textures(run, checksum=shipped().checksum)
        own = written(shown, tmp_path)
        assert "textures" in own.ids
        assert "not public" in own.text
        assert {"figure-textures", "figure-texture_surround"} <= set(own.ids)
        assert {target[1:] for _, target in own.links if target.startswith("#")} <= set(own.ids)
        assert "textures" not in page.ids

    def test_figures_are_for_screen_and_print(self, tmp_path, monkeypatch):
        monkeypatch.setattr("insilico.reporting.report.FORMATS", FORMATS)
        write_report(fake_results.results(1, layers=("conv1",), names=()), tmp_path)
        endings = {path.suffix for path in (tmp_path / "figures").iterdir()}
        assert endings == {".png", ".svg", ".pdf", ".csv"}

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
        assert ("a", "#term-recorded") in page.links
        assert "8 deg wide (28 px/deg), an assumption" in page.text
        assert "7 of 7 comparisons with macaque V1 have a score" in page.text
        assert "4 units are silent" in page.text

    def test_the_table_holds_the_comparison(self, page, run):
        for row in run.comparison.itertuples():
            interval = f"[{row.similarity_low:.2f}, {row.similarity_high:.2f}]"
            assert f"{row.similarity:.2f} {interval}" in page.text
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
            "1 − KS / KSmax",  # noqa: RUF001
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


class TestTables:
    @pytest.mark.usefixtures("words_alone")
    def test_results_without_statistics_have_one_table(self, tmp_path):
        run = fake_results.results(2, layers=("conv1",))
        old = [name for name in run.comparison if name.partition("_")[2] not in ("low", "high")]
        older = run.comparison[old[: old.index("doi") + 1]]
        page = written(dataclasses.replace(run, comparison=older), tmp_path)
        assert "conv1 beside macaque V1" in page.text
        assert "how far apart" not in page.text
        row = older.iloc[0]
        assert f"{row.similarity:.2f} ± {row.similarity_error:.2f}" in page.text

    def test_every_column_leads_to_its_term(self, page):
        assert {column.term for table in TABLES for column in table.columns} <= {
            name for name, _, _ in TERMS
        }
        assert ("a", "#term-wasserstein") in page.links

    def test_a_bound_is_not_written_as_an_interval(self):
        cells = {column.term: column.cell for column in TABLES[1].columns}
        row = {"ks": 0.1, "ks_low": 0.0, "ks_high": 0.2, "ks_interval": "bound"}
        assert cells["ks"](row) == ("0.10", "below 0.20")
        assert cells["ks"](row | {"ks_interval": "bootstrap"}) == ("0.10", "[0.00, 0.20]")
        assert cells["ks"](row | {"ks_high": np.nan}) == ("0.10", "")

    def test_a_small_p_is_a_bound(self):
        cells = {column.term: column.cell for column in TABLES[1].columns}
        assert cells["p"]({"p_adjusted": 2e-9})[0] == "< 0.001"
        assert cells["p"]({"p_adjusted": 0.0312})[0] == "0.031"


class TestExplorer:
    def test_every_unit_property_and_curve_is_in_it(self, page, run):
        drawing = json.dumps(page.data["explorer-document"])
        for name in [*fake_results.PROPERTIES, *(f"curve {name}" for name in run.curves)]:
            assert json.dumps(name) in drawing
        kinds = [panel["kind"] for panel in page.data["explorer-settings"]["panels"]]
        assert kinds == ["line", "polar", "line", "line", "map"]

    def test_a_large_run_is_thinned_out_and_says_so(self, tmp_path, monkeypatch):
        monkeypatch.setattr("insilico.reporting.explorer.MOST_UNITS", 7)
        run = fake_results.results(20, layers=("conv1",), names=())
        assert explorer(run)["n"] == 7
        assert "7 of 20 units are here" in written(run, tmp_path).text

    def test_an_undefined_map_can_be_stored(self):
        run = fake_results.results(3, layers=("conv1",), names=())
        chart = run.curves["receptive_field"].copy()
        chart[0] = np.nan
        curves = {"receptive_field": chart}
        assert explorer(dataclasses.replace(run, curves=curves))["n"] == 3

    def test_without_units_there_is_none(self):
        assert explorer(fake_results.results(0, names=())) is None


class TestTraining:
    @pytest.mark.usefixtures("words_alone")
    @pytest.mark.parametrize(
        ("trained", "said"), [(False, "UNTRAINED WEIGHTS"), (None, "It is not known whether")]
    )
    def test_random_weights_are_announced(self, tmp_path, trained, said):
        run = fake_results.results(1, layers=("conv1",), names=(), trained=trained)
        assert said in written(run, tmp_path).text

    @pytest.mark.usefixtures("words_alone")
    def test_trained_ones_are_not(self, tmp_path):
        page = written(fake_results.results(1, layers=("conv1",), names=()), tmp_path)
        assert "untrained weights" not in page.text.lower()
        assert "It is not known" not in page.text

    def test_tables_and_figures_repeat_it(self, page):
        assert page.text.count("Untrained weights.") == 4 + 5


class TestAnyInput:
    def test_names_are_text(self, tmp_path):
        run = fake_results.results(
            2, layers=(NASTY,), warnings=(NASTY,), model=NASTY, weights=NASTY, citation=NASTY
        )
        run.units["circular_variance"].attrs["definition"] = NASTY
        page = written(run, tmp_path)
        assert page.scripts == written(fake_results.results(2), tmp_path).scripts
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
        again = score(units, fake_results.NAMES, n_resamples=2)
        page = written(dataclasses.replace(run, units=units, comparison=again), tmp_path)
        assert "no responsive unit has a value" in page.text

    def test_units_that_never_respond(self, tmp_path):
        run = fake_results.results(2, layers=("conv1",))
        silent = run.units.assign(responsive=run.units["responsive"] & False)
        again = score(silent, fake_results.NAMES, n_resamples=2)
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


def test_a_folder_that_is_named_like_a_page_is_refused(tmp_path):
    results = fake_results.results(4)
    for name in ("mine.html", "mine.HTM"):
        with pytest.raises(UserError, match=rf"{name} is named like a page.*as .*/mine\.$"):
            results.report(tmp_path / name)
    with pytest.raises(UserError, match="is named like a page"):
        results.save(tmp_path / "mine.html")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    for name in ("file", "file/below"):
        with pytest.raises(UserError, match="is no folder, or lies in a file. Give another"):
            results.report(tmp_path / name)


@pytest.mark.usefixtures("words_alone")
def test_pairs_of_properties(tmp_path):
    run = fake_results.results(60)
    run = dataclasses.replace(run, joint=joint_structure(run.units, PAIRS, n_resamples=50))
    page = write_report(run, tmp_path).read_text(encoding="utf-8")
    table = page.partition('aria-label="Pairs of properties of conv2"')[2].partition("</table>")[0]
    row = run.joint.query("layer == 'conv2' and property_y == 'modulation_ratio'").iloc[0]
    assert '<a href="#property-circular_variance">Circular variance</a>' in table
    assert f"<td>{row['n_units']} <small>on {row['n_channels']} channels</small></td>" in table
    assert f"<td>{row['distance']:.2f} <small>from independence</small></td>" in table
    assert table.count("<tbody>") == 1 and table.count("<tr>") == 1 + 2


@pytest.mark.usefixtures("words_alone")
def test_older_results_have_no_pairs(tmp_path):
    run = fake_results.results(2, layers=("conv1",), names=())
    page = write_report(run, tmp_path).read_text(encoding="utf-8")
    assert "Pairs of properties" not in page


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize("weights", ["random, seed 0", "drawn anew"])
def test_random_weights_are_called_so_once(tmp_path, weights):
    run = fake_results.results(12, layers=("conv1",), trained=False, weights=weights)
    text = write_report(run, tmp_path).read_text(encoding="utf-8")
    said = weights if weights.startswith("random") else f"random ({weights})"
    assert f"The weights of imaginary are {said}." in text


@pytest.mark.usefixtures("words_alone")
def test_a_citation_that_begins_with_after_is_not_after_after(tmp_path):
    run = fake_results.with_textures(fake_results.results(12, layers=("conv1",)))
    protocols = run.provenance["protocols"]
    for about in protocols.values():
        about["citation"] = "after Nobody (2026)"
    text = write_report(run, tmp_path).read_text(encoding="utf-8")
    assert "after Nobody (2026)" in text
    assert "after after" not in text


@pytest.mark.usefixtures("words_alone")
def test_the_paragraph_of_methods_is_in_the_page(tmp_path):
    run = fake_results.results(12, layers=("conv1",))
    text = write_report(run, tmp_path).read_text(encoding="utf-8")
    methods = text.partition('<section id="methods"')[2].partition("</section>")[0]
    for line in run.methods().splitlines():
        assert line in html.unescape(methods)


@pytest.mark.usefixtures("words_alone")
def test_the_record_has_no_empty_rows(tmp_path):
    run = fake_results.results(12, layers=("conv1",))
    run = dataclasses.replace(run, provenance=run.provenance | {"note": "kept", "figure": ""})
    text = write_report(run, tmp_path).read_text(encoding="utf-8")
    record = text.partition('<section id="record"')[2]
    assert '<th scope="row">note</th><td>kept</td>' in record
    assert '<th scope="row">figure</th>' not in record


@pytest.mark.usefixtures("words_alone")
def test_words_of_docstrings_show_no_backticks(tmp_path):
    run = fake_results.results(12, layers=("conv1",))
    run.units["circular_variance"].attrs["definition"] = "One minus ``|R| <1>``."
    why = "NaN as for `circular_variance`, where nothing is above the blank."
    table = run.comparison.assign(why_undefined=why, n_undefined=1)
    text = write_report(fake_results.with_comparison(run, table), tmp_path).read_text("utf-8")
    assert "One minus <code>|R| &lt;1&gt;</code>." in text
    # Said once, of all properties that it holds for.
    assert text.count("NaN as for <code>circular_<wbr>variance</code>, where") == 1
    assert "`circular_variance`" not in text


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.43e-6, "\N{ALMOST EQUAL TO}\N{THIN SPACE}0"), (0.0, "0"), (2e-4, "0.0002")],
)
def test_no_number_is_written_with_an_exponent(value, written):
    assert number(value) == written


@pytest.mark.usefixtures("words_alone")
def test_how_a_model_was_found_is_told_where_it_is_known(tmp_path):
    results = fake_results.results(2, layers=("conv1",), names=())
    table = {
        "caption": "Halves.",
        "about": "Of all.",
        "head": ["A", "B"],
        "rows": [[["1", ""]] * 2],
    }
    record = {"text": "It was fitted to one half.", "tables": [table]}
    for found in ({}, record):
        provenance = results.provenance | {"record": found}
        told = dataclasses.replace(results, provenance=provenance)
        page = write_report(told, tmp_path).read_text(encoding="utf-8")
        assert ('<section id="found"' in page) == bool(found)
        assert ("It was fitted to one half." in page) == bool(found)
        assert ('href="#found"' in page) == bool(found)
