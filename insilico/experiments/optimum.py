"""The grating that each unit likes best: where, how oriented, how fine and how large."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import preferred_grating
from insilico.experiments.size import SIZE
from insilico.tuning.properties import size as properties

__all__ = ["SIZE_AT_CENTER", "centered_grating", "preferred_patch"]


def centered_grating(units: xr.Dataset) -> pd.DataFrame:
    """Preferred grating of each unit, on the measured centre of its receptive field.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``receptive_field_x``, ``receptive_field_y``, ``preferred_orientation`` and
        ``preferred_spatial_frequency``.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y`` (deg, to the nearest pixel; where no centre is measured the proven place of
        the unit's site), ``orientation`` and ``spatial_frequency`` as in `preferred_grating`.
    """
    step = 1 / units.attrs["px_per_deg"]
    place = {axis: units[f"receptive_field_{axis}"].fillna(units[axis]).to_numpy() for axis in "xy"}
    rounded = {axis: np.round(values / step) * step for axis, values in place.items()}
    return preferred_grating(units).assign(**rounded)


def preferred_patch(units: xr.Dataset) -> pd.DataFrame:
    """Preferred grating of each unit in the disk that suits it best.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `centered_grating`, with ``optimal_diameter``.

    Returns
    -------
    DataFrame, one row per unit
        With ``diameter``, in deg, to a third of an octave, so that units of like preference share
        their pictures. NaN for a unit that gratings do not drive.
    """
    diameter = 2 ** (np.round(3 * np.log2(units["optimal_diameter"].to_numpy())) / 3)
    return centered_grating(units).assign(diameter=diameter)


SIZE_AT_CENTER = replace(
    SIZE,
    properties=(*SIZE.properties, properties.optimal_diameter),
    after=(*SIZE.after, "receptive_field"),
    prefer=centered_grating,
)
