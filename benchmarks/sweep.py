"""What a sweep costs beside its runs: 1,000 cells of a model that does nothing.

    python benchmarks/sweep.py [--cells 1000]

Prints seconds per cell and the memory of the process after each quarter: both should stay flat.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from pathlib import Path

import insilico.runs.sweep as sweeps
from insilico.runs.cells import cells


def stub(_, __, *, out, **___):
    """Stand in for a run: its folder, complete and empty."""
    out.mkdir()
    for name in ("run.json", "manifest.json"):
        (out / name).write_text(json.dumps({}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=1000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp()) / "sweep"
    plan = cells("textbook", seeds=range(given.cells))
    sweeps.run, sweeps.loaded = stub, lambda _: None
    sweeps.begin(plan, folder, {})
    started = time.perf_counter()
    for number, _ in enumerate(sweeps.run_cells(plan, folder), start=1):
        if number % (given.cells // 4) == 0:
            each = (time.perf_counter() - started) / (given.cells // 4)
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{number} cells: {1000 * each:.2f} ms each, {used:.0f} MiB", flush=True)
            started = time.perf_counter()
    started = time.perf_counter()
    table = sweeps.overview(plan, folder)
    assert (table["state"] == "done").all()
    print(f"the table of all of them: {time.perf_counter() - started:.2f} s")
    shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
