"""Tables of a laboratory: several properties in one csv file, a row per cell or a row per bin."""

import csv
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.reference.bins import histogram
from insilico.reference.catalogue import load, names
from insilico.reference.common_names import named_here
from insilico.reference.distribution import ReferenceDistribution, Scale
from insilico.reference.spreadsheet import spreadsheet_rows

__all__ = ["from_table", "write_template"]

CELL = "cell"
UNITS = "units"  # what the first row of a template says in place of a cell's name
NOTE = "#"  # how the names of columns begin that are not read
HISTOGRAM = ("property", "bin_low", "bin_high", "count")

# What stands for a cell that was measured and has no value. Nothing at all: it was not measured.
UNDEFINED = ("nan", "none", "undefined")

Rows = Sequence[Mapping[str, str]]


def from_table(path: Path | str) -> list[ReferenceDistribution]:
    """Read distributions of several properties from one csv file, as `write_template` begins it.

    Parameters
    ----------
    path : path
        One row per cell, with a column for each property, named as in the table of units, and in
        its units; or one row per bin, with the columns property, bin_low, bin_high and count. Of
        cells, an empty field is a cell that was not measured, and is not counted; ``nan`` is one
        that was, and has no value. A column whose name begins with ``#`` is not read.

    Returns
    -------
    list of ReferenceDistribution
        Named ``FILE.PROPERTY``. Cells are counted on the bins of the published distribution of the
        same property.

    Raises
    ------
    UserError
        If a column is no property that was published, a field no number, there are no values, or
        most of a property lie beyond its bins, as in another unit.
    """
    path = Path(path)
    rows = spreadsheet_rows(path)
    if not rows:
        raise UserError(f"{path} has no rows: fill in one for each cell, or one for each bin.")
    if set(HISTOGRAM) <= set(rows[0]):
        return _from_bins(rows, path)
    return _from_cells(rows, path)


def write_template(
    path: Path | str, distributions: Sequence[ReferenceDistribution], *, bins: bool = False
) -> Path:
    """Begin a csv file that `from_table` reads, to be filled in with cells of your own.

    Parameters
    ----------
    path : path
        A new file.
    distributions : sequence of ReferenceDistribution
        Published ones of the properties that it asks for; one is taken for each property.
    bins : bool
        Whether it has one row for each bin of theirs, in which counts are missing, in place of one
        column for each property and its units.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        If the file is there already; nothing is overwritten.
    """
    path = Path(path)
    asked = list({each.property: each for each in reversed(distributions)}.values())[::-1]
    rows: list[Sequence[object]]
    if bins:
        rows = [HISTOGRAM]
        for each in asked:
            edges = each.edges.tolist()
            rows += [(each.property, low, high, "") for low, high in pairwise(edges)]
    else:
        rows = [
            (CELL, *(each.property for each in asked)),
            (UNITS, *(each.units for each in asked)),
        ]
    try:
        with path.open("x", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    except FileExistsError as error:
        raise UserError(
            f"{path} is there already, and nothing is overwritten. Name another file."
        ) from error
    return path


def _from_bins(rows: Rows, path: Path) -> list[ReferenceDistribution]:
    published = _published()
    found = []
    for name in dict.fromkeys(row["property"] for row in rows):
        if not name:
            raise UserError(f"{path} has a bin of which it does not say the property.")
        own = [row for row in rows if row["property"] == name]
        edges, counts = histogram(own, where=f"{path}, {name}")
        like = published.get(name.lower())
        found.append(
            _distribution(like, name, path, edges, counts, n=round(counts.sum()), grade="counts")
        )
    return found


def _from_cells(rows: Rows, path: Path) -> list[ReferenceDistribution]:
    published = _published()
    columns = [name for name in rows[0] if name and name != CELL and not name.startswith(NOTE)]
    for name in columns:
        if name not in published:
            raise UserError(_what_is(name, path))
    _check_units([row for row in rows if row.get(CELL, "").lower() == UNITS], columns, path)
    cells = [row for row in rows if row.get(CELL, "").lower() != UNITS]
    found = []
    for name in columns:
        values = _numbers([row[name] for row in cells], where=f"{path}, {name}")
        if not len(values):
            continue
        like = published[name]
        _check_range(values, like, path)
        found.append(
            _distribution(
                like, like.property, path, like.edges, like.histogram(values),
                n=len(values), grade="per cell",
            )
        )  # fmt: skip
    if not found:
        raise UserError(f"{path} has no values yet: fill in one row for each cell.")
    return found


def _published() -> dict[str, ReferenceDistribution]:
    """Find the published distribution of each property, by its name in small letters.

    Of several, the first of all cells goes before those of a part of them, whose names go on.
    """
    loaded = [load(name) for name in names()]
    whole_first = sorted(loaded, key=lambda each: not each.name.endswith(f".{each.property}"))
    return {each.property.lower(): each for each in reversed(whole_first)}


def _distribution(
    like: ReferenceDistribution | None,
    name: str,
    path: Path,
    edges: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    *,
    n: int,
    grade: str,
) -> ReferenceDistribution:
    """Make a distribution that has the words, units and period of the published one, if any."""
    return ReferenceDistribution(
        name=f"{path.stem}.{name}",
        property=name if like is None else like.property,
        edges=edges,
        counts=counts,
        n=n,
        label="" if like is None else like.label,
        units="1" if like is None else like.units,
        scale="linear" if like is None else _scale(like.scale, edges),
        period=None if like is None else like.period,
        grade=grade,
        obtained=path.name,
    )


def _scale(published: Scale, edges: npt.NDArray[np.float64]) -> Scale:
    """How values lie inside bins: as in the published ones, where such bins can have it."""
    possible = {"log": edges[0] > 0, "binary": len(edges) == 3}
    return published if possible.get(published, True) else "linear"


def _numbers(fields: Sequence[str], *, where: str) -> npt.NDArray[np.float64]:
    """Read the values of the cells that were measured, NaN for those without."""
    values = []
    for field in filter(None, fields):
        try:
            value = np.nan if field.lower() in UNDEFINED else float(field)
        except ValueError:
            raise UserError(
                f"{where}: {field!r} is no number. Leave the field empty where a cell was not "
                "measured, and write nan where it was and has no value."
            ) from None
        if np.isinf(value):
            raise UserError(
                f"{where}: {field!r} is not finite. Write nan for a cell without value."
            )
        values.append(value)
    return np.array(values)


def _check_units(rows: Rows, columns: Sequence[str], path: Path) -> None:
    """Refuse a table whose row of units is not ours."""
    published = _published()
    for row in rows:
        for name in columns:
            if row[name] and row[name] != published[name].units:
                raise UserError(
                    f"{path} has {name} in {row[name]}; it is compared in "
                    f"{published[name].units}. Convert the values."
                )


def _check_range(values: npt.NDArray[np.float64], like: ReferenceDistribution, path: Path) -> None:
    """Refuse values of which most lie beyond the bins: in per cent, arcmin and the like."""
    low, high = like.edges[[0, -1]]
    beyond = int(((values < low) | (values > high)).sum())
    if like.period is None and 2 * beyond > len(values):
        raise UserError(
            f"{path}: {beyond} of {len(values)} values of {like.property} lie beyond its bins, "
            f"{low:g} to {high:g} (units: {like.units}). Convert them; or, if they are right, give "
            "a histogram with bins of your own."
        )


def _what_is(name: str, path: Path) -> str:
    alias = named_here(name) or named_here(name.upper())
    return (
        f"{path} has the column {name!r}, which is no property with a published distribution. "
        + ("" if alias is None else alias.sentence(name.upper()) + " ")
        + "'insilico reference' lists those there are; begin the names of columns that are not to "
        f"be read with {NOTE}, and give other properties as histograms."
    )
