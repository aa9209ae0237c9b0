"""Sweeps on the workers of a Dask scheduler: real processes, of which one is killed."""

import pickle
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import small_battery
import torch

from insilico import cells, open_results, sweep
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.folders import claimed
from insilico.runs import cell_run, cluster
from insilico.runs.sweep_folder import begin, overview

distributed = pytest.importorskip("distributed")

# Says how many pictures it is shown. After four batches, and time enough to keep them, it takes its
# process along.
DEADLY = r"""
import os, signal, time
from pathlib import Path
from insilico.recording import pictures
from small_battery import Filters

pictures.DRAWN, pictures.DRAWN_PIXELS = 8, 0

class Deadly(Filters):
    def forward(self, images):
        with open("shown.txt", "a") as file:
            file.write(f"{len(images)}\n")
        batches = Path("shown.txt").read_text().split().count("8")
        if Path("armed").exists() and batches == 4:
            time.sleep(2.1)
        if Path("armed").exists() and batches == 5:
            Path("armed").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)
"""

OPTIONS = {"batch_size": 8, "crop": "off", "protocols": ["mean"]}


@pytest.fixture(scope="module")
def scheduler():
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made.scheduler_address


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(small_battery.__file__), tmp_path)
    (tmp_path / "deadly.py").write_text(DEADLY)
    return tmp_path


def plan(model="small_battery.py:Filters", **options):
    return cells(
        model, batteries=["small_battery.py:BATTERY"], layers=[("rectified",)], degrees=[4],
        load={"pixels": 32}, **options,
    )  # fmt: skip


def test_cells_are_done_by_the_workers(here, scheduler, capsys):
    (here / "sweep.toml").write_text(
        'models = ["small_battery.py:Filters", "small_battery.py:Nothing"]\nseeds = [0, 1]\n'
        'batteries = ["small_battery.py:BATTERY"]\nlayers = ["rectified"]\ndegrees = [4]\n\n'
        '[load]\npixels = 32\n\n[run]\nbatch_size = 8\ncrop = "off"\nprotocols = ["mean"]\n'
    )
    words = ["sweep", "sweep.toml", "--out", "out", "--trust-code", "--no-pages"]
    assert main([*words, "--scheduler", scheduler]) == 2
    said = capsys.readouterr()
    assert "2 done, 0 running, 2 failed, 0 left" in said.out
    assert "small_battery.py has no 'Nothing'" in " ".join(said.out.split())
    # What they write is what this process writes.
    here_too = sweep(plan(seeds=[1]), here / "alone", **OPTIONS)
    assert list(here_too["state"]) == ["done"]
    one, other = (
        open_results(folder)
        for folder in (here / "out/small_battery-Filters-seed1", here / "alone/model")
    )
    assert one.units.identical(other.units)
    # What is done is not done again.
    assert main([*words, "--scheduler", "tcp://nowhere:1", "-q"]) == 2


def test_a_killed_worker_costs_its_chunk(here, scheduler):
    (here / "armed").touch()
    done = sweep(plan("deadly.py:Deadly"), here / "out", scheduler=scheduler, **OPTIONS)
    assert list(done["state"]) == ["done"], done["error"]
    assert not (here / "armed").exists()
    # There are eight batches. The four that it had kept were shown once, and the one that it was
    # killed at twice.
    assert (here / "shown.txt").read_text().split().count("8") == 8 + 1


def test_workers_of_other_versions_are_refused(here, scheduler, monkeypatch, caplog):
    own = cluster._software()
    monkeypatch.setattr(cluster, "_software", lambda: own | {"torch": "1.0"})
    with pytest.raises(UserError, match="no worker can be used.*it has torch .*, and this machine"):
        sweep(plan(), here / "out", scheduler=scheduler)
    assert "is not used: it has torch" in caplog.text
    assert not (here / "out/model").exists()


class TestWorker:
    """In this process, which stands for that of a worker."""

    @pytest.fixture
    def task(self, here):
        torch.save({}, "w.pth")
        cell = plan(weights=["w.pth"])[0]
        begin([cell], here / "out", {})
        (here / "out/.cells/shared").write_text("token")
        named = cluster._named(cell)
        assert set(named) == {"w.pth", "small_battery.py"}
        return cluster.Task(cell, here, here / "out", {}, "token", cluster._software(),
                            cluster._sums(named, {}))  # fmt: skip

    def test_it_is_a_specification(self, task):
        assert len(pickle.dumps(task)) < 3000
        assert pickle.loads(pickle.dumps(task)) == task

    def test_other_weights_are_refused(self, task, here):
        torch.save({"a": 1}, "w.pth")
        assert "its w.pth is another: " in cluster.work(task)
        (here / "w.pth").unlink()
        assert cluster.work(task) == "it has no w.pth"

    def test_other_code_is_refused(self, task, here):
        (here / "small_battery.py").write_text("")
        assert "its small_battery.py is another" in cluster.work(task)

    def test_another_folder_is_refused(self, task, here):
        (here / "out/.cells/shared").write_text("of another machine")
        assert f"it does not see {here / 'out'}" in cluster.work(task)

    def test_there_is_a_gpu_for_each(self, task, monkeypatch, tmp_path):
        class Properties:
            uuid = "GPU-1"

        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: Properties)
        monkeypatch.setattr("torch.cuda.device", nullcontext)
        monkeypatch.setattr(cell_run, "gettempdir", lambda: str(tmp_path))
        options = {"device": "cuda"}
        with cell_run.own_gpu(task.cell, options) as first:
            assert first
            with cell_run.own_gpu(task.cell, options) as second:
                assert not second
            with cell_run.own_gpu(task.cell, {}) as of_the_cpu:
                assert of_the_cpu


class FakeFuture:
    def __init__(self, ends):
        self.ends, self.status = ends, "finished"

    def done(self):
        return self.ends

    def cancel(self):
        pass

    def result(self):
        return None


class FakeClient:
    """Of workers that die of every cell, or have several threads."""

    def __init__(self, threads=1):
        self.threads, self.given, self.born = threads, [], 0

    def nthreads(self):
        self.born += 1
        return {f"tcp://{self.born}": self.threads}

    def submit(self, _, task, *, workers, **__):
        self.given.append((task.cell.name, workers))
        return FakeFuture(ends=False)


@pytest.fixture
def tasks(here, monkeypatch):
    monkeypatch.setattr(cluster, "LOOK", 0)
    made = plan(seeds=[0, 1])
    begin(made, here / "out", {})
    return [cluster.Task(cell, here, here / "out", {}, "", {}, {}) for cell in made]


def test_a_cell_that_workers_die_of_is_given_up(tasks, here):
    client = FakeClient()
    found = list(cluster._Round(client, here / "out").run(iter(tasks)))
    assert found == [("seed0", "failed"), ("seed1", "failed")]
    assert len(client.given) == 2 * cluster.DEATHS
    table = overview([each.cell for each in tasks], here / "out")
    assert table["error"].str.contains("3 workers died of it").all()


def test_a_worker_has_one_thread(tasks, here, caplog):
    with pytest.raises(UserError, match="it has 4 threads; start it with --nthreads 1"):
        list(cluster._Round(FakeClient(threads=4), here / "out").run(iter(tasks)))


def test_a_cell_that_another_process_has_is_waited_for_by_nobody(here):
    made = plan()
    begin(made, here / "out", {})
    with claimed(here / "out/.cells/model.lock"):
        assert cell_run.do_cell(made[0], here / "out", {}) is None


def test_no_scheduler(here, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    with pytest.raises(UserError, match="no Dask scheduler answers at tcp://127.0.0.1:1 "):
        sweep(plan(), here / "out", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(UserError, match="workers are local, or those of a scheduler; got both"):
        sweep(plan(), here / "out", scheduler="tcp://127.0.0.1:1", local_workers=2)


def test_without_the_extra(here, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'insilico-ephys\[cluster\]'"):
        sweep(plan(), here / "out", scheduler="tcp://127.0.0.1:1")
