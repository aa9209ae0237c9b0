"""What a sweep costs beside its runs, and what a second worker brings.

    python benchmarks/sweep.py stub [--cells 1000]
    python benchmarks/sweep.py workers

``stub``: cells of a model that does nothing, done by two local workers. Prints seconds per cell and
the memory of the process that coordinates after each quarter: both should stay flat, and the memory
below 500 MiB.

``workers``: four equal cells, done by one single-threaded worker and by two, from when each worker
has done one before. Prints seconds, and those of the processor: on a machine that does other
things, compare these; a second worker brings nothing where it makes each cell dearer.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import insilico.runs.local_workers as local
from insilico.runs.cells import cells
from insilico.runs.sweep import run_cells
from insilico.runs.sweep_folder import begin, overview

OPTIONS = {"protocols": ["orientation"]}

# In a worker: the folder of a run, complete and empty, in place of the run.
STUB = """
import insilico.runs.cell_run as cell_run
from insilico.runs.local_workers import work

def stub(_, __, *, out, **___):
    out.mkdir()
    for name in ("run.json", "manifest.json"):
        (out / name).write_text("{}")

cell_run.run, cell_run.loaded = stub, lambda _: None
work()
"""


def processor():
    """Seconds of the processor that workers have taken, of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stub(n, out):
    """Time many cells of nothing."""
    plan = cells("textbook", seeds=range(n))
    local.START = (sys.executable, "-P", "-c", STUB)
    begin(plan, out, {})
    started = None
    for number, _ in enumerate(run_cells(plan, out, local_workers=2, options={})):
        if started is None:
            # Workers have begun.
            started = time.perf_counter()
        elif number % (n // 4) == 0 or number == n - 1:
            each = (time.perf_counter() - started) / (n // 4)
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{number + 1} cells: {1000 * each:.2f} ms each, {used:.0f} MiB", flush=True)
            started = time.perf_counter()
    assert "torch" not in sys.modules
    started = time.perf_counter()
    table = overview(plan, out)
    assert (table["state"] == "done").all()
    print(f"the table of all of them: {time.perf_counter() - started:.2f} s")


def workers(out):
    """Time four equal cells with one worker and with two."""
    took = {}
    for n in (1, 2):
        # The first ones warm the workers up.
        plan = cells("vone", seeds=range(n + 4), load={"pixels": 64})
        begin(plan, out / str(n), OPTIONS)
        before = processor()
        ends = []
        for _, state in local.run_in_processes(plan, out / str(n), n, OPTIONS):
            assert state == "done"
            ends.append(time.perf_counter())
        took[n] = ends[-1] - ends[n - 1]
        each = (processor() - before) / (n + 4)
        print(f"{n}: {took[n]:.1f} s, {each:.1f} s of the processor for each cell", flush=True)
    print(f"two are {took[1] / took[2]:.2f} times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["stub", "workers"])
    parser.add_argument("--cells", type=int, default=1000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    if given.what == "stub":
        stub(given.cells, folder / "sweep")
    else:
        workers(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
