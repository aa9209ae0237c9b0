"""What the passes of a run take with nothing around them, by two definitions.

    with counted() as passes:
        insilico.run(...)
    bare = seconds(passes)

A run shows its pictures to the model in windows and in batches. The same batches are passed through
the same model as far as the same layers, and nothing else is done: nothing is drawn, checked,
reduced or measured. Of this there are two definitions:

module  the model as it is: it pads as its author wrote it, and computes all sites of a window;
sites   as a run has it: no padding where that was proven, and no sites but those that are read.

Both are in CPU seconds, in float32, with weights laid out as a run lays them out. Where a run shows
pictures with padding, both are the same.
"""

import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch

from insilico.recording.forward import Forward

# Passes of one kind that are timed at most; more of them take as long as these on average.
TIMED = 50


class Pass(NamedTuple):
    """A kind of pass: what is run, on what shape, how far; cut out where, if it pads nothing."""

    forward: Forward
    shape: tuple[int, ...]
    layers: tuple[str, ...]
    corner: tuple[int, int] | None


class Bare(NamedTuple):
    """CPU seconds of all passes, of the module as it is and of the sites that are read alone."""

    module: float
    sites: float


@contextmanager
def counted():
    """Count the passes in which stimuli are recorded, by their kind, until the end of the block."""
    plain = (Forward.record, Forward.without_padding)
    passes, corners = Counter(), [None]

    def recorded(forward, images, layers, *given, **options):
        for batch in torch.split(images, forward._size(images)):
            passes[Pass(forward, tuple(batch.shape), tuple(layers), corners[-1])] += 1
        return plain[0](forward, images, layers, *given, **options)

    @contextmanager
    def without_padding(forward, corner):
        corners.append(corner)
        try:
            with plain[1](forward, corner):
                yield
        finally:
            corners.pop()

    Forward.record, Forward.without_padding = recorded, without_padding
    try:
        yield passes
    finally:
        Forward.record, Forward.without_padding = plain


def seconds(passes):
    """Time passes that were counted, by both definitions."""
    return Bare(*(sum(_each(passes, padded)) for padded in (True, False)))


def _each(passes, padded):
    """CPU seconds of all passes of each kind, from those of some."""
    for (forward, shape, layers, corner), times in passes.items():
        images, timed = torch.rand(shape), min(times, TIMED)
        unpadded = corner is not None and not padded
        with forward.ready(), forward.without_padding(corner) if unpadded else nullcontext():
            forward.run(images[:1], layers, _first)
            started = time.process_time()
            for _ in range(timed):
                forward.run(images, layers, _first)
            yield (time.process_time() - started) * times / timed


def _first(_layer, output):
    return output.flatten(1)[:, :1].clone()
