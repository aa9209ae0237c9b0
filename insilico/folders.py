"""Folders that results are written to."""

from pathlib import Path

from insilico.errors import UserError

__all__ = ["check_free"]


def check_free(folder: Path | str) -> None:
    """Refuse a folder that already holds something.

    Raises
    ------
    UserError
        If it does, or if it is a file.
    """
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UserError(
            f"{folder} already holds files, and nothing is overwritten. Give another folder with "
            "--out, or move this one away."
        )
