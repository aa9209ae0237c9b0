"""Populations of units against published distributions, and the summary of all comparisons."""

from collections.abc import Hashable, Iterator, Mapping
from itertools import pairwise
from string import ascii_lowercase
from textwrap import fill
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from insilico.figures.style import (
    MODEL,
    REFERENCE,
    TWO_COLUMNS,
    axis_label,
    log_axis,
    new_axes,
    new_figure,
    style,
)
from insilico.reference import ReferenceDistribution
from insilico.reference.distribution import Scale

__all__ = [
    "counted",
    "histograms",
    "panel_letters",
    "population",
    "population_numbers",
    "population_page",
]

Values = npt.NDArray[np.float64]

# Histograms with more bins than this are drawn with neighbours merged; scores use every bin.
MOST_BINS = 20
PANEL_WIDTH = 2.0  # in, about
PANEL_HEIGHT = 1.5  # in
LETTERS_PER_INCH = 17  # of a label
ANIMALS = "0.4"


def histograms(values: xr.DataArray, reference: ReferenceDistribution) -> pd.DataFrame:
    """Count a population and its reference in the same bins.

    Parameters
    ----------
    values : DataArray, dim "unit"
        One value per unit; undefined ones (NaN) are left out, and those beyond the outermost bins
        are counted in these, as for the similarity score.
    reference : ReferenceDistribution
        What to compare with; its bins are used, neighbours merged where there are many.

    Returns
    -------
    DataFrame
        Columns ``bin_low``, ``bin_high``, ``model_count``, ``model_proportion``,
        ``reference_count``, ``reference_proportion``; the proportions are of the values counted.
        NaN where no numbers of the reference are public.
    """
    per_bin = reference.histogram(values.to_numpy())
    known = np.full(len(per_bin), np.nan) if reference.counts is None else reference.counts
    edges, (model, animals) = _merged(reference, np.stack([per_bin, known]))
    return pd.DataFrame(
        {
            "bin_low": edges[:-1],
            "bin_high": edges[1:],
            "model_count": model.astype(int),
            "model_proportion": model / max(model.sum(), 1),
            "reference_count": animals,
            "reference_proportion": animals / animals.sum(),
        }
    )


def population(
    values: xr.DataArray,
    reference: ReferenceDistribution,
    *,
    ax: Axes | None = None,
    medians: tuple[float, float] | None = None,
    interval: tuple[float, float] | None = None,
) -> Axes:
    """Draw the distribution of a property (outline) over its reference (filled), in the same bins.

    Parameters
    ----------
    values : DataArray, dim "unit"
        One value per unit; its ``long_name`` and ``units`` label the axis.
    reference : ReferenceDistribution
        What to compare with.
    ax : Axes, optional
        Where to draw.
    medians : tuple of float, optional
        Of the model and of the reference, marked with triangles; by default that of the values,
        and that of the reference interpolated in its bins. NaN is not drawn, nor is anything for a
        property that is either 0 or 1.
    interval : tuple of float, optional
        Of the model's median, drawn as a line through its triangle; NaN is not drawn.

    Returns
    -------
    Axes
        Logarithmic where the bins are.
    """
    ax = new_axes(ax)
    table = histograms(values, reference)
    edges = np.append(table["bin_low"], table["bin_high"].iloc[-1])
    defined = int(table["model_count"].sum())
    ax.stairs(table["reference_proportion"].fillna(0), edges, fill=True, color=REFERENCE)
    ax.stairs(table["reference_proportion"].fillna(0), edges, color="0.5", linewidth=0.5)
    if defined:
        ax.stairs(
            table["model_proportion"], edges, color=MODEL, linewidth=1.2, zorder=3, clip_on=False
        )
    notes = [] if defined else ["no unit has a value"]
    notes += ["no public numbers"] if reference.counts is None else []
    ax.text(0.5, 0.5, "\n".join(notes), color=MODEL, ha="center", transform=ax.transAxes)
    _set_scale(ax, edges, reference.scale)
    if reference.scale != "binary":
        _mark_medians(ax, medians or _medians(values, reference), edges)
        if interval is not None and np.isfinite(interval).all():
            ax.plot(
                np.clip(interval, edges[0], edges[-1]), [1, 1], color=MODEL, linewidth=1.6,
                solid_capstyle="butt", clip_on=False, zorder=3.5,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip
    ax.margins(y=0.12)
    ax.set_ylim(0, None)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    name = str(values.attrs.get("long_name", reference.label))
    ax.set_xlabel(axis_label(name, values.attrs.get("units", reference.units)))
    ax.set_ylabel("Proportion")
    return ax


def population_page(
    units: xr.Dataset,
    comparison: pd.DataFrame,
    references: Mapping[str, ReferenceDistribution],
    *,
    width: float = TWO_COLUMNS,
) -> Figure:
    """Draw every compared property of one layer over its reference, on one page.

    Parameters
    ----------
    units : Dataset
        The units of one layer, with ``responsive`` (unit, protocol).
    comparison : DataFrame
        The rows of the comparison of that layer.
    references : mapping of str to ReferenceDistribution
        The distributions that the column ``reference`` names.
    width : float
        In inches: `TWO_COLUMNS`, or `ONE_COLUMN` with fewer panels in a row.

    Returns
    -------
    Figure
    """
    if comparison.empty:
        raise ValueError(
            "population_page needs at least one compared property; the comparison has no rows. "
            "Compare the units with a battery that names references."
        )
    per_row = max(1, round(width / PANEL_WIDTH))
    n_rows = -(-len(comparison) // per_row)
    with style():
        figure = new_figure(width, PANEL_HEIGHT * n_rows + 0.25)
        axes = figure.subplots(n_rows, per_row, squeeze=False).ravel()
        for letter, ax, row in zip(
            panel_letters(), axes, comparison.to_dict("records"), strict=False
        ):
            population(
                counted(units, row["property"]),
                references[row["reference"]],
                ax=ax,
                medians=(row["median_model"], row["median_reference"]),
                interval=(row.get("median_low", np.nan), row.get("median_high", np.nan)),
            )
            ax.set_xlabel(fill(ax.get_xlabel(), round(LETTERS_PER_INCH * width / per_row)))
            ax.set_title(f"{letter}\n", loc="left", fontweight="bold", fontsize=8)
            ax.text(
                0.1, 1.07, _note(row), transform=ax.transAxes, color="0.35", fontsize=6,
                linespacing=1.25,
            )  # fmt: skip
        for place, ax in enumerate(axes):
            ax.set_visible(place < len(comparison))
            if place % per_row:
                ax.set_ylabel("")
        columns = 5 if per_row > 2 else 2
        figure.legend(handles=_key(), loc="outside upper left", ncols=columns, columnspacing=1.5)
    return figure


def population_numbers(
    units: xr.Dataset,
    comparison: pd.DataFrame,
    references: Mapping[str, ReferenceDistribution],
) -> pd.DataFrame:
    """Tabulate what `population_page` draws.

    Parameters
    ----------
    units, comparison, references
        As for `population_page`.

    Returns
    -------
    DataFrame
        One row per property and bin, with the columns of `histograms`.
    """
    tables = [
        histograms(counted(units, row["property"]), references[row["reference"]]).assign(
            layer=row["layer"],
            property=row["property"],
            reference=row["reference"],
            units=row["units"],
        )
        for row in comparison.to_dict("records")
    ]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    first = ["layer", "property", "reference", "units"]
    return table[[*first, *table.columns.difference(first, sort=False)]]


def counted(units: xr.Dataset, name: str) -> xr.DataArray:
    """Keep a property of the units that count: those responsive in its protocol.

    Parameters
    ----------
    units : Dataset
        The unit table, with ``responsive`` (unit, protocol).
    name : str
        The property.

    Returns
    -------
    DataArray, dim "unit"
        NaN for the others, as `insilico.score` leaves them out.
    """
    values = units[name]
    protocol = values.attrs.get("protocol")
    if "responsive" not in units or protocol not in units["protocol"]:
        return values
    kept = values.where(units["responsive"].sel(protocol=protocol).astype(bool), drop=False)
    return kept.assign_attrs(values.attrs)


def panel_letters() -> Iterator[str]:
    """Give panels their letters: a to z, then aa, ab and so on."""
    for first in ("", *ascii_lowercase):
        yield from (first + letter for letter in ascii_lowercase)


def _note(row: Mapping[Hashable, Any]) -> str:
    """Numbers of units and cells, and the score."""
    counts = f"{row['n_defined']} of {row['n_responsive']} units, {row['n_reference']:g} cells"
    if pd.isna(row["similarity"]):
        return f"{counts}\nno score"
    return f"{counts}\nsimilarity {row['similarity']:.2f} (ceiling {row['ceiling']:.2f})"


def _key() -> list[Line2D | Patch]:
    def median(color: str, whose: str) -> Line2D:
        return Line2D(
            [],
            [],
            color=color,
            marker="v",
            linestyle="none",
            markersize=4,
            label=f"median, {whose}",
        )

    return [
        Line2D([], [], color=MODEL, linewidth=1.2, label="model"),
        Patch(facecolor=REFERENCE, edgecolor="0.5", label="macaque V1"),
        median(MODEL, "model"),
        Line2D(
            [], [], color=MODEL, linewidth=1.6, solid_capstyle="butt", label="its 95 % interval"
        ),
        median(ANIMALS, "macaque"),
    ]


def _set_scale(ax: Axes, edges: Values, scale: Scale) -> None:
    if scale == "log":
        log_axis(ax, edges[0], edges[-1])
        return
    ax.set_xlim(edges[0], edges[-1])
    if scale == "binary":
        ax.set_xticks([(low + high) / 2 for low, high in pairwise(edges)], ["no", "yes"])


def _mark_medians(ax: Axes, medians: tuple[float, float], edges: Values) -> None:
    # The one hangs below the other, so that medians that agree are both seen.
    for median, color, height in zip(medians, (MODEL, ANIMALS), (1.0, 0.91), strict=True):
        if np.isfinite(median):
            ax.plot(
                np.clip(median, edges[0], edges[-1]), height, "v", color=color, markersize=4.5,
                markeredgecolor="white", markeredgewidth=0.4, clip_on=False, zorder=4,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip


def _medians(values: xr.DataArray, reference: ReferenceDistribution) -> tuple[float, float]:
    finite = values.to_numpy()[np.isfinite(values.to_numpy())]
    circular = reference.period is not None or not len(finite)
    of_model = np.nan if circular else float(np.median(finite))
    return of_model, np.nan if reference.counts is None else reference.median


def _merged(reference: ReferenceDistribution, counts: Values) -> tuple[Values, Values]:
    """Merge neighbouring bins, an equal number each, until at most MOST_BINS remain."""
    edges = reference.edges
    least = -(-counts.shape[1] // MOST_BINS)
    divisors = [step for step in range(least, 2 * least + 1) if counts.shape[1] % step == 0]
    step = divisors[0] if divisors else least
    missing = -counts.shape[1] % step
    # Where the number of bins does not divide, empty ones complete the last group.
    if reference.scale == "log":
        beyond = edges[-1] * (edges[-1] / edges[-2]) ** np.arange(1, missing + 1)
    else:
        beyond = edges[-1] + (edges[-1] - edges[-2]) * np.arange(1, missing + 1)
    grouped = np.pad(counts, ((0, 0), (0, missing))).reshape(len(counts), -1, step)
    return np.append(edges, beyond)[::step], grouped.sum(2)
