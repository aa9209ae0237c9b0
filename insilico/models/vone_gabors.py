"""The Gabors of VOneNet: published distributions of macaque V1 cells, and the filters."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtr

from insilico.errors import UserError

__all__ = ["COLOURS", "gabor_filters", "sample_gabor_parameters"]

COLOURS = 3

# Preferred orientation in macaque V1, foveal cells, counted in bins of 45 deg
# (De Valois, Yund & Hepler 1982).
ORIENTATION_EDGES = np.array([-22.5, 22.5, 67.5, 112.5, 157.5])
ORIENTATION_COUNTS = np.array([66, 49, 77, 54])

# Width of simple cells' receptive fields across (rows) and along (columns) the bars, in cycles of
# the preferred frequency (Ringach 2002b). The marginal of the last row is 0: it is never drawn.
WIDTH_EDGES = -1 + 0.24 * np.arange(6)  # log10 of cycles
WIDTH_COUNTS = np.array(
    [[2, 0, 1, 0, 0], [8, 9, 4, 1, 0], [1, 2, 19, 17, 3], [0, 0, 1, 7, 4], [0, 0, 0, 0, 0]]
)

# Preferred spatial frequency of foveal simple cells, in cpd (De Valois, Albrecht & Thorell 1982).
FREQUENCY_EDGES = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0])
FREQUENCY_COUNTS = np.array([4, 4, 8, 25, 32, 26, 28, 12])


def sample_gabor_parameters(
    n: int,
    *,
    seed: int = 0,
    spatial_frequency_max: float = 9.0,
    spatial_frequency_min: float = 0.0,
    correlation: float = 0.75,
) -> pd.DataFrame:
    """Draw a population of Gabors from the published distributions of macaque V1.

    The draws and their order are those of the released code, so a seed gives its parameters.

    Parameters
    ----------
    n : int
        Number of filters.
    seed : int
        Seed of a legacy numpy generator.
    spatial_frequency_max, spatial_frequency_min : float
        In cpd. Bins of the published histogram that reach beyond are dropped whole: 9 keeps all
        of them, 6 (the default of the released training script) those up to 5.6 cpd.
    correlation : float
        Between the normal variables behind spatial frequency and width across the bars.

    Returns
    -------
    DataFrame, one row per filter
        ``orientation`` of the bars (deg), ``phase`` (deg, at the centre of the kernel),
        ``spatial_frequency`` (cpd), ``cycles_across`` and ``cycles_along`` (standard deviations
        of the envelope across and along the bars, in cycles), and ``colour`` (0, 1, 2), which is
        drawn last and not part of the released sequence.

    Raises
    ------
    UserError
        If no bin lies between the two frequencies.

    References
    ----------
    Dapello, Marques, Schrimpf, Geiger, Cox & DiCarlo (2020), NeurIPS 33.

    Examples
    --------
    >>> gabors = sample_gabor_parameters(512, seed=0)
    >>> bool(gabors["spatial_frequency"].between(0.5, 8).all())
    True
    """
    kept = (FREQUENCY_EDGES[1:] <= spatial_frequency_max) & (
        FREQUENCY_EDGES[:-1] >= spatial_frequency_min
    )
    if not kept.any():
        raise UserError(
            f"no bin of the published histogram lies between {spatial_frequency_min:g} and "
            f"{spatial_frequency_max:g} cpd; its edges are "
            f"{', '.join(f'{edge:g}' for edge in FREQUENCY_EDGES)}. Widen the range."
        )
    octaves = np.log2(FREQUENCY_EDGES[np.append(kept, False) | np.append(False, kept)])

    # The legacy generator on purpose: only its stream reproduces the published parameters.
    stream = np.random.RandomState(seed)
    phase = 360 * stream.random_sample(n)
    orientation = _quantile(stream.random_sample(n), ORIENTATION_EDGES, ORIENTATION_COUNTS) % 180
    normal = stream.standard_normal((n, 2)) * np.sqrt((1 + correlation, 1 - correlation))
    width_rank = ndtr((-normal[:, 0] - normal[:, 1]) / np.sqrt(2))
    frequency_rank = ndtr((-normal[:, 0] + normal[:, 1]) / np.sqrt(2))
    across = _quantile(width_rank, WIDTH_EDGES, WIDTH_COUNTS.sum(axis=1))
    octave = _quantile(frequency_rank, octaves, FREQUENCY_COUNTS[kept])
    along_rank = stream.random_sample(n)
    # Bins of the width across are open below and closed above.
    row = np.searchsorted(WIDTH_EDGES, across, side="left") - 1
    along = np.empty(n)
    for which in np.unique(row):
        inside = row == which
        along[inside] = _quantile(along_rank[inside], WIDTH_EDGES, WIDTH_COUNTS[which])
    return pd.DataFrame(
        {
            "orientation": orientation,
            "phase": phase,
            "spatial_frequency": 2**octave,
            "cycles_across": 10**across,
            "cycles_along": 10**along,
            "colour": stream.randint(0, COLOURS, n),
        }
    )


def _quantile(
    rank: npt.NDArray[np.float64], edges: npt.NDArray[np.floating], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Inverse of the cumulative histogram, linear within its bins."""
    return np.interp(rank, np.append(0, np.cumsum(counts)) / counts.sum(), edges)


def gabor_filters(
    *,
    orientation: npt.ArrayLike,
    spatial_frequency: npt.ArrayLike,
    phase: npt.ArrayLike,
    sigma_across: npt.ArrayLike,
    sigma_along: npt.ArrayLike,
    kernel_size: int = 25,
) -> Float[np.ndarray, "filter kernel_size kernel_size"]:
    """Gabors on a grid of pixels, under a Gaussian envelope of unit integral.

    Parameters
    ----------
    orientation, phase : float or sequence of float
        Orientation of the bars, and cosine phase at the centre, in deg.
    spatial_frequency : float or sequence of float
        In cycles per px.
    sigma_across, sigma_along : float or sequence of float
        Standard deviations of the envelope across and along the bars, in px.
    kernel_size : int
        Side of the kernel in px; odd.

    Returns
    -------
    array, shape (filter, kernel_size, kernel_size)
        Row 0 is the top.

    Raises
    ------
    UserError
        If the kernel has no central pixel.
    """
    if kernel_size % 2 != 1:
        raise UserError(
            f"kernel_size must be odd, so that the kernel has a central pixel; got {kernel_size}."
        )
    angle, frequency, turn, across, along = (
        np.atleast_1d(np.asarray(value, dtype=np.float64))[:, None, None]
        for value in (
            np.deg2rad(orientation), spatial_frequency, np.deg2rad(phase), sigma_across, sigma_along
        )
    )  # fmt: skip
    taps = np.arange(kernel_size) - kernel_size // 2
    down, right = taps[:, None], taps[None, :]
    # The carrier runs along orientation - 90 deg: down the rows for horizontal bars.
    u = down * np.cos(angle) + right * np.sin(angle)
    v = -down * np.sin(angle) + right * np.cos(angle)
    envelope = np.exp(-((u / across) ** 2 + (v / along) ** 2) / 2) / (2 * np.pi * across * along)
    return envelope * np.cos(2 * np.pi * frequency * u + turn)
