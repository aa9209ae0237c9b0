"""How well the layers of a model predict the responses of neurons to pictures."""

from insilico.predictivity.neurons import NeuralData, open_neurons
from insilico.predictivity.prediction import Predictivity, predict

__all__ = ["NeuralData", "Predictivity", "open_neurons", "predict"]
