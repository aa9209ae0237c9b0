"""The figures of the page: tuning by hand with the true curve over it, and the map of the field."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    ColumnDataSource,
    FixedTicker,
    LinearColorMapper,
)
from bokeh.plotting import figure

from insilico.figures.style import ACCENT, MODEL
from insilico.rig.explored import RATIOS, by_hand, map_by_hand
from insilico.rig.hand import KINDS
from insilico.rig.rig import Rig

__all__ = ["COLOURS", "CURVES", "MAP", "curve_frame", "curve_parts", "map_frame", "map_parts"]

# The colours of the two units that are listened to.
COLOURS = (MODEL, ACCENT)

# Which protocol measures what the dots are drawn along.
CURVES = {
    "orientation": ("orientation", "Orientation (deg)"),
    "spatial_frequency": ("spatial_frequency", "Spatial frequency (cpd)"),
    "diameter": ("size", "Diameter (deg)"),
    "contrast": ("contrast", "Contrast"),
}

MAP = "map"

# Parts of each curve: every dot, the best of each bin, and what the protocol found (at the best
# phase, and as the curve that properties are measured on).
PARTS = ("dots", "hand", "best", "curve")

# Dots that are drawn, the latest ones; curves by hand are of all of them.
MOST_DOTS = 400

# Places of the map across the proven field.
PLACES = 9

HEIGHT = 190  # px
SQUARE = 230  # px

Values = npt.NDArray[np.float64]
Limits = Mapping[str, tuple[float, float]]
Parts = dict[str, dict[str, Any]]


def curve_frame(factor: str, limits: Limits) -> figure:
    """Make the frame for the tuning of the chosen units along one parameter.

    Parameters
    ----------
    factor : str
        One of `CURVES`.
    limits : mapping
        From `insilico.rig.hand.limits`.

    Returns
    -------
    figure
        Named ``curve-FACTOR``; its renderers are named by their part and the side of the unit
        (``dots-0``), and have the columns ``place`` and ``rate``.
    """
    low, high = limits[factor]
    ratios = factor in RATIOS
    plot = _figure(
        f"curve-{factor}",
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_axis_type="log" if ratios else "linear",
        x_range=(low, high),
        y_range=(0, 1),
        x_axis_label=CURVES[factor][1],
        y_axis_label="spikes/s",
    )
    if factor == "orientation":
        plot.xaxis.ticker = FixedTicker(ticks=[0, 45, 90, 135, 180])
    elif ratios:
        powers = np.arange(np.ceil(np.log2(low)), np.floor(np.log2(high)) + 1)
        plot.xaxis.ticker = FixedTicker(ticks=(2.0**powers).tolist())
        plot.xaxis.formatter = BasicTickFormatter()
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    for side, colour in enumerate(COLOURS):
        sources = {part: ColumnDataSource({"place": [], "rate": []}) for part in PARTS}
        plot.scatter(
            "place", "rate", source=sources["dots"], size=4, color=colour, alpha=0.35,
            line_color=None, name=f"dots-{side}",
        )  # fmt: skip
        plot.line(
            "place", "rate", source=sources["hand"], color=colour, alpha=0.6, line_dash=[3, 3],
            name=f"hand-{side}",
        )  # fmt: skip
        for part, width in (("best", 3), ("curve", 1.5)):
            plot.line(
                "place", "rate", source=sources[part], color=colour, line_width=width,
                line_dash="solid" if part == "best" else [8, 3], name=f"{part}-{side}",
            )  # fmt: skip
    return plot


def map_frame(limits: Limits) -> figure:
    """Make the frame for the map of the first unit's field, built by hand.

    Parameters
    ----------
    limits : mapping
        From `insilico.rig.hand.limits`.

    Returns
    -------
    figure
        Named ``map``; an image named "image", a rectangle named "proven" and a circle named
        "measured".
    """
    plot = _figure(
        MAP,
        frame_width=SQUARE,
        frame_height=SQUARE,
        x_range=limits["x"],
        y_range=limits["y"],
        x_axis_label="x (deg)",
        y_axis_label="y (deg)",
    )
    nothing: dict[str, Any] = {name: [] for name in ("image", "x", "y", "dw", "dh")}
    scale: Any = {
        "color_mapper": LinearColorMapper(palette="Cividis256", nan_color="rgba(0, 0, 0, 0)")
    }
    plot.image(
        "image", x="x", y="y", dw="dw", dh="dh", source=ColumnDataSource(nothing),
        name="image", **scale,
    )  # fmt: skip
    plot.rect(
        "x", "y", "width", "height", fill_color=None, line_width=2, name="proven",
        source=ColumnDataSource({name: [] for name in ("x", "y", "width", "height")}),
    )  # fmt: skip
    plot.circle(
        "x", "y", radius="radius", fill_color=None, line_width=2, line_dash=[5, 3],
        line_color=COLOURS[1], name="measured",
        source=ColumnDataSource({name: [] for name in ("x", "y", "radius")}),
    )  # fmt: skip
    plot.grid.visible = False
    return plot


def curve_parts(rig: Rig, kind: str, factor: str, limits: Limits) -> Parts:
    """Gather what the frame of a curve shows of the chosen units.

    Parameters
    ----------
    rig : Rig
        The rig.
    kind : str
        One of `insilico.rig.hand.KINDS`: the dots are of this kind of stimulus.
    factor : str
        One of `CURVES`.
    limits : mapping
        From `insilico.rig.hand.limits`.

    Returns
    -------
    dict of str to dict
        By the name of the renderer, the columns of its data.
    """
    parts: Parts = {}
    for side in range(len(COLOURS)):
        found = dict.fromkeys(PARTS, np.empty((2, 0)))
        if side < len(rig.chosen):
            unit = rig.chosen[side]
            found |= _by_hand(rig, unit, kind, factor, limits) | _true(rig, unit, factor)
        parts |= {
            f"{name}-{side}": {"place": place, "rate": rate}
            for name, (place, rate) in found.items()
        }
    return parts


def map_parts(rig: Rig, kind: str, limits: Limits) -> Parts:
    """Gather what the map shows of the first of the chosen units.

    Parameters
    ----------
    rig, kind, limits
        As for `curve_parts`.

    Returns
    -------
    dict of str to dict
        As from `curve_parts`.
    """
    unit = rig.chosen[0]
    field = rig.field(unit)
    left, bottom, width, height = field.proven
    x, y, mean = map_by_hand(_dots(rig, unit, kind), limits, max(width, height) / PLACES)
    step_x, step_y = (place[1] - place[0] if len(place) > 1 else 1.0 for place in (x, y))
    image = {
        "image": [mean.astype(np.float32)],
        "x": [x[0] - step_x / 2],
        "y": [y[0] - step_y / 2],
        "dw": [step_x * len(x)],
        "dh": [step_y * len(y)],
    }
    proven = {
        "x": [left + width / 2],
        "y": [bottom + height / 2],
        "width": [width],
        "height": [height],
    }
    circle = field.measured or (np.nan, np.nan, np.nan)
    measured = {"x": [circle[0]], "y": [circle[1]], "radius": [circle[2] / 2]}
    return {"image": image, "proven": proven, "measured": measured}


def _dots(rig: Rig, unit: int, kind: str) -> pd.DataFrame:
    """Everything of a kind that was shown to a unit, with the rates as its responses."""
    dots = rig.explored.of(unit, kind)
    dots["response"] = rig.rates_of(unit, dots["response"].to_numpy())
    if "spatial_frequency" in KINDS[kind].uses:
        # Gratings have no sign.
        dots["contrast"] = dots["contrast"].abs()
    return dots


def _by_hand(rig: Rig, unit: int, kind: str, factor: str, limits: Limits) -> dict[str, Values]:
    """Dots of what lay on the field: what lay beside it says nothing of what a unit prefers."""
    if factor not in KINDS[kind].uses:
        return {}
    dots, field = _dots(rig, unit, kind), rig.field(unit)
    x, y = (dots[axis].to_numpy() for axis in "xy")
    dots = dots[np.hypot(x - field.center[0], y - field.center[1]) < field.side / 2]
    if not len(dots):
        return {}
    latest = dots[[factor, "response"]].to_numpy()[-MOST_DOTS:].T
    return {"dots": latest, "hand": by_hand(dots, factor, limits)}


def _true(rig: Rig, unit: int, factor: str) -> dict[str, Values]:
    """Take what the protocol found, if it was run."""
    protocol, _ = CURVES[factor]
    best = rig.measurements.best(unit, protocol)
    if best is None:
        return {}
    curve = rig.measurements.of(unit)[protocol].curve.isel(unit=0)
    return {
        name: np.stack([values[factor].to_numpy(), values.to_numpy()]).astype(float)
        for name, values in (("best", best), ("curve", curve))
    }


def _figure(name: str, **options: Any) -> figure:
    options |= {"name": name, "toolbar_location": None, "tools": ""}
    plot = figure(**options)
    plot.background_fill_color = None
    plot.border_fill_color = None
    plot.outline_line_color = None
    plot.axis.minor_tick_line_color = None
    plot.axis.axis_label_text_font_style = "normal"
    return plot
