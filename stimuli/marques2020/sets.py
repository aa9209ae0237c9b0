"""The grating sets of the V1 property benchmark of Marques, Schrimpf & DiCarlo (2021).

The published pictures have their origin half a pixel right of and below the centre of the screen,
y pointing down; name a grating by the direction of its carrier and its sine phase; and give radii.
The tables here follow docs/conventions.md like those of every other set; `from_published` converts.
How the pictures are drawn is in `stimuli.marques2020.eight_bit`.

References
----------
Marques T, Schrimpf M, DiCarlo JJ (2021). Multi-scale hierarchical neural network models that bridge
from single neurons in the primate primary visual cortex to object recognition behavior. bioRxiv
2021.03.01.433495, doi:10.1101/2021.03.01.433495.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stimuli.display import Display, Position
from stimuli.marques2020.canvas import HALF_PX
from stimuli.parameters import in_disk
from stimuli.sets import StimulusSet

__all__ = [
    "BACKGROUND",
    "POSITION",
    "from_published",
    "orientation",
    "receptive_field",
    "size",
    "spatial_frequency",
]

# Grey level 128, where the gratings are about 127.5.
BACKGROUND = 128 / 255

POSITION = Position(0.5 + HALF_PX, -0.5 - HALF_PX)

# Grids of the published generator, in its own terms: radius, carrier orientation, sine phase.
SPATIAL_FREQUENCIES = 2 ** np.linspace(-1.375, 3.875, 22)
FOUR_SPATIAL_FREQUENCIES = SPATIAL_FREQUENCIES[4:17:4]
RADII = 0.5 * 2 ** np.linspace(-2.25, 3.25, 12)
TWO_RADII = (0.75, 2.25)
CYCLES = (2, 3, 4)
ORIENTATIONS = np.arange(0.0, 180.0, 15.0)
SIX_ORIENTATIONS = np.arange(0.0, 180.0, 30.0)
PHASES = np.arange(0.0, 360.0, 45.0)
MAP_POSITIONS = np.arange(-10, 11) / 4
MAP_RADIUS = 1 / 6
MAP_SPATIAL_FREQUENCY = 3.0


def receptive_field(display: Display, _position: Position = POSITION) -> StimulusSet:
    """Small gratings on a grid over the middle 5 deg, wherever the other sets are shown.

    Parameters
    ----------
    display : Display
        The screen; its background must be `BACKGROUND`.
    _position : Position
        Not used: the grid is fixed to the screen.

    Returns
    -------
    StimulusSet, dims ("offset_y", "offset_x", "orientation", "phase")
        Disks of 1/3 deg at 3 cpd. Offsets are in deg from the published origin, which lies at
        (1/112, -1/112) deg; as everywhere, y is up.
    """
    table = _cross(
        position_y=MAP_POSITIONS,
        position_x=MAP_POSITIONS,
        orientation=[0, 45, 90, 135],
        phase=[0, 180],
    ).assign(radius=MAP_RADIUS, spatial_frequency=MAP_SPATIAL_FREQUENCY, contrast=1.0)
    conditions = from_published(table).assign(
        offset_x=table["position_x"], offset_y=0.0 - table["position_y"]
    )
    offsets = ("offset_y", "offset_x")
    return _set("receptive_field", display, conditions, offsets, labels=offsets)


def orientation(display: Display, position: Position = POSITION) -> StimulusSet:
    """Disks that hold 2, 3 or 4 cycles of a grating, at 4 frequencies and 12 orientations.

    Parameters
    ----------
    display : Display
        The screen; its background must be `BACKGROUND`.
    position : Position
        Centre of the disks, in deg.

    Returns
    -------
    StimulusSet, dims ("cycles", "spatial_frequency", "orientation", "phase")
        1152 gratings; ``diameter`` is cycles / spatial_frequency.
    """
    table = _cross(
        cycles=CYCLES,
        spatial_frequency=FOUR_SPATIAL_FREQUENCIES,
        orientation=ORIENTATIONS,
        phase=PHASES,
    )
    table["radius"] = table["cycles"] / (2 * table["spatial_frequency"])
    factors = ("cycles", "spatial_frequency")
    return _set("orientation", display, _at(table, position), factors, labels=("cycles",))


def spatial_frequency(display: Display, position: Position = POSITION) -> StimulusSet:
    """Two sizes, 22 frequencies a quarter of an octave apart, 6 orientations.

    Parameters
    ----------
    display, position
        As in `orientation`.

    Returns
    -------
    StimulusSet, dims ("diameter", "spatial_frequency", "orientation", "phase")
        2112 gratings.
    """
    table = _cross(
        radius=TWO_RADII,
        spatial_frequency=SPATIAL_FREQUENCIES,
        orientation=SIX_ORIENTATIONS,
        phase=PHASES,
    )
    factors = ("diameter", "spatial_frequency")
    return _set("spatial_frequency", display, _at(table, position), factors)


def size(display: Display, position: Position = POSITION) -> StimulusSet:
    """Twelve diameters half an octave apart, 4 frequencies, 6 orientations.

    Parameters
    ----------
    display, position
        As in `orientation`.

    Returns
    -------
    StimulusSet, dims ("diameter", "spatial_frequency", "orientation", "phase")
        2304 gratings; the largest overfill a field of 8 deg.
    """
    table = _cross(
        radius=RADII,
        spatial_frequency=FOUR_SPATIAL_FREQUENCIES,
        orientation=SIX_ORIENTATIONS,
        phase=PHASES,
    )
    return _set("size", display, _at(table, position), ("diameter", "spatial_frequency"))


def from_published(table: pd.DataFrame) -> pd.DataFrame:
    """Turn the benchmark's description of stimuli into that of docs/conventions.md.

    Parameters
    ----------
    table : DataFrame
        With the columns position_x, position_y (deg, y down), radius, spatial_frequency,
        orientation (of the carrier, clockwise, deg), phase (sine, deg) and contrast.

    Returns
    -------
    DataFrame
        With the columns x, y (deg, y up), diameter, spatial_frequency, orientation (of the bars,
        counter-clockwise from horizontal, deg), phase (cosine, deg) and contrast.

    Examples
    --------
    >>> vertical = {"position_x": [0.5], "position_y": [0.5], "radius": [1.0], "contrast": [1.0]}
    >>> vertical |= {"spatial_frequency": [2.0], "orientation": [0.0], "phase": [90.0]}
    >>> ours = from_published(pd.DataFrame(vertical))
    >>> float(ours["orientation"].iloc[0]), float(ours["phase"].iloc[0])
    (90.0, 0.0)
    """
    # Wrapping the orientation by 180 deg turns the carrier axis round, and with it the phase.
    shifted = np.where(table["orientation"] > 90, 90 - table["phase"], table["phase"] - 90)
    return pd.DataFrame(
        {
            "x": table["position_x"] + HALF_PX,
            "y": -table["position_y"] - HALF_PX,
            "diameter": 2 * table["radius"],
            "spatial_frequency": table["spatial_frequency"],
            "orientation": (90 - table["orientation"]) % 180,
            "phase": shifted % 360,
            "contrast": table["contrast"],
        },
        index=table.index,
    )


@in_disk
def _draw(display: Display, **parameters: Any) -> Any:
    # The drawing function is found when something is drawn: tables need no torch.
    from stimuli.marques2020.eight_bit import draw

    return draw(display, **parameters)


def _at(table: pd.DataFrame, position: Position) -> pd.DataFrame:
    """Conditions that share one place."""
    table = table.assign(position_x=0.0, position_y=0.0, contrast=1.0)
    conditions = from_published(table).assign(x=position.x, y=position.y)
    return conditions.assign(cycles=table["cycles"]) if "cycles" in table else conditions


def _set(
    name: str,
    display: Display,
    conditions: pd.DataFrame,
    factors: tuple[str, ...],
    labels: tuple[str, ...] = (),
) -> StimulusSet:
    grey = len(display.levels) == 1
    if not (grey and math.isclose(display.mean_background, BACKGROUND, rel_tol=1e-6)):
        raise ValueError(
            "the marques2020 stimuli lie on grey level 128 of 255, a background of "
            f"{BACKGROUND:.6f}; the display has {display.background}. Make it with "
            "background=128 / 255."
        )
    return StimulusSet(name, display, conditions, (*factors, "orientation", "phase"), _draw, labels)


def _cross(**factors: Sequence[float] | npt.NDArray[np.float64]) -> pd.DataFrame:
    """Every combination, the last factor fastest."""
    return pd.DataFrame(list(itertools.product(*factors.values())), columns=list(factors))
