"""The programs in benchmarks/ still fit what they measure."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from insilico.experiments.gratings import gratings
from insilico.recording.probe import Probe
from stimuli import Display, Position

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_a_benchmark_is_imported_and_can_be_started(name):
    found = importlib.import_module(name)
    assert callable(getattr(found, "table" if name == "on_device" else "main"))


@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
def test_the_passes_that_a_recording_makes_are_counted_and_made_again(padding_mode):
    record_speed = importlib.import_module("record_speed")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2, padding_mode=padding_mode))
    probe = Probe(model, ["0"], display=Display.square(16, 1.0), sites=[(8, 8)])
    stimuli = gratings(probe.display, Position(0, 0))
    plain = record_speed.Forward.record
    with record_speed.Shown() as passes:
        told = probe.record(stimuli, crops_checked=True).attrs
    assert record_speed.Forward.record is plain
    assert sum(shape[0] * n for (shape, _), n in passes.items()) == told["n_pictures"]
    side, corner = (5, (6, 6)) if padding_mode == "zeros" else (16, None)
    assert {(shape[2:], at) for shape, at in passes} == {((side, side), corner)}
    assert record_speed.bare_seconds(model, "0", passes) > 0
