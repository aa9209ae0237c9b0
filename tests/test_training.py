"""The training loop: what it learns, what it keeps, and that it can be stopped at any moment."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from insilico.cli.app import main
from insilico.cli.train import train as train_command
from insilico.errors import UserError
from insilico.models.weights import read_weights
from insilico.training import checkpoint, evaluation, loop, state
from insilico.training.config import (
    DataConfig,
    ModelConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainingConfig,
)
from insilico.training.evaluation import score
from insilico.training.loop import train
from insilico.training.pictures.data import load_data
from insilico.training.robustness.evaluated import open_run

REPOSITORY = Path(__file__).parents[1]


class Tiny(nn.Module):
    """A network that draws random numbers while it is trained."""

    def __init__(self, num_classes: int, dropout: float = 0.2, batch_norm: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 5, stride=4)
        self.bn1 = nn.BatchNorm2d(4) if batch_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.bn1(self.conv1(images)))
        return self.fc(self.dropout(maps.mean((2, 3))))


def tiny(num_classes: int, **options: float) -> nn.Module:
    return Tiny(num_classes, **options)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three classes, told apart by their colour, in ImageNet's layout."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 24), ("val", 8)):
        for number, name in enumerate(("red", "green", "blue")):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for each in range(n):
                pixels = rng.integers(0, 120, (20, 24, 3))
                pixels[..., number] += 100
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{each}.png")
    return tmp_path / "data"


def config_for(pictures: Path, **changes: object) -> TrainingConfig:
    settings = {
        "model": ModelConfig("test_training:tiny"),
        "data": DataConfig(
            path=str(pictures), image_size=16, crop_size=16, resize_size=18, workers=0,
            validation_fraction=0.25,
        ),
        "optimiser": OptimiserConfig(learning_rate=0.1),
        "schedule": ScheduleConfig(milestones=(4,)),
        "epochs": 5,
        "batch_size": 8,
        "device": "cpu",
    }  # fmt: skip
    return TrainingConfig(**(settings | changes))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder / "last.pt")


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    assert left.keys() == right.keys()
    differing = [name for name in left if not torch.equal(left[name], right[name])]
    assert not differing


def test_it_learns_and_leaves_its_files(pictures, tmp_path):
    trained = train(config_for(pictures, epochs=8, keep_every=4), tmp_path / "run")
    assert trained.test.accuracy > 0.9
    assert trained.test.n == 24
    log = rows(tmp_path / "run" / "log.csv")
    assert [int(row["epoch"]) for row in log] == list(range(1, 9))
    # The rate that is written is that of the step to come.
    assert [float(row["learning_rate"]) for row in log] == pytest.approx([0.1] * 3 + [0.01] * 5)
    assert (tmp_path / "run" / "epoch_004.pt").exists()
    best = max(log, key=lambda row: (float(row["validation_accuracy"]), -int(row["epoch"])))
    assert trained.epoch == int(best["epoch"])


def test_command_trains_and_says_what_came_of_it(pictures, tmp_path, capsys):
    toml = write_toml(tmp_path / "run.toml", pictures, epochs=9)
    train_command(
        str(toml), out=tmp_path / "run", set_=("epochs=1", "seed=4"), trust_code=True, quiet=True
    )
    said = capsys.readouterr().out
    assert "(24 pictures)" in said
    assert "weights of epoch 1:" in said
    assert checkpoint.read_checkpoint(tmp_path / "run" / "last.pt")["config"]["seed"] == 4


def test_its_weights_can_be_loaded_for_measuring(pictures, tmp_path):
    trained = train(config_for(pictures, epochs=1), tmp_path / "run")
    assert_same(read_weights(tmp_path / "run" / "weights.pt"), trained.model.state_dict())


def test_runs_depend_on_their_seed_alone(pictures, tmp_path):
    torch.manual_seed(5)
    train(config_for(pictures), tmp_path / "a")
    torch.manual_seed(6)
    train(config_for(pictures), tmp_path / "b")
    train(config_for(pictures, seed=1), tmp_path / "c")
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not torch.equal(
        weights(tmp_path / "a")["fc.weight"], weights(tmp_path / "c")["fc.weight"]
    )


def test_number_of_readers_changes_nothing(pictures, tmp_path):
    data = config_for(pictures).data
    for workers in (0, 2):
        settings = DataConfig(**{**data.__dict__, "workers": workers})
        train(config_for(pictures, data=settings, epochs=1), tmp_path / str(workers))
    assert_same(weights(tmp_path / "0"), weights(tmp_path / "2"))


def test_global_random_streams_are_left_alone(pictures, tmp_path):
    for seed in (torch.manual_seed, np.random.seed):
        seed(3)
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    for seed in (torch.manual_seed, np.random.seed):
        seed(3)
    train(config_for(pictures, epochs=1), tmp_path / "run")
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


class StopHereError(Exception):
    pass


@pytest.mark.parametrize(
    ("stop_at", "precision"),
    [*((stop, "float32") for stop in (0, 3, 6, 7, 11, 26)), (9, "float16")],
)
def test_stopped_between_any_steps_it_ends_with_the_same_weights(
    pictures, tmp_path, monkeypatch, stop_at, precision
):
    settings = config_for(
        pictures, epochs=4, checkpoint_steps=2, precision=precision,
        schedule=ScheduleConfig("one_cycle", warmup_epochs=1.5),
    )  # fmt: skip
    train(settings, tmp_path / "whole")
    calls = 0

    def count(self: Tiny, images: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls > stop_at:
            raise StopHereError
        return forward(self, images)

    forward = Tiny.forward
    monkeypatch.setattr(Tiny, "forward", count)
    with pytest.raises(StopHereError):
        train(settings, tmp_path / "stopped")
    monkeypatch.setattr(Tiny, "forward", forward)
    train(settings, tmp_path / "stopped")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "stopped"))
    whole, stopped = (
        checkpoint.read_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "stopped")
    )
    assert (precision == "float16") == ("scale" in whole["scaler"])
    for name in ("schedule", "scaler", "sums", "best"):
        assert str(whole[name]) == str(stopped[name]), name
    torch.testing.assert_close(whole["optimiser"], stopped["optimiser"], rtol=0, atol=0)
    logs = [rows(tmp_path / name / "log.csv") for name in ("whole", "stopped")]
    for log in logs:
        for row in log:
            row.pop("seconds")
    assert logs[0] == logs[1]


def test_stopped_before_its_last_checkpoint_a_run_leaves_all_its_files(
    pictures, tmp_path, monkeypatch
):
    settings = config_for(pictures, epochs=2, keep_every=2)
    calls = 0

    def stop(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StopHereError
        write(*arguments)

    write = state.write_rows
    monkeypatch.setattr(state, "write_rows", stop)
    with pytest.raises(StopHereError):
        train(settings, tmp_path / "run")
    monkeypatch.undo()
    train(settings, tmp_path / "run")
    assert len(rows(tmp_path / "run" / "log.csv")) == 2
    assert (tmp_path / "run" / "epoch_002.pt").exists()


@pytest.mark.parametrize(("here", "there"), [("float32", "float16"), ("float16", "float32")])
def test_a_run_goes_on_in_its_precision_on_another_device(
    pictures, tmp_path, monkeypatch, here, there
):
    config = config_for(pictures, epochs=1)
    # What "auto" stands for on this device, and on the other one.
    monkeypatch.setattr(loop, "_precision", lambda *_: loop.PRECISIONS[here])
    train(config, tmp_path / "run")
    monkeypatch.setattr(loop, "_precision", lambda *_: loop.PRECISIONS[there])
    message = f"has computed in {here} so far.*got {there}. Set precision = '{here}'"
    with pytest.raises(UserError, match=message):
        train(config, tmp_path / "run")
    monkeypatch.undo()
    assert train(replace(config, precision=here), tmp_path / "run").epoch == 1


def write_toml(path: Path, pictures: Path, **top: object) -> Path:
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    lines += [
        "batch_size = 8", 'device = "cpu"', "checkpoint_steps = 1",
        "[model]", 'name = "test_training:tiny"',
        "[data]", f"path = {json.dumps(str(pictures))}", "image_size = 16", "crop_size = 16",
        "resize_size = 18", "workers = 0", "validation_fraction = 0.25",
    ]  # fmt: skip
    path.write_text("\n".join(lines))
    return path


RUN = (
    "import sys, torch; torch.set_num_threads(1)\n"
    "from insilico.training.config import read_training_config\n"
    "from insilico.training.loop import train\n"
    "train(read_training_config(sys.argv[1], trust_code=True), sys.argv[2])\n"
)


TWO_PROCESSES = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def command(*arguments: object, launcher: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *launcher, *map(str, arguments)]


@pytest.fixture
def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{REPOSITORY}:{Path(__file__).parent}",
        "OMP_NUM_THREADS": "1",
    }


def test_killed_it_ends_with_the_same_weights(pictures, tmp_path, environment):
    toml = write_toml(tmp_path / "run.toml", pictures, epochs=12)
    script = tmp_path / "run.py"
    script.write_text(RUN)
    subprocess.run(command(script, toml, tmp_path / "whole"), env=environment, check=True)
    process = subprocess.Popen(command(script, toml, tmp_path / "killed"), env=environment)
    log = tmp_path / "killed" / "log.csv"
    while process.poll() is None and not (log.exists() and len(rows(log)) >= 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 3 <= len(rows(log)) < 12
    subprocess.run(command(script, toml, tmp_path / "killed"), env=environment, check=True)
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_two_processes_train_like_one(pictures, tmp_path, environment, capsys):
    toml = write_toml(tmp_path / "run.toml", pictures, epochs=2)
    # Statistics of a batch, and dropout, differ between one process and two; gradients do not.
    # Each process cuts its own crops, so that there are none.
    text = toml.read_text().replace(
        "[data]",
        '[model.options]\nbatch_norm = false\ndropout = 0.0\n[data]\naugmentation = "none"',
    )
    toml.write_text(text)
    asked = ["train", str(toml), "--trust-code", "--quiet", "--out"]
    assert main([*asked, str(tmp_path / "one")]) == 0
    two = command("-m", "insilico", *asked, tmp_path / "two", launcher=TWO_PROCESSES)
    subprocess.run(two, env=environment, check=True)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6)
    first, second = (rows(tmp_path / name / "log.csv")[-1] for name in ("one", "two"))
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        assert float(first[name]) == pytest.approx(float(second[name]), rel=1e-4)
    assert main([*asked, str(tmp_path / "two")]) == 2
    refused = capsys.readouterr().err
    assert "was made with 2 processes, and goes on with as many; got 1" in refused


def test_two_processes_judge_the_weights_that_are_kept(pictures, tmp_path, environment):
    """Statistics of batch normalisation differ between processes; those of the first are kept."""
    toml = write_toml(tmp_path / "run.toml", pictures, epochs=1)
    arguments = ("-m", "insilico", "train", toml, "--trust-code", "--quiet")
    arguments += ("--out", tmp_path / "run")
    subprocess.run(command(*arguments, launcher=TWO_PROCESSES), env=environment, check=True)
    run = open_run(tmp_path / "run", trust_code=True)
    held_out = load_data(run.config.data, seed=run.config.seed).validation
    expected = score(run.model, held_out, run.config.data).loss
    (row,) = rows(tmp_path / "run" / "log.csv")
    assert float(row["validation_loss"]) == pytest.approx(expected, rel=1e-5)


def test_full_disk_leaves_the_last_good_checkpoint(pictures, tmp_path, monkeypatch):
    settings = config_for(pictures, epochs=3)
    train(settings, tmp_path / "whole")
    synced = 0

    def sync(file: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 6:  # those of the first epoch: three files and their folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.os, "fsync", sync)
    with pytest.raises(UserError, match="No space left on device"):
        train(settings, tmp_path / "full")
    monkeypatch.undo()
    saved = checkpoint.read_checkpoint(tmp_path / "full" / "last.pt")
    assert saved["epoch"] >= 1
    assert not list((tmp_path / "full").glob(".*partial"))
    train(settings, tmp_path / "full")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "full"))


def test_a_folder_that_cannot_be_synced_is_an_error_too(tmp_path, monkeypatch):
    synced: list[int] = []

    def sync(file: int) -> None:
        synced.append(file)
        if len(synced) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(checkpoint.os, "fsync", sync)
    with pytest.raises(UserError, match="Input/output error.; the new one is in its place, but"):
        checkpoint.write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_file_too_large_for_the_system_keeps_the_old_one(tmp_path):
    path = tmp_path / "file"
    checkpoint.write_atomically(path, b"old")
    script = (
        "import resource, sys, pathlib\n"
        "from insilico.training.checkpoint import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "write_atomically(pathlib.Path(sys.argv[1]), bytes(100))\n"
    )
    done = subprocess.run(
        command("-c", script, path), capture_output=True, text=True, cwd=REPOSITORY
    )
    assert "the one before is kept" in done.stderr
    assert path.read_bytes() == b"old"


def test_another_run_in_the_folder_is_refused(pictures, tmp_path):
    train(config_for(pictures, epochs=1), tmp_path / "run")
    changed = config_for(pictures, epochs=1, batch_size=4, seed=3)
    with pytest.raises(UserError, match="they differ in batch_size, seed"):
        train(changed, tmp_path / "run")


def test_corrupt_pictures_are_named_counted_and_left_out(pictures, tmp_path):
    broken = pictures / "train" / "red" / "3.png"
    broken.write_bytes(broken.read_bytes()[:100])
    (pictures / "val" / "blue" / "0.png").write_text("no picture")
    trained = train(config_for(pictures, epochs=2), tmp_path / "run")
    assert sorted(each.partition(": ")[0] for each in trained.unreadable) == [
        str(broken), str(pictures / "val" / "blue" / "0.png"),
    ]  # fmt: skip
    assert trained.test.n == 23
    assert rows(tmp_path / "run" / "log.csv")[-1]["unreadable"] == "1"
    assert str(broken) in (tmp_path / "run" / "unreadable.txt").read_text()


def test_pictures_of_every_part_are_named(pictures, tmp_path, monkeypatch):
    config = config_for(pictures, epochs=1)
    held_out = load_data(config.data, seed=0).validation
    broken = [held_out.source.files[int(held_out.indices[0])], pictures / "val" / "red" / "1.png"]
    for path in broken:
        path.write_text("no picture")
    # A file that a decoder refuses with an error of its own kind.
    huge = pictures / "val" / "red" / "2.png"
    Image.fromarray(np.zeros((99, 99, 3), np.uint8)).save(huge)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    trained = train(config, tmp_path / "run")
    named = {each.partition(": ")[0] for each in trained.unreadable}
    assert named == {str(path) for path in (*broken, huge)}
    assert (tmp_path / "run" / "unreadable.txt").read_text().splitlines() == [*trained.unreadable]
    assert rows(tmp_path / "run" / "log.csv")[0]["unreadable"] == "1"


def test_a_batch_of_the_test_that_cannot_be_read_is_left_out(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 8)
    for path in (pictures / "val" / "blue").iterdir():
        path.write_text("no picture")
    trained = train(config_for(pictures, epochs=1), tmp_path / "run")
    assert (trained.test.n, len(trained.unreadable)) == (16, 8)
    for path in (pictures / "val").rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(UserError, match="none of 24 pictures can be read; the first is .*blue"):
        train(config_for(pictures, epochs=1), tmp_path / "other")


def test_smoothed_labels_are_a_share_of_all_classes(pictures, tmp_path):
    """The loss is linear in the share: between that of the labels and that of even labels."""
    losses = []
    for share in (0.0, 1.0, 0.3):
        config = config_for(
            pictures, epochs=1, label_smoothing=share, optimiser=OptimiserConfig(learning_rate=0.0)
        )
        train(config, tmp_path / str(share))
        losses.append(float(rows(tmp_path / str(share) / "log.csv")[0]["train_loss"]))
    assert abs(losses[0] - losses[1]) > 0.01
    assert losses[2] == pytest.approx(0.7 * losses[0] + 0.3 * losses[1], rel=1e-5)


def test_progress_is_shown_where_it_is_asked_for(pictures, tmp_path, capsys):
    train(config_for(pictures, epochs=1), tmp_path / "silent")
    assert capsys.readouterr().err == ""
    # The bar is of the whole training, and so is the time that it tells.
    train(config_for(pictures, epochs=2), tmp_path / "run", progress=True)
    (shown,) = capsys.readouterr().err.splitlines()
    assert "epoch 2/2: 100%" in shown and "12/12" in shown and "loss=" in shown


def test_a_loss_that_is_no_number_stops_the_run(pictures, tmp_path):
    wild = config_for(pictures, optimiser=OptimiserConfig(learning_rate=1e20), epochs=3)
    with pytest.raises(UserError, match=r"the loss became .* Lower optimiser.learning_rate"):
        train(wild, tmp_path / "run")


@pytest.mark.parametrize("batch_norm", [True, False])
def test_weights_that_are_no_numbers_never_replace_a_checkpoint(pictures, tmp_path, batch_norm):
    wild = config_for(
        pictures, epochs=3, checkpoint_steps=2,
        model=ModelConfig("test_training:tiny", {"batch_norm": batch_norm}),
        schedule=ScheduleConfig(milestones=(1,), factor=1e20),
    )  # fmt: skip
    # Batch normalisation has infinite statistics before the loss tells.
    what = "weights became infinite" if batch_norm else "the loss became nan"
    with pytest.raises(UserError, match=f"{what} in epoch 2"):
        train(wild, tmp_path / "run")
    kept = checkpoint.read_checkpoint(tmp_path / "run" / "last.pt")
    assert all(value.isfinite().all() for value in kept["model"].values())


def test_a_good_loss_does_not_vouch_for_the_weights_after_it(pictures, tmp_path, monkeypatch):
    calls = 0

    def burst(self: torch.optim.SGD, *arguments: object) -> None:
        nonlocal calls
        step(self, *arguments)
        calls += 1
        if calls == 8:
            self.param_groups[0]["params"][0].data.fill_(torch.inf)

    step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", burst)
    with pytest.raises(UserError, match="weights became infinite in epoch 2"):
        train(config_for(pictures, checkpoint_steps=2), tmp_path / "run")
    kept = checkpoint.read_checkpoint(tmp_path / "run" / "last.pt")
    assert (kept["epoch"], kept["step"]) == (1, 0)
    assert all(value.isfinite().all() for value in kept["model"].values())


def test_sums_of_double_precision_stay_on_the_processor(pictures, tmp_path, monkeypatch):
    """On MPS there is no double precision."""
    to = torch.Tensor.to

    def refuse(self: torch.Tensor, *arguments: object, **options: object) -> torch.Tensor:
        if self.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return to(self, *arguments, **options)

    monkeypatch.setattr(torch.Tensor, "to", refuse)
    assert train(config_for(pictures, epochs=1), tmp_path / "run").test.n == 24


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_mixed_precision_learns_too(pictures, tmp_path, precision):
    trained = train(config_for(pictures, precision=precision, epochs=6), tmp_path / "run")
    assert trained.test.accuracy > 0.8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_half_precision_is_the_default_on_a_gpu(pictures, tmp_path):
    trained = train(config_for(pictures, device="auto", epochs=6), tmp_path / "run")
    assert trained.test.accuracy > 0.8
    saved = checkpoint.read_checkpoint(tmp_path / "run" / "last.pt")
    assert saved["scaler"]["scale"] > 1


def test_tensorboard_log_is_written_or_the_package_is_named(pictures, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    train(config_for(pictures, epochs=1, tensorboard=True), tmp_path / "run")
    assert list((tmp_path / "run").glob("events.out.tfevents*"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'insilico-ephys\[train\]'"):
        train(config_for(pictures, epochs=1, tensorboard=True), tmp_path / "other")


def test_tensorboard_log_of_a_run_that_goes_on_holds_every_epoch(pictures, tmp_path, monkeypatch):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    ).EventAccumulator
    config = config_for(pictures, epochs=3, tensorboard=True)

    def stop(*_: object) -> dict[str, float]:
        raise StopHereError

    close = loop._close_epoch
    monkeypatch.setattr(loop, "_close_epoch", lambda *a: stop() if a[-1] == 2 else close(*a))
    with pytest.raises(StopHereError):
        train(config, tmp_path / "run")
    monkeypatch.undo()
    train(config, tmp_path / "run")
    log = accumulator(str(tmp_path / "run")).Reload()
    steps = [event.step for event in log.Scalars("train_loss")]
    assert steps == [6, 12, 18]


def test_transfer_trains_the_classifier_alone(pictures, tmp_path):
    train(config_for(pictures, epochs=1), tmp_path / "first")
    start = tmp_path / "first" / "weights.pt"
    model = ModelConfig("test_training:tiny", weights=str(start), train_only=("fc",))
    train(config_for(pictures, epochs=1, model=model), tmp_path / "second")
    before, after = read_weights(start), weights(tmp_path / "second")
    assert torch.equal(before["conv1.weight"], after["conv1.weight"])
    assert not torch.equal(before["fc.weight"], after["fc.weight"])
    wrong = ModelConfig("test_training:tiny", train_only=("head",))
    with pytest.raises(UserError, match="the names of this network begin with conv1, bn1, fc"):
        train(config_for(pictures, model=wrong), tmp_path / "third")


def test_a_whole_unreadable_batch_is_an_error(pictures, tmp_path):
    for path in (pictures / "train").rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(UserError, match="none of 8 pictures"):
        train(config_for(pictures), tmp_path / "run")
