"""Textbook: V1 units whose tuning is known in closed form."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.models.textbook import truth
from insilico.models.textbook.drive import drive, rates
from insilico.models.textbook.images import check_images
from insilico.models.textbook.units import KINDS, POOL, draw_units, members, pool_of, profile
from stimuli import Display

__all__ = ["Textbook"]


class Textbook(nn.Module):
    """Simple cells, complex cells and normalised cells that respond to pixels as the books say.

    With ``L`` and ``M`` the responses of a quadrature pair of Gabors to contrast, and ``P`` the
    mean energy ``L^2 + M^2`` of four such pairs, half as large and displaced by three standard
    deviations of the envelope to the ends and the flanks of the receptive field, units respond as

    ====================== ===============================================
    ``simple``             ``gain max(L, 0)``
    ``complex``            ``gain (L^2 + M^2)``
    ``normalised_simple``  ``gain max(L, 0)^2 / (1 - s + s P)``
    ``normalised_complex`` ``gain (L^2 + M^2) / (1 - s + s P)``
    ====================== ===============================================

    A preferred grating that fills the display makes ``P`` about 1, and any unit respond at about
    its ``gain``; the more of the pool a smaller one spares, the stronger the suppression.

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

    Attributes
    ----------
    display : Display
        The screen for which the weights are made.
    units : DataFrame
        The parameters, one row per unit; see `draw_units`.
    v1 : nn.Identity
        The layer to record.

    References
    ----------
    Movshon, Thompson & Tolhurst (1978), J. Physiol. 283 (simple cells); Adelson & Bergen (1985),
    J. Opt. Soc. Am. A 2 (energy model); Heeger (1992), Visual Neuroscience 9 (normalisation).

    Examples
    --------
    >>> textbook = Textbook(n=9)
    >>> blank = torch.full((1, 1, 224, 224), 0.5)
    >>> textbook(blank).abs().max().item()
    0.0
    """

    weight: Tensor
    gain: Tensor
    suppression: Tensor

    def __init__(
        self, *, pixels: int = 224, degrees: float = 8.0, n: int = 240, seed: int = 0
    ) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees)
        self.units = draw_units(n, display=self.display, seed=seed)
        kind = self.units["kind"]
        self.counts = [int((kind == name).sum()) for name in KINDS]
        normalised = kind.str.startswith("normalised").to_numpy()
        self.register_buffer("weight", _weights(self.units, self.display))
        self.register_buffer("gain", torch.tensor(self.units["gain"].to_numpy()).float())
        suppression = self.units["suppression"].to_numpy()[normalised]
        self.register_buffer("suppression", torch.tensor(suppression).float())
        self.v1 = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit"]:
        """Responses of simple, complex and normalised cells, in spikes/s, to grey images."""
        check_images(self, images, self.display)
        contrast = (images - self.display.mean_background) / self.display.mean_background
        filtered = functional.linear(contrast.flatten(1), self.weight)
        in_pool = 2 * len(POOL)
        parts = [*self.counts, self.counts[1], self.counts[3], in_pool * len(self.suppression)]
        simple, even, simple_n, even_n, odd, odd_n, pool = torch.split(filtered, parts, dim=1)
        excited = torch.cat([functional.relu(simple_n) ** 2, even_n**2 + odd_n**2], dim=1)
        pooled = (pool**2).reshape(len(pool), -1, in_pool).sum(2) / len(POOL)
        suppressed = excited / (1 - self.suppression + self.suppression * pooled)
        responses = torch.cat([functional.relu(simple), even**2 + odd**2, suppressed], dim=1)
        return self.v1(self.gain * responses)

    def response(
        self,
        *,
        orientation: npt.ArrayLike,
        spatial_frequency: npt.ArrayLike,
        phase: npt.ArrayLike = 0.0,
        contrast: float = 1.0,
        diameter: float = np.inf,
        x: float = 0.0,
        y: float = 0.0,
    ) -> npt.NDArray[np.float64]:
        """Responses to gratings by formula (full field) or quadrature (disks), not by pixels.

        Parameters
        ----------
        orientation, spatial_frequency : array, broadcasts to (unit, condition)
            In deg and cpd.
        phase : array, broadcasts to (unit, condition, phase)
            At the anchor, in deg.
        contrast : float
            Michelson contrast.
        diameter : float
            Of the disk, in deg; infinite for a grating that fills the display.
        x, y : float
            Anchor of the phase and centre of the disk, in deg.

        Returns
        -------
        array, shape (unit, condition, phase)
            In spikes/s.
        """
        driven = drive(
            self.units,
            orientation=orientation,
            spatial_frequency=spatial_frequency,
            diameter=diameter,
            x=x,
            y=y,
        )
        return rates(self.units, driven, phase, contrast=contrast)

    def truth(
        self,
        *,
        phases: npt.ArrayLike | None = None,
        diameter: float = np.inf,
        diameters: npt.ArrayLike | None = None,
        contrast: float = 1.0,
        x: float = 0.0,
        y: float = 0.0,
    ) -> pd.DataFrame:
        """Tuning properties of every unit; see `truth.properties`."""
        if diameters is None:
            diameters = np.geomspace(0.1, min(self.display.degrees), 64)
        return truth.properties(
            self.units,
            phases=phases,
            diameter=diameter,
            diameters=diameters,
            contrast=contrast,
            x=x,
            y=y,
        )


def _weights(units: pd.DataFrame, display: Display) -> Float[Tensor, "filter pixel"]:
    """Even filters of all units, odd filters of complex cells, then eight for each pool."""
    x = torch.from_numpy(display.x()).repeat(display.height)
    y = torch.from_numpy(display.y()).repeat_interleave(display.width)
    center = torch.from_numpy(members(units))

    def fields(which: npt.NDArray[np.bool_], member: int) -> Float[Tensor, "2 unit pixel"]:
        parts = []
        rows = np.flatnonzero(which)
        for some in np.array_split(rows, max(1, len(rows) // 16)):  # little memory at a time
            away = center[member, some, :, None]
            field = pool_of(units.iloc[some]) if member else units.iloc[some]
            part = profile(field, x - away[:, 0], y - away[:, 1])
            parts.append((part / display.px_per_deg**2).float())
        return torch.cat(parts, dim=1)

    kind = units["kind"]
    even, odd = fields(np.ones(len(units), dtype=bool), 0)
    phase = torch.tensor(np.deg2rad(units["phase"].to_numpy())).float()[:, None]
    paired = torch.tensor(kind.str.endswith("complex").to_numpy())
    own = torch.cos(phase) * even - torch.sin(phase) * odd
    partner = (torch.sin(phase) * even + torch.cos(phase) * odd)[paired]
    normalised = kind.str.startswith("normalised").to_numpy()
    pool = torch.stack([fields(normalised, member) for member in range(1, len(center))])
    return torch.cat([own, partner, pool.movedim(2, 0).flatten(0, 2)])
