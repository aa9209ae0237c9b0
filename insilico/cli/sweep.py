"""``insilico sweep``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from insilico.cli.options import Whole
from insilico.folders import plain

if TYPE_CHECKING:
    from insilico.runs.cells import Cell
    from insilico.runs.sweep_file import SweepFile

__all__ = ["sweep"]

Flag = Annotated[bool, Parameter(negative="")]

STATES = ("done", "running", "failed", "left")

# A page that sets more runs side by side is read by nobody, and has a pair for any two of them.
MOST_COMPARED = 30


def sweep(
    file: Path,
    /,
    *,
    out: Path | None = None,
    status: Flag = False,
    retry: Flag = False,
    local_workers: Whole = 1,
    scheduler: str | None = None,
    pages: bool = True,
    trust_code: Flag = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Do many runs as one job: models x checkpoints x layers x batteries x displays x seeds.

    A run that fails does not stop the others. The same command goes on where it stopped, and any
    number of processes that share the folder can work on one sweep: each takes runs that no other
    has.

    Parameters
    ----------
    file : Path
        A TOML file: models, weights, layers, batteries, degrees, seeds, untrained, and the tables
        [load] and [run]. The documentation has examples.
    out : Path, optional
        Folder of the sweep; results/FILE by default. Nothing is overwritten.
    status : bool
        Only print which runs are done, running, failed (and why) and left.
    retry : bool
        Try again what failed.
    local_workers : int
        Processes that work on this machine; each on a GPU of its own, if the runs ask for cuda.
    scheduler : str, optional
        Address of a Dask scheduler, or the file that it wrote it to: its workers, on any machines
        that share OUT, do the runs. Needs the extra cluster.
    pages : bool
        Whether reports and comparisons are written in the end.
    trust_code : bool
        Run models and batteries that are code of somebody's own, with all your rights. Only for
        files of your own, or of somebody whose programs you would start.
    quiet : bool
        Print nothing but what failed.
    """
    from insilico.cli.terminal import aligned, wrapped
    from insilico.errors import UserError
    from insilico.runs.sweep_file import read_sweep
    from insilico.runs.sweep_folder import begin, overview

    said = read_sweep(file, trust_code=trust_code)
    folder = out if out is not None else Path("results") / file.stem
    if not status:
        begin(said.plan, folder, said.options)
        how = {"retry": retry, "local_workers": local_workers, "scheduler": scheduler}
        _work(said, folder, quiet=quiet, **how)
    table = overview(said.plan, folder)
    done = [cell for cell, state in zip(said.plan, table["state"], strict=True) if state == "done"]
    if status:
        print(f"{aligned(table[['name', 'state']])}\n")
    if pages and not status:
        _pages(done, folder, quiet=quiet)
    counts = table["state"].value_counts()
    print(", ".join(f"{counts.get(each, 0)} {each}" for each in STATES))
    for row in table[table["state"] == "failed"].to_dict("records"):
        print(wrapped(f"{row['name']}: {row['error']}", "failed: "))
    if not status and counts.get("failed", 0):
        raise UserError(
            f"{counts['failed']} of {len(table)} runs failed. The same command with --retry tries "
            "them again."
        )


def _work(said: "SweepFile", folder: Path, *, quiet: bool, **how: Any) -> None:
    """Do the runs, and say how far they are."""
    from insilico.progress import progress_bar
    from insilico.runs.sweep import run_cells
    from insilico.runs.sweep_folder import left_of

    left = left_of(said.plan, folder, retry=how["retry"])
    with progress_bar(
        show=not quiet,
        desc="sweep",
        total=len(said.plan),
        initial=len(said.plan) - len(left),
        unit="run",
        smoothing=0,
    ) as bar:
        for name, state in run_cells(said.plan, folder, options=said.options, **how):
            bar.update()
            if not quiet or state == "failed":
                bar.write(f"{state}: {name}")
                sys.stdout.flush()


def _pages(done: "Sequence[Cell]", folder: Path, *, quiet: bool) -> None:
    """Write the reports that are missing, and set the runs of each battery side by side."""
    from insilico.cli.compare import write_comparison
    from insilico.progress import progress_bar
    from insilico.reporting.report import PAGE, write_report
    from insilico.runs.results import open_results
    from insilico.runs.side_by_side import without_recordings

    missing = [cell for cell in done if not (folder / cell.name / PAGE).is_file()]
    if missing:
        with progress_bar(
            show=not quiet, desc="reports", total=len(missing), unit="report", smoothing=0
        ) as bar:
            for cell in missing:
                write_report(open_results(folder / cell.name), folder / cell.name)
                bar.update()
    batteries = list(dict.fromkeys(cell.battery for cell in done))
    for battery in batteries:
        names = [cell.name for cell in done if cell.battery == battery]
        if len(names) < 2:
            continue
        if len(names) > MOST_COMPARED:
            print(f"{len(names)} runs: `insilico compare` sets some of them side by side.")
            continue
        runs = {name: without_recordings(open_results(folder / name)) for name in names}
        place = "comparison" if len(batteries) == 1 else f"comparison-{plain(battery)}"
        write_comparison(runs, folder / place, quiet=quiet)
