"""What is released: all that runs from a clone also runs from what pip installs."""

import email
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("insilico", "stimuli")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the archive of the sources, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    # Without isolation, so that no second copy of the build tools is fetched.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder into which the wheel alone is installed, without its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", folder, wheel], check=True, capture_output=True)
    return folder


def run_installed(folder, *arguments):
    """Run Python outside the clone, with the installed copy before any other."""
    return subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
    ).stdout


def test_wheel_holds_every_file_of_the_packages(wheel):
    own = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    kinds = {Path(name).suffix for name in own}
    assert {".py", ".csv", ".toml", ".jinja", ".js", ".typed"} <= kinds
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == own


def test_what_is_uploaded_passes_the_checks_of_the_index(built):
    files = sorted(built.iterdir())
    assert [path.suffix for path in files] == [".whl", ".gz"]
    told = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.count("PASSED") == 2


def test_the_sources_hold_tests_and_pages_but_nothing_built(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "conftest.py", "tests/test_packaging.py", "docs/index.md"} <= packed
    assert not [name for name in packed if "_build" in name or "_built" in name]


def test_wheel_metadata(wheel):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Name"] == "insilico-ephys"
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata.get_payload().startswith("# insilico")
    assert name.replace("METADATA", "licenses/LICENSE") in archive.namelist()
    assert (
        "insilico = insilico.cli.app:main"
        in archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    )


def test_installed_copy_finds_its_data(installed):
    told = run_installed(
        installed,
        "-c",
        "import insilico, stimuli; print(insilico.__file__, stimuli.__file__);"
        "print(insilico.reference.load('ringach2002.circular_variance').n)",
    )
    *places, n = told.split()
    assert all(Path(place).is_relative_to(installed) for place in places)
    assert n == "304"


def test_installed_command_runs(installed):
    assert "cavanaugh2002a.suppression_index" in run_installed(
        installed, "-m", "insilico", "reference"
    )
    assert "V1 by default" in run_installed(installed, "-m", "insilico", "layers", "vone")


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
    # Everything else asks the metadata of what is installed.
    code = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert not [path for path in [*code, ROOT / "docs/conf.py"] if version in path.read_text()]


def test_the_changelog_says_what_was_added_changed_and_fixed():
    text = (ROOT / "CHANGELOG.md").read_text()
    for part in text.split("\n## ")[1:]:
        head, *kinds = part.split("\n### ")
        assert "- " not in head, "what changed stands under one of these headings"
        assert [kind.partition("\n")[0] for kind in kinds] == ["Added", "Changed", "Fixed"]
