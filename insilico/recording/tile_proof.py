"""Whether sites that see nothing of a stimulus may be left out, and the others shown a window.

Three things have to hold, and each is tried on the model. That sites see no more than was found:
stimuli are NaN, and all sites that are left out must stay finite. That a site answers to what it
sees wherever it lies: pictures of noise are shown whole and in windows, at every site. And that
both are so for the stimuli themselves: some are shown whole, to the sites that are left out, too.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from insilico.recording.crop_check import disagreeing, how_many, informative, pool, spread
from insilico.recording.crops import Crops, Layered
from insilico.recording.forward import Forward
from insilico.recording.layers import LayerMap, finite_sites, whole_map
from insilico.recording.nan_pictures import Unharmed
from insilico.recording.reduce import cells_of
from insilico.recording.reductions import Maximum, Reduction
from insilico.recording.tiles import Plan, Tiles, numbered, planned
from insilico.recording.windows import ROUNDING, Crop, inside_of, noise, size_of
from stimuli import Display, StimulusSet
from stimuli.gratings import blank_screen

__all__ = ["Shown", "Tiling"]

Ints = npt.NDArray[np.intp]


class Shown(NamedTuple):
    """Units that are recorded together: through which crop, and in windows that follow stimuli."""

    crop: Crop
    members: Ints
    tiles: Tiles | None
    status: str | None = None


class Tiling:
    """Finds windows that follow the stimulus, where all or many sites of a layer are recorded.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    display : Display
        The screen.
    maps : mapping of str to LayerMap
        How layers are laid out.
    crops : Crops
        Finds crops, of which these windows are made.

    Attributes
    ----------
    notes : list of str
        Of layers that answered stimuli otherwise so.
    """

    def __init__(
        self,
        forward: Forward,
        display: Display,
        maps: Mapping[str, LayerMap],
        crops: Crops,
    ) -> None:
        self.notes: list[str] = []
        self._forward = forward
        self._display = display
        self._maps = maps
        self._crops = crops
        # Why layers are not shown such windows, having been tried.
        self._failed: dict[str, str] = {}

    def plans(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame,
        reduction: Reduction | None,
        layered: Layered,
    ) -> list[tuple[Ints, Plan | None]]:
        """Plan windows for layers of which the largest responses are kept, if they save time.

        Parameters
        ----------
        stimuli : StimulusSet
            What is shown.
        units : DataFrame
            To which units.
        reduction : Maximum, Harmonics or Correlation, optional
            What is kept of the responses.
        layered : tuple of Crop and array
            What would be shown of every stimulus, and to which of the units.

        Returns
        -------
        list of tuple of array and Plan or None
            Units of one layer each, and then those for which nothing is planned.
        """
        crop, members = layered
        if not isinstance(reduction, Maximum):
            return [(members, None)]
        cells, found, rest = _cells(stimuli, reduction), [], []
        layers = units["layer"].to_numpy()[members]
        for layer in pd.unique(layers):
            own, chart = members[layers == layer], self._maps[layer]
            # Tokens are no map that a window could be cut from without padding.
            left_out = layer in self._failed or chart.layout == "tokens"
            fields = None if left_out else self._crops.seen(layer)
            grid = (chart.rows, chart.columns)
            plan = None if fields is None else planned(stimuli, cells, fields, grid, crop)
            if plan is None:
                rest.append(own)
            else:
                found.append((own, plan))
        return [*found, *([(np.concatenate(rest), None)] if rest else [])]

    def passes(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame,
        reduction: Reduction | None,
        layered: Sequence[Layered],
    ) -> list[Shown]:
        """Say how units are recorded, layer by layer where windows follow the stimulus.

        Parameters
        ----------
        stimuli : StimulusSet
            What is shown.
        units : DataFrame
            To which units.
        reduction : Maximum, Harmonics or Correlation, optional
            What is kept of the responses.
        layered : sequence of tuple of Crop and array
            The crops of these units, and which of them look through each.

        Returns
        -------
        list of Shown
        """
        found: list[Shown] = []
        for crop, members in layered:
            rest = []
            for own, plan in self.plans(stimuli, units, reduction, (crop, members)):
                if plan is None:
                    rest.append(own)
                    continue
                layer = str(units["layer"].iat[own[0]])
                tiles = self._proven(stimuli, layer, plan, units.iloc[own])
                if isinstance(tiles, Tiles):
                    found.append(Shown(crop, own, tiles, self._status(layer, tiles)))
                else:
                    self._failed[layer] = tiles
                    rest.append(own)
            if rest:
                found.append(Shown(crop, np.concatenate(rest), None))
        return found

    def why_not(self, layer: str) -> str:
        """Say why a layer is not shown windows that follow the stimulus, if that was tried."""
        tried = self._failed.get(layer)
        return "" if tried is None else f"; no windows around stimuli: {tried}"

    def _proven(
        self, stimuli: StimulusSet, layer: str, plan: Plan, units: pd.DataFrame
    ) -> Tiles | str:
        """Find the windows of a plan, and try all that they take for granted; or say what fails."""
        chart = self._maps[layer]
        # As many sites in the middle, where no border is near.
        first = (plan.inner.sum(1) + 1 - plan.sites) // 2
        sites = [tuple(first + each) for each in np.ndindex(plan.sites)]
        crop, place = self._crops.of_all_channels(layer, sites)
        if not crop.exact:
            return crop.status
        if crop.padded:
            return "the model does not do without padding"
        row, column = first.tolist()
        down, across = (int(each) for each in chart.stride)
        grid = (chart.channels, chart.rows, chart.columns)
        numbers = numbered(units, grid, self._forward.device)
        tiles = Tiles(plan, crop, place, (row, column), (down, across), numbers)
        with self._forward.ready():
            try:
                if not self._blind(layer, plan):
                    return "sites see more of stimuli than was found"
                if not self._alike_everywhere(layer, tiles):
                    return "sites do not answer alike wherever they lie"
            except Exception as error:  # noqa: BLE001 (a model may raise anything)
                return f"the model rejects pictures that test them ({type(error).__name__})"
            finally:
                # A model may have kept something of what was NaN.
                self._forward.put_back()
            return self._checked(layer, tiles, stimuli) or tiles

    def _blind(self, layer: str, plan: Plan) -> bool:
        """Whether all sites stay finite that should see nothing of stimuli, where these are NaN."""
        table = np.concatenate([plan.corners, plan.reach], 1)[plan.tiled]
        places, number = np.unique(table[:, :2], axis=0, return_inverse=True)
        reach = pd.DataFrame(table[:, 2:]).groupby(number.ravel())
        ends = np.stack([reach[n].agg("max" if n % 2 else "min") for n in range(4)], axis=1)
        chart, plain = self._maps[layer], noise(self._display)
        # Several stimuli in a picture, whose sites are others.
        images: list[Tensor] = []
        clear: list[npt.NDArray[np.bool_]] = []
        for corner, (top, bottom, left, right) in zip(places, ends, strict=True):
            own = tuple(slice(n, n + size) for n, size in zip(corner, plan.sites, strict=True))
            at = next((n for n, each in enumerate(clear) if each[own].all()), len(clear))
            if at == len(clear):
                images.append(plain.clone())
                clear.append(np.ones((chart.rows, chart.columns), dtype=bool))
            images[at][..., top:bottom, left:right] = torch.nan
            clear[at][own] = False
        with Unharmed():
            finite = self._forward.read(
                torch.cat(images), [layer], lambda _, output: finite_sites(chart, output)
            )[layer]
        return bool(finite.cpu()[torch.from_numpy(np.stack(clear))].all())

    def _alike_everywhere(self, layer: str, tiles: Tiles) -> bool:
        """Whether windows of noise are answered at all sites as the whole of it is."""
        shown, plan = inside_of(self._display), tiles.plan
        corners = np.stack(
            np.meshgrid(*map(_places, plan.inner, plan.sites), indexing="ij"), -1
        ).reshape(-1, 2)
        windows = [tiles.window((row, column)) for row, column in corners.tolist()]
        small = self._answers(
            layer, tiles, torch.cat([shown[..., each.rows, each.columns] for each in windows])
        )
        whole = self._whole(layer, shown)
        largest = small.abs().max().clamp_min(torch.finfo(small.dtype).tiny)
        for found, corner in zip(torch.split(small, len(shown)), corners.tolist(), strict=True):
            # NaN is not alike either.
            if (
                not float((found - _cut(whole, corner, plan.sites)).abs().max())
                <= ROUNDING * largest
            ):
                return False
        return True

    def _checked(self, layer: str, tiles: Tiles, stimuli: StimulusSet) -> str | None:
        """Show some stimuli whole, and say what is wrong with the windows; None if nothing is."""
        plan, window = tiles.plan, tiles.crop.window
        n = how_many(int(plan.tiled.sum()), window, self._display)
        rows = pool(stimuli, n)
        rows = rows[plan.tiled[rows]] if plan.tiled[rows].any() else np.flatnonzero(plan.tiled)[:n]
        drawn = tiles.drawn(stimuli, rows.tolist(), self._forward.device)
        small = self._answers(layer, tiles, drawn)
        chosen = informative(small.flatten(1).cpu().numpy(), np.zeros(len(rows)), n)
        rows, small = rows[chosen], small[torch.from_numpy(chosen).to(small.device)]
        images = stimuli.images(rows, window=self._display.whole, device=self._forward.device)
        ground = blank_screen(
            self._display, window=self._display.whole, device=self._forward.device
        )
        for image, (top, bottom, left, right) in zip(images.clone(), plan.reach[rows], strict=True):
            image[:, top:bottom, left:right] = ground[0, :, top:bottom, left:right]
            if not torch.equal(image, ground[0].expand_as(image)):
                return "stimuli reach farther than their parameters tell"
        whole = self._whole(layer, torch.cat([images, ground.expand_as(images[:1])]))
        blank, whole = whole[-1:], whole[:-1]
        # What is not asked must be as good as whole pictures; the windows sum in another order.
        beyond, within = blank.expand_as(whole).clone(), whole.clone()
        for n_shown, row in enumerate(rows.tolist()):
            corner = plan.corners[row].tolist()
            here = slice(n_shown, n_shown + 1)
            _cut(beyond[here], corner, plan.sites)[:] = _cut(whole[here], corner, plan.sites)
            _cut(within[here], corner, plan.sites)[:] = small[here]
        wrong = (
            disagreeing([_by_channel(layer, beyond, whole)])[layer]
            or disagreeing([_by_channel(layer, within, whole)], rounding=ROUNDING)[layer]
        )
        if not wrong:
            return None
        why = f"{wrong} channels respond otherwise to windows around stimuli than to all of them"
        self.notes.append(f"{layer}: shown in full pictures, for {why}")
        return why

    def _answers(self, layer: str, tiles: Tiles, images: Tensor) -> Tensor:
        """Responses to windows, (n, channel, row, column), in float32."""
        with tiles.crop.applied(self._forward):
            found = self._forward.read(images, tiles.place.layers, tiles.place.take)[layer]
        return found.float().reshape(len(images), -1, *tiles.plan.sites)

    def _whole(self, layer: str, images: Tensor) -> Tensor:
        """Responses to whole pictures, (n, channel, row, column), in float32."""
        chart = self._maps[layer]
        return self._forward.read(images, [layer], lambda _, output: whole_map(chart, output))[
            layer
        ].float()

    def _status(self, layer: str, tiles: Tiles) -> str:
        field, window = self._maps[layer].field, size_of(tiles.crop.window)
        assert field is not None
        whole = int((~tiles.plan.tiled).sum())
        shown = f", {whole} of {len(tiles.plan.cells)} in full pictures" if whole else ""
        return (
            f"exact crop {window} of {self._display.height} around each stimulus{shown} (receptive "
            f"field {field[0]} x {field[1]} px), with no other sites computed; those that see "
            "nothing of it answer as they answer the blank"
        )


def _cells(stimuli: StimulusSet, reduction: Maximum) -> Ints:
    """Tell which stimuli are put together."""
    return cells_of(
        stimuli.conditions, tuple(name for name in stimuli.dims if name not in reduction.over)
    )


def _places(inner: Ints, size: int) -> Ints:
    """First sites of windows that cover all inner ones: at odd steps, so odd and even ones."""
    low, last = int(inner[0]), int(inner[1]) + 1 - size
    return np.unique([*range(low, last, size - (size + 1) % 2), last])


def _cut(maps: Tensor, corner: Sequence[int], sites: Sequence[int]) -> Tensor:
    (row, column), (rows, columns) = corner, sites
    return maps[..., row : row + rows, column : column + columns]


def _by_channel(layer: str, found: Tensor, whole: Tensor) -> pd.DataFrame:
    """Compare maps, (n, channel, row, column), one row for each channel."""
    units = pd.DataFrame({"layer": layer, "channel": range(whole.shape[1])})
    one, other = (
        maps.movedim(1, -1).reshape(-1, maps.shape[1]).cpu().numpy() for maps in (found, whole)
    )
    return spread(units, one, other)
