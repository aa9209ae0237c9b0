"""`insilico predict`: what it prints and writes, which layer is V1, and digital neurons."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from synthetic_neurons import write_assembly

import insilico
from insilico.checksums import write_manifest
from insilico.cli.app import main
from insilico.experiments.batteries import BATTERIES, Placed
from insilico.experiments.gratings import ORIENTATION, ORIENTATION_MEAN
from insilico.figures.predictivity import layer_scores, neuron_scores
from insilico.predictivity import NeuralData, Predictivity
from insilico.predictivity.features import Features
from insilico.predictivity.layers import with_properties
from insilico.reporting.predictivity import predictivity_plates, readable_layers

SIDE, DEGREES = 32, 4.0
N_IMAGES = 60
CHANNELS = 8

# Gabor filters of one orientation each, and a layer after them that mixes at random.
GABORS = f"""
import torch
from torch import nn

def build():
    across = torch.arange(-7.0, 8.0)
    y, x = torch.meshgrid(across, across, indexing="ij")
    angle = torch.arange({CHANNELS})[:, None, None] * torch.pi / {CHANNELS}
    carrier = torch.cos((x * angle.cos() + y * angle.sin()) * 2 * torch.pi / 8)
    gabors = nn.Conv2d(1, {CHANNELS}, 15, stride=12, bias=False)
    gabors.weight.data = (carrier * torch.exp(-(x**2 + y**2) / 18))[:, None]
    mixed = nn.Conv2d({CHANNELS}, 4, 1)
    return nn.Sequential(gabors, nn.ReLU(), mixed, nn.ReLU())

def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear({SIDE**2}, 4))
"""

MODEL = "gabors.py:build"
OPTIONS = f"--pixels {SIDE} --degrees {DEGREES:g} --channels 1".split()


def rng(seed=0):
    return np.random.default_rng(seed)


def pictures():
    """Noise whose grain the filters see."""
    coarse = rng(7).uniform(0, 255, size=(N_IMAGES, SIDE // 2, SIDE // 2))
    return np.kron(coarse, np.ones((1, 2, 2))).astype(np.uint8)


def loaded(spec=MODEL, **options):
    return insilico.load_model(spec, pixels=SIDE, degrees=DEGREES, channels=1, **options)


def outputs(model, layer):
    """Outputs of a layer for the pictures, (image, feature)."""
    images = torch.tensor(pictures()[:, None] / 255, dtype=torch.float32)
    with torch.no_grad():
        return model[: int(layer) + 1](images).flatten(1).double().numpy()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a model and a recording of its layer "1", with noise."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gabors.py").write_text(GABORS)
    signal = outputs(loaded(), "1")
    signal = signal[:, signal.std(axis=0) > 0]
    trials = (signal / signal.std(axis=0))[..., None] + rng().normal(size=(*signal.shape, 8))
    write_assembly(
        tmp_path,
        trials,
        texture_types=["noise", "texture"] * (N_IMAGES // 2),
        regions=[*["V1"] * (signal.shape[1] - 2), "V2", "V2"],
        pictures=list(pictures()),
        identifier="Known2026",
        degrees=DEGREES,
    )
    return tmp_path


@pytest.fixture
def small_battery(monkeypatch):
    """Make the standard battery one of orientation alone."""
    small = insilico.Battery(
        "standard",
        (ORIENTATION_MEAN,),
        references=("ringach2002.circular_variance",),
        rates_from="orientation_mean",
    )
    monkeypatch.setitem(BATTERIES, "standard", lambda: Placed(small, insilico.Placement()))


def predict(*words, model=MODEL):
    recorded = {"--assembly": "assy_Known2026.nc", "--stimuli": "stimulus_Known2026"}
    told = [word for pair in recorded.items() if pair[0] not in words for word in pair]
    return main(["predict", model, *told, *OPTIONS, "-q", *words])


def refused(capsys, *words, model=MODEL):
    """Run a command that must fail, and return its one line of complaint."""
    assert predict(*words, model=model) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("insilico: error: ")
    return lines[0]


# The command


def test_one_layer(here, capsys):
    assert predict(*["--layer", "1", "--window", "60", "150"]) == 0
    printed = capsys.readouterr().out
    folder = here / "results" / "gabors-build-predict"
    assert {path.name for path in folder.iterdir()} == {
        "layers.csv",
        "neurons.csv",
        "provenance.json",
        "predictivity.html",
        "figures",
    }
    assert {path.name for path in (folder / "figures").iterdir()} >= {"layers.svg", "neurons.csv"}
    assert printed.splitlines()[0].split()[:2] == ["layer", "r"]
    assert printed.rstrip().endswith("page: results/gabors-build-predict/predictivity.html")
    (row,) = pd.read_csv(folder / "layers.csv").to_dict("records")
    assert row["r"] > 0.5
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["provenance"]["data"], record["provenance"]["mapping"]) == ("Known2026", "pls")
    assert record["provenance"]["window"] == [60, 150]


def test_window_and_region_choose_what_is_predicted(here):
    # Before 50 ms and after 200 ms, the file holds other numbers.
    assert predict("--layer", "1", "--out", "usual") == 0
    assert predict("--layer", "1", "--out", "early", "--window", "10", "40") == 0
    assert predict("--layer", "1", "--out", "every", "--region", "all", "--stratify", "none") == 0
    tables = {
        name: pd.read_csv(f"{name}/layers.csv").iloc[0] for name in ("usual", "early", "every")
    }
    assert tables["usual"]["r"] > 0.5
    assert not tables["early"]["r"] > 0.3
    assert tables["every"]["n_neurons"] == tables["usual"]["n_neurons"] + 2
    assert json.loads((here / "every/provenance.json").read_text())["provenance"]["region"] is None


def test_which_layer_is_v1(here, small_battery, capsys):
    assert (
        predict(
            *["--layer", "1", "3", "--battery", "standard", "--mapping", "ridge", "--out", "first"]
        )
        == 0
    )
    printed = capsys.readouterr().out
    table = pd.read_csv("first/layers.csv", dtype={"layer": str}).set_index("layer")
    assert table["r"].idxmax() == "1"
    run = insilico.open_results("first/properties")
    scores = run.comparison.set_index("layer")
    for layer in ("1", "3"):
        assert table.loc[layer, "similarity"] == pytest.approx(scores.loc[layer, "similarity"])
        assert table.loc[layer, "skill"] == pytest.approx(scores.loc[layer, "skill"])
        assert table.loc[layer, "n_units"] == (run.units["layer"] == layer).sum()
    assert "similarity" in printed.splitlines()[1]
    assert (here / "first" / "properties" / "report.html").is_file()
    # The same run again, in place of a battery; and every layer, of which two were not run.
    assert predict(*["--layer", "all", "--results", "first", "--out", "again"]) == 0
    again = pd.read_csv("again/layers.csv", dtype={"layer": str}).set_index("layer")
    assert list(again.index) == ["0", "1", "2", "3"]
    assert again.loc["1", "similarity"] == table.loc["1", "similarity"]
    assert again["similarity"].isna().tolist() == [True, False, True, False]
    assert "without a score of any property" in capsys.readouterr().out
    assert "has a value: 0, 2" in (here / "again/predictivity.html").read_text()


def test_no_battery(here, monkeypatch):
    monkeypatch.setattr(insilico, "run", lambda *_arguments, **_options: pytest.fail("it ran"))
    assert predict(*["--layer", "1", "3", "--battery", "none", "--out", "out"]) == 0
    assert "similarity" not in pd.read_csv("out/layers.csv")


def test_a_plain_array(here, capsys):
    signal = outputs(loaded(), "1")[:, :5]
    np.save("responses.npy", signal)
    csv = here / "stimulus_Known2026" / "stimulus_Known2026.csv"
    command = ["predict", MODEL, "--assembly", "responses.npy", "--stimuli", str(csv), *OPTIONS]
    assert main([*command, "--layer", "1", "--out", "out", "-q"]) == 0
    printed = capsys.readouterr().out
    assert "every image was shown once: there is no ceiling" in " ".join(printed.split())
    assert pd.read_csv("out/layers.csv")["ceiling"].isna().all()
    assert not (here / "out" / "figures" / "neurons.svg").exists()


def test_digital_neurons_are_probed_like_any_model(here, small_battery, capsys):
    assert predict(*["--layer", "1", "--neurons", "twins", "--out", "out"]) == 0
    assert "probe them with: insilico run digital:twins --trust-code" in capsys.readouterr().out
    with pytest.raises(insilico.UserError, match="gabors.py:build.*--trust-code"):
        insilico.load_model("digital:twins")
    neurons = insilico.load_model("digital:twins", trust_code=True)
    assert neurons.layer == "1"
    assert len(neurons.neurons) == len(pd.read_csv("out/neurons.csv"))
    assert main(["run", "digital:twins", "--trust-code", "--out", "probed", "-q"]) == 0
    units = insilico.open_results("probed").units
    assert units.sizes["unit"] == len(neurons.neurons)
    assert np.isfinite(units["circular_variance"]).any()


def test_digital_neurons_are_opened_from_anywhere_and_damage_is_named(here, monkeypatch):
    assert predict(*["--layer", "1", "--neurons", "twins", "--out", "out"]) == 0
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert insilico.load_model("digital:../twins", trust_code=True).layer == "1"
    record = here / "twins" / "neurons.json"
    whole = record.read_text()
    record.write_text(whole.replace('"layer"', '"lair"'))
    with pytest.raises(insilico.UserError, match="neurons.json is damaged.*fit the neurons again"):
        insilico.load_model("digital:../twins", trust_code=True)
    (here / "twins" / "manifest.json").unlink()
    write_manifest(here / "twins")
    with pytest.raises(insilico.UserError, match="twins is damaged.*fit the neurons again"):
        insilico.load_model("digital:../twins", trust_code=True)
    record.write_text(whole)
    readout = here / "twins" / "readout.safetensors"
    content = readout.read_bytes()
    readout.write_bytes(content[:100])
    (here / "twins" / "manifest.json").unlink()
    write_manifest(here / "twins")
    with pytest.raises(insilico.UserError, match="twins is damaged.*fit the neurons again"):
        insilico.load_model("digital:../twins", trust_code=True)
    readout.write_bytes(content)
    (here / "twins" / "manifest.json").unlink()
    write_manifest(here / "twins")
    with (here / "gabors.py").open("a") as file:
        file.write("# another day\n")
    with pytest.raises(insilico.UserError, match="is not the code that the neurons"):
        insilico.load_model("digital:../twins", trust_code=True)


def test_digital_neurons_keep_the_weights_of_their_model(here):
    """The folder is all that is needed, wherever it is taken."""
    torch.manual_seed(5)
    torch.save(loaded().state_dict(), "own.pth")
    data = insilico.open_neurons("assy_Known2026.nc", "stimulus_Known2026")
    model = loaded(weights="own.pth")
    neurons = insilico.predict(model, data, "1", n_resamples=0).fit_neurons()
    neurons.save("twins")
    (here / "own.pth").unlink()
    Path("twins").rename("elsewhere")
    again = insilico.load_model("digital:elsewhere", trust_code=True)
    torch.testing.assert_close(again.readout.weight, neurons.readout.weight)
    assert "own.pth" in again.card.weights
    with pytest.raises(insilico.UserError, match="own.pth, is not there any more"):
        neurons.save("others")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--layer 9", "9"),
        (
            "--battery marques",
            "battery must be one of standard, contrast, context, structure, variability",
        ),
        ("--battery standard --results .", "Give one of them"),
        ("--results absent", "absent holds no results"),
        ("--assembly absent.nc", "there is no file of responses absent.nc"),
        ("--stimuli absent", "there is no absent"),
        ("--region V4", "no neurons of the region V4"),
        ("--stratify colour", "stratify must be"),
        ("--image-degrees 0", "degrees must be above 0"),
        ("--image-degrees inf", "degrees must be above 0 and finite"),
        ("--seed -1", "seed must be a whole number from 0"),
        ("--principal-components 0", "principal_components must be 1 or more"),
        ("--mapping lasso", "lasso"),
        ("--out gabors.py", "gabors.py already is a file"),
        ("--neurons gabors.py", "gabors.py already is a file"),
        ("--out same --neurons same", "Give each a folder of its own"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(here, capsys, words, message):
    before = {path.name for path in here.iterdir()} | {"results"}
    assert message in refused(capsys, *("--layer 1 " * ("--layer" not in words) + words).split())
    assert {path.name for path in here.iterdir()} <= before


def test_a_model_without_layers(here, capsys):
    assert "no layer with more than one site" in refused(
        capsys, "--layer", "all", model="gabors.py:flat"
    )


def test_results_of_other_weights_are_refused(here, small_battery, capsys):
    insilico.run(loaded(seed=5), ["3"], battery="standard").save("other")
    message = refused(capsys, "--layer", "1", "3", "--results", "other")
    assert "weights hash" in message
    assert "Give a run of the same weights" in message


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"pixels": SIDE, "degrees": 2 * DEGREES}, "degrees 8.0 there, 4.0 here"),
        ({"pixels": 2 * SIDE, "degrees": DEGREES}, "pixels 64 there, 32 here"),
        ({"pixels": SIDE, "degrees": DEGREES, "mean": 0.5}, "normalisation"),
    ],
)
def test_results_under_other_conditions_are_refused(here, small_battery, capsys, shown, words):
    model = insilico.load_model(MODEL, channels=1, **shown)
    insilico.run(model, ["1"], battery="standard").save("other")
    assert words in refused(capsys, "--layer", "1", "--results", "other")


def test_scikit_learn_is_missing(here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert "pip install 'insilico-ephys[predict]'" in refused(capsys, "--layer", "1")
    data = insilico.open_neurons("assy_Known2026.nc", "stimulus_Known2026")
    with pytest.raises(insilico.UserError, match=r"insilico-ephys\[predict\]"):
        insilico.predict(loaded(), data, "1", mapping="ridge")


# Digital neurons, against the units that they were fitted to


def test_digital_neurons_prefer_the_orientations_of_their_units(here):
    # Fewer features than images and no noise: but for the smallest penalty, readouts are the units.
    model = loaded()
    signal = outputs(model, "1")
    recorded = insilico.open_neurons("assy_Known2026.nc", "stimulus_Known2026").responses
    responses = recorded.isel(neuron=[0] * signal.shape[1], repetition=[0]).copy(
        data=signal[..., None]
    )
    paths = tuple(sorted((here / "stimulus_Known2026").glob("*.png")))
    data = NeuralData("units", responses, paths, DEGREES)
    neurons = insilico.predict(model, data, "1", mapping="ridge", n_resamples=2).fit_neurons()
    battery = insilico.Battery("orientation", (ORIENTATION,), references=())
    shown = {"battery": battery, "rates": False}
    direct = insilico.run(model, ["1"], sites="all", **shown)
    fitted = insilico.run(neurons, **shown)
    np.testing.assert_array_equal(fitted.units["channel"], np.arange(direct.units.sizes["unit"]))
    order = np.lexsort([direct.units[name] for name in ("column", "row", "channel")])
    expected = direct.units["preferred_orientation"].to_numpy()[order]
    difference = fitted.units["preferred_orientation"].to_numpy() - expected
    known = np.isfinite(expected)
    np.testing.assert_allclose((difference[known] + 90) % 180 - 90, 0, atol=1)
    # All orientations, and not those of a few filters only.
    assert set(np.round(expected[known] / 22.5) % CHANNELS) == set(range(CHANNELS))


# Tables and figures


def layer_table(n):
    r = np.linspace(0.3, 0.6, n)
    ceiling = 0.8
    table = {
        "layer": [f"layer{number}" for number in range(n)],
        "n_features": 100,
        "r": r,
        "ceiling": ceiling,
        "explained_variance": r**2 / ceiling,
        "explained_variance_before_2026": (r / ceiling) ** 2,
    }
    ends = {}
    for name in list(table)[2:]:
        ends |= {f"{name}_low": table[name] - 0.05, f"{name}_high": table[name] + 0.05}
    return pd.DataFrame(table | ends)


def test_both_rules_are_drawn_beside_the_ceiling():
    table = layer_table(3).assign(similarity=[0.5, np.nan, 0.6], skill=[0.1, np.nan, -0.2])
    figure = layer_scores(table)
    correlations, explained, similarity, skill = figure.axes
    drawn = [np.asarray(each.lines[0].get_xdata(), float) for each in explained.containers]
    np.testing.assert_allclose(drawn[0], table["explained_variance"])
    np.testing.assert_allclose(drawn[1], table["explained_variance_before_2026"])
    perfect = [line.get_xdata()[0] for line in explained.lines if len(line.get_xdata()) == 2]
    assert perfect == [1, 1 / 0.8]
    assert [label.get_text() for label in correlations.get_yticklabels()] == [*table["layer"]]
    assert similarity.get_xlabel().startswith("Similarity")
    assert np.isnan(skill.containers[0].lines[0].get_xdata()[1])
    assert len(layer_scores(layer_table(3)).axes) == 2


def test_neurons_without_a_ceiling_are_counted_but_not_drawn():
    neurons = pd.DataFrame(
        {"layer": "a", "r": [0.5, 0.2, np.nan, 0.3], "ceiling": [0.81, -0.1, 0.5, np.nan]}
    )
    (ax,) = neuron_scores(neurons).axes
    assert ax.get_title(loc="left") == "n = 1 of 4 neurons"
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [[0.9, 0.5]])


def test_neurons_are_drawn_of_the_best_layer():
    neurons = pd.DataFrame({"layer": ["layer0", "layer2"], "r": [0.2, 0.4], "ceiling": 0.8})
    first, second = predictivity_plates(layer_table(3), neurons, "layer2")
    assert (first.kind, second.kind, second.layer) == ("summary", "population", "layer2")
    assert isinstance(second.figure, Figure)
    assert "layer2" in second.caption


def test_the_best_layer_has_the_largest_r():
    neurons = pd.DataFrame({"layer": ["layer0"], "r": [0.2], "ceiling": [0.8]})
    table = layer_table(3)
    assert Predictivity(table, neurons, {}).best == "layer2"
    assert Predictivity(table.assign(r=[-0.2, np.nan, -0.9]), neurons, {}).best == "layer0"
    assert Predictivity(table.assign(r=np.nan), neurons, {}).best == "layer0"


def test_few_images_are_refused_before_the_model_runs(here, monkeypatch, capsys):
    monkeypatch.setattr(Features, "products", lambda *_, **__: pytest.fail("it ran"))
    np.save("few.npy", rng().normal(size=(20, 3, 2)))
    names = [path.name for path in sorted((here / "stimulus_Known2026").glob("*.png"))[:20]]
    table = pd.DataFrame({"filename": names})
    table.to_csv(here / "stimulus_Known2026" / "few.csv", index=False)
    few = ["--assembly", "few.npy", "--stimuli", "stimulus_Known2026/few.csv"]
    words = [*few, "--image-degrees", "4", "--layer", "1"]
    assert "20 images leave 2 to predict" in refused(capsys, *words)


def test_digital_neurons_overwrite_nothing(here):
    data = insilico.open_neurons("assy_Known2026.nc", "stimulus_Known2026")
    neurons = insilico.predict(loaded(), data, "1", n_resamples=0).fit_neurons()
    neurons.save("twins")
    before = {path.name: path.read_bytes() for path in (here / "twins").iterdir()}
    with pytest.raises(insilico.UserError, match="twins already holds files"):
        neurons.save("twins")
    assert {path.name: path.read_bytes() for path in (here / "twins").iterdir()} == before
    neurons.base = replace(neurons.base, arguments={**neurons.base.arguments, "mean": object()})
    with pytest.raises(insilico.UserError, match="cannot be written down"):
        neurons.save("others")
    assert not (here / "others").exists()


def test_the_table_in_words():
    (row, *_) = readable_layers(layer_table(2)).to_dict("records")
    assert row["r"] == "0.30 [0.25, 0.35]"
    assert row["r\N{SUPERSCRIPT TWO} / ceiling"].startswith("0.11 [")


def test_categories_have_the_same_weight(here, small_battery):
    data = insilico.open_neurons("assy_Known2026.nc", "stimulus_Known2026")
    found = insilico.predict(loaded(), data, ["1"], n_resamples=2)
    run = insilico.run(loaded(), ["1"], battery="standard")
    row = run.comparison.iloc[[0]].to_dict("records")[0]
    scores = {"a": [0.2, 0.4], "b": [0.9], "": [0.6]}
    rows = [
        {**row, "category": category, "property": f"{category}{number}", "similarity": score}
        for category, values in scores.items()
        for number, score in enumerate(values)
    ]
    (joined,) = with_properties(found, replace(run, comparison=pd.DataFrame(rows))).to_dict(
        "records"
    )
    assert joined["similarity"] == pytest.approx(np.mean([0.3, 0.9, 0.6]))
    assert joined["n_properties"] == 4


def test_pages_load_nothing(here):
    Image.new("L", (2, 2)).save("unused.png")
    assert predict("--layer", "1", "--out", "out") == 0
    page = (here / "out" / "predictivity.html").read_text()
    assert "13 January 2026" in page
    assert not [word for word in ('src="http', "url(http", "<script src") if word in page]
