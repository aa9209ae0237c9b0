"""What it costs to keep a recording while it is made: the published battery on a layer, both ways.

    python benchmarks/store.py [MODEL] [LAYER] [--times 3]

The same run with and without a folder, in turn on one machine; what counts is the ratio.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import insilico


def seconds(model, layer, **options):
    started = time.perf_counter()
    insilico.run(model, [layer], battery="marques2020", **options)
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default="torchvision:resnet50")
    parser.add_argument("layer", nargs="?", default="layer1")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--device")
    given = parser.parse_args()
    model = insilico.load_model(given.model, device=given.device)
    folder = Path(tempfile.mkdtemp())
    plain, kept = [], []
    # The first one of each warms up.
    for number in range(given.times + 1):
        plain.append(seconds(model, given.layer))
        kept.append(seconds(model, given.layer, out=folder / str(number)))
        print(f"without {plain[-1]:.1f} s, with {kept[-1]:.1f} s", flush=True)
    saved = time.perf_counter()
    insilico.open_results(folder / "1").save(folder / "saved")
    saved = time.perf_counter() - saved
    ratio = np.median(kept[1:]) / np.median(plain[1:])
    print(f"{given.model} {given.layer}: {100 * (ratio - 1):+.1f} % (of it, saving: {saved:.1f} s)")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
