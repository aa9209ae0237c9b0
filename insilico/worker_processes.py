"""Processes that work for this one, each on one core, and end with it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread

__all__ = ["worker_processes"]


@contextmanager
def worker_processes(n: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes, and end them at once if they are not to finish.

    Parameters
    ----------
    n : int
        How many.

    Yields
    ------
    ProcessPoolExecutor
        What it is given to do is imported anew in each process.
    """
    others = active_children()
    # Fresh processes: a forked one may hang in the threads of torch.
    pool = ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        for worker in active_children():
            if worker not in others:
                worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    import torch

    torch.set_num_threads(1)
    # Ctrl-C reaches all processes of a terminal. The first one answers, and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # It cannot where it is killed: they would wait for work, with all their memory, for ever.
    Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    first = parent_process()
    if first is not None:
        first.join()
        os._exit(1)
