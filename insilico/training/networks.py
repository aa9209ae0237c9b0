"""Networks for training: made anew for the classes and the size of the pictures."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from insilico.errors import UserError
from insilico.models.weights import fit_weights, read_weights
from insilico.own_code import own_object
from insilico.training.config import ModelConfig

__all__ = ["make_network"]


def make_network(config: ModelConfig, *, num_classes: int, input_size: int, seed: int) -> nn.Module:
    """Make a network with random weights, or with those of a file.

    Parameters
    ----------
    config : ModelConfig
        Which one.
    num_classes, input_size : int
        What it must fit; ``input_size`` is passed on where the network asks for it.
    seed : int
        Of its weights.

    Returns
    -------
    nn.Module

    Raises
    ------
    UserError
        If there is no such network, or its options do not fit.
    """
    build = _builder(config.name)
    options: dict[str, Any] = {"num_classes": num_classes, **config.options}
    accepted = inspect.signature(build).parameters
    if "input_size" in accepted:
        options.setdefault("input_size", input_size)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        try:
            model = build(**options)
        except TypeError as error:
            options_of_it = ", ".join(accepted)
            raise UserError(
                f"{config.name} cannot be made: {error}. It takes {options_of_it}."
            ) from error
    if not isinstance(model, nn.Module):
        raise UserError(f"{config.name} must return an nn.Module; got {type(model).__name__}.")
    if config.weights:
        _start_from(model, Path(config.weights))
    return model


def _builder(name: str) -> Callable[..., Any]:
    """Find what makes a network; built-in are those of `insilico.training.config.NETWORKS`."""
    head, _, function = name.partition(":")
    if name == "constrained_resnet":
        from insilico.models.constrained.resnet import constrained_resnet

        return constrained_resnet
    if name == "densely_sampled_resnet":
        from insilico.training.factorial.resolution import densely_sampled_resnet

        return densely_sampled_resnet
    if head == "torchvision":
        from torchvision.models import get_model_builder

        try:
            return get_model_builder(function)
        except ValueError as error:
            raise UserError(f"torchvision has no model {function!r}.") from error
    if head == "timm":
        return _timm(function)
    if not function:
        raise UserError(
            f"there is no network {name!r}: model.name must be constrained_resnet, "
            "torchvision:NAME, timm:NAME, package.module:function or file.py:function."
        )
    found = own_object(name)
    if not callable(found):
        raise UserError(f"{name} is no function that makes a network.")
    return found


def _timm(name: str) -> Callable[..., Any]:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise UserError(
            f"timm:{name} needs the package timm, which is not installed: "
            "pip install 'insilico-ephys[timm]'."
        ) from error
    if not timm.is_model(name):
        raise UserError(f"timm has no model {name!r}.")
    return partial(timm.create_model, name)


def _start_from(model: nn.Module, path: Path) -> None:
    """Load weights; a classifier for other classes keeps its random ones."""
    own = model.state_dict()
    translate = getattr(model, "translate_weights", dict)
    state = translate(read_weights(path))
    head = [name for name, value in own.items() if value.shape != state.get(name, value).shape]
    last = next(reversed(own)).rpartition(".")[0]
    replaced = {name: own[name] for name in head if name.rpartition(".")[0] == last}
    fit_weights(model, state | replaced, source=path.name)
