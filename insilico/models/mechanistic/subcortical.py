"""The subcortical stage: a centre with a surround, and the gain control of local contrast."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Subcortical"]

# Gaussians reach this many standard deviations.
REACH = 3.0
POOL_REACH = 2.0

# Of one site, pictures are blurred in stretches of so many px: over longer ones, most of a product
# would be with zeros.
STRETCH = 32

# Keeps the square root differentiable where there is no contrast.
SMALLEST = 1e-8


class Subcortical(nn.Module):
    """Difference of two Gaussians, divided by one plus the contrast nearby.

    Parameters
    ----------
    center_sigma : float
        Standard deviation of the centre, in px.
    surround_ratio : float
        That of the surround over that of the centre.
    surround_balance : float
        Volume of the surround over that of the centre; 0 leaves the centre alone.
    contrast_gain : float
        How strongly contrast divides; 0 for not at all.
    pool_sigma : float
        Standard deviation of the place that contrast is taken over, in px.
    in_stretches : bool
        Blur by products of matrices, in a fraction of the time; which pixels an output sees can
        then not be proven.

    Attributes
    ----------
    reach : int
        How far away, along either axis, a pixel may be that an output depends on.

    Examples
    --------
    >>> stage = Subcortical(1.0, 4.0, 0.0, 0.0, 8.0)
    >>> bool(stage(torch.ones(1, 1, 32, 32))[0, 0, 16, 16] > 0.999)
    True
    """

    center: Tensor
    surround: Tensor
    pool: Tensor

    def __init__(
        self,
        center_sigma: float,
        surround_ratio: float,
        surround_balance: float,
        contrast_gain: float,
        pool_sigma: float,
        in_stretches: bool = False,
    ) -> None:
        super().__init__()
        self.center_sigma, self.surround_ratio = center_sigma, surround_ratio
        self.balance, self.contrast_gain = surround_balance, contrast_gain
        self.scale = 1 / self._difference(np.linspace(0, 0.5, 512)).max()
        taps = {
            "center": _gaussian(center_sigma, REACH),
            "surround": _gaussian(center_sigma * surround_ratio, REACH),
            "pool": _gaussian(pool_sigma, POOL_REACH),
        }
        halves = {name: len(each) // 2 for name, each in taps.items()}
        self.reach = max(halves["center"], halves["surround"]) + halves["pool"]
        for name, each in taps.items():
            self.register_buffer(name, _of_stretch(each) if in_stretches else each)

    def transfer(self, frequency: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Amplitude that is left of gratings of contrast 1 before the gain control.

        Parameters
        ----------
        frequency : array
            In cycles per px.

        Returns
        -------
        array
            1 at the best frequency.
        """
        return self.scale * self._difference(frequency)

    def _difference(self, frequency: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        spectrum = -2 * (np.pi * self.center_sigma * np.asarray(frequency)) ** 2
        return np.exp(spectrum) - self.balance * np.exp(spectrum * self.surround_ratio**2)

    def forward(
        self, contrast: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Signal that reaches the cortex, of a picture in contrasts."""
        signal = _blurred(contrast, self.center)
        if self.balance:
            signal = signal - self.balance * _blurred(contrast, self.surround)
        signal = self.scale * signal
        if not self.contrast_gain:
            return signal
        around = torch.sqrt(_blurred(signal**2, self.pool) + SMALLEST)
        return signal / (1 + self.contrast_gain * around)


def _gaussian(sigma: float, reach: float) -> Float[Tensor, " tap"]:
    half = max(1, int(np.ceil(reach * sigma)))
    taps = np.exp(-((np.arange(-half, half + 1) / sigma) ** 2) / 2)
    return torch.tensor(taps / taps.sum(), dtype=torch.get_default_dtype())


def _of_stretch(taps: Float[Tensor, " tap"]) -> Float[Tensor, "seen pixel"]:
    """Matrix that applies taps to a stretch of pixels and what lies around it."""
    matrix = taps.new_zeros(STRETCH + len(taps) - 1, STRETCH)
    for pixel in range(STRETCH):
        matrix[pixel : pixel + len(taps), pixel] = taps
    return matrix


def _blurred(maps: Tensor, taps: Tensor) -> Tensor:
    if taps.ndim == 2:
        return _blurred_in_stretches(_blurred_in_stretches(maps, taps), taps)
    half = len(taps) // 2
    maps = functional.conv2d(maps, taps.view(1, 1, -1, 1), None, 1, (half, 0))
    return functional.conv2d(maps, taps.view(1, 1, 1, -1), None, 1, (0, half))


def _blurred_in_stretches(
    maps: Float[Tensor, "batch 1 height width"], matrix: Float[Tensor, "seen pixel"]
) -> Float[Tensor, "batch 1 width height"]:
    """Blur along the last axis, and exchange it with the other one."""
    seen, width = len(matrix), maps.shape[-1]
    stretches = -(-width // STRETCH)
    half = (seen - STRETCH) // 2
    maps = functional.pad(maps, (half, half + stretches * STRETCH - width))
    blurred = maps.unfold(-1, seen, STRETCH).reshape(-1, seen) @ matrix
    blurred = blurred.view(*maps.shape[:-1], -1)[..., :width]
    return blurred.transpose(-1, -2).contiguous()
