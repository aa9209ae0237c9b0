"""Two sizes: tuning for contrast, orientation and frequency in a small and in a large disk."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.experiments.contrast import CONTRASTS
from insilico.experiments.gratings import ORIENTATIONS, PHASES, draw_grating, quarter_octaves
from insilico.experiments.optimum import AFTER_PATCH, preferred_patch
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import two_sizes as properties
from stimuli import Display, Position, StimulusSet, factorial

__all__ = [
    "CONTRAST_TWO_SIZES",
    "FREQUENCY_SIZE",
    "ORIENTATION_SIZE",
    "contrasts_at_two_sizes",
    "frequencies_at_two_sizes",
    "orientations_at_two_sizes",
    "patch_with_room",
    "patch_with_room_of_any_frequency",
    "patch_with_room_of_any_orientation",
    "two_sizes_curve",
]

# In fields. Contrast responses differ most between sizes that lie far apart; tuning at four fields
# would leave most units no room.
CONTRAST_SIZES = np.array([0.5, 4.0])
TUNING_SIZES = np.array([0.5, 2.0])


def patch_with_room(units: xr.Dataset) -> pd.DataFrame:
    """Preferred patch of each unit, if one of four times its diameter has room on the display.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        That of `preferred_patch`. NaN for a unit without the room.
    """
    return _with_room(units, CONTRAST_SIZES)


def patch_with_room_of_any_orientation(units: xr.Dataset) -> pd.DataFrame:
    """Preferred patch of each unit, if one twice as wide has room, the orientation left open.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        That of `preferred_patch` without ``orientation``. NaN for a unit without the room.
    """
    return _with_room(units, TUNING_SIZES).drop(columns="orientation")


def patch_with_room_of_any_frequency(units: xr.Dataset) -> pd.DataFrame:
    """Preferred patch of each unit, if one twice as wide has room, the frequency left open.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        That of `preferred_patch` without ``spatial_frequency``. NaN for a unit without the room.
    """
    return _with_room(units, TUNING_SIZES).drop(columns="spatial_frequency")


def contrasts_at_two_sizes(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of growing contrast in disks of half a field and of four fields.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `patch_with_room`.

    Returns
    -------
    StimulusSet
        Contrast 0 and 12 contrasts from .01 to 1, at 8 phases; ``relative_size`` is in fields.
    """
    return _two_sizes(
        "contrasts_at_two_sizes",
        display,
        position,
        CONTRAST_SIZES,
        diameter,
        {"contrast": CONTRASTS},
        orientation=orientation,
        spatial_frequency=spatial_frequency,
    )


def orientations_at_two_sizes(
    display: Display,
    position: Position,
    *,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of all orientations in disks of half a field and of two fields.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    spatial_frequency, diameter : float
        What the units prefer, in cpd and deg; a run asks `patch_with_room_of_any_orientation`.

    Returns
    -------
    StimulusSet
        24 orientations at 8 phases, at contrast 1; ``relative_size`` is in fields.
    """
    return _two_sizes(
        "orientations_at_two_sizes",
        display,
        position,
        TUNING_SIZES,
        diameter,
        {"orientation": ORIENTATIONS},
        spatial_frequency=spatial_frequency,
    )


def frequencies_at_two_sizes(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of all spatial frequencies in disks of half a field and of two fields.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, diameter : float
        What the units prefer, in deg; a run asks `patch_with_room_of_any_frequency`.

    Returns
    -------
    StimulusSet
        Quarter octaves, as in `gratings`, at 8 phases and contrast 1; ``relative_size`` is in
        fields.
    """
    return _two_sizes(
        "frequencies_at_two_sizes",
        display,
        position,
        TUNING_SIZES,
        diameter,
        {"spatial_frequency": quarter_octaves(display)},
        orientation=orientation,
    )


def two_sizes_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, at two sizes.

    Parameters
    ----------
    response : DataArray
        Recording of any set here.

    Returns
    -------
    DataArray, dims ("unit", "relative_size", <factor>)
        One component per unit: that of its strongest condition.
    """
    return dominant_component(response)


def _two_sizes(
    name: str,
    display: Display,
    position: Position,
    sizes: npt.NDArray[np.float64],
    diameter: float,
    factor: dict[str, npt.NDArray[np.float64]],
    **preferred: float,
) -> StimulusSet:
    return factorial(
        name,
        display,
        draw_grating,
        {"relative_size": sizes, **factor, "phase": PHASES},
        derive=lambda table: table.assign(diameter=diameter * table["relative_size"]),
        labels=("relative_size",),
        time=(),
        **preferred,
        x=position.x,
        y=position.y,
    )


def _with_room(units: xr.Dataset, sizes: npt.NDArray[np.float64]) -> pd.DataFrame:
    table = preferred_patch(units)
    room = table["diameter"] * sizes.max() <= units.attrs["degrees"]
    return table.assign(diameter=table["diameter"].where(room))


CONTRAST_TWO_SIZES = Protocol(
    name="contrast_two_sizes",
    stimuli=contrasts_at_two_sizes,
    curve=two_sizes_curve,
    properties=(properties.c50_size_ratio,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Does a larger grating saturate the response at a lower contrast?",
    after=AFTER_PATCH,
    prefer=patch_with_room,
)

ORIENTATION_SIZE = Protocol(
    name="orientation_size",
    stimuli=orientations_at_two_sizes,
    curve=two_sizes_curve,
    properties=(properties.orientation_width_size_change,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Is tuning for orientation narrower in a large grating?",
    after=AFTER_PATCH,
    prefer=patch_with_room_of_any_orientation,
)

FREQUENCY_SIZE = Protocol(
    name="frequency_size",
    stimuli=frequencies_at_two_sizes,
    curve=two_sizes_curve,
    properties=(properties.frequency_width_size_change,),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Is tuning for spatial frequency narrower in a large grating?",
    after=AFTER_PATCH,
    prefer=patch_with_room_of_any_frequency,
)
