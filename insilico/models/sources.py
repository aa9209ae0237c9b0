"""What a user asks for, and the networks of torchvision and timm."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from torch import nn

from insilico.errors import UserError
from insilico.models.card import ModelCard, input_channels
from insilico.own_code import nearest
from stimuli import Display

__all__ = ["Loaded", "Request", "made", "timm", "torchvision"]

DEFAULT_PIXELS = 224
DEFAULT_DEGREES = 8.0

# Of the photographs on which almost every published network was trained (ImageNet).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Request:
    """What a user asked for, beside the name of the model; None where nothing was said.

    ``trust_code`` is whether code that a file names may be run.
    """

    spec: str
    pretrained: bool
    pixels: int | None
    degrees: float | None
    seed: int
    options: Mapping[str, Any]
    trust_code: bool = False

    def display(self, pixels: int = DEFAULT_PIXELS, degrees: float = DEFAULT_DEGREES) -> Display:
        """Make the display, with the model's own size where nothing was asked for."""
        try:
            return Display.square(
                pixels if self.pixels is None else self.pixels,
                degrees if self.degrees is None else self.degrees,
            )
        except ValueError as error:
            raise UserError(str(error)) from error


Loaded = tuple[nn.Module, ModelCard]


def torchvision(name: str, request: Request) -> Loaded:
    """Load a network of torchvision, with random or published weights."""
    from torchvision.models import get_model, get_model_weights, list_models

    if name not in list_models():
        raise UserError(f"torchvision has no model {name!r}. {nearest(name, list_models())}")
    mean, std, pixels = IMAGENET_MEAN, IMAGENET_STD, DEFAULT_PIXELS
    published = None
    if request.pretrained:
        published = get_model_weights(name).DEFAULT
        transforms = published.transforms()
        mean, std = (
            tuple(getattr(transforms, what, default))
            for what, default in (("mean", mean), ("std", std))
        )
        pixels = getattr(transforms, "crop_size", [pixels])[0]
    with _downloading(request):
        model = made(
            lambda **options: get_model(name, **options),
            request.spec,
            request.options,
            weights=published,
        )
    card = ModelCard(
        name=request.spec,
        display=request.display(pixels),
        layers=_v1_layers(name, model),
        weights=(
            f"pretrained by torchvision: {published.name}"
            if published is not None
            else f"random, seed {request.seed}"
        ),
        trained=published is not None,
        mean=mean,
        std=std,
        channels=input_channels(model) or 3,
    )
    return model, card


def timm(name: str, request: Request) -> Loaded:
    """Load a network of timm, with random or published weights."""
    try:
        import timm
    except ModuleNotFoundError as error:
        raise UserError(
            f"{request.spec} needs the package timm, which is not installed: "
            "pip install 'insilico-ephys[timm]'."
        ) from error
    if not timm.is_model(name):
        raise UserError(f"timm has no model {name!r}. {nearest(name, timm.list_models())}")
    with _downloading(request):
        model = made(
            lambda **options: timm.create_model(name, **options),
            request.spec,
            request.options,
            pretrained=request.pretrained,
        )
    published: Any = model.pretrained_cfg
    card = ModelCard(
        name=request.spec,
        display=request.display(published["input_size"][-1]),
        layers=_v1_layers(name, model),
        weights=(
            f"pretrained by timm: {published.get('tag') or name}"
            if request.pretrained
            else f"random, seed {request.seed}"
        ),
        trained=request.pretrained,
        mean=tuple(published["mean"]),
        std=tuple(published["std"]),
        channels=input_channels(model) or 3,
    )
    return model, card


def made(
    make: Callable[..., nn.Module], name: str, options: Mapping[str, Any], **fixed: Any
) -> nn.Module:
    """Make a model, with options that its maker may not know.

    Parameters
    ----------
    make : callable
        What makes it.
    name : str
        What the user calls it, for error messages.
    options : mapping
        What the user said.
    **fixed : Any
        What the user cannot say as an option.

    Returns
    -------
    nn.Module

    Raises
    ------
    UserError
        If an option is unknown, or fixed.
    """
    both = sorted(set(options) & set(fixed))
    if both:
        raise UserError(f"{name}: {', '.join(both)} cannot be given as an option.")
    known = _options(make, fixed)
    unknown = [option for option in options if known is not None and option not in known]
    if unknown:
        raise UserError(f"{name} has no option {unknown[0]!r}. {nearest(unknown[0], known or ())}")
    try:
        return make(**fixed, **options)
    except TypeError as error:
        if not options:
            raise
        raise UserError(f"{name} does not take the options {dict(options)}: {error}.") from error


def _options(make: Callable[..., Any], fixed: Mapping[str, Any]) -> list[str] | None:
    """Name what may be given to a function by name; None where that is anything."""
    taken = signature(make).parameters.values()
    if any(each.kind is Parameter.VAR_KEYWORD for each in taken):
        return None
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [each.name for each in taken if each.kind in named and each.name not in fixed]


def _v1_layers(name: str, model: nn.Module) -> tuple[str, ...]:
    """Name the layer that is by custom taken for V1, where there is a custom.

    For AlexNet and VGG the layers to which Brain-Score commits V1 (the end of the first and of the
    third block); for residual networks the first of four stages, whose receptive fields at 28
    px/deg span a degree or so.
    """
    if name.startswith(("resnet", "resnext", "wide_resnet")) and hasattr(model, "layer1"):
        return ("layer1",)
    block = 1 if name == "alexnet" else 3 if name.startswith("vgg") else None
    pools = [layer for layer, module in model.named_modules() if isinstance(module, nn.MaxPool2d)]
    return (pools[block - 1],) if block is not None and len(pools) >= block else ()


@contextmanager
def _downloading(request: Request) -> Iterator[None]:
    """Turn whatever a failed download raises into one sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not request.pretrained:
            raise
        raise UserError(
            f"the pretrained weights of {request.spec} could not be fetched "
            f"({type(error).__name__}: {error}). Without a network, give a file of weights."
        ) from error
