"""Workers of a sweep on this machine: processes, each of which takes cells that nobody else has."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from insilico.errors import UserError
from insilico.runs.cells import Cell
from insilico.runs.sweep_folder import CELLS, left_of, state_of

__all__ = ["run_in_processes", "work"]

# Not from the current folder, which may hold anything.
START = (sys.executable, "-P", "-c", "from insilico.runs.local_workers import work; work()")


def run_in_processes(
    plan: Sequence[Cell], out: Path, workers: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Do the cells of a sweep in several processes.

    Parameters
    ----------
    plan : sequence of Cell
        What is left.
    out : Path
        Folder of the sweep.
    workers : int
        How many processes, among which the cores are shared out.
    options : mapping
        Further arguments of `insilico.run`.

    Yields
    ------
    tuple of str and str
        The name of a cell that was just done or failed, and its state.

    Raises
    ------
    UserError
        If the workers end before the cells do, and have done none.
    """
    while plan:
        done = 0
        for name, state in _round(plan, out, workers, options):
            done += 1
            yield name, state
        # What a worker was doing when it was killed, another goes on with.
        plan = left_of(plan, out)
        if plan and not done:
            raise UserError(
                f"no worker could go on with {plan[0].name}; what the first one said last is in "
                f"{_log(out, 0)}."
            )


def work() -> None:
    """Do what cells nobody else does; started in a process of its own by `run_in_processes`."""
    # Whoever stops the sweep stops this too, between two pictures.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan, out, options = pickle.load(sys.stdin.buffer)
    # What a model prints is no report.
    report = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from insilico.runs.cell_run import do_cell, own_gpu

    with suppress(KeyboardInterrupt):
        for cell in plan:
            with own_gpu(cell, options) as free:
                if not free:
                    sys.exit("there are more workers than GPUs: each is to have one of its own")
                state = do_cell(cell, out, options)
            if state is not None:
                print(cell.name, file=report, flush=True)


def _round(
    plan: Sequence[Cell], out: Path, workers: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Start workers once, and tell what each of them does until all have ended."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    environment = {"OMP_NUM_THREADS": str(max(1, cores // workers))} | os.environ
    told: SimpleQueue[str | None] = SimpleQueue()
    cells = {cell.name: cell for cell in plan}
    processes: list[Any] = []
    try:
        for number in range(workers):
            with _log(out, number).open("wb") as log:
                process: Any = subprocess.Popen(
                    START,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            processes.append(process)
            threading.Thread(target=_listen, args=(process, told), daemon=True).start()
            with suppress(BrokenPipeError), process.stdin as given:
                pickle.dump((list(plan), out.absolute(), dict(options)), given)
        running = workers
        while running:
            name = told.get()
            if name is None:
                running -= 1
            elif name in cells:
                yield name, state_of(cells[name], out)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _listen(process: Any, told: "SimpleQueue[str | None]") -> None:
    with process.stdout as lines:
        for line in lines:
            told.put(line.decode().strip())
    told.put(None)


def _log(out: Path, number: int) -> Path:
    return out / CELLS / f"worker{number}.log"
