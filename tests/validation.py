"""Make the tables of docs/validation.md: the rig beside answers that are known.

    python tests/validation.py docs/validation [NAME ...]

``make validate`` runs it; each table is a csv file, and the same in Markdown for the page.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import conformance
import hed
import numpy as np
import pandas as pd
import torchvision
from test_end_to_end import EXPECTED, SCORED, counted
from test_locality import both, difference, seeded
from test_normalization_truth import RECOVERED, recovered
from test_truth import truth_where_shown
from torch import nn

import insilico
from insilico.reference import leaderboard
from stimuli import Display
from stimuli.conventions import PERIODS

# The experiments whose properties have a closed form.
KNOWN = (
    "receptive_field",
    "orientation",
    "orientation_mean",
    "spatial_frequency",
    "spatial_frequency_mean",
    "size",
)

DATA = Path(__file__).parent / "data"

# What the page compares the block with: this model's V1 is the block, without its noise.
PUBLISHED_MODEL = "voneresnet-50-non_stochastic"
DRAWS = 10

# How many cells of known normalization, and units of their properties that have one.
CELLS = 200
UNITS = {
    "orientation_width_contrast_slope": "deg/octave",
    "most_suppressive_orientation": "deg",
    "mask_contrast_shift": "octaves",
}


def analytic() -> pd.DataFrame:
    """Errors on units whose tuning is known in closed form, from pixels to properties."""
    model = insilico.load_model("textbook")
    results = insilico.run(model, rates=False, protocols=KNOWN)
    units, truth = results.units, truth_where_shown(model, results.recordings["size"])
    rows = []
    for name in truth.columns:
        if name not in units or units[name].dtype.kind != "f":
            continue
        measured, known = (each[name].to_numpy().astype(float) for each in (units, truth))
        error = measured - known
        absolute = name in PERIODS or units[name].attrs.get("units", "1") in ("1", "deg")
        if name in PERIODS:
            error = (error + PERIODS[name] / 2) % PERIODS[name] - PERIODS[name] / 2
        if not absolute:
            error = 100 * error / known
        # What is left below is rounding.
        both_known = np.abs(error[np.isfinite(error)]).round(6)
        rows.append(
            {
                "property": name,
                "units": int(both_known.size),
                "median error": np.median(both_known),
                "95 % below": np.quantile(both_known, 0.95),
                "largest": both_known.max(),
                "in": units[name].attrs.get("units", "1") if absolute else "%",
            }
        )
    return pd.DataFrame(rows)


def normalization() -> pd.DataFrame:
    """Errors on cells whose pools and surrounds are known, beyond full contrast."""
    rows = []
    for protocol, (_, _, tolerances) in RECOVERED.items():
        for name, cells in recovered(protocol, CELLS).items():
            relative, absolute = tolerances[name]
            error = np.abs(cells.found - cells.truth)[cells.known]
            if relative:
                error = 100 * error / np.abs(cells.truth[cells.known])
            rows.append(
                {
                    "experiment": protocol,
                    "property": name,
                    "cells": len(error),
                    "median error": np.median(error),
                    "95 % below": np.quantile(error, 0.95),
                    "largest": error.max(),
                    "allowed": 100 * relative or absolute,
                    "in": "%" if relative else UNITS.get(name, "1"),
                    "of these on finer pictures": cells.finer,
                }
            )
    return pd.DataFrame(rows)


def parity() -> pd.DataFrame:
    """The published benchmark's own numbers, from the same responses and parameters."""
    checks: dict[str, tuple[Callable[[Path], Iterable[conformance.Line]], str]] = {
        "properties of units": (conformance.check_properties, "properties.npz"),
        "pictures": (conformance.check_stimuli, "marques_stimuli.npz"),
        "similarity": (conformance.check_ks, "ks_similarity.json"),
        "components": (conformance.check_components, "components.npz"),
    }
    rows = []
    for kind, (check, file) in checks.items():
        passed = [line.passed for line in check(DATA / file)]
        rows.append({"what": kind, "compared": len(passed), "agree": sum(passed)})
    return pd.DataFrame(rows)


def end_to_end() -> pd.DataFrame:
    """A trained network through the whole benchmark, beside the public implementation."""
    known = json.loads(EXPECTED.read_text())
    results = insilico.run(
        hed.network(),
        layers=["relu2_2"],
        battery="marques2020",
        pixels=224,
        degrees=8,
        mean=hed.MEAN,
        std=hed.STD,
    )
    scores = results.comparison.set_index("property")["similarity"]
    rows = []
    for short, name in SCORED.items():
        ours, theirs = counted(results, name), np.array(known["properties"][name], dtype=float)
        rows.append(
            {
                "property": name,
                "units": len(ours),
                "theirs": len(theirs),
                "median": np.nanmedian(ours),
                "their median": np.nanmedian(theirs),
                "similarity": scores[name],
                "their similarity": known["score_raw"].get(short, np.nan),
            }
        )
    return pd.DataFrame(rows)


def crops() -> pd.DataFrame:
    """Recordings in windows beside those of whole pictures, on gratings."""
    large = Display.square(128, 8)
    networks: dict[str, tuple[nn.Module, str, Display]] = {
        "VOneBlock": (insilico.load_model("vone"), "output", Display()),
        "ResNet-50 conv1": (seeded(torchvision.models.resnet50), "conv1", large),
        "ResNet-50 layer1": (seeded(torchvision.models.resnet50), "layer1", large),
        "ResNet-50 layer2": (seeded(torchvision.models.resnet50), "layer2", large),
        "VGG-16 relu2_2": (
            seeded(torchvision.models.vgg16, init_weights=False).features,
            "8",
            Display.square(112, 4),
        ),
        "ConvNeXt-T stage 1": (seeded(torchvision.models.convnext_tiny), "features.1", large),
        "MobileNetV2 block 2": (seeded(torchvision.models.mobilenet_v2), "features.2", large),
        "Inception v3 Conv2d_2b": (
            seeded(torchvision.models.inception_v3, init_weights=False, aux_logits=False),
            "Conv2d_2b_3x3",
            large,
        ),
    }
    rows = []
    for name, (model, layer, display) in networks.items():
        probe, cropped, whole = both(model, layer, display, n=6)
        window = probe.crop(probe.units).window
        rows.append(
            {
                "layer": name,
                "units": len(probe.units),
                "picture (px)": display.width,
                "window (px)": window.width,
                "largest difference / largest response": difference(cropped, whole),
            }
        )
    return pd.DataFrame(rows)


def voneblock() -> pd.DataFrame:
    """The VOneBlock over draws of its parameters, beside its own row on the public leaderboard."""
    models = leaderboard.models()
    [published] = models[models["model_name"] == PUBLISHED_MODEL].to_dict("records")
    ours = pd.concat([_ceiled(seed, spatial_frequency_max=6.0) for seed in range(DRAWS)], axis=1)
    wider = _ceiled(0, spatial_frequency_max=9.0)
    rows = [
        {
            "property": name,
            "leaderboard": published[name],
            "seed 0": values[0],
            "lowest of the draws": values.min(),
            "highest": values.max(),
            "seed 0, frequencies up to 9 cpd": wider[name],
        }
        for name, values in ours.iterrows()
        if values.notna().any()
    ]
    return pd.DataFrame(rows)


def _ceiled(seed: int, *, spatial_frequency_max: float) -> pd.Series:
    """Ceiled scores of the block as it was released, for one draw of its parameters."""
    options = {"mode": "as_released", "spatial_frequency_max": spatial_frequency_max}
    results = insilico.run(
        insilico.load_model("vone", seed=seed, **options), battery="marques2020", seed=seed
    )
    return results.comparison.set_index("property")["ceiled"].rename(seed)


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "analytic": analytic,
    "normalization": normalization,
    "parity": parity,
    "end_to_end": end_to_end,
    "crops": crops,
    "voneblock": voneblock,
}


def markdown(table: pd.DataFrame) -> str:
    """Write a table for the page; numbers to three digits."""

    def cell(value: object) -> str:
        if isinstance(value, bool | np.bool_):
            return "yes" if value else "no"
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.3g}"
        # Words break where underscores do not.
        return str(value).replace("|", "\\|").replace("_", " ")

    lines = [" | ".join(table.columns), " | ".join("---" for _ in table.columns)]
    lines += [" | ".join(map(cell, row)) for row in table.itertuples(index=False)]
    return "".join(f"| {line} |\n" for line in lines)


def main() -> None:
    """Make the tables that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", choices=[*TABLES, []], help="all by default")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in asked.names or TABLES:
        try:
            table = TABLES[name]()
        # The others take long as well, and are made.
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            failed.append(name)
            continue
        table.to_csv(asked.folder / f"{name}.csv", index=False)
        (asked.folder / f"{name}.inc").write_text(markdown(table), encoding="utf-8")
        print(f"{name}: {len(table)} rows", flush=True)  # noqa: T201
    if failed:
        sys.exit(f"could not be made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
