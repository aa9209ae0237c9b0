"""What a score of the published benchmark is read beside: published scores, categories, a rank."""

import pandas as pd

from insilico import reference
from insilico.comparison.table import category_scores
from insilico.reference import leaderboard
from insilico.reference.catalogue import BENCHMARK
from insilico.reference.leaderboard import Standing

__all__ = ["beside_board", "beside_published", "categories", "standings"]


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


def beside_board(comparison: pd.DataFrame) -> pd.DataFrame:
    """Set each layer beside the models of the public leaderboard, property by property.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.comparison.table.score` returns it.

    Returns
    -------
    DataFrame, one row per layer and property, and one per layer for the mean
        ``layer``, ``property``, ``category``, ``ceiled``, ``rank``, ``n``, ``median``, ``best``,
        ``best_model``. Ranks count the models that were scored on the property.
    """
    columns = (
        "layer", "property", "category", "ceiled", "rank", "n", "median", "best", "best_model",
    )  # fmt: skip
    if comparison.empty:
        return pd.DataFrame(columns=columns)
    board = leaderboard.models()
    ranks = standings(comparison)
    told: list[dict[str, object]] = []
    for name, rows in beside_published(comparison).groupby("layer", sort=False):
        layer = str(name)
        for row in rows.to_dict("records"):
            known = row["reference"].removeprefix(BENCHMARK)
            if known not in board or pd.isna(row["ceiled"]):
                continue
            told.append(
                {"layer": layer, "property": row["property"], "category": row["category"]}
                | _among(row["ceiled"], board.set_index("model_name")[known].dropna())
            )
        if layer in ranks:
            whole = ranks[layer]
            told.append(
                {
                    "layer": layer,
                    "property": "mean",
                    "category": f"{whole.coverage} properties",
                    "ceiled": whole.score,
                    "rank": whole.rank,
                    "n": whole.n,
                    "median": whole.median,
                    "best": whole.best,
                    "best_model": "",
                }
            )
    return pd.DataFrame(told, columns=columns)


def _among(score: float, theirs: pd.Series) -> dict[str, object]:
    """Say where a score stands among others."""
    return {
        "ceiled": score,
        # The margin keeps rounding from putting a model above one of the same score.
        "rank": 1 + int((theirs > score + 1e-9).sum()),
        "n": len(theirs),
        "median": float(theirs.median()),
        "best": float(theirs.max()),
        "best_model": str(theirs.idxmax()),
    }
