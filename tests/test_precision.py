"""float32 means float32: TF32 is off while the rig computes, and as it was afterwards."""

import pytest
import torch
from torch import nn

from insilico.errors import UserError
from insilico.recording.forward import Forward
from insilico.recording.precision import rounding
from insilico.recording.probe import Probe
from stimuli import Display

backends = torch.backends
NEWER = ["cudnn.conv", "cudnn.rnn", "cuda.matmul", "mkldnn.conv", "mkldnn.rnn", "mkldnn.matmul"]
ON_GPU = NEWER[:3]

newer_switches = pytest.mark.skipif(
    not hasattr(backends, "fp32_precision"), reason="torch before 2.9"
)


def use(name, value):
    """Set one of torch's newer switches."""
    place = backends
    for part in name.split("."):
        place = getattr(place, part)
    place.fp32_precision = value


def older(convolutions, products):
    backends.cudnn.allow_tf32 = convolutions
    torch.set_float32_matmul_precision(products)


# What users have set before they call us.
SETTINGS = {
    "torch's own": lambda: None,
    "products of three digits": lambda: torch.set_float32_matmul_precision("high"),
    "products of two digits": lambda: torch.set_float32_matmul_precision("medium"),
    "cuBLAS": lambda: setattr(backends.cuda.matmul, "allow_tf32", True),
    "no TF32": lambda: setattr(backends.cudnn, "allow_tf32", False),
}
NEWER_SETTINGS = {
    "convolutions in float32": lambda: use("cudnn.conv", "ieee"),
    "products in TF32": lambda: use("cuda.matmul", "tf32"),
    "all in TF32": lambda: setattr(backends, "fp32_precision", "tf32"),
    "all in float32": lambda: setattr(backends, "fp32_precision", "ieee"),
    "both kinds": lambda: (older(False, "high"), use("cudnn.rnn", "tf32")),
}
if hasattr(backends, "fp32_precision"):
    SETTINGS |= NEWER_SETTINGS


@pytest.fixture(autouse=True)
def torch_as_it_starts():
    yield
    older(True, "highest")
    if hasattr(backends, "fp32_precision"):
        backends.fp32_precision = "none"
        for name in NEWER:
            use(name, "tf32" if name.startswith("cudnn") else "none")


def state():
    """Everything that can be read of the switches; where torch refuses, that."""
    readers = {
        "convolutions": lambda: backends.cudnn.allow_tf32,
        "products": lambda: backends.cuda.matmul.allow_tf32,
        "precision": torch.get_float32_matmul_precision,
    }
    if hasattr(backends, "fp32_precision"):
        for name in NEWER:
            first, second = name.split(".")
            place = getattr(getattr(backends, first), second)
            readers[name] = lambda place=place: place.fp32_precision
        readers["all"] = lambda: backends.fp32_precision
    told = {}
    for name, read in readers.items():
        try:
            told[name] = read()
        except RuntimeError:
            told[name] = "torch refuses"
    return told


class Asked(nn.Module):
    """Keeps what the switches are while it computes."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        # Not an attribute, which would be put back after a recording.
        seen = []
        self.seen = lambda: seen

    def forward(self, images):
        self.seen().append(state())
        return self.weight * images


@pytest.mark.parametrize("setting", SETTINGS)
def test_nothing_is_rounded_while_a_model_is_recorded(setting):
    SETTINGS[setting]()
    before, model = state(), Asked()
    with Forward(model).ready():
        model(torch.ones(1, 1, 4, 4))
    Probe(model, ["output"], display=Display.square(8, 1.0), channels=1)
    for seen in model.seen():
        assert seen["convolutions"] is seen["products"] is False
        assert seen["precision"] == "highest"
        assert {seen.get(name, "ieee") for name in NEWER} == {"ieee"}
    assert state() == before


@pytest.mark.parametrize("setting", SETTINGS)
def test_tf32_is_a_choice_for_gpus_that_is_taken_back(setting):
    SETTINGS[setting]()
    before = state()
    with rounding(tf32=True):
        seen = state()
    assert seen["convolutions"] is seen["products"] is True
    assert {seen.get(name, "tf32") for name in ON_GPU} == {"tf32"}
    assert {seen.get(name, "ieee") for name in set(NEWER) - set(ON_GPU)} == {"ieee"}
    assert state() == before


@newer_switches
def test_a_switch_that_follows_the_one_above_it_still_does():
    with rounding(tf32=False):
        pass
    backends.fp32_precision = "tf32"
    assert backends.cuda.matmul.fp32_precision == "tf32"


def test_the_switches_are_restored_after_an_error():
    before = state()
    with pytest.raises(RuntimeError, match="in the middle"), rounding(tf32=True):
        raise RuntimeError("in the middle")
    assert state() == before


def test_only_recorded_passes_are_in_tf32(monkeypatch):
    monkeypatch.setattr("insilico.recording.forward.check_precision", lambda *_: None)
    model = Asked()
    forward = Forward(model, channels=1, precision="tf32")
    images = torch.ones(1, 1, 4, 4)
    with forward.ready():
        forward.read(images, ["output"], lambda _, output: output.clone())
        forward.record(images, ["output"], lambda _, output: output.flatten(1))
    assert [seen["convolutions"] for seen in model.seen()] == [False, True]


def test_tf32_is_refused_where_there_is_none(monkeypatch):
    with pytest.raises(UserError, match="needs an NVIDIA GPU of the Ampere generation"):
        Forward(Asked(), precision="tf32")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    with pytest.raises(UserError, match=r"the device is cuda:0"):
        Forward(nn.ReLU(), device="cuda:0", precision="tf32")


def test_a_recording_in_tf32_says_what_it_costs(monkeypatch):
    monkeypatch.setattr("insilico.recording.forward.check_precision", lambda *_: None)
    made = {"display": Display.square(8, 1.0), "channels": 1}
    assert any(
        "TF32" in note for note in Probe(Asked(), ["output"], precision="tf32", **made).notes
    )
    assert not any("TF32" in note for note in Probe(Asked(), ["output"], **made).notes)
