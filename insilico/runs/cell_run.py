"""One cell of a sweep: its model is made, its run is done, and why it failed is written down."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import torch
from torch import nn

from insilico.errors import UserError
from insilico.folders import claimed, written
from insilico.models.loading import load_model
from insilico.runs.cells import Cell
from insilico.runs.progress import is_complete
from insilico.runs.run import run
from insilico.runs.sweep_folder import failure_of, lock_of, state_of
from insilico.runs.untrained_control import untrained_control

__all__ = ["do_cell", "loaded", "own_gpu"]


def loaded(cell: Cell) -> nn.Module:
    """Load the model of a cell.

    Parameters
    ----------
    cell : Cell
        The run.

    Returns
    -------
    nn.Module
        With its card; the untrained control, if the cell is that.

    Raises
    ------
    UserError
        As `insilico.load_model`; or if there is no untrained control.
    """
    make = partial(load_model, cell.model, degrees=cell.degrees, **cell.load)
    model = make(weights=cell.weights, seed=cell.seed)
    if not cell.untrained:
        return model
    return untrained_control(model, lambda seed: make(seed=seed), seed=cell.seed)


def do_cell(cell: Cell, out: Path, options: Mapping[str, Any]) -> str | None:
    """Do the run of a cell, unless it is done or another process does it.

    Parameters
    ----------
    cell : Cell
        The run.
    out : Path
        Folder of the sweep.
    options : mapping
        Further arguments of `insilico.run`.

    Returns
    -------
    str or None
        Its state afterwards: done or failed; None if it was not ours to do.
    """
    with claimed(lock_of(cell, out)) as ours:
        failure = failure_of(cell, out)
        # Somebody else may have been faster.
        if not ours or is_complete(out / cell.name) or failure.is_file():
            return None
        try:
            run(
                loaded(cell),
                cell.layers or None,
                battery=cell.battery,
                seed=cell.seed,
                out=out / cell.name,
                **options,
            )
        # Whatever a model or an experiment of somebody raises, the other cells are done.
        except Exception as error:  # noqa: BLE001
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            written(failure, kind + " ".join(str(error).split()))
    return state_of(cell, out)


@contextmanager
def own_gpu(cell: Cell, options: Mapping[str, Any]) -> Iterator[bool]:
    """Keep a GPU to oneself while a cell is done that asks for any, by ``device = "cuda"``.

    Parameters
    ----------
    cell : Cell
        The run.
    options : mapping
        Further arguments of `insilico.run`.

    Yields
    ------
    bool
        Whether there is one that no other worker of this machine has, or none is asked for.
    """
    if "cuda" not in (options.get("device"), cell.load.get("device")):
        yield True
        return
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_properties(number).uuid
        with claimed(Path(gettempdir()) / f"insilico-gpu-{name}.lock") as ours:
            if ours:
                with torch.cuda.device(number):
                    yield True
                return
    yield False
