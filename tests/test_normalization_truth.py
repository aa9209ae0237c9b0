"""Normalised cells, off every grid: pixels give what their closed forms, or parameters, say."""

from dataclasses import replace
from functools import cache, wraps
from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr
from known_cells import DISPLAY, both, filters, fine_pixels, known_by

from insilico.comparison.phenomena_list import PHENOMENA
from insilico.experiments import annulus, contrast, lengths, plaids, surround_places, surrounds
from insilico.models.textbook.normalized_truth import amplitudes
from insilico.models.textbook.normalized_units import draw_normalized, pool

CELLS = [24, pytest.param(200, marks=pytest.mark.slow)]

DIAMETER, INNER = 1.1, 1.4
PATCH = {"diameter": DIAMETER}
RING = {"diameter": DIAMETER, "inner_diameter": INNER}
HOLES = {
    "given": {
        "optimal_diameter": 0.9,
        "center_diameter": 0.9,
        "center_response": 40.0,
        "center_diameter_low_contrast": 1.2,
        "center_response_low_contrast": 16.0,
    }
}
FINE = {"truth": fine_pixels}


@wraps(contrast.contrast_orientations)
def every_second_orientation(*place, **preferred):
    """12 of the 24 orientations, which are as good for cells this broad."""
    shown = contrast.contrast_orientations(*place, **preferred)
    kept = shown.conditions["orientation"] % 15 == 0
    return replace(shown, conditions=shown.conditions[kept].reset_index(drop=True))


# Of each protocol: what is fixed, and how far properties may be off (relative, absolute).
RECOVERED = {
    "contrast": (
        contrast.CONTRAST,
        PATCH,
        {
            "contrast_c50": (0.01, 0),
            "contrast_exponent": (0.01, 0),
            "contrast_half_peak": (0.02, 0),
            "contrast_supersaturation": (0, 0.015),
            "contrast_gain": (0.02, 0),
            "contrast_fit_r2": (0, 1e-3),
        },
    ),
    "contrast_orientation": (
        replace(contrast.CONTRAST_ORIENTATION, stimuli=every_second_orientation),
        PATCH,
        {"orientation_width_contrast_slope": (0, 0.3)},
    ),
    "contrast_size": (
        contrast.CONTRAST_SIZE,
        {},
        {
            "summation_field_contrast_ratio": (0.03, 0),
            "suppression_index_low_contrast": (0, 0.02),
        },
    ),
    "cross_orientation": (
        plaids.CROSS_ORIENTATION,
        PATCH,
        {
            "cross_orientation_suppression": (0, 0.02),
            "mask_contrast_shift": (0, 0.05),
            "mask_weight": (0.03, 0),
        },
    ),
    "annulus": (
        annulus.ANNULUS,
        HOLES,
        {
            "annular_minimum_response_field": (0.03, 0),
            "annular_to_summation_field_ratio": (0.03, 0),
            "surround_inner_diameter": (0.03, 0),
            "hole_suppression": (0, 0.02),
        },
    ),
    "surround_orientation": (
        surrounds.SURROUND_ORIENTATION,
        RING,
        {
            "iso_surround_response": (0, 0.02),
            "orthogonal_surround_response": (0, 0.02),
            "surround_selectivity": (0, 0.03),
            "most_suppressive_orientation": (0, 2),
        },
    ),
    "phase_surround": (surrounds.PHASE_SURROUND, RING, {"surround_phase_modulation": (0, 0.02)}),
    "surround_gap": (
        surround_places.SURROUND_GAP,
        RING,
        {"surround_extent": (0.05, 0), "near_surround_selectivity": (0, 0.03)},
    ),
    "length": (
        lengths.LENGTH,
        PATCH | FINE,
        {"end_stopping_index": (0, 0.02), "preferred_length": (0.03, 0)},
    ),
}


def drawn(n):
    return draw_normalized(n, display=DISPLAY, seed=5)


@cache
def measured(name, n):
    """Properties of so many cells: of each, what pixels give and what the closed form gives."""
    protocol, fixed, _ = RECOVERED[name]
    return both(protocol, drawn(n), **fixed)


class Recovered(NamedTuple):
    """A property of every cell, from pixels and in closed form, and how far they may be apart."""

    found: np.ndarray
    truth: np.ndarray
    allowed: np.ndarray
    finer: int

    @property
    def known(self):
        return np.isfinite(self.found) & np.isfinite(self.truth)

    @property
    def beyond(self):
        return self.known & (np.abs(self.found - self.truth) > self.allowed)


def recovered(name, n):
    """Properties that a protocol recovers, by name.

    Disks are as sharp as pixels are. Half as large, they leave half of the error: cells for which
    it is too large are shown finer pictures, and counted (``finer``).
    """
    protocol, fixed, tolerances = RECOVERED[name]
    properties = {}
    for each, (relative, absolute) in tolerances.items():
        found, truth = (values.copy() for values in measured(name, n)[each])
        coarse = Recovered(found, truth, absolute + relative * np.abs(truth), 0)
        beyond = coarse.beyond
        if beyond.any() and "truth" not in fixed:
            found[beyond] = known_by(fine_pixels, protocol, drawn(n)[beyond], **fixed)[each]
        properties[each] = coarse._replace(finer=int(beyond.sum()))
    return properties


@pytest.mark.parametrize("name", RECOVERED)
def test_properties_are_recovered_from_pixels(name, n=24):
    # 200 of them are in docs/validation, which test_validation reads.
    for each, cells in recovered(name, n).items():
        assert cells.known.sum() > n / 10, each
        # Properties are NaN where a response is below a criterion: a few cells lie just there.
        assert (np.isfinite(cells.found) != np.isfinite(cells.truth)).sum() <= n / 20, each
        assert cells.finer <= n / 20, each
        error = np.abs(cells.found - cells.truth)
        assert not cells.beyond.any(), f"{each}: {error[cells.beyond]}"


@pytest.mark.parametrize("n", CELLS)
def test_supersaturation_in_the_mean(n):
    found, truth = measured("contrast", n)["contrast_supersaturation"]
    assert np.abs(found - truth).mean() < 0.01


def energies(unit, turns):
    """What the pool of a cell gives for its grating in the patch, turned by so many degrees."""
    own = {k: unit[k].item() for k in ("orientation", "spatial_frequency", "x", "y")}
    weight = pool(unit).weight.reshape(1, -1)
    for turn in turns:
        turned = own | {"orientation": (own["orientation"] + turn) % 180}
        [patch] = amplitudes(unit, **turned, diameters=[DIAMETER])
        ahead, behind = patch.pool
        yield (weight * (abs(ahead) ** 2 + abs(behind) ** 2) / 4).sum()


@pytest.mark.parametrize("n", CELLS)
def test_parameters_are_literally_those_of_cells_without_surround(n):
    # The power of a rectified linear response is the cell's own; its pool's ripple is small.
    units = drawn(n)
    free = np.flatnonzero((units["response_gain"] == 0) & (units["contrast_gain"] == 0))
    assert len(free) > n / 24
    contrasts, masks = measured("contrast", n), measured("cross_orientation", n)
    for i in free:
        unit = units.iloc[[i]]
        own, orthogonal = energies(unit, (0, 90))
        c50 = unit["semisaturation"].item() / np.sqrt(own)
        power = unit["exponent"].item()
        assert contrasts["contrast_c50"][0, i] == pytest.approx(c50, rel=0.01)
        assert contrasts["contrast_exponent"][0, i] == pytest.approx(power, rel=0.01)
        assert masks["mask_weight"][0, i] == pytest.approx(np.sqrt(orthogonal / own), rel=0.03)


# Phenomena that these protocols tell, the protocol of each, and the gains that it takes.
CLASSICS = {
    2: ("contrast_size", ["response_gain", "contrast_gain"]),
    7: ("contrast", []),
    8: ("contrast", ["response_gain"]),
    23: ("cross_orientation", []),
    24: ("surround_orientation", ["response_gain", "contrast_gain"]),
    26: ("surround_orientation", ["response_gain", "contrast_gain"]),
}


def judged(number, properties):
    """Effect of a phenomenon in each cell, and which of them show it."""
    phenomenon = PHENOMENA[number - 1]
    effect = phenomenon.effect(
        xr.Dataset({name: ("unit", values) for name, values in properties.items()})
    ).to_numpy()
    with np.errstate(invalid="ignore"):
        return effect, effect > phenomenon.above


@pytest.mark.parametrize("number", CLASSICS)
def test_classical_results_hold_where_there_is_normalization_and_nowhere_else(number):
    name, gains = CLASSICS[number]
    tables = measured(name, 24)
    _, shown = judged(number, {each: found for each, (found, _) in tables.items()})
    has = (drawn(24)[gains] > 0).any(axis=1).to_numpy() if gains else np.full(24, True)
    assert shown[has].mean() > 0.6
    if number != 2:
        # Pools of their own make fields grow a little in cells without a surround, too.
        assert not shown[~has].any()
    effect, shown = judged(number, filtered(name))
    assert np.isfinite(effect).any()
    assert not shown.any()
    if number > 20:
        # What is left are cells whose own field reaches into the surround, or answers the mask.
        assert np.nanmedian(np.abs(effect)) < 1e-3
        assert np.nanmax(np.abs(effect)) < 0.01


@cache
def filtered(name):
    """Properties of eight of the cells without normalization, loud enough for low contrasts."""
    protocol, fixed, _ = RECOVERED[name]
    return known_by(filters, protocol, drawn(24)[:8].assign(maximum=1000.0), **fixed)


def test_what_needs_a_surround():
    units = drawn(24)
    gains = units["response_gain"] + units["contrast_gain"]
    none = (gains == 0).to_numpy()
    strongest = int(gains.argmax())
    ratio = measured("contrast_size", 24)["summation_field_contrast_ratio"][0]
    # Pools of their own make the fields of all grow a little.
    assert np.median(ratio[~none]) > 1.4
    assert ratio[none].max() < 1.25
    around = measured("surround_orientation", 24)
    iso, orthogonal = (around[f"{which}_surround_response"][0] for which in ("iso", "orthogonal"))
    assert iso[strongest] < 0.8
    assert iso[strongest] < orthogonal[strongest]
    assert iso[none] == pytest.approx(1, abs=0.05)
    # Nothing is suppressed, and so nothing selectively.
    assert np.isnan(around["surround_selectivity"][0, none]).all()
    stopping = measured("length", 24)["end_stopping_index"][0]
    assert stopping[strongest] > stopping[none].max() + 0.05


def test_a_hole_that_leaves_less_is_wider():
    holes = measured("annulus", 24)
    low = holes["surround_inner_diameter_low_contrast"][1]
    high = holes["surround_inner_diameter"][1]
    both_known = np.isfinite(low) & np.isfinite(high)
    assert both_known.sum() > 8
    assert (low >= high)[both_known].all()
