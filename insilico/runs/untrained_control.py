"""The untrained control of a model: the same architecture with random weights."""

import dataclasses
from collections.abc import Callable
from typing import cast

from torch import nn

from insilico.errors import UserError
from insilico.models.card import ModelCard, attach
from insilico.models.weights import weights_hash

__all__ = ["untrained_control"]


def untrained_control(
    model: nn.Module, make: Callable[[int], nn.Module], *, seed: int = 0
) -> nn.Module:
    """Make the control of a model: the same architecture with random weights.

    Parameters
    ----------
    model : nn.Module
        The model, with its card, as `insilico.load_model` returns it.
    make : callable
        Makes the same architecture without loading weights, from a seed.
    seed : int
        Of the random weights.

    Returns
    -------
    nn.Module
        Its card says that it is untrained.

    Raises
    ------
    UserError
        If the architecture has no random weights, or if those of the model are random themselves.

    Examples
    --------
    >>> from insilico import load_model
    >>> make = lambda seed: load_model("torchvision:resnet18", seed=seed)
    >>> untrained_control(load_model("torchvision:resnet18", "mine.pth"), make)  # doctest: +SKIP
    """
    control = make(seed)
    # nn.Module declares its attributes as tensors and modules.
    card, own = (cast("ModelCard", module.card) for module in (control, model))
    name = card.name
    if card.trained is True:
        raise UserError(
            f"{name} has no untrained control: its weights are set by design, or it has none. "
            "Leave --untrained out."
        )
    if card.trained is None and weights_hash(control) == weights_hash(make(seed + 1)):
        raise UserError(
            f"{name} has no untrained control: what makes it gives the same weights for every "
            "seed, so they are not random. Leave --untrained out."
        )
    if own.trained is False or weights_hash(model) == weights_hash(control):
        raise UserError(
            f"the weights of {name} are random already, and an untrained control would be the same "
            "run. Give trained ones with --weights, or leave --untrained out."
        )
    return attach(control, dataclasses.replace(card, trained=False, weights=f"random, seed {seed}"))
