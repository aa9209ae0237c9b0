"""The phenomena battery: what the scorecard of thirty phenomena is made of."""

from dataclasses import replace

from insilico.experiments.battery import Battery
from insilico.experiments.gratings import ORIENTATION_MEAN, SPATIAL_FREQUENCY
from insilico.experiments.lists import CONTEXT_REFERENCES, CONTEXTS, CONTRASTS, OPTIMUM
from insilico.experiments.noise_masks import NOISE_MASK
from insilico.experiments.off_optimum import CONTRAST_OFF_OPTIMUM, SIZE_OFF_OPTIMUM
from insilico.experiments.optimum import MOST_UNITS
from insilico.experiments.spots import BARS_ACROSS, SPOTS
from insilico.experiments.square_waves import SQUARE_WAVE, SQUARE_WAVE_CONTRAST
from insilico.experiments.surround_frequencies import SURROUND_FREQUENCY
from insilico.experiments.two_sizes import CONTRAST_TWO_SIZES, FREQUENCY_SIZE, ORIENTATION_SIZE
from insilico.tuning.properties.shuffle_control import shuffled_resultant
from insilico.tuning.properties.spatial_frequency import high_frequency_fall

__all__ = ["BATTERY", "PHENOMENA"]

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
)

BATTERY = Battery(
    name="phenomena",
    protocols=PHENOMENA,
    references=CONTEXT_REFERENCES,
    most_units=MOST_UNITS,
)
