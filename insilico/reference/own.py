"""Reference distributions of your own: from values, from csv files, from hosted assemblies."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.netcdf import opened
from insilico.reference.bins import count, histogram
from insilico.reference.catalogue import BENCHMARK, load, names
from insilico.reference.distribution import ReferenceDistribution, Scale
from insilico.reference.spreadsheet import spreadsheet_rows

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["from_assembly", "from_csv", "from_values"]

# More values beyond the outer edges are not the tail of a distribution: they are of other units.
MOST_BEYOND = 0.5


def from_values(
    values: npt.ArrayLike,
    *,
    edges: npt.ArrayLike,
    property: str,
    name: str = "",
    units: str = "1",
    scale: Scale = "linear",
    citation: str = "",
    doi: str = "",
    definition: str = "",
) -> ReferenceDistribution:
    """Make a reference of measured values, one per cell.

    Parameters
    ----------
    values : array_like
        One value per cell, NaN where it is undefined. Values beyond the outer edges are counted in
        the outer bins.
    edges : array_like
        Bin edges.
    property : str
        The variable of the unit table to compare with it.
    name : str
        How tables call it; by default ``own.PROPERTY``.
    units, scale, citation, doi, definition : str
        As for `ReferenceDistribution`; `dataclasses.replace` sets the others.

    Returns
    -------
    ReferenceDistribution

    Raises
    ------
    UserError
        If values or edges are no numbers, or most values lie beyond the outer edges.

    Examples
    --------
    >>> own = from_values([0.2, 0.4, 0.9, np.nan], edges=[0, 0.5, 1], property="circular_variance")
    >>> own.counts.tolist(), own.n
    ([2.0, 1.0], 4)
    """
    try:
        cells = np.asarray(values, dtype=np.float64).ravel()
        bins = np.asarray(edges, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"values and edges must be numbers: {error}.") from error
    known = cells[~np.isnan(cells)]
    beyond = (known < bins.min(initial=np.inf)) | (known > bins.max(initial=-np.inf))
    if beyond.sum() > MOST_BEYOND * len(known):
        raise UserError(
            f"{beyond.sum()} of {len(known)} values lie beyond the outer edges, {bins.min():g} and "
            f"{bins.max():g}, and would be counted in the outer bins. Give both in the units of "
            f"{property!r}, or edges as wide as the values."
        )
    return ReferenceDistribution(
        name=name or f"own.{property}",
        property=property,
        edges=bins,
        counts=count(cells, bins),
        n=cells.size,
        units=units,
        scale=scale,
        citation=citation,
        doi=doi,
        definition=definition,
        grade="per cell",
    )


def from_csv(
    path: Path | str,
    *,
    property: str,
    name: str = "",
    n: int | None = None,
    units: str = "1",
    scale: Scale = "linear",
    citation: str = "",
    doi: str = "",
    definition: str = "",
) -> ReferenceDistribution:
    """Read a histogram of your own: a csv file with the columns bin_low, bin_high and count.

    Tables as Excel writes them are read too: with a byte-order mark, in UTF-16, with semicolons or
    tabs and decimal commas.

    Parameters
    ----------
    path : path
        One row per bin, the bins rising and without gaps. Further columns are ignored.
    property : str
        The variable of the unit table to compare with it.
    name : str
        How tables call it; by default ``FILE.PROPERTY``.
    n : int, optional
        Cells, those whose value is undefined included; by default the sum of the counts.
    units, scale, citation, doi, definition : str
        As for `ReferenceDistribution`; `dataclasses.replace` sets the others.

    Returns
    -------
    ReferenceDistribution

    Raises
    ------
    UserError
        If the file is no such table, a cell is empty or no number, or the counts are shares.
    """
    path = Path(path)
    edges, counts = histogram(spreadsheet_rows(path), where=str(path), n=n)
    return ReferenceDistribution(
        name=name or f"{path.stem}.{property}",
        property=property,
        edges=edges,
        counts=counts,
        n=round(float(counts.sum())) if n is None else n,
        units=units,
        scale=scale,
        citation=citation,
        doi=doi,
        definition=definition,
        obtained=path.name,
    )


def from_assembly(path: Path | str) -> dict[str, ReferenceDistribution]:
    """Read one of the netCDF files of neuronal properties that Brain-Score hosts.

    Such a file holds one data set of the published benchmark, dims ``neuroid`` x
    ``neuronal_property``, with a ``region`` per neuron and the bin edges of each property in the
    attribute ``PROPERTY_bins``. Only neurons of V1 are read.

    Parameters
    ----------
    path : path
        A netCDF file.

    Returns
    -------
    dict of str to ReferenceDistribution
        By their names, ``marques2020.DATA SET.PROPERTY``. The counts, n and edges are the file's;
        citation, category and published scores those of the reference that comes with the
        package. A property that the package does not know has only what the file says.
    """
    path = Path(path)
    assembly, attrs = _assembly(path)
    if "region" in assembly.coords:
        assembly = assembly.isel(neuroid=assembly["region"].astype(str).to_numpy() == "V1")
    properties = [str(name) for name in assembly["neuronal_property"].to_numpy().astype(str)]
    data_set = _data_set(properties, path)
    found = {}
    for number, name in enumerate(properties):
        values = assembly.isel(neuronal_property=number).to_numpy()
        full = f"{BENCHMARK}{data_set}.{name}"
        known = load(full) if full in names() else None
        edges = attrs.get(f"{name}_bins", None if known is None else known.edges)
        if edges is None:
            raise UserError(
                f"{path} has no attribute {name}_bins, and {name!r} is no property whose bins are "
                "known. Read the values yourself and use from_values."
            )
        own = from_values(values, edges=edges, property=f"{data_set}.{name}", name=full)
        own = dataclasses.replace(own, obtained=path.name)
        if known is not None:
            own = dataclasses.replace(
                known,
                edges=own.edges,
                counts=own.counts,
                n=own.n,
                grade=own.grade,
                obtained=own.obtained,
            )
        found[full] = own
    return found


def _assembly(path: Path) -> "tuple[xr.DataArray, dict[str, npt.ArrayLike]]":
    """Read the array of a hosted file, and the attributes wherever it keeps them."""
    dims = {"neuroid", "neuronal_property"}
    with opened(path, remedy="Bring it back, or download it again.") as lazy:
        content = lazy.load()
    arrays = [array for array in content.data_vars.values() if set(array.dims) == dims]
    if len(arrays) != 1 or "neuronal_property" not in arrays[0].coords:
        shapes = {str(name): array.dims for name, array in content.data_vars.items()}
        raise UserError(
            f"{path} must hold one array with the dims neuroid and neuronal_property, the second "
            f"labelled with names; it holds {shapes}."
        )
    attrs = {str(name): value for name, value in (content.attrs | arrays[0].attrs).items()}
    return arrays[0].transpose("neuroid", "neuronal_property"), attrs


def _data_set(properties: list[str], path: Path) -> str:
    """Name the data set of the benchmark that has these properties."""
    known: dict[str, str] = {}
    for full in names(BENCHMARK):
        data_set, name = full.removeprefix(BENCHMARK).split(".")
        known[name] = data_set
    found = {known[name] for name in properties if name in known}
    if len(found) != 1:
        raise UserError(
            f"{path} holds {properties}; the properties of one data set of the published "
            f"benchmark are expected, such as those of {sorted(set(known.values()))}. For other "
            "data use from_values."
        )
    return found.pop()
