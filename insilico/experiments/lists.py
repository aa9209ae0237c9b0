"""Protocols that several batteries hold, in their order."""

from insilico.experiments.annulus import ANNULUS, CENTER_SIZE
from insilico.experiments.contrasts import (
    CONTRAST,
    CONTRAST_FREQUENCY,
    CONTRAST_ORIENTATION,
    CONTRAST_SIZE,
)
from insilico.experiments.gratings import ORIENTATION, ORIENTATION_MEAN, SPATIAL_FREQUENCY
from insilico.experiments.lengths import BAR_LENGTH, LENGTH, POLARITY
from insilico.experiments.masks import CROSS_ORIENTATION, MASK_FREQUENCY, MASK_ORIENTATION
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.experiments.size import SIZE
from insilico.experiments.surround_places import SURROUND_GAP, SURROUND_PATCHES
from insilico.experiments.surrounds import (
    PHASE_SURROUND,
    SURROUND_CONTRAST,
    SURROUND_ORIENTATION,
    SURROUND_ORIENTATION_LOW_CONTRAST,
)

__all__ = ["CONTEXTS", "CONTEXT_REFERENCES", "CONTRASTS", "OPTIMUM", "SIZE_REFERENCES"]

# What each unit likes best.
OPTIMUM = (RECEPTIVE_FIELD, ORIENTATION, ORIENTATION_MEAN, SPATIAL_FREQUENCY, SIZE)

CONTRASTS = (CONTRAST, CONTRAST_ORIENTATION, CONTRAST_FREQUENCY, CONTRAST_SIZE)

# Its own size tuning at many contrasts stands for `CONTRAST_SIZE`.
CONTEXTS = (
    CENTER_SIZE,
    CROSS_ORIENTATION,
    MASK_ORIENTATION,
    MASK_FREQUENCY,
    ANNULUS,
    SURROUND_ORIENTATION,
    SURROUND_ORIENTATION_LOW_CONTRAST,
    SURROUND_CONTRAST,
    SURROUND_PATCHES,
    SURROUND_GAP,
    PHASE_SURROUND,
    LENGTH,
    BAR_LENGTH,
    POLARITY,
)

SIZE_REFERENCES = (
    "cavanaugh2002a.suppression_index",
    "cavanaugh2002a.grating_summation_field",
    "cavanaugh2002a.surround_diameter",
)

CONTEXT_REFERENCES = (
    *SIZE_REFERENCES,
    "cavanaugh2002b.iso_surround_response",
    "cavanaugh2002b.orthogonal_surround_response",
    "cavanaugh2002b.iso_surround_response_low_contrast",
    "cavanaugh2002b.orthogonal_surround_response_low_contrast",
    "cavanaugh2002b.surround_selectivity",
    "yeh2009.black_white_ratio_layer_2_3",
)
