"""Geometry of a population's answers: how sparse they are, and how many dimensions they fill.

For any responses to many pictures: of a run (``results.curves``), or of your own.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.errors import UserError

__all__ = [
    "cross_validated_spectrum",
    "lifetime_sparseness",
    "population_sparseness",
    "share_above_half_maximum",
    "spectrum_exponent",
    "treves_rolls",
]

Array = npt.NDArray[np.float64]


def treves_rolls(responses: npt.ArrayLike, *, axis: int = -1) -> Array:
    """Activity ratio of responses, ``mean(r)^2 / mean(r^2)``: small where few are large.

    Parameters
    ----------
    responses : array
        Not below 0; what is, counts as 0.
    axis : int
        Over which it is taken: pictures for a unit, units for a picture.

    Returns
    -------
    array
        In [0, 1]; NaN where nothing responds.

    References
    ----------
    Treves A, Rolls ET (1991). Network 2:371-397.

    Examples
    --------
    >>> treves_rolls([[1.0, 1.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0]]).tolist()
    [1.0, 0.25]
    """
    values = np.clip(np.asarray(responses, dtype=float), 0, None)
    power = (values**2).mean(axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(power > 0, values.mean(axis) ** 2 / power, np.nan)


def lifetime_sparseness(curve: xr.DataArray) -> xr.DataArray:
    """Sparseness of each unit over pictures, ``(1 - a) / (1 - 1/n)`` of the activity ratio a.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses to n pictures; trials are averaged.

    Returns
    -------
    DataArray, dims ("unit",)
        0 where all pictures are answered alike, 1 where one is. NaN for a silent unit.

    References
    ----------
    Vinje WE, Gallant JL (2000). Science 287:1273-1276.
    """
    return _labelled(curve, _sparseness(_by_picture(curve), 1))


def population_sparseness(curve: xr.DataArray) -> Array:
    """Sparseness of the answers to each picture over units, as `lifetime_sparseness`.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses, of units of one layer; trials are averaged.

    Returns
    -------
    array, shape (picture,)
        NaN for a picture that drives no unit.
    """
    return _sparseness(_by_picture(curve), 0)


def share_above_half_maximum(curve: xr.DataArray) -> xr.DataArray:
    """Share of the pictures that drive a unit above half of its largest response.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses; trials are averaged.

    Returns
    -------
    DataArray, dims ("unit",)
        Its mean over units is the share of units that a picture drives so. NaN for a silent unit.
    """
    values = _by_picture(curve)
    largest = values.max(1)
    share = (values > largest[:, None] / 2).mean(1)
    return _labelled(curve, np.where(largest > 0, share, np.nan))


def cross_validated_spectrum(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """Variance along the principal components of one repeat that another repeat shares.

    Noise that the repeats do not share adds nothing in the mean, where the plain spectrum of either
    has its variance in every dimension. Components whose own variance is below that of the noise
    are mixed with others, and come out too small.

    Parameters
    ----------
    first, second : array, shape (picture, unit)
        Responses to the same pictures, each shown twice.

    Returns
    -------
    array, shape (component,)
        Largest component of the first repeat first; may be below 0 where there is only noise.

    Raises
    ------
    UserError
        If the shapes differ, or there are fewer than two pictures.

    References
    ----------
    Stringer C, Pachitariu M, Steinmetz N, Carandini M, Harris KD (2019). Nature 571:361-365.
    """
    one, two = (np.asarray(each, dtype=float) for each in (first, second))
    if one.ndim != 2 or one.shape != two.shape or len(one) < 2:
        raise UserError(
            "two repeats must be arrays (picture, unit) of one shape, of two pictures at least; "
            f"got {one.shape} and {two.shape}."
        )
    one, two = one - one.mean(0), two - two.mean(0)
    components = np.linalg.svd(one, full_matrices=False)[2]
    return ((one @ components.T) * (two @ components.T)).mean(0)


def spectrum_exponent(
    spectrum: npt.ArrayLike, *, first: int = 11, last: int | None = None
) -> float:
    """Exponent of the power law that a spectrum falls with: alpha of ``rank^-alpha``.

    Parameters
    ----------
    spectrum : array, shape (component,)
        Of `cross_validated_spectrum`.
    first, last : int
        Ranks, from 1, between which a line is fitted to the logarithms, each rank counting
        as much as its share of the logarithmic axis; to a fifth of them by default.

    Returns
    -------
    float
        NaN where fewer than three of the values are above 0.
    """
    values = np.asarray(spectrum, dtype=float)
    last = len(values) // 5 if last is None else last
    rank = np.arange(first, min(last, len(values)) + 1)
    kept = values[rank - 1] > 0
    if kept.sum() < 3:
        return float("nan")
    x, y = np.log(rank[kept]), np.log(values[rank - 1][kept])
    # np.polyfit squares its weights.
    return -float(np.polyfit(x, y, 1, w=rank[kept] ** -0.5)[0])


def _by_picture(curve: xr.DataArray) -> Array:
    """Lay responses out as (unit, picture), the mean of the trials."""
    mean = curve.mean("trial") if "trial" in curve.dims else curve
    values = mean.transpose("unit", ...).to_numpy().astype(float)
    return np.clip(values.reshape(len(values), -1), 0, None)


def _sparseness(values: Array, axis: int) -> Array:
    n = values.shape[axis]
    return (1 - treves_rolls(values, axis=axis)) / (1 - 1 / n)


def _labelled(curve: xr.DataArray, values: Array) -> xr.DataArray:
    own = {name: each for name, each in curve.coords.items() if each.dims == ("unit",)}
    return xr.DataArray(values, dims="unit", coords=own)
