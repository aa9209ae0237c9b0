"""What commands find out before the long part: the references that were typed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from insilico.reference import ReferenceDistribution

__all__ = ["references_named"]


def references_named(given: str) -> "list[ReferenceDistribution]":
    """Read the distributions that were typed.

    Parameters
    ----------
    given : str
        A netCDF file; a csv file of cells, or of histograms of several properties; or
        PROPERTY=FILE.csv, the histogram of one.

    Returns
    -------
    list of ReferenceDistribution

    Raises
    ------
    UserError
        If the file cannot be read, or a csv file does not say of which properties it is.
    """
    from insilico.reference import from_assembly, from_csv, from_table

    name, equals, file = given.partition("=")
    if equals and name.isidentifier():
        return [from_csv(file, property=name)]
    if given.lower().endswith(".csv"):
        return from_table(given)
    return list(from_assembly(given).values())
