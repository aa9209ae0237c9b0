"""Local receptive fields: a convolution whose filters differ between positions."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.components.mode import MODES, check_choice, check_positive

__all__ = ["LocallyConnected2d"]

# The maps are taken in bands of rows: what is held beside weights and maps is a copy of one band of
# the weights and of the neighbourhoods in it. So many bands on a CPU; elsewhere, where each of them
# costs the start of several kernels, as few as these bytes of neighbourhoods allow.
BANDS = 16
DEVICE_BAND_BYTES = 2**29


class LocallyConnected2d(nn.Module):
    """Filter every position of a map with filters of its own.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input and of the output.
    size : int or (int, int)
        Height and width of the maps; there is a filter for each position.
    kernel_size : int
        Side of the filters in positions; odd. The stride is 1, and maps are padded with zeros.
    bias : bool
        Whether every channel and position has a constant of its own.
    mode : {"corrected", "as_released"}
        The computation is the same. As released, weights (and biases) are standard normal, so that
        outputs have 17 times the standard deviation that the convolution in their place would
        give. Corrected weights have the variance of that convolution, sqrt(2 / (kernel_size ** 2
        * out_channels)) (He et al. 2015, fan-out), and biases are 0.
    generator : torch.Generator, optional
        Source of the initial values; torch's own by default.

    Attributes
    ----------
    weight : Parameter, shape (1, out_channels, in_channels, height, width, kernel_size ** 2)
        Taps are in the order of rows, the top row first.
    bias : Parameter, shape (1, out_channels, height, width), or None
        The constants.

    References
    ----------
    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    He, Zhang, Ren & Sun (2015), ICCV.

    Examples
    --------
    >>> component = LocallyConnected2d(3, 5, (6, 4))
    >>> tuple(component(torch.zeros(2, 3, 6, 4)).shape), tuple(component.weight.shape)
    ((2, 5, 6, 4), (1, 5, 3, 6, 4, 9))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int | tuple[int, int],
        *,
        kernel_size: int = 3,
        bias: bool = False,
        mode: str = "corrected",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, MODES)
        height, width = (size, size) if isinstance(size, int) else size
        check_positive(
            in_channels=in_channels, out_channels=out_channels, height=height, width=width
        )
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise UserError(f"kernel_size must be odd; got {kernel_size}.")
        self.in_channels, self.out_channels, self.size = in_channels, out_channels, (height, width)
        self.kernel_size, self.mode = kernel_size, mode
        self.weight = nn.Parameter(
            torch.empty(1, out_channels, in_channels, height, width, kernel_size**2)
        )
        constants = torch.empty(1, out_channels, height, width) if bias else None
        self.bias = nn.Parameter(constants) if constants is not None else None
        self.reset_parameters(generator=generator)

    def reset_parameters(self, *, generator: torch.Generator | None = None) -> None:
        """Draw the initial weights, and the biases."""
        released = self.mode == "as_released"
        scale = 1.0 if released else math.sqrt(2 / (self.kernel_size**2 * self.out_channels))
        nn.init.normal_(self.weight, 0.0, scale, generator=generator)
        if self.bias is not None:
            nn.init.normal_(self.bias, 0.0, float(released), generator=generator)

    def forward(
        self, maps: Float[Tensor, "batch in_channels height width"]
    ) -> Float[Tensor, "batch out_channels height width"]:
        """Apply the filter of each position."""
        if maps.shape[1:] != (self.in_channels, *self.size):
            expected = ", ".join(map(str, (self.in_channels, *self.size)))
            raise UserError(
                f"LocallyConnected2d has filters for maps of shape (batch, {expected}); got "
                f"{tuple(maps.shape)}. Make it with the channels and the size of its input."
            )
        device = maps.device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            maps = maps.to(torch.get_autocast_dtype(device))
        filtered = _LocalFilters.apply(maps, self.weight)
        return filtered if self.bias is None else filtered + self.bias.to(filtered.dtype)

    def extra_repr(self) -> str:
        """Say the channels, the size of the map and that of the kernels."""
        return (
            f"{self.in_channels}, {self.out_channels}, size={self.size}, "
            f"kernel_size={self.kernel_size}, bias={self.bias is not None}, mode={self.mode!r}"
        )


def _bands(maps: Tensor, taps: int) -> list[slice]:
    """Divide the rows of maps (batch, channel, row, column) into bands."""
    height = maps.shape[2]
    neighbourhoods = maps.numel() * maps.element_size() * taps
    bands = BANDS if maps.device.type == "cpu" else neighbourhoods / DEVICE_BAND_BYTES
    rows = min(math.ceil(height / max(bands, 1)), height)
    return [slice(first, min(first + rows, height)) for first in range(0, height, rows)]


def _neighbourhoods(padded: Tensor, band: slice, side: int) -> Tensor:
    """Copy what each position of a band sees, shape (position, batch, channel and tap)."""
    rows = padded[:, :, band.start : band.stop + side - 1]
    windows = rows.unfold(2, side, 1).unfold(3, side, 1)
    return windows.permute(2, 3, 0, 1, 4, 5).flatten(3).flatten(0, 1)


def _filters(weight: Tensor, band: slice) -> Tensor:
    """Copy the filters of a band, shape (position, output, channel and tap)."""
    return weight[0, :, :, band].permute(2, 3, 0, 1, 4).flatten(3).flatten(0, 1)


def _by_position(maps: Tensor, band: slice) -> Tensor:
    """Copy the positions of a band of maps, shape (position, batch, channel)."""
    return maps[:, :, band].permute(2, 3, 0, 1).flatten(0, 1).contiguous()


def _of_filters(above: Tensor, padded: Tensor, band: slice, shape: torch.Size) -> Tensor:
    """Gradient of the filters of a band, shape (output, input, row, column, tap)."""
    _, outputs, inputs, _, width, taps = shape
    product = above.mT @ _neighbourhoods(padded, band, math.isqrt(taps))
    return product.reshape(-1, width, outputs, inputs, taps).permute(2, 3, 0, 1, 4)


def _of_maps(above: Tensor, weight: Tensor, band: slice) -> Tensor:
    """Gradient of the rows that a band sees, shape (batch, input, row, column)."""
    width, side = weight.shape[4], math.isqrt(weight.shape[5])
    patches = (above @ _filters(weight, band).to(above.dtype)).permute(1, 2, 0)
    seen = (band.stop - band.start + side - 1, width + side - 1)
    return functional.fold(patches, seen, side)


class _LocalFilters(torch.autograd.Function):
    """One matrix product per position; copies are made of a band of rows at a time, and not kept.

    Autograd would keep the copies of all bands until the backward pass, and join their gradients
    in one more tensor of the size of the weights.
    """

    @staticmethod
    def forward(maps: Tensor, weight: Tensor) -> Tensor:
        side = math.isqrt(weight.shape[5])
        padded = functional.pad(maps, [side // 2] * 4)
        height, width = maps.shape[2:]
        filtered = maps.new_empty(maps.shape[0], weight.shape[1], height, width)
        for band in _bands(maps, side**2):
            seen = _neighbourhoods(padded, band, side)
            filters = _filters(weight, band).to(maps.dtype)
            product = seen @ filters.mT
            filtered[:, :, band] = product.reshape(-1, width, *product.shape[1:]).permute(
                2, 3, 0, 1
            )
        return filtered

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        side = math.isqrt(weight.shape[5])
        border = side // 2
        padded = functional.pad(maps, [border] * 4)
        of_padded = torch.zeros_like(padded)
        of_weight = torch.empty_like(weight) if wanted[1] else None
        height, width = maps.shape[2:]
        for band in _bands(maps, side**2):
            above = _by_position(gradient, band)
            if of_weight is not None:
                of_weight[0, :, :, band] = _of_filters(above, padded, band, weight.shape)
            if wanted[0]:
                rows = slice(band.start, band.stop + side - 1)
                of_padded[:, :, rows] += _of_maps(above, weight, band)
        of_maps = of_padded[:, :, border : border + height, border : border + width]
        return (of_maps if wanted[0] else None), of_weight
