"""Models that run out of the box, and the loader for those of others."""

from insilico.models.callable import CallableModel, as_module
from insilico.models.card import ModelCard
from insilico.models.layers import layer_table
from insilico.models.loading import load_model

__all__ = ["CallableModel", "ModelCard", "as_module", "layer_table", "load_model"]
