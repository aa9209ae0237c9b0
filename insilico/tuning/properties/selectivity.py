"""Whether a unit is selective for an angle at all."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import check_angles
from insilico.tuning.rates import ROUNDING
from stimuli.conventions import PERIODS

__all__ = ["tuned"]

# Tuned is a unit whose curve, in random order, would be as selective by chance in fewer than so
# many cases; or one that is plainly selective: an order is hard to tell from few strong responses.
CHANCE = 0.05
PLAINLY_SELECTIVE = 0.5


def tuned(curve: xr.DataArray, dim: str, *, peaks: int = 1) -> npt.NDArray[np.bool_]:
    """Tell whether responses are more selective than they would be in random order.

    Parameters
    ----------
    curve : DataArray, dims ("unit", dim)
        Responses.
    dim : {"orientation", "direction"}
        The angle, which covers its period evenly.
    peaks : int
        How many peaks a curve has: two over ``direction`` of a unit that is tuned to orientation.

    Returns
    -------
    array of bool, shape (unit,)
        By the resultant, whose square is exponential, about, when the order is random.

    Raises
    ------
    UserError
        If the angles do not cover their period evenly, in deg.
    """
    check_angles(curve[dim].to_numpy(), dim)
    values = curve.transpose("unit", dim).to_numpy().astype(float)
    turns = peaks * 360 / PERIODS[dim]
    angle = np.exp(1j * turns * np.deg2rad(curve[dim].to_numpy()))
    n = len(angle)
    spread = n / (n - 1) * ((values - values.mean(1, keepdims=True)) ** 2).sum(1)
    positive = values.clip(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(-(np.abs(values @ angle) ** 2) / spread)
        selectivity = np.abs(positive @ angle) / positive.sum(1)
    rounded = np.ptp(values, axis=1) <= ROUNDING * np.abs(values).max(1)
    return ~rounded & ((chance < CHANCE) | (1 - selectivity < PLAINLY_SELECTIVE))
