"""What a model keeps beside its parameters, noted down so that it can be put back."""

import random
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["ModelState"]

# What every module has: its weights are noted down apart, and hooks are no part of its state.
PLAIN = frozenset(vars(nn.Module())) - {"_buffers"}

Restore = Callable[[], Any]


@dataclass(frozen=True)
class ModelState:
    """The buffers and attributes of a model as they were, down to the insides of containers.

    Attributes of modules are followed through lists, dicts, tuples, sets, arrays and tensors, and
    into plain objects one step deep. What a function holds in its closure is out of reach.

    Parameters
    ----------
    tensors : list of (Tensor, Tensor)
        A tensor of the model, and a copy of what was in it.
    containers : list of (container, copy)
        Dicts, lists, sets, deques and arrays.
    generators : list of callable
        Each puts a random generator back.
    """

    tensors: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    containers: list[tuple[Any, Any]] = field(default_factory=list)
    generators: list[Restore] = field(default_factory=list)

    @classmethod
    def of(
        cls, model: nn.Module, *, weights: bool = False, but: Collection[nn.Module] = ()
    ) -> "ModelState":
        """Note down the state of a model, the weights too where it may rewrite them.

        Of modules in ``but``, which are not made yet, nothing is noted down.
        """
        state = cls()
        seen: set[int] = set()
        for module in (each for each in model.modules() if each not in but):
            own = {name: value for name, value in vars(module).items() if name not in PLAIN}
            state.containers.append((vars(module), own))
            for value in (*own.values(), *module.buffers(recurse=False)):
                state._note(value, seen, objects=True)
            for parameter in module.parameters(recurse=False) if weights else ():
                state._note(parameter, seen, objects=False)
        return state

    def changed(self) -> bool:
        """Whether anything but random generators is otherwise than it was."""
        return any(not _same(now, copy) for now, copy in self.tensors) or any(
            not _holds(container, copy) for container, copy in self.containers
        )

    def weights_changed(self) -> bool:
        """Whether the weights are otherwise than they were, if they were noted down."""
        return any(
            isinstance(now, nn.Parameter) and not _same(now, copy) for now, copy in self.tensors
        )

    def restore(self, *, generators: bool = False) -> None:
        """Put everything back; generators only if asked to, for noise is to go on."""
        with torch.no_grad():
            for now, copy in self.tensors:
                if not _same(now, copy):
                    now.data = copy.clone() if now.shape != copy.shape else now.data.copy_(copy)
        for container, copy in self.containers:
            if not _holds(container, copy):
                _refill(container, copy)
        if generators:
            for restore in self.generators:
                restore()

    def _note(self, value: Any, seen: set[int], *, objects: bool) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, Tensor):
            if value.layout == torch.strided and not nn.parameter.is_lazy(value):
                self.tensors.append((value, value.detach().clone()))
        elif (restore := _generator(value)) is not None:
            self.generators.append(restore)
        elif isinstance(value, np.ndarray):
            if value.flags.writeable:
                self.containers.append((value, value.copy()))
        elif isinstance(value, dict | list | set | deque | bytearray):
            self.containers.append((value, value.copy()))
            for each in value.values() if isinstance(value, dict) else value:
                self._note(each, seen, objects=objects)
        elif isinstance(value, tuple):
            for each in value:
                self._note(each, seen, objects=objects)
        elif objects and _plain_object(value):
            own = vars(value)
            self.containers.append((own, dict(own)))
            for each in own.values():
                self._note(each, seen, objects=False)


def _same(now: Tensor, copy: Tensor) -> bool:
    return now.dtype == copy.dtype and now.shape == copy.shape and torch.equal(now, copy)


def _holds(container: Any, copy: Any) -> bool:
    """Whether a container holds what it held."""
    if isinstance(container, dict):
        own = {key: value for key, value in container.items() if key not in PLAIN}
        return own.keys() == copy.keys() and all(_alike(own[key], copy[key]) for key in own)
    if isinstance(container, np.ndarray):
        return bool(np.array_equal(container, copy))
    if isinstance(container, list | deque):
        return len(container) == len(copy) and all(map(_alike, container, copy))
    return bool(container == copy)


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are one object, or equal and without insides that could change."""
    if one is other:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other) and isinstance(one, int | float | str) and one == other


def _refill(container: Any, copy: Any) -> None:
    """Make a container hold what it held, and be the same container."""
    if isinstance(container, dict):
        for key in [key for key in container if key not in PLAIN and key not in copy]:
            del container[key]
        container.update(copy)
    elif isinstance(container, np.ndarray | bytearray | list):
        container[:] = copy
    else:
        container.clear()
        container.update(copy) if isinstance(container, set) else container.extend(copy)


def _plain_object(value: Any) -> bool:
    """Whether it is an object of somebody's own class, which may be written to."""
    return (
        isinstance(getattr(value, "__dict__", None), dict)
        and not isinstance(value, nn.Module | type)
        and not callable(value)
        and type(value).__module__.partition(".")[0] not in ("torch", "numpy", "builtins")
    )


def _generator(value: Any) -> Restore | None:
    """How to put a random generator back; None if it is none."""
    if isinstance(value, torch.Generator):
        kept = value.get_state()
        return partial(value.set_state, kept)
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        stored = bits.state
        return partial(setattr, bits, "state", stored)
    if isinstance(value, np.random.RandomState):
        before = value.get_state()
        return partial(value.set_state, before)
    if isinstance(value, random.Random):
        position = value.getstate()
        return partial(value.setstate, position)
    return None
