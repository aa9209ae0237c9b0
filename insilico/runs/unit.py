"""One unit of a run: where it looks, all that was measured of it, and its curves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from insilico.errors import UserError

if TYPE_CHECKING:
    from insilico.runs.results import Results

__all__ = ["Unit", "unit_of"]


@dataclass(frozen=True)
class Unit:
    """Everything about one unit.

    Parameters
    ----------
    number : int
        Its place along ``unit``: its row in the table of units.
    layer : str
        Its layer.
    channel, row, column : int
        Which one it is there.
    x, y : float
        Where its site looks, in deg.
    properties : DataFrame, index ``property``
        ``value``, NaN where it is undefined; ``units``, ``label``, ``protocol``; and
        ``responsive``, whether the unit responded in that protocol and so counts in comparisons.
    curves : dict of str to DataArray, dims (<factor>,)
        Its tuning curves, by protocol.
    responses : dict of str to DataArray
        Its raw activations, by protocol; empty where the recordings were left out.
    """

    number: int
    layer: str
    channel: int
    row: int
    column: int
    x: float
    y: float
    properties: pd.DataFrame = field(repr=False)
    curves: Mapping[str, xr.DataArray] = field(repr=False)
    responses: Mapping[str, xr.DataArray] = field(repr=False)

    def __repr__(self) -> str:
        responded = self.properties.groupby("protocol", sort=False)["responsive"].first()
        silent = [str(name) for name, flag in responded.items() if not flag]
        defined = self.properties[np.isfinite(self.properties["value"])]
        wide = max((len(str(name)) for name in defined.index), default=0)
        lines = [
            f"unit {self.number}: {self.layer}, channel {self.channel}, site "
            f"({self.row}, {self.column}), looks at ({self.x:.2f}, {self.y:.2f}) deg",
            *(
                f"{name:<{wide}} {value:>10.4g} {units if units != '1' else ''}".rstrip()
                for name, value, units in zip(
                    defined.index, defined["value"], defined["units"], strict=True
                )
            ),
        ]
        undefined = int(self.properties["value"].isna().sum())
        if undefined:
            lines.append(f"{undefined} properties are undefined: see .properties")
        if silent:
            lines.append(f"does not respond in {', '.join(silent)}: not compared there")
        return "\n".join(lines)


def unit_of(results: "Results", number: int) -> Unit:
    """Gather everything about one unit.

    Parameters
    ----------
    results : Results
        A run.
    number : int
        Place along ``unit``, from 0.

    Returns
    -------
    Unit

    Raises
    ------
    UserError
        If there is no such unit.
    """
    place = checked(results, number)
    one = results.units.isel(unit=place)
    measured = {str(name): one[name] for name in one.data_vars if one[name].ndim == 0}
    flags = one["responsive"].to_series().astype(bool)
    properties = pd.DataFrame(
        {
            "value": {name: float(each) for name, each in measured.items()},
            "units": {name: str(each.attrs.get("units", "1")) for name, each in measured.items()},
            "label": {name: each.attrs.get("long_name", name) for name, each in measured.items()},
            "protocol": {name: each.attrs.get("protocol", "") for name, each in measured.items()},
        }
    ).rename_axis("property")
    properties["responsive"] = properties["protocol"].map(flags)
    return Unit(
        number=place,
        layer=str(one["layer"].item()),
        channel=int(one["channel"]),
        row=int(one["row"]),
        column=int(one["column"]),
        x=float(one["x"]),
        y=float(one["y"]),
        properties=properties,
        curves={name: each.isel(unit=place) for name, each in results.curves.items()},
        responses={name: each.isel(unit=place) for name, each in results.recordings.items()},
    )


def checked(results: "Results", number: int) -> int:
    """Check the number of a unit.

    Parameters
    ----------
    results : Results
        A run.
    number : int
        Place along ``unit``, from 0.

    Returns
    -------
    int

    Raises
    ------
    UserError
        If there is no such unit.
    """
    n = results.units.sizes["unit"]
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not whole or not 0 <= number < n:
        raise UserError(
            f"unit must be a row of .units, a whole number from 0 to {n - 1}; got {number!r}."
        )
    return int(number)
