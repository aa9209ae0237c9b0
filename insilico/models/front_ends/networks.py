"""Networks behind a fixed model of V1: VOneNet, EVNet, and a VOneBlock with normalization."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from insilico.models.components import DivisiveNormalization
from insilico.models.components.mode import MODES, check_choice, check_positive
from insilico.models.components.subcortical import SubcorticalBlock
from insilico.models.constrained.released import evnet_names
from insilico.models.front_ends.gabors import sample_evnet_parameters, sample_gabor_parameters
from insilico.models.front_ends.vone import VOneBlock

__all__ = [
    "EVNET_VARIANTS",
    "STAGE_CHANNELS",
    "EVNet",
    "evnet_resnet50",
    "from_layer1",
    "seeded",
    "vone_dn",
    "vone_resnet50",
]

# Channels that the first stage of a ResNet-50 takes.
STAGE_CHANNELS = 64

EVNET_KERNEL_SIZE = 31

# The VOneBlock in front of divisive normalization (Cirincione et al. 2022), in px, and its pools,
# in sites.
DN_KERNEL_SIZE = 31
DN_STRIDE = 2
DN_GAIN = 23.5
DN_FREQUENCY_MAX = 11.3
DN_POOL_SIZE = 25


@dataclass(frozen=True)
class EVNetVariant:
    """Published settings of one EVNet.

    Parameters
    ----------
    gain, fano_factor : float
        Of the V1 cells.
    proportions : tuple of float
        Share of the V1 cells that see each channel of the subcortical stage.
    subcortical : mapping
        Options of `SubcorticalBlock`.
    to_v2 : bool
        Whether the subcortical stage reaches the ResNet past the V1 cells too.
    """

    gain: float = 5.3
    fano_factor: float = 0.93
    proportions: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    subcortical: Mapping[str, Any] = field(default_factory=dict)
    to_v2: bool = False


EVNET_VARIANTS: Mapping[str, EVNetVariant] = {
    "standard": EVNetVariant(),
    "no_p": EVNetVariant(4.8, 0.94, (1.0,), {"parvo": False}),
    "no_m": EVNetVariant(4.5, 0.94, (0.34, 0.34, 0.32), {"magno": False}),
    "no_light_adaptation": EVNetVariant(4.7, subcortical={"light_adaptation": None}),
    "no_contrast_normalization": EVNetVariant(
        3.2, 0.96, subcortical={"light_adaptation": "threshold", "contrast_normalization": False}
    ),
    # As scripted, the V1 cells of this one stay noisy in training.
    "no_noise": EVNetVariant(fano_factor=1.0, subcortical={"noise": False}),
    "lgn_to_v2": EVNetVariant(to_v2=True),
}


class EVBlock(nn.Module):
    """Subcortical and V1 cells, side by side: what V2 sees where the LGN reaches it.

    Parameters
    ----------
    subcorticalblock : SubcorticalBlock
        Retina and LGN.
    voneblock : VOneBlock
        V1.
    """

    def __init__(self, subcorticalblock: SubcorticalBlock, voneblock: VOneBlock) -> None:
        super().__init__()
        self.subcorticalblock, self.voneblock = subcorticalblock, voneblock
        side = voneblock.stride + 1
        self.pool = nn.MaxPool2d(side, voneblock.stride, side // 2)
        self.bottleneck = nn.Conv2d(
            _cells(voneblock), STAGE_CHANNELS - subcorticalblock.channels, 1, bias=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """Join the V1 cells, through the bottleneck, and the pooled subcortical ones."""
        subcortical = self.subcorticalblock(images)
        v1 = self.bottleneck(self.voneblock(subcortical))
        return torch.cat([v1, self.pool(subcortical)], dim=1)


class EVNet(nn.Sequential):
    """The parts of an EVNet, in sequence; released weights load into it."""

    def translate_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give the weights of a released checkpoint the names that they have here.

        Parameters
        ----------
        state : mapping of str to Tensor
            Weights under released names, or under those of this class, which stay.

        Returns
        -------
        dict of str to Tensor
        """
        return evnet_names(state)


def vone_resnet50(
    *,
    pixels: float = 224,
    degrees: float = 8.0,
    seed: int = 0,
    num_classes: int = 1000,
    **options: Any,
) -> nn.Sequential:
    """Make VOneResNet50: a VOneBlock in place of the first layers of a ResNet-50.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images.
    seed : int
        Of the Gabors and of the random weights behind them.
    num_classes : int
        Number of classes.
    **options : Any
        Of `VOneBlock`.

    Returns
    -------
    nn.Sequential
        With the parts ``vone_block``, ``bottleneck`` (1 x 1) and ``model``, as published.

    References
    ----------
    Dapello, Marques, Schrimpf, Geiger, Cox & DiCarlo (2020), NeurIPS 33.

    Examples
    --------
    >>> model = vone_resnet50(num_classes=10)
    >>> tuple(model(torch.zeros(1, 3, 64, 64)).shape)
    (1, 10)
    """
    check_positive(num_classes=num_classes)
    block = VOneBlock(pixels=pixels, degrees=degrees, seed=seed, **options)
    with seeded(seed):
        bottleneck = nn.Conv2d(_cells(block), STAGE_CHANNELS, 1, bias=False)
        nn.init.kaiming_normal_(bottleneck.weight, mode="fan_out", nonlinearity="relu")
        model = from_layer1(num_classes)
    return nn.Sequential(
        OrderedDict[str, nn.Module](vone_block=block, bottleneck=bottleneck, model=model)
    )


def evnet_resnet50(
    *,
    pixels: float = 224,
    degrees: float = 7.0,
    seed: int = 0,
    num_classes: int = 1000,
    variant: str = "standard",
    simple_channels: int = 256,
    complex_channels: int = 256,
    noise: bool = False,
) -> EVNet:
    """Make EVResNet50: retina, LGN and V1 in place of the first layers of a ResNet-50.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images.
    seed : int
        Of the Gabors and of the random weights behind them.
    num_classes : int
        Number of classes.
    variant : str
        A key of `EVNET_VARIANTS`.
    simple_channels, complex_channels : int
        Number of simple and complex cells.
    noise : bool
        Whether the subcortical and the V1 stage are noisy, as in training.

    Returns
    -------
    EVNet
        With the parts ``subcorticalblock``, ``voneblock``, ``voneblock_bottleneck`` (1 x 1) and
        ``model``, as published; of ``lgn_to_v2``, the first three are in ``evblock``.

    References
    ----------
    Piper, Oliveira & Marques (2025), NeurIPS 38, arXiv 2506.03089.

    Examples
    --------
    >>> model = evnet_resnet50(num_classes=10)
    >>> tuple(model.voneblock.simple_conv_q0.weight.shape)
    (512, 4, 31, 31)
    """
    check_choice("variant", variant, tuple(EVNET_VARIANTS))
    check_positive(num_classes=num_classes)
    chosen = EVNET_VARIANTS[variant]
    subcortical = SubcorticalBlock(
        pixels=pixels,
        degrees=degrees,
        noise_seed=seed,
        **{"noise": noise, **chosen.subcortical},
    )
    block = VOneBlock(
        pixels=pixels,
        degrees=degrees,
        simple_channels=simple_channels,
        complex_channels=complex_channels,
        kernel_size=EVNET_KERNEL_SIZE,
        gain=chosen.gain,
        noise="fano" if noise else None,
        noise_scale=chosen.fano_factor,
        noise_seed=seed + 1,
        colours=subcortical.channels,
        gabors=sample_evnet_parameters(
            simple_channels,
            complex_channels,
            seed=seed,
            channels=subcortical.channels,
            proportions=chosen.proportions,
        ),
    )
    with seeded(seed):
        parts: dict[str, nn.Module] = (
            {"evblock": EVBlock(subcortical, block)}
            if chosen.to_v2
            else {
                "subcorticalblock": subcortical,
                "voneblock": block,
                "voneblock_bottleneck": nn.Conv2d(_cells(block), STAGE_CHANNELS, 1, bias=False),
            }
        )
        model = from_layer1(num_classes)
    return EVNet(OrderedDict[str, nn.Module](**parts, model=model))


def vone_dn(
    *,
    pixels: float = 256,
    degrees: float = 8.0,
    seed: int = 0,
    simple_channels: int = 32,
    complex_channels: int = 32,
    mode: str = "corrected",
) -> nn.Sequential:
    """Make a VOneBlock for grey images that is followed by divisive normalization.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images.
    seed : int
        Of the Gabors and of the pools.
    simple_channels, complex_channels : int
        Number of simple and complex cells; 256 of each as published, whose pools (25 x 25 sites for
        every pair of channels) take a GPU.
    mode : {"corrected", "as_released"}
        Corrected pools have a total weight of 1 on average; in the release it grows with the number
        of channels, to 400 for 512 of them.

    Returns
    -------
    nn.Sequential
        With the parts ``vone_block`` and ``normalization``.

    Notes
    -----
    The release divides by the integral of each Gaussian, and we by its sum over the taps, which at
    the published widths is 0.93 to 1 times that.

    References
    ----------
    Cirincione, Verrier, Bic, Olaiya, DiCarlo, Udeigwe & Marques (2022), SVRHM workshop at NeurIPS.

    Examples
    --------
    >>> model = vone_dn(simple_channels=2, complex_channels=2)
    >>> tuple(model(torch.zeros(1, 1, 64, 64)).shape)
    (1, 4, 32, 32)
    """
    check_choice("mode", mode, MODES)
    gabors = sample_gabor_parameters(
        simple_channels + complex_channels, seed=seed, spatial_frequency_max=DN_FREQUENCY_MAX
    )
    block = VOneBlock(
        pixels=pixels,
        degrees=degrees,
        simple_channels=simple_channels,
        complex_channels=complex_channels,
        kernel_size=DN_KERNEL_SIZE,
        stride=DN_STRIDE,
        gain=DN_GAIN,
        colours=1,
        gabors=gabors.assign(colour=0),
    )
    normalization = DivisiveNormalization(
        _cells(block),
        kernel_size=DN_POOL_SIZE,
        amplitude_scale=1.0 if mode == "as_released" else None,
        generator=torch.Generator().manual_seed(seed),
    )
    return nn.Sequential(OrderedDict[str, nn.Module](vone_block=block, normalization=normalization))


def _cells(block: VOneBlock) -> int:
    return block.simple_channels + block.complex_channels


def from_layer1(num_classes: int) -> nn.Module:
    """Make a ResNet-50 that begins with its first stage.

    Parameters
    ----------
    num_classes : int
        Number of classes.

    Returns
    -------
    nn.Module
        Takes 64 channels.
    """
    model = resnet50(num_classes=num_classes)
    for name in ("conv1", "bn1", "relu", "maxpool"):
        setattr(model, name, nn.Identity())
    return model


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch, on the CPU, and restore its random state afterwards.

    Parameters
    ----------
    seed : int
        The seed.

    Yields
    ------
    None
    """
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)
        yield
