"""Several degrees and an untrained control: which runs there are, and what becomes of them."""

import dataclasses
import inspect
import re
import shutil
import signal
import subprocess
from pathlib import Path

import fake_results
import pandas as pd
import pytest
import small_battery
import torch

import insilico
from insilico import load_model
from insilico.cli.app import app, main
from insilico.errors import UserError
from insilico.folders import claimed
from insilico.models.weights import weights_hash
from insilico.runs.cells import cells
from insilico.runs.progress import is_complete
from insilico.runs.sweep_file import RUN, read_sweep
from insilico.runs.sweep_folder import begin, overview
from insilico.runs.untrained_control import untrained_control

MODELS = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 9, stride=8), nn.ReLU())

def fixed():
    net = build()
    for weight in net.parameters():
        nn.init.constant_(weight, 0.5)
    return net

def without():
    return nn.Sequential(nn.AvgPool2d(2))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(MODELS)
    torch.manual_seed(5)
    state = {"0.weight": torch.randn(4, 3, 9, 9), "0.bias": torch.randn(4)}
    torch.save(state, tmp_path / "trained.pth")
    return tmp_path


@pytest.fixture
def recorded(monkeypatch):
    """Stand in for the run; returns the models that were recorded."""
    models = []

    def run(model, layers=None, *, out, **options):
        models.append(model)
        card = model.card
        found = fake_results.results(
            8, layers=("conv1",), seed=len(models), model=card.name, weights=card.weights,
            trained=card.trained, weights_hash=weights_hash(model),
            display={"degrees": card.display.degrees[0], "width_px": 224, "px_per_deg": 28.0,
                     "height_px": 224},
        )  # fmt: skip
        found.save(out)
        return found

    monkeypatch.setattr("insilico.runs.run.run", run)
    monkeypatch.setattr("insilico.reporting.report.write_report", blank_page)
    return models


def blank_page(_, folder):
    """Stand in for the report."""
    page = folder / "report.html"
    page.touch()
    return page


def refused(capsys, command):
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def named(*arguments, **options):
    return [
        (each.name, each.degrees, each.untrained) for each in cells("vone", *arguments, **options)
    ]


class TestCells:
    def test_one_run_is_one_run(self):
        assert named() == [("model", None, False)]
        assert named(degrees=[4.0]) == [("model", 4.0, False)]

    def test_every_degree_has_its_control(self):
        assert named(degrees=[4, 8.5], untrained=True) == [
            ("4deg", 4, False),
            ("4deg-untrained", 4, True),
            ("8.5deg", 8.5, False),
            ("8.5deg-untrained", 8.5, True),
        ]

    def test_everything_with_everything(self):
        found = cells(
            "net.py:build",
            weights=["runs/a.pth", "b.pth"],
            layers=[("layer1",), ("layer2", "layer3")],
            batteries=["standard", "marques2020"],
            seeds=[0, 1],
            load={"pixels": 64},
        )
        assert len(found) == len({each.name for each in found}) == 16
        assert found[0].name == "a-layer1-standard-seed0"
        assert found[-1].name == "b-layer2-layer3-marques2020-seed1"
        assert {each.load["pixels"] for each in found} == {64}

    def test_what_is_given_twice(self):
        with pytest.raises(UserError, match="degrees must differ; got 4deg more than once"):
            named(degrees=[4, 8, 4])
        with pytest.raises(UserError, match="two runs would have one folder, last"):
            named(weights=["a/last.pth", "b/last.pth"])


class TestControl:
    def control(self, spec, weights=None, seed=0):
        return untrained_control(
            load_model(spec, weights), lambda number: load_model(spec, seed=number), seed=seed
        )

    def test_the_same_architecture_with_random_weights(self, here):
        model = load_model("small.py:build", "trained.pth")
        control = self.control("small.py:build", "trained.pth", seed=3)
        made_by = {**model.card.arguments, "weights": None, "seed": 3}
        assert control.card == dataclasses.replace(
            model.card, trained=False, weights="random, seed 3", arguments=made_by
        )
        assert torch.equal(control[0].weight, load_model("small.py:build", seed=3)[0].weight)
        assert not torch.equal(control[0].weight, model[0].weight)

    @pytest.mark.parametrize("spec", ["textbook", "small.py:without"])
    def test_weights_set_by_design(self, here, spec):
        with pytest.raises(UserError, match="no untrained control"):
            self.control(spec)

    def test_a_function_that_makes_no_random_weights(self, here):
        with pytest.raises(UserError, match="gives the same weights for every seed"):
            self.control("small.py:fixed", "trained.pth")

    @pytest.mark.parametrize("spec", ["torchvision:resnet18", "small.py:build"])
    def test_weights_that_are_random_already(self, here, spec):
        with pytest.raises(UserError, match="are random already"):
            self.control(spec)


class TestCommand:
    def test_control_beside_the_model(self, here, recorded, capsys):
        command = "run small.py:build --weights trained.pth --layer 0 --untrained -q --out out"
        assert main(command.split()) == 0
        printed = capsys.readouterr().out
        assert printed.rstrip().endswith("comparison: out/comparison/comparison.html")
        assert {path.name for path in (here / "out").iterdir()} == {
            "model",
            "untrained",
            "comparison",
        }
        assert (here / "out/untrained/report.html").is_file()
        assert [model.card.trained for model in recorded] == [True, False]
        models = pd.read_csv(here / "out/comparison/models.csv")
        assert list(models["name"]) == [
            "small.py:build conv1",
            "small.py:build conv1 (untrained)",
        ]

    def test_several_degrees(self, here, recorded):
        command = "run small.py:build --layer 0 --degrees 4 8 16 -q --out out"
        assert main(command.split()) == 0
        assert [model.card.display.degrees[0] for model in recorded] == [4, 8, 16]
        assert len({weights_hash(model) for model in recorded}) == 1
        assert insilico.open_results("out/16deg").provenance["display"]["degrees"] == 16
        drawn = pd.read_csv(here / "out/comparison/figures/degrees-median.csv")
        assert sorted(drawn["degrees"].unique()) == [4, 8, 16]
        page = (here / "out/comparison/comparison.html").read_text()
        assert 'id="figure-degrees-similarity"' in page

    def test_one_value_of_degrees_is_one_folder(self, here, recorded):
        assert (
            main(["run", "small.py:build", "--layer", "0", "--degrees", "4", "-q", "--out", "out"])
            == 0
        )
        assert (here / "out/report.html").is_file()
        assert recorded[0].card.display.degrees == (4, 4)

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("run vone --untrained", "vone has no untrained control"),
            ("run torchvision:resnet18 --untrained", "are random already"),
            ("run small.py:build --degrees 4 4", "degrees must differ"),
            ("layers small.py:build --degrees 4 8", "only 'insilico run' takes several; got 4 8"),
        ],
    )
    def test_mistakes_are_told_before_the_first_run(self, here, recorded, capsys, command, message):
        assert message in refused(capsys, command)
        assert not recorded


SWEEP = """
models = ["small.py:build", {model = "small.py:fixed", weights = ["trained.pth"]}, "small.py:none"]
seeds = [0, 1]

[load]
pixels = 32

[run]
phases = "harmonics"
"""


compared = []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of results, of which copies are made."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    fake_results.results(8).save(folder)
    (folder / "run.json").write_text("{}")
    return folder


class TestSweep:
    """Of small models, of which one cannot be made; the runs themselves are stood in for."""

    @pytest.fixture
    def file(self, here, monkeypatch):
        (here / "sweep.toml").write_text(SWEEP)
        return ["sweep", "sweep.toml", "--out", "out", "--trust-code"]

    @pytest.fixture
    def runs(self, monkeypatch, whole):
        """Stand in for the runs; returns which were done."""
        done = []

        def run(model, layers=None, *, out, seed, battery, **options):
            assert options == {"phases": "harmonics"}
            shutil.copytree(whole, out)
            done.append(out.name)

        monkeypatch.setattr("insilico.runs.cell_run.run", run)
        monkeypatch.setattr("insilico.reporting.report.write_report", blank_page)
        monkeypatch.setattr(
            "insilico.cli.compare.write_comparison",
            lambda runs, folder, quiet: compared.append((sorted(runs), folder.name)),
        )
        compared.clear()
        return done

    def table(self):
        plan = read_sweep("sweep.toml", trust_code=True).plan
        return overview(plan, Path("out")).set_index("name")["state"].to_dict()

    def test_those_that_fail_do_not_stop_the_others(self, file, runs, capsys):
        assert main([*file, "--status"]) == 0
        assert "0 done, 0 running, 0 failed, 6 left" in capsys.readouterr().out
        assert main([*file, "-q"]) == 2
        said = capsys.readouterr()
        assert "2 of 6 runs failed. The same command with --retry" in said.err
        assert "4 done, 0 running, 2 failed, 0 left" in said.out
        assert "failed: small-none-seed0: " in said.out
        assert Path("out/small-build-seed0/report.html").is_file()
        names = ["small-build-seed0", "small-build-seed1", "small-fixed-seed0", "small-fixed-seed1"]
        assert compared == [(names, "comparison")]
        # What is done, and what failed, is not done again.
        before = list(runs)
        assert main([*file, "-q", "--no-pages"]) == 2
        assert runs == before

    def test_how_far_the_whole_sweep_is(self, file, runs, capsys):
        main(file)
        said = capsys.readouterr()
        assert "\r" not in said.out + said.err
        assert "done: small-build-seed0\n" in said.out
        # On a slow machine, lines come in between.
        sweep, *_, reports = [line for line in said.err.splitlines() if ": 100%" in line]
        assert sweep.startswith("sweep: 100%") and "6/6" in sweep
        assert reports.startswith("reports: 100%") and "4/4" in reports
        main([*file, "-q", "--retry"])
        assert "%" not in capsys.readouterr().err

    def test_failed_runs_are_tried_again_when_asked(self, file, runs, here):
        main([*file, "-q", "--no-pages"])
        (here / "small.py").write_text(MODELS + "\nnone = build\n")
        assert main([*file, "-q", "--no-pages"]) == 2
        assert main([*file, "-q", "--no-pages", "--retry"]) == 0
        assert set(self.table().values()) == {"done"}

    def test_a_cell_that_another_process_has_is_left_to_it(self, file, runs):
        begin(read_sweep("sweep.toml", trust_code=True).plan, Path("out"), {"phases": "harmonics"})
        with claimed(Path("out/.cells/small-build-seed1.lock")):
            main([*file, "-q", "--no-pages"])
            assert "small-build-seed1" not in runs
            assert self.table()["small-build-seed1"] == "running"
        assert self.table()["small-build-seed1"] == "left"

    def test_another_sweep_is_refused_and_cells_may_be_added(self, file, runs, here, capsys):
        main([*file, "-q", "--no-pages"])
        (here / "sweep.toml").write_text(SWEEP.replace("[0, 1]", "[0, 1, 2]"))
        main([*file, "-q", "--no-pages"])
        assert len(runs) == 6
        capsys.readouterr()
        (here / "sweep.toml").write_text(SWEEP.replace("harmonics", "keep"))
        assert main(file) == 2
        assert "holds another sweep: phases differ there" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (("models", "model"), "has no key 'model'; its keys are models, weights"),
            (("[0, 1]", "[0.5]"), "seeds of sweep.toml is a list of whole numbers; got [0.5]"),
            (("[0, 1]", "[true]"), "seeds of sweep.toml is a list of whole numbers"),
            (("[0, 1]", "3"), "seeds of sweep.toml is a list of whole numbers; got 3"),
            (("phases", "fases"), "[run] of sweep.toml has no key 'fases'"),
            (("phases", "out"), "[run] of sweep.toml has no key 'out'"),
            (("seeds = [0, 1]", "seeds = ["), "sweep.toml is no TOML file"),
            (("seeds = [0, 1]", "layers = [3]"), "layers of sweep.toml are names"),
            (("seeds = [0, 1]", "untrained = 1"), "untrained is true or false"),
            (("seeds = [0, 1]", 'models_ = ""'), "has no key 'models_'"),
            (('"small.py:none"', "3"), "a model of sweep.toml is a name, or a table"),
            (("pixels = 32", "seed = 3"), "[load] of sweep.toml has no seed: say seeds = [...]"),
            (("[load]\npixels = 32", "load = 3"), "load of sweep.toml is a table, [load]; got 3"),
        ],
    )
    def test_a_file_that_says_what_cannot_be_meant(self, file, here, capsys, change, message):
        (here / "sweep.toml").write_text(SWEEP.replace(*change, 1))
        assert main(file) == 2
        assert message in " ".join(capsys.readouterr().err.split())
        assert not Path("out").exists()

    def test_code_of_somebody_else_is_not_run(self, file, here, capsys):
        assert main(file[:-1]) == 2
        assert "names 'small.py:build' as its model: that is code" in capsys.readouterr().err
        (here / "sweep.toml").write_text('models = ["vone"]\nbatteries = ["small.py:build"]')
        assert main(file[:-1]) == 2
        assert "names 'small.py:build' as its battery" in capsys.readouterr().err

    def test_a_folder_of_something_else(self, file, here, capsys):
        (here / "out").mkdir()
        (here / "out" / "own.txt").write_text("mine")
        assert main(file) == 2
        assert "already holds files, and no sweep" in capsys.readouterr().err


def test_workers_share_a_sweep(tmp_path, monkeypatch):
    """Two processes do four real runs, each of them once."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(small_battery.__file__), tmp_path)
    (tmp_path / "sweep.toml").write_text(
        'models = ["small_battery.py:Filters"]\nbatteries = ["small_battery.py:BATTERY"]\n'
        'seeds = [0, 1, 2]\nlayers = ["rectified"]\ndegrees = [4]\n\n[load]\npixels = 32\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    words = ["sweep", "sweep.toml", "--out", "out", "--trust-code", "--no-pages"]
    assert main([*words, "--local-workers", "2", "-q"]) == 0
    for seed in range(3):
        assert is_complete(tmp_path / "out" / f"seed{seed}")


def code_of_the_docs(language):
    page = (Path(__file__).parents[1] / "docs" / "sweeps.md").read_text()
    (text,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return text


# What Slurm knows, of what the scripts say.
DIRECTIVE = re.compile(r"#SBATCH (--?[A-Za-z-]+)[= ]?(\S*)")
DIRECTIVES = {
    "--job-name": r"[\w-]+", "-J": r"[\w-]+", "--array": r"\d+-\d+", "--cpus-per-task": r"\d+",
    "--gres": r"gpu:\d+", "--time": r"\d\d:\d\d:\d\d",
    "-t": r"\d\d:\d\d:\d\d", "--signal": r"[A-Z]+@\d+", "-n": r"\d+", "--mem": r"\d+G",
}  # fmt: skip


def assert_slurm_takes(script):
    """There is no Slurm here: the shell parses the script, and each directive is one there is."""
    parsed = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (parsed.returncode, parsed.stderr) == (0, "")
    lines = [line for line in script.splitlines() if line]
    assert re.fullmatch(r"#!/.*\b(bash|sh)", lines[0])
    told = [line for line in lines if line.startswith("#SBATCH")]
    # Behind the first command Slurm reads no more of them.
    assert lines[1 : 1 + len(told)] == told
    for line in told:
        name, value = DIRECTIVE.fullmatch(line).groups()
        assert re.fullmatch(DIRECTIVES[name], value), line
    return dict(DIRECTIVE.fullmatch(line).groups() for line in told)


BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@BASH
def test_the_job_array_of_the_docs(tmp_path):
    """Dry: what it would start is written down by a program of the same name."""
    script = code_of_the_docs("bash")
    assert assert_slurm_takes(script)["--array"] == "0-15"
    (tmp_path / "srun").write_text('#!/bin/bash\necho "$OMP_NUM_THREADS" "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    job = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_CPUS_PER_TASK": "4", "SCRATCH": "/scratch"}
    told = subprocess.run(["bash", "-c", script], env=job, text=True, capture_output=True).stdout
    threads, program, *words = told.split()
    assert (threads, program) == ("4", "insilico")
    # The command is one that there is.
    command, bound, _ = app.parse_args(words, exit_on_error=False)
    assert command.__name__ == "sweep"
    assert bound.arguments["pages"] is False
    assert bound.arguments["out"] == Path("/scratch/sweep")


@BASH
def test_the_slurm_cluster_of_the_docs(monkeypatch):
    """Dry: the jobs that dask-jobqueue would submit, and what they are to do."""
    # Importing it takes Ctrl-C over, for the whole process.
    before = signal.getsignal(signal.SIGINT)
    jobqueue = pytest.importorskip("dask_jobqueue")
    signal.signal(signal.SIGINT, before)
    asked = {}

    class Dry:
        scheduler_address = "tcp://here:8786"

        def __init__(self, **options):
            job = jobqueue.slurm.SLURMJob(self.scheduler_address, name="dry", **options)
            asked["script"] = job.job_script()

        def adapt(self, **options):
            asked.update(options)

    monkeypatch.setattr(jobqueue, "SLURMCluster", Dry)
    monkeypatch.setattr(
        "insilico.sweep", lambda *said, **options: asked.update(said=said, **options)
    )
    exec(code_of_the_docs("python"), {"__name__": "__main__"})  # noqa: S102
    told = assert_slurm_takes(asked["script"])
    assert told["--gres"] == "gpu:1"
    assert told["--cpus-per-task"] == "4"
    assert "--nthreads 1" in asked["script"]
    assert asked["scheduler"] == Dry.scheduler_address
    assert len(asked["said"][0]) == 2


def test_what_a_file_can_say_of_runs_is_what_a_run_takes():
    """Written out, for the signature cannot be looked at without torch."""
    own = ("model", "layers", "battery", "seed", "out", "mend", "display", "place", "references")
    assert [*RUN] == [
        name for name in inspect.signature(insilico.run).parameters if name not in own
    ]


def test_the_file_of_the_docs(tmp_path):
    (tmp_path / "sweep.toml").write_text(code_of_the_docs("toml"))
    found = read_sweep(tmp_path / "sweep.toml")
    assert len(found.plan) == 3 * 2 * 2 * 2
    assert found.options == {"phases": "harmonics"}
