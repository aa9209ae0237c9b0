"""Photographs that the wheels of scikit-image and scikit-learn hold: nothing is downloaded."""

from importlib.util import find_spec
from pathlib import Path

__all__ = ["INSTALL", "PHOTOGRAPHS", "packaged_photographs"]

# Package, folder in it, files: photographs of scenes and objects among what the wheels hold.
PHOTOGRAPHS = (
    (
        "skimage",
        "data",
        (
            "astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "moon.png",
            "motorcycle_left.png", "rocket.jpg",
        ),
    ),
    ("sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
)  # fmt: skip

INSTALL = "pip install 'insilico-ephys[train]'"


def packaged_photographs() -> tuple[Path, ...]:
    """Find the photographs, without importing the packages that hold them.

    Returns
    -------
    tuple of Path
        Ten files; none where either package is not installed.
    """
    found = []
    for package, folder, files in PHOTOGRAPHS:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return ()
        found += [Path(spec.origin).parent / folder / file for file in files]
    return tuple(found)
