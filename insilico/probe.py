"""The probe: lowered into a model, it records chosen units while stimuli are shown."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.hooks import call_counts, first_tensor, layer_outputs
from insilico.locality import Crop, find_crop, proven_windows
from insilico.models.card import per_channel
from insilico.recording import UNIT_COORDINATES, label
from stimuli import Display, Position, StimulusSet

__all__ = ["LayerMap", "Probe"]

logger = logging.getLogger(__name__)

# Activations of one batch, all layers together, that are let into memory at a time.
BATCH_BYTES = 256 * 2**20

# Pictures in one forward pass at most: more gain nothing.
MOST_PICTURES = 256

# Share of the memory at hand that the responses may take: as they are recorded and as they are
# labelled, in single precision, and once more in double precision when they are measured.
KEPT_SHARE = 0.6
KEPT_BYTES = 4 + 4 + 8

# "centre", "all", a diameter in deg, or (row, column) of each site.
Sites = str | float | Sequence[tuple[int, int]]


@dataclass(frozen=True)
class LayerMap:
    """How the output of a layer is laid out, and where its sites look.

    Parameters
    ----------
    layout : {"map", "map_last", "tokens", "vector"}
        (batch, channel, row, column), (batch, row, column, channel), (batch, token, channel) or
        (batch, channel).
    rows, columns, channels : int
        Size of the grid of sites, and number of channels.
    skipped : int
        Tokens before the grid (class and register tokens).
    row_centre, column_centre : array
        Where each row and column of sites looks, as a (fractional) pixel index.
    centre : {"proven", "nominal"}
        Whether the centres come from proven receptive fields or from an even division of the
        display.
    stride : tuple of float
        Pixels from one site to the next along rows and columns.
    field : tuple of int or None
        Height and width in px of the proven receptive field of a site in the middle.
    """

    layout: Literal["map", "map_last", "tokens", "vector"]
    rows: int
    columns: int
    channels: int
    skipped: int
    row_centre: npt.NDArray[np.floating[Any]]
    column_centre: npt.NDArray[np.floating[Any]]
    centre: Literal["proven", "nominal"]
    stride: tuple[float, float]
    field: tuple[int, int] | None


class Probe:
    """Records units of a model.

    Parameters
    ----------
    model : nn.Module
        Takes images, float32 (batch, channel, height, width), in [0, 1] before ``mean`` and
        ``std`` are applied.
    layers : sequence of str
        Layers to record, as `insilico layers` names them.
    display : Display
        The screen on which stimuli are drawn: its size is the model's input size.
    sites : {"centre", "all"}, float, or sequence of (row, column)
        Which sites of each feature map: the one that looks nearest to ``around``; all; those
        that look within a diameter in deg around ``around``; or an explicit list.
    around : Position
        Where the electrodes are aimed, in deg; the centre of the display by default.
    channels : int
        How many image channels the model takes; a grey stimulus is repeated on each.
    mean, std : sequence of float, optional
        Normalisation applied before the model, one value or one per channel.
    device : torch device, optional
        Where to run; where the model's parameters are by default.
    batch_size : int, optional
        Pictures per forward pass; fitted to memory by default.
    crop : {"auto", "off"}
        Whether units may be shown only the part of the picture that they are proven to see.
    seed : int
        For models that draw random numbers in a forward pass.

    Attributes
    ----------
    units : DataFrame
        One row per unit: layer, channel, row, column, x, y.
    maps : dict of str to LayerMap
        Layout and receptive fields of each layer.
    notes : list of str
        What a user should know: stochastic models, nominal centres, declined crops.

    Raises
    ------
    UserError
        For a layer that does not exist or is called more than once, a model that does not take
        the display, responses that are not finite, or sites that do not exist.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Sequence[str],
        *,
        display: Display,
        sites: Sites = "centre",
        around: Position = Position(),  # noqa: B008 (a named tuple is immutable)
        channels: int = 3,
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        device: torch.device | str | None = None,
        batch_size: int | None = None,
        crop: str = "auto",
        seed: int = 0,
    ) -> None:
        if not layers:
            raise UserError("no layer to record; name at least one (`insilico layers MODEL`).")
        if crop not in ("auto", "off"):
            raise UserError(f"crop must be 'auto' or 'off'; got {crop!r}.")
        self.model = model
        self.layers = tuple(dict.fromkeys(layers))
        self.display = display
        self.channels = channels
        parameter = next(model.parameters(), None)
        self.device = torch.device(device or (parameter.device if parameter is not None else "cpu"))
        self.crop_mode = crop
        self.seed = seed
        self.notes: list[str] = []
        self._mean, self._std = (
            None
            if value is None
            else torch.tensor(per_channel(name, value, channels), device=self.device)[:, None, None]
            for name, value in (("mean", mean), ("std", std))
        )
        with self._evaluating():
            outputs = self._first_look()
            self.maps = {layer: self._survey(layer, outputs[layer]) for layer in self.layers}
            self.units = pd.concat(
                [
                    _place_units(layer, self.maps[layer], display, sites, around)
                    for layer in self.layers
                ],
                ignore_index=True,
            )
        self._batch_size = batch_size or self._fit_batch(outputs)
        # Pictures in a pass, lowered when they turn out to exhaust the memory.
        self._most = MOST_PICTURES
        self._crops: dict[tuple[Any, ...], Crop] = {}

    def record(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> xr.DataArray:
        r"""Show a stimulus set, and return the labelled responses.

        Parameters
        ----------
        stimuli : StimulusSet
            What is shown, drawn on the probe's display.
        units : DataFrame, optional
            Rows of ``self.units``; all of them by default.
        progress : callable, optional
            Called with the number of stimuli dealt with since its last call.

        Returns
        -------
        DataArray, dims ("unit", \\*stimuli.dims)
            Raw activations, float32, with the coordinates of `insilico.recording`.

        Raises
        ------
        UserError
            If the display differs, memory would not suffice, or a response is not finite.
        """
        units = self.units if units is None else units
        shape = (stimuli.display.height, stimuli.display.width)
        if shape != (self.display.height, self.display.width):
            raise UserError(
                f"the stimuli are drawn on {shape[0]} x {shape[1]} px, but the probe's display has "
                f"{self.display.height} x {self.display.width}. Draw them on probe.display."
            )
        _check_memory(len(units) * (len(stimuli) + 1) * KEPT_BYTES, len(units), len(stimuli))
        values = np.empty((len(stimuli) + 1, len(units)), dtype=np.float32)
        crops: dict[str, str] = {}
        n_pictures = 0
        with self._evaluating():
            passes = self._passes(units)
            for number, (crop, members) in enumerate(passes):
                last = number == len(passes) - 1
                n_pictures += self._show(
                    stimuli, units, members, crop, values, progress if last else None
                )
                for _, chosen in units.iloc[members].groupby("layer", sort=False):
                    crops[str(chosen["layer"].iloc[0])] = self.crop(chosen).status
        if not np.isfinite(values).all():
            bad = ~np.isfinite(values)
            raise UserError(
                f"the model returned NaN or infinity for {int(bad.any(1).sum())} of "
                f"{len(stimuli) + 1} stimuli in {int(bad.any(0).sum())} of {len(units)} units. "
                "Check its weights and the range of values it takes (mean and std)."
            )
        return label(
            values[:-1].T,
            conditions=stimuli.conditions,
            dims=stimuli.dims,
            units=units,
            blank=values[-1],
            attrs={
                "stimulus_set": stimuli.name,
                "stimuli_hash": stimuli.content_hash(),
                "display": str(stimuli.display),
                "n_stimuli": len(stimuli),
                "n_pictures": n_pictures,
                "crop": crops,
                "seed": self.seed,
            },
        )

    def crop(self, units: pd.DataFrame) -> Crop:
        """Find the crop through which units of one layer are shown their stimuli."""
        layer = str(units["layer"].iloc[0])
        if self.crop_mode == "off":
            return Crop(self.display.whole, False, "full picture: cropping is switched off")
        sites = units[["row", "column"]].drop_duplicates().sort_values(["row", "column"])
        key = (layer, *sites.itertuples(index=False, name=None))
        if key not in self._crops:
            chart = self.maps[layer]
            # Channels at one site share their kernel's extent in a convolution, but need not where
            # branches of several kernels are joined: all the probe's units at these sites take
            # part in the proof, so that it holds for any choice of them.
            there = self.units[self.units["layer"] == layer].merge(sites, on=["row", "column"])
            place = {layer: _index(chart, there)}
            grid = chart.layout in ("map", "map_last") and chart.centre == "proven"
            with self._evaluating():
                self._crops[key] = find_crop(
                    lambda images, shift: self._respond(images, place, shift)[layer],
                    lambda images: self._respond(images, place)[layer].isfinite().all(1, True),
                    self.display,
                    chart.stride if grid else None,
                )
            logger.info("%s: %s", layer, self._crops[key].status)
        return self._crops[key]

    def _evaluating(self) -> "_Evaluation":
        return _Evaluation(self.model, self.device, self.seed)

    def _feed(self, images: Tensor) -> Tensor:
        """Make what the model receives: every channel of a grey stimulus alike, normalised."""
        images = images.to(self.device, torch.float32)
        if images.shape[1] == 1 and self.channels > 1:
            images = images.expand(-1, self.channels, -1, -1)
        if self._mean is not None:
            images = images - self._mean
        if self._std is not None:
            images = images / self._std
        return images

    def _respond(
        self,
        images: Tensor,
        place: dict[str, "Index"],
        shift: tuple[int, int] = (0, 0),
    ) -> dict[str, Tensor]:
        """Responses (n, unit) of the units at the given places of each layer."""
        return dict(
            layer_outputs(
                self.model,
                list(place),
                self._feed(images),
                lambda layer, output: place[layer].take(output, shift),
            )
        )

    def _first_look(self) -> dict[str, Tensor]:
        """Show the blank once, whole, and find out what kind of model this is."""
        blank = torch.full((1, 1, self.display.height, self.display.width), self.display.background)
        try:
            counts, _ = call_counts(self.model, self.layers, self._feed(blank))
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{type(self.model).__name__} does not take images of {self.channels} x "
                f"{self.display.height} x {self.display.width} (channel x height x width): "
                f"{str(error).splitlines()[0] if str(error) else type(error).__name__}. Give the "
                "size it takes with pixels=... and its number of channels with channels=..."
            ) from error
        for layer, count in counts.items():
            if count > 1 and "@" not in layer:
                raise UserError(
                    f"layer {layer!r} is called {count} times in one forward pass, so its name "
                    f"means {count} different things. Say which call is meant ('{layer}@1' to "
                    f"'{layer}@{count}'), or record the block around it."
                )
            if "@" in layer and count < int(layer.split("@")[1]):
                raise UserError(f"layer {layer.split('@')[0]!r} is called {count} times, not more.")
        outputs, again = (
            dict(
                layer_outputs(
                    self.model, self.layers, self._feed(blank), lambda _, output: output.clone()
                )
            )
            for _ in range(2)
        )
        for layer, output in outputs.items():
            if not bool(output.isfinite().all()):
                raise UserError(
                    f"layer {layer!r} returns NaN or infinity for the blank display. Check the "
                    "model's weights and the range of values it takes (mean and std)."
                )
        noisy = [name for name in self.layers if not torch.equal(outputs[name], again[name])]
        if noisy:
            self.notes.append(
                f"{', '.join(noisy)}: the model is stochastic; each stimulus was recorded in one "
                "noisy pass, in full pictures"
            )
            self.crop_mode = "off"
        return outputs

    def _survey(self, layer: str, output: Tensor) -> LayerMap:
        """Find the layout of a layer and where its sites look."""
        layout, rows, columns, channels, skipped = _layout(layer, output, self.display)
        even = (self.display.height / rows, self.display.width / columns)
        nominal = (
            (np.arange(rows) + 0.5) * even[0] - 0.5,
            (np.arange(columns) + 0.5) * even[1] - 0.5,
        )
        chart = LayerMap(
            layout, rows, columns, channels, skipped, nominal[0], nominal[1], "nominal", even, None
        )
        if layout == "vector":
            return chart
        # Two sites about the middle give the stride; a border would clip their fields.
        pairs = [
            (max(0, rows // 2 - 1 - rows // 16), max(0, columns // 2 - 1 - columns // 16)),
            (min(rows - 1, rows // 2 + rows // 16), min(columns - 1, columns // 2 + columns // 16)),
        ]
        probes = [
            _index(chart, pd.DataFrame({"channel": range(channels), "row": row, "column": column}))
            for row, column in pairs
        ]

        def finite(images: Tensor) -> Tensor:
            found = layer_outputs(
                self.model,
                [layer],
                self._feed(images),
                lambda _, output: torch.stack(
                    [probe.take(output, (0, 0)).isfinite().all(1) for probe in probes], 1
                ),
            )
            return found[layer]

        try:
            windows = proven_windows(finite, self.display, len(probes))
        except Exception:  # noqa: BLE001 (a model may raise anything, most of all on NaN)
            return chart
        first, second = windows
        if (
            first is None
            or second is None
            or any(_touches(w, self.display) for w in (first, second))
        ):
            return chart
        centres, strides = [], []
        for axis, count in ((0, rows), (1, columns)):
            a, b = (window[axis] + (window[axis + 2] - 1) / 2 for window in (first, second))
            i, j = pairs[0][axis], pairs[1][axis]
            step = (b - a) / (j - i) if j > i else even[axis]
            if step <= 0:
                return chart
            centres.append(a + (np.arange(count) - i) * step)
            strides.append(step)
        return LayerMap(
            layout,
            rows,
            columns,
            channels,
            skipped,
            centres[0],
            centres[1],
            "proven",
            (strides[0], strides[1]),
            (first.height, first.width),
        )

    def _fit_batch(self, outputs: dict[str, Tensor]) -> int:
        largest = max(output.numel() * output.element_size() for output in outputs.values())
        # A network holds a few maps of this size at a time, the input among them.
        each = 4 * max(largest, self.channels * self.display.height * self.display.width * 4)
        return int(np.clip(BATCH_BYTES // each, 1, MOST_PICTURES))

    def _passes(self, units: pd.DataFrame) -> list[tuple[Crop, npt.NDArray[np.intp]]]:
        """Which units are recorded together, through which crop."""
        passes: dict[Any, tuple[Crop, list[npt.NDArray[np.intp]]]] = {}
        for layer in units["layer"].unique():
            members = np.flatnonzero((units["layer"] == layer).to_numpy())
            crop = self.crop(units.iloc[members])
            # Layers shown the whole picture share one pass; so do those with the same crop.
            passes.setdefault(crop.window, (crop, []))[1].append(members)
        return [(crop, np.concatenate(members)) for crop, members in passes.values()]

    def _show(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame,
        members: npt.NDArray[np.intp],
        crop: Crop,
        values: npt.NDArray[np.float32],
        progress: Callable[[int], None] | None,
    ) -> int:
        """Record units through one crop into ``values``; returns how many pictures differed."""
        place, order = {}, []
        for layer in units["layer"].iloc[members].unique():
            chosen = members[(units["layer"].iloc[members] == layer).to_numpy()]
            place[layer] = _index(self.maps[layer], units.iloc[chosen])
            order.append(chosen)
        columns = np.concatenate(order)
        shifts = {
            layer: self.crop(units.iloc[c]).shift for layer, c in zip(place, order, strict=True)
        }
        batch = self._batch_size * max(
            1,
            (self.display.height * self.display.width) // (crop.window.height * crop.window.width),
        )
        batch = min(batch, MOST_PICTURES)
        distinct: dict[tuple[float, ...], int] = {}
        repeats: list[tuple[int, int]] = []
        for rows, images in self._pictures(stimuli, crop, 2 * batch):
            new: list[int] = []
            for offset, key in enumerate(_fingerprints(images)):
                row = rows[0] + offset
                if key in distinct:
                    repeats.append((row, distinct[key]))
                else:
                    distinct[key] = row
                    new.append(offset)
            for some in _batches(new, min(batch, self._most)):
                found = self._respond_within_memory(images[some], place, shifts)
                values[np.ix_(rows[0] + np.array(some), columns)] = found
            if progress is not None:
                progress(min(len(rows), len(stimuli) - rows[0]))
        if repeats:
            later, earlier = np.array(repeats).T
            values[np.ix_(later, columns)] = values[np.ix_(earlier, columns)]
        return len(distinct)

    def _pictures(
        self, stimuli: StimulusSet, crop: Crop, size: int
    ) -> Iterator[tuple[range, Tensor]]:
        """Draw the stimuli, chunk by chunk, and after the last of them the blank."""
        for start in range(0, len(stimuli), size):
            rows = range(start, min(start + size, len(stimuli)))
            yield (
                rows,
                stimuli.images(
                    slice(rows.start, rows.stop), window=crop.window, device=self.device
                ),
            )
        blank = torch.full(
            (1, 1, crop.window.height, crop.window.width),
            stimuli.display.background,
            device=self.device,
        )
        yield range(len(stimuli), len(stimuli) + 1), stimuli.display.encode(blank)

    def _respond_within_memory(
        self, images: Tensor, place: dict[str, "Index"], shifts: dict[str, tuple[int, int]]
    ) -> npt.NDArray[np.float32]:
        """Respond to a batch; on exhausted memory try halves, and no larger ones from then on."""
        try:
            found = layer_outputs(
                self.model,
                list(place),
                self._feed(images),
                lambda layer, output: place[layer].take(output, shifts[layer]),
            )
            return torch.cat([found[layer] for layer in place], 1).float().cpu().numpy()
        except (torch.OutOfMemoryError, RuntimeError) as error:
            exhausted = isinstance(error, torch.OutOfMemoryError) or "memory" in str(error)
            if not exhausted or len(images) == 1:
                raise
        self._most = len(images) // 2
        logger.warning("memory exhausted: batches halved to %d pictures", len(images) // 2)
        return np.concatenate(
            [self._respond_within_memory(part, place, shifts) for part in images.tensor_split(2)]
        )


@dataclass(frozen=True)
class Index:
    """Where units sit in the output of a layer."""

    layout: str
    channel: Tensor
    row: Tensor
    column: Tensor
    columns: int
    skipped: int

    def take(self, output: object, shift: tuple[int, int]) -> Tensor:
        """Copy the units out of an output, as (batch, unit)."""
        output = first_tensor("", output)
        # Indexing with tensors copies, so that a later in-place operation cannot overwrite it.
        channel, row, column = (
            index.to(output.device) for index in (self.channel, self.row, self.column)
        )
        row, column = row - shift[0], column - shift[1]
        if self.layout == "map":
            return output[:, channel, row, column]
        if self.layout == "map_last":
            return output[:, row, column, channel]
        if self.layout == "tokens":
            return output[:, self.skipped + row * self.columns + column, channel]
        return output[:, channel]


class _Evaluation:
    """Evaluation mode on the right device, with seeded random numbers; all restored afterwards."""

    def __init__(self, model: nn.Module, device: torch.device, seed: int) -> None:
        self.model, self.device, self.seed = model, device, seed

    def __enter__(self) -> None:
        self.training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        self.model.to(self.device)
        self.fork = torch.random.fork_rng([self.device] if self.device.type == "cuda" else [])
        self.fork.__enter__()
        torch.manual_seed(self.seed)

    def __exit__(self, *details: object) -> None:
        self.fork.__exit__(None, None, None)
        for module in self.training:
            # Not .train(), which would switch every submodule along.
            module.training = True


def weights_hash(model: nn.Module) -> str:
    """Fingerprint of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, Tensor):
            raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(raw.numpy().data)
    return digest.hexdigest()[:16]


def _layout(
    layer: str, output: Tensor, display: Display
) -> tuple[Literal["map", "map_last", "tokens", "vector"], int, int, int, int]:
    """Tell rows, columns, channels and leading tokens from the shape of an output."""
    shape = tuple(output.shape[1:])
    if len(shape) == 3:
        aspect = display.height / display.width
        first, last = shape[1] / shape[2], shape[0] / shape[1]
        # Channels-last networks (Swin): their sites have the aspect of the display, in front.
        if abs(last - aspect) < 1e-6 < abs(first - aspect):
            return "map_last", shape[0], shape[1], shape[2], 0
        return "map", shape[1], shape[2], shape[0], 0
    if len(shape) == 2:
        tokens, channels = shape
        side = int(np.sqrt(tokens))
        # A square grid after at most eight class and register tokens; otherwise one long row.
        if side > 1 and tokens - side * side <= 8:
            return "tokens", side, side, channels, tokens - side * side
        return "tokens", 1, tokens, channels, 0
    if len(shape) == 1:
        return "vector", 1, 1, shape[0], 0
    raise UserError(
        f"layer {layer!r} puts out a tensor of shape {tuple(output.shape)}; an image layer has "
        "(batch, channel, row, column), (batch, token, channel) or (batch, channel). Record "
        "another layer."
    )


def _place_units(
    layer: str, chart: LayerMap, display: Display, sites: Sites, around: Position
) -> pd.DataFrame:
    """Table of the units at the chosen sites: channel slowest, then row and column."""
    across = [display.position(0.0, float(column)).x for column in chart.column_centre]
    up = [display.position(float(row), 0.0).y for row in chart.row_centre]
    x, y = np.meshgrid(across, up)
    distance = np.hypot(x - around.x, y - around.y)
    if isinstance(sites, str):
        if sites == "all":
            chosen = np.ones_like(distance, dtype=bool)
        elif sites == "centre":
            chosen = np.zeros_like(distance, dtype=bool)
            chosen.flat[distance.argmin()] = True
        else:
            raise UserError(
                f"sites must be 'centre', 'all', a diameter in deg, or a list of (row, column); "
                f"got {sites!r}."
            )
    elif isinstance(sites, int | float):
        chosen = distance <= sites / 2
        if not chosen.any():
            raise UserError(
                f"no site of {layer!r} looks within {sites / 2:g} deg of ({around.x:g}, "
                f"{around.y:g}); the nearest is {distance.min():.2f} deg away, and sites are "
                f"{chart.stride[0] / display.px_per_deg:.2f} deg apart. Widen the diameter or use "
                "sites='centre'."
            )
    else:
        chosen = np.zeros_like(distance, dtype=bool)
        for row, column in sites:
            if not (0 <= row < chart.rows and 0 <= column < chart.columns):
                raise UserError(
                    f"{layer!r} has no site ({row}, {column}); it has {chart.rows} rows and "
                    f"{chart.columns} columns."
                )
            chosen[row, column] = True
    rows, columns = np.nonzero(chosen)
    channel = np.repeat(np.arange(chart.channels), len(rows))
    table = pd.DataFrame(
        {
            "layer": layer,
            "channel": channel,
            "row": np.tile(rows, chart.channels),
            "column": np.tile(columns, chart.channels),
            "x": np.tile(x[chosen], chart.channels),
            "y": np.tile(y[chosen], chart.channels),
        }
    )
    return table[list(UNIT_COORDINATES)]


def _index(chart: LayerMap, units: pd.DataFrame) -> Index:
    channel, row, column = (
        torch.tensor(units[name].to_numpy(dtype=np.int64)) for name in ("channel", "row", "column")
    )
    return Index(chart.layout, channel, row, column, chart.columns, chart.skipped)


def _touches(window: tuple[int, int, int, int], display: Display) -> bool:
    top, left, height, width = window
    return top == 0 or left == 0 or top + height == display.height or left + width == display.width


def _fingerprints(images: Tensor) -> list[tuple[float, ...]]:
    """Two keys per picture: pictures with equal keys are the same."""
    pixels = images.reshape(len(images), -1).double()
    generator = torch.Generator().manual_seed(2)
    # Two random projections in double precision: pictures that differ in any pixel by a step of
    # float32 differ in both by far more than rounding, but for a chance of some 2^-80.
    factors = torch.rand((pixels.shape[1], 2), generator=generator, dtype=torch.float64) + 0.5
    return [tuple(key) for key in (pixels @ factors.to(pixels.device)).tolist()]


def _batches(rows: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _check_memory(needed: int, n_units: int, n_stimuli: int) -> None:
    """Refuse a recording that would exhaust the memory: on a CPU that kills the process."""
    available = _available_memory()
    if available is not None and needed > KEPT_SHARE * available:
        raise UserError(
            f"{n_units} units x {n_stimuli} stimuli need {needed / 2**30:.1f} GiB, and "
            f"{available / 2**30:.1f} GiB are free. Record fewer sites or layers."
        )


def _available_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
