"""How a display excites the cones: one 3 x 3 matrix, from linear red, green and blue to L, M, S."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["SRGB_CONES", "SRGB_TO_XYZ", "XYZ_TO_CONES", "Matrix", "checked_cones"]

Row: TypeAlias = tuple[float, float, float]
Matrix: TypeAlias = tuple[Row, Row, Row]

# IEC 61966-2-1:1999, as printed: linear red, green and blue to CIE 1931 XYZ.
SRGB_TO_XYZ: Matrix = (
    (0.4124, 0.3576, 0.1805),
    (0.2126, 0.7152, 0.0722),
    (0.0193, 0.1192, 0.9505),
)

# Hunt-Pointer-Estevez, scaled to equal cones for equal-energy white: the matrix of Hunt's colour
# appearance model and of CIECAM02, read in colour-science 0.4.7 (MATRIX_XYZ_TO_HPE) and
# colorspacious 1.1.2 (M_HPE), which agree. sRGB says nothing of spectra, so that cone fundamentals
# that are defined by wavelength cannot be used with it.
XYZ_TO_CONES: Matrix = (
    (0.38971, 0.68898, -0.07868),
    (-0.22981, 1.18340, 0.04641),
    (0.0, 0.0, 1.0),
)

# A matrix whose cones are nearer to one another than this cannot be undone: its condition number.
WORST_CONDITION = 1e6


def checked_cones(cones: Sequence[Sequence[float]] | npt.NDArray[Any]) -> Matrix:
    """Check the matrix of a display.

    Parameters
    ----------
    cones : nested sequence of float, 3 x 3
        One row each for L, M and S: what red, green and blue of full strength excite.

    Returns
    -------
    nested tuple of float, 3 x 3

    Raises
    ------
    ValueError
        If it is no such matrix, or cannot be inverted.

    Examples
    --------
    >>> checked_cones(SRGB_CONES) == SRGB_CONES
    True
    """
    try:
        matrix = np.asarray(cones, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError(
            "cones must be a matrix of 3 x 3 numbers: one row each for L, M and S, one column each "
            f"for red, green and blue; got {cones!r}."
        )
    if np.linalg.cond(matrix) > WORST_CONDITION:
        raise ValueError(
            "no colour can be found that excites one kind of cones alone: the rows of cones depend "
            f"on each other, {matrix.tolist()}. Check the matrix."
        )
    return _matrix(matrix)


def _matrix(values: npt.NDArray[np.float64]) -> Matrix:
    long, medium, short = ((row[0], row[1], row[2]) for row in values.tolist())
    return long, medium, short


SRGB_CONES: Matrix = _matrix(np.array(XYZ_TO_CONES) @ np.array(SRGB_TO_XYZ))
