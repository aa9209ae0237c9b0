"""Make the textures that the package ships: one field per family, cut into samples.

A family takes some minutes. Each is a file of its own, written when it is finished, so that a build
that was stopped goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from stimuli.textures.quality import spectrum_error, structure
from stimuli.textures.sources import FAMILIES, source
from stimuli.textures.synthesis import (
    matched_noise,
    statistics_error,
    synthesise,
    with_random_phases,
)

__all__ = ["FIELD_PX", "ITERATIONS", "Field", "build_family", "pack", "read_family", "source_of"]

# A field holds 4 x 4 samples of 160 px, of which 15 are used.
FIELD_PX = 640
ITERATIONS = 200

ORIGIN = (
    "synthesised from the statistics of other sources than those of Freeman, Ziemba et al. (2013); "
    "samples of 160 px at 40 px/deg, where the published ones have 320"
)

Levels = npt.NDArray[np.uint8]


class Field(NamedTuple):
    """Texture and noise of one family, before they are cut."""

    texture: Levels
    noise: Levels
    about: dict[str, Any]


def build_family(
    folder: Path,
    number: int,
    *,
    seed: int,
    iterations: int = ITERATIONS,
    report: Callable[[int, float], None] | None = None,
) -> Field:
    """Synthesise one family and keep it in a file, unless that is there already.

    Parameters
    ----------
    folder : Path
        Where the files are.
    number : int
        Which of the families, from 1.
    seed : int
        Of all random numbers; each family has its own stream of them.
    iterations, report
        As in `stimuli.textures.synthesis.synthesise`.

    Returns
    -------
    Field
        In 8 bits, with a measure of its quality.
    """
    path = folder / f"im{number:02d}.npz"
    if not path.exists():
        field = _make(number, seed=seed, iterations=iterations, report=report)
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.savez_compressed(
                file, texture=field.texture, noise=field.noise, about=json.dumps(field.about)
            )
        unfinished.replace(path)
    return read_family(folder, number)


def read_family(folder: Path, number: int) -> Field:
    """Read a family that has been built.

    Parameters
    ----------
    folder : Path
        Where the files are.
    number : int
        Which of the families, from 1.

    Returns
    -------
    Field
        As `build_family` made it.
    """
    with np.load(folder / f"im{number:02d}.npz") as arrays:
        return Field(arrays["texture"], arrays["noise"], json.loads(str(arrays["about"])))


def source_of(number: int, *, seed: int) -> npt.NDArray[np.floating[Any]]:
    """Source of a family, as `build_family` made it.

    Parameters
    ----------
    number : int
        Which of the families, from 1.
    seed : int
        That of the build.

    Returns
    -------
    array, shape (height, width)
        Grey levels in [0, 1].
    """
    return source(FAMILIES[number - 1], rng=_generator(number, seed))


def pack(folder: Path, target: Path) -> list[dict[str, Any]]:
    """Write all families as the package ships them: two pictures each, and a record of them.

    Parameters
    ----------
    folder : Path
        Where the families were built.
    target : Path
        Where ``tex-im01.png``, ``noise-im01.png`` and so on go, and ``textures.json``, with their
        checksums, where they come from and how good they are.

    Returns
    -------
    list of dict
        What is known of each family.

    Raises
    ------
    ValueError
        If a family has not been built.
    """
    numbers = range(1, len(FAMILIES) + 1)
    missing = [FAMILIES[n - 1].name for n in numbers if not (folder / f"im{n:02d}.npz").exists()]
    if missing:
        raise ValueError(
            f"{folder} lacks the families {', '.join(missing)}. Build them first: "
            f"insilico textures build --out {folder}"
        )
    target.mkdir(parents=True, exist_ok=True)
    fields = [read_family(folder, number) for number in numbers]
    checksums = {}
    for prefix in ("noise", "texture"):
        for number, field in zip(numbers, fields, strict=True):
            name = f"{'tex' if prefix == 'texture' else prefix}-im{number:02d}.png"
            Image.fromarray(getattr(field, prefix)).save(target / name, optimize=True)
            checksums[name] = hashlib.sha256((target / name).read_bytes()).hexdigest()
    about = [field.about for field in fields]
    record = {
        "origin": ORIGIN,
        "families": [family.name for family in FAMILIES],
        "sha256": checksums,
        "about": about,
    }
    (target / "textures.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return about


def _generator(number: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def _make(
    number: int,
    *,
    seed: int,
    iterations: int,
    report: Callable[[int, float], None] | None,
) -> Field:
    family = FAMILIES[number - 1]
    rng = _generator(number, seed)
    picture = source(family, rng=rng)
    texture = synthesise(picture, pixels=FIELD_PX, iterations=iterations, rng=rng, report=report)
    noise = matched_noise(texture, rng=rng)
    shown_texture, shown_noise = (
        np.round(255 * field).astype(np.uint8) for field in (texture, noise)
    )
    # Quality is that of the pictures as they are shipped.
    final_texture, final_noise = shown_texture / 255, shown_noise / 255
    errors = statistics_error(final_texture, picture)
    # What the structure of noise may be.
    scrambled = with_random_phases(final_texture, rng=rng)
    about = {
        "family": family.name,
        "origin": family.origin,
        "seed": seed,
        "iterations": iterations,
        "plenoptic": version("plenoptic"),
        "statistics_error": errors,
        "noise_spectrum_error": spectrum_error(final_noise, final_texture),
        "texture_structure": structure(final_texture)._asdict(),
        "noise_structure": structure(final_noise)._asdict(),
        "scrambled_structure": structure(scrambled)._asdict(),
    }
    return Field(shown_texture, shown_noise, about)
