"""Which part of the display units are shown: found for each group of them, proven and checked."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from insilico.recording.crop_check import (
    disagreeing,
    how_many,
    informative,
    outside,
    pool,
    spread,
)
from insilico.recording.crop_search import columns_of, searched_crop, sites_of
from insilico.recording.forward import Forward
from insilico.recording.layers import Index, LayerMap
from insilico.recording.receptive_fields import Fields, split_sites
from insilico.recording.windows import ROUNDING, Crop
from stimuli import Display, StimulusSet
from stimuli.gratings import blank_screen

__all__ = ["Crops", "Layered", "Place"]

logger = logging.getLogger(__name__)

# Groups of units from which the stimuli are taken that check the crops of a protocol; each stimulus
# is shown to the units of all of them.
CHECKED_GROUPS = 6

Layered = tuple[Crop, npt.NDArray[np.intp]]


@dataclass(frozen=True)
class Place:
    """Where units are found in the outputs of their layers, and in what order they come out."""

    where: dict[str, tuple[Index, tuple[int, int], int | None]]
    order: npt.NDArray[np.intp]

    @property
    def layers(self) -> list[str]:
        """The layers that are read."""
        return list(self.where)

    def take(self, layer: str, output: Tensor) -> Tensor:
        """Copy the units of a layer out of its output."""
        index, shift, columns = self.where[layer]
        return index.take(output, shift, columns)


class Crops:
    """Finds the crops through which the units of a probe are shown their stimuli.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    display : Display
        The screen.
    units : DataFrame
        All units of the probe.
    maps : mapping of str to LayerMap
        How layers are laid out.
    fields : mapping of str to Fields or None
        What their sites see, where that was proven.
    whole : str, optional
        Why all units are shown whole pictures, if they are.

    Attributes
    ----------
    notes : list of str
        Of layers whose crops turned out not to be exact.
    """

    def __init__(
        self,
        forward: Forward,
        display: Display,
        units: pd.DataFrame,
        maps: Mapping[str, LayerMap],
        fields: Mapping[str, Fields | None],
        whole: str | None = None,
    ) -> None:
        self.notes: list[str] = []
        self._forward = forward
        self._display = display
        self._units = units
        self._maps = maps
        self._fields = fields
        self._whole = {} if whole is None else dict.fromkeys(maps, f"full picture: {whole}")
        self._found: dict[tuple[Any, ...], Crop] = {}
        # Layers that are not computed without padding, having answered stimuli otherwise so.
        self._padded: set[str] = set()

    def of(self, units: pd.DataFrame) -> Crop:
        """Find the crop of units of one layer."""
        layer = str(units["layer"].iat[0])
        if layer in self._whole:
            return Crop(self._display.whole, False, self._whole[layer])
        places = sites_of(units)
        key = (layer, *places)
        if key not in self._found:
            # Channels at one site share their kernel's extent in a convolution, but need not where
            # branches of several kernels are joined: all the probe's units at these sites take
            # part in the proof, so that it holds for any choice of them.
            sites = pd.DataFrame(places, columns=["row", "column"])
            there = self._units[self._units["layer"] == layer].merge(sites, on=["row", "column"])
            self._found[key] = self._crop_of(layer, places, there)
            logger.info("%s: %s", layer, self._found[key].status)
        return _compared(self._found[key], layer in self._padded)

    def seen(self, layer: str) -> Fields | None:
        """Tell what sites of a layer see; None where that is not known, or not to be used."""
        return None if layer in self._whole else self._fields[layer]

    def of_all_channels(self, layer: str, sites: Sequence[tuple[int, int]]) -> tuple[Crop, Place]:
        """Find the crop of all channels at some sites of a layer, and where they are in it."""
        chart = self._maps[layer]
        row, column = np.array(sites).T
        channels = np.repeat(np.arange(chart.channels), len(sites))
        table = {"channel": channels, "row": np.tile(row, chart.channels)}
        units = pd.DataFrame({"layer": layer, **table, "column": np.tile(column, chart.channels)})
        crop = _compared(self._crop_of(layer, sites, units), layer in self._padded)
        where = (Index.of(chart, units), crop.shift, columns_of(chart, crop))
        return crop, Place({layer: where}, np.arange(len(units)))

    def _crop_of(self, layer: str, places: Sequence[tuple[int, int]], units: pd.DataFrame) -> Crop:
        return searched_crop(
            self._forward,
            self._display,
            layer,
            self._maps[layer],
            self._fields[layer],
            places,
            units,
        )

    def passes(self, units: pd.DataFrame, n_stimuli: int) -> list[Layered]:
        """Which units are recorded together, through which crop."""
        passes: dict[Any, tuple[Crop, list[npt.NDArray[np.intp]]]] = {}
        for layer, members in _by_layer(units).items():
            for group in self._groups(layer, _rows(units, members), n_stimuli):
                crop = self.of(_rows(units, members[group]))
                # Layers shown the whole picture share one pass; so do those with the same crop.
                key = (crop.window, crop.padded)
                passes.setdefault(key, (crop, []))[1].append(members[group])
        return [(crop, np.concatenate(members)) for crop, members in passes.values()]

    def place(self, units: pd.DataFrame, *, whole: bool = False, compared: bool = False) -> Place:
        """Where units sit in their layers, and in the crop that they share or are compared by."""
        by_layer = _by_layer(units)
        where = {}
        for layer, members in by_layer.items():
            chart, chosen = self._maps[layer], _rows(units, members)
            crop = None if whole else _compared(self.of(chosen), compared)
            shift = (0, 0) if crop is None else crop.shift
            columns = None if crop is None else columns_of(chart, crop)
            where[layer] = (Index.of(chart, chosen), shift, columns)
        return Place(where, np.concatenate(list(by_layer.values())))

    def statuses(self, units: pd.DataFrame, passes: Sequence[Layered]) -> dict[str, str]:
        """Say what every layer's crops are, for the provenance."""
        found: dict[str, list[str]] = {}
        for _, members in passes:
            shown = _rows(units, members)
            for layer, own in _by_layer(shown).items():
                found.setdefault(layer, []).append(self.of(_rows(shown, own)).status)
        return {layer: "; ".join(dict.fromkeys(each)) for layer, each in found.items()}

    def check(self, shown: Sequence[tuple[StimulusSet, pd.DataFrame]]) -> None:
        """Check crops on what is about to be shown; whole pictures from now on where they fail.

        Parameters
        ----------
        shown : sequence of (StimulusSet, DataFrame)
            The stimuli of one protocol, and the units that each is shown to.
        """
        numbers = np.random.default_rng(0).permutation(len(shown))[:CHECKED_GROUPS]
        chosen = [shown[number] for number in sorted(numbers)]
        total = sum(len(stimuli) for stimuli, _ in shown)
        # Movies of different lengths are different pictures.
        lengths = dict.fromkeys(len(stimuli.time) for stimuli, _ in chosen)
        spreads: list[pd.DataFrame] = []
        unpadded: list[pd.DataFrame] = []
        with self._forward.ready():
            for length in lengths:
                alike = [each for each in chosen if len(each[0].time) == length]
                padded, bare = self._compare(alike, total)
                spreads += padded
                unpadded += bare
        if unpadded:
            differ = disagreeing(unpadded, rounding=ROUNDING)
            self._padded |= {str(layer) for layer, n in differ.items() if n}
        if not spreads:
            return
        for layer, n in disagreeing(spreads).items():
            if n:
                why = f"{n} channels respond otherwise to the crop of a stimulus than to all of it"
                self._whole[str(layer)] = f"full picture: {why}"
                self.notes.append(
                    f"{layer}: shown in full pictures, for {why}: they see beyond the window that "
                    "was proven (an operation of the model swallows NaN, or acts on strong stimuli "
                    "only)"
                )

    def _compare(
        self, shown: Sequence[tuple[StimulusSet, pd.DataFrame]], total: int
    ) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
        """Show some stimuli of every set whole and cropped, to the units of all of them.

        Cropped with padding, and without it where that is how they are to be recorded.
        """
        by_sites: dict[Any, tuple[Crop, list[pd.DataFrame]]] = {}
        pictures: list[Tensor] = []
        for stimuli, units in shown:
            exact = [
                (crop, units.iloc[members])
                for crop, members in self.passes(units, len(stimuli))
                if crop.exact
            ]
            for crop, members in exact:
                sites = members[["layer", "row", "column"]].drop_duplicates()
                key = tuple(sites.itertuples(index=False, name=None))
                by_sites.setdefault(key, (crop, []))[1].append(members)
            if exact:
                pictures.append(self._telling(stimuli, exact, total, len(shown)))
        if not pictures:
            return [], []
        # Some sets may be grey and others coloured.
        channels = max(each.shape[-3] for each in pictures)
        images = torch.cat([each.expand(*each.shape[:-3], channels, -1, -1) for each in pictures])
        if len(images) == 1:
            # Of one picture alone, units would have no range.
            images = torch.cat([images, self._blank(images)])
        checked = [(crop, _once(pd.concat(parts))) for crop, parts in by_sites.values()]
        whole = self._respond(pd.concat([members for _, members in checked]), images, None)
        spreads: list[pd.DataFrame] = []
        unpadded: list[pd.DataFrame] = []
        start = 0
        for crop, members in checked:
            own = whole[:, start : start + len(members)]
            start += len(members)
            # Weak units among strong ones differ by the order of summation alone, which the crop
            # without padding changes: what they see is checked by the one with it.
            for each in dict.fromkeys([_compared(crop, True), crop]):
                window = each.window
                cropped = self._respond(members, images[..., window.rows, window.columns], each)
                found = spread(members, cropped, own)
                (spreads if each.padded else unpadded).append(found)
        return spreads, unpadded

    def _telling(
        self,
        stimuli: StimulusSet,
        exact: Sequence[tuple[Crop, pd.DataFrame]],
        total: int,
        groups: int,
    ) -> Tensor:
        """Draw those stimuli of a set whole that would tell most of the units it is shown to."""
        largest = max((crop.window for crop, _ in exact), key=lambda each: each.height * each.width)
        movies = self._forward.movies
        frames = len(stimuli.time) or (1 if movies is None else movies.frames)
        n = -(-how_many(total, largest, self._display, frames=frames) // groups)
        rows = pool(stimuli, n)
        crop, members = exact[0]
        if n < len(rows):
            cut = stimuli.images(rows, window=crop.window, device=self._forward.device)
            cropped = self._respond(members, cut, crop)
            beyond = outside(stimuli, rows, crop.window)
            rows = rows[informative(cropped.reshape(len(rows), -1), beyond, n)]
        return stimuli.images(rows, window=self._display.whole, device=self._forward.device)

    def _blank(self, images: Tensor) -> Tensor:
        """Draw the blank as large as pictures or movies."""
        blank = blank_screen(self._display, window=self._display.whole, device=self._forward.device)
        return blank.expand_as(images)

    def _respond(
        self, units: pd.DataFrame, images: Tensor, crop: Crop | None
    ) -> npt.NDArray[np.float32]:
        """Responses of units to crops or to whole pictures, (picture, unit), in float32.

        To movies those of all times below each other.
        """
        place = self.place(
            units, whole=crop is None, compared=crop is not None and crop.alike is None
        )
        with nullcontext() if crop is None else crop.applied(self._forward):
            read = self._forward.read(images, place.layers, place.take)
        answers = torch.cat([read[name].float() for name in place.layers], -1)
        found = np.empty((answers.shape[:-1].numel(), len(units)), dtype=np.float32)
        found[:, place.order] = answers.flatten(0, -2).cpu()
        return found

    def _groups(
        self, layer: str, units: pd.DataFrame, n_stimuli: int
    ) -> list[npt.NDArray[np.intp]]:
        """Units of one layer that share a window: all of them unless they are far apart."""
        fields = self._fields[layer]
        together = [np.arange(len(units))]
        if fields is None or layer in self._whole:
            return together
        groups = split_sites(sites_of(units), fields, self._display, n_stimuli)
        if len(groups) == 1:
            return together
        number = {site: n for n, group in enumerate(groups) for site in group}
        of = np.array([number[site] for site in zip(units["row"], units["column"], strict=True)])
        return [np.flatnonzero(of == n) for n in range(len(groups))]


# A run asks these of hundreds of small groups of units: pandas would take most of its time.


def _once(units: pd.DataFrame) -> pd.DataFrame:
    return units[~units.index.duplicated()]


def _compared(crop: Crop, compared: bool) -> Crop:
    return crop.alike if compared and crop.alike is not None else crop


def _by_layer(units: pd.DataFrame) -> dict[str, npt.NDArray[np.intp]]:
    """Which units each layer has, the layers as they come."""
    codes, layers = pd.factorize(units["layer"].to_numpy())
    return {str(layer): np.flatnonzero(codes == code) for code, layer in enumerate(layers)}


def _rows(units: pd.DataFrame, members: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Take rows of a table; the table itself, if it is all of them."""
    everyone = len(members) == len(units) and np.array_equal(members, np.arange(len(units)))
    return units if everyone else units.iloc[members]
