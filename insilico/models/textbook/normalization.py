"""NormalizedPopulation: cells with normalization pools and surrounds, known in closed form."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.models.textbook.images import check_images
from insilico.models.textbook.normalized_units import (
    RESPONSE_GAIN_POWER,
    Bank,
    draw_normalized,
    pool,
    surround,
)
from insilico.models.textbook.units import profile
from stimuli import Display

__all__ = ["NormalizedPopulation"]

# Adds nothing to 1.
LEAST = 1e-30

Values = npt.NDArray[np.float64]


class NormalizedPopulation(nn.Module):
    """Simple and complex cells whose contrast, size, mask and surround effects are known.

    With ``E`` the energy of the unit's own quadrature pair (a simple cell has the rectified square
    of one of the two), ``P`` that of a pool, which is broad in orientation and frequency and
    narrow in space, and ``S`` that of a surround, which is wide and tuned to orientation,

    ``R = maximum E^(n/2) / (c^n + P^(n/2) + (g S)^(n/2)) / (1 + (r S)^0.75)``

    with ``n`` the exponent, ``c`` the semisaturation, ``g`` the contrast gain and ``r`` the
    response gain of the surround. ``P`` and ``S`` are 1 for a full preferred grating of contrast 1.
    Without normalization, simple cells are rectified and linear, and complex cells give ``E``.

    Parameters
    ----------
    pixels : int
        Side of the images, in px.
    degrees : float
        Side of the images, in deg.
    n : int
        Number of units.
    seed : int
        Of their parameters.
    normalized : bool
        False for the control: the same receptive fields without pools and surrounds.
    units : DataFrame, optional
        The parameters themselves, instead of drawn ones; see `draw_normalized`.

    Attributes
    ----------
    display : Display
        The screen for which the weights are made.
    units : DataFrame
        The parameters, one row per unit.
    v1 : nn.Identity
        The layer to record.

    References
    ----------
    Heeger (1992), Visual Neuroscience 9; Carandini, Heeger & Movshon (1997), J. Neurosci. 17;
    Cavanaugh, Bair & Movshon (2002), J. Neurophysiol. 88.

    Examples
    --------
    >>> population = NormalizedPopulation(n=4)
    >>> blank = torch.full((1, 1, 96, 96), 0.5)
    >>> population(blank).abs().max().item()
    0.0
    """

    weight: Tensor
    simple: Tensor
    exponent: Tensor
    semisaturation: Tensor
    response_gain: Tensor
    contrast_gain: Tensor
    maximum: Tensor

    def __init__(
        self,
        *,
        pixels: int = 96,
        degrees: float = 6.0,
        n: int = 64,
        seed: int = 0,
        normalized: bool = True,
        units: pd.DataFrame | None = None,
    ) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees)
        self.normalized = normalized
        if units is None:
            units = draw_normalized(n, display=self.display, seed=seed)
        self.units = units.reset_index(drop=True)
        self.register_buffer("weight", _pairs(self.units, self.display))
        if normalized:
            self.pool = Energies(pool(self.units), self.units, self.display)
            self.surround = Energies(surround(self.units), self.units, self.display)
        simple = torch.tensor((self.units["kind"] == "simple").to_numpy())
        self.register_buffer("simple", simple)
        for name in ("exponent", "semisaturation", "response_gain", "contrast_gain", "maximum"):
            self.register_buffer(name, torch.tensor(self.units[name].to_numpy()).float())
        self.v1 = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit"]:
        """Responses, in spikes/s, to grey images in [0, 1]."""
        check_images(self, images, self.display)
        contrast = (images[:, 0] - self.display.mean_background) / self.display.mean_background
        even, odd = functional.linear(contrast.flatten(1), self.weight).chunk(2, dim=1)
        energy = torch.where(self.simple, functional.relu(even) ** 2, even**2 + odd**2)
        if not self.normalized:
            return self.v1(self.maximum * torch.where(self.simple, energy.sqrt(), energy))
        half = self.exponent / 2
        around = self.surround(contrast)
        divisor = (
            self.semisaturation**self.exponent
            + self.pool(contrast) ** half
            + (self.contrast_gain * around) ** half
        )
        # A power below 1 has no slope at 0, and that of one unit would spoil those of all.
        shared = 1 + (self.response_gain * around).clamp(min=LEAST) ** RESPONSE_GAIN_POWER
        return self.v1(self.maximum * energy**half / divisor / shared)


class Energies(nn.Module):
    """Summed energies of banks of round Gabors, one bank per unit.

    A round Gabor is a product of a function of x and one of y: pictures are first weighted along
    x, for every carrier and column of places, and then along y.

    Parameters
    ----------
    bank : Bank
        What each unit pools.
    units : DataFrame
        Centres of the units.
    display : Display
        The screen.
    """

    across: Tensor
    along: Tensor
    kappa: Tensor
    weight: Tensor

    def __init__(self, bank: Bank, units: pd.DataFrame, display: Display) -> None:
        super().__init__()
        # The amplitude of each member's response to its own grating is 1, as in `profile`.
        scale = 1 / (np.pi * bank.sigma**2 * display.px_per_deg**2)
        # Members of one width share what is taken off to make them blind to uniform light.
        widths = (bank.sigma[0] / bank.sigma[0, 0]).round(6)
        _, first, self.uniform = np.unique(widths, return_index=True, return_inverse=True)
        self.n_members = bank.omega.shape[1]
        bare = np.zeros((len(units), len(first), 2))
        fields = bank._replace(
            omega=np.concatenate([bank.omega, bare], axis=1),
            sigma=np.concatenate([bank.sigma, bank.sigma[:, first]], axis=1),
        )
        scale = np.concatenate([scale, scale[:, first]], axis=1)
        # (unit x field, part, place, pixel) and (unit x field, pixel, part x place).
        across = _fields(fields, units["x"].to_numpy(), display.x(), 0)
        along = _fields(fields, units["y"].to_numpy(), display.y(), 1)
        along = along * scale.reshape(-1, 1, 1, 1)
        self.register_buffer("across", torch.tensor(across).float())
        self.register_buffer("along", torch.tensor(along).float().flatten(1, 2).mT.contiguous())
        self.register_buffer("kappa", torch.tensor(bank.kappa).float()[..., None, None, None])
        power = bank.weight / (1 - bank.kappa**2)[..., None, None] ** 2
        self.register_buffer("weight", torch.tensor(power).float().mT[..., None, :].contiguous())

    def forward(self, contrast: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch unit"]:
        """Weighted sum of the members' energies."""
        n, height, _ = contrast.shape
        fields, parts, places, width = self.across.shape
        columns = self.across.view(-1, width) @ contrast.reshape(-1, width).T
        # Real and imaginary parts along x times both along y: (field, part, x, batch, part, y).
        products = columns.view(fields, -1, height) @ self.along
        products = products.view(len(self.weight), -1, parts, places, n, parts, places)
        real = products[:, :, 0, :, :, 0] - products[:, :, 1, :, :, 1]
        imaginary = products[:, :, 0, :, :, 1] + products[:, :, 1, :, :, 0]
        real, imaginary = (
            part[:, : self.n_members] - self.kappa * part[:, self.n_members :][:, self.uniform]
            for part in (real, imaginary)
        )
        energy = real**2 + imaginary**2
        return (energy * self.weight).sum((1, 2, 4)).T


def _fields(
    bank: Bank, center: Values, axis: Values, which: int
) -> Float[np.ndarray, "field part place pixel"]:
    """Envelope times carrier along one axis, real and imaginary parts, for every place."""
    away = axis - (center[:, None] + bank.place)[..., None]
    omega, sigma = bank.omega[..., which], bank.sigma
    envelope = np.exp(-((away[:, None] / sigma[..., None, None]) ** 2) / 2)
    turn = omega[..., None, None] * away[:, None]
    both = np.stack([envelope * np.cos(turn), envelope * np.sin(turn)], axis=2)
    return both.reshape(-1, *both.shape[2:])


def _pairs(units: pd.DataFrame, display: Display) -> Float[Tensor, "filter pixel"]:
    """Quadrature pairs of the units: those of the unit's phase, then their partners."""
    x = torch.from_numpy(display.x()).repeat(display.height)
    y = torch.from_numpy(display.y()).repeat_interleave(display.width)
    center_x, center_y = (torch.tensor(units[name].to_numpy())[:, None] for name in ("x", "y"))
    even, odd = profile(units, x - center_x, y - center_y) / display.px_per_deg**2
    phase = torch.tensor(np.deg2rad(units["phase"].to_numpy()))[:, None]
    own = torch.cos(phase) * even - torch.sin(phase) * odd
    partner = torch.sin(phase) * even + torch.cos(phase) * odd
    return torch.cat([own, partner]).float()
