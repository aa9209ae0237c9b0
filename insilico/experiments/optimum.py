"""The grating that each unit likes best: where, how oriented, how fine and how large."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import preferred_grating
from insilico.experiments.receptive_field import measured_place

__all__ = [
    "AFTER_GRATING",
    "AFTER_PATCH",
    "MOST_UNITS",
    "centered_grating",
    "patch_of_any_frequency",
    "patch_of_any_orientation",
    "preferred_patch",
    "third_octave",
]

# What experiments come after that show each unit its grating, and its patch: a grating as large as
# its field.
AFTER_GRATING = ("orientation", "spatial_frequency", "receptive_field")
AFTER_PATCH = ("orientation", "spatial_frequency", "size", "receptive_field")

# Optima scatter: 512 units of a VOneBlock share hardly any picture at theirs.
MOST_UNITS = 64


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
    return centered_grating(units).assign(diameter=third_octave(units["optimal_diameter"]))


def patch_of_any_orientation(units: xr.Dataset) -> pd.DataFrame:
    """Patch of each unit, the orientation left open.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        As that of `preferred_patch`, without ``orientation``.
    """
    return preferred_patch(units).drop(columns="orientation")


def patch_of_any_frequency(units: xr.Dataset) -> pd.DataFrame:
    """Patch of each unit, the spatial frequency left open.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        As that of `preferred_patch`, without ``spatial_frequency``.
    """
    return preferred_patch(units).drop(columns="spatial_frequency")


def third_octave(size: xr.DataArray, *, up: bool = False) -> npt.NDArray[np.float64]:
    """Round sizes to a third of an octave, so that units of like preference share their pictures.

    Parameters
    ----------
    size : DataArray, dims ("unit",)
        In deg.
    up : bool
        Whether to the next larger one.

    Returns
    -------
    array, shape (unit,)
        In deg.
    """
    steps = 3 * np.log2(size.to_numpy())
    # What lies on a step stays there, whatever rounding made of it.
    return 2 ** ((np.ceil(steps - 1e-6) if up else np.round(steps)) / 3)
