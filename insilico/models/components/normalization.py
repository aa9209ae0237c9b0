"""Divisive normalization: by a pool of tuned channels, and by a pool of space and channels."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.components.mode import MODES, check_channels, check_choice, check_positive

__all__ = ["DivisiveNormalization", "TunedNormalization"]

POOLS = ("opponent", "similar", "learned")
SMALLEST_SIGMA = 0.5
SMALLEST_VARIANCE = 0.1

# Widths that Cirincione et al. (2022) draw, in taps of their kernels of 25.
PUBLISHED_KERNEL_SIZE = 25
PUBLISHED_WIDTHS = (2.0, 6.0)


class TunedNormalization(nn.Module):
    """Divide each channel by a weighted mean of all channels, most of it of chosen ones.

    Channels lie on a ring in the order of their index; what each is tuned to is left to the
    network. The pool of a channel is a Gaussian on that ring.

    Parameters
    ----------
    channels : int
        Number of channels.
    pool : {"opponent", "similar", "learned"}
        Which channels weigh most: those half-way round the ring, as in the paper; the channel
        itself and its neighbours (like-to-like: Burg et al. 2021); or any, by a free table of
        logits that starts at the opponent pool and takes the place of the widths.
    extent : float, optional
        Standard deviation of the pool in space, in positions of the map; without it, a position
        sees itself alone. At the border the part of the Gaussian on the map counts as the whole.
    mode : {"corrected", "as_released"}
        See Notes.
    generator : torch.Generator, optional
        Source of the initial values; torch's own by default.

    Attributes
    ----------
    sigmas : Parameter, shape (channels,)
        Widths of the pools, in channels.
    table : Parameter, shape (channels, channels)
        Logits of the weights of each output channel (row); only of the learned pool.

    Notes
    -----
    - corrected: the width is that of the output channel o, and its weights over the input channels
      i sum to 1: w_oi = softmax_i(-d_oi ** 2 / (2 s_o ** 2)), with the distance d_oi on the ring
      from the channel that weighs most; y_o = x_o / (1 + sum_i w_oi max(x_i, 0)).
    - as released: width and sum go along the other axis. The width is that of the input channel,
      and what a channel hands out sums to 1 over the outputs; what an output receives does not.
      Negative input is not rectified, so that denominators can reach 0.

    References
    ----------
    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    Burg, Cadena, Denfield, Walker, Tolias, Bethge & Ecker (2021), PLoS Computational Biology 17.

    Examples
    --------
    >>> component = TunedNormalization(8)
    >>> bool(torch.allclose(component(torch.ones(1, 8, 2, 2)), torch.tensor(0.5)))
    True
    """

    channel_distances: Tensor

    def __init__(
        self,
        channels: int,
        *,
        pool: str = "opponent",
        extent: float | None = None,
        mode: str = "corrected",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, MODES)
        check_choice("pool", pool, POOLS)
        check_positive(channels=channels)
        if mode == "as_released" and (pool != "opponent" or extent is not None):
            raise UserError(
                f"pool={pool!r} and extent={extent} need mode='corrected': the released component "
                "has the opponent pool without extent in space."
            )
        if extent is not None and extent <= 0:
            raise UserError(f"extent must be positive, or None; got {extent:g}.")
        self.channels, self.pool, self.extent, self.mode = channels, pool, extent, mode
        self.register_buffer("channel_distances", self._distances(), persistent=False)
        if pool == "learned":
            self.table = nn.Parameter(torch.empty(channels, channels))
        else:
            self.sigmas = nn.Parameter(torch.empty(channels))
        self.reset_parameters(generator=generator)

    def _distances(self) -> Float[Tensor, "output input"]:
        """How far on the ring each input is from the one that weighs most for an output."""
        index = torch.arange(self.channels, dtype=torch.get_default_dtype())
        steps = (index - index[:, None]) % self.channels
        if self.mode == "as_released":
            return (steps - self.channels // 2).abs()
        around = torch.minimum(steps, self.channels - steps)
        return around if self.pool == "similar" else self.channels / 2 - around

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw the initial widths, or the table that they give."""
        low = self.channels / 8
        sigmas = self.channel_distances.new_empty(self.channels)
        sigmas.uniform_(low, low + 1, generator=generator)
        with torch.no_grad():
            if self.pool == "learned":
                self.table.copy_(self._logits(sigmas))
            else:
                self.sigmas.copy_(sigmas)

    def _logits(self, sigmas: Tensor) -> Tensor:
        widths = sigmas.clamp(min=SMALLEST_SIGMA)
        if self.mode == "corrected":
            widths = widths[:, None]
        return -(self.channel_distances.to(widths.dtype) ** 2) / (2 * widths**2)

    def weights(self) -> Float[Tensor, "output input"]:
        """Weight of each channel in the pool of each, in single precision at least."""
        learned = self.table if self.pool == "learned" else self.sigmas
        wide = learned.to(torch.promote_types(learned.dtype, torch.float32))
        if self.pool == "learned":
            return wide.softmax(1)
        if self.mode == "corrected":
            return self._logits(wide).softmax(1)
        # The width is constant along a column, and so is the released factor of each Gaussian.
        return self._logits(wide).softmax(0)

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Divide by one plus the pool."""
        check_channels("TunedNormalization", maps, self.channels)
        drive = maps.relu() if self.mode == "corrected" else maps
        weights = self.weights().to(maps.dtype)
        pooled = torch.einsum("oi,bihw->bohw", weights, drive)
        if self.extent is not None:
            rows, columns = (
                _blur(side, self.extent, like=pooled) for side in (maps.shape[2], maps.shape[3])
            )
            pooled = rows @ pooled @ columns.mT
        return maps / (1 + pooled)

    def extra_repr(self) -> str:
        """Say the pool and how far it reaches."""
        return f"{self.channels}, pool={self.pool!r}, extent={self.extent}, mode={self.mode!r}"


def _blur(side: int, extent: float, *, like: Tensor) -> Float[Tensor, "side side"]:
    """Matrix that averages along an axis with a Gaussian, whose rows sum to 1 at borders too."""
    wide = torch.promote_types(like.dtype, torch.float32)
    position = torch.arange(side, device=like.device, dtype=wide)
    logits = -((position[:, None] - position) ** 2) / (2 * extent**2)
    return logits.softmax(1).to(like.dtype)


class DivisiveNormalization(nn.Module):
    """Divide each channel by a pool over space and channels, with a Gaussian for every pair.

    The control for `TunedNormalization`: nothing orders the channels.

    Parameters
    ----------
    channels : int
        Number of channels.
    kernel_size : int
        Side of the pool in positions; odd.
    mode : {"corrected", "as_released"}
        See Notes.
    amplitude_scale : float, optional
        Initial amplitudes are abs(N(0, 1)) times this. By default sqrt(pi / 2) / channels, so that
        the weights of a pool sum to 1 on average, as in `TunedNormalization`; 1 gives those of
        Cirincione et al.
    generator : torch.Generator, optional
        Source of the initial values; torch's own by default.

    Attributes
    ----------
    A, rho, sigma, theta : Parameter, shape (channels, channels, 1, 1)
        Amplitude, the two standard deviations in positions, and the angle in radians, of the
        Gaussian of each output (first axis) and input.
    v, w : Parameter, shape (channels, channels, 1, 1)
        Offsets of the Gaussian; as released only.
    bias : Parameter, shape (1,)
        The constant of the denominator; as released only.

    Notes
    -----
    - corrected: the form of Cirincione et al. The Gaussians lie in the middle of the kernel, and
      each sums to abs(A) over its taps; y_o = x_o / (1 + sum_i P_oi * max(x_i, 0)).
    - as released: taps are counted from 1 and the Gaussians turn about 0, outside of the kernel;
      most lie off it. The volume depends on the widths, with a floor on their signed product, and
      the constant, abs(bias), is learned.

    References
    ----------
    Cirincione, Verrier, Bic, Olaiya, DiCarlo, Udeigwe & Marques (2022), SVRHM workshop at NeurIPS.

    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    Examples
    --------
    >>> component = DivisiveNormalization(4, kernel_size=5)
    >>> bool(torch.allclose(component.kernels().sum((2, 3)), component.A.abs()[:, :, 0, 0]))
    True
    """

    A: nn.Parameter
    rho: nn.Parameter
    sigma: nn.Parameter
    theta: nn.Parameter
    v: nn.Parameter
    w: nn.Parameter
    taps: Tensor

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int = 3,
        mode: str = "corrected",
        amplitude_scale: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, MODES)
        check_positive(channels=channels)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise UserError(f"kernel_size must be odd; got {kernel_size}.")
        if mode == "as_released" and amplitude_scale is not None:
            raise UserError("amplitude_scale needs mode='corrected': the release draws U(0, 1).")
        self.channels, self.kernel_size, self.mode = channels, kernel_size, mode
        self.amplitude_scale = (
            math.sqrt(math.pi / 2) / channels if amplitude_scale is None else amplitude_scale
        )
        names = ["A", "rho", "sigma", "theta"] + ["v", "w"] * (mode == "as_released")
        for name in names:
            self.register_parameter(name, nn.Parameter(torch.empty(channels, channels, 1, 1)))
        if mode == "as_released":
            self.bias = nn.Parameter(torch.empty(1))
        first = 1 if mode == "as_released" else -(kernel_size // 2)
        taps = torch.arange(first, first + kernel_size, dtype=torch.get_default_dtype())
        self.register_buffer("taps", taps, persistent=False)
        self.reset_parameters(generator=generator)

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw the initial Gaussians."""
        if self.mode == "as_released":
            nn.init.uniform_(self.A, 0, 1, generator=generator)
            nn.init.uniform_(self.rho, 1, 2, generator=generator)
            nn.init.uniform_(self.sigma, 1, 2, generator=generator)
            nn.init.uniform_(self.theta, 0, 2 * math.pi, generator=generator)
            nn.init.normal_(self.v, self.kernel_size // 2, 1, generator=generator)
            nn.init.normal_(self.w, self.kernel_size // 2, 1, generator=generator)
            nn.init.uniform_(self.bias, 1, 2, generator=generator)
            return
        low, high = (width * self.kernel_size / PUBLISHED_KERNEL_SIZE for width in PUBLISHED_WIDTHS)
        nn.init.normal_(self.A, 0, 1, generator=generator)
        with torch.no_grad():
            self.A.abs_().mul_(self.amplitude_scale)
        nn.init.uniform_(self.rho, low, high, generator=generator)
        nn.init.uniform_(self.sigma, low, high, generator=generator)
        nn.init.uniform_(self.theta, 0, math.pi, generator=generator)

    def kernels(self) -> Float[Tensor, "output input rows columns"]:
        """Weights of the pools, in single precision at least."""
        wide = torch.promote_types(self.A.dtype, torch.float32)
        amplitude, rho, sigma, theta = (
            parameter.to(wide) for parameter in (self.A, self.rho, self.sigma, self.theta)
        )
        down, right = self.taps.to(wide)[:, None], self.taps.to(wide)
        along = right * theta.cos() + down * theta.sin()
        across = -right * theta.sin() + down * theta.cos()
        if self.mode == "as_released":
            along, across = along - self.v.to(wide), across - self.w.to(wide)
        gaussian = torch.exp(
            -0.5 * along**2 / (rho**2).clamp(min=SMALLEST_VARIANCE)
            - 0.5 * across**2 / (sigma**2).clamp(min=SMALLEST_VARIANCE)
        )
        if self.mode == "as_released":
            volume = (2 * math.pi * rho * sigma).clamp(min=SMALLEST_VARIANCE)
            return (amplitude / volume).abs() * gaussian
        return amplitude.abs() * gaussian / gaussian.sum((2, 3), keepdim=True)

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Divide by a constant plus the pool."""
        check_channels("DivisiveNormalization", maps, self.channels)
        corrected = self.mode == "corrected"
        drive = maps.relu() if corrected else maps
        kernels = self.kernels().to(maps.dtype)
        pooled = functional.conv2d(drive, kernels, padding=self.kernel_size // 2)
        constant = 1.0 if corrected else self.bias.abs()
        return maps / (constant + pooled)

    def extra_repr(self) -> str:
        """Say the size of the pool in space."""
        return f"{self.channels}, kernel_size={self.kernel_size}, mode={self.mode!r}"
