"""Loading models: every form of name, every way to give weights, and what users get wrong."""

import dataclasses
import pickle
import re
import sys
import textwrap
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from insilico.errors import UserError
from insilico.models import ModelCard, as_module, layer_table, load_model
from insilico.models.built_in import BUILT_IN
from insilico.models.card import attach, input_channels
from insilico.models.layers import spatial_layers
from insilico.models.names import BUILT_IN_NAMES
from insilico.models.sources import IMAGENET_MEAN, IMAGENET_STD
from insilico.models.weights import fit_weights, load_weights, read_weights
from insilico.recording.forward import per_channel
from stimuli import Display

MODELS = """
    from dataclasses import dataclass

    import numpy as np
    import torch
    from torch import nn


    class Small(nn.Module):
        def __init__(self, width=4, channels=3):
            super().__init__()
            self.conv = nn.Conv2d(channels, width, 5)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, images):
            return self.relu(self.conv(images))


    def build(width=4):
        return Small(width)


    def grey():
        return Small(channels=1)


    def respond(images):
        return images.mean(axis=(1, 2, 3))[:, None]


    def plain():
        return respond


    def nothing():
        pass


    def broken():
        return undefined_name


    @dataclass
    class Settings:
        width: "int" = 4


    finished = Small()
    number = 3
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder with a file of models, as the current folder."""
    monkeypatch.chdir(tmp_path)
    name = "small_models_of_a_test"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(MODELS))
    yield name
    sys.modules.pop(name, None)
    sys.modules.pop(f"insilico_model_{name}", None)


@pytest.fixture
def weights(models):
    """Weights of ``build``, unlike those of any seed."""
    return {"conv.weight": torch.arange(300.0).reshape(4, 3, 5, 5), "conv.bias": torch.ones(4)}


def images(n=2, channels=3, pixels=32, seed=0):
    return torch.rand(n, channels, pixels, pixels, generator=torch.Generator().manual_seed(seed))


# Names of models


def test_torchvision_network_is_untrained_and_says_so():
    model = load_model("torchvision:resnet18", seed=3)
    card = model.card
    assert not model.training
    assert card.trained is False
    assert "UNTRAINED" in card.caution and "random, seed 3" in card.caution
    assert card.layers == ("layer1",)
    assert (card.mean, card.std, card.channels) == (IMAGENET_MEAN, IMAGENET_STD, 3)
    assert card.display == Display.square(224, 8)


def test_weights_depend_on_the_seed_and_leave_the_random_state_alone():
    state = torch.random.get_rng_state()
    first, again, other = (load_model("torchvision:squeezenet1_1", seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize(
    ("name", "layers"),
    [("alexnet", ("features.2",)), ("vgg11", ("features.10",)), ("squeezenet1_1", ())],
)
def test_layers_that_stand_for_v1(name, layers):
    with torch.device("meta"):
        model = load_model(f"torchvision:{name}")
    assert model.card.layers == layers
    modules = dict(model.named_modules())
    assert all(isinstance(modules[layer], nn.MaxPool2d) for layer in layers)


def test_built_in_vone_has_no_caution():
    model = load_model("vone", seed=2, simple_channels=2, complex_channels=2)
    assert model.card.trained is True
    assert model.card.caution is None
    assert model.card.weights == "published parameter distributions, seed 2"
    assert model(images(pixels=64)).shape == (2, 4, 16, 16)


def test_built_in_modes_differ():
    corrected, released = (
        load_model("vone", mode=mode, simple_channels=0, complex_channels=64, stride=32)
        for mode in ("corrected", "as_released")
    )
    shown = images(1, pixels=64)
    assert not torch.equal(corrected(shown), released(shown))


@pytest.mark.parametrize("form", ["{name}.py:{function}", "{name}:{function}"])
@pytest.mark.parametrize("function", ["build", "Small", "finished"])
def test_own_module_by_file_and_by_module(models, form, function):
    spec = form.format(name=models, function=function)
    model = load_model(spec)
    assert model(images()).shape == (2, 4, 28, 28)
    assert model.card.name == spec
    assert model.card.trained is None
    assert "UNKNOWN TRAINING" in model.card.caution
    assert model.card.normalisation == "none: images in [0, 1]"
    assert model.card.layers == ()


def test_own_file_elsewhere_may_import_its_neighbours(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "neighbour_of_a_test.py").write_text("WIDTH = 7\n")
    (folder / "model.py").write_text(
        "from neighbour_of_a_test import WIDTH\nfrom torch import nn\n"
        "def build():\n    return nn.Conv2d(3, WIDTH, 1)\n"
    )
    path = list(sys.path)
    assert load_model(f"{folder}/model.py:build").out_channels == 7
    assert sys.path == path
    sys.modules.pop("neighbour_of_a_test")


def test_own_weights_depend_on_the_seed(models):
    first, again, other = (load_model(f"{models}:build", seed=s).conv.weight for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_options_reach_the_function(models):
    assert load_model(f"{models}:build", width=9).conv.out_channels == 9


def test_finished_module_is_copied(models):
    spec = f"{models}:finished"
    load_model(spec, mean=0.5).conv.weight.data.zero_()
    own = sys.modules[models].finished
    assert own.conv.weight.abs().sum() > 0
    assert not hasattr(own, "card")


def test_plain_function_is_wrapped(models):
    model = load_model(f"{models}.py:plain", mean=0.5, std=0.25)
    shown = images()
    expected = ((shown - 0.5) / 0.25).mean((1, 2, 3))[:, None]
    torch.testing.assert_close(model(shown), expected)
    assert list(layer_table(model)["layer"]) == ["output"]
    assert model.card.layers == ("output",)
    assert model.card.caution is None


def test_grey_model_takes_one_channel(models):
    model = load_model(f"{models}:grey", mean=0.5)
    assert model.card.channels == 1
    assert model.card.mean == (0.5,)
    assert model(images(channels=1)).shape == (2, 4, 28, 28)


def test_function_may_bring_its_own_card(tmp_path):
    path = tmp_path / "carded.py"
    path.write_text(
        "from torch import nn\nfrom insilico.models import ModelCard\nfrom stimuli import Display\n"
        "def build():\n"
        "    model = nn.Sequential(nn.Conv2d(3, 2, 1))\n"
        "    model.card = ModelCard('mine', Display.square(64, 4), layers=('0',), trained=True,\n"
        "                           mean=(0.5,) * 3, weights='hand-made')\n"
        "    return model\n"
    )
    spec = f"{path}:build"
    card = load_model(spec).card
    assert (card.name, card.layers, card.weights, card.caution) == (spec, ("0",), "hand-made", None)
    assert card.display == Display.square(64, 4)
    assert load_model(spec, degrees=2).card.display == Display.square(64, 2)
    bare = load_model(spec, mean=0)
    shown = images()
    torch.testing.assert_close(load_model(spec)(shown), bare(shown - 0.5))


def test_asking_again_replaces_the_normalisation(tmp_path):
    path = tmp_path / "again.py"
    path.write_text(
        "import insilico.models\n"
        "def build():\n    return insilico.models.load_model('torchvision:squeezenet1_1')\n"
    )
    shown = images(1, pixels=64)
    once = load_model("torchvision:squeezenet1_1")(shown)
    assert torch.equal(load_model(f"{path}:build")(shown), once)
    bare = load_model(f"{path}:build", mean=0, std=1)
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    assert torch.equal(bare((shown - mean) / std), once)


def test_layer_names_stay_and_normalisation_is_applied_once(models):
    model = load_model(f"{models}:build", mean=[0.1, 0.2, 0.3], std=[1, 2, 4])
    assert list(layer_table(model)["layer"]) == ["conv", "relu", "output"]
    shown = images()
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 4.0])
    normalised = (shown - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)
    expected = torch.relu(model.conv(normalised))
    assert torch.equal(model(shown), expected)


def test_display_options(models):
    card = load_model(f"{models}:build", degrees=4, pixels=64, layers=["conv"]).card
    assert card.display == Display.square(64, 4)
    assert card.layers == ("conv",)


# A stand-in for timm, which is an optional dependency


@pytest.fixture
def timm(monkeypatch):
    stand_in = types.ModuleType("timm")
    stand_in.list_models = lambda: ["resnet10t", "vit_small"]
    stand_in.is_model = lambda name: name in stand_in.list_models()

    def create_model(name, pretrained, in_chans=3):
        if pretrained:
            raise OSError("no route to host")
        model = nn.Sequential(OrderedDict(layer1=nn.Conv2d(in_chans, 2, 3)))
        model.pretrained_cfg = {
            "input_size": (3, 160, 160), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2),
        }  # fmt: skip
        return model

    stand_in.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", stand_in)


def test_timm_network_has_its_own_input(timm):
    card = load_model("timm:resnet10t").card
    assert card.display == Display.square(160, 8)
    assert (card.mean, card.layers, card.trained) == ((0.5, 0.4, 0.3), ("layer1",), False)


def test_timm_network_with_one_channel(timm):
    card = load_model("timm:resnet10t", in_chans=1).card
    assert card.channels == 1
    assert card.mean == pytest.approx((0.4,))


def test_timm_unknown_and_offline(timm):
    with pytest.raises(UserError, match=r"no model 'resnet10'. Did you mean resnet10t"):
        load_model("timm:resnet10")
    with pytest.raises(UserError, match=r"could not be fetched \(OSError: no route to host\)"):
        load_model("timm:resnet10t", "pretrained")


def test_timm_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"pip install 'insilico-ephys\[timm\]'"):
        load_model("timm:resnet50")


def test_pretrained_torchvision(monkeypatch):
    import torchvision

    made = {}

    def get_model(name, weights):
        made.update(name=name, weights=weights)
        return nn.Conv2d(3, 2, 1)

    monkeypatch.setattr(torchvision.models, "get_model", get_model)
    card = load_model("torchvision:resnet50", "pretrained").card
    assert made["weights"] is torchvision.models.ResNet50_Weights.DEFAULT
    assert card.weights == "pretrained by torchvision: IMAGENET1K_V2"
    assert card.trained is True and card.caution is None


def test_pretrained_without_network(monkeypatch):
    def offline(*_arguments, **_options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nowhere-of-a-test")
    monkeypatch.setattr(torch.hub.os, "makedirs", lambda *_a, **_k: None)
    with pytest.raises(UserError, match="could not be fetched .* give a file of weights"):
        load_model("torchvision:squeezenet1_1", "pretrained")


# Mistakes


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("von", r"no model 'von'. Did you mean vone\? A model is vone, textbook"),
        ("resnet50", r"Did you mean torchvision:resnet50\?"),
        ("model.py", r"Name the function that makes it, as in model.py:FUNCTION"),
        ("", r"no model ''"),
        ("a b:c", r"no model 'a b:c'"),
        ("torchvision:resnet5", r"torchvision has no model 'resnet5'. Did you mean resnet50"),
        ("nowhere/at/all.py:build", r"no file nowhere/at/all.py"),
        (
            "not_a_module_of_any_kind:build",
            r"no module 'not_a_module_of_any_kind'; .* folder|looked",
        ),
        ("{models}.py:biuld", r"has no 'biuld'. Did you mean build"),
        ("{models}:biuld", r"has no 'biuld'. Did you mean build"),
        (
            "{models}.py:respond",
            r"respond is called with no arguments.*def model\(\): return respond",
        ),
        ("{models}.py:nothing", r"nothing returned None; it must return an nn.Module"),
        ("{models}.py:number", r"number is a int; it must be a function"),
        ("{models}.py:broken", r"calling broken failed: NameError: .*\(small_\w+\.py, line 40\)"),
    ],
)
def test_wrong_names(models, spec, message):
    with pytest.raises(UserError, match=message):
        load_model(spec.format(models=models))


def test_file_that_cannot_be_imported(tmp_path):
    path = tmp_path / "needs.py"
    path.write_text("import a_package_that_nobody_has\n")
    with pytest.raises(
        UserError, match=r"importing needs.py failed: ModuleNotFoundError: .*line 1"
    ):
        load_model(f"{path}:build")
    path.write_text("def build(:\n")
    with pytest.raises(UserError, match="importing needs.py failed: SyntaxError"):
        load_model(f"{path}:build")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": [1, 2]}, "mean needs one value, or one for each of the model's 3"),
        ({"std": 0}, "std must be above 0; got 0"),
        ({"mean": [123.7, 116.3, 103.5]}, "Divide mean and std by 255"),
        ({"pixels": 0}, "pixels must be a whole number from 8 to 8192; got 0"),
        ({"degrees": -2}, "degrees must be a number from 0.01 to 360; got -2"),
        ({"device": "cuba"}, "device 'cuba' cannot be used"),
        ({"weights": "pretrained"}, "download by torchvision or timm, and .* is neither"),
        ({"breadth": 2}, "build is called with the options breadth, and that fails"),
    ],
)
def test_wrong_options(models, options, message):
    with pytest.raises(UserError, match=message):
        load_model(f"{models}:build", **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vone", "vone has no option 'mdoe'. Did you mean mode?"),
        ("torchvision:resnet18", "does not take the options {'mdoe': 1}"),
    ],
)
def test_misspelt_option(name, said):
    with pytest.raises(UserError, match=re.escape(said)):
        load_model(name, mdoe=1)


def test_option_for_a_finished_module(models):
    with pytest.raises(UserError, match="finished is a finished Small, which takes no options"):
        load_model(f"{models}:finished", width=3)


def test_option_that_has_a_name_of_its_own(timm):
    with pytest.raises(UserError, match="pretrained cannot be given as an option"):
        load_model("timm:resnet10t", pretrained=True)


# Weights


def as_data_parallel(state):
    return {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}


@pytest.mark.parametrize(
    "wrap", [dict, as_data_parallel, lambda state: {"model": state, "optimizer": {"lr": 0.1}}]
)
@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_weights_of_torch(models, weights, tmp_path, wrap, suffix):
    path = tmp_path / f"weights{suffix}"
    torch.save(wrap(weights), path)
    model = load_model(f"{models}:build", path)
    assert torch.equal(model.conv.weight, weights["conv.weight"])
    assert model.card.weights.startswith(f"weights{suffix} (sha256 ")
    assert model.card.trained is True


def test_weights_of_safetensors(models, weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(weights, path)
    model = load_model(f"{models}:build", str(path))
    assert torch.equal(model.conv.weight, weights["conv.weight"])


def test_weights_file_of_a_whole_network(tmp_path):
    path = tmp_path / "resnet.pth"
    torch.save(load_model("torchvision:resnet18", seed=5).state_dict(), path)
    loaded, same = (
        load_model("torchvision:resnet18", path),
        load_model("torchvision:resnet18", seed=5),
    )
    shown = images(1, pixels=64)
    assert torch.equal(loaded(shown), same(shown))


class Malicious:
    def __reduce__(self):
        return (eval, ("open('executed', 'w')",))


def test_malicious_pickle_is_refused(models, weights, tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({**weights, "extra": Malicious()}, path)
    with pytest.raises(UserError, match="holds Python objects besides tensors.*was not read"):
        load_model(f"{models}:build", path)
    path.write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(UserError, match="evil.pth"):
        load_model(f"{models}:build", path)
    assert not (tmp_path / "executed").exists()


def test_whole_pickled_model_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(nn.Conv2d(3, 2, 1), path)
    with pytest.raises(UserError, match=r"besides tensors \(torch.nn.modules.conv.Conv2d\)"):
        read_weights(path)


def test_weights_that_do_not_fit_are_listed():
    model = nn.Sequential(*[nn.Conv2d(1, 1, 1) for _ in range(8)])
    state = {name: value for name, value in model.state_dict().items() if name.endswith("weight")}
    state |= {"0.weight": torch.zeros(2, 1, 1, 1), "head.weight": torch.zeros(3)}
    model.append(nn.Linear(2, 2)).append(nn.Linear(2, 2))
    with pytest.raises(UserError) as caught:
        fit_weights(model, state, source="some.pth")
    message = str(caught.value)
    assert "some.pth does not fit Sequential (20 tensors in the model, 9 in the file)" in message
    assert "missing: 0.bias, 1.bias," in message and "8.weight, 8.bias and 2 more;" in message
    assert "unexpected: head.weight;" in message
    assert "of another shape: 0.weight (2 x 1 x 1 x 1 in the file, 1 x 1 x 1 x 1 in" in message


def test_batch_counters_may_be_missing():
    model = nn.BatchNorm2d(2)
    state = {n: v + 1 for n, v in model.state_dict().items() if n != "num_batches_tracked"}
    fit_weights(model, state)
    assert torch.equal(model.running_mean, torch.ones(2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds no weights: it is empty"),
        ([torch.zeros(2)], "holds no weights: it is a list"),
        (
            {"deep": {"er": {"est": torch.zeros(1)}}, "lr": 0.1},
            "deep, lr are none. If the weights lie",
        ),
    ],
)
def test_files_without_weights(tmp_path, content, message):
    path = tmp_path / "odd.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match=message):
        read_weights(path)


def two_filters():
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return [nn.Sequential(nn.Conv2d(3, 8, 7)).state_dict() for _ in range(2)]


PLAIN, AVERAGED = two_filters()
SETS_OF_WEIGHTS = {
    "beside an average": (
        {"state_dict": PLAIN, "state_dict_ema": AVERAGED, "epoch": 3},
        "state_dict, beside state_dict_ema; ",
    ),
    "alone under another name": ({"network": PLAIN, "epoch": 3}, "network; "),
    "compiled and in parallel": ({f"_orig_mod.module.{k}": v for k, v in PLAIN.items()}, ""),
    "in parallel and compiled": ({f"module._orig_mod.{k}": v for k, v in PLAIN.items()}, ""),
    "of Lightning": ({"state_dict": {f"model.{k}": v for k, v in PLAIN.items()}}, ""),
    "of an average": (
        {"n_averaged": torch.tensor(3), **{f"module.{k}": v for k, v in PLAIN.items()}},
        "",
    ),
    "in double precision": ({k: v.double() for k, v in PLAIN.items()}, ""),
}


@pytest.mark.parametrize("ending", [".pth", ".pth.tar", ".ckpt", ".bin"])
@pytest.mark.parametrize("name", SETS_OF_WEIGHTS)
def test_sets_of_weights(tmp_path, name, ending):
    content, said = SETS_OF_WEIGHTS[name]
    path, model = tmp_path / f"w{ending}", nn.Sequential(nn.Conv2d(3, 8, 7))
    torch.save(content, path)
    assert load_weights(model, path).startswith(f"w{ending} ({said}sha256 ")
    assert torch.equal(model[0].weight, PLAIN["0.weight"])


def test_one_of_several_sets_of_weights_is_chosen(tmp_path):
    path, model = tmp_path / "w.pth", nn.Sequential(nn.Conv2d(3, 8, 7))
    torch.save({"student": PLAIN, "teacher": AVERAGED}, path)
    with pytest.raises(UserError, match=r"student, teacher. Say which is meant, as in w.pth#stu"):
        load_weights(model, path)
    assert "teacher, beside student" in load_weights(model, f"{path}#teacher")
    assert torch.equal(model[0].weight, AVERAGED["0.weight"])
    with pytest.raises(UserError, match="no weights under 'pupil'; it holds them under student"):
        load_weights(model, f"{path}#pupil")


OTHER_NUMBERS = {
    "int8": lambda v: v.mul(100).to(torch.int8),
    "bool": lambda v: v > 0,
    "complex": lambda v: v.to(torch.complex64),
    "meta": lambda v: v.to("meta"),
    "sparse": lambda v: v.to_sparse(),
    "quantised": lambda v: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8),
    "float8": lambda v: v.to(torch.float8_e4m3fn),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", OTHER_NUMBERS)
def test_weights_that_would_be_other_numbers_are_refused(tmp_path, kind):
    path, model = tmp_path / "w.pth", nn.Sequential(nn.Conv2d(3, 8, 7))
    before = model[0].weight.clone()
    torch.save({**PLAIN, "0.weight": OTHER_NUMBERS[kind](PLAIN["0.weight"])}, path)
    with pytest.raises(UserError, match=rf"would not be the model's numbers: {kind}.*0.weight"):
        load_weights(model, path)
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_unreadable_files(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UserError, match=f"{name} is no readable|{name} is damaged"):
        read_weights(path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(UserError, match="no file of weights at .*absent.pth"):
        read_weights(tmp_path / "absent.pth")
    (tmp_path / "weights.h5").touch()
    with pytest.raises(UserError, match="come as .* or .safetensors; got weights.h5"):
        read_weights(tmp_path / "weights.h5")


def test_plain_function_has_no_weights(models, weights, tmp_path):
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(UserError, match="a plain function has no weights to load w.pth into"):
        load_model(f"{models}:plain", tmp_path / "w.pth")


# Callables


def test_callable_cannot_change_the_stimuli():
    def overwrite(shown):
        shown *= 0
        return shown

    shown = images()
    before = shown.clone()
    as_module(overwrite)(shown)
    assert torch.equal(shown, before)


@pytest.mark.parametrize(
    "respond",
    [
        lambda shown: shown[:, :, ::-1],
        lambda shown: np.broadcast_to(shown.mean(), (len(shown), 3)),
        lambda shown: (shown > 0.5).reshape(len(shown), -1),
        lambda shown: shown.astype(np.longdouble).reshape(len(shown), -1),
        lambda shown: [[float(image.mean())] for image in shown],
    ],
)
def test_callable_may_return_any_array(respond):
    shown = images()
    expected = torch.as_tensor(np.array(respond(shown.numpy()), dtype=np.float64))
    torch.testing.assert_close(as_module(respond)(shown).double(), expected)


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (lambda shown: None, "must return an array of real numbers; got NoneType"),
        (lambda shown: shown.mean(), r"one row per image.* shape \(\) for 2 images"),
        (lambda shown: shown[:1], r"one row per image.*\(1, 3, 32, 32\) for 2 images"),
        (lambda shown: shown * 1j, "real numbers; got ndarray of complex64"),
    ],
)
def test_callable_that_returns_no_responses(respond, message):
    with pytest.raises(UserError, match=message):
        as_module(respond)(images())


# Cards and layers


def test_attaching_twice_normalises_once():
    model = nn.Identity()
    card = ModelCard("identity", Display(), mean=(0.5,) * 3)
    attach(attach(model, card), card)
    shown = images()
    assert torch.equal(model(shown), shown - 0.5)
    attach(model, dataclasses.replace(card, mean=(0.0,) * 3))
    assert torch.equal(model(shown), shown)


def test_input_channels():
    head_first = nn.Sequential(nn.Conv2d(64, 2, 1), nn.Conv2d(1, 64, 3))
    assert input_channels(head_first) == 1
    assert input_channels(nn.Linear(3, 3)) is None


@pytest.mark.parametrize("value", [0.5, [0.5], (0.5, 0.5)])
def test_per_channel(value):
    assert per_channel("mean", value, 2) == (0.5, 0.5)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.pair = Pair()
        self.unused = nn.ReLU()

    def forward(self, images):
        return self.pair(self.pool(self.conv(self.conv(images))))[0]


class Pair(nn.Module):
    def forward(self, images):
        return images.flatten(1), "aside"


def test_layer_table_counts_calls():
    table = layer_table(Twice().eval(), display=Display.square(16, 2)).set_index("layer")
    assert table["calls"].to_dict() == {"conv": 2, "pool": 1, "pair": 1, "unused": 0, "output": 1}
    assert table.loc["conv", "shape"] == (3, 16, 16)
    assert table.loc["pair", "shape"] == (3,)
    assert table.loc["unused", "shape"] is None


class Tokens(nn.Module):
    def forward(self, maps):
        return maps.flatten(2).transpose(1, 2)


def test_spatial_layers_have_several_sites_and_one_call():
    pooled = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert spatial_layers(layer_table(pooled)) == ("0",)
    tokens = nn.Sequential(nn.Conv2d(3, 2, 32, stride=32), Tokens(), nn.Linear(2, 5))
    assert spatial_layers(layer_table(tokens)) == ("0", "1", "2")
    assert spatial_layers(layer_table(Twice())) == ()


def test_layer_table_of_a_model_that_takes_other_images():
    with pytest.raises(UserError, match="does not take images of 3 x 224 x 224"):
        layer_table(nn.Conv2d(1, 1, 3))


def test_the_names_of_built_in_models():
    """Written out, for what makes them cannot be looked at without torch."""
    assert tuple(BUILT_IN) == BUILT_IN_NAMES


def test_every_built_in_model_loads():
    for name in BUILT_IN:
        card = load_model(name).card
        assert card.name == name and card.layers
        ours = name.startswith(("textbook", "mechanistic_v1"))
        assert bool(card.citation) != ours
        assert (card.caution is None) == (name in ("vone", "motion_energy") or ours)
