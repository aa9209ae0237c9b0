"""The phenomena battery: what the scorecard of thirty phenomena is made of."""

from dataclasses import replace

from insilico.experiments import context, contrast
from insilico.experiments.battery import Battery
from insilico.experiments.gratings import SPATIAL_FREQUENCY
from insilico.experiments.optimum import MOST_UNITS
from insilico.tuning.properties.spatial_frequency import high_frequency_fall

__all__ = ["BATTERY"]

# Of gratings whose tuning for frequency is also judged by its upper end.
JUDGED = replace(SPATIAL_FREQUENCY, properties=(*SPATIAL_FREQUENCY.properties, high_frequency_fall))

SHARED = {each.name: each for each in context.BATTERY.protocols} | {JUDGED.name: JUDGED}
OTHERS = tuple(each for each in contrast.BATTERY.protocols if each.name not in SHARED)

BATTERY = Battery(
    name="phenomena",
    protocols=(*SHARED.values(), *OTHERS),
    references=context.BATTERY.references,
    most_units=MOST_UNITS,
)
