"""The population: parameters of every unit, drawn from the distributions and their copula."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from insilico.errors import UserError
from insilico.models.mechanistic.hyper_parameters import HyperParameters
from stimuli import Display

__all__ = ["FINEST", "draw_population"]

Values = npt.NDArray[np.float64]

# Finer carriers, in cycles per px, would be made of too few pixels.
FINEST = 0.35

# Envelopes that are narrower are no gratings' filters, and wider ones do not fit a kernel.
NARROWEST, WIDEST = 0.08, 1.5

COARSEST = 0.3  # cpd

# A threshold above this share of the largest response would silence a unit.
HIGHEST_THRESHOLD = 0.9

# Steps in which the inverse of a cumulative density is tabulated.
STEPS = 4096


def draw_population(
    n: int, said: HyperParameters, *, display: Display, seed: int = 0
) -> pd.DataFrame:
    """Draw units. The same seed draws the same ranks, whatever the distributions are.

    Parameters
    ----------
    n : int
        Number of units.
    said : HyperParameters
        The distributions.
    display : Display
        Carriers finer than 0.35 cycles per px are brought to that.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``orientation`` (of the bars, deg), ``spatial_frequency`` (of the carrier, cpd), ``phase``
        (deg), ``cycles_across`` and ``cycles_along`` (nx and ny: standard deviations of the
        envelope in cycles of the carrier), ``sigma`` (their geometric mean, deg), ``complexity``
        (weight of the energy, 0 to 1), ``exponent``, ``semisaturation`` (contrast), ``excitation``
        and ``broad`` (weights in the drive), ``untuned``, ``tuned`` and ``surround`` (weights in
        the divisor), ``excitation_sigma``, ``pool_sigma`` and ``surround_sigma`` (deg),
        ``threshold`` and ``baseline`` (shares of the largest response), ``gain`` (the largest
        response, without surround; median 1).

    Raises
    ------
    UserError
        If there is no unit to draw.
    """
    if n < 1:
        raise UserError(f"n must be at least 1 unit; got {n}.")
    normal = np.random.default_rng(seed).standard_normal((17, n))
    frequency_rank, width_own, aspect_own, complexity_own, surround_own = normal[:5]
    # A tree of Gaussian copulas: each rank leans on one other, so that any correlations agree.
    width_rank = _leaning(width_own, frequency_rank, said.frequency_width_correlation)
    aspect_rank = _leaning(aspect_own, width_rank, said.width_aspect_correlation)
    complexity_rank = _leaning(complexity_own, width_rank, said.width_complexity_correlation)
    surround_rank = _leaning(surround_own, width_rank, said.width_surround_correlation)
    baseline_rank = _leaning(normal[13], complexity_rank, said.complexity_baseline_correlation)
    excitation_rank, broad_rank = (
        _leaning(own, complexity_rank, said.complexity_excitation_correlation)
        for own in normal[15:]
    )

    frequency = said.frequency_median * 2 ** (said.frequency_spread * frequency_rank)
    frequency = np.clip(frequency, COARSEST, FINEST * display.px_per_deg)
    across = _spread(said.width_median, said.width_spread, width_rank)
    along = across * _spread(said.aspect_median, said.aspect_spread, aspect_rank)
    across, along = (np.clip(cycles, NARROWEST, WIDEST) for cycles in (across, along))
    sigma = np.sqrt(across * along) / frequency
    logit = said.complexity_median + said.complexity_spread * complexity_rank
    threshold = _spread(said.threshold_median, said.threshold_spread, normal[5])
    size = _spread(said.surround_size_median, said.surround_size_spread, normal[6])
    return pd.DataFrame(
        {
            "orientation": _orientations(normal[7], said),
            "spatial_frequency": frequency,
            "phase": _phases(normal[8], said.even_bias),
            "cycles_across": across,
            "cycles_along": along,
            "sigma": sigma,
            "complexity": 1 / (1 + np.exp(-logit)),
            "exponent": _spread(said.exponent_median, said.exponent_spread, normal[9]),
            "semisaturation": _spread(
                said.semisaturation_median, said.semisaturation_spread, normal[10]
            ),
            "untuned": _spread(said.untuned_median, said.untuned_spread, normal[11]),
            "tuned": _spread(said.tuned_median, said.tuned_spread, normal[12]),
            "surround": _spread(said.surround_median, said.surround_spread, surround_rank),
            "excitation": _spread(said.excitation_median, said.excitation_spread, excitation_rank),
            "broad": _spread(said.broad_median, said.broad_spread, broad_rank),
            "excitation_sigma": said.excitation_ratio * sigma,
            "pool_sigma": said.pool_ratio * sigma,
            "surround_sigma": size * sigma,
            "threshold": np.minimum(threshold, HIGHEST_THRESHOLD),
            "baseline": _spread(said.baseline_median, said.baseline_spread, baseline_rank),
            "gain": _spread(1.0, said.gain_spread, normal[14]),
        }
    )


def _leaning(own: Values, other: Values, correlation: float) -> Values:
    return correlation * other + np.sqrt(1 - correlation**2) * own


def _spread(median: float, spread: float, rank: Values) -> Values:
    return median * np.exp(spread * rank)


def _orientations(rank: Values, said: HyperParameters) -> Values:
    """Orientations of a density 1 + cardinal cos 4a + horizontal cos 2a, in deg."""
    angle = np.linspace(0, np.pi, STEPS)
    below = (
        angle
        + said.cardinal_bias * np.sin(4 * angle) / 4
        + said.horizontal_bias * np.sin(2 * angle) / 2
    )
    return np.rad2deg(np.interp(_uniform(rank) * np.pi, below, angle)) % 180


def _phases(rank: Values, even_bias: float) -> Values:
    """Phases of a density 1 + even cos 2a, in deg."""
    angle = np.linspace(0, 2 * np.pi, STEPS)
    below = angle + even_bias * np.sin(2 * angle) / 2
    return np.rad2deg(np.interp(_uniform(rank) * 2 * np.pi, below, angle)) % 360


def _uniform(rank: Values) -> Values:
    return ndtr(rank)
