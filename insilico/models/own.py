"""Models of the user's own, named by module or by file."""

import copy
import dataclasses
import inspect
from types import ModuleType
from typing import Any

import torch
from torch import nn

from insilico.errors import UserError
from insilico.models.callable import CallableModel, as_module
from insilico.models.card import ModelCard, input_channels
from insilico.models.sources import Loaded, Request
from insilico.own_code import failure, found, in_file, in_module
from insilico.recording.hooks import OUTPUT

__all__ = ["from_file", "from_module"]


def from_module(spec: str, request: Request) -> Loaded:
    """Load ``package.module:function``; the current folder is looked in first."""
    with in_module(spec) as (module, name):
        return _own_model(module, name, request)


def from_file(spec: str, request: Request) -> Loaded:
    """Load ``path/to/file.py:function``; the file may import its neighbours."""
    with in_file(spec) as (module, name):
        return _own_model(module, name, request)


def _own_model(module: ModuleType, name: str, request: Request) -> Loaded:
    """Make a model of the user's own from what a name in a module stands for."""
    named = found(module, name)
    made = _copied_or_called(named, name, request)
    if not isinstance(made, nn.Module):
        if not callable(made):
            raise UserError(
                f"{name} returned {_a(made)}; it must return an nn.Module, or a callable from an "
                "array of images to an array."
            )
        made = as_module(made)
    own = getattr(made, "card", None)
    if isinstance(own, ModelCard):
        # The function says itself what it makes, or began with load_model.
        display = own.display
        if request.pixels is not None or request.degrees is not None:
            display = request.display(display.height, display.degrees[0])
        return made, dataclasses.replace(own, name=request.spec, display=display)
    bare = next(made.parameters(), None) is None
    card = ModelCard(
        name=request.spec,
        display=request.display(),
        # A plain function has but one.
        layers=(OUTPUT,) if isinstance(made, CallableModel) else (),
        weights=(
            f"none that torch knows of, in {name}"
            if bare
            else f"as {name} makes them, seed {request.seed}"
        ),
        trained=True if bare else None,
        channels=input_channels(made) or 3,
    )
    return made, card


def _copied_or_called(named: Any, name: str, request: Request) -> Any:
    if isinstance(named, nn.Module):
        if request.options:
            raise UserError(
                f"{name} is a finished {type(named).__name__}, which takes no options; got "
                f"{', '.join(request.options)}."
            )
        # Loading weights into it, or its card, shall not change the user's own.
        return copy.deepcopy(named)
    if not callable(named):
        raise UserError(
            f"{name} is {_a(named)}; it must be a function that makes the model, or an nn.Module."
        )
    try:
        inspect.signature(named).bind(**request.options)
    except TypeError as error:
        given = f"the options {', '.join(request.options)}" if request.options else "no arguments"
        raise UserError(
            f"{name} is called with {given}, and that fails: {error}. If it is the model itself, "
            f"name a function that returns it: def model(): return {name}"
        ) from error
    except ValueError:
        pass  # Some callables written in C have no signature to check.
    # Importing the module may have drawn random numbers, and does so only the first time.
    torch.manual_seed(request.seed)
    try:
        return named(**request.options)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(f"calling {name}", error) from error


def _a(thing: Any) -> str:
    return f"a {type(thing).__name__}" if thing is not None else "None"
