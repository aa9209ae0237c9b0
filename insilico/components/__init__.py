"""The constrained components of Pogoncheff, Granley & Beyeler (2023), for any network."""

from insilico.components.center_surround import CenterSurround
from insilico.components.local import LocallyConnected2d
from insilico.components.magnification import CorticalMagnification
from insilico.components.mode import Mode
from insilico.components.normalization import DivisiveNormalization, TunedNormalization
from insilico.components.subcortical import SubcorticalBlock

__all__ = [
    "CenterSurround",
    "CorticalMagnification",
    "DivisiveNormalization",
    "LocallyConnected2d",
    "Mode",
    "SubcorticalBlock",
    "TunedNormalization",
]
