"""Results as one file that others read: netCDF-4, or Neurodata Without Borders."""

import json
from pathlib import Path

import pandas as pd
import xarray as xr

from insilico.disk import check_room, room, writable
from insilico.errors import UserError
from insilico.runs.results import TABLES, Results

__all__ = ["export"]


def export(results: Results, path: Path | str) -> Path:
    """Write results to one file.

    Parameters
    ----------
    results : Results
        A run.
    path : path
        A new file. What its name ends with says what it is: ``.nc``, netCDF-4 with the groups
        ``units``, ``curves/PROTOCOL``, ``recordings/PROTOCOL`` and ``tables/NAME``, each of which
        `xarray.open_dataset` opens; or ``.nwb``, Neurodata Without Borders (extra ``nwb``).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UserError
        If there is such a file already, its name ends otherwise, the package for it is missing, or
        there is no room for it.

    Examples
    --------
    >>> insilico.export(insilico.open_results("results/vone"), "vone.nc")  # doctest: +SKIP
    """
    path = Path(path)
    if path.suffix not in (".nc", ".nwb"):
        raise UserError(f"the name of the file must end with .nc or .nwb; got {path.name!r}.")
    if path.exists():
        raise UserError(f"{path} already exists, and nothing is overwritten. Give another name.")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent}.")
    # HDF5 crashes where a disk is full; so it is known before.
    parts = (results.units, *results.recordings.values(), *results.curves.values())
    check_room(sum(each.nbytes for each in parts), room(path.parent))
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with writable(path):
            if path.suffix == ".nc":
                _write_netcdf(results, partial)
            else:
                from insilico.runs.nwb import write_nwb

                write_nwb(results, partial)
            partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _write_netcdf(results: Results, path: Path) -> None:
    about = {
        "battery": results.battery,
        "provenance": json.dumps(dict(results.provenance)),
        "warnings": json.dumps(list(results.warnings)),
    }
    xr.Dataset(attrs=about).to_netcdf(path, engine="h5netcdf", mode="w")
    groups: dict[str, xr.Dataset] = {"units": results.units}
    groups |= {f"curves/{name}": _named(each) for name, each in results.curves.items()}
    groups |= {f"recordings/{name}": _named(each) for name, each in results.recordings.items()}
    groups |= {f"tables/{name}": _table(getattr(results, name)) for name in TABLES}
    for name, group in groups.items():
        group.to_netcdf(path, engine="h5netcdf", mode="a", group=name)


def _named(array: xr.DataArray) -> xr.Dataset:
    return array.to_dataset(name="response", promote_attrs=True)


def _table(table: pd.DataFrame) -> xr.Dataset:
    rows = table.reset_index(drop=True).rename_axis("row")
    words = rows.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in rows.dtypes]]
    return rows.astype(dict.fromkeys(words, str)).to_xarray()
