"""ColourOpponent: single- and double-opponent cells whose cone weights are known."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.textbook.images import check_images
from insilico.models.textbook.units import column, profile, transfer
from stimuli import Display

__all__ = ["KINDS", "ColourOpponent", "draw_colour_units"]

Values = npt.NDArray[np.float64]

KINDS = ("single_opponent", "double_opponent", "double_opponent_complex", "luminance")

CONES = ("l_weight", "m_weight", "s_weight")

# Largest share of the S cones in a weight, and how much L and M differ at most. With the smallest
# shares of both, the sign of no weight but that of S is in doubt.
MOST_SHORT = 0.25
LEAST_LONG, MOST_LONG = 0.3, 0.7

# A surround is wider than its centre.
SURROUND = 2.0

# Standard deviations of centres in deg; carriers in cpd, and in cycles/px that pixels do not blur;
# standard deviations of the Gabor functions in cycles, along which little is left at one cycle in
# the display.
LEAST_CENTRE, MOST_CENTRE = 0.12, 0.3
LOWEST, FINEST = 0.7, 0.15
CYCLES = 0.45

# Fields reach four standard deviations to either side, and have to fit into the display.
EXTENT = 8


def draw_colour_units(n: int, *, display: Display, seed: int = 0) -> pd.DataFrame:
    """Draw a population, every parameter from a continuous distribution.

    Parameters
    ----------
    n : int
        Number of units, a quarter of each kind.
    display : Display
        The carriers are such as its pixels show.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, one row per unit
        ``kind`` (one of `KINDS`), ``l_weight``, ``m_weight`` and ``s_weight`` (their magnitudes add
        up to 1, and that of M is above 0), ``orientation`` (deg), ``spatial_frequency`` (cpd),
        ``phase`` (deg), ``sigma_across`` and ``sigma_along`` (deg), ``x`` and ``y`` (deg),
        ``centre`` (standard deviation of the centre of a single-opponent cell, deg), ``gain``.

    Raises
    ------
    UserError
        If the display is too coarse.
    """
    rng = np.random.default_rng(seed)
    highest = FINEST * display.px_per_deg
    widest = EXTENT * max(SURROUND * MOST_CENTRE, CYCLES / LOWEST)
    if highest <= LOWEST or widest > min(display.degrees):
        raise UserError(
            f"the cells need at least {LOWEST / FINEST:.2g} px/deg and "
            f"{widest:.2g} deg on a side; got {display.px_per_deg:g} px/deg "
            f"and {min(display.degrees):g} deg."
        )
    kind = np.array(KINDS)[np.arange(n) % len(KINDS)]
    short = rng.uniform(np.where(kind == "luminance", 0, -MOST_SHORT), MOST_SHORT)
    long = rng.uniform(LEAST_LONG, MOST_LONG, n)
    sign = np.where(kind == "luminance", 1, -1)
    rest = 1 - np.abs(short)
    frequency = np.exp(rng.uniform(np.log(LOWEST), np.log(highest), n))
    return pd.DataFrame(
        {
            "kind": kind,
            "l_weight": sign * long * rest,
            "m_weight": (1 - long) * rest,
            "s_weight": short,
            "orientation": rng.uniform(0, 180, n),
            "spatial_frequency": frequency,
            "phase": rng.uniform(0, 360, n),
            "sigma_across": CYCLES / frequency,
            "sigma_along": CYCLES / frequency,
            "x": 0.0,
            "y": 0.0,
            "centre": rng.uniform(LEAST_CENTRE, MOST_CENTRE, n),
            "gain": rng.uniform(20, 60, n),
        }
    )


class ColourOpponent(nn.Module):
    """Cells that add up cone contrasts with known weights, each kind over a field of its own.

    With ``k`` the contrast of a cone about the background and ``w`` its weight,

    =========================== ==========================================================
    ``single_opponent``         ``gain max(sum w (k * g), 0)``: ``g`` is a Gaussian for the cones
                                that pull as the strongest one does, and one twice as wide for
                                the others
    ``double_opponent``         ``gain max(L, 0)``, ``L`` the response of a Gabor to ``sum w k``,
                                with ``w`` of both signs
    ``double_opponent_complex`` ``gain (L^2 + M^2)``, with a quadrature pair of Gabors
    ``luminance``               ``gain max(L, 0)``, with all cones of one sign
    =========================== ==========================================================

    So a single-opponent cell answers uniform colour, and a double-opponent one edges of colour.

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
        The parameters, one row per unit; see `draw_colour_units`.
    v1 : nn.Identity
        The layer to record.

    References
    ----------
    Shapley & Hawken (2011), Vision Res 51:701-717, doi 10.1016/j.visres.2011.02.012.

    Examples
    --------
    >>> cells = ColourOpponent(n=4)
    >>> blank = torch.full((1, 3, 96, 96), 0.5)
    >>> bool(cells(blank).abs().max() < 1e-4)
    True
    """

    weight: Tensor
    partner: Tensor
    gain: Tensor
    cones: Tensor
    is_complex: Tensor

    def __init__(
        self, *, pixels: int = 96, degrees: float = 6.0, n: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees)
        self.units = draw_colour_units(n, display=self.display, seed=seed)
        own, partner = _weights(self.units, self.display)
        self.register_buffer("weight", own)
        self.register_buffer("partner", partner)
        self.register_buffer("gain", torch.tensor(self.units["gain"].to_numpy()).float())
        matrix = np.array(self.display.cones)
        white = matrix.sum(axis=1, keepdims=True) * self.display.mean_background
        self.register_buffer("cones", torch.tensor(matrix / white).float())
        energy = self.units["kind"].str.endswith("complex").to_numpy()
        self.register_buffer("is_complex", torch.tensor(energy))
        self.v1 = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit"]:
        """Responses to linear red, green and blue in [0, 1]."""
        check_images(self, images, self.display, channels=3)
        contrast = torch.einsum("cr,brhw->bchw", self.cones, images) - 1
        filtered = functional.linear(contrast.flatten(1), self.weight)
        paired = functional.linear(contrast.flatten(1), self.partner)
        energy = filtered**2 + paired**2
        return self.v1(self.gain * torch.where(self.is_complex, energy, functional.relu(filtered)))

    def cone_weights(self, spatial_frequency: npt.ArrayLike) -> Float[np.ndarray, "unit 3"]:
        """Weights of L, M and S in the response to gratings, by formula.

        Parameters
        ----------
        spatial_frequency : array, broadcasts to (unit,)
            In cpd.

        Returns
        -------
        array, shape (unit, 3)
            Their magnitudes add up to 1, and M is above 0. Those of a cell whose centre and
            surround differ in width change with the frequency.
        """
        weights = self.units[list(CONES)].to_numpy()
        single = _is(self.units, "single_opponent")
        turn = 2 * np.pi * np.broadcast_to(spatial_frequency, len(weights))[:, None]
        left = np.exp(-((turn * _widths(self.units)) ** 2) / 2)
        seen = weights * np.where(single, left, 1.0)
        found: Values = seen / np.abs(seen).sum(1, keepdims=True) * np.sign(seen[:, 1:2])
        return found

    def response(
        self,
        contrast: npt.ArrayLike,
        *,
        orientation: npt.ArrayLike,
        spatial_frequency: npt.ArrayLike,
    ) -> Float[np.ndarray, "unit condition"]:
        """Amplitude of the weighted sum of cone contrasts in full gratings, by formula.

        Parameters
        ----------
        contrast : array, shape (3,)
            Of L, M and S.
        orientation, spatial_frequency : array, broadcasts to (condition,)
            In deg and cpd.

        Returns
        -------
        array, shape (unit, condition)
            Before rectification, and without the gain; of a complex cell, whose mean response is
            its square, the root of that.
        """
        angle, frequency = np.broadcast_arrays(
            np.deg2rad(np.atleast_1d(orientation)), np.atleast_1d(spatial_frequency)
        )
        pull = self.units[list(CONES)].to_numpy() * np.asarray(contrast)
        off = angle - np.deg2rad(column(self.units, "orientation"))
        turn = 2 * np.pi * frequency
        across, along = turn * np.cos(off), turn * np.sin(off)
        ahead, behind = (transfer(self.units, s * across, s * along) for s in (1, -1))
        even, odd = (ahead + behind) / 2, (ahead - behind) / 2
        phase = np.deg2rad(column(self.units, "phase"))
        simple = np.hypot(np.cos(phase) * even, np.sin(phase) * odd)
        energy = _is(self.units, "double_opponent_complex")
        gabor = np.where(energy, np.sqrt((even**2 + odd**2) / 2), simple)
        blurred = np.exp(-((turn[None, :, None] * _widths(self.units)[:, None]) ** 2) / 2)
        single = _is(self.units, "single_opponent")
        fields = np.abs((pull[:, None] * blurred).sum(2))
        amplitude: Values = np.where(single, fields, np.abs(pull.sum(1, keepdims=True)) * gabor)
        return amplitude


def _is(units: pd.DataFrame, kind: str) -> npt.NDArray[np.bool_]:
    """Whether units are of a kind, (unit, 1)."""
    return (units["kind"] == kind).to_numpy()[:, None]


def _widths(units: pd.DataFrame) -> Values:
    """Spread the fields of the cones in single-opponent cells: standard deviations (unit, 3)."""
    weights = units[list(CONES)].to_numpy()
    strongest = np.take_along_axis(weights, np.abs(weights).argmax(1)[:, None], 1)
    around = np.sign(weights) != np.sign(strongest)
    widths: Values = column(units, "centre") * np.where(around, SURROUND, 1.0)
    return widths


def _weights(
    units: pd.DataFrame, display: Display
) -> tuple[Float[Tensor, "unit weight"], Float[Tensor, "unit weight"]]:
    """Weights of every cone at every pixel, and those of the partners in quadrature."""
    x = torch.from_numpy(display.x()).repeat(display.height)[None]
    y = torch.from_numpy(display.y()).repeat_interleave(display.width)[None]
    area = 1 / display.px_per_deg**2
    even, odd = profile(units, x, y) * area
    phase = torch.tensor(np.deg2rad(column(units, "phase")))
    own = torch.cos(phase) * even - torch.sin(phase) * odd
    partner = torch.sin(phase) * even + torch.cos(phase) * odd
    width = torch.from_numpy(_widths(units))[:, :, None]
    blob = torch.exp(-(x**2 + y**2) / (2 * width**2)) * area / (2 * torch.pi * width**2)
    single = torch.tensor(_is(units, "single_opponent"))[:, :, None]
    pull = torch.tensor(units[list(CONES)].to_numpy())[:, :, None]
    return (
        (pull * torch.where(single, blob, own[:, None])).flatten(1).float(),
        (pull * partner[:, None]).flatten(1).float(),
    )
