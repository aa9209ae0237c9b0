"""Models that run out of the box, and the loader for those of others.

Each name is imported when it is first used: torch takes seconds, and half a gigabyte.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insilico.models.callable import CallableModel, as_module
    from insilico.models.card import ModelCard
    from insilico.models.layers import layer_table
    from insilico.models.loading import load_model

__all__ = ["CallableModel", "ModelCard", "as_module", "layer_table", "load_model"]

_HOMES = {
    "CallableModel": "callable",
    "ModelCard": "card",
    "as_module": "callable",
    "layer_table": "layers",
    "load_model": "loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'insilico.models' has no attribute {name!r}")
    return getattr(import_module(f"insilico.models.{_HOMES[name]}"), name)
