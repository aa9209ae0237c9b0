"""The probe: lowered into a model, it records chosen units while stimuli are shown."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor, nn

from insilico.checks import check_asked, check_sites
from insilico.errors import UserError
from insilico.recording.ascent import climbed
from insilico.recording.blanks import Blanks
from insilico.recording.crops import Crops, Place
from insilico.recording.estimate import Estimate, seconds_per_picture
from insilico.recording.forward import Forward, NoGradientError, per_channel
from insilico.recording.gradients import Mosaic, mean_gradients
from insilico.recording.layer_maps import chart_layers
from insilico.recording.layers import Sites, place_units
from insilico.recording.listening import Respond, listening
from insilico.recording.memory import available_memory
from insilico.recording.model_examination import examine
from insilico.recording.precision import TF32_NOTE
from insilico.recording.reduce import Store, bytes_per_unit, store_for
from insilico.recording.reductions import Ascent, Correlation, Maximum, Reduction
from insilico.recording.responses import Responses
from insilico.recording.reverse_correlation import Correlations
from insilico.recording.schema import Labelled, label_pictures, over_time
from insilico.recording.showing import show
from insilico.recording.tape import Tape
from insilico.recording.tile_proof import Shown, Tiling
from insilico.recording.time_axes import how_time_is_taken
from insilico.recording.together import Group, Together, alike
from insilico.recording.windows import Crop
from stimuli import Display, Position, StimulusSet

__all__ = ["Probe"]

# Share of the memory at hand that the responses may take.
KEPT_SHARE = 0.6

# No memory is short of so much.
LITTLE = 16 * 2**20

# Responses that are measured are copied in double precision; reduced ones are few by then.
MEASURED_COPIES = 3


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
    sites : {"centre", "all", "lattice"}, float, or sequence of (row, column)
        Which sites of each feature map: the one that looks nearest to ``around``; all; 5 x 5
        spread evenly over the map; those that look within a diameter in deg around
        ``around``; or an explicit list.
    around : Position
        Where the electrodes are aimed, in deg; the centre of the display by default.
    channels : int
        How many image channels the model takes; a grey stimulus is repeated on each.
    mean, std : sequence of float, optional
        Normalisation applied before the model, one value or one per channel.
    device : torch device, optional
        Where to run; where the model's parameters are by default.
    batch_size : int, optional
        Pictures per forward pass; fitted to the caches of a CPU or the memory of a GPU by default.
    crop : {"auto", "off"}
        Whether units may be shown only the part of the picture that they are proven to see.
    precision : {"float32", "tf32", "bfloat16"}
        What the model computes in. tf32 (on NVIDIA GPUs) has four significant digits in what it
        multiplies, bfloat16 (torch's autocast) three; windows are proven and checked in float32 all
        the same.
    time : {"frames", "time_first", "channel_first", "phases"}, optional
        How the model takes movies, where it does: one frame after the other, with a state that is
        put back before each movie; or whole, (batch, time, channel, height, width) or (batch,
        channel, time, height, width). A static model can be shown what moves as ``phases``, each
        frame by itself. The display then has a frame rate. Models that filter time are tried out
        if nothing is said.
    layout : str or mapping of str to str, optional
        How outputs are laid out, of all layers or by layer, where their shapes cannot tell:
        ``map`` (channel, row, column), ``map_last`` (row, column, channel), ``vector``, or rows
        and columns of sites, as in ``9x16``.
    seed : int
        For models that draw random numbers in a forward pass: from torch, NumPy or Python.

    Attributes
    ----------
    units : DataFrame
        One row per unit: layer, channel, row, column, x, y.
    maps : dict of str to LayerMap
        Layout and receptive fields of each layer.
    notes : list of str
        What a user should know: stochastic models and others that need care, sites whose places
        could not be proven, crops that turned out not to be exact, a blank that was answered
        otherwise later on.

    Raises
    ------
    UserError
        For movies whose order of axes nothing tells; a layer that does not exist, is called more
        than once, or whose rows are no pictures; a model that does not take the display; responses
        that are complex or not finite; a layout that nothing tells; or sites that do not exist.
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
        precision: str = "float32",
        layout: str | Mapping[str, str] | None = None,
        time: str | None = None,
        seed: int = 0,
    ) -> None:
        if not layers:
            raise UserError("no layer to record; name at least one (`insilico layers MODEL`).")
        if crop not in ("auto", "off"):
            raise UserError(f"crop must be 'auto' or 'off'; got {crop!r}.")
        check_asked(channels=channels, batch_size=batch_size, seed=seed, mean=mean, std=std)
        check_sites(sites)
        self.model = model
        self.layers = tuple(dict.fromkeys(layers))
        self.display = display
        self.forward = Forward(
            model,
            device=device,
            channels=channels,
            mean=_column("mean", mean, channels),
            std=_column("std", std, channels),
            precision=precision,
            seed=seed,
            batch_size=batch_size,
        )
        with self.forward.ready():
            self.forward.movies, told = how_time_is_taken(self.forward, self.layers, display, time)
            outputs = examine(self.forward, self.layers, display)
            self.forward.fit(display.height * display.width, list(outputs.values()))
            self.maps, fields = chart_layers(self.forward, outputs, display, layout=layout)
        self.units = pd.concat(
            [place_units(layer, self.maps[layer], display, sites, around) for layer in self.layers],
            ignore_index=True,
        )
        whole = "cropping is switched off" if crop == "off" else None
        if not self.deterministic:
            whole = "the model is stochastic"
        if self.forward.movies is not None and self.forward.movies.form == "frames":
            whole = "what a unit with a state sees grows from frame to frame"
        self._crops = Crops(self.forward, display, self.units, self.maps, fields, whole)
        self._tiling = Tiling(self.forward, display, self.maps, self._crops)
        self._blanks = Blanks(self.units)
        if self.forward.movies is None and self._precise:
            place = self._crops.place(self.units, whole=True)
            first = torch.cat([place.take(name, outputs[name]) for name in place.layers], -1)
            self._blanks.note(self.units.iloc[place.order], first[0].float().cpu().numpy())
        self.notes = [*told, *self.forward.kind.notes]
        if precision == "tf32":
            self.notes.append(TF32_NOTE)
        if self.misplaced:
            self.notes.append(
                f"{', '.join(self.misplaced)}: where single sites look could not be proven; their "
                "places divide the display evenly, which need not be where they look"
            )

    @property
    def deterministic(self) -> bool:
        """Whether the model was found to respond to a picture in the same way every time.

        Only then are identical pictures shown once.
        """
        return self.forward.kind.deterministic

    @property
    def _precise(self) -> bool:
        """Whether responses are those of single precision or better."""
        exact = self.forward.kind.dtype in (torch.float32, torch.float64)
        return exact and self.forward.precision == "float32"

    @property
    def differentiable(self) -> bool:
        """Whether responses can be differentiated with respect to pictures; shows one to see."""
        size = (1, 1, self.display.height, self.display.width)
        picture = torch.full(size, self.display.mean_background, requires_grad=True)
        try:
            return self.respond(picture, self.units.iloc[:1]).requires_grad
        except NoGradientError:
            return False

    @property
    def misplaced(self) -> tuple[str, ...]:
        """Layers with several sites of which it is not known where they look."""
        return tuple(
            layer
            for layer, chart in self.maps.items()
            if chart.centre == "nominal" and chart.rows * chart.columns > 1
        )

    def record(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame | None = None,
        *,
        reduction: Reduction | None = None,
        crops_checked: bool = False,
        progress: Callable[[float], None] | None = None,
        tape: Tape | None = None,
    ) -> xr.DataArray:
        r"""Show a stimulus set, and return the labelled responses.

        Parameters
        ----------
        stimuli : StimulusSet
            What is shown, drawn on the probe's display.
        units : DataFrame, optional
            Rows of ``self.units``; all of them by default.
        reduction : Maximum, Harmonics or Correlation, optional
            What is kept while the responses arrive; every response by default.
        crops_checked : bool
            Whether `check_crops` was called with these stimuli and units.
        progress : callable, optional
            Called with the number of stimuli dealt with since its last call.
        tape : Tape, optional
            Where every answer is kept as it comes; what is on it already is not shown again.

        Returns
        -------
        DataArray, dims ("unit", \\*factors)
            Raw activations, float32, with the coordinates of `insilico.recording.schema`. The
            factors are the dims of the stimuli, and of movies ``time``, in s: without those that a
            `Maximum` was taken over, with ``harmonic`` (F0 and F1 of the rectified activation) in
            place of ``phase``, and with maps in place of the frames of a `Correlation`. The
            ``blank`` of movies is the mean over their time.

        Raises
        ------
        UserError
            If the display differs, memory would not suffice, or a response is not finite.
        """
        units = self.units if units is None else units
        self._check(stimuli, units, reduction)
        if not crops_checked:
            self.check_crops([(stimuli, units)])
        if isinstance(reduction, Ascent):
            return self._climb(stimuli, units, reduction, progress)
        together = Together.of([(stimuli, units)])
        store, responses, passes = self._taken(together, reduction, progress, tape)
        told = self._told(stimuli, units, passes, reduction)
        n_pictures = {"n_pictures": int(responses.n_pictures[0])}
        return store.labelled(units, responses.blank[0], told | n_pictures)

    def record_groups(
        self,
        groups: Sequence[Group],
        reductions: Sequence[Reduction | None],
        *,
        progress: Callable[[float], None] | None = None,
        tape: Tape | None = None,
    ) -> list[Labelled]:
        """Show each of several groups of units its own stimuli; crops are checked before.

        Parameters
        ----------
        groups : sequence of tuple of StimulusSet and DataFrame
            What is shown, and to which rows of ``self.units``.
        reductions : sequence of Reduction or None
            What is kept of the responses of each.
        progress, tape
            As in `record`.

        Returns
        -------
        list of Labelled
            What `record` gives of each. Those that look through the same window share their passes.
        """
        found: dict[int, Labelled] = {}
        for numbers in alike(groups, reductions, deterministic=self.deterministic):
            chosen, reduction = [groups[n] for n in numbers], reductions[numbers[0]]
            if len(numbers) == 1:
                stimuli, units = chosen[0]
                told: dict[str, Any] = {"progress": progress, "tape": tape, "crops_checked": True}
                alone = self.record(stimuli, units, reduction=reduction, **told)
                found[numbers[0]] = Labelled.of(alone)
                continue
            together = Together.of(chosen)
            # All groups have as many units, and in the same layers.
            self._check(together.stimuli, chosen[0][1], reduction)
            store, responses, passes = self._taken(together, reduction, progress, tape)
            assert isinstance(store, Store)
            shared = self._told(together.stimuli, together.units, passes, reduction)
            attrs = [
                shared
                | {"stimuli_hash": stimuli.content_hash(), "n_stimuli": len(stimuli)}
                | {"n_pictures": int(n)}
                for (stimuli, _), n in zip(chosen, responses.n_pictures, strict=True)
            ]
            found |= zip(numbers, together.labelled(store, responses.blank, attrs), strict=True)
        return [found[number] for number in range(len(groups))]

    def _taken(
        self,
        together: Together,
        reduction: Reduction | None,
        progress: Callable[[float], None] | None,
        tape: Tape | None,
    ) -> tuple[Store | Correlations, Responses, list[Shown]]:
        """Record groups of units together: what is kept of their responses, and how they looked."""
        stimuli, units = together.stimuli, together.units
        times = self.forward.answers(stimuli, units["layer"].unique().tolist())
        store = store_for(*over_time(stimuli, times), together.members, reduction)
        responses = Responses(
            store,
            len(stimuli),
            together.members,
            recalls=self.deterministic,
            tape=tape,
            answers=max(1, len(times)),
            n_groups=together.n_groups,
        )
        with self.forward.ready():
            if not self.deterministic:
                # Noise is the same whatever was recorded before.
                self.forward.put_back(generators=True)
            passes = self._passes(together, reduction)
            try:
                for crop, members, tiles, _ in passes:
                    place = self._crops.place(units.iloc[members])
                    places, own = together.places(members[place.order])
                    responses.begin(own, self.forward.device, in_parts=tiles is not None)
                    for n_done in show(
                        self.forward, together, place, places, crop, responses, tiles
                    ):
                        if progress is not None:
                            progress(n_done / len(passes))
                    responses.finish()
                    if isinstance(store, Correlations):
                        with crop.applied(self.forward):
                            self._add_gradients(store, stimuli, place, crop, members, reduction)
            except BaseException:
                responses.keep()
                raise
        responses.check()
        if self.deterministic and self._precise:
            self.notes += self._blanks.note(units, responses.blank.ravel(), len(stimuli.time))
        return store, responses, passes

    def _passes(self, together: Together, reduction: Reduction | None) -> list[Shown]:
        """Say which units are recorded together, and what they are shown of stimuli."""
        layered = self._crops.passes(together.units, together.each)
        if together.n_groups > 1:
            return [Shown(*each, None) for each in layered]
        known = len(self._tiling.notes)
        found = self._tiling.passes(together.stimuli, together.units, reduction, layered)
        self.notes.extend(self._tiling.notes[known:])
        return found

    def _told(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame,
        passes: Sequence[Shown],
        reduction: Reduction | None,
    ) -> dict[str, Any]:
        """Say how a recording was made."""
        crops = self._crops.statuses(units, [each[:2] for each in passes])
        if isinstance(reduction, Maximum):
            crops = {layer: f"{each}{self._tiling.why_not(layer)}" for layer, each in crops.items()}
        for _, members, _, status in passes:
            if status is not None:
                crops[str(units["layer"].iat[members[0]])] = status
        return {
            "kept": "every response" if reduction is None else str(reduction),
            "stimulus_set": stimuli.name,
            "stimuli_hash": stimuli.content_hash(),
            "display": str(stimuli.display),
            "n_stimuli": len(stimuli),
            "crop": crops,
            "precision": self.forward.precision,
            "time": None if self.forward.movies is None else self.forward.movies.form,
            "seed": self.forward.seed,
        }

    def _climb(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame,
        ascent: Ascent,
        progress: Callable[[float], None] | None,
    ) -> xr.DataArray:
        """Climb from the frames of a set, each unit for itself."""
        table = stimuli.conditions
        size, n = int(table["elements"].iloc[0]), len(units)
        pictures = np.full((n, 1 + len(table), size, size), np.nan, dtype=np.float32)
        reached = np.full(pictures.shape[:2], np.nan, dtype=np.float32)
        blank = np.full(n, np.nan)
        with self.forward.ready():
            passes = [Shown(*each, None) for each in self._crops.passes(units, len(stimuli))]
            for crop, members, *_ in passes:
                climb = (self.forward, crop, self._crops.place(units.iloc[members]))
                with crop.applied(self.forward):
                    found = climbed(*climb, Mosaic.of(stimuli.display, table), table, ascent)
                pictures[members], reached[members], blank[members] = found
                if progress is not None:
                    progress(len(stimuli) / len(passes))
        told = self._told(stimuli, units, passes, ascent)
        return label_pictures(
            pictures,
            reached=reached,
            conditions=table,
            units=units,
            blank=blank,
            attrs=told | {"n_pictures": n * len(table) * ascent.steps},
        )

    def estimate(
        self,
        stimuli: StimulusSet,
        units: pd.DataFrame | None = None,
        *,
        reduction: Reduction | None = None,
    ) -> Estimate:
        """Say what a recording will take, from the time of a few pictures.

        Parameters
        ----------
        stimuli, units, reduction
            As in `record`.

        Returns
        -------
        Estimate
        """
        units = self.units if units is None else units
        seconds, n_pictures = 0.0, 0
        # Of movies, by the time of a picture, which takes some frames as well.
        still = 1 if self.forward.movies is None else self.forward.movies.frames
        longer = len(stimuli.time) / still if stimuli.time else 1.0
        with self.forward.ready():
            for crop, members in self._crops.passes(units, len(stimuli)):
                place = self._crops.place(units.iloc[members])
                each = longer * seconds_per_picture(self.forward, place, crop, stimuli)
                plans = self._tiling.plans(stimuli, units, reduction, (crop, members))
                for _, plan in plans:
                    if plan is not None:
                        seconds += each * (1 + plan.cost(crop))
                        n_pictures += 1 + len(stimuli)
                        continue
                    different = 1 + (
                        stimuli.n_different(crop.window) if self.deterministic else len(stimuli)
                    )
                    seconds += different * each
                    n_pictures += different
        if isinstance(reduction, Ascent):
            # Each unit is shown pictures of its own, there and back.
            seconds *= 3 * reduction.steps * len(units)
        kept = len(units) * bytes_per_unit(*over_time(stimuli), reduction)
        return Estimate(len(stimuli), n_pictures, seconds, kept)

    def listening(self, units: pd.DataFrame) -> AbstractContextManager[Respond]:
        """Listen to a few units while pictures come one after the other.

        Parameters
        ----------
        units : DataFrame
            Rows of ``self.units``.

        Returns
        -------
        context manager
            Gives ``respond(pictures)``: what `record` would answer, float32 (picture, unit), to
            pictures of the whole display, (picture, channel, height, width). The model is ready
            while it is held; `check_crops` is left to the caller.
        """
        return listening(self.forward, self._crops, units)

    def crop(self, units: pd.DataFrame) -> Crop:
        """Find the crop through which units of one layer are shown their stimuli."""
        return self._crops.of(units)

    def check_crops(self, shown: Sequence[tuple[StimulusSet, pd.DataFrame]]) -> None:
        """Check crops on stimuli of a protocol, all its groups together; notes what it finds.

        Units that respond otherwise to the crop of a stimulus than to the whole of it are shown
        whole pictures from then on. `record` does this for what it is given, unless it was done.

        Parameters
        ----------
        shown : sequence of (StimulusSet, DataFrame)
            What is about to be shown, and to which of ``self.units``.
        """
        known = len(self._crops.notes)
        self._crops.check(shown)
        self.notes.extend(self._crops.notes[known:])

    def respond(self, images: Tensor, units: pd.DataFrame | None = None) -> Tensor:
        """Respond to pictures or movies of your own, so that responses can be differentiated.

        On a GPU, torch may round the products of a gradient to TF32: take it within ``with
        probe.forward.ready()`` for float32 proper.

        Parameters
        ----------
        images : Tensor, shape (n, channel, height, width)
            In [0, 1], as large as the probe's display, before ``mean`` and ``std`` are applied; one
            channel is repeated on each that the model takes. All are shown in one pass. To a model
            of movies also movies, (n, frame, channel, height, width).
        units : DataFrame, optional
            Rows of ``self.units``; all of them by default.

        Returns
        -------
        Tensor, shape (n, unit)
            Raw activations; of a model of movies the mean over the time that a picture is there. To
            movies (n, time, unit), whenever the layer answers.

        Raises
        ------
        UserError
            If the images have another size, or are movies for a model of pictures; if units answer
            movies at different times; or the model gives no gradients where the images are to be
            differentiated.

        Examples
        --------
        >>> from torch import nn
        >>> probe = Probe(nn.Conv2d(1, 2, 3), ["output"], display=Display.square(8, 1), channels=1)
        >>> images = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
        >>> probe.respond(images)[0, 0].backward()
        >>> int((images.grad != 0).sum())
        9
        """
        units = self.units if units is None else units
        size = (self.display.height, self.display.width)
        moving = self.forward.movies is not None
        if images.ndim not in (4, 5)[: 1 + moving] or tuple(images.shape[-2:]) != size:
            movies = f", or (n, frame, channel, {size[0]}, {size[1]})" if moving else ""
            raise UserError(
                f"images must have the shape (n, channel, {size[0]}, {size[1]}){movies}, as the "
                f"probe's display; got {tuple(images.shape)}."
            )
        place = self._crops.place(units, whole=True)
        with self.forward.ready():
            found = self.forward.respond(images, place.layers, place.take)
        return found[..., torch.from_numpy(np.argsort(place.order)).to(found.device)]

    def _add_gradients(
        self,
        store: Correlations,
        stimuli: StimulusSet,
        place: Place,
        crop: Crop,
        members: npt.NDArray[np.intp],
        reduction: Reduction | None,
    ) -> None:
        """Put the mean gradients of some units beside their maps, if the model gives any."""
        assert isinstance(reduction, Correlation)
        table = stimuli.conditions
        noise = table[table["technique"] == "white noise"].iloc[: 2 * reduction.gradient_frames]
        mosaic = Mosaic.of(stimuli.display, table)
        n = int(table["elements"].iloc[0])
        try:
            found = mean_gradients(self.forward, crop, place, mosaic, noise, n)
        except NoGradientError as error:
            if str(error) not in self.notes:
                self.notes.append(str(error))
            return
        store.keep_maps("gradient", members, np.repeat(found[:, None] / 2, 2, axis=1))

    def _check(
        self, stimuli: StimulusSet, units: pd.DataFrame, reduction: Reduction | None
    ) -> None:
        unknown = sorted(set(units["layer"]) - set(self.maps))
        if unknown:
            raise UserError(
                f"the probe is in {', '.join(self.layers)}, and not in {', '.join(unknown)}. Give "
                "rows of probe.units."
            )
        shape = (stimuli.display.height, stimuli.display.width)
        if shape != (self.display.height, self.display.width):
            raise UserError(
                f"the stimuli are drawn on {shape[0]} x {shape[1]} px, but the probe's display has "
                f"{self.display.height} x {self.display.width}. Draw them on probe.display."
            )
        if not np.isclose(stimuli.display.px_per_deg, self.display.px_per_deg):
            raise UserError(
                f"the stimuli are drawn at {stimuli.display.px_per_deg:g} px/deg, but the probe's "
                f"display has {self.display.px_per_deg:g}. Draw them on probe.display."
            )
        if stimuli.time and self.forward.movies is None:
            raise UserError(
                f"{stimuli.name} are movies, and the model is shown pictures. Say how it takes "
                "time: time='frames' for a model that remembers, 'time_first' or 'channel_first' "
                "for one that takes whole movies, or 'phases' to show a static one every frame by "
                "itself (--time on the command line)."
            )
        if stimuli.time and stimuli.display.frame_rate != self.display.frame_rate:
            raise UserError(
                f"the stimuli are drawn at {stimuli.display.frame_rate} frames/s, but the probe's "
                f"display has {self.display.frame_rate}. Draw them on probe.display."
            )
        each = bytes_per_unit(*over_time(stimuli), reduction)
        # Reduced maps of many units are measured in parts; everything else is copied whole.
        _check_memory(
            len(units) * each * (1 if reduction is not None else 1 + MEASURED_COPIES),
            len(units),
            len(stimuli),
        )


def _column(name: str, value: Sequence[float] | float | None, channels: int) -> Tensor | None:
    return (
        None if value is None else torch.tensor(per_channel(name, value, channels))[:, None, None]
    )


def _check_memory(needed: int, n_units: int, n_stimuli: int) -> None:
    """Refuse a recording that would exhaust the memory: on a CPU that kills the process."""
    # A run makes hundreds of small recordings, and finding out takes longer than one of them.
    available = available_memory() if needed > LITTLE else None
    if available is not None and needed > KEPT_SHARE * available:
        raise UserError(
            f"{n_units} units x {n_stimuli} stimuli need {needed / 2**30:.1f} GiB, and "
            f"{available / 2**30:.1f} GiB are free. Record fewer sites or layers."
        )
