"""What the receptive fields of `Textbook` do to gratings, from formulas and quadrature.

Nothing here passes through an image. Conditions are arrays that broadcast to (unit, condition):
one value for all, a row of conditions, or a column with one value per unit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import roots_legendre

from insilico.models.textbook_units import column, members, profile, shape_of, transfer

__all__ = ["Drive", "drive", "harmonics", "rates", "size_drive"]

Values = npt.NDArray[np.float64]

# Beyond this many standard deviations an envelope is taken to be nothing (2e-8 of its peak).
REACH = 6.0

# Numbers held at once in a quadrature: keeps its memory below some 500 MB.
BATCH = 4_000_000


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
    ahead, behind = transfer(units, across, along), transfer(units, -across, -along)
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
    place, area, rings = _nodes(units, center, frequency.max(1), diameters, precision)
    ahead, behind = np.zeros((2, len(center), *turn.shape, len(rings)), dtype=complex)
    size = max(1, BATCH // (place.shape[-1] * max(len(center), turn.shape[1])))
    for first in range(0, len(units), size):
        some = slice(first, first + size)
        x, y = torch.from_numpy(place[:, some])
        across, along = (
            torch.from_numpy((frequency * direction)[some, :, None])
            for direction in (np.sin(turn), -np.cos(turn))
        )
        angle = across * x[:, None] + along * y[:, None]
        waves = torch.cos(angle), torch.sin(angle)
        pooled = (units["suppression"].to_numpy()[some] > 0).any()
        for member in range(len(center) if pooled else 1):
            away = torch.from_numpy(center[member, some])
            field = profile(units[some], x - away[:, :1], y - away[:, 1:])
            field *= torch.from_numpy(area[some])
            for ring, inside in enumerate(rings):
                pair = field[..., inside].movedim(0, -1)
                cosine, sine = ((wave[..., inside] @ pair).numpy() for wave in waves)
                cosine, sine = (part[..., 0] + 1j * part[..., 1] for part in (cosine, sine))
                ahead[member, some, :, ring] = cosine + 1j * sine
                behind[member, some, :, ring] = cosine - 1j * sine
    return _drive(units, ahead.cumsum(-1), behind.cumsum(-1))


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


def _nodes(
    units: pd.DataFrame,
    center: Values,
    highest: Values,
    diameters: npt.ArrayLike,
    precision: float,
) -> tuple[Values, Values, list[slice]]:
    """Nodes (x and y, unit, node) with their areas, and which of them each ring adds."""
    across, along = (units[f"sigma_{name}"].to_numpy() for name in ("across", "along"))
    # No receptive field, or pool, reaches further from the centre of the disks than this.
    distance = np.hypot(center[..., 0], center[..., 1])
    farthest = np.where(units["suppression"] > 0, distance.max(0), distance[0])
    reach = farthest + REACH * np.maximum(across, along)
    edges = np.minimum(np.append(0.0, np.asarray(diameters, dtype=float) / 2), reach[:, None])
    # The finest detail of the integrand, in rad/deg: two carriers and an envelope.
    detail = highest + shape_of(units)[0][:, 0] + 3 / np.minimum(across, along)
    n_angles = int(precision * (24 + (detail * reach).max()))
    direction = np.exp(2j * np.pi * np.arange(n_angles) / n_angles)
    places, areas = [], []
    for inner, outer in zip(edges.T[:-1, :, None], edges.T[1:, :, None], strict=True):
        node, weight = roots_legendre(
            int(precision * (5 + 0.6 * (detail * (outer - inner).T).max()))
        )
        radius = (inner + outer) / 2 + (outer - inner) / 2 * node
        area = (outer - inner) / 2 * weight * radius * (2 * np.pi / n_angles)
        ring = radius[..., None] * direction
        places.append(np.stack([ring.real, ring.imag]).reshape(2, len(units), -1))
        areas.append(np.repeat(area, n_angles, axis=1))
    ends = np.cumsum([area.shape[1] for area in areas])
    rings = [slice(end - area.shape[1], end) for end, area in zip(ends, areas, strict=True)]
    return np.concatenate(places, axis=2), np.concatenate(areas, axis=1), rings


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
