"""How much faster a battery is recorded than with one whole forward pass per stimulus.

    python benchmarks/record_speed.py [--json] [--layers conv1 layer1 layer2 vone] [--check]
    python benchmarks/record_speed.py --every-site
    python benchmarks/record_speed.py --device cuda [--rows layer1 vit ...] [--compare layer1 ...]

For each layer of ResNet-50 (random weights, 224 px, 8 deg) and for the VOneBlock, in turn:
(a) the seconds of a whole forward pass per stimulus with a hook on the layer, sampled on 64 stimuli
and extrapolated to the stimuli of the `marques2020` battery, in a child process; (b) the whole
battery, from the stimuli to the tables of properties and comparisons; and the bare forward passes
of the pictures that (b) showed to the model, in the same windows and batches, by two definitions
(bare_passes.py). All of it in seconds of CPU time, which other work on the machine leaves alone;
best with one thread (OMP_NUM_THREADS=1). Prints

ratio           a / b,
overhead        b / bare passes of the module as it is, which computes all sites of a window,
overhead_sites  b / bare passes of the sites that are read alone, as (b) computes them,
peak_mb         largest resident memory in (b), libraries and model included.

--check maps the receptive fields in whole pictures too, and compares which units are selected
(minutes). --every-site maps every unit of layer1, as the published benchmark does. --device prints
one table of what runs take on a GPU, and how far they agree with the CPU; see on_device.py.
"""

import argparse
import json
import multiprocessing
import time
from pathlib import Path

import bare_passes
import on_device
import torch

import insilico
from insilico.experiments.marques2020 import BATTERY, PLACE
from insilico.experiments.marques2020_curves import receptive_field_map
from insilico.recording.probe import Probe
from insilico.tuning.rates import to_rates
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
    module = model if name == "output" else dict(model.named_modules())[name]
    module.register_forward_hook(lambda *passed: kept.append(passed[2]))
    display = Display.square(background=BATTERY.background)
    stimuli = BATTERY.protocols[1].stimuli(display, PLACE.position)
    with torch.inference_mode():
        model(torch.rand(BATCH, 3, 224, 224))
        started = time.process_time()
        for first in range(0, SAMPLED, BATCH):
            kept.clear()
            model(stimuli.images(slice(first, first + BATCH)).expand(-1, 3, -1, -1))
        queue.put((time.process_time() - started) / SAMPLED)


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb():
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def measure(layer):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=whole_pass, args=(layer, queue))
    child.start()
    per_stimulus = queue.get()
    child.join()
    model, name = model_of(layer)
    forget_peak()
    run = insilico.run  # imported here, and not in what is timed
    with bare_passes.counted() as passes:
        started = time.process_time()
        results = run(model, [name], battery="marques2020")
        seconds = time.process_time() - started
    peak = peak_mb()
    bare = bare_passes.seconds(passes)
    record = results.provenance
    plain = per_stimulus * record["n_stimuli"]
    return {
        "ratio": round(plain / seconds, 1),
        "overhead": round(seconds / bare.module, 2),
        "overhead_sites": round(seconds / bare.sites, 2),
        "peak_mb": peak,
        "plain_s": round(plain, 1),
        "battery_s": round(seconds, 1),
        "bare_s": round(bare.module, 1),
        "bare_sites_s": round(bare.sites, 1),
        "n_stimuli": record["n_stimuli"],
        "n_pictures": record["n_pictures"],
        "n_selected": record["selected"],
    }


def selected(layer, crop):
    """Places of the units that the receptive-field map selects."""
    model, name = model_of(layer)
    protocol = BATTERY.protocols[0]
    display = Display.square(background=BATTERY.background)
    probe = Probe(
        model, [name], display=display, sites=PLACE.sites, around=PLACE.position, crop=crop
    )
    recording = probe.record(protocol.stimuli(display), reduction=protocol.reduction)
    kept = PLACE.select(receptive_field_map(to_rates(recording, None))).to_numpy()
    return list(probe.units[kept][["channel", "row", "column"]].itertuples(index=False, name=None))


def every_site():
    model, layer = model_of("layer1")
    started = time.process_time()
    results = insilico.run(model, [layer], battery="marques2020", candidates="all")
    record = results.provenance
    print(
        f"layer1, every site: {record['candidates']} units mapped, {record['selected']} selected, "
        f"{time.process_time() - started:.0f} s of CPU time, peak {peak_mb()} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--layers", nargs="+", default=["conv1", "layer1", "layer2", "vone"])
    parser.add_argument("--check", action="store_true", help="compare with whole pictures")
    parser.add_argument("--every-site", action="store_true", help="map every unit of layer1")
    parser.add_argument("--device", help="print the table of runs on this device instead")
    parser.add_argument("--rows", nargs="*", default=list(on_device.CASES))
    parser.add_argument("--compare", nargs="*", default=list(on_device.COMPARED))
    arguments = parser.parse_args()
    if arguments.device:
        on_device.table(arguments.device, arguments.rows, arguments.compare)
        return
    if arguments.every_site:
        every_site()
        return
    found = {}
    for layer in arguments.layers:
        found[layer] = measure(layer)
        if arguments.check:
            found[layer]["same_units"] = selected(layer, "auto") == selected(layer, "off")
        if not arguments.json:
            row = ", ".join(f"{name} {value}" for name, value in found[layer].items())
            print(f"{layer:8s} {row}", flush=True)
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
