"""Apertures: the windows, in [0, 1], through which a pattern is seen."""

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.display import Display, Window

__all__ = ["aperture", "axes", "column", "tables"]

EDGES = ("antialiased", "hard", "cosine", "gaussian")


def column(value: object) -> npt.NDArray[np.float64]:
    """One parameter as a vector: a number, or one value per stimulus."""
    # Scalars and vectors are both welcome, so that a vector of orientations draws a batch.
    return np.asarray(value, dtype=np.float64).reshape(-1)


def axes(
    display: Display, x: object, y: object
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distance of every column and every row of the display from the anchors, in deg.

    Returns
    -------
    tuple of array, shapes (n, width) and (n, height)
        Rightward from ``x`` and upward from ``y``.
    """
    return display.x() - column(x)[:, None], display.y() - column(y)[:, None]


def tables(
    window: Window, device: torch.device | str | None, *arrays: npt.NDArray[np.float64]
) -> list[Float[Tensor, "..."]]:
    """Cut tables over columns and rows, in turn, to a window: float32, (n, 1, w) or (n, h, 1)."""
    # Made for the whole display and cut afterwards, in numpy: a part of a picture then equals the
    # part cut from the whole, bit for bit, and a GPU shows what a CPU shows.
    parts = []
    for index, array in enumerate(arrays):
        across = index % 2 == 0
        cut = array[:, window.columns if across else window.rows]
        cut = cut[:, None, :] if across else cut[:, :, None]
        parts.append(torch.as_tensor(cut.astype(np.float32), device=device))
    return parts


def aperture(
    display: Display,
    *,
    diameter: object = float("inf"),
    inner_diameter: object = 0.0,
    x: object = 0.0,
    y: object = 0.0,
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
        ``"antialiased"`` (coverage within one pixel), ``"hard"``, ``"cosine"`` (raised cosine of
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
        If the edge is unknown, or an inner diameter exceeds its outer one.
    """
    if edge not in EDGES:
        raise ValueError(f"edge must be one of {', '.join(EDGES)}; got {edge!r}.")
    window = window or display.whole
    outer, inner = np.broadcast_arrays(column(diameter) / 2, column(inner_diameter) / 2)
    if (outer < 0).any() or (inner < 0).any():
        raise ValueError(
            "diameter and inner_diameter must not be negative; got "
            f"{2 * min(outer.min(), inner.min()):g} deg."
        )
    if (inner > outer).any():
        raise ValueError(
            "inner_diameter must not exceed diameter; got "
            f"{2 * inner.max():g} deg inside {2 * outer.min():g} deg."
        )
    across, along = axes(display, x, y)
    if np.isinf(outer).all() and not inner.any():
        n = max(len(outer), len(across), len(along))
        return torch.ones((), device=device).expand(n, window.height, window.width)
    if edge == "gaussian":
        if inner.any():
            raise ValueError("a gaussian aperture has no inner_diameter; set it to 0.")
        # Half height at a distance of half the diameter.
        rate = np.log(2) / outer[:, None] ** 2
        columns, rows = tables(window, device, np.exp(-rate * across**2), np.exp(-rate * along**2))
        return columns * rows
    columns, rows = tables(window, device, across**2, along**2)
    distance = torch.sqrt(columns + rows)
    outside, hole = (
        torch.as_tensor(radius.astype(np.float32), device=device)[:, None, None]
        for radius in (outer, inner)
    )
    width = {"hard": 0.0, "antialiased": 1 / display.px_per_deg, "cosine": edge_width}[edge]
    seen = _ramp(outside - distance, width, edge)
    if not inner.any():
        return seen
    # No hole where there is none: the pixel at distance 0 would be half covered by its edge.
    return seen * torch.where(hole > 0, _ramp(distance - hole, width, edge), 1.0)


def _ramp(inside: Tensor, width: float, edge: str) -> Tensor:
    """Rise from 0 to 1 over ``width`` around an edge, ``inside`` being the distance into it."""
    if width <= 0:
        return (inside >= 0).float()
    share = (inside / width + 0.5).clamp(0, 1)
    if edge == "cosine":
        return 0.5 - 0.5 * torch.cos(torch.pi * share)
    return share
