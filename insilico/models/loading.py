"""load_model: from what a user types to a module that can be recorded."""

import dataclasses
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from insilico.checks import check_asked
from insilico.errors import UserError
from insilico.models.built_in import BUILT_IN
from insilico.models.card import attach
from insilico.models.digital import open_digital
from insilico.models.monitor import read_monitor
from insilico.models.own import from_file, from_module
from insilico.models.sources import Loaded, Request, timm, torchvision
from insilico.models.weights import load_weights
from insilico.recording.forward import per_channel

__all__ = ["load_model"]

PRETRAINED = "pretrained"

# Of the names in BUILT_IN, those of one family are not listed one by one.
FORMS = (
    "vone, textbook, textbook:normalization, textbook:control, textbook:colour, "
    "textbook:border_ownership, textbook:log_polar, motion_energy, mechanistic_v1, vone_resnet50, "
    "mechanistic_resnet50, evnet_resnet50, vone_dn, constrained_resnet, resnet50_COMPONENT, "
    "resnet50_composite_LETTER, "
    "torchvision:NAME, timm:NAME, digital:FOLDER, package.module:function or "
    "path/to/file.py:function"
)

SOURCES: Mapping[str, Callable[[str, Request], Loaded]] = {
    **BUILT_IN,
    "torchvision": torchvision,
    "timm": timm,
    # Neurons are read out of a model that is loaded the same way.
    "digital": lambda name, request: open_digital(name, request, load=load_model),
    "module": from_module,
    "file": from_file,
}


def load_model(
    spec: str,
    weights: Path | str | None = None,
    *,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    degrees: float | None = None,
    pixels: int | None = None,
    channels: int | None = None,
    monitor: Path | str | Mapping[str, Any] | None = None,
    layers: Sequence[str] | None = None,
    device: torch.device | str | None = None,
    seed: int = 0,
    trust_code: bool = False,
    **options: Any,
) -> nn.Module:
    """Load a model that normalises for itself and carries its display and its V1 layers.

    Parameters
    ----------
    spec : str
        A model of this package (``vone``, ``textbook``, ``evnet_resnet50``,
        ``resnet50_composite_a``, ...); ``torchvision:NAME``; ``timm:NAME``; ``digital:FOLDER``
        for neurons that `insilico.predict` fitted;
        ``package.module:function`` or ``path/to/file.py:function``. A function is called without
        arguments, and returns an `nn.Module`, or a callable from a float32 array (batch, channel,
        height, width) to an array. The name may also be that of an `nn.Module`, which is copied.
    weights : Path or str, optional
        A ``.pth``, ``.pt``, ``.ckpt``, ``.bin`` or ``.safetensors`` file, which is read without
        running code in it (``FILE#NAME`` where it holds several sets of weights); or
        ``"pretrained"`` for a download by torchvision or timm. By default, networks have random
        weights, drawn from ``seed``.
    mean, std : sequence of float or float, optional
        Normalisation of images in [0, 1]. That of ImageNet for torchvision, the model's own for
        timm, none for models of your own.
    degrees : float, optional
        Side of the visual field, in deg; 8 or the model's own by default.
    pixels : int, optional
        Side of the input, in px; 224 or the model's own by default.
    channels : int, optional
        Image channels that the model takes; by default those of its first convolution, or 3.
    monitor : path or mapping, optional
        What the display emits and cones see of it, as a TOML file says it: see
        `insilico.models.monitor.read_monitor`. Any display by default: the model is given
        luminances, and cones are those of sRGB.
    layers : sequence of str, optional
        The layers that stand for V1.
    device : torch device, optional
        Where the model goes.
    seed : int
        For random weights, and for built-in models that draw their parameters. The global random
        state is left as it was.
    trust_code : bool
        Whether a folder of digital neurons may name a model that is code of its own: that code is
        then run with all your rights. Built-in models, and those of torchvision and timm, need no
        trust; a name in ``spec`` is your own word.
    **options : Any
        Passed on to what makes the model, as in ``load_model("vone", mode="as_released")``.

    Returns
    -------
    nn.Module
        In evaluation mode, with an attribute ``card``, a `ModelCard`.

    Raises
    ------
    UserError
        If there is no such model, or its weights, options or display do not fit it.

    Examples
    --------
    >>> model = load_model("torchvision:resnet18", degrees=4)
    >>> model.card.layers, model.card.trained, model.card.display.px_per_deg
    (('layer1',), False, 56.0)
    """
    check_asked(degrees=degrees, pixels=pixels, channels=channels, seed=seed, mean=mean, std=std)
    source, name = _parse(spec)
    request = Request(spec, weights == PRETRAINED, pixels, degrees, seed, options, trust_code)
    if request.pretrained and source not in ("torchvision", "timm"):
        raise UserError(
            f"'pretrained' is a download by torchvision or timm, and {spec} is neither. Give a "
            "file of weights, or leave weights out."
        )
    if monitor is not None and source == "digital":
        raise UserError(
            "digital neurons were fitted to what a model saw on one monitor: leave monitor out."
        )
    screen = {} if monitor is None else read_monitor(monitor)
    with _seeded(seed):
        model, card = SOURCES[source](name, request)
    if weights is not None and not request.pretrained:
        card = dataclasses.replace(card, weights=load_weights(model, weights), trained=True)
    taken = channels or card.channels
    card = dataclasses.replace(
        card,
        display=dataclasses.replace(card.display, **screen),
        layers=card.layers if layers is None else tuple(layers),
        channels=taken,
        mean=_normalisation("mean", mean, card.mean, taken),
        std=_normalisation("std", std, card.std, taken),
        arguments={
            "spec": spec,
            "weights": None if weights is None else str(weights),
            "mean": mean,
            "std": std,
            "degrees": degrees,
            "pixels": pixels,
            "channels": channels,
            "monitor": screen or None,
            "seed": seed,
            **options,
        },
    )
    return attach(_to(model.eval(), device), card)


def _parse(spec: str) -> tuple[str, str]:
    """Tell the source of a model, a key of `SOURCES`, and the rest of the name."""
    if spec in BUILT_IN:
        return spec, spec
    head, colon, name = spec.rpartition(":")
    if not colon or not head or not name:
        raise UserError(f"there is no model {spec!r}. {_guess(spec)}A model is {FORMS}.")
    if spec.startswith("digital:"):
        return "digital", spec.removeprefix("digital:")
    if head in ("torchvision", "timm"):
        return head, name
    if head.endswith(".py"):
        return "file", spec
    if all(part.isidentifier() for part in head.split(".")):
        return "module", spec
    raise UserError(f"there is no model {spec!r}. A model is {FORMS}.")


def _guess(spec: str) -> str:
    from torchvision.models import list_models

    if spec.rstrip(":").endswith(".py"):
        return f"Name the function that makes it, as in {spec.rstrip(':')}:FUNCTION. "
    if spec in list_models():
        return f"Did you mean torchvision:{spec}? "
    near = difflib.get_close_matches(spec, BUILT_IN, n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _normalisation(
    name: str,
    asked: Sequence[float] | float | None,
    own: tuple[float, ...],
    channels: int,
) -> tuple[float, ...]:
    if asked is not None:
        return per_channel(name, asked, channels)
    if len(own) == channels:
        return own
    # Published for three channels, and the model was built with another number.
    return (sum(own) / len(own),) * channels


def _to(model: nn.Module, device: torch.device | str | None) -> nn.Module:
    if device is None:
        return model
    try:
        return model.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"device {str(device)!r} cannot be used ({reason}). Use 'cpu', or 'cuda' where torch "
            "finds a GPU."
        ) from error


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch, and restore its random state afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
