"""What a user may ask for: refused before anything is recorded, in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from insilico import folders
from insilico.checks import check_asked, check_sites
from insilico.cli.app import main
from insilico.disk import check_room, room, saved
from insilico.errors import UserError
from insilico.folders import check_free
from insilico.recording.forward import per_channel

OWN = """
import sys

def breaks():
    raise RuntimeError("no licence")

def leaves():
    sys.exit("no licence")

def later():
    def respond(images):
        if len(images) > 1:
            sys.exit(3)
        return images.mean(axis=(2, 3))

    return respond
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(5)\n")
    return tmp_path


def refused(capsys, *arguments):
    assert main(arguments) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    return line


class TestFolders:
    @pytest.mark.parametrize(
        ("out", "message"),
        [
            (".", "contains the current folder"),
            ("..", "contains the current folder"),
            ("afile", "is a file"),
            ("afile/sub", "afile is a file"),
            ("afile/sub/below", "afile is a file"),
            ("link", "link is a link"),
            ("dangling", "dangling is a link"),
            ("/dev/null", "is a file"),
            ("/dev/null/x", "is a file"),
            ("/proc/new", "cannot be written"),
            ("x" * 240, "may have 237 characters"),
            ("full", "already holds files"),
            ("nul\0", "cannot be written"),
        ],
    )
    def test_what_cannot_become_a_folder_is_refused(self, here, out, message):
        (here / "afile").touch()
        (here / "real").mkdir()
        (here / "link").symlink_to("real")
        (here / "dangling").symlink_to("nowhere")
        (here / "full").mkdir()
        (here / "full/of").touch()
        before = sorted(here.rglob("*"))
        with pytest.raises(UserError, match=message):
            check_free(out)
        assert sorted(here.rglob("*")) == before

    def test_every_other_folder_is_let_pass_and_nothing_is_made(self, here):
        (here / "empty").mkdir()
        (here / "way").symlink_to("empty")
        before = sorted(here.rglob("*"))
        for out in ("new", "empty", "a/b/c", "way/new", "é", "x" * 200):
            check_free(out)
        assert sorted(here.rglob("*")) == before

    def test_a_folder_whose_parent_cannot_be_written_is_refused(self, here, monkeypatch):
        # Where nothing is forbidden to whom runs the tests, the system is made to say no.
        (here / "locked/out").mkdir(parents=True)

        def no(**_options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(folders.tempfile, "mkdtemp", no)
        with pytest.raises(UserError, match=r"locked/out cannot be written \(Permission denied\)"):
            check_free("locked/out")

    def test_run_and_predict_look_before_they_load(self, here, capsys):
        (here / "link").symlink_to("nowhere")
        line = refused(capsys, "run", "own.py:breaks", "--out", "link")
        assert "link is a link" in line
        np.save("responses.npy", np.zeros((2, 2)))
        line = refused(
            capsys, "predict", "own.py:breaks", "--assembly", "responses.npy", "--out", "link"
        )
        assert "link is a link" in line
        line = refused(capsys, "predict", "own.py:breaks", "--assembly", "none.nc")
        assert "there is no file of responses none.nc" in line

    def test_too_little_room(self, here):
        assert room("not/yet/there") > 0
        check_room(2**20, 2**30)
        with pytest.raises(UserError, match=r"at least 1040 MiB, and 10 MiB are free"):
            check_room(2**30, 10 * 2**20)

    def test_results_that_cannot_be_saved_are_rescued(self, here):
        def save(folder):
            if Path(folder) == Path("wanted"):
                raise OSError(28, "No space left on device")
            (Path(folder) / "results").touch()

        place, trouble = saved(save, Path("wanted"))
        assert (place / "results").is_file()
        assert place.name.startswith("wanted-rescued-")
        assert "No space left" in trouble and str(place) in trouble
        assert saved(lambda folder: Path(folder).mkdir(), Path("good")) == (Path("good"), "")

    def test_where_nothing_can_be_saved(self, here):
        def never(_folder):
            raise OSError(28, "No space left on device")

        with pytest.raises(UserError, match="nor could any other folder"):
            saved(never, Path("wanted"))


class TestNumbers:
    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"degrees": value}, "degrees must be a number from 0.01 to 360")
            for value in (1e9, np.inf, np.nan, 0, -8, "8", True, [8])
        ]
        + [
            ({"pixels": value}, "pixels must be a whole number from 8 to 8192")
            for value in (3.5, 1, 4, 0, -1, "224", 1e3, 10**6)
        ]
        + [
            ({"channels": value}, "channels must be a whole number from 1")
            for value in (0, -1, 1.5, "3")
        ]
        + [
            ({"seed": value}, "seed must be a whole number from 0 to 4294967295")
            for value in (-1, 1.5, "a", 2**32, None is not None)
        ]
        + [({"batch_size": 0}, "batch_size must be a whole number from 1")]
        + [
            ({"mean": value}, "mean must be a finite number")
            for value in (np.nan, "a", [], [0.5, "a"])
        ]
        + [({"std": [1, 1, np.inf]}, "std must be a finite number")],
    )
    def test_what_cannot_be_meant_is_refused(self, asked, message):
        with pytest.raises(UserError, match=message):
            check_asked(**asked)

    @pytest.mark.parametrize(
        ("name", "values", "message"),
        [
            ("mean", [123.7, 116.3, 103.5], "mean is that of pictures .* Divide mean and std by"),
            ("std", 58.4, "std is that of pictures .* from 0 to 10; got 58.4"),
        ],
    )
    def test_pixels_that_count_to_255_are_refused(self, name, values, message):
        with pytest.raises(UserError, match=message):
            per_channel(name, values, 3)

    def test_what_can_be_meant_passes(self):
        check_asked()
        check_asked(
            degrees=np.float32(8), pixels=np.int64(64), channels=1, batch_size=1, seed=0, mean=0.5
        )
        check_asked(mean=(0.5, 0.4, 0.3), std=np.ones(3), degrees=8)

    @pytest.mark.parametrize(
        "sites",
        [
            *(-1, 0, np.nan, np.inf, 1e9, True, "middle", "", b"all", [], [1, 2]),
            *([(1,)], [(1, 2, 3)], [(-1, 0)], [(0.5, 1)], [("0", "1")]),
        ],
    )
    def test_sites_that_no_layer_has(self, sites):
        with pytest.raises(UserError, match="sites must be 'centre', 'all', 'lattice', a"):
            check_sites(sites)

    @pytest.mark.parametrize(
        "sites", [None, "centre", "all", 2, 0.5, [(0, 1)], np.array([[0, 1], [2, 3]])]
    )
    def test_sites_that_a_layer_may_have(self, sites):
        check_sites(sites)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("--degrees 1e9", "degrees must be a number from 0.01 to 360; got 1000000000.0"),
            ("--degrees inf", "got inf"),
            ("--channels 0", "channels must be a whole number"),
            ("--pixels 3.5", "'3.5' is no whole number"),
            ("--pixels 1", "pixels must be a whole number"),
            ("--pixels 4", "pixels must be a whole number"),
            ("--seed -1", "seed must be a whole number"),
            ("--seed text", "'text' is no whole number"),
            ("--sites -1", "sites must be"),
            ("--sites 999,0", "has no site (999, 0)"),
            ("--mean nan", "mean must be a finite number"),
            ("--mean 123.7 116.3 103.5", "Divide mean and std by 255"),
        ],
    )
    def test_the_command_line(self, here, capsys, options, message):
        command = ["run", "torchvision:resnet18", "--layer", "conv1", "--out", "out"]
        assert message in refused(capsys, *command, *options.split())
        assert not (here / "out").exists()

    def test_python(self):
        calls = [
            "insilico.run('textbook', degrees='8')",
            "insilico.run('textbook', seed='a')",
            "insilico.run('textbook', sites=-1)",
            "insilico.load_model('textbook', pixels=64.5)",
            "insilico.Probe(torch.nn.Linear(1, 1), ['output'], display=Display(), sites=[(.5, 1)])",
            "insilico.Probe(torch.nn.Linear(1, 1), ['output'], display=Display(), seed='a')",
            "insilico.predict('textbook', None, degrees=float('nan'))",
        ]
        # In a process of its own: here, wrong types are noticed by the tests' type checker.
        script = "import insilico, torch\nfrom stimuli import Display\n"
        script += "".join(
            f"try:\n    {call}\n    print('taken')\nexcept Exception as error:\n"
            "    print(type(error).__name__)\n"
            for call in calls
        )
        told = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
        assert dict(zip(calls, told, strict=True)) == dict.fromkeys(calls, "UserError")


class TestOwnCode:
    @pytest.mark.parametrize(
        ("model", "message"),
        [
            ("own.py:breaks", "calling breaks failed: RuntimeError: no licence (own.py, line 5)"),
            (
                "own.py:leaves",
                "calling leaves failed: it ended the program with SystemExit: no",
            ),
            (
                "leaves.py:any",
                "importing leaves.py failed: it ended the program with SystemExit",
            ),
            ("own.py:later", "failed: it ended the program with SystemExit: 3 (own.py, line 13)"),
        ],
    )
    def test_that_breaks_or_ends_the_program(self, here, capsys, model, message):
        assert message in refused(capsys, "run", model, "--out", "out", "-q")
        assert not os.path.lexists("out")
