"""Fit a family of curves to labelled tuning curves, and say how well it went."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.errors import UserError
from insilico.tuning.fits.domains import check_domain, check_not_radians
from insilico.tuning.fits.families import FAMILIES
from insilico.tuning.fits.family import Array, Family
from insilico.tuning.fits.least_squares import Solution, minimise, starts

__all__ = ["evaluate", "fit_curve", "is_better"]

# A fit is good from this share of the variance on.
GOOD = 0.8
# A parameter within this share of its range from a bound is on it.
ON_BOUND = 1e-3

# Numbers in a Jacobian that are held at once: larger blocks leave the cache.
BLOCK = 1_000_000


def fit_curve(
    curve: xr.DataArray, family: str, *, dims: tuple[str, ...] | None = None
) -> xr.Dataset:
    r"""Fit a family of curves to every unit's tuning.

    Each curve is fitted from several starts within bounds, and the best fit is kept. Points that
    are NaN are left out.

    Parameters
    ----------
    curve : DataArray, dims (..., \*dims)
        Tuning curves; every dim that is not fitted over (``unit``, and any other) remains.
    family : str
        ``von_mises``, ``double_von_mises``, ``log_gaussian``, ``naka_rushton``, ``peirce``,
        ``difference_of_gaussians``, ``ratio_of_gaussians``, ``gabor``, ``plaid`` or
        ``surround_contrast``; docs/fits.md has the formulas.
    dims : tuple of str, optional
        The dims to fit over, if the curve has other names for them: ``("length",)``.

    Returns
    -------
    Dataset
        One variable for each parameter of the family, and ``baseline`` for ``naka_rushton`` and
        ``peirce``: the response at contrast 0, which is subtracted, or 0 if it was not shown.
        ``r2`` is the explained share of the variance, ``cost`` the sum of squared residuals,
        ``n_points`` their number. ``covariance``, dims (..., "parameter", "other"), is that of
        the parameters, taking the residuals as independent and equally large; NaN for parameters
        on a bound, and where there are no more points than parameters. ``flag`` says ``good``;
        ``poor`` (R2 below .8); ``on bound`` (a parameter within 1e-3 of its range from a bound
        that does not mean "no effect"); ``not converged``; or ``not fitted``, where a curve is
        flat, has fewer points than parameters, or lacks the response at contrast 0 where others
        have it: everything else is then NaN.

    Raises
    ------
    UserError
        If the family is unknown; the curve lacks its dims, or has infinite or complex values; or
        its coordinates are none that the family is over: contrasts beyond [0, 1], frequencies that
        are not above 0, diameters below 0, angles in radians.

    Examples
    --------
    >>> contrast = np.geomspace(0.01, 1, 12)
    >>> curve = xr.DataArray(
    ...     [30 * contrast**2 / (contrast**2 + 0.2**2)],
    ...     dims=("unit", "contrast"), coords={"contrast": contrast},
    ... )
    >>> fit = fit_curve(curve, "naka_rushton")
    >>> [round(float(fit[name][0]), 3) for name in ("maximum", "c50", "exponent", "r2")]
    [30.0, 0.2, 2.0, 1.0]
    """
    chosen = _family(family)
    dims = chosen.dims if dims is None else tuple(dims)
    coordinates = _coordinates(curve, chosen, dims)
    others = [dim for dim in curve.dims if dim not in dims]
    if np.iscomplexobj(curve):
        raise UserError("curves to fit must be real; got complex values. Take .real or abs().")
    data = curve.transpose(*others, *dims).to_numpy().astype(float)
    shape = data.shape[: len(others)]
    values = data.reshape(int(np.prod(shape)), len(coordinates[0]))
    if np.isinf(values).any():
        raise UserError(
            f"curves to fit must be finite, or NaN where there is no measurement; "
            f"{int(np.isinf(values).any(1).sum())} of {len(values)} hold infinite values."
        )
    values, points, baseline = _without_zero(chosen, values, coordinates)
    table = _fit_all(chosen, points, values)
    if chosen.subtracts_zero:
        table["baseline"] = np.where(table["flag"] == "not fitted", np.nan, baseline)
    coords = {name: value for name, value in curve.coords.items() if set(value.dims) <= {*others}}
    names = [parameter.name for parameter in chosen.parameters]
    result = xr.Dataset(
        {
            name: ((*others, *_extra(name)), array.reshape(*shape, *array.shape[1:]))
            for name, array in table.items()
        },
        coords={**coords, "parameter": names, "other": names},
        attrs={"family": family, "formula": chosen.formula, "dims": " ".join(dims)},
    )
    for parameter in chosen.parameters:
        units = curve.attrs.get("units", "1") if parameter.units == "response" else parameter.units
        result[parameter.name].attrs = {"long_name": _label(parameter.name), "units": units}
    if chosen.subtracts_zero:
        told = "subtracted" if (coordinates[0] == 0).any() else "not shown, and taken as 0"
        result["baseline"].attrs = {
            "long_name": f"Response at contrast 0 ({told})",
            "units": curve.attrs.get("units", "1"),
        }
    return result


def evaluate(fit: xr.Dataset, **coordinates: npt.ArrayLike) -> xr.DataArray:
    r"""Draw fitted curves at any conditions.

    Parameters
    ----------
    fit : Dataset
        Of `fit_curve`.
    **coordinates : sequence of float
        Values of each dim that was fitted over.

    Returns
    -------
    DataArray, dims (..., \*coordinates)
        The fitted curves, with the baseline that was subtracted. NaN where nothing was fitted.

    Raises
    ------
    UserError
        If the dims are not those of the fit.
    """
    family, dims = _family(fit.attrs["family"]), tuple(fit.attrs["dims"].split())
    if set(coordinates) != set(dims):
        raise UserError(
            f"this fit is over {', '.join(dims)}; got {', '.join(coordinates) or 'nothing'}. "
            "Give the values of each of them."
        )
    axes = [np.asarray(coordinates[dim], dtype=float) for dim in dims]
    for name, dim, axis in zip(family.dims, dims, axes, strict=True):
        check_domain(name, dim, axis)
    points = tuple(axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    arrays = [fit[parameter.name] for parameter in family.parameters]
    parameters = np.stack([array.to_numpy() for array in arrays], axis=-1)
    with np.errstate(divide="ignore"):  # contrast 0, where the curve is 0
        values = family.curve(points, parameters)
    if "baseline" in fit and family.subtracts_zero:
        values = values + fit["baseline"].to_numpy()[..., None]
    others = arrays[0].dims
    return xr.DataArray(
        values.reshape(*parameters.shape[:-1], *(len(axis) for axis in axes)),
        dims=(*others, *dims),
        coords={**arrays[0].coords, **dict(zip(dims, axes, strict=True))},
    )


def is_better(fuller: xr.Dataset, simpler: xr.Dataset, *, level: float = 0.05) -> xr.DataArray:
    """Whether parameters that a simpler fit lacks earn their place, by an F test.

    Parameters
    ----------
    fuller, simpler : Dataset
        Fits of the same curves, the simpler family a special case of the fuller one.
    level : float
        Of significance.

    Returns
    -------
    DataArray of bool
        False where the simpler fit is perfect up to rounding (R2 of 1 - 1e-6), since rounding
        alone is significant; and where either was not fitted.
    """
    from scipy.special import fdtrc  # scipy.stats takes a second to import

    more, fewer = fuller.sizes["parameter"], simpler.sizes["parameter"]
    rest = fuller["n_points"] - more
    gained = (simpler["cost"] - fuller["cost"]) / (more - fewer)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = gained / (fuller["cost"] / rest)
    significant = xr.apply_ufunc(fdtrc, more - fewer, rest, ratio) < level
    return significant & (simpler["r2"] < 1 - 1e-6) & (rest > 0)


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise UserError(f"a family of curves is one of {', '.join(FAMILIES)}; got {name!r}.")
    return FAMILIES[name]


def _coordinates(curve: xr.DataArray, family: Family, dims: tuple[str, ...]) -> tuple[Array, ...]:
    """Values of the fitted dims at every point of a curve."""
    missing = [dim for dim in dims if dim not in curve.dims or dim not in curve.coords]
    if missing or len(dims) != len(family.dims):
        raise UserError(
            f"{family.name} is fitted over {', '.join(family.dims)}, with values along "
            f"{'it' if len(family.dims) == 1 else 'them'}; the curve has the dims "
            f"{', '.join(map(str, curve.dims))}. Name the dims that stand for these: "
            f"dims=({', '.join(map(repr, family.dims))},)."
        )
    axes = [curve[dim].to_numpy().astype(float) for dim in dims]
    for name, dim, axis in zip(family.dims, dims, axes, strict=True):
        check_domain(name, dim, axis)
        check_not_radians(name, dim, axis)
    return tuple(axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))


def _without_zero(
    family: Family, values: Array, coordinates: tuple[Array, ...]
) -> tuple[Array, tuple[Array, ...], Array]:
    """Take the response at 0 as the baseline, in families that begin there."""
    if not family.subtracts_zero:
        return values, coordinates, np.zeros(len(values))
    (contrast,) = coordinates
    zero = contrast == 0
    # Where one of several was not measured, of the others.
    known = np.isfinite(values[:, zero])
    total = np.where(known, values[:, zero], 0).sum(1)
    with np.errstate(invalid="ignore"):
        baseline = total / known.sum(1) if zero.any() else np.zeros(len(values))
    return values[:, ~zero] - baseline[:, None], (contrast[~zero],), baseline


def _fit_all(family: Family, coordinates: tuple[Array, ...], values: Array) -> dict[str, Array]:
    """Everything that is reported, for curves (problem, point) that may hold NaN."""
    n, n_parameters = len(values), len(family.parameters)
    measured = np.isfinite(values)
    n_points = measured.sum(1)
    some = n_points > 0
    spread = np.zeros(n)
    spread[some] = np.nanvar(values[some], axis=1) * n_points[some]
    largest = np.abs(np.where(measured, values, 0)).max(1, initial=0)
    # Rounding is no tuning.
    fitted = (n_points >= n_parameters) & (spread > 1e-12 * n_points * largest**2)
    parameters = np.full((n, n_parameters), np.nan)
    cost, converged = np.full(n, np.nan), np.zeros(n, dtype=bool)
    covariance = np.full((n, n_parameters, n_parameters), np.nan)
    # Curves that lack the same points are fitted together, and those points left out.
    for pattern in np.unique(measured[fitted], axis=0):
        rows = np.flatnonzero(fitted & (measured == pattern).all(1))
        points = tuple(coordinate[pattern] for coordinate in coordinates)
        size = max(1, BLOCK // (len(points[0]) * n_parameters))
        for first in range(0, len(rows), size):
            block = rows[first : first + size]
            best = _best(family, points, values[block][:, pattern])
            parameters[block], cost[block], converged[block] = best
            covariance[block] = _covariance(family, points, *best[:2])
    flag = np.where(converged, "good", "not converged")
    r2 = 1 - cost / np.where(fitted, spread, np.nan)
    flag = np.where(r2 < GOOD, "poor", flag)
    flag = np.where(_on_bound(family, parameters).any(1), "on bound", flag)
    flag = np.where(fitted, flag, "not fitted")
    named = {p.name: parameters[:, i] for i, p in enumerate(family.parameters)}
    return {
        **named, "r2": r2, "cost": cost, "n_points": n_points, "flag": flag,
        "covariance": covariance,
    }  # fmt: skip


def _best(family: Family, coordinates: tuple[Array, ...], values: Array) -> Solution:
    """Find the best of the fits from every start, in the form in which it is reported."""
    # Curves are fitted at a size of about 1, so that nothing depends on the units of the response.
    size = np.abs(values).max(1)
    scaled = values / size[:, None]
    begun = starts(family, coordinates, scaled)
    n_starts, n = begun.shape[:2]
    found = minimise(
        family, coordinates, np.tile(scaled, (n_starts, 1)), begun.reshape(-1, begun.shape[2])
    )
    best = found.cost.reshape(n_starts, n).argmin(0) * n + np.arange(n)
    parameters, cost, converged = (part[best] for part in found)
    parameters[:, : len(family.amplitudes)] *= size[:, None]
    if family.canonical is not None:
        parameters = family.canonical(parameters)
    for i, parameter in enumerate(family.parameters):
        if parameter.period is not None:
            parameters[:, i] %= parameter.period
    return Solution(parameters, cost * size**2, converged)


def _on_bound(family: Family, parameters: Array) -> npt.NDArray[np.bool_]:
    """Which parameters lie on a bound that is no answer, shape (problem, parameter)."""
    found = np.zeros(parameters.shape, dtype=bool)
    for i, parameter in enumerate(family.parameters):
        lower, upper, value = parameter.lower, parameter.upper, parameters[:, i]
        margin = ON_BOUND * (upper - lower) if np.isfinite(upper - lower) else 0.0
        if lower != parameter.no_effect:
            found[:, i] |= value <= lower + margin
        if upper != parameter.no_effect:
            found[:, i] |= value >= upper - margin
    return found


def _covariance(
    family: Family, coordinates: tuple[Array, ...], parameters: Array, cost: Array
) -> Array:
    """Covariance of the parameters that are not on a bound, NaN for those that are."""
    jacobian = family.jacobian(coordinates, parameters)
    rest = len(coordinates[0]) - parameters.shape[1]
    held = (parameters <= family.lower) | (parameters >= family.upper)
    jacobian = np.where(held[..., None], 0, jacobian)
    # Relative to each parameter's own effect: their sizes differ by orders of magnitude.
    norm = np.sqrt((jacobian**2).sum(-1))
    norm = np.where(norm > 0, norm, np.inf)
    scaled = jacobian / norm[..., None]
    inverse = np.linalg.pinv(scaled @ scaled.swapaxes(-1, -2), hermitian=True)
    inverse = inverse / (norm[..., :, None] * norm[..., None, :])
    undetermined = ~np.isfinite(norm)
    inverse[undetermined[..., :, None] | undetermined[..., None, :]] = np.nan
    return inverse * (cost / rest if rest > 0 else np.full_like(cost, np.nan))[:, None, None]


def _extra(name: str) -> tuple[str, ...]:
    return ("parameter", "other") if name == "covariance" else ()


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
