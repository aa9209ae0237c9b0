"""Seconds and peak memory of predicting neurons from a large layer, by PLS and by ridge.

    python benchmarks/predictivity.py [--json] [--check] [--raw]
    python benchmarks/predictivity.py --images 100 --features 5000 --neurons 10

Random features in single precision, 450 images x 100,000, and 100 neurons with 20 repetitions, as
many as in the published recordings of V1. All ten splits, with ceilings and intervals. Prints

products_s  inner products of the images, which both mappings share,
pls_s       products, predictions by PLS and scores, in all,
ridge_s     the same by ridge regression,
peak_mb     largest resident memory of each, libraries and the features themselves included.

--check fails if any takes longer than 60 s or more than 2 GB. --raw also times one split of
scikit-learn's PLS on the raw features, and prints how many times longer that is than one of ours.
"""

import argparse
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import xarray as xr

from insilico.predictivity.features import Features
from insilico.predictivity.mappings import PLS_COMPONENTS, find_mapping
from insilico.predictivity.scores import score_layers
from insilico.predictivity.splits import N_SPLITS, image_splits

MOST_SECONDS = 60
MOST_MB = 2000
DRIVEN_BY = 50  # features that neurons respond to
NOISE = 2.0  # standard deviation of a trial, relative to that of the signal


class Stored:
    """Stands for a model and its images: what is shown are the outputs themselves."""

    display = SimpleNamespace(height=1, width=1)

    def __init__(self, outputs):
        self.outputs = outputs

    def __len__(self):
        return len(self.outputs)

    def images(self, part):
        return torch.from_numpy(self.outputs[part])

    def ready(self):
        return nullcontext()

    def fit(self, *_):
        pass

    def read(self, shown, layers, take):
        return {layer: take(layer, shown) for layer in layers}

    def record(self, shown, layers, take):
        return np.concatenate([take(layer, shown).numpy() for layer in layers], axis=1)


def made(images, features, neurons, repetitions):
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((images, features), dtype=np.float32)
    signal = outputs[:, :DRIVEN_BY] @ rng.standard_normal((min(features, DRIVEN_BY), neurons))
    signal /= signal.std(axis=0)
    trials = signal[..., None] + NOISE * rng.standard_normal((*signal.shape, repetitions))
    dims = ("stimulus", "neuron", "repetition")
    coords = {
        "neuron": np.arange(neurons).astype(str),
        "stratum": ("stimulus", np.resize(["noise", "texture"], images)),
    }
    return outputs, xr.DataArray(trials, dims=dims, coords=coords)


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb():
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def measure(outputs, responses):
    stored = Stored(outputs)
    found = {}
    for name in ("pls", "ridge"):
        forget_peak()
        started = time.perf_counter()
        products = Features(stored, ("layer",), stored).products()
        found.setdefault("products_s", round(time.perf_counter() - started, 2))
        scores = score_layers(products, responses, find_mapping(name))
        found[f"{name}_s"] = round(time.perf_counter() - started, 2)
        found[f"{name}_peak_mb"] = peak_mb()
        found[f"{name}_r"] = round(float(scores.layers["r"].iloc[0]), 3)
    return found


def raw_seconds(outputs, responses):
    """Seconds of one split on the raw features."""
    from sklearn.cross_decomposition import PLSRegression

    means = responses.mean("repetition").to_numpy()
    train, test = image_splits(len(means), responses["stratum"].to_numpy())[0]
    learned, shown = outputs[train], outputs[test]
    started = time.perf_counter()
    PLSRegression(PLS_COMPONENTS, scale=False).fit(learned, means[train]).predict(shown)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=450)
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--check", action="store_true", help="fail above 60 s or 2 GB")
    parser.add_argument("--raw", action="store_true", help="time PLS on raw features too")
    arguments = parser.parse_args()
    outputs, responses = made(
        arguments.images, arguments.features, arguments.neurons, arguments.repetitions
    )
    found = measure(outputs, responses)
    if arguments.raw:
        found["raw_split_s"] = round(raw_seconds(outputs, responses), 2)
        found["ratio"] = round(found["raw_split_s"] * N_SPLITS / found["pls_s"], 1)
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:14s} {value}" for name, value in found.items()))
    slow = max(found["pls_s"], found["ridge_s"]) > MOST_SECONDS
    large = max(found["pls_peak_mb"], found["ridge_peak_mb"]) > MOST_MB
    if arguments.check and (slow or large):
        sys.exit(f"too slow or too large: at most {MOST_SECONDS} s and {MOST_MB} MB are allowed")


if __name__ == "__main__":
    main()
