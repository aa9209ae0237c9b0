"""The thirty phenomena of Sawada & Petrov (2017): a measure, a threshold, and what macaques do."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

__all__ = ["PHENOMENA", "Phenomenon"]

# One value per unit, from the table of units.
Effect = Callable[[xr.Dataset], Any]


class Phenomenon(NamedTuple):
    """One phenomenon, and when a unit shows it.

    Parameters
    ----------
    number : int
        Its place in the list.
    name : str
        What it is called.
    measure : str
        What is measured, and when it counts as shown.
    effect : callable
        ``effect(units)`` computes the measure from the properties of units.
    needs : tuple of str
        Those properties.
    above, below : float
        The threshold: shown above it, or below it where that is given.
    macaque : str
        What is known of macaque V1, and from whom.
    """

    number: int
    name: str
    measure: str
    effect: Effect
    needs: tuple[str, ...]
    above: float = 0.0
    below: float | None = None
    macaque: str = ""


def _of(name: str) -> Effect:
    return lambda units: units[name]


def _octaves(name: str) -> Effect:
    return lambda units: np.log2(units[name])


ISO, ORTHOGONAL = "iso_surround_response", "orthogonal_surround_response"
SURROUNDS = (ISO, ORTHOGONAL, f"{ISO}_low_contrast", f"{ORTHOGONAL}_low_contrast")


def _sigmoid(units: xr.Dataset) -> Any:
    low, top = units["contrast_log_slope_low"], units["contrast_log_slope_high"]
    # Both conditions at once: 1 is the threshold of each.
    return np.minimum(low / 1.05, low / (2 * top.clip(min=1e-6)))


def _tuned(units: xr.Dataset) -> Any:
    resultant = 1 - units["circular_variance"]
    # As above: .1 and the control are the thresholds.
    return np.minimum(resultant / 0.1, resultant / units["shuffled_resultant"].clip(min=1e-6))


def _orientation_at_low_contrast(units: xr.Dataset) -> Any:
    high, low = (
        units[f"{ORTHOGONAL}{which}"] - units[f"{ISO}{which}"] for which in ("", "_low_contrast")
    )
    return low - high


PHENOMENA: tuple[Phenomenon, ...] = (
    Phenomenon(
        1, "size tuning", "suppression index > .05", _of("suppression_index"),
        ("suppression_index",), 0.05,
        macaque="median .33 of 190 cells (Cavanaugh, Bair & Movshon 2002a)",
    ),
    Phenomenon(
        2, "field grows at low contrast", "log2 ratio of summation fields > .1",
        lambda units: np.log2(units["summation_field_contrast_ratio"]),
        ("summation_field_contrast_ratio",), 0.1,
        macaque="2.3 times, in the mean (Sceniak and others 1999)",
    ),
    Phenomenon(
        3, "field shrinks off orientation", "log2 ratio of fields at +15 deg < -.1",
        _octaves("field_ratio_off_orientation"), ("field_ratio_off_orientation",), below=-0.1,
    ),
    Phenomenon(
        4, "field shrinks off frequency", "log2 ratio of fields at +.5 octaves < -.1",
        _octaves("field_ratio_off_frequency"), ("field_ratio_off_frequency",), below=-0.1,
    ),
    Phenomenon(
        5, "response falls with a hole", "1 - R(hole of half a field) / R(no hole) > .05",
        _of("hole_suppression"), ("hole_suppression",), 0.05,
        macaque="the hole that silences exceeds the field in 162 of 217 cells (Cavanaugh, Bair & "
        "Movshon 2002a)",
    ),
    Phenomenon(
        6, "response falls with a hole at every contrast",
        "log2 of the silencing hole at .25 over that at 1 < .25",
        lambda units: np.log2(units["annular_field_contrast_ratio"]),
        ("annular_field_contrast_ratio",), below=0.25,
    ),
    Phenomenon(
        7, "sigmoid contrast response",
        "log-log slope > 1.05 at low contrast and > 2 x that at the top: smaller of the two "
        "quotients > 1",
        _sigmoid, ("contrast_log_slope_low", "contrast_log_slope_high"), 1.0,
    ),
    Phenomenon(
        8, "supersaturation", "(peak - R(1)) / peak > .02", _of("contrast_supersaturation"),
        ("contrast_supersaturation",), 0.02,
    ),
    Phenomenon(
        9, "noise lowers the response", "1 - R(noise of SD .1) / R(0) > .02",
        _of("noise_suppression"), ("noise_suppression",), 0.02,
    ),
    Phenomenon(
        10, "contrast response scales off orientation", "abs log2 of the c50 ratio < .25",
        lambda units: abs(np.log2(units["c50_ratio_off_orientation"])),
        ("c50_ratio_off_orientation",), below=0.25,
        macaque="scales (Albrecht & Hamilton 1982)",
    ),
    Phenomenon(
        11, "contrast response scales off frequency", "abs log2 of the c50 ratio < .25",
        lambda units: abs(np.log2(units["c50_ratio_off_frequency"])),
        ("c50_ratio_off_frequency",), below=0.25,
        macaque="scales (Albrecht & Hamilton 1982)",
    ),
    Phenomenon(
        12, "contrast response depends on size", "log2 of c50 at 4 over 1/2 fields < -.1",
        _octaves("c50_size_ratio"), ("c50_size_ratio",), below=-0.1,
    ),
    Phenomenon(
        13, "orientation tuning", "resultant (1 - circular variance) > .1, and above that of "
        "responses in random order: smaller of the two quotients > 1",
        _tuned, ("circular_variance", "shuffled_resultant"), 1.0,
        macaque="median .39 of 308 cells (Ringach, Shapley & Hawken 2002)",
    ),
    Phenomenon(
        14, "frequency tuning", "1 - R(highest frequency) / peak > .5",
        _of("high_frequency_fall"), ("high_frequency_fall",), 0.5,
    ),
    Phenomenon(
        15, "orientation width narrows with size", "width at 1/2 less width at 2 fields > 1 deg",
        _of("orientation_width_size_change"), ("orientation_width_size_change",), 1.0,
    ),
    Phenomenon(
        16, "frequency width narrows with size",
        "width at 1/2 less width at 2 fields > .1 octaves",
        _of("frequency_width_size_change"), ("frequency_width_size_change",), 0.1,
    ),
    Phenomenon(
        17, "orientation width is contrast-invariant", "abs slope < 1 deg per octave",
        lambda units: abs(units["orientation_width_contrast_slope"]),
        ("orientation_width_contrast_slope",), below=1.0,
        macaque="invariant (Sclar & Freeman 1982, Skottun and others 1987)",
    ),
    Phenomenon(
        18, "frequency width narrows at low contrast", "width(.8) - width(.2) > .02 octaves",
        _of("frequency_width_change"), ("frequency_width_change",), 0.02,
    ),
    Phenomenon(
        19, "square wave: second peak at f/3",
        "a local peak of the mean response within .2 octaves of f/3, of > .001 of the largest",
        _of("third_harmonic_peak"), ("third_harmonic_peak",), 0.001,
    ),
    Phenomenon(
        20, "square wave shifts the contrast response", "log2 c50(sine / square) > .1",
        _of("square_wave_contrast_shift"), ("square_wave_contrast_shift",), 0.1,
    ),
    Phenomenon(
        21, "masking is unspecific for orientation", "least suppression by silent masks > .05",
        _of("least_mask_suppression"), ("least_mask_suppression",), 0.05,
    ),
    Phenomenon(
        22, "masking depends on frequency",
        "suppression at its best less that at the highest frequency > .05",
        _of("mask_frequency_fall"), ("mask_frequency_fall",), 0.05,
    ),
    Phenomenon(
        23, "masking grows with contrast", "suppression by masks of .5 less that of .06 > .05",
        _of("mask_contrast_effect"), ("mask_contrast_effect",), 0.05,
    ),
    Phenomenon(
        24, "surround is tuned to orientation", "orthogonal - iso > .02",
        lambda units: units[ORTHOGONAL] - units[ISO], (ISO, ORTHOGONAL), 0.02,
        macaque="medians .887 and .597; orthogonal larger in 79 % of 58 cells (Cavanaugh, Bair & "
        "Movshon 2002b)",
    ),
    Phenomenon(
        25, "surround is tuned to frequency",
        "suppression at its own frequency less that at the worse of +-1.5 octaves > .02",
        _of("surround_frequency_fall"), ("surround_frequency_fall",), 0.02,
    ),
    Phenomenon(
        26, "surround of high contrast suppresses", "1 - R(.5, .5) / R(.5, 0) > .05",
        lambda units: 1 - units[ISO], (ISO,), 0.05,
        macaque="median .40 of 58 cells (Cavanaugh, Bair & Movshon 2002b)",
    ),
    Phenomenon(
        27, "surround orientation matters more at low contrast",
        "(orthogonal - iso) at low less that at high contrast > .02",
        _orientation_at_low_contrast, SURROUNDS, 0.02,
        macaque="medians .622 and .444 at low, .887 and .597 at high contrast (Cavanaugh, Bair & "
        "Movshon 2002b)",
    ),
    Phenomenon(
        28, "field from spots is smaller", "log2 of spots (10 % of peak) over gratings < -.1",
        _octaves("spot_to_grating_field_ratio"), ("spot_to_grating_field_ratio",), below=-0.1,
    ),
    Phenomenon(
        29, "field from reverse correlation is smaller",
        "log2 of the envelope (10 % of peak) over gratings < -.1",
        lambda units: np.log2(units["reverse_correlation_field"] / units["optimal_diameter"]),
        ("reverse_correlation_field", "optimal_diameter"), below=-0.1,
    ),
    Phenomenon(
        30, "field from bars is smaller", "log2 of bars (10 % of peak) over gratings < -.1",
        _octaves("bar_to_grating_field_ratio"), ("bar_to_grating_field_ratio",), below=-0.1,
    ),
)  # fmt: skip
