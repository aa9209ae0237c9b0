"""How far a run is, told from its folder."""

from pathlib import Path

from insilico.checksums import MANIFEST
from insilico.folders import LOCK, is_locked
from insilico.runs.results import RUN

__all__ = ["is_begun", "is_complete", "is_running"]


def is_begun(folder: Path) -> bool:
    """Whether a folder holds a run, or a part of one."""
    return (folder / RUN).is_file()


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a run of which all is there, but for the report."""
    return is_begun(folder) and (folder / MANIFEST).is_file()


def is_running(folder: Path) -> bool:
    """Whether a process is making a run in a folder."""
    return is_begun(folder) and is_locked(folder / LOCK)
