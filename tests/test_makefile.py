"""What `make` starts, in which order, and what it says of what fails."""

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"

# Writes down what it is asked, and fails if that is what was to fail.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> asked.txt
case "$(basename "$0") $*" in *"{fails}"*) exit 1;; esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def make(tmp_path):
    """Make a target with programs that do nothing; returns what they were asked."""
    shutil.copy(MAKEFILE, tmp_path)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()

    def make(target, fails="nothing"):
        for name in ("python", "ruff", "mypy", "lint-imports", "sphinx-build"):
            (programs / name).write_text(PROGRAM.format(fails=fails))
            (programs / name).chmod(0o755)
        (tmp_path / ".venv/.installed-for-tests").touch()
        (tmp_path / "asked.txt").unlink(missing_ok=True)
        done = subprocess.run(
            ["make", target, "PYTHON=none"], cwd=tmp_path, capture_output=True, text=True
        )
        return done, (tmp_path / "asked.txt").read_text().splitlines()

    return make


def test_tests_come_after_all_that_is_quicker(make):
    done, asked = make("test")
    assert done.returncode == 0
    assert {each.partition(" ")[0] for each in asked[:-1]} == {
        "ruff", "mypy", "lint-imports", "sphinx-build"
    }  # fmt: skip
    assert asked[-1].startswith("python -m pytest -n 2")


@pytest.mark.parametrize("fails", ["ruff format", "mypy", "sphinx-build"])
def test_what_fails_before_the_tests_ends_it(make, fails):
    done, asked = make("test", fails)
    assert done.returncode != 0
    assert not [each for each in asked if "pytest" in each]


@pytest.mark.parametrize("fails", ["-m slow", "fuzz.py", "validation.py docs"])
def test_a_step_of_a_validation_that_fails_is_named_and_stops_no_other(make, fails):
    done, asked = make("validate", fails)
    assert done.returncode != 0
    step = {"-m slow": "long-tests", "fuzz.py": "fuzz", "validation.py docs": "tables"}[fails]
    assert f"make validate failed in: {step}. " in done.stderr.splitlines()[-2]
    programs = ["pytest", "tests/fuzz.py", "tests/validation.py"]
    assert [any(each in one for one in asked) for each in programs] == [True] * 3


def test_a_validation_that_holds(make):
    done, asked = make("validate")
    assert done.returncode == 0
    assert asked[-1] == "python -m pytest tests/test_validation.py"


def test_a_table_that_cannot_be_made_stops_no_other(tmp_path, monkeypatch, capsys):
    import validation

    made = {"one": lambda: 1 / 0, "other": lambda: pd.DataFrame({"a": [1.0]})}
    monkeypatch.setattr(validation, "TABLES", made)
    monkeypatch.setattr("sys.argv", ["validation.py", str(tmp_path)])
    with pytest.raises(SystemExit, match="could not be made: one"):
        validation.main()
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert (tmp_path / "other.csv").is_file()
