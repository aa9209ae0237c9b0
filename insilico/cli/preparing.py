"""What commands find out before the long part: which layers, and what their folder is called."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from insilico.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from insilico.reference import ReferenceDistribution

__all__ = ["layers_named", "plain", "references_named"]


def layers_named(words: tuple[str, ...], model: "nn.Module", spec: str) -> tuple[str, ...] | None:
    """Resolve the layers that were typed.

    Parameters
    ----------
    words : tuple of str
        Names, or 'all'.
    model : nn.Module
        The model.
    spec : str
        Its name, for the error message.

    Returns
    -------
    tuple of str or None
        None where none was named: the model's card decides.

    Raises
    ------
    UserError
        If all were asked for, and none has several sites.
    """
    from insilico.models.layers import layer_table, spatial_layers

    if words != ("all",):
        return words or None
    layers = spatial_layers(layer_table(model))
    if not layers:
        raise UserError(f"{spec} has no layer with more than one site; name layers yourself.")
    return layers


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


def plain(name: str) -> str:
    """Make a folder name out of the name of a model.

    Parameters
    ----------
    name : str
        As typed.

    Returns
    -------
    str

    Examples
    --------
    >>> plain("torchvision:resnet50"), plain("path/to/net.py:build")
    ('torchvision-resnet50', 'net-build')
    """
    head, colon, function = name.rpartition(":")
    if head.endswith(".py"):
        name = f"{Path(head).stem}{colon}{function}"
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")
