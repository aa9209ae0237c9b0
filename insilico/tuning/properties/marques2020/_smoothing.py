"""Smoothed and finely sampled curves, as published: linear maps of the responses."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import xarray as xr

Array = npt.NDArray[np.float64]

# The benchmark's kernels over neighbouring grid points, before normalisation. It calls the first
# one "hanning", though no Hann window has these weights.
HANNING = (0, 2 / 5, 1, 2 / 5, 0)
SMOOTH = (0, 1 / 5, 1, 1 / 5, 0)

# Bandwidths are taken at this share of the peak: 1/sqrt 2, as published to three digits.
BANDWIDTH_LEVEL = 0.707

# Values of the frequency curve, equally spaced on a logarithmic axis.
FREQUENCY_VALUES = 100


def published_angle(curve: xr.DataArray) -> Array:
    """Return the carrier's orientation in the benchmark's terms: 0 vertical bars, clockwise."""
    return (90 - curve["orientation"].to_numpy().astype(float)) % 180


def fine_orientation(curve: xr.DataArray, kernel: tuple[float, ...]) -> xr.DataArray:
    """Smooth over orientation, and interpolate to whole degrees.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "orientation")
        Orientations evenly spaced over [0, 180) deg, vertical bars among them.
    kernel : tuple of float
        Weights of neighbouring orientations.

    Returns
    -------
    DataArray, dims ("unit", "angle")
        At -180, -179, ..., 359 deg in the benchmark's terms.

    Raises
    ------
    ValueError
        If the orientations are not evenly spaced from vertical bars on.
    """
    angles = published_angle(curve)
    order = np.argsort(angles)
    matrix = np.empty((540, len(angles)))
    matrix[:, order] = _orientation_matrix(tuple(angles[order]), kernel)
    fine = xr.DataArray(
        matrix,
        dims=("angle", "orientation"),
        coords={"angle": np.arange(-180, 360), "orientation": curve["orientation"]},
    )
    return xr.dot(curve, fine, dim="orientation", optimize=True)


@lru_cache(maxsize=8)
def _orientation_matrix(angles: tuple[float, ...], kernel: tuple[float, ...]) -> Array:
    """Matrix from a curve over [0, 180) to whole degrees from -180 to 359."""
    from scipy.interpolate import CubicSpline  # takes a while to import

    n, step = len(angles), 180 / len(angles)
    if not np.allclose(angles, np.arange(n) * step):
        raise ValueError(
            "the published orientation curve needs orientations evenly spaced over [0, 180) deg, "
            f"90 among them; got {', '.join(f'{(90 - angle) % 180:g}' for angle in angles)}. "
            "Record the published set."
        )
    # Three turns, of which the far ends are smoothed against zeros and are then extrapolated.
    turns = np.tile(np.eye(n), (3, 1))
    smoothed = np.array([np.convolve(column, normalised(kernel), "same") for column in turns.T]).T
    nodes = np.arange(3 * n) * step - 180
    return CubicSpline(nodes, smoothed)(np.arange(-180, 360))


def fine_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Smooth over spatial frequency, and interpolate on a logarithmic axis.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Frequencies ascending, evenly spaced in octaves.

    Returns
    -------
    DataArray, dims ("unit", "frequency")
        At 100 frequencies in cpd, from the lowest to the highest.
    """
    nodes = curve["spatial_frequency"].to_numpy().astype(float)
    frequency, matrix = _frequency_matrix(tuple(nodes))
    fine = xr.DataArray(
        matrix,
        dims=("frequency", "spatial_frequency"),
        coords={"frequency": frequency, "spatial_frequency": curve["spatial_frequency"]},
    )
    return xr.dot(curve, fine, dim="spatial_frequency", optimize=True)


@lru_cache(maxsize=8)
def _frequency_matrix(nodes: tuple[float, ...]) -> tuple[Array, Array]:
    from scipy.interpolate import CubicSpline  # takes a while to import

    octaves = np.log2(nodes)
    held = np.pad(np.eye(len(nodes)), ((2, 2), (0, 0)), mode="edge")
    smoothed = np.array([np.convolve(column, normalised(SMOOTH), "valid") for column in held.T]).T
    fine = np.linspace(octaves[0], octaves[-1], FREQUENCY_VALUES)
    return 2**fine, CubicSpline(octaves, smoothed)(fine)


def normalised(kernel: tuple[float, ...]) -> Array:
    """Return the kernel with weights that add up to 1."""
    return np.array(kernel) / np.sum(kernel)


def crossings(fine: xr.DataArray, peak: xr.DataArray, dim: str) -> tuple[Array, Array]:
    """Find the nearest points on either side of the peak that are at or below 0.707 of it.

    Parameters
    ----------
    fine : DataArray, dims ("unit", dim)
        Finely sampled curves.
    peak : DataArray of int, dims ("unit",)
        Index of the peak.
    dim : str
        The dim along which to look.

    Returns
    -------
    tuple of array, shapes (unit,)
        Coordinates of the lower and the upper point, not interpolated; NaN where there is none,
        and for a curve that is nowhere above 0.
    """
    values = fine.transpose("unit", dim).to_numpy()
    coordinate = fine[dim].to_numpy().astype(float)
    place, start = np.arange(len(coordinate)), peak.to_numpy()[:, None]
    best = np.take_along_axis(values, start, axis=1)
    at_or_below = values <= BANDWIDTH_LEVEL * best
    before, after = at_or_below & (place < start), at_or_below & (place > start)
    # The last point before the peak is the first one of the reversed curve.
    lower = coordinate[::-1][before[:, ::-1].argmax(axis=1)]
    upper = coordinate[after.argmax(axis=1)]
    driven = best[:, 0] > 0
    return (
        np.where(before.any(axis=1) & driven, lower, np.nan),
        np.where(after.any(axis=1) & driven, upper, np.nan),
    )


def ratio(numerator: xr.DataArray, denominator: xr.DataArray) -> xr.DataArray:
    """Divide; NaN where the denominator is 0."""
    return numerator / denominator.where(denominator != 0)
