"""Main effects and interactions of a two-level factorial experiment, with intervals."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from insilico.errors import UserError

__all__ = ["estimate_effects", "model_terms"]

CONFIDENCE = 0.95

# Residual variance, as a share of the sum of squares, that is rounding.
ROUNDING = 1e-24


def model_terms(factors: Sequence[str]) -> list[str]:
    """Name the main effects and all interactions.

    Parameters
    ----------
    factors : sequence of str
        The factors.

    Returns
    -------
    list of str

    Examples
    --------
    >>> model_terms(["A", "B", "C"])
    ['A', 'B', 'C', 'A:B', 'A:C', 'B:C', 'A:B:C']
    """
    return [
        ":".join(chosen)
        for order in range(1, len(factors) + 1)
        for chosen in combinations(factors, order)
    ]


def estimate_effects(
    levels: pd.DataFrame, responses: pd.DataFrame, *, blocks: Sequence[int] | None = None
) -> pd.DataFrame:
    r"""Estimate every effect on every response, by ordinary least squares.

    Parameters
    ----------
    levels : DataFrame of bool, one row per run
        Whether each factor is on; one column per factor. Runs of one cell are its replicates.
    responses : DataFrame of float, one row per run
        One column per response, in the order of ``levels``; NaN where a run has no value.
    blocks : sequence of int, optional
        Group of each run, such as its seed, where runs of a group share something random: what the
        groups differ by on average is taken out of the residual.

    Returns
    -------
    DataFrame, one row per response and term
        ``effect``, with its ``low`` and ``high`` 95 % limits; ``p`` of no effect, and
        ``p_adjusted`` over all rows; ``mean`` of all cells, ``runs`` with a value, ``df``. NaN
        where a cell has no run with a value; limits and p also where there are no replicates, or
        where those of every cell agree exactly, which tells nothing of how they vary.

    Raises
    ------
    UserError
        If a cell has no run.

    Notes
    -----
    Factors are coded -1 and +1, and the model holds all interactions, so that it fits the mean of
    each cell exactly. An effect is twice a coefficient: the mean of the runs in which the product
    of the codes is +1 less that of those in which it is -1. The residual variance is that of the
    replicates around the mean of their cell (and block), pooled over cells; with it, intervals are
    Student's. They tell what other random starts of the same networks would give. The adjusted p is
    that of Benjamini & Hochberg (1995), for the share of false discoveries among all rows.

    Examples
    --------
    >>> levels = pd.DataFrame({"A": [0, 1, 0, 1], "B": [0, 0, 1, 1]}).astype(bool)
    >>> levels = pd.concat([levels, levels], ignore_index=True)
    >>> response = 3.0 * levels["A"] + pd.Series([0.1, -0.1] * 2 + [-0.1, 0.1] * 2)
    >>> table = estimate_effects(levels, response.to_frame("score")).set_index("term")
    >>> table.loc[["A", "B", "A:B"], "effect"].round(6).abs().tolist()
    [3.0, 0.0, 0.0]
    """
    terms = model_terms(list(levels.columns))
    design = np.hstack([_design(levels), _contrasts(blocks, len(levels))])
    absent = 2 ** levels.shape[1] - len(levels.drop_duplicates())
    if absent:
        raise UserError(
            f"a full factorial of {levels.shape[1]} factors has {2 ** levels.shape[1]} cells, and "
            f"{absent} of them have no run. Finish the experiment first."
        )
    values = responses.to_numpy(np.float64)
    known = ~np.isnan(values)
    n_terms = design.shape[1]
    # One set of normal equations per response, of the runs that have a value.
    gram = np.einsum("ri,rp,rj->pij", design, known.astype(np.float64), design)
    moments = np.einsum("ri,rp->pi", design, np.where(known, values, 0.0))
    solvable = np.linalg.matrix_rank(gram) == n_terms
    inverse = np.full_like(gram, np.nan)
    inverse[solvable] = np.linalg.inv(gram[solvable])
    coefficients = np.einsum("pij,pj->pi", inverse, moments)
    residual = np.where(known, values - design @ coefficients.T, 0.0)
    freedom = (known.sum(0) - n_terms).astype(np.float64)
    freedom[freedom < 1] = np.nan
    variance = (residual**2).sum(0) / freedom
    variance[variance < ROUNDING * (np.where(known, values, 0.0) ** 2).sum(0)] = np.nan
    error = 2 * np.sqrt(variance[:, None] * np.einsum("pii->pi", inverse))
    # The first term is the mean; those of the blocks come last.
    effect, error = 2 * coefficients[:, 1 : len(terms) + 1], error[:, 1 : len(terms) + 1]
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)[:, None] * error
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * stats.t.sf(np.abs(effect / error), freedom[:, None])
    columns = {
        "effect": effect,
        "low": effect - reach,
        "high": effect + reach,
        "p": p,
        "mean": np.broadcast_to(coefficients[:, :1], effect.shape),
        "runs": np.broadcast_to(known.sum(0)[:, None], effect.shape),
        "df": np.broadcast_to(freedom[:, None], effect.shape),
    }
    table = pd.DataFrame({name: array.ravel() for name, array in columns.items()})
    table.insert(0, "response", np.repeat(responses.columns.to_numpy(), len(terms)))
    table.insert(1, "term", np.tile(terms, responses.shape[1]))
    table.insert(6, "p_adjusted", _adjusted(table["p"].to_numpy()))
    return table


def _design(levels: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Code the factors, and multiply them in the order of `model_terms`."""
    codes = np.where(levels.to_numpy(dtype=bool), 1.0, -1.0)
    n = codes.shape[1]
    chosen = [list(each) for order in range(n + 1) for each in combinations(range(n), order)]
    return np.stack([codes[:, each].prod(axis=1) for each in chosen], axis=1)


def _contrasts(blocks: Sequence[int] | None, n_runs: int) -> npt.NDArray[np.float64]:
    """Code the blocks by columns that add up to zero over the blocks: the mean stays the mean."""
    if blocks is None:
        return np.empty((n_runs, 0))
    numbers, member = np.unique(np.asarray(blocks), return_inverse=True)
    codes = np.eye(len(numbers))[:, 1:]
    codes[0] = -1
    return codes[member]


def _adjusted(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    adjusted = np.full_like(p, np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p[known])
    return adjusted
