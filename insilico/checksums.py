"""Checksums of the files in a folder, so that damage is noticed before anything is read."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.folders import LOCK, inside, written

__all__ = [
    "MANIFEST",
    "check_archive",
    "check_files",
    "sealed",
    "sha256",
    "unsealed",
    "write_manifest",
]

# Beside the files of which it holds the checksums.
MANIFEST = "manifest.json"

# How a zip archive begins.
ARCHIVE = b"PK\x03\x04"

SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256(path: Path) -> str:
    """Checksum of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, **known: object) -> None:
    """Write down the checksum of every file in a folder and below.

    Parameters
    ----------
    folder : Path
        To which ``manifest.json`` is added. Files that come later are not in it.
    **known : object
        What else it is to hold, as JSON has it.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    sums = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    written(folder / MANIFEST, json.dumps({**known, "sha256": sums}, indent=2) + "\n")


def check_files(folder: Path, required: Iterable[str], *, remedy: str) -> tuple[str, ...]:
    """Compare the files of a folder with their checksums, before any of them is read.

    This finds damage, not malice: who can change a file can change its checksum too.

    Parameters
    ----------
    folder : Path
        Where `write_manifest` was called.
    required : iterable of str
        Files without which the folder is of no use.
    remedy : str
        What the user can do about damage, as a sentence.

    Returns
    -------
    tuple of str
        The files that were checked, by their names within the folder.

    Raises
    ------
    UserError
        If a file is missing, is not as it was written, or lies outside of the folder.
    """
    sums = _read(folder, remedy)
    absent = [name for name in required if name not in sums]
    if absent:
        raise UserError(
            f"{folder / MANIFEST} is damaged: it does not list {', '.join(absent)}. {remedy}"
        )
    for name, wanted in sums.items():
        path = inside(folder, name)
        if not path.is_file():
            raise UserError(f"{path} is missing. {remedy}")
        if sha256(path) != wanted:
            raise UserError(
                f"{path} is damaged: it is not as it was written (its checksum in {MANIFEST} is "
                f"another). {remedy}"
            )
    return tuple(sums)


def check_archive(path: Path, *, remedy: str) -> None:
    """Compare the parts of a zip archive with the checksums in it; other files have none.

    Parameters
    ----------
    path : Path
        A file of torch.save or numpy.savez, which do not look at them themselves.
    remedy : str
        What the user can do about damage, as a sentence.

    Raises
    ------
    UserError
        If a part is not as it was written.
    """
    with path.open("rb") as file:
        if file.read(len(ARCHIVE)) != ARCHIVE:
            return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    # A broken archive breaks the reader wherever it likes.
    except Exception as error:
        raise UserError(
            f"{path} is damaged ({error}): it is a part of a file, or was changed. {remedy}"
        ) from error
    if broken is not None:
        raise UserError(f"{path} is damaged: the checksum of {broken} in it is another. {remedy}")


def sealed(record: Mapping[str, Any]) -> str:
    """Write a record as JSON that holds its own checksum.

    Parameters
    ----------
    record : mapping
        Fit for JSON.

    Returns
    -------
    str
        With one key more, ``sha256``.

    Examples
    --------
    >>> print(sealed({"n": 3}))
    {
      "n": 3,
      "sha256": "389d42d9a5766a33e43c9a95fe1e7555f2896ab790b0ec7e2c9dd552b9d4a44a"
    }
    """
    return json.dumps({**record, "sha256": _seal(record)}, indent=2)


def unsealed(path: Path) -> dict[str, Any]:
    """Read a record that `sealed` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        As it was.

    Raises
    ------
    ValueError
        If it is not as it was written.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    seal = record.pop("sha256", None)
    if seal != _seal(record):
        raise ValueError("its checksum is another")
    return record


def _seal(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _read(folder: Path, remedy: str) -> dict[str, str]:
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"{path} is missing, and without its checksums nobody can tell whether the files are "
            f"as they were written. {remedy}"
        )
    try:
        sums = json.loads(path.read_text(encoding="utf-8"))["sha256"]
        whole = all(SHA256.fullmatch(each) for each in sums.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise UserError(f"{path} is damaged: it should be JSON that holds checksums. {remedy}")
    return sums
