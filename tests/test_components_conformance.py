"""The conformance script on files of components, whole networks among them."""

from pathlib import Path

import conformance
import numpy as np
import pytest

FILE = Path(__file__).parent / "data" / "components.npz"
GOLDEN = np.load(FILE)


def part(path, *cases, **changed):
    """Write a file of some of the cases; ``None`` leaves an array out."""
    arrays = {
        name: GOLDEN[name] for name in GOLDEN.files if name.partition(".")[0] in cases
    } | changed
    kept = {name: values for name, values in arrays.items() if values is not None}
    np.savez(path, cases=np.array(cases), **kept)
    return str(path)


def run(path):
    return conformance.main(["components", str(path)])


def test_components_and_seeded_filters_pass(tmp_path, capsys):
    cases = [str(name) for name in GOLDEN["cases"] if not name.startswith("network")]
    assert run(part(tmp_path / "part.npz", *cases)) == 0
    output = capsys.readouterr().out
    assert output.endswith("conformance: PASS\n")
    assert all(f"ok   {name}: " in output for name in cases)


@pytest.mark.parametrize("name", ["network_composite_a", "network_cortical_magnification"])
def test_whole_networks_pass(tmp_path, capsys, name):
    assert run(part(tmp_path / "part.npz", name)) == 0
    output = capsys.readouterr().out
    for value in ("layer1", "logits", "n_total", "n_trainable"):
        assert f"ok   {name}: {value}: largest difference" in output


@pytest.mark.slow
def test_the_whole_file_passes(capsys):
    assert run(FILE) == 0
    names = {
        line.split(":")[0].removeprefix("ok   ") for line in capsys.readouterr().out.split("\n")
    }
    assert {str(name) for name in GOLDEN["cases"]} <= names


@pytest.mark.parametrize(
    ("case", "value", "change"),
    [
        ("dog", "y", 1e-8),
        ("tuned_normalization", "weights", 1e-8),
        ("polar", "cells", 1e-8),
        ("gabor_parameters", "theta", 1e-8),
        ("voneblock", "gabor_q1", 2e-6),
        ("subcortical", "y", 2e-5),
        ("dog", "y", np.nan),
    ],
)
def test_a_wrong_value_fails(tmp_path, capsys, case, value, change):
    name = f"{case}.{value}"
    values = GOLDEN[name].astype(float)
    values.flat[3] += 2 * change * np.abs(values).max()
    assert run(part(tmp_path / "wrong.npz", case, **{name: values})) == 1
    output = capsys.readouterr().out
    assert f"FAIL {case}: {value}: largest difference" in output
    assert output.count("FAIL") == 2


def test_a_network_of_other_weights_fails(tmp_path, capsys):
    name = "network_resnet50"
    seed = np.array(99)
    assert run(part(tmp_path / "wrong.npz", name, **{f"{name}.seed": seed})) == 1
    output = capsys.readouterr().out
    assert f"FAIL {name}: logits" in output
    assert f"ok   {name}: n_trainable" in output


def test_a_network_that_lacks_weights_fails_and_says_which(tmp_path, capsys):
    name = "network_resnet50"
    short = {
        f"{name}.{array}": GOLDEN[f"{name}.{array}"][1:]
        for array in ("keys", "shapes", "scale", "offset")
    }
    assert run(part(tmp_path / "wrong.npz", name, **short)) == 1
    assert "weights not in the file: ['conv1.weight']" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dog.component": np.array("gabor")}, "FAIL dog: components of kind 'gabor' are not"),
        ({"dog.y": GOLDEN["dog.y"][:1]}, r"FAIL dog: y has shape (2, 4, 9, 9), expected (1, 4,"),
        ({"dog.cells": GOLDEN["dog.y"]}, "FAIL dog: cells is not measured here"),
        ({"dog.sigma1": None}, "cannot check: case dog has no 'sigma1'"),
        ({"dog.component": None}, "cannot check: case dog has no component"),
        ({"dog.y": None, "dog.kernels": None}, "cannot check: case dog holds no expected values"),
    ],
)
def test_cases_that_cannot_be_compared(tmp_path, capsys, changed, message):
    assert run(part(tmp_path / "wrong.npz", "dog", **changed)) == 1
    streams = capsys.readouterr()
    assert message in streams.out + streams.err
    assert streams.out.endswith("conformance: FAIL\n")


def test_a_file_without_cases_is_named(tmp_path, capsys):
    np.savez(tmp_path / "empty.npz", dog=np.zeros(1))
    assert run(tmp_path / "empty.npz") == 1
    assert "empty.npz has no cases" in capsys.readouterr().err
