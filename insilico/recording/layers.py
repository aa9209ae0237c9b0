"""How the output of a layer is laid out: where its sites are, and how its units are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.hooks import first_tensor
from insilico.recording.layouts import Layout, Reading
from insilico.recording.receptive_fields import Fields
from insilico.recording.schema import UNIT_COORDINATES
from stimuli import Display, Position

__all__ = [
    "Index",
    "LayerMap",
    "Sites",
    "finite_sites",
    "layer_map",
    "place_units",
    "proven",
    "whole_map",
]

# "centre", "all", "lattice", a diameter in deg, or (row, column) of each site.
Sites = str | float | Sequence[tuple[int, int]]


# Sites of a lattice, along each side of a map.
LATTICE = 5


@dataclass(frozen=True)
class LayerMap:
    """How the output of a layer is laid out, and where its sites look.

    Parameters
    ----------
    layout : {"map", "map_last", "tokens", "vector"}
        (batch, channel, row, column), (batch, row, column, channel), (batch, token, channel) or
        (batch, channel).
    rows, columns, channels : int
        Size of the grid of sites, and number of channels.
    skipped : int
        Tokens before the grid (class and register tokens).
    row_centre, column_centre : array
        Where each row and column of sites looks, as a (fractional) pixel index.
    centre : {"proven", "nominal"}
        Whether the centres come from proven receptive fields or from an even division of the
        display.
    stride : tuple of float
        Pixels from one site to the next along rows and columns.
    field : tuple of int or None
        Height and width in px of the proven receptive field of a site in the middle.
    """

    layout: Layout
    rows: int
    columns: int
    channels: int
    skipped: int
    row_centre: npt.NDArray[np.floating[Any]]
    column_centre: npt.NDArray[np.floating[Any]]
    centre: Literal["proven", "nominal"]
    stride: tuple[float, float]
    field: tuple[int, int] | None


@dataclass(frozen=True)
class Index:
    """Where units sit in the output of a layer."""

    layout: str
    channel: Tensor
    row: Tensor
    column: Tensor
    columns: int
    skipped: int
    # By shift and device: what is read pass after pass moves there once.
    _moved: dict[Any, tuple[Tensor, Tensor, Tensor]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, chart: LayerMap, units: pd.DataFrame) -> "Index":
        """Find the units of a table (channel, row, column), or refuse those that are not there."""
        for name, count in (
            ("channel", chart.channels), ("row", chart.rows), ("column", chart.columns),
        ):  # fmt: skip
            place = units[name].to_numpy()
            if len(place) and not (place.min() >= 0 and place.max() < count):
                raise UserError(
                    f"units have the {name}s {place.min()} to {place.max()}, and the layer has "
                    f"those from 0 to {count - 1}. Give rows of probe.units."
                )
        channel, row, column = (
            torch.tensor(units[name].to_numpy(dtype=np.int64))
            for name in ("channel", "row", "column")
        )
        return cls(chart.layout, channel, row, column, chart.columns, chart.skipped)

    def take(self, output: object, shift: tuple[int, int], columns: int | None = None) -> Tensor:
        """Copy the units out of an output, as (batch, unit); tokens in a grid of so many columns.

        That of a whole picture by default.
        """
        output = first_tensor("", output)
        # Indexing with tensors copies, so that a later in-place operation cannot overwrite it.
        channel, row, column = self._at(shift, output.device)
        if self.layout == "map":
            return output[:, channel, row, column]
        if self.layout == "map_last":
            return output[:, row, column, channel]
        if self.layout == "tokens":
            across = self.columns if columns is None else columns
            return output[:, self.skipped + row * across + column, channel]
        return output[:, channel]

    def _at(self, shift: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        if (shift, device) not in self._moved:
            channel, row, column = (
                index.to(device)
                for index in (self.channel, self.row - shift[0], self.column - shift[1])
            )
            self._moved[shift, device] = (channel, row, column)
        return self._moved[shift, device]


def layer_map(reading: Reading, display: Display) -> LayerMap:
    """Lay out a layer as it is read, its sites dividing the display evenly.

    Parameters
    ----------
    reading : Reading
        How its output is read.
    display : Display
        The screen.

    Returns
    -------
    LayerMap
        With nominal centres.
    """
    stride = (display.height / reading.rows, display.width / reading.columns)
    return LayerMap(
        reading.layout,
        reading.rows,
        reading.columns,
        reading.channels,
        reading.skipped,
        (np.arange(reading.rows) + 0.5) * stride[0] - 0.5,
        (np.arange(reading.columns) + 0.5) * stride[1] - 0.5,
        "nominal",
        stride,
        None,
    )


def proven(chart: LayerMap, fields: Fields) -> LayerMap:
    """Put the proven receptive fields of its sites into a map."""
    row, column = (
        corner + (size - 1) / 2 + stride * np.arange(count)
        for corner, size, stride, count in zip(
            fields.corner, fields.size, fields.stride, (chart.rows, chart.columns), strict=True
        )
    )
    return replace(
        chart,
        row_centre=row,
        column_centre=column,
        centre="proven",
        stride=fields.stride,
        field=fields.size,
    )


def finite_sites(chart: LayerMap, output: object) -> Tensor:
    """Whether all channels of each site are finite: (batch, row, column)."""
    finite = first_tensor("", output).isfinite()
    if chart.layout == "map":
        return finite.all(1)
    if chart.layout == "map_last":
        return finite.all(3)
    if chart.layout == "tokens":
        return finite.all(2)[:, chart.skipped :].reshape(-1, chart.rows, chart.columns)
    return finite.all(1)[:, None, None]


def whole_map(chart: LayerMap, output: object) -> Tensor:
    """Copy all units out of an output that is a map, as (batch, channel, row, column)."""
    output = first_tensor("", output)
    if chart.layout == "map_last":
        output = output.movedim(-1, 1)
    return output.clone(memory_format=torch.contiguous_format)


def place_units(
    layer: str, chart: LayerMap, display: Display, sites: Sites, around: Position
) -> pd.DataFrame:
    """List the units at the chosen sites: channel slowest, then row and column.

    Parameters
    ----------
    layer : str
        Name of the layer.
    chart : LayerMap
        Its layout.
    display : Display
        The screen.
    sites, around
        As in `insilico.Probe`.

    Returns
    -------
    DataFrame
        One row per unit, with the columns `insilico.recording.schema.UNIT_COORDINATES`.

    Raises
    ------
    UserError
        If there are no such sites.
    """
    across = [display.position(0.0, float(column)).x for column in chart.column_centre]
    up = [display.position(float(row), 0.0).y for row in chart.row_centre]
    x, y = np.meshgrid(across, up)
    chosen = _chosen(layer, chart, display, sites, around, np.hypot(x - around.x, y - around.y))
    rows, columns = np.nonzero(chosen)
    channel = np.repeat(np.arange(chart.channels), len(rows))
    table = pd.DataFrame(
        {
            "layer": layer,
            "channel": channel,
            "row": np.tile(rows, chart.channels),
            "column": np.tile(columns, chart.channels),
            "x": np.tile(x[chosen], chart.channels),
            "y": np.tile(y[chosen], chart.channels),
        }
    )
    return table[list(UNIT_COORDINATES)]


def _chosen(
    layer: str,
    chart: LayerMap,
    display: Display,
    sites: Sites,
    around: Position,
    distance: npt.NDArray[np.floating[Any]],
) -> npt.NDArray[np.bool_]:
    """Which sites (row, column) are meant, ``distance`` being theirs from ``around`` in deg."""
    if isinstance(sites, str):
        if sites == "all":
            chosen = np.ones_like(distance, dtype=bool)
        elif sites == "centre":
            chosen = np.zeros_like(distance, dtype=bool)
            chosen.flat[distance.argmin()] = True
        elif sites == "lattice":
            chosen = np.zeros_like(distance, dtype=bool)
            rows, columns = (
                ((np.arange(LATTICE) + 0.5) * count / LATTICE).astype(int)
                for count in (chart.rows, chart.columns)
            )
            chosen[np.ix_(rows, columns)] = True
        else:
            raise UserError(
                "sites must be 'centre', 'all', 'lattice', a diameter in deg, or a list of (row, "
                f"column); got {sites!r}."
            )
    elif isinstance(sites, int | float):
        chosen = distance <= sites / 2
        if not chosen.any():
            raise UserError(
                f"no site of {layer!r} looks within {sites / 2:g} deg of ({around.x:g}, "
                f"{around.y:g}); the nearest is {distance.min():.2f} deg away, and sites are "
                f"{chart.stride[0] / display.px_per_deg:.2f} deg apart. Widen the diameter or use "
                "sites='centre'."
            )
    else:
        chosen = np.zeros_like(distance, dtype=bool)
        for row, column in sites:
            if not (0 <= row < chart.rows and 0 <= column < chart.columns):
                raise UserError(
                    f"{layer!r} has no site ({row}, {column}); it has {chart.rows} rows and "
                    f"{chart.columns} columns."
                )
            chosen[row, column] = True
    return chosen
