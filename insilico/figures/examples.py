"""Pages of example units: which units are shown, all their curves, and the numbers of these."""

import textwrap
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MultipleLocator

from insilico.figures.style import TWO_COLUMNS, axis_label, new_figure, shorten, style
from insilico.figures.tuning import MAP, orientation_polar, receptive_field_map, tuning_curve
from stimuli.conventions import PERIODS

__all__ = [
    "choose_examples",
    "drawable",
    "example_quantiles",
    "example_units",
    "marked_curve",
    "measured_on",
    "tuning_numbers",
    "unit_tuning",
]

# Units that are shown, by how many rows of panels each takes; more rows, the last.
QUANTILES = {1: (0.02, 0.2, 0.4, 0.6, 0.8, 0.98), 2: (0.02, 0.34, 0.66, 0.98), 3: (0.2, 0.5, 0.8)}
WIDEST = 5.8  # of a row of panels, where that of a curve is 1
ROW_HEIGHT = 1.1  # in
LETTERS = 16  # of a label under the narrowest panel

ORDER = ("orientation", "spatial_frequency", "diameter")  # other factors follow, maps come last

# Coordinates that say in a table which unit it is; the others are in the unit table.
WHICH_UNIT = ("layer", "channel")

# The property that is marked on the curve along a factor.
MARKED = {
    "orientation": "preferred_orientation",
    "spatial_frequency": "preferred_spatial_frequency",
    "direction": "preferred_direction",
    "temporal_frequency": "preferred_temporal_frequency",
    "diameter": "grating_summation_field",
}


def choose_examples(
    values: xr.DataArray, *, quantiles: Sequence[float] = QUANTILES[1]
) -> npt.NDArray[np.intp]:
    """Choose units spread over a property: the one at each quantile, without repeats.

    Parameters
    ----------
    values : DataArray, dim "unit"
        One value per unit; units without one are not chosen.
    quantiles : sequence of float
        Between 0 and 1.

    Returns
    -------
    array of int
        Places along ``unit``, smallest value first; the same values give the same units.

    Examples
    --------
    >>> values = xr.DataArray([0.3, float("nan"), 0.1, 0.2], dims="unit")
    >>> choose_examples(values, quantiles=[0, 0.5, 1]).tolist()
    [2, 3, 0]
    """
    finite = np.flatnonzero(np.isfinite(values.to_numpy()))
    order = finite[np.argsort(values.to_numpy()[finite], kind="stable")]
    places = np.rint(np.asarray(quantiles) * (len(order) - 1)).astype(int)
    return order[np.unique(places)] if len(order) else order


def example_quantiles(curves: Mapping[str, xr.DataArray]) -> tuple[float, ...]:
    """Say how many units fit on a page, and how they spread: fewer where each has many curves.

    Parameters
    ----------
    curves : mapping of str to DataArray
        Tuning curves with the dim ``unit``.

    Returns
    -------
    tuple of float
        For `choose_examples`.
    """
    rows = max(len(_rows(drawable(curves))), 1)
    return QUANTILES[min(rows, max(QUANTILES))]


def drawable(
    curves: Mapping[str, xr.DataArray], *, first: str | None = None
) -> dict[str, xr.DataArray]:
    """Choose the curves that the panel of a unit shows: the first of each kind.

    Parameters
    ----------
    curves : mapping of str to DataArray
        Tuning curves with the dim ``unit`` and factors.
    first : str, optional
        Name of the curve to take for its kind, wherever it stands.

    Returns
    -------
    dict
        Curves along one factor, orientation first, and last a map over two offsets. A battery may
        hold several along one factor: the later ones are left out, as are those along several.
    """
    kinds: dict[frozenset[Hashable], str] = {}
    for name in sorted(curves, key=lambda name: name != first):
        factors = _factors(curves[name])
        if len(factors) == 1 or factors == set(MAP):
            kinds.setdefault(factors, name)
    ordered = sorted(kinds, key=_place_in_row)
    return {kinds[kind]: curves[kinds[kind]] for kind in ordered}


def unit_tuning(
    curves: Mapping[str, xr.DataArray], unit: int, *, units: xr.Dataset | None = None
) -> Figure:
    """Draw all that was measured of one unit, two columns wide, in as many rows as it takes.

    Parameters
    ----------
    curves : mapping of str to DataArray
        Tuning curves with the dim ``unit``.
    unit : int
        Its place along ``unit``.
    units : Dataset, optional
        The table of properties; those that were measured on the curve shown are marked.

    Returns
    -------
    Figure
    """
    return example_units(curves, [unit], units=units)


def example_units(
    curves: Mapping[str, xr.DataArray],
    chosen: Sequence[int] | npt.NDArray[np.intp],
    *,
    units: xr.Dataset | None = None,
    by: str | None = None,
) -> Figure:
    """Draw the tuning of several units, one row each; several where there are many curves.

    Parameters
    ----------
    curves : mapping of str to DataArray
        Tuning curves with the dim ``unit``.
    chosen : sequence of int
        Places along ``unit``, top row first.
    units : Dataset, optional
        The table of properties; those that were measured on the curve shown are marked.
    by : str, optional
        The property whose value is written beside each unit.

    Returns
    -------
    Figure
    """
    shown = drawable(curves)
    if not shown or not len(chosen):
        raise ValueError(
            "example_units needs at least one unit and one curve along one factor (or a map over "
            f"{MAP}); got {len(chosen)} units and the curves {list(curves)}."
        )
    rows = _rows(shown)
    with style():
        figure = new_figure(TWO_COLUMNS, ROW_HEIGHT * len(chosen) * len(rows) + 0.3)
        lines = _lines(figure, rows, shown, len(chosen))
        for place, (unit, part) in enumerate((unit, part) for unit in chosen for part in rows):
            table = None if units is None else units.isel(unit=int(unit))
            cells = iter(lines[place])
            margin = figure.add_subplot(next(cells))
            margin.set_axis_off()
            axes = []
            for name in part:
                one = shown[name].isel(unit=int(unit))
                measured = {} if table is None else measured_on(name, table)
                axes += _draw(one, measured, figure, cells)
            if part is rows[0]:
                value = table[by] if table is not None and by is not None else None
                margin.text(0, 0.5, _unit_label(one, value), va="center", linespacing=1.4)
            _thin_labels(axes)
            if len(rows) == 1 and place < len(chosen) - 1:
                for ax in axes:
                    ax.set_xlabel("")
    return figure


def tuning_numbers(
    curves: Mapping[str, xr.DataArray], chosen: Sequence[int] | npt.NDArray[np.intp]
) -> pd.DataFrame:
    """Tabulate the curves of some units: one row per unit, curve and stimulus.

    Parameters
    ----------
    curves : mapping of str to DataArray
        Tuning curves with the dim ``unit``.
    chosen : sequence of int
        Places along ``unit``.

    Returns
    -------
    DataFrame
        Columns ``unit`` (the place), ``layer``, ``channel``, ``curve``, one column per factor
        (empty where the curve does not vary it), ``response`` and its ``response_units``.
    """
    places = np.asarray(chosen, dtype=int)
    tables = []
    for name, curve in drawable(curves).items():
        some = curve.isel(unit=places).assign_coords(unit=places)
        kept = {*some.dims, *WHICH_UNIT, "blank"}
        some = some.drop_vars([coord for coord in some.coords if coord not in kept])
        table = some.to_dataframe(name="response").reset_index()
        tables.append(table.assign(curve=name, response_units=curve.attrs.get("units", "")))
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    first = ["unit", *WHICH_UNIT, "curve"]
    last = ["response", "response_units", "blank"]
    between = [column for column in table.columns if column not in {*first, *last}]
    return table[[column for column in [*first, *between, *last] if column in table.columns]]


def _factors(curve: xr.DataArray) -> frozenset[Hashable]:
    return frozenset(curve.dims) - {"unit"}


def _place_in_row(factors: frozenset[Hashable]) -> int:
    if factors == set(MAP):
        return len(ORDER) + 1
    (factor,) = factors
    return ORDER.index(str(factor)) if factor in ORDER else len(ORDER)


def _panel_widths(curve: xr.DataArray) -> tuple[float, ...]:
    """Relative widths of the panels of a curve; a map has a colour bar beside it."""
    factors = _factors(curve)
    if factors <= set(PERIODS):
        return 1.0, 0.62
    return (1.25,) if factors == set(MAP) else (1.0,)


def _row_width(row: Sequence[str], shown: Mapping[str, xr.DataArray]) -> float:
    return sum(width for name in row for width in _panel_widths(shown[name]))


def _rows(shown: Mapping[str, xr.DataArray]) -> list[list[str]]:
    """Break the curves of a unit into rows that are not too wide."""
    rows: list[list[str]] = [[]]
    for name in shown:
        if rows[-1] and _row_width([*rows[-1], name], shown) > WIDEST:
            rows.append([])
        rows[-1].append(name)
    return rows


def _lines(
    figure: Figure, rows: Sequence[Sequence[str]], shown: Mapping[str, xr.DataArray], n_units: int
) -> list[list[SubplotSpec]]:
    """Lay out a margin and panels, for each row of each unit."""
    widest = max(_row_width(row, shown) for row in rows)
    ratios = []
    for row in rows:
        # What is left of the last row of a unit stays empty.
        spare = widest - _row_width(row, shown)
        panels = [width for name in row for width in _panel_widths(shown[name])]
        ratios.append([0.6, *panels, *([spare] if spare > 0 else [])])
    if len(rows) == 1:
        # Panels of all units below each other.
        grid = figure.add_gridspec(n_units, len(ratios[0]), width_ratios=ratios[0])
        return [[grid[unit, column] for column in range(len(ratios[0]))] for unit in range(n_units)]
    bands = figure.add_gridspec(n_units * len(rows), 1)
    lines = []
    for place, widths in enumerate(ratios * n_units):
        band = bands[place].subgridspec(1, len(widths), width_ratios=widths)
        lines.append([band[column] for column in range(len(widths))])
    return lines


def _thin_labels(axes: Sequence[Axes]) -> None:
    """Name a response once in a row, and break what would run into a neighbour."""
    first = axes[0].get_ylabel()
    for ax in axes[1:]:
        if ax.get_ylabel() == first:
            ax.set_ylabel("")
    for ax in axes:
        ax.set_xlabel(textwrap.fill(ax.get_xlabel(), LETTERS))
        ax.set_ylabel(textwrap.fill(ax.get_ylabel(), LETTERS))


def _draw(
    curve: xr.DataArray,
    measured: Mapping[str, float],
    figure: Figure,
    cells: Iterator[SubplotSpec],
) -> list[Axes]:
    """Draw the panels of one curve of one unit into its cells."""
    axes = [marked_curve(curve, measured, ax=figure.add_subplot(next(cells)))]
    if not curve.notnull().any():
        # Not shown to this unit, or without a response: no axis to read.
        axes[0].set(xticks=[], yticks=[])
        axes[0].text(0.5, 0.5, "no values", transform=axes[0].transAxes, ha="center", va="center")
    if _factors(curve) <= set(PERIODS):
        # More would run into each other in panels as narrow as these.
        (dim,) = curve.dims
        axes[0].xaxis.set_major_locator(MultipleLocator(PERIODS[str(dim)] / 2))
        axes.append(
            orientation_polar(curve, ax=figure.add_subplot(next(cells), projection="polar"))
        )
    return axes


def marked_curve(
    curve: xr.DataArray, measured: Mapping[str, float], *, ax: Axes | None = None
) -> Axes:
    """Draw a curve or map of one unit, with what was measured on it.

    Parameters
    ----------
    curve : DataArray, one dim, or dims ("offset_y", "offset_x")
        The curve.
    measured : mapping of str to float
        Properties by name: the preferred place on the curve is marked with a triangle, the centre
        and the diameter of a field with a cross and a circle.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    if _factors(curve) == set(MAP):
        # The map is in offsets from the nominal centre, the measured centre in display degrees.
        center = tuple(
            measured.get(f"receptive_field_{side}", np.nan)
            - float(curve.coords.get(f"centre_{side}", 0))
            for side in ("x", "y")
        )
        return receptive_field_map(
            curve,
            ax=ax,
            center=(center[0], center[1]),
            diameter=measured.get("receptive_field_diameter"),
        )
    (dim,) = curve.dims
    return tuning_curve(curve, ax=ax, marked=measured.get(MARKED.get(str(dim), "")))


def measured_on(curve: str, unit: xr.Dataset) -> dict[str, float]:
    """Take the properties of one unit that were measured on a curve.

    Parameters
    ----------
    curve : str
        The protocol of the curve.
    unit : Dataset
        The table of units at that unit.

    Returns
    -------
    dict of str to float
    """
    return {
        str(name): float(value)
        for name, value in unit.data_vars.items()
        if value.ndim == 0 and value.attrs.get("protocol", curve) == curve
    }


def _unit_label(curve: xr.DataArray, value: xr.DataArray | None) -> str:
    """Layer, channel and site of a unit, and the property that it was chosen by."""
    lines = []
    if "layer" in curve.coords:
        lines.append(shorten(str(curve["layer"].item()), 18))
    if "channel" in curve.coords:
        lines.append(f"channel {int(curve['channel'])}")
    if value is not None:
        name = str(value.attrs.get("long_name", value.name)).lower()
        text = axis_label(f"{name} {float(value):.2f}", value.attrs.get("units"))
        lines += textwrap.wrap(text, 18)
    return "\n".join(lines)
