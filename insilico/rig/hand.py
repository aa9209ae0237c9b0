"""The stimulus under the hand: what it is, where it lies, and how it is turned."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from stimuli import Display

__all__ = ["KINDS", "PARAMETERS", "Hand", "Kind", "limits", "read"]


@dataclass(frozen=True)
class Hand:
    """What is under the hand. Every kind of stimulus takes of it what it needs.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    x, y : float
        Its centre, in deg.
    orientation : float
        Of bars and gratings, in deg counter-clockwise from horizontal.
    spatial_frequency : float
        In cpd.
    phase : float
        At the centre, in deg.
    contrast : float
        In [-1, 1]: bars and spots below 0 are darker than the background, and gratings have no
        sign.
    diameter : float
        Of disks, the length of bars and the width of photographs, in deg.
    width : float
        Of bars, in deg.
    turn : float
        Orientation of a surround, or of the second grating of a plaid, relative to the first, in
        deg.
    picture : int
        Which photograph, from 0.
    """

    kind: str = "bar"
    x: float = 0.0
    y: float = 0.0
    orientation: float = 90.0
    spatial_frequency: float = 2.0
    phase: float = 0.0
    contrast: float = 1.0
    diameter: float = 2.0
    width: float = 0.25
    turn: float = 90.0
    picture: int = 0


PARAMETERS = tuple(field.name for field in fields(Hand) if field.name != "kind")

# Which come round, and after how many deg.
ROUND = {"orientation": 180.0, "phase": 360.0, "turn": 180.0}


class Kind(NamedTuple):
    """A kind of stimulus.

    Parameters
    ----------
    uses : tuple of str
        The parameters of `Hand` that it has, besides its place.
    draw : str
        The function of `stimuli` that draws it; empty for photographs.
    conditions : callable
        From the parameters of a hand, one number or one column each, to those of that function.
    reach : callable
        How far it extends from its place, in deg; a photograph that is as wide as high.
    """

    uses: tuple[str, ...]
    draw: str
    conditions: Callable[[Mapping[str, Any]], dict[str, Any]]
    reach: Callable[[Hand], float]


GRATING = ("orientation", "spatial_frequency", "phase", "contrast", "diameter")


def _grating(hand: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hand[name] for name in GRATING} | {"contrast": np.abs(hand["contrast"])}


def _surround(hand: Mapping[str, Any]) -> dict[str, Any]:
    return _grating(hand) | {
        "surround_orientation": (hand["orientation"] + hand["turn"]) % 180,
        "surround_contrast": np.abs(hand["contrast"]),
    }


def _plaid(hand: Mapping[str, Any]) -> dict[str, Any]:
    # Superimposed, they have the contrast of one grating.
    half = np.abs(hand["contrast"]) / 2
    turned = (hand["orientation"] + hand["turn"]) % 180
    return _grating(hand) | {"contrast": half, "mask_contrast": half, "mask_orientation": turned}


def _bar(hand: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hand[name] for name in ("orientation", "contrast", "width")} | {
        "length": hand["diameter"]
    }


def _radius(hand: Hand) -> float:
    return hand.diameter / 2


KINDS = {
    "bar": Kind(
        ("orientation", "contrast", "diameter", "width"),
        "bar",
        _bar,
        lambda hand: math.hypot(hand.diameter, hand.width) / 2,
    ),
    "grating": Kind(GRATING, "grating", _grating, _radius),
    "surround": Kind((*GRATING, "turn"), "center_surround", _surround, lambda _hand: math.inf),
    "plaid": Kind((*GRATING, "turn"), "plaid", _plaid, _radius),
    "spot": Kind(
        ("contrast", "diameter"),
        "spot",
        lambda hand: {name: hand[name] for name in ("contrast", "diameter")},
        _radius,
    ),
    "photograph": Kind(
        ("diameter", "picture"),
        "",
        lambda hand: {"picture": hand["picture"], "degrees": hand["diameter"]},
        _radius,
    ),
}


def limits(display: Display) -> dict[str, tuple[float, float]]:
    """Say between which values the parameters can be changed.

    Parameters
    ----------
    display : Display
        The screen.

    Returns
    -------
    dict of str to (float, float)
        In the units of `Hand`; sizes from a pixel on, frequencies up to what the pixels carry.
    """
    height, width = display.degrees
    pixel, side = 1 / display.px_per_deg, max(height, width)
    most = min(1.0, 1 / max(display.levels) - 1)
    return {
        "x": (-width / 2, width / 2),
        "y": (-height / 2, height / 2),
        "orientation": (0.0, 180.0),
        "spatial_frequency": (0.5 / side, display.nyquist),
        "phase": (0.0, 360.0),
        "contrast": (-most, most),
        "diameter": (pixel, 2 * side),
        "width": (pixel, side),
        "turn": (0.0, 180.0),
    }


def read(asked: Mapping[str, Any], display: Display, n_pictures: int = 1) -> Hand:
    """Make a hand of what a page asks for, within what the display can show.

    Parameters
    ----------
    asked : mapping
        Values for the parameters of `Hand`; what is missing, or no number, is as by default.
    display : Display
        The screen.
    n_pictures : int
        How many photographs there are.

    Returns
    -------
    Hand

    Examples
    --------
    >>> hand = read({"kind": "spot", "diameter": 99, "orientation": 190, "x": "?"}, Display())
    >>> hand.kind, hand.diameter, hand.orientation, hand.x
    ('spot', 16.0, 10.0, 0.0)
    """
    numbers: dict[str, Any] = {}
    for name, (low, high) in limits(display).items():
        value = _number(asked.get(name))
        if value is None:
            continue
        numbers[name] = value % ROUND[name] if name in ROUND else float(np.clip(value, low, high))
    kind = asked.get("kind")
    picture = _number(asked.get("picture")) or 0
    hand = Hand(picture=int(picture) % n_pictures, **numbers)
    return replace(hand, kind=kind) if isinstance(kind, str) and kind in KINDS else hand


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if number else None
