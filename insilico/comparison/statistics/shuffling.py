"""Shuffle floors: how selective units look whose responses are in no order.

A curve of finitely many responses is never quite flat, so an index of selectivity is above 0 for
units that are not tuned at all. Put into random order, the same responses give the same spread and
no tuning; what the index then says is its floor.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

__all__ = ["shuffled"]


def shuffled(
    curve: xr.DataArray,
    measure: Callable[[xr.DataArray], xr.DataArray],
    *,
    rng: np.random.Generator,
    dim: str = "orientation",
    n_shuffles: int = 5,
) -> xr.DataArray:
    """Measure curves whose responses were put into random order, each unit's by itself.

    Parameters
    ----------
    curve : DataArray, dims ("unit", ``dim``)
        Tuning curves.
    measure : callable
        What is measured, as `insilico.tuning.properties` has it.
    rng : numpy.random.Generator
        Source of randomness.
    dim : str
        The factor whose order is random.
    n_shuffles : int
        Random orders of each unit.

    Returns
    -------
    DataArray, dims ("unit", "shuffle")
        NaN where the measure is undefined.
    """
    responses = curve.transpose("unit", dim)
    values = responses.to_numpy()
    # One shuffle of all units at a time, for interpolated curves are large.
    measured = [
        measure(responses.copy(data=rng.permuted(values, axis=1))).to_numpy()
        for _ in range(n_shuffles)
    ]
    return xr.DataArray(np.stack(measured, axis=1), dims=("unit", "shuffle"))
