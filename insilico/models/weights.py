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

# Under one of these a training script keeps the weights, beside its optimiser, its epoch and
# averages of the weights; the first is taken, and it is said what lies beside it.
CONTAINERS = ("state_dict", "model_state_dict", "model")

# nn.DataParallel, torch.compile and averages of weights put these in front of every name.
PREFIXES = ("module.", "_orig_mod.")

# A training module (of Lightning, say) puts this in front, unless the model has it itself.
OUTER = "model."

# How many states an average of weights is of.
COUNTER = "n_averaged"

ENDINGS = (".pth", ".pt", ".pth.tar", ".ckpt", ".bin", ".safetensors")

# Which part of a file is meant: weights.pth#state_dict_ema
PART = "#"

N_SHOWN = 10


def load_weights(model: nn.Module, path: Path | str) -> str:
    """Read weights from a file into a model.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    path : Path or str
        As for `read_weights`.

    Returns
    -------
    str
        Name and fingerprint of the file, and which part of it was taken where there are several.

    Raises
    ------
    UserError
        If the file cannot be read without running code, or does not fit the model.
    """
    path, part = _parted(path)
    if isinstance(model, CallableModel):
        raise UserError(
            f"a plain function has no weights to load {path.name} into; let the function that "
            "makes it read them."
        )
    state, taken = _read(path, part)
    fit_weights(model, state, source=path.name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{path.name} ({taken}sha256 {digest[:12]})"


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a file of weights, without running any code that is in it.

    Parameters
    ----------
    path : Path or str
        A ``.safetensors`` file, or a ``.pth``, ``.pt``, ``.pth.tar``, ``.ckpt`` or ``.bin`` file
        that holds only tensors, plain containers and the options of a training script
        (`argparse.Namespace`). The weights may lie under ``state_dict``, ``model_state_dict`` or
        ``model``, or alone under any name; ``weights.pth#state_dict_ema`` says which is meant.
        Their names may begin with ``module.`` and ``_orig_mod.``.

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    UserError
        If there is no such file, it is of another kind, or holds other things than tensors.
    """
    return _read(*_parted(path))[0]


def _parted(path: Path | str) -> tuple[Path, str | None]:
    """Divide FILE#PART, unless that is the name of a file."""
    path = Path(path)
    name, mark, part = path.name.rpartition(PART)
    if path.exists() or not mark or not name:
        return path, None
    return path.with_name(name), part


def _read(path: Path, part: str | None) -> tuple[dict[str, Tensor], str]:
    """Read the weights, and say which they are, if there are several in the file."""
    if not path.is_file():
        raise UserError(
            f"there is no file of weights at {path}. Give a {_endings()} file, or 'pretrained' for "
            "those of torchvision or timm."
        )
    if path.suffix == ".safetensors":
        state: Any = _read_safetensors(path)
    elif path.name.endswith(ENDINGS):
        state = read_torch(path)
    else:
        raise UserError(
            f"weights come as {_endings()}; got {path.name}. Save them with "
            "torch.save(model.state_dict(), 'weights.pth')."
        )
    state, taken = _chosen(state, part, path)
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
    counted = {name: value for name, value in tensors.items() if name != COUNTER}
    if all(name.startswith(PREFIXES) for name in counted):
        tensors = counted
    while tensors and (
        prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in tensors)), None)
    ):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors, taken


def _chosen(state: Any, part: str | None, path: Path) -> tuple[Any, str]:
    """Choose among the weights of a file, and say which of several was chosen."""
    if not isinstance(state, Mapping):
        return state, ""
    held = [str(name) for name, value in state.items() if _is_state(value)]
    if part is not None:
        if part not in held:
            raise UserError(
                f"{path.name} holds no weights under {part!r}; it holds them under "
                f"{_listed(held) or 'no name: leave it out'}."
            )
        name = part
    elif known := [
        name for name in CONTAINERS if name in held or isinstance(state.get(name), Mapping)
    ]:
        name = known[0]
    elif len(held) == 1 and not _is_state(state):
        name = held[0]
    elif held:
        raise UserError(
            f"{path.name} holds several sets of weights: {_listed(held)}. Say which is meant, as "
            f"in {path.name}{PART}{held[0]}."
        )
    else:
        return state, ""
    beside = [each for each in held if each != name]
    if beside:
        return state[name], f"{name}, beside {_listed(beside)}; "
    return state[name], "" if name in CONTAINERS else f"{name}; "


def _is_state(value: Any) -> bool:
    """Whether it maps names to tensors."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(each, Tensor) for each in value.values())
    )


def _endings() -> str:
    return f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"


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
    if all(name.startswith(OUTER) for name in state) and not any(name in own for name in state):
        state = {name.removeprefix(OUTER): value for name, value in state.items()}
    _check_numbers(state, own, source)
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


def _check_numbers(state: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights that would become other numbers than were meant."""
    kinds: dict[str, list[str]] = {}
    for name, value in state.items():
        if name in own and (kind := _unfit(value, own[name])) is not None:
            kinds.setdefault(kind, []).append(name)
    if kinds:
        found = "; ".join(f"{kind}: {_listed(names)}" for kind, names in kinds.items())
        raise UserError(
            f"{source} holds weights that would not be the model's numbers: {found}. Save them as "
            "the model computes with them (dequantised, dense, real, on a real device): "
            "torch.save(model.float().state_dict(), 'weights.pth')."
        )


def _unfit(value: Tensor, own: Tensor) -> str | None:
    """Say why a tensor cannot be copied into a model's as it is."""
    if value.is_meta:
        return "meta (a shape without values)"
    if value.is_quantized:
        return "quantised"
    if value.layout != torch.strided:
        return "sparse"
    if own.is_floating_point() and (not value.is_floating_point() or value.itemsize == 1):
        return str(value.dtype).removeprefix("torch.")
    if value.is_complex() and not own.is_complex():
        return "complex"
    return None


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
