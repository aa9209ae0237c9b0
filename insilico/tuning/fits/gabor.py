"""The two-dimensional Gabor function, for maps of a receptive field."""

import numpy as np

from insilico.tuning.fits.family import Array, Family, Parameter

__all__ = ["GABOR"]

# Where fits begin: envelopes narrower, as wide and wider than the squared map suggests.
SCALES = (0.6, 1.0, 1.6)


def _gabor(
    y: Array,
    x: Array,
    center_x: Array,
    center_y: Array,
    orientation: Array,
    spatial_frequency: Array,
    phase: Array,
    sigma_across: Array,
    sigma_along: Array,
) -> tuple[Array, ...]:
    angle = np.deg2rad(orientation)
    right, up = x - center_x, y - center_y
    across = np.sin(angle) * right - np.cos(angle) * up
    along = np.cos(angle) * right + np.sin(angle) * up
    envelope = np.exp(-((across / sigma_across) ** 2 + (along / sigma_along) ** 2) / 2)
    return (envelope * np.cos(2 * np.pi * spatial_frequency * across + np.deg2rad(phase)),)


def _upright(parameters: Array) -> Array:
    """Bring the orientation into [0, 180): half a turn mirrors the phase."""
    turned = np.floor(parameters[..., 3] / 180) % 2 == 1
    mirrored = parameters * np.where(np.arange(8) == 5, -1, 1)
    return np.where(turned[..., None], mirrored, parameters)


def _from_the_map(values: Array, y: Array, x: Array) -> Array:
    """Centre and widths from the squared map, the carrier from the peak of its spectrum."""
    energy = values**2 / (values**2).sum(-1, keepdims=True)
    center_x, center_y = energy @ x, energy @ y
    rows, columns = np.unique(y), np.unique(x)
    finest = min(np.diff(rows).min(), np.diff(columns).min())
    extent = max(np.ptp(rows), np.ptp(columns))
    # Frequencies of one half of the plane, in quarters of a cycle over the map; the other half
    # repeats them.
    axis = np.arange(0, 0.5 / finest, 0.25 / extent)
    wave_x, wave_y = (part.ravel() for part in np.meshgrid(axis, np.append(-axis[:0:-1], axis)))
    sines = np.exp(-2j * np.pi * (np.outer(wave_x, x) + np.outer(wave_y, y)))
    best = np.abs(values @ sines.T).argmax(1)
    wave_x, wave_y = wave_x[best], wave_y[best]
    frequency = np.maximum(np.hypot(wave_x, wave_y), 0.25 / extent)
    orientation = np.rad2deg(np.arctan2(wave_x, -wave_y))
    # The carrier points along orientation - 90 deg, which is (sin, -cos).
    angle = np.deg2rad(orientation)[:, None]
    right, up = x - center_x[:, None], y - center_y[:, None]
    across = np.sin(angle) * right - np.cos(angle) * up
    along = np.cos(angle) * right + np.sin(angle) * up
    # The square of a Gaussian is narrower by sqrt 2.
    widths = [np.sqrt(2 * (energy * part**2).sum(1)) for part in (across, along)]
    turn = 2 * np.pi * frequency[:, None] * across
    starts = []
    for scale in SCALES:
        sigmas = [np.maximum(scale * width, finest) for width in widths]
        envelope = np.exp(
            -((across / sigmas[0][:, None]) ** 2 + (along / sigmas[1][:, None]) ** 2) / 2
        )
        # v ~ cos(turn + phase): its projection on exp(-i turn) has the phase.
        phase = np.angle((values * envelope * np.exp(-1j * turn)).sum(1), deg=True)
        starts.append(
            np.stack([center_x, center_y, orientation, frequency, phase, *sigmas], axis=1)
        )
    return np.stack(starts)


GABOR = Family(
    name="gabor",
    formula="maximum exp(-across^2 / (2 sigma_across^2) - along^2 / (2 sigma_along^2)) "
    "cos(2 pi spatial_frequency across + phase)",
    dims=("y", "x"),
    amplitudes=(Parameter("maximum", 0, units="response"),),
    shape=(
        Parameter("center_x", units="deg"),
        Parameter("center_y", units="deg"),
        Parameter("orientation", units="deg", period=180),
        Parameter("spatial_frequency", 0, units="cpd"),
        Parameter("phase", units="deg", period=360),
        Parameter("sigma_across", 1e-3, 1e3, units="deg"),
        Parameter("sigma_along", 1e-3, 1e3, units="deg"),
    ),
    basis=_gabor,
    starts=_from_the_map,
    starts_from_curves=True,
    canonical=_upright,
)
