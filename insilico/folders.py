"""Folders that results are written to and read from."""

from pathlib import Path

from insilico.errors import UserError

__all__ = ["check_free", "inside"]


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
