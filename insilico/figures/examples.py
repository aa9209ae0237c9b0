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

from insilico.figures.style import TWO_COLUMNS, axis_label, new_figure, shorten, style
from insilico.figures.tuning import MAP, orientation_polar, receptive_field_map, tuning_curve
from stimuli.conventions import PERIODS

__all__ = [
    "choose_examples",
    "drawable",
    "example_units",
    "marked_curve",
    "measured_on",
    "tuning_numbers",
    "unit_tuning",
]

QUANTILES = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
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
    values: xr.DataArray, *, quantiles: Sequence[float] = QUANTILES
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
    """Draw all that was measured of one unit, in a row two columns wide.

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
    """Draw the tuning of several units, one row each.

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
    widths = [width for curve in shown.values() for width in _panel_widths(curve)]
    with style():
        figure = new_figure(TWO_COLUMNS, ROW_HEIGHT * len(chosen) + 0.3)
        grid = figure.add_gridspec(len(chosen), 1 + len(widths), width_ratios=[0.6, *widths])
        for row, unit in enumerate(chosen):
            table = None if units is None else units.isel(unit=int(unit))
            cells = iter([grid[row, column] for column in range(1 + len(widths))])
            margin = figure.add_subplot(next(cells))
            margin.set_axis_off()
            axes = []
            for name, curve in shown.items():
                one = curve.isel(unit=int(unit))
                measured = {} if table is None else measured_on(name, table)
                axes += _draw(one, measured, figure, cells)
            value = table[by] if table is not None and by is not None else None
            margin.text(0, 0.5, _unit_label(one, value), va="center", linespacing=1.4)
            _thin_labels(axes)
            if row < len(chosen) - 1:
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
    if _factors(curve) <= set(PERIODS):
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
