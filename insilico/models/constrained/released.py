"""Names of weights in released checkpoints, and what they are called here."""

import re
from collections.abc import Mapping

from torch import Tensor

__all__ = ["constrained_names", "evnet_names"]

# Constants of the constrained networks, which follow from the settings.
_CONSTANTS = re.compile(
    r"^(?:lpp|3)\.pooling_mask(?:s|_counts)$"
    r"|\.dog_conv\.(?:kernel_dists|bias)$"
    r"|\.dn\.(?:channel_distances|x_coords|y_coords)$"
)

# The release of magnification alone is a sequence, whose parts are numbered.
_NUMBERED = {"0": "conv1", "1": "bn1", **{f"{n + 3}": f"layer{n}" for n in range(1, 5)}, "10": "fc"}

_RENAMED = (
    (re.compile(r"^(layer1\.\d+\.conv2\.)(?:dog|1)\.dog_conv\."), r"\1center_surround."),
    (re.compile(r"^(layer1\.\d+\.conv2\.)0\.weight$"), r"\1conv.weight"),
    (re.compile(r"^(layer1\.\d+\.conv2\.)1\.weight$"), r"\1local.weight"),
    (re.compile(r"^(layer1\.\d+\.)dn\."), r"\1normalization."),
)

# Axes of the weights of a local receptive field; those of a shared convolution are 4.
LOCAL_AXES = 6

_EVNET = {
    "k_exc": "gain",
    "contrast_norm.c50": "semisaturation",
    "contrast_norm.n": "exponent",
}
_EVNET_KERNELS = re.compile(r"^(dog|contrast_norm)\.multi_conv\.convs\.(\d)\.weight$")


def constrained_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate a checkpoint of Pogoncheff, Granley & Beyeler (2023).

    Parameters
    ----------
    state : mapping of str to Tensor
        Weights under released names, or under those of `ConstrainedResNet`, which stay.

    Returns
    -------
    dict of str to Tensor
        Without the constants of the architecture.

    Examples
    --------
    >>> released = ("layer1.0.dn.sigmas", "layer1.0.dn.channel_distances")
    >>> list(constrained_names(dict.fromkeys(released, Tensor([1.0]))))
    ['layer1.0.normalization.sigmas']
    """
    kept = {name: value for name, value in state.items() if not _CONSTANTS.search(name)}
    if "0.weight" in kept:
        parts = [(name.partition("."), value) for name, value in kept.items()]
        kept = {f"{_NUMBERED.get(n, n)}.{rest}": value for (n, _, rest), value in parts}
    return {_constrained_name(name, value): value for name, value in kept.items()}


def _constrained_name(name: str, value: Tensor) -> str:
    for released, own in _RENAMED:
        name = released.sub(own, name)
    # In the composites, a shared convolution has the same name.
    if name.endswith(".conv2.weight") and value.ndim == LOCAL_AXES:
        return name.replace(".conv2.weight", ".conv2.local.weight")
    return name


def evnet_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate a checkpoint of Piper, Oliveira & Marques (2025).

    Parameters
    ----------
    state : mapping of str to Tensor
        Weights under released names, or under those of `EVNet`, which stay.

    Returns
    -------
    dict of str to Tensor
    """
    return dict(_evnet_item(name, value) for name, value in state.items())


def _evnet_item(name: str, value: Tensor) -> tuple[str, Tensor]:
    before, block, rest = name.partition("subcorticalblock.")
    if before not in ("", "evblock.") or not block:
        return name, value
    if rest in _EVNET:
        return f"{before}{block}{_EVNET[rest]}", value.reshape(-1, 1, 1)
    kernels = _EVNET_KERNELS.match(rest)
    if kernels:
        kind = "center_surround" if kernels[1] == "dog" else "pool"
        return f"{before}{block}pathways.{kernels[2]}.{kind}", value
    return name, value
