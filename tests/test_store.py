"""A run that is stopped at any moment goes on, and gives what an uninterrupted one gives."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import small_battery as small
import torch
import xarray as xr

from insilico import open_results
from insilico.cli.run import _tell
from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.recording import tape as tapes
from insilico.recording.forward import Forward
from insilico.recording.probe import Probe
from insilico.recording.reductions import Harmonics, Maximum
from insilico.recording.tape import Tape
from insilico.reporting.report import PAGE, write_report
from insilico.runs import identity
from insilico.runs.progress import is_complete
from insilico.runs.store import partial_runs
from stimuli import factorial, grating

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="processes of Unix")

# Of a small run, so many calls of the system that write or move a file, about.
MOMENTS = 150

# Likewise while its report is made.
REPORT_MOMENTS = 7


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    """Many small parts, each of which is written at once."""
    monkeypatch.setattr("insilico.recording.pictures.DRAWN", 32)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN_PIXELS", 0)
    monkeypatch.setattr("insilico.recording.tape.SECONDS", 0)
    monkeypatch.setattr("insilico.recording.tape.PRICE", 0)
    monkeypatch.setattr("insilico.recording.tape.CHUNK", 64)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    small.run(out=folder)
    return folder


def one(**options):
    """Run a protocol of it, where one is enough."""
    return small.run(protocols=["mean"], **options)


@pytest.fixture(scope="module")
def whole_one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "one"
    one(out=folder)
    return folder


def contents(folder):
    """Of every file that holds numbers."""
    told = ("manifest.json", "provenance.json", ".lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in told
    }


def assert_same(folder, other):
    one, two = contents(folder), contents(other)
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []
    assert open_results(folder).warnings == open_results(other).warnings


def in_a_child(function):
    """Run a function in a process of its own; returns how it ended."""
    process = multiprocessing.get_context("fork").Process(target=function)
    process.start()
    process.join(120)
    return process.exitcode


def killed_at(moment, function=small.run, *arguments, **options):
    """Be killed at some call of the system that opens, moves or removes a file."""
    seen = 0

    def watch(event, arguments):
        nonlocal seen
        writes = event == "open" and arguments[1] not in (None, "r", "rb")
        if writes or event in ("os.rename", "os.remove", "os.mkdir", "shutil.rmtree"):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    function(*arguments, **options)


@UNIX
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 21))]
)
def test_killed_at_any_moment(tmp_path, whole, seed):
    rng = np.random.default_rng(seed)
    kills = 0
    for _ in range(3):
        moment = int(rng.integers(1, MOMENTS))
        kills += in_a_child(lambda moment=moment: killed_at(moment, out=tmp_path / "run")) == -9
    small.run(out=tmp_path / "run")
    assert kills
    assert_same(tmp_path / "run", whole)


@UNIX
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 21))]
)
def test_killed_while_the_report_is_made(tmp_path, whole, seed):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    results = open_results(folder)
    moment = int(np.random.default_rng(seed).integers(1, 1 + REPORT_MOMENTS))
    ended = in_a_child(lambda: killed_at(moment, write_report, results, folder))
    assert ended == -9
    # The command of the run sees that all is there but the report.
    assert is_complete(folder)
    assert not (folder / PAGE).exists()
    _tell(small.run(out=folder), folder, whole=True)
    assert (folder / PAGE).read_text().rstrip().endswith("</html>")
    assert not list(folder.rglob("*.partial"))
    (tmp_path / "numbers").mkdir()
    for path in (folder / "figures").glob("*.csv"):
        path.rename(tmp_path / "numbers" / path.name)
    shutil.rmtree(folder / "figures")
    (folder / PAGE).unlink()
    assert_same(folder, whole)


@pytest.mark.parametrize("reduction", [None, Maximum(("phase",)), Harmonics()])
def test_nothing_is_shown_twice(tmp_path, monkeypatch, reduction):
    """After each batch in turn the recording is stopped, and goes on."""
    # Without contrast all are one picture, which is recalled.
    factors = {"contrast": [0.0, 1.0], "orientation": np.arange(0, 180, 11.25)}
    factors["phase"] = np.arange(0, 360, 45)
    stimuli = factorial("some", small.DISPLAY, grating, factors, spatial_frequency=1.0)
    shown = []
    record = Forward.record

    def counted(self, images, *others):
        if len(shown) in stops:
            stops.discard(len(shown))
            raise KeyboardInterrupt
        shown.append(len(images))
        return record(self, images, *others)

    def recorded(tape=None):
        probe = Probe(
            small.Filters(), ["rectified"], display=small.DISPLAY, channels=1, batch_size=32
        )
        return probe.record(stimuli, reduction=reduction, tape=tape, crops_checked=True)

    stops = set()
    monkeypatch.setattr(Forward, "record", counted)
    alone = recorded()
    pictures = sum(shown)
    assert pictures == alone.attrs["n_pictures"]
    shown.clear()
    stops = {1, 2, 4}
    while True:
        try:
            again = recorded(Tape(tmp_path / "tape", "this"))
            break
        except KeyboardInterrupt:
            continue
    assert not stops
    assert sum(shown) == pictures
    xr.testing.assert_identical(again, alone)


def test_sums_of_some_units_are_not_those_of_the_next(tmp_path):
    """Also while what those units gave has not reached the disk."""
    tape = Tape(tmp_path / "tape", "this")
    tape.keep_sums({"kept": np.ones(3)})
    assert tape.sums() is not None
    tape.write([(1.0, 0.0)], torch.ones(2, 3))
    assert tape.sums() is None
    tape.flush()
    assert tape.sums() is None


def test_a_part_of_noise_is_forgotten(tmp_path):
    tape = Tape(tmp_path / "tape", "this")
    tape.write([(0.0, 0.0), (1.0, 1.0)], torch.ones(2, 3))
    tape.flush()
    for needed, there in ((6, 2), (9, 0)):
        again = Tape(tmp_path / "tape", "this")
        again.need(needed)
        assert len(again.play(3, 3)[1]) == there


@UNIX
def test_noise_begins_anew_with_its_recording(tmp_path):
    """A part of it cannot be continued, and gives the same from its beginning."""
    model = {"model": small.Filters(noise=0.1)}
    alone = one(**model, out=tmp_path / "alone")
    assert any("stochastic" in each for each in alone.warnings)
    kills = 0
    for moment in (12, 25):
        ended = in_a_child(
            lambda moment=moment: killed_at(moment, one, out=tmp_path / "run", **model)
        )
        kills += ended == -9
    assert kills == 2
    one(**model, out=tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "alone")


def test_a_complete_run_is_opened(whole, monkeypatch):
    monkeypatch.setattr("insilico.runs.run.record_battery", None)
    again = small.run(out=whole)
    xr.testing.assert_identical(again.units, open_results(whole).units)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"display": small.Display.square(32, 5)}, "display: 32 x 32 px, 4 deg"),
        ({"model": small.Filters(n=5)}, "weights: "),
        ({"seed": 3}, "seed: 0 there, 3 here"),
        ({"precision": "bfloat16"}, "precision: float32 there, bfloat16 here"),
        ({"mean": 0.5}, "preprocessing: "),
        ({"layers": ["filters"]}, "layers: rectified there, filters here"),
        ({"protocols": ["frequency"]}, "battery: "),
        ({"crop": "off"}, "crop: auto there, off here"),
    ],
)
def test_another_run_is_refused_and_the_difference_named(whole, options, named):
    before = contents(whole)
    with pytest.raises(UserError, match="Nothing is overwritten.*--fresh") as error:
        small.run(out=whole, **options)
    assert named in str(error.value)
    assert contents(whole) == before


def test_other_code_is_another_run(whole, monkeypatch):
    monkeypatch.setattr("insilico.runs.identity.code_version", lambda: "newer")
    with pytest.raises(UserError, match="code version: .* there, newer here"):
        small.run(out=whole)


def typed(line):
    """Functions and a module as a notebook has them: of no file."""
    names = {"__name__": "a_notebook", "torch": torch, "nn": torch.nn}
    exec(line, names)  # noqa: S102
    return names


SCALED = "class Scaled(nn.Module):\n    def forward(self, x):\n        return {} * x"
DOUBLED = "def doubled(x, factor={}):\n    return x * factor"


@pytest.mark.parametrize(("code", "name"), [(SCALED, "Scaled"), (DOUBLED, "doubled")])
def test_code_that_is_in_no_file_is_told_apart(code, name):
    def source(number):
        return identity._source(typed(code.format(number))[name])

    assert source(2) == source(2) != ""
    assert source(2) != source(3)


def test_what_a_function_was_made_with_is_told_apart():
    def around(factor):
        return lambda x: x * factor

    def said(function):
        return identity._named(function)

    assert said(around(2)) == said(around(2)) != said(around(3))
    assert said(partial(around, 2)) == said(partial(around, 2)) != said(partial(around, 3))
    assert said(partial(around, assert_same)) == said(partial(around, assert_same))
    assert " at 0x" not in said(partial(around, assert_same))


def test_what_is_drawn_with_is_part_of_a_battery(whole, monkeypatch):
    drawn = typed("def draw(display, **parameters):\n    raise ValueError")["draw"]
    example = Battery.example

    def redrawn(self, *arguments):
        return replace(example(self, *arguments), draw=drawn)

    monkeypatch.setattr(Battery, "example", redrawn)
    with pytest.raises(UserError, match="battery code: "):
        small.run(out=whole)


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        small.run(out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]


def stopped(folder, after=1):
    """Begin a run, and have Ctrl-C come."""
    seen = []

    def record(self, *arguments):
        seen.append(1)
        if len(seen) > after:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        original = Forward.record
        patch.setattr(Forward, "record", record)
        with pytest.raises(KeyboardInterrupt):
            one(out=folder)


def test_a_run_that_is_not_finished_is_told(tmp_path, caplog):
    stopped(tmp_path / "run")
    with pytest.raises(UserError, match="not finished. The command that began it goes on"):
        open_results(tmp_path / "run")
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert partial_runs(tmp_path, told) == [tmp_path / "run"]
    assert partial_runs(tmp_path, told | {"seed": "1"}) == []
    assert partial_runs(tmp_path / "nowhere", told) == []
    # It is offered where the same run begins beside it.
    one(out=tmp_path / "another")
    assert f"{tmp_path / 'run'} holds a part of this run: the same command with" in caplog.text
    assert not is_complete(tmp_path / "run")


@pytest.mark.parametrize(
    "harm", ["flip", *(pytest.param(each, marks=pytest.mark.slow) for each in ("cut", "remove"))]
)
def test_a_damaged_tape_is_named_and_mended(tmp_path, whole_one, harm):
    folder = tmp_path / "run"
    stopped(folder)
    (chunk,) = folder.glob("recordings/mean.tape/responses/c/1")
    content = bytearray(chunk.read_bytes())
    content[40] ^= 4
    chunk.unlink()
    if harm != "remove":
        chunk.write_bytes(content if harm == "flip" else content[:50])
    with pytest.raises(UserError, match="mean.tape/responses/c/1 is damaged.*--mend"):
        one(out=folder)
    one(out=folder, mend=True)
    assert_same(folder, whole_one)


def test_a_damaged_chunk_of_a_tape_costs_no_more_than_what_follows(tmp_path, monkeypatch):
    """Ten responses of three units are more than a few chunks; the fourth is damaged."""
    monkeypatch.setattr("insilico.recording.tape.CHUNK", 6)
    tape = Tape(tmp_path / "tape", "this")
    for number in range(10):
        tape.write([(number, number)], torch.full((1, 3), float(number)))
    tape.keep_sums({"so far": np.arange(3)})
    chunk = tmp_path / "tape" / "responses" / "c" / "3"
    content = bytearray(chunk.read_bytes())
    content[2] ^= 4
    chunk.write_bytes(content)
    with pytest.raises(UserError, match="responses/c/3 is damaged.*--mend"):
        Tape(tmp_path / "tape", "this").play(10, 3)
    Tape(tmp_path / "tape", "this").mend()
    pictures, responses = Tape(tmp_path / "tape", "this").play(10, 3)
    assert pictures == [(number, number) for number in range(6)]
    assert (responses == np.arange(6)[:, None]).all()
    # What is whole stays as it is.
    Tape(tmp_path / "tape", "this").mend()
    again = Tape(tmp_path / "tape", "this")
    assert len(again.play(10, 3)[1]) == 6
    assert again.sums() is None


def test_a_damaged_recording_is_named_and_mended(tmp_path, whole_one):
    folder = tmp_path / "run"
    one(out=folder)
    chunk = folder / "recordings/mean.zarr/response/0.0.0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(UserError, match="mean.zarr/response/0.0.0 is damaged.*--mend"):
        one(out=folder)
    one(out=folder, mend=True)
    assert_same(folder, whole_one)


def test_two_processes_on_one_folder(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        codes = []

        def second(*_, **__):
            codes.append(in_a_child(lambda: sys.exit(_refused(tmp_path / "run"))))
            raise KeyboardInterrupt

        patch.setattr("insilico.runs.run._measured", second)
        with pytest.raises(KeyboardInterrupt):
            one(out=tmp_path / "run")
    assert codes == [7]
    # The system lets go of the lock, however the process ended.
    one(out=tmp_path / "run")


def _refused(folder):
    try:
        one(out=folder)
    except UserError as error:
        return 7 if "another process is writing to" in str(error) else 1
    return 0


def small_files_only(function, most):
    """Do something where no file may have more bytes: the system says so as it does of a disk."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        function()
    except UserError as error:
        told = str(error)
        sys.exit(7 if "cannot be written" in told and "same command goes on" in told else 1)


@UNIX
@pytest.mark.parametrize(
    ("most", "there"),
    [(900, {"mean.tape"}), (3000, {"mean.tape"}), (6000, {"mean.zarr"})],
    ids=["tape", "recording", "tables"],
)
def test_a_full_disk_leaves_what_was_recorded(tmp_path, whole_one, most, there):
    folder = tmp_path / "run"
    assert in_a_child(lambda: small_files_only(lambda: one(out=folder), most)) == 7
    assert there == {path.name for path in folder.glob("recordings/*")}
    assert not list(folder.rglob("*.partial"))
    one(out=folder)
    assert_same(folder, whole_one)


@UNIX
def test_signals_wait_for_what_is_begun():
    came = []

    def handler(number, frame):
        came.append(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with tapes.undivided():
            os.kill(os.getpid(), signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
