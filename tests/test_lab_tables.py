"""Templates for recordings of one's own, and what a filled-in table is read as."""

import csv

import numpy as np
import pandas as pd
import pytest

import insilico
from insilico import reference
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.experiments.batteries import standard
from insilico.reference.lab_tables import from_table, write_template

INDEX = "cavanaugh2002a.suppression_index"
FIELD = "cavanaugh2002a.grating_summation_field"


def filled(path, rows):
    """Type rows below those of a template."""
    with path.open("a", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_template_of_cells_comes_back_filled_in(tmp_path, capsys):
    path = tmp_path / "lab.csv"
    assert main(["reference", "--template", str(path)]) == 0
    assert f"--reference {path}" in capsys.readouterr().out
    header, units = csv.reader(path.open())
    asked = [reference.load(name) for name in standard.BATTERY.references]
    assert header == ["cell", *dict.fromkeys(each.property for each in asked)]
    assert dict(zip(header, units, strict=True))["preferred_spatial_frequency"] == "cpd"

    # Every cell gets a value of every property: the published ones, drawn.
    rng = np.random.default_rng(0)
    columns = {each.property: each.sample(40, rng=rng) for each in asked}
    table = pd.DataFrame(columns).map(lambda value: "nan" if np.isnan(value) else f"{value!r}")
    filled(path, [[f"m1c{n}", *row] for n, row in enumerate(table.to_numpy().tolist())])
    found = {each.property: each for each in from_table(path)}
    assert list(found) == header[1:]
    for each in asked:
        own = found[each.property]
        assert (own.name, own.n) == (f"lab.{each.property}", 40)
        assert (own.units, own.scale, own.period) == (each.units, each.scale, each.period)
        values = columns[each.property]
        assert own.undefined == np.isnan(values).sum()
        assert own.counts.tolist() == each.histogram(values).tolist()


def test_a_template_of_bins_comes_back_filled_in(tmp_path):
    path = tmp_path / "lab.csv"
    assert main(["reference", "cavanaugh2002a", "--template", str(path), "--bins"]) == 0
    rows = list(csv.DictReader(path.open()))
    with pytest.raises(UserError, match="without an edge or a count"):
        from_table(path)
    published = reference.load(FIELD)
    counts = {INDEX.partition(".")[2]: reference.load(INDEX).counts, "x": None}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"count": "3"} for row in rows)
    found = {each.name: each for each in from_table(path)}
    assert set(found) == {
        f"lab.{reference.load(name).property}" for name in reference.names("cavanaugh2002a")
    }
    own = found["lab.grating_summation_field"]
    assert own.edges.tolist() == published.edges.tolist()
    assert own.counts.tolist() == [3] * (len(published.edges) - 1)
    assert (own.units, own.scale) == ("deg", "log")
    assert counts["x"] is None


def test_what_was_not_measured_is_no_cell_without_a_value(tmp_path):
    path = tmp_path / "lab.csv"
    path.write_text(
        "cell,#depth,suppression_index,grating_summation_field,circular_variance\n"
        "units,um,1,deg,\na,300,0.5,nan,\nb,,,0.7,\nc,12,0.1,none,\n"
    )
    index, field = from_table(path)
    assert (index.n, index.undefined) == (2, 0)
    assert (field.n, field.undefined) == (3, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell,suppression_index\n", "has no rows"),
        ("cell,suppression_index\nunits,1\n", "has no values yet"),
        ("cell,supression_index\na,0.1\n", "'supression_index', which is no property"),
        ("cell,OSI\na,0.1\n", "'OSI' is here .*orthogonal_preferred_ratio"),
        ("cell,suppression_index\na,low\n", "'low' is no number"),
        ("cell,suppression_index\na,inf\n", "not finite"),
        ("cell,suppression_index\na,33\nb,51\nc,0.4\n", "2 of 3 values .* lie beyond its bins"),
        ("cell,grating_summation_field\nunits,arcmin\na,33\n", "in arcmin; it is compared in deg"),
        ("cell,suppression_index,suppression_index\na,1,1\n", "two columns named"),
        ("property,bin_low,bin_high,count\n,0,1,3\n", "does not say the property"),
        ("bin_low,bin_high,count\n0,1,3\n", "column 'bin_low'"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(tmp_path, text, message):
    path = tmp_path / "lab.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        from_table(path)


def test_a_histogram_of_a_property_that_nobody_published(tmp_path):
    path = tmp_path / "lab.csv"
    path.write_text("property,bin_low,bin_high,count\nown_gain,0,1,3\nown_gain,1,2,4\n")
    [own] = from_table(path)
    assert (own.name, own.property, own.counts.tolist()) == ("lab.own_gain", "own_gain", [3, 4])


def test_bins_of_ones_own_may_begin_at_zero_where_the_published_are_logarithmic(tmp_path):
    path = tmp_path / "lab.csv"
    path.write_text(
        "property,bin_low,bin_high,count\n"
        "grating_summation_field,0,1,3\ngrating_summation_field,1,2,4\n"
    )
    [own] = from_table(path)
    assert own.scale == "linear"


def test_nothing_is_overwritten(tmp_path, capsys):
    path = write_template(tmp_path / "lab.csv", [reference.load(INDEX)])
    before = path.read_text()
    assert main(["reference", "--template", str(path)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert path.read_text() == before


def test_bins_without_a_template_are_refused(capsys):
    assert main(["reference", "--bins"]) == 2
    assert "give --template FILE.csv" in capsys.readouterr().err


def test_a_property_names_its_template(tmp_path):
    path = tmp_path / "lab.csv"
    assert main(["reference", "suppression_index", "--template", str(path)]) == 0
    assert path.read_text().splitlines() == ["cell,suppression_index", "units,1"]


def test_a_run_is_compared_with_cells_of_ones_own(tmp_path):
    path = tmp_path / "lab.csv"
    assert main(["reference", "circular_variance", "--template", str(path)]) == 0
    filled(path, [[f"c{n}", value] for n, value in enumerate(np.linspace(0.1, 0.9, 30))])
    results = insilico.run(
        insilico.load_model("textbook", pixels=64, n=8),
        protocols=["orientation_mean"],
        quick=True,
        references=from_table(path),
    )
    row = results.comparison.set_index("reference").loc["lab.circular_variance"]
    assert row["n_reference"] == 30
    assert 0 < row["similarity"] < 1
