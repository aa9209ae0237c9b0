"""How well a network classifies."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from insilico.errors import UserError
from insilico.recording.forward import per_channel
from insilico.training.batches import Source, fixed_loader
from insilico.training.config import DataConfig
from insilico.training.processes import Processes

__all__ = ["Score", "normalise", "score"]

BATCH_SIZE = 256


class Score(NamedTuple):
    """Accuracy on some pictures.

    Parameters
    ----------
    accuracy : float
        Share of pictures whose class is right.
    loss : float
        Mean cross-entropy, in nats.
    n : int
        How many pictures could be read.
    unreadable : tuple of str
        The others, and why.
    """

    accuracy: float
    loss: float
    n: int
    unreadable: tuple[str, ...] = ()


def normalise(images: Tensor, config: DataConfig) -> Tensor:
    """Apply the normalisation of a run to pictures.

    Parameters
    ----------
    images : Tensor, shape (n, channel, height, width)
        In [0, 1].
    config : DataConfig
        With ``mean`` and ``std``.

    Returns
    -------
    Tensor
    """
    mean, std = (
        images.new_tensor(per_channel(name, values, images.shape[1])).reshape(-1, 1, 1)
        for name, values in (("mean", config.mean), ("std", config.std))
    )
    return (images - mean) / std


@torch.no_grad()
def score(
    model: nn.Module, source: Source, config: DataConfig, *, processes: Processes | None = None
) -> Score:
    """Classify all pictures of a source.

    Parameters
    ----------
    model : nn.Module
        Takes normalised pictures; its mode of training or evaluation is left as it was.
    source : Source
        The pictures.
    config : DataConfig
        How they are normalised.
    processes : Processes, optional
        Each classifies its share.

    Returns
    -------
    Score

    Raises
    ------
    UserError
        If no picture can be read.
    """
    device = next(model.parameters()).device
    team = processes or Processes(0, 1, device)
    training = model.training
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    unreadable: list[str] = []
    for batch in fixed_loader(
        source,
        batch_size=BATCH_SIZE,
        rank=team.rank,
        world=team.world,
        workers=config.workers,
    ):
        unreadable += batch.unreadable
        if not len(batch.labels):
            continue
        logits = model(normalise(batch.images.to(device), config)).float().cpu()
        loss = cross_entropy(logits, batch.labels, reduction="sum")
        right = (logits.argmax(1) == batch.labels).sum()
        sums += torch.tensor([loss.item(), right.item(), len(logits)], dtype=torch.float64)
    model.train(training)
    loss_sum, right_sum, n = team.total(sums).tolist()
    messages = sorted(message for part in team.gather(unreadable) for message in part)
    if not n:
        raise UserError(f"none of {len(messages)} pictures can be read; the first is {messages[0]}")
    return Score(right_sum / n, loss_sum / n, int(n), tuple(messages))
