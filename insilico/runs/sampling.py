"""Units drawn at random, where all would be too many."""

from zlib import crc32

import numpy as np
import pandas as pd

__all__ = ["left_out", "sampled"]


def sampled(units: pd.DataFrame, most: int | None, *, seed: int) -> pd.DataFrame:
    """Draw some units of each layer.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    most : int or None
        How many of a layer; all where it has no more, or for None.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        In their order.
    """
    if most is None:
        return units
    rng = np.random.default_rng([seed, crc32(b"units")])
    chosen = [
        np.sort(rng.permutation(places)[:most])
        for places in units.groupby("layer", sort=False).indices.values()
    ]
    return units.iloc[np.sort(np.concatenate(chosen))]


def left_out(units: pd.DataFrame, kept: pd.DataFrame) -> list[str]:
    """Say of which layers units were drawn.

    Parameters
    ----------
    units, kept : DataFrame
        Before and after `sampled`.

    Returns
    -------
    list of str
    """
    before, after = (table.groupby("layer", sort=False).size().to_dict() for table in (units, kept))
    return [
        f"{layer}: {after[layer]} of {n} units were drawn at random and recorded, the others left "
        "out; --most-units all (most_units='all') records all"
        for layer, n in before.items()
        if after[layer] < n
    ]
