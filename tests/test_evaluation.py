"""Evaluation: accuracy, corruptions, and attacks on a network whose worst case is known."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from insilico.cli.evaluate import evaluate
from insilico.errors import UserError
from insilico.figures import style
from insilico.training.batches import Batch
from insilico.training.config import (
    DataConfig,
    ModelConfig,
    OptimiserConfig,
    TrainingConfig,
)
from insilico.training.evaluation import Score, score
from insilico.training.loop import train
from insilico.training.pictures.folders import ImageFiles
from insilico.training.robustness import corruptions, evaluated
from insilico.training.robustness.attacks import fast_gradient, projected_gradient
from insilico.training.robustness.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    corruption_accuracies,
    mean_corruption_error,
)
from insilico.training.robustness.evaluated import attack_accuracies, corruption_figure, open_run

GREY = 0.5


class Linear(nn.Module):
    """Two classes; the second has the logit w.x + b, the first zero."""

    def __init__(self, n: int = 48, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(n, generator=generator, dtype=torch.float64))
        self.bias = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logit = (images.double() - GREY).flatten(1) @ self.weight + self.bias
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Far from black and white, so that no attack is cut."""
    generator = torch.Generator().manual_seed(1)
    images = GREY + 0.1 * (torch.rand(200, 3, 4, 4, generator=generator, dtype=torch.float64) - 0.5)
    return images, torch.arange(200) % 2


def margins(network: Linear, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Logit of the right class less that of the other."""
    logits = network(images)
    return (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)


DUAL = {"linf": 1, "l2": 2}


@pytest.mark.parametrize("norm", DUAL)
@pytest.mark.parametrize("attack", [fast_gradient, projected_gradient])
def test_attacks_reach_the_worst_case_of_a_linear_network(attack, norm, pictures):
    images, labels = pictures
    network, radius = Linear(), 0.2
    worst = attack(network, images, labels, radius=radius, norm=norm)
    # The margin falls by the radius times the dual norm of the weights, and by no more.
    expected = margins(network, images, labels) - radius * network.weight.norm(DUAL[norm])
    torch.testing.assert_close(margins(network, worst, labels), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("norm", DUAL)
def test_a_random_start_reaches_it_too_and_stays_within_the_radius(norm, pictures):
    images, labels = pictures
    network, radius = Linear(), 0.2
    worst = projected_gradient(
        network, images, labels, radius=radius, norm=norm, steps=60,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    order = torch.inf if norm == "linf" else 2
    assert (worst - images).flatten(1).norm(order, dim=1).max() <= radius * (1 + 1e-9)
    expected = margins(network, images, labels) - radius * network.weight.norm(DUAL[norm])
    torch.testing.assert_close(margins(network, worst, labels), expected, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("norm", DUAL)
def test_attacked_pictures_stay_pictures(norm):
    images = torch.rand(20, 3, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.zeros(20, dtype=torch.long)
    for attack in (fast_gradient, projected_gradient):
        changed = attack(Linear(), images, labels, radius=5.0, norm=norm)
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_no_radius_changes_nothing(pictures):
    images, labels = pictures
    for attack in (fast_gradient, projected_gradient):
        assert torch.equal(attack(Linear(), images, labels, radius=0.0), images)


def test_attacks_leave_no_gradients_in_the_network(pictures):
    network = Linear()
    projected_gradient(network, *pictures, radius=0.1)
    assert network.weight.grad is None


def test_norms_and_radii_are_checked(pictures):
    with pytest.raises(UserError, match="norm must be one of linf, l2; got 'l1'"):
        fast_gradient(Linear(), *pictures, radius=0.1, norm="l1")
    with pytest.raises(UserError, match="radius must not be below 0; got -1"):
        projected_gradient(Linear(), *pictures, radius=-1)


class Known:
    """Pictures in memory."""

    classes = ("first", "second")

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def fetch(self, indices, key=None) -> Batch:
        return Batch(self.images[list(indices)], self.labels[list(indices)])


PLAIN = DataConfig(mean=(0.0,), std=(1.0,), workers=0)


def test_accuracy_under_attack_is_that_of_the_closed_form(pictures):
    network = Linear()
    images, _ = pictures
    labels = (network(images)[:, 1] > 0).long()
    radii = {"linf": (0.0, 0.002, 0.01), "l2": (0.02, 0.1)}
    table = attack_accuracies(network, Known(images, labels), PLAIN, radii=radii, steps=40)
    margin = margins(network, images, labels)
    for row in table.itertuples():
        strength = network.weight.norm(DUAL[row.norm]) if row.norm else 0.0
        expected = float((margin > row.radius * strength).double().mean())
        assert row.accuracy == pytest.approx(expected, abs=0.006), row
    attacked = table.loc[table["attack"] != "none", "accuracy"]
    assert attacked.between(0.05, 0.9).any()


def test_attacked_pictures_are_spread_over_the_source(pictures):
    network = Linear()
    table = attack_accuracies(network, Known(*pictures), PLAIN, limit=50, radii={"l2": (0.1,)})
    assert (table["n"] == 50).all()


def test_score_is_accuracy_and_mean_loss(pictures):
    images, labels = pictures
    network = Linear()
    result = score(network, Known(images, labels), PLAIN)
    logits = network(images)
    assert result.accuracy == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
    assert result.loss == pytest.approx(
        float(nn.functional.cross_entropy(logits, labels).detach()), 1e-6
    )


COLOURS = {"blue": 2, "green": 1, "red": 0}


def save(path: Path, colour: int, *, strength: int = 100, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 120, (18, 18, 3))
    pixels[..., colour] += strength
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def colours(num_classes: int) -> nn.Module:
    """Mean of each colour, in the order of the sorted names of the classes."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_classes))
    weight = torch.zeros(3, 3)
    for row, colour in enumerate(COLOURS.values()):
        weight[row, colour] = 10.0
    network[2].weight = nn.Parameter(weight)
    network[2].bias = nn.Parameter(torch.zeros(3))
    return network


@pytest.fixture
def corrupted(tmp_path: Path) -> Path:
    """Every cell has three pictures; one of them is of another class from severity 3 on."""
    folder = tmp_path / "corrupted"
    for number, corruption in enumerate(CORRUPTIONS):
        # Half of them lie one folder deeper, as they are distributed.
        place = folder / ("noise" if number % 2 else "") / corruption
        for severity in SEVERITIES:
            for name, colour in COLOURS.items():
                wrong = severity >= 3 and name == "red"
                save(place / str(severity) / name / "0.png", 1 if wrong else colour)
    return folder


def test_every_cell_has_its_accuracy(corrupted):
    plain = DataConfig(image_size=16, augmentation="none", workers=0)
    table = corruption_accuracies(colours(3), corrupted, tuple(COLOURS), plain)
    assert len(table) == 75
    expected = np.where(table["severity"] >= 3, 2 / 3, 1.0)
    np.testing.assert_allclose(table["accuracy"], expected)
    assert (table["n"] == 3).all()
    with style():
        figure = corruption_figure(table, 1.0)
    lines = figure.axes[3].get_lines()
    np.testing.assert_allclose(lines[1].get_ydata(), [1, 1, 2 / 3, 2 / 3, 2 / 3])


def test_cells_that_are_not_there_are_nan(corrupted):
    shutil.rmtree(corrupted / "gaussian_noise")
    shutil.rmtree(corrupted / "noise" / "shot_noise" / "4")
    plain = DataConfig(image_size=16, augmentation="none", workers=0)
    table = corruption_accuracies(colours(3), corrupted, tuple(COLOURS), plain)
    assert int(table["accuracy"].isna().sum()) == 6
    value, each = mean_corruption_error(table, table.fillna(0.5))
    assert np.isnan(value)
    assert int(each.isna().sum()) == 2


def test_corrupted_classes_must_be_those_of_the_network(corrupted):
    plain = DataConfig(image_size=16, augmentation="none", workers=0)
    with pytest.raises(UserError, match="missing: yellow; not among them: red"):
        corruption_accuracies(colours(3), corrupted, ("blue", "green", "yellow"), plain)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holidays").mkdir()
    with pytest.raises(UserError, match="gaussian_noise/1; found holidays"):
        corruption_accuracies(colours(3), tmp_path, tuple(COLOURS), PLAIN)


def test_only_what_is_not_cut_already_is_cut(corrupted, monkeypatch):
    """ImageNet-C has the 224 px that the clean pictures are cut to; Tiny-ImageNet-C is whole."""
    ramp = Image.fromarray(np.tile(np.arange(224, dtype=np.uint8), (224, 1))).convert("RGB")
    shown: list[torch.Tensor] = []

    def look(model: nn.Module, source: ImageFiles, config: DataConfig) -> Score:
        shown.append(source.transform(ramp) * 255)
        return Score(1.0, 0.0, 1)

    monkeypatch.setattr(corruptions, "score", look)
    for kind, ends in (("folders", (0, 223)), ("tiny_imagenet", (14, 209))):
        corruption_accuracies(
            colours(3), corrupted, tuple(COLOURS), DataConfig(kind, image_size=224)
        )
        assert shown[-1][0, 0, [0, -1]].tolist() == pytest.approx(ends, abs=1)


def test_mean_corruption_error_weighs_corruptions_alike():
    cells = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    table = pd.DataFrame(cells, columns=["corruption", "severity"])
    rng = np.random.default_rng(0)
    ours, theirs = (table.assign(accuracy=rng.random(75)) for _ in range(2))
    errors = [(1 - each["accuracy"].to_numpy()).reshape(15, 5).sum(1) for each in (ours, theirs)]
    value, each = mean_corruption_error(ours, theirs)
    assert value == pytest.approx((errors[0] / errors[1]).mean())
    assert list(each.index) == list(CORRUPTIONS)
    # In any order of rows.
    shuffled = theirs.sample(frac=1, random_state=0)
    assert mean_corruption_error(ours, shuffled)[0] == pytest.approx(value)
    with pytest.raises(UserError, match="the baseline makes no error in gaussian_noise"):
        mean_corruption_error(ours, theirs.assign(accuracy=1.0))
    with pytest.raises(UserError, match="accuracy missing"):
        mean_corruption_error(ours, theirs.drop(columns="accuracy"))


def test_command_writes_everything(tmp_path, corrupted, capsys):
    for part in ("train", "val"):
        for name, colour in COLOURS.items():
            for number in range(4):
                save(tmp_path / "data" / part / name / f"{number}.png", colour, seed=number)
    config = TrainingConfig(
        model=ModelConfig("test_evaluation:colours"),
        data=DataConfig(
            path=str(tmp_path / "data"), image_size=16, augmentation="none",
            validation_fraction=0.0, workers=0,
        ),
        optimiser=OptimiserConfig(learning_rate=1e-6), epochs=1, batch_size=4, select="last",
        device="cpu",
    )  # fmt: skip
    train(config, tmp_path / "run")
    with pytest.raises(UserError, match="--trust-code"):
        open_run(tmp_path / "run")
    run = open_run(tmp_path / "run", trust_code=True)
    assert run.classes == tuple(COLOURS)
    evaluate(tmp_path / "run", corrupted=corrupted, attacks=True, quiet=True, trust_code=True)
    first = tmp_path / "run" / "evaluation"
    # What was learned from need not be there any more.
    shutil.rmtree(tmp_path / "data" / "train")
    evaluate(
        tmp_path / "run", corrupted=corrupted, out=tmp_path / "again", quiet=True, trust_code=True,
        baseline=_worse(first, tmp_path),
    )  # fmt: skip
    summary = json.loads((tmp_path / "again" / "evaluation.json").read_text())
    assert summary["accuracy"] == 1.0
    assert summary["corrupted_accuracy"] == pytest.approx(0.8)
    assert summary["mean_corruption_error"] == pytest.approx(1 / 3)
    for ending in ("png", "svg", "pdf"):
        assert (first / f"corruptions.{ending}").stat().st_size > 1000
    attacked = pd.read_csv(first / "attacks.csv")
    assert attacked.loc[0, "accuracy"] == 1.0
    assert "mean corruption error: 0.3333" in capsys.readouterr().out


def _worse(folder: Path, out: Path) -> Path:
    """Make a baseline that errs three times as often as the table in a folder."""
    table = pd.read_csv(folder / "corruptions.csv")
    table["accuracy"] = 1 - 3 * (1 - table["accuracy"])
    table.to_csv(out / "baseline.csv", index=False)
    return out / "baseline.csv"


def test_folders_without_a_run_are_refused(tmp_path):
    with pytest.raises(UserError, match="it holds no training run"):
        open_run(tmp_path)


def test_what_is_wrong_with_the_options_is_said_before_the_work(tmp_path):
    """There is no run in the folder, and something else is found first."""
    with pytest.raises(UserError, match="give --corrupted too"):
        evaluate(tmp_path, baseline=tmp_path)
    with pytest.raises(UserError, match=r"there is no table .*corruptions.csv\. A baseline is"):
        evaluate(tmp_path, corrupted=tmp_path, baseline=tmp_path)
    with pytest.raises(UserError, match="steps must be at least 1; got 0"):
        evaluate(tmp_path, attacks=True, steps=0)


def test_exemplars_lie_nowhere_else(tmp_path, monkeypatch):
    opened = SimpleNamespace(config=TrainingConfig(data=DataConfig(kind="exemplars")), classes=())
    monkeypatch.setattr(evaluated, "open_run", lambda *_, **__: opened)
    with pytest.raises(UserError, match=f"got --data {tmp_path}. Leave --data out"):
        evaluate(tmp_path, data=tmp_path)


def test_a_run_of_another_network_is_refused_with_what_differs(tmp_path, monkeypatch):
    for part in ("train", "val"):
        for name, colour in COLOURS.items():
            save(tmp_path / "data" / part / name / "0.png", colour)
    data = DataConfig(
        path=str(tmp_path / "data"), image_size=16, augmentation="none", workers=0,
        validation_fraction=0.0,
    )  # fmt: skip
    config = TrainingConfig(
        ModelConfig("test_evaluation:colours"), data, epochs=1, batch_size=3, select="last"
    )
    train(config, tmp_path / "run")
    with pytest.raises(UserError, match="device 'gpu' cannot be used"):
        open_run(tmp_path / "run", device="gpu", trust_code=True)
    other = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))
    monkeypatch.setattr("test_evaluation.colours", lambda num_classes: other)
    folder = tmp_path / "run"
    for attempt in (lambda: open_run(folder, trust_code=True), lambda: train(config, folder)):
        with pytest.raises(UserError, match=r"2\.weight \(3 x 3 in the file, 3 x 12 in the model"):
            attempt()


def test_corrupted_pictures_that_cannot_be_read_are_named_and_counted(corrupted, caplog):
    broken = corrupted / "gaussian_noise" / "2" / "blue" / "0.png"
    broken.write_text("no picture")
    plain = DataConfig(image_size=16, augmentation="none", workers=0)
    table = corruption_accuracies(colours(3), corrupted, tuple(COLOURS), plain)
    cell = table.set_index(["corruption", "severity"]).loc[("gaussian_noise", 2)]
    assert (cell["n"], cell["unreadable"], cell["accuracy"]) == (2, 1, 1.0)
    assert table["unreadable"].sum() == 1
    assert str(broken) in caplog.text
