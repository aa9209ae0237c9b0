"""The statistics do what they claim where the truth is known, and the naive ones do not.

The fast tests look at few situations with few repeats and allow for their simulation error; the
slow one makes the table of docs/statistics.md.
"""

from pathlib import Path

import numpy as np
import pytest
import simulations

TABLE = Path(__file__).parent.parent / "docs" / "statistics_simulations.inc"

REPEATS = 150
# Three standard errors of a rate of 5 % over 150 repeats.
MARGIN = 3 * np.sqrt(0.05 * 0.95 / REPEATS)


def random_stream(seed=0):
    return np.random.default_rng(seed)


def test_same_distribution():
    rates, _ = simulations.distances(
        simulations.VARIANCE, 0, channels=60, sites=4, repeats=REPEATS, rng=random_stream(1)
    )
    assert rates["rejected"] <= 0.05 + MARGIN
    assert rates["naive"] > 0.1 + MARGIN
    assert rates["ks"] >= 0.95 - MARGIN
    assert rates["wasserstein"] >= 0.95 - MARGIN
    assert rates["similarity"] >= 0.95 - MARGIN


def test_bootstrap_intervals_do_not_hold_a_distance_of_zero():
    rates, _ = simulations.bootstrapped(
        simulations.VARIANCE, 0, channels=60, sites=4, repeats=40, rng=random_stream(6)
    )
    assert rates["wasserstein"] < 0.5


def test_well_away_from_zero():
    rates, _ = simulations.distances(
        simulations.VARIANCE, 1, channels=150, sites=4, repeats=REPEATS, rng=random_stream(2)
    )
    for name in ("ks", "wasserstein", "similarity", "effect_size", "median"):
        assert rates[name] == pytest.approx(0.95, abs=0.02 + MARGIN), name


@pytest.mark.parametrize(("tilt", "channels"), [(1, 256), (2, 256), (-2, 256), (1, 40)])
def test_similarity_where_nearly_all_units_lie_on_one_side_of_an_edge(tilt, channels):
    rate, _ = simulations.alike(
        simulations.YES_NO,
        tilt,
        channels=channels,
        sites=4,
        correlation=0.9,
        cells=150,
        repeats=REPEATS,
        rng=random_stream(7),
    )
    assert rate >= 0.95 - MARGIN


def test_median_of_copied_units():
    rates = simulations.medians(channels=60, sites=4, repeats=REPEATS, rng=random_stream(3))
    assert rates["cluster"] == pytest.approx(0.95, abs=MARGIN)
    assert rates["naive"] < 0.85


def test_median_of_several_runs():
    rates = simulations.runs(n_runs=10, channels=30, repeats=REPEATS, rng=random_stream(4))
    assert rates["runs"] > 0.87
    assert rates["no_runs"] < 0.8


def test_two_properties():
    rates = simulations.joints(channels=80, repeats=REPEATS, rng=random_stream(5))
    assert rates["same_joint"] <= 0.05 + MARGIN
    assert rates["dependence"] <= 0.05 + MARGIN


@pytest.mark.slow
def test_the_table_of_the_documentation():
    repeats = 600
    found = simulations.table(repeats=repeats)
    TABLE.write_text(simulations.markdown(found))
    rates = found.set_index("statistic")
    error = 3 * np.sqrt(0.05 * 0.95 / repeats)
    for wanted, low, high in (
        ("at most 5 %", 0, 0.05 + error),
        ("at least 93 %", 0.93 - error, 1),
        ("93 to 97 %", 0.93 - error, 0.97 + error),
    ):
        rows = rates[rates["wanted"] == wanted]
        assert len(rows)
        outside = rows[~rows["rate"].between(low, high)]
        assert outside.empty, outside.to_string()
