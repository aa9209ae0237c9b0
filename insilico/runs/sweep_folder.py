"""The folder of a sweep: what it is, and how far each cell is.

Nothing but the folder says how far a sweep is: a cell is done when its results are complete, and
running while a process holds its lock. So any number of processes, on any machines that share the
folder, can work on one sweep; each takes the cells that nobody else has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from insilico.errors import UserError
from insilico.folders import is_locked, written
from insilico.runs.cells import Cell
from insilico.runs.progress import is_complete

__all__ = ["CELLS", "begin", "failure_of", "left_of", "lock_of", "overview", "state_of"]

PLAN = "sweep.json"

# What is known of cells beside their results: who works on one, and why one failed.
CELLS = ".cells"


def begin(plan: Sequence[Cell], out: Path, options: Mapping[str, Any]) -> None:
    """Write down what a sweep is, or compare it with what was written down before.

    Parameters
    ----------
    plan, out, options
        As for `insilico.sweep`.

    Raises
    ------
    UserError
        If two cells have one name, or the folder holds another sweep.
    """
    cells: dict[str, Any] = {}
    for cell in plan:
        if cell.name in cells:
            raise UserError(f"two cells are named {cell.name}, and would have one folder.")
        cells[cell.name] = asdict(cell)
    # As they will be read again.
    said: tuple[Any, Any] = json.loads(json.dumps((dict(options), cells), default=str))
    path = out / PLAN
    if not path.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise UserError(
                f"{out} already holds files, and no sweep. Give another folder with --out."
            )
        (out / CELLS).mkdir(parents=True)
        written(path, json.dumps(said, indent=1))
        return
    try:
        options_there, cells_there = json.loads(path.read_text(encoding="utf-8"))
        other = _different(options_there, said[0])
        # Cells may be added, and left out.
        other += _different({name: cells_there.get(name, said[1][name]) for name in cells}, said[1])
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged. Bring it back from a copy.") from error
    if other:
        raise UserError(
            f"{out} holds another sweep: {', '.join(other)} differ there. Nothing is overwritten: "
            "give another folder with --out."
        )
    if set(cells) - set(cells_there):
        written(path, json.dumps([options_there, cells_there | said[1]], indent=1))


def _different(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [name for name in {**there, **here} if there.get(name) != here.get(name)]


def overview(plan: Sequence[Cell], out: Path) -> pd.DataFrame:
    """Tell how far a sweep is.

    Parameters
    ----------
    plan, out
        As for `insilico.sweep`.

    Returns
    -------
    DataFrame
        As from `insilico.sweep`.
    """
    rows = [
        {
            "name": cell.name,
            "state": state_of(cell, out),
            "error": _error(cell, out),
            "model": cell.model,
            "weights": cell.weights or "",
            "layers": " ".join(cell.layers),
            "battery": cell.battery,
            "degrees": cell.degrees,
            "seed": cell.seed,
            "untrained": cell.untrained,
        }
        for cell in plan
    ]
    return pd.DataFrame(rows)


def state_of(cell: Cell, out: Path) -> str:
    """Tell how far a cell is: done, running, failed or left."""
    if is_complete(out / cell.name):
        return "done"
    if is_locked(lock_of(cell, out)):
        return "running"
    return "failed" if failure_of(cell, out).is_file() else "left"


def left_of(plan: Sequence[Cell], out: Path, *, retry: bool = False) -> list[Cell]:
    """List the cells that are to be done.

    Parameters
    ----------
    plan, out
        As for `insilico.sweep`.
    retry : bool
        Whether those that failed are among them; that they did is forgotten.

    Returns
    -------
    list of Cell
    """
    if retry:
        for cell in plan:
            failure_of(cell, out).unlink(missing_ok=True)
    return [cell for cell in plan if state_of(cell, out) == "left"]


def lock_of(cell: Cell, out: Path) -> Path:
    """Name the file that is locked by who works on a cell."""
    return out / CELLS / f"{cell.name}.lock"


def failure_of(cell: Cell, out: Path) -> Path:
    """Name the file that says why a cell failed."""
    return out / CELLS / f"{cell.name}.failed"


def _error(cell: Cell, out: Path) -> str:
    path = failure_of(cell, out)
    return path.read_text(encoding="utf-8") if path.is_file() else ""
