"""Logs of a training run: a csv file that is always whole, and TensorBoard's."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.training.checkpoint import write_atomically

__all__ = ["tensorboard_writer", "write_rows"]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a csv file, all of it at once.

    Parameters
    ----------
    path : Path
        The file.
    rows : sequence of mapping
        One per epoch, at least one, all with the same keys.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def tensorboard_writer(folder: Path, *, after: int) -> Any:
    """Open a TensorBoard log, and forget what it says of steps that will be done again.

    Parameters
    ----------
    folder : Path
        Where it lies.
    after : int
        Number of steps that are done.

    Returns
    -------
    SummaryWriter

    Raises
    ------
    UserError
        If TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "tensorboard = true needs the package tensorboard: pip install "
            "'insilico-ephys[train]', or set tensorboard = false; log.csv is written either way."
        ) from error
    # What TensorBoard forgets begins at the step that it is given.
    return SummaryWriter(str(folder), purge_step=after + 1)
