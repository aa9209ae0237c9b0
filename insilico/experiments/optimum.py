"""The grating that each unit likes best: where, how oriented, how fine and how large."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import preferred_grating
from insilico.experiments.receptive_field import measured_place

__all__ = ["centered_grating", "preferred_patch"]


def centered_grating(units: xr.Dataset) -> pd.DataFrame:
    """Preferred grating of each unit, on the measured centre of its receptive field.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``receptive_field_x``, ``receptive_field_y``, ``strongest_orientation`` and
        ``preferred_spatial_frequency``.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y`` as in `measured_place`, ``orientation`` and ``spatial_frequency`` as in
        `preferred_grating`.
    """
    return measured_place(units).join(preferred_grating(units))


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
