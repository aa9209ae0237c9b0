"""The units of `NormalizedPopulation`: their parameters, their pools and their surrounds.

A unit's own receptive field is that of `Textbook`. The members of its pool and of its surround are
round Gabors, so that each is a product of one function of x and one of y.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.errors import UserError
from insilico.models.textbook.units import FINEST, SCATTER
from stimuli import Display

__all__ = ["RESPONSE_GAIN_POWER", "Bank", "draw_normalized", "pool", "surround"]

Values = npt.NDArray[np.float64]

# Power of the surround's response gain.
RESPONSE_GAIN_POWER = 0.75

# Carriers, in cpd, and the envelope's standard deviations, in cycles of the carrier.
FREQUENCIES = (1.6, 2.6)
CYCLES_ACROSS, CYCLES_ALONG = (0.33, 0.45), (0.38, 0.6)

# Medians and log-normal spreads of the parameters that make the population look like macaque V1.
EXPONENT, SEMISATURATION = (2.5, 0.15), (0.2, 0.3)
RESPONSE_GAIN, CONTRAST_GAIN = (1.0, 0.5), (0.4, 0.5)
# In spikes/s. Modulations of simple cells are a third of it: they reach the response criterion at
# low contrast and for single spots too.
MAXIMUM = (40.0, 120.0)

# The pool: broad in orientation and frequency, and narrow in space. Distances and widths are in
# standard deviations of the unit's own envelope (the geometric mean of its two). Envelopes of the
# pool have the same number of cycles at every frequency: with one width for all, low frequencies
# would overlap in the pool more than high ones, and it would fall off above the unit's own.
POOL_ORIENTATIONS, POOL_FREQUENCIES = 8, (0.6, 1.0, 1 / 0.6)
POOL_PLACES, POOL_STEP = 3, 0.9

# The surround: tuned to orientation, and wide.
SURROUND_ORIENTATIONS, SURROUND_TUNING = 6, 2.5
SURROUND_PLACES, SURROUND_WIDTH = 9, 3.0
# Places reach to one and a half standard deviations of the surround's Gaussian on each side.
SURROUND_REACH = 1.5 * SURROUND_WIDTH
SURROUND_STEP = 2 * SURROUND_REACH / (SURROUND_PLACES - 1)

# Half the extent of the whole, in standard deviations of the envelope: outermost place and field.
EXTENT = SURROUND_REACH + 4


class Bank(NamedTuple):
    """Round Gabors that a unit pools: every carrier at every place of a square lattice.

    Attributes
    ----------
    omega : array, shape (unit, carrier, 2)
        Angular frequency along x and y, in rad/deg.
    place : array, shape (unit, place)
        Of the lattice, the same along x and y, from the centre of the unit's receptive field, in
        deg.
    sigma : array, shape (unit, carrier)
        Standard deviation of the envelopes, in deg.
    weight : array, shape (unit, carrier, place, place)
        Of the energies, over y and x. A full preferred grating of contrast 1 gives 1.
    """

    omega: Values
    place: Values
    sigma: Values
    weight: Values

    @property
    def kappa(self) -> Values:
        """Share of the envelope that makes a member blind to uniform light, (unit, carrier)."""
        square = (self.omega**2).sum(-1)
        return np.exp(-(self.sigma**2) * square / 2)


def draw_normalized(n: int, *, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw a population, every parameter from a continuous distribution.

    Parameters
    ----------
    n : int
        Number of units, half of them simple. A quarter has no response gain, a quarter no
        contrast gain, and a quarter neither: no surround.
    display : Display
        The receptive fields, pools and surrounds fit into it.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``kind`` (``simple`` or ``complex``), ``x``, ``y``, ``orientation``,
        ``spatial_frequency``, ``phase``, ``sigma_across``, ``sigma_along`` as in `draw_units`;
        ``exponent``, ``semisaturation`` (contrast), ``response_gain`` and ``contrast_gain`` of
        the surround, and ``maximum`` (spikes/s).

    Raises
    ------
    UserError
        If the display is too small or too coarse.
    """
    lowest, highest = FREQUENCIES
    room = SCATTER + EXTENT * np.sqrt(CYCLES_ACROSS[1] * CYCLES_ALONG[1]) / lowest
    if min(display.degrees) / 2 < room or highest > FINEST * display.px_per_deg:
        raise UserError(
            f"normalized units need a display of at least {2 * room:.1f} deg with at least "
            f"{highest / FINEST:.1f} px/deg; got {min(display.degrees):g} deg with "
            f"{display.px_per_deg:g} px/deg."
        )
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.uniform(np.log(lowest), np.log(highest), n))
    distance, angle = SCATTER * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    # All four combinations of the gains, for simple and complex cells in turn.
    kind = np.arange(n)
    return pd.DataFrame(
        {
            "kind": np.where(kind % 2 == 0, "simple", "complex"),
            "x": distance * np.cos(angle),
            "y": distance * np.sin(angle),
            "orientation": rng.uniform(0, 180, n),
            "spatial_frequency": frequency,
            "phase": rng.uniform(0, 360, n),
            "sigma_across": rng.uniform(*CYCLES_ACROSS, n) / frequency,
            "sigma_along": rng.uniform(*CYCLES_ALONG, n) / frequency,
            "exponent": _spread(rng, EXPONENT, n),
            "semisaturation": _spread(rng, SEMISATURATION, n),
            "response_gain": _spread(rng, RESPONSE_GAIN, n) * (kind // 2 % 2 == 0),
            "contrast_gain": _spread(rng, CONTRAST_GAIN, n) * (kind // 4 % 2 == 0),
            "maximum": rng.uniform(*MAXIMUM, n),
        }
    )


def pool(units: pd.DataFrame) -> Bank:
    """Pool of each unit: 8 orientations, three frequencies and nine places, all alike.

    Parameters
    ----------
    units : DataFrame
        One row per unit.

    Returns
    -------
    Bank
    """
    turns = np.arange(POOL_ORIENTATIONS) * 180 / POOL_ORIENTATIONS
    turn, ratio = (part.ravel() for part in np.meshgrid(turns, POOL_FREQUENCIES))
    place = POOL_STEP * np.arange(-(POOL_PLACES // 2), POOL_PLACES // 2 + 1.0)
    weight = np.ones((len(turn), POOL_PLACES, POOL_PLACES))
    return _bank(units, turn, ratio, place, weight)


def surround(units: pd.DataFrame) -> Bank:
    """Surround of each unit: 6 orientations, most of all its own, over a wide Gaussian of places.

    Parameters
    ----------
    units : DataFrame
        One row per unit.

    Returns
    -------
    Bank
    """
    turn = np.arange(SURROUND_ORIENTATIONS) * 180 / SURROUND_ORIENTATIONS
    place = SURROUND_STEP * np.arange(-(SURROUND_PLACES // 2), SURROUND_PLACES // 2 + 1.0)
    tuned = np.exp(SURROUND_TUNING * (np.cos(2 * np.deg2rad(turn)) - 1))
    near = np.exp(-((place / SURROUND_WIDTH) ** 2) / 2)
    weight = tuned[:, None, None] * near[:, None] * near
    return _bank(units, turn, np.ones(len(turn)), place, weight)


def _bank(units: pd.DataFrame, turn: Values, ratio: Values, place: Values, weight: Values) -> Bank:
    """Carriers that are turned and scaled against the unit's own; all have as many cycles."""
    angle = np.deg2rad(units["orientation"].to_numpy()[:, None] + turn)
    speed = 2 * np.pi * units["spatial_frequency"].to_numpy()[:, None] * ratio
    omega = np.stack([speed * np.sin(angle), -speed * np.cos(angle)], axis=-1)
    sigma = np.sqrt(units["sigma_across"].to_numpy() * units["sigma_along"].to_numpy())[:, None]
    weights = np.broadcast_to(weight, (len(units), *weight.shape))
    bank = Bank(omega, sigma * place, sigma / ratio, weights)
    # A full preferred grating has the unit's own carrier; every place answers it alike.
    own = omega[:, :1] / ratio[0]
    ahead, behind = (_full(bank, sign * own) for sign in (1, -1))
    energy = ((ahead**2 + behind**2) / 4)[..., None, None]
    total = (weight * energy).sum((1, 2, 3), keepdims=True)
    return bank._replace(weight=weight / total)


def _full(bank: Bank, wave: Values) -> Values:
    """Response of every member to a full grating exp(ikr), up to its phase: (unit, carrier)."""
    kappa, square = bank.kappa, bank.sigma**2 / 2
    carried = np.exp(-square * ((bank.omega + wave) ** 2).sum(-1))
    uniform = np.exp(-square * (wave**2).sum(-1))
    return 2 / (1 - kappa**2) * (carried - kappa * uniform)


def _spread(rng: np.random.Generator, median_and_spread: tuple[float, float], n: int) -> Values:
    median, spread = median_and_spread
    return median * np.exp(spread * rng.standard_normal(n))
