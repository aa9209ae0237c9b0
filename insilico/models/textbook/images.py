"""Which images the cells of known tuning take: those of their own display, and no others."""

from torch import Tensor, nn

from insilico.errors import UserError
from stimuli import Display

CHANNELS = {1: "one grey channel", 3: "red, green and blue"}


def check_images(model: nn.Module, images: Tensor, display: Display, *, channels: int = 1) -> None:
    """Refuse images that are not those of the display that the weights were made for.

    Raises
    ------
    UserError
        For another number of channels, rows or columns.
    """
    expected = (channels, display.height, display.width)
    if tuple(images.shape[1:]) != expected:
        raise UserError(
            f"{type(model).__name__} has a weight for every pixel of its display and takes images "
            f"of shape (batch, {', '.join(map(str, expected))}); got {tuple(images.shape)}. Give "
            f"{CHANNELS[channels]}, and make the model with the pixels of the images."
        )
