"""Reverse correlation that streams: sums of mosaics weighted by responses, and nothing else.

Responses are rectified, as everywhere. Every frame is shown in both polarities, so that the part of
a response that does not depend on the sign of the frame leaves nothing in the first order, and the
part that does nothing in the second.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from insilico.recording.noise_sums import (
    SOLVED,
    Frames,
    Sizes,
    Sums,
    Waiting,
    coarse_elements,
    counted,
    dimensions,
    linear_share,
    pairs,
    products,
    some,
)
from insilico.recording.reductions import Correlation
from insilico.recording.schema import MAP_NUMBERS, label_maps
from stimuli.mosaics import WHITE_NOISE_VARIANCE, mosaic_elements

__all__ = ["Correlations", "bytes_of_sums"]

Array = npt.NDArray[np.floating[Any]]

BYTES = 4
SIGNS = np.array([-1, 1])[:, None, None]
WHITE = "white noise"

# Places of a frame and its opposite.
DARK, LIGHT = 0, 1

# Frames that are paired with responses to others, far beyond those that are shown.
BEYOND = 2**20

# How many of them each shuffle draws, at most.
PAIRED = 2**13

# Of the largest sum that a response could lead to.
ROUNDING = 1e-5

# Directions of the stimuli that were hardly shown are left out of the maps.
LEAST = 1e-4


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

    Chance is what responses give with frames that were not shown. Each shuffle draws as many of
    those as were shown, or `PAIRED` of them where these are more: each then stands for several
    frames, and goes with the sum of their responses. As frames are independent, that sum varies as
    much as its parts together, and what chance gives does, too.

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
        self._noise, self._times = counted(self._frames_of(WHITE))
        # Frames that one of those stands for which were not shown.
        self._stands_for = max(1, -(-len(self._noise) // PAIRED))

    def begin(self, units: npt.NDArray[np.intp], device: torch.device) -> None:
        """Begin sums for some units, on the device where their responses arrive."""
        self._units = units
        self._sums = Sums.nothing(self._sizes, len(units), device)
        self._begun = False
        self._shown, self._paired = Waiting(), Waiting()

    def add(self, rows: range, responses: Tensor) -> None:
        """Take in the responses (row, unit) of these units to the frames in some rows."""
        responses = responses.clamp(min=0)
        if not self._begun:
            # What does not change cancels in the end, and costs precision until then.
            self._sums.moments[:, 0] = responses[0]
            self._begun = True
        responses = responses - self._sums.moments[:, 0]
        table = self._table.iloc[rows.start : rows.stop]
        for technique, members in table.groupby("technique", sort=False):
            found = responses[torch.from_numpy(members.index.to_numpy() - rows.start)]
            frames = members[["seed", "frame"]].to_numpy()
            light = torch.from_numpy(members["polarity"].to_numpy() > 0).to(found.device)
            # Responses to a frame and to its opposite, beside each other.
            answers = torch.stack([~light, light])[..., None] * found
            if technique != WHITE:
                self._correlate(str(technique), frames, answers)
                continue
            self._sums.moments[:, 1] += found.double().sum(0).float()
            self._sums.moments[:, 2] += found.double().square().sum(0).float()
            self._shown.put(frames, answers)
            if self._shown.enough:
                self._take_shown()

    def _correlate(self, technique: str, frames: Frames, answers: Tensor) -> Tensor:
        """Add up frames times responses; returns the frames."""
        drawn = self._drawn(technique, frames)
        halves = self._sums.first[:, self._methods.index(technique)]
        halves[:, DARK].addmm_(answers[DARK].T, drawn.flatten(1), alpha=-1)
        halves[:, LIGHT].addmm_(answers[LIGHT].T, drawn.flatten(1))
        return drawn

    def _take_shown(self) -> None:
        """Take in the white noise that waits, and pair the responses with frames not shown."""
        frames, answers = self._shown.take()
        drawn = self._correlate(WHITE, frames, answers)
        self._sums.second[:, 0].addmm_(answers.sum(0).T, products(coarse_elements(drawn)))
        self._paired.put(self._partners(frames), answers)
        if self._paired.enough:
            self._take_paired()

    def _take_paired(self) -> None:
        """Take in the pairs that wait."""
        partners, answers = self._paired.take()
        odd, even = (answers[LIGHT] - answers[DARK]).T, answers.sum(0).T
        for number in range(self._sizes.shuffles):
            drawn = self._drawn(WHITE, partners, beyond=1 + number)
            self._sums.chance[:, number].addmm_(odd, drawn.flatten(1))
            self._sums.second[:, 1 + number].addmm_(even, products(coarse_elements(drawn)))

    def _partners(self, frames: Frames) -> Frames:
        """Say which frame stands for each of some frames, in every shuffle."""
        return frames // np.array([1, self._stands_for])

    def _take_all(self) -> None:
        """Leave nothing waiting."""
        if self._shown.any:
            self._take_shown()
        if self._paired.any:
            self._take_paired()

    def _frames_of(self, technique: str) -> Frames:
        table = self._table[self._table["technique"] == technique]
        return table[["seed", "frame"]].to_numpy()

    def _drawn(
        self,
        technique: str,
        frames: Frames,
        *,
        beyond: int = 0,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Elements of the frames that were shown, or of others, (frame, row, column)."""
        return mosaic_elements(
            technique,
            frames[:, 1] + beyond * BEYOND,
            self._sizes.elements,
            frames[:, 0],
            device=self._sums.first.device if device is None else device,
        )

    def finish(self) -> None:
        """Make maps and numbers of what was collected of these units."""
        self._take_all()
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
        self._take_all()
        return torch.cat([each.flatten(1) for each in self._sums], 1).T.cpu().numpy()

    def go_on(self, kept: Array) -> None:
        """Go on from such sums."""
        start = 0
        for each in self._sums:
            part = kept[start : start + each[0].numel()].T
            each.copy_(torch.from_numpy(np.ascontiguousarray(part)).reshape(each.shape))
            start += each[0].numel()
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
            total = torch.zeros(2 * (self._sizes.elements**2,), dtype=torch.float64)
            for frames, times in some(*counted(self._frames_of(technique))):
                drawn = self._drawn(technique, frames).flatten(1)
                total += ((drawn * times.to(drawn)).T @ drawn).double().cpu()
            inverse = torch.linalg.pinv(total, hermitian=True, rtol=LEAST)
            self._inverses[technique] = inverse.float().to(self._sums.first.device)
        return self._inverses[technique]

    def _of_a_constant(self, technique: str) -> npt.NDArray[np.float64]:
        """Make half a map of a response of 1 to everything, (row, column)."""
        shown = self._table[(self._table["technique"] == technique) & (self._table["polarity"] > 0)]
        frames = shown[["seed", "frame"]].to_numpy()
        sums = [
            (self._drawn(technique, part, device="cpu").flatten(1) * times).sum(0)
            for part, times in some(*counted(frames))
        ]
        n, contrast = self._sizes.elements, abs(float(self._table["contrast"].iloc[0]))
        half = torch.stack(sums).sum(0) @ self._inverse(technique).cpu() / contrast
        return half.reshape(n, n).double().numpy()

    def _judged(self) -> dict[str, Tensor]:
        """Say of each unit how far its maps are from what chance gives."""
        sums, n_responses = self._sums, int(self._times.sum())
        first = sums.first[:, self._methods.index(WHITE)].sum(1)
        # What rounding leaves of a response that does not depend on the sign of the noise.
        rounding = ROUNDING * (sums.moments[:, 2] * n_responses * WHITE_NOISE_VARIANCE).sqrt()
        own = (
            first.abs().amax(1),
            sums.chance.abs().amax((1, 2)).maximum(rounding),
            linear_share(
                first, sums.chance, sums.moments, inverse=self._inverse(WHITE), n=n_responses
            ),
        )
        return dict(zip(MAP_NUMBERS, own, strict=False)) | self._dimensions(n_responses)

    def _mean_products(self, n_responses: int) -> Tensor:
        """Average what is summed in the second order, whatever the response: (1 + shuffle, ...)."""
        total = torch.zeros_like(self._sums.second[0])
        partners = counted(self._partners(self._noise), self._times)
        for number in range(len(total)):
            for frames, times in some(*(partners if number else (self._noise, self._times))):
                coarse = coarse_elements(self._drawn(WHITE, frames, beyond=number))
                squared = (coarse * times.to(coarse)).T @ coarse
                one, other = pairs(len(squared), squared.device)
                total[number] += squared[one, other]
        return total / n_responses

    def _dimensions(self, n_responses: int) -> dict[str, Tensor]:
        """Count the directions along which the spike-triggered covariance exceeds chance."""
        shown = self._mean_products(n_responses)
        step = max(1, SOLVED // (1 + self._sizes.shuffles))
        parts = zip(
            torch.split(self._sums.second, step), torch.split(self._sums.moments, step), strict=True
        )
        found = [
            dimensions(second / n_responses, moments[:, 1] / n_responses, shown)
            for second, moments in parts
        ]
        return dict(zip(MAP_NUMBERS[3:], torch.cat(found, 1), strict=True))


def _sizes(conditions: pd.DataFrame, reduction: Correlation) -> Sizes:
    return Sizes(
        conditions["technique"].nunique(), reduction.shuffles, int(conditions["elements"].iloc[0])
    )
