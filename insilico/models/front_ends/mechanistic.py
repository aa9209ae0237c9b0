"""The mechanistic V1 in front of a network."""

from collections import OrderedDict
from collections.abc import Mapping

from torch import nn

from insilico.models.components.mode import check_positive
from insilico.models.front_ends.networks import STAGE_CHANNELS, from_layer1, seeded
from insilico.models.mechanistic.hyper_parameters import HyperParameters
from insilico.models.mechanistic.module import MechanisticV1

__all__ = ["mechanistic_resnet50"]


def mechanistic_resnet50(
    *,
    pixels: float = 224,
    degrees: float = 8.0,
    seed: int = 0,
    num_classes: int = 1000,
    n: int = 500,
    hyper_parameters: HyperParameters | Mapping[str, float] | None = None,
) -> nn.Sequential:
    """Put the mechanistic V1 in place of the first layers of a ResNet-50, for grey images.

    Parameters
    ----------
    pixels, degrees : float
        Side of the images.
    seed : int
        Of the units and of the random weights behind them.
    num_classes : int
        Number of classes.
    n : int
        Number of units.
    hyper_parameters : HyperParameters or mapping of str to float, optional
        As of `MechanisticV1`.

    Returns
    -------
    nn.Sequential
        With the parts ``v1``, ``bottleneck`` (1 x 1) and ``model``, as those of VOneNet are.

    Notes
    -----
    The units have no weights to train; what lies behind them has, and gradients pass through them.

    References
    ----------
    Dapello, Marques, Schrimpf, Geiger, Cox & DiCarlo (2020), NeurIPS 33.

    Examples
    --------
    >>> import torch
    >>> model = mechanistic_resnet50(n=5, num_classes=10)
    >>> tuple(model(torch.zeros(1, 1, 64, 64)).shape)
    (1, 10)
    """
    check_positive(num_classes=num_classes)
    v1 = MechanisticV1(
        pixels=pixels, degrees=degrees, n=n, seed=seed, hyper_parameters=hyper_parameters
    )
    with seeded(seed):
        bottleneck = nn.Conv2d(n, STAGE_CHANNELS, 1, bias=False)
        nn.init.kaiming_normal_(bottleneck.weight, mode="fan_out", nonlinearity="relu")
        model = from_layer1(num_classes)
    return nn.Sequential(OrderedDict[str, nn.Module](v1=v1, bottleneck=bottleneck, model=model))
