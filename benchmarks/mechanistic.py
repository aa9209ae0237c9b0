"""Time of a forward pass of the mechanistic V1, relative to that of the VOneBlock.

    python benchmarks/mechanistic.py [--json] [--units 500] [--batch 8]

Both have as many units, half of those of the VOneBlock simple, on pictures of 224 px, on one
thread, in turns. Prints seconds of the processor per picture, the least of several tries, and the
median ratio of a turn: at most 2 is the target. Also of one site alone (``at``), which is what a
search computes.
"""

import argparse
import json
import time
from statistics import median

import torch

from insilico.models.front_ends.vone import VOneBlock
from insilico.models.mechanistic.module import MechanisticV1

REPEATS = 12


def seconds(model, images):
    started = time.process_time()
    model(images)
    return (time.process_time() - started) / len(images)


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
    shown = {
        "mechanistic_s": (MechanisticV1(n=n), grey),
        "one_site_s": (MechanisticV1(n=n, at=(0, 0)), grey),
        "vone_s": (VOneBlock(simple_channels=n - n // 2, complex_channels=n // 2), colour),
    }
    with torch.inference_mode():
        # In turns, since what else the machine does comes and goes.
        turns = [{name: seconds(*each) for name, each in shown.items()} for _ in range(REPEATS)]
    found = {name: min(each[name] for each in turns) for name in shown}
    found["ratio"] = median(each["mechanistic_s"] / each["vone_s"] for each in turns)
    if arguments.json:
        print(json.dumps(found))
        return
    print(
        f"{n} units: {1000 * found['mechanistic_s']:.0f} ms a picture, "
        f"{found['ratio']:.2f} times the VOneBlock; one site {1000 * found['one_site_s']:.1f} ms"
    )


if __name__ == "__main__":
    main()
