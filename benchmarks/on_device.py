"""One table of what recording takes on a device, and whether it gives what the CPU gives.

Called by ``record_speed.py --device``. A row is a whole run, from the model to the tables; plain
passes beside it draw every stimulus and pass it through the whole network, 256 at a time.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch

import insilico
from insilico.recording.precision import rounding
from insilico.recording.probe import Probe
from stimuli import Display
from stimuli.marques2020 import sets

PLAIN_BATCH = 256
PLAIN_BATCHES = 8

# What still counts as the same number, relative: the order of summation differs between devices.
SAME = 1e-3


@dataclass(frozen=True)
class Case:
    """A run that is timed; the first of its kind on a device is not, unless it takes long."""

    model: str
    layer: str
    battery: str = "marques2020"
    precision: str = "float32"
    candidates: str = "near"
    warm: bool = True

    def run(self, device):
        return insilico.run(
            insilico.load_model(self.model, device=device),
            [self.layer],
            battery=self.battery,
            candidates=self.candidates,
            precision=self.precision,
            device=device,
        )


CASES = {
    "layer1": Case("torchvision:resnet50", "layer1"),
    "layer1-tf32": Case("torchvision:resnet50", "layer1", precision="tf32"),
    "layer1-every-site": Case("torchvision:resnet50", "layer1", candidates="all", warm=False),
    "vit": Case("timm:vit_base_patch16_224", "blocks.2", warm=False),
    "convnext": Case("torchvision:convnext_tiny", "features.1"),
    "vone-standard": Case("vone", "output", battery="standard"),
}

# Their runs on a CPU take seconds on a few cores; that of the ViT takes minutes.
COMPARED = ("layer1", "convnext", "vone-standard")


class Clock:
    """Adds up the seconds that probes take to be set up, and to record."""

    def __enter__(self):
        self.set_up = self.record = 0.0
        self.plain = (Probe.__init__, Probe.record)

        def initialised(probe, *given, **options):
            started = time.perf_counter()
            self.plain[0](probe, *given, **options)
            self.set_up += time.perf_counter() - started

        def recorded(probe, *given, **options):
            started = time.perf_counter()
            recording = self.plain[1](probe, *given, **options)
            self.record += time.perf_counter() - started
            return recording

        Probe.__init__, Probe.record = initialised, recorded
        return self

    def __exit__(self, *_):
        Probe.__init__, Probe.record = self.plain


def plain_pass(device, *, tf32):
    """Seconds per stimulus of the plain way through a ResNet-50: render, whole pass, hook."""
    model = insilico.load_model("torchvision:resnet50", device=device).to(device).eval()
    display = Display.square(background=sets.BACKGROUND)
    stimuli = sets.orientation(display, sets.POSITION)
    kept = []
    dict(model.named_modules())["layer1"].register_forward_hook(
        lambda _module, _inputs, output: kept.append(output[:, :, 28, 28].cpu())
    )
    with torch.inference_mode(), rounding(tf32=tf32):
        for n in range(PLAIN_BATCHES + 1):
            if n == 1:  # the first one is not timed
                started = time.perf_counter()
            first = n * PLAIN_BATCH % (len(stimuli) - PLAIN_BATCH)
            images = stimuli.images(slice(first, first + PLAIN_BATCH), device=device)
            model(images.expand(-1, 3, -1, -1))
            kept[-1].sum().item()
    return (time.perf_counter() - started) / (PLAIN_BATCHES * PLAIN_BATCH)


def measure(case, device):
    """Run a case, and tell what it took."""
    if case.warm:
        case.run(device)
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    with Clock() as clock:
        started = time.perf_counter()
        results = case.run(device)
        seconds = time.perf_counter() - started
    told = results.provenance
    row = {
        "seconds": round(seconds, 2),
        "set_up_s": round(clock.set_up, 2),
        "record_s": round(clock.record, 2),
        "n_stimuli": told["n_stimuli"],
        "n_pictures": told["n_pictures"],
        "units": results.units.sizes["unit"],
        "gpu_mb": round(torch.cuda.max_memory_allocated(device) / 2**20) if on_gpu else 0,
    }
    return results, row


def difference(here, there):
    """Say how far two runs of one model agree: units, similarities, properties."""
    names = ["layer", "channel", "row", "column"]
    units = [run.units[names].to_dataframe()[names].reset_index(drop=True) for run in (here, there)]
    if not units[0].equals(units[1]):
        both = units[0].merge(units[1], on=names)
        return f"OTHER UNITS: {len(units[0])} and {len(units[1])}, {len(both)} of them in both"
    scores = [run.comparison["similarity"].to_numpy() for run in (here, there)]
    apart = np.nanmax(np.abs(scores[0] - scores[1]), initial=0.0)
    other = {}
    for name, values in there.units.data_vars.items():
        one, two = here.units[name].to_numpy(), values.to_numpy()
        if one.dtype.kind != "f":
            different = one != two
        else:
            different = ~np.isclose(one, two, rtol=SAME, atol=SAME**2, equal_nan=True)
        if different.any():
            other[name] = f"{int(different.sum())} of {different.size}"
    return f"same {len(units[0])} units; similarities differ by {apart:.1g} at most; " + (
        f"beyond {SAME:g} relative: {other}" if other else f"all properties within {SAME:g}"
    )


def table(device, rows, compared):
    """Print the table, a row as soon as it is known."""
    card = torch.cuda.get_device_name(device) if torch.cuda.is_available() else "CPU"
    print(f"{card}; torch {torch.__version__}; {torch.get_num_threads()} CPU threads", flush=True)
    plain = {}
    for name, tf32 in (("float32", False), ("tf32", True)):
        plain[name] = plain_pass(device, tf32=tf32)
        print(f"plain passes, {name}: {1000 * plain[name]:.3f} ms a stimulus", flush=True)
    found = {}
    for name in rows:
        results, row = measure(CASES[name], device)
        shown = dict(row)
        if CASES[name].model == "torchvision:resnet50":
            whole = plain["float32"] * row["n_stimuli"]
            shown["plain_s"] = round(whole, 2)
            shown["ratio"] = round(whole / row["seconds"], 2)
            shown["record_ratio"] = round(whole / row["record_s"], 2)
        print(
            f"{name:18s} {', '.join(f'{key} {value}' for key, value in shown.items())}", flush=True
        )
        found[name] = results
    for name in compared:
        here = found.get(name) or CASES[name].run(device)
        started = time.perf_counter()
        there = replace(CASES[name], precision="float32").run("cpu")
        print(
            f"{name:18s} against the CPU ({time.perf_counter() - started:.1f} s): "
            f"{difference(here, there)}",
            flush=True,
        )
    if "layer1" in found and "layer1-tf32" in found:
        told = difference(found["layer1-tf32"], found["layer1"])
        print(f"{'layer1':18s} tf32 against float32: {told}", flush=True)
