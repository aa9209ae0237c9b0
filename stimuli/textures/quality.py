"""What a texture has and its noise has not: structure beyond the spectrum and the histogram."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Structure", "spectrum_error", "structure"]

Picture = npt.NDArray[np.floating[Any]]

# Centres of the bands, in cycles per px, and the number of orientations.
FREQUENCIES = (0.25, 0.125, 0.0625, 0.03125)
N_ORIENTATIONS = 4


class Structure(NamedTuple):
    """Higher-order structure of a picture, averaged over bands."""

    kurtosis: float
    cross_scale: float


def structure(picture: Picture) -> Structure:
    """Kurtosis of subbands, and correlation of amplitude between neighbouring scales.

    Parameters
    ----------
    picture : array, shape (height, width)
        Grey levels, without a seam at the edges.

    Returns
    -------
    Structure
        ``kurtosis`` is 3 for normal noise; ``cross_scale`` is the correlation of local amplitude
        at one frequency with that at half of it, at the same orientation: small for normal noise,
        and not 0, since neighbouring bands overlap.
    """
    bands = np.stack([_subbands(picture, frequency) for frequency in FREQUENCIES])
    kurtosis = (bands.real**4).mean((-1, -2)) / (bands.real**2).mean((-1, -2)) ** 2
    amplitude = np.abs(bands)
    amplitude -= amplitude.mean((-1, -2), keepdims=True)
    amplitude /= amplitude.std((-1, -2), keepdims=True)
    cross_scale = (amplitude[1:] * amplitude[:-1]).mean((-1, -2))
    return Structure(float(kurtosis.mean()), float(cross_scale.mean()))


def spectrum_error(picture: Picture, other: Picture) -> float:
    """Distance between two amplitude spectra, relative to that of the second, without its mean.

    Parameters
    ----------
    picture, other : array, shape (height, width)
        Grey levels.

    Returns
    -------
    float
        0 where the spectra are equal.
    """
    first, second = (np.abs(np.fft.fft2(each - each.mean())) for each in (picture, other))
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


def _subbands(picture: Picture, frequency: float) -> npt.NDArray[np.complex128]:
    """One octave at each orientation, in quadrature."""
    rows, columns = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.fftfreq(picture.shape[1])
    radius = np.hypot(rows, columns)
    radius[0, 0] = np.finfo(float).tiny
    octaves = np.log2(radius / frequency)
    orientation = np.pi * np.arange(N_ORIENTATIONS)[:, None, None] / N_ORIENTATIONS
    angle = np.cos(np.arctan2(rows, columns) - orientation)
    passed = np.exp(-(octaves**2) / (2 * 0.4**2)) * np.maximum(angle, 0) ** 3
    return np.fft.ifft2(np.fft.fft2(picture) * passed)
