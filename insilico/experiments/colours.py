"""Colour: gratings of several cone contrasts, from coarse to fine."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.experiments.gratings import PHASES
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.recording.f0_and_f1 import phase_weights
from insilico.tuning.curves import first_harmonic, mean_response, preferred
from insilico.tuning.properties import colour as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named
from stimuli.cone_contrast import DIRECTIONS, largest_share

__all__ = ["COLOUR", "colour_curve", "colour_gratings", "draw_cone_grating"]

# A factor too coarse for a unit's orientation weakens its responses to all colours alike.
ORIENTATIONS = np.arange(0, 180, 30.0)

# All colours have this share of the largest contrast that the weakest of them can have.
SHARE = 0.95

draw_cone_grating = Named("cone_grating")


def colour_gratings(display: Display, position: Position) -> StimulusSet:
    """Full-field gratings: colour by spatial frequency by orientation by phase.

    Parameters
    ----------
    display : Display
        The screen, whose matrix says how red, green and blue excite the cones.
    position : Position
        Where the phase is anchored, in deg.

    Returns
    -------
    StimulusSet
        The six colours of `stimuli.cone_contrast.DIRECTIONS`, all of the same length in cone
        contrast; half octaves from one cycle in the display to half of what its pixels carry; six
        orientations, and eight phases.
    """
    directions = {name: np.array(cones) for name, cones in DIRECTIONS.items()}
    length = SHARE * min(float(largest_share(display, cones)) for cones in directions.values())

    def cones(table: pd.DataFrame) -> pd.DataFrame:
        each = length * np.stack([directions[name] for name in table["colour"]])
        return table.assign(l_contrast=each[:, 0], m_contrast=each[:, 1], s_contrast=each[:, 2])

    return factorial(
        "colour_gratings",
        display,
        draw_cone_grating,
        {
            "colour": list(directions),
            "spatial_frequency": _frequencies(display),
            "orientation": ORIENTATIONS,
            "phase": PHASES,
        },
        derive=cones,
        labels=("colour",),
        diameter=np.inf,
        x=position.x,
        y=position.y,
    )


def colour_curve(response: xr.DataArray) -> xr.DataArray:
    """Mean less blank, or modulation with its sign, over colour and frequency.

    Parameters
    ----------
    response : DataArray
        Recording of `colour_gratings`.

    Returns
    -------
    DataArray, dims ("unit", "colour", "spatial_frequency")
        At the orientation of the strongest response, and of the component that is larger there.
        Modulations of one frequency are projected on the phase that they share: below 0 are those
        in antiphase to the largest. The coordinate ``signed`` says for which units.
    """
    mean = mean_response(response) - response["blank"]
    size = first_harmonic(response)
    factors = [dim for dim in mean.dims if dim != "unit"]
    modulated = size.max(factors) > mean.max(factors)
    at_best = {"orientation": preferred(mean.where(~modulated, size))["orientation"]}
    mean, size = (each.isel(at_best).drop_vars("orientation") for each in (mean, size))
    signed = modulated
    if "phase" in response.dims:
        size = _projected(response.isel(at_best).drop_vars("orientation"))
    else:
        # F0 and F1 alone do not tell the phase.
        signed = xr.zeros_like(modulated)
    return (
        mean.where(~modulated, size)
        .transpose("unit", "colour", "spatial_frequency")
        .assign_coords(modulated=modulated, signed=signed)
        .assign_attrs(response.attrs)
    )


def _projected(response: xr.DataArray) -> xr.DataArray:
    """F1 along the phase that responses to all colours share, dims without ``phase``."""
    weights = phase_weights(response["phase"])
    even, odd = (
        xr.dot(response, xr.DataArray(weights[part], dims="phase"), dim="phase") for part in (1, 2)
    )
    vector = even + 1j * odd
    # Twice the angle: opposite phases are one axis.
    axis = xr.apply_ufunc(np.angle, (vector**2).sum("colour")) / 2
    along = (vector * np.exp(-1j * axis)).real
    largest = along.isel(colour=abs(along).argmax("colour"))
    return along.where(largest.drop_vars("colour") >= 0, -along)


def _frequencies(display: Display) -> npt.NDArray[np.float64]:
    lowest = 1 / min(display.degrees)
    octaves = np.log2(display.nyquist / 2 / lowest)
    return lowest * 2 ** (np.arange(np.floor(2 * octaves) + 1) / 2)


COLOUR = Protocol(
    name="colour",
    stimuli=colour_gratings,
    curve=colour_curve,
    properties=(
        properties.cone_weights,
        properties.chromatic_sensitivity,
        properties.chromatic_low_frequency_share,
        properties.single_opponent,
        properties.double_opponent,
    ),
    responsive=exceeds_threshold,
    citation="after Johnson, Hawken & Shapley (2008), doi 10.1523/JNEUROSCI.1404-08.2008",
    question="Which cones drive a unit, and does it compare them over space?",
    # Contrasts of all cones are those that the display can give L - M: far below 1.
    scale="activations",
    figure="cone_weights",
    needs="colour",
)
