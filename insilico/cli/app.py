"""The command line. Each command's help is its docstring."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import insilico
from insilico.cli.compare import compare
from insilico.cli.evaluate import evaluate
from insilico.cli.export import export
from insilico.cli.factorial import factorial
from insilico.cli.layers import layers
from insilico.cli.predict import predict
from insilico.cli.protocols import protocols
from insilico.cli.reference import reference
from insilico.cli.report import report
from insilico.cli.rig import rig
from insilico.cli.run import run
from insilico.cli.search import search
from insilico.cli.stimuli import stimuli
from insilico.cli.stopping import exit_code, interruptible, last_words
from insilico.cli.sweep import sweep
from insilico.cli.textures import textures
from insilico.cli.track import track
from insilico.cli.train import train
from insilico.errors import UserError

__all__ = ["app", "main"]

OUR_PACKAGES = ("insilico", "stimuli")

# What the system says of a full disk, a quota and a limit on files, without naming any.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# Of a message, and of its end, which says what to do.
MOST_LETTERS = 1500
ENDING = 500

# Exit code, as other tools have it.
USER_ERROR = 2


app = App(
    name="insilico",
    help="A virtual V1 rig: show gratings to a vision model, record its units, compare them with "
    "macaque V1.",
    help_format="markdown",
    version=lambda: str(insilico.__version__),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


for _command in (
    run,
    rig,
    layers,
    protocols,
    stimuli,
    reference,
    report,
    export,
    compare,
    sweep,
    search,
    predict,
    train,
    track,
    evaluate,
    factorial,
    textures,
):
    app.command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    A `UserError` becomes one line on stderr and exit code 2, and so does a plain `ValueError`
    that a ``raise`` line of ours threw, which is how ``stimuli`` refuses what cannot be shown, and
    a file that the system refuses. Everything else is a defect and keeps its traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``insilico``; taken from ``sys.argv`` by default.

    Returns
    -------
    int
        Exit code: 0, 2 after a user's mistake, 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        with interruptible():
            app(arguments, exit_on_error=False, print_error=False)
    except (CycloptsError, UserError) as error:
        return _refuse(error)
    except ValueError as error:
        if not _is_refusal(error):
            raise
        return _refuse(error)
    except KeyboardInterrupt as error:
        command = next(iter(sys.argv[1:] if arguments is None else arguments), "")
        # On a line of its own, below that of a progress bar.
        print(f"\n{last_words(command)}", file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read our output, `head` for one, has had enough. Python would complain once
        # more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno in FULL:
            return _refuse(UserError(f"{error.strerror}: make room, and give the command again."))
        if error.filename is None:
            raise
        if isinstance(error, FileExistsError | NotADirectoryError):
            return _refuse(
                UserError(f"{error.filename} is no folder, or lies in a file. Give another folder.")
            )
        return _refuse(UserError(f"{error.filename}: {error.strerror}."))
    return 0


def _refuse(error: Exception) -> int:
    said = " ".join(str(error).split())
    # It may quote a file, of which a word may be as long as it likes.
    if len(said) > MOST_LETTERS:
        said = f"{said[: MOST_LETTERS - ENDING]} ... {said[-ENDING:]}"
    print(f"insilico: error: {said}", file=sys.stderr)
    return USER_ERROR


def _is_refusal(error: ValueError) -> bool:
    """Tell a ValueError that our own code raised on purpose from one that befell it."""
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    *_, where = traceback.extract_tb(error.__traceback__)
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in OUR_PACKAGES and (where.line or "").startswith("raise ")
