"""What the batteries cost that show each unit its own optimum, in hundreds of small recordings.

    OMP_NUM_THREADS=1 python benchmarks/many_recordings.py [contrast context ...] [--most-units 64]

For each battery a run on the VOneBlock is timed, from loading the model to the tables on the disk,
without the report; and the bare passes of the pictures that it showed to the model, in the same
windows and batches, by two definitions (bare_passes.py). All of it in seconds of CPU time, which
other work on the machine leaves alone, though it makes each of them longer. Prints

run             CPU seconds of the run; those of importing torch and the package come first,
module          of the bare passes of the module as it is, which computes all sites of a window,
sites           of the bare passes of the sites that are read alone, as the run computes them,
run / module    and run / sites: the overhead by either definition,

and then where the seconds of the run go: the stack is looked at a hundred times a second.
"""

import argparse
import signal
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

BATTERIES = ("contrast", "context")

# A sample belongs to the first of these of which a function is being called.
PARTS = (
    ("probe.py", "check_crops", "checking windows against whole pictures"),
    ("placed_probe.py", "placed_probe", "loading and examining the model"),
    ("forward.py", "record", "passes of the model"),
    ("probe.py", "_show", "drawing, and taking responses in"),
    ("store.py", "keep", "recordings on the disk"),
    ("probe.py", "record_groups", "setting up recordings, and labels"),
    ("groups.py", "joined", "setting up recordings, and labels"),
    ("groups.py", "grouped", "tables of stimuli for each group"),
    ("measuring.py", "measure", "curves, fits and properties"),
    ("table.py", "score_all", "comparisons"),
    ("store.py", "finish", "tables on the disk"),
)
INTERVAL = 0.01


@contextmanager
def sampled():
    """Count the samples of each part until the end of the block."""
    found = Counter()

    def look(_number, frame):
        calling = set()
        while frame is not None:
            calling.add((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
            frame = frame.f_back
        parts = (part for *place, part in PARTS if tuple(place) in calling)
        found[next(parts, "everything else")] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        yield found
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def measure(battery, most_units):
    import bare_passes

    import insilico

    run = insilico.run  # imported here, and not in what is timed
    with (
        tempfile.TemporaryDirectory() as folder,
        bare_passes.counted() as passes,
        sampled() as parts,
    ):
        started = time.process_time()
        results = run("vone", battery=battery, most_units=most_units, out=Path(folder) / "run")
        seconds = time.process_time() - started
    bare = bare_passes.seconds(passes)
    unique = {id(each): each for each in results.recordings.values()}.values()
    told = {name: sum(each.attrs[name] for each in unique) for name in ("n_stimuli", "n_pictures")}
    print(
        f"{battery}: run {seconds:.1f} s, module {bare.module:.1f} s, sites {bare.sites:.1f} s, "
        f"run / module {seconds / bare.module:.2f}, run / sites {seconds / bare.sites:.2f} "
        f"({results.units.sizes['unit']} units, {told['n_stimuli']} stimuli, "
        f"{told['n_pictures']} pictures in {sum(passes.values())} passes)"
    )
    for part, n in parts.most_common():
        print(f"    {seconds * n / sum(parts.values()):6.1f} s  {part}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("batteries", nargs="*", default=BATTERIES)
    parser.add_argument("--most-units", type=int, default=64)
    asked = parser.parse_args()
    started = time.process_time()
    import insilico.runs.run  # noqa: F401 (its imports are timed)

    print(f"importing: {time.process_time() - started:.1f} s")
    for battery in asked.batteries:
        measure(battery, asked.most_units)


if __name__ == "__main__":
    main()
