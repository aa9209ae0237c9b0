"""Colour: which cones drive a unit, and whether it compares them over space.

Curves hold responses to gratings of several colours and spatial frequencies. ``l_contrast``,
``m_contrast`` and ``s_contrast`` are coordinates over ``colour``; where the coordinate ``signed``
of a unit is true, a response below 0 is one in antiphase.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.values import measures, named, per_unit

__all__ = [
    "CHROMATIC",
    "LUMINANCE",
    "chromatic_low_frequency_share",
    "chromatic_sensitivity",
    "cone_weights",
    "double_opponent",
    "single_opponent",
]

Array = npt.NDArray[np.float64]

# Colours for cells that compare L with M, and S with both; and the one for cells that add up.
CHROMATIC = ("L-M", "S-(L+M)")
LUMINANCE = "L+M"

# Exponents that are tried: from a root to a fourth power, in eighths of an octave and then finer.
EXPONENTS = 2 ** (np.arange(-8, 17) / 8)
FINER = 2 ** (np.arange(-8, 9) / 64)

# Units that are fitted at once: with all signs and exponents they take some MB.
AT_ONCE = 64

# Of the variance over colours that weights explain, for them to have a meaning.
LEAST_R2 = 0.8

# Of the sum of all magnitudes: what the weaker sign has to carry for cones to be opposed.
OPPOSED = 0.1

# Of the largest response to colour: what is left of it at the lowest frequency in a low-pass unit.
LOW_PASS = 0.5


class Weights(NamedTuple):
    """Weights of the cones (unit, 3), the exponent (unit,), and the share explained (unit,)."""

    cones: Array
    exponent: Array
    r2: Array


@named(
    "l_weight",
    "m_weight",
    "s_weight",
    "l_m_opponent",
    "cone_weight_exponent",
    "cone_weights_fit_r2",
)
def cone_weights(curve: xr.DataArray) -> xr.Dataset:
    """Weights of the L, M and S cones, by regression of the responses on cone contrasts.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Responses, at the frequency at which the strongest one is taken.

    Returns
    -------
    Dataset, dim "unit"
        ``l_weight``, ``m_weight`` and ``s_weight``: of ``r = sign(d) |d|^n`` with
        ``d = l L + m M + s S``; magnitudes add up to 1, and M is above 0 as in De & Horwitz (2022).
        ``cone_weight_exponent``, ``cone_weights_fit_r2``; ``l_m_opponent``, 1 where L and M differ
        in sign, else 0. NaN where the fit explains less than .8 of the variance over colours, or
        wants an exponent beyond .5 to 4.

    Notes
    -----
    For each exponent, ``sign(r) |r|^(1/n)`` is linear in the contrasts: least squares, and the
    exponent with the smallest error in ``r`` is taken. Responses of a unit that is judged by its
    mean have no sign: the signs that fit best are taken, all combinations being tried. The six
    colours do not tell them the sign of S where L and M cancel.

    References
    ----------
    De & Horwitz (2022), eLife 11:e68133, doi 10.7554/eLife.68133 (weights by white noise, whose
    sign and scale these share).
    """
    found = _weights(curve)
    long, medium, short = found.cones.T
    opposed = np.where(np.isfinite(long), np.sign(long) != np.sign(medium), np.nan)
    scale = "of the linear sum that, raised to a power, gives the responses; magnitudes add up to 1"
    return measures(
        curve,
        {
            "l_weight": (long, "Weight of L", "1", f"Weight of the L cones {scale}"),
            "m_weight": (medium, "Weight of M", "1", f"Weight of the M cones {scale}; above 0"),
            "s_weight": (short, "Weight of S", "1", f"Weight of the S cones {scale}"),
            "l_m_opponent": (
                opposed,
                "L and M opposed",
                "1",
                "1 if L and M differ in sign, else 0",
            ),
            "cone_weight_exponent": (
                found.exponent,
                "Exponent over cone contrast",
                "1",
                "Power of the weighted sum of cone contrasts that the responses follow",
            ),
            "cone_weights_fit_r2": (
                found.r2,
                "Fit of the cone weights, R2",
                "1",
                "Share of the variance over colours that weights and exponent explain",
            ),
        },
    )


def chromatic_sensitivity(curve: xr.DataArray) -> xr.DataArray:
    """Largest response to L-M over the largest one to L+M, at the same length of cone contrast.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Each at its best frequency; responses below blank count as nothing. NaN where L+M gives
        nothing, and for a silent unit.
    """
    size = _sizes(curve).max("spatial_frequency")
    light = size.sel(colour=LUMINANCE, drop=True)
    ratio = size.sel(colour="L-M", drop=True) / light.where(light > 0)
    return per_unit(curve, "chromatic_sensitivity", ratio, "Response to L-M over that to L+M")


def chromatic_low_frequency_share(curve: xr.DataArray) -> xr.DataArray:
    """Response to colour at the lowest frequency, over that at the best one.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Of L-M or of S-(L+M), whichever drives the unit more: near 1 for low-pass and near 0 for
        band-pass tuning. NaN where neither drives it.
    """
    return per_unit(
        curve,
        "chromatic_low_frequency_share",
        _low_share(curve),
        "Response to coarse over best colour",
    )


def single_opponent(curve: xr.DataArray) -> xr.DataArray:
    """Whether a unit opposes cones and is low-pass for colour: 1 or 0.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        Opposed are cones of which the weaker sign carries at least a tenth of all weights; low-pass
        is a unit whose response at the lowest frequency is at least half of its best. NaN where
        weights are undefined.

    References
    ----------
    Johnson, Hawken & Shapley (2008), J Neurosci 28:8096-8106, doi 10.1523/JNEUROSCI.1404-08.2008,
    classify by cone inputs and spatial selectivity; the two criteria are ours.
    """
    return _opponent(curve, "single_opponent", "Single-opponent", low_pass=True)


def double_opponent(curve: xr.DataArray) -> xr.DataArray:
    """Whether a unit opposes cones and is band-pass for colour: 1 or 0.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "colour", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        As `single_opponent`, but for a response at the lowest frequency below half of the best.
        NaN where weights are undefined.

    References
    ----------
    Johnson, Hawken & Shapley (2008), as for `single_opponent`.
    """
    return _opponent(curve, "double_opponent", "Double-opponent", low_pass=False)


def _opponent(curve: xr.DataArray, name: str, label: str, *, low_pass: bool) -> xr.DataArray:
    cones = _weights(curve).cones
    weaker = np.minimum(cones.clip(min=0).sum(1), (-cones).clip(min=0).sum(1))
    is_low = _low_share(curve) >= LOW_PASS
    answer = (weaker >= OPPOSED) & (is_low == low_pass)
    return per_unit(curve, name, np.where(np.isfinite(cones).all(1), answer, np.nan), label)


def _sizes(curve: xr.DataArray) -> xr.DataArray:
    """Responses without their sign: those in antiphase are no less of an answer."""
    return abs(curve).where(curve["signed"], curve.clip(min=0))


def _low_share(curve: xr.DataArray) -> Array:
    chromatic = _sizes(curve).sel(colour=list(CHROMATIC))
    size: Array = chromatic.transpose("unit", "colour", "spatial_frequency").to_numpy()
    better = size.max(2).argmax(1)
    chosen: Array = np.take_along_axis(size, better[:, None, None], 1)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Array = chosen[:, 0] / chosen.max(1)
    return share


def _weights(curve: xr.DataArray) -> Weights:
    """Fit weights and exponent to the responses at the frequency of the strongest one."""
    size = _sizes(curve).transpose("unit", "colour", "spatial_frequency").to_numpy()
    n_units, n_colours, _ = size.shape
    best = size.max(1).argmax(1)
    responses = curve.transpose("unit", "colour", "spatial_frequency").to_numpy()
    responses = np.take_along_axis(responses, best[:, None, None], 2)[:, :, 0]
    cones = np.stack([curve[f"{cone}_contrast"].to_numpy() for cone in "lms"], axis=1)
    signed = curve["signed"].to_numpy().astype(bool)
    weights = np.full((n_units, 3), np.nan)
    exponent, r2 = np.full((2, n_units), np.nan)
    for which, turns in ((signed, np.ones((1, n_colours))), (~signed, _turns(n_colours))):
        members = np.flatnonzero(which)
        for start in range(0, len(members), AT_ONCE):
            unit = members[start : start + AT_ONCE]
            shown = responses[unit] if len(turns) == 1 else responses[unit].clip(min=0)
            coarse = _fitted(shown, cones, turns, np.tile(EXPONENTS, (len(unit), 1)))
            fine = _fitted(shown, cones, turns, coarse.exponent[:, None] * FINER)
            weights[unit], exponent[unit], r2[unit] = fine
    good = (r2 >= LEAST_R2) & (exponent > EXPONENTS[0]) & (exponent < EXPONENTS[-1])
    lengths = np.abs(weights).sum(1, keepdims=True)
    sign = np.where(weights[:, 1:2] < 0, -1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(good[:, None], sign * weights / lengths, np.nan)
    return Weights(shares, np.where(good, exponent, np.nan), r2)


def _turns(n_colours: int) -> Array:
    """List the signs that responses may have, the first one kept: (2^(n - 1), colour)."""
    places = np.indices((2,) * (n_colours - 1)).reshape(n_colours - 1, -1).T
    return np.hstack([np.ones((len(places), 1)), 1 - 2.0 * places])


def _fitted(responses: Array, cones: Array, turns: Array, exponents: Array) -> Weights:
    """Weights at the exponent, and with the signs, that fit best.

    Shapes: responses (unit, colour), cones (colour, 3), turns (turn, colour), exponents
    (unit, exponent).
    """
    power = exponents[:, :, None, None]
    target = np.sign(responses)[:, None] * np.abs(responses)[:, None] ** (1 / exponents[:, :, None])
    linear = (target[:, :, None] * turns) @ np.linalg.pinv(cones).T
    sums = linear @ cones.T
    errors = np.sign(sums) * np.abs(sums) ** power - responses[:, None, None] * turns
    error = (errors**2).sum(3).reshape(len(responses), -1)
    best = error.argmin(1)
    weights = np.take_along_axis(linear.reshape(len(responses), -1, 3), best[:, None, None], 1)
    spread = ((responses - responses.mean(1, keepdims=True)) ** 2).sum(1)
    chosen = np.take_along_axis(exponents, best[:, None] // len(turns), 1)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - np.take_along_axis(error, best[:, None], 1)[:, 0] / spread
    return Weights(weights[:, 0], chosen, np.where(spread > 0, r2, np.nan))
