"""Reads csv files as spreadsheets write them."""

import codecs
import csv
from itertools import zip_longest
from pathlib import Path

from insilico.errors import UserError

__all__ = ["spreadsheet_rows"]


def spreadsheet_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a csv file, however a spreadsheet wrote it, with a point for decimals.

    Parameters
    ----------
    path : Path
        In UTF-8 or UTF-16, with or without a byte-order mark; separated by commas, or by semicolons
        or tabs, and then with decimal points or commas.

    Returns
    -------
    list of dict
        One per row, by the names in the first row in small letters; empty rows are left out.

    Raises
    ------
    UserError
        If the file cannot be read as text, or has two columns of one name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        lines = content.decode("utf-16" if wide else "utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8 or UTF-16. Save it as CSV UTF-8.") from error
    # Excel may say in front which separator it took.
    lines = [line for line in lines if line.strip(" ,;\t") and not line.startswith("sep=")]
    header = lines[0] if lines else ""
    separator = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
    twice = [name for place, name in enumerate(names) if name and name in names[:place]]
    if twice:
        raise UserError(f"{path} has two columns named {twice[0]!r}. Leave one of them.")
    rows = []
    for cells in csv.reader(lines[1:], delimiter=separator):
        row = dict(zip_longest(names, (cell.strip() for cell in cells[: len(names)]), fillvalue=""))
        if separator != ",":
            row = {name: cell.replace(",", ".") for name, cell in row.items()}
        rows.append(row)
    return rows
