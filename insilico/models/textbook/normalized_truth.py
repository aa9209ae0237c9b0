"""What `NormalizedPopulation` responds to gratings in disks and annuli, without any picture.

The integral of a round Gabor times a grating over a disk is a single integral over the radius: the
angle gives a Bessel function. Elliptical fields take the quadrature of `drive`.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ive, roots_legendre

from insilico.models.textbook.drive import REACH, disk_amplitudes
from insilico.models.textbook.normalized_units import (
    RESPONSE_GAIN_POWER,
    Bank,
    pool,
    surround,
)

__all__ = ["Amplitudes", "Component", "amplitudes", "annulus", "responses"]

Values = npt.NDArray[np.float64]
Waves = npt.NDArray[np.complex128]


class Amplitudes(NamedTuple):
    """Integrals of receptive field times exp(+ikr), and times exp(-ikr), over a region.

    Attributes
    ----------
    own : array, shape (2, unit)
        Of the unit's own quadrature pair.
    pool, surround : array, shape (2, unit, member)
        Of the members of its pool and its surround.
    """

    own: Waves
    pool: Waves
    surround: Waves


class Component(NamedTuple):
    """A grating among those shown together.

    Attributes
    ----------
    amplitudes : Amplitudes
        Of its orientation, frequency and region.
    contrast, phase : array, broadcasts to (condition,)
        Michelson contrast, and phase at the anchor in deg.
    """

    amplitudes: Amplitudes
    contrast: npt.ArrayLike = 1.0
    phase: npt.ArrayLike = 0.0


def amplitudes(
    units: pd.DataFrame,
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    diameters: npt.ArrayLike,
    x: npt.ArrayLike = 0.0,
    y: npt.ArrayLike = 0.0,
) -> list[Amplitudes]:
    """Responses of every receptive field to a grating in disks.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    orientation, spatial_frequency : array, broadcasts to (unit,)
        In deg and cpd.
    diameters : sequence of float
        Ascending, in deg; may end in infinity.
    x, y : array, broadcasts to (unit,)
        Centre of the disks and anchor of the phase, in deg.

    Returns
    -------
    list of Amplitudes
        One for each diameter; an annulus is the difference of two, see `annulus`.
    """
    angle = np.deg2rad(np.broadcast_to(np.asarray(orientation, dtype=float), len(units)))
    speed = 2 * np.pi * np.broadcast_to(np.asarray(spatial_frequency, dtype=float), len(units))
    wave = np.stack([speed * np.sin(angle), -speed * np.cos(angle)], axis=1)
    center = units[["x", "y"]].to_numpy() - np.stack(
        np.broadcast_arrays(*(np.asarray(place, dtype=float) for place in (x, y))), axis=-1
    )
    size = np.asarray(diameters, dtype=float)
    own = np.stack(
        [
            disk_amplitudes(
                units.iloc[[i]], center[None, [i]], wave[[i], :1], wave[[i], 1:], size, 1.0
            )[:, 0, 0, 0]
            for i in range(len(units))
        ],
        axis=1,
    )  # (2, unit, diameter)
    banks = [_bank_amplitudes(bank, center, wave, size) for bank in (pool(units), surround(units))]
    return [Amplitudes(own[..., i], *(bank[..., i] for bank in banks)) for i in range(len(size))]


def annulus(outer: Amplitudes, inner: Amplitudes) -> Amplitudes:
    """Subtract the smaller of two disks.

    Parameters
    ----------
    outer, inner : Amplitudes
        Of one grating in two disks.

    Returns
    -------
    Amplitudes
        Of the grating in the annulus between them.
    """
    return Amplitudes(*(large - small for large, small in zip(outer, inner, strict=True)))


def responses(units: pd.DataFrame, *components: Component, normalized: bool = True) -> Values:
    """Responses to gratings shown together.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    *components : Component
        The gratings; their contrasts and phases broadcast to one vector of conditions.
    normalized : bool
        False for the control.

    Returns
    -------
    array, shape (unit, condition)
        In spikes/s.
    """
    levels = np.broadcast_arrays(
        *(
            np.atleast_1d(np.asarray(part, dtype=float))
            for one in components
            for part in (one.contrast, one.phase)
        )
    )
    weights = [bank(units).weight.reshape(len(units), -1) for bank in (pool, surround)]
    parameter = {
        name: units[name].to_numpy()
        for name in ("exponent", "semisaturation", "response_gain", "contrast_gain", "maximum")
    }
    half = parameter["exponent"] / 2
    simple = (units["kind"] == "simple").to_numpy()
    turn = np.exp(1j * np.deg2rad(units["phase"].to_numpy()))
    found = np.empty((len(units), levels[0].size))
    for i in range(found.shape[1]):
        shown = [
            (one.amplitudes, levels[2 * j].flat[i], levels[2 * j + 1].flat[i])
            for j, one in enumerate(components)
        ]
        own = turn * _sum([(part.own, c, p) for part, c, p in shown])
        energy = np.where(simple, np.maximum(own.real, 0) ** 2, np.abs(own) ** 2)
        if not normalized:
            found[:, i] = parameter["maximum"] * np.where(simple, np.sqrt(energy), energy)
            continue
        pooled, around = (
            (weight * np.abs(_sum([(getattr(part, name), c, p) for part, c, p in shown])) ** 2).sum(
                1
            )
            for weight, name in zip(weights, ("pool", "surround"), strict=True)
        )
        divisor = (
            parameter["semisaturation"] ** parameter["exponent"]
            + pooled**half
            + (parameter["contrast_gain"] * around) ** half
        )
        shared = 1 + (parameter["response_gain"] * around) ** RESPONSE_GAIN_POWER
        found[:, i] = parameter["maximum"] * energy**half / divisor / shared
    return found


def _sum(shown: list[tuple[Waves, float, float]]) -> Waves:
    """Linear response of quadrature pairs to gratings together."""
    total: Waves = np.zeros((), dtype=complex)
    for (ahead, behind), contrast, phase in shown:
        turn = np.exp(1j * np.deg2rad(phase))
        total = total + contrast * (ahead * turn + behind / turn) / 2
    return total


def _bank_amplitudes(bank: Bank, center: Values, wave: Values, diameters: Values) -> Waves:
    """Integrals over disks of every member's field times exp(+-ikr): (2, unit, member, disk)."""
    found = []
    for unit in range(len(center)):
        sigma, steps = bank.sigma[unit], bank.place[unit]
        y, x = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))
        places = center[unit] + np.stack([x, y], axis=1)
        kappa = bank.kappa[unit][:, None, None]
        both = []
        for k in (wave[unit], -wave[unit]):
            carried = np.stack(
                [
                    _gaussian_wave(places, width, omega, k, diameters)
                    for width, omega in zip(sigma.tolist(), bank.omega[unit], strict=True)
                ]
            )
            # The same for all members of one width.
            blank = {
                width: _gaussian_wave(places, width, np.zeros(2), k, diameters)
                for width in set(sigma.tolist())
            }
            uniform = np.stack([blank[width] for width in sigma.tolist()])
            scale = 1 / (np.pi * sigma[:, None, None] ** 2 * (1 - kappa**2))
            both.append((scale * (carried - kappa * uniform)).reshape(-1, len(diameters)))
        found.append(np.stack(both))
    return np.stack(found, axis=1)


@lru_cache
def _legendre(n: int) -> tuple[Values, Values]:
    node, weight = roots_legendre(n)
    return node, weight


def _gaussian_wave(
    places: Values, sigma: float, omega: Values, wave: Values, diameters: Values
) -> Waves:
    """Integrals of a Gaussian at a place, times exp(i omega (r - place)) exp(ikr), over disks.

    With ``z = place / sigma^2 + i (omega + k)`` the angle gives ``2 pi I0(r sqrt(z.z))``.
    """
    n = len(places)
    if n > 1 and np.array_equal(places, -places[::-1]):
        # Around the centre of the disks, opposite places give complex conjugates.
        half = _gaussian_wave(places[: n // 2 + 1], sigma, omega, wave, diameters)
        return np.concatenate([half, half[: n // 2][::-1].conj()])
    away = (places**2).sum(1)
    z = places / sigma**2 + 1j * (omega + wave)
    root = np.sqrt((z**2).sum(1))[:, None]
    reach = np.sqrt(away.max()) + REACH * sigma
    edges = np.minimum(np.append(0, diameters / 2), reach)
    detail = np.hypot(*(omega + wave)) + 3 / sigma
    rings = []
    for inner, outer in pairwise(edges):
        node, weight = _legendre(int(6 + 0.4 * detail * (outer - inner)))
        radius = (inner + outer) / 2 + (outer - inner) / 2 * node
        # ive is scaled by exp(-|Re|), which the Gaussian takes up before it could overflow.
        scaled = ive(0, radius * root)
        exponent = np.abs((radius * root).real) - (radius**2 + away[:, None]) / (2 * sigma**2)
        rings.append((scaled * np.exp(exponent) * radius * weight).sum(1) * (outer - inner) / 2)
    total = 2 * np.pi * np.cumsum(np.stack(rings, axis=-1), axis=-1)
    return total * np.exp(-1j * (places @ omega))[:, None]
