"""Fuzz the readers: damage files at random, and see that nothing breaks and nothing is silent.

    python tests/fuzz.py [--seconds 20] [READER ...]

Each reader is given damaged files for a fixed time. It must refuse them in a sentence, or read what
was there before (where the format has checksums). What breaks one is kept as a seed in
tests/data/fuzz_seeds.json, which `make test` tries again (tests/test_damage.py).
"""

import argparse
import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import fake_results
import numpy as np
import pandas as pd
import torch
import xarray as xr
from PIL import Image
from torch import nn

import insilico
from insilico.checksums import MANIFEST, sealed, write_manifest
from insilico.errors import UserError
from insilico.models.weights import read_weights
from insilico.recording.tape import Tape
from insilico.reference import from_assembly, from_csv
from insilico.runs.sweep_file import read_sweep
from insilico.runs.sweep_folder import begin
from insilico.training.checkpoint import read_checkpoint
from insilico.training.config import TrainingConfig, read_training_config
from insilico.training.factorial.config import read_factorial_config
from insilico.training.factorial.tables import read_runs
from insilico.training.opened import network_of

SEEDS = Path(__file__).parent / "data" / "fuzz_seeds.json"

# Words of a text are replaced by these.
NASTY = ("", "null", "-1", "0", "1e999", "NaN", "[]", "{}", '""', "true", '"../../etc/passwd"',
         "9" * 400, "[" * 2000, '"' + "x" * 3000 + '"', "\x00", "\ud7ff", "'", "=1+1",
         "1.5")  # fmt: skip

# Damage on the way: a bit, a cut, a part that was overwritten.
KINDS = ("flip", "flip", "cut", "rubbish", "zeros", "empty", "longer")


class Reader(NamedTuple):
    """What is fuzzed.

    Parameters
    ----------
    make : callable
        Writes whole files into the current folder; returns those that may be damaged.
    read : callable
        Reads them.
    same : callable
        Whether two readings agree, where a difference must not go unnoticed.
    mend : callable
        What somebody would do who changes a file on purpose.
    """

    make: Callable
    read: Callable
    same: Callable = lambda one, other: True
    mend: Callable = lambda: None


def damaged(content, rng):
    """Damage the content of a file."""
    data = bytearray(content)
    if not data:
        return b"x"
    kind = rng.choice(KINDS)
    at = int(rng.integers(len(data)))
    end = at + int(rng.integers(1, 64))
    if kind == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[at:]
    elif kind == "rubbish":
        data[at:end] = rng.bytes(len(data[at:end]))
    elif kind == "zeros":
        data[at:end] = bytes(len(data[at:end]))
    elif kind == "empty":
        data.clear()
    else:
        data += rng.bytes(8)
    return bytes(data)


def reworded(content, rng):
    """Replace a word of a text by another one."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return damaged(content, rng)
    words = list(re.finditer(r'"[^"]*"|[\w.+-]+|[\[{][^\[{]{0,40}', text))
    if not words:
        return damaged(content, rng)
    word = words[int(rng.integers(len(words)))]
    text = text[: word.start()] + str(rng.choice(NASTY)) + text[word.end() :]
    return text.encode(errors="replace")


def results():
    """A folder of results."""
    found = fake_results.results(8)
    few = {"orientation": found.curves["orientation"]}
    dataclasses.replace(found, curves=few, recordings=few).save("run")
    return sorted(path for path in Path("run").rglob("*") if path.is_file())


def texts_of_results():
    """Its texts, of which the checksums are made anew."""
    return [path for path in results() if path.suffix in (".json", ".csv") or path.name[0] == "."]


def with_checksums():
    Path("run", MANIFEST).unlink(missing_ok=True)
    write_manifest(Path("run"))


def equal(one, other):
    return (
        one.units.identical(other.units)
        and one.comparison.equals(other.comparison)
        and one.provenance == other.provenance
        and all(each.identical(other.curves[name]) for name, each in one.curves.items())
        and all(each.identical(other.recordings[name]) for name, each in one.recordings.items())
    )


def saved(name, content):
    torch.save(content, name)
    return [Path(name)]


def weights():
    return saved("w.pth", nn.Conv2d(3, 4, 3).state_dict())


def checkpoint():
    from insilico.training.config import ModelConfig
    from insilico.training.networks import make_network

    network = ModelConfig("torchvision:squeezenet1_1")
    config = dataclasses.asdict(TrainingConfig(network))
    model = make_network(network, num_classes=2, input_size=64, seed=0)
    return saved(
        "last.pt",
        {"config": config, "classes": ["a", "b"], "epoch": 1, "model": model.state_dict()},
    )


def read_network():
    return network_of(read_checkpoint(Path("last.pt")), Path("last.pt")).model.state_dict()


def tensors(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(each, other[name]) for name, each in one.items()
    )


def pictures():
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(f"{number}.png")
    rows = "".join(f"s{number},{number}.png,4\n" for number in range(6))
    Path("p.csv").write_text("stimulus_id,filename,degrees\n" + rows)
    return rng.normal(size=(6, 5, 3))


def npy():
    np.save("r.npy", pictures())
    return [Path("r.npy")]


def npz():
    np.savez("r.npz", pictures())
    return [Path("r.npz")]


def stimuli():
    npy()
    return [Path("p.csv")]


def netcdf():
    trials = pictures()
    flat = trials.transpose(0, 2, 1).reshape(-1, 5)
    coords = {
        "stimulus_id": ("presentation", np.repeat([f"s{each}" for each in range(6)], 3)),
        "repetition": ("presentation", np.tile(np.arange(3), 6)),
        "neuroid_id": ("neuroid", [f"n{each}" for each in range(5)]),
        "region": ("neuroid", ["V1"] * 5),
    }
    data = xr.Dataset({"x": (("presentation", "neuroid"), flat)}, coords=coords)
    data.to_netcdf("r.nc", engine="h5netcdf")
    return [Path("r.nc")]


def assembly():
    values = np.random.default_rng(0).uniform(size=(9, 2))
    names = {"neuronal_property": ["circular_variance", "bandwidth"]}
    array = xr.DataArray(values, dims=("neuroid", "neuronal_property"), coords=names, name="x")
    array.to_netcdf("r.nc", engine="h5netcdf")
    return [Path("r.nc")]


def neurons(name):
    return lambda: insilico.open_neurons(name, "p.csv").responses


def histogram():
    table = {"bin_low": [0, 1, 2], "bin_high": [1, 2, 3], "count": [3, 4, 5]}
    pd.DataFrame(table).to_csv("h.csv", index=False)
    return [Path("h.csv")]


def written(name, text):
    Path(name).write_text(text)
    return [Path(name)]


SWEEP = (
    'models = ["vone", {model = "torchvision:resnet18", weights = ["a.pth"]}]\n'
    'layers = ["a", ["b", "c"]]\nbatteries = ["standard"]\ndegrees = [4, 8.5]\nseeds = [0]\n'
    'untrained = true\n\n[load]\npixels = 64\n\n[run]\nphases = "harmonics"\n'
)


def settings(name):
    from importlib.resources import files

    text = files("insilico.training.configs").joinpath(name).read_text()
    return lambda: written("own.toml", text)


def plan():
    Path("plan").mkdir()
    begin(insilico.cells("vone", degrees=[4, 8]), Path("plan"), {"phases": "keep"})
    return [Path("plan/sweep.json")]


def summary():
    Path("runs/none-seed0").mkdir(parents=True)
    place = {"units": 3, "similarity": {"a": 0.5}, "median": {"a": 0.5}, "n": {"a": 3}}
    run = {"cell": "none", "seed": 0, "dense": False, "accuracy": 0.5, "places": {"p": place}}
    return written("runs/none-seed0/summary.json", sealed(run))


def tape():
    made = Tape(Path("tape"), "this")
    for number in range(4):
        made.write([(number, number)], torch.full((1, 3), float(number)))
    made.keep_sums({"so far": np.arange(3.0)})
    made.flush()
    return sorted(path for path in Path("tape").rglob("*") if path.is_file())


def play():
    made = Tape(Path("tape"), "this")
    return made.play(4, 3)[1].tolist(), {
        name: each.tolist() for name, each in (made.sums() or {}).items()
    }


READERS = {
    "results": Reader(results, lambda: insilico.open_results("run"), equal),
    "texts of results": Reader(
        texts_of_results, lambda: insilico.open_results("run"), mend=with_checksums
    ),
    "weights": Reader(weights, lambda: read_weights("w.pth"), tensors),
    "checkpoint": Reader(checkpoint, read_network, tensors),
    "tape": Reader(tape, play),
    "npy": Reader(npy, neurons("r.npy"), lambda one, other: one.shape == other.shape),
    "npz": Reader(npz, neurons("r.npz"), lambda one, other: one.equals(other)),
    "netcdf": Reader(netcdf, neurons("r.nc")),
    "assembly": Reader(assembly, lambda: from_assembly("r.nc")),
    "table of stimuli": Reader(stimuli, neurons("r.npy")),
    "histogram": Reader(histogram, lambda: from_csv("h.csv", property="x")),
    "training": Reader(settings("paper.toml"), lambda: read_training_config("own.toml")),
    "factorial": Reader(settings("factorial.toml"), lambda: read_factorial_config("own.toml")),
    "sweep": Reader(lambda: written("sweep.toml", SWEEP), lambda: read_sweep("sweep.toml")),
    "plan": Reader(
        plan,
        lambda: begin(insilico.cells("vone", degrees=[4, 8]), Path("plan"), {"phases": "keep"}),
    ),
    "summary": Reader(summary, lambda: read_runs("."), lambda one, other: one.equals(other)),
}


def broken(name, seeds):
    """Damage the files of a reader at some seeds; yield those at which it breaks, and how."""
    reader = READERS[name]
    before = Path.cwd()
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    try:
        paths = reader.make()
        reader.mend()
        paths = [path for path in paths if path.is_file()]
        whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        known = reader.read()
        for seed in seeds:
            rng = np.random.default_rng([seed, len(name)])
            path = paths[int(rng.integers(len(paths)))]
            change = damaged if rng.integers(2) else reworded
            content = change(path.read_bytes(), rng)
            if content == path.read_bytes():
                continue
            path.write_bytes(content)
            reader.mend()
            try:
                # A space in a manifest may become another one.
                if not reader.same(reader.read(), known) and path.name != MANIFEST:
                    yield seed, f"{path}: silently another content"
            except UserError:
                pass
            # Whatever it is, it is what we look for.
            except BaseException:  # noqa: BLE001
                yield seed, f"{path}: {traceback.format_exc(limit=-3)}"
            for each, content in whole.items():
                each.write_bytes(content)
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


def for_seconds(seconds, start=0):
    """Count, for some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield start
        start += 1


def main():
    """Fuzz, keep the seeds that break something, and fail if any does."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", choices=[[], *READERS], default=[])
    parser.add_argument("--seconds", type=float, default=20, help="for each reader")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    kept = json.loads(SEEDS.read_text())
    failed = 0
    for name in given.readers or READERS:
        tried = 0

        def counted(start=given.start):
            nonlocal tried
            for seed in for_seconds(given.seconds, start):
                tried += 1
                yield seed

        for seed, how in broken(name, counted()):
            failed += 1
            kept.setdefault(name, [])
            kept[name] = sorted({*kept[name], seed})
            print(f"{name}, seed {seed}: {how}", flush=True)
        print(f"{name}: {tried} tried", flush=True)
    SEEDS.write_text(json.dumps(kept, indent=2) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
