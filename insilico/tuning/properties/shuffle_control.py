"""What selectivity for orientation is worth: that of the same responses in random order."""

import numpy as np
import xarray as xr

from insilico.tuning.properties.values import per_unit

__all__ = ["shuffled_resultant"]

# The control is exceeded in this share of orders.
CHANCE = 0.05


def shuffled_resultant(curve: xr.DataArray) -> xr.DataArray:
    """Resultant (1 - circular variance) that the responses in random order exceed in 5 % of cases.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Mean responses, none negative.

    Returns
    -------
    DataArray, dims ("unit",)
        0 for a unit that answers alike to all orientations. NaN for a silent unit.

    Notes
    -----
    The square of ``|sum r exp(2i orientation)|`` is exponential, about, when the order of the
    responses is random, with the mean ``n / (n - 1) sum (r - mean r)^2``; nothing is drawn.
    """
    values = curve.transpose("unit", "orientation").to_numpy().astype(float)
    n = values.shape[1]
    spread = n / (n - 1) * ((values - values.mean(1, keepdims=True)) ** 2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        resultant = np.sqrt(-np.log(CHANCE) * spread) / values.sum(1)
    return per_unit(curve, "shuffled_resultant", resultant, "Resultant, shuffled")
