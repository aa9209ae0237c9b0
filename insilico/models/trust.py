"""What a file may say of a model, so that opening the file runs no code of its own.

Manifests, training settings and checkpoints come from others. Every one that names a model passes
`check_trusted` before the name is looked up.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from insilico.errors import UserError

__all__ = ["check_trusted", "runs_only_ours"]

# One colon: what has another is looked for elsewhere, timm:net.py:make in a file.
PUBLISHED = re.compile(r"(torchvision|timm):[\w.-]+")

# Options of timm that name files and addresses.
PLACES = ("checkpoint_path", "cache_dir", "pretrained_cfg", "pretrained_cfg_overlay")

WORD = re.compile(r"[\w .+-]*")


def check_trusted(
    name: object,
    options: Mapping[str, Any],
    *,
    built_in: Collection[str],
    source: Path | str,
    trust_code: bool,
) -> None:
    """Refuse a model that a file describes, unless making it runs no code but ours and theirs.

    Parameters
    ----------
    name : object
        What the file calls the model. Built-in models, ``torchvision:NAME`` and ``timm:NAME`` run
        no other code; every other name is an import.
    options : mapping
        What the file passes on to it: numbers, words, and lists of them.
    built_in : collection of str
        Names of built-in models.
    source : path or str
        The file, for the message.
    trust_code : bool
        Whether the user said that whatever the file names may be run.

    Raises
    ------
    UserError
        For another name, or options that are more than numbers and words; says what it would run.
    """
    if trust_code:
        return
    if not runs_only_ours(name, built_in):
        raise UserError(
            f"{source} names {name!r} as its model: that is code of somebody's own, which would be "
            "run with all your rights, and was not. Only built-in models, torchvision:NAME and "
            "timm:NAME are made because a file says so. If you know that code and trust it, and "
            "whoever gave you the file, say so: --trust-code, or trust_code=True in Python."
        )
    for option, value in options.items():
        if option in PLACES or not _is_plain(value):
            raise UserError(
                f"{source} gives {name} the option {option}={value!r:.100}, which could name a "
                "file or an address, and was not used. From a file, options are numbers, words and "
                "lists of them. If you trust whoever gave you the file, say so: --trust-code, or "
                "trust_code=True in Python."
            )


def runs_only_ours(name: object, built_in: Collection[str]) -> bool:
    """Tell whether making a model runs no code but that of this package, torchvision or timm.

    Parameters
    ----------
    name : object
        What the model is called.
    built_in : collection of str
        Names of built-in models.

    Returns
    -------
    bool

    Examples
    --------
    >>> runs_only_ours("timm:resnet18", []), runs_only_ours("timm:net.py:make", [])
    (True, False)
    """
    return isinstance(name, str) and (name in built_in or PUBLISHED.fullmatch(name) is not None)


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    if isinstance(value, str):
        return WORD.fullmatch(value) is not None
    return value is None or isinstance(value, bool | int | float)
