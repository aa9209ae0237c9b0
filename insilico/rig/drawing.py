"""Draw what is under the hand: as a stimulus set, or one picture in a moment."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from insilico.rig.hand import KINDS, Hand, Kind
from stimuli import Display, StimulusSet, Window, photographs
from stimuli.catalogue import Named
from stimuli.gratings import blank_screen

if TYPE_CHECKING:
    import torch

__all__ = ["picture", "shown"]


def shown(
    display: Display, hands: Sequence[Hand] | pd.DataFrame, paths: Sequence[Path | str] = ()
) -> StimulusSet:
    """Make the stimulus set of what was under the hand, all of it of one kind.

    Parameters
    ----------
    display : Display
        The screen.
    hands : sequence of Hand, or DataFrame
        At least one; a table has the columns ``kind`` and `PARAMETERS`.
    paths : sequence of path
        The photographs, if it is one of them.

    Returns
    -------
    StimulusSet, dims ("shown",)
        Numbered in the order of ``hands``.

    Raises
    ------
    ValueError
        If they are of several kinds, or a photograph cannot be read.
    """
    table = hands if isinstance(hands, pd.DataFrame) else pd.DataFrame(map(asdict, hands))
    kinds = sorted(set(table["kind"]))
    if len(kinds) != 1:
        raise ValueError(f"a stimulus set is drawn by one function; got {', '.join(kinds)}.")
    kind = KINDS[kinds[0]]
    columns = {name: table[name].to_numpy() for name in (*kind.uses, "x", "y")}
    conditions = pd.DataFrame(
        {"shown": np.arange(len(table)), **kind.conditions(columns)}
        | {axis: columns[axis].astype(float) for axis in "xy"}
    )
    draw = _drawing(kind, display, tuple(paths))
    return StimulusSet(f"{kinds[0]} by hand", display, conditions, ("shown",), draw, ("shown",))


def picture(
    display: Display,
    hand: Hand,
    paths: Sequence[Path | str] = (),
    *,
    device: "torch.device | str | None" = None,
) -> "torch.Tensor":
    """Draw what is under the hand, in less time than a stimulus set takes.

    Parameters
    ----------
    display : Display
        The screen.
    hand : Hand
        What is drawn.
    paths : sequence of path
        As for `shown`.
    device : torch device, optional
        Where to draw.

    Returns
    -------
    Tensor, shape (1, channel, height, width), float32
        The picture of the whole display, bit for bit that of `shown`: beyond its reach there is
        the background.
    """
    kind = KINDS[hand.kind]
    parameters = kind.conditions(vars(hand)) | {"x": hand.x, "y": hand.y}
    window = _box(display, hand, tuple(paths))
    draw = _drawing(kind, display, tuple(paths))
    drawn = draw(display, window=window, device=device, **parameters)
    if window == display.whole:
        return drawn
    # A photograph may have colour on a grey display.
    whole = blank_screen(display, device=device).expand(-1, drawn.shape[1], -1, -1).clone()
    whole[..., window.rows, window.columns] = drawn
    return whole


def _box(display: Display, hand: Hand, paths: tuple[Path | str, ...]) -> Window:
    """Find the pixels that a stimulus may reach; at least one of them."""
    reach = KINDS[hand.kind].reach(hand)
    if not math.isfinite(reach):
        return display.whole
    if hand.kind == "photograph":
        reach *= _height(paths[hand.picture])
    # A pixel around it, over which its edges are smoothed.
    far = reach * display.px_per_deg + 2
    column = (display.width - 1) / 2 + hand.x * display.px_per_deg
    row = (display.height - 1) / 2 - hand.y * display.px_per_deg
    top, bottom = (_inside(row + each, display.height) for each in (-far, far))
    left, right = (_inside(column + each, display.width) for each in (-far, far))
    return Window(top, left, bottom - top + 1, right - left + 1)


def _inside(place: float, size: int) -> int:
    return min(max(round(place), 0), size - 1)


def _drawing(kind: Kind, display: Display, paths: tuple[Path | str, ...]) -> Callable[..., Any]:
    return Named(kind.draw) if kind.draw else _photographs(display, paths)


@cache
def _height(path: Path | str) -> float:
    """Height of a photograph for each of its width, and 1 of what is wider than high."""
    with Image.open(path) as picture:
        return max(1.0, picture.height / picture.width)


@cache
def _photographs(display: Display, paths: tuple[Path | str, ...]) -> Callable[..., Any]:
    """Look at the photographs once, and return what draws them."""
    return photographs(display, paths, degrees=1.0).draw
