"""What this project computes for each case of a file of components, for `conformance.py`.

One function for each kind of case. It takes the arrays of the case and returns what is computed
from them under the names that the file gives to what it expects.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from insilico.models.components import (
    CenterSurround,
    CorticalMagnification,
    DivisiveNormalization,
    LocallyConnected2d,
    TunedNormalization,
)
from insilico.models.components.polar import released_cells
from insilico.models.components.subcortical import SubcorticalBlock
from insilico.models.constrained.resnet import ConstrainedResNet, named_network
from insilico.models.front_ends.gabors import (
    gabor_filters,
    sample_evnet_parameters,
    sample_gabor_parameters,
)
from insilico.models.front_ends.vone import VOneBlock, add_noise

Array = np.ndarray[Any, np.dtype[Any]]
Case = dict[str, Array]
Found = dict[str, Any]

# Largest difference relative to the largest value expected, where it is not that of float64.
FLOAT64 = 1e-9
TOLERANCES = {
    "gabor_q0": 1e-6,
    "gabor_q1": 1e-6,
    "subcortical": 1e-5,
    "network": 1e-5,
}


def tolerance(component: str, name: str) -> float:
    """How much a value may differ."""
    return TOLERANCES.get(name, TOLERANCES.get(component, FLOAT64))


def dog(case: Case) -> Found:
    names = ("sigma1", "sigma2_scale", "total_scale")
    component = CenterSurround(len(case["sigma1"]), radius=int(case["k"]), mode="as_released")
    _fill(component, {name: case[name] for name in names})
    return {"kernels": component.kernels(), "y": component(_tensor(case["x"]))}


def tuned_normalization(case: Case) -> Found:
    component = TunedNormalization(len(case["sigmas"]), mode="as_released")
    _fill(component, {"sigmas": case["sigmas"]})
    return {"weights": component.weights(), "y": component(_tensor(case["x"]))}


def divisive_normalization(case: Case) -> Found:
    names = ("A", "rho", "sigma", "theta", "v", "w", "bias")
    component = DivisiveNormalization(
        len(case["A"]), kernel_size=int(case["k"]), mode="as_released"
    )
    _fill(component, {name: case[name] for name in names})
    return {"kernels": component.kernels(), "y": component(_tensor(case["x"]))}


def local(case: Case) -> Found:
    outputs, inputs, height, width, _ = case["weight"].shape
    component = LocallyConnected2d(
        inputs,
        outputs,
        (height, width),
        kernel_size=int(case["kernel_size"]),
        bias="bias" in case,
        mode="as_released",
    )
    _fill(component, {name: case[name] for name in ("weight", "bias") if name in case})
    return {"y": component(_tensor(case["x"]))}


def polar(case: Case) -> Found:
    maps, edges, sectors = case["x"], case["ring_edges"], int(case["n_sectors"])
    batch, channels, height, width = maps.shape
    rows, columns = case["output_size"].tolist()
    component = CorticalMagnification(
        (height, width),
        output_size=(rows, columns),
        mode="as_released",
        antialias=bool(case["antialias"]),
        pad_radius=bool(case["pad_radius"]),
        ring_edges=tuple(edges.tolist()),
        sectors=sectors,
        dtype=torch.float64,
    )
    cells = released_cells((height, width), edges=edges, sectors=sectors)
    averages = maps.reshape(batch * channels, -1) @ cells.T
    return {
        "cells": averages.reshape(batch, channels, -1, sectors),
        "y": component(_tensor(maps)),
    }


def voneblock(case: Case) -> Found:
    block = _gabor_block(case, ("channel_q0", "channel_q1"), colours=3)
    rates = block(_tensor(case["x"]))
    found = {"gabor_q0": _gabors(case, 0), "gabor_q1": _gabors(case, 90), "y": rates}
    if "noise" in case:
        noisy = add_noise(
            rates,
            _tensor(case["noise"]),
            noise=str(case["noise_mode"]),
            scale=float(case["noise_scale"]),
            level=float(case["noise_level"]),
        )
        found["y_noise"] = noisy.relu()
    return found


def evnet_voneblock(case: Case) -> Found:
    block = _gabor_block(case, ("channel", "channel"), colours=case["x"].shape[1])
    rates = block(_tensor(case["x"]))
    found = {"gabor_q0": _gabors(case, 0), "gabor_q1": _gabors(case, 90), "y": rates}
    if "noise" in case:
        scale = float(case["fano_factor"])
        found["y_noise"] = add_noise(rates, _tensor(case["noise"]), noise="fano", scale=scale)
    return found


def gabor_parameters(case: Case) -> Found:
    options = {
        "seed": int(case["seed"]),
        "spatial_frequency_max": float(case["sf_max"]),
        "spatial_frequency_min": float(case["sf_min"]),
        "correlation": float(case["sf_corr"]),
    }
    if str(case["package"]) == "evnet":
        drawn = sample_evnet_parameters(
            int(case["n_simple"]),
            int(case["n_complex"]),
            channels=int(case["in_channels"]),
            proportions=tuple(case["color_prob"].tolist()),
            **options,
        )
    else:
        drawn = sample_gabor_parameters(int(case["n"]), **options)
    names = {
        "sf": "spatial_frequency",
        "theta": "orientation",
        "phase": "phase",
        "nx": "cycles_across",
        "ny": "cycles_along",
        "channel": "colour",
    }
    return {theirs: drawn[ours] for theirs, ours in names.items()}


def subcortical(case: Case) -> Found:
    adaptation = str(case["light_adaptation"])
    block = SubcorticalBlock(
        pixels=int(case["image_size"]),
        degrees=float(case["visual_degrees"]),
        parvo=bool(case["p_channels"]),
        magno=bool(case["m_channels"]),
        light_adaptation=None if adaptation == "none" else adaptation,
    )
    images = torch.tensor(case["x"])
    adapted = block.adapted(images)
    responses = block(images)
    found: Found = {
        "adapted": adapted,
        "dog": torch.cat([pathway.drive(adapted) for pathway in block.pathways], dim=1),
        "y": responses,
        "kernel_dog": [pathway.center_surround.shape[-1] for pathway in block.pathways],
        "kernel_cn": [pathway.pool.shape[-1] for pathway in block.pathways],
    }
    if "noise" in case:
        found["y_noise"] = block.add_noise(
            responses, torch.tensor(case["noise"]), fano_factor=float(case["fano_factor"])
        )
    return found


def network(case: Case) -> Found:
    model = named_network(str(case["model"]), mode="as_released").double().eval()
    lacking, unknown = model.load_state_dict(
        model.translate_weights(_made_weights(case)), strict=False
    )
    lacking = [name for name in lacking if not name.endswith("num_batches_tracked")]
    if lacking or unknown:
        raise ValueError(f"weights not in the file: {lacking}; not in the network: {unknown}")
    kept: list[Tensor] = []
    model.layer1.register_forward_hook(lambda *passed: kept.append(passed[2]))
    logits = model(_tensor(case["x"]))
    n_trainable = sum(parameter.numel() for parameter in model.parameters())
    return {
        "layer1": kept[0][:, torch.tensor(case["layer1_channels"])],
        "logits": logits,
        "n_trainable": n_trainable,
        "n_total": n_trainable + _released_constants(model),
    }


KINDS: dict[str, Callable[[Case], Found]] = {
    "dog": dog,
    "tuned_normalization": tuned_normalization,
    "divisive_normalization": divisive_normalization,
    "local": local,
    "polar": polar,
    "voneblock": voneblock,
    "evnet_voneblock": evnet_voneblock,
    "gabor_parameters": gabor_parameters,
    "subcortical": subcortical,
    "network": network,
}

# What a file expects; all other arrays are settings.
EXPECTED = frozenset(
    (
        *("y", "y_noise", "kernels", "weights", "cells", "gabor_q0", "gabor_q1"),
        *("adapted", "dog", "kernel_dog", "kernel_cn"),
        *("layer1", "logits", "n_trainable", "n_total"),
    )
)
EXPECTED_OF = {"gabor_parameters": frozenset(("sf", "theta", "phase", "nx", "ny", "channel"))}


def _tensor(values: Array) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _fill(component: nn.Module, values: Case) -> None:
    """Set parameters, in any shape of as many numbers, in double precision."""
    component.double()
    for name, value in values.items():
        parameter = component.get_parameter(name)
        parameter.copy_(_tensor(value).reshape(parameter.shape))


def _gabors(case: Case, turn: float) -> Array:
    return gabor_filters(
        orientation=np.rad2deg(case["theta"]),
        spatial_frequency=case["sf"],
        phase=np.rad2deg(case["phase"]) + turn,
        sigma_across=case["sigma_x"],
        sigma_along=case["sigma_y"],
        kernel_size=int(case["ksize"]),
    )


def _gabor_block(case: Case, channels: tuple[str, str], *, colours: int) -> VOneBlock:
    """A block with the filters of the file, in its precision, loaded as published weights are."""
    simple, complex_ = int(case["simple_channels"]), int(case["complex_channels"])
    block = VOneBlock(
        simple_channels=simple,
        complex_channels=complex_,
        kernel_size=int(case["ksize"]),
        stride=int(case["stride"]),
        gain=float(case["gain"]),
        colours=colours,
        gabors=sample_gabor_parameters(simple + complex_).assign(colour=0),
    ).double()
    state = {
        f"simple_conv_{bank}.weight": _on_channel(case[f"gabor_{bank}"], case[channel], colours)
        for bank, channel in zip(("q0", "q1"), channels, strict=True)
    }
    block.load_state_dict(state)
    return block


def _on_channel(filters: Array, channel: Array, channels: int) -> Tensor:
    n, rows, columns = filters.shape
    weight = torch.zeros(n, channels, rows, columns, dtype=torch.float64)
    weight[torch.arange(n), torch.tensor(channel)] = _tensor(filters)
    return weight


def _made_weights(case: Case) -> dict[str, Tensor]:
    """The weights of a network, by the recipe of the file."""
    state = {}
    settings = zip(case["keys"], case["shapes"], case["scale"], case["offset"], strict=True)
    for index, (key, shape, scale, offset) in enumerate(settings):
        # The legacy generator on purpose: only its stream reproduces the weights.
        stream = np.random.RandomState(1000 * int(case["seed"]) + index)
        normal = stream.standard_normal([int(side) for side in str(shape).split(",") if side])
        state[str(key)] = torch.tensor(normal.astype(np.float32) * scale + offset)
    return state


def _released_constants(model: ConstrainedResNet) -> int:
    """How many constants the release counts as parameters: distances, and biases of zero."""
    count = 0
    for module in model.modules():
        if isinstance(module, CenterSurround):
            count += module.squared_distances.numel() + module.filtered
        if isinstance(module, TunedNormalization):
            count += module.channel_distances.numel()
    return count
