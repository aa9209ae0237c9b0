"""Damaged files: named in one sentence, and never a traceback or a number that is another.

Every reader is given files of which bits were flipped, that were cut off, or replaced by rubbish,
at fixed seeds; `make validate` does so for longer.
"""

import dataclasses
import json
import shutil
from functools import partial
from importlib.resources import files
from pathlib import Path

import fake_results
import fuzz
import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import insilico
from insilico import open_results
from insilico.checksums import MANIFEST, check_files, sealed, write_manifest
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.models.digital import DigitalNeurons
from insilico.models.weights import read_weights
from insilico.reference import from_assembly
from insilico.training.config import DataConfig, ModelConfig, TrainingConfig, read_training_config
from insilico.training.factorial.tables import read_runs
from insilico.training.loop import train
from insilico.training.networks import make_network
from insilico.training.robustness.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    mean_corruption_error,
    read_accuracies,
)
from insilico.training.robustness.evaluated import open_run


def refused_or_same(read, path, *, same, seed, times, named=True):
    """Damage a file many times; reading it is refused in one sentence, or gives the same."""
    whole = path.read_bytes()
    silent = []
    for number in range(times):
        rng = np.random.default_rng([seed, number])
        content = fuzz.damaged(whole, rng)
        if content == whole:
            continue
        path.write_bytes(content)
        try:
            found = read()
        except UserError as error:
            assert not named or path.name in str(error), (number, str(error))
            assert len(str(error)) < 1000
        else:
            if not same(found):
                silent.append(number)
    path.write_bytes(whole)
    assert not silent, f"silently another content: {silent}"


def equal(one, other):
    return (
        one.units.identical(other.units)
        and one.comparison.equals(other.comparison)
        and one.provenance == other.provenance
        and all(curve.identical(other.curves[name]) for name, curve in one.curves.items())
        and list(one.recordings) == list(other.recordings)
        and list(one.curves) == list(other.curves)
    )


FEW_OR_MANY = [3, pytest.param(60, marks=pytest.mark.slow)]


@pytest.fixture
def saved(tmp_path):
    run = fake_results.results(20)
    recordings = {"orientation": run.curves["orientation"]}
    return dataclasses.replace(run, recordings=recordings).save(tmp_path / "run")


class TestResults:
    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_no_file_is_damaged_unnoticed(self, saved, times):
        files = sorted(path for path in saved.rglob("*") if path.is_file())
        assert len(files) > 10
        before = open_results(saved)
        for number, path in enumerate(files):
            # A space in the manifest may well become another one.
            own = path.name == MANIFEST
            refused_or_same(
                lambda: open_results(saved),
                path,
                seed=number,
                times=times,
                same=lambda found, own=own: own and equal(found, before),
                named=not own,
            )

    def test_every_file_is_needed(self, saved):
        for path in sorted(path for path in saved.rglob("*") if path.is_file()):
            content = path.read_bytes()
            path.unlink()
            with pytest.raises(UserError, match=f"{path.name} is missing"):
                open_results(saved)
            path.write_bytes(content)
        assert open_results(saved).battery

    def test_a_file_that_was_added_changes_nothing(self, saved):
        before = open_results(saved)
        shutil.copy(next((saved / "curves").iterdir()), saved / "curves" / "another.nc")
        again = open_results(saved)
        assert list(again.curves) == list(before.curves)
        xr.testing.assert_identical(again.units, before.units)

    @pytest.mark.parametrize("command", [["report"], ["compare", "--out", "comparison"]])
    def test_commands_say_it_in_one_line(self, saved, command, capsys, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        path = saved / "units.nc"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert main([command[0], str(saved), *command[1:]]) == 2
        said = capsys.readouterr().err
        assert "units.nc is damaged" in said
        assert (
            "Bring the folder back from a copy, or give the command of the run again, with --mend."
            in said
        )
        assert said.count("\n") == 1

    @pytest.mark.parametrize("name", ["units.nc", "comparison.csv", "provenance.json"])
    def test_rubbish_with_right_checksums_is_refused_too(self, saved, name):
        (saved / MANIFEST).unlink()
        for content in (b"", b"rubbish", b"[]", b"{}", b"\x89HDF\r\n\x1a\n", b'a,b\n"1'):
            if name == "comparison.csv" and content in (b"", b"rubbish", b"[]", b"{}"):
                continue  # a table of no rows
            (saved / name).write_bytes(content)
            write_manifest(saved)
            with pytest.raises(UserError, match="run cannot be read as results"):
                open_results(saved)
            (saved / MANIFEST).unlink()

    @pytest.mark.parametrize("name", ["../secret.nc", "/etc/passwd", "a\\b", "", "link"])
    def test_the_manifest_names_nothing_outside(self, saved, tmp_path, name):
        (tmp_path / "secret.nc").write_text("secret")
        (saved / "link").symlink_to(tmp_path / "secret.nc")
        manifest = saved / MANIFEST
        manifest.write_text(
            manifest.read_text().replace('"units.csv"', repr(name)[1:-1].join('""'))
        )
        with pytest.raises(UserError, match="names a file outside of itself"):
            open_results(saved)

    def test_the_record_names_nothing_outside(self, saved, tmp_path):
        shutil.copytree(next((saved / "recordings").iterdir()), tmp_path / "secret.zarr")
        record = saved / "provenance.json"
        first = next((saved / "recordings").iterdir()).stem
        record.write_text(record.read_text().replace(f': "{first}"', ': "../../secret"'))
        (saved / MANIFEST).unlink()
        write_manifest(saved)
        with pytest.raises(UserError, match="cannot be read as results"):
            open_results(saved)


def test_checksums_are_told_apart_from_other_json(tmp_path):
    (tmp_path / "a").write_text("a")
    write_manifest(tmp_path)
    assert check_files(tmp_path, ["a"], remedy="") == ("a",)
    for text in ("[]", "{}", '{"sha256": []}', '{"sha256": {"a": 3}}', '{"sha256": {"a": "f"}}',
                 "[" * 100_000, "\xff"):  # fmt: skip
        (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
        with pytest.raises(UserError, match="manifest.json is damaged"):
            check_files(tmp_path, [], remedy="")
    with pytest.raises(UserError, match="it does not list b"):
        (tmp_path / MANIFEST).unlink()
        write_manifest(tmp_path)
        check_files(tmp_path, ["a", "b"], remedy="")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Small(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, num_classes)


def same_tensors(one, other):
    return one.keys() == other.keys() and all(
        each.dtype == other[name].dtype and torch.equal(each, other[name])
        for name, each in one.items()
    )


class TestWeights:
    @pytest.mark.parametrize("times", FEW_OR_MANY)
    @pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.safetensors"])
    def test_no_bit_is_flipped_unnoticed(self, here, name, times):
        state = Small().state_dict()
        path = here / name
        if name.endswith("safetensors"):
            save_file(state, path)
        else:
            torch.save(state, path)
        # safetensors have no checksums: what was cut is noticed, and broken headers are.
        same = (lambda _: True) if name.endswith("safetensors") else partial(same_tensors, state)
        refused_or_same(lambda: read_weights(path), path, seed=1, times=10 * times, same=same)

    def test_one_bit_of_a_weight(self, here):
        """torch reads it, and takes the number for right."""
        torch.save(Small().state_dict(), "w.pth")
        content = bytearray((here / "w.pth").read_bytes())
        content[content.find(b"data/0") + 200] ^= 64
        (here / "w.pth").write_bytes(content)
        torch.load("w.pth", weights_only=True)
        with pytest.raises(UserError, match="w.pth is damaged: the checksum of .*data/0"):
            read_weights("w.pth")
        with pytest.raises(UserError, match="download it again"):
            insilico.load_model("torchvision:resnet18", "w.pth")

    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_files_of_before_archives(self, here, times):
        path = here / "w.pth"
        torch.save(Small().state_dict(), path, _use_new_zipfile_serialization=False)
        refused_or_same(
            lambda: read_weights(path), path, seed=2, times=10 * times, same=lambda _: True
        )


class TestTrainingRuns:
    @pytest.fixture
    def run(self, here):
        (here / "run").mkdir()
        config = dataclasses.asdict(TrainingConfig(ModelConfig("torchvision:squeezenet1_1")))
        model = make_network(ModelConfig("torchvision:squeezenet1_1"), num_classes=2,
                             input_size=64, seed=0)  # fmt: skip
        saved = {"config": config, "classes": ["a", "b"], "epoch": 1, "model": model.state_dict()}
        torch.save(saved, "run/weights.pt")
        return here / "run"

    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_damaged_weights(self, run, times):
        whole = open_run(run).model.state_dict()
        refused_or_same(
            lambda: open_run(run).model.state_dict(),
            run / "weights.pt",
            seed=3,
            times=times,
            same=partial(same_tensors, whole),
        )

    @pytest.mark.parametrize("name", ["config", "classes", "epoch", "model"])
    @pytest.mark.parametrize("value", [None, 3, "x", [], {}, [3], {"a": 3}])
    def test_what_is_whole_but_not_ours(self, run, name, value):
        saved = torch.load(run / "weights.pt")
        torch.save(saved | {name: value}, run / "weights.pt")
        try:
            open_run(run)
        except UserError as error:
            assert "weights.pt" in str(error) or "model" in str(error) or "config" in str(error)
        else:
            # One class less or more is another network, and a word has letters.
            assert (name, value) in (("epoch", 3), ("config", {})), (name, value)

    def test_a_checkpoint_that_training_goes_on_from(self, here):
        config = TrainingConfig(
            data=DataConfig("exemplars", image_size=32, crops_per_class=2, workers=0,
                            validation_fraction=0.0),
            model=ModelConfig("torchvision:squeezenet1_1"), epochs=1, batch_size=8, select="last",
            device="cpu",
        )  # fmt: skip
        (here / "run").mkdir()
        path = here / "run" / "last.pt"
        for saved in (
            {"model": {}, "config": {}},
            {"model": 3, "config": dataclasses.asdict(config)},
        ):
            torch.save(saved, path)
            with pytest.raises(UserError, match="other settings|last.pt is damaged"):
                train(config, here / "run")
        content = bytearray(path.read_bytes())
        content[content.find(b"version") + 70] ^= 1
        path.write_bytes(content)
        with pytest.raises(UserError, match="last.pt is damaged.*epoch_NNN.pt"):
            train(config, here / "run")


class TestDigitalNeurons:
    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_no_file_is_damaged_unnoticed(self, here, times):
        model = insilico.load_model("torchvision:squeezenet1_1", pixels=32, seed=3)
        n = 64 * 15 * 15
        weights = np.random.default_rng(0).normal(size=(n, 2))
        neurons = DigitalNeurons(model, "features.0", weights, np.zeros(2), neurons=["a", "b"],
                                 card=model.card, fitted_to="nothing")  # fmt: skip
        neurons.save("twins")
        for number, name in enumerate(("neurons.json", "readout.safetensors", "manifest.json")):
            refused_or_same(
                lambda: insilico.load_model("digital:twins"),
                here / "twins" / name,
                seed=10 + number,
                times=times,
                same=lambda found, name=name: name == MANIFEST and torch.equal(
                    found.readout.weight, neurons.readout.weight
                ),
                named=name != MANIFEST,
            )  # fmt: skip


def test_digital_neurons_keep_the_part_of_a_file_that_was_meant(here):
    spec = "torchvision:squeezenet1_1"
    one, other = (insilico.load_model(spec, pixels=32, seed=seed).state_dict() for seed in (1, 2))
    torch.save({"state_dict": one, "state_dict_ema": other}, "w.pth")
    model = insilico.load_model(spec, "w.pth#state_dict_ema", pixels=32)
    neurons = DigitalNeurons(model, "features.0", np.zeros((64 * 15 * 15, 2)), np.zeros(2),
                             neurons=["a", "b"], card=model.card, fitted_to="nothing")  # fmt: skip
    neurons.save("twins")
    (here / "w.pth").unlink()
    again = insilico.load_model("digital:twins").model.state_dict()
    assert torch.equal(again["features.0.weight"], other["features.0.weight"])


class TestNeurons:
    @pytest.fixture
    def recording(self, here):
        rng = np.random.default_rng(0)
        names = [f"{number}.png" for number in range(12)]
        for name in names:
            Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(name)
        (here / "p.csv").write_text("filename,degrees\n" + "".join(f"{n},4\n" for n in names))
        return rng.normal(size=(12, 5, 3))

    @pytest.mark.parametrize("times", FEW_OR_MANY)
    @pytest.mark.parametrize("name", ["r.npy", "r.npz", "r.nc", "p.csv"])
    def test_no_damage_gives_a_traceback(self, here, recording, name, times):
        if name == "r.npz":
            np.savez("r.npz", recording)
        elif name == "r.nc":
            assembly(recording).to_netcdf("r.nc", engine="h5netcdf")
            stimuli(here)
        else:
            np.save("r.npy", recording)
        data = "r.npy" if name == "p.csv" else name
        whole = insilico.open_neurons(data, "p.csv").responses
        # Plain arrays, tables and netCDF have no checksums: numbers may be others, but their
        # shape, and everything in an archive, is what it was.
        same = {
            "r.npz": lambda found: found.responses.equals(whole),
            "r.npy": lambda found: found.responses.shape == whole.shape,
        }.get(name, lambda _: True)
        refused_or_same(
            lambda: insilico.open_neurons(data, "p.csv"),
            here / name,
            seed=20,
            # A process of its own looks at every netCDF file, which takes a second.
            times=(2 if name == "r.nc" else 10) * times,
            same=same,
            named=name != "p.csv",
        )

    def test_a_shape_that_is_not_that_of_the_numbers(self, here, recording):
        """Fewer neurons than the file holds: others' numbers would fall into their place."""
        np.save("r.npy", recording)
        content = (here / "r.npy").read_bytes()
        (here / "r.npy").write_bytes(content.replace(b"(12, 5, 3)", b"(12, 4, 3)"))
        assert np.load("r.npy").shape == (12, 4, 3)
        with pytest.raises(UserError, match="more follows on its 144 numbers"):
            insilico.open_neurons("r.npy", "p.csv")


def assembly(trials):
    """A recording as Brain-Score hosts them."""
    n, neurons, repeats = trials.shape
    return xr.Dataset(
        {"x": (("presentation", "neuroid"), trials.transpose(0, 2, 1).reshape(-1, neurons))},
        coords={
            "stimulus_id": ("presentation", np.repeat([f"s{each}" for each in range(n)], repeats)),
            "repetition": ("presentation", np.tile(np.arange(repeats), n)),
            "neuroid_id": ("neuroid", [f"n{each}" for each in range(neurons)]),
            "region": ("neuroid", ["V1"] * neurons),
        },
    )


def stimuli(folder):
    lines = ["stimulus_id,filename,degrees", *(f"s{each},{each}.png,4" for each in range(12))]
    (folder / "p.csv").write_text("\n".join(lines) + "\n")


class TestOtherFiles:
    """Where HDF5 would take an array from another file, it is not read."""

    def test_arrays_that_lie_elsewhere(self, here):
        (here / "secret").write_bytes(b"secret" * 100)
        with h5py.File("a.nc", "w") as file:
            file.create_dataset("x", (600,), "u1", external=[(str(here / "secret"), 0, 600)])
        with h5py.File("b.nc", "w") as file:
            file.create_group("deep")["x"] = h5py.ExternalLink("a.nc", "/x")
        with h5py.File("c.nc", "w") as file:
            layout = h5py.VirtualLayout((600,), "u1")
            layout[:] = h5py.VirtualSource("a.nc", "x", shape=(600,))
            file.create_virtual_dataset("x", layout)
        with h5py.File("a.nc") as file:
            assert bytes(file["x"][:6]) == b"secret"  # HDF5 reads it
        for name in ("a.nc", "b.nc", "c.nc"):
            for read in (
                lambda name=name: insilico.open_neurons(name, here),
                lambda name=name: from_assembly(name),
            ):
                (here / "p.csv").write_text("filename\n")
                with pytest.raises(UserError, match=f"{name} takes 'x' from another file"):
                    read()

    def test_groups_that_hold_each_other(self, here):
        with h5py.File("a.nc", "w") as file:
            one = file.create_group("one")
            one["itself"] = one
        with pytest.raises(UserError, match="a.nc"):
            from_assembly("a.nc")

    def test_results(self, saved, tmp_path):
        (tmp_path / "secret").write_bytes(bytes(800))
        with h5py.File(saved / "units.nc", "a") as file:
            del file["circular_variance"]
            file.create_dataset(
                "circular_variance", (40,), "f8", external=[(str(tmp_path / "secret"), 0, 320)]
            )
        (saved / MANIFEST).unlink()
        write_manifest(saved)
        with pytest.raises(UserError, match="takes 'circular_variance' from another file"):
            open_results(saved)


class TestTables:
    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_settings(self, here, times):
        path = here / "own.toml"
        path.write_bytes(files("insilico.training.configs").joinpath("paper.toml").read_bytes())
        refused_or_same(
            lambda: read_training_config(path), path, seed=30, times=10 * times,
            same=lambda _: True, named=False,
        )  # fmt: skip

    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_accuracies(self, here, times):
        path = here / "corruptions.csv"
        rows = [(name, level, 0.5) for name in CORRUPTIONS for level in SEVERITIES]
        table = pd.DataFrame(rows, columns=["corruption", "severity", "accuracy"])
        table.to_csv(path, index=False)

        def right(found):
            return found["accuracy"].dropna().between(0, 1).all() and np.isfinite(
                mean_corruption_error(table, found)[0]
            ) in (True, False)

        refused_or_same(
            lambda: read_accuracies(path), path, seed=31, times=10 * times, same=right, named=False
        )

    @pytest.mark.parametrize("times", FEW_OR_MANY)
    def test_summaries_of_an_experiment(self, here, times):
        path = here / "runs" / "none-seed0" / "summary.json"
        path.parent.mkdir(parents=True)
        place = {"units": 3, "similarity": {"a": 0.5}, "median": {"a": 0.5}, "n": {"a": 3}}
        run = {"cell": "none", "seed": 0, "dense": False, "accuracy": 0.5, "places": {"p": place}}
        path.write_text(sealed(run))
        refused_or_same(
            lambda: read_runs(here), path, seed=32, times=10 * times, same=read_runs(here).equals
        )


class TestFuzz:
    """As tests/fuzz.py does for as long as one likes; what once broke is tried again."""

    @pytest.mark.parametrize("name", fuzz.READERS)
    def test_a_few_seeds_and_those_that_were_kept(self, name):
        dear = ("netcdf", "assembly", "results", "texts of results")
        few = range(3 if name in dear else 20)
        kept = json.loads(fuzz.SEEDS.read_text()).get(name, [])
        assert list(fuzz.broken(name, [*few, *kept])) == []

    def test_it_finds_what_it_looks_for(self, monkeypatch):
        def careless():
            return json.loads(Path("a.json").read_text())["a"]

        reader = fuzz.Reader(
            lambda: fuzz.written("a.json", '{"a": 3}'), careless, lambda one, other: one == other
        )
        monkeypatch.setitem(fuzz.READERS, "careless", reader)
        found = [how for _, how in fuzz.broken("careless", range(40))]
        assert any("JSONDecodeError" in how for how in found)
        assert any("silently another content" in how for how in found)
