"""The conformance script, on the golden files and on files that are wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import conformance
import numpy as np
import pytest

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("check", "file", "lines"),
    [
        ("properties", "properties.npz", 32),
        ("stimuli", "marques_stimuli.npz", 13),
        ("ks", "ks_similarity.json", 14),
    ],
)
def test_golden_files_pass(check, file, lines, capsys):
    assert conformance.main([check, str(DATA / file)]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[-1] == "conformance: PASS"
    assert len(output) == lines + 1


def test_the_script_runs_on_its_own():
    done = subprocess.run(
        [sys.executable, conformance.__file__, "ks", str(DATA / "ks_similarity.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("conformance: PASS\n")


def changed(path, file, **arrays):
    with np.load(DATA / file) as original:
        np.savez(path, **{**original, **arrays})
    return path


def golden(file, key):
    with np.load(DATA / file) as original:
        return original[key].copy()


def test_a_wrong_property_fails(tmp_path, capsys):
    key = "prop_ringach2002.circular_variance"
    values = golden("properties.npz", key)
    values[7] += 1e-5
    path = changed(tmp_path / "wrong.npz", "properties.npz", **{key: values})
    assert conformance.main(["properties", str(path)]) == 1
    output = capsys.readouterr().out
    assert "FAIL ringach2002.circular_variance: largest error 1.00e-05, 0 NaN" in output
    assert output.count("FAIL") == 2
    assert output.endswith("conformance: FAIL\n")


def test_a_value_where_nan_is_due_fails(tmp_path, capsys):
    key = "prop_cavanaugh2002a.surround_diameter"
    values = golden("properties.npz", key)
    values[np.flatnonzero(np.isnan(values))[:2]] = 1.0
    path = changed(tmp_path / "wrong.npz", "properties.npz", **{key: values})
    assert conformance.main(["properties", str(path)]) == 1
    assert "FAIL cavanaugh2002a.surround_diameter" in capsys.readouterr().out


def test_an_unknown_property_fails(tmp_path, capsys):
    path = changed(tmp_path / "more.npz", "properties.npz", **{"prop_x.y": np.zeros(60)})
    assert conformance.main(["properties", str(path)]) == 1
    assert "FAIL x.y: not measured here" in capsys.readouterr().out


def test_wrong_pixels_fail(tmp_path, capsys):
    pictures = golden("marques_stimuli.npz", "image_448")
    pictures[3, 200:202, 200:202] += 1
    path = changed(tmp_path / "wrong.npz", "marques_stimuli.npz", image_448=pictures)
    assert conformance.main(["stimuli", str(path)]) == 1
    assert "FAIL   3 spatial_frequency: 4 of 200704 pixels" in capsys.readouterr().out


def test_two_grey_levels_fail(tmp_path, capsys):
    pictures = golden("marques_stimuli.npz", "image_224")
    pictures[0, 0, 0] += 2
    path = changed(tmp_path / "wrong.npz", "marques_stimuli.npz", image_224=pictures)
    assert conformance.main(["stimuli", str(path)]) == 1
    assert "at most 2 grey levels" in capsys.readouterr().out


def test_a_wrong_score_fails(tmp_path, capsys):
    cases = json.loads((DATA / "ks_similarity.json").read_text())[:2]
    cases[1]["score_mean"] += 0.02
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(cases))
    assert conformance.main(["ks", str(path)]) == 1
    output = capsys.readouterr().out
    assert output.startswith("ok ")
    assert output.splitlines()[1].startswith(f"FAIL {cases[1]['case']}")


@pytest.mark.parametrize(
    ("check", "text", "message"),
    [
        ("properties", None, "cannot be read"),
        ("properties", b"not an archive", "is not an npz file"),
        ("stimuli", b"", "is not an npz file"),
        ("ks", b"{", "is not JSON"),
        ("ks", b"{}", "must hold a list of cases"),
        ("ks", b"[]", "holds nothing to check"),
        ("ks", b"[{}]", "case 0 of .* has no bins, reference_counts"),
        ("ks", b"\xff", "is not JSON"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, capsys, check, text, message):
    path = tmp_path / "file"
    if text is not None:
        path.write_bytes(text)
    assert conformance.main([check, str(path)]) == 1
    streams = capsys.readouterr()
    assert streams.err.startswith("cannot check: ")
    assert re.search(message, streams.err)
    assert streams.out.endswith("conformance: FAIL\n")


def test_arrays_of_another_shape_are_named(tmp_path, capsys):
    short = golden("properties.npz", "resp_size")[:, :-1]
    path = changed(tmp_path / "short.npz", "properties.npz", resp_size=short)
    assert conformance.main(["properties", str(path)]) == 1
    assert "resp_size has shape (60, 2303)" in capsys.readouterr().err


def test_stimuli_without_pictures_are_named(tmp_path, capsys):
    np.savez(tmp_path / "empty.npz", params=np.zeros((1, 7)))
    assert conformance.main(["stimuli", str(tmp_path / "empty.npz")]) == 1
    assert "has no columns, image_448, image_224" in capsys.readouterr().err
