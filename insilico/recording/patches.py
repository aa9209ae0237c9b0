"""Have a model that cuts pictures into patches take pictures of another size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

__all__ = ["told_size"]

# What transformers keep the size of their pictures in, to compare what they are given with it.
SIZES = ("image_size", "img_size")


@contextmanager
def told_size(model: nn.Module, height: int, width: int) -> Iterator[None]:
    """Tell a model that its pictures are of some size, until the end of the block.

    Embeddings of patches would take any picture, and refuse one of another size than the model was
    made for, since positions are added to them later. Whether what is read is the same is to be
    found out by trying.

    Parameters
    ----------
    model : nn.Module
        Its modules that have an ``image_size`` or ``img_size`` are left as they were found.
    height, width : int
        In px. A model that knows one side only is told that of a square.

    Yields
    ------
    None
    """
    found: list[tuple[Any, str, Any]] = [
        (module, name, getattr(module, name))
        for module in model.modules()
        if not isinstance(module, torch.jit.ScriptModule)
        for name in SIZES
        if name in vars(module)
    ]
    try:
        for module, name, size in found:
            if isinstance(size, tuple) and len(size) == 2:
                setattr(module, name, (height, width))
            elif isinstance(size, int) and height == width:
                setattr(module, name, height)
        yield
    finally:
        for module, name, size in found:
            setattr(module, name, size)
