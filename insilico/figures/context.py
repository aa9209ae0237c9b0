"""Pages of masks and surrounds: what a second grating leaves of the response to the first."""

from collections.abc import Hashable

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from insilico.figures.plate import Plate, Shown
from insilico.figures.style import new_figure, style

__all__ = [
    "matrix_numbers",
    "matrix_page",
    "matrix_plate",
    "relative_numbers",
    "relative_page",
    "relative_plate",
]

LABELS = {
    "relative_orientation": "Orientation relative to the signal (deg)",
    "relative_frequency": "Frequency relative to the signal (octaves)",
    "contrast": "Contrast of the signal",
    "mask_contrast": "Contrast of the mask",
    "surround_contrast": "Contrast of the surround",
}


def relative_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Quartiles, over units, of the response in context relative to that to the signal alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factor>)
        Responses, with the coordinate ``alone``.

    Returns
    -------
    DataFrame, one row per value of the factor
        ``low``, ``median`` and ``high``, of units that answer the signal alone.
    """
    (factor,) = (str(dim) for dim in curve.dims if dim != "unit")
    alone = curve["alone"].to_numpy()
    kept = curve.transpose("unit", factor).to_numpy()[alone > 0].clip(0) / alone[alone > 0, None]
    low, median, high = np.nanquantile(kept, [0.25, 0.5, 0.75], axis=0)
    return pd.DataFrame(
        {factor: curve[factor].to_numpy(), "low": low, "median": median, "high": high}
    )


def relative_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `relative_numbers`.

    Parameters
    ----------
    numbers : DataFrame
        Of `relative_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    factor = numbers.columns[0]
    with style():
        figure = new_figure(width, 2.4)
        axes = figure.subplots()
        at = numbers[factor].to_numpy()
        axes.fill_between(at, numbers["low"], numbers["high"], color="C0", alpha=0.2, lw=0)
        axes.plot(at, numbers["median"], "o-", color="C0", ms=3)
        axes.axhline(1, color="0.6", lw=0.8, ls="--")
        axes.set(
            xlabel=_label(factor),
            ylabel="Response / signal alone",
            ylim=(0, max(1.2, 1.05 * float(numbers["high"].max()))),
        )
    return figure


def matrix_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Median, over units, of responses to pairs of contrasts, each unit's largest being 1.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", <other contrast>)
        Responses.

    Returns
    -------
    DataFrame, one row per pair
    """
    other = next(str(dim) for dim in curve.dims if dim not in ("unit", "contrast"))
    values = curve.transpose("unit", "contrast", other)
    largest = values.max(["contrast", other])
    share = (values.clip(min=0) / largest.where(largest > 0)).median("unit")
    return share.to_series().rename("median").reset_index()


def matrix_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `matrix_numbers` as a heat map.

    Parameters
    ----------
    numbers : DataFrame
        Of `matrix_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    first, other = numbers.columns[:2]
    table = numbers.pivot(index=first, columns=other, values="median")
    with style():
        figure = new_figure(width, 2.8)
        axes = figure.subplots()
        image = axes.imshow(table.to_numpy(), origin="lower", cmap="viridis", vmin=0, vmax=1)
        axes.set_xticks(range(table.shape[1]), [f"{value:g}" for value in table.columns])
        axes.set_yticks(range(table.shape[0]), [f"{value:g}" for value in table.index])
        axes.set(xlabel=_label(other), ylabel=_label(first))
        figure.colorbar(image, ax=axes, label="Response / largest")
    return figure


def _label(factor: Hashable) -> str:
    name = str(factor)
    return LABELS.get(name, name.replace("_", " ").capitalize())


def relative_plate(shown: Shown) -> Plate:
    """Draw what a mask or a surround leaves of the response.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = relative_numbers(shown.curve)
    caption = (
        "Response to the signal with a mask upon it, or a surround around it, relative to "
        "the signal alone: below 1 it suppresses. Line and band: median and quartiles over the "
        "units that respond."
    )
    title = f"{shown.title}: what is left of the response"
    return shown.plate(title, caption, relative_page(numbers, width=shown.width), numbers)


def matrix_plate(shown: Shown) -> Plate:
    """Draw the responses to pairs of contrasts.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = matrix_numbers(shown.curve)
    caption = (
        "Median response, over the units that respond, to each pair of contrasts; the "
        "largest response of each unit is 1. Along a row, what the second grating takes away."
    )
    title = f"{shown.title}: responses to pairs of contrasts"
    return shown.plate(title, caption, matrix_page(numbers, width=shown.width), numbers)
