"""How the output of a layer may be read: which axes are sites and which are channels.

Shapes alone cannot always tell. (12, 12, 12) may have its channels first or last, and 144 tokens
may lie 12 by 12 or 9 by 16. So the possible readings are listed, the likeliest first, by what the
modules say; whether one is right is then told from what single sites see, or the user is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isclose, isqrt
from typing import Literal

from torch import Tensor, nn

from insilico.errors import UserError
from stimuli import Display

__all__ = ["Layout", "Reading", "Readings", "asked_for", "readings"]

Layout = Literal["map", "map_last", "tokens", "vector"]
Grid = tuple[int, int]

# Class and register tokens that may precede a grid.
MOST_SKIPPED = 8

# Sites need not divide a display evenly; but a reading whose aspect is this far off is none.
LOOSELY = 0.25

# Tokens are merged by such factors on the way through a network.
MERGED = (1, 2, 4, 8, 16, 32)

FIRST = (
    *(nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
    *(nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d),
)
LAST = (nn.Linear, nn.LayerNorm)


@dataclass(frozen=True)
class Reading:
    """One way to read an output.

    Parameters
    ----------
    layout : {"map", "map_last", "tokens", "vector"}
        As in `insilico.recording.layers.LayerMap`.
    rows, columns, channels, skipped : int
        Likewise.
    """

    layout: Layout
    rows: int
    columns: int
    channels: int
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.rows} x {self.columns} sites of {self.channels} channels"


@dataclass(frozen=True)
class Readings:
    """The ways to read an output, the likeliest first.

    Parameters
    ----------
    options : tuple of Reading
        At least one.
    certain : bool
        Whether the first holds even if nothing is proven of single sites.
    """

    options: tuple[Reading, ...]
    certain: bool = True


def readings(
    layer: str, output: Tensor, display: Display, module: nn.Module, grids: Iterable[Grid]
) -> Readings:
    """List the ways to read an output.

    Parameters
    ----------
    layer : str
        Its name, for the error.
    output : Tensor
        What it puts out for one picture or more.
    display : Display
        The screen.
    module : nn.Module
        The layer itself.
    grids : iterable of (rows, columns)
        Sizes of the maps of the model's convolutions.

    Returns
    -------
    Readings

    Raises
    ------
    UserError
        For an output that is neither a map, nor tokens, nor a vector.
    """
    shape = tuple(output.shape[1:])
    if len(shape) == 3:
        return _of_map(shape, display.height / display.width, module)
    if len(shape) == 2:
        return _of_tokens(shape, display, grids)
    if len(shape) == 1:
        return Readings((Reading("vector", 1, 1, shape[0]),))
    raise UserError(
        f"layer {layer!r} puts out a tensor of shape {tuple(output.shape)}; an image layer has "
        "(batch, channel, row, column), (batch, token, channel) or (batch, channel). Record "
        "another layer."
    )


def asked_for(layer: str, output: Tensor, layout: str) -> Readings:
    """Read an output as the user says.

    Parameters
    ----------
    layer : str
        Its name, for the error.
    output : Tensor
        What it puts out for one picture or more.
    layout : str
        ``map``, ``map_last``, ``vector``, or rows and columns of sites, as in ``9x16``.

    Returns
    -------
    Readings

    Raises
    ------
    UserError
        If the output cannot be read so.
    """
    shape = tuple(output.shape[1:])
    possible: list[Reading] = []
    if len(shape) == 3:
        possible = [
            Reading("map", shape[1], shape[2], shape[0]),
            Reading("map_last", shape[0], shape[1], shape[2]),
        ]
    elif len(shape) == 1:
        possible = [Reading("vector", 1, 1, shape[0])]
    sides = layout.split("x")
    if len(sides) == 2 and all(side.isdigit() for side in sides):
        rows, columns = (int(side) for side in sides)
        if len(shape) == 2 and 0 < rows * columns <= shape[0]:
            possible = [Reading("tokens", rows, columns, shape[1], shape[0] - rows * columns)]
        chosen = [each for each in possible if (each.rows, each.columns) == (rows, columns)]
    else:
        chosen = [each for each in possible if each.layout == layout]
    if not chosen:
        raise UserError(
            f"layout is map, map_last, vector, or ROWSxCOLUMNS of sites (9x16); got {layout!r}, "
            f"and layer {layer!r} puts out {' x '.join(map(str, shape))} for a picture, which "
            "cannot be read so."
        )
    return Readings((chosen[0],))


def _of_map(shape: tuple[int, ...], aspect: float, module: nn.Module) -> Readings:
    first = Reading("map", shape[1], shape[2], shape[0])
    last = Reading("map_last", shape[0], shape[1], shape[2])
    off = {each: abs(each.rows / each.columns / aspect - 1) for each in (first, last)}
    if off[last] > LOOSELY:
        return Readings((first,))
    exact = [each for each in (first, last) if off[each] < 1e-6]
    said = _said(module)
    if said is not None:
        likely = first if said == "map" else last
    else:
        # Channels-last networks (Swin): their sites have the aspect of the display, in front.
        likely = last if exact == [last] else first
    other = last if likely is first else first
    return Readings((likely, other), said is not None or len(exact) == 1)


def _said(module: nn.Module) -> Layout | None:
    """Tell the axes from the last module inside a layer that knows them."""
    # Exactly these: a LayerNorm2d is a LayerNorm by inheritance, with its channels first.
    kinds = [type(each) for each in module.modules()]
    known = [kind for kind in kinds if kind in (*FIRST, *LAST)]
    if not known:
        return None
    return "map" if known[-1] in FIRST else "map_last"


def _of_tokens(shape: tuple[int, ...], display: Display, grids: Iterable[Grid]) -> Readings:
    tokens, channels = shape
    merged = {
        (rows // factor, columns // factor)
        for rows, columns in grids
        for factor in MERGED
        if not rows % factor and not columns % factor
    }
    known = _fitting(tokens, channels, merged)
    if known:
        return Readings(tuple(known), len(known) == 1)
    side = isqrt(tokens)
    square = _fitting(tokens, channels, {(side, side)})
    if display.height != display.width:
        aspect = display.height / display.width
        even = {
            (rows, columns)
            for count in range(max(tokens - MOST_SKIPPED, 1), tokens + 1)
            for rows in range(2, count // 2 + 1)
            for columns in [count // rows]
            if rows * columns == count and isclose(rows / columns, aspect, rel_tol=1e-6)
        }
        options = [*_fitting(tokens, channels, even), *square]
        if options:
            return Readings(tuple(options), len(options) == 1)
    return Readings((*square, Reading("tokens", 1, tokens, channels))[:1])


def _fitting(tokens: int, channels: int, grids: set[Grid]) -> list[Reading]:
    """Grids that the tokens fill, after at most a few class and register tokens."""
    fitting = [
        Reading("tokens", rows, columns, channels, tokens - rows * columns)
        for rows, columns in grids
        if min(rows, columns) > 1 and 0 <= tokens - rows * columns <= MOST_SKIPPED
    ]
    return sorted(fitting, key=lambda each: (each.skipped, each.rows))
