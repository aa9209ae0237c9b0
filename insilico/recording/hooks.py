"""Read what named layers of a module put out, and stop there."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from insilico.errors import UserError

__all__ = ["call_counts", "find_layer", "layer_names", "layer_outputs"]

# A model called as a whole: the layer of callables, and of modules recorded at their output.
OUTPUT = "output"

Read = Callable[[str, Tensor], Any]


class _Stop(BaseException):
    """Raised in the hook of the last wanted layer; no ``except Exception`` in a model holds it."""


def layer_names(model: nn.Module) -> list[str]:
    """Names of every submodule, in the order of registration."""
    return [name for name, _ in model.named_modules() if name]


def find_layer(model: nn.Module, layer: str) -> tuple[nn.Module, int | None]:
    """Find a layer by name.

    Parameters
    ----------
    model : nn.Module
        The model.
    layer : str
        Name of a submodule; ``NAME@2`` means its second call in a forward pass; ``output`` the
        output of the whole model.

    Returns
    -------
    tuple of nn.Module and int or None
        The submodule, and which of its calls is meant (from 1).

    Raises
    ------
    UserError
        If there is no such layer; names the nearest ones.
    """
    name, _, call = layer.partition("@")
    modules = dict(model.named_modules())
    if name == OUTPUT and OUTPUT not in modules:
        modules[OUTPUT] = model
    if not name or name not in modules or (call and not call.isdigit()) or call == "0":
        known = list(dict.fromkeys([*layer_names(model), OUTPUT]))
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known[:8])}, ..."
        raise UserError(
            f"{type(model).__name__} has no layer {layer!r}; {hint} "
            "`insilico layers MODEL` lists them all."
        )
    return modules[name], int(call) if call else None


def call_counts(
    model: nn.Module, layers: Sequence[str], images: Tensor
) -> tuple[dict[str, int], dict[str, Any]]:
    """Run the whole model once, and count how often each layer is called.

    Parameters
    ----------
    model : nn.Module
        The model, in evaluation mode.
    layers : sequence of str
        Names as in `find_layer`.
    images : Tensor
        What the model takes.

    Returns
    -------
    tuple of dict and dict
        The number of calls, and the output of the last of them, per layer.
    """
    counts = dict.fromkeys(layers, 0)
    outputs: dict[str, Any] = {}

    def count(layer: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            counts[layer] += 1
            outputs[layer] = output.detach().clone() if isinstance(output, Tensor) else output

        return hook

    handles = [find_layer(model, layer)[0].register_forward_hook(count(layer)) for layer in layers]
    try:
        with torch.inference_mode():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return counts, outputs


def layer_outputs(
    model: nn.Module,
    layers: Sequence[str],
    images: Tensor,
    read: Read,
    *,
    gradients: bool = False,
) -> Mapping[str, Any]:
    """Run the model until the last of the layers has put out, and read them on the way.

    Parameters
    ----------
    model : nn.Module
        The model, in evaluation mode.
    layers : sequence of str
        Names as in `find_layer`.
    images : Tensor
        What the model takes.
    read : callable
        ``read(layer, output)`` takes what it needs from an output. It must copy: a later in-place
        operation may overwrite the output.
    gradients : bool
        Whether what is read can be differentiated.

    Returns
    -------
    dict of str to whatever ``read`` returned

    Raises
    ------
    UserError
        If a layer was not called.
    """
    found: dict[str, Any] = {}

    def tap(layer: str, wanted: int) -> Callable[..., None]:
        calls = 0

        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            nonlocal calls
            calls += 1
            if calls == wanted:
                found[layer] = read(layer, first_tensor(layer, output))
                if len(found) == len(layers):
                    raise _Stop

        return hook

    handles = []
    try:
        for layer in layers:
            module, call = find_layer(model, layer)
            handles.append(module.register_forward_hook(tap(layer, call or 1)))
        with torch.inference_mode(not gradients):
            model(images)
    except _Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    silent = [layer for layer in layers if layer not in found]
    if silent:
        raise UserError(
            f"{', '.join(silent)} put out nothing: the model does not call it in a forward pass "
            "(auxiliary heads of training, for one). Choose a layer that is used in evaluation."
        )
    return found


def first_tensor(layer: str, output: object) -> Tensor:
    """Take the tensor out of what a layer returned.

    Raises
    ------
    UserError
        If it is neither a tensor nor a tuple or list that begins with one.
    """
    if isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise UserError(
            f"layer {layer!r} puts out a {type(output).__name__}, not a tensor (or a tuple that "
            "begins with one). Record one of the layers inside it."
        )
    return output
