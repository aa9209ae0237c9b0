"""What commands find out before the long part: which layers, and what their folder is called."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from insilico.errors import UserError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["layers_named", "plain"]


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
