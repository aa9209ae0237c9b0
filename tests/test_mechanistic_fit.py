"""What docs/mechanistic.md says of the fitted population, measured again."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from insilico.models.mechanistic.hyper_parameters import HyperParameters
from insilico.search.plan import read_plan

FOLDER = Path(__file__).parents[1] / "docs" / "mechanistic"

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the documentation is not in the source distribution"
)


def test_the_defaults_are_what_the_search_found():
    """The log ends with the middle of the last draw, measured on fresh populations."""
    log = pd.read_csv(FOLDER / "evaluations.csv")
    last = log[log["stage"] == log["stage"].max()].iloc[-1]
    for name, value in asdict(HyperParameters()).items():
        assert last[name] == pytest.approx(value, rel=0.006, abs=0.001), name
    plan = read_plan(FOLDER / "search.toml")
    assert len(log) >= plan.stages[0].evaluations
