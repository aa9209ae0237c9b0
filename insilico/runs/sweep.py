"""Many runs as one job: what is done stays done, what failed is written down, the rest goes on.

Nothing but the folder says how far a sweep is: a cell is done when its results are complete, and
running while a process holds its lock. So any number of processes, on any machines that share the
folder, can work on one sweep; each takes the cells that nobody else has.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from insilico.errors import UserError
from insilico.folders import claimed, is_locked, written
from insilico.runs.cells import Cell, loaded
from insilico.runs.run import run
from insilico.runs.store import is_complete

__all__ = ["begin", "overview", "run_cells", "sweep"]

PLAN = "sweep.json"

# What is known of cells beside their results: who works on one, and why one failed.
CELLS = ".cells"


def sweep(
    plan: Sequence[Cell], out: Path | str, *, retry: bool = False, **options: Any
) -> pd.DataFrame:
    """Do many runs, each in a folder of its own; those that fail do not stop the others.

    Parameters
    ----------
    plan : sequence of Cell
        The runs, as `insilico.cells` lists them for a model; lists can be added.
    out : path
        Folder of the sweep. The same sweep goes on there; cells can be added to it.
    retry : bool
        Whether cells that failed are tried again.
    **options : Any
        Further arguments of `insilico.run`, for every cell.

    Returns
    -------
    DataFrame
        One row per cell: ``name``, ``state`` (done, running, failed, left), ``error``, and what
        the cell is. ``insilico.open_results(out / name)`` opens one that is done.

    Raises
    ------
    UserError
        If the folder holds another sweep; says what differs.

    Examples
    --------
    >>> plan = insilico.cells(
    ...     "torchvision:resnet50", weights=["a.pth", "b.pth"], layers=[("layer1",), ("layer2",)]
    ... )  # doctest: +SKIP
    >>> insilico.sweep(plan, "results/sweep", phases="harmonics")  # doctest: +SKIP
    """
    begin(plan, Path(out), options)
    for _ in run_cells(plan, Path(out), retry=retry, **options):
        pass
    return overview(plan, Path(out))


def begin(plan: Sequence[Cell], out: Path, options: Mapping[str, Any]) -> None:
    """Write down what a sweep is, or compare it with what was written down before.

    Parameters
    ----------
    plan, out, options
        As for `sweep`.

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


def run_cells(
    plan: Sequence[Cell], out: Path, *, retry: bool = False, **options: Any
) -> Iterator[tuple[str, str]]:
    """Do the runs that nobody else does or has done.

    Parameters
    ----------
    plan, out, retry, **options
        As for `sweep`.

    Yields
    ------
    tuple of str and str
        The name of a cell that was just done or failed, and its state.
    """
    tried: set[str] = set()
    again = True
    # Once more after the last one: who worked on a cell may have been killed.
    while again:
        again = False
        for cell in plan:
            state = _state(cell, out)
            failed = state == "failed" and not (retry and cell.name not in tried)
            if state in ("done", "running") or failed:
                continue
            with claimed(_lock(cell, out)) as ours:
                # Somebody else may have been faster, and be done.
                if not ours or is_complete(out / cell.name):
                    continue
                tried.add(cell.name)
                again = True
                _do(cell, out, options)
            yield cell.name, _state(cell, out)


def overview(plan: Sequence[Cell], out: Path) -> pd.DataFrame:
    """Tell how far a sweep is.

    Parameters
    ----------
    plan, out
        As for `sweep`.

    Returns
    -------
    DataFrame
        As from `sweep`.
    """
    rows = [
        {
            "name": cell.name,
            "state": _state(cell, out),
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


def _do(cell: Cell, out: Path, options: Mapping[str, Any]) -> None:
    """Do one run, and write down why it fails."""
    failure = _failure(cell, out)
    failure.unlink(missing_ok=True)
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


def _state(cell: Cell, out: Path) -> str:
    if is_complete(out / cell.name):
        return "done"
    if is_locked(_lock(cell, out)):
        return "running"
    return "failed" if _failure(cell, out).is_file() else "left"


def _error(cell: Cell, out: Path) -> str:
    path = _failure(cell, out)
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _lock(cell: Cell, out: Path) -> Path:
    return out / CELLS / f"{cell.name}.lock"


def _failure(cell: Cell, out: Path) -> Path:
    return out / CELLS / f"{cell.name}.failed"
