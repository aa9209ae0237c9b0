"""Settings of a training run, its data, its schedule, and the exemplars."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from insilico.errors import UserError
from insilico.training.batches import Batch, epoch_loader, fixed_loader
from insilico.training.config import (
    DataConfig,
    ModelConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainingConfig,
    read_training_config,
)
from insilico.training.networks import make_network
from insilico.training.optimisation import learning_rate_factor, make_optimiser, parameter_groups
from insilico.training.pictures import exemplars
from insilico.training.pictures.data import load_data, load_test, pictures_to_tensors
from insilico.training.pictures.exemplars import (
    FRAME,
    REGION,
    Exemplars,
    Regions,
    histogram_accuracy,
    load_regions,
)
from stimuli import packaged
from stimuli.packaged import packaged_photographs


def test_defaults_are_the_published_recipe():
    config = TrainingConfig()
    assert (config.epochs, config.batch_size, config.data.image_size) == (100, 128, 64)
    assert config.optimiser == OptimiserConfig(0.1, 0.9, 1e-5, decay_widths=True)
    assert config.schedule == ScheduleConfig("milestones", (60, 80), 0.1)
    assert config.select == "validation"
    # The file that comes with the package says the same, and which network.
    shipped = read_training_config("paper", ["data.path=", "model.options={}"])
    channels = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    assert shipped == TrainingConfig(data=DataConfig(**channels))


def test_settings_can_be_replaced(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("epochs = 3\n[data]\npath = 'here'\n")
    config = read_training_config(
        path, ["data.path=/there", "optimiser.weight_decay=1", "schedule.milestones=[1, 2]"]
    )
    assert (config.epochs, config.data.path) == (3, "/there")
    assert config.optimiser.weight_decay == 1.0
    assert config.schedule.milestones == (1, 2)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learning_rate=1", "there is no setting learning_rate; the file takes model, data"),
        ("data.size=1", "there is no setting data.size; data takes kind, path"),
        ("data.kind=video", "data.kind must be one of folders, tiny_imagenet, exemplars; got"),
        ("epochs=many", "epochs must be of type int; got 'many'"),
        ("epochs=true", "epochs must be of type int; got True"),
        ("epochs=0", "epochs must be at least 1; got 0"),
        ("seed=-1", "seed must be at least 0; got -1"),
        ("data.image_size=0", "data.image_size must be at least 1; got 0"),
        ("optimiser.learning_rate=-0.1", "optimiser.learning_rate must be at least 0; got -0.1"),
        ("label_smoothing=1.5", "label_smoothing must be at most 1; got 1.5"),
        ("data=3", r"data must be a table, \[data\]; got 3"),
        ("schedule.milestones=3", "schedule.milestones must be a list; got 3"),
        ("data.validation_fraction=1.0", r"must lie in \[0, 1\); got 1"),
        ("data.validation_fraction=0.0", "set data.validation_fraction above 0, or select"),
        ("epochs", "a setting is KEY=VALUE"),
        ("epochs.more=1", "epochs is a setting and has none below it"),
    ],
)
def test_wrong_settings_are_named(override, message):
    with pytest.raises(UserError, match=message):
        read_training_config("paper", [override])


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="no file nothing.*with the package: exemplars, paper"):
        read_training_config("nothing")
    (tmp_path / "broken.toml").write_text("epochs =")
    with pytest.raises(UserError, match="broken.toml is no TOML file"):
        read_training_config(tmp_path / "broken.toml")


def rates(schedule: ScheduleConfig, epochs: int = 10, steps: int = 4) -> np.ndarray:
    return np.array(
        [
            learning_rate_factor(step, schedule, epochs=epochs, steps_per_epoch=steps)
            for step in range(epochs * steps + 1)
        ]
    )


def test_schedules_are_those_of_their_formulas():
    time = np.arange(41) / 4
    cosine = rates(ScheduleConfig("cosine"))
    np.testing.assert_allclose(cosine, (1 + np.cos(np.pi * time / 10)) / 2, atol=1e-12)
    warm = rates(ScheduleConfig("cosine", warmup_epochs=2.0))
    np.testing.assert_allclose(warm[:9], time[:9] / 2)
    steps = rates(ScheduleConfig("milestones", (5, 8), 0.1))
    np.testing.assert_allclose(steps, np.where(time < 5, 1, np.where(time < 8, 0.1, 0.01)))
    cycle = rates(ScheduleConfig("one_cycle", warmup_epochs=4.0))
    assert cycle.argmax() == 16
    assert cycle[0] == cycle[-1] == 0
    # torch's own, whose ends are chosen to be zero here.
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1.0, total_steps=41, pct_start=17 / 41, div_factor=1e9, cycle_momentum=False
    )
    expected = []
    for _ in range(41):
        expected.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()
    np.testing.assert_allclose(cycle, expected, atol=1e-6)


class Widths(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.bn = nn.BatchNorm2d(4)
        self.sigmas = nn.Parameter(torch.ones(4))


def decaying(config: OptimiserConfig) -> set[str]:
    model = Widths()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, config)
    assert sum(len(group["params"]) for group in groups) == len(names)
    return {names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]}


def test_weight_decay_can_leave_out_widths_and_normalisation():
    every = {"conv.weight", "conv.bias", "bn.weight", "bn.bias", "sigmas"}
    assert decaying(OptimiserConfig()) == every
    assert decaying(OptimiserConfig(decay_widths=False)) == every - {"sigmas"}
    assert decaying(OptimiserConfig(decay_normalisation=False)) == {"conv.weight", "sigmas"}
    spared = OptimiserConfig(decay_widths=False, decay_normalisation=False)
    assert decaying(spared) == {"conv.weight"}


@pytest.mark.parametrize(
    ("components", "widths"),
    [
        (
            {"center_surround": True, "normalization": "tuned"},
            {"sigma1", "sigma2_scale", "sigmas"},
        ),
        ({"normalization": "divisive"}, {"rho", "sigma"}),
    ],
)
def test_widths_of_the_components_are_known(components, widths):
    options = {"depth": 18, "width": 8, **components}
    model = make_network(ModelConfig(options=options), num_classes=3, input_size=64, seed=0)
    optimiser = make_optimiser(model, OptimiserConfig(decay_widths=False))
    spared = {id(each) for each in optimiser.param_groups[1]["params"]}
    names = {
        name.rpartition(".")[2] for name, each in model.named_parameters() if id(each) in spared
    }
    assert names == widths


def no_network(num_classes: int) -> dict[str, int]:
    return {"num_classes": num_classes}


def test_a_network_of_the_user_s_own_lies_in_a_file(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\ndef net(num_classes): return nn.Linear(3, num_classes)\n"
    )
    config = ModelConfig(f"{tmp_path / 'mine.py'}:net")
    assert make_network(config, num_classes=7, input_size=64, seed=0).out_features == 7


def test_networks_are_named_or_refused():
    with pytest.raises(UserError, match="torchvision has no model 'resnet19'"):
        make_network(ModelConfig("torchvision:resnet19"), num_classes=2, input_size=64, seed=0)
    with pytest.raises(UserError, match="there is no network 'resnet18'"):
        make_network(ModelConfig("resnet18"), num_classes=2, input_size=64, seed=0)
    with pytest.raises(UserError, match="no module 'nowhere'"):
        make_network(ModelConfig("nowhere:net"), num_classes=2, input_size=64, seed=0)
    with pytest.raises(UserError, match="must return an nn.Module; got dict"):
        make_network(
            ModelConfig("test_training_config:no_network"), num_classes=2, input_size=64, seed=0
        )
    with pytest.raises(UserError, match=r"cannot be made: .*breadth.*It takes depth, width"):
        wrong = ModelConfig(options={"breadth": 3})
        make_network(wrong, num_classes=2, input_size=64, seed=0)


def test_a_run_may_start_from_a_released_checkpoint_of_other_classes(tmp_path):
    """That of magnification alone has numbers for names."""
    config = ModelConfig(options={"depth": 18, "width": 4, "magnification": True})
    trained = make_network(config, num_classes=3, input_size=64, seed=1)
    numbers = {"conv1": 0, "bn1": 1, **{f"layer{n}": n + 3 for n in range(1, 5)}, "fc": 10}
    parts = [(name.partition("."), value) for name, value in trained.state_dict().items()]
    released = {f"{numbers[part]}.{rest}": value for (part, _, rest), value in parts}
    torch.save({"model": released}, tmp_path / "best.pt")
    start = replace(config, weights=str(tmp_path / "best.pt"))
    model = make_network(start, num_classes=5, input_size=64, seed=2)
    fresh = make_network(config, num_classes=5, input_size=64, seed=2)
    assert torch.equal(model.layer1[0].conv1.weight, trained.layer1[0].conv1.weight)
    assert torch.equal(model.fc.weight, fresh.fc.weight)


def save(path: Path, seed: int = 0, size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def tiny_imagenet(tmp_path: Path) -> Path:
    """Two classes in the layout in which Tiny-ImageNet is distributed."""
    names = ("n02", "n01")
    (tmp_path / "wnids.txt").write_text("\n".join(names))
    for name in names:
        for number in range(3):
            save(tmp_path / "train" / name / "images" / f"{name}_{number}.JPEG", number)
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text("")
    lines = []
    for number, name in enumerate(names):
        save(tmp_path / "val" / "images" / f"val_{number}.JPEG", number)
        lines.append(f"val_{number}.JPEG\t{name}\t0\t0\t62\t62")
    (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_tiny_imagenet_is_read_as_it_is_distributed(tiny_imagenet):
    config = DataConfig(
        "tiny_imagenet", str(tiny_imagenet), augmentation="flip", validation_fraction=0.3
    )
    parts = load_data(config, seed=0)
    assert parts.test.classes == ("n01", "n02")
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (4, 2, 2)
    batch = parts.test.fetch([0, 1])
    # val_0 is of n02, the second class in order.
    assert batch.labels.tolist() == [1, 0]
    with Image.open(tiny_imagenet / "val" / "images" / "val_0.JPEG") as picture:
        expected = torch.tensor(np.asarray(picture)).permute(2, 0, 1) / 255
    torch.testing.assert_close(batch.images[0], expected)


def test_a_test_needs_no_training_pictures(tiny_imagenet, tmp_path):
    shutil.rmtree(tiny_imagenet / "train")
    assert len(load_test(DataConfig("tiny_imagenet", str(tiny_imagenet)), ("n01", "n02"))) == 2
    with pytest.raises(UserError, match="holds 2 classes, which are not the 2 that were trained"):
        load_test(DataConfig("tiny_imagenet", str(tiny_imagenet)), ("n01", "n03"))
    for name in ("cat", "dog"):
        save(tmp_path / "own" / "val" / name / "0.png")
    own = DataConfig(path=str(tmp_path / "own"))
    assert load_test(own, ("dog", "cat")).classes == ("dog", "cat")
    with pytest.raises(UserError, match="missing: cow; not among them: cat"):
        load_test(own, ("cow", "dog"))


def test_annotations_of_another_form_are_refused(tiny_imagenet):
    (tiny_imagenet / "val" / "val_annotations.txt").write_text("val_0.JPEG n02 0 0 62 62\n")
    with pytest.raises(UserError, match=r"must begin with FILE, a tab, and CLASS; got 'val_0"):
        load_data(DataConfig("tiny_imagenet", str(tiny_imagenet)), seed=0)


def test_other_layouts_are_refused_with_what_was_found(tiny_imagenet, tmp_path):
    with pytest.raises(UserError, match="This is Tiny-ImageNet: set data.kind"):
        (tmp_path / "train").rename(tmp_path / "training")
        load_data(DataConfig(path=str(tiny_imagenet)), seed=0)
    with pytest.raises(UserError, match="lacks train; found training/, val/, wnids.txt"):
        load_data(DataConfig("tiny_imagenet", str(tiny_imagenet)), seed=0)
    with pytest.raises(UserError, match="there is no folder"):
        load_data(DataConfig(path=str(tmp_path / "nowhere")), seed=0)
    empty = tmp_path / "empty"
    (empty / "train").mkdir(parents=True)
    with pytest.raises(UserError, match="one folder of pictures per class; it is empty"):
        load_data(DataConfig(path=str(empty)), seed=0)
    (empty / "train" / "cat").mkdir()
    with pytest.raises(UserError, match="cat holds no pictures; it is empty"):
        load_data(DataConfig(path=str(empty)), seed=0)


def test_test_part_must_have_the_same_classes(tmp_path):
    for part, names in (("train", ("a", "b")), ("val", ("a", "c"))):
        for name in names:
            save(tmp_path / part / name / "0.png")
    with pytest.raises(UserError, match="missing: b; not among them: c"):
        load_data(DataConfig(path=str(tmp_path)), seed=0)


def test_validation_takes_its_share_of_every_class(tmp_path):
    for part in ("train", "val"):
        for name, n in (("a", 20), ("b", 2), ("c", 10)):
            for number in range(n):
                save(tmp_path / part / name / f"{number}.png", size=(8, 8))
    config = DataConfig(
        path=str(tmp_path), image_size=8, augmentation="flip", validation_fraction=0.2
    )
    parts = load_data(config, seed=0)
    held_out = parts.validation.indices
    assert set(held_out.tolist()).isdisjoint(parts.train.indices.tolist())
    assert len(held_out) + len(parts.train) == 32
    labels = parts.validation.source.labels[held_out]
    assert labels.bincount().tolist() == [4, 1, 2]
    other = load_data(config, seed=1).validation.indices
    assert held_out.tolist() != other.tolist()
    # Held-out pictures are not augmented.
    first = parts.validation.fetch([0, 1, 2]).images
    assert torch.equal(first, parts.validation.fetch([0, 1, 2], (1, 2)).images)


def test_pictures_are_cut_as_in_the_recipe():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, 0).repeat(3, 2)
    config = DataConfig(image_size=64)
    shown = pictures_to_tensors(config)(Image.fromarray(ramp))
    assert shown.shape == (3, 64, 64)
    # The middle 224 of 256 px, each sample an average over 3.5 px.
    expected = (16 + 3.5 * (torch.arange(64) + 0.5) - 0.5) / 255
    torch.testing.assert_close(shown[0, 30, 2:-2], expected[2:-2], atol=0.6 / 255, rtol=0)


class Numbers:
    """A source whose pictures are their own numbers."""

    classes = ("only",)

    def __len__(self) -> int:
        return 23

    def fetch(self, indices, key=None):
        numbers = torch.tensor(indices, dtype=torch.float32)
        return Batch(numbers[:, None, None, None], torch.zeros(len(numbers)))


def served(**options) -> list[list[int]]:
    loader = epoch_loader(Numbers(), batch_size=4, **options)
    return [batch.images.flatten().int().tolist() for batch in loader]


def test_epochs_are_orders_that_can_be_entered_anywhere():
    whole = served(epoch=0, seed=0)
    assert len(whole) == 5
    assert len({number for batch in whole for number in batch}) == 20
    assert served(epoch=0, seed=0, start=3) == whole[3:]
    assert served(epoch=1, seed=0) != whole
    assert served(epoch=0, seed=1) != whole
    halves = [served(epoch=0, seed=0, rank=rank, world=2) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*halves, strict=True)] == [sorted(b) for b in whole]


def test_fixed_order_serves_everything_once():
    parts = [
        [number for batch in fixed_loader(Numbers(), batch_size=4, rank=rank, world=3)
         for number in batch.images.flatten().int().tolist()]
        for rank in range(3)
    ]  # fmt: skip
    assert sorted(itertools.chain(*parts)) == list(range(23))


@pytest.fixture(scope="module")
def regions() -> Regions:
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    return load_regions()


def test_there_are_a_hundred_exemplars_and_more(regions):
    assert len(regions.names) == len(set(regions.names)) >= 100
    assert regions.pixels.shape[2:] == (REGION, REGION)


@pytest.mark.parametrize("hold_out", [False, True])
def test_no_part_sees_a_pixel_of_another(regions, hold_out):
    def painted(rows: slice, columns: slice) -> Regions:
        pixels = regions.pixels.clone()
        pixels[:, :, rows, columns] = 100.0
        return Regions(pixels, regions.names)

    middle, top = slice(FRAME, REGION - FRAME), slice(0, FRAME)
    everything = slice(None)

    def crops(part: str, of: Regions) -> torch.Tensor:
        source = Exemplars(of, part, 32, 20, hold_out)
        return source.fetch(range(len(source)), (7,)).images

    assert torch.equal(crops("train", regions), crops("train", painted(middle, middle)))
    assert not torch.equal(crops("test", regions), crops("test", painted(middle, middle)))
    frame = regions.pixels.clone().fill_(100.0)
    frame[:, :, middle, middle] = regions.pixels[:, :, middle, middle]
    assert torch.equal(crops("test", regions), crops("test", Regions(frame, regions.names)))
    if hold_out:
        unseen = painted(top, everything)
        assert torch.equal(crops("train", regions), crops("train", unseen))
        assert not torch.equal(crops("validation", regions), crops("validation", unseen))


def test_regions_are_squares_of_their_photograph_that_do_not_overlap(regions):
    numbers = np.arange(512 * 512 * 3).reshape(512, 512, 3)
    tiles = exemplars._tile(numbers)
    assert tiles.shape == (4, 4, REGION, REGION, 3)
    assert len(np.unique(tiles)) == numbers.size
    path = packaged_photographs()[2]
    with Image.open(path) as picture:
        photograph = np.asarray(picture.convert("RGB"))
    # The margins that are left over are as wide on either side.
    top, left = (side % REGION // 2 for side in photograph.shape[:2])
    square = photograph[top : top + REGION, left + 2 * REGION : left + 3 * REGION]
    region = regions.pixels[regions.names.index(f"{path.name}:0,2")]
    assert torch.equal((region * 255).round().byte(), torch.tensor(square).permute(2, 0, 1))


def test_crops_are_cut_where_they_should_be():
    # Luminance grows to the right: crops of it tell where they lie.
    ramp = torch.linspace(0.3, 0.7, REGION).expand(2, 3, REGION, REGION).clone()
    source = Exemplars(Regions(ramp, ("a", "b")), "test", 40)
    cut = source._cut(
        torch.tensor([0, 1]), torch.tensor([0.0, 5.0]), torch.tensor([10.0, 20.0]),
        torch.tensor([40.0, 40.0]), torch.tensor([False, True]),
    )  # fmt: skip
    torch.testing.assert_close(cut[0, 0, 0], ramp[0, 0, 0, 10:50])
    torch.testing.assert_close(cut[1, 0, 0], ramp[0, 0, 0, 20:60].flip(0))


def test_test_crops_are_the_same_in_any_company(regions):
    source = Exemplars(regions, "test", 32)
    every = source.fetch(range(len(source)))
    some = source.fetch([300, 4, 17])
    assert torch.equal(some.images, every.images[[300, 4, 17]])
    assert torch.equal(some.labels, every.labels[[300, 4, 17]])


def test_the_histogram_tells_colours_apart_and_is_at_chance_where_they_are_alike():
    generator = torch.Generator().manual_seed(0)
    same = torch.rand(30, 3, REGION, REGION, generator=generator)
    names = tuple(map(str, range(30)))
    assert histogram_accuracy(Regions(same, names)) < 0.15
    # Relations of colours outlast the light: their order is the class.
    flat = torch.zeros(3, 3, REGION, REGION)
    for number in range(3):
        flat[number, number] = 0.8
    assert histogram_accuracy(Regions(flat, names[:3])) == 1.0


def test_photographs_are_asked_for_where_they_are_missing(monkeypatch):
    monkeypatch.setattr(packaged, "PHOTOGRAPHS", (("no_such_package", "data", ("a.png",)),))
    with pytest.raises(UserError, match=r"pip install 'insilico-ephys\[train\]'"):
        load_regions()
