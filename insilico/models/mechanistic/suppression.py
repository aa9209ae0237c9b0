"""What divides and excites: energies of all orientations, pooled over small and wide places.

All units share a few channels, each pooled over three sizes; a unit weighs them. That costs little
more than the channels, and the weights say what they are tuned to.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.models.mechanistic.filters import (
    STRIDE,
    Gabors,
    Pairs,
    Sites,
    kernels,
    pairs,
)
from insilico.models.mechanistic.hyper_parameters import HyperParameters
from insilico.models.mechanistic.population import FINEST

__all__ = ["Channels", "weights"]

Values = npt.NDArray[np.float64]

ORIENTATIONS = 6
FREQUENCIES = (0.6, 1.2, 2.4, 4.8, 9.6)  # cpd
CYCLES = 0.4  # of the round envelope

# The surround and the excitation weigh frequencies by a Gaussian of this many octaves about the
# unit's own.
OCTAVES = 1.0

# Places are Gaussians of these standard deviations, in deg, cut at so many of them.
SIZES = (0.15, 0.45, 1.2)
REACH = 2.0

SMALLEST = 1e-8


class Channels(nn.Module):
    """Amplitudes of quadrature pairs of 6 orientations and 5 frequencies, pooled over 3 sizes.

    Parameters
    ----------
    px_per_deg : float
        Of the display.

    Attributes
    ----------
    gabors : Gabors
        The channels, frequencies in cycles per px. Those that the pixels cannot carry are left out.
    """

    taps: Tensor

    def __init__(self, px_per_deg: float) -> None:
        super().__init__()
        carried = [each for each in FREQUENCIES if each <= FINEST * px_per_deg]
        frequency, orientation = (
            part.ravel()
            for part in np.meshgrid(carried, np.arange(ORIENTATIONS) * 180 / ORIENTATIONS,
                                    indexing="ij")
        )  # fmt: skip
        cycles = np.full(len(frequency), CYCLES)
        self.px_per_deg = px_per_deg
        self.gabors = Gabors(
            orientation, frequency / px_per_deg, cycles, cycles, np.zeros(len(frequency))
        )
        self.bands = nn.ModuleList()
        self.levels: list[int] = []
        for band in np.split(np.arange(len(frequency)), len(carried)):
            some = self.gabors.part(band)
            level, side = (int(each[0]) for each in kernels(some))
            self.bands.append(Pairs(*pairs(some, level, side), level))
            self.levels.append(level)
        self.halves, taps = _places(px_per_deg / STRIDE)
        self.register_buffer("taps", taps)

    def forward(
        self, levels: list[Tensor], sites: Sites | None = None
    ) -> Float[Tensor, "batch pooled rows columns"]:
        """Pooled amplitudes, channel by channel and in each by size."""
        half = self.halves[-1]
        near = None if sites is None else sites.grown(half)
        amplitudes = []
        for band, level in zip(self.bands, self.levels, strict=True):
            even, odd = band(levels[level], near)
            amplitudes.append(torch.sqrt(even**2 + odd**2 + SMALLEST))
        maps = torch.cat(amplitudes, dim=1)
        if near is not None:
            rows, columns = (side // STRIDE for side in levels[0].shape[2:])
            maps = maps * _on_map(near, rows, columns, like=maps)
        n, channels, *size = maps.shape
        maps = maps.reshape(n * channels, 1, *size)
        pooled = [
            _blurred(maps, self.taps[which, half - own : half + own + 1], half, near is None)
            for which, own in enumerate(self.halves)
        ]
        return torch.cat(pooled, dim=1).reshape(n, channels * len(SIZES), *pooled[0].shape[2:])

    def seen(self, orientation: Values, frequency: Values) -> Float[np.ndarray, "unit channel"]:
        """Amplitudes of the channels for gratings without end, of contrast 1.

        Parameters
        ----------
        orientation, frequency : array, shape (unit,)
            In deg and cpd.

        Returns
        -------
        array, shape (unit, channel)
        """
        own = _wave(orientation, frequency / self.px_per_deg)[:, None]
        channel = _wave(self.gabors.orientation, self.gabors.frequency)
        sigma = CYCLES / self.gabors.frequency
        steps = (np.abs(own - sign * channel) ** 2 for sign in (1, -1))
        ahead, behind = (np.exp(-2 * (np.pi * sigma) ** 2 * step) for step in steps)
        # Without the share of the envelope that makes the even filter blind to uniform light.
        kappa = np.exp(-2 * (np.pi * CYCLES) ** 2)
        uniform = kappa * np.exp(-2 * (np.pi * sigma * np.abs(own)) ** 2)
        return np.hypot(ahead - uniform, behind - uniform)


def weights(
    units: pd.DataFrame, said: HyperParameters, channels: Channels
) -> Float[np.ndarray, "four unit pooled"]:
    """Weigh the pooled channels for each unit.

    Parameters
    ----------
    units : DataFrame
        As of `draw_population`.
    said : HyperParameters
        How the pools are tuned.
    channels : Channels
        What is weighed.

    Returns
    -------
    array, shape (4, unit, pooled)
        Of the two pools together, of the surround, of the excitation, which has the tuning of the
        tuned pool, and of the broad excitation, which has none, and the place of the envelope. The
        grating that a unit prefers, without end and of contrast 1, gives the weights that the unit
        has for them.
    """
    turn = units["orientation"].to_numpy()[:, None] - channels.gabors.orientation
    turn = np.abs((turn + 90) % 180 - 90)
    octave = np.log2(
        channels.gabors.frequency
        * channels.px_per_deg
        / units["spatial_frequency"].to_numpy()[:, None]
    )
    # Of units finer than all channels, or coarser, the nearest channels count.
    octave = np.abs(octave) - np.abs(octave).min(1, keepdims=True)
    seen = channels.seen(units["orientation"].to_numpy(), units["spatial_frequency"].to_numpy())

    def tuned(name: str, width: float | None, octaves: float = OCTAVES) -> Values:
        weight = np.exp(-((octave / octaves) ** 2) / 2)
        if width is not None:
            weight = weight * np.exp(-((turn / width) ** 2) / 2)
        weight = weight / (weight * np.maximum(seen, 1e-3)).sum(1, keepdims=True)
        return units[name].to_numpy()[:, None] * weight

    pools = tuned("untuned", None, said.pool_octaves)
    pools = pools + tuned("tuned", said.tuned_width, said.pool_octaves)
    around = tuned("surround", said.surround_width)
    excitation = tuned("excitation", said.tuned_width)
    rows = [
        (weight[:, :, None] * _sizes(units[name].to_numpy())[:, None]).reshape(len(units), -1)
        for weight, name in (
            (pools, "pool_sigma"),
            (around, "surround_sigma"),
            (excitation, "excitation_sigma"),
            (tuned("broad", None), "sigma"),
        )
    ]
    return np.stack(rows)


def _sizes(sigma: Values) -> Float[np.ndarray, "unit size"]:
    """Share of each size: of the two next to a unit's own, so that the variance is its own."""
    sizes = np.array(SIZES)
    sigma = np.clip(sigma, sizes[0], sizes[-1])
    upper = np.clip(np.searchsorted(sizes, sigma), 1, len(sizes) - 1)
    low, high = sizes[upper - 1] ** 2, sizes[upper] ** 2
    share = (sigma**2 - low) / (high - low)
    weight = np.zeros((len(sigma), len(sizes)))
    rows = np.arange(len(sigma))
    weight[rows, upper - 1], weight[rows, upper] = 1 - share, share
    return weight


def _places(sites_per_deg: float) -> tuple[list[int], Float[Tensor, "size taps"]]:
    """Gaussians of all sizes along one axis, cut and of sum 1, and how many taps they reach."""
    sizes = np.array(SIZES)[:, None]
    halves = [int(np.ceil(REACH * size * sites_per_deg)) for size in SIZES]
    steps = np.arange(-halves[-1], halves[-1] + 1)
    taps = np.exp(-((steps / sites_per_deg / sizes) ** 2) / 2)
    taps *= np.abs(steps) <= np.array(halves)[:, None]
    taps /= taps.sum(1, keepdims=True)
    return halves, torch.tensor(taps, dtype=torch.get_default_dtype())


def _blurred(maps: Tensor, taps: Tensor, around: int, padded: bool) -> Tensor:
    """Blur along both axes; without padding, maps have so many sites more on every side."""
    half = len(taps) // 2
    if not padded:
        spare = around - half
        maps = maps[:, :, spare : maps.shape[2] - spare, spare : maps.shape[3] - spare]
    beyond = half * padded
    maps = functional.conv2d(maps, taps.view(1, 1, -1, 1), None, 1, (beyond, 0))
    return functional.conv2d(maps, taps.view(1, 1, 1, -1), None, 1, (0, beyond))


def _on_map(sites: Sites, rows: int, columns: int, *, like: Tensor) -> Tensor:
    """1 at sites that the map has, and 0 beyond it."""
    inside = [
        [float(0 <= place < n) for place in range(first, last + 1)]
        for (first, last), n in zip(sites, (rows, columns), strict=True)
    ]
    return like.new_tensor(inside[0])[:, None] * like.new_tensor(inside[1])


def _wave(orientation: Values, frequency: Values) -> npt.NDArray[np.complex128]:
    angle = np.deg2rad(orientation)
    return frequency * (np.sin(angle) - 1j * np.cos(angle))
