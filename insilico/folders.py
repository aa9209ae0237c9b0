"""Folders that results are written to and read from: looked at before the long part."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from insilico.errors import UserError

__all__ = ["check_free", "check_room", "inside", "room", "saved"]

# What the name of a folder grows by while it is written: see `Results.save`.
ADDED = len("..01234567.partial")

# Beside the results of a run, its report and figures; and what a full disk is left with.
SPARE_BYTES = 32 * 2**20


def check_free(folder: Path | str) -> None:
    """Refuse what cannot become a new folder, or already holds something. Nothing is made.

    Parameters
    ----------
    folder : path
        Where results are to go.

    Raises
    ------
    UserError
        If it holds files, is a link or a file, contains the current folder, has too long a name, or
        lies where nothing can be written.
    """
    folder = Path(folder)
    remedy = "Give another folder with --out"
    if folder.is_symlink():
        raise UserError(f"{folder} is a link, which is not replaced. {remedy}.")
    try:
        if Path.cwd().is_relative_to(folder.resolve()):
            raise UserError(f"{folder} contains the current folder, so it is no new one. {remedy}.")
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(
                f"{folder} already holds files, and nothing is overwritten. {remedy}, or move this "
                "one away."
            )
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} already is a file, and not a folder. {remedy}.")
        around = _existing(folder.absolute().parent)
        if not around.is_dir():
            raise UserError(f"{folder} cannot be made: {around} is a file. {remedy}.")
        longest = os.pathconf(around, "PC_NAME_MAX") - ADDED if hasattr(os, "pathconf") else 200
        if len(os.fsencode(folder.name)) > longest:
            raise UserError(
                f"the name of a folder may have {longest} characters; that of {folder} has "
                f"{len(folder.name)}. {remedy}."
            )
        # Asking for permission is not enough: file systems may be read-only, or not be real.
        Path(tempfile.mkdtemp(prefix=".insilico.", dir=around)).rmdir()
    except UserError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{folder} cannot be written ({reason}). {remedy}.") from error


def inside(folder: Path, name: str) -> Path:
    """Find a file that a manifest or a table names, and refuse one outside of its folder.

    Parameters
    ----------
    folder : Path
        That of the manifest or table.
    name : str
        As written there, relative to the folder. The file need not exist.

    Returns
    -------
    Path
        ``folder / name``.

    Raises
    ------
    UserError
        If the name is absolute, climbs out of the folder, or is a link that leads out of it.
    """
    path = folder / name
    try:
        path.exists()  # raises where no file can have that name
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a name too long, a null byte, links in a circle
        within = False
    # A name of Windows is refused everywhere: what is harmless here may not be there.
    if not name or "\\" in name or Path(name).is_absolute() or not within:
        raise UserError(
            f"{folder} names a file outside of itself: {name!r}. Only files in that folder are "
            "read; put the file there, and not a link to it."
        )
    return path


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
    return shutil.disk_usage(_existing(Path(folder).absolute())).free


def check_room(needed: int, available: int) -> None:
    """Refuse results for which there is no room on the disk.

    Parameters
    ----------
    needed, available : int
        Bytes.

    Raises
    ------
    UserError
        If there is too little.
    """
    if needed + SPARE_BYTES > available:
        raise UserError(
            f"the results will take about {(needed + SPARE_BYTES) / 2**20:.0f} MiB, and "
            f"{available / 2**20:.0f} MiB are free on the disk. Make room, give another folder "
            "with --out, or record fewer sites or layers."
        )


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
        with suppress(OSError, RuntimeError, UserError):
            rescue = Path(tempfile.mkdtemp(prefix=f"{folder.name[:64]}-rescued-", dir=around))
            save(rescue)
            return rescue, f"{folder} could not be written ({trouble}); the results are in {rescue}"
    raise UserError(f"{folder} could not be written ({trouble}), nor could any other folder.")


def _existing(folder: Path) -> Path:
    """Find the nearest thing on the way to a folder that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
