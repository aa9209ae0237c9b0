"""The standard battery: receptive field, orientation, spatial frequency, size and textures.

Stimuli are full-contrast gratings centred on each unit's own place, shown at eight phases or more;
sizes and surrounds are shown where its field was measured, at what it then prefers.
"""

from insilico.experiments.battery import Battery
from insilico.experiments.gratings import (
    ORIENTATION,
    ORIENTATION_MEAN,
    SPATIAL_FREQUENCY,
    SPATIAL_FREQUENCY_MEAN,
)
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.experiments.size import SIZE
from insilico.experiments.textures import TEXTURE_SURROUND, TEXTURES

__all__ = ["BATTERY"]

BATTERY = Battery(
    name="standard",
    protocols=(
        RECEPTIVE_FIELD,
        ORIENTATION,
        ORIENTATION_MEAN,
        SPATIAL_FREQUENCY,
        SPATIAL_FREQUENCY_MEAN,
        SIZE,
        TEXTURES,
        TEXTURE_SURROUND,
    ),
    references=(
        "ringach2002.circular_variance",
        "ringach2002.smoothed_half_bandwidth",
        "ringach2002.orthogonal_preferred_ratio",
        "ringach2002.orientation_selective",
        "ringach2002.circular_variance_over_half_bandwidth",
        "ringach2002.orthogonal_preferred_ratio_minus_circular_variance",
        "ringach2002.modulation_ratio",
        "ringach2002.maximum_response",
        "devalois1982a.orientation_from_cardinal",
        "devalois1982b.preferred_spatial_frequency",
        "schiller1976c.spatial_frequency_selective",
        "schiller1976c.spatial_frequency_bandwidth_percent",
        "cavanaugh2002a.suppression_index",
        "cavanaugh2002a.grating_summation_field",
        "cavanaugh2002a.surround_diameter",
        "freeman2013.texture_modulation_index",
    ),
    declared=True,
)
