"""Mosaics: squares of elements that are light or dark, for reverse correlation.

Every element is a number in [-1, 1]. Those of a frame depend on its number alone, by integers that
are the same everywhere: any frame can be drawn again, in any batch and on any device.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from stimuli.apertures import axes
from stimuli.display import Display, Window
from stimuli.gratings import compose, depths
from stimuli.parameters import LARGEST, Numbers, column, drawing

__all__ = [
    "WHITE_NOISE_VARIANCE",
    "drawn_mosaic",
    "hartley",
    "mosaic_elements",
    "mosaics",
    "sparse_noise",
    "white_noise",
]

Images = Float[Tensor, "n channel height width"]
Elements = Float[Tensor, "n size size"]
Whole = Int[Tensor, "#n"]

MASK = 2**32 - 1

# Of an element of white noise: the mean of eight signs.
SIGNS = 8
WHITE_NOISE_VARIANCE = 1 / SIGNS


@drawing
def white_noise(
    display: Display,
    *,
    frame: Numbers,
    element: Numbers,
    elements: Numbers = 24,
    seed: Numbers = 0,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw frames of white noise: independent elements, each the mean of eight random signs.

    Nearly Gaussian, within the range that a display can show, so that nothing is clipped; the
    standard deviation is the contrast over the square root of 8.

    Parameters
    ----------
    display : Display
        The screen.
    frame : int or sequence of int
        Number of each frame, from 0 on.
    element : float or sequence of float
        Side of an element, in deg; a whole number of pixels.
    elements : int
        How many there are on a side of the square.
    seed : int or sequence of int
        Of the noise.
    contrast : float or sequence of float
        Of the lightest and the darkest element; below 0, light and dark change places.
    x, y : float or sequence of float
        Centre of the square, in deg; the background is around it.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        For elements of no whole number of pixels, frames that are none, or a contrast that the
        display cannot show.
    """
    shown = mosaic_elements("white noise", frame, elements, seed, device=device)
    return _shown(display, shown, element, contrast, x, y, window, device)


@drawing
def sparse_noise(
    display: Display,
    *,
    frame: Numbers,
    element: Numbers,
    elements: Numbers = 24,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw frames of sparse noise: one element of a square, light where the contrast is above 0.

    Parameters
    ----------
    display : Display
        The screen.
    frame : int or sequence of int
        Which element is shown: counted from the bottom left, along rows; it begins anew after the
        last one.
    element, elements, contrast, x, y, window, device
        As in `white_noise`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        As in `white_noise`.
    """
    shown = mosaic_elements("sparse noise", frame, elements, device=device)
    return _shown(display, shown, element, contrast, x, y, window, device)


@drawing
def hartley(
    display: Display,
    *,
    frame: Numbers,
    element: Numbers,
    elements: Numbers = 24,
    contrast: Numbers = 1.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw Hartley gratings: the sum of a sine and a cosine of whole cycles across a square.

    All of a square of n x n elements are n^2, and orthogonal.

    Parameters
    ----------
    display : Display
        The screen.
    frame : int or sequence of int
        Which one: cycles along a row are the remainder of its division by ``elements``, those along
        a column the quotient; it begins anew after the last one.
    element, elements, contrast, x, y, window, device
        As in `white_noise`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        As in `white_noise`.

    References
    ----------
    Ringach, Sapiro & Shapley (1997), Vision Research 37:2455-2464.
    """
    shown = mosaic_elements("hartley", frame, elements, device=device)
    return _shown(display, shown, element, contrast, x, y, window, device)


def mosaics(
    display: Display,
    *,
    technique: Sequence[str] | npt.NDArray[Any],
    frame: Numbers,
    element: Numbers,
    elements: Numbers,
    seed: Numbers,
    contrast: Numbers,
    x: Numbers,
    y: Numbers,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Images:
    """Draw frames of several techniques.

    Parameters
    ----------
    display : Display
        The screen.
    technique : sequence of str
        Of each frame: ``white noise``, ``sparse noise`` or ``hartley``.
    frame, element, elements, seed, contrast, x, y, window, device
        As in `white_noise`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].
    """
    techniques = np.asarray(technique, dtype=str)
    frames, seeds = (
        np.broadcast_to(column(name, value), techniques.shape)
        for name, value in (("frame", frame), ("seed", seed))
    )
    n = _count(elements)
    shown = torch.empty((len(techniques), n, n), device=device)
    for name in dict.fromkeys(techniques.tolist()):
        rows = techniques == name
        shown[torch.from_numpy(rows)] = mosaic_elements(
            name, frames[rows], n, seeds[rows], device=device
        )
    return _shown(display, shown, element, contrast, x, y, window, device)


def mosaic_elements(
    technique: str,
    frame: Numbers,
    elements: Numbers,
    seed: Numbers = 0,
    *,
    device: torch.device | str | None = None,
) -> Elements:
    """Elements of frames, in [-1, 1].

    Parameters
    ----------
    technique : {"white noise", "sparse noise", "hartley"}
        Which kind.
    frame, elements, seed
        As in `white_noise`.
    device : torch device, optional
        Where they are made.

    Returns
    -------
    Tensor, shape (n, elements, elements), float32
        Rows from the bottom up, columns from left to right.

    Raises
    ------
    ValueError
        For frames that are none.
    """
    frames, seeds = (_whole(*each, device) for each in (("frame", frame), ("seed", seed)))
    n = _count(elements)
    return TECHNIQUES[technique](frames, seeds, n).reshape(-1, n, n)


def drawn_mosaic(
    display: Display,
    elements: Elements,
    *,
    element: Numbers,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
) -> Images:
    """Draw elements of your own; differentiable in them.

    Parameters
    ----------
    display : Display
        The screen.
    elements : Tensor, shape (n, rows, columns)
        In contrast to the background: as many rows as columns, rows from the bottom up. Within
        what the display can show.
    element, x, y, window
        As in `white_noise`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].
    """
    # Nothing is clipped, for at its limits a clipped pixel has no derivative.
    modulation = _laid_out(display, elements, element, x, y, window)
    levels = modulation.new_tensor(display.levels)[:, None, None]
    return display.encode(levels * (1 + modulation[:, None]))


def _shown(
    display: Display,
    shown: Elements,
    element: Numbers,
    contrast: Numbers,
    x: Numbers,
    y: Numbers,
    window: Window | None,
    device: torch.device | str | None,
) -> Images:
    # Both signs of a contrast are shown, whichever of them it has.
    depths(display, np.abs(column("contrast", contrast)), device=device)
    depth = torch.as_tensor(column("contrast", contrast).astype(np.float32), device=device)
    return compose(display, depth[:, None, None] * _laid_out(display, shown, element, x, y, window))


def _laid_out(
    display: Display,
    shown: Elements,
    element: Numbers,
    x: Numbers,
    y: Numbers,
    window: Window | None,
) -> Float[Tensor, "n height width"]:
    """Lay elements over the pixels of a window, each on those whose centres it holds."""
    sides = np.minimum(column("element", element, size=True) * display.px_per_deg, LARGEST)
    if ((sides < 0.5) | (sides == LARGEST) | (abs(sides - np.rint(sides)) > 1e-6)).any():
        raise ValueError(
            f"element must be a whole number of pixels, of {1 / display.px_per_deg:g} deg; got "
            f"{np.min(sides) / display.px_per_deg:g} deg."
        )
    window = window or display.whole
    n = shown.shape[-1]
    # From the distances on the whole display, so that a window cuts nothing off by rounding.
    across, along = axes(display, x, y)
    columns, rows = (
        torch.from_numpy(_places(part[:, of] * display.px_per_deg, np.rint(sides), n))
        for part, of in ((across, window.columns), (along, window.rows))
    )
    # What lies beyond the square is an element of the background.
    framed = torch.nn.functional.pad(shown, (0, 1, 0, 1))
    which = torch.arange(len(shown), device=shown.device)[:, None, None]
    rows, columns = (part.to(shown.device) for part in (rows, columns))
    return framed[which, rows[:, :, None], columns[:, None, :]]


def _places(
    distance: npt.NDArray[np.float64], side: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.int64]:
    """Find the element at each distance (row, place) from the centre, in px; n for none."""
    # A hair off the edges of elements, where rounding would decide.
    place = np.floor(distance / side[:, None] + n / 2 + 1e-6)
    return np.where((place >= 0) & (place < n), place, n).astype(np.int64)


def _count(elements: Numbers) -> int:
    """How many elements there are on a side."""
    [n, *others] = np.unique(column("elements", elements)).tolist()
    if others or n < 1 or n != int(n):
        raise ValueError(
            f"elements must be one whole number from 1 on for all frames; got {n:g}"
            f"{''.join(f', {other:g}' for other in others)}."
        )
    return int(n)


def _whole(name: str, value: Numbers, device: torch.device | str | None) -> Whole:
    numbers = column(name, value)
    if ((numbers < 0) | (numbers != np.floor(numbers))).any():
        raise ValueError(f"{name} must be a whole number from 0 on; got {numbers.min():g}.")
    return torch.as_tensor(numbers.astype(np.int64), device=device)


def _mixed(bits: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """Mix 32 bits: the finalizer of MurmurHash3, in 64-bit integers."""
    bits = bits ^ (bits >> 16)
    bits = (bits * 0x85EBCA6B) & MASK
    bits = bits ^ (bits >> 13)
    bits = (bits * 0xC2B2AE35) & MASK
    return bits ^ (bits >> 16)


def _white_noise(frames: Whole, seeds: Whole, n: int) -> Float[Tensor, "frame element"]:
    places = _mixed(torch.arange(1, n * n + 1, device=frames.device))
    key = _mixed((frames * 0x9E3779B1 + _mixed(seeds + 1)) & MASK)
    bits = _mixed(key[:, None] ^ places) & 255
    # How many of eight bits are set.
    bits = bits - ((bits >> 1) & 0x55)
    bits = (bits & 0x33) + ((bits >> 2) & 0x33)
    bits = (bits + (bits >> 4)) & 15
    return (bits - SIGNS // 2).float() / (SIGNS // 2)


def _sparse_noise(frames: Whole, _seeds: Whole, n: int) -> Float[Tensor, "frame element"]:
    return torch.nn.functional.one_hot(frames % (n * n), n * n).float()


def _hartley(frames: Whole, _seeds: Whole, n: int) -> Float[Tensor, "frame element"]:
    turn = 2 * np.pi * np.arange(n) / n
    table = torch.as_tensor(
        ((np.cos(turn) + np.sin(turn)) / np.sqrt(2)).astype(np.float32), device=frames.device
    )
    place = torch.arange(n * n, device=frames.device)
    cycles_x, cycles_y = frames % n, (frames // n) % n
    return table[(cycles_x[:, None] * (place % n) + cycles_y[:, None] * (place // n)) % n]


TECHNIQUES: Mapping[str, Callable[[Whole, Whole, int], Float[Tensor, "frame element"]]] = {
    "white noise": _white_noise,
    "sparse noise": _sparse_noise,
    "hartley": _hartley,
}
