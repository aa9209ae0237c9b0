"""What commands find out before the long part: where results go, and whether they can."""

import os
import re
from pathlib import Path

from insilico.errors import UserError

__all__ = ["check_writable", "plain"]


def check_writable(folder: Path) -> None:
    """Find out before the long part, and not after it, whether results can be kept.

    Parameters
    ----------
    folder : Path
        Where they are to go; the folder around it is made if there is none.

    Raises
    ------
    UserError
        If that cannot be written to.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(folder.parent, os.W_OK):
        raise UserError(f"{folder.parent} cannot be written to. Give another folder with --out.")


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
