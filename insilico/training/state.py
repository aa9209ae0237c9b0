"""The state of a training run: what changes while it runs, and how it is kept on disk."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from insilico.errors import UserError
from insilico.models.weights import fit_weights
from insilico.training.checkpoint import (
    random_states,
    restore_random_states,
    to_bytes,
    write_atomically,
)
from insilico.training.config import TrainingConfig
from insilico.training.logs import write_rows
from insilico.training.processes import Processes

__all__ = ["CHECKPOINT", "WEIGHTS", "State", "resume", "save", "write_unreadable"]

logger = logging.getLogger(__name__)

# What a run writes into its folder.
CHECKPOINT = "last.pt"
WEIGHTS = "weights.pt"
LOG = "log.csv"
UNREADABLE = "unreadable.txt"

# What a run may be resumed with otherwise than it was begun: nothing of it changes the weights.
# The precision is compared on its own, since what "auto" stands for depends on the device.
FREE = (
    "checkpoint_steps", "keep_every", "tensorboard", "device", "data.workers", "data.path",
    "precision",
)  # fmt: skip


@dataclass
class State:
    """Everything that changes during a run, and all that its checkpoint holds.

    Parameters
    ----------
    model, optimiser, schedule, scaler
        What is trained, and how.
    epoch, step : int
        Epochs that are done, and steps of the one that is not.
    sums : Tensor, shape (3,)
        Of the epoch so far: loss, right answers, pictures.
    best, best_epoch
        Accuracy on the held-out pictures when weights were kept last, and when that was.
    history : list of dict
        A row per epoch.
    unreadable : list of str
        Pictures that could not be read, and why.
    """

    model: nn.Module
    optimiser: SGD
    schedule: LambdaLR
    scaler: torch.amp.GradScaler
    epoch: int = 0
    step: int = 0
    sums: torch.Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    best: float = -math.inf
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def save(
    state: State,
    config: TrainingConfig,
    classes: tuple[str, ...],
    processes: Processes,
    folder: Path,
) -> None:
    """Write the checkpoint, and the weights if they are to be kept.

    Parameters
    ----------
    state : State
        Where the run is; notes whether its weights are kept.
    config : TrainingConfig
        What the run was told.
    classes : tuple of str
        What it learns to tell apart.
    processes : Processes
        All take part; the first one writes.
    folder : Path
        That of the run.
    """
    randoms = processes.gather(random_states())
    sums = processes.gather(state.sums)
    unreadable = processes.gather(state.unreadable)
    accuracy = state.history[-1]["validation_accuracy"] if state.history else math.nan
    closed = state.step == 0
    chosen = closed and (
        state.epoch == config.epochs if config.select == "last" else accuracy > state.best
    )
    if chosen:
        state.best, state.best_epoch = accuracy, state.epoch
    if not processes.first:
        return
    about = {"config": asdict(config), "classes": list(classes), "epoch": state.epoch}
    if chosen:
        write_atomically(folder / WEIGHTS, to_bytes({"model": state.model.state_dict(), **about}))
    packed = to_bytes(
        {
            **about,
            "model": state.model.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "schedule": {"last_epoch": state.schedule.last_epoch},
            "scaler": state.scaler.state_dict(),
            "step": state.step,
            "sums": sums,
            "best": [state.best, state.best_epoch],
            "history": state.history,
            "unreadable": unreadable,
            "random": randoms,
        }
    )
    if closed:
        write_rows(folder / LOG, state.history)
        if config.keep_every and state.epoch % config.keep_every == 0:
            write_atomically(folder / f"epoch_{state.epoch:03d}.pt", packed)
    write_unreadable(folder, sorted({message for part in unreadable for message in part}))
    # Written last: a run that was stopped before it does all of this again.
    write_atomically(folder / CHECKPOINT, packed)


def write_unreadable(folder: Path, messages: Sequence[str]) -> None:
    """Name the pictures that could not be read, if there are any.

    Parameters
    ----------
    folder : Path
        That of the run.
    messages : sequence of str
        One for each.
    """
    if messages:
        write_atomically(folder / UNREADABLE, "".join(f"{each}\n" for each in messages).encode())


def resume(
    state: State,
    saved: Mapping[str, Any],
    config: TrainingConfig,
    processes: Processes,
    path: Path,
) -> None:
    """Put everything back where the checkpoint found it.

    Parameters
    ----------
    state : State
        Of the run that goes on; changed.
    saved : mapping
        The checkpoint.
    config : TrainingConfig
        What the run is told now.
    processes : Processes
        As many as there were.
    path : Path
        That of the checkpoint.

    Raises
    ------
    UserError
        If the run had other settings, another precision or number of processes, or another
        network.
    """
    differing = sorted(set(_settings(asdict(config)) ^ _settings(saved["config"])))
    if differing:
        names = dict.fromkeys(name for name, _ in differing)
        raise UserError(
            f"{path.parent} holds a run with other settings; they differ in {', '.join(names)}. "
            "Give another folder with --out, or the settings of that run."
        )
    before = _precision(saved["config"], bool(saved["scaler"]))
    now = _precision(asdict(config), state.scaler.is_enabled())
    if before != now:
        raise UserError(
            f"the run in {path.parent} has computed in {before} so far, and goes on with that; got "
            f"{now}. Set precision = '{before}'."
        )
    if len(saved["random"]) != processes.world:
        raise UserError(
            f"the run in {path.parent} was made with {len(saved['random'])} processes, and goes "
            f"on with as many; got {processes.world}."
        )
    fit_weights(state.model, saved["model"], source=str(path))
    state.optimiser.load_state_dict(saved["optimiser"])
    state.schedule.last_epoch = saved["schedule"]["last_epoch"]
    state.scaler.load_state_dict(saved["scaler"])
    state.epoch, state.step = saved["epoch"], saved["step"]
    state.sums = saved["sums"][processes.rank]
    state.best, state.best_epoch = saved["best"]
    state.history = list(saved["history"])
    state.unreadable = list(saved["unreadable"][processes.rank])
    restore_random_states(saved["random"][processes.rank])
    logger.info("%s: going on after epoch %d, step %d", path.parent, state.epoch, state.step)


def _precision(config: Mapping[str, Any], scaled: bool) -> str:
    """Say what "auto" stands for: half precision, with a scaled loss, or single."""
    chosen: str = config["precision"]
    if chosen == "auto":
        return "float16" if scaled else "float32"
    return chosen


def _settings(config: Mapping[str, Any], prefix: str = "") -> set[tuple[str, str]]:
    """Flatten settings, less those that may change between a stop and a start."""
    flat: set[tuple[str, str]] = set()
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= _settings(value, f"{prefix}{name}.")
        elif prefix + name not in FREE:
            plain = list(value) if isinstance(value, tuple) else value
            flat.add((prefix + name, repr(plain)))
    return flat
