"""MechanisticV1: the mechanisms put together, one forward pass for the whole population."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.mechanistic.filters import (
    KERNELS,
    LEVELS,
    STRIDE,
    Gabors,
    Pairs,
    Sites,
    halved,
    kernels,
    pairs,
)
from insilico.models.mechanistic.filters import window as cut_out
from insilico.models.mechanistic.hyper_parameters import HyperParameters
from insilico.models.mechanistic.hyper_parameters import hyper_parameters as understood
from insilico.models.mechanistic.population import draw_population
from insilico.models.mechanistic.subcortical import Subcortical
from insilico.models.mechanistic.suppression import Channels, weights
from stimuli import Display
from stimuli.display import Window

__all__ = ["MechanisticV1", "Seen"]

# Powers of less than this have slopes that are too steep.
SMALLEST = 1e-12


class Seen(NamedTuple):
    """What is left of pictures at one site, for all populations of the same subcortical stage.

    Parameters
    ----------
    windows : dict of (int, int) to Tensor, shape (picture, pixel)
        By level of the pyramid and side of the kernel.
    pooled : Tensor, shape (picture, pooled)
        Of the channels of `Channels`.
    """

    windows: dict[tuple[int, int], Tensor]
    pooled: Tensor

    def part(self, which: slice) -> "Seen":
        """Take some of the pictures."""
        return Seen({each: seen[which] for each, seen in self.windows.items()}, self.pooled[which])


class MechanisticV1(nn.Module):
    r"""V1 units that filter, rectify, square, are divided by pools and a surround, and fire.

    With ``L`` and ``M`` the responses of a unit's quadrature pair to the subcortical signal, ``c``
    its complexity, ``E`` what excites it from around, ``B`` what excites it whatever the
    orientation, ``P`` and ``S`` what its pools and its surround give,

    .. math:: R = \left(\frac{(1 - c) \max(L, 0)^2 + c (L^2 + M^2) + E^2 + B^2}
              {\sigma^2 + P^2 + S^2}\right)^{n / 2}

    and the rate is ``gain (max(R / R_max - threshold, 0) / (1 - threshold) + baseline)``, with
    ``R_max`` the response to the preferred grating of contrast 1 where nothing surrounds it.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images, in px and in deg; their ratio alone matters, so images of any size are
        taken.
    n : int
        Number of units.
    seed : int
        Of the population.
    hyper_parameters : HyperParameters or mapping of str to float, optional
        The distributions; a mapping changes those that it names.
    at : pair of float, optional
        A place (x, y) in deg. Units are computed at the site nearest to it alone, which takes a
        fraction of the time, and the output has no map. Images then are of ``pixels``.

    Attributes
    ----------
    units : DataFrame
        The parameters, one row per unit, in the order of the output; see `draw_population`.
    hyper_parameters : HyperParameters
        The distributions.
    output : nn.Identity
        The layer to record.

    Notes
    -----
    Images come normalised, with mean 0.5 and standard deviation 0.5: in contrasts. A unit has a map
    of sites 4 px apart. Beyond the picture there is no contrast.

    References
    ----------
    Heeger (1992), Visual Neuroscience 9 (normalization); Cavanaugh, Bair & Movshon (2002),
    J. Neurophysiol. 88 (a surround that divides); Adelson & Bergen (1985), J. Opt. Soc. Am. A 2
    (energies); Ringach (2002), J. Neurophysiol. 88 (nx and ny).

    Examples
    --------
    >>> model = MechanisticV1(pixels=64, degrees=2, n=5)
    >>> tuple(model(torch.zeros(1, 1, 64, 64)).shape)
    (1, 5, 16, 16)
    """

    shape: Tensor
    complexity: Tensor
    weights: Tensor

    def __init__(
        self,
        *,
        pixels: float = 224,
        degrees: float = 8.0,
        n: int = 500,
        seed: int = 0,
        hyper_parameters: HyperParameters | Mapping[str, float] | None = None,
        at: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.hyper_parameters = understood(hyper_parameters)
        said, px_per_deg = self.hyper_parameters, pixels / degrees
        display = Display.square(int(pixels), degrees)
        units = draw_population(n, said, display=display, seed=seed)
        self.sites = None if at is None else _nearest(at, display)
        self.subcortical = Subcortical(
            said.center_sigma * px_per_deg,
            said.surround_ratio,
            said.surround_balance,
            said.contrast_gain,
            said.contrast_pool_sigma * px_per_deg,
            in_stretches=at is not None,
        )
        level, side = kernels(_gabors(units, px_per_deg))
        # Units of one kernel are computed together, and so stand side by side.
        order = np.lexsort((side, level))
        units = self.units = units.iloc[order].reset_index(drop=True)
        level, side, gabors = level[order], side[order], _gabors(units, px_per_deg)
        complexity = np.sqrt(units["complexity"].to_numpy())
        self.filters = nn.ModuleList()
        groups = np.split(np.arange(n), np.flatnonzero(np.diff(level) | np.diff(side)) + 1)
        self.kernels = [(int(level[group[0]]), int(side[group[0]])) for group in groups]
        self.counts = [len(group) for group in groups]
        for group, (own, pixels_across) in zip(groups, self.kernels, strict=True):
            even, odd = pairs(gabors.part(group), own, pixels_across)
            self.filters.append(Pairs(even, odd * complexity[group, None, None], own))
        self.register_buffer("complexity", _float(complexity))
        self.channels = Channels(px_per_deg)
        self.register_buffer("weights", _float(weights(units, said, self.channels)))
        self.register_buffer("shape", _float(_shape(units))[..., None, None])
        self.output = nn.Identity()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch unit rows columns"] | Float[Tensor, "batch unit"]:
        """Rates of all units, in the order of ``units``."""
        if images.shape[1] != 1:
            raise UserError(
                f"MechanisticV1 takes grey images, shape (batch, 1, height, width); got "
                f"{tuple(images.shape)}. Give the mean of the colours."
            )
        levels = self._levels(images)
        drives = [
            filters(levels[level], self.sites)
            for filters, (level, _) in zip(self.filters, self.kernels, strict=True)
        ]
        rates = self._rates(drives, self.channels(levels, self.sites))
        return self.output(rates if self.sites is None else rates.flatten(1))

    def looks_at(self, display: Display) -> Window:
        """Say which part of a display matters to the site.

        Parameters
        ----------
        display : Display
            What images show.

        Returns
        -------
        Window
            Of whole blocks of 4 x 4 px.
        """
        kernel = max(
            ((side - (STRIDE >> level) + 1) // 2 + 1) * 2**level - 1 for level, side in KERNELS
        )
        around = self.channels.halves[-1] - (-(kernel + self.subcortical.reach) // STRIDE)
        rows, columns = (
            (max(first - around, 0) * STRIDE, min((last + around + 1) * STRIDE, side))
            for (first, last), side in zip(
                self._one_site(), (display.height, display.width), strict=True
            )
        )
        return Window(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])

    def seen(
        self, images: Float[Tensor, "batch 1 height width"], window: Window | None = None
    ) -> Seen:
        """Take from images all that populations at this site need, whatever their filters.

        Parameters
        ----------
        images : Tensor
            As for `forward`.
        window : Window, optional
            The part of the display that they show; see `looks_at`. All of it by default.

        Returns
        -------
        Seen
            For `answers` of any population at the same place whose hyper-parameters of the
            subcortical stage are the same.

        Raises
        ------
        UserError
            If the units are not computed at one site.
        """
        top, left = (0, 0) if window is None else (window.top // STRIDE, window.left // STRIDE)
        sites = self._one_site().moved(-top, -left)
        levels = self._levels(images)
        windows = {
            (level, side): cut_out(levels[level], level, side, sites).flatten(1)
            for level, side in KERNELS
        }
        return Seen(windows, self.channels(levels, sites).flatten(1))

    def answers(self, seen: Seen) -> Float[Tensor, "batch unit"]:
        """Rates of all units for what was `seen`: what `forward` gives of the same images."""
        drives = [
            cast("Pairs", filters).of_windows(seen.windows[kernel])
            for filters, kernel in zip(self.filters, self.kernels, strict=True)
        ]
        return self._rates(drives, seen.pooled[:, :, None, None]).flatten(1)

    def answers_of(self, unit: int, seen: Seen) -> Float[Tensor, " batch"]:
        """Rates of one unit for what was `seen`, of which its own kernel's windows are enough.

        Parameters
        ----------
        unit : int
            Its row in ``units``.
        seen : Seen
            As for `answers`.

        Returns
        -------
        Tensor
        """
        ends = np.cumsum(self.counts)
        group = int(np.searchsorted(ends, unit, side="right"))
        own = slice(unit - int(ends[group]) + self.counts[group], None)
        even, odd = cast("Pairs", self.filters[group]).of_windows(seen.windows[self.kernels[group]])
        rates = _response(
            even[:, own][:, :1],
            odd[:, own][:, :1],
            self.complexity[unit : unit + 1],
            _weighed(self.weights[:, unit : unit + 1], seen.pooled[:, :, None, None]),
            self.shape[:, unit : unit + 1],
        )
        return rates.flatten()

    def kernel_of(self, unit: int) -> tuple[int, int]:
        """Level of the pyramid and side of the kernel of a unit."""
        return self.kernels[int(np.searchsorted(np.cumsum(self.counts), unit, side="right"))]

    def _one_site(self) -> Sites:
        if self.sites is None:
            raise UserError("what is seen depends on the place: make the model with at=(x, y).")
        return self.sites

    def _levels(self, images: Tensor) -> list[Tensor]:
        levels = [self.subcortical(images)]
        for _ in range(LEVELS - 1):
            levels.append(halved(levels[-1]))
        return levels

    def _rates(self, filtered: Sequence[tuple[Tensor, Tensor]], pooled: Tensor) -> Tensor:
        # One group of units after the other: maps of all units at once would not stay in the cache.
        shares = (
            torch.split(self.complexity, self.counts),
            torch.split(self.weights, self.counts, dim=1),
            torch.split(self.shape, self.counts, dim=1),
        )
        return torch.cat(
            [
                _response(even, odd, complexity, _weighed(weights, pooled), shape)
                for (even, odd), complexity, weights, shape in zip(filtered, *shares, strict=True)
            ],
            dim=1,
        )


def _weighed(
    weights: Float[Tensor, "four unit pooled"], pooled: Float[Tensor, "batch pooled rows columns"]
) -> Sequence[Float[Tensor, "batch unit rows columns"]]:
    """Weigh what is pooled: for the pools, the surround, the excitation and the broad one."""
    rows = weights.flatten(0, 1)
    if pooled[0, 0].numel() == 1:  # of many pictures at one site, one product for all
        weighed = (pooled.flatten(1) @ rows.T)[:, :, None, None]
    else:
        weighed = (rows @ pooled.flatten(2)).view(len(pooled), -1, *pooled.shape[2:])
    return weighed.chunk(len(weights), dim=1)


def _response(
    even: Tensor,
    odd: Tensor,
    complexity: Float[Tensor, " unit"],
    weighed: Sequence[Tensor],
    shape: Float[Tensor, "five unit 1 1"],
) -> Float[Tensor, "batch unit rows columns"]:
    near, around, excitation, broad = weighed
    constant, exponent, threshold, gain, baseline = shape
    # (1 - c) max(L, 0)^2 + c (L^2 + M^2): where L is negative, the energy alone is left.
    even = functional.prelu(even, complexity)
    drive = (even * even).addcmul_(odd, odd).addcmul_(excitation, excitation)
    drive.addcmul_(broad, broad)
    divisor = torch.addcmul(constant, near, near).addcmul_(around, around)
    # A power, in place.
    response = drive.div_(divisor).add_(SMALLEST).log_().mul_(exponent).exp_()
    return torch.addcmul(baseline, gain, (response - threshold).relu_())


def _nearest(at: Sequence[float], display: Display) -> Sites:
    """Site nearest to a place: sites lie in the middle of blocks of 4 x 4 px."""
    x, y = at
    n = display.width // STRIDE
    per_deg = display.px_per_deg / STRIDE
    column, row = (round(place * per_deg + (n - 1) / 2) for place in (x, -y))
    if not (0 <= row < n and 0 <= column < n):
        raise UserError(
            f"at must be a place (x, y) on the display, which is {min(display.degrees):g} deg; "
            f"got {tuple(at)}."
        )
    return Sites((row, row), (column, column))


def _shape(units: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Stack constant, exponent, threshold, gain and baseline, for all units."""
    half = units["exponent"] / 2
    pools = (units["untuned"] + units["tuned"]) ** 2
    excitation = units["excitation"] ** 2 + units["broad"] ** 2
    largest = ((1 + excitation) / (units["semisaturation"] ** 2 + pools)) ** half
    gain = units["gain"] / (largest * (1 - units["threshold"]))
    threshold = units["threshold"] * largest
    baseline = units["gain"] * units["baseline"]
    return np.stack([units["semisaturation"] ** 2, half, threshold, gain, baseline])


def _gabors(units: pd.DataFrame, px_per_deg: float) -> Gabors:
    return Gabors(
        units["orientation"].to_numpy(),
        units["spatial_frequency"].to_numpy() / px_per_deg,
        units["cycles_across"].to_numpy(),
        units["cycles_along"].to_numpy(),
        units["phase"].to_numpy(),
    )


def _float(values: npt.NDArray[np.float64]) -> Tensor:
    return torch.tensor(values, dtype=torch.get_default_dtype())
