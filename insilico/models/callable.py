"""Any function from images to an array, wrapped so that it can be recorded like a network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.own_code import failure

__all__ = ["CallableModel", "as_module"]

Respond = Callable[[npt.NDArray[np.float32]], Any]


class CallableModel(nn.Module):
    """A function from an array of images to an array of responses, as a module.

    It has one layer, ``output``: what the function returns.

    Parameters
    ----------
    respond : callable
        Takes a float32 array (batch, channel, height, width), which it may overwrite, and returns
        anything that `numpy.asarray` understands, with the batch as its first axis:
        (batch, channel), (batch, channel, row, column) or (batch, token, channel).
    """

    def __init__(self, respond: Respond) -> None:
        super().__init__()
        self.respond = respond

    def forward(self, images: Tensor) -> Tensor:
        """Responses to a batch of images, on the device of the images."""
        # A copy, so that a function that works in place leaves the stimuli alone.
        pictures = images.detach().to("cpu", torch.float32, copy=True).numpy()
        name = _name(self.respond)
        try:
            responses = self.respond(pictures)
        except UserError:
            raise
        # A function that ends the program ends it without a result.
        except (Exception, SystemExit) as error:
            doing = f"{name}, called with an array of {' x '.join(map(str, pictures.shape))},"
            raise failure(doing, error) from error
        return torch.from_numpy(_checked(responses, len(images), name)).to(images.device)


def as_module(respond: Respond) -> CallableModel:
    """Wrap a function from images to an array, so that it can be recorded like a network.

    Parameters
    ----------
    respond : callable
        As in `CallableModel`; a network of Keras, JAX or C++, say.

    Returns
    -------
    CallableModel

    Examples
    --------
    >>> luminance = as_module(lambda images: images.mean(axis=(2, 3)))
    >>> luminance(torch.full((1, 3, 8, 8), 0.5))
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    return CallableModel(respond).eval()


def _checked(responses: Any, batch: int, name: str) -> npt.NDArray[np.floating[Any]]:
    array = np.asarray(responses)
    if array.dtype.kind not in "fiub":
        raise UserError(
            f"{name} must return an array of real numbers; got {type(responses).__name__} of "
            f"{array.dtype}. It is called with a float32 array (batch, channel, height, width)."
        )
    if array.ndim < 2 or len(array) != batch:
        raise UserError(
            f"{name} must return one row per image, as in (batch, channel) or (batch, channel, "
            f"row, column); got the shape {array.shape} for {batch} images."
        )
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        array = array.astype(np.float32)
    # torch takes neither negative strides nor read-only memory.
    return array.copy() if array.base is not None or not array.flags.writeable else array


def _name(respond: Respond) -> str:
    return getattr(respond, "__qualname__", type(respond).__name__)
