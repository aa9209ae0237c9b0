"""Squares on a ground, one edge of which is where a unit looks."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stimuli.bars import rectangle
from stimuli.display import Display, Window
from stimuli.gratings import compose, depths
from stimuli.parameters import Numbers, column, drawing

__all__ = ["beside_edge", "square"]


@drawing
def square(
    display: Display,
    *,
    width: Numbers,
    orientation: Numbers = 90.0,
    side: Numbers = 1.0,
    contrast: Numbers = 1.0,
    ground_contrast: Numbers = 0.0,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    window: Window | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n channel height width"]:
    """Draw squares on a uniform ground, by the place of one edge.

    Parameters
    ----------
    display : Display
        The screen.
    width : float or sequence of float
        Side of the square, in deg; infinite for one that fills all on its side of the edge.
    orientation : float or sequence of float
        Of the edge at (x, y), in deg counter-clockwise from horizontal.
    side : float or sequence of float
        On which side of that edge the square lies: 1 where the phase of a grating of this
        orientation grows to (right of a vertical edge, below a horizontal one), -1 on the other.
    contrast, ground_contrast : float or sequence of float
        Of the square and of all around it: ``luminance = background (1 + contrast)``.
    x, y : float or sequence of float
        Middle of the edge, in deg; y is up.
    window, device
        As in `aperture`.

    Returns
    -------
    Tensor, shape (n, channel, height, width), float32
        Images in [0, 1].

    Raises
    ------
    ValueError
        If the display cannot show a contrast, or a side is neither 1 nor -1.

    Examples
    --------
    The same edge belongs to a light square on the right, or to a dark one on the left.

    >>> from stimuli import Display
    >>> screen = Display.square(pixels=16, degrees=8)
    >>> right = square(screen, width=3, contrast=0.5, ground_contrast=-0.5)
    >>> left = square(screen, width=3, side=-1, contrast=-0.5, ground_contrast=0.5)
    >>> bool(torch.equal(right[..., 7:9, 6:10], left[..., 7:9, 6:10]))
    True
    """
    [figure] = depths(display, contrast, signed=True, device=device)
    [ground] = depths(display, ground_contrast, signed=True, device=device)
    seen = beside_edge(
        display,
        width=width,
        orientation=orientation,
        side=side,
        x=x,
        y=y,
        window=window,
        device=device,
    )
    return compose(display, ground + (figure - ground) * seen)


def beside_edge(
    display: Display,
    *,
    width: Numbers,
    orientation: Numbers,
    side: Numbers,
    x: Numbers,
    y: Numbers,
    window: Window | None,
    device: torch.device | str | None,
) -> Float[Tensor, "n height width"]:
    """Find the share of each pixel that a square covers, by the place of one edge.

    Parameters
    ----------
    display, width, orientation, side, x, y, window, device
        As for `square`.

    Returns
    -------
    Tensor, shape (n, height, width), float32

    Raises
    ------
    ValueError
        If a side is neither 1 nor -1.
    """
    sides = column("side", side)
    if not np.isin(sides, (-1, 1)).all():
        raise ValueError(f"side must be 1 or -1; got {sides[~np.isin(sides, (-1, 1))][0]:g}.")
    angle = np.deg2rad(column("orientation", orientation))
    # Larger ones than this end beyond the display on all sides.
    width = np.minimum(column("width", width, size=True), 4 * sum(display.degrees))
    away = sides * width / 2
    return rectangle(
        display,
        length=width,
        width=width,
        orientation=orientation,
        x=column("x", x) + away * np.sin(angle),
        y=column("y", y) - away * np.cos(angle),
        window=window,
        device=device,
    )
