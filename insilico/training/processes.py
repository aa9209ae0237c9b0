"""The processes of a training run: one, or several that torchrun started."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.distributed as dist

from insilico.errors import UserError

__all__ = ["Processes", "find_device", "joined"]


class Processes(NamedTuple):
    """Which process this is, and where it computes.

    Parameters
    ----------
    rank, world : int
        Number of this process, and how many there are.
    device : torch.device
        Where its share of the pictures goes.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Add a tensor of the CPU up over all processes."""
        if self.world == 1:
            return values
        values = values.to(self.device, copy=True)
        dist.all_reduce(values)
        return values.cpu()

    def gather(self, value: Any) -> list[Any]:
        """Collect one object from each process."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def copy_from_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every process the values that the first one has."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.world > 1:
            dist.barrier()


def find_device(name: str, number: int | None = None) -> torch.device:
    """Find a device, and make sure that it can be used.

    Parameters
    ----------
    name : str
        Which one; ``auto`` is a CUDA device if there is one.
    number : int, optional
        Which of several CUDA devices; of no concern to others.

    Returns
    -------
    torch.device

    Raises
    ------
    UserError
        If torch cannot use it.
    """
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    try:
        numbered = kind == "cuda" and number is not None
        device = torch.device(f"{kind}:{number}" if numbered else kind)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"device {name!r} cannot be used ({reason}). Use 'cpu', 'auto', or 'cuda' where "
            "torch finds a GPU."
        ) from error
    return device


@contextmanager
def joined(device: str = "auto") -> Iterator[Processes]:
    """Join the processes that torchrun started, or be the only one.

    Parameters
    ----------
    device : str
        Where to compute, as in `find_device`.

    Yields
    ------
    Processes
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = find_device(device, local if world > 1 else None)
    if world == 1:
        yield Processes(0, 1, chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), chosen)
    finally:
        dist.destroy_process_group()
