"""Models of this package, by name."""

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from torch import nn

from insilico.models.card import ModelCard
from insilico.models.sources import Loaded, Request, made
from stimuli import Display

__all__ = ["BUILT_IN"]

# On images in [0, 1]; what the authors of all these networks used.
HALF = (0.5,) * 3

VONE = "Dapello, Marques, Schrimpf, Geiger, Cox & DiCarlo (2020), NeurIPS 33"
EVNET = "Piper, Oliveira & Marques (2025), NeurIPS 38"
VONE_DN = "Cirincione et al. (2022), SVRHM workshop at NeurIPS"
CONSTRAINED = "Pogoncheff, Granley & Beyeler (2023), NeurIPS 36"

# Side of the images of the constrained networks, in px, and of those of EVNet, in deg.
CONSTRAINED_PIXELS = 64
EVNET_DEGREES = 7.0
VONE_DN_PIXELS = 256

# The normalized cells have hundreds of filters each, which small images make affordable.
NORMALIZATION_PIXELS, NORMALIZATION_DEGREES = 96, 6.0

# So have those that look for the ends of figures, and those all over the display.
BORDER_PIXELS, BORDER_DEGREES = 64, 6.0

# A movie is as many pictures as it has frames.
MOTION_PIXELS, MOTION_DEGREES = 64, 6.0


def _vone(name: str, request: Request) -> Loaded:
    """Load the front end of VOneNet."""
    from insilico.models.front_ends.vone import VOneBlock

    model, display = _sized(VOneBlock, name, request)
    card = ModelCard(
        name=name,
        display=display,
        layers=("output",),
        weights=f"published parameter distributions, seed {request.seed}",
        trained=True,
        mean=HALF,
        std=HALF,
        citation=VONE,
        drawn_in_degrees=True,
    )
    return model, card


def _textbook(name: str, request: Request) -> Loaded:
    """Load V1 units whose tuning is known in closed form."""
    from insilico.models.textbook.module import Textbook

    return _known(Textbook, name, request, request.display())


def _normalization(name: str, request: Request) -> Loaded:
    """Load cells with known normalization and surrounds, or the same cells without them."""
    from insilico.models.textbook.normalization import NormalizedPopulation

    display = request.display(NORMALIZATION_PIXELS, NORMALIZATION_DEGREES)
    normalized = name == "textbook:normalization"
    return _known(NormalizedPopulation, name, request, display, normalized=normalized)


def _colour(name: str, request: Request) -> Loaded:
    """Load single- and double-opponent cells of known cone weights."""
    from insilico.models.textbook.colour import ColourOpponent

    display = request.display(NORMALIZATION_PIXELS, NORMALIZATION_DEGREES)
    return _known(ColourOpponent, name, request, display, channels=3)


def _border_ownership(name: str, request: Request) -> Loaded:
    """Load complex cells that know, to a known degree, on which side the figure lies."""
    from insilico.models.textbook.border import BorderOwners

    return _known(BorderOwners, name, request, request.display(BORDER_PIXELS, BORDER_DEGREES))


def _log_polar(name: str, request: Request) -> Loaded:
    """Load complex cells whose fields grow with eccentricity."""
    from insilico.models.textbook.log_polar import LogPolar

    return _known(LogPolar, name, request, request.display(BORDER_PIXELS))


def _motion_energy(name: str, request: Request) -> Loaded:
    """Load direction-selective units for movies, known in closed form."""
    from insilico.models.motion_energy.module import MotionEnergy

    model, _ = _sized(MotionEnergy, name, request, pixels=MOTION_PIXELS, degrees=MOTION_DEGREES)
    assert isinstance(model, MotionEnergy)
    card = ModelCard(
        name=name,
        display=model.display,
        layers=("v1",),
        weights=f"known parameters, seed {request.seed}",
        trained=True,
        mean=(0.0,),
        std=(1.0,),
        channels=1,
        citation="Adelson & Bergen (1985), J. Opt. Soc. Am. A 2",
        time="channel_first",
        drawn_in_degrees=True,
    )
    return model, card


def _mechanistic_v1(name: str, request: Request) -> Loaded:
    """Load V1 units made of mechanisms."""
    from insilico.models.mechanistic.module import MechanisticV1

    model, display = _sized(MechanisticV1, name, request)
    as_fitted = "hyper_parameters" not in request.options
    card = ModelCard(
        name=name,
        display=display,
        layers=("output",),
        weights=f"no weights: parameters drawn from distributions, seed {request.seed}",
        trained=True,
        mean=(0.5,),
        std=(0.5,),
        channels=1,
        drawn_in_degrees=True,
        record=_how_it_was_fitted() if as_fitted else {},
    )
    return model, card


def _how_it_was_fitted() -> Mapping[str, Any]:
    """Tables that docs/mechanistic_record.py makes of what was measured."""
    file = resources.files("insilico.models.mechanistic") / "record.json"
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _vone_resnet50(name: str, request: Request) -> Loaded:
    """Load VOneNet, random behind its front end."""
    from insilico.models.front_ends.networks import vone_resnet50

    model, display = _sized(vone_resnet50, name, request)
    card = ModelCard(
        name=name,
        display=display,
        layers=("vone_block",),
        weights=_random_behind("vone_block", request),
        trained=False,
        mean=HALF,
        std=HALF,
        citation=VONE,
        drawn_in_degrees=True,
    )
    return model, card


def _mechanistic_resnet50(name: str, request: Request) -> Loaded:
    """Load the mechanistic V1 before a ResNet-50, random behind it."""
    from insilico.models.front_ends.mechanistic import mechanistic_resnet50

    model, display = _sized(mechanistic_resnet50, name, request)
    card = ModelCard(
        name=name,
        display=display,
        layers=("v1",),
        weights=f"no weights in v1 and random ones behind, seed {request.seed}",
        trained=False,
        mean=(0.5,),
        std=(0.5,),
        channels=1,
        citation=VONE,
        drawn_in_degrees=True,
    )
    return model, card


def _evnet_resnet50(name: str, request: Request) -> Loaded:
    """Load EVNet, random behind its front end."""
    from insilico.models.front_ends.networks import EVNET_VARIANTS, evnet_resnet50

    model, display = _sized(evnet_resnet50, name, request, degrees=EVNET_DEGREES)
    variant = EVNET_VARIANTS[request.options.get("variant", "standard")]
    v1 = "evblock.voneblock" if variant.to_v2 else "voneblock"
    adapts = variant.subcortical.get("light_adaptation", "mean") is not None
    card = ModelCard(
        name=name,
        display=display,
        layers=(v1,),
        weights=_random_behind("subcorticalblock and voneblock", request),
        trained=False,
        # Light adaptation takes luminances.
        mean=(0.0,) * 3 if adapts else HALF,
        std=(1.0,) * 3 if adapts else HALF,
        citation=EVNET,
        drawn_in_degrees=True,
    )
    return model, card


def _vone_dn(name: str, request: Request) -> Loaded:
    """Load a VOneBlock behind which the channels normalize each other."""
    from insilico.models.front_ends.networks import vone_dn

    model, display = _sized(vone_dn, name, request, pixels=VONE_DN_PIXELS)
    card = ModelCard(
        name=name,
        display=display,
        layers=("normalization",),
        weights=_random_behind("vone_block", request),
        trained=False,
        mean=(0.5,),
        std=(0.5,),
        channels=1,
        citation=VONE_DN,
        drawn_in_degrees=True,
    )
    return model, card


def _constrained(name: str, request: Request) -> Loaded:
    """Load a network of the paper, or any combination of its components, with random weights."""
    from insilico.models.constrained.resnet import NAMED, constrained_resnet

    display = request.display(CONSTRAINED_PIXELS)
    fixed = {"depth": 50, **NAMED[name]} if name in NAMED else {}
    size = (display.height, display.width)
    model = made(constrained_resnet, name, request.options, **fixed, input_size=size)
    card = ModelCard(
        name=name,
        display=display,
        layers=("layer1",),
        weights=f"random, seed {request.seed}",
        trained=False,
        mean=HALF,
        std=HALF,
        citation=CONSTRAINED,
    )
    return model, card


def _known(
    make: Callable[..., nn.Module],
    name: str,
    request: Request,
    display: Display,
    *,
    channels: int = 1,
    **fixed: Any,
) -> Loaded:
    """Make cells whose parameters are known, of light as it is."""
    model = made(
        make,
        name,
        request.options,
        pixels=display.height,
        degrees=display.degrees[0],
        seed=request.seed,
        **fixed,
    )
    card = ModelCard(
        name=name,
        display=display,
        layers=("v1",),
        weights=f"known parameters, seed {request.seed}",
        trained=True,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        channels=channels,
        drawn_in_degrees=True,
    )
    return model, card


def _sized(
    make: Callable[..., nn.Module], name: str, request: Request, **own: Any
) -> tuple[nn.Module, Any]:
    display = request.display(**own)
    model = made(
        make,
        name,
        request.options,
        pixels=display.height,
        degrees=display.degrees[0],
        seed=request.seed,
    )
    return model, display


def _random_behind(fixed: str, request: Request) -> str:
    return f"as published in {fixed} and random behind, seed {request.seed}"


BUILT_IN: Mapping[str, Callable[[str, Request], Loaded]] = {
    "vone": _vone,
    "mechanistic_v1": _mechanistic_v1,
    "textbook": _textbook,
    "motion_energy": _motion_energy,
    "textbook:normalization": _normalization,
    "textbook:control": _normalization,
    "textbook:colour": _colour,
    "textbook:border_ownership": _border_ownership,
    "textbook:log_polar": _log_polar,
    "vone_resnet50": _vone_resnet50,
    "mechanistic_resnet50": _mechanistic_resnet50,
    "evnet_resnet50": _evnet_resnet50,
    "vone_dn": _vone_dn,
    "constrained_resnet": _constrained,
    **{
        f"resnet50_{name}": _constrained
        for name in (
            "center_surround",
            "local_rf",
            "tuned_norm",
            "div_norm",
            "cortical_magnification",
            *(f"composite_{letter}" for letter in "abcdefg"),
        )
    },
}
