"""The unit explorer: a scatter of two properties, and all that was measured of the chosen unit.

Everything that ``explorer.js`` needs, it finds in the document made here. Which unit is chosen,
which are shown, and the colours of a dark page are decided there.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.resources import Resources

from insilico.figures.examples import MARKED, drawable
from insilico.figures.style import axis_label
from insilico.figures.tuning import MAP, factor_label
from insilico.reporting.page import without_dimension
from insilico.reporting.plots import factor, field_map, polar, scatter, tuning
from insilico.runs.results import Results
from stimuli.conventions import PERIODS

__all__ = ["MOST_UNITS", "explorer", "library"]

# More units than this are thinned out evenly: the page has to open quickly and to be sent by mail.
MOST_UNITS = 5000

# The first two properties on the axes; orientation tuning is what everyone looks at first.
FIRST_X = ("circular_variance",)
FIRST_Y = ("orientation_half_bandwidth", "bandwidth", "modulation_ratio")

MOST_LEVELS = 255  # a receptive-field map is stored in bytes

Row = dict[str, Any]


def library() -> str:
    """Return the script that draws: Bokeh, without widgets."""
    return "\n".join(Resources("inline", components=["bokeh"], log_level="error").js_raw)


def explorer(results: Results) -> Row | None:
    """Prepare the unit explorer of a run.

    Parameters
    ----------
    results : Results
        A run.

    Returns
    -------
    dict or None
        ``document``, the figures and the data of all units as the JSON of Bokeh; ``settings``, what
        the script of the page has to know; and what the template lists. None if there is nothing
        to explore: no unit, or no property.
    """
    properties = measured(results.units)
    n_units = results.units.sizes["unit"]
    if not n_units or not properties:
        return None
    kept = np.unique(np.linspace(0, n_units - 1, min(n_units, MOST_UNITS)).astype(int))
    units = results.units.isel(unit=kept)
    x, y = _first(properties, FIRST_X, 0), _first(properties, FIRST_Y, -1)
    shown = drawable(results.curves, first=str(properties[x].attrs.get("protocol")))
    curves = {name: curve.isel(unit=kept) for name, curve in shown.items()}
    layers = units["layer"].to_numpy().astype(str)
    columns = _columns(units, kept, curves)
    source = ColumnDataSource(columns | {"x": columns[x], "y": columns[y]})
    document = Document()
    document.add_root(scatter(source, list(dict.fromkeys(layers)), name="plot-units"))
    panels = []
    for name, curve in curves.items():
        drawn = _panels(name, curve, units)
        panels += drawn
        for panel in drawn:
            document.add_root(panel["figure"])
    return {
        "document": serialize_json(document.to_json(deferred=False)),
        "settings": json.dumps({"panels": [panel["settings"] for panel in panels]}),
        "panels": [{key: panel[key] for key in ("id", "title", "kind")} for panel in panels],
        "properties": [
            {
                "name": name,
                "label": axis_label(values.attrs.get("long_name", name), values.attrs.get("units")),
                "title": values.attrs.get("long_name", name),
                "units": without_dimension(values.attrs.get("units", "1")),
                "protocol": str(values.attrs.get("protocol", "")),
            }
            for name, values in properties.items()
        ],
        "x": x,
        "y": y,
        "layers": list(dict.fromkeys(layers)),
        "n": len(kept),
        "of": n_units,
    }


def measured(units: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the properties of a unit table: one number per unit."""
    return {str(name): value for name, value in units.data_vars.items() if value.dims == ("unit",)}


def _first(properties: Mapping[str, xr.DataArray], endings: tuple[str, ...], place: int) -> str:
    named = {name.rpartition(".")[2]: name for name in properties}
    found = [named[ending] for ending in endings if ending in named]
    return found[0] if found else list(properties)[place]


def _columns(
    units: xr.Dataset, kept: npt.NDArray[np.intp], curves: Mapping[str, xr.DataArray]
) -> dict[str, Any]:
    """Lay out all that is known of the units as columns, small: single precision, maps in bytes."""
    columns: dict[str, Any] = {
        name: units[name].to_numpy().astype(np.float32) for name in measured(units)
    }
    columns |= {
        name: units[name].to_numpy().astype(np.int32) for name in ("channel", "row", "column")
    }
    columns |= {"place": kept.astype(np.int32), "layer": units["layer"].to_numpy().astype(str)}
    for protocol in units["protocol"].to_numpy().astype(str):
        flags = units["responsive"].sel(protocol=protocol).to_numpy()
        columns[f"responsive {protocol}"] = flags.astype(np.uint8)
    for name, curve in curves.items():
        columns |= {f"{part} {name}": values for part, values in _parts(name, curve, units).items()}
    return columns


def _parts(name: str, curve: xr.DataArray, units: xr.Dataset) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of one curve: the responses, and what is marked on them."""
    n_units = curve.sizes["unit"]
    if _is_map(curve):
        return _map_parts(name, curve, units)
    responses = curve.transpose("unit", factor(curve)).to_numpy()
    parts = {"curve": responses.astype(np.float32)}
    if "modulated" in curve.coords:
        parts["modulated"] = np.broadcast_to(curve["modulated"], n_units).astype(np.uint8)
    elif "blank" in curve.coords:
        parts["blank"] = np.broadcast_to(curve["blank"], n_units).astype(np.float32)
    return parts


def _map_parts(name: str, curve: xr.DataArray, units: xr.Dataset) -> dict[str, npt.NDArray[Any]]:
    ordered = curve.transpose("unit", *MAP).sortby(list(MAP))
    values = ordered.to_numpy().reshape(curve.sizes["unit"], -1)
    low, high = values.min(1, initial=np.inf), values.max(1, initial=-np.inf)
    span = np.where(high > low, high - low, 1)
    levels = np.rint((values - low[:, None]) / span[:, None] * MOST_LEVELS)
    parts = {"curve": np.nan_to_num(levels).astype(np.uint8), "low": low, "high": high}
    for side in ("x", "y"):
        # The map is in offsets from the nominal centre, the measured centre in display degrees.
        nominal = curve.coords.get(f"centre_{side}", 0)
        center = _measured_on(name, f"receptive_field_{side}", units)
        parts[f"center_{side}"] = center - np.asarray(nominal)
    parts["diameter"] = _measured_on(name, "receptive_field_diameter", units)
    return {key: part if key == "curve" else part.astype(np.float32) for key, part in parts.items()}


def _measured_on(curve: str, name: str, units: xr.Dataset) -> npt.NDArray[np.float64]:
    """Return a property if it was measured on a curve, and nothing (NaN) otherwise."""
    if name in units and units[name].attrs.get("protocol", curve) == curve:
        return units[name].to_numpy().astype(float)
    return np.full(units.sizes["unit"], np.nan)


def _panels(name: str, curve: xr.DataArray, units: xr.Dataset) -> list[Row]:
    """Make the figures of one curve, and say what the script has to know of them."""
    shared: Row = {"curve": name, "units": without_dimension(str(curve.attrs.get("units", "")))}
    if _is_map(curve):
        return [_panel(field_map, "map", "Receptive field", curve, shared)]
    dim = factor(curve)
    marked = MARKED.get(dim, "")
    if marked in units and units[marked].attrs.get("protocol", name) == name:
        shared["marked"] = marked
    shared |= {"factor": dim, "closed": dim in PERIODS}
    title = factor_label(curve, dim).partition(" (")[0]
    panels = [_panel(tuning, "line", title, curve, shared)]
    if dim in PERIODS:
        panels.append(_panel(polar, "polar", f"{title}, around the clock", curve, shared))
    return panels


def _panel(draw: Any, kind: str, title: str, curve: xr.DataArray, shared: Row) -> Row:
    name = f"plot-{kind}-{shared['curve']}"
    return {
        "id": name,
        "kind": kind,
        "title": title,
        "figure": draw(curve, name=name),
        "settings": shared | {"id": name, "kind": kind},
    }


def _is_map(curve: xr.DataArray) -> bool:
    return set(curve.dims) == {"unit", *MAP}
