"""In-silico electrophysiology: a virtual V1 rig for any vision model.

Show gratings to a network, record its units, measure their tuning, compare with macaque V1::

    import insilico

    model = insilico.load_model("torchvision:resnet50", weights="pretrained")
    results = insilico.run(model, layers=["layer1"], battery="standard")
    print(results.comparison)
    results.save("results/resnet50")
"""

from insilico import reference
from insilico.comparison.table import compare
from insilico.errors import UserError
from insilico.experiments.protocol import Battery, Protocol
from insilico.models import ModelCard, load_model
from insilico.predictivity import NeuralData, Predictivity, open_neurons, predict
from insilico.recording.probe import Probe
from insilico.reference import ReferenceDistribution
from insilico.runs.results import Results, open_results
from insilico.runs.run import run
from insilico.tuning.fits import fit_curve

__all__ = [
    "Battery",
    "ModelCard",
    "NeuralData",
    "Predictivity",
    "Probe",
    "Protocol",
    "ReferenceDistribution",
    "Results",
    "UserError",
    "compare",
    "fit_curve",
    "load_model",
    "open_neurons",
    "open_results",
    "predict",
    "reference",
    "run",
]
