"""The recipes of the documentation are executed."""

import re
from pathlib import Path

import pytest

import insilico
from insilico.experiments.batteries import find_battery

DOCS = Path(__file__).parents[1] / "docs"


def code(page):
    return "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def recipes():
    """Run every block of how_to_add.md, one after the other, as a reader would."""
    names = {}
    exec(compile(code("how_to_add.md"), "how_to_add.md", "exec"), names)  # noqa: S102
    return names


def test_how_to_add(recipes):
    units = recipes["results"].units
    assert units["contrast_gain"].notnull().any()
    assert units["contrast_gain"].attrs["protocol"] == "light"
    shown = recipes["results"].recordings["light"]
    assert shown.sizes["contrast"] == 4
    assert recipes["make"]()[0].out_channels == 8


def test_a_stimulus_of_the_recipe_lies_on_the_measured_field(recipes):
    results = recipes["results"]
    measured = results.units["receptive_field_x"]
    shown = results.recordings["light"]["stimulus_x"]
    known = measured.notnull() & results.units["receptive_field_diameter"].notnull()
    assert known.any()
    assert abs(shown - measured).where(known).max() < 1e-9


def test_a_property_of_your_own(tmp_path):
    lines = code("own_property.md").replace('run("textbook"', "run(TEXTBOOK")
    model = insilico.load_model("textbook", pixels=64, n=6)
    names = {"TEXTBOOK": model}
    exec(compile(lines, "own_property.md", "exec"), names)  # noqa: S102
    share = names["results"].units["oblique_share"]
    assert ((share >= 0) & (share <= 1)).all()
    (tmp_path / "my_file.py").write_text(code("own_property.md").split("results =")[0])
    assert find_battery(f"{tmp_path}/my_file.py:MINE").battery.name == "mine"
