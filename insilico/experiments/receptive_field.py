"""Receptive fields, mapped with small patches of grating."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import PHASES, draw_grating
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import driven
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import receptive_field as properties
from stimuli import Display, Position, StimulusSet, factorial

__all__ = ["RECEPTIVE_FIELD", "measured_place", "patches", "receptive_field_map"]


def patches(display: Display, position: Position) -> StimulusSet:
    """Grating patches of two cycles on a 19 x 19 grid, for the receptive-field map.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the grid, in deg.

    Returns
    -------
    StimulusSet
        Dims offset_y, offset_x (deg), orientation, phase. A step is 3/128 of the display (0.19 of
        8 deg), which samples even the smallest fields of V1 without aliasing their centre.
    """
    side = min(display.degrees)
    offsets = np.arange(-9, 10) * 3 / 128 * side
    diameter = side / 16
    return factorial(
        "patches",
        display,
        draw_grating,
        {
            "offset_y": offsets,
            "offset_x": offsets,
            "orientation": [0.0, 45.0, 90.0, 135.0],
            "phase": PHASES,
        },
        derive=lambda table: table.assign(
            x=position.x + table["offset_x"], y=position.y + table["offset_y"]
        ),
        labels=("offset_y", "offset_x"),
        spatial_frequency=min(2 / diameter, display.nyquist / 2),
        diameter=diameter,
        contrast=1.0,
    )


def receptive_field_map(response: xr.DataArray) -> xr.DataArray:
    """Response at each place, averaged over orientation: mean less blank, or modulation.

    Parameters
    ----------
    response : DataArray
        Recording of `patches`.

    Returns
    -------
    DataArray, dims ("unit", "offset_y", "offset_x")
        Not below 0.
    """
    chart = dominant_component(response).mean("orientation", keep_attrs=True).clip(min=0)
    centres = {}
    for axis in ("x", "y"):
        offset = f"offset_{axis}"
        centre = (response[f"stimulus_{axis}"] - response[offset]).isel({offset: 0}, drop=True)
        centres[f"centre_{axis}"] = ("unit", np.broadcast_to(centre, chart.sizes["unit"]))
    return chart.drop_vars(["stimulus_x", "stimulus_y"]).assign_coords(centres)


def measured_place(units: xr.Dataset) -> pd.DataFrame:
    """Where the field of each unit lies, in whole pixels from where its site is proven to look.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``receptive_field_x`` and ``receptive_field_y``, the proven place in ``x`` and ``y``,
        and the attribute ``px_per_deg``.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y``, in deg. The proven place where no centre is measured, and where it is
        measured within a pixel of it: units of one site then share their pictures.
    """
    proven = np.stack([units[axis].to_numpy() for axis in "xy"])
    measured = np.stack([units[f"receptive_field_{axis}"].to_numpy() for axis in "xy"])
    off = (measured - proven) * units.attrs["px_per_deg"]
    # NaN is not off either.
    off = np.where(np.hypot(*off) > 1, np.round(off), 0)
    x, y = proven + off / units.attrs["px_per_deg"]
    return pd.DataFrame({"x": x, "y": y})


RECEPTIVE_FIELD = Protocol(
    name="receptive_field",
    stimuli=patches,
    curve=receptive_field_map,
    properties=(
        properties.receptive_field_x,
        properties.receptive_field_y,
        properties.receptive_field_diameter,
    ),
    responsive=driven,
    citation="Marques, Schrimpf & DiCarlo (2021), doi 10.1101/2021.03.01.433495 (patch mapping)",
    question="Where does a unit look, and how large is its field?",
    scale="activations",
)
