"""The command line: what it prints, what it writes, and how it refuses."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from PIL import Image
from torch import nn

import insilico
import insilico.reporting.report
from insilico import reference
from insilico.cli.app import main
from insilico.cli.terminal import aligned, comparison_table, summary
from insilico.comparison.table import score
from insilico.errors import UserError
from insilico.experiments.batteries import BATTERIES, find_battery
from insilico.runs.cautions import few_units, silent_units
from insilico.runs.results import Results

SMALL = """
import numpy as np
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 9, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

def grey():
    return nn.Sequential(nn.Conv2d(1, 2, 9, stride=8))

def respond(images):
    return images.mean(axis=1)[:, None, ::8, ::8]

def plain():
    return respond

def wrong_size():
    return nn.Sequential(nn.Flatten(), nn.Linear(10, 2))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(SMALL)
    return tmp_path


@pytest.fixture(scope="module")
def results():
    """Results of an imaginary run on two layers."""
    rng = np.random.default_rng(0)
    n = 40
    places = {
        "layer": np.repeat(["conv1", "conv2"], n // 2),
        "channel": np.tile(np.arange(n // 2), 2),
        **{name: np.zeros(n) for name in ("row", "column", "x", "y")},
    }
    values = {
        "circular_variance": (rng.uniform(size=n), "1"),
        "maximum_response": (rng.lognormal(3, 1, n), "spikes/s"),
        "suppression_index": (np.r_[np.full(n // 2, np.nan), rng.uniform(size=n // 2)], "1"),
    }
    units = xr.Dataset(
        {
            name: ("unit", row, {"long_name": name, "units": unit, "protocol": "orientation"})
            for name, (row, unit) in values.items()
        },
        coords={name: ("unit", value) for name, value in places.items()},
    )
    units["responsive"] = (("unit", "protocol"), np.arange(n)[:, None] > 2)
    units = units.assign_coords(protocol=["orientation"])
    names = [
        "ringach2002.circular_variance",
        "ringach2002.maximum_response",
        "cavanaugh2002a.suppression_index",
    ]
    return Results(
        battery="standard",
        units=units,
        comparison=score(units, [reference.load(name) for name in names]),
        curves={},
        recordings={},
        provenance={
            "model": "torchvision:resnet18",
            "weights": "random, seed 0",
            "trained": False,
            "layers": ["conv1", "conv2"],
            "battery": "standard",
            "normalisation": "none: images in [0, 1]",
            "display": {"width_px": 224, "height_px": 224, "degrees": 8.0},
            "seed": 0,
        },
        warnings=("UNTRAINED: the weights are random.", "3 of 40 units do not respond"),
    )


@pytest.fixture
def stand_in(results, monkeypatch):
    """Stand in for the run and its report; returns how the run was called."""
    called = {}

    def run(model, layers=None, *, out, **options):
        called.update(model=model, layers=layers, **options)
        results.save(out)
        return results

    def write_report(_results, folder):
        page = folder / "report.html"
        page.write_text("<html></html>")
        return page

    monkeypatch.setattr("insilico.runs.run.run", run)
    monkeypatch.setattr(insilico.reporting.report, "write_report", write_report)
    return called


def refused(capsys, *arguments):
    """Run a command that must fail, and return its one line of complaint."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("insilico: error: ")
    assert "Traceback" not in printed.err + printed.out
    return lines[0]


# insilico run


def test_run_writes_a_folder_and_prints_the_table(here, stand_in, capsys):
    assert main(["run", "small.py:build", "--layer", "0", "-q"]) == 0
    printed = capsys.readouterr().out
    folder = here / "results" / "small-build-standard"
    assert {path.name for path in folder.iterdir()} >= {"units.nc", "comparison.csv", "report.html"}
    assert printed.rstrip().endswith(f"report: {folder.relative_to(here) / 'report.html'}")
    assert "circular_variance" in printed
    assert stand_in["layers"] == ("0",)
    assert stand_in["progress"] is False
    assert (stand_in["sites"], stand_in["battery"].name) == (None, "standard")


def test_run_passes_options_on(here, stand_in, tmp_path):
    torch.save(nn.Conv2d(3, 4, 9, stride=8).state_dict(), "plain.pth")
    saved = {f"0.{name}": value for name, value in torch.load("plain.pth").items()}
    torch.save(saved, "weights.pth")
    command = "run small.py:build --layer 0 1 --weights weights.pth --mean 0.5 --std 0.1 0.2 0.3"
    command += " --degrees 4 --pixels 64 --device cpu --seed 7 --sites 1,2 3,4 --crop off"
    command += " --phases harmonics --precision bfloat16"
    assert main([*command.split(), "--no-rates", "--out", "here/it/is"]) == 0
    model = stand_in.pop("model")
    assert torch.equal(model[0].weight, saved["0.weight"])
    assert (model.card.mean, model.card.std) == ((0.5,) * 3, (0.1, 0.2, 0.3))
    assert (model.card.display.height, model.card.display.degrees) == (64, (4.0, 4.0))
    assert stand_in == {
        "layers": ("0", "1"),
        "battery": find_battery("standard").battery,
        "protocols": None,
        "place": find_battery("standard").place,
        "sites": [(1, 2), (3, 4)],
        "candidates": "near",
        "references": [],
        "device": "cpu",
        "seed": 7,
        "rates": False,
        "spikes": None,
        "trials": None,
        "crop": "off",
        "phases": "harmonics",
        "precision": "bfloat16",
        "layout": None,
        "time": None,
        "frame_rate": None,
        "mend": False,
        "most_units": None,
        "quick": False,
        "progress": True,
    }
    assert (tmp_path / "here/it/is/report.html").is_file()


def test_run_shows_photographs_of_a_folder(here, stand_in, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "mine" / "one.png")
    command = "run small.py:build --layer 0 -q --photographs mine --battery"
    assert main([*command.split(), "natural_images"]) == 0
    assert stand_in["battery"]["natural_images"].citation == "1 photographs of mine"
    assert main([*command.split(), "motion"]) == 2
    assert "the motion battery shows no photographs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sites"),
    [
        (["centre"], "centre"),
        (["all"], "all"),
        (["lattice"], "lattice"),
        (["2.5"], 2.5),
        (["1,2"], [(1, 2)]),
    ],
)
def test_run_sites(here, stand_in, words, sites):
    main(["run", "small.py:build", "--layer", "0", "--sites", *words])
    assert stand_in["sites"] == sites


def test_run_all_layers(here, stand_in):
    assert main(["run", "small.py:build", "--layer", "all"]) == 0
    assert stand_in["layers"] == ("all",)


def test_run_leaves_the_layer_to_the_card(here, stand_in):
    assert main(["run", "vone", "--option", "simple_channels=2", "complex_channels=2"]) == 0
    assert stand_in["layers"] is None
    assert stand_in["model"].card.layers
    assert (here / "results" / "vone-standard").is_dir()


def test_run_overwrites_nothing(here, stand_in, capsys):
    command = ["run", "small.py:build", "--layer", "0"]
    assert main(command) == 0
    folder = here / "results" / "small-build-standard"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    stand_in.clear()
    assert "already holds" in refused(capsys, *command)
    assert not stand_in, "the folder must be looked at before the run"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    (here / "a_file").touch()
    assert "a_file" in refused(capsys, *command, "--out", "a_file")
    assert "a_file" in refused(capsys, *command, "--out", "a_file/below")


def test_interrupted_run_writes_nothing(here, stand_in, monkeypatch, capsys):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("insilico.runs.run.run", interrupt)
    assert main(["run", "small.py:build", "--layer", "0", "--out", "out"]) == 130
    assert "\ninsilico: stopped: the same command goes on" in capsys.readouterr().err
    assert not (here / "out").exists()


def test_a_folder_that_is_a_file_is_refused_with_what_to_do(here, capsys):
    (here / "taken").write_text("")
    for out in ("taken", "taken/below"):
        assert main(["train", "exemplars", "--out", out]) == 2
        error = capsys.readouterr().err
        assert f"{out} is no folder, or lies in a file. Give another folder." in error


def test_interrupted_while_saving_leaves_no_folder(here, stand_in, monkeypatch, results):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupt)
    assert main(["run", "small.py:build", "--layer", "0", "--out", "out"]) == 130
    assert sorted(path.name for path in here.iterdir()) == ["small.py"]


# Mistakes


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run", "MODEL"),
        ("runn vone", 'Did you mean "run"?'),
        ("run vone --sedd 3", "--sedd"),
        ("run vone --seed three", "--seed: 'three' is no whole number"),
        ("run vone --pixels 3.5", "--pixels: '3.5' is no whole number"),
        ("run von", "Did you mean vone?"),
        ("run resnet50", "Did you mean torchvision:resnet50?"),
        ("run small.py", "small.py:FUNCTION"),
        ("run small.py:biuld", "Did you mean build?"),
        ("run small.py:respond", "def model(): return respond"),
        ("run absent.py:build", "no file absent.py"),
        ("run small.py:build --weights absent.pth", "no file of weights at absent.pth"),
        ("run small.py:build --weights pretrained", "'pretrained' is a download"),
        ("run small.py:build --mean 1 2", "mean needs one value"),
        ("run small.py:build --pixels 0", "pixels must be a whole number from 8 to 8192; got 0"),
        ("run small.py:build --device cuba", "device 'cuba' cannot be used"),
        ("run small.py:build --sites middle", "sites must be centre, all"),
        ("run small.py:build --sites 1,2 3", "sites must be centre, all"),
        ("run small.py:build --option width", "an option is KEY=VALUE; got 'width'"),
        ("run vone --option mode=original", "mode must be one of corrected, as_released"),
        ("layers small.py:wrong_size", "does not take images of 3 x 224 x 224"),
        ("layers small.py:grey --channels 3", "does not take images of 3 x 224 x 224"),
        ("stimuli orientatoin --out sheet.png", "no protocol 'orientatoin'"),
        ("stimuli orientation --out sheet.xyz", "must end in one of"),
        ("stimuli orientation --out small.py", "small.py already exists"),
        ("stimuli orientation --out sheet.png --battery odd", "battery must be one of standard"),
        ("stimuli orientation --out sheet.png --pixels 0", "pixels must be a whole number from 8"),
        ("reference ringach2002.vircular_cariance", "ringach2002.circular_variance"),
        ("report nowhere", "nowhere holds no results"),
    ],
)
def test_mistakes_are_told_in_one_line(here, capsys, command, message):
    assert message in refused(capsys, *command.split())
    assert sorted(path.name for path in here.iterdir() if path.name != "results") == ["small.py"]


def test_layer_must_be_named_where_none_stands_for_v1(here, capsys):
    line = refused(capsys, "run", "small.py:build", "--out", "out")
    assert "--layer" in line and "insilico layers" in line
    assert not (here / "out").exists()


def test_wrong_layer_gets_the_nearest_names(here, capsys):
    line = refused(capsys, "run", "torchvision:resnet18", "--layer", "layr1", "--pixels", "64")
    assert "layer1" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(here, stand_in, capsys):
    (here / "locked").mkdir(mode=0o500)
    line = refused(capsys, "run", "small.py:build", "--layer", "0", "--out", "locked/out")
    assert "cannot be written" in line
    assert not stand_in


@pytest.mark.parametrize("kind", [TypeError, ValueError])
def test_defects_keep_their_traceback(here, stand_in, monkeypatch, kind):
    def defect(*_arguments, **_options):
        if kind is TypeError:
            raise TypeError("a defect")
        np.zeros(2) + np.zeros(3)

    monkeypatch.setattr("insilico.runs.run.run", defect)
    with pytest.raises(kind, match="a defect|broadcast"):
        main(["run", "small.py:build", "--layer", "0"])


def test_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)


# The other commands


def test_layers(here, capsys):
    assert main(["layers", "torchvision:resnet18", "--pixels", "64"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    table = [re.split("  +", line) for line in printed.splitlines()]
    rows = {name: row for name, *row in table}
    assert rows["conv1"] == ["Conv2d", "64 x 32 x 32", "7 px, 0.88 deg"]
    # 7 px of the first convolution, 2 steps of 2 px of the pool, and 4 convolutions' 8 of 4 px.
    assert rows["layer1"] == ["Sequential", "64 x 16 x 16", "43 px, 5.38 deg", "V1 by default"]
    assert rows["layer4"] == ["Sequential", "512 x 2 x 2"]
    assert rows["layer1.0.relu"][-1] == "called 2 times: @1 to @2"
    assert rows["output"] == ["ResNet", "1000"]


def test_layers_of_a_plain_function(here, capsys):
    assert main(["layers", "small.py:plain"]) == 0
    assert "output  CallableModel  1 x 28 x 28" in capsys.readouterr().out


def test_reference(capsys):
    assert main(["reference"]) == 0
    listed = capsys.readouterr().out
    for name in reference.names():
        assert f"\n{name} " in listed
    assert main(["reference", "cavanaugh2002a.suppression_index"]) == 0
    page = capsys.readouterr().out
    assert "10.1152/jn.00692.2001" in page and "Cavanaugh, Bair & Movshon (2002)" in page
    assert "  0  0.2     66  ####" in page
    assert max(map(len, page.splitlines())) <= 100


def test_reference_lists_names_that_begin_alike(capsys):
    assert main(["reference", "schiller1976c"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == [name for name in reference.names() if name.startswith("schiller1976c.")]


def test_every_reference_has_a_page(capsys):
    for name in reference.names():
        assert main(["reference", name]) == 0
    assert "No numbers are public" in capsys.readouterr().out


def test_stimuli(here, capsys):
    assert main(["stimuli", "orientation", "--out", "sheets/sheet.png"]) == 0
    assert (here / "sheets/sheet.png").stat().st_size > 10_000
    assert capsys.readouterr().out.rstrip().endswith("sheets/sheet.png")


OWN = """
from stimuli import Display, Position, factorial, spot

def disks(display, position):
    contrasts = {"contrast": [-1, 0.5, 1]}
    return factorial("disks", display, spot, contrasts, diameter=1.0, x=position.x, y=position.y)

SET = disks(Display(), Position())
NUMBER = 3

def broken(display, position):
    raise KeyError("wrong")
"""


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("plaid", 3),
        ("own.py:disks", 3),
        ("own.py:SET", 3),
        ("insilico.experiments.gratings:ORIENTATION", 4896),
    ],
)
def test_stimuli_by_every_kind_of_name(here, capsys, name, n):
    (here / "own.py").write_text(OWN)
    assert main(["stimuli", name, "--out", "sheet.png", "--pixels", "64"]) == 0
    assert capsys.readouterr().out.startswith(f"{n} stimuli, ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plaids", "standard has no protocol 'plaids'; it has receptive_field, .*plaid, rect.*own"),
        ("own.py:NUMBER", "must be a StimulusSet, a function .*; got int"),
        ("own.py:broken", "own.py:broken.* raised KeyError: 'wrong'"),
        ("own.py:missing", "own.py has no 'missing'"),
        (
            "insilico.experiments.batteries.standard:BATTERY",
            "insilico stimuli receptive_field --battery ins",
        ),
    ],
)
def test_stimuli_of_no_such_name(here, capsys, name, message):
    (here / "own.py").write_text(OWN)
    assert main(["stimuli", name, "--out", "sheet.png"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, line)
    assert not (here / "sheet.png").exists()


def test_protocols_say_what_they_ask_measure_and_take(here, capsys):
    assert main(["protocols"]) == 0
    plain = capsys.readouterr().out
    for name in BATTERIES:
        assert f"\n{name}\n\n" in f"\n{plain}"
        for protocol in find_battery(name).battery.protocols:
            assert f"  {protocol.name}: " in plain
            assert protocol.citation.split()[0] in plain
    assert "suppression_index, " in plain
    assert "different pictures" not in plain
    small = ["--battery", "standard", "--layer", "0", "--pixels", "64"]
    assert main(["protocols", "small.py:build", *small]) == 0
    costs = capsys.readouterr().out
    assert "11552 stimuli, about" in costs
    assert "shares its recording with one above" in costs
    assert "marques2020\n\n" not in costs
    assert "takes pictures; if it takes movies, --time says how" in costs


def test_protocols_say_what_is_left_out_of_a_model(here, capsys):
    code = "from torch import nn\ndef build():\n    return nn.Sequential(nn.Conv2d(1, 4, 9))\n"
    (here / "grey.py").write_text(code)
    grey = ["grey.py:build", "--layer", "0", "--pixels", "64", "--channels", "1"]
    assert main(["protocols", *grey, "--battery", "full"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "colour is left out: grey.py:build takes grey pictures" in told
    assert "11552 stimuli, about" in told
    assert main(["protocols", *grey, "--battery", "colour"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "nothing of the colour battery suits this model" in told
    moving = ["--battery", "motion", "--time", "phases", "--frame-rate", "30"]
    assert main(["protocols", *grey, *moving]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "takes movies (phases): each frame by itself, as a picture; 30 frames per second" in told
    assert "left out" not in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["small.py:build", "--layer"], "--layer"),
        (["small.py:build", "--layer", "0", "--protocols"], "--protocols"),
        (["small.py:build", "--layer", "0", "--degrees"], "--degrees"),
        (["vone", "--battery", "standrd"], "Did you mean standard?"),
        (["vone", "--protocols", "orientatoin"], "Did you mean orientation, "),
        (["vone", "--option", "mdoe=1"], "vone has no option 'mdoe'. Did you mean mode"),
        (
            ["small.py:build", "--layer", "0", "--weights", "no.pth"],
            "nothing that torch.save writes",
        ),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(here, capsys, words, message):
    (here / "no.pth").write_bytes(b"not weights")
    assert main(["run", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert "weights_only" not in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "there is no model 'nope'"),
        (["--battery", "nope"], "battery must be one of standard, .*; got 'nope'"),
        (["small.py:build", "--layer", "zz"], "has no layer 'zz'"),
    ],
)
def test_protocols_of_what_is_not_there(here, capsys, words, message):
    assert main(["protocols", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, line)


def test_report_is_written_again(here, stand_in, capsys):
    main(["run", "small.py:build", "--layer", "0", "--out", "out"])
    (here / "out/report.html").unlink()
    capsys.readouterr()
    assert main(["report", "out"]) == 0
    assert capsys.readouterr().out == "report: out/report.html\n"
    assert (here / "out/report.html").is_file()


@pytest.mark.parametrize("command", ["", "run", "layers", "stimuli", "reference", "report"])
def test_help(capsys, command):
    assert main([*command.split(), "--help"]) == 0
    assert "Usage: insilico" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip()


def test_reader_that_stops_reading_hears_no_complaint(here):
    command = f"{sys.executable} -m insilico reference | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("name")


def test_ctrl_c_while_own_code_is_imported_is_no_fault_of_it(here, capsys):
    # That a real process ends so is tested in test_stopping.
    (here / "slow.py").write_text("raise KeyboardInterrupt")
    assert main(["run", "slow.py:build"]) == 130
    complaint = capsys.readouterr().err
    assert complaint.startswith("\ninsilico: stopped: the same command goes on where it stopped")
    assert complaint.count("\n") == 2


# Text


def test_summary_is_loud_about_untrained_weights(results):
    text = summary(results)
    assert text.startswith("torchvision:resnet18 (weights: random, seed 0)")
    assert "LAYER conv1, UNTRAINED  " in text and "LAYER conv2, UNTRAINED  " in text
    assert "warning: UNTRAINED: the weights are random." in text
    assert "40 units recorded; of these respond: orientation 37" in text
    assert max(map(len, text.splitlines())) <= 100
    unknown = dataclasses.replace(results, provenance={**results.provenance, "trained": None})
    assert "LAYER conv1, TRAINING UNKNOWN  " in summary(unknown)
    trained = dataclasses.replace(results, provenance={**results.provenance, "trained": True})
    assert "TRAIN" not in summary(trained).partition("warning")[0]


def test_comparison_table(results):
    text = comparison_table(results)
    lines = text.splitlines()
    titles = [line.split("  ")[0] for line in lines if line.startswith("LAYER")]
    assert titles == ["LAYER conv1, UNTRAINED", "LAYER conv2, UNTRAINED"]
    assert sum("Ringach, Shapley & Hawken (2002), 304 cells" in line for line in lines) == 2
    row = next(line for line in lines if "circular_variance" in line).split()
    first = results.comparison.iloc[0]
    assert row[:4] == [
        "circular_variance",
        str(first["n_defined"]),
        f"{first['median_model']:.3g}",
        f"{first['median_reference']:.3g}",
    ]
    assert row[4:] == [
        f"{first['similarity']:.2f}",
        f"±{first['similarity_error']:.2f}",
        f"{first['ceiling']:.2f}",
        f"{first['skill']:.2f}",
        f"{first['ceiling_skill']:.2f}",
    ]
    undefined = next(line for line in lines if "suppression_index" in line).split()
    assert undefined[1:3] == ["0", "-"]


def test_properties_that_are_yes_or_no_show_shares(results):
    name = "marques2020.schiller1976.spatial_frequency_selective"
    known = reference.load(name)
    yes = np.tile([1.0, 1.0, 1.0, 0.0], 10)
    attrs = {"protocol": "orientation", "long_name": "Selective"}
    units = results.units.assign({known.property: ("unit", yes, attrs)})
    units["responsive"][:] = True
    told = dataclasses.replace(results, units=units, comparison=score(units, [name]))
    row = next(line for line in summary(told).splitlines() if "Selective" in line)
    assert row.split()[1:4] == ["20", "75%", f"{known.probabilities[1]:.0%}"]


def test_one_unit_has_no_standard_deviation(results):
    units = results.units.isel(unit=[5])
    table = score(units, ["ringach2002.circular_variance"])
    told = comparison_table(dataclasses.replace(results, units=units, comparison=table))
    row = next(line for line in told.splitlines() if "circular_variance" in line)
    assert row.split()[1] == "1" and "\N{PLUS-MINUS SIGN}" not in told


def test_few_and_silent_units_are_told_in_a_sentence_each(results):
    units = (
        results.units.drop_dims("protocol")
        .assign(responsive=(("unit", "protocol"), np.arange(40)[:, None] > [2, 30, -1]))
        .assign_coords(protocol=["orientation", "size", "textures"])
    )
    assert silent_units(units) == [
        "of 40 units do not respond, and are left out of the comparisons: 3 in orientation, 31 in "
        "size"
    ]
    assert silent_units(units.sel(protocol=["textures"])) == []
    few = few_units(results.comparison)
    assert len(few) == 1
    assert few[0].startswith("conv1: fewer than 20 units have a value")
    assert few[0].endswith("circular_variance (17), maximum_response (17)")


def test_long_labels_keep_what_tells_them_apart_and_tables_fit(results):
    labels = [
        f"{which} surround response, {contrast} contrast"
        for which in ("Iso", "Orthogonal")
        for contrast in ("high", "low")
    ]
    table = pd.concat([results.comparison.iloc[[0]].assign(label=each) for each in labels])
    table = table.assign(citation="Somebody, Somebody else, A third one & The one who led (2013)")
    lines = comparison_table(dataclasses.replace(results, comparison=table)).splitlines()
    assert [line[2:40].strip() for line in lines[2:]] == [
        "Iso surround response, high contrast",
        "Iso surround response, low contrast",
        "Orthogonal surround ... high contrast",
        "Orthogonal surround ... low contrast",
    ]
    # The name of a paper may be longer than all labels: it stands over the columns.
    assert max(map(len, lines)) <= 96


def test_comparison_of_nothing(results):
    nothing = dataclasses.replace(results, comparison=pd.DataFrame())
    assert comparison_table(nothing) == "nothing to compare"


def test_aligned():
    table = pd.DataFrame({"layer": ["conv1", "pool"], "calls": [1, 12]})
    assert aligned(table) == "layer  calls\nconv1      1\npool      12"
    assert aligned(table[:0]) == "layer  calls"


def test_a_long_message_is_cut_in_its_middle(tmp_path, capsys):
    (tmp_path / "own.toml").write_text(f'epochs = "{"x" * 9000}"')
    assert main(["train", str(tmp_path / "own.toml"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("insilico: error: epochs must be of type int; got 'xxx")
    assert len(said) < 1600
