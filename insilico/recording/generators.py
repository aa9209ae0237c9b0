"""Random numbers that a model draws unasked: seeded, and put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["seed_generators", "seeded"]


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed every generator that a model may draw from unasked; restore them afterwards.

    Parameters
    ----------
    seed : int
        The seed.
    device : torch device
        Where the model runs.

    Yields
    ------
    None
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seed_generators(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def seed_generators(seed: int) -> None:
    """Seed the generators of torch, NumPy and Python that models draw from unasked.

    Parameters
    ----------
    seed : int
        Any number; NumPy takes it modulo 2**32.
    """
    if torch.cuda.is_available() or torch.xpu.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(seed)
    else:
        # The other notes down, for each kind of accelerator, from where it was called.
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
