"""LogPolar: complex cells whose fields grow with eccentricity, as through a log-polar front end."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.textbook.images import check_images
from insilico.models.textbook.units import profile
from stimuli import Display

__all__ = ["LogPolar", "draw_log_polar_units"]

# Standard deviation of the envelope in deg: at the centre, and per deg of eccentricity.
CENTRE, GROWTH = 0.28, 0.12

# Of the carrier, in cycles per standard deviation.
CYCLES = 0.4

# Rings of cells, evenly spaced in log eccentricity from the innermost to the outermost, which is a
# share of half the display: fields reach beyond it.
RINGS, SECTORS = 5, 8
INNERMOST, OUTERMOST = 0.4, 0.55

# Standard deviation of the preferred orientation about the radial one, in deg.
SCATTER = 30.0

LEAST_DEGREES, FINEST = 8.0, 0.2


def draw_log_polar_units(*, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw cells on rings.

    Parameters
    ----------
    display : Display
        The screen.
    seed : int
        Of the orientations.

    Returns
    -------
    DataFrame, one row per unit
        ``eccentricity`` and ``polar_angle`` (deg), ``x`` and ``y`` (deg), ``sigma_across`` and
        ``sigma_along`` (deg, ``.28 + .12 eccentricity``), ``spatial_frequency`` (cpd, .4 over
        that), ``orientation`` (deg).

    Raises
    ------
    UserError
        If the display is too coarse or too small.
    """
    finest = CYCLES / CENTRE
    if min(display.degrees) < LEAST_DEGREES or FINEST * display.px_per_deg < finest:
        raise UserError(
            f"the cells need at least {finest / FINEST:.2g} px/deg and {LEAST_DEGREES:g} deg on a "
            f"side; got {display.px_per_deg:g} px/deg and {min(display.degrees):g} deg."
        )
    rng = np.random.default_rng(seed)
    outermost = OUTERMOST * min(display.degrees) / 2
    rings = np.repeat(np.geomspace(INNERMOST, outermost, RINGS), SECTORS)
    # Turned from ring to ring, so that cells do not lie on a few spokes.
    turn = np.repeat(np.arange(RINGS), SECTORS) / 3
    angle = (np.tile(np.arange(SECTORS), RINGS) + turn) * 360 / SECTORS % 360
    sigma = CENTRE + GROWTH * rings
    return pd.DataFrame(
        {
            "eccentricity": rings,
            "polar_angle": angle,
            "x": rings * np.cos(np.deg2rad(angle)),
            "y": rings * np.sin(np.deg2rad(angle)),
            "sigma_across": sigma,
            "sigma_along": sigma,
            "spatial_frequency": CYCLES / sigma,
            "orientation": (angle + SCATTER * rng.standard_normal(len(angle))) % 180,
        }
    )


class LogPolar(nn.Module):
    """Energies of quadrature pairs of Gabors that grow in proportion with eccentricity.

    In a map of log eccentricity by polar angle all of them would be alike: a pixel there spans a
    part of the visual field that grows with eccentricity.

    Parameters
    ----------
    pixels : int
        Side of the images, in px.
    degrees : float
        Side of the images, in deg.
    seed : int
        Of the orientations, which scatter around the radial one.

    Attributes
    ----------
    display : Display
        The screen for which the weights are made.
    units : DataFrame
        The parameters, one row per unit; see `draw_log_polar_units`.
    v1 : nn.Identity
        The layer to record.

    References
    ----------
    Schwartz (1977), Biol. Cybern. 25:181-194, doi 10.1007/BF01885636 (the log-polar map).

    Examples
    --------
    >>> cells = LogPolar()
    >>> cells(torch.full((1, 1, 64, 64), 0.5)).abs().max().item() < 1e-6
    True
    """

    weight: Tensor

    def __init__(self, *, pixels: int = 64, degrees: float = 8.0, seed: int = 0) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees)
        self.units = draw_log_polar_units(display=self.display, seed=seed)
        x = torch.from_numpy(self.display.x()).repeat(pixels)[None]
        y = torch.from_numpy(self.display.y()).repeat_interleave(pixels)[None]
        place = torch.tensor(self.units[["x", "y"]].to_numpy())
        pair = profile(self.units, x - place[:, :1], y - place[:, 1:]) / self.display.px_per_deg**2
        self.register_buffer("weight", pair.flatten(0, 1).float())
        self.v1 = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit"]:
        """Energies of grey images in [0, 1]."""
        check_images(self, images, self.display)
        contrast = images.flatten(1) / self.display.mean_background - 1
        even, odd = functional.linear(contrast, self.weight).chunk(2, dim=1)
        return self.v1(even**2 + odd**2)
