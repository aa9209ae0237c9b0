"""Folders that results are written to and read from: looked at before the long part."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from insilico.errors import UserError

__all__ = [
    "LOCK",
    "alone",
    "beside",
    "check_free",
    "claimed",
    "existing",
    "inside",
    "is_locked",
    "made",
    "plain",
    "written",
]

# What the name of a folder grows by while it is written: see `Results.save`.
ADDED = len("..01234567.partial")

# Locked by the process that writes to a folder.
LOCK = ".lock"

# How the names of pages end, which lie in a folder with their figures.
PAGES = (".html", ".htm")


def check_free(folder: Path | str) -> None:
    """Refuse what cannot become a new folder, or already holds something. Nothing is made.

    Parameters
    ----------
    folder : path
        Where results are to go.

    Raises
    ------
    UserError
        If it holds files, is a link or a file, contains the current folder, has too long a name or
        that of a page, or lies where nothing can be written.
    """
    folder = Path(folder)
    _check_name(folder)
    remedy = "Give another folder"
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
        around = existing(folder.absolute().parent)
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


def made(folder: Path | str) -> Path:
    """Make a folder for a page and its figures, unless it is there.

    Parameters
    ----------
    folder : path
        Where they are to go.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If it is a file, or lies in one, or would be named like a page.
    """
    folder = Path(folder)
    _check_name(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{error.filename} is no folder, or lies in a file. Give another folder."
        ) from error
    return folder


def _check_name(folder: Path) -> None:
    """Refuse a folder that would be named like a page: it is the page that is meant."""
    if folder.suffix.lower() in PAGES and not folder.is_dir():
        raise UserError(
            f"{folder} is named like a page, and what is written is a folder, with a page in it "
            f"and its figures beside it. Give a folder, as {folder.with_suffix('')}."
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that writes to a folder.

    Parameters
    ----------
    folder : Path
        Must exist; gets a file ``.lock``, which the system unlocks whatever ends the process.

    Yields
    ------
    None

    Raises
    ------
    UserError
        If another process is.
    """
    with claimed(folder / LOCK) as ours:
        if not ours:
            raise UserError(
                f"another process is writing to {folder}. Wait until it is done, or give another "
                "folder with --out."
            )
        yield


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Lock a file, unless another process has; the system unlocks it whatever ends the process.

    Parameters
    ----------
    path : Path
        The file: made if there is none.

    Yields
    ------
    bool
        Whether it is ours.
    """
    with path.open("a+b") as file:
        # Who asks whether it is locked locks it for a moment.
        for wait in (0.0, 0.02, 0.1):
            time.sleep(wait)
            try:
                _lock(file.fileno())
            except OSError:
                continue
            yield True
            return
        yield False


def is_locked(path: Path) -> bool:
    """Tell whether a process has locked a file, as `claimed` does.

    Parameters
    ----------
    path : Path
        Need not exist.

    Returns
    -------
    bool
    """
    if not path.is_file():
        return False
    with claimed(path) as free:
        return not free


def _lock(descriptor: int) -> None:
    """Lock a file until it is closed; refused if another process has."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def beside(folder: Path) -> Path:
    """Find a name for a new folder beside one.

    Parameters
    ----------
    folder : Path
        ``results/vone``.

    Returns
    -------
    Path
        ``results/vone`` if there is nothing, or the first of ``results/vone-2``, ... that is free.
    """
    number, found = 1, folder
    while found.exists() or found.is_symlink():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


def written(path: Path, text: str) -> None:
    """Write a file so that it is whole, or not there, whenever the process ends.

    Parameters
    ----------
    path : Path
        The file; what it held is replaced.
    text : str
        What it is to hold.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


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


def plain(name: str) -> str:
    """Make a folder name out of the name of a model.

    Parameters
    ----------
    name : str
        As typed.

    Returns
    -------
    str

    Examples
    --------
    >>> plain("torchvision:resnet50"), plain("path/to/net.py:build")
    ('torchvision-resnet50', 'net-build')
    """
    head, colon, function = name.rpartition(":")
    if head.endswith(".py"):
        name = f"{Path(head).stem}{colon}{function}"
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")


def existing(folder: Path) -> Path:
    """Find the nearest thing on the way to a folder that is there.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Returns
    -------
    Path
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
