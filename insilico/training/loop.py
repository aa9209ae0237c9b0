"""The training loop. Killed at any moment and started again, it ends with the same weights."""

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from insilico.errors import UserError
from insilico.progress import progress_bar
from insilico.training.batches import Source, epoch_loader
from insilico.training.checkpoint import (
    blamed_on,
    random_states,
    read_checkpoint,
    restore_random_states,
)
from insilico.training.config import TrainingConfig
from insilico.training.evaluation import Score, normalise, score
from insilico.training.logs import tensorboard_writer
from insilico.training.networks import make_network
from insilico.training.optimisation import make_optimiser, make_schedule
from insilico.training.pictures.data import Parts, load_data
from insilico.training.processes import Processes, joined
from insilico.training.state import CHECKPOINT, WEIGHTS, State, resume, save, write_unreadable

__all__ = ["Trained", "train"]

logger = logging.getLogger(__name__)

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Trained:
    """What a training run gives.

    Parameters
    ----------
    model : nn.Module
        With the weights that were kept, in evaluation mode.
    epoch : int
        The epoch after which they were kept, counted from 1.
    test : Score
        On the test part, which had no part in choosing them.
    unreadable : tuple of str
        Pictures that could not be read, and why.
    """

    model: nn.Module
    epoch: int
    test: Score
    unreadable: tuple[str, ...]


def train(config: TrainingConfig, folder: Path | str, *, progress: bool = False) -> Trained:
    """Train a network, or go on with a run that was stopped.

    Parameters
    ----------
    config : TrainingConfig
        What to do.
    folder : path
        Where the run lies: last.pt, the checkpoint it goes on from; weights.pt, the weights that
        are kept; log.csv, a row per epoch; unreadable.txt, if there were such pictures.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Trained

    Raises
    ------
    UserError
        If the folder holds a run with other settings, the data cannot be found, or the disk is
        full: the last good checkpoint stays.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    before = random_states()
    try:
        with joined(config.device) as processes:
            return _train(config, folder, processes, progress)
    finally:
        restore_random_states(before)


def _train(config: TrainingConfig, folder: Path, processes: Processes, progress: bool) -> Trained:
    parts = load_data(config.data, seed=config.seed)
    steps = len(parts.train) // config.batch_size
    if steps == 0:
        raise UserError(
            f"batch_size must be at most the {len(parts.train)} training pictures; got "
            f"{config.batch_size}."
        )
    if config.batch_size % processes.world:
        raise UserError(
            f"batch_size is over all processes and must be a multiple of {processes.world}; got "
            f"{config.batch_size}."
        )
    torch.manual_seed(config.seed + processes.rank)
    state = _begin(config, parts, processes, steps)
    path = folder / CHECKPOINT
    if path.exists():
        saved = read_checkpoint(path)
        with blamed_on(path):
            resume(state, saved, config, processes, path)
    writer = None
    if config.tensorboard and processes.first:
        writer = tensorboard_writer(folder, after=state.epoch * steps + state.step)
    feed: nn.Module = state.model
    if processes.world > 1:
        feed = DistributedDataParallel(state.model)
    with progress_bar(
        show=progress and processes.first,
        initial=state.epoch * steps + state.step,
        total=config.epochs * steps,
        unit="step",
        smoothing=0,  # of the mean speed: looking at the pictures held out is part of it
    ) as bar:
        for epoch in range(state.epoch, config.epochs):
            started = time.perf_counter()
            bar.set_description(f"epoch {epoch + 1}/{config.epochs}")
            _epoch(state, feed, parts.train, config, processes, folder, bar)
            row = _close_epoch(state, parts, config, processes, epoch)
            row["seconds"] = round(time.perf_counter() - started, 2)
            state.history.append(row)
            state.epoch, state.step, state.sums = epoch + 1, 0, torch.zeros_like(state.sums)
            if writer is not None:
                for name, value in row.items():
                    writer.add_scalar(name, value, (epoch + 1) * steps)
                writer.flush()
            save(state, config, parts.train.classes, processes, folder)
    if writer is not None:
        writer.close()
    processes.wait()
    return _finish(state, parts, config, processes, folder)


def _begin(config: TrainingConfig, parts: Parts, processes: Processes, steps: int) -> State:
    model = make_network(
        config.model,
        num_classes=len(parts.train.classes),
        input_size=config.data.image_size,
        seed=config.seed,
    ).to(processes.device)
    if processes.device.type == "cuda":
        # Faster there. On CPUs torch 2.15 writes beyond its memory, for 4 channels at least.
        model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, config.optimiser, config.model.train_only)
    return State(
        model,
        optimiser,
        make_schedule(optimiser, config.schedule, epochs=config.epochs, steps_per_epoch=steps),
        torch.amp.GradScaler(
            processes.device.type,
            enabled=_precision(config, processes.device) == torch.float16,
        ),
    )


def _epoch(
    state: State,
    feed: nn.Module,
    source: Source,
    config: TrainingConfig,
    processes: Processes,
    folder: Path,
    bar: Any,
) -> None:
    """Train one epoch, or what is left of it."""
    loader = epoch_loader(
        source,
        batch_size=config.batch_size,
        epoch=state.epoch,
        seed=config.seed,
        start=state.step,
        rank=processes.rank,
        world=processes.world,
        workers=config.data.workers,
    )
    precision = _precision(config, processes.device)
    feed.train()
    last = state.step + len(loader)
    for batch in loader:
        _note_unreadable(state, batch.unreadable)
        if not len(batch.labels):
            raise UserError(
                f"none of {len(batch.unreadable)} pictures that were to be shown together can be "
                f"read; the first is {batch.unreadable[0]}. Look at the folder before going on."
            )
        images = normalise(batch.images.to(processes.device, non_blocking=True), config.data)
        labels = batch.labels.to(processes.device, non_blocking=True)
        with torch.autocast(processes.device.type, precision, enabled=precision != torch.float32):
            logits = feed(images)
            loss = cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        state.optimiser.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        state.scaler.step(state.optimiser)
        state.scaler.update()
        state.schedule.step()
        right = (logits.argmax(1) == labels).sum()
        n = len(labels)
        state.sums += torch.tensor([loss.item() * n, right.item(), n], dtype=torch.float64)
        state.step += 1
        bar.set_postfix(loss=f"{state.sums[0] / state.sums[2]:.3f}", refresh=False)
        bar.update()
        every = config.checkpoint_steps
        # A checkpoint at the end of the epoch is written there, once the epoch is closed.
        if every and state.step % every == 0 and state.step < last:
            _check_finite(state, processes)
            save(state, config, source.classes, processes, folder)


def _close_epoch(
    state: State, parts: Parts, config: TrainingConfig, processes: Processes, epoch: int
) -> dict[str, float]:
    """Sum an epoch up, and look at the pictures that were held out."""
    _check_finite(state, processes)
    loss, right, n = processes.total(state.sums).tolist()
    row = {
        "epoch": epoch + 1,
        "learning_rate": state.optimiser.param_groups[0]["lr"],
        "train_loss": loss / n,
        "train_accuracy": right / n,
        "validation_loss": math.nan,
        "validation_accuracy": math.nan,
    }
    if parts.validation is not None:
        # Each process has its own statistics of batch normalisation; those of the first are kept.
        processes.copy_from_first(state.model.buffers())
        held_out = score(state.model, parts.validation, config.data, processes=processes)
        row |= {"validation_loss": held_out.loss, "validation_accuracy": held_out.accuracy}
        if processes.first:
            _note_unreadable(state, held_out.unreadable)
    row["unreadable"] = len(_all_unreadable(state, processes))
    return row


def _check_finite(state: State, processes: Processes) -> None:
    """Raise before numbers that are none would replace a good checkpoint."""
    # The loss of a step is that of the weights before it, and batch normalisation hides infinite
    # statistics from it. Other buffers may be infinite on purpose, a mask of attention for one.
    statistics = (each for name, each in state.model.named_buffers() if "running_" in name)
    learned = chain(state.model.parameters(), statistics)
    wild = sum(not each.isfinite().all() for each in learned)
    numbers = torch.tensor([state.sums[0], wild], dtype=torch.float64)
    loss, wild_total = processes.total(numbers).tolist()
    if math.isfinite(loss) and not wild_total:
        return
    what = "weights became infinite" if math.isfinite(loss) else f"the loss became {loss}"
    raise UserError(
        f"{what} in epoch {state.epoch + 1}. Lower optimiser.learning_rate, or use "
        "precision = 'float32'; the checkpoint from before is kept."
    )


def _finish(
    state: State, parts: Parts, config: TrainingConfig, processes: Processes, folder: Path
) -> Trained:
    """Test the weights that were kept."""
    path = folder / WEIGHTS
    kept = read_checkpoint(path)
    with blamed_on(path):
        state.model.load_state_dict(kept["model"])
        epoch = int(kept["epoch"])
    test = score(state.model, parts.test, config.data, processes=processes)
    if processes.first:
        _note_unreadable(state, test.unreadable)
    unreadable = _all_unreadable(state, processes)
    if processes.first:
        write_unreadable(folder, unreadable)
    return Trained(state.model.eval(), epoch, test, unreadable)


def _note_unreadable(state: State, messages: Iterable[str]) -> None:
    for message in messages:
        if message not in state.unreadable:
            state.unreadable.append(message)
            logger.warning("left out, cannot be read: %s", message)


def _all_unreadable(state: State, processes: Processes) -> tuple[str, ...]:
    parts = processes.gather(state.unreadable)
    return tuple(sorted({message for part in parts for message in part}))


def _precision(config: TrainingConfig, device: torch.device) -> torch.dtype:
    if config.precision == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return PRECISIONS[config.precision]
