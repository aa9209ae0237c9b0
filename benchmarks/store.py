"""What it costs to keep a recording while it is made, as a share of the time of one run.

    python benchmarks/store.py [MODEL] [LAYER] [--device cuda]

Counts the seconds of the processor that a run of the published battery spends in writing and
reading its tapes and its recordings: in one and the same run, so that a busy machine slows down
both. The clock that says when a tape is written is the processor's too: a busy machine writes as
often as an idle one.
"""

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import insilico
from insilico.recording import tape as tapes
from insilico.recording.tape import Tape
from insilico.runs import run as runs
from insilico.runs.store import RunStore

COUNTED = ((Tape, "flush"), (Tape, "keep_sums"), (Tape, "play"), (RunStore, "keep"))


def counted(spent, owner, name):
    """Count the seconds in a function."""
    original = getattr(owner, name)

    def timed(*arguments, **options):
        started = time.process_time()
        try:
            return original(*arguments, **options)
        finally:
            spent[name] += time.process_time() - started

    setattr(owner, name, timed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default="torchvision:resnet50")
    parser.add_argument("layer", nargs="?", default="layer1")
    parser.add_argument("--device")
    given = parser.parse_args()
    spent: Counter[str] = Counter()
    for owner, name in (*COUNTED, (runs, "identity")):
        counted(spent, owner, name)
    tapes.time = SimpleNamespace(monotonic=time.process_time)
    model = insilico.load_model(given.model, device=given.device)
    folder = Path(tempfile.mkdtemp()) / "run"
    started = time.process_time()
    insilico.run(model, [given.layer], battery="marques2020", out=folder)
    whole = time.process_time() - started
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    for name, seconds in spent.items():
        print(f"  {name}: {seconds:.2f} s")
    price = sum(spent.values())
    print(
        f"{given.model} {given.layer}: {price:.1f} of {whole:.1f} s, {100 * price / whole:.1f} % "
        f"({size / 2**20:.0f} MiB)"
    )
    shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
