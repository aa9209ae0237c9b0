"""What is imported before it is needed: help and small commands do without torch."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import insilico
from insilico.cli.app import main

HEAVY = {"torch", "torchvision", "scipy", "xarray", "matplotlib", "seaborn", "bokeh", "sklearn"}

COMMANDS = ("run", "layers", "stimuli", "reference", "report", "compare", "predict", "train",
            "evaluate", "factorial", "textures", "sweep", "search",
            "track", "export", "rig")  # fmt: skip


def modules_after(code):
    """Names of the heavy packages that a new process has imported after some code."""
    program = f"{code}\nimport sys\nprint('MODULES', *sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    return set(told.rpartition("MODULES")[2].split()) & (HEAVY | {"numpy", "pandas"})


def test_importing_the_package_imports_nothing_heavy():
    assert modules_after("import insilico") == set()


def test_help_and_version_import_nothing_heavy():
    asked = [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)]
    assert modules_after(f"from insilico.cli.app import main\nfor a in {asked}: main(a)") == set()


def test_the_version_comes_from_one_place(capsys):
    main(["--version"])
    assert capsys.readouterr().out.strip() == insilico.__version__ == version("insilico-ephys")


def test_help_lists_every_command():
    told = subprocess.run(
        [sys.executable, "-m", "insilico", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert [name for name in COMMANDS if name not in told] == []


def test_who_coordinates_a_sweep_does_without_torch(tmp_path):
    """It is to stay small: its workers have torch, and reports need none."""
    (tmp_path / "sweep.toml").write_text('models = ["vone"]')
    code = (
        "import insilico.reporting.report, insilico.cli.compare\n"
        "import insilico.runs.cluster, insilico.runs.local_workers\n"
        f"from insilico.cli.app import main\nmain(['sweep', {str(tmp_path / 'sweep.toml')!r}, "
        f"'--out', {str(tmp_path / 'out')!r}, '--status'])"
    )
    assert "torch" not in modules_after(code)


@pytest.mark.parametrize("name", [[], ["ringach2002.circular_variance"], ["cavanaugh2002a"]])
def test_the_references_are_told_without_torch(name):
    code = f"from insilico.cli.app import main\nmain(['reference', *{name}])"
    assert modules_after(code) == {"numpy", "pandas"}


def test_experiments_are_told_without_torch():
    """Nothing is rehearsed for it: what they measure is declared."""
    code = "from insilico.cli.app import main\nmain(['protocols'])"
    assert modules_after(code) == {"numpy", "pandas", "xarray"}


def test_a_battery_is_imported_when_it_is_asked_for():
    code = (
        "import sys\nfrom insilico.experiments.batteries import find_battery\n"
        "find_battery('standard')\nprint(*(name for name in sys.modules if 'experiments.' in name))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "insilico.experiments.batteries.standard" in told
    assert "insilico.experiments.batteries.context" not in told


def test_every_public_name_is_there_and_listed():
    assert set(insilico.__all__) <= set(dir(insilico))
    assert all(getattr(insilico, name) is not None for name in insilico.__all__)
    assert insilico.run.__module__ == "insilico.runs.run"


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = insilico.runn
