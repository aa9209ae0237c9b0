"""Masks, annuli, surrounds, lengths and polarity: known cells, and curves known by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from known_cells import DISPLAY, both, close, fine_pixels

from insilico.errors import UserError
from insilico.experiments import annulus, lengths, plaids, surround_places, surrounds
from insilico.experiments.measuring import with_given
from insilico.figures.context import (
    matrix_numbers,
    matrix_page,
    relative_numbers,
    relative_page,
)
from insilico.models.textbook.normalized_units import draw_normalized
from insilico.tuning.properties import annulus as annulus_properties
from insilico.tuning.properties import center, length, values
from insilico.tuning.properties import plaids as mask_properties
from insilico.tuning.properties import surround as surround_properties
from insilico.tuning.properties import surround_places as place_properties
from stimuli import Position

DIAMETER, INNER = 1.1, 1.4
# Of eight drawn cells: a simple and a complex one with a surround, and a simple one without.
SIMPLE, COMPLEX, FREE = 0, 1, 6


@pytest.fixture(scope="module")
def units():
    return draw_normalized(8, display=DISPLAY, seed=11)


# Known cells, from pixels and in closed form


def test_tuning_of_masks_is_recovered_from_pixels(units):
    two = units.iloc[[COMPLEX]]
    by_orientation = both(plaids.MASK_ORIENTATION, two, diameter=DIAMETER)
    close(by_orientation["mask_orientation_selectivity"], absolute=0.03)
    close(by_orientation["least_mask_suppression"], absolute=0.02)
    by_frequency = both(plaids.MASK_FREQUENCY, two, diameter=DIAMETER)
    close(by_frequency["mask_frequency_fall"], absolute=0.02)


def test_places_of_surrounds_are_recovered_from_pixels(units):
    cell = units.iloc[[COMPLEX]]
    # A single patch suppresses little, unless the surround is strong.
    strong = cell.assign(response_gain=4.0)
    patches = both(surround_places.SURROUND_PATCHES, strong, diameter=0.8)
    close(patches["surround_asymmetry"], absolute=0.05)
    close(patches["end_zone_bias"], absolute=0.05)


def test_gains_of_surrounds_are_recovered_from_pixels(units):
    shown = {"diameter": DIAMETER, "inner_diameter": INNER}
    gains = both(surrounds.SURROUND_CONTRAST, units.iloc[[COMPLEX]], **shown)
    close(gains["surround_response_gain"], absolute=0.05)
    close(gains["surround_contrast_gain"], absolute=0.05)
    assert gains["surround_response_gain"][0, 0] < -0.2


def test_surrounds_of_centres_of_low_contrast_are_recovered_from_pixels(units):
    found = both(
        surrounds.SURROUND_ORIENTATION_LOW_CONTRAST,
        units.iloc[[COMPLEX]],
        diameter=DIAMETER,
        inner_diameter=INNER,
        contrast=0.25,
    )
    close(found["iso_surround_response_low_contrast"], absolute=0.02)
    close(found["orthogonal_surround_response_low_contrast"], absolute=0.02)


def test_lengths_of_bars_are_recovered_from_pixels(units):
    bars = both(lengths.BAR_LENGTH, units.iloc[[COMPLEX]], truth=fine_pixels)
    close(bars["bar_end_stopping_index"], absolute=0.02)


def test_polarity_is_recovered_from_pixels(units):
    found = both(lengths.POLARITY, units.iloc[[SIMPLE, COMPLEX]], truth=fine_pixels, diameter=1.0)
    close(found["black_white_ratio"], absolute=0.02)
    # The energy of a complex cell knows no polarity.
    assert found["black_white_ratio"][0, 1] == pytest.approx(0, abs=0.01)


# Curves known by hand


def curve(data, *dims, alone=None, **coords):
    data = np.asarray(data, dtype=float)[None]
    made = xr.DataArray(
        data,
        dims=("unit", *dims),
        coords={**coords, "layer": ("unit", ["v1"])},
        attrs={"units": "spikes/s"},
    )
    if alone is None:
        return made
    none = (("unit", *dims), np.zeros_like(data))
    return made.assign_coords(
        alone=("unit", [alone]),
        mean_alone=("unit", [alone]),
        context_alone=none,
        mean_context_alone=none,
    )


def test_suppression_counts_below_blank_as_nothing():
    assert values.suppression(-3.0, 40.0, 5.0) == 1
    assert np.isnan(values.suppression(1.0, 4.0, 5.0))


def test_masks_by_hand():
    orientations = plaids.ORIENTATIONS
    fall = 0.3 + 0.2 * np.cos(2 * np.deg2rad(orientations))
    tuned = curve(
        40 * (1 - fall), "relative_orientation", alone=40.0, relative_orientation=orientations
    )
    selectivity = mask_properties.mask_orientation_selectivity(tuned).item()
    assert selectivity == pytest.approx(1 - 0.1 / 0.5)
    assert mask_properties.least_mask_suppression(tuned).item() == pytest.approx(0.1)
    # The mask at the signal's own orientation drives the unit: it is none of those.
    driving = np.where(orientations == 0, 30.0, 0.0)[None]
    heard = tuned.assign_coords(context_alone=(("unit", "relative_orientation"), driving))
    second = 0.3 + 0.2 * np.cos(2 * np.deg2rad(15))
    assert mask_properties.mask_orientation_selectivity(heard).item() == pytest.approx(
        1 - 0.1 / second
    )


def test_bandwidth_of_masking_by_hand():
    octaves = plaids.OCTAVES
    tent = np.clip(0.6 * (1 - np.abs(octaves - octaves[4]) / 1.5), 0, None)
    tuned = curve(40 * (1 - tent), "relative_frequency", alone=40.0, relative_frequency=octaves)
    assert mask_properties.mask_frequency_bandwidth(tuned).item() == pytest.approx(1.5, abs=0.02)
    assert mask_properties.mask_frequency_fall(tuned).item() == pytest.approx(0.6)


def test_surround_selectivity_by_hand():
    """``|sum s exp(2i t)| / sum s`` of ``s = a + b cos 2t`` is ``b / 2a``."""
    orientations = surrounds.ORIENTATIONS
    fall = 0.3 + 0.2 * np.cos(2 * np.deg2rad(orientations - 30))
    tuned = curve(
        40 * (1 - fall), "relative_orientation", alone=40.0, relative_orientation=orientations
    )
    assert surround_properties.surround_selectivity(tuned).item() == pytest.approx(1 / 3)
    assert surround_properties.most_suppressive_orientation(tuned).item() == pytest.approx(30)
    assert surround_properties.iso_surround_response(tuned).item() == pytest.approx(0.6)
    # Folded: 150 deg away is 30.
    mirrored = tuned.copy(data=tuned.to_numpy()[:, -np.arange(12)])
    assert surround_properties.most_suppressive_orientation(mirrored).item() == pytest.approx(30)
    weak = tuned.copy(data=40 - (40 - tuned.to_numpy()) * 0.15)
    assert np.isnan(surround_properties.surround_selectivity(weak).item())
    loud = tuned.assign_coords(mean_context_alone=tuned["mean_context_alone"] + 6)
    assert np.isnan(surround_properties.iso_surround_response(loud).item())
    assert surround_properties.surround_alone(loud).item() == pytest.approx(0.15)


def test_harmonics_of_suppression_over_places_by_hand():
    angles = surround_places.POSITIONS
    ends = 0.3 + 0.2 * np.cos(2 * np.deg2rad(angles))
    one_side = 0.3 + 0.2 * np.cos(np.deg2rad(angles))
    for fall, asymmetry, bias in ((ends, 0, 1 / 3), (one_side, 1 / 3, 0)):
        shown = curve(40 * (1 - fall), "relative_position", alone=40.0, relative_position=angles)
        assert place_properties.surround_asymmetry(shown).item() == pytest.approx(
            asymmetry, abs=1e-9
        )
        assert place_properties.end_zone_bias(shown).item() == pytest.approx(bias, abs=1e-9)


def test_extent_by_hand():
    gaps = surround_places.GAPS
    iso, orthogonal = 0.6 - 0.2 * gaps, 0.3 - 0.1 * gaps
    shown = curve(
        40 * (1 - np.stack([iso, orthogonal])),
        "relative_orientation",
        "gap",
        alone=40.0,
        relative_orientation=[0.0, 90.0],
        gap=gaps,
    ).assign_coords(diameter=0.5)
    assert place_properties.surround_extent(shown).item() == pytest.approx(1.5 * 0.5)
    assert place_properties.near_surround_selectivity(shown).item() == pytest.approx(1 / 3)
    assert place_properties.far_surround_selectivity(shown).item() == pytest.approx(1 / 3)


def test_holes_by_hand():
    holes = np.append(0, 6 * np.geomspace(1 / 40, 1 / 2, 12))
    left = 40 * np.exp(-3 * (holes / 1.5) ** 2)
    shown = curve(
        np.stack([0.5 * left, 0.8 * left, left]),
        "contrast",
        "inner_diameter",
        contrast=annulus.CONTRASTS,
        inner_diameter=holes,
    ).assign_coords(
        optimal_diameter=("unit", [1.0]),
        center_diameter=("unit", [0.9]),
        center_response=("unit", [16.0]),
    )
    at = 1.5 * np.sqrt(-np.log(0.05) / 3)
    field = annulus_properties.annular_minimum_response_field(shown).item()
    assert field == pytest.approx(at, rel=0.01)
    assert annulus_properties.annular_field_contrast_ratio(shown).item() == pytest.approx(1)
    # At contrast .5 no hole at all gives 32: a twentieth of 16 is left of it farther out.
    inner = 1.5 * np.sqrt(-np.log(0.05 * 16 / 32) / 3)
    found = annulus_properties.surround_inner_diameter(shown).item()
    assert found == pytest.approx(inner, rel=0.01)
    wide = shown.assign_coords(center_diameter=("unit", [2.5]))
    assert annulus_properties.surround_inner_diameter(wide).item() == 2.5


def test_the_centre_of_low_contrast_gives_a_fifth():
    diameters = 6 * np.geomspace(1 / 40, 1, 12)
    contrasts = np.array([0.03, 0.06, 0.09, 0.12, 0.18, 0.25, 0.5, 1.0])
    grows = 1 - np.exp(-((diameters / 0.8) ** 2))
    peak = np.where(contrasts < 0.15, 2.0, 40 * contrasts)
    shown = curve(
        peak[:, None] * grows, "contrast", "diameter", contrast=contrasts, diameter=diameters
    )
    found = center.center_patch(shown)
    assert found["center_low_contrast"].item() == 0.18
    assert found["center_response"].item() == pytest.approx(0.95 * 20, rel=0.01)
    never = shown.where(shown["contrast"] >= 0.5, 0.1)
    assert np.isnan(center.center_patch(never)["center_diameter_low_contrast"].item())
    assert np.isfinite(center.center_patch(never)["center_diameter"].item())


def test_lengths_and_polarity_by_hand():
    shown = np.geomspace(0.15, 6, 12)
    stopped = curve(40 * np.where(shown < 2, 1.0, 0.7), "length", length=shown)
    assert length.end_stopping_index(stopped).item() == pytest.approx(0.3, abs=0.01)
    pair = curve([20.0, 10.0], "polarity", polarity=[-1.0, 1.0])
    assert length.black_white_ratio(pair).item() == pytest.approx(-np.log10(2))
    faint = curve([20.0, 3.0], "polarity", polarity=[-1.0, 1.0])
    assert np.isnan(length.black_white_ratio(faint).item())


# What pages draw


def test_numbers_of_the_pages_by_hand():
    orientations = surrounds.ORIENTATIONS
    one = curve(
        20 + 0 * orientations, "relative_orientation", alone=40.0, relative_orientation=orientations
    )
    silent = one.assign_coords(alone=("unit", [0.0]))
    numbers = relative_numbers(xr.concat([one, silent, one], "unit"))
    assert numbers["relative_orientation"].tolist() == orientations.tolist()
    assert (numbers[["low", "median", "high"]] == 0.5).all(axis=None)
    pairs = curve(
        [[0.0, 0.0], [10.0, 5.0]],
        "contrast",
        "mask_contrast",
        contrast=[0.0, 0.5],
        mask_contrast=[0.0, 0.5],
    )
    assert matrix_numbers(pairs)["median"].tolist() == [0, 0, 1, 0.5]


def test_pages_name_what_they_show():
    pairs = pd.DataFrame({"contrast": [0.5, 1], "mask_contrast": [0.5, 1], "median": [1.0, 0.2]})
    axes = matrix_page(pairs, width=3.4).axes[0]
    assert axes.get_xlabel() == "Contrast of the mask"
    quartiles = {"low": [0.5], "median": [0.6], "high": [1.7]}
    alone = pd.DataFrame({"relative_orientation": [0.0], **quartiles})
    axes = relative_page(alone, width=3.4).axes[0]
    assert axes.get_ylim()[1] > 1.7


# Where things are shown


def test_a_surround_needs_room():
    table = xr.Dataset(
        {
            "receptive_field_x": ("unit", [0.0, 0.0, 0.0]),
            "receptive_field_y": ("unit", [0.0, 0.0, 0.0]),
            "strongest_orientation": ("unit", [30.0, 30.0, 30.0]),
            "preferred_spatial_frequency": ("unit", [2.0, 2.0, 2.0]),
            "center_diameter": ("unit", [1.0, 2.5, 1.0]),
            "surround_inner_diameter": ("unit", [1.3, 2.6, 5.0]),
        },
        coords={"x": ("unit", [0.0] * 3), "y": ("unit", [0.0] * 3)},
        attrs={"px_per_deg": 28.0, "degrees": 8.0},
    )
    shown = surrounds.around_center(table)
    assert shown["diameter"].notna().tolist() == [True, False, False]
    assert shown["inner_diameter"][0] >= 1.3


def test_the_set_shows_each_part_by_itself():
    stimuli = plaids.masks_of_orientations(DISPLAY, Position(), orientation=20.0)
    table = stimuli.conditions
    assert (table["signal"] + table["context"]).min() == 1
    alone = table[table["context"] == 0]
    assert len(alone) == 4
    assert (alone["mask_contrast"] == 0).all()
    masked = table[(table["signal"] == 0)]
    assert len(masked) == 12 * 16
    assert (masked["contrast"] == 0).all()


def test_contrasts_that_add_up_to_more_than_one_are_refused():
    stimuli = plaids.plaids(DISPLAY, Position())
    loud = stimuli.conditions.assign(contrast=0.6)
    with pytest.raises(ValueError, match="no pixel is clipped"):
        stimuli.draw(DISPLAY, **{name: loud[name].to_numpy() for name in loud})


def test_a_protocol_is_given_only_what_was_measured():
    responses = xr.DataArray(np.ones((1, 2)), dims=("unit", "phase"))
    with pytest.raises(UserError, match="given optimal_diameter"):
        with_given(annulus.ANNULUS, responses, xr.Dataset())
