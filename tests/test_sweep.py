"""Several degrees and an untrained control: which runs there are, and what becomes of them."""

import dataclasses

import fake_results
import pandas as pd
import pytest
import torch

import insilico
from insilico import load_model
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.models.weights import weights_hash
from insilico.runs.cells import cells
from insilico.runs.control import untrained_control

MODELS = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 9, stride=8), nn.ReLU())

def fixed():
    net = build()
    for weight in net.parameters():
        nn.init.constant_(weight, 0.5)
    return net

def without():
    return nn.Sequential(nn.AvgPool2d(2))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(MODELS)
    torch.manual_seed(5)
    state = {"0.weight": torch.randn(4, 3, 9, 9), "0.bias": torch.randn(4)}
    torch.save(state, tmp_path / "trained.pth")
    return tmp_path


@pytest.fixture
def recorded(monkeypatch):
    """Stand in for the run; returns the models that were recorded."""
    models = []

    def run(model, layers=None, *, out, **options):
        models.append(model)
        card = model.card
        found = fake_results.results(
            20, layers=("conv1",), seed=len(models), model=card.name, weights=card.weights,
            trained=card.trained, weights_hash=weights_hash(model),
            display={"degrees": card.display.degrees[0], "width_px": 224, "px_per_deg": 28.0,
                     "height_px": 224},
        )  # fmt: skip
        found.save(out)
        return found

    monkeypatch.setattr("insilico.runs.run.run", run)
    return models


def refused(capsys, command):
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def named(*arguments, **options):
    return [
        (each.name, each.degrees, each.untrained) for each in cells("vone", *arguments, **options)
    ]


class TestCells:
    def test_one_run_is_one_run(self):
        assert named() == [("model", None, False)]
        assert named(degrees=[4.0]) == [("model", 4.0, False)]

    def test_every_degree_has_its_control(self):
        assert named(degrees=[4, 8.5], untrained=True) == [
            ("4deg", 4, False),
            ("4deg-untrained", 4, True),
            ("8.5deg", 8.5, False),
            ("8.5deg-untrained", 8.5, True),
        ]

    def test_everything_with_everything(self):
        found = cells(
            "net.py:build",
            weights=["runs/a.pth", "b.pth"],
            layers=[("layer1",), ("layer2", "layer3")],
            batteries=["standard", "marques2020"],
            seeds=[0, 1],
            load={"pixels": 64},
        )
        assert len(found) == len({each.name for each in found}) == 16
        assert found[0].name == "a-layer1-standard-seed0"
        assert found[-1].name == "b-layer2-layer3-marques2020-seed1"
        assert {each.load["pixels"] for each in found} == {64}

    def test_what_is_given_twice(self):
        with pytest.raises(UserError, match="degrees must differ; got 4deg more than once"):
            named(degrees=[4, 8, 4])
        with pytest.raises(UserError, match="two runs would have one folder, last"):
            named(weights=["a/last.pth", "b/last.pth"])


class TestControl:
    def control(self, spec, weights=None, seed=0):
        return untrained_control(
            load_model(spec, weights), lambda number: load_model(spec, seed=number), seed=seed
        )

    def test_the_same_architecture_with_random_weights(self, here):
        model = load_model("small.py:build", "trained.pth")
        control = self.control("small.py:build", "trained.pth", seed=3)
        made_by = {**model.card.arguments, "weights": None, "seed": 3}
        assert control.card == dataclasses.replace(
            model.card, trained=False, weights="random, seed 3", arguments=made_by
        )
        assert torch.equal(control[0].weight, load_model("small.py:build", seed=3)[0].weight)
        assert not torch.equal(control[0].weight, model[0].weight)

    @pytest.mark.parametrize("spec", ["textbook", "small.py:without"])
    def test_weights_set_by_design(self, here, spec):
        with pytest.raises(UserError, match="no untrained control"):
            self.control(spec)

    def test_a_function_that_makes_no_random_weights(self, here):
        with pytest.raises(UserError, match="gives the same weights for every seed"):
            self.control("small.py:fixed", "trained.pth")

    @pytest.mark.parametrize("spec", ["torchvision:resnet18", "small.py:build"])
    def test_weights_that_are_random_already(self, here, spec):
        with pytest.raises(UserError, match="are random already"):
            self.control(spec)


class TestCommand:
    def test_control_beside_the_model(self, here, recorded, capsys):
        command = "run small.py:build --weights trained.pth --layer 0 --untrained -q --out out"
        assert main(command.split()) == 0
        printed = capsys.readouterr().out
        assert printed.rstrip().endswith("comparison: out/comparison/comparison.html")
        assert {path.name for path in (here / "out").iterdir()} == {
            "model",
            "untrained",
            "comparison",
        }
        assert (here / "out/untrained/report.html").is_file()
        assert [model.card.trained for model in recorded] == [True, False]
        models = pd.read_csv(here / "out/comparison/models.csv")
        assert list(models["name"]) == [
            "small.py:build conv1",
            "small.py:build conv1 (untrained)",
        ]

    def test_several_degrees(self, here, recorded):
        command = "run small.py:build --layer 0 --degrees 4 8 16 -q --out out"
        assert main(command.split()) == 0
        assert [model.card.display.degrees[0] for model in recorded] == [4, 8, 16]
        assert len({weights_hash(model) for model in recorded}) == 1
        assert insilico.open_results("out/16deg").provenance["display"]["degrees"] == 16
        drawn = pd.read_csv(here / "out/comparison/figures/degrees-median.csv")
        assert sorted(drawn["degrees"].unique()) == [4, 8, 16]
        page = (here / "out/comparison/comparison.html").read_text()
        assert 'id="figure-degrees-similarity"' in page

    def test_one_value_of_degrees_is_one_folder(self, here, recorded):
        assert (
            main(["run", "small.py:build", "--layer", "0", "--degrees", "4", "-q", "--out", "out"])
            == 0
        )
        assert (here / "out/report.html").is_file()
        assert recorded[0].card.display.degrees == (4, 4)

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("run vone --untrained", "vone has no untrained control"),
            ("run torchvision:resnet18 --untrained", "are random already"),
            ("run small.py:build --degrees 4 4", "degrees must differ"),
            ("layers small.py:build --degrees 4 8", "only 'insilico run' takes several; got 4 8"),
        ],
    )
    def test_mistakes_are_told_before_the_first_run(self, here, recorded, capsys, command, message):
        assert message in refused(capsys, command)
        assert not recorded
