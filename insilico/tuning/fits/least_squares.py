"""Bounded least squares for many small problems at once (Levenberg and Marquardt)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.tuning.fits.family import Array, Family

__all__ = ["Solution", "minimise", "starts"]

# A problem is solved when a step that was taken gains less than this share of the curve's sum of
# squares, and as good as solved when no step of any length gains anything.
GAIN = 1e-13
LARGEST_DAMPING = 1e12
MOST_STEPS = 1000


class Solution(NamedTuple):
    """The least cost found for each problem.

    Attributes
    ----------
    parameters : array, shape (problem, parameter)
        Within the bounds.
    cost : array, shape (problem,)
        Sum of squared residuals.
    converged : array of bool, shape (problem,)
        Whether the search ended before its last allowed step.
    """

    parameters: Array
    cost: Array
    converged: npt.NDArray[np.bool_]


def minimise(
    family: Family, coordinates: tuple[Array, ...], values: Array, start: Array
) -> Solution:
    """Fit each curve from one start.

    The step is that of Levenberg and Marquardt in the parameters that are free: those on a bound
    which the cost pushes outwards stay there. A step is cut at the bounds, and taken if the cost
    falls (Kanzow, Yamashita & Fukushima 2004, J. Comput. Appl. Math. 172).

    Parameters
    ----------
    family : Family
        Of the curves.
    coordinates : tuple of array, shape (point,)
        Where the curves were measured.
    values : array, shape (problem, point)
        The curves.
    start : array, shape (problem, parameter)
        Within the bounds.

    Returns
    -------
    Solution
    """
    lower, upper = family.lower, family.upper
    parameters = start.copy()
    residual = family.curve(coordinates, parameters) - values
    cost = (residual**2).sum(-1)
    enough = GAIN * (values**2).sum(-1)
    damping = np.full(len(values), 1e-2)
    n_parameters = parameters.shape[1]
    slope = np.empty((len(values), n_parameters))
    curvature = np.empty((len(values), n_parameters, n_parameters))
    working = np.arange(len(values))
    moved = working  # the problems whose derivatives are out of date
    for _ in range(MOST_STEPS):
        jacobian = family.jacobian(coordinates, parameters[moved])
        slope[moved] = np.einsum("npi,ni->np", jacobian, residual[moved])
        curvature[moved] = jacobian @ jacobian.swapaxes(-1, -2)
        here = parameters[working]
        step = _step(slope[working], curvature[working], damping[working], here, lower, upper)
        there = np.clip(here + step, lower, upper)
        trial = family.curve(coordinates, there) - values[working]
        trial_cost = (trial**2).sum(-1)
        gain = cost[working] - trial_cost
        taken = gain > 0
        moved = working[taken]
        parameters[moved], residual[moved] = there[taken], trial[taken]
        cost[moved] = trial_cost[taken]
        damping[working] *= np.where(taken, 0.2, 4.0)
        damping[working] = np.maximum(damping[working], 1e-10)
        done = (taken & (gain <= enough[working])) | (damping[working] > LARGEST_DAMPING)
        done |= (there == here).all(-1)
        working = working[~done]
        moved = moved[np.isin(moved, working, assume_unique=True)]
        if not len(working):
            break
    converged = np.ones(len(values), dtype=bool)
    converged[working] = False
    return Solution(parameters, cost, converged)


def _step(
    slope: Array, curvature: Array, damping: Array, here: Array, lower: Array, upper: Array
) -> Array:
    """Damped step of the parameters that are free to move."""
    held = ((here <= lower) & (slope > 0)) | ((here >= upper) & (slope < 0))
    diagonal = np.einsum("npp->np", curvature)
    # A parameter without any effect has no curvature: the damping then stands on a little of it.
    scale = np.maximum(diagonal, 1e-12 * diagonal.max(-1, keepdims=True) + 1e-300)
    norm = np.sqrt(scale)
    system = curvature / (norm[:, :, None] * norm[:, None, :])
    either = held[:, :, None] | held[:, None, :]
    system = np.where(either, 0.0, system)
    index = np.arange(here.shape[1])
    system[:, index, index] = np.where(held, 1.0, system[:, index, index] + damping[:, None])
    target = np.where(held, 0.0, -slope / norm)
    return np.linalg.solve(system, target[..., None])[..., 0] / norm


def starts(family: Family, coordinates: tuple[Array, ...], values: Array) -> Array:
    """Where the fits of each curve begin: the best shape of each group with its amplitudes.

    Parameters
    ----------
    family, coordinates, values
        As in `minimise`.

    Returns
    -------
    array, shape (group, problem, parameter)
        Within the bounds.
    """
    if family.starts_from_curves:
        begun = [
            _with_amplitudes(family, coordinates, values, shape)
            for shape in family.starts(values, *coordinates)
        ]
    else:
        begun = [
            _best_member(family, coordinates, values, group)
            for group in family.starts(*coordinates)
        ]
    return np.clip(np.stack(begun), family.lower, family.upper)


def _best_member(
    family: Family, coordinates: tuple[Array, ...], values: Array, group: Array
) -> Array:
    """For each curve the shape of a group, with its amplitudes, that comes closest."""
    n = len(family.amplitudes)
    columns = family.columns(coordinates, group)  # (member, amplitude, point)
    # Linear least squares for all curves and members at once, since they share their points.
    solver = np.linalg.pinv(columns).swapaxes(1, 2)
    amplitudes = np.einsum("map,up->uma", solver, values, optimize=True)
    amplitudes = np.clip(amplitudes, family.lower[:n], family.upper[:n])
    squares = columns @ columns.swapaxes(1, 2)
    match = np.einsum("map,up->uma", columns, values, optimize=True)
    # The cost but for the sum of squares of the curve itself, which all members share.
    cost = ((amplitudes[..., None, :] @ squares)[..., 0, :] * amplitudes).sum(-1)
    cost -= 2 * (amplitudes * match).sum(-1)
    best = cost.argmin(1)
    return np.concatenate([amplitudes[np.arange(len(values)), best], group[best]], axis=1)


def _with_amplitudes(
    family: Family, coordinates: tuple[Array, ...], values: Array, shape: Array
) -> Array:
    """One shape per curve, with its amplitudes by linear least squares."""
    columns = family.columns(coordinates, shape)  # (curve, amplitude, point)
    amplitudes = (np.linalg.pinv(columns).swapaxes(1, 2) @ values[..., None])[..., 0]
    return np.concatenate([amplitudes, shape], axis=1)
