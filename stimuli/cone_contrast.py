"""Cone contrast: how much light excites a cone more than the background of the display does."""

import numpy as np
import numpy.typing as npt

from stimuli.display import Display

__all__ = ["DIRECTIONS", "check_gamut", "cone_contrast", "largest_share", "light_of"]

Array = npt.NDArray[np.float64]

# Directions in the space of cone contrasts, of length 1: L, M and S.
DIRECTIONS: dict[str, tuple[float, float, float]] = {
    name: (long / length, medium / length, short / length)
    for name, (long, medium, short) in {
        "L": (1, 0, 0),
        "M": (0, 1, 0),
        "S": (0, 0, 1),
        "L+M": (1, 1, 0),
        "L-M": (1, -1, 0),
        "S-(L+M)": (-1, -1, 1),
    }.items()
    for length in [float(np.sqrt(abs(long) + abs(medium) + abs(short)))]
}

# Of the gamut: what rounding may exceed it by.
TOLERANCE = 1e-9


def light_of(display: Display, contrast: npt.ArrayLike) -> Array:
    """Find the light that has given cone contrasts.

    Parameters
    ----------
    display : Display
        The screen: its matrix, and the background that contrast is relative to.
    contrast : array, shape (..., 3)
        Of the L, M and S cones: excitation over that of the background, less 1.

    Returns
    -------
    array, shape (..., 3)
        Linear red, green and blue, less those of the background.

    Examples
    --------
    Cones that all see a tenth more light see a tenth more red, green and blue.

    >>> light_of(Display(), [0.1, 0.1, 0.1]).round(6).tolist()
    [0.05, 0.05, 0.05]
    """
    matrix = np.asarray(display.cones)
    excited = np.asarray(contrast, dtype=np.float64) * (matrix @ _ground(display))
    light: Array = np.linalg.solve(matrix, excited[..., None])[..., 0]
    return light


def cone_contrast(display: Display, light: npt.ArrayLike) -> Array:
    """Cone contrasts of light.

    Parameters
    ----------
    display : Display
        As for `light_of`.
    light : array, shape (..., 3)
        Linear red, green and blue in [0, 1].

    Returns
    -------
    array, shape (..., 3)
        Contrasts of L, M and S.

    Examples
    --------
    >>> cone_contrast(Display(background=0.5), [0.75, 0.75, 0.75]).round(6).tolist()
    [0.5, 0.5, 0.5]
    """
    matrix = np.asarray(display.cones)
    excited = np.asarray(light, dtype=np.float64) @ matrix.T
    contrast: Array = excited / (matrix @ _ground(display)) - 1
    return contrast


def largest_share(display: Display, contrast: npt.ArrayLike, *, uniform: bool = False) -> Array:
    """Tell by how much contrasts could be multiplied to reach the end of the gamut.

    Parameters
    ----------
    display : Display
        The screen.
    contrast : array, shape (..., 3)
        Of L, M and S, at the peak of a grating; its trough has the opposite ones.
    uniform : bool
        Whether they are those of an area, which has no trough.

    Returns
    -------
    array, shape (...)
        Below 1 for what cannot be shown; infinite for no contrast.

    Examples
    --------
    >>> float(largest_share(Display(), [0.5, 0.5, 0.5]).round(6))
    2.0
    """
    ground, light = _ground(display), light_of(display, contrast)
    room = np.where(light > 0, 1 - ground, ground) if uniform else np.minimum(ground, 1 - ground)
    with np.errstate(divide="ignore"):
        shares: Array = room / np.abs(light)
    return shares.min(axis=-1)


def check_gamut(display: Display, contrast: npt.ArrayLike, *, uniform: bool = False) -> None:
    """Refuse cone contrasts that the display cannot show.

    Parameters
    ----------
    display : Display
        The screen.
    contrast : array, shape (n, 3)
        Of L, M and S.
    uniform : bool
        As for `largest_share`.

    Raises
    ------
    ValueError
        Says what the largest contrasts of the same colour are.
    """
    contrasts = np.asarray(contrast, dtype=np.float64)
    share = largest_share(display, contrasts, uniform=uniform)
    if share.size and share.min() < 1 - TOLERANCE:
        worst = int(share.argmin())
        # Rounded down: what the message says can be shown.
        most = np.trunc(contrasts[worst] * share[worst] * 1e4) / 1e4
        raise ValueError(
            "cone contrast must lie in what the display can show, and with "
            f"{_named(contrasts[worst])} its red, green or blue would leave [0, 1]. The largest of "
            f"this colour are {_named(most)}."
        )


def _ground(display: Display) -> Array:
    return np.broadcast_to(np.asarray(display.levels), 3).astype(np.float64)


def _named(contrast: Array) -> str:
    return ", ".join(f"{cone} {value:.4g}" for cone, value in zip("LMS", contrast, strict=True))
