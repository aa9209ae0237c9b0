"""Models of the user's own, named by module or by file."""

import copy
import dataclasses
import importlib
import importlib.util
import inspect
import operator
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from insilico.errors import UserError
from insilico.models.callable import CallableModel, as_module, own_failure
from insilico.models.card import ModelCard, input_channels
from insilico.models.sources import Loaded, Request, nearest
from insilico.recording.hooks import OUTPUT

__all__ = ["from_file", "from_module", "own_object"]


def from_module(spec: str, request: Request) -> Loaded:
    """Load ``package.module:function``; the current folder is looked in first."""
    with _module(spec) as (module, name):
        return _own_model(module, name, request)


def from_file(spec: str, request: Request) -> Loaded:
    """Load ``path/to/file.py:function``; the file may import its neighbours."""
    with _file(spec) as (module, name):
        return _own_model(module, name, request)


def own_object(spec: str) -> Any:
    """Find what a name in a module or a file of the user's own stands for.

    Parameters
    ----------
    spec : str
        ``package.module:NAME`` or ``path/to/file.py:NAME``. Its code is run.

    Returns
    -------
    object

    Raises
    ------
    UserError
        If there is no such file, module or name, or importing it fails; says where.
    """
    place, _, _ = spec.rpartition(":")
    with (_file if place.endswith(".py") else _module)(spec) as (module, name):
        return _found(module, name)


@contextmanager
def _module(spec: str) -> Iterator[tuple[ModuleType, str]]:
    path, _, name = spec.rpartition(":")
    with _importable(Path.cwd()):
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            # A package that the user's module imports in its turn is another matter.
            if error.name is None or not f"{path}.".startswith(f"{error.name}."):
                raise own_failure(f"importing {path}", error) from error
            raise UserError(
                f"no module {error.name!r}; it was looked for in {Path.cwd()} and among the "
                "installed packages."
            ) from error
        except (Exception, SystemExit) as error:
            raise own_failure(f"importing {path}", error) from error
        yield module, name


@contextmanager
def _file(spec: str) -> Iterator[tuple[ModuleType, str]]:
    place, _, name = spec.rpartition(":")
    path = Path(place).resolve()
    if not path.is_file():
        raise UserError(f"there is no file {place} (looked for at {path}).")
    with _importable(path.parent):
        identity = f"insilico_model_{path.stem}"
        found = importlib.util.spec_from_file_location(identity, path)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        # Dataclasses, among others, look their module up here.
        sys.modules[identity] = module
        try:
            found.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[identity]
            raise own_failure(f"importing {path.name}", error) from error
        yield module, name


def _found(module: ModuleType, name: str) -> Any:
    try:
        return operator.attrgetter(name)(module)
    except AttributeError as error:
        public = [word for word in vars(module) if not word.startswith("_")]
        raise UserError(
            f"{Path(module.__file__ or module.__name__).name} has no {name!r}. "
            f"{nearest(name, public)}"
        ) from error


def _own_model(module: ModuleType, name: str, request: Request) -> Loaded:
    """Make a model of the user's own from what a name in a module stands for."""
    named = _found(module, name)
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
        raise own_failure(f"calling {name}", error) from error


def _a(thing: Any) -> str:
    return f"a {type(thing).__name__}" if thing is not None else "None"


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules that lie in a folder be imported, as if Python had been started there."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
