"""Weights from files, read without running any code that is in them."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.models.callable import CallableModel
from insilico.models.torch_files import read_torch

__all__ = ["fit_weights", "load_weights", "read_weights", "weights_hash"]

# Under one of these a training script keeps the weights, beside its optimiser and its epoch.
CONTAINERS = ("state_dict", "model_state_dict", "model")

# nn.DataParallel and torch.compile put these in front of every name.
PREFIXES = ("module.", "_orig_mod.")

N_SHOWN = 10


def load_weights(model: nn.Module, path: Path | str) -> str:
    """Read weights from a file into a model.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    path : Path or str
        A ``.pth``, ``.pt`` or ``.safetensors`` file.

    Returns
    -------
    str
        Name and fingerprint of the file.

    Raises
    ------
    UserError
        If the file cannot be read without running code, or does not fit the model.
    """
    path = Path(path)
    if isinstance(model, CallableModel):
        raise UserError(
            f"a plain function has no weights to load {path.name} into; let the function that "
            "makes it read them."
        )
    fit_weights(model, read_weights(path), source=path.name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{path.name} (sha256 {digest[:12]})"


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a file of weights, without running any code that is in it.

    Parameters
    ----------
    path : Path or str
        A ``.safetensors`` file, or a ``.pth`` or ``.pt`` file that holds only tensors, plain
        containers and the options of a training script (`argparse.Namespace`). The weights may lie
        under ``state_dict``, ``model_state_dict`` or ``model``, and their names may begin with
        ``module.``.

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    UserError
        If there is no such file, it is of another kind, or holds other things than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"there is no file of weights at {path}. Give a .pth, .pt or .safetensors file, or "
            "'pretrained' for those of torchvision or timm."
        )
    if path.suffix == ".safetensors":
        state: Any = _read_safetensors(path)
    elif path.suffix in (".pth", ".pt"):
        state = read_torch(path)
    else:
        raise UserError(
            f"weights come as .pth, .pt or .safetensors; got {path.name}. Save them with "
            "torch.save(model.state_dict(), 'weights.pth')."
        )
    for key in CONTAINERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping) or not state:
        raise UserError(
            f"{path.name} holds no weights: it is {_describe(state)}, and a mapping of names to "
            "tensors is needed. Save it with torch.save(model.state_dict(), 'weights.pth')."
        )
    others = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(
            f"{path.name} must map names to tensors; {_listed(map(str, others))} "
            f"{'is' if len(others) == 1 else 'are'} none. If the weights lie deeper, save that "
            "part alone: torch.save(checkpoint['...'], 'weights.pth')."
        )
    tensors = {str(name): value for name, value in state.items()}
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def fit_weights(model: nn.Module, state: Mapping[str, Tensor], *, source: str = "weights") -> None:
    """Copy weights into a model, all of them or with an error that lists what does not fit.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    state : mapping of str to Tensor
        The weights.
    source : str
        Where they come from, for the error message.

    Raises
    ------
    UserError
        If weights are missing, unexpected, or of another shape.
    """
    # A model that is published under other names knows them itself.
    translate = getattr(model, "translate_weights", None)
    if translate is not None:
        state = translate(state)
    own = model.state_dict()
    misshapen = [
        f"{name} ({_shape(value)} in the file, {_shape(own[name])} in the model)"
        for name, value in state.items()
        if name in own and own[name].shape != value.shape
    ]
    fitting = {
        name: value
        for name, value in state.items()
        if name not in own or own[name].shape == value.shape
    }
    # Not strict, so that all three kinds of misfit come in one message; and through the module's
    # own method, which knows how to rename what older versions of a layer saved.
    result = model.load_state_dict(fitting, strict=False)
    missing = [
        name
        for name in result.missing_keys
        # Counters of batches are not used in evaluation, and older files lack them.
        if name not in state and not name.endswith("num_batches_tracked")
    ]
    problems = [
        f"{title}: {_listed(names)}"
        for title, names in (
            ("missing", missing),
            ("unexpected", result.unexpected_keys),
            ("of another shape", misshapen),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"{source} does not fit {type(model).__name__} ({len(own)} tensors in the model, "
            f"{len(state)} in the file); {'; '.join(problems)}. Choose the model that these "
            "weights were saved from."
        )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(
            f"{path.name} is no readable safetensors file: {error}. It may be damaged: copy or "
            "download it again."
        ) from error


def _describe(state: Any) -> str:
    return "empty" if isinstance(state, Mapping) else f"a {type(state).__name__}"


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "one number"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - N_SHOWN
    return ", ".join(names[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def weights_hash(model: nn.Module) -> str:
    """Fingerprint of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, Tensor):
            raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(raw.numpy().data)
    return digest.hexdigest()[:16]
