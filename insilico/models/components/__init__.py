"""The constrained components of Pogoncheff, Granley & Beyeler (2023), for any network."""

from insilico.models.components.center_surround import CenterSurround
from insilico.models.components.local import LocallyConnected2d
from insilico.models.components.magnification import CorticalMagnification
from insilico.models.components.mode import Mode
from insilico.models.components.normalization import DivisiveNormalization, TunedNormalization
from insilico.models.components.subcortical import SubcorticalBlock

__all__ = [
    "CenterSurround",
    "CorticalMagnification",
    "DivisiveNormalization",
    "LocallyConnected2d",
    "Mode",
    "SubcorticalBlock",
    "TunedNormalization",
]
