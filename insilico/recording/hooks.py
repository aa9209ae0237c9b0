"""Read what named layers of a module put out, and stop there."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from insilico.errors import UserError

__all__ = ["call_counts", "every_call", "find_layer", "layer_names", "layer_outputs"]

# A model called as a whole: the layer of callables, and of modules recorded at their output.
OUTPUT = "output"

Read = Callable[[str, Tensor], Any]
Note = Callable[[str, int | None, object], None]


class _Stop(BaseException):
    """Raised in the hook of the last wanted layer; no ``except Exception`` in a model holds it."""


def layer_names(model: nn.Module) -> list[str]:
    """Names of every submodule that can be read, in the order of registration."""
    return [
        name
        for name, module in model.named_modules()
        if name and not isinstance(module, torch.jit.ScriptModule)
    ]


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
    module = _submodule(model, name)
    if module is None or (call and not call.isdigit()) or call == "0":
        known = list(dict.fromkeys([*layer_names(model), OUTPUT]))
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known[:8])}, ..."
        raise UserError(
            f"{type(model).__name__} has no layer {layer!r}; {hint} "
            "`insilico layers MODEL` lists them all."
        )
    return module, int(call) if call else None


def _submodule(model: nn.Module, name: str) -> nn.Module | None:
    """Look a name up without going through all modules, for every pass does."""
    found: nn.Module | None = model if name else None
    # Scripted modules know their children, and have no get_submodule.
    for part in name.split("."):
        found = None if found is None else dict(found.named_children()).get(part)
    return model if found is None and name == OUTPUT else found


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
        The number of calls, and a copy of the output of the one that is meant (the last, where a
        name does not say which), per layer; no output of a layer that was not called.
    """
    counting = _Counting(dict.fromkeys(layers, 0), {})
    _run(model, layers, images, counting.note)
    return counting.counts, counting.outputs


def every_call(
    model: nn.Module, layers: Sequence[str], images: Tensor, *, gradients: bool = False
) -> dict[str, list[Any]]:
    """Run the whole model once, and copy what layers put out in every call.

    Parameters
    ----------
    model : nn.Module
        The model, in evaluation mode.
    layers : sequence of str
        Names as in `find_layer`.
    images : Tensor
        What the model takes.
    gradients : bool
        Whether the outputs can be differentiated.

    Returns
    -------
    dict of str to list
        The outputs in the order of the calls; an empty list for a layer that was not called.
    """
    found: dict[str, list[Any]] = {layer: [] for layer in layers}

    def note(layer: str, _wanted: int | None, output: object) -> None:
        first = output[0] if isinstance(output, tuple | list) and output else output
        if isinstance(first, Tensor):
            output = first.clone() if gradients else first.detach().clone()
        found[layer].append(output)

    _run(model, layers, images, note, gradients=gradients)
    return found


def layer_outputs(
    model: nn.Module,
    layers: Sequence[str],
    images: Tensor,
    read: Read,
    *,
    gradients: bool = False,
    whole: bool = False,
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
    whole : bool
        Whether the model runs to its end all the same.

    Returns
    -------
    dict of str to whatever ``read`` returned

    Raises
    ------
    UserError
        If a layer was not called, or puts out what is no tensor of real numbers.
    """
    reading = _Reading(
        dict.fromkeys(layers, 0), {}, read, None if whole else _Stop(), gradients=gradients
    )
    try:
        _run(model, layers, images, reading.note, gradients=gradients)
    except _Stop as raised:
        # A model may itself stop another one in the middle.
        if raised is not reading.stop:
            raise
        # It holds the frames of the pass with all their maps, and these hold it: such a ring would
        # take up memory until Python looks for rings.
        raised.__traceback__ = None
    found = reading.found
    silent = [layer for layer in layers if layer not in found]
    if silent:
        raise UserError(
            f"{', '.join(silent)} put out nothing: the model does not call it in a forward pass "
            "(auxiliary heads of training, for one; and what torch.export wrote has no layers but "
            f"{OUTPUT!r}). Choose a layer that is used in evaluation."
        )
    return found


@dataclass
class _Counting:
    """How often layers were called in a pass, and what they put out."""

    counts: dict[str, int]
    outputs: dict[str, Any]

    def note(self, layer: str, wanted: int | None, output: object) -> None:
        self.counts[layer] += 1
        if wanted is None or self.counts[layer] == wanted:
            first = output[0] if isinstance(output, tuple | list) and output else output
            self.outputs[layer] = first.detach().clone() if isinstance(first, Tensor) else output


@dataclass
class _Reading:
    """What was read of layers in a pass, which is stopped when all have been read."""

    calls: dict[str, int]
    found: dict[str, Any]
    read: Read
    stop: _Stop | None
    gradients: bool

    def note(self, layer: str, wanted: int | None, output: object) -> None:
        self.calls[layer] += 1
        if self.calls[layer] == (wanted or 1):
            tensor = first_tensor(layer, output)
            self.found[layer] = self.read(layer, tensor if self.gradients else tensor.detach())
            if len(self.found) == len(self.calls) and self.stop is not None:
                raise self.stop


def _run(
    model: nn.Module,
    layers: Sequence[str],
    images: Tensor,
    note: Note,
    *,
    gradients: bool = False,
) -> None:
    """Run a model, and tell ``note`` (layer, which call is meant, output) of every call."""
    handles = []
    at_the_end = []
    try:
        for layer in layers:
            module, call = find_layer(model, layer)
            if module is model:
                # What it returns, for scripted models take no hooks.
                at_the_end.append((layer, call))
            elif isinstance(module, torch.jit.ScriptModule):
                raise UserError(
                    f"layer {layer!r} is TorchScript, inside which nothing can be read. Record "
                    f"{OUTPUT!r}, or the model as it was before torch.jit.script."
                )
            else:
                handles.append(module.register_forward_hook(partial(_tap, note, layer, call)))
        # Not inference_mode: what a model keeps of such a pass could never be trained again.
        with torch.set_grad_enabled(gradients):
            output = model(images)
        for layer, call in at_the_end:
            note(layer, call, output)
    finally:
        for handle in handles:
            handle.remove()


def _tap(
    note: Note, layer: str, wanted: int | None, _module: nn.Module, _inputs: Any, output: Any
) -> None:
    """Tell ``note`` of a call, as a forward hook."""
    note(layer, wanted, output)


def first_tensor(layer: str, output: object) -> Tensor:
    """Take the tensor out of what a layer returned.

    Raises
    ------
    UserError
        If it is neither a tensor nor a tuple or list that begins with one; or complex, or nested.
    """
    if isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise UserError(
            f"layer {layer!r} puts out a {type(output).__name__}, not a tensor (or a tuple that "
            "begins with one). Record one of the layers inside it."
        )
    if output.is_complex():
        raise UserError(
            f"layer {layer!r} puts out complex numbers, and a response is real. Wrap the model, so "
            "that it ends in what is meant: output.abs(), output.real, or "
            "torch.cat([output.real, output.imag], 1)."
        )
    if output.is_nested:
        raise UserError(
            f"layer {layer!r} puts out a nested tensor, whose rows have sizes of their own. Wrap "
            "the model, so that it ends in torch.nested.to_padded_tensor(output, 0)."
        )
    if output.is_quantized:
        return output.dequantize()
    return output if output.layout == torch.strided else output.to_dense()
