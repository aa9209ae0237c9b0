"""The room on a disk: looked at before the long part, and what is done where it ends."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from insilico.errors import UserError
from insilico.folders import existing

__all__ = ["check_room", "room", "saved", "writable"]

# For the tables, the report and the figures of a run: those of the built-in VOneBlock take 10 MiB.
SPARE_BYTES = 16 * 2**20


def room(folder: Path | str) -> int:
    """How many bytes there is room for where a folder is to be.

    Parameters
    ----------
    folder : path
        Need not exist yet.

    Returns
    -------
    int
    """
    return shutil.disk_usage(existing(Path(folder).absolute())).free


def check_room(needed: int, available: int) -> None:
    """Refuse results for which there is no room on the disk.

    Parameters
    ----------
    needed : int
        Bytes that are written in any case.
    available : int
        Bytes that are free.

    Raises
    ------
    UserError
        If there is too little.
    """
    if needed + SPARE_BYTES > available:
        raise UserError(
            f"the results will take at least {(needed + SPARE_BYTES) / 2**20:.0f} MiB, and "
            f"{available / 2**20:.0f} MiB are free on the disk. Make room, give another folder "
            "with --out, or record fewer sites or layers."
        )


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Say in a sentence that the disk of a folder is full or gone.

    Parameters
    ----------
    folder : Path
        That is written to.

    Yields
    ------
    None

    Raises
    ------
    UserError
        In place of what the system says.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}). What was recorded before is "
            "kept: make room on the disk, and the same command goes on."
        ) from error


def saved(save: Callable[[Path], object], folder: Path) -> tuple[Path, str]:
    """Save results; where that fails, save them elsewhere rather than lose them.

    Parameters
    ----------
    save : callable
        Writes the results to a new folder.
    folder : path
        Where they are to go.

    Returns
    -------
    place : Path
        Where they are.
    trouble : str
        Why they are elsewhere; empty where they are not.

    Raises
    ------
    UserError
        If they can be saved nowhere.
    """
    try:
        save(folder)
    # HDF5 says so in several ways when a disk is full or gone.
    except (OSError, RuntimeError, UserError) as error:
        trouble = " ".join(str(error).split())
    else:
        return folder, ""
    for around in (folder.absolute().parent, Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        with suppress(OSError, RuntimeError, UserError), _new(folder.name, around) as rescue:
            save(rescue)
            return rescue, f"{folder} cannot be written ({trouble}); the results are in {rescue}"
    raise UserError(f"{folder} cannot be written ({trouble}), nor could any other folder.")


@contextmanager
def _new(name: str, around: Path) -> Iterator[Path]:
    """Make a folder to rescue results to, and take it back where that fails."""
    rescue = Path(tempfile.mkdtemp(prefix=f"{name[:64]}-rescued-", dir=around))
    try:
        yield rescue
    except BaseException:
        shutil.rmtree(rescue, ignore_errors=True)
        raise
