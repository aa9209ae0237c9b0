"""What commands find out before the long part: the references that were typed."""

from typing import TYPE_CHECKING

from insilico.errors import UserError

if TYPE_CHECKING:
    from insilico.reference import ReferenceDistribution

__all__ = ["references_named"]


def references_named(given: str) -> "list[ReferenceDistribution]":
    """Read the distributions that were typed.

    Parameters
    ----------
    given : str
        A netCDF file, or PROPERTY=FILE.csv.

    Returns
    -------
    list of ReferenceDistribution

    Raises
    ------
    UserError
        If the file cannot be read, or is a csv file of which the property is not said.
    """
    from insilico.reference import from_assembly, from_csv

    name, equals, file = given.partition("=")
    if equals and name.isidentifier():
        return [from_csv(file, property=name)]
    if given.lower().endswith(".csv"):
        raise UserError(
            f"of which property is {given}? Write it in front: --reference "
            f"circular_variance={given}. The properties of a run are the columns of its units.csv."
        )
    return list(from_assembly(given).values())
