"""What comes from others: opening it runs no code of its own and reads no other file."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import insilico
from insilico import UserError
from insilico.checksums import write_manifest
from insilico.cli.app import main
from insilico.figures.style import new_figure, save_figure
from insilico.folders import inside
from insilico.models.built_in import BUILT_IN
from insilico.models.trust import check_trusted, runs_only_ours
from insilico.training.config import ModelConfig, TrainingConfig, read_training_config
from insilico.training.factorial.config import read_factorial_config
from insilico.training.robustness.evaluated import open_run

# Whatever makes the model would leave this file.
RAN = "ran"
EVIL = f"import pathlib\npathlib.Path({RAN!r}).touch()\ndef make(**_):\n    return None\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not (tmp_path / RAN).exists(), "code that a file named was run"


def digital(name, spec, *, code_sha256=None, **model):
    """A folder of digital neurons, whole and with right checksums, as a stranger may send it."""
    folder = Path(name)
    folder.mkdir()
    (folder / "evil.py").write_text(EVIL)
    readout = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    save_file(readout, folder / "readout.safetensors")
    record = {
        "model": {"spec": spec, **model},
        "code_sha256": code_sha256,
        "weights_hash": "0",
        "layer": "1",
        "neurons": ["a", "b"],
        "fitted_to": "nothing",
    }
    (folder / "neurons.json").write_text(json.dumps(record))
    write_manifest(folder)
    return f"digital:{folder}"


def refused(capsys, *words):
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("insilico: error: ")
    assert said.count("\n") == 1
    return said


def run_of(name, options):
    """The folder of a training run that names a network."""
    Path("run").mkdir()
    config = dataclasses.asdict(TrainingConfig(ModelConfig(name, options)))
    saved = {"model": {}, "config": config, "classes": ["a", "b"], "epoch": 1}
    torch.save(saved, "run/weights.pt")
    return Path("run")


@pytest.fixture
def hub(here):
    """Options with which torch.hub:load runs a file."""
    Path("hub").mkdir()
    Path("hub/hubconf.py").write_text(EVIL)
    return {"repo_or_dir": "hub", "source": "local", "model": "make"}


class TestDigitalNeurons:
    @pytest.mark.parametrize(
        "spec",
        [
            "x/evil.py:make", "torchvision:x/evil.py:make", "timm:x/evil.py:make", "x.evil:make",
            "timm:evil.py:make", "vone:x.evil:make", "this:s", "digital:x", "torch.hub:load", 3,
            None, ["vone"], {"vone": 1}, "", "vone ", "vone\n",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("command", [["layers"], ["run", "--out", "out", "-q"]])
    def test_no_code_but_ours_is_run(self, here, capsys, spec, command):
        model = digital("x", spec)
        said = refused(capsys, command[0], model, *command[1:])
        assert "code of somebody's own" in said
        assert "--trust-code" in said
        assert not (here / "out").exists()

    def test_predict_neither(self, here, capsys):
        model = digital("x", "x/evil.py:make")
        rng = np.random.default_rng(0)
        np.save("responses.npy", rng.normal(size=(4, 2)))
        for name in "abcd":
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(f"{name}.png")
        pd.DataFrame({"filename": [f"{name}.png" for name in "abcd"]}).to_csv("p.csv", index=False)
        words = ["--assembly", "responses.npy", "--stimuli", "p.csv", "--image-degrees", "4"]
        assert "--trust-code" in refused(capsys, "predict", model, *words)

    def test_a_file_cannot_say_that_it_is_trusted(self, here, capsys):
        model = digital("x", "vone", trust_code=True)
        assert "x is damaged" in refused(capsys, "layers", model)
        model = digital("y", "y/evil.py:make", trust_code=True)
        assert "--trust-code" in refused(capsys, "layers", model)

    def test_checksums_come_before_all_else(self, here):
        model = digital("x", "x/evil.py:make")
        with Path("x/neurons.json").open("a") as file:
            file.write(" ")
        for trust_code in (False, True):
            with pytest.raises(UserError, match="neurons.json is damaged"):
                insilico.load_model(model, trust_code=trust_code)

    def test_code_that_is_trusted_is_that_of_the_fit(self, here):
        """It was changed since, and is not run even so."""
        model = digital("x", "x/evil.py:make", code_sha256="0" * 64)
        with pytest.raises(UserError, match="is not the code .* was not run"):
            insilico.load_model(model, trust_code=True)

    @pytest.mark.parametrize(
        "weights", ["../w.pth", "/etc/passwd", "link.pth", "sub/../../w.pth", "../w.pth#ema"]
    )
    def test_weights_lie_in_the_folder(self, here, weights):
        torch.save({}, "w.pth")
        model = digital("x", "vone", weights=weights)
        Path("x/link.pth").symlink_to(here / "w.pth")
        with pytest.raises(UserError, match="names a file outside of itself"):
            insilico.load_model(model)

    @pytest.mark.parametrize("name", ["w.pth", "other.pth", "w.pth#ema", "#w.pth"])
    def test_weights_without_a_checksum(self, here, name):
        model = digital("x", "vone", weights=name)
        torch.save({}, "x/w.pth")
        with pytest.raises(UserError, match="there are no checksums of its weights"):
            insilico.load_model(model)

    @pytest.mark.parametrize(
        "options", [{"gabors": [1]}, {"pixels": "a"}, {"degrees": [3]}, {"mode": 3}, {"mean": "x"}]
    )
    def test_options_that_make_no_model_are_the_folder_s_fault(self, here, capsys, options):
        refused(capsys, "layers", digital("x", "vone", **options))


def test_trusted_code_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    whole = hashlib.sha256(EVIL.encode()).hexdigest()
    model = digital("x", "x/evil.py:make", code_sha256=whole)
    assert "make returned None" in refused(capsys, "layers", model, "--trust-code")
    assert (tmp_path / RAN).exists()


class TestDescribed:
    @pytest.mark.parametrize(
        "options",
        [
            {"checkpoint_path": "evil.pth"}, {"cache_dir": "here"}, {"pretrained_cfg": "a"},
            {"pretrained_cfg_overlay": {"file": "evil.pth"}}, {"a": {"b": 1}}, {"a": "../b"},
            {"a": "C:\\b"}, {"a": "hf-hub:b"}, {"a": ["/b"]}, {"a": [["https://b"]]}, {"a": "b/c"},
            {"a": object()}, {"a": b"c"},
        ],
    )  # fmt: skip
    def test_options_are_numbers_and_words(self, options):
        with pytest.raises(UserError, match="which could name a file or an address"):
            check_trusted("timm:x", options, built_in=(), source="f", trust_code=False)
        check_trusted("timm:x", options, built_in=(), source="f", trust_code=True)

    def test_plain_options_are_passed(self):
        options = {"mode": "as_released", "a": 3, "b": [1.5, None, [True]], "act": "relu6 -x.y"}
        check_trusted("timm:x.tag_in1k", options, built_in=(), source="f", trust_code=False)

    def test_names(self):
        for name in (*BUILT_IN, "torchvision:resnet18", "timm:vit_base.augreg-in1k"):
            assert runs_only_ours(name, BUILT_IN)
        for name in ("torchvision:", "timm:a/b", "timm:hf-hub:a/b", "timm:a\n", "timm.models:a"):
            assert not runs_only_ours(name, BUILT_IN)


class TestTraining:
    def test_evaluate_runs_nothing_that_a_checkpoint_names(self, hub, capsys):
        run_of("torch.hub:load", hub)
        assert "names 'torch.hub:load' as its model" in refused(capsys, "evaluate", "run")

    @pytest.mark.parametrize("name", ["os:system", "timm:create_model", "torchvision:io.read_file"])
    def test_other_names(self, here, name):
        with pytest.raises(UserError):
            open_run(run_of(name, {"command": "touch ran", "model_name": "hf-hub:x"}))

    def test_options_that_make_no_network(self, here):
        with pytest.raises(UserError, match="constrained_resnet.* cannot be made"):
            open_run(run_of("constrained_resnet", {"depth": [18]}))

    def test_train_runs_nothing_that_a_file_names(self, hub, capsys):
        options = "\n".join(f'{name} = "{value}"' for name, value in hub.items())
        Path("sent.toml").write_text(
            f'[model]\nname = "torch.hub:load"\n[model.options]\n{options}\n'
            '[data]\nkind = "exemplars"\n'
        )
        said = refused(capsys, "train", "sent.toml", "--out", "out", "-q")
        assert "sent.toml names 'torch.hub:load' as its model" in said

    def test_what_the_user_names_is_trusted(self, here):
        Path("sent.toml").write_text('[model]\nname = "mine:make"\n')
        with pytest.raises(UserError, match="--trust-code"):
            read_training_config("sent.toml")
        with pytest.raises(UserError, match="--trust-code"):
            read_training_config("sent.toml", ["model.options.name=a", "seed=1"])
        assert read_training_config("sent.toml", trust_code=True).model.name == "mine:make"
        assert read_training_config("sent.toml", ["model.name=mine:make"]).model.name == "mine:make"

    def test_places_of_an_experiment_are_no_paths(self, here, capsys):
        Path("sent.toml").write_text('[measure.places]\n"../../up" = [[0.5, 0.5]]\n')
        with pytest.raises(UserError, match="become those of files"):
            read_factorial_config("sent.toml")
        assert "become those" in refused(capsys, "factorial", "sent.toml", "--out", "out", "-q")


class TestPaths:
    @pytest.fixture
    def pictures(self, here):
        rng = np.random.default_rng(0)
        Path("set/sub").mkdir(parents=True)
        for name in ("secret", "set/a", "set/sub/b"):
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(f"{name}.png")
        np.save("responses.npy", rng.normal(size=(2, 3)))

    def open(self, *names):
        pd.DataFrame({"filename": names}).to_csv("set/table.csv", index=False)
        return insilico.open_neurons("responses.npy", "set", degrees=4)

    @pytest.mark.parametrize(
        "name",
        [
            "../secret.png", "sub/../../secret.png", "/etc/passwd", "link.png", "sub/l/secret.png",
            "..\\secret.png", "", "a\0.png",
        ],
    )  # fmt: skip
    def test_a_table_of_stimuli_names_nothing_outside(self, pictures, here, name):
        Path("set/link.png").symlink_to(here / "secret.png")
        Path("set/sub/l").symlink_to(here)
        with pytest.raises(UserError, match="names a file outside of itself"):
            self.open("a.png", name)

    def test_a_name_that_no_file_can_have(self, pictures):
        with pytest.raises(UserError):
            self.open("a.png", "x" * 5000)

    def test_a_link_below_is_not_followed_out(self, pictures, here):
        Path("set/sub/far.png").symlink_to(here / "secret.png")
        with pytest.raises(UserError, match="names a file outside of itself"):
            self.open("a.png", "far.png")

    def test_pictures_in_the_folder_are_found(self, pictures, here):
        Path("set/sub/near.png").symlink_to("b.png")
        Path("way").symlink_to("set")
        self.open("a.png", "sub/b.png")
        self.open("a.png", "b.png")
        self.open("a.png", "near.png")
        found = insilico.open_neurons("responses.npy", "way/table.csv", degrees=4)
        assert [path.name for path in found.pictures] == ["a.png", "near.png"]

    def test_figures_stay_in_their_folder(self, here):
        with pytest.raises(UserError, match="names a file outside of itself"):
            save_figure(new_figure(1, 1), here / "figures", "../up")
        assert not list(here.iterdir())

    def test_links_in_a_circle(self, here):
        Path("a").symlink_to("b")
        Path("b").symlink_to("a")
        with pytest.raises(UserError, match="names a file outside of itself"):
            inside(here, "a/c")
