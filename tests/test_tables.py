"""Csv files: no cell is a formula to a spreadsheet, and text is what it was."""

import csv

import fake_results
import numpy as np
import pandas as pd
import pytest

from insilico import open_results
from insilico.figures.style import new_figure, save_figure
from insilico.tables import csv_text, read_csv, write_csv

NASTY = [
    "=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "x\r=1", "a\n=1", '=",=1"',
    "'=1", "''@", "-", "=", " =1", "- 1",
]  # fmt: skip
HARMLESS = ["-3", "+3", "-1e-5", "-.5", "a=b", "'", "'a", "conv1", "é", "-inf", "'-3"]


@pytest.mark.parametrize("text", NASTY)
def test_no_cell_is_a_formula_and_text_comes_back(tmp_path, text):
    table = pd.DataFrame({text: [text, "a"], "r": [-0.5, np.nan]})
    write_csv(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            assert not row[0].lstrip().startswith(("=", "+", "-", "@"))
            assert len(row) == 2
    pd.testing.assert_frame_equal(read_csv(tmp_path / "t.csv"), table, check_dtype=False)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_and_numbers_are_written_as_they_are(tmp_path, text):
    table = pd.DataFrame({"a": [text], "r": [-0.5], "b": [True]})
    assert csv_text(table) == f"a,r,b\n{text},-0.5,True\n"
    write_csv(table, tmp_path / "t.csv")
    found = read_csv(tmp_path / "t.csv", dtype={"a": str})
    pd.testing.assert_frame_equal(found, table, check_dtype=False)


def test_labels_of_rows_and_categories_are_escaped_too():
    table = pd.DataFrame({"a": pd.Categorical(["=1", "b"])}, index=["@x", "y"])
    assert csv_text(table, index=True) == ",a\n'@x,'=1\ny,b\n"


def test_results_and_figures_are_written_so(tmp_path):
    run = fake_results.results(20, layers=("=1+1", "conv2"))
    run.save(tmp_path / "run")
    for name in ("units.csv", "comparison.csv"):
        text = (tmp_path / "run" / name).read_text()
        assert "'=1+1" in text
        assert not any(line.startswith("=") for line in text.splitlines())
        assert ",=" not in text
    assert set(open_results(tmp_path / "run").comparison["layer"]) == {"=1+1", "conv2"}
    figure = new_figure(2, 2)
    save_figure(figure, tmp_path, "plot", numbers=pd.DataFrame({"layer": ["=1"]}))
    assert (tmp_path / "plot.csv").read_text() == "layer\n'=1\n"


def test_nothing_else_writes_csv_files():
    """`to_csv` is called in one place only, so that no cell goes round the escape."""
    from pathlib import Path

    import insilico

    package = Path(insilico.__file__).parent
    users = {path.name for path in package.rglob("*.py") if ".to_csv(" in path.read_text()}
    assert users == {"tables.py"}
