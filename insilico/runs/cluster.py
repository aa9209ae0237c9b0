"""Workers of a sweep on other machines, which Dask reaches.

Dask carries cells to workers, and the word that they are done back. Models and stimuli are made by
the workers, and what they record, measure and compare they write to the folder of the sweep, which
all machines share: so a worker that is killed costs what it had not written yet, the next one goes
on from there, and the process that coordinates stays small. It gives each worker one cell at a
time, so that one that is refused, or dies, takes no others with it.
"""

import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from insilico.checksums import MANIFEST, sha256
from insilico.errors import UserError
from insilico.folders import written
from insilico.runs.cells import Cell
from insilico.runs.software import code_version, package_versions
from insilico.runs.sweep_folder import CELLS, failure_of, left_of, state_of

logger = logging.getLogger(__name__)

__all__ = ["Task", "run_on_cluster", "work"]

# Seconds: between two looks at the workers, and until a scheduler must have answered.
LOOK = 0.1
PATIENCE = 30

# A cell that so many workers died of is not given to another.
DEATHS = 3

# Written to the folder of the sweep, and read by the workers.
TOKEN = "shared"


@dataclass(frozen=True)
class Task:
    """A cell on its way to a worker, with all that must be the same there.

    Parameters
    ----------
    cell : Cell
        The run.
    here, out : Path
        Current folder, where the files lie that cells name, and folder of the sweep; both absolute.
    options : mapping
        Further arguments of `insilico.run`.
    token : str
        What the folder of the sweep holds.
    software : mapping of str to str
        Versions.
    files : mapping of str to str
        Weights and code that the cell names, and their checksums.
    """

    cell: Cell
    here: Path
    out: Path
    options: Mapping[str, Any]
    token: str
    software: Mapping[str, str]
    files: Mapping[str, str]


def run_on_cluster(
    plan: Sequence[Cell], out: Path, scheduler: str, options: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Do the cells of a sweep on the workers of a Dask scheduler.

    Parameters
    ----------
    plan : sequence of Cell
        What is left.
    out : Path
        Folder of the sweep.
    scheduler : str
        Address of the scheduler, or the file that it wrote it to.
    options : mapping
        Further arguments of `insilico.run`.

    Yields
    ------
    tuple of str and str
        The name of a cell that was just done or failed, and its state.

    Raises
    ------
    UserError
        If `distributed` is missing, the scheduler does not answer, or every worker is refused:
        it has other versions or files, does not see the folder, or shares its GPU.
    """
    token = uuid4().hex
    written(out / CELLS / TOKEN, token)
    specified = partial(
        Task,
        here=Path.cwd(),
        out=out.absolute(),
        options=dict(options),
        token=token,
        software=_software(),
    )
    known: dict[str, str] = {}
    with _client(scheduler) as client:
        while plan:
            tasks = (specified(cell, files=_sums(_named(cell), known)) for cell in plan)
            yield from _Round(client, out).run(tasks)
            # Those that another process had, which may have been killed.
            plan = left_of(plan, out)


class _Round:
    """Cells that are given out to workers, each of them once."""

    def __init__(self, client: Any, out: Path) -> None:
        self._client = client
        self._out = out
        self._running: dict[str, tuple[Any, Task]] = {}
        self._refused: dict[str, str] = {}
        self._waits = False
        self._deaths: Counter[str] = Counter()
        self._again: list[Task] = []

    def run(self, tasks: Iterator[Task]) -> Iterator[tuple[str, str]]:
        """Give out all tasks; tell each cell that is done or failed."""
        task = self._next(tasks)
        while task is not None or self._running:
            workers = self._workers()
            for address in workers - self._running.keys():
                if task is None:
                    break
                self._running[address] = (
                    self._client.submit(
                        work, task, workers=[address], pure=False, retries=0, key=_key(task)
                    ),
                    task,
                )
                task = self._next(tasks)
            for address in list(self._running):
                yield from self._collect(address, workers)
            task = task or self._next(tasks)
            time.sleep(LOOK)

    def _next(self, tasks: Iterator[Task]) -> Task | None:
        return self._again.pop() if self._again else next(tasks, None)

    def _workers(self) -> set[str]:
        """List the workers that can be used."""
        threads = self._client.nthreads()
        for address, number in threads.items():
            if number != 1 and address not in self._refused:
                self._refuse(address, f"it has {number} threads; start it with --nthreads 1")
        if not threads and not self._waits:
            self._waits = True
            logger.warning("the scheduler has no worker yet: waiting for one.")
        usable = set(threads) - self._refused.keys()
        if not usable and threads:
            address, reason = next(iter(self._refused.items()))
            raise UserError(f"no worker can be used. {address}: {reason}.")
        return usable

    def _refuse(self, address: str, reason: str) -> None:
        self._refused[address] = reason
        logger.warning("worker %s is not used: %s.", address, reason)

    def _collect(self, address: str, workers: set[str]) -> Iterator[tuple[str, str]]:
        """See what became of the cell that a worker has."""
        future, task = self._running[address]
        if not future.done():
            if address in workers:
                return
            # It is gone, and the next one goes on where it was.
            future.cancel()
            self._deaths[task.cell.name] += 1
            if self._deaths[task.cell.name] == DEATHS:
                why = f"{DEATHS} workers died of it, of too little memory most likely"
                written(failure_of(task.cell, self._out), why)
                yield task.cell.name, "failed"
            else:
                self._again.append(task)
        elif future.status == "finished":
            refusal = future.result()
            if refusal is not None:
                self._refuse(address, refusal)
                self._again.append(task)
            elif (state := state_of(task.cell, self._out)) in ("done", "failed"):
                yield task.cell.name, state
        elif address in workers:
            # Our own code tells of every failure: what is raised befell what carries it.
            self._refuse(address, " ".join(f"{future.exception()!r:.200}".split()))
            self._again.append(task)
        else:
            self._again.append(task)
        del self._running[address]


def work(task: Task) -> str | None:
    """Do a cell, on a worker.

    Parameters
    ----------
    task : Task
        The cell, and what must be the same here.

    Returns
    -------
    str or None
        Why this worker is refused, if it is.
    """
    refusal = _refusal(task)
    if refusal is not None:
        return refusal
    import dask

    from insilico.runs.cell_run import do_cell, own_gpu

    # Where there is a scheduler, xarray asks it for locks, of files that other machines never see.
    with dask.config.set(scheduler="synchronous"), own_gpu(task.cell, task.options) as free:
        if not free:
            return f"{socket.gethostname()} has no GPU that no other worker has: start one for each"
        do_cell(task.cell, task.out, task.options)
    return None


def _refusal(task: Task) -> str | None:
    """Tell what is not as where the sweep was started."""
    token = task.out / CELLS / TOKEN
    if not task.here.is_dir() or not token.is_file() or token.read_text() != task.token:
        return f"it does not see {task.out}, which all workers must share with this machine"
    own = _software()
    for name, version in task.software.items():
        if own[name] != version:
            return f"it has {name} {own[name]}, and this machine {version}"
    # As the cell names them.
    os.chdir(task.here)
    for file, content in task.files.items():
        if not Path(file).is_file():
            return f"it has no {file}"
        if sha256(Path(file)) != content:
            return f"its {file} is another: {sha256(Path(file)):.12}, here {content:.12}"
    return None


def _software() -> dict[str, str]:
    return package_versions() | {"the code of insilico,": code_version()}


def _named(cell: Cell) -> list[str]:
    """List the files that a cell names, as far as they are there."""
    folder = cell.model.removeprefix("digital:")
    names = (
        (cell.weights or "").rpartition("#")[0] or cell.weights or "",
        cell.model.rpartition(":")[0],
        cell.battery.rpartition(":")[0],
        *([f"{folder}/{MANIFEST}"] if folder != cell.model else []),
    )
    return [name for name in names if name and Path(name).is_file()]


def _sums(names: Sequence[str], known: dict[str, str]) -> dict[str, str]:
    """Take the checksums of files; many cells name the same ones."""
    for name in names:
        if name not in known:
            known[name] = sha256(Path(name))
    return {name: known[name] for name in names}


def _key(task: Task) -> str:
    return f"{task.cell.name}-{uuid4().hex}"


def _client(scheduler: str) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UserError(
            "a scheduler needs the package distributed: pip install 'insilico-ephys[cluster]'. "
            "--local-workers does without it."
        ) from error
    where = {"scheduler_file" if Path(scheduler).is_file() else "address": scheduler}
    client: Any = distributed.Client
    try:
        return client(**where, timeout=PATIENCE)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"no Dask scheduler answers at {scheduler} ({' '.join(str(error).split()):.200}). "
            "`dask scheduler` prints its address, tcp://HOST:8786 for instance."
        ) from error
