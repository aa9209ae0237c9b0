"""Files of torch.save, read without running code in them, and only if they are whole."""

import argparse
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from insilico.checksums import check_archive
from insilico.errors import UserError

__all__ = ["read_torch"]

WITH_CHECKSUMS = "torch.serialization.set_crc32_options(True)"

# What torch says where a file would have code run, and not where it is merely broken.
CODE = re.compile(r"GLOBAL|[Uu]nsupported (?:global|class)|call reduce|BUILD")
NAMED = re.compile(r"GLOBAL ([\w.]+)")


def read_torch(
    path: Path, *, what: str = "file of weights", remedy: str = "Copy or download it again."
) -> Any:
    """Read what torch.save wrote, without running any code that is in it.

    torch itself does not look at the checksums of the archive: weights of which a bit was flipped
    would be taken for right. Files of before torch 1.6 are no archives, and have none.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it should be, for messages.
    remedy : str
        What the user can do about damage, as a sentence.

    Returns
    -------
    object
        Tensors in plain containers, on the CPU; and the options of a training script
        (`argparse.Namespace`).

    Raises
    ------
    UserError
        If the file is damaged, of another kind, or holds what could run code.
    """
    unsaid = f"{remedy} If it was saved without checksums, save it with them: {WITH_CHECKSUMS}."
    check_archive(path, remedy=unsaid)
    try:
        # Training scripts like to keep their options beside the weights: names and plain values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and CODE.search(str(error)):
            found = NAMED.search(str(error))
            named = f" ({found[1]})" if found else ""
            raise UserError(
                f"{path.name} holds Python objects besides tensors{named}, and reading those could "
                "run any code, so it was not read. Save the weights alone, where you trust the "
                "file: torch.save(model.state_dict(), 'weights.pth')."
            ) from error
        # A broken file breaks the reader wherever it likes. What torch says of one that is no
        # pickle is how to read it with its code.
        if isinstance(error, pickle.UnpicklingError):
            reason = "nothing that torch.save writes"
        else:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{path} is no readable {what}, or a damaged one: {reason:.200}. {remedy}"
        ) from error
