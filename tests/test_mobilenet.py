"""A network that has seen the world: what it names, what it scores, and what it lacks."""

import hashlib
from pathlib import Path

import pytest
import torch
from mobilenet import NAME, SHA256, weights_file
from skimage.data import chelsea
from torch.nn.functional import interpolate
from torchvision.models import MobileNet_V2_Weights

import insilico
from insilico.cli.app import main

LAYER = "features.2.conv.1"
SCORED = {
    "half_bandwidth": "ringach2002.smoothed_half_bandwidth",
    "frequency": "devalois1982b.preferred_spatial_frequency",
    "suppression": "cavanaugh2002a.suppression_index",
}


def load(**options):
    return insilico.load_model(NAME, weights_file(), **options)


def test_the_file_is_what_torchvision_released():
    assert hashlib.sha256(Path(weights_file()).read_bytes()).hexdigest() == SHA256
    released = MobileNet_V2_Weights.IMAGENET1K_V1.url
    assert released.endswith(f"mobilenet_v2-{SHA256[:8]}.pth")


def test_it_names_a_cat():
    photograph = torch.tensor(chelsea()).permute(2, 0, 1)[None, :, :300, 75:375] / 255
    with torch.inference_mode():
        logits = load()(interpolate(photograph, 224, mode="bilinear", antialias=True))
    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    best = {names[place] for place in logits[0].topk(3).indices.tolist()}
    assert best == {"tabby", "Egyptian cat", "tiger cat"}


@pytest.fixture(scope="module")
def shown():
    """What the trained network and the untrained one score, without textures."""
    protocols = ["orientation_mean", "spatial_frequency", "size"]
    return {
        name: insilico.run(insilico.load_model(NAME, file), [LAYER], protocols=protocols)
        .comparison.set_index("reference")
        .loc[list(SCORED.values())]
        .rename(index={reference: name for name, reference in SCORED.items()})
        for name, file in (("trained", weights_file()), ("untrained", None))
    }


def test_training_brings_tuning_nearer_to_v1(shown):
    trained, untrained = shown["trained"], shown["untrained"]
    for name in ("half_bandwidth", "frequency"):
        assert trained["similarity"][name] > untrained["similarity"][name] + 0.2, name


def test_it_lacks_surround_suppression(shown):
    trained = shown["trained"].loc["suppression"]
    assert trained["median_model"] < 0.1 < trained["median_reference"]


def test_the_command_records_it(tmp_path, capsys):
    arguments = ["--layer", "features.2", "--weights", weights_file(), "--quick", "--quiet"]
    arguments += ["--protocols", "orientation_mean", "--out", str(tmp_path / "run")]
    assert main(["run", NAME, *arguments]) == 0
    said = capsys.readouterr().out
    assert "weights: mobilenet_v2-b0353104.pth (sha256 b03531047ffa)" in said
    assert "UNTRAINED" not in said
    assert insilico.open_results(tmp_path / "run").provenance["trained"] is True
