"""ResNets whose first stage is constrained like V1 (Pogoncheff, Granley & Beyeler 2023)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from insilico.errors import UserError
from insilico.models.components import (
    CenterSurround,
    CorticalMagnification,
    DivisiveNormalization,
    LocallyConnected2d,
    TunedNormalization,
)
from insilico.models.components.mode import MODES, check_choice, check_positive, check_unused
from insilico.models.constrained.released import constrained_names

__all__ = ["NAMED", "ConstrainedResNet", "constrained_resnet", "named_network"]

# The block and the number of blocks in each of the four stages.
DEPTHS: Mapping[int, tuple[type[nn.Module], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}

# Channels of the first stage in torchvision.
TORCHVISION_WIDTH = 64

# Of so many channels of a stage one is filtered by centre and surround.
FILTERED = 4

NORMALIZATIONS = ("tuned", "divisive")

_SINGLES: Mapping[str, Mapping[str, Any]] = {
    "center_surround": {"center_surround": True},
    "local_rf": {"local": True},
    "tuned_norm": {"normalization": "tuned"},
    "div_norm": {"normalization": "divisive"},
    "cortical_magnification": {"magnification": True},
}

# Components of the composites, by the letter that the paper's code gives them.
_COMPOSITES = {
    "a": ("center_surround", "local_rf", "tuned_norm", "cortical_magnification"),
    "b": ("local_rf", "tuned_norm", "cortical_magnification"),
    "c": ("center_surround", "local_rf", "cortical_magnification"),
    "d": ("center_surround", "local_rf", "tuned_norm"),
    "e": ("tuned_norm", "cortical_magnification"),
    "f": ("local_rf", "cortical_magnification"),
    "g": ("local_rf", "tuned_norm"),
}

NAMED: Mapping[str, Mapping[str, Any]] = {
    "resnet50": {},
    **{f"resnet50_{name}": options for name, options in _SINGLES.items()},
    **{
        f"resnet50_composite_{letter}": {
            key: value for name in parts for key, value in _SINGLES[name].items()
        }
        for letter, parts in _COMPOSITES.items()
    },
}


class NormalizedBasicBlock(BasicBlock):  # type: ignore[misc]
    """A residual block whose output is normalized."""

    normalization: nn.Module

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize what the basic block puts out, its sum rectified."""
        return self.normalization(super().forward(maps))


class NormalizedBottleneck(Bottleneck):  # type: ignore[misc]
    """A residual bottleneck whose output is normalized."""

    normalization: nn.Module

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize what the bottleneck puts out, its sum rectified."""
        return self.normalization(super().forward(maps))


NORMALIZED: Mapping[type[nn.Module], type[nn.Module]] = {
    BasicBlock: NormalizedBasicBlock,
    Bottleneck: NormalizedBottleneck,
}


class ConstrainedResNet(ResNet):  # type: ignore[misc]
    """The ResNet of torchvision, of any width, with room for a normalization in its first stage.

    Parameters
    ----------
    block : type
        torchvision's ``BasicBlock`` or ``Bottleneck``.
    blocks : sequence of int
        Number of blocks in each stage.
    width : int
        Channels of the first stage, 64 in torchvision; later ones have 2, 4 and 8 times as many.
    normalized : bool
        Whether the blocks of the first stage have a ``normalization``, which is still to be set.
    num_classes : int
        Number of classes.
    """

    def __init__(
        self,
        block: type[nn.Module],
        blocks: tuple[int, ...],
        *,
        width: int,
        normalized: bool,
        num_classes: int,
    ) -> None:
        # Before the stages are made, which is what super() does.
        self.width, self.normalized = width, normalized
        super().__init__(block, list(blocks), num_classes=num_classes)
        if width != TORCHVISION_WIDTH:
            self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
            self.bn1 = nn.BatchNorm2d(width)
            self.fc = nn.Linear(self.inplanes, num_classes)

    def _make_layer(
        self, block: type[nn.Module], planes: int, *others: Any, **options: Any
    ) -> nn.Sequential:
        if planes == TORCHVISION_WIDTH:
            self.inplanes = self.width
            block = NORMALIZED[block] if self.normalized else block
        planes = planes * self.width // TORCHVISION_WIDTH
        return super()._make_layer(block, planes, *others, **options)

    def translate_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give the weights of a released checkpoint the names that they have here.

        Parameters
        ----------
        state : mapping of str to Tensor
            Weights under released names, or under those of this class, which stay.

        Returns
        -------
        dict of str to Tensor
            Without the constants, which follow from the settings.
        """
        return constrained_names(state)


def constrained_resnet(
    depth: int = 50,
    width: int = TORCHVISION_WIDTH,
    *,
    center_surround: bool = False,
    local: bool = False,
    normalization: str | None = None,
    magnification: bool = False,
    pool: str = "opponent",
    density: str = "inverse",
    antialias: bool = True,
    pad_radius: bool = False,
    mode: str = "corrected",
    num_classes: int = 1000,
    input_size: int | tuple[int, int] = 64,
    generator: torch.Generator | None = None,
) -> ConstrainedResNet:
    """Make a ResNet whose first stage has any combination of the components.

    Parameters
    ----------
    depth : {18, 34, 50}
        Number of layers.
    width : int
        Channels of the first stage; at least 4.
    center_surround : bool
        Whether the 3 x 3 convolution (``conv2``) of every block of ``layer1`` but the last is
        followed by differences of Gaussians, on a quarter of its channels.
    local : bool
        Whether ``conv2`` of the last block of ``layer1`` has filters of its own at every position.
    normalization : {None, "tuned", "divisive"}
        What is done to the output of every block of ``layer1``.
    magnification : bool
        Whether the max-pool gives way to cortical magnification.
    pool : {"opponent", "similar", "learned"}
        Of tuned normalization, see `insilico.models.components.TunedNormalization`.
    density : {"inverse", "inverse_square"}
        Of magnification, see `insilico.models.components.CorticalMagnification`.
    antialias, pad_radius : bool
        Of magnification as released. The published networks were almost certainly trained with
        ``antialias=False``, and the one submitted to Brain-Score has ``pad_radius=True``.
    mode : {"corrected", "as_released"}
        That of the components. As released, centre and surround alone are in all blocks of
        ``layer1``, behind convolutions with torch's default initial weights, and channels are
        dropped (p = 0.5, in training) before local receptive fields that are alone.
    num_classes : int
        Number of classes.
    input_size : int or (int, int)
        Height and width of the images in px, on which local receptive fields and magnification
        depend. Maps of ``layer1`` are a quarter of it.
    generator : Generator, optional
        Source of the initial weights; torch's own by default. One number is drawn from it, and the
        parts have streams of their own, so that networks from the same seed have the same weights
        in all that they share.

    Returns
    -------
    ConstrainedResNet

    Raises
    ------
    UserError
        If a value is not allowed, or does not fit the others.

    References
    ----------
    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    Examples
    --------
    >>> model = constrained_resnet(18, 8, center_surround=True, local=True, num_classes=10)
    >>> tuple(model(torch.zeros(1, 3, 64, 64)).shape)
    (1, 10)
    >>> model.layer1[1].conv2.local.size
    (16, 16)
    """
    _check(depth, width, normalization, pool, mode, num_classes)
    if not magnification:
        check_unused(
            "magnification=True",
            density=(density, "inverse"),
            antialias=(antialias, True),
            pad_radius=(pad_radius, False),
        )
    size = (input_size, input_size) if isinstance(input_size, int) else input_size
    check_positive(input_height=size[0], input_width=size[1])
    root = int(torch.randint(2**62, (1,), generator=generator))
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(root)
        model = ConstrainedResNet(
            *DEPTHS[depth],
            width=width,
            normalized=normalization is not None,
            num_classes=num_classes,
        )
    for_centers, for_locals, for_pools = (
        torch.Generator().manual_seed(int(seed))
        for seed in np.random.SeedSequence(root).generate_state(3, np.uint64)
    )
    chosen = (center_surround, local, normalization is not None, magnification)
    alone_as_released = mode == "as_released" and sum(chosen) == 1
    # What halves the size of the maps rounds it up, twice.
    after_conv1 = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    after_pool = ((after_conv1[0] + 1) // 2, (after_conv1[1] + 1) // 2)
    if magnification:
        model.maxpool = CorticalMagnification(
            after_conv1,
            output_size=after_pool,
            mode=mode,
            density=density,
            antialias=antialias,
            pad_radius=pad_radius,
        )
    if center_surround:
        blocks = model.layer1 if alone_as_released else model.layer1[:-1]
        for block in blocks:
            if alone_as_released:
                nn.init.kaiming_uniform_(block.conv2.weight, math.sqrt(5), generator=for_centers)
            filters = CenterSurround(width // FILTERED, mode=mode, generator=for_centers)
            block.conv2 = _named(conv=block.conv2, center_surround=filters)
    if local:
        unshared = LocallyConnected2d(width, width, after_pool, mode=mode, generator=for_locals)
        dropout = {"dropout": nn.Dropout2d(0.5)} if alone_as_released else {}
        model.layer1[-1].conv2 = _named(**dropout, local=unshared)
    if normalization is not None:
        for block in model.layer1:
            channels = width * block.expansion
            block.normalization = (
                TunedNormalization(channels, pool=pool, mode=mode, generator=for_pools)
                if normalization == "tuned"
                else DivisiveNormalization(channels, mode=mode, generator=for_pools)
            )
    return model


def named_network(
    name: str,
    *,
    mode: str = "corrected",
    num_classes: int = 1000,
    input_size: int | tuple[int, int] = 64,
    generator: torch.Generator | None = None,
) -> ConstrainedResNet:
    """Make one of the networks of the paper.

    Parameters
    ----------
    name : str
        A key of `NAMED`, such as ``"resnet50_composite_a"``.
    mode, num_classes, input_size, generator
        As in `constrained_resnet`.

    Returns
    -------
    ConstrainedResNet

    Raises
    ------
    UserError
        If there is no such network.

    Examples
    --------
    >>> named_network("resnet50_composite_e").maxpool.output_size
    (16, 16)
    """
    check_choice("name", name, tuple(NAMED))
    return constrained_resnet(
        50,
        **NAMED[name],
        mode=mode,
        num_classes=num_classes,
        input_size=input_size,
        generator=generator,
    )


def _named(**parts: nn.Module) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, part in parts.items():
        sequence.add_module(name, part)
    return sequence


def _check(
    depth: int,
    width: int,
    normalization: str | None,
    pool: str,
    mode: str,
    num_classes: int,
) -> None:
    """Raise a `UserError` for what no component looks at itself."""
    check_choice("mode", mode, MODES)
    check_positive(num_classes=num_classes)
    if depth not in DEPTHS:
        raise UserError(f"depth must be one of {', '.join(map(str, DEPTHS))}; got {depth}.")
    if width < FILTERED:
        raise UserError(f"width must be at least {FILTERED} channels; got {width}.")
    if normalization not in (None, *NORMALIZATIONS):
        raise UserError(
            f"normalization must be None, 'tuned' or 'divisive'; got {normalization!r}."
        )
    if pool != "opponent" and normalization != "tuned":
        raise UserError(f"pool={pool!r} needs normalization='tuned'; got {normalization!r}.")
