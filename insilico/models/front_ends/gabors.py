"""The Gabors of VOneNet and EVNet: published distributions of macaque V1, and the filters."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtr

from insilico.errors import UserError

__all__ = ["COLOURS", "gabor_filters", "sample_evnet_parameters", "sample_gabor_parameters"]

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
# VOneNet leaves out the last bin.
FREQUENCY_EDGES = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2])
FREQUENCY_COUNTS = np.array([4, 4, 8, 25, 32, 26, 28, 12, 8])

# EVNet tells simple from complex cells, and drops the widest of the widths.
EVNET_SIMPLE_COUNTS = np.array([4, 4, 8, 25, 33, 26, 28, 12, 8])
EVNET_COMPLEX_COUNTS = np.array([0, 0, 9, 9, 7, 10, 23, 12, 14])
EVNET_WIDTH_EDGES = -1 + 0.25 * np.arange(5)  # log10 of cycles
EVNET_WIDTH_COUNTS = WIDTH_COUNTS[:4, :4]

# The release fills its list of input channels up to this number, whatever the number of cells.
EVNET_CELLS = 512
EVNET_FILLED = 2

Counts = npt.NDArray[np.integer]
Values = npt.NDArray[np.floating]


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
        In cpd. Bins of the published histogram that reach beyond are dropped whole: 9 keeps those
        up to 8 cpd, 6 (the default of the released training script) those up to 5.6 cpd.
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
    frequencies = _frequency_bins(FREQUENCY_COUNTS, spatial_frequency_min, spatial_frequency_max)
    # The legacy generator on purpose: only its stream reproduces the published parameters.
    stream = np.random.RandomState(seed)
    phase = 360 * stream.random_sample(n)
    orientation = _quantile(stream.random_sample(n), ORIENTATION_EDGES, ORIENTATION_COUNTS)
    sizes = _draw_sizes(stream, n, (WIDTH_EDGES, WIDTH_COUNTS), frequencies, correlation)
    drawn = {"orientation": orientation % 180, "phase": phase, **sizes}
    return pd.DataFrame({**drawn, "colour": stream.randint(0, COLOURS, n)})


def sample_evnet_parameters(
    n_simple: int,
    n_complex: int,
    *,
    seed: int = 0,
    channels: int = 4,
    proportions: Sequence[float] = (),
    spatial_frequency_max: float = 8.0,
    spatial_frequency_min: float = 0.0,
    correlation: float = 0.75,
) -> pd.DataFrame:
    """Draw the Gabors of EVNet, which see the channels of its subcortical stage.

    The draws and their order are those of the released code, so a seed gives its parameters.

    Parameters
    ----------
    n_simple, n_complex : int
        Number of simple and of complex cells; the latter prefer higher spatial frequencies.
    seed : int
        Seed of a legacy numpy generator.
    channels : int
        Number of input channels.
    proportions : sequence of float
        Share of the cells that see each channel. Where there is none, or one channel only, the
        channels are drawn independently.
    spatial_frequency_max, spatial_frequency_min, correlation : float
        As in `sample_gabor_parameters`.

    Returns
    -------
    DataFrame, one row per filter
        As of `sample_gabor_parameters`; ``colour`` is the input channel. Orientations run from
        -22.5 to 157.5 deg.

    References
    ----------
    Piper, Oliveira & Marques (2025), NeurIPS 38, arXiv 2506.03089.

    Examples
    --------
    >>> gabors = sample_evnet_parameters(256, 256, proportions=(0.25,) * 4)
    >>> gabors["colour"].value_counts().tolist()
    [128, 128, 128, 128]
    """
    n = n_simple + n_complex
    stream = np.random.RandomState(seed)
    phase = 360 * stream.random_sample(n)
    orientation = _quantile(stream.random_sample(n), ORIENTATION_EDGES, ORIENTATION_COUNTS)
    simple, complex_ = (
        _draw_sizes(
            stream,
            number,
            (EVNET_WIDTH_EDGES, EVNET_WIDTH_COUNTS),
            _frequency_bins(counts, spatial_frequency_min, spatial_frequency_max),
            correlation,
        )
        for number, counts in ((n_simple, EVNET_SIMPLE_COUNTS), (n_complex, EVNET_COMPLEX_COUNTS))
    )
    sizes = {name: np.concatenate([simple[name], complex_[name]]) for name in simple}
    drawn = {"orientation": orientation, "phase": phase, **sizes}
    if not proportions or channels == 1:
        # The release asks for bytes, for which the generator has a stream of its own.
        return pd.DataFrame({**drawn, "colour": stream.randint(0, channels, n, dtype=np.int8)})
    counts = [round(share * n) for share in proportions]
    counts[EVNET_FILLED] += EVNET_CELLS - sum(counts)
    colour = np.repeat(np.arange(len(counts)), counts)
    stream.shuffle(colour)
    return pd.DataFrame({**drawn, "colour": colour[:n]})


def _frequency_bins(counts: Counts, lowest: float, highest: float) -> tuple[Values, Counts]:
    """Keep whole bins between two frequencies: their edges in log2 of cpd, and their counts."""
    kept = (FREQUENCY_EDGES[1:] <= highest) & (FREQUENCY_EDGES[:-1] >= lowest)
    if not kept.any():
        raise UserError(
            f"no bin of the published histogram lies between {lowest:g} and {highest:g} cpd; its "
            f"edges are {', '.join(f'{edge:g}' for edge in FREQUENCY_EDGES)}. Widen the range."
        )
    return np.log2(FREQUENCY_EDGES[np.append(kept, False) | np.append(False, kept)]), counts[kept]


def _draw_sizes(
    stream: np.random.RandomState,
    n: int,
    widths: tuple[Values, Counts],
    frequencies: tuple[Values, Counts],
    correlation: float,
) -> dict[str, Values]:
    """Draw spatial frequencies, and widths across and along the bars."""
    width_edges, width_counts = widths
    normal = stream.standard_normal((n, 2)) * np.sqrt((1 + correlation, 1 - correlation))
    width_rank = ndtr((-normal[:, 0] - normal[:, 1]) / np.sqrt(2))
    frequency_rank = ndtr((-normal[:, 0] + normal[:, 1]) / np.sqrt(2))
    across = _quantile(width_rank, width_edges, width_counts.sum(axis=1))
    octave = _quantile(frequency_rank, *frequencies)
    along_rank = stream.random_sample(n)
    # Bins of the width across are open below and closed above.
    row = np.searchsorted(width_edges, across, side="left") - 1
    along = np.empty(n)
    for which in np.unique(row):
        inside = row == which
        along[inside] = _quantile(along_rank[inside], width_edges, width_counts[which])
    return {"spatial_frequency": 2**octave, "cycles_across": 10**across, "cycles_along": 10**along}


def _quantile(rank: Values, edges: Values, counts: Counts) -> Values:
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
