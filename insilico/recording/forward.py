"""Run a model on pictures, up to the layers that are read: fast, in evaluation mode, and seeded."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.recording.blame import blaming, exhausted
from insilico.recording.channels_last import channels_last
from insilico.recording.generators import seeded
from insilico.recording.hooks import call_counts, every_call, layer_outputs
from insilico.recording.model_kind import ModelKind
from insilico.recording.model_state import ModelState
from insilico.recording.movies import Movies
from insilico.recording.precision import check_precision, rounding
from insilico.recording.unpadded import Unpadded, without_padding
from stimuli import StimulusSet

__all__ = ["Forward", "NoGradientError", "per_channel"]

logger = logging.getLogger(__name__)

# Activations of one batch that are let into memory at a time. On a CPU, those that fit into its
# caches: larger batches are slower (ResNet-50 up to layer1: 2 to 3 times at 256 pictures).
BATCH_BYTES = {"cpu": 16 * 2**20}
DEVICE_BATCH_BYTES = 2 * 2**30

# Pictures in one forward pass at most: more gain nothing.
MOST_PICTURES = {"cpu": 256}
DEVICE_MOST_PICTURES = 1024

# Of pictures whose values lie between 0 and 1; those of pixels that count to 255 are far beyond.
NORMALISATION = {"mean": (-1.0, 1.0), "std": (0.0, 10.0)}

# Of red, green and blue (ITU-R BT.601), for models that take grey pictures.
LUMINANCE = (0.299, 0.587, 0.114)


class NoGradientError(UserError):
    """A model whose responses cannot be differentiated."""


class Forward:
    """Runs a model on pictures.

    Parameters
    ----------
    model : nn.Module
        Takes images, float32 (batch, channel, height, width).
    device : torch device, optional
        Where to run; where the model's parameters are by default.
    channels : int
        How many image channels the model takes; a grey picture is repeated on each.
    mean, std : Tensor, optional
        Normalisation applied before the model, shape (channel, 1, 1).
    precision : {"float32", "tf32", "bfloat16"}
        tf32 rounds the factors of products to 10 bits, on NVIDIA GPUs; bfloat16 lets torch's
        autocast choose where to compute with 8 bits of precision.
    seed : int
        For models that draw random numbers in a forward pass.
    batch_size : int, optional
        Whole pictures per pass; fitted to memory by default.

    Attributes
    ----------
    kind : ModelKind
        How the model has to be run; as an ordinary one until
        `insilico.recording.model_examination` says otherwise.
    movies : Movies or None
        How it is shown movies; None for a model of pictures, until
        `insilico.recording.time_axes` says otherwise.

    Raises
    ------
    UserError
        For an unknown precision, and for weights that have no values.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        device: torch.device | str | None = None,
        channels: int = 3,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        precision: str = "float32",
        seed: int = 0,
        batch_size: int | None = None,
    ) -> None:
        parameter = next(model.parameters(), None)
        empty = [name for name, value in _tensors(model) if value.is_meta]
        if empty:
            raise UserError(
                f"{len(empty)} weights of {type(model).__name__} are on the meta device, where "
                f"they have a shape but no values ({empty[0]}, ...). Make the model on a real "
                "device, or load its weights with assign=True."
            )
        self.model = model
        self.kind = ModelKind()
        self.movies: Movies | None = None
        self.device = torch.device(device or (parameter.device if parameter is not None else "cpu"))
        check_precision(precision, self.device)
        self.channels = channels
        self.precision = precision
        self.seed = seed
        self._mean, self._std = (None if v is None else v.to(self.device) for v in (mean, std))
        self._batch_size = batch_size
        # Bytes of the largest map that one pixel of a whole picture leads to; see `fit`.
        self._bytes_per_pixel = 4.0 * channels
        # Pictures in a pass, lowered when they turn out to exhaust the memory.
        self._most = MOST_PICTURES.get(self.device.type, DEVICE_MOST_PICTURES)
        # What follows maps through the model while it pads nothing; None while it does.
        self._unpadded: Unpadded | None = None
        # Of the model, noted down while it is in use; None while it is not.
        self._found: ModelState | None = None

    def fit(self, pixels: int, outputs: Sequence[Tensor]) -> None:
        """Fit batches to what the wanted layers put out for pictures of so many pixels."""
        largest = max((output[0].numel() * output.element_size() for output in outputs), default=0)
        self._bytes_per_pixel = max(4.0 * self.channels, largest / pixels)

    def batch(self, pixels: int) -> int:
        """How many pictures of so many pixels go into one pass."""
        if self.kind.one_at_a_time:
            return 1
        if self._batch_size is not None:
            return min(self._batch_size, self._most)
        budget = BATCH_BYTES.get(self.device.type, DEVICE_BATCH_BYTES)
        # A network holds a few maps of the largest size at a time, the input among them; smaller
        # ones where it computes those sites only that are read.
        maps = 4 if self._unpadded is None else 2
        fitting = budget / (maps * self._bytes_per_pixel * pixels)
        return int(np.clip(fitting, 1, self._most))

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Be in evaluation mode, on the right device, seeded, and in float32 proper.

        Everything is restored afterwards. Within itself it only seeds anew.
        """
        with ExitStack() as stack:
            if self._found is None:
                stack.enter_context(self._in_use())
            stack.enter_context(seeded(self.seed, self.device))
            yield

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Take the model as it is needed, and leave it as it was found."""
        training = [module for module in self.model.modules() if module.training]
        # Models that torch.export wrote cannot be switched: they are what they were written as.
        with suppress(NotImplementedError):
            self.model.eval()
        self.model.to(self.device)
        self.note_state(weights=self.kind.rewrites_weights)
        try:
            with channels_last(self.model, self.device), rounding(tf32=False):
                yield
        finally:
            self.put_back(generators=True)
            self._found = None
            for module in training:
                # Not .train(), which would switch every submodule along.
                module.training = True

    def note_state(self, *, weights: bool = False, but: Collection[nn.Module] = ()) -> None:
        """Take the model as found from now on, its weights too if it may rewrite them."""
        self._found = ModelState.of(self.model, weights=weights, but=but)

    def put_back(self, *, generators: bool = False) -> None:
        """Put the model back into the state in which it was found; its generators if asked to."""
        assert self._found is not None
        self._found.restore(generators=generators)

    @property
    def has_rewritten_weights(self) -> bool:
        """Whether the weights are among what has changed."""
        assert self._found is not None
        return self._found.weights_changed()

    @property
    def has_changed(self) -> bool:
        """Whether the model is in another state than it was found in."""
        assert self._found is not None
        return self._found.changed()

    def feed(self, images: Tensor) -> Tensor:
        """Make what the model receives: a grey picture in all channels or in one, normalised."""
        given = images
        images = images.to(self.device, torch.float32)
        if images.shape[1] == 1 and self.channels > 1:
            images = images.expand(-1, self.channels, -1, -1)
        elif images.shape[1] == len(LUMINANCE) and self.channels == 1:
            images = (images * images.new_tensor(LUMINANCE)[:, None, None]).sum(1, keepdim=True)
        if self._mean is not None:
            images = images - self._mean
        if self._std is not None:
            images = images / self._std
        images = images.to(self.kind.dtype)
        # In memory of its own: a model may work on it in place.
        own = images.is_contiguous() and images.data_ptr() != given.data_ptr()
        fed = images if own else images.clone(memory_format=torch.contiguous_format)
        if self._unpadded is not None:
            self._unpadded.begin(fed)
        return fed

    @contextmanager
    def without_padding(self, corner: tuple[int, int]) -> Iterator[None]:
        """Compute no sites but those that see all of their field within pictures cut out there.

        Parameters
        ----------
        corner : tuple of int
            Top and left edge of the pictures in the display, in px.

        Yields
        ------
        None
        """
        before = self._unpadded
        with without_padding(self.model):
            self._unpadded = Unpadded(corner)
            try:
                yield
            finally:
                self._unpadded = before

    def read(
        self, images: Tensor, layers: Sequence[str], take: Callable[[str, Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Read layers on a few pictures, in single precision whatever is recorded with.

        Parameters
        ----------
        images : Tensor, shape (n, channel, height, width)
            Any number of pictures.
        layers : sequence of str
            The layers.
        take : callable
            ``take(layer, output)`` copies what is wanted out of an output, (batch, ...).

        Returns
        -------
        dict of str to Tensor
            What was taken, (n, ...).
        """
        parts = [self.run(part, layers, take) for part in torch.split(images, self._size(images))]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in layers}

    def run(
        self,
        images: Tensor,
        layers: Sequence[str],
        take: Callable[[str, Tensor], Tensor],
        *,
        whole: bool | None = None,
        measured: int | None = None,
        rectified: bool = False,
        gradients: bool = False,
    ) -> Mapping[str, Tensor]:
        """Read layers on one batch as it is: one pass of the model, as its kind demands.

        Parameters
        ----------
        images, layers, take
            As in `read`.
        whole : bool, optional
            Whether the model runs to its end; if it needs to by default.
        measured, rectified
            Of models of movies, as in `insilico.recording.movies.Movies.read`.
        gradients : bool
            Whether what is read can be differentiated.

        Returns
        -------
        dict of str to Tensor

        Raises
        ------
        UserError
            If the model raises anything: says what, and where.
        """
        by_frame = self.movies is not None and self.movies.form == "frames"
        if self.kind.put_back or by_frame:
            self.put_back()
        whole = self.kind.whole_passes if whole is None else whole
        with blaming(self.model, images, self.channels), self._unpadded or nullcontext():
            if self.movies is None:
                return layer_outputs(
                    self.model, layers, self.feed(images), take, whole=whole, gradients=gradients
                )
            return self.movies.read(
                self.model,
                layers,
                images,
                take,
                feed=self.feed,
                measured=measured,
                rectified=rectified,
                whole=whole,
                gradients=gradients,
            )

    def respond(
        self,
        images: Tensor,
        layers: Sequence[str],
        take: Callable[[str, Tensor], Tensor],
        *,
        rectified: bool = False,
    ) -> Tensor:
        """Respond to one batch so that the responses can be differentiated.

        Parameters
        ----------
        images, layers, take
            As in `read`; or movies, (n, frame, channel, height, width).
        rectified : bool
            Of models of movies, whether the response to a picture is the mean over time of what is
            above 0, as it is recorded.

        Returns
        -------
        Tensor, shape (n, units of all layers), or of movies (n, time, units of all layers)

        Raises
        ------
        NoGradientError
            If the images can be differentiated, and the responses cannot.
        UserError
            If layers answer movies at different times, or the model raises anything.
        """
        found = self.run(images, layers, take, rectified=rectified, gradients=True)
        counts = {found[layer].shape[1] for layer in layers}
        if images.ndim == 5 and len(counts) > 1:
            raise UserError(
                f"{', '.join(layers)} answer {' and '.join(map(str, sorted(counts)))} times. Give "
                "the units of one layer at a time."
            )
        responses = torch.cat([found[layer].float() for layer in layers], -1)
        if images.requires_grad and not responses.requires_grad:
            raise NoGradientError(
                f"{type(self.model).__name__} gives no gradients: its responses do not say what of "
                "a picture they depend on (it computes outside torch, or under no_grad)."
            )
        return responses

    def count(self, images: Tensor, layers: Sequence[str]) -> tuple[dict[str, int], dict[str, Any]]:
        """Run the whole model on one batch, and count how often each layer is called.

        Parameters
        ----------
        images, layers
            As in `run`.

        Returns
        -------
        tuple of dict and dict
            As from `insilico.recording.hooks.call_counts`.

        Raises
        ------
        UserError
            If the model raises anything.
        """
        with blaming(self.model, images, self.channels):
            if self.movies is None:
                return call_counts(self.model, layers, self.feed(images))
            return self.movies.counted(self.model, layers, images, self.feed)

    def every_call(
        self, movies: Tensor, layers: Sequence[str], form: Movies
    ) -> dict[str, list[Any]]:
        """Run the whole model on movies in some form, and copy what layers put out in every call.

        Parameters
        ----------
        movies : Tensor, shape (n, frame, channel, height, width)
            What is shown.
        layers : sequence of str
            The layers.
        form : Movies
            In which form.

        Returns
        -------
        dict of str to list
            As from `insilico.recording.hooks.every_call`.

        Raises
        ------
        UserError
            If the model raises anything.
        """
        with blaming(self.model, movies, self.channels):
            return every_call(self.model, layers, form.fed(movies, self.feed))

    def answers(self, stimuli: StimulusSet, layers: Sequence[str]) -> tuple[float, ...]:
        """Say when layers answer to the movies of a set, by one that is blank.

        Parameters
        ----------
        stimuli : StimulusSet
            Of movies, or of pictures.
        layers : sequence of str
            The layers.

        Returns
        -------
        tuple of float
            In s, from 0 on; none for pictures.

        Raises
        ------
        UserError
            If the layers answer at different times.
        """
        if not stimuli.time or self.movies is None:
            return ()
        measured = [moment for moment in stimuli.time if moment >= 0]
        if not self.movies.axes:
            return tuple(measured)
        strides = {self.movies.axes[layer].stride for layer in layers}
        if len(strides) > 1:
            raise UserError(
                f"{', '.join(layers)} answer at different times, every "
                f"{' and every '.join(map(str, sorted(strides)))} frames. Record them in runs of "
                "their own."
            )
        return tuple(measured[:: -strides.pop()][::-1])

    def record(
        self,
        images: Tensor,
        layers: Sequence[str],
        take: Callable[[str, Tensor], Tensor],
        *,
        measured: int | None = None,
    ) -> Tensor:
        """Respond to any number of pictures: (n, units of all layers), on the device.

        To movies, of which the last ``measured`` frames count: (n, time, units of all layers).
        Batches that exhaust the memory are halved, and later ones are not made larger.
        """
        parts = []
        start = 0
        while start < len(images):
            batch = images[start : start + self._size(images)]
            try:
                parts.append(self._pass(batch, layers, take, measured))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not exhausted(error) or len(batch) == 1:
                    raise
                self._most = len(batch) // 2
                logger.warning("memory exhausted: batches halved to %d pictures", self._most)
                continue
            start += len(batch)
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _size(self, images: Tensor) -> int:
        """How many of some pictures or movies go into one pass."""
        frames = 1 if self.movies is None else self.movies.at_once(images)
        return self.batch(images.shape[-2] * images.shape[-1] * frames)

    def _pass(
        self,
        images: Tensor,
        layers: Sequence[str],
        take: Callable[[str, Tensor], Tensor],
        measured: int | None,
    ) -> Tensor:
        with self._precision():
            found = self.run(images, layers, take, measured=measured, rectified=True)
        return torch.cat([found[layer].float() for layer in layers], -1)

    def _precision(self) -> AbstractContextManager[Any]:
        """Choose what a recorded pass computes in, `ready` having made it float32."""
        if self.precision == "tf32":
            return rounding(tf32=True)
        if self.precision == "bfloat16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def per_channel(name: str, values: Sequence[float] | float, channels: int) -> tuple[float, ...]:
    """Spread a normalisation constant over the image channels.

    Parameters
    ----------
    name : {"mean", "std"}
        What it is, for the error message.
    values : sequence of float, or float
        One value for all channels, or one for each.
    channels : int
        How many channels there are.

    Returns
    -------
    tuple of float

    Raises
    ------
    UserError
        If the number of values fits neither, a standard deviation is not above 0, or they can only
        be those of pixels that count to 255.

    Examples
    --------
    >>> per_channel("mean", 0.5, 3)
    (0.5, 0.5, 0.5)
    """
    row = (values,) if isinstance(values, int | float) else tuple(values)
    if len(row) not in (1, channels):
        raise UserError(
            f"{name} needs one value, or one for each of the model's {channels} image channels; "
            f"got {len(row)}: {', '.join(f'{value:g}' for value in row)}."
        )
    if name == "std" and not all(value > 0 for value in row):
        raise UserError(f"std must be above 0; got {', '.join(f'{value:g}' for value in row)}.")
    low, high = NORMALISATION[name]
    if not all(low <= value <= high for value in row):
        raise UserError(
            f"{name} is that of pictures whose values lie between 0 and 1, so it is from {low:g} "
            f"to {high:g}; got {', '.join(f'{value:g}' for value in row)}. Divide mean and std by "
            "255 if they are of pixels that count to 255."
        )
    return tuple(float(value) for value in row) * (channels if len(row) == 1 else 1)


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()
