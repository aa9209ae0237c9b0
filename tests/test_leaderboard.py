"""Standing among the models of the public leaderboard."""

import numpy as np
import pandas as pd
import pytest

from insilico.reference import MARQUES2020, load
from insilico.reference.leaderboard import models, rank

PROPERTIES = [name.removeprefix("marques2020.") for name in MARQUES2020]
BOARD = models()


def test_the_leaderboard_holds_363_models_and_22_properties():
    assert len(BOARD) == 363
    assert BOARD.index.is_unique
    assert list(BOARD.columns) == ["model_name", "published_mean", *PROPERTIES]
    scores = BOARD[PROPERTIES].to_numpy()
    assert np.nanmin(scores) == 0
    assert np.nanmax(scores) == 1


def test_published_means_are_reproduced_for_every_model():
    ours = [rank(row.fillna(0.0)).score for _, row in BOARD[PROPERTIES].iterrows()]
    # Properties and means were each rounded to three digits.
    assert np.abs(np.array(ours) - BOARD["published_mean"]).max() < 0.001


def test_published_order_is_reproduced():
    for place in (0, 100, 250, 362):
        model = BOARD.iloc[place]
        standing = rank(model[PROPERTIES].astype(float).fillna(0.0))
        higher = (BOARD["published_mean"] > model["published_mean"] + 0.001).sum()
        not_lower = (BOARD["published_mean"] > model["published_mean"] - 0.001).sum()
        assert higher < standing.rank <= not_lower
        assert standing.coverage == "22 of 22"
        assert (standing.n, standing.median) == (363, pytest.approx(0.704, abs=0.001))
        assert standing.best == pytest.approx(0.829, abs=0.001)


def test_alexnet():
    ceiled = {name: load(name).alexnet / load(name).published_ceiling for name in MARQUES2020}
    standing = rank(ceiled)
    assert standing.score == pytest.approx(0.699, abs=0.001)
    named = BOARD[BOARD["model_name"] == "alexnet"]["published_mean"]
    assert abs(named - standing.score).min() < 0.002


def test_only_covered_properties_are_compared():
    name = "cavanaugh2002a.surround_suppression_index"
    standing = rank({f"marques2020.{name}": 0.84, "marques2020.ringach2002.max_dc": np.nan})
    assert standing.score == 0.84
    assert standing.rank == 1 + (BOARD[name] > 0.84).sum()
    assert (standing.covered, standing.published, standing.coverage) == (1, 22, "1 of 22")
    assert standing.best == BOARD[name].max()


def test_categories_have_the_same_weight():
    standing = rank(
        {
            "cavanaugh2002a.surround_suppression_index": 0.2,
            "ringach2002.circular_variance": 0.8,
            "ringach2002.bandwidth": 0.6,
        }
    )
    assert standing.score == pytest.approx((0.2 + 0.7) / 2)


def test_the_best_and_the_worst():
    assert rank(dict.fromkeys(PROPERTIES, 1.0)).rank == 1
    assert (
        rank(dict.fromkeys(PROPERTIES, 0.0)).rank == 363 + 1 - (BOARD["published_mean"] == 0).sum()
    )


def test_rank_never_falls_as_the_score_rises():
    places = [rank(dict.fromkeys(PROPERTIES[:5], score)).rank for score in np.linspace(0, 1, 21)]
    assert places == sorted(places, reverse=True)


def test_nothing_measured_has_no_rank():
    for nothing in ({}, dict.fromkeys(MARQUES2020, np.nan)):
        standing = rank(nothing)
        assert standing.rank is None
        assert np.isnan(standing.score)
        assert (standing.n, standing.coverage) == (363, "0 of 22")


def test_a_series_with_further_references_is_taken():
    series = pd.Series(
        {
            "marques2020.ringach2002.max_dc": 0.9,
            "marques2020.ringach2002.baseline": 0.1,
            "cavanaugh2002a.suppression_index": 0.1,
        }
    )
    assert rank(series).score == 0.9


def test_other_scores_are_an_error():
    with pytest.raises(
        ValueError, match=r"none of \['cavanaugh2002a.suppression_index'\].*marques2020"
    ):
        rank({"cavanaugh2002a.suppression_index": 0.9})
