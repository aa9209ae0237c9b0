"""What a caller may ask for: numbers that no model can be shown or seeded with are refused here.

`insilico.load_model`, `insilico.run`, `insilico.predict`, `insilico.Probe` and the command line all
pass, before anything is loaded or shown.
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from insilico.errors import UserError

__all__ = ["check_asked", "check_sites"]

# A field around the whole head, and one that a few cones see, in deg.
DEGREES = (0.01, 360.0)

# Fewer pixels hold no grating and no receptive field; of more, one picture fills the memory.
PIXELS = (8, 8192)

CHANNELS = (1, 4096)
BATCH = (1, 2**20)

# Of a display, in Hz.
FRAME_RATE = (0.1, 10_000.0)

# What numpy and torch both take.
SEED = (0, 2**32 - 1)


def check_asked(
    *,
    degrees: object = None,
    pixels: object = None,
    channels: object = None,
    batch_size: object = None,
    seed: object = None,
    mean: object = None,
    std: object = None,
    frame_rate: object = None,
) -> None:
    """Refuse what cannot be meant; None says nothing, and passes.

    Parameters
    ----------
    degrees, pixels, channels, batch_size, seed, mean, std, frame_rate
        As for `insilico.run`.

    Raises
    ------
    UserError
        For the first of them that is out of range or no number; says what is allowed.
    """
    for name, value, (low, high) in (
        ("degrees", degrees, DEGREES),
        ("frame_rate", frame_rate, FRAME_RATE),
    ):
        if value is not None and (not _is_finite(value) or not low <= value <= high):  # type: ignore[operator]
            raise UserError(f"{name} must be a number from {low:g} to {high:g}; got {value!r}.")
    for name, value, limits in (
        ("pixels", pixels, PIXELS),
        ("channels", channels, CHANNELS),
        ("batch_size", batch_size, BATCH),
        ("seed", seed, SEED),
    ):
        _check_whole(name, value, limits)
    for name, value in (("mean", mean), ("std", std)):
        if value is None:
            continue
        row = [value] if isinstance(value, Real | str) else _listed(value)
        if not row or not all(_is_finite(each) for each in row):
            raise UserError(
                f"{name} must be a finite number, or one for each image channel; got {value!r}."
            )


def check_sites(sites: object) -> None:
    """Refuse sites that no layer can have.

    Parameters
    ----------
    sites : object
        As for `insilico.Probe`; None passes.

    Raises
    ------
    UserError
        Unless they are a name, a diameter above 0, or pairs of whole numbers from 0 on.
    """
    if sites is None or (isinstance(sites, str) and sites in ("centre", "all", "lattice")):
        return
    if isinstance(sites, Real):
        if _is_finite(sites) and 0 < float(sites) <= DEGREES[1]:
            return
    elif not isinstance(sites, str):
        pairs = [_listed(pair) for pair in _listed(sites)]
        if pairs and all(
            len(pair) == 2 and all(_is_whole(place) and place >= 0 for place in pair)
            for pair in pairs
        ):
            return
    raise UserError(
        "sites must be 'centre', 'all', 'lattice', a diameter in deg above 0 and up to 360, or "
        f"pairs of (row, column) that are whole numbers from 0 on; got {sites!r}."
    )


def _check_whole(name: str, value: object, limits: tuple[int, int]) -> None:
    if value is None:
        return
    if not _is_whole(value) or not limits[0] <= value <= limits[1]:  # type: ignore[operator]
        raise UserError(
            f"{name} must be a whole number from {limits[0]} to {limits[1]}; got {value!r}."
        )


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return math.isfinite(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
