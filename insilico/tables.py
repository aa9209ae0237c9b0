"""Tables as csv files that spreadsheets open without running anything that is in them.

A cell of text that begins with ``=``, ``+``, ``-`` or ``@`` is a formula to a spreadsheet, and
names of layers, neurons and models come from others. `write_csv` puts an apostrophe before such a
cell, and `read_csv` takes it away again; numbers are as they were.

References
----------
OWASP. CSV injection. https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import re
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["csv_text", "read_csv", "write_csv"]

# What is text to us and a formula to a spreadsheet, or was escaped already. A tab or a line break
# before the sign is skipped by some.
FORMULA = re.compile(r"'*\s*[=+\-@]")

NUMBER = re.compile(r"'*\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|'*\s*[+-]?(inf|nan)")


def csv_text(table: pd.DataFrame, *, index: bool = False, float_format: str | None = None) -> str:
    """Write a table as the text of a csv file.

    Parameters
    ----------
    table : DataFrame
        The table.
    index : bool
        Whether the labels of the rows are written too.
    float_format : str, optional
        As in `pandas.DataFrame.to_csv`; every digit by default.

    Returns
    -------
    str

    Examples
    --------
    >>> table = pd.DataFrame({"neuron": ["a", "=1+1", "-3"], "r": [0.5, -0.5, 1.0]})
    >>> print(csv_text(table))
    neuron,r
    a,0.5
    '=1+1,-0.5
    -3,1.0
    <BLANKLINE>
    """
    safe = table.rename(columns=_escaped)
    safe = safe.rename(index=_escaped) if index else safe
    for place, kind in enumerate(table.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            safe.isetitem(place, table.iloc[:, place].astype(object).map(_escaped).array)
    text = safe.to_csv(index=index, float_format=float_format, lineterminator="\n")
    if "\r" in text:
        # Not quoted by itself, it would begin a new row.
        text = safe.to_csv(
            index=index,
            float_format=float_format,
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,
        )
    return text


def write_csv(
    table: pd.DataFrame, path: Path | str, *, index: bool = False, float_format: str | None = None
) -> None:
    """Write a table to a csv file.

    Parameters
    ----------
    table, index, float_format
        As in `csv_text`.
    path : path
        The file.
    """
    text = csv_text(table, index=index, float_format=float_format)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def read_csv(path: Path | str, **options: Any) -> pd.DataFrame:
    """Read a csv file that `write_csv` wrote; text is again what it was.

    Parameters
    ----------
    path : path
        The file.
    **options : Any
        Passed on to `pandas.read_csv`.

    Returns
    -------
    DataFrame
    """
    table = pd.read_csv(path, **options).rename(columns=_unescaped)
    for place, kind in enumerate(table.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            table.isetitem(place, table.iloc[:, place].map(_unescaped).array)
    return table


def _escaped(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def _unescaped(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    """Tell whether a cell is a formula behind any number of apostrophes; numbers are none."""
    return FORMULA.match(cell) is not None and NUMBER.fullmatch(cell) is None
