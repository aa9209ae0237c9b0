"""How a model takes time: one frame after the other, or all the frames of a movie at once.

A model of movies is shown a picture, too, as a movie: blank first, then the picture held still, and
its answer is the mean over the time that the picture is there. So sites, windows and kinds are
found in the same way as for a model of pictures. Space is cut to what units see; time is not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from insilico.recording.hooks import every_call, first_tensor, layer_outputs
from stimuli import Display, Window
from stimuli.gratings import blank_screen

__all__ = ["CALLS", "FORMS", "Form", "Movies", "TimeAxis", "takes_movies"]

# One frame after the other, to a model that remembers; all at once as (batch, time, channel,
# height, width) or as (batch, channel, time, height, width); to a static model as so many pictures.
Form = Literal["frames", "time_first", "channel_first", "phases"]
FORMS: tuple[Form, ...] = get_args(Form)

# Of an output that a layer puts out in a call for every frame.
CALLS = -1

# How long a picture is held, and the blank before it, in s.
STILL, LEAD_IN = 0.15, 0.1

Take = Callable[[str, Tensor], Tensor]
Outputs = Callable[[Tensor, Take], Mapping[str, Tensor]]


@dataclass(frozen=True)
class TimeAxis:
    """Where the time of a layer's output is.

    Parameters
    ----------
    axis : int
        Which axis of the output; 0 where it is folded into the batch, `CALLS` where the layer is
        called for every frame.
    stride : int
        Frames from one answer to the next. The last answer counts as that to the last frame, be it
        to one less than a stride before.
    """

    axis: int
    stride: int


@dataclass(frozen=True)
class Movies:
    """How a model is shown movies, and pictures as movies.

    Parameters
    ----------
    form : {"frames", "time_first", "channel_first", "phases"}
        As for `insilico.Probe`.
    display : Display
        The screen, with a frame rate.
    lead, still : int
        Frames of blank before a picture, and of the picture.
    axes : dict of str to TimeAxis
        Where the layers that are read have their time; none of models that are shown frame by
        frame.
    """

    form: Form
    display: Display
    lead: int = 0
    still: int = 1
    axes: dict[str, TimeAxis] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """How many frames a picture takes."""
        return 1 if self.form == "phases" else self.lead + self.still

    def at_once(self, images: Tensor) -> int:
        """How many frames of each picture or movie a pass holds."""
        if images.ndim == 5:
            return 1 if self.form == "frames" else images.shape[1]
        return self.still if self.form == "frames" else self.frames

    def read(
        self,
        model: nn.Module,
        layers: Sequence[str],
        images: Tensor,
        take: Take,
        *,
        feed: Callable[[Tensor], Tensor],
        measured: int | None = None,
        rectified: bool = False,
        whole: bool = False,
        gradients: bool = False,
    ) -> Mapping[str, Tensor]:
        """Read layers on one batch of pictures or of movies.

        Parameters
        ----------
        model : nn.Module
            The model, in the state in which it was found.
        layers : sequence of str
            The layers.
        images : Tensor, shape (n, channel, height, width) or (n, frame, channel, height, width)
            Pictures or movies.
        take : callable
            ``take(layer, output)`` copies what is wanted out of an output, (n, ...): of pictures
            the mean over their time, of movies that of all their times below each other.
        feed : callable
            Makes of images what the model receives of them.
        measured : int, optional
            Of how many frames, the last ones, answers are kept; of all by default.
        rectified : bool
            Whether the mean over time is that of what is above 0, as of firing rates.
        whole : bool
            Whether the model has to run to its end.
        gradients : bool
            Whether what is read can be differentiated.

        Returns
        -------
        dict of str to Tensor
            What was taken: (n, ...) of pictures, (n, time, ...) of movies.
        """
        outputs = partial(layer_outputs, model, layers, gradients=gradients)
        if self.form == "phases":
            return _as_phases(images, take, feed, measured, partial(outputs, whole=whole))
        pictures = images.ndim == 4
        movies = self.of_pictures(images) if pictures else images
        kept = self.still if pictures else measured or movies.shape[1]
        if self.form == "frames":
            shown = partial(outputs, whole=True)
            return _by_frame(shown, layers, movies, take, feed, kept, pictures, rectified)

        def timed(layer: str, output: Tensor) -> Tensor:
            steps = self._steps(layer, output, len(movies), kept)
            if pictures:
                return take(layer, _mean(steps, rectified))
            taken = take(layer, steps.flatten(0, 1))
            return taken.reshape(*steps.shape[:2], *taken.shape[1:])

        fed = self.fed(movies, feed)
        if all(self.axes[layer].axis != CALLS for layer in layers):
            return outputs(fed, timed, whole=whole)
        found = every_call(model, layers, fed, gradients=gradients)
        return {layer: timed(layer, self._called(layer, found[layer])) for layer in layers}

    def of_pictures(self, images: Tensor) -> Tensor:
        """Make movies of pictures: blank, and then the picture held still.

        Parameters
        ----------
        images : Tensor, shape (n, channel, height, width)
            Pictures, or a window of each.

        Returns
        -------
        Tensor, shape (n, frame, channel, height, width)
        """
        blank = blank_screen(self.display, window=Window(0, 0, 1, 1), device=images.device)
        n, channels, *size = images.shape
        channels = max(channels, blank.shape[1])
        before = blank[:, None].expand(n, self.lead, channels, *size)
        held = images[:, None].expand(n, self.still, channels, *size)
        return torch.cat([before.to(images.dtype), held], 1)

    def counted(
        self,
        model: nn.Module,
        layers: Sequence[str],
        images: Tensor,
        feed: Callable[[Tensor], Tensor],
    ) -> tuple[dict[str, int], dict[str, object]]:
        """Run the whole model on pictures: how often layers are called, and what they put out.

        Parameters
        ----------
        model, layers, images, feed
            As in `read`, for pictures.

        Returns
        -------
        tuple of dict and dict
            Calls for one frame, and the outputs (n, ...): their means over time.
        """
        if self.form == "phases":
            calls = every_call(model, layers, feed(images))
            return {layer: len(each) for layer, each in calls.items()}, _last(layers, calls)
        movies = self.of_pictures(images)
        if self.form != "frames":
            calls = every_call(model, layers, self.fed(movies, feed))
            counts = {
                layer: 1 if self._is_called_by_frame(layer) else len(each)
                for layer, each in calls.items()
            }
            outputs = _last(layers, calls)
            for layer in outputs.keys() & self.axes.keys():
                called = self._called(layer, calls[layer])
                outputs[layer] = _mean(self._steps(layer, called, len(images), self.still), False)
            return counts, outputs
        for each in movies.unbind(1):
            calls = every_call(model, layers, feed(each))
        return {layer: len(each) for layer, each in calls.items()}, _last(layers, calls)

    def fed(self, movies: Tensor, feed: Callable[[Tensor], Tensor]) -> Tensor:
        """Make of movies what the model receives of them, in the order of its axes."""
        fed = feed(movies.flatten(0, 1))
        fed = fed.reshape(*movies.shape[:2], *fed.shape[1:])
        return fed.transpose(1, 2).contiguous() if self.form == "channel_first" else fed

    def _is_called_by_frame(self, layer: str) -> bool:
        return layer in self.axes and self.axes[layer].axis == CALLS

    def _called(self, layer: str, calls: Sequence[Tensor]) -> Tensor:
        """Take of the calls of a layer the one that is meant, or all below each other in time."""
        if self._is_called_by_frame(layer):
            return torch.stack([first_tensor(layer, each) for each in calls], 1)
        call = layer.partition("@")[2]
        return first_tensor(layer, calls[int(call) - 1 if call else -1])

    def _steps(self, layer: str, output: Tensor, n: int, frames: int) -> Tensor:
        """Bring the time of an output behind its batch, and keep the answers to the last frames."""
        axis = self.axes[layer].axis
        if axis == 0:
            output = output.reshape(n, len(output) // n, *output.shape[1:])
        elif axis != CALLS:
            output = output.movedim(axis, 1)
        # As many as there are, rounded up.
        return output[:, -frames // self.axes[layer].stride :]


def takes_movies(model: nn.Module, form: str | None) -> bool:
    """Say whether a model is shown movies: it was said, or it filters space and time together.

    Parameters
    ----------
    model : nn.Module
        The model.
    form : str, optional
        How it takes time, where somebody said so.

    Returns
    -------
    bool
    """
    return form is not None or any(isinstance(each, nn.Conv3d) for each in model.modules())


def _as_phases(
    images: Tensor,
    take: Take,
    feed: Callable[[Tensor], Tensor],
    measured: int | None,
    outputs: Outputs,
) -> Mapping[str, Tensor]:
    """Show every frame to a static model by itself."""
    if images.ndim == 4:
        return outputs(feed(images), take)
    shown = images[:, -(measured or images.shape[1]) :]
    found = outputs(feed(shown.flatten(0, 1)), take)
    return {layer: each.reshape(*shown.shape[:2], *each.shape[1:]) for layer, each in found.items()}


def _by_frame(
    outputs: Outputs,
    layers: Sequence[str],
    movies: Tensor,
    take: Take,
    feed: Callable[[Tensor], Tensor],
    kept: int,
    pictures: bool,
    rectified: bool,
) -> Mapping[str, Tensor]:
    """Show one frame after the other, each to the end of the model: what it keeps may come last."""
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    read: Take = (lambda _layer, output: output.clone()) if pictures else take
    for number, frame in enumerate(movies.unbind(1)):
        answers = outputs(feed(frame), read)
        if number >= movies.shape[1] - kept:
            for layer in layers:
                found[layer].append(answers[layer])
    stacked = {layer: torch.stack(each, 1) for layer, each in found.items()}
    if not pictures:
        return stacked
    return {layer: take(layer, _mean(each, rectified)) for layer, each in stacked.items()}


def _mean(steps: Tensor, rectified: bool) -> Tensor:
    """Mean over time, (n, time, ...): NaN wherever it is NaN at any time."""
    steps = steps if steps.is_floating_point() else steps.float()
    return (steps.clamp(min=0) if rectified else steps).mean(1)


def _last(layers: Sequence[str], calls: Mapping[str, Sequence[object]]) -> dict[str, object]:
    """Take the call of each layer that is meant, as `insilico.recording.hooks.call_counts` does."""
    found: dict[str, object] = {}
    for layer in layers:
        call = layer.partition("@")[2]
        number = int(call) - 1 if call else len(calls[layer]) - 1
        if 0 <= number < len(calls[layer]):
            found[layer] = calls[layer][number]
    return found
