"""What a model raised, in a sentence that says where."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from insilico.errors import UserError

__all__ = ["ModelError", "blaming", "exhausted", "reason"]

# Where this package lies: what is raised elsewhere is a user's own.
PACKAGE = str(Path(__file__).parents[1])


class ModelError(UserError):
    """What the model itself raised, in a sentence."""


@contextmanager
def blaming(model: nn.Module, images: Tensor, channels: int) -> Iterator[None]:
    """Turn whatever a model raises, but for a lack of memory, into a sentence.

    Parameters
    ----------
    model : nn.Module
        The model.
    images : Tensor, shape (n, channel, height, width) or (n, frame, channel, height, width)
        What it is shown.
    channels : int
        How many image channels it is given.

    Yields
    ------
    None

    Raises
    ------
    ModelError
        Says what it raised, and where.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        if exhausted(error):
            raise
        size = " x ".join(map(str, (channels, *images.shape[-2:])))
        moving = images.ndim == 5
        what = f"movies of {images.shape[1]} frames of {size}" if moving else f"images of {size}"
        raise ModelError(
            f"{type(model).__name__} does not take {what} (channel x height x width): "
            f"{reason(error)}. If it is for their size or their number of channels, give those "
            "that it takes with pixels=... and channels=..."
            + ("; if for how it takes time, say so with time=..." if moving else "")
        ) from error


def reason(error: BaseException) -> str:
    """Say what a model raised: the type, the first line, and where in code that is no library's.

    Parameters
    ----------
    error : exception
        What it raised.

    Returns
    -------
    str
        ``ValueError: no such size (model.py, line 12)``
    """
    text = str(error).strip()
    said = f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
    if isinstance(error, SystemExit):
        said = f"it ended the program with {said}"
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename
        and not frame.filename.startswith((PACKAGE, "<frozen"))
    ]
    return f"{said} ({own[-1].filename}, line {own[-1].lineno})" if own else said


def exhausted(error: BaseException) -> bool:
    """Say whether an error is a lack of memory, on the device or on the host.

    Parameters
    ----------
    error : exception
        What was raised.

    Returns
    -------
    bool
    """
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and any(words in str(error) for words in ("out of memory", "allocate memory"))
    )
