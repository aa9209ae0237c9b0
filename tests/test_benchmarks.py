"""The programs in benchmarks/ still fit what they measure."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from insilico.experiments.gratings import gratings
from insilico.recording.forward import Forward
from insilico.recording.probe import Probe
from stimuli import Display, Position

FOLDER = Path(__file__).parent.parent / "benchmarks"

# What others of them call, and nobody starts.
CALLED = {"on_device": "table", "bare_passes": "seconds"}


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_a_benchmark_is_imported_and_can_be_started(name):
    found = importlib.import_module(name)
    assert callable(getattr(found, CALLED.get(name, "main")))


@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
def test_the_passes_that_a_recording_makes_are_counted_and_made_again(padding_mode):
    bare_passes = importlib.import_module("bare_passes")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2, padding_mode=padding_mode))
    probe = Probe(model, ["0"], display=Display.square(16, 1.0), sites=[(8, 8)])
    stimuli = gratings(probe.display, Position(0, 0))
    plain = (Forward.record, Forward.without_padding)
    with bare_passes.counted() as passes:
        told = probe.record(stimuli, crops_checked=True).attrs
    assert (Forward.record, Forward.without_padding) == plain
    assert sum(each.shape[0] * n for each, n in passes.items()) == told["n_pictures"]
    side, corner = (5, (6, 6)) if padding_mode == "zeros" else (16, None)
    assert {(each.shape[2:], each.corner) for each in passes} == {((side, side), corner)}
    assert {each.layers for each in passes} == {("0",)}
    sizes = []
    model[0].register_forward_hook(lambda _module, _given, output: sizes.append(output.shape[2:]))
    bare = bare_passes.seconds(passes)
    assert bare.module > 0 and bare.sites > 0
    # The module as it is puts out all sites of a window, and otherwise the one that is read.
    whole = (side, side)
    assert set(sizes) == ({whole, (1, 1)} if padding_mode == "zeros" else {whole})
    assert sizes[0] == whole
