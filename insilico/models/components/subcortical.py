"""The subcortical stage of EVNet: retina and lateral geniculate nucleus (Piper et al. 2025)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError

__all__ = ["SubcorticalBlock"]

COLOURS = 3

# Radii are published in px at this resolution.
PUBLISHED_PX_PER_DEG = 32.0

# Kernels reach as far as holds this much of the volume of their Gaussian.
VOLUME = 0.75

# Of light adaptation: added to the mean, and in the variant "threshold" what a pixel has to exceed
# to count.
EPSILON = {"mean": 1e-5, "threshold": 0.05}

FANO_FACTOR = 0.4
NOISE_FLOOR = 1e-5

RED_GREEN = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
GREEN_RED = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
BLUE_YELLOW = ((0.0, 0.0, 1.0), (0.5, 0.5, 0.0))
ACHROMATIC = ((1 / 3,) * 3, (1 / 3,) * 3)


@dataclass(frozen=True)
class Pathway:
    """Constants of one class of cells, fitted by the authors to macaque LGN.

    Parameters
    ----------
    opponency : tuple
        For every channel, the weights of the colours in the centre and in the surround.
    center_radius, surround_radius, pool_radius : float
        In px at 32 px/deg; the Gaussians are exp(-r^2 / radius^2).
    surround_ratio : float
        Amplitude of the surround, that of the centre being 1.
    semisaturation, exponent, gain : float
        Of the contrast normalization, and behind it.
    """

    opponency: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    center_radius: float
    surround_radius: float
    surround_ratio: float
    pool_radius: float
    semisaturation: float
    exponent: float
    gain: float


PATHWAYS = {
    "parvo": Pathway(
        opponency=(RED_GREEN, GREEN_RED, BLUE_YELLOW),
        center_radius=1.494800846305186,
        surround_radius=7.1528,
        surround_ratio=-0.011894632845946745,
        pool_radius=13.4115,
        semisaturation=1.0,
        exponent=1.0,
        gain=5.29525198895458,
    ),
    "magno": Pathway(
        opponency=(ACHROMATIC,),
        center_radius=2.4203904,
        surround_radius=17.091879253424104,
        surround_ratio=-0.0037506100912582663,
        pool_radius=28.872192,
        semisaturation=0.18501829502844522,
        exponent=0.8068704487883759,
        gain=2.8494928592250206,
    ),
}


class Filters(nn.Module):
    """The fixed kernels of one pathway.

    Parameters
    ----------
    center_surround : Tensor, shape (channel, colour, row, column)
        What the cells see.
    pool : Tensor, shape (channel, 1, row, column), or None
        Over what their contrast is measured, if it is.
    """

    center_surround: Tensor
    pool: Tensor

    def __init__(
        self,
        center_surround: Float[Tensor, "channel colour row column"],
        pool: Float[Tensor, "channel 1 pool_row pool_column"] | None,
    ) -> None:
        super().__init__()
        self.register_buffer("center_surround", center_surround)
        self.register_buffer("pool", pool)

    def drive(self, images: Tensor) -> Tensor:
        """Filter images by centre and surround."""
        return _filtered(images, self.center_surround)

    def energy(self, drive: Tensor) -> Tensor:
        """Average the squared drive of each channel in its neighbourhood."""
        return _filtered(drive.square(), self.pool, groups=len(self.pool))


class SubcorticalBlock(nn.Module):
    """Light adaptation, P and M cells with centre and surround, contrast normalization.

    The front end of EVNet. Nothing in it learns.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images. Their ratio scales all radii.
    parvo, magno : bool
        Which cells there are: three opponent P channels (R+/G-, G+/R-, B+/Y-), one M channel.
    light_adaptation : {"mean", "threshold", None}
        Contrast relative to the mean of the image, or to the mean of its values above 0.05. None
        takes images that are normalised already, with mean 0.5 and standard deviation 0.5.
    contrast_normalization : bool
        Whether each channel is divided by its own contrast nearby.
    noise : bool
        Whether Gaussian noise is added, of a variance 0.4 times the response.
    noise_seed : int
        Seed of the noise, for calls that bring no generator of their own.

    Attributes
    ----------
    channels : int
        Number of output channels, P before M.

    Notes
    -----
    A channel with amplitudes ``C`` and ``S`` of the colours in its centre and surround filters with
    ``C exp(-r^2/rc^2) + ratio S exp(-r^2/rs^2)``, divided by the absolute sum over taps and
    colours. Its drive y becomes ``gain y / (sqrt(E) + c50)^n``, E being y^2 averaged under a
    Gaussian. Images are continued by reflection.

    References
    ----------
    Piper, Oliveira & Marques (2025), NeurIPS 38, arXiv:2506.03089.

    Examples
    --------
    A uniform image is adapted away, whatever its luminance.

    >>> block = SubcorticalBlock(pixels=64, degrees=7)
    >>> responses = block(torch.full((1, 3, 64, 64), 0.25))
    >>> tuple(responses.shape), bool(responses.abs().max() < 1e-3)
    ((1, 4, 64, 64), True)
    """

    semisaturation: Tensor
    exponent: Tensor
    gain: Tensor

    def __init__(
        self,
        *,
        pixels: float = 224,
        degrees: float = 7.0,
        parvo: bool = True,
        magno: bool = True,
        light_adaptation: str | None = "mean",
        contrast_normalization: bool = True,
        noise: bool = False,
        noise_seed: int = 0,
    ) -> None:
        super().__init__()
        if light_adaptation not in (*EPSILON, None):
            raise UserError(
                f"light_adaptation must be 'mean', 'threshold' or None; got {light_adaptation!r}."
            )
        chosen = [PATHWAYS[name] for name, wanted in (("parvo", parvo), ("magno", magno)) if wanted]
        if not chosen:
            raise UserError("parvo and magno are both False; keep at least one of the pathways.")
        self.light_adaptation = light_adaptation
        self.contrast_normalization = contrast_normalization
        self.noise = noise
        self.noise_generator = torch.Generator().manual_seed(noise_seed)
        scale = pixels / degrees / PUBLISHED_PX_PER_DEG
        # ModuleList is not generic in what it holds.
        self.pathways: Any = nn.ModuleList(
            Filters(
                _center_surround(pathway, scale, pixels),
                _pool(pathway, scale, pixels) if contrast_normalization else None,
            )
            for pathway in chosen
        )
        per_channel = [pathway for pathway in chosen for _ in pathway.opponency]
        self.channels = len(per_channel)
        names = ["gain"] + ["semisaturation", "exponent"] * contrast_normalization
        for name in names:
            values = torch.tensor([getattr(pathway, name) for pathway in per_channel])
            self.register_buffer(name, values.reshape(-1, 1, 1))

    def forward(
        self,
        images: Float[Tensor, "batch 3 height width"],
        *,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch channel height width"]:
        """Responses of P and M cells, positive and negative.

        Parameters
        ----------
        images : Tensor, shape (batch, 3, height, width)
            In [0, 1].
        generator : Generator, optional
            Source of the noise, where there is any; the block's own unless given.
        """
        adapted = self.adapted(images)
        drives = [part.drive(adapted) for part in self.pathways]
        responses = torch.cat(drives, dim=1)
        if self.contrast_normalization:
            energies = [
                part.energy(drive) for part, drive in zip(self.pathways, drives, strict=True)
            ]
            energy = torch.cat(energies, dim=1)
            # The bound keeps the square root differentiable where there is no contrast.
            contrast = energy.clamp_min(torch.finfo(energy.dtype).tiny).sqrt()
            responses = responses / (contrast + self.semisaturation) ** self.exponent
        responses = responses * self.gain
        if not self.noise:
            return responses
        generator = generator or self.noise_generator
        normal = torch.randn(
            responses.shape, generator=generator, device=generator.device, dtype=responses.dtype
        )
        return self.add_noise(responses, normal.to(responses.device))

    def adapted(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Contrast of every pixel, relative to the mean luminance of its image.

        Parameters
        ----------
        images : Tensor, shape (batch, 3, height, width)
            In [0, 1].

        Returns
        -------
        Tensor, the shape of ``images``
        """
        if self.light_adaptation is None:
            return images
        epsilon = EPSILON[self.light_adaptation]
        if self.light_adaptation == "mean":
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
        else:
            lit = images > epsilon
            count = lit.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
            mean = (images * lit).sum(dim=(1, 2, 3), keepdim=True) / count
        return (images - mean) / (mean + epsilon)

    @staticmethod
    def add_noise(responses: Tensor, normal: Tensor, *, fano_factor: float = FANO_FACTOR) -> Tensor:
        """Add noise in proportion to the square root of the response.

        Parameters
        ----------
        responses : Tensor
            Without noise.
        normal : Tensor, the shape of ``responses``
            Standard normal noise.
        fano_factor : float
            Variance of the noise relative to the response.

        Returns
        -------
        Tensor
        """
        return responses + normal * torch.sqrt(fano_factor * (responses.abs() + NOISE_FLOOR))


def _kernel_size(radius: float, pixels: float) -> int:
    size = 2 * math.ceil(radius * math.sqrt(-math.log(1 - VOLUME))) + 1
    return min(size, 2 * int(pixels) - 1)


def _gaussian(radius: float, size: int) -> Float[Tensor, "row column"]:
    taps = torch.arange(size, dtype=torch.float64) - size // 2
    along = torch.exp(-((taps / radius) ** 2))
    return along[:, None] * along


def _center_surround(
    pathway: Pathway, scale: float, pixels: float
) -> Float[Tensor, "channel colour row column"]:
    size = _kernel_size(pathway.surround_radius * scale, pixels)
    centre = _gaussian(pathway.center_radius * scale, size)
    surround = _gaussian(pathway.surround_radius * scale, size)
    colours = torch.tensor(pathway.opponency, dtype=torch.float64)
    kernels = (
        colours[:, 0, :, None, None] * centre
        + pathway.surround_ratio * colours[:, 1, :, None, None] * surround
    )
    kernels = kernels / kernels.sum(dim=(1, 2, 3), keepdim=True).abs()
    return kernels.to(torch.get_default_dtype())


def _pool(pathway: Pathway, scale: float, pixels: float) -> Float[Tensor, "channel 1 row column"]:
    radius = pathway.pool_radius * scale
    weights = _gaussian(radius, _kernel_size(radius, pixels))
    kernels = (weights / weights.sum()).expand(len(pathway.opponency), 1, -1, -1)
    return kernels.to(torch.get_default_dtype()).contiguous()


def _filtered(images: Tensor, kernels: Tensor, groups: int = 1) -> Tensor:
    """Filter, the images being continued by reflection."""
    padding = kernels.shape[-1] // 2
    if min(images.shape[-2:]) <= padding:
        raise UserError(
            f"SubcorticalBlock continues images by reflection, {padding} px on each side for "
            f"kernels of {kernels.shape[-1]} px; got images of {images.shape[-2]} x "
            f"{images.shape[-1]} px. Show larger images, or build it for fewer pixels per degree."
        )
    padded = functional.pad(images, (padding,) * 4, mode="reflect")
    return functional.conv2d(padded, kernels, groups=groups)
