"""
Predicting recorded neurons
===========================

How well does a layer predict recorded responses, and which layer does it best? Here on neurons for
which the answer is known.
"""

# %%
# A small untrained network stands for the visual system. It is shown the textures that the package
# ships, 4 deg wide.

from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import torch
import xarray as xr
from PIL import Image
from torch import nn

import insilico
from insilico.figures import TWO_COLUMNS, style
from insilico.figures.predictivity import layer_scores, neuron_scores
from stimuli import Display, photographs
from stimuli.textures.sets import shipped

torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(1, 12, 9, stride=6),
    nn.ReLU(),
    nn.Conv2d(12, 16, 3),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3),
    nn.ReLU(),
)
layers = ["1", "3", "5"]

pictures = shipped().levels
kinds = np.repeat(["noise", "texture"], pictures[0, :, :, 0, 0].size)
folder = Path(mkdtemp())
files = []
for number, levels in enumerate(pictures.reshape(-1, *pictures.shape[-2:])):
    files.append(folder / f"{number}.png")
    Image.fromarray(levels).save(files[-1])

# %%
# Imaginary neurons are driven by the first layer, up to a share of their variance that we choose;
# the rest of it follows the pictures too, but not by anything that the network computes. Each
# picture is shown 20 times, with noise from trial to trial: little in some neurons, much in others.

display = Display.square(pixels=48, degrees=4, background=128 / 255)
shown = photographs(display, files, degrees=4).images(slice(None))
with torch.no_grad():
    features = network[:2](shown).flatten(1).double().numpy()
left, size, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
rng = np.random.default_rng(0)


def standard(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)


n_images, n_neurons, n_repetitions = len(files), 100, 20
share = np.linspace(0, 1, n_neurons)  # of the explainable variance
known = standard(left[:, :6] @ rng.normal(size=(6, n_neurons)))
unknown = standard(rng.normal(size=(n_images, n_neurons)))
signal = np.sqrt(share) * known + np.sqrt(1 - share) * unknown
noise = rng.uniform(0.5, 4, size=(n_neurons, 1))  # of a trial, relative to the signal
trials = signal[..., None] + noise * rng.normal(size=(*signal.shape, n_repetitions))

responses = xr.DataArray(
    trials,
    dims=("stimulus", "neuron", "repetition"),
    coords={
        "stimulus": [file.stem for file in files],
        "neuron": np.arange(n_neurons).astype(str),
        "stratum": ("stimulus", kinds),
    },
)
data = insilico.NeuralData("imaginary", responses, tuple(files), degrees=4)

# %%
# `insilico.predict` does the published procedure on each layer: ten splits, and a linear map
# learned from nine tenths of the pictures. The first layer wins, as it should.

found = insilico.predict(
    network, data, layers, mapping="ridge", pixels=48, degrees=4, n_resamples=200
)
columns = ["layer", "r", "ceiling", "explained_variance", "explained_variance_before_2026"]
print(found.layers[columns].round(3).to_string(index=False))
scores = layer_scores(found.layers)

# %%
# The ceiling is the reliability of the mean of 20 trials, the median of all neurons. In theory it
# is

print(np.median(1 / (1 + noise**2 / n_repetitions)).round(3))

# %%
# Neuron by neuron, r squared over the ceiling recovers the share that we chose. It falls a little
# short, for 405 pictures do not tell the map to the last digit; where the share is 0, chance alone
# remains. Divided by the ceiling twice, as was usual before 2026, a perfect model would have more
# than 1.

best = found.neurons.query("layer == '1'")
with style():
    figure, ax = plt.subplots(figsize=(TWO_COLUMNS / 2, 2.8), layout="constrained")
    ax.axline((0, 0), slope=1, color="0.7", linewidth=0.8)
    rules = {
        "r² / ceiling": best["explained_variance"],
        "(r / ceiling)²": best["explained_variance"] / best["ceiling"],
    }
    for (label, values), marker in zip(rules.items(), "os", strict=True):
        ax.plot(share, values, marker, markersize=2.5, alpha=0.7, label=label)
    ax.set(xlabel="True share of the explainable variance", ylabel="Recovered")
    ax.legend()

# %%
# The same against the largest r that the noise of each neuron allows.

neurons = neuron_scores(best)

# %%
# The fitted readouts are digital neurons: a model like any other, which can be shown what the
# neurons never were.

twins = found.fit_neurons()
print(tuple(twins(torch.rand(2, 1, 48, 48)).shape))
