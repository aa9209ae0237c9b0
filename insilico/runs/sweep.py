"""Many runs as one job: what is done stays done, what failed is written down, the rest goes on.

What coordinates does without torch, which would take half a gigabyte.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from insilico.errors import UserError
from insilico.runs.cells import Cell
from insilico.runs.sweep_folder import begin, left_of, overview

__all__ = ["run_cells", "sweep"]


def sweep(
    plan: Sequence[Cell],
    out: Path | str,
    *,
    retry: bool = False,
    local_workers: int = 1,
    scheduler: str | None = None,
    **options: Any,
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
    local_workers : int
        Processes that work on this machine; 1 is this process itself.
    scheduler : str, optional
        Address of a Dask scheduler, or a file that holds it, whose workers do the runs instead
        (extra ``cluster``). They must share ``out`` with this machine.
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
        If the folder holds another sweep (says what differs), or no worker can be used.

    Examples
    --------
    >>> plan = insilico.cells(
    ...     "torchvision:resnet50", weights=["a.pth", "b.pth"], layers=[("layer1",), ("layer2",)]
    ... )  # doctest: +SKIP
    >>> insilico.sweep(plan, "results/sweep", phases="harmonics")  # doctest: +SKIP
    """
    begin(plan, Path(out), options)
    for _ in run_cells(
        plan,
        Path(out),
        retry=retry,
        local_workers=local_workers,
        scheduler=scheduler,
        options=options,
    ):
        pass
    return overview(plan, Path(out))


def run_cells(
    plan: Sequence[Cell],
    out: Path,
    *,
    retry: bool = False,
    local_workers: int = 1,
    scheduler: str | None = None,
    options: Mapping[str, Any],
) -> Iterator[tuple[str, str]]:
    """Do the runs that nobody else does or has done.

    Parameters
    ----------
    plan, out, retry, local_workers, scheduler, options
        As for `sweep`; the sweep has begun.

    Yields
    ------
    tuple of str and str
        The name of a cell that was just done or failed, and its state.

    Raises
    ------
    UserError
        If no worker can be used.
    """
    if local_workers < 1:
        raise UserError(f"the number of local workers must be at least 1; got {local_workers}.")
    if scheduler is not None and local_workers > 1:
        raise UserError("workers are local, or those of a scheduler; got both.")
    left = left_of(plan, out, retry=retry)
    if not left:
        return
    if scheduler is not None:
        from insilico.runs.cluster import run_on_cluster

        yield from run_on_cluster(left, out, scheduler, options)
    elif local_workers > 1:
        from insilico.runs.local_workers import run_in_processes

        yield from run_in_processes(left, out, min(local_workers, len(left)), options)
    else:
        yield from _run_here(left, out, options)


def _run_here(
    plan: Sequence[Cell], out: Path, options: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    from insilico.runs.cell_run import do_cell

    while plan:
        for cell in plan:
            state = do_cell(cell, out, options)
            if state is not None:
                yield cell.name, state
        # Once more after the last one: who worked on a cell may have been killed.
        plan = left_of(plan, out)
