"""MotionEnergy: direction-selective units for movies, known in closed form."""

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.motion_energy.temporal import FAST, SLOW, taps
from insilico.models.motion_energy.units import draw_units, scale_of, truth
from insilico.models.textbook.units import profile
from stimuli import Display
from stimuli.frames import FRAME_RATE

__all__ = ["MotionEnergy"]


class MotionEnergy(nn.Module):
    """Motion energy of quadrature pairs, opponent and not, and what precedes it.

    With ``E`` and ``O`` the responses of an even and an odd Gabor to contrast, and ``s`` and ``f``
    a slow and a fast temporal filter, the two filters of a unit are ``L = E*s + O*f`` and
    ``M = E*f - O*s``, oriented in space and time, and those for the opposite direction have ``-O``
    in place of ``O``. Units respond as

    ============= ==============================================================
    ``simple``    ``gain max(L, 0)``
    ``energy``    ``gain (L^2 + M^2)``
    ``opponent``  ``gain`` times the energy less that for the opposite direction
    ``separable`` ``gain ((E*f)^2 + (O*f)^2)``, which has no direction
    ============= ==============================================================

    and at about their ``gain`` to the preferred grating at contrast 1.

    Parameters
    ----------
    pixels : int
        Side of the frames, in px.
    degrees : float
        Side of the frames, in deg.
    frame_rate : float
        In Hz.
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
        The layer to record: (batch, time, unit).

    References
    ----------
    Adelson EH, Bergen JR (1985). Spatiotemporal energy models for the perception of motion. J Opt
    Soc Am A 2:284-299, doi:10.1364/JOSAA.2.000284.

    Examples
    --------
    >>> model = MotionEnergy(n=8)
    >>> model(torch.full((1, 1, 30, 64, 64), 0.5)).shape
    torch.Size([1, 30, 8])
    """

    weight: Tensor
    fast: Tensor
    slow: Tensor
    gain: Tensor

    def __init__(
        self,
        *,
        pixels: int = 64,
        degrees: float = 6.0,
        frame_rate: float = FRAME_RATE,
        n: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.display = Display.square(pixels, degrees, frame_rate=frame_rate)
        self.units = draw_units(n, display=self.display, seed=seed)
        kind = self.units["kind"]
        self.counts = [int((kind == name).sum()) for name in kind.unique()]
        self.kinds = list(kind.unique())
        self.register_buffer("weight", _weights(self.units, self.display))
        rate, dt = self.units["rate"].to_numpy(), 1 / frame_rate
        scale = scale_of(self.units)
        for name, order in (("fast", FAST), ("slow", SLOW)):
            # The oldest first, as convolutions have it.
            filters = (scale * taps(order, rate, dt))[:, ::-1].copy()
            self.register_buffer(name, torch.tensor(filters).float())
        self.register_buffer("gain", torch.tensor(self.units["gain"].to_numpy()).float())
        self.v1 = nn.Identity()

    def forward(self, movies: Tensor) -> Float[Tensor, "batch time unit"]:
        """Responses, in spikes/s, to grey movies in [0, 1]; before them the screen was blank."""
        side = (self.display.height, self.display.width)
        if movies.ndim != 5 or movies.shape[1] != 1 or tuple(movies.shape[3:]) != side:
            raise UserError(
                f"MotionEnergy takes movies of shape (batch, 1, time, {side[0]}, {side[1]}); got "
                f"{tuple(movies.shape)}. Give one grey channel, and make the model with the pixels "
                "of the frames."
            )
        contrast = (movies[:, 0] - self.display.mean_background) / self.display.mean_background
        drive = functional.linear(contrast.flatten(2), self.weight).movedim(1, 2)
        even, odd = drive.chunk(2, dim=1)
        parts = {
            name: torch.split(_filtered(signal, filters), self.counts, dim=1)
            for name, signal, filters in (
                ("even_fast", even, self.fast),
                ("even_slow", even, self.slow),
                ("odd_fast", odd, self.fast),
                ("odd_slow", odd, self.slow),
            )
        }
        found = [
            _response(kind, **{name: each[number] for name, each in parts.items()})
            for number, kind in enumerate(self.kinds)
        ]
        return self.v1(self.gain * torch.cat(found, dim=1).movedim(1, 2))

    def truth(self) -> pd.DataFrame:
        """Preferences and direction indices of every unit; see `units.truth`."""
        return truth(self.units)


def _filtered(signal: Tensor, filters: Tensor) -> Tensor:
    """Filter the signal of each unit (batch, unit, time) in time, from blank on."""
    padded = functional.pad(signal, (filters.shape[1] - 1, 0))
    return functional.conv1d(padded, filters[:, None], groups=len(filters))


def _response(
    kind: str, *, even_fast: Tensor, even_slow: Tensor, odd_fast: Tensor, odd_slow: Tensor
) -> Tensor:
    if kind == "separable":
        return even_fast**2 + odd_fast**2
    first, second = even_slow + odd_fast, even_fast - odd_slow
    if kind == "simple":
        return functional.relu(first)
    energy = first**2 + second**2
    if kind == "energy":
        return energy
    return energy - (even_slow - odd_fast) ** 2 - (even_fast + odd_slow) ** 2


def _weights(units: pd.DataFrame, display: Display) -> Float[Tensor, "filter pixel"]:
    """Even filters of all units, then odd ones."""
    x = torch.from_numpy(display.x()).repeat(display.height)
    y = torch.from_numpy(display.y()).repeat_interleave(display.width)
    center = torch.tensor(units[["x", "y"]].to_numpy())
    # The carrier runs along the direction, which the orientation in [0, 180) does not tell.
    turned = units.assign(orientation=units["direction"] + 90)
    fields = profile(turned, x - center[:, :1], y - center[:, 1:])
    return (fields / display.px_per_deg**2).flatten(0, 1).float()
