"""What a family of curves is: its parameters, their bounds, its shape, and where to start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Family", "Parameter", "crossed"]

Array = npt.NDArray[np.float64]


class Parameter(NamedTuple):
    """One parameter of a family.

    Attributes
    ----------
    name : str
        As the fit's table calls it.
    lower, upper : float
        Bounds; infinite where there is none.
    units : str
        Of the parameter; ``"response"`` for those of the curve.
    no_effect : float, optional
        The bound that means that a mechanism is absent: an answer, and not a failed fit.
    period : float, optional
        For angles, which have no bounds and are reported in [0, period).
    """

    name: str
    lower: float = -np.inf
    upper: float = np.inf
    units: str = "1"
    no_effect: float | None = None
    period: float | None = None


@dataclass(frozen=True)
class Family:
    r"""A family of curves that is linear in some of its parameters.

    A curve is the sum of ``amplitudes`` times the columns of ``basis``, which depend on ``shape``.

    Parameters
    ----------
    name, formula : str
        What it is called, and how it is written.
    dims : tuple of str
        The dims of a curve that it describes, unless told otherwise.
    amplitudes, shape : tuple of Parameter
        The linear parameters and the others.
    basis : callable
        ``basis(*coordinates, *shape)`` with coordinates of shape (point,) and shapes (..., 1);
        returns one array (..., point) for each amplitude.
    starts : callable
        ``starts(*coordinates)``: shapes to start from, (group, member, shape). A fit begins at the
        best member of each group, with the amplitudes that suit it.
    starts_from_curves : bool
        Whether ``starts`` is ``starts(values, *coordinates)`` instead, and returns one shape per
        curve in each group, (group, curve, shape).
    subtracts_zero : bool
        Whether the response at coordinate 0, where it is known, is taken as the fixed baseline.
    canonical : callable, optional
        Turns parameters, shape (curve, parameter), into those of the same curve in which it is
        reported.
    """

    name: str
    formula: str
    dims: tuple[str, ...]
    amplitudes: tuple[Parameter, ...]
    shape: tuple[Parameter, ...]
    basis: Callable[..., tuple[Array, ...]]
    starts: Callable[..., Array]
    starts_from_curves: bool = False
    subtracts_zero: bool = False
    canonical: Callable[[Array], Array] | None = None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All of them, amplitudes first."""
        return self.amplitudes + self.shape

    @property
    def lower(self) -> Array:
        """Lower bounds, shape (parameter,)."""
        return np.array([parameter.lower for parameter in self.parameters])

    @property
    def upper(self) -> Array:
        """Upper bounds, shape (parameter,)."""
        return np.array([parameter.upper for parameter in self.parameters])

    def columns(self, coordinates: tuple[Array, ...], shape: Array) -> Array:
        """Compute the basis at shapes (..., shape): an array (..., amplitude, point)."""
        parts = self.basis(*coordinates, *(shape[..., [i]] for i in range(len(self.shape))))
        return np.stack(np.broadcast_arrays(*parts), axis=-2)

    def curve(self, coordinates: tuple[Array, ...], parameters: Array) -> Array:
        """Draw the curves of parameters (..., parameter): an array (..., point)."""
        n = len(self.amplitudes)
        columns = self.columns(coordinates, parameters[..., n:])
        return np.einsum("...a,...ap->...p", parameters[..., :n], columns)

    def jacobian(self, coordinates: tuple[Array, ...], parameters: Array) -> Array:
        """Differentiate the curves with respect to each parameter: (..., parameter, point).

        Exact for the amplitudes, which are linear; central differences for the shape, within the
        bounds.
        """
        n = len(self.amplitudes)
        amplitudes, shape = parameters[..., :n], parameters[..., n:]
        parts = [self.columns(coordinates, shape)]
        for i in range(len(self.shape)):
            step = STEP * np.maximum(np.abs(shape[..., i]), SMALLEST)
            ends = []
            for sign in (1, -1):
                moved = shape.copy()
                moved[..., i] = np.clip(
                    shape[..., i] + sign * step, self.lower[n + i], self.upper[n + i]
                )
                bent = np.einsum("...a,...ap->...p", amplitudes, self.columns(coordinates, moved))
                ends.append((moved[..., i], bent))
            (high, above), (low, below) = ends
            parts.append(((above - below) / (high - low)[..., None])[..., None, :])
        return np.concatenate(parts, axis=-2)


# Relative step of the differences: the cube root of the rounding, where both errors are least.
STEP, SMALLEST = 6e-6, 1e-3


def crossed(*axes: Sequence[float] | Array) -> Array:
    """Cross values of each shape to start from: the first axis makes the groups."""
    mesh = np.meshgrid(*(np.asarray(axis, dtype=float) for axis in axes), indexing="ij")
    return np.stack(mesh, axis=-1).reshape(len(mesh[0]), -1, len(axes))
