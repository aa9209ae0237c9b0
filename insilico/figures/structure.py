"""Pages of receptive-field structure: maps by each technique, and the shapes of their envelopes."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from insilico import reference
from insilico.figures.style import MODEL, REFERENCE, new_figure, style
from insilico.tuning.properties.structure import gabor_structure

__all__ = ["structure_numbers", "structure_page"]

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
    techniques = [str(name) for name in curve["technique"].to_numpy()]
    chosen = _chosen(numbers)
    with style():
        figure = new_figure(width, ROW * max(len(chosen), 3) + 0.5)
        parts: Any = figure.subfigures(1, 2, width_ratios=[len(techniques), 3.2])
        maps, shapes = parts
        axes = maps.subplots(len(chosen), len(techniques), squeeze=False)
        for row, unit in zip(axes, chosen, strict=True):
            for ax, technique in zip(row, techniques, strict=True):
                _map(ax, curve.isel(unit=unit).sel(technique=technique))
            row[0].set_ylabel(f"{numbers['channel'].iloc[unit]}", rotation=0, ha="right")
        for ax, technique in zip(axes[0], techniques, strict=True):
            ax.set_title(technique.capitalize())
        _shapes(shapes.subplots(), numbers)
    return figure


def _chosen(numbers: pd.DataFrame) -> list[int]:
    """Units spread over the quality of their fits, the best first."""
    order = np.argsort(-numbers["receptive_field_fit_r2"].fillna(-1).to_numpy(), kind="stable")
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
    ax.plot(
        numbers["receptive_field_nx"], numbers["receptive_field_ny"], "o", color=MODEL, ms=3, lw=0
    )
    ax.plot([], [], "s", color=REFERENCE, label=f"cells ({int(cells.counts.sum())})")
    ax.plot([], [], "o", color=MODEL, ms=3, label="units")
    ticks = [0.1, 0.2, 0.4, 0.8, 1.6]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    ax.set(xlabel="nx (cycles)", ylabel="ny (cycles)")
    ax.set_box_aspect(1)
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.25), ncols=2)
