"""Checkpoints: everything that a run needs to go on, written so that a good one always survives."""

import io
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from insilico.errors import UserError
from insilico.models.torch_files import read_torch

__all__ = [
    "blamed_on",
    "random_states",
    "read_checkpoint",
    "restore_random_states",
    "write_atomically",
]


REMEDY = (
    "Bring the file back from a copy, go on from an earlier one (copy epoch_NNN.pt of the run to "
    "last.pt), or begin in a new folder."
)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it: it is always the old one or the new one.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it will hold.

    Raises
    ------
    UserError
        If the system cannot write it, a full disk for one. The old file stays as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    kept = "the one before is kept" if path.exists() else "there is none from before"
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        kept = "the new one is in its place, but may not outlast a power cut"
        _sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"{path} could not be written ({error.strerror}); {kept}. Make room, and start the "
            "same command again: it goes on from there."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: a new content is not enough."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_bytes(state: dict[str, Any]) -> bytes:
    """Pack a checkpoint in memory, so that writing it is one plain write that can fail cleanly."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, without running any code that is in it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        If it is no checkpoint of a training run, or damaged.
    """
    state = read_torch(path, what="checkpoint", remedy=REMEDY)
    if not isinstance(state, dict) or "model" not in state or "config" not in state:
        raise UserError(f"{path} is no checkpoint of `insilico train`: it holds no training run.")
    return state


@contextmanager
def blamed_on(path: Path, *, remedy: str = REMEDY) -> Iterator[None]:
    """Blame a file for whatever goes wrong with what it holds.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the user can do, as a sentence; by default about a checkpoint.

    Yields
    ------
    None

    Raises
    ------
    UserError
        In place of every other exception.
    """
    try:
        yield
    except UserError:
        raise
    # A file of others may hold anything, and break whatever it is passed to.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"{path} is damaged, or does not hold what it should ({reason:.300}). {remedy}"
        ) from error


def random_states() -> dict[str, Any]:
    """Collect the states of every random stream a network or its data may draw from.

    Returns
    -------
    dict
        Of plain containers and tensors.
    """
    name, keys, *position = np.random.get_state()  # noqa: NPY002  # a user's network may use it
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all(),
        "numpy": [str(name), torch.from_numpy(np.asarray(keys).astype(np.int64)), *position],
        "python": [version, list(words), gauss],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Set every random stream to where `random_states` found it.

    Parameters
    ----------
    states : dict
        What `random_states` returned.
    """
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    name, keys, *position = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *position))  # noqa: NPY002
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
