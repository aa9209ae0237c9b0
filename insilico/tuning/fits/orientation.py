"""Curves over angles and spatial frequency."""

import numpy as np

from insilico.tuning.fits.family import Array, Family, Parameter, crossed

__all__ = ["DOUBLE_VON_MISES", "LOG_GAUSSIAN", "VON_MISES"]

# From a trough at two thirds of the peak (a flatter curve could not be told from a high baseline)
# to a half-width at half height of some 2 deg of orientation.
CONCENTRATION = Parameter("concentration", 0.2, 200)
BASELINE = Parameter("baseline", units="response")
MAXIMUM = Parameter("maximum", 0, units="response")

# Where fits begin: wide, middling and narrow curves, at angles an eighth of a half turn apart.
CONCENTRATIONS, ANGLES = (0.7, 3.0, 12.0), np.arange(0, 180, 22.5)


def _von_mises(orientation: Array, preferred: Array, concentration: Array) -> tuple[Array, ...]:
    peak = np.exp(concentration * (np.cos(2 * np.deg2rad(orientation - preferred)) - 1))
    return np.ones_like(peak), peak


def _double_von_mises(
    direction: Array, preferred: Array, concentration: Array
) -> tuple[Array, ...]:
    heading = np.cos(np.deg2rad(direction - preferred))
    peak, opposite = (np.exp(concentration * (side * heading - 1)) for side in (1, -1))
    return np.ones_like(peak), peak, opposite


def _larger_peak_first(parameters: Array) -> Array:
    """Put the larger peak in the preferred direction."""
    swapped = parameters[..., 2] > parameters[..., 1]
    turned = parameters[..., [0, 2, 1, 3, 4]] + [0, 0, 0, 180, 0]
    return np.where(swapped[..., None], turned, parameters)


def _log_gaussian(frequency: Array, preferred: Array, width: Array) -> tuple[Array, ...]:
    return (np.exp(-((np.log2(frequency / preferred) / width) ** 2) / 2),)


VON_MISES = Family(
    name="von_mises",
    formula="baseline + maximum exp(concentration (cos 2(orientation - preferred) - 1))",
    dims=("orientation",),
    amplitudes=(BASELINE, MAXIMUM),
    shape=(Parameter("preferred", units="deg", period=180), CONCENTRATION),
    basis=_von_mises,
    starts=lambda _: crossed(CONCENTRATIONS, ANGLES)[..., ::-1],
)

DOUBLE_VON_MISES = Family(
    name="double_von_mises",
    formula="baseline + maximum exp(concentration (cos(direction - preferred) - 1)) "
    "+ opposite exp(concentration (-cos(direction - preferred) - 1))",
    dims=("direction",),
    amplitudes=(BASELINE, MAXIMUM, Parameter("opposite", 0, units="response", no_effect=0)),
    # Two flatter peaks on a baseline of any height would be a plain cosine, in many ways.
    shape=(Parameter("preferred", units="deg", period=360), Parameter("concentration", 0.5, 200)),
    basis=_double_von_mises,
    starts=lambda _: crossed(CONCENTRATIONS, ANGLES)[..., ::-1],
    canonical=_larger_peak_first,
)

LOG_GAUSSIAN = Family(
    name="log_gaussian",
    formula="maximum exp(-log2(spatial_frequency / preferred)^2 / (2 width^2))",
    dims=("spatial_frequency",),
    amplitudes=(MAXIMUM,),
    shape=(
        Parameter("preferred", 1e-3, 1e3, units="cpd"),
        Parameter("width", 0.05, 10, units="octaves"),
    ),
    basis=_log_gaussian,
    starts=lambda frequency: crossed(
        (0.3, 0.7, 1.5), np.geomspace(0.7 * frequency.min(), 1.4 * frequency.max(), 12)
    )[..., ::-1],
)
