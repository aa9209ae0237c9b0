"""Textures: the pictures, how they modulate the units, and what a surround of them does."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from insilico import reference
from insilico.figures.plate import Plate, Shown
from insilico.figures.style import ACCENT, MODEL, TWO_COLUMNS, new_figure, shorten, style
from insilico.tuning.properties.textures import family_modulation
from stimuli.textures.pictures import NO_SURROUND, NOISE, TEXTURE, Textures, shipped

__all__ = [
    "modulation_numbers",
    "modulation_plate",
    "surround_numbers",
    "surround_page",
    "surround_plate",
    "texture_page",
]

# The factors of the curves that are drawn here.

PANEL_HEIGHT = 1.45  # in
LABELS = 0.5  # in: width of the labels of a panel, and height of those below the lowest
NAMES_SIZE = 5.0  # pt: fifteen names stand side by side
NARROW = 5  # in: names of families are upright in figures below it
UPRIGHT = 0.8  # in: height of the names there
NAMES = 0.3  # in: and elsewhere
GAP = 0.06  # between pictures, of their width
STRIP = 0.8  # in: width of the panel on the right
SQUARE = 1.1  # in: the same, where it is a square
LARGEST = 2.0  # response relative to none beyond which units are drawn at the edge

KINDS = {NOISE: ("noise", MODEL, "o"), TEXTURE: ("texture", ACCENT, "s")}


def modulation_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate how texture modulates the units, family by family.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "type", "family", "sample"), coordinate ``blank``
        Responses of the units that count.

    Returns
    -------
    DataFrame, one row per layer and family
        ``n`` units with an index; its quartiles over them, ``low``, ``median`` and ``high``, and
        its ``mean``.
    """
    return _by_layer(family_modulation(curve))


def surround_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate the response to a disk within a surround, relative to the disk alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "surround", "family")
        Mean responses less the blank, not below 0, of the units that count.

    Returns
    -------
    DataFrame, one row per layer, surround and family
        With the columns of `modulation_numbers`.
    """
    tables = []
    for kind, (name, *_) in KINDS.items():
        tables.append(_by_layer(_relative(curve, kind)).assign(surround=name))
    table = pd.concat(tables, ignore_index=True)
    return table[["layer", "surround", *table.columns.drop(["layer", "surround"])]]


def texture_page(
    numbers: pd.DataFrame, pictures: Textures | None = None, *, width: float = TWO_COLUMNS
) -> Figure:
    """Draw a texture and a noise of each family, and below them how they modulate the units.

    Parameters
    ----------
    numbers : DataFrame
        From `modulation_numbers`; a panel for each layer.
    pictures : Textures, optional
        Those that were shown, if they are known.
    width : float
        In inches.

    Returns
    -------
    Figure
        On the right the means of all families, beside those of the published ones in macaque V1
        and V2.
    """
    layers = list(numbers["layer"].unique())
    families = numbers["family"].unique().tolist()
    left = width - 2 * LABELS - STRIP
    heights = [PANEL_HEIGHT] * len(layers)
    if pictures is not None:
        heights.insert(0, 2 * left / len(families) + _name_height(width))
    with style():
        figure = new_figure(width, sum(heights) + LABELS)
        grid = figure.add_gridspec(
            len(heights), 2, width_ratios=[left, STRIP], height_ratios=heights
        )
        panels = [figure.add_subplot(grid[-len(layers), 0])]
        for place in range(1 - len(layers), 0):
            panels.append(figure.add_subplot(grid[place, 0], sharex=panels[0], sharey=panels[0]))
        for place, (layer, panel) in enumerate(zip(layers, panels, strict=True), -len(layers)):
            rows = numbers[numbers["layer"] == layer]
            panel.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            _quartiles(panel, rows, MODEL, "o")
            _name(panel, layer, rows)
            panel.set_ylabel("Modulation index")
            _means(figure.add_subplot(grid[place, 1], sharey=panel), rows)
            panel.tick_params(labelbottom=place == -1)
        _family_axis(panels[-1], families)
        if pictures is not None:
            _pictures(figure.add_subplot(grid[0, 0]), pictures, families)
    return figure


def surround_page(
    curve: xr.DataArray,
    numbers: pd.DataFrame,
    *,
    names: Sequence[str] = (),
    width: float = TWO_COLUMNS,
) -> Figure:
    """Draw the responses to a disk of texture within noise and texture, relative to it alone.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "surround", "family")
        Mean responses less the blank, not below 0, of the units that count.
    numbers : DataFrame
        From `surround_numbers` of it; a row of panels for each layer.
    names : sequence of str
        Names of all families, if they are known.
    width : float
        In inches.

    Returns
    -------
    Figure
        Left: each family. Right: each unit, by its mean over families.
    """
    layers = list(numbers["layer"].unique())
    whose = curve["layer"].to_numpy().astype(str)
    with style():
        names_height = _name_height(width) if names else 0.0
        figure = new_figure(width, PANEL_HEIGHT * len(layers) + LABELS + names_height)
        grid = figure.add_gridspec(
            len(layers), 2, width_ratios=[width - 2 * LABELS - SQUARE, SQUARE]
        )
        for place, layer in enumerate(layers):
            left = figure.add_subplot(grid[place, 0])
            rows = numbers[numbers["layer"] == layer]
            left.axhline(1, color="0.8", linewidth=0.8, zorder=0)
            for shift, (name, color, marker) in zip((-0.2, 0.2), KINDS.values(), strict=True):
                own = rows[rows["surround"] == name]
                _quartiles(left, own, color, marker, shift=shift, label=f"in {name}")
            _name(left, layer, rows)
            left.set_ylabel("Response, relative\nto the disk alone")
            left.set_ylim(0, max(1.2, 1.05 * float(rows["high"].max())))
            _family_axis(left, numbers["family"].unique().tolist(), names)
            if place < len(layers) - 1:
                left.tick_params(labelbottom=False)
                left.set_xlabel("")
            _units(figure.add_subplot(grid[place, 1]), curve.isel(unit=whose == layer))
        handles, _ = left.get_legend_handles_labels()
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    return figure


def _relative(curve: xr.DataArray, kind: int) -> xr.DataArray:
    alone = curve.sel(surround=NO_SURROUND, drop=True)
    return curve.sel(surround=kind, drop=True) / alone.where(alone > 0)


def _by_layer(values: xr.DataArray) -> pd.DataFrame:
    """Tabulate the quartiles of values over the units of each layer, family by family."""
    table = values.transpose("unit", "family").to_pandas()
    layers = values["layer"].to_numpy().astype(str)
    tables = []
    for layer in pd.unique(layers):
        own = table[layers == layer]
        spread = own.quantile([0.25, 0.5, 0.75]).set_axis(["low", "median", "high"]).T
        tables.append(
            spread.assign(n=own.count(), mean=own.mean()).rename_axis("family").reset_index()
            .assign(layer=layer)
        )  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    return table[["layer", "family", "n", "low", "median", "high", "mean"]]


def _name_height(width: float) -> float:
    return UPRIGHT if width < NARROW else NAMES


def _pictures(ax: Axes, pictures: Textures, families: Sequence[int]) -> None:
    """Draw the first texture and the first noise of each family, above its place."""
    half = (1 - GAP) / 2
    for row, kind in enumerate((NOISE, TEXTURE)):
        for place, family in enumerate(families, start=1):
            extent = (place - half, place + half, row - half, row + half)
            levels = pictures.levels[kind - 1, family - 1, 0]
            ax.imshow(levels, cmap="gray", vmin=0, vmax=255, extent=extent)
    ax.set_aspect("equal", anchor="S")
    ax.set_ylim(-0.5, 1.5)
    ax.set_yticks([0, 1], ["noise", "texture"])
    ax.spines[:].set_visible(False)
    ax.xaxis.tick_top()
    _family_axis(ax, families, pictures.families)
    ax.set_xlabel("")
    ax.tick_params(length=0)


def _means(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean of every family as a dot: of the units, and of cells of V1 and V2."""
    macaque = reference.table("freeman2013_texture_families")
    columns = {
        "model": (rows["mean"], MODEL),
        "V1": (macaque["v1"], "0.4"),
        "V2": (macaque["v2"], "0.7"),
    }
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for place, (values, color) in enumerate(columns.values()):
        ax.plot(np.full(len(values), place), values, "o", color=color, alpha=0.7, clip_on=False)
        middle = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
        ax.plot([place - 0.3, place + 0.3], [middle, middle], color=color)
    ax.set_xlim(-0.6, len(columns) - 0.4)
    ax.set_xticks(range(len(columns)), list(columns))
    ax.tick_params(axis="y", labelleft=False)
    ax.set_xlabel("Mean, by family")


def _units(ax: Axes, curve: xr.DataArray) -> None:
    """Draw every unit by its responses in noise and in texture, averaged over families."""
    noise, texture = (_relative(curve.mean("family"), kind).to_numpy() for kind in (NOISE, TEXTURE))
    ax.axline((0, 0), slope=1, color="0.8", linewidth=0.8)
    known = np.isfinite(noise) & np.isfinite(texture)
    ax.plot(
        noise[known].clip(max=LARGEST), texture[known].clip(max=LARGEST), "o", color="0.35",
        alpha=0.4, markeredgewidth=0, clip_on=False, rasterized=True,
    )  # fmt: skip
    ax.set_xlim(0, LARGEST)
    ax.set_ylim(0, LARGEST)
    ax.set_aspect("equal", anchor="W")
    ax.set_title(f"{int(known.sum())} units")
    ax.set_ylabel("In texture")
    ax.set_xlabel("In noise")


def _quartiles(
    ax: Axes, rows: pd.DataFrame, color: str, marker: str, *, shift: float = 0.0, label: str = ""
) -> None:
    """Draw medians, with bars from one quartile to the other."""
    middle = rows["median"]
    ax.errorbar(
        np.arange(1, len(rows) + 1) + shift, middle,
        yerr=[middle - rows["low"], rows["high"] - middle],
        fmt=marker, color=color, markersize=2 if _narrow(ax) else 3.5, elinewidth=0.9, label=label,
    )  # fmt: skip
    ax.yaxis.set_major_locator(MaxNLocator(4))


def _name(ax: Axes, layer: str, rows: pd.DataFrame) -> None:
    """Write the layer over its panel, and how many units each dot is of."""
    low, high = rows["n"].min(), rows["n"].max()
    n = f"{high}" if low == high else f"{low} to {high}"
    ax.set_title(f"{shorten(layer, 16 if _narrow(ax) else 40)}: {n} units", loc="left")


def _family_axis(ax: Axes, families: Sequence[int], names: Sequence[str] = ()) -> None:
    """Label families by their numbers, from 1, or by their names."""
    upright = bool(names) and _narrow(ax)
    gap = " " if upright else "\n"
    labels = [names[family - 1].replace(" ", gap) if names else f"{family}" for family in families]
    ax.set_xlim(0.4, len(labels) + 0.6)
    ax.set_xticks(range(1, len(labels) + 1), labels)
    if _narrow(ax):
        ax.tick_params(axis="x", rotation=90 * upright, labelsize=4.5 if upright else 5)
    elif names:
        ax.tick_params(axis="x", labelsize=NAMES_SIZE)
    ax.set_xlabel("Texture family")


def _narrow(ax: Axes) -> bool:
    return bool(ax.figure.bbox.width < NARROW * ax.figure.dpi)


def modulation_plate(shown: Shown) -> Plate:
    """Draw how much textures modulate units.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    pictures = _pictures_of(shown.curve)
    drawn = (
        "Top: the first texture of each family and its first noise, without their window. "
        if pictures
        else "The pictures that were shown are not kept with the results. "
    )
    caption = (
        f"{drawn}Modulation index (T \N{MINUS SIGN} N) / (T + N) of the "
        "mean responses to the textures T and the noises N of a family, less the blank and not "
        "below 0. Dots and bars: median and quartiles over the units that respond to any "
        "picture. On the right, a dot for each family: its mean over the units, and those of "
        "the published families over cells of macaque V1 and V2 (Freeman and others 2013); "
        "lines: means of all. Where the pictures are not the published ones, how families "
        "spread can be compared, one with another cannot."
    )
    numbers = modulation_numbers(shown.curve)
    figure = texture_page(numbers, pictures, width=shown.width)
    title = "Textures, and how they modulate the units"
    return shown.plate(title, caption, figure, numbers)


def surround_plate(shown: Shown) -> Plate:
    """Draw what is left of the response to a disk of texture within surrounds.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    pictures = _pictures_of(shown.curve)
    caption = (
        "Mean response to a disk of texture within an annulus of its "
        "noise and within the texture that it is part of, less the blank, relative to that to "
        "the disk alone: below 1 the surround suppresses. Left: median and quartiles over the "
        "units that respond, for each family. Right: each unit, by its means over families; "
        "those beyond 2 are drawn at the edge."
    )
    numbers = surround_numbers(shown.curve)
    names = pictures.families if pictures else ()
    figure = surround_page(shown.curve, numbers, names=names, width=shown.width)
    title = "Disks of texture within surrounds"
    return shown.plate(title, caption, figure, numbers)


def _pictures_of(curve: xr.DataArray) -> Textures | None:
    """Find the pictures that a curve was recorded with; those of a user are not kept."""
    ours = int(curve.coords.get("checksum", 0)) == shipped().checksum
    return shipped() if ours else None
