"""Damaged files: named in one sentence, and never a traceback or a number that is another.

Every reader is given files of which bits were flipped, that were cut off, or replaced by rubbish,
at fixed seeds; `make validate` does so for longer.
"""

import dataclasses
import shutil

import fake_results
import numpy as np
import pytest
import xarray as xr

from insilico import open_results
from insilico.checksums import MANIFEST, check_files, write_manifest
from insilico.cli.app import main
from insilico.errors import UserError


def damaged(content, rng):
    """Flip a bit, cut the end off, overwrite a part, or leave nothing of a file."""
    kind = rng.choice(["flip", "flip", "cut", "rubbish", "zeros", "empty", "longer"])
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    end = at + int(rng.integers(1, 64))
    if kind == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[at:]
    elif kind == "rubbish":
        data[at:end] = rng.bytes(len(data[at:end]))
    elif kind == "zeros":
        data[at:end] = bytes(len(data[at:end]))
    elif kind == "empty":
        data.clear()
    else:
        data += rng.bytes(8)
    return bytes(data)


def refused_or_same(read, path, *, same, seed, times, named=True):
    """Damage a file many times; reading it is refused in one sentence, or gives the same."""
    whole = path.read_bytes()
    silent = []
    for number in range(times):
        rng = np.random.default_rng([seed, number])
        content = damaged(whole, rng)
        if content == whole:
            continue
        path.write_bytes(content)
        try:
            found = read()
        except UserError as error:
            assert not named or path.name in str(error), (number, str(error))
            assert len(str(error)) < 1000
        else:
            if not same(found):
                silent.append(number)
    path.write_bytes(whole)
    assert not silent, f"silently another content: {silent}"


def equal(one, other):
    return (
        one.units.identical(other.units)
        and one.comparison.equals(other.comparison)
        and one.provenance == other.provenance
        and all(curve.identical(other.curves[name]) for name, curve in one.curves.items())
        and list(one.recordings) == list(other.recordings)
        and list(one.curves) == list(other.curves)
    )


LENGTHS = [3, pytest.param(60, marks=pytest.mark.slow)]


@pytest.fixture
def saved(tmp_path):
    run = fake_results.results(20)
    recordings = {"orientation": run.curves["orientation"]}
    return dataclasses.replace(run, recordings=recordings).save(tmp_path / "run")


class TestResults:
    @pytest.mark.parametrize("times", LENGTHS)
    def test_no_file_is_damaged_unnoticed(self, saved, times):
        files = sorted(path for path in saved.rglob("*") if path.is_file())
        assert len(files) > 10
        before = open_results(saved)
        for number, path in enumerate(files):
            # A space in the manifest may well become another one.
            own = path.name == MANIFEST
            refused_or_same(
                lambda: open_results(saved),
                path,
                seed=number,
                times=times,
                same=lambda found, own=own: own and equal(found, before),
                named=not own,
            )

    def test_every_file_is_needed(self, saved):
        for path in sorted(path for path in saved.rglob("*") if path.is_file()):
            content = path.read_bytes()
            path.unlink()
            with pytest.raises(UserError, match=f"{path.name} is missing"):
                open_results(saved)
            path.write_bytes(content)
        assert open_results(saved).battery

    def test_a_file_that_was_added_changes_nothing(self, saved):
        before = open_results(saved)
        shutil.copy(next((saved / "curves").iterdir()), saved / "curves" / "another.nc")
        again = open_results(saved)
        assert list(again.curves) == list(before.curves)
        xr.testing.assert_identical(again.units, before.units)

    @pytest.mark.parametrize("command", [["report"], ["compare", "--out", "comparison"]])
    def test_commands_say_it_in_one_line(self, saved, command, capsys, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        path = saved / "units.nc"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert main([command[0], str(saved), *command[1:]]) == 2
        said = capsys.readouterr().err
        assert "units.nc is damaged" in said
        assert "Bring the folder back from a copy, or do the run again." in said
        assert said.count("\n") == 1

    @pytest.mark.parametrize("name", ["units.nc", "comparison.csv", "provenance.json"])
    def test_rubbish_with_right_checksums_is_refused_too(self, saved, name):
        (saved / MANIFEST).unlink()
        for content in (b"", b"rubbish", b"[]", b"{}", b"\x89HDF\r\n\x1a\n", b'a,b\n"1'):
            if name == "comparison.csv" and content in (b"", b"rubbish", b"[]", b"{}"):
                continue  # a table of no rows
            (saved / name).write_bytes(content)
            write_manifest(saved)
            with pytest.raises(UserError, match="run cannot be read as results"):
                open_results(saved)
            (saved / MANIFEST).unlink()

    @pytest.mark.parametrize("name", ["../secret.nc", "/etc/passwd", "a\\b", "", "link"])
    def test_the_manifest_names_nothing_outside(self, saved, tmp_path, name):
        (tmp_path / "secret.nc").write_text("secret")
        (saved / "link").symlink_to(tmp_path / "secret.nc")
        manifest = saved / MANIFEST
        manifest.write_text(
            manifest.read_text().replace('"units.csv"', repr(name)[1:-1].join('""'))
        )
        with pytest.raises(UserError, match="names a file outside of itself"):
            open_results(saved)

    def test_the_record_names_nothing_outside(self, saved, tmp_path):
        shutil.copy(next((saved / "recordings").iterdir()), tmp_path / "secret.nc")
        record = saved / "provenance.json"
        first = next((saved / "recordings").iterdir()).stem
        record.write_text(record.read_text().replace(f': "{first}"', ': "../../secret"'))
        (saved / MANIFEST).unlink()
        write_manifest(saved)
        with pytest.raises(UserError, match="cannot be read as results"):
            open_results(saved)


def test_checksums_are_told_apart_from_other_json(tmp_path):
    (tmp_path / "a").write_text("a")
    write_manifest(tmp_path)
    assert check_files(tmp_path, ["a"], remedy="") == ("a",)
    for text in ("[]", "{}", '{"sha256": []}', '{"sha256": {"a": 3}}', '{"sha256": {"a": "f"}}',
                 "[" * 100_000, "\xff"):  # fmt: skip
        (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
        with pytest.raises(UserError, match="manifest.json is damaged"):
            check_files(tmp_path, [], remedy="")
    with pytest.raises(UserError, match="it does not list b"):
        (tmp_path / MANIFEST).unlink()
        write_manifest(tmp_path)
        check_files(tmp_path, ["a", "b"], remedy="")
