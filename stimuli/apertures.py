"""Apertures: the windows, in [0, 1], through which a pattern is seen."""

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.display import Display, Window
from stimuli.edges import FINER, SMALL, level
from stimuli.parameters import LARGEST, Numbers, column, drawing, each_once

__all__ = ["aperture", "axes", "tables"]

EDGES = ("antialiased", "hard", "cosine", "gaussian")


def axes(
    display: Display, x: Numbers, y: Numbers, window: Window | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distance of the columns and the rows of a window from the anchors, in deg.

    Returns
    -------
    tuple of array, shapes (n, width) and (n, height)
        Rightward from ``x`` and upward from ``y``; of the whole display by default.
    """
    window = window or display.whole
    return (
        display.x()[window.columns] - column("x", x)[:, None],
        display.y()[window.rows] - column("y", y)[:, None],
    )


def tables(
    device: torch.device | str | None, *arrays: npt.NDArray[np.float64]
) -> list[Float[Tensor, "..."]]:
    """Lay tables over columns and over rows, in turn, across pictures: (n, 1, w) or (n, h, 1)."""
    # Made by numpy in double precision, and rounded to float32 here: a GPU shows what a CPU shows.
    shapes = ((slice(None), None), (slice(None), slice(None), None))
    return [
        torch.as_tensor(array.astype(np.float32)[shapes[index % 2]], device=device)
        for index, array in enumerate(arrays)
    ]


@drawing
@each_once
def aperture(
    display: Display,
    *,
    diameter: Numbers = float("inf"),
    inner_diameter: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    edge: str = "antialiased",
    edge_width: float = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n height width"]:
    """Disks and annuli.

    Parameters
    ----------
    display : Display
        The screen.
    diameter, inner_diameter : float or sequence of float
        Outer and inner diameter, in deg. An infinite diameter fills the display; an inner
        diameter of 0 gives a disk.
    x, y : float or sequence of float
        Centre, in deg; y is up.
    edge : str
        ``"antialiased"`` (coverage within one pixel; disks and holes below 4 px are drawn on a
        finer grid, so that their area is right), ``"hard"``, ``"cosine"`` (raised cosine of
        ``edge_width``, half height on the nominal edge) or ``"gaussian"`` (a Gaussian whose full
        width at half height is ``diameter``; no inner diameter).
    edge_width : float
        Width of the raised cosine, in deg.
    window : Window, optional
        Draw only this part of the display.
    device : torch device, optional
        Where to draw.

    Returns
    -------
    Tensor, shape (n, height, width), float32
        Transparency of the aperture, in [0, 1].

    Raises
    ------
    ValueError
        If the edge is unknown, a parameter is no number, or an inner diameter exceeds its outer
        one.
    """
    if edge not in EDGES:
        raise ValueError(f"edge must be one of {', '.join(EDGES)}; got {edge!r}.")
    window = window or display.whole
    [ramp] = column("edge_width", edge_width, size=True)
    outer, inner = np.broadcast_arrays(
        column("diameter", diameter, size=True) / 2,
        column("inner_diameter", inner_diameter, size=True) / 2,
    )
    if (inner > outer).any():
        raise ValueError(
            "inner_diameter must not exceed diameter; got "
            f"{2 * inner.max():g} deg inside {2 * outer.min():g} deg."
        )
    across, along = axes(display, x, y, window)
    if np.isinf(outer).all() and not inner.any():
        n = max(len(outer), len(across), len(along))
        return torch.ones((), device=device).expand(n, window.height, window.width)
    if edge == "gaussian":
        if inner.any():
            raise ValueError("a gaussian aperture has no inner_diameter; set it to 0.")
        # Half height at a distance of half the diameter; a diameter of 0 is next to nothing.
        rate = np.log(2) / np.maximum(outer[:, None], 1 / LARGEST) ** 2
        columns, rows = tables(device, np.exp(-rate * across**2), np.exp(-rate * along**2))
        return columns * rows
    columns, rows = tables(device, across**2, along**2)
    distance = torch.sqrt(columns + rows)
    outside, hole = (
        torch.as_tensor(radius.astype(np.float32), device=device)[:, None, None]
        for radius in (outer, inner)
    )
    width = {"hard": 0.0, "antialiased": 1 / display.px_per_deg, "cosine": float(ramp)}[edge]
    seen = _ramp(outside - distance, width, edge)
    for small in _small(display, outer, edge, len(seen)):
        seen[small] = _finer(display, device, outer, across, along, small)
    if not inner.any():
        return seen
    around = _ramp(distance - hole, width, edge)
    for small in _small(display, inner, edge, len(around)):
        around[small] = 1 - _finer(display, device, inner, across, along, small)
    # No hole where there is none: the pixel at distance 0 would be half covered by its edge.
    return seen * torch.where(hole > 0, around, 1.0)


def _ramp(inside: Tensor, width: float, edge: str) -> Tensor:
    """Rise from 0 to 1 over ``width`` around an edge, ``inside`` being the distance into it."""
    if width <= 0:
        return (inside >= 0).float()
    share = (inside / width + 0.5).clamp(0, 1)
    if edge == "cosine":
        return 0.5 - 0.5 * torch.cos(torch.pi * share)
    return share


def _small(
    display: Display, radius: npt.NDArray[np.float64], edge: str, n: int
) -> list[npt.NDArray[np.intp]]:
    """Which of ``n`` stimuli have a disk that is drawn on a finer grid; nothing where none has."""
    small = np.flatnonzero(np.broadcast_to(2 * radius * display.px_per_deg < SMALL, n))
    return [small] if edge == "antialiased" and small.size else []


def _finer(
    display: Display,
    device: torch.device | str | None,
    radius: npt.NDArray[np.float64],
    across: npt.NDArray[np.float64],
    along: npt.NDArray[np.float64],
    small: npt.NDArray[np.intp],
) -> Float[Tensor, "n height width"]:
    """Share of each pixel that lies in a small disk: the mean over parts of it."""
    radius, across, along = (
        each[small] if len(each) > 1 else each for each in (radius, across, along)
    )
    step = 1 / (FINER * display.px_per_deg)
    edge = torch.as_tensor(level(radius, step).astype(np.float32), device=device)[:, None, None]
    share = torch.zeros((), device=device)
    for right, up in np.ndindex(FINER, FINER):
        shift = (np.array([right, up]) - (FINER - 1) / 2) * step
        columns, rows = tables(device, (across + shift[0]) ** 2, (along + shift[1]) ** 2)
        share = share + _ramp(edge - torch.sqrt(columns + rows), step, "antialiased")
    return share / FINER**2
