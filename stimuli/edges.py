"""Where the antialiased edge of a disk begins and ends: known without drawing it."""

import numpy as np
import numpy.typing as npt

from stimuli.display import Display, Window

__all__ = ["FINER", "SMALL", "level", "touches_and_covers"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Disks up to this diameter, in px, are drawn on a grid so many times finer along each axis: the
# distance from the centre of a pixel says little of how much of it they cover.
SMALL = 4.0
FINER = 4


def level(radius: Array, step: float) -> Array:
    """Radius of the ramp, ``step`` wide, whose volume is the area of a disk.

    Parameters
    ----------
    radius : array
        Of the disks.
    step : float
        Distance of the places that the ramp is drawn at, in the same unit.

    Returns
    -------
    array
    """
    return np.where(
        radius >= step / np.sqrt(3),
        np.sqrt(np.maximum(radius**2 - step**2 / 12, 0)),
        np.cbrt(3 * step * radius**2) - step / 2,
    )


def touches_and_covers(
    display: Display, window: Window, x: Array, y: Array, diameter: Array, *, spare: float = 0.0
) -> tuple[Bools, Bools]:
    """Whether disks have any part in a window, and whether they fill it.

    Parameters
    ----------
    display : Display
        The screen.
    window : Window
        A part of it.
    x, y, diameter : array, shape (n,)
        Of the disks, in deg.
    spare : float
        How far from an edge the window has to be that a disk fills or misses, in px.

    Returns
    -------
    tuple of array of bool, shape (n,)
        As `stimuli.apertures.aperture` draws them, but for the rounding of single precision.
    """
    pixel = 1 / display.px_per_deg
    radius = diameter / 2
    touches, covers = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for small, step in ((False, pixel), (True, pixel / FINER)):
        of_size = (diameter < SMALL * pixel) == small
        parts = (np.arange(FINER) - (FINER - 1) / 2) * step if small else np.zeros(1)
        edge = level(radius[of_size], step) if small else radius[of_size]
        (near_x, far_x), (near_y, far_y) = (
            _nearest_and_farthest((axis[:, None] + parts).reshape(-1), place[of_size])
            for axis, place in (
                (display.x()[window.columns], x),
                (display.y()[window.rows], y),
            )
        )
        reach = step / 2 + spare * pixel
        touches[of_size] = np.hypot(near_x, near_y) < edge + reach
        covers[of_size] = np.hypot(far_x, far_y) <= edge - reach
    return touches, covers


def _nearest_and_farthest(axis: Array, places: Array) -> tuple[Array, Array]:
    """Distance of places from the nearest and the farthest of the points of an axis."""
    different, number = np.unique(places, return_inverse=True)
    distance = np.abs(different[:, None] - axis)
    return distance.min(1)[number], distance.max(1)[number]
