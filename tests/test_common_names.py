"""Names that others use for what is measured here."""

import re
from pathlib import Path

import pytest

from insilico.cli.app import main
from insilico.experiments.batteries.shared import MOTION, PHENOMENA
from insilico.reference.common_names import COMMON_NAMES, named_here

DOCS = Path(__file__).parents[1] / "docs"


def test_each_stands_for_a_property_that_is_measured():
    measured = " ".join(
        f"{each.__module__}.{each.__name__} {each.__doc__}"
        for protocol in (*PHENOMENA, *MOTION)
        for each in protocol.properties
    )
    for each in COMMON_NAMES:
        assert each.property in measured, each
        assert each.property in each.here or each.property.startswith("contrast_half_peak"), each


@pytest.mark.parametrize(
    "name", ["OSI", "osi", "gOSI", "DSI", "F1/F0", "CRF", "SSI", "SI", "COS", "AMRF"]
)
def test_names_of_the_field_are_known(name):
    assert named_here(name) is not None


def test_our_own_names_are_no_aliases():
    assert named_here("suppression_index") is None


def test_the_page_tells_them_all():
    page = (DOCS / "context.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.partition("| elsewhere")[2], re.M))
    told = {names: here.replace("`", "") for names, here in rows.items() if "---" not in names}
    assert {", ".join(each.elsewhere): each.here for each in COMMON_NAMES}.items() <= told.items()


def test_the_command_line_tells_one_and_what_it_is_compared_with(capsys):
    main(["reference", "SSI"])
    told = capsys.readouterr().out
    assert "'SSI' is here suppression_index." in told
    assert "cavanaugh2002a.suppression_index" in told
    main(["reference", "DSI"])
    assert "direction_index of models that take time" in capsys.readouterr().out


def test_a_selectivity_for_direction_in_either_form():
    """Of a unit that gives 30 and 10 to opposite directions: 1 - 10/30, and 20/40."""
    d = 1 - 10 / 30
    assert named_here("DI").here.startswith("direction_index,")
    assert "d / (2 - d)" in named_here("DSI").here
    assert d / (2 - d) == pytest.approx((30 - 10) / (30 + 10))
