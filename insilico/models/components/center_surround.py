"""Centre-surround antagonism: a convolution by differences of Gaussians."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.components.mode import MODES, check_choice, check_positive

__all__ = ["CenterSurround"]

SMALLEST_WIDTH = 0.1
SMALLEST_NORM = 1e-12
# Of the surround's width to the centre's; well above 1, or rounding would decide the kernel.
SMALLEST_RATIO = {"corrected": 1.01, "as_released": 1.0001}


class CenterSurround(nn.Module):
    """Filter the first channels by differences of Gaussians, and pass on the others.

    Every ordered pair of filtered channels has a kernel of its own, with two widths and a gain
    that are learned; an output channel is the sum over all filtered input channels.

    Parameters
    ----------
    filtered : int
        How many channels, from the first on, are filtered.
    radius : int
        The kernels have ``2 * radius + 1`` positions on a side.
    balance : float
        Weight of the surround relative to the centre, 0 to 1. At 1 a uniform field gives nothing.
    mode : {"corrected", "as_released"}
        See Notes.
    generator : torch.Generator, optional
        Source of the initial values; torch's own by default.

    Attributes
    ----------
    sigma1, sigma2_scale, total_scale : Parameter, shape (filtered ** 2, 1, 1)
        Width of the centre, width of the surround relative to it, and gain, of output ``o`` and
        input ``i`` in row ``o * filtered + i``. Widths are 2 sigma ** 2, in squared positions.

    Notes
    -----
    With the widths s1 and s2 and the gain g, and Gaussians exp(-r ** 2 / s):

    - corrected: each Gaussian is scaled to a sum of 1 over the taps, the surround is subtracted,
      and each kernel is scaled to the norm abs(g). Kernels are independent of each other;
      the sign of g makes them ON- or OFF-centre.
    - as released: the Gaussians are multiplied by s / pi, where 1 / (pi s) was meant. The
      surround is then the larger one at every tap, so that no kernel is antagonistic. Every tap
      is divided by the norm of that tap over all kernels, which flattens their profile.

    Kernels are computed in single precision at least, whatever the precision of the rest.

    References
    ----------
    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    Examples
    --------
    >>> component = CenterSurround(16)
    >>> tuple(component(torch.zeros(1, 64, 9, 9)).shape)
    (1, 64, 9, 9)
    >>> bool(component.kernels().sum((2, 3)).abs().max() < 1e-5)
    True
    """

    squared_distances: Tensor

    def __init__(
        self,
        filtered: int,
        *,
        radius: int = 2,
        balance: float = 1.0,
        mode: str = "corrected",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, MODES)
        check_positive(filtered=filtered, radius=radius)
        if not 0 <= balance <= 1:
            raise UserError(f"balance must lie between 0 and 1; got {balance:g}.")
        if mode == "as_released" and balance != 1:
            raise UserError(
                f"balance={balance:g} needs mode='corrected': the released kernels have none."
            )
        self.filtered, self.radius, self.balance, self.mode = filtered, radius, balance, mode
        self.sigma1, self.sigma2_scale, self.total_scale = (
            nn.Parameter(torch.empty(filtered**2, 1, 1)) for _ in range(3)
        )
        taps = torch.arange(-radius, radius + 1, dtype=torch.get_default_dtype())
        squared = taps[:, None] ** 2 + taps**2
        self.register_buffer("squared_distances", squared, persistent=False)
        self.reset_parameters(generator=generator)

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw the initial widths and gains."""
        low = self.radius / 2
        corrected = self.mode == "corrected"
        ratios = (SMALLEST_RATIO[self.mode], 2.0) if corrected else (low, low + 1)
        # The corrected gains keep the variance of white input.
        gain = 1 / math.sqrt(self.filtered) if corrected else 2.0
        nn.init.uniform_(self.sigma1, low, low + 1, generator=generator)
        nn.init.uniform_(self.sigma2_scale, *ratios, generator=generator)
        nn.init.normal_(self.total_scale, 0.0, gain, generator=generator)

    def kernels(self) -> Float[Tensor, "output input rows columns"]:
        """Compute the kernels, in single precision at least."""
        wide = torch.promote_types(self.sigma1.dtype, torch.float32)
        squared = self.squared_distances.to(wide)
        center_width = self.sigma1.to(wide).clamp(min=SMALLEST_WIDTH)
        ratio = self.sigma2_scale.to(wide).clamp(min=SMALLEST_RATIO[self.mode])
        surround_width = center_width * ratio
        gain = self.total_scale.to(wide)
        center = torch.exp(-squared / center_width)
        surround = torch.exp(-squared / surround_width)
        if self.mode == "corrected":
            # Two Gaussians of nearly one width: what the surround has beyond the centre is computed
            # without subtracting them, so that single precision is enough.
            excess = -surround * torch.expm1(-squared * (ratio - 1) / surround_width)
            center_sum, surround_sum, excess_sum = (
                taps.sum((1, 2), keepdim=True) for taps in (center, surround, excess)
            )
            balanced = (center * excess_sum / center_sum - excess) / surround_sum
            difference = balanced + (1 - self.balance) * surround / surround_sum
            norm = torch.linalg.vector_norm(difference, dim=(1, 2), keepdim=True)
            kernels = gain * difference / norm.clamp(min=SMALLEST_NORM)
        else:
            amplitude = gain * (center_width * center - surround_width * surround) / math.pi
            norm = torch.linalg.vector_norm(amplitude, dim=0, keepdim=True)
            kernels = amplitude / norm.clamp(min=SMALLEST_NORM)
        return kernels.view(self.filtered, self.filtered, *kernels.shape[1:])

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Filter the first channels."""
        if maps.shape[1] < self.filtered:
            raise UserError(
                f"CenterSurround filters {self.filtered} channels, so its input needs at least as "
                f"many; got shape {tuple(maps.shape)}. Make it with filtered={maps.shape[1]} or "
                "less."
            )
        kernels = self.kernels().to(maps.dtype)
        filtered = functional.conv2d(maps[:, : self.filtered], kernels, padding=self.radius)
        return torch.cat([filtered, maps[:, self.filtered :]], dim=1)

    def extra_repr(self) -> str:
        """Say how many channels are filtered, how far, and in which mode."""
        return (
            f"{self.filtered}, radius={self.radius}, balance={self.balance:g}, mode={self.mode!r}"
        )
