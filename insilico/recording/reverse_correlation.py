"""Reverse correlation that streams: sums of mosaics weighted by responses, and nothing else.

Responses are rectified, as everywhere. Every frame is shown in both polarities, so that the part of
a response that does not depend on the sign of the frame leaves nothing in the first order, and the
part that does nothing in the second.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from insilico.recording.reductions import Correlation
from insilico.recording.schema import MAP_NUMBERS, label_maps
from stimuli.mosaics import WHITE_NOISE_VARIANCE, mosaic_elements

__all__ = ["Correlations", "bytes_of_sums"]

Array = npt.NDArray[np.floating[Any]]

BYTES = 4
SIGNS = np.array([-1, 1])[:, None, None]
WHITE = "white noise"

# Elements along a side that are one in the second order: its maps have the square of theirs.
COARSE = 2

# Frames that are paired with responses to others, far beyond those that are shown.
BEYOND = 2**20

# Of the largest sum that a response could lead to.
ROUNDING = 1e-5

# Directions of the stimuli that were hardly shown are left out of the maps.
LEAST = 1e-4

# Frames whose products are summed at a time.
PART = 1024

# Eigenvalues are found for so many matrices at a time.
SOLVED = 256


class Sizes(NamedTuple):
    """How much is kept of a unit: techniques, shuffles, and elements along a side."""

    techniques: int
    shuffles: int
    elements: int

    @property
    def coarse(self) -> int:
        """Elements of the second order along a side; what is left over has no part in it."""
        return self.elements // COARSE

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the sums of a unit."""
        n, coarse = self.elements**2, self.coarse**2
        return (
            (self.techniques, 2, n),
            (self.shuffles, n),
            (1 + self.shuffles, coarse, coarse),
            (3,),
        )

    @property
    def numbers(self) -> int:
        """Numbers that are kept of a unit."""
        return sum(math.prod(shape) for shape in self.shapes)


class Sums(NamedTuple):
    """What comes together of some units while they respond.

    Attributes
    ----------
    first : Tensor, shape (unit, technique, polarity, element)
        Frames times response.
    chance : Tensor, shape (unit, shuffle, element)
        White noise that was not shown, times response.
    second : Tensor, shape (unit, 1 + shuffle, coarse element, coarse element)
        Products of elements of white noise times response; of frames that were not shown, too.
    moments : Tensor, shape (unit, 3)
        The first response, which is taken off all of them; sum, and sum of squares, of what is left
        of those to white noise.
    """

    first: Tensor
    chance: Tensor
    second: Tensor
    moments: Tensor

    @classmethod
    def nothing(cls, sizes: Sizes, n_units: int, device: torch.device) -> "Sums":
        """Begin with sums of 0."""
        return cls(*(torch.zeros(n_units, *shape, device=device) for shape in sizes.shapes))


def bytes_of_sums(conditions: pd.DataFrame, reduction: Correlation) -> int:
    """Memory that the sums of a unit take, however many frames are shown.

    Parameters
    ----------
    conditions : DataFrame
        The stimulus table.
    reduction : Correlation
        What is kept.

    Returns
    -------
    int
    """
    return BYTES * _sizes(conditions, reduction).numbers


class Correlations:
    """Collects what of mosaics goes with responses; used as `insilico.recording.reduce.Store`.

    Parameters
    ----------
    conditions : DataFrame
        The stimulus table: ``technique``, ``frame``, ``polarity``, ``seed``, ``elements``, ...
    n_units : int
        Number of units.
    reduction : Correlation
        What is kept.
    """

    keeps_all = False

    def __init__(self, conditions: pd.DataFrame, n_units: int, reduction: Correlation) -> None:
        self._table = conditions.reset_index(drop=True)
        self._methods = tuple(sorted(conditions["technique"].unique()))
        self._sizes = _sizes(conditions, reduction)
        self._n_units = n_units
        self._maps: dict[str, Array] = {}
        for technique in self._methods:
            self.keep_maps(technique, np.array([], dtype=np.intp), np.array([]))
        self._numbers = {name: np.full(n_units, np.nan) for name in MAP_NUMBERS}
        self._first = np.full(n_units, np.nan)
        self._inverses: dict[str, Tensor] = {}

    def begin(self, units: npt.NDArray[np.intp], device: torch.device) -> None:
        """Begin sums for some units, on the device where their responses arrive."""
        self._units = units
        self._sums = Sums.nothing(self._sizes, len(units), device)
        self._begun = False

    def add(self, rows: range, responses: Tensor) -> None:
        """Take in the responses (row, unit) of these units to the frames in some rows."""
        responses = responses.clamp(min=0)
        if not self._begun:
            # What does not change cancels in the end, and costs precision until then.
            self._sums.moments[:, 0] = responses[0]
            self._begun = True
        responses = responses - self._sums.moments[:, 0]
        table = self._table.iloc[rows.start : rows.stop]
        for (technique, polarity), members in table.groupby(["technique", "polarity"], sort=False):
            found = responses[torch.from_numpy(members.index.to_numpy() - rows.start)]
            self._take(str(technique), float(str(polarity)), members, found)

    def _take(self, technique: str, polarity: float, members: pd.DataFrame, found: Tensor) -> None:
        sums, signed = self._sums, polarity * found.T
        frames = self._frames(technique, members)
        sums.first[:, self._methods.index(technique), int(polarity > 0)] += signed @ frames.flatten(
            1
        )
        if technique != WHITE:
            return
        sums.moments[:, 1] += found.double().sum(0).float()
        sums.moments[:, 2] += found.double().square().sum(0).float()
        for number in range(1 + self._sizes.shuffles):
            if number:
                frames = self._frames(technique, members, beyond=number)
                sums.chance[:, number - 1] += signed @ frames.flatten(1)
            coarse = _coarse(frames)
            products = (coarse[:, :, None] * coarse[:, None, :]).flatten(1)
            sums.second[:, number] += (found.T @ products).view_as(sums.second[:, number])

    def _frames(
        self,
        technique: str,
        members: pd.DataFrame,
        *,
        beyond: int = 0,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Elements of the frames that were shown, or of others, (frame, row, column)."""
        return mosaic_elements(
            technique,
            members["frame"].to_numpy() + beyond * BEYOND,
            self._sizes.elements,
            members["seed"].to_numpy(),
            device=self._sums.first.device if device is None else device,
        )

    def finish(self) -> None:
        """Make maps and numbers of what was collected of these units."""
        n = self._sizes.elements
        contrast = abs(float(self._table["contrast"].iloc[0]))
        for place, technique in enumerate(self._methods):
            halves = self._sums.first[:, place] @ self._inverse(technique) / contrast
            self.keep_maps(technique, self._units, halves.reshape(-1, 2, n, n).cpu().numpy())
        self._first[self._units] = self._sums.moments[:, 0].cpu().numpy()
        if WHITE in self._methods and len(self._units):
            for name, values in self._judged().items():
                self._numbers[name][self._units] = values.double().cpu().numpy()

    def keep_maps(self, technique: str, units: npt.NDArray[np.intp], halves: Array) -> None:
        """Keep maps of some units, (unit, polarity, row, column): the halves add up to a map."""
        n = self._sizes.elements
        whole = self._maps.setdefault(
            technique, np.full((self._n_units, 2, n, n), np.nan, dtype=np.float32)
        )
        if len(units):
            whole[units] = halves

    @property
    def n_kept(self) -> int:
        """How many sums there are of each unit."""
        return self._sizes.numbers

    def kept(self) -> Array:
        """Return the sums of these units so far, (number, unit)."""
        return torch.cat([each.flatten(1) for each in self._sums], 1).T.cpu().numpy()

    def go_on(self, kept: Array) -> None:
        """Go on from such sums."""
        parts = np.array_split(
            kept.T, np.cumsum([math.prod(shape) for shape in self._sizes.shapes])[:-1], 1
        )
        for each, part in zip(self._sums, parts, strict=True):
            each.copy_(torch.from_numpy(np.ascontiguousarray(part)).reshape(each.shape))
        self._begun = True

    def labelled(self, units: pd.DataFrame, blank: Array, attrs: dict[str, Any]) -> xr.DataArray:
        """Label the maps; numbers of each unit are coordinates."""
        # Halves are those of responses less that to the blank, which came last.
        taken_off = (self._first - np.maximum(blank, 0))[:, None, None, None] * SIGNS
        for technique in self._methods if self._n_units else ():
            self._maps[technique] += (taken_off * self._of_a_constant(technique)).astype(np.float32)
        return label_maps(
            np.stack(list(self._maps.values()), axis=1),
            techniques=tuple(self._maps),
            conditions=self._table,
            units=units,
            blank=blank,
            numbers=self._numbers,
            attrs=attrs,
        )

    def _inverse(self, technique: str) -> Tensor:
        """Inverse of the sum of products of elements over all frames that were shown."""
        if technique not in self._inverses:
            table = self._table[self._table["technique"] == technique]
            total = torch.zeros(2 * (self._sizes.elements**2,), dtype=torch.float64)
            for start in range(0, len(table), PART):
                frames = self._frames(technique, table.iloc[start : start + PART]).flatten(1)
                total += (frames.T @ frames).double().cpu()
            inverse = torch.linalg.pinv(total, hermitian=True, rtol=LEAST)
            self._inverses[technique] = inverse.float().to(self._sums.first.device)
        return self._inverses[technique]

    def _of_a_constant(self, technique: str) -> npt.NDArray[np.float64]:
        """Make half a map of a response of 1 to everything, (row, column)."""
        shown = self._table[(self._table["technique"] == technique) & (self._table["polarity"] > 0)]
        # Some frames at a time, however many there are.
        parts = [shown.iloc[start : start + PART] for start in range(0, len(shown), PART)]
        sums = [self._frames(technique, part, device="cpu").sum(0).flatten() for part in parts]
        total = torch.stack(sums).sum(0)
        n, contrast = self._sizes.elements, abs(float(self._table["contrast"].iloc[0]))
        half = total @ self._inverse(technique).cpu() / contrast
        return half.reshape(n, n).double().numpy()

    def _judged(self) -> dict[str, Tensor]:
        """Say of each unit how far its maps are from what chance gives."""
        sums, n_responses = self._sums, int((self._table["technique"] == WHITE).sum())
        first = sums.first[:, self._methods.index(WHITE)].sum(1)
        # What rounding leaves of a response that does not depend on the sign of the noise.
        rounding = ROUNDING * (sums.moments[:, 2] * n_responses * WHITE_NOISE_VARIANCE).sqrt()
        own = (
            first.abs().amax(1),
            sums.chance.abs().amax((1, 2)).maximum(rounding),
            self._linear_share(first, n_responses),
        )
        return dict(zip(MAP_NUMBERS, own, strict=False)) | self._dimensions(n_responses)

    def _mean_products(self) -> Tensor:
        """Average what is summed in the second order, whatever the response: (1 + shuffle, ...)."""
        noise = self._table[self._table["technique"] == WHITE]
        total = torch.zeros_like(self._sums.second[0])
        for start in range(0, len(noise), PART):
            some = noise.iloc[start : start + PART]
            for number in range(len(total)):
                coarse = _coarse(self._frames(WHITE, some, beyond=number))
                total[number] += coarse.T @ coarse
        return total / len(noise)

    def _linear_share(self, first: Tensor, n_responses: int) -> Tensor:
        """Share of the variance of responses to white noise that is linear in it.

        What a regression explains grows with its number of elements; how much it would explain by
        chance is known from frames that were not shown.
        """
        pairs, elements = n_responses // 2, first.shape[1]
        _, total, squares = self._sums.moments.double().T
        variance = squares - total**2 / n_responses
        if pairs <= elements + 1:
            return torch.full_like(variance, torch.nan)
        inverse = self._inverse(WHITE)
        explained = ((first @ inverse) * first).double().sum(1)
        by_chance = ((self._sums.chance @ inverse) * self._sums.chance).double().sum(2).mean(1)
        odd = by_chance * (pairs - elements - 1) / elements
        share = elements / pairs
        return (explained - share * odd) / (1 - share) / variance

    def _dimensions(self, n_responses: int) -> dict[str, Tensor]:
        """Count the directions along which the spike-triggered covariance exceeds chance."""
        shown = self._mean_products()
        found: list[Tensor] = []
        step = max(1, SOLVED // (1 + self._sizes.shuffles))
        for start in range(0, len(self._units), step):
            some = slice(start, start + step)
            mean = self._sums.moments[some, 1, None, None, None] / n_responses
            values = torch.linalg.eigvalsh(self._sums.second[some] / n_responses - mean * shown)
            own, chance = values[:, 0], values[:, 1:].flatten(1)
            above = (own > chance.amax(1, True)).sum(1)
            below = (own < chance.amin(1, True)).sum(1)
            found.append(
                torch.stack([above, below, own[:, -1], own[:, 0], chance.amax(1), chance.amin(1)])
            )
        return dict(zip(MAP_NUMBERS[3:], torch.cat(found, 1), strict=True))


def _sizes(conditions: pd.DataFrame, reduction: Correlation) -> Sizes:
    return Sizes(
        conditions["technique"].nunique(), reduction.shuffles, int(conditions["elements"].iloc[0])
    )


def _coarse(frames: Tensor) -> Tensor:
    """Sum neighbouring elements to fewer ones of variance 1, (frame, coarse element)."""
    n = frames.shape[1] // COARSE
    whole = frames[:, : n * COARSE, : n * COARSE]
    sums = whole.reshape(-1, n, COARSE, n, COARSE).sum((2, 4)).flatten(1)
    return sums / (COARSE * math.sqrt(WHITE_NOISE_VARIANCE))
