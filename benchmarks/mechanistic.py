"""Time of a forward pass of the mechanistic V1, relative to that of the VOneBlock.

    python benchmarks/mechanistic.py [--json] [--units 500] [--batch 8]

Both have as many units, half of those of the VOneBlock simple, on pictures of 224 px, on one
thread. Prints seconds of the processor per picture, the least of several tries, and their ratio:
at most 2 is the target. Also of one site alone (``at``), which is what a search computes.
"""

import argparse
import json
import time

import torch

from insilico.models.front_ends.vone import VOneBlock
from insilico.models.mechanistic.module import MechanisticV1

REPEATS = 7


def seconds(model, images):
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        model(images)
        best = min(best, time.process_time() - started)
    return best / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    n = arguments.units
    grey = torch.rand(arguments.batch, 1, 224, 224) * 2 - 1
    colour = grey.repeat(1, 3, 1, 1)
    with torch.inference_mode():
        found = {
            "mechanistic_s": seconds(MechanisticV1(n=n), grey),
            "one_site_s": seconds(MechanisticV1(n=n, at=(0, 0)), grey),
            "vone_s": seconds(
                VOneBlock(simple_channels=n - n // 2, complex_channels=n // 2), colour
            ),
        }
    found["ratio"] = found["mechanistic_s"] / found["vone_s"]
    if arguments.json:
        print(json.dumps(found))
        return
    print(
        f"{n} units: {1000 * found['mechanistic_s']:.0f} ms a picture, "
        f"{found['ratio']:.2f} times the VOneBlock; one site {1000 * found['one_site_s']:.1f} ms"
    )


if __name__ == "__main__":
    main()
