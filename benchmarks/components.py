"""Time and memory of local receptive fields and of magnification, relative to the plain forms.

    python benchmarks/components.py [--json] [--batch 32]

Local receptive fields, 64 to 64 channels on 16 x 16: (a) input times weights, broadcast and summed;
(b) `LocallyConnected2d`. Prints the seconds of a forward pass, and of one with its backward pass,
and a/b. The peak memory of (b), from child processes, is relative to that of the weights plus the
input and the output; targets are a/b of at least 3 and a peak of at most 3.

Magnification of 64 channels, 32 x 32 to 16 x 16: (a) a product with a mask for each of the 540
cells of the release, summed over pixels; (b) `CorticalMagnification`; (c) its matrix with all
zeros written out. Prints a/b and c/b.

Linux only: memory is read from /proc.
"""

import argparse
import json
import multiprocessing
import time
from pathlib import Path

import torch
from torch.nn import functional

from insilico.models.components import CorticalMagnification, LocallyConnected2d
from insilico.models.components.polar import RELEASED_EDGES, released_masks

CHANNELS = 64
SIDE = 16
REPEATS = 5


def broadcast(component, maps):
    """Every product of an input and a weight, and then their sums."""
    shape = (len(maps), 1, CHANNELS, 9, SIDE, SIDE)
    seen = functional.unfold(maps, 3, padding=1).view(shape).movedim(3, 5)
    return (seen * component.weight).sum((2, 5))


def seconds(run, repeats=REPEATS):
    run()
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best


def memory(name):
    """Bytes of this process by the name that the kernel has for them; VmHWM is the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return 1024 * int(line.split()[1])


def peak(batch, backward, queue):
    """Peak memory of this process beyond what it had before the weights were made."""
    # What torch imports and sets up the first time is not counted.
    LocallyConnected2d(4, 4, 4)(torch.rand(2, 4, 4, 4)).sum().backward()
    before = memory("VmRSS")
    component = LocallyConnected2d(CHANNELS, CHANNELS, SIDE)
    maps = torch.rand(batch, CHANNELS, SIDE, SIDE, requires_grad=backward)
    with torch.set_grad_enabled(backward):
        output = component(maps)
    if backward:
        output.sum().backward()
    held = component.weight.nbytes + maps.nbytes + output.nbytes
    queue.put((memory("VmHWM") - before) / held)


def peak_ratio(batch, *, backward):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=peak, args=(batch, backward, queue))
    child.start()
    ratio = queue.get()
    child.join()
    return ratio


def local_receptive_fields(batch):
    component = LocallyConnected2d(CHANNELS, CHANNELS, SIDE)
    maps = torch.rand(batch, CHANNELS, SIDE, SIDE, requires_grad=True)

    def forward(apply):
        with torch.no_grad():
            apply(maps)

    def train(apply):
        apply(maps).sum().backward()

    found = {}
    for name, run in (("forward", forward), ("forward_backward", train)):
        plain = seconds(lambda run=run: run(lambda given: broadcast(component, given)), 1)
        ours = seconds(lambda run=run: run(component))
        found[name] = {"plain_s": plain, "ours_s": ours, "speedup": plain / ours}
    found["peak_memory"] = {
        "forward": peak_ratio(batch, backward=False),
        "forward_backward": peak_ratio(batch, backward=True),
    }
    return found


def magnification(batch):
    component = CorticalMagnification(2 * SIDE)
    masks = released_masks((2 * SIDE, 2 * SIDE), edges=RELEASED_EDGES, sectors=30)
    masks = torch.tensor(masks, dtype=torch.float32).flatten(0, 1)
    matrix = component.operator()
    maps = torch.rand(batch, CHANNELS, 2 * SIDE, 2 * SIDE)
    plain = seconds(lambda: (maps[:, :, None] * masks).sum((3, 4)), 1)
    ours = seconds(lambda: component(maps))
    dense = seconds(lambda: maps.flatten(2) @ matrix.T)
    return {
        "masks_s": plain,
        "ours_s": ours,
        "dense_s": dense,
        "speedup": plain / ours,
        "speedup_over_dense": dense / ours,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    local = local_receptive_fields(arguments.batch)
    polar = magnification(arguments.batch)
    if arguments.json:
        print(json.dumps({"local": local, "magnification": polar}))
        return
    print(f"{CHANNELS} channels, batch {arguments.batch}, {torch.get_num_threads()} threads")
    for name in ("forward", "forward_backward"):
        times = local[name]
        print(
            f"local receptive fields, {name.replace('_', ' + ')}: {1000 * times['ours_s']:.0f} ms, "
            f"{times['speedup']:.1f} times as fast as the broadcast product; peak memory "
            f"{local['peak_memory'][name]:.2f} times that of weights and activations"
        )
    print(
        f"cortical magnification: {1000 * polar['ours_s']:.1f} ms, {polar['speedup']:.0f} times as "
        f"fast as masks, {polar['speedup_over_dense']:.1f} times as fast as the matrix with zeros"
    )


if __name__ == "__main__":
    main()
