"""What docs/mechanistic.md says of the fitted population, measured again."""

import json
import runpy
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from insilico.comparison.ceilings_and_floors import ceiling
from insilico.comparison.similarity import resampled
from insilico.experiments import marques2020
from insilico.models.mechanistic.hyper_parameters import (
    ABLATIONS,
    SUBCORTICAL,
    HyperParameters,
)
from insilico.reference import load
from insilico.search.halves import half
from insilico.search.objective import POSITION, fitted_battery, measured, scores
from insilico.search.one_site import recorder
from insilico.search.plan import read_plan

FOLDER = Path(__file__).parents[1] / "docs" / "mechanistic"

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the documentation is not in the source distribution"
)

# Of units, in the table; and seeds that neither the search nor the table had.
UNITS, SEEDS = 500, (3_000_000, 3_000_001, 3_000_002)

# The ablations behind the subcortical stage, so that pictures pass it once.
ABLATED = ("tuned pool", "surround", "complex cells", "baseline")


@pytest.mark.slow
def test_the_fitted_population_and_its_ablations_are_measured_again():
    table = pd.read_csv(FOLDER / "populations.csv").query("what == 'mean'")
    said = table.set_index("population")["similarity"]
    battery = fitted_battery()
    references = {name: load(name) for name in battery.references}

    def score(seed, changes):
        record = recorder(
            HyperParameters(**asdict(HyperParameters()) | dict(changes)),
            n=UNITS,
            seed=seed,
            position=POSITION,
            background=marques2020.BATTERY.background,
        )
        return np.mean(list(scores(measured(record, battery), references).values()))

    changes = {"fitted": {}, **{f"without {name}": ABLATIONS[name] for name in ABLATED}}
    for name, each in changes.items():
        again = np.mean([score(seed, each) for seed in SEEDS])
        assert again == pytest.approx(said[name], abs=0.01), name


def test_the_page_says_what_the_tables_say():
    page = (FOLDER.parent / "mechanistic.md").read_text(encoding="utf-8")
    table = pd.read_csv(FOLDER / "populations.csv")
    whole = table.query("what == 'mean'").set_index("population")
    assert {f"without {name}" for name in ABLATIONS} < set(whole.index)
    for name in ("fitted", "random", "as the VOneBlock"):
        assert f"| {name} | {whole.loc[name, 'similarity']:.3f} |" in page
    board = pd.read_csv(FOLDER / "marques2020.csv")
    assert board["property"].nunique() == 17
    assert f"public numbers is {board.groupby('seed')['ceiled'].mean().mean():.3f} over" in page
    for half_of in ("fitted half", "other half"):
        assert f"{whole.loc['fitted', half_of]:.3f}" in page


def test_reports_of_the_model_say_what_the_tables_say():
    made = runpy.run_path(str(FOLDER.parent / "mechanistic_record.py"))
    assert json.loads(made["RECORD"].read_text(encoding="utf-8")) == json.loads(
        json.dumps(made["record"]())
    )


def test_how_alike_the_halves_are():
    """The fitted half itself, as a population, scored by the other one."""
    page = (FOLDER.parent / "mechanistic.md").read_text(encoding="utf-8")
    scored = []
    for name in fitted_battery().references:
        fitted, other = (half(load(name), which) for which in ("fitted", "held out"))
        rng = np.random.default_rng(0)
        undefined = fitted.undefined / fitted.n
        alike = resampled(fitted.probabilities, undefined, other, rng, 4000).mean
        scored.append(alike / ceiling(other, rng=rng, n_resamples=4000).mean)
    assert f"would be {np.mean(scored):.2f} like the other half" in page


def test_the_defaults_are_what_the_search_found():
    """The log ends with the middle of the last draw, measured on fresh populations."""
    log = pd.read_csv(FOLDER / "evaluations.csv")
    last = log[log["stage"] == log["stage"].max()].iloc[-1]
    for name, value in asdict(HyperParameters()).items():
        assert last[name] == pytest.approx(value, rel=0.006, abs=0.001), name
    plan = read_plan(FOLDER / "search.toml")
    assert len(log) >= sum(each.evaluations for each in plan.stages) + plan.fresh
    for number, stage in enumerate(plan.stages):
        for name in stage.hold:
            assert log.loc[log["stage"] == number, name].nunique() == 1, name
    for name in SUBCORTICAL:
        assert log[name].iloc[0] == pytest.approx(plan.start[name])
    for name, (low, high) in plan.within.items():
        assert log[name].between(0.999 * low, 1.001 * high).all(), name
