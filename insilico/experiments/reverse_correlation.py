"""The structure of receptive fields: from noise, from gratings, and from the gradient."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from insilico.comparison.joint import Pair
from insilico.experiments.protocol import Protocol
from insilico.experiments.receptive_field import measured_place
from insilico.recording.reductions import Correlation
from insilico.tuning.properties import structure as properties
from stimuli import Display, Position, StimulusSet

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "RECEPTIVE_FIELD_STRUCTURE",
    "draw_mosaics",
    "noise_and_gratings",
    "noise_square",
    "receptive_field_maps",
]

# Elements on a side of the square, which is at least so many fields wide.
ELEMENTS = 24
FIELDS = 3.0

# The square moves by whole steps of a share of its side: units of like place share theirs.
STEP = 1 / 6

# Of white noise, each shown in both polarities.
FRAMES = 2048


def draw_mosaics(display: Display, **parameters: Any) -> "Tensor":
    """Draw frames, as `stimuli.mosaics.mosaics` does; tables of them need no torch."""
    from stimuli.mosaics import mosaics

    return mosaics(display, **parameters)


def noise_and_gratings(
    display: Display,
    position: Position,
    *,
    element: float | None = None,
    frames: int = FRAMES,
    seed: int = 0,
) -> StimulusSet:
    """White noise, sparse noise and Hartley gratings on a square, for reverse correlation.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the square, in deg.
    element : float, optional
        Side of one of its 24 x 24 elements, in deg, in whole pixels; a run asks `noise_square`. The
        square covers the display by default.
    frames : int
        Of white noise.
    seed : int
        Of white noise.

    Returns
    -------
    StimulusSet
        Dims technique, frame, polarity: every frame is shown with light and dark exchanged, too, at
        the largest contrast that allows it. All 576 sparse frames, and all 576 gratings.
    """
    if element is None:
        element = _whole_display(min(display.height, display.width)) / display.px_per_deg
    counts = {"hartley": ELEMENTS**2, "sparse noise": ELEMENTS**2, "white noise": frames}
    table = pd.DataFrame(
        {
            "technique": np.repeat(list(counts), [2 * n for n in counts.values()]),
            "frame": np.concatenate([np.repeat(np.arange(n), 2) for n in counts.values()]),
            "polarity": np.tile([-1.0, 1.0], sum(counts.values())),
        }
    )
    table = table.assign(
        contrast=table["polarity"] * min(1.0, 1 / max(display.levels) - 1),
        element=element,
        elements=ELEMENTS,
        seed=seed,
        x=position.x,
        y=position.y,
    )
    dims = ("technique", "frame", "polarity")
    return StimulusSet(
        "noise_and_gratings", display, table, dims, draw_mosaics, labels=("polarity",)
    )


def noise_square(units: xr.Dataset) -> pd.DataFrame:
    """Square of noise that holds the field of each unit.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `measured_place`, with ``receptive_field_diameter``, and the attribute ``degrees``.

    Returns
    -------
    DataFrame, one row per unit
        ``x`` and ``y``: the measured centre of the field, to a sixth of the square. ``element``:
        1, 2, 4 ... px, in deg, so that the square is three fields wide, or covers the display.
    """
    px_per_deg = units.attrs["px_per_deg"]
    wanted = FIELDS * units["receptive_field_diameter"].to_numpy() * px_per_deg / ELEMENTS
    largest = _whole_display(round(units.attrs["degrees"] * px_per_deg))
    with np.errstate(invalid="ignore"):
        octave = 2 ** np.ceil(np.log2(np.maximum(wanted, 1)))
    # A field that is larger than its map has no diameter.
    pixels = np.fmin(octave, largest)
    step = STEP * ELEMENTS * pixels / px_per_deg
    proven = np.stack([units[axis].to_numpy() for axis in "xy"])
    away = measured_place(units).to_numpy().T - proven
    x, y = proven + np.round(away / step) * step
    return pd.DataFrame({"x": x, "y": y, "element": pixels / px_per_deg})


def receptive_field_maps(response: xr.DataArray) -> xr.DataArray:
    """Map the receptive field by each technique: response per contrast of each element.

    Parameters
    ----------
    response : DataArray
        Recording of `noise_and_gratings`.

    Returns
    -------
    DataArray, dims ("unit", "technique", "element_y", "element_x")
        What light adds and dark takes away. The coordinates ``on_response`` and ``off_response``
        are the largest responses to a single light and a single dark element, less the blank;
        others are those of `insilico.recording.schema.MAP_NUMBERS`.
    """
    maps = response.sum("polarity", skipna=False, keep_attrs=True)
    spots = 2 * response.sel(technique="sparse noise", drop=True)
    place = ("element_y", "element_x")
    n = response.sizes["unit"]
    alone = {
        "on_response": spots.sel(polarity=1.0).max(place).clip(min=0),
        "off_response": (-spots.sel(polarity=-1.0)).max(place).clip(min=0),
    }
    shared = {
        name: np.broadcast_to(response[name].to_numpy(), n)
        for name in ("element", "stimulus_x", "stimulus_y")
    }
    return maps.assign_coords(
        {name: ("unit", np.asarray(values)) for name, values in (alone | shared).items()}
    )


def _whole_display(pixels: int) -> int:
    """Side, in px, of elements of a square that covers so many pixels."""
    return -(-pixels // ELEMENTS)


RECEPTIVE_FIELD_STRUCTURE = Protocol(
    name="receptive_field_structure",
    stimuli=noise_and_gratings,
    curve=receptive_field_maps,
    properties=(
        properties.gabor_structure,
        properties.on_off_index,
        properties.map_agreement,
        properties.linear_prediction_r2,
        properties.n_excitatory_dimensions,
        properties.n_suppressive_dimensions,
    ),
    responsive=properties.exceeds_chance,
    citation="Ringach (2002), doi 10.1152/jn.2002.88.1.455; Ringach, Sapiro & Shapley (1997)",
    question="What is the structure of the receptive field, and how much of the response is "
    "linear in it?",
    scale="signed",
    reduction=Correlation(),
    after="receptive_field",
    prefer=noise_square,
    figure="structure",
    joint=(
        Pair(
            "receptive_field_nx",
            "receptive_field_ny",
            joint="ringach2002b.receptive_field_nx_and_ny",
        ),
    ),
)
