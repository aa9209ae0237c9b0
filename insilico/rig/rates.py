"""Rates of a few answers, thirty times a second: without the tables of a whole recording."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from insilico.tuning.rates import RateMap

__all__ = ["rates_of"]


def rates_of(
    rate_map: RateMap, layers: Sequence[str], responses: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Map activations to firing rates, as `insilico.tuning.rates.to_rates` does.

    Parameters
    ----------
    rate_map : RateMap
        The map.
    layers : sequence of str, one for each unit
        Their layers.
    responses : array, shape (unit,)
        Raw activations.

    Returns
    -------
    array, shape (unit,)
        In spikes/s; NaN in a silent layer.
    """
    slope, offset = rate_map.lines(layers)
    return np.maximum(0, slope * np.maximum(0, responses) + offset)
