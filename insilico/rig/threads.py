"""How many threads a rig computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["threads"]


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Have torch compute with so many threads, and with as many as before afterwards.

    Parameters
    ----------
    number : int
        From 1 on.

    Yields
    ------
    None
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
