"""The properties of Marques, Schrimpf & DiCarlo (2021), exactly as they computed them.

The published benchmark reads its properties off coarse grids, with smoothing kernels and thresholds
of its own; they are kept here, quirks included, so that its numbers can be reproduced. The other
modules of `insilico.tuning.properties` ask the same questions without the quirks.

Properties are named as published, ``<data set>.<property>``. Curves follow docs/conventions.md, but
where responses are equal the published order of orientations (from vertical bars clockwise) decides
which is the preferred one. Silent units, and whatever a curve does not determine, are NaN.

References
----------
Marques T, Schrimpf M, DiCarlo JJ (2021). Multi-scale hierarchical neural network models that bridge
from single neurons in the primate primary visual cortex to object recognition behavior. bioRxiv
2021.03.01.433495, doi:10.1101/2021.03.01.433495.
"""

from insilico.tuning.properties.marques2020.orientation import (
    bandwidth,
    baseline,
    circular_variance,
    circular_variance_bandwidth_ratio,
    max_ac,
    max_dc,
    min_dc,
    modulation_ratio,
    orientation_selective,
    orthogonal_preferred_ratio,
    orthogonal_preferred_ratio_bandwidth_ratio,
    orthogonal_preferred_ratio_circular_variance_difference,
    preferred_orientation,
)
from insilico.tuning.properties.marques2020.receptive_field import (
    receptive_field_x,
    receptive_field_y,
)
from insilico.tuning.properties.marques2020.size import (
    grating_summation_field,
    strongly_suppressed,
    surround_diameter,
    surround_grating_summation_field_ratio,
    surround_suppression_index,
)
from insilico.tuning.properties.marques2020.spatial_frequency import (
    peak_spatial_frequency,
    spatial_frequency_bandwidth,
    spatial_frequency_selective,
)
from insilico.tuning.properties.marques2020.textures import (
    absolute_texture_modulation_index,
    family_variance,
    max_noise,
    max_texture,
    noise_selectivity,
    noise_sparseness,
    sample_variance,
    texture_modulation_index,
    texture_selectivity,
    texture_sparseness,
    variance_ratio,
)

__all__ = [
    "absolute_texture_modulation_index",
    "bandwidth",
    "baseline",
    "circular_variance",
    "circular_variance_bandwidth_ratio",
    "family_variance",
    "grating_summation_field",
    "max_ac",
    "max_dc",
    "max_noise",
    "max_texture",
    "min_dc",
    "modulation_ratio",
    "noise_selectivity",
    "noise_sparseness",
    "orientation_selective",
    "orthogonal_preferred_ratio",
    "orthogonal_preferred_ratio_bandwidth_ratio",
    "orthogonal_preferred_ratio_circular_variance_difference",
    "peak_spatial_frequency",
    "preferred_orientation",
    "receptive_field_x",
    "receptive_field_y",
    "sample_variance",
    "spatial_frequency_bandwidth",
    "spatial_frequency_selective",
    "strongly_suppressed",
    "surround_diameter",
    "surround_grating_summation_field_ratio",
    "surround_suppression_index",
    "texture_modulation_index",
    "texture_selectivity",
    "texture_sparseness",
    "variance_ratio",
]
