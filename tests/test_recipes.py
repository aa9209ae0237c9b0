"""The recipes of the documentation are executed."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

import insilico
from insilico.cli.app import main
from insilico.experiments.batteries import find_battery
from stimuli import Position

DOCS = Path(__file__).parents[1] / "docs"

# What the pages on models from elsewhere are about, and tests do without.
PACKAGES_OF_OTHERS = {"jax", "keras", "onnx", "onnxruntime", "transformers"}


PAGE_OF_OTHERS = (DOCS / "models_from_elsewhere.md").read_text()


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def code(page):
    return "\n".join(blocks(page))


def execute(page, names, **replaced):
    """Run every block of a page, one after the other, as a reader would; on smaller models."""
    lines = code(page)
    for old, new in replaced.values():
        assert old in lines
        lines = lines.replace(old, new)
    exec(compile(lines, page, "exec"), names)  # noqa: S102
    return names


@pytest.fixture(scope="module")
def recipes():
    return execute("how_to_add.md", {})


def test_how_to_add(recipes):
    units = recipes["results"].units
    assert units["contrast_gain"].notnull().any()
    assert units["contrast_gain"].attrs["protocol"] == "light"
    shown = recipes["results"].recordings["light"]
    assert shown.sizes["contrast"] == 4
    assert recipes["make"]()[0].out_channels == 8


def test_a_stimulus_of_the_recipe_lies_on_the_measured_field(recipes):
    results = recipes["results"]
    measured = results.units["receptive_field_x"]
    shown = results.recordings["light"]["stimulus_x"]
    known = measured.notnull() & results.units["receptive_field_diameter"].notnull()
    assert known.any()
    assert abs(shown - measured).where(known).max() < 1e-9


@pytest.fixture(scope="module")
def own_experiment():
    model = insilico.load_model("textbook", pixels=64, n=6)
    return execute(
        "own_experiment.md", {"TEXTBOOK": model}, model=('run("textbook"', "run(TEXTBOOK")
    )


def test_a_property_of_your_own(own_experiment, tmp_path):
    share = own_experiment["results"].units["oblique_share"]
    assert ((share >= 0) & (share <= 1)).all()
    (tmp_path / "my_file.py").write_text(code("own_experiment.md").split("results =")[0])
    assert find_battery(f"{tmp_path}/my_file.py:MINE").battery.name == "mine"


def test_a_stimulus_of_your_own(own_experiment):
    display = own_experiment["model"].card.display
    boards = own_experiment["boards"](display, Position())
    images = boards.images()
    assert len(images) == 10
    # Half of the disk is light and half dark, about the grey around it.
    middle = images[:, 0, 24:40, 24:40]
    assert middle.mean().item() == pytest.approx(0.5, abs=1e-6)
    assert images[:, 0, 0, 0].eq(0.5).all()
    assert images.max() == 1 and images.min() == 0


def test_one_unit():
    names = execute(
        "one_unit.md",
        {},
        model=("pixels=64, n=24", "pixels=64, n=6"),
        run=('protocols=["size"]', 'protocols=["size"], quick=True'),
    )
    assert names["one"].properties.loc["suppression_index", "value"] > 0.1
    assert names["curve"].dims == ("unit", "diameter")
    assert names["curve"].sizes["unit"] == 1
    # Across its preferred orientation a unit responds less than along it.
    assert names["curve"].max() < names["one"].responses["size"].max()


def test_own_recordings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = execute(
        "own_recordings.md",
        {},
        model=("pixels=64, n=12", "pixels=64, n=6"),
        run=('protocols=["size"]', 'protocols=["size"], quick=True'),
    )
    assert "lab.suppression_index" in names["results"].summary().index.get_level_values("reference")


def test_which_layer():
    names = execute(
        "which_layer.md",
        {},
        model=(
            '"torchvision:mobilenet_v2", weights, pixels=112, degrees=4',
            '"torchvision:squeezenet1_1", pixels=64, degrees=2',
        ),
        run=("protocols=[", "quick=True, protocols=["),
    )
    assert len(names["side"].ranking) == 4


def test_what_to_report():
    names = execute(
        "what_to_report.md",
        {},
        model=("pixels=64, n=12", "pixels=64, n=6"),
        run=('protocols=["orientation"]', 'protocols=["orientation"], quick=True'),
    )
    assert "We recorded" in names["results"].methods()


FROM_ELSEWHERE = {
    block.split(".py;")[0].removeprefix("# "): block
    for block in blocks("models_from_elsewhere.md")
    if "def network" in block
}


def test_models_from_elsewhere_are_all_tried():
    assert set(FROM_ELSEWHERE) == {
        "hub", "hf", "keras_network", "jax_network", "onnx_network", "served",
    }  # fmt: skip


def write_onnx():
    """Write a network of which the page records the first layer of four channels."""
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 7, stride=2), nn.ReLU(), nn.Conv2d(4, 2, 3)).eval()
    batch = {0: torch.export.Dim("batch")}
    torch.onnx.export(
        network, (torch.zeros(2, 3, 64, 64),), "network.onnx", dynamo=True, dynamic_shapes=(batch,)
    )
    (inner,) = [block for block in blocks("models_from_elsewhere.md") if "graph.output" in block]
    exec(compile(inner, "inner.py", "exec"), {})  # noqa: S102


@pytest.mark.parametrize("name", FROM_ELSEWHERE)
def test_models_from_elsewhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = FROM_ELSEWHERE[name]
    (tmp_path / f"{name}.py").write_text(lines)
    checkout = tmp_path / "path" / "to" / "checkout"
    checkout.mkdir(parents=True)
    (checkout / "hubconf.py").write_text(
        "from torch import nn\n"
        "def resnet18(pretrained):\n"
        "    net = nn.Sequential()\n"
        "    net.layer1 = nn.Conv2d(3, 4, 7, stride=2)\n"
        "    return net\n"
    )
    # Keras computes with torch, which is there.
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    for package in PACKAGES_OF_OTHERS & set(re.findall(r"^(?:import|from) (\w+)", lines, re.M)):
        pytest.importorskip(package)
    if name == "onnx_network":
        write_onnx()
    model = insilico.load_model(f"{name}.py:network", pixels=64)
    layers = re.findall(r"--layer (\S+)", lines)
    results = insilico.run(model, layers or None, protocols=["orientation"], quick=True)
    assert results.units.sizes["unit"] > 1
    assert results.recordings["orientation"].std("orientation").max() > 0
    if name == "onnx_network":
        assert results.units.sizes["unit"] == 4


def lightning_checkpoint():
    """Train for a step, and save as Lightning does."""
    lightning = pytest.importorskip("lightning")

    class Trained(lightning.LightningModule):
        def __init__(self, rate=0.1):
            super().__init__()
            self.save_hyperparameters()
            self.model = resnet18()

        def training_step(self, batch):
            return self.model(batch).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), self.hparams.rate)

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", enable_checkpointing=False, **quiet
    )
    module = Trained()
    trainer.fit(module, torch.utils.data.DataLoader(torch.rand(2, 3, 64, 64), batch_size=2))
    trainer.save_checkpoint("epoch=99.ckpt")
    return module.model.conv1.weight


def timm_checkpoint():
    """Save as the training script of timm does, with averaged weights beside the others."""
    timm = pytest.importorskip("timm")
    from timm.utils import CheckpointSaver, ModelEmaV2

    network = timm.create_model("resnet18")
    averaged = ModelEmaV2(network)
    nn.init.normal_(averaged.module.conv1.weight)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    options = argparse.Namespace(model="resnet18")
    saver = CheckpointSaver(network, optimiser, args=options, model_ema=averaged)
    saver.save_checkpoint(0, metric=0.5)
    return averaged.module.conv1.weight


@pytest.mark.parametrize(
    ("line", "saved"),
    list(
        zip(
            re.findall(r"^insilico run .*(?:ckpt|pth\.tar).*$", PAGE_OF_OTHERS, re.MULTILINE),
            (lightning_checkpoint, timm_checkpoint),
            strict=True,
        )
    ),
    ids=["lightning", "timm"],
)
def test_checkpoints_of_others(line, saved, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = saved()
    words = shlex.split(line)[1:]
    weights = words[words.index("--weights") + 1]
    assert torch.equal(insilico.load_model(words[1], weights).conv1.weight, trained)
    few = ["--protocols", "orientation", "--quick", "--pixels", "64", "--sites", "centre"]
    assert main([*words, *few]) == 0
    assert weights.partition("#")[0] in capsys.readouterr().out


def test_a_served_network():
    names = {}
    exec(compile(FROM_ELSEWHERE["served"], "served.py", "exec"), names)  # noqa: S102
    found = names["network"]()(torch.rand(2, 3, 64, 64).numpy())
    assert found.shape == (2, 3, 16, 16)
