"""A disk with too little room: refused before the recording, and nothing is lost where it ends."""

import errno
import os
from dataclasses import replace

import pytest
import small_battery as small

from insilico import disk, open_results
from insilico.errors import UserError
from insilico.experiments.protocol import Placement
from insilico.recording.forward import Forward
from insilico.runs import store as stores
from insilico.runs.results import Results

# Of every response of 4 units, in the largest recording of those whose stimuli are known before.
N_BYTES = 4 * 64 * 4


@pytest.fixture
def shown(monkeypatch):
    """How many recorded batches there were."""
    batches = []
    original = Forward.record

    def record(self, images, *arguments):
        batches.append(len(images))
        return original(self, images, *arguments)

    monkeypatch.setattr(Forward, "record", record)
    return batches


def only(monkeypatch, n_bytes):
    monkeypatch.setattr(disk, "room", lambda folder: n_bytes)


def test_what_has_no_room_is_refused_before_anything_is_recorded(tmp_path, monkeypatch, shown):
    only(monkeypatch, disk.SPARE_BYTES + N_BYTES - 1)
    with pytest.raises(UserError, match="at least 16 MiB, and 16 MiB are free"):
        small.run(out=tmp_path / "run")
    assert not shown
    assert not (tmp_path / "run/recordings").exists()


def test_what_fits_is_recorded_and_what_is_there_takes_no_room(tmp_path, monkeypatch, shown):
    only(monkeypatch, disk.SPARE_BYTES + N_BYTES)
    monkeypatch.setattr(stores.RunStore, "_finish", refuse)
    with pytest.raises(UserError, match="results are in"):
        small.run(out=tmp_path / "run")
    n_shown = len(shown)
    assert n_shown
    # What is recorded needs no more room.
    monkeypatch.undo()
    only(monkeypatch, disk.SPARE_BYTES + 2**14)
    small.run(out=tmp_path / "run")
    assert open_results(tmp_path / "run").units.sizes["unit"] == 4


def test_the_number_of_selected_units_is_waited_for(tmp_path, monkeypatch):
    known = []
    monkeypatch.setattr(disk, "check_room", lambda needed, available: known.append(needed))
    place = Placement(sites=[(8, 8), (16, 16)], select=lambda curve: curve["channel"] == 2)
    battery = replace(small.BATTERY, protocols=small.BATTERY.protocols[:2])
    small.run(battery=battery, place=place, out=tmp_path / "run")
    # The first keeps the best only; then two of eight units; and the tables.
    assert known[:2] == [0, 2 * 64 * 4]


def refuse(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["save_chunks", "write_manifest", "written"])
def test_a_disk_that_fills_up_is_said_in_a_sentence(tmp_path, monkeypatch, name):
    with monkeypatch.context() as full:
        full.setattr(stores, name, refuse)
        with pytest.raises(UserError, match="No space left on device.*same command goes on"):
            small.run(out=tmp_path / "run")
    small.run(out=tmp_path / "run")
    assert open_results(tmp_path / "run").units.sizes["unit"] == 4


def test_tables_that_cannot_be_written_are_rescued(tmp_path, monkeypatch):
    original, folder = Results.write_tables, tmp_path / "run"

    def write(self, where):
        if where.is_relative_to(folder):
            refuse()
        original(self, where)

    with monkeypatch.context() as full:
        full.setattr(Results, "write_tables", write)
        with pytest.raises(UserError, match="the same command goes on") as refused:
            small.run(out=folder)
    line = str(refused.value)
    assert "run cannot be written ([Errno 28] No space left on device)" in line
    (rescue,) = tmp_path.glob("run-rescued-*")
    assert str(rescue) in line
    assert open_results(rescue).units.sizes["unit"] == 4
    small.run(out=folder)
    assert open_results(folder).units.equals(open_results(rescue).units)


def test_a_rescue_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(UserError, match="nor could any other folder"):
        disk.saved(refuse, tmp_path / "wanted")
    assert not list(tmp_path.glob("wanted*"))
