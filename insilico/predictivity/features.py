"""What a layer makes of images, in a stream: inner products of its outputs, and maps into them.

A layer may put out a million numbers per image. They need not be held all at once: as many of them
are recorded in one run over the images as fit into memory, of as many layers, and summed up. The
sums are the same, to the last bit, however many runs it takes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.forward import Forward
from insilico.recording.memory import available_memory
from stimuli import StimulusSet

__all__ = ["Features"]

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Progress = Callable[[int], Any] | None

# Bytes of outputs that are held at a time: this share of the free memory, and no less than so many.
BUDGET = 2**30
SHARE = 1 / 4

# Columns that are summed up at a time, in double precision.
COLUMNS = 4096

# Images drawn at a time.
DRAWN = 64


@dataclass(frozen=True, eq=False)
class Features:
    """The outputs of layers of a model for a set of images.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    layers : tuple of str
        The layers.
    images : StimulusSet
        What is shown.
    budget : int
        Bytes of outputs that are held at a time; a share of the memory that is free by default.
    """

    forward: Forward
    layers: tuple[str, ...]
    images: StimulusSet
    budget: int = field(default_factory=lambda: _budget())

    def sizes(self) -> dict[str, int]:
        """How many numbers each layer puts out for an image."""
        with self.forward.ready():
            first = self.forward.read(self.images.images(slice(1)), self.layers, _flat)
        self.forward.fit(self.images.display.height * self.images.display.width, [*first.values()])
        return {layer: first[layer].shape[1] for layer in self.layers}

    def n_shown(self) -> int:
        """How many images `products` shows in all, for a progress bar."""
        return len(self.images) * len(list(_runs(self.sizes(), self._room())))

    def products(self, *, progress: Progress = None) -> dict[str, Array]:
        """Inner products of the images, for each layer.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of images shown since its last call.

        Returns
        -------
        dict of str to array, shape (image, image)
            Of the outputs less their mean over images, which no map with an offset can tell.

        Raises
        ------
        UserError
            If a response is not finite.
        """
        found = {layer: np.zeros((len(self.images),) * 2) for layer in self.layers}
        for layer, values, _ in self._parts(self.layers, progress):
            for part in _in_columns(values):
                found[layer] += part @ part.T
        return found

    def combine(self, layer: str, weights: Array) -> tuple[Array, Array]:
        """Add up the outputs of a layer over images: the way from a span back to its features.

        Parameters
        ----------
        layer : str
            The layer.
        weights : array, shape (image, k)
            Weight of each image; each column adds up to 0.

        Returns
        -------
        tuple of arrays, shapes (feature, k) and (feature,)
            The sums, and the mean over images.
        """
        sums: list[Array] = []
        means: list[Single] = []
        for _, values, mean in self._parts([layer], None):
            sums.extend(part.T @ weights for part in _in_columns(values))
            means.append(mean)
        return np.concatenate(sums), np.concatenate(means).astype(np.float64)

    def _room(self) -> int:
        """How many numbers per image are held at a time."""
        room = max(1, self.budget // (4 * len(self.images)))
        # Whole blocks of columns, so that the order of the sums does not depend on the memory.
        return room // COLUMNS * COLUMNS or room

    def _parts(
        self, layers: Sequence[str], progress: Progress
    ) -> Iterator[tuple[str, Single, Single]]:
        """Record part after part of layers: (image, feature) less its mean, and that mean."""
        sizes = self.sizes()
        for run in _runs({layer: sizes[layer] for layer in layers}, self._room()):

            def take(layer: str, output: Tensor, run: dict[str, slice] = run) -> Tensor:
                return _flat(layer, output)[:, run[layer]]

            widths = [part.stop - part.start for part in run.values()]
            values = self._record(list(run), sum(widths), take, progress)
            start = 0
            for layer, width in zip(run, widths, strict=True):
                part = values[:, start : start + width]
                mean = part.mean(axis=0)
                part -= mean
                yield layer, part, mean
                start += width

    def _record(
        self,
        layers: Sequence[str],
        width: int,
        take: Callable[[str, Tensor], Tensor],
        progress: Progress,
    ) -> Single:
        values = np.empty((len(self.images), width), dtype=np.float32)
        with self.forward.ready():
            for start in range(0, len(self.images), DRAWN):
                shown = self.images.images(slice(start, start + DRAWN))
                values[start : start + len(shown)] = self.forward.record(shown, layers, take).cpu()
                if progress is not None:
                    progress(len(shown))
        if not np.isfinite(values).all():
            raise UserError(
                f"{', '.join(layers)} put out numbers that are not finite for these images. "
                "Check the weights and the normalisation (mean, std) of the model."
            )
        return values


def _budget() -> int:
    return max(BUDGET, int(SHARE * (available_memory() or 0)))


def _flat(_layer: str, output: Tensor) -> Tensor:
    return output.flatten(1).clone()


def _runs(sizes: dict[str, int], room: int) -> Iterator[dict[str, slice]]:
    """Share layers, or blocks of their columns, out among runs that hold so many per image."""
    block = min(COLUMNS, room)
    run: dict[str, slice] = {}
    left = room
    for layer, size in sizes.items():
        start = 0
        while start < size:
            fits = left if size - start <= left else left // block * block
            if not fits:
                yield run
                run, left = {}, room
                continue
            stop = min(size, start + fits)
            run[layer] = slice(start, stop)
            left -= stop - start
            start = stop
    if run:
        yield run


def _in_columns(values: Single) -> Iterator[Array]:
    for start in range(0, values.shape[1], COLUMNS):
        yield values[:, start : start + COLUMNS].astype(np.float64)
