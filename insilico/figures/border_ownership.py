"""Border ownership: responses to the two sides of an edge, beside macaque V1 and V2."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from insilico import reference
from insilico.figures.plate import Plate, Shown
from insilico.figures.style import ACCENT, MODEL, REFERENCE, new_figure, style
from insilico.tuning.properties.border_ownership import border_ownership_ratio

__all__ = ["border_numbers", "border_page", "border_plate"]

AREAS = {"V1": "zhou2000.border_ownership_ratio", "V2": "zhou2000.border_ownership_ratio_v2"}


def border_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate the responses of units to the sides of an edge.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "side", "polarity")
        Of the protocol `border_ownership`.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel``, the responses to squares on either side, summed over light and dark
        ones (``before`` and ``after``, relative to the larger), and ``border_ownership_ratio``.
    """
    sums = curve.clip(min=0).sum("polarity").transpose("unit", "side")
    share = (sums / sums.max("side")).to_numpy()
    table = pd.DataFrame({name: curve[name].to_numpy() for name in ("layer", "channel")})
    ratio = border_ownership_ratio(curve).to_numpy()
    table = table.assign(before=share[:, 0], after=share[:, 1], border_ownership_ratio=ratio)
    return table[table["border_ownership_ratio"].notna()].reset_index(drop=True)


def border_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `border_numbers` beside the cells of Zhou and others (2000).

    Parameters
    ----------
    numbers : DataFrame
        Of `border_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    published = {area: reference.load(name) for area, name in AREAS.items()}
    with style():
        figure = new_figure(width, 2.3)
        sides, ratios = figure.subplots(1, 2, width_ratios=[1, 1.6])
        sides.plot([0, 1], [0, 1], color="0.8", lw=0.6)
        sides.plot(numbers["before"], numbers["after"], "o", color=MODEL, ms=3, alpha=0.6)
        sides.set(
            xlabel="Figure on one side",
            ylabel="Figure on the other",
            xlim=(-0.03, 1.05),
            ylim=(-0.03, 1.05),
            aspect="equal",
            title="Responses / the larger",
        )
        edges = np.asarray(published["V1"].edges)
        for area, loaded in published.items():
            share = np.diff(loaded.cdf)
            label = f"macaque {area}, {loaded.n} cells"
            if area == "V1":
                ratios.stairs(share, edges, fill=True, color=REFERENCE, label=label)
            else:
                ratios.stairs(share, edges, color=ACCENT, ls="--", label=label)
        found = np.histogram(numbers["border_ownership_ratio"], edges)[0] / max(1, len(numbers))
        ratios.stairs(found, edges, color=MODEL, lw=1.4, label=f"model, {len(numbers)} units")
        ratios.set(xlabel="Border-ownership ratio", ylabel="Proportion", xlim=(0, 1))
        ratios.legend(loc="upper left")
    return figure


def border_plate(shown: Shown) -> Plate:
    """Draw which side of an edge units prefer.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = border_numbers(shown.curve)
    caption = (
        "Left: responses to an edge of a square that lies on one side of it, and on the "
        "other, summed over light squares and dark ones: on the line only the edge counts. Right: "
        "the smaller over the larger; grey and dashed, cells of macaque V1 and V2, from counts in "
        "the code of VOneNetDN, of which another file has others (V1: 0 1 2 0 9 13 17 21)."
    )
    title = "Which side owns the edge"
    return shown.plate(title, caption, border_page(numbers, width=shown.width), numbers)
