"""Stopping a command: Ctrl-C, and the SIGTERM of schedulers and containers."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "exit_code", "interruptible", "last_words"]

# What shells say of a process that a signal ended: 128 and its number.
SIGNALLED = 128

# What is left of a command that was stopped.
LEFT = {
    "run": "the same command goes on where it stopped",
    "sweep": "the same command goes on where it stopped",
    "track": "the same command goes on where it stopped",
    "train": "the same command goes on from the last checkpoint",
    "search": "the same command goes on where it stopped",
    "factorial": "the same command goes on with the networks that are not done",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Whatever tidies up after Ctrl-C does so after this too."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end what runs as Ctrl-C does, and a second signal end it at once.

    Yields
    ------
    None
        With the handlers of Python outside of the main thread, which receives no signals; and with
        those of others, who may have set them to be ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = {
        signal.SIGINT: (signal.default_int_handler, KeyboardInterrupt),
        signal.SIGTERM: (signal.SIG_DFL, Terminated),
    }
    taken = {
        number: usual for number, (usual, _) in ours.items() if signal.getsignal(number) == usual
    }

    def stop(number: int, _: FrameType | None) -> None:
        for each in taken:
            # Tidying up takes a moment; who does not want to wait asks again.
            signal.signal(each, signal.SIG_DFL)
        raise ours[signal.Signals(number)][1]

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, usual in taken.items():
            signal.signal(number, usual)


def exit_code(error: KeyboardInterrupt) -> int:
    """Tell the exit code of a command that was stopped.

    Parameters
    ----------
    error : KeyboardInterrupt
        What stopped it.

    Returns
    -------
    int
        130 after Ctrl-C, 143 after SIGTERM.
    """
    number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
    return SIGNALLED + number


def last_words(command: str) -> str:
    """Say that a command was stopped, and what is left of it.

    Parameters
    ----------
    command : str
        Its name.

    Returns
    -------
    str
        One line.
    """
    left = LEFT.get(command)
    return f"insilico: stopped{f': {left}' if left else ''}."
