"""The battery of Marques, Schrimpf & DiCarlo (2021): the published V1 benchmark, to the letter.

All stimuli are shown at one place, (0.5, 0.5) deg in the benchmark's coordinates, and the units
whose receptive field lies there are kept. The `standard` battery asks the same questions without
the benchmark's coarse grids, kernels and 8-bit pictures; docs/marques2020.md lists the differences.
"""

from insilico.comparison.joint import CELLS, RATIO, SUPPRESSION, VARIANCE, Pair
from insilico.experiments.battery import Battery
from insilico.experiments.marques2020_curves import (
    BEST,
    above_blank,
    above_threshold,
    component_spatial_frequency_curve,
    has_receptive_field,
    orientation_curve,
    receptive_field_map,
    size_curve,
    spatial_frequency_curve,
    texture_responsive,
    within,
)
from insilico.experiments.protocol import Placement, Protocol
from insilico.experiments.textures import CITATION as TEXTURE_CITATION
from insilico.experiments.textures import texture_curve
from insilico.tuning.properties import marques2020 as properties
from stimuli.marques2020 import sets
from stimuli.textures.sets import published_textures

__all__ = [
    "BATTERY",
    "CAVANAUGH2002A",
    "DEVALOIS1982A",
    "DEVALOIS1982B",
    "PLACE",
    "RECEPTIVE_FIELD",
    "RINGACH2002",
    "SCHILLER1976",
    "TEXTURES",
    "TEXTURE_PROPERTIES",
]


# Sites whose nominal centre lies in a disk of this diameter around the stimuli are candidates; what
# is found farther off, and what looking there costs, is in docs/marques2020.md.
CANDIDATES_WITHIN = 1.5

RECEPTIVE_FIELD = Protocol(
    name="receptive_field",
    stimuli=sets.receptive_field,
    curve=receptive_field_map,
    properties=(properties.receptive_field_x, properties.receptive_field_y),
    responsive=has_receptive_field,
    citation="Marques, Schrimpf & DiCarlo (2021), doi 10.1101/2021.03.01.433495",
    question="Which units look where the stimuli are?",
    scale="activations",
    reduction=BEST,
)

RINGACH2002 = Protocol(
    name="ringach2002",
    stimuli=sets.orientation,
    curve=orientation_curve,
    properties=(
        properties.circular_variance,
        properties.bandwidth,
        properties.orthogonal_preferred_ratio,
        properties.orientation_selective,
        properties.circular_variance_bandwidth_ratio,
        properties.orthogonal_preferred_ratio_circular_variance_difference,
        properties.orthogonal_preferred_ratio_bandwidth_ratio,
        properties.modulation_ratio,
        properties.max_dc,
        properties.min_dc,
        properties.max_ac,
        properties.baseline,
    ),
    responsive=above_blank,
    citation="Ringach, Shapley & Hawken (2002), doi 10.1523/JNEUROSCI.22-13-05639.2002",
    question="How selective for orientation is the mean rate, and how strongly does it modulate?",
    joint=(
        Pair("ringach2002.circular_variance", "ringach2002.bandwidth", joint=CELLS),
        Pair(
            "ringach2002.circular_variance",
            "ringach2002.modulation_ratio",
            bins_x=VARIANCE,
            bins_y=RATIO,
        ),
    ),
    shuffled=(properties.circular_variance, properties.orthogonal_preferred_ratio),
)

DEVALOIS1982A = Protocol(
    name="devalois1982a",
    stimuli=sets.orientation,
    curve=orientation_curve,
    properties=(properties.preferred_orientation,),
    responsive=above_blank,
    citation="De Valois, Yund & Hepler (1982), doi 10.1016/0042-6989(82)90112-2",
    question="Which orientations do units prefer?",
)

DEVALOIS1982B = Protocol(
    name="devalois1982b",
    stimuli=sets.spatial_frequency,
    curve=component_spatial_frequency_curve,
    properties=(properties.peak_spatial_frequency,),
    responsive=above_threshold,
    citation="De Valois, Albrecht & Thorell (1982), doi 10.1016/0042-6989(82)90113-4",
    question="Which spatial frequencies do units prefer?",
)

SCHILLER1976 = Protocol(
    name="schiller1976",
    stimuli=sets.spatial_frequency,
    curve=spatial_frequency_curve,
    properties=(properties.spatial_frequency_selective, properties.spatial_frequency_bandwidth),
    responsive=above_blank,
    citation="Schiller, Finlay & Volman (1976), doi 10.1152/jn.1976.39.6.1334",
    question="How selective are units for spatial frequency?",
)

CAVANAUGH2002A = Protocol(
    name="cavanaugh2002a",
    stimuli=sets.size,
    curve=size_curve,
    properties=(
        properties.surround_suppression_index,
        properties.strongly_suppressed,
        properties.grating_summation_field,
        properties.surround_diameter,
        properties.surround_grating_summation_field_ratio,
    ),
    responsive=above_threshold,
    citation="Cavanaugh, Bair & Movshon (2002), doi 10.1152/jn.00692.2001",
    question="How large are summation fields, and how strongly do surrounds suppress?",
    joint=(
        Pair(
            "cavanaugh2002a.surround_suppression_index",
            "ringach2002.circular_variance",
            bins_x=SUPPRESSION,
            bins_y=VARIANCE,
        ),
    ),
)

# What is measured on `texture_curve`.
TEXTURE_PROPERTIES = (
    properties.texture_modulation_index,
    properties.absolute_texture_modulation_index,
    properties.texture_selectivity,
    properties.noise_selectivity,
    properties.texture_sparseness,
    properties.noise_sparseness,
    properties.variance_ratio,
    properties.sample_variance,
    properties.family_variance,
    properties.max_texture,
    properties.max_noise,
)

TEXTURES = Protocol(
    name="textures",
    stimuli=published_textures,
    curve=texture_curve,
    properties=TEXTURE_PROPERTIES,
    responsive=texture_responsive,
    citation=TEXTURE_CITATION,
    question="Do units answer naturalistic textures more than noise of the same spectrum?",
    figure="texture_modulation",
    section="textures",
)

TEXTURE_REFERENCES = (
    "freemanZiemba2013.texture_modulation_index",
    "freemanZiemba2013.absolute_texture_modulation_index",
    "freemanZiemba2013.texture_selectivity",
    "freemanZiemba2013.texture_sparseness",
    "freemanZiemba2013.variance_ratio",
    "freemanZiemba2013.max_texture",
    "freemanZiemba2013.max_noise",
)

BATTERY = Battery(
    name="marques2020",
    protocols=(
        RECEPTIVE_FIELD,
        RINGACH2002,
        DEVALOIS1982A,
        DEVALOIS1982B,
        SCHILLER1976,
        CAVANAUGH2002A,
        TEXTURES,
    ),
    references=tuple(
        f"marques2020.{name}"
        for name in (
            "ringach2002.circular_variance",
            "ringach2002.bandwidth",
            "ringach2002.orthogonal_preferred_ratio",
            "ringach2002.orientation_selective",
            "ringach2002.circular_variance_bandwidth_ratio",
            "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
            "ringach2002.modulation_ratio",
            "ringach2002.max_dc",
            "devalois1982a.preferred_orientation",
            "devalois1982b.peak_spatial_frequency",
            "schiller1976.spatial_frequency_selective",
            "schiller1976.spatial_frequency_bandwidth",
            "cavanaugh2002a.surround_suppression_index",
            "cavanaugh2002a.grating_summation_field",
            "cavanaugh2002a.surround_diameter",
            *TEXTURE_REFERENCES,
        )
    ),
    rates_from="ringach2002",
    background=sets.BACKGROUND,
    declared=True,
)

# All stimuli lie at one place, and the units that look there are kept.
PLACE = Placement(sets.POSITION, sites=CANDIDATES_WITHIN, select=within(sets.POSITION))
