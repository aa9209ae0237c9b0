"""Bins: counting values on them, and reading them from the rows of a csv file."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = ["count", "histogram", "parse"]


def count(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Count values on half-open bins, the last of them closed; NaN is left out.

    Parameters
    ----------
    values : array
        Values beyond the outer edges are counted in the outer bins; the array is not changed.
    edges : array, shape (bin + 1,)
        Rising bin edges.

    Returns
    -------
    array, shape (bin,)

    Examples
    --------
    >>> count(np.array([-1.0, 0.0, 0.5, 1.0, np.nan]), np.array([0.0, 0.5, 1.0])).tolist()
    [2.0, 2.0]
    """
    defined = values[~np.isnan(values)]
    place = np.searchsorted(edges, defined, side="right") - 1
    bins = len(edges) - 1
    return np.bincount(np.clip(place, 0, bins - 1), minlength=bins).astype(np.float64)


def parse(
    rows: Sequence[Mapping[str, str]], *, where: str, low: str = "bin_low", high: str = "bin_high"
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Read edges and counts from the rows of a csv file.

    Parameters
    ----------
    rows : sequence of mapping
        One per bin, with the columns ``low``, ``high`` and count.
    where : str
        What an error calls them.
    low, high : str
        The columns of the bin edges.

    Returns
    -------
    edges : array, shape (bin + 1,)
    counts : array, shape (bin,), or None
        None where the counts are empty.
    """
    wanted = (low, high, "count")
    if not rows or not all(name in rows[0] for name in wanted):
        came = ", ".join(rows[0]) if rows else "no rows"
        raise UserError(f"{where} needs rows with the columns {', '.join(wanted)}; it has {came}.")
    try:
        # float() reads back exactly what repr wrote; the fast parsers of csv readers need not.
        lows = np.array([float(row[low]) for row in rows])
        highs = np.array([float(row[high]) for row in rows])
        counts = [float(row["count"]) for row in rows if row["count"].strip()]
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} has a bin edge or count that is no number: {error}.") from None
    if len(counts) not in (0, len(rows)):
        raise UserError(
            f"{where} has {len(rows)} bins but {len(counts)} counts. "
            "Write 0 where no cell was found."
        )
    if not np.array_equal(highs[:-1], lows[1:]):
        raise UserError(
            f"the bins of {where} must rise without gaps: each bin_high is the next bin_low."
        )
    return np.append(lows, highs[-1]), np.array(counts) if counts else None


def histogram(
    rows: Sequence[Mapping[str, str]], *, where: str, n: int | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read a histogram that somebody typed.

    Parameters
    ----------
    rows : sequence of mapping
        One per bin, with the columns bin_low, bin_high and count.
    where : str
        What an error calls them.
    n : int, optional
        How many cells there are said to be.

    Returns
    -------
    edges : array, shape (bin + 1,)
    counts : array, shape (bin,)

    Raises
    ------
    UserError
        If a number is missing, or the counts are shares.
    """
    edges, counts = parse(rows, where=where)
    if counts is None or not np.isfinite([*edges, *counts]).all():
        raise UserError(
            f"{where} has bins without an edge or a count. Write 0 where no cell was found."
        )
    total = float(counts.sum())
    shares = any(np.isclose(total, whole, rtol=0.01) for whole in (1, 100))
    if shares and not (counts == np.rint(counts)).all() and (total < 2 or n is None):
        raise UserError(
            f"the counts of {where} add up to {total:g}, and are no whole numbers: they look like "
            "shares. Write how many cells were found in each bin."
        )
    return edges, counts
