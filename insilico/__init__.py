"""In-silico electrophysiology: a virtual V1 rig for any vision model.

Show gratings to a network, record its units, measure their tuning, compare with macaque V1::

    import insilico

    model = insilico.load_model("torchvision:resnet50", weights="pretrained")
    results = insilico.run(model, layers=["layer1"], battery="standard")
    print(results)
    results.save("results/resnet50")

Each name is imported when it is first used: torch takes seconds, and much here does without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from insilico.errors import UserError

if TYPE_CHECKING:
    from insilico import reference
    from insilico.comparison.phenomena import scorecard
    from insilico.comparison.table import score
    from insilico.experiments.battery import Battery
    from insilico.experiments.protocol import Placement, Protocol
    from insilico.models import ModelCard, load_model
    from insilico.predictivity import NeuralData, Predictivity, open_neurons, predict
    from insilico.recording.probe import Probe
    from insilico.reference import ReferenceDistribution
    from insilico.runs.cells import Cell, cells
    from insilico.runs.export import export
    from insilico.runs.results import Results, open_results
    from insilico.runs.run import run
    from insilico.runs.side_by_side import compare
    from insilico.runs.sweep import sweep
    from insilico.tuning.fits import fit_curve
    from insilico.tuning.properties.values import per_unit

__all__ = [
    "Battery",
    "Cell",
    "ModelCard",
    "NeuralData",
    "Placement",
    "Predictivity",
    "Probe",
    "Protocol",
    "ReferenceDistribution",
    "Results",
    "UserError",
    "cells",
    "compare",
    "export",
    "fit_curve",
    "load_model",
    "open_neurons",
    "open_results",
    "per_unit",
    "predict",
    "reference",
    "run",
    "score",
    "scorecard",
    "sweep",
]

_HOMES = {
    "Battery": "insilico.experiments.battery",
    "Cell": "insilico.runs.cells",
    "ModelCard": "insilico.models.card",
    "NeuralData": "insilico.predictivity",
    "Predictivity": "insilico.predictivity",
    "Placement": "insilico.experiments.protocol",
    "Probe": "insilico.recording.probe",
    "Protocol": "insilico.experiments.protocol",
    "ReferenceDistribution": "insilico.reference",
    "Results": "insilico.runs.results",
    "cells": "insilico.runs.cells",
    "compare": "insilico.runs.side_by_side",
    "export": "insilico.runs.export",
    "fit_curve": "insilico.tuning.fits",
    "load_model": "insilico.models",
    "open_neurons": "insilico.predictivity",
    "open_results": "insilico.runs.results",
    "per_unit": "insilico.tuning.properties.values",
    "predict": "insilico.predictivity",
    "run": "insilico.runs.run",
    "score": "insilico.comparison.table",
    "scorecard": "insilico.comparison.phenomena",
    "sweep": "insilico.runs.sweep",
}


def __getattr__(name: str) -> Any:
    if name == "reference":
        return import_module("insilico.reference")
    if name == "__version__":
        return import_module("insilico.runs.software").package_versions()["insilico-ephys"]
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'insilico' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
