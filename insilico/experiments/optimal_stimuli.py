"""Optimal stimuli: pictures that each unit likes best, found by climbing its response."""

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.protocol import Protocol
from insilico.experiments.reverse_correlation import ELEMENTS, draw_mosaics, noise_square
from insilico.recording.reductions import Ascent
from insilico.tuning.properties import optimal as properties
from insilico.tuning.properties.structure import exceeds_chance
from stimuli import Display, Position, StimulusSet

__all__ = ["OPTIMAL_STIMULUS", "final_pictures", "noise_to_start_from", "optimal_pictures"]

# Frames of noise, each with its opposite: of the two one drives a unit that prefers a sign.
STARTS = 2


def noise_to_start_from(
    display: Display, position: Position, *, element: float = 0.1, seed: int = 0
) -> StimulusSet:
    """White noise that optimal stimuli are climbed from.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Centre of the square, in deg.
    element : float
        Side of one of its 24 x 24 elements, in deg, in whole pixels; a run asks `noise_square`.
    seed : int
        Of the noise.

    Returns
    -------
    StimulusSet
        Dim start: two frames, and their opposites.
    """
    sign = [1.0, -1.0]
    table = pd.DataFrame(
        {
            "start": range(2 * STARTS),
            "technique": "white noise",
            "frame": [n for n in range(STARTS) for _ in sign],
            "contrast": sign * STARTS,
            "element": max(1, round(element * display.px_per_deg)) / display.px_per_deg,
            "elements": ELEMENTS,
            "seed": seed,
            "x": position.x,
            "y": position.y,
        }
    )
    table["contrast"] *= min(1.0, 1 / max(display.levels) - 1)
    return StimulusSet(
        "noise_to_start_from", display, table, ("start",), draw_mosaics, labels=("start",)
    )


def optimal_pictures(response: xr.DataArray, structure: xr.DataArray) -> xr.DataArray:
    """Take the optimal picture of each unit, the best Gabor function, and its map.

    Parameters
    ----------
    response : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Recording of `noise_to_start_from`.
    structure : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Curve of `receptive_field_structure`.

    Returns
    -------
    DataArray, dims ("unit", "picture", "element_y", "element_x")
        Pictures ``optimal``, ``Gabor`` and ``map`` (from white noise; 0 where it does not exceed
        chance); ``optimal_response`` and ``gabor_response`` are coordinates.
    """
    starts = response.isel(picture=slice(1, None))
    best = _best(starts)
    gabor = response.isel(picture=0)
    # What chance leaves is no map.
    shown = structure.sel(technique="white noise", drop=True)
    shown = shown.where(exceeds_chance(structure), 0)
    names = ["optimal", "Gabor", "map"]
    reached = [starts["reached"].isel(picture=best), gabor["reached"]]
    extra = ("picture", "reached", "technique")
    pictures = xr.concat(
        [
            each.drop_vars([name for name in extra if name in each.coords]).reset_coords(drop=True)
            for each in (starts.isel(picture=best), gabor, shown)
        ],
        dim=pd.Index(names, name="picture"),
        # The same elements, but for the rounding of where they lie.
        join="override",
    ).transpose("unit", "picture", ...)
    return pictures.assign_coords(
        {
            **{
                name: value
                for name, value in response.coords.items()
                if value.dims == ("unit",) or not value.dims
            },
            "optimal_response": ("unit", reached[0].to_numpy()),
            "gabor_response": ("unit", reached[1].to_numpy()),
        }
    )


def final_pictures(response: xr.DataArray) -> xr.DataArray:
    """Keep the two pictures of each unit that its answers are told of.

    Parameters
    ----------
    response : DataArray, dims ("unit", "picture", "element_y", "element_x")
        Recording of `noise_to_start_from`.

    Returns
    -------
    DataArray, dims ("unit", "picture", "element_y", "element_x")
        The best Gabor function, and the best of the pictures that were climbed.
    """
    best = 1 + _best(response.isel(picture=slice(1, None))).to_numpy()
    which = xr.DataArray(np.stack([np.zeros_like(best), best], 1), dims=("unit", "picture"))
    unit = xr.DataArray(np.arange(len(best)), dims="unit")
    return (
        response.drop_vars("picture")
        .isel(unit=unit, picture=which)
        .transpose("unit", "picture", ...)
    )


def _best(starts: xr.DataArray) -> xr.DataArray:
    """Say from which start the best picture came; the first for units that were shown nothing."""
    return starts["reached"].fillna(-1).argmax("picture")


OPTIMAL_STIMULUS = Protocol(
    name="optimal_stimulus",
    stimuli=noise_to_start_from,
    curve=optimal_pictures,
    properties=(
        properties.optimal_stimulus_gain,
        properties.optimal_gabor_correlation,
        properties.optimal_map_correlation,
    ),
    responsive=properties.found,
    citation="after Walker and others (2019), Nature Neuroscience 22",
    question="Which picture does a unit like best, and is it a grating?",
    scale="signed",
    reduction=Ascent(),
    after=("receptive_field", "receptive_field_structure"),
    pictured=(properties.optimal_gabor_correlation, properties.optimal_map_correlation),
    beside="receptive_field_structure",
    prefer=noise_square,
    figure="optimal",
    needs="gradients",
)
