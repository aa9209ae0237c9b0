"""The units of `Textbook`: their parameters, and their receptive fields in closed form.

A receptive field is a complex Gabor that does not respond to uniform light,
``envelope(r) (exp(i omega u) - kappa)``, with ``u`` the distance from its centre along the
carrier. Its real and imaginary parts are a quadrature pair.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from insilico.errors import UserError
from stimuli import Display

__all__ = ["KINDS", "column", "draw_units", "members", "pool_of", "profile", "shape_of", "transfer"]

Values = npt.NDArray[np.float64]

KINDS = ("simple", "complex", "normalised_simple", "normalised_complex")

# Receptive-field centres scatter by less than this around the centre of the display, in deg.
SCATTER = 0.15

# Preferred frequencies, in cpd; finer ones than 0.18 cycles/px would suffer from the pixels.
LOWEST, HIGHEST, FINEST = 0.7, 5.0, 0.18

# Half the extent of a receptive field in standard deviations: it has to fit into the display, or
# the formulas, which know no display, would not hold.
EXTENT = 4.5

# The four members of a normalisation pool lie at the ends of the receptive field and at its
# flanks, this many standard deviations of the envelope from its centre.
POOL_DISTANCE = 3.0
POOL = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # (across, along)

# Their envelopes are this much smaller than the unit's own, so that the pool is tuned more broadly
# than what it divides (Heeger 1992) and does not flatten the peak of the unit's tuning.
POOL_WIDTH = 0.7


def draw_units(n: int, *, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw a population, every parameter from a continuous distribution.

    Parameters
    ----------
    n : int
        Number of units: a third simple, a third complex, a third divisively normalised, of which
        one half are simple.
    display : Display
        The receptive fields fit into it.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``kind`` (one of `KINDS`, which it is sorted by), ``x`` and ``y`` (centre of the receptive
        field, deg), ``orientation`` (of the bars, deg), ``spatial_frequency`` (of the carrier,
        cpd), ``phase`` (deg), ``sigma_across`` and ``sigma_along`` (standard deviations of the
        envelope across and along the bars, deg), ``suppression`` (weight of the pool, in [0, 1)),
        ``gain`` (spikes/s).

    Raises
    ------
    UserError
        If the display is too small or too coarse for such receptive fields.
    """
    rng = np.random.default_rng(seed)
    counts = [len(part) for part in np.array_split(np.arange(n), 3)]
    counts = [*counts[:2], counts[2] - counts[2] // 2, counts[2] // 2]
    kind = np.repeat(KINDS, counts)
    normalised = np.char.startswith(kind, "normalised")
    # Suppression broadens tuning: envelopes of more cycles keep it off the ends of the scales.
    cycles_across = rng.uniform(np.where(normalised, 0.4, 0.3), 0.6)
    cycles_along = rng.uniform(np.where(normalised, 0.4, 0.3), 0.65)
    extent = (EXTENT + POOL_DISTANCE * normalised) * np.maximum(cycles_across, cycles_along)
    room = min(display.degrees) / 2 - SCATTER
    lowest = np.maximum(LOWEST, extent / room)
    highest = min(HIGHEST, FINEST * display.px_per_deg)
    if room <= 0 or lowest.max() >= highest:
        raise UserError(
            "the display has to hold receptive fields that its pixels can carry, for which it "
            f"needs at least 64 px on a side and about 8 deg; got {display.height} x "
            f"{display.width} px of {min(display.degrees):g} deg."
        )
    frequency = np.exp(rng.uniform(np.log(lowest), np.log(highest)))
    distance, angle = SCATTER * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    return pd.DataFrame(
        {
            "kind": kind,
            "x": distance * np.cos(angle),
            "y": distance * np.sin(angle),
            "orientation": rng.uniform(0, 180, n),
            "spatial_frequency": frequency,
            "phase": rng.uniform(0, 360, n),
            "sigma_across": cycles_across / frequency,
            "sigma_along": cycles_along / frequency,
            "suppression": np.where(normalised, rng.uniform(0, 0.95, n), 0),
            "gain": rng.uniform(np.where(normalised, 5, 10), np.where(normalised, 20, 60)),
        }
    )


def members(units: pd.DataFrame) -> Float[np.ndarray, "member unit xy"]:
    """Centres of each unit's receptive field and of the four members of its pool, in deg.

    Parameters
    ----------
    units : DataFrame
        One row per unit.

    Returns
    -------
    array, shape (5, unit, 2)
        The unit itself first; x and y.
    """
    angle = np.deg2rad(units["orientation"].to_numpy())
    across = np.stack([np.sin(angle), -np.cos(angle)], axis=1) * column(units, "sigma_across")
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1) * column(units, "sigma_along")
    steps = POOL_DISTANCE * (POOL[:, 0, None, None] * across + POOL[:, 1, None, None] * along)
    center = units[["x", "y"]].to_numpy()
    return np.concatenate([center[None], center + steps])


def pool_of(units: pd.DataFrame) -> pd.DataFrame:
    """Parameters of the receptive fields in each unit's pool: the unit's, in a smaller envelope."""
    return units.assign(
        sigma_across=POOL_WIDTH * units["sigma_across"],
        sigma_along=POOL_WIDTH * units["sigma_along"],
    )


def profile(
    units: pd.DataFrame, x: Float[Tensor, "#unit place"], y: Float[Tensor, "#unit place"]
) -> Float[Tensor, "2 unit place"]:
    """Receptive fields: the even and the odd Gabor of a quadrature pair.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    x, y : Tensor, float64
        Distance from the centre of the receptive field, in deg.

    Returns
    -------
    Tensor, shape (2, unit, place)
        Weight per square degree. Its integral is 0, and the amplitude of its response to the
        grating of its own orientation and frequency is 1, up to 3 % for envelopes of 0.3 cycles.
    """
    omega, kappa, across, along = (torch.tensor(values) for values in shape_of(units))
    angle = torch.from_numpy(np.deg2rad(column(units, "orientation")))
    u = torch.sin(angle) * x - torch.cos(angle) * y
    v = torch.cos(angle) * x + torch.sin(angle) * y
    envelope = torch.exp(-((u / across) ** 2 + (v / along) ** 2) / 2)
    envelope *= 1 / (np.pi * across * along * (1 - kappa**2))
    u *= omega
    return torch.stack([envelope * (torch.cos(u) - kappa), envelope * torch.sin(u)])


def transfer(units: pd.DataFrame, across: Values, along: Values) -> Values:
    """Fourier transform of `profile`, real, at an angular frequency in rad/deg.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    across, along : array, shape (unit, condition)
        Components of the frequency along the carrier and along the bars.

    Returns
    -------
    array, shape (unit, condition)
    """
    omega, kappa, sigma_across, sigma_along = shape_of(units)
    carried = np.exp(-((sigma_across * (across + omega)) ** 2) / 2)
    uniform = np.exp(-((sigma_across * across) ** 2) / 2)
    limit = np.exp(-((sigma_along * along) ** 2) / 2)
    return 2 / (1 - kappa**2) * limit * (carried - kappa * uniform)


def column(units: pd.DataFrame, name: str) -> Values:
    """One parameter, shape (unit, 1)."""
    return units[name].to_numpy()[:, None]


def shape_of(units: pd.DataFrame) -> tuple[Values, Values, Values, Values]:
    """Angular frequency, share of the envelope that cancels uniform light, and the two widths."""
    omega = 2 * np.pi * column(units, "spatial_frequency")
    across, along = column(units, "sigma_across"), column(units, "sigma_along")
    return omega, np.exp(-((across * omega) ** 2) / 2), across, along
