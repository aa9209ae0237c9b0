"""Colour: cone weights beside those of macaque cells, and tuning from coarse to fine."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico import reference
from insilico.figures.plate import Plate, Shown
from insilico.figures.style import ACCENT, MODEL, PALETTE, REFERENCE, log_axis, new_figure, style
from insilico.tuning.properties import colour as properties

__all__ = ["colour_numbers", "colour_page", "colour_plate"]

KINDS = {
    "single-opponent": (ACCENT, "o"),
    "double-opponent": (MODEL, "s"),
    "not opponent": (PALETTE[2], "^"),
}

# What columns of responses are called.
AT = "relative_response_at_{:.4g}_cpd"


def colour_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate the cone weights of units, and their responses to colour from coarse to fine.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Of the protocol `colour`.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel``, the weights, ``kind``, and the response at each frequency relative
        to the largest: to L-M or S-(L+M), whichever drives the unit more, or to L+M for a unit that
        is not opponent. Units without weights are left out.
    """
    weights = properties.cone_weights(curve)
    single = properties.single_opponent(curve).to_numpy() == 1
    double = properties.double_opponent(curve).to_numpy() == 1
    size = abs(curve).transpose("unit", "colour", "spatial_frequency")
    chromatic = size.sel(colour=list(properties.CHROMATIC))
    best = chromatic.max("spatial_frequency").argmax("colour")
    better = chromatic.isel(colour=best).drop_vars("colour")
    light = size.sel(colour=properties.LUMINANCE, drop=True)
    opponent = xr.DataArray(single | double, dims="unit")
    shown = better.where(opponent, light).transpose("unit", "spatial_frequency")
    share = shown / shown.max("spatial_frequency")
    table = pd.DataFrame(
        {name: curve[name].to_numpy() for name in ("layer", "channel")}
        | {name: weights[name].to_numpy() for name in ("l_weight", "m_weight", "s_weight")}
        | {"kind": np.select([single, double], list(KINDS)[:2], list(KINDS)[2])}
        | {
            AT.format(frequency): share.sel(spatial_frequency=frequency).to_numpy()
            for frequency in curve["spatial_frequency"].to_numpy()
        }
    )
    return table[table["l_weight"].notna()].reset_index(drop=True)


def colour_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `colour_numbers` beside the cells of De & Horwitz (2022).

    Parameters
    ----------
    numbers : DataFrame
        Of `colour_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure = new_figure(width, 2.5)
        weights, tuning = figure.subplots(1, 2, width_ratios=[1.5, 1])
        _weights(weights, numbers)
        _tuning(tuning, numbers)
    return figure


def _weights(ax: Axes, numbers: pd.DataFrame) -> None:
    cells = reference.table("dehorwitz2022_cone_weights")
    ax.plot([-1, 0, 1, -1], [0, 1, 0, 0], color="0.6", lw=0.6)
    ax.plot([0, 0], [0, 1], color="0.85", lw=0.6, zorder=0)
    ax.plot(
        cells["l_weight"],
        cells["m_weight"],
        "o",
        color=REFERENCE,
        ms=2.5,
        label=f"{len(cells)} macaque cells",
    )
    for kind, (colour, marker) in KINDS.items():
        units = numbers[numbers["kind"] == kind]
        if len(units):
            ax.plot(
                units["l_weight"],
                units["m_weight"],
                marker,
                color=colour,
                ms=3.2,
                alpha=0.8,
                label=f"{len(units)} {kind}",
            )
    ax.set(
        xlim=(-1.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
        xlabel="Weight of L",
        ylabel="Weight of M",
        title="Cone weights; S is the distance from the slanting edges",
    )
    ax.legend(loc="upper right", handletextpad=0.2, borderaxespad=0)


def _tuning(ax: Axes, numbers: pd.DataFrame) -> None:
    columns = [name for name in numbers if str(name).startswith(AT.partition("{")[0])]
    at = [float(str(name).split("_")[-2]) for name in columns]
    for kind, (colour, marker) in KINDS.items():
        units = numbers.loc[numbers["kind"] == kind, columns]
        if len(units):
            low, median, high = units.quantile([0.25, 0.5, 0.75]).to_numpy()
            ax.fill_between(at, low, high, color=colour, alpha=0.2, lw=0)
            ax.plot(at, median, f"{marker}-", color=colour, ms=3)
    log_axis(ax, min(at), max(at))
    ax.axhline(properties.LOW_PASS, color="0.6", lw=0.6, ls="--")
    ax.set(
        xlabel="Spatial frequency (cpd)",
        ylabel="Response / largest",
        ylim=(0, 1.05),
        title="Colour, or light for units not opponent",
    )


def colour_plate(shown: Shown) -> Plate:
    """Draw cone weights, and tuning for colour.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = colour_numbers(shown.curve)
    caption = (
        "Left: weights of the L and M cones in the responses, magnitudes of all three "
        "adding up to 1; grey, cells of macaque V1 (De & Horwitz 2022), which were chosen for "
        "fields of two opposed parts and are no sample of V1. Right: median and quartiles of the "
        "response from coarse to fine gratings of the better colour (L-M or S-(L+M)), and of L+M "
        "for units that oppose no cones. Above the dashed line at the left end a unit is low-pass: "
        "single-opponent."
    )
    title = "Cone weights, and tuning for colour"
    return shown.plate(title, caption, colour_page(numbers, width=shown.width), numbers)
