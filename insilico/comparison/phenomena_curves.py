"""The curve behind each phenomenon, in a thumbnail: the median over the units of a population."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from stimuli.conventions import PERIODS

__all__ = ["DRAWN", "Drawn", "median_curves"]

Array = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """What is drawn of an experiment.

    Parameters
    ----------
    protocol : str
        Whose curve.
    along : str
        The factor along the horizontal axis.
    each : str
        The factor that tells lines apart; one line without.
    levels : tuple of float
        Its levels that are drawn; the nearest that were shown.
    at : tuple of (str, float)
        Levels of further factors.
    """

    protocol: str
    along: str
    each: str = ""
    levels: tuple[float, ...] = ()
    at: tuple[tuple[str, float], ...] = ()


TWO_CONTRASTS = (0.2, 0.8)
SMALL_AND_LARGE = (0.0, 9.0)

DRAWN: dict[int, tuple[Drawn, ...]] = {
    1: (Drawn("size", "diameter"),),
    2: (Drawn("contrast_size", "diameter", "contrast", (0.12, 1.0)),),
    3: (Drawn("size_off_optimum", "diameter", "off", (0, 1)),),
    4: (Drawn("size_off_optimum", "diameter", "off", (0, 2)),),
    5: (Drawn("annulus", "inner_diameter", at=(("contrast", 1.0),)),),
    6: (Drawn("annulus", "inner_diameter", "contrast", (0.25, 1.0)),),
    7: (Drawn("contrast", "contrast"),),
    8: (Drawn("contrast", "contrast"),),
    9: (Drawn("noise_mask", "noise"),),
    10: (Drawn("contrast_off_optimum", "contrast", "off", (0, 1)),),
    11: (Drawn("contrast_off_optimum", "contrast", "off", (0, 2)),),
    12: (Drawn("contrast_two_sizes", "contrast", "relative_size", SMALL_AND_LARGE),),
    13: (Drawn("orientation_mean", "orientation"),),
    14: (Drawn("spatial_frequency", "spatial_frequency"),),
    15: (Drawn("orientation_size", "orientation", "relative_size", SMALL_AND_LARGE),),
    16: (Drawn("frequency_size", "spatial_frequency", "relative_size", SMALL_AND_LARGE),),
    17: (Drawn("contrast_orientation", "orientation", "contrast", TWO_CONTRASTS),),
    18: (Drawn("contrast_frequency", "spatial_frequency", "contrast", TWO_CONTRASTS),),
    19: (Drawn("square_wave", "relative_frequency"),),
    20: (Drawn("contrast", "contrast"), Drawn("square_wave_contrast", "contrast")),
    21: (Drawn("mask_orientation", "relative_orientation"),),
    22: (Drawn("mask_frequency", "relative_frequency"),),
    23: (Drawn("cross_orientation", "mask_contrast", at=(("contrast", 0.25),)),),
    24: (Drawn("surround_orientation", "relative_orientation"),),
    25: (Drawn("surround_frequency", "relative_frequency"),),
    26: (Drawn("surround_contrast", "surround_contrast", at=(("contrast", 0.5),)),),
    27: (
        Drawn("surround_orientation_low_contrast", "relative_orientation"),
        Drawn("surround_orientation", "relative_orientation"),
    ),
    28: (Drawn("spots", "place", "along", (0, 1)),),
    30: (Drawn("bars_across", "place"),),
}


def median_curves(curves: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """Median curves over units, for every phenomenon that they are the curves of.

    Parameters
    ----------
    curves : mapping of str to DataArray, dims ("unit", <factors>)
        Curves of a run, by protocol, of the units of interest.

    Returns
    -------
    DataFrame
        Columns ``number`` (of the phenomenon), ``protocol``, ``along``, ``line`` (the level that
        it is drawn at; NaN for the only one), ``x`` and ``response``. The response in context is
        relative to that without, and any other to the unit's largest on the line. Orientations are
        from the unit's best one, in deg, and frequencies in octaves.
    """
    rows = [
        _line(number, drawn, curves[drawn.protocol], level)
        for number, parts in DRAWN.items()
        for drawn in parts
        if drawn.protocol in curves and curves[drawn.protocol].sizes["unit"]
        for level in drawn.levels or (np.nan,)
    ]
    columns = ["number", "protocol", "along", "line", "x", "response"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _line(number: int, drawn: Drawn, curve: xr.DataArray, level: float) -> pd.DataFrame:
    chosen = curve
    for factor, value in drawn.at:
        chosen = chosen.sel({factor: value}, method="nearest", drop=True)
    if drawn.each:
        chosen = chosen.sortby(drawn.each).sel({drawn.each: level}, method="nearest")
        level = float(chosen[drawn.each])
    values = chosen.transpose("unit", drawn.along).to_numpy().astype(float).clip(0)
    x = chosen[drawn.along].to_numpy().astype(float)
    largest = chosen["alone"].to_numpy() if "alone" in chosen.coords else values.max(1)
    answers = np.isfinite(values).all(1) & (largest > 0)
    share = values[answers] / largest[answers, None]
    x, share = _from_best(drawn.along, x, share)
    # A median needs a unit, and an end of few units is not that of the others.
    enough = np.isfinite(share).mean(0) >= 0.5 if len(share) else np.zeros(len(x), dtype=bool)
    return pd.DataFrame(
        {
            "number": number,
            "protocol": drawn.protocol,
            "along": drawn.along,
            "line": level,
            "x": x[enough],
            "response": np.nanmedian(share[:, enough], axis=0),
        }
    )


def _from_best(along: str, x: Array, share: Array) -> tuple[Array, Array]:
    """Put the best orientation, or frequency, of every unit at 0."""
    if along not in ("orientation", "spatial_frequency"):
        return x, share
    n = len(x)
    best = np.nan_to_num(share, nan=-np.inf).argmax(1)
    steps = np.arange(-(n // 2), n - n // 2)
    step = float(x[1] - x[0] if along in PERIODS else np.log2(x[1] / x[0]))
    away: Array = steps.astype(np.float64) * step
    if along in PERIODS:
        at = (best[:, None] + steps) % n
        return away, np.take_along_axis(share, at, axis=1)
    at = best[:, None] + steps
    inside = (at >= 0) & (at < n)
    return away, np.where(inside, np.take_along_axis(share, at.clip(0, n - 1), axis=1), np.nan)
