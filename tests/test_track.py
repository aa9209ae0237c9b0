"""Following a training run: every checkpoint is measured once, and what is measured is drawn."""

import dataclasses
import shutil
import threading

import fake_results
import numpy as np
import pandas as pd
import pytest
import torch

import insilico
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.figures.tracks import tracks
from insilico.models.weights import weights_hash
from insilico.training.config import DataConfig, ModelConfig, TrainingConfig
from insilico.training.loop import train
from insilico.training.tracking import track, track_table

CONFIG = TrainingConfig(
    data=DataConfig("exemplars", image_size=32, crops_per_class=2, workers=0,
                    validation_fraction=0.0),
    model=ModelConfig("torchvision:squeezenet1_1"), epochs=2, batch_size=100, select="last",
    keep_every=1, device="cpu", precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "run"
    train(CONFIG, folder)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "run"
    found = fake_results.results(20, layers=("conv1",), seed=3)
    few = {name: found.curves[name] for name in ("orientation",)}
    dataclasses.replace(found, curves=few).save(folder)
    (folder / "run.json").write_text("{}")
    return folder


@pytest.fixture
def measured(monkeypatch, results):
    """Stand in for the runs; returns the weights of the networks, in turn."""
    weights = []

    def measure(model, layers, *, out, **options):
        assert layers == ["features.0"]
        assert not model.training
        weights.append((model.card.name, weights_hash(model)))
        shutil.copytree(results, out)

    monkeypatch.setattr(insilico, "run", measure)
    return weights


def of(path, *, name="model"):
    return torch.load(path, weights_only=True)[name]


def test_each_checkpoint_is_measured_once(run, measured, capsys):
    words = ["track", str(run), "--layer", "features.0", "--once"]
    assert main(words) == 0
    said = capsys.readouterr().out
    steps = [of(run / name, name="schedule")["last_epoch"] for name in ("epoch_001.pt", "last.pt")]
    assert [name for name, _ in measured] == [f"run, step {each}" for each in (0, *steps)]
    assert said.splitlines() == [
        "step 0 (epoch 0): measured",
        f"step {steps[0]} (epoch 1): measured",
        f"step {steps[1]} (epoch 2): measured",
        f"figure: {run / 'track/tracks.png'}",
    ]
    # The network before its first step has the weights that training began with.
    assert len({weights for _, weights in measured}) == 3
    numbers = pd.read_csv(run / "track/tracks.csv")
    assert sorted(numbers["step"].unique()) == [0, *steps]
    assert main([*words, "-q"]) == 0
    assert len(measured) == 3


def test_the_network_before_training_is_that_which_was_trained(run, monkeypatch):
    """One that is trained for no step at all is the same."""
    models = []

    def keep(model, *_, out, **__):
        models.append(model)
        raise UserError("only looked at")

    monkeypatch.setattr(insilico, "run", keep)
    with pytest.raises(UserError, match="3 checkpoints could not be measured: epoch_001.pt: only"):
        list(track(run, ["features.0"], once=True))
    from insilico.training.networks import make_network

    fresh = make_network(CONFIG.model, num_classes=len(of(run / "last.pt", name="classes")),
                         input_size=32, seed=CONFIG.seed)  # fmt: skip
    state = fresh.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in models[0].state_dict().items())


def test_those_that_appear_are_measured_until_training_ends(run, measured, tmp_path):
    later = tmp_path / "later"
    later.mkdir()
    for name in ("epoch_002.pt", "last.pt"):
        (run / name).rename(later / name)
    shutil.copy(run / "epoch_001.pt", run / "last.pt")

    def appear():
        for name in ("epoch_002.pt", "last.pt"):
            (later / name).rename(run / name)

    found = []
    for moment in track(run, ["features.0"], every=0.01):
        found.append(moment.epoch)
        if len(found) == 2:
            threading.Timer(0.05, appear).start()
    assert found == [0, 1, 2]


def test_a_damaged_checkpoint_does_not_stop_the_others(run, measured, capsys, monkeypatch):
    monkeypatch.setattr("insilico.training.tracking.write_tracks", lambda out: out)
    content = bytearray((run / "epoch_001.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "epoch_001.pt").write_bytes(content)
    assert main(["track", str(run), "--layer", "features.0", "--once", "-q"]) == 2
    said = capsys.readouterr()
    assert "1 checkpoints could not be measured: epoch_001.pt: " in said.err
    assert "is damaged" in said.err
    assert said.out.startswith("figure: ")
    assert [name for name, _ in measured] == ["run, step 0", measured[1][0]]


def test_code_of_somebody_else_is_not_run(run, measured):
    for path in run.glob("*.pt"):
        saved = torch.load(path, weights_only=True)
        saved["config"]["model"]["name"] = "os:system"
        torch.save(saved, path)
    with pytest.raises(UserError, match="names 'os:system' as its model: that is code"):
        list(track(run, ["features.0"], once=True))


def test_what_cannot_be_tracked(run, tmp_path, caplog):
    with pytest.raises(UserError, match="holds no training run: last.pt is missing"):
        list(track(tmp_path, ["layer1"], once=True))
    for waits in (False, True):  # a layer would not help
        with pytest.raises(UserError, match="holds no training run: last.pt is missing"):
            list(track(tmp_path, [], once=not waits))
    with pytest.raises(UserError, match="which layer is V1.*--layer"):
        list(track(run, [], once=True))
    for options, message in (
        ({"battery": "standart"}, "battery must be one of .*Did you mean standard"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
    ):
        with pytest.raises(UserError, match=f"^{message}"):
            list(track(run, ["features.0"], once=True, **options))
        assert not caplog.records, "said once, and not for every checkpoint"
    for every in (0, -1, float("nan")):
        with pytest.raises(UserError, match=f"every must be seconds.* above 0; got {every:g}"):
            list(track(run, ["features.0"], once=True, every=every))
    with pytest.raises(UserError, match="holds no moment of a training run"):
        track_table(tmp_path)


def test_numbers_are_those_of_the_units(results, tmp_path):
    shutil.copytree(results, tmp_path / "step000000120")
    table = track_table(tmp_path)
    assert set(table["step"]) == {120}
    assert "preferred_orientation" not in set(table["property"])
    row = table[table["property"] == "circular_variance"].iloc[0]
    units = insilico.open_results(results).units
    answered = units["responsive"].sel(protocol="orientation").to_numpy()
    values = units["circular_variance"].to_numpy()[answered]
    expected = np.nanquantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(row[["low", "value", "high"]].astype(float), expected)
    assert row["macaque"] == insilico.reference.load("ringach2002.circular_variance").median
    assert row["n"] == np.isfinite(values).sum()
    share = table[table["property"] == "orientation_selective"].iloc[0]
    assert share["kind"] == "share"
    assert 0 <= share["value"] <= 1
    assert 0 < share["macaque"] < 1


def test_a_panel_for_each_property():
    rng = np.random.default_rng(0)
    rows = [
        {"step": step, "layer": layer, "property": name, "label": f"Property {name}",
         "units": "deg", "kind": "median", "n": 9, "value": middle,
         "low": middle - 1, "high": middle + 1, "macaque": np.nan if name == "b" else 3.0}
        for step in (0, 10, 30)
        for layer in ("layer1", "layer2")
        for name, middle in zip("abcde", rng.normal(size=5), strict=True)
    ]  # fmt: skip
    rows.append({**rows[0], "property": "unknown", "value": np.nan})
    figure = tracks(pd.DataFrame(rows))
    drawn = [ax for ax in figure.axes if ax.get_visible()]
    assert len(drawn) == 5
    assert [len(ax.lines) for ax in drawn] == [3, 2, 3, 3, 3]
    assert list(drawn[0].lines[1].get_xdata()) == [0, 10, 30]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["macaque", "layer1", "layer2"]
    assert [ax.get_xlabel() for ax in drawn] == ["", "Training step", "Training step",
                                                 "Training step", "Training step"]  # fmt: skip


@pytest.mark.slow
def test_a_real_run_is_measured(run):
    found = list(track(run, ["features.0"], once=True, most_units=8))
    assert [moment.epoch for moment in found] == [0, 1, 2]
    assert track_table(run / "track")["step"].nunique() == 3
