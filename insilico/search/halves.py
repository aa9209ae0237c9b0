"""Split published distributions in two: one half is fitted, and the other one never seen."""

import dataclasses
from zlib import crc32

import numpy as np

from insilico.errors import UserError
from insilico.reference import ReferenceDistribution

__all__ = ["half"]


def half(reference: ReferenceDistribution, which: str, *, seed: int = 0) -> ReferenceDistribution:
    """Take one half of the cells of a published distribution, drawn without replacement.

    Parameters
    ----------
    reference : ReferenceDistribution
        Whole numbers of cells.
    which : {"fitted", "held out"}
        Together the two are the reference.
    seed : int
        Of the draw. The halves depend on it and on the name of the reference alone.

    Returns
    -------
    ReferenceDistribution
        Of half as many cells, those without a value among them.

    Raises
    ------
    UserError
        If no numbers are public, or they are no whole numbers.

    Notes
    -----
    The histograms of properties that were measured on the same cells are split one by one, so that
    a cell may be in different halves of two of them.
    """
    if which not in ("fitted", "held out"):
        raise UserError(f"which must be 'fitted' or 'held out'; got {which!r}.")
    if reference.counts is None or not np.array_equal(reference.counts, reference.counts.round()):
        raise UserError(
            f"reference {reference.name!r} cannot be halved: its counts are no whole numbers of "
            "cells. Leave it out."
        )
    cells = np.append(reference.counts, reference.undefined).round().astype(int)
    rng = np.random.default_rng([seed, crc32(reference.name.encode())])
    drawn = rng.multivariate_hypergeometric(cells, cells.sum() // 2)
    if which == "held out":
        drawn = cells - drawn
    return dataclasses.replace(reference, counts=drawn[:-1].astype(np.float64), n=int(drawn.sum()))
