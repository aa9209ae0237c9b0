"""Figures that a script fills: the scatter of units, and the frames for the tuning of one unit.

Each is a Bokeh figure whose parts carry names, by which ``explorer.js`` finds them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    BooleanFilter,
    CDSView,
    ColumnDataSource,
    FixedTicker,
    Scatter,
)
from bokeh.models.annotations.geometry import Span
from bokeh.plotting import figure
from bokeh.transform import factor_cmap

from insilico.figures.style import MODEL, PALETTE, grows_by_ratios
from insilico.figures.tuning import MAP, around, factor_label
from stimuli.conventions import PERIODS

__all__ = ["factor", "field_map", "polar", "scatter", "tuning"]

SCATTER_HEIGHT = 540  # px
CURVE_HEIGHT = 230  # px
SQUARE = 230  # px
MAP_WIDTH = 150  # px, without its axes and its colour bar


def scatter(source: ColumnDataSource, layers: list[str], *, name: str) -> figure:
    """Draw the columns x and y of units, coloured by their layer; a click chooses one.

    Parameters
    ----------
    source : ColumnDataSource
        With the columns ``x``, ``y``, ``layer``, ``channel`` and ``place``.
    layers : list of str
        The layers, in the order of their colours.
    name : str
        Name of the figure.

    Returns
    -------
    figure
        The booleans of its view say which units are shown.
    """
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(layers))]
    by_layer = factor_cmap("layer", colours, layers)
    plot = _figure(
        name,
        tools="pan,box_zoom,wheel_zoom,tap,reset,hover",
        active_drag=None,
        toolbar_location="above",
        tooltips=[("unit", "@place"), ("layer", "@layer"), ("channel", "@channel")],
        height=SCATTER_HEIGHT,
        sizing_mode="stretch_width",
    )
    dots = plot.scatter(
        "x",
        "y",
        source=source,
        view=CDSView(filter=BooleanFilter()),
        size=5,
        color=by_layer,
        alpha=0.55,
        nonselection_alpha=0.55,
        name="dots",
    )
    dots.selection_glyph = Scatter(
        x="x", y="y", size=13, fill_color=by_layer, line_color="black", line_width=2.5
    )
    return plot


def tuning(curve: xr.DataArray, *, name: str) -> figure:
    """Draw a frame for the tuning curve of one unit along one factor.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factor>)
        The curves, for the places on the factor and its units.
    name : str
        Name of the figure.

    Returns
    -------
    figure
        With a line named "line" (columns ``place``, ``response``), and spans named "blank" and
        "marked".
    """
    dim = factor(curve)
    place = _places(curve)
    ratios = dim not in PERIODS and grows_by_ratios(place)
    widen = 1.12 if ratios else 1.0
    plot = _figure(
        name,
        height=CURVE_HEIGHT,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="hover",
        tooltips=[(factor_label(curve, dim), "@place{0.[00]}"), ("response", "@response{0.[00]}")],
        x_axis_type="log" if ratios else "linear",
        x_range=(float(place[0]) / widen, float(place[-1]) * widen),
        y_range=(0, 1),
        x_axis_label=factor_label(curve, dim),
        y_axis_label="Response",
    )
    if dim in PERIODS:
        plot.xaxis.ticker = FixedTicker(ticks=np.arange(0, 361, 45).tolist())
    elif ratios:
        powers = np.arange(np.ceil(np.log2(place[0])), np.floor(np.log2(place[-1])) + 1)
        plot.xaxis.ticker = FixedTicker(ticks=(2.0**powers).tolist())
        plot.xaxis.formatter = BasicTickFormatter()
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    source = ColumnDataSource({"place": place, "response": np.zeros(len(place))})
    plot.add_layout(Span(dimension="width", line_dash=[4, 3], name="blank"))
    plot.add_layout(Span(dimension="height", line_dash=[2, 2], name="marked"))
    plot.line("place", "response", source=source, line_width=2, color=MODEL, name="line")
    plot.scatter("place", "response", source=source, size=5, color=MODEL, name="dots")
    return plot


def polar(curve: xr.DataArray, *, name: str) -> figure:
    """Draw a frame for tuning around the clock; of orientations, 0 is horizontal bars.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <angle>)
        The curves, for their angles.
    name : str
        Name of the figure.

    Returns
    -------
    figure
        With a patch named "patch" (columns ``angle`` in rad, ``x``, ``y``); the peak is at 1.
    """
    plot = _figure(
        name,
        width=SQUARE,
        height=SQUARE,
        toolbar_location=None,
        tools="",
        x_range=(-1.3, 1.3),
        y_range=(-1.3, 1.3),
    )
    plot.axis.visible = False
    plot.grid.visible = False
    spokes = np.deg2rad(np.arange(0, 180, 45))
    plot.circle(0, 0, radius=1, fill_color=None, name="frame")
    plot.segment(
        -np.cos(spokes), -np.sin(spokes), np.cos(spokes), np.sin(spokes), name="frame"
    )  # fmt: skip
    plot.text(
        1.16 * np.cos(spokes), 1.16 * np.sin(spokes), ["0", "45", "90", "135"],
        text_align="center", text_baseline="middle", text_font_size="11px", name="words",
    )  # fmt: skip
    angle = around(curve[factor(curve)])
    angle = np.append(angle, angle[0])
    nothing = np.zeros(len(angle))
    source = ColumnDataSource({"angle": angle, "x": nothing, "y": nothing})
    plot.patch(
        "x", "y", source=source, line_width=2, color=MODEL, fill_alpha=0.2, name="patch"
    )  # fmt: skip
    return plot


def field_map(curve: xr.DataArray, *, name: str) -> figure:
    """Draw a frame for the receptive-field map of one unit; up is up on the display.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "offset_y", "offset_x")
        The maps, for their places and units.
    name : str
        Name of the figure.

    Returns
    -------
    figure
        With an image named "image", its colour bar, and a circle named "field" around a cross
        (columns ``x``, ``y``, ``radius``).
    """
    x, y = (np.sort(curve[dim].to_numpy()) for dim in reversed(MAP))
    left, width = _extent(x)
    bottom, height = _extent(y)
    plot = _figure(
        name,
        frame_width=MAP_WIDTH,
        frame_height=round(MAP_WIDTH * height / width),
        toolbar_location=None,
        tools="",
        x_range=(left, left + width),
        y_range=(bottom, bottom + height),
        x_axis_label=factor_label(curve, "offset_x"),
        y_axis_label=factor_label(curve, "offset_y"),
    )
    empty = ColumnDataSource({"image": [np.zeros((len(y), len(x)), dtype=np.float32)]})
    image = plot.image(
        "image", source=empty, x=left, y=bottom, dw=width, dh=height, palette="Cividis256",
        name="image",
    )  # fmt: skip
    field = ColumnDataSource({"x": [np.nan], "y": [np.nan], "radius": [np.nan]})
    for colour, line_width in (("#222222", 3.5), ("white", 1.5)):
        plot.circle(
            "x", "y", radius="radius", source=field, fill_color=None, line_color=colour,
            line_width=line_width, name="field",
        )  # fmt: skip
        plot.scatter(
            "x",
            "y",
            source=field,
            marker="cross",
            size=9,
            color=colour,
            line_width=line_width,
            name="field",
        )
    bar = image.construct_color_bar(
        width=8,
        padding=4,
        background_fill_alpha=0,
        ticker=BasicTicker(desired_num_ticks=3),
        title=str(curve.attrs.get("units", "")),
        title_text_font_style="normal",
    )
    plot.add_layout(bar, "right")
    plot.xaxis.ticker = plot.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    plot.grid.visible = False
    return plot


def _figure(name: str, **options: Any) -> figure:
    plot = figure(name=name, **options)
    plot.toolbar.logo = None
    plot.background_fill_color = None
    plot.border_fill_color = None
    plot.outline_line_color = None
    plot.axis.minor_tick_line_color = None
    plot.axis.axis_label_text_font_style = "normal"
    return plot


def factor(curve: xr.DataArray) -> str:
    """Return the one factor that a curve varies."""
    (dim,) = set(curve.dims) - {"unit"}
    return str(dim)


def _places(curve: xr.DataArray) -> npt.NDArray[np.float64]:
    """Where a curve has its points; one over an angle is closed."""
    dim = factor(curve)
    place = curve[dim].to_numpy().astype(float)
    return np.append(place, place[0] + PERIODS[dim]) if dim in PERIODS else place


def _extent(place: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the lower end and the width of the pixels centred on ``place``."""
    step = (place[-1] - place[0]) / max(len(place) - 1, 1) or 1.0
    return float(place[0] - step / 2), float(step * len(place))
