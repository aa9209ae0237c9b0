"""How a property is returned: one labelled value per unit."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

__all__ = ["measures", "named", "names", "per_unit", "suppression"]

Measure = TypeVar("Measure", bound=Callable[..., Any])


def named(*properties: str) -> Callable[[Measure], Measure]:
    """Say which properties a function measures, where it has another name or measures several.

    Parameters
    ----------
    *properties : str
        Their names, in the order in which they are returned.

    Returns
    -------
    callable
        Decorates the function, which stays as it is.

    Examples
    --------
    >>> @named("low", "high")
    ... def ends(curve): ...
    >>> names(ends)
    ('low', 'high')
    """

    def noted(measure: Measure) -> Measure:
        vars(measure)["properties"] = properties
        return measure

    return noted


def names(measure: Callable[..., Any]) -> tuple[str, ...]:
    """Tell which properties a function measures, without measuring anything.

    Parameters
    ----------
    measure : callable
        One of the ``properties`` of a protocol.

    Returns
    -------
    tuple of str
        Those that it was `named`, or else its own name.
    """
    own = (getattr(measure, "__name__", repr(measure)),)
    return tuple(getattr(measure, "properties", own))


def per_unit(
    curve: xr.DataArray,
    name: str,
    values: npt.ArrayLike,
    long_name: str,
    units: str = "1",
    *,
    silent: bool = False,
) -> xr.DataArray:
    """Label one value per unit, so that it is a property.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        What was measured; its unit coordinates are kept.
    name : str
        Name of the property: its column in the table of units.
    values : array, shape (unit,)
        The values.
    long_name : str
        What tables and figures call it.
    units : str
        "deg", "cpd", "spikes/s", ...; "1" for a number without.
    silent : bool
        Whether silent units have a value too.

    Returns
    -------
    DataArray, dims ("unit",)
        In float64. NaN, unless ``silent``, for units whose curve is nowhere above 0 or not finite
        throughout: what is read off such a curve is not theirs.

    Examples
    --------
    >>> curve = xr.DataArray([[1.0, 3.0], [0.0, 0.0]], dims=("unit", "contrast"))
    >>> slope = curve.diff("contrast").max("contrast")
    >>> per_unit(curve, "slope", slope, "Slope", "spikes/s").values.tolist()
    [2.0, nan]
    """
    measured = np.asarray(values, dtype=float)
    if not silent:
        data = curve.transpose("unit", ...).to_numpy()
        factors = tuple(range(1, data.ndim))
        answers = np.isfinite(data).all(axis=factors) & (data > 0).any(axis=factors)
        measured = np.where(answers, measured, np.nan)
    return xr.DataArray(
        measured,
        dims="unit",
        coords={key: value for key, value in curve.coords.items() if value.dims == ("unit",)},
        name=name,
        attrs={"long_name": long_name, "units": units},
    )


def measures(
    curve: xr.DataArray, found: Mapping[str, tuple[npt.ArrayLike, str, str, str]]
) -> xr.Dataset:
    """Label several values per unit, of one fit.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        What was measured.
    found : mapping of str to tuple
        By the name of the property: its values, its long name, its units, and its definition in one
        sentence.

    Returns
    -------
    Dataset, dim "unit"
        Of what `per_unit` makes.
    """
    return xr.Dataset(
        {
            name: per_unit(curve, name, values, label, units).assign_attrs(definition=definition)
            for name, (values, label, units, definition) in found.items()
        }
    )


def suppression(
    responses: npt.ArrayLike, alone: npt.ArrayLike, criterion: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Share of a response that something else takes away.

    Parameters
    ----------
    responses : array
        With it; a response below blank counts as nothing.
    alone : array, broadcasts with ``responses``
        Without it.
    criterion : array, broadcasts with ``alone``
        What the latter has to reach: see `insilico.tuning.rates.response_criterion`.

    Returns
    -------
    array
        ``1 - responses / alone``: at most 1, below 0 where it adds. NaN below the criterion.

    Examples
    --------
    >>> suppression([10.0, 50.0, -1.0], 40.0, 5.0).tolist()
    [0.75, -0.25, 1.0]
    """
    reference = np.asarray(alone, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = 1 - np.clip(responses, 0, None) / reference
    return np.where(reference >= criterion, index, np.nan)
