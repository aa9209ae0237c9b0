"""Progress: a bar on a terminal, and where there is none a line now and then."""

import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

__all__ = ["progress_bar"]

# Seconds between two lines, in the log of a job.
EVERY = 10.0

WIDTH = 80


class _Lines:
    """A stream that takes what a bar draws over itself, and writes some of it, line by line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.written = -EVERY
        self.waiting = ""

    def write(self, text: str) -> None:
        self.waiting = text.strip() or self.waiting
        now = time.monotonic()
        # A bar ends with a line break of its own.
        if self.waiting and (text == "\n" or now - self.written >= EVERY):
            self.stream.write(f"{self.waiting}\n")
            self.written, self.waiting = now, ""

    def flush(self) -> None:
        self.stream.flush()


def progress_bar(iterable: Iterable[Any] | None = None, *, show: bool, **options: Any) -> Any:
    """Make a progress bar on standard error.

    Parameters
    ----------
    iterable : iterable, optional
        What is gone through, if it is that.
    show : bool
        Whether anything is shown.
    **options
        Of `tqdm.tqdm`.

    Returns
    -------
    tqdm
        Where standard error is no terminal it writes a line every ten seconds, and the last.
    """
    if not sys.stderr.isatty():
        options |= {"file": _Lines(sys.stderr), "ncols": WIDTH, "dynamic_ncols": False}
    return tqdm(iterable, disable=not show, **options)
