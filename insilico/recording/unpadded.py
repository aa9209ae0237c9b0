"""Run a model without padding, so that it computes the sites that are read and no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

__all__ = ["without_padding"]


@contextmanager
def without_padding(model: nn.Module) -> Iterator[None]:
    """Pad nothing in convolutions and pools, until the end of the block.

    A picture of the size of a receptive field then gives one site, and one of the size of the
    fields of neighbouring sites gives just these. Not every model bears it: where a block adds its
    input to its output, the sizes no longer fit. Whether one does is to be found out by trying,
    and by comparing what it gives with the same sites of a whole picture.

    Parameters
    ----------
    model : nn.Module
        Its modules that have a ``padding`` are left as they were found.

    Yields
    ------
    None
    """
    padded: list[Any] = [module for module in model.modules() if hasattr(module, "padding")]
    found = [module.padding for module in padded]
    try:
        for module, padding in zip(padded, found, strict=True):
            module.padding = (0,) * len(padding) if isinstance(padding, tuple) else 0
        yield
    finally:
        for module, padding in zip(padded, found, strict=True):
            module.padding = padding
