"""Pages of receptive-field structure: maps by each technique, and the shapes of their envelopes."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from insilico import reference
from insilico.figures.plate import Plate, Shown
from insilico.figures.style import MODEL, REFERENCE, new_figure, style
from insilico.tuning.properties import optimal
from insilico.tuning.properties.structure import gabor_structure

__all__ = [
    "optimal_numbers",
    "optimal_page",
    "optimal_plate",
    "structure_numbers",
    "structure_page",
    "structure_plate",
]

# Units whose maps are drawn, and the height of a row, in inches.
MOST = 5
ROW = 0.85

JOINT = "ringach2002b.receptive_field_nx_and_ny"


def structure_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate the Gabor functions of the maps.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel`` and the properties of `gabor_structure`.
    """
    fitted = gabor_structure(curve)
    table = {str(name): fitted[name].to_numpy() for name in fitted.data_vars}
    which = {name: curve[name].to_numpy() for name in ("layer", "channel")}
    return pd.DataFrame(which | table)


def structure_page(curve: xr.DataArray, numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw maps of some units by each technique, and nx against ny of all beside those of cells.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps.
    numbers : DataFrame
        Of `structure_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure, beside = _maps(curve, "technique", numbers, "receptive_field_fit_r2", width)
        _shapes(beside, numbers)
    return figure


def optimal_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate what is said of optimal stimuli.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel`` and the properties of `insilico.tuning.properties.optimal`.
    """
    measured = (
        optimal.optimal_stimulus_gain(curve),
        optimal.optimal_gabor_correlation(curve),
        optimal.optimal_map_correlation(curve),
    )
    table = {str(each.name): each.to_numpy() for each in measured}
    which = {name: curve[name].to_numpy() for name in ("layer", "channel")}
    return pd.DataFrame(which | table)


def optimal_page(curve: xr.DataArray, numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw optimal stimuli of some units, and how much better than a grating those of all are.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures.
    numbers : DataFrame
        Of `optimal_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure, ax = _maps(curve, "picture", numbers, "optimal_stimulus_gain", width)
        ax.plot(
            numbers["optimal_gabor_correlation"],
            numbers["optimal_stimulus_gain"],
            "o",
            color=MODEL,
            ms=3,
        )
        ax.axhline(1, color="0.6", lw=0.8, ls="--")
        ax.set(xlabel="Correlation with the Gabor function", ylabel="Response / best Gabor")
        ax.set_box_aspect(1)
    return figure


def _maps(
    curve: xr.DataArray, along: str, numbers: pd.DataFrame, by: str, width: float
) -> tuple[Figure, Axes]:
    """Draw the maps of units spread over a number, and leave room for a panel beside them."""
    names = [str(name) for name in curve[along].to_numpy()]
    chosen = _chosen(numbers[by])
    figure = new_figure(width, ROW * max(len(chosen), 3) + 0.5)
    parts: Any = figure.subfigures(1, 2, width_ratios=[len(names), 3.2])
    axes = parts[0].subplots(len(chosen), len(names), squeeze=False)
    for row, unit in zip(axes, chosen, strict=True):
        for ax, name in zip(row, names, strict=True):
            _map(ax, curve.isel(unit=unit).sel({along: name}))
        row[0].set_ylabel(f"{numbers['channel'].iloc[unit]}", rotation=0, ha="right")
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name[0].upper() + name[1:])
    return figure, parts[1].subplots()


def _chosen(values: pd.Series) -> list[int]:
    """Units spread over a number, the largest first."""
    order = np.argsort(-values.fillna(-1).to_numpy(), kind="stable")
    places = np.unique(np.rint(np.linspace(0, len(order) - 1, MOST)).astype(int))
    return order[places].tolist()


def _map(ax: Axes, one: xr.DataArray) -> None:
    values = one.transpose("element_y", "element_x").to_numpy()
    largest = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    ax.imshow(values, origin="lower", cmap="RdBu_r", vmin=-largest, vmax=largest)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _shapes(ax: Axes, numbers: pd.DataFrame) -> None:
    """Draw nx and ny: cells as the density of their joint table, units as dots."""
    cells = reference.load_joint(JOINT)
    share = cells.counts / cells.counts.sum()
    ax.set(xscale="log", yscale="log")
    ax.pcolormesh(cells.edges_x, cells.edges_y, share.T, cmap="Greys", vmax=2 * share.max())
    shapes = numbers[["receptive_field_nx", "receptive_field_ny"]].dropna()
    ax.plot(*shapes.to_numpy().T, "o", color=MODEL, ms=3)
    ax.plot([], [], "s", color=REFERENCE, label=f"cells ({int(cells.counts.sum())})")
    ax.plot([], [], "o", color=MODEL, ms=3, label=f"units ({len(shapes)})")
    ticks = [0.1, 0.2, 0.4, 0.8, 1.6]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    ax.set(xlabel="nx (cycles)", ylabel="ny (cycles)")
    ax.set_box_aspect(1)
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.25), ncols=2)


def structure_plate(shown: Shown) -> Plate:
    """Draw maps of receptive fields and the shapes of their envelopes.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = structure_numbers(shown.curve)
    caption = (
        "Maps of the receptive field of some units, spread over how well a Gabor function "
        "fits them, best first: what light (red) adds and dark (blue) adds, by each technique; "
        "numbers are those of the channels. Right: width nx and length ny of the envelope, in "
        "cycles of the carrier; grey: simple cells of macaque V1 (Ringach 2002)."
    )
    figure = structure_page(shown.curve, numbers, width=shown.width)
    return shown.plate("Structure of receptive fields", caption, figure, numbers)


def optimal_plate(shown: Shown) -> Plate:
    """Draw the pictures that units like best.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = optimal_numbers(shown.curve)
    caption = (
        "Pictures that some units like best, spread over how much better than the best "
        "Gabor function they are, most first; beside them that Gabor function, of the same root "
        "mean square contrast, and the map from white noise. Red is lighter than the background. "
        "Right: the gain of all, against the correlation of the two pictures."
    )
    figure = optimal_page(shown.curve, numbers, width=shown.width)
    return shown.plate("Optimal stimuli", caption, figure, numbers)
