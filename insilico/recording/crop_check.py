"""Whether a crop is exact on the stimuli that are about to be shown.

An operation can swallow NaN, and random pictures may never reach a threshold that gratings reach.
So a proven window is checked once more, on stimuli of the set: those that drive the units most,
those that differ most from the background outside the window, and a sample of the rest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stimuli import Display, StimulusSet, Window
from stimuli.gratings import blank_screen

__all__ = ["disagreeing", "how_many", "informative", "outside", "pool", "spread"]

Array = npt.NDArray[np.floating[Any]]

# Largest difference between cropped and whole responses: of the unit's own range, or in units of
# the last place of its largest response.
SHARE = 1e-4
ULP = 8
RESOLUTION = float(np.finfo(np.float32).eps)

# Whole pictures by which the crops of a layer are checked, per protocol: at least so many, at most
# so many, and in between what costs little beside the recording itself.
FEWEST = 4
MOST = 64
COST = 0.02

# Pixels, of all frames, that are little in any case.
LITTLE = 4 * 224**2

# Stimuli among which each whole picture is chosen.
CHOICE = 4

# Side in px of what is drawn of a stimulus beyond a window, to see how much of it is there.
PEEP = 8


def how_many(n_stimuli: int, window: Window, display: Display, *, frames: int = 1) -> int:
    """Tell how many whole pictures, or movies, are shown to check a crop.

    Parameters
    ----------
    n_stimuli : int
        How many stimuli are to be shown through it.
    window : Window
        The crop.
    display : Display
        The screen.
    frames : int
        Of each stimulus.

    Returns
    -------
    int
    """
    pixels = max(LITTLE / frames, COST * n_stimuli * window.height * window.width)
    return min(n_stimuli, int(np.clip(pixels / (display.height * display.width), FEWEST, MOST)))


def pool(stimuli: StimulusSet, n: int) -> npt.NDArray[np.intp]:
    """Gather the stimuli among which is chosen: the strongest, the extremes, and a seeded sample.

    Parameters
    ----------
    stimuli : StimulusSet
        What is about to be shown.
    n : int
        How many will be chosen.

    Returns
    -------
    array
        Rows of its table, sorted.
    """
    size, total = max(n, min(CHOICE * n, MOST)), len(stimuli)
    if total <= size:
        return np.arange(total)
    table = (
        stimuli.conditions.select_dtypes("number").dropna(axis=1, how="all").reset_index(drop=True)
    )
    strength = table.get("contrast", 1.0) * np.minimum(table.get("diameter", np.inf), 1e3)
    strongest = np.argsort(-np.broadcast_to(strength, total), kind="stable")[: size // 4]
    rng = np.random.default_rng(0)
    extremes = rng.permutation([*table.idxmin(), *table.idxmax()])[: size // 4]
    sample = rng.permutation(total)
    chosen = np.concatenate([strongest, extremes.astype(np.intp), sample])
    return np.sort(pd.unique(chosen)[:size])


def outside(stimuli: StimulusSet, rows: npt.NDArray[np.intp], window: Window) -> Array:
    """Tell how much of each stimulus lies beyond a window, by peeps at four places.

    Parameters
    ----------
    stimuli : StimulusSet
        The stimuli.
    rows : array
        Which of them.
    window : Window
        The crop.

    Returns
    -------
    array, shape (row,)
        Mean distance from the background.
    """
    height, width = stimuli.display.height, stimuli.display.width
    middle = (window.top + window.height // 2, window.left + window.width // 2)
    # Just beyond each edge of the window, as far as the display reaches.
    corners = (
        (window.top - PEEP, middle[1]),
        (window.top + window.height, middle[1]),
        (middle[0], window.left - PEEP),
        (middle[0], window.left + window.width),
    )
    peeps = [
        Window(top, left, min(PEEP, height - top), min(PEEP, width - left))
        for top, left in corners
        if 0 <= top < height and 0 <= left < width
    ]
    ground = blank_screen(stimuli.display, window=Window(0, 0, 1, 1))
    return np.mean(
        [
            (stimuli.images(rows, window=peep) - ground).abs().flatten(1).mean(1).cpu().numpy()
            for peep in peeps
        ]
        or [np.zeros(len(rows))],
        axis=0,
    )


def informative(responses: Array, beyond: Array, n: int) -> npt.NDArray[np.intp]:
    """Choose stimuli that would tell most: a third by response, a third by what lies outside.

    Parameters
    ----------
    responses : array, shape (stimulus, unit)
        To crops.
    beyond : array, shape (stimulus,)
        How much of each lies outside.
    n : int
        How many to choose; the rest is a seeded sample.

    Returns
    -------
    array
        Which, sorted.
    """
    third = -(-n // 3)
    driven = np.argsort(-abs(responses).mean(1), kind="stable")[:third]
    around = np.argsort(-beyond, kind="stable")
    around = around[~np.isin(around, driven)][:third]
    rest = np.random.default_rng(1).permutation(len(beyond))
    return np.sort(pd.unique(np.concatenate([driven, around, rest]))[:n])


def spread(units: pd.DataFrame, cropped: Array, whole: Array) -> pd.DataFrame:
    """Gather what tells whether units agree.

    Parameters
    ----------
    units : DataFrame
        With the columns ``layer`` and ``channel``.
    cropped, whole : array, shape (stimulus, unit)
        Their responses.

    Returns
    -------
    DataFrame
        One row per unit: layer, channel, and what `disagreeing` needs, largest first.
    """
    return pd.DataFrame(
        {
            "layer": units["layer"].to_numpy(),
            "channel": units["channel"].to_numpy(),
            "high": whole.max(0).astype(float),
            "low": -whole.min(0).astype(float),
            "largest": abs(whole).max(0).astype(float),
            # What is not finite is refused when it is recorded.
            "apart": np.nan_to_num(abs(cropped.astype(float) - whole)).max(0),
        }
    )


def disagreeing(spreads: Sequence[pd.DataFrame], *, rounding: float = 0.0) -> pd.Series:
    """Say for each layer how many channels respond otherwise to crops than to whole pictures.

    Parameters
    ----------
    spreads : sequence of DataFrame
        From `spread`, of all the groups of a protocol. Units of a channel, which are one filter at
        several places, have one range.
    rounding : float
        Difference that another order of summation may make, of the largest response in the layer.

    Returns
    -------
    Series
        Number of channels, indexed by layer.
    """
    each = pd.concat(spreads).groupby(["layer", "channel"], sort=False).max()
    tolerance = np.maximum(SHARE * (each["high"] + each["low"]), ULP * RESOLUTION * each["largest"])
    strongest = each["largest"].groupby("layer", sort=False).transform("max")
    tolerance = np.maximum(tolerance, rounding * strongest)
    return (each["apart"] > tolerance).groupby("layer", sort=False).sum()
