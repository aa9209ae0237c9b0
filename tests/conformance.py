"""Check this project against numbers of the published V1 benchmark, or against your own.

    python tests/conformance.py properties FILE.npz
    python tests/conformance.py stimuli FILE.npz
    python tests/conformance.py ks FILE.json
    python tests/conformance.py components FILE.npz

Prints one line per property, stimulus, case or value, and ends with ``conformance: PASS`` or
``FAIL`` (exit code 0 or 1). Nothing here knows the answers: it calls the functions that the
``marques2020`` battery calls, and the modules that the networks are made of.

properties: an npz file of responses in spikes/s, ``resp_baseline`` (unit), ``resp_orientation``
(unit, 1152), ``resp_spatial_frequency`` (unit, 2112), ``resp_size`` (unit, 2304) and
``resp_texture`` (unit, 450), stimuli in the published order, and of expected values,
``prop_<data set>.<property>`` (unit). Agreement within 1e-6 x max(1, |expected|); NaN for NaN.

stimuli: an npz file with one row of ``params`` per stimulus, named by ``columns`` in the
benchmark's own terms, and the expected ``image_448`` (identical, but for 1 pixel in a million) and
``image_224`` (within 1 grey level).

ks: a JSON list of cases with ``bins``, ``reference_counts``, ``n_reference``, ``model_values`` and
the expected ``score_mean`` (within 0.01).

components: an npz file with the names of its ``cases``. The arrays of a case are called
``<case>.<name>``: its kind, ``component`` (dog, tuned_normalization, divisive_normalization, local,
polar, voneblock, evnet_voneblock, gabor_parameters, subcortical or network), settings, input,
parameters, and what is expected of the released form. Differences are relative to the largest value
expected: 1e-9, in single precision 1e-5, and 1e-6 for Gabor filters. Weights of whole networks are
made from a seed that the file names.
"""

import argparse
import json
import math
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from insilico.comparison.similarity import similarity
from insilico.experiments import marques2020
from insilico.experiments.textures import texture_curve
from insilico.recording.schema import UNIT_COORDINATES, label
from insilico.reference import ReferenceDistribution
from stimuli import Display, StimulusSet
from stimuli.marques2020 import sets as published
from stimuli.marques2020.eight_bit import draw

PROPERTY_TOLERANCE = 1e-6
PIXELS_PER_MILLION = 1
GREY_LEVELS = 1
SCORE_TOLERANCE = 0.01

Array = np.ndarray[Any, np.dtype[Any]]

# Which recording of the file each protocol is measured on.
RECORDINGS = {
    marques2020.RINGACH2002: "orientation",
    marques2020.DEVALOIS1982A: "orientation",
    marques2020.DEVALOIS1982B: "spatial_frequency",
    marques2020.SCHILLER1976: "spatial_frequency",
    marques2020.CAVANAUGH2002A: "size",
}


class Line(NamedTuple):
    """What is printed of one check, and whether it passed."""

    text: str
    passed: bool


class MalformedFileError(Exception):
    """The file is not what the check reads."""


def check_properties(path: Path) -> Iterator[Line]:
    """Compare every property of every unit."""
    file = _open_npz(path)
    measured: dict[str, xr.DataArray] = {}
    for protocol, name in RECORDINGS.items():
        if f"resp_{name}" in file:
            recording = _recording(file, name, *_grating_conditions(protocol))
            measured |= _measure(protocol.curve(recording), protocol.properties)
    if "resp_texture" in file:
        recording = _recording(file, "texture", *_texture_conditions())
        curve = texture_curve(recording)
        measured |= _measure(curve, marques2020.TEXTURE_PROPERTIES)
    expected = {key.removeprefix("prop_"): file[key] for key in file if key.startswith("prop_")}
    if not expected:
        raise MalformedFileError(f"{path} holds no expected values: no array is called prop_...")
    for name, values in expected.items():
        if name not in measured:
            yield Line(f"{name}: not measured here", passed=False)
            continue
        ours = measured[name].to_numpy()
        if values.shape != ours.shape:
            raise MalformedFileError(
                f"prop_{name} has shape {values.shape}; one value per unit would be {ours.shape}"
            )
        yield _property_line(name, ours, values.astype(float))
    for name in sorted(set(measured) - set(expected)):
        yield Line(f"{name}: no expected value in the file", passed=True)


def check_stimuli(path: Path) -> Iterator[Line]:
    """Compare every picture, on the published canvas and at the size of a model's input."""
    file = _open_npz(path)
    needed = ("params", "columns", "image_448", "image_224")
    _require(file, needed, path)
    table = pd.DataFrame(file["params"], columns=[str(name) for name in file["columns"]])
    try:
        conditions = published.from_published(table)
    except KeyError as error:
        raise MalformedFileError(f"{path}: params has no column {error}") from error
    names = file["set"] if "set" in file else np.full(len(table), "stimulus")
    stimuli = {
        pixels: StimulusSet(
            "conformance",
            Display.square(pixels, 8.0, background=published.BACKGROUND),
            conditions.assign(index=table.index),
            ("index",),
            draw,
            ("index",),
        )
        for pixels in (448, 224)
    }
    total = 0
    for index, name in enumerate(names):
        canvas, shown = (
            _grey_levels(stimuli[pixels], index, file[f"image_{pixels}"]) for pixels in (448, 224)
        )
        differing, furthest = int(np.count_nonzero(canvas)), int(np.abs(shown).max())
        yield Line(
            f"{index:3d} {name}: {differing} of {canvas.size} pixels of image_448 differ; "
            f"image_224 differs by at most {furthest} grey levels",
            differing <= 1 and furthest <= GREY_LEVELS,
        )
        total += differing
    allowed = math.ceil(file["image_448"].size * PIXELS_PER_MILLION / 1e6)
    yield Line(f"all: {total} pixels of image_448 differ, {allowed} may", total <= allowed)


def check_ks(path: Path) -> Iterator[Line]:
    """Compare every similarity score."""
    try:
        cases = json.loads(_bytes(path))
    except ValueError as error:
        raise MalformedFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise MalformedFileError(f"{path} must hold a list of cases")
    for index, case in enumerate(cases):
        needed = ("bins", "reference_counts", "n_reference", "model_values", "score_mean")
        _require(case, needed, f"case {index} of {path}")
        name = str(case.get("case", index))
        reference = ReferenceDistribution(
            name=name,
            property=name,
            edges=np.array(case["bins"], dtype=float),
            counts=np.array(case["reference_counts"], dtype=float),
            n=int(case["n_reference"]),
        )
        values = np.array(case["model_values"], dtype=float)
        score = similarity(values, reference, rng=np.random.default_rng(0)).mean
        difference = score - case["score_mean"]
        yield Line(
            f"{name}: {score:.4f}, expected {case['score_mean']:.4f}, difference {difference:+.4f}",
            bool(abs(difference) <= SCORE_TOLERANCE),
        )


def check_components(path: Path) -> Iterator[Line]:
    """Compare every value of every component, as released."""
    # torchvision takes seconds to import, and no other check needs it.
    import conformance_components as components
    import torch

    file = _open_npz(path)
    _require(file, ("cases",), path)
    for name in map(str, np.atleast_1d(file["cases"])):
        start = f"{name}."
        case = {key.removeprefix(start): file[key] for key in file if key.startswith(start)}
        _require(case, ("component",), f"case {name}")
        kind = str(case["component"])
        if kind not in components.KINDS:
            yield Line(f"{name}: components of kind {kind!r} are not known here", passed=False)
            continue
        expected = sorted(components.EXPECTED_OF.get(kind, components.EXPECTED) & set(case))
        if not expected:
            raise MalformedFileError(f"case {name} holds no expected values")
        try:
            with torch.no_grad():
                found = components.KINDS[kind](case)
        except KeyError as error:
            raise MalformedFileError(f"case {name} has no {error}") from error
        except (ValueError, RuntimeError) as error:
            yield Line(f"{name}: {error}", passed=False)
            continue
        for value in expected:
            if value not in found:
                yield Line(f"{name}: {value} is not measured here", passed=False)
                continue
            allowed = components.tolerance(kind, value)
            yield _component_line(f"{name}: {value}", found[value], case[value], allowed)


# To add a check: a function from the file to lines, and its name here.
CHECKS: dict[str, Callable[[Path], Iterator[Line]]] = {
    "properties": check_properties,
    "stimuli": check_stimuli,
    "ks": check_ks,
    "components": check_components,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one check on one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    passed, checked = True, 0
    try:
        for line in CHECKS[options.check](options.file):
            print(f"{'ok  ' if line.passed else 'FAIL'} {line.text}")
            passed, checked = passed and line.passed, checked + 1
        if not checked:
            raise MalformedFileError(f"{options.file} holds nothing to check")
    except MalformedFileError as error:
        print(f"cannot check: {error}", file=sys.stderr)
        print("conformance: FAIL")
        return 1
    print(f"conformance: {'PASS' if passed else 'FAIL'}")
    return 0 if passed else 1


def _measure(
    curve: xr.DataArray, properties: Iterable[Callable[[xr.DataArray], xr.DataArray]]
) -> dict[str, xr.DataArray]:
    return {str(value.name): value for value in (measure(curve) for measure in properties)}


def _recording(
    file: dict[str, Array], name: str, conditions: pd.DataFrame, dims: tuple[str, ...]
) -> xr.DataArray:
    """Label the responses of a file as the probe labels its own."""
    _require(file, ("resp_baseline",), "the file")
    blank, responses = (file[key].astype(float) for key in ("resp_baseline", f"resp_{name}"))
    if responses.shape != (*blank.shape, len(conditions)):
        raise MalformedFileError(
            f"resp_{name} has shape {responses.shape}; with resp_baseline of shape {blank.shape} "
            f"it must be {(*blank.shape, len(conditions))}"
        )
    units = pd.DataFrame({column: np.arange(len(blank)) for column in UNIT_COORDINATES})
    recording = label(
        responses, conditions=conditions, dims=dims, units=units, blank=blank, attrs={}
    )
    return recording.assign_attrs(units="spikes/s")


def _grating_conditions(protocol: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
    stimuli = protocol.stimuli(Display.square(background=published.BACKGROUND), published.POSITION)
    return stimuli.conditions, stimuli.dims


def _texture_conditions() -> tuple[pd.DataFrame, tuple[str, ...]]:
    dims = ("type", "family", "sample")
    levels = pd.MultiIndex.from_product([range(1, 3), range(1, 16), range(1, 16)], names=dims)
    return levels.to_frame(index=False), dims


def _property_line(name: str, ours: Array, expected: Array) -> Line:
    mismatches = int((np.isnan(ours) != np.isnan(expected)).sum())
    both = np.isfinite(ours) & np.isfinite(expected)
    error = np.abs(ours - expected)[both]
    unequal = (ours != expected) & (np.isinf(ours) | np.isinf(expected))
    allowed = PROPERTY_TOLERANCE * np.maximum(1, np.abs(expected[both]))
    passed = mismatches == 0 and not unequal.any() and bool((error <= allowed).all())
    largest = error.max(initial=0.0)
    return Line(f"{name}: largest error {largest:.2e}, {mismatches} NaN mismatches", passed)


def _component_line(name: str, ours: Any, expected: Array, allowed: float) -> Line:
    ours, expected = (np.asarray(values, dtype=float) for values in (ours, expected))
    if ours.shape != expected.shape:
        return Line(f"{name} has shape {ours.shape}, expected {expected.shape}", passed=False)
    # A NaN makes the difference NaN, which is not within anything.
    difference = np.abs(ours - expected).max() / max(np.abs(expected).max(), np.finfo(float).tiny)
    return Line(f"{name}: largest difference {difference:.1e}", bool(difference <= allowed))


def _grey_levels(stimuli: StimulusSet, index: int, expected: Array) -> Array:
    """Difference of a picture from the expected one, in grey levels."""
    (picture,) = np.rint(stimuli.images([index]).numpy()[:, 0] * 255).astype(int)
    if expected.shape != (len(stimuli), *picture.shape):
        raise MalformedFileError(
            f"image_{len(picture)} has shape {expected.shape}; it must be "
            f"{(len(stimuli), *picture.shape)}, one picture per row of params"
        )
    return picture - expected[index].astype(int)


def _open_npz(path: Path) -> dict[str, Array]:
    _bytes(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise MalformedFileError(f"{path} is not an npz file of plain arrays ({error})") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MalformedFileError(f"{path} cannot be read: {error.strerror}") from error


def _require(container: Any, names: tuple[str, ...], where: object) -> None:
    missing = [name for name in names if name not in container]
    if missing:
        raise MalformedFileError(f"{where} has no {', '.join(missing)}")


if __name__ == "__main__":
    sys.exit(main())
