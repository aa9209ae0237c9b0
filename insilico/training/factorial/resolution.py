"""The resolution control of cortical magnification: the same density of samples, unwarped."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from insilico.errors import UserError
from insilico.models.components.magnification import CorticalMagnification

__all__ = ["DenseSampling", "dense_side", "densely_sampled_resnet"]


class DenseSampling(nn.Module):
    """Resample maps evenly, by bilinear interpolation.

    Parameters
    ----------
    side : int
        Height and width of the result.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, maps: Tensor) -> Tensor:
        """Resample the maps to the side."""
        size = (self.side, self.side)
        return interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)


def densely_sampled_resnet(*, num_classes: int, side: int, **options: Any) -> nn.Module:
    """Make a constrained ResNet whose first stage samples the visual field evenly and densely.

    Parameters
    ----------
    num_classes : int
        Number of classes.
    side : int
        Side of the maps of the first stage; a quarter of that of the pictures in the plain network.
    **options : Any
        As in `insilico.models.constrained.resnet.constrained_resnet`, without magnification.

    Returns
    -------
    nn.Module
    """
    from insilico.models.constrained.resnet import constrained_resnet

    if options.get("magnification"):
        raise UserError("the resolution control takes the place of cortical magnification.")
    # Pictures of four times the side would give these maps; the resampling gives them to others.
    model = constrained_resnet(num_classes=num_classes, input_size=4 * side, **options)
    model.maxpool = DenseSampling(side)
    return model


def dense_side(
    image_size: int, *, degrees: float, position: tuple[float, float], **options: Any
) -> int:
    """Find the side of evenly sampled maps as dense as magnification makes them at a place.

    Parameters
    ----------
    image_size : int
        Side of the pictures, in px.
    degrees : float
        Side of the visual field, in deg.
    position : (float, float)
        The place, in deg from the centre.
    **options : Any
        Of `insilico.models.components.CorticalMagnification`.

    Returns
    -------
    int
        The nearest to it.

    Examples
    --------
    The centre is magnified, and the periphery the opposite:

    >>> [dense_side(64, degrees=8, position=(x, 0)) for x in (0.5, 3)]
    [38, 14]
    """
    side = image_size // 2  # of the maps that magnification is given
    lens = CorticalMagnification(side, **options)
    places = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    fields = torch.stack(torch.meshgrid(-places, places, indexing="ij"))  # y up, x right
    y, x = lens(fields[None])[0].double()
    target = torch.tensor(position, dtype=torch.float64) * side / degrees
    distance = (x - target[0]) ** 2 + (y - target[1]) ** 2
    # Area of the map that one sample stands for: the determinant of how places change from one
    # sample to the next, along rows and along the circle of columns.
    (x_row, x_column), (y_row, y_column) = _slopes(x), _slopes(y)
    area = (x_row * y_column - x_column * y_row).abs()
    return round(side / float(area.flatten()[distance.argmin()]) ** 0.5)


def _slopes(field: Tensor) -> tuple[Tensor, Tensor]:
    """Change from row to row, and from column to column, which form a circle."""
    return torch.gradient(field, dim=0)[0], (field.roll(-1, 1) - field.roll(1, 1)) / 2
