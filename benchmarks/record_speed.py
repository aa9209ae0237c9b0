"""How much faster a battery is recorded than with one whole forward pass per stimulus.

    python benchmarks/record_speed.py [--json] [--layers conv1 layer1 layer2 vone]

For each layer of ResNet-50 (random weights, 224 px, 8 deg) and for the VOneBlock, in one process
and in turn: (a) the seconds of a whole forward pass per stimulus with a hook on the layer, sampled
and extrapolated to the grating stimuli of the `marques2020` battery, in a child process; (b) the
whole battery, from the stimuli to the table of properties. Prints a/b and the peak memory of (b)
so far.
"""

import argparse
import json
import multiprocessing
import resource
import time

import torch

import insilico
from insilico.protocols.marques2020 import BATTERY
from stimuli import Display

SAMPLED = 64
BATCH = 16


def model_of(layer):
    if layer == "vone":
        return insilico.load_model("vone"), "output"
    return insilico.load_model("torchvision:resnet50"), layer


def whole_pass(layer, queue):
    """Seconds per stimulus of the plain way: render, whole forward pass, hook."""
    model, name = model_of(layer)
    kept = []
    dict(model.named_modules())[name].register_forward_hook(lambda *passed: kept.append(passed[2]))
    display = Display.square(background=BATTERY.background)
    stimuli = BATTERY.protocols[1].stimuli(display, BATTERY.position)
    with torch.inference_mode():
        model(torch.rand(BATCH, 3, 224, 224))
        started = time.perf_counter()
        for first in range(0, SAMPLED, BATCH):
            kept.clear()
            model(stimuli.images(slice(first, first + BATCH)).expand(-1, 3, -1, -1))
        queue.put((time.perf_counter() - started) / SAMPLED)


def measure(layer):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=whole_pass, args=(layer, queue))
    child.start()
    per_stimulus = queue.get()
    child.join()
    model, name = model_of(layer)
    started = time.perf_counter()
    results = insilico.run(model, [name], battery="marques2020")
    seconds = time.perf_counter() - started
    record = results.provenance
    plain = per_stimulus * record["n_stimuli"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "ratio": round(plain / seconds, 1),
        "plain_s": round(plain, 1),
        "battery_s": round(seconds, 1),
        "n_stimuli": record["n_stimuli"],
        "n_pictures": record["n_pictures"],
        "n_selected": record["selected"],
        "peak_mb": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--layers", nargs="+", default=["conv1", "layer1", "layer2", "vone"])
    arguments = parser.parse_args()
    found = {}
    for layer in arguments.layers:
        found[layer] = measure(layer)
        if not arguments.json:
            row = ", ".join(f"{name} {value}" for name, value in found[layer].items())
            print(f"{layer:8s} {row}", flush=True)
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
