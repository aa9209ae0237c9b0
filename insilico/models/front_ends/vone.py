"""VOneBlock: the fixed Gabor front end of VOneNet (Dapello, Marques et al. 2020)."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.front_ends.gabors import COLOURS, gabor_filters, sample_gabor_parameters

__all__ = ["GaborBank", "VOneBlock", "add_noise", "gabor_filters", "sample_gabor_parameters"]

MODES = ("corrected", "as_released")
NOISE = (None, "neuronal", "gaussian", "fano")

# Keeps the square root of the variance differentiable at 0.
SMALLEST_VARIANCE = {"neuronal": 1e-4, "fano": 1e-5}


def add_noise(
    rates: Tensor, normal: Tensor, *, noise: str, scale: float = 0.35, level: float = 0.07
) -> Tensor:
    """Add noise to responses: as variable as spike counts, or of one variance throughout.

    Parameters
    ----------
    rates : Tensor
        Responses.
    normal : Tensor, the shape of ``rates``
        Standard normal noise.
    noise : {"neuronal", "gaussian", "fano"}
        Of a variance equal to the mean (Fano factor 1) after scaling; of standard deviation
        ``scale``; or, as in EVNet, of a variance ``scale`` times the mean.
    scale, level : float
        Responses are scaled, and a spontaneous level added, before neuronal noise is drawn; both
        are undone afterwards. The defaults are those of the published networks.

    Returns
    -------
    Tensor
        Not rectified.
    """
    if noise == "gaussian":
        return rates + scale * normal
    floor = SMALLEST_VARIANCE[noise]
    if noise == "fano":
        return rates + normal * torch.sqrt(scale * functional.relu(rates) + floor)
    spikes = scale * rates + level
    noisy = spikes + normal * torch.sqrt(functional.relu(spikes) + floor)
    return (noisy - level) / scale


class GaborBank(nn.Module):
    """Filters that do not learn, under the name and in the layout of the published weights.

    Parameters
    ----------
    weight : Tensor, shape (filter, colour, row, column)
        The filters.
    """

    weight: Tensor

    def __init__(self, weight: Float[Tensor, "filter colour row column"]) -> None:
        super().__init__()
        self.register_buffer("weight", weight)


def _coloured(
    filters: Float[np.ndarray, "filter row column"],
    colour: npt.NDArray[np.integer],
    colours: int,
) -> Float[Tensor, "filter colours row column"]:
    """Put every filter on its colour."""
    n, rows, columns = filters.shape
    weight = np.zeros((n, colours, rows, columns))
    weight[np.arange(n), colour] = filters
    return torch.as_tensor(weight, dtype=torch.get_default_dtype())


def _repack(block: nn.Module, _: object) -> None:
    """Bring what is derived from the weights up to date when weights are loaded."""
    assert isinstance(block, VOneBlock)
    block._pack()


class VOneBlock(nn.Module):
    """Simple and complex cells of V1 as a bank of Gabors, the front end of VOneNet.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images, in px and in deg; their ratio alone matters, so images of any size
        are taken.
    simple_channels, complex_channels : int
        Number of simple and complex cells; simple ones come first in the output.
    kernel_size : int
        Side of the filters in px; odd.
    stride : int
        Distance of neighbouring sites in px.
    gain : float
        Factor on the responses.
    seed : int
        Seed of the parameters.
    spatial_frequency_max : float
        As in `sample_gabor_parameters`.
    mode : {"corrected", "as_released"}
        In the release the two filters of a quadrature pair draw their colours independently, so
        that two complex cells in three combine different colours. ``"corrected"`` draws one colour
        for each pair.
    noise : {None, "neuronal", "gaussian", "fano"}
        As in `add_noise`; none by default. Noisy responses are rectified, but for ``"fano"``.
    noise_scale, noise_level : float
        As in `add_noise`.
    noise_seed : int
        Seed of the noise, for calls that bring no generator of their own.
    colours : int
        Number of channels of the images.
    gabors : DataFrame, optional
        Parameters of all cells, as of `sample_gabor_parameters`. Unless given, they are drawn,
        from ``seed`` and for three colours.

    Attributes
    ----------
    gabors : DataFrame
        The parameters that were drawn, one row per channel, with the columns of
        `sample_gabor_parameters` (``colour_q1`` beside ``colour`` in the released mode).
    simple_conv_q0, simple_conv_q1 : GaborBank
        The filters and their quadrature partners (phase + 90 deg), for every channel. Their
        buffers are the whole state, under the published names ``simple_conv_q0.weight`` and
        ``simple_conv_q1.weight``, shape (channel, colours, kernel_size, kernel_size), so released
        weights load. ``gabors`` then still describes the drawn filters, not the loaded ones.

    Notes
    -----
    Images come normalised, with mean 0.5 and standard deviation 0.5 for every colour. A kernel of
    25 px cuts envelopes short: along the bars, two standard deviations exceed 12 px in 30 % of
    filters. Every unit is linear in contrast, without normalisation or surround.

    References
    ----------
    Dapello, Marques, Schrimpf, Geiger, Cox & DiCarlo (2020), NeurIPS 33.

    Examples
    --------
    >>> block = VOneBlock(simple_channels=4, complex_channels=4)
    >>> tuple(block(torch.zeros(1, 3, 64, 64)).shape)
    (1, 8, 16, 16)
    """

    stride: int
    padding: int
    packed: Tensor
    order: Tensor

    def __init__(
        self,
        *,
        pixels: float = 224,
        degrees: float = 8.0,
        simple_channels: int = 256,
        complex_channels: int = 256,
        kernel_size: int = 25,
        stride: int = 4,
        gain: float = 25.0,
        seed: int = 0,
        spatial_frequency_max: float = 9.0,
        mode: str = "corrected",
        noise: str | None = None,
        noise_scale: float = 0.35,
        noise_level: float = 0.07,
        noise_seed: int = 0,
        colours: int = COLOURS,
        gabors: pd.DataFrame | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise UserError(f"mode must be one of {', '.join(MODES)}; got {mode!r}.")
        if noise not in NOISE:
            raise UserError(f"noise must be None, 'neuronal', 'gaussian' or 'fano'; got {noise!r}.")
        self.simple_channels, self.complex_channels = simple_channels, complex_channels
        self.stride, self.padding, self.gain = stride, kernel_size // 2, gain
        self.noise, self.noise_scale, self.noise_level = noise, noise_scale, noise_level
        self.noise_generator = torch.Generator().manual_seed(noise_seed)
        self.colours = colours
        if gabors is None:
            gabors = sample_gabor_parameters(
                simple_channels + complex_channels,
                seed=seed,
                spatial_frequency_max=spatial_frequency_max,
            )
            if mode == "as_released":
                # The release takes the colours from torch's global generator; ours has the seed.
                stream = torch.Generator().manual_seed(seed)
                for name in ("colour", "colour_q1"):
                    gabors[name] = torch.randint(COLOURS, (len(gabors),), generator=stream).numpy()
        self.gabors = gabors
        per_px = gabors["spatial_frequency"] * degrees / pixels
        even, odd = (
            gabor_filters(
                orientation=gabors["orientation"],
                spatial_frequency=per_px,
                phase=gabors["phase"] + turn,
                sigma_across=gabors["cycles_across"] / per_px,
                sigma_along=gabors["cycles_along"] / per_px,
                kernel_size=kernel_size,
            )
            for turn in (0, 90)
        )
        paired = gabors.get("colour_q1", gabors["colour"])
        self.simple_conv_q0 = GaborBank(_coloured(even, gabors["colour"].to_numpy(), colours))
        self.simple_conv_q1 = GaborBank(_coloured(odd, paired.to_numpy(), colours))
        self._pack()
        self.register_load_state_dict_post_hook(_repack)  # type: ignore[no-untyped-call]
        self.output = nn.Identity()  # a name under which the responses can be recorded

    def forward(
        self,
        images: Float[Tensor, "batch colour height width"],
        *,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch channel rows columns"]:
        """Responses of the simple cells, then of the complex cells.

        Parameters
        ----------
        images : Tensor, shape (batch, colours, height, width)
            Normalised images of any size.
        generator : Generator, optional
            Source of the noise, where there is any; the block's own unless given.
        """
        if images.shape[1] != self.colours:
            raise UserError(
                f"VOneBlock takes images of {self.colours} colours, shape (batch, {self.colours}, "
                f"height, width); got {tuple(images.shape)}. Repeat a grey channel "
                f"{self.colours} times."
            )
        drive = self._convolve(images)
        simple, even, odd = drive.tensor_split(
            [self.simple_channels, self.simple_channels + self.complex_channels], dim=1
        )
        energy = torch.hypot(even, odd) * (self.gain / math.sqrt(2))
        rates = torch.cat([functional.relu(simple) * self.gain, energy], dim=1)
        if self.noise is None:
            return self.output(rates)
        generator = generator or self.noise_generator
        normal = torch.randn(
            rates.shape, generator=generator, device=generator.device, dtype=rates.dtype
        ).to(rates.device)
        noisy = add_noise(
            rates, normal, noise=self.noise, scale=self.noise_scale, level=self.noise_level
        )
        return self.output(noisy if self.noise == "fano" else functional.relu(noisy))

    def _pack(self) -> None:
        """Sort the filters by the one colour each of them sees: no zeros are multiplied."""
        even, odd = self.simple_conv_q0.weight, self.simple_conv_q1.weight
        # Simple cells have no use for the quadrature partner.
        filters = torch.cat([even, odd[self.simple_channels :]])
        seen = (filters != 0).flatten(2).any(2)
        order = torch.arange(len(filters), device=filters.device)
        self.filters_per_colour: list[int] | None = None
        if (seen.sum(1) <= 1).all():
            colour = seen.int().argmax(1)
            order = torch.argsort(colour, stable=True)
            filters = filters[order, colour[order], None]
            self.filters_per_colour = torch.bincount(colour, minlength=self.colours).tolist()
        self.register_buffer("packed", filters, persistent=False)
        self.register_buffer("order", order, persistent=False)

    def _filtered(self, seen: Tensor, filters: Tensor) -> Tensor:
        if not self.padding and seen.shape[2:] == filters.shape[2:]:
            # One site is a product of matrices, some three times as fast as a convolution.
            return (seen.flatten(1) @ filters.flatten(1).T)[:, :, None, None]
        return functional.conv2d(seen, filters, None, self.stride, self.padding)

    def _convolve(
        self, images: Float[Tensor, "batch colour height width"]
    ) -> Float[Tensor, "batch filter rows columns"]:
        """Drive of the simple cells, of the complex cells, and of their quadrature partners."""
        if self.filters_per_colour is None:
            return functional.conv2d(images, self.packed, None, self.stride, self.padding)
        beyond = 2 * self.padding - self.packed.shape[-1]
        sites = ((side + beyond) // self.stride + 1 for side in images.shape[2:])
        drive = images.new_empty(len(images), len(self.packed), *sites)
        counts = self.filters_per_colour
        groups = zip(torch.split(self.packed, counts), torch.split(self.order, counts), strict=True)
        for colour, (filters, places) in enumerate(groups):
            if len(filters):
                seen = images[:, colour, None]
                part = self._filtered(seen, filters)
                drive.index_copy_(1, places, part)
        return drive
