"""Eccentricity: field size, preferred period and radial bias over the visual field."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.comparison.eccentricity import MEASURED, eccentricity_slopes
from insilico.figures.plate import Plate, Shown
from insilico.figures.style import ACCENT, MODEL, new_figure, style
from insilico.tuning.properties import eccentricity as properties

__all__ = ["eccentricity_numbers", "eccentricity_page", "eccentricity_plate"]

# Of fields of macaque V1, second hand: a radius of .075 of the eccentricity.
SECOND_HAND = 2 * 0.075

LABELS = {
    "field_diameter": "Field diameter (deg)",
    "preferred_period": "Preferred period (deg)",
    "radial_bias": "Radial bias",
}


def eccentricity_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate where units look, and what may depend on it.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        Of the protocol `eccentricity`.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel``, ``eccentricity`` and the properties that lines are fitted to.
    """
    table = pd.DataFrame({name: curve[name].to_numpy() for name in ("layer", "channel")})
    measured = {
        name: getattr(properties, name)(curve).to_numpy() for name in ("eccentricity", *MEASURED)
    }
    return table.assign(**measured)


def eccentricity_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `eccentricity_numbers`, with the lines of `eccentricity_slopes`.

    Parameters
    ----------
    numbers : DataFrame
        Of `eccentricity_numbers`; layers are drawn together.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    units = xr.Dataset({name: ("unit", numbers[name].to_numpy()) for name in numbers})
    lines = eccentricity_slopes(units.assign(layer=("unit", ["all"] * len(numbers))))
    with style():
        figure = new_figure(width, 2.1)
        for ax, (_, line) in zip(figure.subplots(1, len(MEASURED)), lines.iterrows(), strict=True):
            _panel(ax, numbers, line)
    return figure


def _panel(ax: Axes, numbers: pd.DataFrame, line: pd.Series) -> None:
    name = str(line["property"])
    distance = numbers["eccentricity"].to_numpy()
    ends = np.array([0, np.nanmax(distance, initial=0)])
    ax.plot(distance, numbers[name], "o", color=MODEL, ms=2.5, alpha=0.5)
    ax.plot(ends, line["intercept"] + line["slope"] * ends, color=MODEL)
    if name == "field_diameter":
        ax.plot(ends, SECOND_HAND * ends, color=ACCENT, ls="--", lw=0.8, label="macaque, 2nd hand")
        ax.legend(loc="upper left")
    title = f"slope {line['slope']:.3g} ({line['slope_low']:.3g} to {line['slope_high']:.3g})"
    if np.isnan(line["slope"]):
        title = "no slope"
    elif name == "radial_bias":
        title = f"mean {line['mean']:.2f} ({line['mean_low']:.2f} to {line['mean_high']:.2f})"
    if name == "radial_bias":
        ax.axhline(0, color="0.8", lw=0.6)
        ax.set_ylim(-1.05, 1.05)
    else:
        ax.set_ylim(bottom=0)
    n = int(np.isfinite(distance * numbers[name].to_numpy()).sum())
    ax.annotate(f"n = {n}", (0.98, 0.03), xycoords="axes fraction", ha="right", color="0.4")
    ax.set(xlabel="Eccentricity (deg)", ylabel=LABELS[name], title=title)


def eccentricity_plate(shown: Shown) -> Plate:
    """Draw what changes with eccentricity.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = eccentricity_numbers(shown.curve)
    caption = (
        "A dot for each unit that spots drive, at the eccentricity of its field; lines: "
        "least squares, with 95 % intervals of their slopes over channels; no slope where all look "
        "at one place. Radial bias: 1 for bars that point to the centre of the display, -1 for "
        "tangential ones. Dashed: a radius of .075 times the eccentricity, quoted for macaque V1 "
        "at second hand; drawn, not compared with."
    )
    title = "What changes with eccentricity"
    figure = eccentricity_page(numbers, width=shown.width)
    return shown.plate(title, caption, figure, numbers)
