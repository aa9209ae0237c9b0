"""Tuning curves of single units: orientation, spatial frequency, size, receptive-field map.

What a curve looks like follows from its dims, not from its name, so that the curves of any battery
can be drawn.
"""

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from insilico.figures.style import (
    ACCENT,
    MODEL,
    axis_label,
    grows_by_ratios,
    log_axis,
    new_axes,
)
from insilico.recording.schema import UNITS
from stimuli.conventions import PERIODS

__all__ = ["MAP", "orientation_polar", "receptive_field_map", "tuning_curve"]

MAP = ("offset_y", "offset_x")
NAMES = {"offset_x": "Offset x", "offset_y": "Offset y", "diameter": "Grating diameter"}


def tuning_curve(
    curve: xr.DataArray, *, ax: Axes | None = None, marked: float | None = None
) -> Axes:
    """Draw one unit's response along one factor.

    Parameters
    ----------
    curve : DataArray, one dim
        The response. Orientations are closed into a half turn, and factors that grow by ratios
        (spatial frequency, diameter) are drawn on a logarithmic axis. The scalar coordinate
        ``blank`` becomes a dashed line, unless the coordinate ``modulated`` says that the response
        is relative to the blank (False) or the modulation (True): the y axis then names it.
    ax : Axes, optional
        Where to draw.
    marked : float, optional
        A place on the factor to mark with a triangle, such as the preferred orientation.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax)
    (dim,) = curve.dims
    place = curve[dim].to_numpy().astype(float)
    response = curve.to_numpy()
    if dim in PERIODS:
        place = np.append(place, place[0] + PERIODS[str(dim)])
        response = np.append(response, response[0])
        ax.set_xlim(place[0], place[-1])
        ax.xaxis.set_major_locator(MultipleLocator(45))
    elif grows_by_ratios(place):
        log_axis(ax, place[0] / 1.15, place[-1] * 1.15)
    ax.plot(place, response, "o-", color=MODEL, clip_on=False, zorder=3)
    if "modulated" not in curve.coords and np.isfinite(curve.coords.get("blank", np.nan)):
        ax.axhline(float(curve["blank"]), color="0.55", linewidth=0.7, linestyle=(0, (3, 2)))
    if marked is not None and place[0] <= marked <= place[-1]:
        ax.plot(
            marked, 1.04, "v", color=ACCENT, markersize=4, clip_on=False, zorder=4,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
    if np.isfinite(response).any():
        ax.set_ylim(min(0.0, float(np.nanmin(response))), None)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.set_xlabel(factor_label(curve, dim))
    ax.set_ylabel(axis_label(_component(curve), curve.attrs.get("units")))
    return ax


def orientation_polar(curve: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Draw one unit's tuning around the clock; of orientations, 0 is horizontal bars, 90 vertical.

    Parameters
    ----------
    curve : DataArray, dim "orientation" or another angle
        The response; an orientation returns after half a turn, so every point is drawn twice.
        Responses below 0 are drawn at 0.
    ax : PolarAxes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, projection="polar")
    if not isinstance(ax, PolarAxes):
        raise ValueError(
            f"orientation_polar draws on polar axes; got {type(ax).__name__}. "
            "Make them with subplot_kw={'projection': 'polar'}, or leave ax out."
        )
    (dim,) = curve.dims
    response = np.maximum(curve.to_numpy(), 0)
    angle = around(curve[dim])
    radius = np.tile(response, len(angle) // len(response))
    angle, radius = np.append(angle, angle[0]), np.append(radius, radius[0])
    ax.plot(angle, radius, color=MODEL, zorder=3)
    ax.fill(angle, radius, color=MODEL, alpha=0.15)
    ax.set_xticks(np.deg2rad([0, 45, 90, 135, 180, 225, 270, 315]))
    ax.set_xticklabels(["0", "45", "90", "135", "", "", "", ""])
    ax.tick_params(axis="x", pad=-3.5)
    peak = float(np.nanmax(response)) if np.isfinite(response).any() else 0.0
    ax.set_ylim(0, 1.05 * peak or 1.0)
    ax.set_yticks([peak or 1.0])
    ax.set_yticklabels([])
    ax.spines["polar"].set_visible(False)
    return ax


def around(place: xr.DataArray) -> npt.NDArray[np.float64]:
    """Angles of a periodic factor all around the clock, in rad.

    Parameters
    ----------
    place : DataArray, dims (<factor>,)
        In deg, of one period.

    Returns
    -------
    array, shape (n * 360 / period,)

    Examples
    --------
    >>> places = xr.DataArray([0.0, 90.0], dims="orientation", name="orientation")
    >>> np.rad2deg(around(places)).tolist()
    [0.0, 90.0, 180.0, 270.0]
    """
    period = PERIODS[str(place.name)]
    turns = np.arange(0, 360, period)
    return np.deg2rad((turns[:, None] + place.to_numpy().astype(float)).ravel())


def receptive_field_map(
    curve: xr.DataArray,
    *,
    ax: Axes | None = None,
    center: tuple[float, float] | None = None,
    diameter: float | None = None,
) -> Axes:
    """Draw one unit's map of responses to small gratings; up is up on the display.

    Parameters
    ----------
    curve : DataArray, dims ("offset_y", "offset_x")
        The response at each place, in deg from where the unit's nominal receptive field lies.
    ax : Axes, optional
        Where to draw.
    center : tuple of float, optional
        Measured centre (x, y), drawn as a cross.
    diameter : float, optional
        Measured diameter, drawn as a circle around ``center``.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax)
    values = curve.transpose(*MAP).sortby(list(MAP))
    x, y = values["offset_x"].to_numpy(), values["offset_y"].to_numpy()
    image = ax.imshow(
        values.to_numpy(), origin="lower", interpolation="none", extent=(*_ends(x), *_ends(y))
    )
    if center is not None and np.isfinite(center).all():
        # White with a dark rim is seen on every colour of the map.
        rim = [withStroke(linewidth=1.8, foreground="0.15")]
        ax.plot(*center, "+", color="white", markersize=5, markeredgewidth=0.9, path_effects=rim)
        if diameter is not None and np.isfinite(diameter):
            around = np.linspace(0, 2 * np.pi, 100)
            ax.plot(
                center[0] + diameter / 2 * np.cos(around),
                center[1] + diameter / 2 * np.sin(around),
                color="white", linewidth=0.8, scalex=False, scaley=False, path_effects=rim,
            )  # fmt: skip
    ax.spines[:].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    ax.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    ax.set_xlabel(factor_label(curve, "offset_x"))
    ax.set_ylabel(factor_label(curve, "offset_y"))
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=12, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(3))
    bar.ax.set_title(curve.attrs.get("units", ""), fontsize=5.5, pad=3, loc="left")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return ax


def _component(curve: xr.DataArray) -> str:
    """Say which component of the response a curve holds."""
    if "modulated" not in curve.coords:
        return "Response"
    return "F1" if bool(curve["modulated"]) else "F0 less blank"


def factor_label(curve: xr.DataArray, dim: Hashable) -> str:
    name = NAMES.get(str(dim), str(dim).replace("_", " ").capitalize())
    return axis_label(name, curve[dim].attrs.get("units", UNITS.get(str(dim))))


def _ends(place: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Outer edges of the pixels centred on ``place``."""
    half = (place[-1] - place[0]) / max(len(place) - 1, 1) / 2 or 0.5
    return float(place[0] - half), float(place[-1] + half)
