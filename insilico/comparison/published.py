"""What a score of the published benchmark is read beside: published scores, categories, a rank."""

import pandas as pd

from insilico import reference
from insilico.comparison.table import category_scores
from insilico.reference import leaderboard
from insilico.reference.catalogue import BENCHMARK
from insilico.reference.leaderboard import Standing

__all__ = ["beside_published", "categories", "standings"]


def beside_published(comparison: pd.DataFrame) -> pd.DataFrame:
    """Set the rows of the published benchmark beside the scores that were published for them.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.comparison.table.score` returns it.

    Returns
    -------
    DataFrame
        Its rows whose reference belongs to the benchmark, with two columns more:
        ``published_ceiling`` and ``alexnet``, both raw scores, NaN where none was published.
    """
    names = comparison["reference"].astype(str)
    rows = comparison[names.isin(reference.names(BENCHMARK))]
    known = {name: reference.load(name) for name in rows["reference"].unique()}
    return rows.assign(
        published_ceiling=[known[name].published_ceiling for name in rows["reference"]],
        alexnet=[known[name].alexnet for name in rows["reference"]],
    )


def categories(comparison: pd.DataFrame) -> pd.DataFrame:
    """Average the rows of the published benchmark into its categories, AlexNet's likewise.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.comparison.table.score` returns it.

    Returns
    -------
    DataFrame
        As `insilico.comparison.table.category_scores` returns it, and ``alexnet``, the mean of
        AlexNet's raw scores over the same properties. Empty for a comparison with other
        references only.
    """
    rows = beside_published(comparison)
    scores = category_scores(rows)
    # Only where the model has a score itself: both are means over the same properties.
    theirs = category_scores(
        rows.assign(similarity=rows["alexnet"].where(rows["similarity"].notna()))
    )
    return scores.assign(alexnet=theirs["similarity"])


def standings(comparison: pd.DataFrame) -> dict[str, Standing]:
    """Rank each layer among the models of the public leaderboard.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.comparison.table.score` returns it.

    Returns
    -------
    dict of str to Standing
        By layer, of those that have a score on any property of the benchmark.
    """
    ranked = {
        str(layer): leaderboard.rank(rows.set_index("reference")["ceiled"])
        for layer, rows in beside_published(comparison).groupby("layer", sort=False)
    }
    return {layer: standing for layer, standing in ranked.items() if standing.covered}
