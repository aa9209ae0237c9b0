"""Where a score would stand among the models of the public leaderboard.

The scores are those of 363 models on the 22 properties of the published benchmark, divided by the
ceiling, as the public leaderboard (brain-score.org) showed them on 7 May 2025. Each belongs to the
layer that its submission committed to V1, so scores of other layers are not strictly comparable.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from insilico.errors import UserError
from insilico.reference.catalogue import BENCHMARK, MARQUES2020, load, names, table

__all__ = ["Standing", "models", "rank"]


@dataclass(frozen=True)
class Standing:
    """A place on the leaderboard, restricted to the properties that were measured.

    Parameters
    ----------
    score : float
        Mean of the categories, ceiled; NaN where nothing was measured.
    rank : int or None
        1 is the best; one more than the number of models with a higher score.
    n : int
        Models on the leaderboard.
    covered, published : int
        Properties that were measured, of how many.
    median, best : float
        Median and largest score of the models on the same properties.
    """

    score: float
    rank: int | None
    n: int
    covered: int
    published: int
    median: float
    best: float

    @property
    def coverage(self) -> str:
        """How much of the benchmark it stands on, in words."""
        return f"{self.covered} of {self.published}"


def models() -> pd.DataFrame:
    """Load the ceiled scores of the models.

    Returns
    -------
    DataFrame, index ``model_id``, one row per model
        ``model_name`` (not unique), ``published_mean``, and one column per property, named as in
        the unit table. NaN where a model was not scored; 0 may be a failed run.
    """
    return table("leaderboard_2025_05").set_index("model_id")


def rank(ceiled: Mapping[str, float] | pd.Series) -> Standing:
    """Rank a model among those of the leaderboard on the properties that were measured.

    The models' scores are averaged anew over the same properties: into categories first, then over
    the categories that are not empty. What a model was not scored on counts as 0, as it does on
    the leaderboard.

    Parameters
    ----------
    ceiled : mapping or Series
        Ceiled scores by name of the reference (``marques2020.DATA SET.PROPERTY``) or of the
        property (without ``marques2020.``), NaN where there is none: of a comparison,
        ``comparison.set_index("reference")["ceiled"]``. Names that are not scored in the
        benchmark are left out.

    Returns
    -------
    Standing

    Examples
    --------
    >>> standing = rank({"cavanaugh2002a.surround_suppression_index": 1.0})
    >>> standing.rank, standing.n, standing.coverage
    (1, 363, '1 of 22')
    """
    own = pd.Series(
        {str(name).removeprefix(BENCHMARK): score for name, score in ceiled.items()}, dtype=float
    )
    known = {name.removeprefix(BENCHMARK) for name in names(BENCHMARK)}
    if len(own) and known.isdisjoint(own.index):
        raise UserError(
            f"none of {list(own.index)} is a property of the published benchmark, whose names are "
            f"like {MARQUES2020[0]!r}. Give the scores of a run with the marques2020 battery."
        )
    category = pd.Series(
        {name.removeprefix(BENCHMARK): load(name).category for name in MARQUES2020}
    )
    own = own.reindex(category.index).dropna()
    board = models()
    if own.empty:
        nothing = float("nan")
        return Standing(nothing, None, len(board), 0, len(category), nothing, nothing)
    theirs = board[list(own.index)].fillna(0.0).T.groupby(category).mean().mean()
    score = float(own.groupby(category).mean().mean())
    return Standing(
        score=score,
        # The margin keeps rounding from putting a model above one of the same score.
        rank=1 + int((theirs > score + 1e-9).sum()),
        n=len(board),
        covered=len(own),
        published=len(category),
        median=float(theirs.median()),
        best=float(theirs.max()),
    )
