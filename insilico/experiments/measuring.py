"""From the responses of a protocol to its curve and its properties."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.protocol import Protocol, function_name
from insilico.tuning.rates import RateMap, to_rates

__all__ = ["Measured", "measure", "measure_curve", "scaled", "unit_table", "with_given"]


NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Measured:
    """What a protocol gave.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    curve : DataArray, dims ("unit", <factors>)
        The tuning curves.
    properties : dict of str to DataArray, dims ("unit",)
        By name, with ``long_name``, ``units``, ``protocol``, ``definition`` and ``undefined`` in
        their attributes.
    responsive : DataArray of bool, dims ("unit",)
        Which units respond.
    """

    protocol: Protocol
    curve: xr.DataArray
    properties: Mapping[str, xr.DataArray]
    responsive: xr.DataArray


def measure(
    protocol: Protocol, responses: xr.DataArray, known: Mapping[str, Measured] = NOTHING
) -> Measured:
    """Take the curve of a protocol, and measure its properties.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    responses : DataArray, dims ("unit", <factors>)
        Firing rates or rectified activations, as the protocol's ``scale`` says.
    known : mapping of str to Measured
        What was measured before, where the protocol takes a curve from there.

    Returns
    -------
    Measured

    Raises
    ------
    UserError
        For a property without a name, that is neither DataArray nor Dataset, or not per unit.
    """
    n_units = responses.sizes["unit"]
    others = [known[protocol.beside].curve] if protocol.beside else []
    curve = protocol.curve(responses, *others)
    _check(protocol, protocol.curve, curve, n_units, "curve")
    properties = measure_curve(protocol, curve)
    responsive = protocol.responsive(curve)
    _check(protocol, protocol.responsive, responsive, n_units, "answer")
    return Measured(protocol, curve, properties, responsive)


def measure_curve(protocol: Protocol, curve: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measure the properties of a protocol on its curve.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    curve : DataArray, dims ("unit", <factors>)
        Its curve.

    Returns
    -------
    dict of str to DataArray, dims ("unit",)
        By name, labelled as in `Measured`.

    Raises
    ------
    UserError
        As from `measure`.
    """
    n_units = curve.sizes["unit"]
    properties: dict[str, xr.DataArray] = {}
    for each in protocol.properties:
        for value in _values(protocol, each, each(curve), n_units):
            name = str(value.name)
            if name in properties:
                raise UserError(
                    f"two properties of protocol {protocol.name!r} are named {name!r}. Rename one."
                )
            properties[name] = xr.DataArray(
                value.to_numpy(),
                dims="unit",
                name=name,
                attrs={
                    # One of several of a fit says for itself what it is.
                    "definition": _definition(each),
                    **value.attrs,
                    "protocol": protocol.name,
                    "undefined": _undefined(each),
                },
            )
    return properties


def scaled(protocol: Protocol, recording: xr.DataArray, rate_map: RateMap | None) -> xr.DataArray:
    """Turn a recording into what the curve of a protocol is taken from.

    Parameters
    ----------
    protocol : Protocol
        The experiment, with its ``scale``.
    recording : DataArray, dims ("unit", <factors>)
        Raw activations, or maps.
    rate_map : RateMap or None
        To firing rates, if there is one.

    Returns
    -------
    DataArray
        In float64.
    """
    if protocol.scale == "signed":
        return recording.astype(np.float64)
    return to_rates(recording, rate_map if protocol.scale == "rates" else None)


def with_given(protocol: Protocol, responses: xr.DataArray, known: xr.Dataset) -> xr.DataArray:
    """Put properties that a protocol is given beside its responses.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    responses : DataArray, dims ("unit", <factors>)
        Its recording.
    known : Dataset, dim "unit"
        What was measured of the same units before.

    Returns
    -------
    DataArray
        With one more coordinate over ``unit`` for each.

    Raises
    ------
    UserError
        If a property was not measured before.
    """
    missing = [name for name in protocol.given if name not in known]
    if missing:
        raise UserError(
            f"protocol {protocol.name!r} is given {', '.join(missing)}, which no protocol that it "
            f"comes after measures. Name one that does: after={protocol.after!r} and another."
        )
    return responses.assign_coords(
        {name: ("unit", known[name].to_numpy()) for name in protocol.given}
    )


def unit_table(measured: Mapping[str, Measured], recording: xr.DataArray) -> xr.Dataset:
    """Gather what was measured in one table.

    Parameters
    ----------
    measured : mapping of str to Measured
        By protocol.
    recording : DataArray
        Any recording of the same units, for their coordinates.

    Returns
    -------
    Dataset, dim "unit"
        One variable per property, and ``responsive``, dims ("unit", "protocol").
    """
    flags = [each.responsive.to_numpy().astype(bool) for each in measured.values()]
    n_units = recording.sizes["unit"]
    responsive = xr.DataArray(
        np.stack(flags, axis=1) if flags else np.empty((n_units, 0), dtype=bool),
        dims=("unit", "protocol"),
        coords={"protocol": np.array(list(measured), dtype=str)},
    )
    places = {
        name: coordinate.variable
        for name, coordinate in recording.coords.items()
        if coordinate.dims == ("unit",)
    }
    values = {name: value for each in measured.values() for name, value in each.properties.items()}
    return xr.Dataset({**values, "responsive": responsive}, coords=places)


def _values(
    protocol: Protocol, function: Callable[..., Any], value: Any, n_units: int
) -> list[xr.DataArray]:
    if isinstance(value, xr.Dataset):
        values = [value[name] for name in value.data_vars]
    else:
        _check(protocol, function, value, n_units, "property")
        values = [value]
    for each in values:
        if each.name is None:
            raise UserError(
                f"a property of protocol {protocol.name!r}, {function_name(function)}, returns an "
                "array without a name; insilico.tuning.properties.per_unit makes a property."
            )
        if each.dims != ("unit",):
            raise UserError(
                f"property {each.name!r} of protocol {protocol.name!r} must have one value per "
                f"unit, dims ('unit',); got {each.dims}."
            )
    return values


def _check(
    protocol: Protocol, function: Callable[..., Any], value: Any, n_units: int, what: str
) -> None:
    if not isinstance(value, xr.DataArray):
        raise UserError(
            f"a {what} of protocol {protocol.name!r}, {function_name(function)}, must return a "
            f"DataArray {'or a Dataset ' if what == 'property' else ''}with the dim 'unit'; it "
            f"returned a {type(value).__name__}."
        )
    if value.sizes.get("unit") != n_units:
        raise UserError(
            f"a {what} of protocol {protocol.name!r}, {function_name(function)}, must keep the dim "
            f"'unit' and its {n_units} units; it returned dims {dict(value.sizes)}."
        )


def _definition(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]


def _undefined(function: Callable[..., Any]) -> str:
    """Say when a measure has no value, in the words of its docstring."""
    text = " ".join((function.__doc__ or "").split("References")[0].split())
    return " ".join(re.findall(r"NaN [^.]*(?:\.\d[^.]*)*\.", text))
