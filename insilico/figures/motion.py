"""Plaids that drift: whether units follow the pattern or its gratings."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.plate import Plate, Shown
from insilico.figures.style import ACCENT, MODEL, PALETTE, REFERENCE, new_figure, style
from insilico.tuning.properties import pattern_motion as properties

__all__ = ["plaid_numbers", "plaid_page", "plaid_plate"]

KINDS = {
    "component": (MODEL, "o"),
    "pattern": (ACCENT, "s"),
    "neither": (PALETTE[2], "^"),
}

# What columns of responses are called: to plaids and to gratings, by direction from the preferred.
AT = "{}_at_{:g}_deg"
SHOWN = ("plaid", "grating")


def plaid_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate how well units follow plaids, and their responses around what they prefer.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "direction"), coordinates ``grating`` and ``plaid_angle``
        Of the protocol `pattern_motion`.

    Returns
    -------
    DataFrame, one row per unit
        ``layer``, ``channel``, ``component_motion`` and ``pattern_motion`` (z), ``kind``, and the
        responses to plaids and to gratings by their direction from that of the best grating,
        relative to the response to it. Units without either z are left out.
    """
    pattern, component = properties.pattern_motion(curve), properties.component_motion(curve)
    kinds = [properties.component_cell(curve) == 1, properties.pattern_cell(curve) == 1]
    table = pd.DataFrame(
        {name: curve[name].to_numpy() for name in ("layer", "channel")}
        | {"component_motion": component.to_numpy(), "pattern_motion": pattern.to_numpy()}
        | {"kind": np.select([each.to_numpy() for each in kinds], list(KINDS)[:2], list(KINDS)[2])}
    )
    plaid, grating = (
        each.transpose("unit", "direction").to_numpy().astype(float)
        for each in (curve, curve["grating"])
    )
    n = plaid.shape[1]
    best = np.nan_to_num(grating, nan=-np.inf).argmax(1)
    around = (best[:, None] + np.arange(-(n // 2), n - n // 2)) % n
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = [
            np.take_along_axis(each, around, 1) / grating.max(1, keepdims=True)
            for each in (plaid, grating)
        ]
    away = (np.arange(n) - n // 2) * 360 / n
    columns = {
        AT.format(name, turn): values[:, place]
        for name, values in zip(SHOWN, relative, strict=True)
        for place, turn in enumerate(away.tolist())
    }
    table = pd.concat([table, pd.DataFrame(columns)], axis=1)
    return table[table["pattern_motion"].notna()].reset_index(drop=True)


def plaid_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `plaid_numbers`.

    Parameters
    ----------
    numbers : DataFrame
        Of `plaid_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure = new_figure(width, 2.6)
        scores, tuning = figure.subplots(1, 2, width_ratios=[1, 1.3])
        _scores(scores, numbers)
        _tuning(tuning, numbers)
    return figure


def _scores(ax: Axes, numbers: pd.DataFrame) -> None:
    names = ["component_motion", "pattern_motion"]
    largest = 1.1 * max(3.0, float(np.nanmax(np.abs(numbers[names].to_numpy()), initial=0.0)))
    step = properties.CRITERION
    # Beyond these a unit is one or the other.
    border = np.array([-largest, 0, largest])
    ax.plot(border, border.clip(0) + step, color="0.7", lw=0.6)
    ax.plot(border.clip(0) + step, border, color="0.7", lw=0.6)
    for kind, (colour, marker) in KINDS.items():
        units = numbers[numbers["kind"] == kind]
        if len(units):
            ax.plot(
                units["component_motion"], units["pattern_motion"], marker, color=colour,
                ms=3.2, alpha=0.8, label=f"{len(units)} {kind}",
            )  # fmt: skip
    ax.set(
        xlim=(-largest, largest),
        ylim=(-largest, largest),
        aspect="equal",
        xlabel="Component motion (z)",
        ylabel="Pattern motion (z)",
    )
    ax.legend(loc="lower left", handletextpad=0.2, borderaxespad=0)


def _tuning(ax: Axes, numbers: pd.DataFrame) -> None:
    for name, colour in zip(SHOWN, (MODEL, REFERENCE), strict=True):
        columns = [each for each in numbers if str(each).startswith(f"{name}_at_")]
        away = [float(str(each).split("_")[2]) for each in columns]
        low, median, high = _quartiles(numbers[columns])
        ax.fill_between(away, low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(away, median, "o-", color=colour, ms=3, label=f"{name}s")
    ax.set(
        xlabel="Direction from the best grating's (deg)",
        ylabel="Response / best grating's",
        xticks=np.arange(-180, 181, 60),
    )
    ax.legend(loc="upper left", handletextpad=0.4, borderaxespad=0)


def _quartiles(values: pd.DataFrame) -> npt.NDArray[np.float64]:
    return values.quantile([0.25, 0.5, 0.75]).to_numpy()


def plaid_plate(shown: Shown) -> Plate:
    """Draw whether units follow a plaid or its gratings.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = plaid_numbers(shown.curve)
    caption = (
        "Left: Fisher's z of the partial correlation of a unit's responses to plaids with "
        "what one would answer that follows the gratings (component) or their sum (pattern); "
        "beyond the lines, 1.28, a unit is one or the other. Right: median and quartiles of the "
        "responses to plaids and to gratings, by their direction from that of the best grating. A "
        "component unit has two peaks, half of the plaid's angle to either side."
    )
    title = "Plaids: the pattern or its gratings"
    return shown.plate(title, caption, plaid_page(numbers, width=shown.width), numbers)
