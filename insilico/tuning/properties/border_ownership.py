"""Border ownership: whether it matters on which side of an edge the figure lies.

Curves over ``side`` and ``polarity`` (1 where the square is light) hold responses less the blank.
"""

import numpy as np
import xarray as xr

from insilico.tuning.properties.values import per_unit
from insilico.tuning.rates import response_criterion

__all__ = ["border_ownership_ratio", "polarity_ratio"]


def border_ownership_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Response to an edge of a square on the worse side, over that on the better one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "side", "polarity")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        ``min(A + C, B + D) / max(A + C, B + D)``, A and C being the responses to light and dark
        squares on one side, B and D on the other: 1 where only the edge counts, 0 where one side
        alone gives a response. A response below blank counts as nothing. NaN where the mean on the
        better side does not reach 5 spikes/s.

    References
    ----------
    Zhou, Friedman & von der Heydt (2000), J Neurosci 20:6594-6611, doi
    10.1523/JNEUROSCI.20-17-06594.2000; the ratio is that of the code of VOneNetDN.
    """
    return _ratio(curve, "polarity", "border_ownership_ratio", "Border-ownership ratio")


def polarity_ratio(curve: xr.DataArray) -> xr.DataArray:
    """Response to the worse contrast of the edge itself, over that to the better one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "side", "polarity")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        As `border_ownership_ratio`, but between edges that are light on the same side, whichever
        side owns them: 1 for a unit that is blind to polarity. NaN likewise.
    """
    # A light square on one side and a dark one on the other have the same edge.
    swapped = curve.isel(polarity=slice(None, None, -1)).assign_coords(polarity=curve["polarity"])
    edge = curve.where(curve["side"] > 0, swapped)
    return _ratio(edge, "side", "polarity_ratio", "Polarity ratio")


def _ratio(curve: xr.DataArray, over: str, name: str, label: str) -> xr.DataArray:
    sums = curve.clip(min=0).sum(over).transpose("unit", ...).to_numpy()
    better = sums.max(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sums.min(1) / better
    enough = better / curve.sizes[over] >= response_criterion(curve)
    return per_unit(curve, name, np.where(enough, ratio, np.nan), label)
