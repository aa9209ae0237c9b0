"""BorderOwners: complex cells that know on which side of their edge a figure lies."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.textbook.images import check_images
from insilico.models.textbook.units import column, profile
from stimuli import Display

__all__ = ["BorderOwners", "draw_border_units"]

# Preferred frequencies in cpd, and in cycles/px; standard deviations of the fields in cycles.
LOWEST, HIGHEST, FINEST = 0.9, 1.6, 0.18
CYCLES = 0.4

# The fields that look for the ends of a figure: their frequency in cpd, and where they lie, in
# multiples of their standard deviation. Nearer to the edge than three, they would see beyond it.
CONTEXT_FREQUENCY = 1.2
ACROSS = np.array([3.0, 4.0, 5.0])
ALONG = np.arange(-4.0, 5.0)

# Small beside any energy that a figure of some contrast gives.
LITTLE = 1e-4

LARGEST_BIAS = 0.8

# Standard deviations beyond which little of a field is left.
REACH = 2.5


def draw_border_units(n: int, *, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw a population, every other unit of which does not know sides.

    Parameters
    ----------
    n : int
        Number of units.
    display : Display
        The screen.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``orientation`` (deg), ``spatial_frequency`` (cpd), ``sigma_across`` and ``sigma_along``
        (deg), ``x`` and ``y`` (deg), ``bias`` (-.8 to .8, 0 for every other unit), ``gain``.

    Raises
    ------
    UserError
        If the display is too coarse or too small.
    """
    reach = np.hypot(ACROSS[-1], ALONG[-1]) + REACH
    widest = 2 * reach * CYCLES / CONTEXT_FREQUENCY
    if FINEST * display.px_per_deg < HIGHEST or min(display.degrees) < widest:
        raise UserError(
            f"the cells need at least {HIGHEST / FINEST:.2g} px/deg and {widest:.2g} deg on a side;"
            f" got {display.px_per_deg:g} px/deg and {min(display.degrees):g} deg."
        )
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.uniform(np.log(LOWEST), np.log(HIGHEST), n))
    bias = rng.uniform(-LARGEST_BIAS, LARGEST_BIAS, n)
    return pd.DataFrame(
        {
            "orientation": rng.uniform(0, 180, n),
            "spatial_frequency": frequency,
            "sigma_across": CYCLES / frequency,
            "sigma_along": CYCLES / frequency,
            "x": 0.0,
            "y": 0.0,
            "bias": np.where(np.arange(n) % 2, bias, 0.0),
            "gain": rng.uniform(20, 60, n),
        }
    )


class BorderOwners(nn.Module):
    """Complex cells at an edge, scaled by what lies beyond it on either side.

    With ``E`` the energy of the cell's own quadrature pair, and ``P`` and ``N`` the sums of
    energies of pairs that are orthogonal to it, on the one side of its edge and on the other,

    ``R = gain E (1 + bias (P - N) / (P + N))``.

    A square has its other two pairs of ends, which those see, on the side that owns the edge: the
    response is ``gain E (1 + bias)`` or ``gain E (1 - bias)``, and the ratio of the two
    ``(1 - |bias|) / (1 + |bias|)``, whatever the contrast. Gratings give both sides the same.

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
        The parameters, one row per unit; see `draw_border_units`.
    v1 : nn.Identity
        The layer to record.

    References
    ----------
    Adelson & Bergen (1985), J. Opt. Soc. Am. A 2 (energies); what scales them is made for the test.

    Examples
    --------
    >>> cells = BorderOwners(n=2)
    >>> cells(torch.full((1, 1, 64, 64), 0.5)).abs().max().item()
    0.0
    """

    weight: Tensor
    context: Tensor
    gain: Tensor
    bias: Tensor

    def __init__(
        self, *, pixels: int = 64, degrees: float = 6.0, n: int = 8, seed: int = 0
    ) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees)
        self.units = draw_border_units(n, display=self.display, seed=seed)
        own = _filters(self.units, self.display, np.zeros((1, n, 2)))
        beyond = _context(self.units)
        self.register_buffer("weight", own.flatten(0, 2))
        self.register_buffer("context", _filters(beyond[0], self.display, beyond[1]).flatten(0, 2))
        self.register_buffer("gain", torch.tensor(self.units["gain"].to_numpy()).float())
        self.register_buffer("bias", torch.tensor(self.units["bias"].to_numpy()).float())
        self.v1 = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit"]:
        """Responses to grey images in [0, 1]."""
        check_images(self, images, self.display)
        contrast = images.flatten(1) / self.display.mean_background - 1
        n = len(self.gain)
        energy = (functional.linear(contrast, self.weight) ** 2).reshape(-1, 2, n).sum(1)
        beyond = functional.linear(contrast, self.context) ** 2
        # Halves of the places lie to either side.
        after, before = beyond.reshape(len(images), 2, -1, 2, n).sum((2, 3)).unbind(1)
        lean = (after - before) / (after + before + LITTLE)
        return self.v1(self.gain * energy * (1 + self.bias * lean))

    def border_ownership_ratio(self) -> Float[np.ndarray, "unit"]:
        """Response on the worse side over that on the better one, by formula.

        Returns
        -------
        array, shape (unit,)
        """
        bias = np.abs(self.units["bias"].to_numpy())
        return np.asarray((1 - bias) / (1 + bias))


def _context(units: pd.DataFrame) -> tuple[pd.DataFrame, Float[np.ndarray, "place unit 2"]]:
    """Fields orthogonal to the units' own, and their centres: one side first, then the other."""
    sigma = CYCLES / CONTEXT_FREQUENCY
    angle = np.deg2rad(column(units, "orientation"))
    normal = np.hstack([np.sin(angle), -np.cos(angle)])
    edge = np.hstack([np.cos(angle), np.sin(angle)])
    centres = [
        sigma * (sign * across * normal + along * edge)
        for sign in (1, -1)
        for across in ACROSS
        for along in ALONG
    ]
    turned = units.assign(
        orientation=units["orientation"] + 90,
        spatial_frequency=CONTEXT_FREQUENCY,
        sigma_across=sigma,
        sigma_along=sigma,
    )
    return turned, np.stack(centres)


def _filters(
    units: pd.DataFrame, display: Display, centres: Float[np.ndarray, "place unit 2"]
) -> Float[Tensor, "place 2 unit pixel"]:
    """Quadrature pairs of every unit at places, in deg from its centre."""
    x = torch.from_numpy(display.x()).repeat(display.height)[None]
    y = torch.from_numpy(display.y()).repeat_interleave(display.width)[None]
    made = []
    for place in torch.from_numpy(centres):
        pair = profile(units, x - place[:, :1], y - place[:, 1:])
        made.append((pair / display.px_per_deg**2).float())
    return torch.stack(made)
