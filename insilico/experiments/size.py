"""Size: gratings that a unit prefers, in disks of growing diameter."""

import xarray as xr

from insilico.comparison.joint import SUPPRESSION, VARIANCE, Pair
from insilico.experiments.gratings import PHASES, disk_diameters, draw_grating
from insilico.experiments.optimum import AFTER_GRATING, centered_grating
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties import size as properties
from stimuli import Display, Position, StimulusSet, factorial

__all__ = ["SIZE", "size_curve", "sizes"]


def sizes(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Grating disks of growing diameter, at a preferred orientation and spatial frequency.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the disks, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `centered_grating`.

    Returns
    -------
    StimulusSet
        28 diameters from 1/40 of the display to all of it, in steps of 0.2 octaves; on a display
        larger than 8 deg more of them, from 0.2 deg.
    """
    return factorial(
        "sizes",
        display,
        draw_grating,
        {
            "diameter": disk_diameters(display, 28),
            "phase": PHASES,
        },
        orientation=orientation,
        spatial_frequency=spatial_frequency,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def size_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation, over diameter.

    Parameters
    ----------
    response : DataArray
        Recording of `sizes`.

    Returns
    -------
    DataArray, dims ("unit", "diameter")
    """
    return dominant_component(response)


SIZE = Protocol(
    name="size",
    stimuli=sizes,
    curve=size_curve,
    properties=(
        properties.suppression_index,
        properties.grating_summation_field,
        properties.surround_diameter,
        properties.surround_to_field_ratio,
        properties.preferred_diameter,
        properties.optimal_diameter,
    ),
    responsive=exceeds_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    question="How large is the summation field, and how strongly does the surround suppress?",
    joint=(Pair("suppression_index", "circular_variance", bins_x=SUPPRESSION, bins_y=VARIANCE),),
    after=AFTER_GRATING,
    prefer=centered_grating,
)
