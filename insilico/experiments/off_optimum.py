"""Off the optimum: size and contrast tuning at a neighbouring orientation and frequency."""

from collections.abc import Callable

import pandas as pd
import xarray as xr

from insilico.experiments.contrast import CONTRASTS
from insilico.experiments.gratings import PHASES, disk_diameters, draw_grating
from insilico.experiments.optimum import (
    AFTER_GRATING,
    AFTER_PATCH,
    centered_grating,
    preferred_patch,
)
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import off_optimum as properties
from insilico.tuning.properties.off_optimum import AT_OPTIMUM, FINER, TURNED
from stimuli import Display, Position, StimulusSet, factorial

__all__ = [
    "CONTRAST_OFF_OPTIMUM",
    "SIZE_OFF_OPTIMUM",
    "contrasts_off_optimum",
    "off_curve",
    "sizes_off_optimum",
    "with_finer_grating",
    "with_finer_patch",
]

# How far off, in deg and octaves.
TURN, OCTAVES = 15.0, 0.5


def with_finer_grating(units: xr.Dataset) -> pd.DataFrame:
    """Preferred grating of each unit, if the display can show one half an octave finer too.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `centered_grating`.

    Returns
    -------
    DataFrame, one row per unit
        That of `centered_grating`. NaN for a unit whose frequency is too near the display's limit.
    """
    return _with_finer(centered_grating(units), units)


def with_finer_patch(units: xr.Dataset) -> pd.DataFrame:
    """Preferred patch of each unit, if the display can show a grating half an octave finer too.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `preferred_patch`.

    Returns
    -------
    DataFrame, one row per unit
        That of `preferred_patch`, with NaN as for `with_finer_grating`.
    """
    return _with_finer(preferred_patch(units), units)


def sizes_off_optimum(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Grating disks of growing diameter: at the optimum, 15 deg off it, and half an octave finer.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `with_finer_grating`.

    Returns
    -------
    StimulusSet
        12 diameters from 1/40 of the display to all of it, at 8 phases; on a display larger than 8
        deg more, from 0.2 deg. ``off`` is 0 at the optimum, 1 where the grating is turned, 2 where
        it is finer.
    """
    return factorial(
        "sizes_off_optimum",
        display,
        draw_grating,
        {
            "off": [AT_OPTIMUM, TURNED, FINER],
            "diameter": disk_diameters(display, 12),
            "phase": PHASES,
        },
        derive=_off(orientation, spatial_frequency),
        labels=("off",),
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def contrasts_off_optimum(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
    diameter: float = 1.0,
) -> StimulusSet:
    """Gratings of growing contrast: at the optimum, 15 deg off it, and half an octave finer.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disk, in deg.
    orientation, spatial_frequency, diameter : float
        What the units prefer, in deg, cpd and deg; a run asks `with_finer_patch`.

    Returns
    -------
    StimulusSet
        Contrast 0 and 12 contrasts from .01 to 1, at 8 phases; ``off`` as in `sizes_off_optimum`.
    """
    return factorial(
        "contrasts_off_optimum",
        display,
        draw_grating,
        {"off": [AT_OPTIMUM, TURNED, FINER], "contrast": CONTRASTS, "phase": PHASES},
        derive=_off(orientation, spatial_frequency),
        labels=("off",),
        diameter=diameter,
        x=position.x,
        y=position.y,
    )


def off_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, at the optimum and off it.

    Parameters
    ----------
    response : DataArray
        Recording of either set.

    Returns
    -------
    DataArray, dims ("unit", "off", "diameter") or ("unit", "off", "contrast")
        One component per unit: that of its strongest condition.
    """
    return dominant_component(response)


def _off(orientation: float, spatial_frequency: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.assign(
        orientation=(orientation + TURN * (table["off"] == TURNED)) % 180,
        spatial_frequency=spatial_frequency * 2 ** (OCTAVES * (table["off"] == FINER)),
    )


def _with_finer(table: pd.DataFrame, units: xr.Dataset) -> pd.DataFrame:
    finer = table["spatial_frequency"] * 2**OCTAVES
    # Whatever its orientation, the display can show up to half a cycle per pixel.
    return table.assign(
        spatial_frequency=table["spatial_frequency"].where(finer <= units.attrs["px_per_deg"] / 2)
    )


SIZE_OFF_OPTIMUM = Protocol(
    name="size_off_optimum",
    stimuli=sizes_off_optimum,
    curve=off_curve,
    properties=(properties.field_ratio_off_orientation, properties.field_ratio_off_frequency),
    responsive=exceeds_threshold,
    citation="Sawada & Petrov (2017), doi 10.1152/jn.00821.2016",
    question="Does the summation field shrink off the preferred orientation and frequency?",
    after=AFTER_GRATING,
    prefer=with_finer_grating,
)

CONTRAST_OFF_OPTIMUM = Protocol(
    name="contrast_off_optimum",
    stimuli=contrasts_off_optimum,
    curve=off_curve,
    properties=(properties.c50_ratio_off_orientation, properties.c50_ratio_off_frequency),
    responsive=exceeds_threshold,
    citation="Albrecht & Hamilton (1982), doi 10.1152/jn.1982.48.1.217",
    question="Is the contrast response off the optimum a scaled one?",
    after=AFTER_PATCH,
    prefer=with_finer_patch,
)
