"""The scorecard: thirty phenomena of V1, and which of them the units of a model show.

The list is that of Sawada & Petrov (2017, doi 10.1152/jn.00821.2016). A phenomenon that nothing
here measures says so; it is never counted as shown.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from insilico.comparison.linear_control import LINEAR_CONTROL
from insilico.comparison.phenomena_list import PHENOMENA, Phenomenon
from insilico.comparison.statistics.bounds import wilson

__all__ = ["COLUMNS", "holds_scorecard", "scorecard", "share_interval"]

# Batteries of other experiments measure a few phenomena by the way: they have no scorecard.
FEWEST = 10

COLUMNS = (
    "model", "layer", "number", "phenomenon", "measure", "n_units", "n_undefined", "share",
    "share_low", "share_high", "effect", "shown", "why", "control", "macaque",
)  # fmt: skip


class Share(NamedTuple):
    """A share of units with its interval."""

    share: float
    low: float
    high: float


def scorecard(units: xr.Dataset | Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Tell which phenomena of V1 the units of models show.

    Parameters
    ----------
    units : Dataset, or mapping of str to Dataset
        Table of units of a run (``results.units``), or several by the name of the model.

    Returns
    -------
    DataFrame, one row per model, layer and phenomenon
        ``share`` of the units that show it, with a 95 % interval over channels; ``effect``, the
        median of the measure over units that have one. ``shown`` is ``"yes"`` where the lower limit
        of the share is above one half, ``"no"``, or ``"not measured"`` with the reason in ``why``.
        A unit whose measure is NaN counts as one that does not show it, and in ``n_undefined``.
        ``control`` is the share of linear filters that show it (`textbook:control`): what they show
        too says nothing about normalization.

    Examples
    --------
    >>> units = xr.Dataset({"suppression_index": ("unit", [0.4] * 30)},
    ...                    coords={"layer": ("unit", ["v1"] * 30)})
    >>> first = scorecard(units).iloc[0]
    >>> first["phenomenon"], float(first["share"]), first["shown"]
    ('size tuning', 1.0, 'yes')
    """
    models = {"": units} if isinstance(units, xr.Dataset) else units
    rows = [
        {"model": model, "layer": str(layer)} | _row(each, part)
        for model, table in models.items()
        for layer, part in table.groupby("layer")
        for each in PHENOMENA
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def holds_scorecard(units: xr.Dataset) -> bool:
    """Whether a run measured enough of the thirty phenomena for a scorecard.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Its table of units.

    Returns
    -------
    bool
    """
    measured = [each for each in PHENOMENA if each.needs and set(each.needs) <= set(units)]
    return units.sizes["unit"] > 0 and len(measured) >= FEWEST


def share_interval(shown: np.ndarray, channel: np.ndarray) -> Share:
    """Share of units that show something, with Wilson's 95 % interval over channels.

    Parameters
    ----------
    shown : array of bool, shape (unit,)
        Which units do.
    channel : array, shape (unit,)
        The channel of each: its sites count as one cell.

    Returns
    -------
    Share
        The mean over channels of the share of their units.

    Examples
    --------
    >>> share_interval(np.array([True] * 8 + [False] * 2), np.arange(10)).share
    0.8
    """
    of_channel = pd.Series(shown.astype(float)).groupby(channel).mean()
    n, share = len(of_channel), float(of_channel.mean())
    low, high = wilson(share, n)
    return Share(share, float(low), float(high))


def _row(phenomenon: Phenomenon, units: xr.Dataset) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": phenomenon.number,
        "phenomenon": phenomenon.name,
        "measure": phenomenon.measure,
        "control": LINEAR_CONTROL[phenomenon.number],
        "macaque": phenomenon.macaque,
        "n_units": units.sizes["unit"],
    }
    missing = [name for name in phenomenon.needs if name not in units]
    if missing:
        return row | {"shown": "not measured", "why": f"the run holds no {', '.join(missing)}"}
    effect = np.asarray(phenomenon.effect(units), dtype=float)
    with np.errstate(invalid="ignore"):
        shows = effect > phenomenon.above if phenomenon.below is None else effect < phenomenon.below
    known = np.isfinite(effect)
    share = share_interval(shows & known, _channel(units))
    return row | {
        "n_undefined": int((~known).sum()),
        "share": share.share,
        "share_low": share.low,
        "share_high": share.high,
        "effect": float(np.median(effect[known])) if known.any() else np.nan,
        "shown": "yes" if share.low > 0.5 else "no",
        "why": "" if known.any() else "no unit has a value",
    }


def _channel(units: xr.Dataset) -> np.ndarray:
    n = units.sizes["unit"]
    return units["channel"].to_numpy() if "channel" in units.coords else np.arange(n)
