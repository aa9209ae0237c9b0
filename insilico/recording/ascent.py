"""Optimal stimuli: pictures that climb the response of each unit, all units and starts at once."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.gradients import Mosaic, own_responses, rows_of_a_pass
from insilico.recording.reductions import Ascent
from insilico.recording.windows import Crop
from stimuli.mosaics import mosaic_elements

__all__ = ["Climbed", "along_the_gradient", "climbed", "smoothed"]

Rows = npt.NDArray[np.intp]
Mosaics = Float[Tensor, "row size size"]

# Gabor functions among which the best is looked for: cycles across the square, and standard
# deviations of the window in shares of its side.
ORIENTATIONS, CYCLES, PHASES, WIDTHS = 8, (1.5, 2.5, 4.0, 6.0, 9.0), 4, (0.08, 0.16)

# How often the steps of a picture are halved on the way, the first being as long as its noise.
HALVINGS = 6

# Steps of the parameters of Gabor functions.
FIRST, LONGER, SHORTER = 0.05, 1.3, 0.5

Move = Callable[[Tensor, Tensor, Tensor, float], Tensor]


class Climbed(NamedTuple):
    """What was reached.

    Attributes
    ----------
    pictures : array, shape (unit, picture, row, column)
        In contrast; the first is the best Gabor function, the others come from each start.
    reached : array, shape (unit, picture)
        Rectified responses to them.
    blank : array, shape (unit,)
        Rectified response to the background.
    """

    pictures: npt.NDArray[np.float32]
    reached: npt.NDArray[np.float32]
    blank: npt.NDArray[np.float32]


def climbed(
    forward: Forward, crop: Crop, place: Place, mosaic: Mosaic, starts: pd.DataFrame, ascent: Ascent
) -> Climbed:
    """Climb from noise, and from the best Gabor function, for all units of a crop.

    Parameters
    ----------
    forward, crop, place, mosaic
        As for `insilico.recording.gradients.own_responses`.
    starts : DataFrame
        Rows of a stimulus table: the white noise to start from.
    ascent : Ascent
        The constraints.

    Returns
    -------
    Climbed

    Raises
    ------
    NoGradientError
        If the model gives no gradients.
    """
    n, size = len(place.order), int(starts["elements"].iloc[0])
    climb = _Climb(forward, crop, place, mosaic, ascent)
    noise = (
        mosaic_elements(
            "white noise",
            starts["frame"].to_numpy(),
            size,
            starts["seed"].to_numpy(),
            device=forward.device,
        )
        * torch.as_tensor(np.sign(starts["contrast"].to_numpy(np.float32)), device=forward.device)[
            :, None, None
        ]
    )
    unit = np.repeat(np.arange(n), len(starts))
    pictures, reached = climb.up(
        noise.repeat(n, 1, 1), unit, lambda leaf: smoothed(leaf, ascent.blur), along_the_gradient
    )
    gabors = _grid(size).to(forward.device)
    every = np.arange(n * len(gabors))
    drawn = partial(_gabor, size=size)
    found = climb.respond(gabors, every // len(gabors), every % len(gabors), drawn)
    best = gabors[found.reshape(n, -1).argmax(1)]
    at_best = climb.up(best, np.arange(n), drawn, _by_sign)
    return Climbed(
        np.concatenate([at_best[0][:, None], pictures.reshape(n, -1, size, size)], axis=1),
        np.concatenate([at_best[1][:, None], reached.reshape(n, -1)], axis=1),
        climb.blank(np.arange(n), size),
    )


class _Climb:
    """Responses of units to pictures of their own, and steps that raise them."""

    def __init__(
        self, forward: Forward, crop: Crop, place: Place, mosaic: Mosaic, ascent: Ascent
    ) -> None:
        self._own = own_responses(forward, crop, place, mosaic, rectified=False)
        self._size = rows_of_a_pass(forward, crop)
        self._device = forward.device
        self._ascent = ascent

    def respond(
        self, leaves: Tensor, unit: Rows, which: Rows, draw: Callable[[Tensor], Mosaics]
    ) -> Tensor:
        """Respond to pictures drawn from some leaves, (row,)."""
        parts = []
        with torch.no_grad():
            for start in range(0, len(unit), self._size):
                some = slice(start, start + self._size)
                shown = self._constrained(draw(leaves[torch.from_numpy(which[some])]))
                parts.append(self._own(shown, unit[some]))
        return torch.cat(parts)

    def blank(self, unit: Rows, size: int) -> npt.NDArray[np.float32]:
        """Respond to no contrast at all."""
        with torch.no_grad():
            found = [
                self._own(torch.zeros(len(some), size, size, device=self._device), some)
                for some in np.array_split(unit, -(-len(unit) // self._size))
            ]
        return torch.cat(found).clamp(min=0).cpu().numpy()

    def up(
        self,
        leaves: Tensor,
        unit: Rows,
        draw: Callable[[Tensor], Mosaics],
        mover: Callable[[Tensor], Move],
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Climb from leaves, those of a pass at a time; the best pictures on the way."""
        some = [slice(start, start + self._size) for start in range(0, len(unit), self._size)]
        parts = [self._climb(leaves[each], unit[each], draw, mover(leaves[each])) for each in some]
        pictures, reached = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
        return pictures, reached

    def _climb(
        self, leaf: Tensor, unit: Rows, draw: Callable[[Tensor], Mosaics], move: Move
    ) -> tuple[Tensor, Tensor]:
        top, upwards = leaf, torch.zeros_like(leaf)
        best = leaf.new_full((len(leaf),), -torch.inf)
        kept = torch.zeros_like(self._constrained(draw(leaf)))
        for step in range(self._ascent.steps):
            leaf = leaf.detach().requires_grad_()
            picture = self._constrained(draw(leaf))
            found = self._own(picture, unit)
            (slope,) = torch.autograd.grad(found.sum(), leaf)
            better = found.detach() > best
            best = torch.where(better, found.detach(), best)
            kept = torch.where(better[:, None, None], picture.detach(), kept)
            # A step that does not lead up is taken back: beyond a threshold there is no slope.
            rows = better.view(-1, *[1] * (leaf.ndim - 1))
            top, upwards = torch.where(rows, leaf.detach(), top), torch.where(rows, slope, upwards)
            leaf = move(top, upwards, rows, step / self._ascent.steps)
        return kept, best.clamp(min=0)

    def _constrained(self, picture: Mosaics) -> Mosaics:
        """Bring pictures to the asked root mean square, within the asked contrast."""
        size = picture.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-12)
        limit = self._ascent.contrast
        return (picture * (self._ascent.rms / size)).clamp(-limit, limit)


def along_the_gradient(begun: Mosaics) -> Move:
    """Step along the gradient, ever shorter: the first ones forget the noise, the last settle.

    Parameters
    ----------
    begun : Tensor, shape (row, rows, columns)
        Where the climb begins: the first step is as long.

    Returns
    -------
    callable
        ``move(leaf, slope, better, share)``: where to go from there, a share of the way being gone.
    """
    reach = begun.flatten(1).norm(dim=1)

    def move(leaf: Tensor, slope: Tensor, _better: Tensor, share: float) -> Tensor:
        flat = slope.flatten(1)
        length = flat.norm(dim=1).clamp(min=torch.finfo(flat.dtype).tiny)
        rate = reach * 0.5 ** (HALVINGS * share) / length
        return leaf + (rate[:, None] * flat).view_as(leaf)

    return move


def _by_sign(begun: Tensor) -> Move:
    """Step each parameter by itself, for they have different scales.

    Longer while its slope keeps its sign, shorter after; all of them shorter where a step failed.
    """
    size = torch.full_like(begun, FIRST)
    before = torch.zeros_like(begun)

    def move(leaf: Tensor, slope: Tensor, better: Tensor, _share: float) -> Tensor:
        nonlocal size, before
        turned = slope * before < 0
        size = size * torch.where(better & ~turned, LONGER, SHORTER)
        before = slope
        return leaf + size * slope.sign()

    return move


def smoothed(leaf: Mosaics, blur: float) -> Mosaics:
    """Blur pictures, so that no detail is there that elements alone would give.

    Parameters
    ----------
    leaf : Tensor, shape (row, rows, columns)
        Pictures.
    blur : float
        Standard deviation, in elements.

    Returns
    -------
    Tensor
        Of the same shape; differentiable.
    """
    if not blur:
        return leaf
    reach = math.ceil(3 * blur)
    place = torch.arange(-reach, reach + 1, device=leaf.device)
    kernel = torch.exp(-((place / blur) ** 2) / 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(leaf[:, None], (reach,) * 4)
    across = functional.conv2d(padded, kernel[None, None, None, :])
    return functional.conv2d(across, kernel[None, None, :, None])[:, 0]


def _grid(size: int) -> Float[Tensor, "gabor parameter"]:
    """Gabor functions in the middle of the square, by the parameters of `_gabor`."""
    axes = (
        torch.arange(ORIENTATIONS) * (math.pi / ORIENTATIONS),
        torch.log(torch.tensor([each for each in CYCLES if each < size / 2.5])),
        torch.arange(PHASES) * (2 * math.pi / PHASES),
        torch.log(torch.tensor(WIDTHS)),
    )
    turn, cycles, phase, width = torch.cartesian_prod(*axes).T
    nothing = torch.zeros_like(turn)
    return torch.stack([nothing, nothing, turn, cycles, phase, width, width], 1)


def _gabor(parameters: Float[Tensor, "row parameter"], size: int) -> Mosaics:
    """Draw Gabor functions: place, orientation, log cycles, phase, log widths, in squares."""
    place = (torch.arange(size, device=parameters.device) - (size - 1) / 2) / size
    x, y, turn, cycles, phase, across, along = parameters[:, :, None, None].unbind(1)
    right, up = place[None, None, :] - x, place[None, :, None] - y
    u = torch.sin(turn) * right - torch.cos(turn) * up
    v = torch.cos(turn) * right + torch.sin(turn) * up
    envelope = torch.exp(-((u / across.exp()) ** 2 + (v / along.exp()) ** 2) / 2)
    return envelope * torch.cos(2 * math.pi * cycles.exp() * u + phase)
