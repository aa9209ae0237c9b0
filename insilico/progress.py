"""Progress: a bar on a terminal, and where there is none a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, TextIO

from tqdm import tqdm

__all__ = ["progress_bar"]

# Seconds between two lines in the log of a job, and between two looks at a bar on a terminal.
EVERY_LINE = 10.0
EVERY_LOOK = 1.0

WIDTH = 80


@contextmanager
def progress_bar(*, show: bool, **options: Any) -> Iterator[Any]:
    """Show on standard error how far something is, and when it will be done.

    Parameters
    ----------
    show : bool
        Whether anything is shown.
    **options
        Of `tqdm.tqdm`.

    Yields
    ------
    tqdm
        Where standard error is no terminal it writes a line every ten seconds, and the last; also
        while nothing is done yet, so that its clock is seen to go on.
    """
    if not show:
        with tqdm(disable=True, **options) as bar:
            yield bar
    elif sys.stderr.isatty():
        with (
            tqdm(dynamic_ncols=True, **options) as bar,
            _every(EVERY_LOOK, bar.refresh),
        ):
            yield bar
    else:
        with (
            tqdm(file=_Nowhere(), ncols=WIDTH, **options) as bar,
            _lines(bar, sys.stderr) as line,
            _every(EVERY_LINE, line),
        ):
            yield bar


@contextmanager
def _lines(bar: Any, stream: TextIO) -> Iterator[Callable[[], None]]:
    """Give what writes a bar as a line, and write the last one, unless something fails."""

    def line() -> None:
        stream.write(f"{str(bar).strip()}\n")
        stream.flush()

    yield line
    line()


@contextmanager
def _every(seconds: float, call: Callable[[], Any]) -> Iterator[None]:
    """Call something again and again, beside what is done meanwhile."""
    done = Event()

    def again() -> None:
        while not done.wait(seconds):
            call()

    beside = Thread(target=again, daemon=True)
    beside.start()
    try:
        yield
    finally:
        done.set()
        beside.join()


class _Nowhere:
    """A stream for what a bar draws over itself."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass
