"""Batches: what a data source gives, and the order in which an epoch asks for it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

__all__ = ["Batch", "Source", "Subset", "epoch_loader", "fixed_loader", "seed_of"]

Request = tuple[list[int], tuple[int, ...] | None]


class Batch(NamedTuple):
    """Pictures, the classes they show, and which could not be read.

    Parameters
    ----------
    images : Tensor, shape (n, 3, height, width)
        In [0, 1].
    labels : Tensor, shape (n,)
        Indices of classes.
    unreadable : tuple of str
        One message per picture that was asked for and is left out.
    """

    images: Tensor
    labels: Tensor
    unreadable: tuple[str, ...] = ()


@runtime_checkable
class Source(Protocol):
    """Where pictures come from."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers."""
        ...

    def __len__(self) -> int: ...

    def fetch(self, indices: Sequence[int], key: tuple[int, ...] | None = None) -> Batch:
        """Give some pictures; what is random about them depends on ``key`` alone."""
        ...


class Subset(NamedTuple):
    """Some pictures of a source.

    Parameters
    ----------
    source : Source
        Where they come from.
    indices : Tensor
        Which ones.
    """

    source: Source
    indices: Tensor

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.source.classes

    def __len__(self) -> int:
        return len(self.indices)

    def fetch(self, indices: Sequence[int], key: tuple[int, ...] | None = None) -> Batch:
        """Give some pictures."""
        return self.source.fetch(self.indices[list(indices)].tolist(), key)


class _Requests(Dataset[Batch]):
    """A dataset whose items are whole batches."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, request: Any) -> Batch:
        indices, key = request
        return self.source.fetch(indices, key)


def epoch_loader(
    source: Source,
    *,
    batch_size: int,
    epoch: int,
    seed: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
) -> DataLoader[Batch]:
    """Serve the batches of one epoch, from any one of them on.

    The order, and all that is random about the pictures, depends on seed, epoch and number of the
    batch alone: a run that stopped can go on as if it had not.

    Parameters
    ----------
    source : Source
        The pictures.
    batch_size : int
        Pictures per batch, over all processes; a last batch that is not full is left out.
    epoch, seed : int
        Which order.
    start : int
        Number of the first batch.
    rank, world : int
        Which process this is, of how many: each gets every ``world``-th picture of a batch.
    workers : int
        Processes that read pictures.

    Returns
    -------
    DataLoader of Batch
    """
    generator = torch.Generator().manual_seed(seed_of(seed, epoch))
    order = torch.randperm(len(source), generator=generator)
    requests: list[Request] = [
        (order[at : at + batch_size][rank::world].tolist(), (seed, epoch, at, rank))
        for at in range(start * batch_size, len(source) - batch_size + 1, batch_size)
    ]
    return _loader(source, requests, workers)


def fixed_loader(
    source: Source, *, batch_size: int, rank: int = 0, world: int = 1, workers: int = 0
) -> DataLoader[Batch]:
    """Serve every picture once, in order.

    Parameters
    ----------
    source : Source
        The pictures.
    batch_size, rank, world, workers : int
        As in `epoch_loader`; the last batch may be short.

    Returns
    -------
    DataLoader of Batch
    """
    own = range(rank, len(source), world)
    requests: list[Request] = [
        (list(own[at : at + batch_size]), None) for at in range(0, len(own), batch_size)
    ]
    return _loader(source, requests, workers)


def seed_of(*key: int) -> int:
    """Mix numbers into one seed.

    Parameters
    ----------
    *key : int
        Not below zero.

    Returns
    -------
    int
    """
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _loader(source: Source, requests: list[Request], workers: int) -> DataLoader[Batch]:
    return DataLoader(
        _Requests(source),
        batch_size=None,
        sampler=requests,
        num_workers=workers,
        # Its base seed would else be drawn from the global stream, which the network may use.
        generator=torch.Generator().manual_seed(0),
    )
