"""Protocols that several batteries hold, in their order, and what they are compared with."""

from dataclasses import replace

from insilico.experiments.annulus import ANNULUS, CENTER_SIZE
from insilico.experiments.contrast import (
    CONTRAST,
    CONTRAST_FREQUENCY,
    CONTRAST_ORIENTATION,
    CONTRAST_SIZE,
)
from insilico.experiments.gratings import ORIENTATION, ORIENTATION_MEAN, SPATIAL_FREQUENCY
from insilico.experiments.lengths import BAR_LENGTH, LENGTH, POLARITY
from insilico.experiments.motion import DIRECTION, PATTERN_MOTION, TEMPORAL_FREQUENCY
from insilico.experiments.noise_masks import NOISE_MASK
from insilico.experiments.off_optimum import CONTRAST_OFF_OPTIMUM, SIZE_OFF_OPTIMUM
from insilico.experiments.optimal_stimuli import OPTIMAL_STIMULUS
from insilico.experiments.plaids import CROSS_ORIENTATION, MASK_FREQUENCY, MASK_ORIENTATION
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.experiments.reverse_correlation import RECEPTIVE_FIELD_STRUCTURE
from insilico.experiments.size import SIZE
from insilico.experiments.spots import BARS_ACROSS, SPOTS
from insilico.experiments.square_waves import SQUARE_WAVE, SQUARE_WAVE_CONTRAST
from insilico.experiments.surround_frequencies import SURROUND_FREQUENCY
from insilico.experiments.surround_places import SURROUND_GAP, SURROUND_PATCHES
from insilico.experiments.surrounds import (
    PHASE_SURROUND,
    SURROUND_CONTRAST,
    SURROUND_ORIENTATION,
    SURROUND_ORIENTATION_LOW_CONTRAST,
)
from insilico.experiments.two_sizes import CONTRAST_TWO_SIZES, FREQUENCY_SIZE, ORIENTATION_SIZE
from insilico.tuning.properties.shuffle_control import shuffled_resultant
from insilico.tuning.properties.spatial_frequency import high_frequency_fall

__all__ = [
    "CONTEXTS",
    "CONTEXT_REFERENCES",
    "CONTRASTS",
    "MOTION",
    "OPTIMUM",
    "PHENOMENA",
    "SIZE_REFERENCES",
    "STRUCTURE",
    "STRUCTURE_REFERENCES",
]

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

STRUCTURE = (RECEPTIVE_FIELD, RECEPTIVE_FIELD_STRUCTURE, OPTIMAL_STIMULUS)

# Judged by more than their own properties: orientation against responses in random order, and
# frequency by its upper end.
JUDGED = {
    ORIENTATION_MEAN: replace(
        ORIENTATION_MEAN, properties=(*ORIENTATION_MEAN.properties, shuffled_resultant)
    ),
    SPATIAL_FREQUENCY: replace(
        SPATIAL_FREQUENCY, properties=(*SPATIAL_FREQUENCY.properties, high_frequency_fall)
    ),
}

SHARED = (*OPTIMUM, *CONTEXTS)
NAMES = {each.name for each in SHARED}

PHENOMENA = (
    *(JUDGED.get(each, each) for each in SHARED),
    *(each for each in CONTRASTS if each.name not in NAMES),
    SIZE_OFF_OPTIMUM,
    CONTRAST_OFF_OPTIMUM,
    CONTRAST_TWO_SIZES,
    ORIENTATION_SIZE,
    FREQUENCY_SIZE,
    NOISE_MASK,
    SQUARE_WAVE,
    SQUARE_WAVE_CONTRAST,
    SURROUND_FREQUENCY,
    SPOTS,
    BARS_ACROSS,
    RECEPTIVE_FIELD_STRUCTURE,
)

# Movies, for models that take time.
MOTION = (DIRECTION, TEMPORAL_FREQUENCY, PATTERN_MOTION)

SIZE_REFERENCES = (
    "cavanaugh2002a.suppression_index",
    "cavanaugh2002a.grating_summation_field",
    "cavanaugh2002a.surround_diameter",
)

STRUCTURE_REFERENCES = (
    "ringach2002b.receptive_field_nx",
    "ringach2002b.receptive_field_ny",
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
