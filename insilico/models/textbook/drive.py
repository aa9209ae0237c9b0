"""What the receptive fields of `Textbook` do to gratings, from formulas and quadrature.

Nothing here passes through an image. Conditions are arrays that broadcast to (unit, condition):
one value for all, a row of conditions, or a column with one value per unit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Complex
from scipy.special import roots_legendre

from insilico.models.textbook.units import (
    POOL,
    POOL_WIDTH,
    column,
    members,
    pool_of,
    profile,
    shape_of,
    transfer,
)

__all__ = ["Drive", "disk_amplitudes", "drive", "harmonics", "rates", "size_drive"]

Values = npt.NDArray[np.float64]

# Beyond this many standard deviations an envelope is taken to be nothing (2e-8 of its peak).
REACH = 6.0

# Nodes per radian of the integrand's finest detail, around and along the radius.
ANGLES, RADII = 0.7, 0.4

# Receptive fields times conditions that a quadrature holds at once: some 0.5 GB.
PATTERNS_AT_ONCE = 1000


@dataclass(frozen=True)
class Drive:
    r"""What the receptive fields make of a drifting grating of contrast 1, before any nonlinearity.

    With ``p`` the phase of the grating, the linear response of a unit is ``Re(linear exp(ip))``,
    the energy of its quadrature pair ``energy + Re(ripple exp(2ip))``, and the mean energy of its
    pool ``pool + Re(pool_ripple exp(2ip))``. All have the shape (unit, \*conditions).
    """

    linear: npt.NDArray[np.complex128]
    energy: Values
    ripple: npt.NDArray[np.complex128]
    pool: Values
    pool_ripple: npt.NDArray[np.complex128]


def drive(
    units: pd.DataFrame,
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    diameter: float = np.inf,
    x: float = 0.0,
    y: float = 0.0,
) -> Drive:
    """Drive by gratings that fill the display (a formula) or a disk (by quadrature).

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    orientation, spatial_frequency : array, broadcasts to (unit, condition)
        In deg and cpd.
    diameter : float
        Of the disk, in deg; infinite for a grating without end.
    x, y : float
        Anchor of the phase and centre of the disk, in deg.

    Returns
    -------
    Drive, shape (unit, condition)
    """
    turn, frequency = _conditions(units, orientation, spatial_frequency)
    if np.isfinite(diameter):
        sized = size_drive(
            units,
            orientation=orientation,
            spatial_frequency=spatial_frequency,
            diameters=[diameter],
            x=x,
            y=y,
        )
        return Drive(*(part[..., 0] for part in vars(sized).values()))
    angle = turn - np.deg2rad(column(units, "orientation"))
    across, along = frequency * np.cos(angle), frequency * np.sin(angle)
    fields = [units, *[pool_of(units)] * len(POOL)]
    ahead, behind = (
        np.stack([transfer(field, sign * across, sign * along) for field in fields])
        for sign in (1, -1)
    )
    step = members(units) - (x, y)
    carried = np.exp(1j * frequency * (np.sin(turn) * step[..., :1] - np.cos(turn) * step[..., 1:]))
    return _drive(units, ahead * carried, behind * carried.conj())


def size_drive(
    units: pd.DataFrame,
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    diameters: npt.ArrayLike,
    x: float = 0.0,
    y: float = 0.0,
    precision: float = 1.0,
) -> Drive:
    """Drive by gratings in disks, by quadrature in polar coordinates around the disk's centre.

    Parameters
    ----------
    units, orientation, spatial_frequency, x, y
        As in `drive`.
    diameters : sequence of float
        Ascending, in deg.
    precision : float
        Factor on the number of nodes, which by default suffice for 1e-6.

    Returns
    -------
    Drive, shape (unit, condition, diameter)
    """
    turn, frequency = _conditions(units, orientation, spatial_frequency)
    center = members(units) - (x, y)
    shape = (len(center), *turn.shape, np.asarray(diameters).size)
    ahead, behind = np.zeros(shape, dtype=complex), np.zeros(shape, dtype=complex)
    pooled = units["suppression"].to_numpy() > 0
    # Units without a pool need one receptive field each instead of five.
    for which, n in ((pooled, len(center)), (~pooled, 1)):
        rows = np.flatnonzero(which)
        for some in np.array_split(rows, len(rows) * turn.shape[1] // PATTERNS_AT_ONCE + 1):
            if len(some):
                put = np.s_[:n, some]
                ahead[put], behind[put] = disk_amplitudes(
                    units.iloc[some],
                    center[put],
                    frequency[some] * np.sin(turn[some]),
                    -frequency[some] * np.cos(turn[some]),
                    np.asarray(diameters, dtype=float),
                    precision,
                )
    return _drive(units, ahead, behind)


def rates(
    units: pd.DataFrame, drive: Drive, phase: npt.ArrayLike, *, contrast: float = 1.0
) -> Values:
    r"""Responses to gratings: the nonlinearities of the four kinds of units.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    drive : Drive, shape (unit, \*conditions)
        Of the gratings.
    phase : array, broadcasts to (unit, \\*conditions, phase)
        At the anchor, in deg.
    contrast : float
        Michelson contrast.

    Returns
    -------
    array, shape (unit, \\*conditions, phase)
        In spikes/s; 0 for the blank display.
    """
    turn = np.exp(1j * np.deg2rad(phase))
    simple, normalised, suppression, gain = (
        values.to_numpy().reshape(-1, *[1] * drive.energy.ndim)
        for values in (
            units["kind"].str.endswith("simple"), units["kind"].str.startswith("normalised"),
            units["suppression"], units["gain"],
        )
    )  # fmt: skip
    linear = np.maximum(contrast * (drive.linear[..., None] * turn).real, 0)
    energy, pool = (
        contrast**2 * (mean[..., None] + (ripple[..., None] * turn**2).real)
        for mean, ripple in ((drive.energy, drive.ripple), (drive.pool, drive.pool_ripple))
    )
    excited = np.where(simple, np.where(normalised, linear**2, linear), energy)
    return gain * excited / (1 - suppression + suppression * pool)


def harmonics(
    units: pd.DataFrame,
    drive: Drive,
    *,
    phases: npt.ArrayLike | None = None,
    contrast: float = 1.0,
) -> tuple[Values, Values]:
    r"""Mean response (F0) and amplitude of its modulation at the grating's frequency (F1).

    Parameters
    ----------
    units, drive, contrast
        As in `rates`.
    phases : sequence of float, optional
        The evenly spaced phases that are shown, in deg. By default the limit of infinitely many.

    Returns
    -------
    tuple of array, shapes (unit, \*conditions)
    """
    if phases is not None:
        sampled = rates(units, drive, phases, contrast=contrast)
        wave = np.exp(-1j * np.deg2rad(phases))
        return sampled.mean(-1), 2 * np.abs((sampled * wave).mean(-1))
    # Half a cycle around the best phase: the response is smooth there, so that a few nodes are
    # exact to rounding. In the other half simple cells are silent and complex cells repeat.
    node, weight = roots_legendre(16)
    phase = 90 * node - np.rad2deg(np.angle(drive.linear))[..., None]
    half = rates(units, drive, phase, contrast=contrast) * weight / 4
    simple = units["kind"].str.endswith("simple").to_numpy()
    simple = simple.reshape(-1, *[1] * drive.energy.ndim)[..., 0]
    first = 2 * np.abs((half * np.exp(-1j * np.deg2rad(phase))).sum(-1))
    return half.sum(-1) * np.where(simple, 1, 2), np.where(simple, first, 0)


def disk_amplitudes(
    units: pd.DataFrame,
    center: Values,
    wave_x: Values,
    wave_y: Values,
    diameters: Values,
    precision: float,
) -> Complex[np.ndarray, "2 member unit condition diameter"]:
    """Integrals of receptive field times exp(+ikr), and times exp(-ikr), over disks.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    center : array, shape (member, unit, 2)
        Of the units' own fields, and then of those of their pools, from the centre of the disks.
    wave_x, wave_y : array, shape (unit, condition)
        Components of k, in rad/deg.
    diameters : array, shape (diameter,)
        Ascending, in deg.
    precision : float
        Factor on the number of nodes.

    Returns
    -------
    array, shape (2, member, unit, condition, diameter)
    """
    across, along = units["sigma_across"].to_numpy(), units["sigma_along"].to_numpy()
    # No receptive field reaches further from the centre of the disks than this.
    reach = np.hypot(center[..., 0], center[..., 1]).max(0) + REACH * np.maximum(across, along)
    edges = np.minimum(np.append(0, diameters / 2), reach[:, None])
    # The finest detail of the integrand, in rad/deg: two carriers and an envelope.
    highest = np.hypot(wave_x, wave_y).max(1) + shape_of(units)[0][:, 0]
    detail = highest + 3 / (np.minimum(across, along) * (1 if len(center) == 1 else POOL_WIDTH))
    n_angles = int(precision * (20 + ANGLES * (detail * reach).max()))
    direction = np.exp(2j * np.pi * np.arange(n_angles) / n_angles)
    kx, ky = (torch.tensor(wave)[..., None] for wave in (wave_x, wave_y))
    rings = []
    for inner, outer in zip(edges.T[:-1, :, None], edges.T[1:, :, None], strict=True):
        widest = (detail[:, None] * (outer - inner)).max()
        node, weight = roots_legendre(int(precision * (5 + RADII * widest)))
        radius = (inner + outer) / 2 + (outer - inner) / 2 * node
        ring = (outer - inner) / 2 * weight * radius * (2 * np.pi / n_angles)
        area = torch.tensor(ring.repeat(n_angles, axis=1))
        place = (radius[..., None] * direction).reshape(len(units), -1)
        x, y = torch.tensor(place.real), torch.tensor(place.imag)
        angle = kx * x[:, None] + ky * y[:, None]
        cosine, sine = torch.cos(angle), torch.sin(angle)
        parts = []
        for member, away in enumerate(torch.tensor(center)):
            field = pool_of(units) if member else units
            pair = (profile(field, x - away[:, :1], y - away[:, 1:]) * area).movedim(0, -1)
            parts.append((torch.view_as_complex(cosine @ pair), torch.view_as_complex(sine @ pair)))
        rings.append([torch.stack(part).numpy() for part in zip(*parts, strict=True)])
    even, odd = np.moveaxis(np.array(rings), 0, -1).cumsum(-1)
    return np.stack([even + 1j * odd, even - 1j * odd])


def _drive(
    units: pd.DataFrame,
    ahead: npt.NDArray[np.complex128],
    behind: npt.NDArray[np.complex128],
) -> Drive:
    """From the responses of every member to the two halves exp(+i(kr + p)) and exp(-i(kr + p))."""
    turn = np.exp(1j * np.deg2rad(units["phase"].to_numpy()))
    turn = turn.reshape(-1, *[1] * (ahead.ndim - 2))
    energy = (np.abs(ahead) ** 2 + np.abs(behind) ** 2) / 4
    ripple = ahead * behind.conj() / 2
    return Drive(
        linear=(turn * ahead[0] + (turn * behind[0]).conj()) / 2,
        energy=energy[0],
        ripple=ripple[0],
        pool=energy[1:].mean(0),
        pool_ripple=ripple[1:].mean(0),
    )


def _conditions(
    units: pd.DataFrame, orientation: npt.ArrayLike, spatial_frequency: npt.ArrayLike
) -> tuple[Values, Values]:
    """Orientations in rad and angular frequencies in rad/deg, shape (unit, condition)."""
    turn, frequency = np.broadcast_arrays(
        np.deg2rad(orientation), 2 * np.pi * np.asarray(spatial_frequency, dtype=float)
    )
    shape = np.broadcast_shapes((len(units), 1), turn.shape)
    return np.broadcast_to(turn, shape), np.broadcast_to(frequency, shape)
