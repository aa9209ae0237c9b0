"""The versions that numbers depend on: those of packages, and the code of this one."""

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from insilico.checksums import sha256

__all__ = ["OWN", "code_version", "package_versions"]

PACKAGES = ("insilico-ephys", "torch", "torchvision", "numpy", "scipy", "pandas", "xarray")

OWN = ("insilico", "stimuli")

# Of a package, what its numbers come from.
SOURCES = (".py", ".csv", ".toml")

LENGTH = 16


def package_versions() -> dict[str, str]:
    """List the versions of the packages that numbers depend on; none of them is imported.

    Returns
    -------
    dict of str to str
    """
    return {name: _version(name) for name in PACKAGES}


@cache
def code_version() -> str:
    """Fingerprint of the code of this package, for its version does not change with every line.

    Returns
    -------
    str
    """
    specs = [find_spec(name) for name in OWN]
    folders = [Path(str(spec.origin)).parent for spec in specs if spec is not None]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCES]
    sums = [sha256(path) for path in sorted(files)]
    return hashlib.sha256(json.dumps(sums).encode()).hexdigest()[:LENGTH]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed as a package"
