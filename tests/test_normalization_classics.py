"""Classical results hold on normalised cells, and fail on the same cells without normalization."""

import numpy as np
import pytest
import xarray as xr
from known_cells import DISPLAY, both

from insilico.comparison.phenomena import scorecard
from insilico.experiments import contrast, plaids, surrounds
from insilico.models.textbook.closed_form import recorded
from insilico.models.textbook.normalization import NormalizedPopulation
from insilico.models.textbook.normalized_units import draw_normalized
from insilico.runs.run import run

# Phenomena that a filter with a rectifier must not show (a simple cell's modulation, averaged over
# noise, stays).
NOT_OF_A_FILTER = (1, 2, 7, 8, 9, 10, 11, 12, 18, 20, 21, 22, 23, 24, 25, 26, 27)
# Those that normalised cells of which three quarters have a surround show.
OF_NORMALIZATION = (1, 2, 7, 9, 10, 11, 12, 17, 18, 20, 21, 22, 23, 24, 25, 26)


def control(units, stimuli):
    """What the same cells without pools and surrounds answer."""
    return recorded(units, stimuli, normalized=False)


@pytest.fixture(scope="module")
def cell():
    """A complex cell with a surround, which low contrasts drive without normalization too."""
    return draw_normalized(8, display=DISPLAY, seed=11).iloc[[1]].assign(maximum=1000.0)


def test_masks_and_surrounds_act_on_normalised_cells_alone(cell):
    plaid = both(plaids.CROSS_ORIENTATION, cell, truth=control, diameter=1.1)
    normalised, plain = plaid["mask_contrast_effect"][:, 0]
    assert normalised > 0.3
    assert abs(plain) < 1e-3
    around = both(
        surrounds.SURROUND_ORIENTATION, cell, truth=control, diameter=1.1, inner_diameter=1.4
    )
    assert around["iso_surround_response"][0, 0] < 0.8
    assert around["orthogonal_surround_response"][0, 0] > around["iso_surround_response"][0, 0]
    for name in ("iso_surround_response", "orthogonal_surround_response"):
        assert around[name][1, 0] == pytest.approx(1, abs=1e-3)


def test_contrast_saturates_normalised_cells_alone(cell):
    found = both(contrast.CONTRAST, cell, truth=control, diameter=1.1)
    slopes = found["contrast_log_slope_low"][:, 0], found["contrast_log_slope_high"][:, 0]
    assert slopes[0][0] > 2 * slopes[1][0]
    # A squared response has one power throughout, and no c50.
    assert [each[1] for each in slopes] == pytest.approx([2, 2], abs=0.01)
    assert np.isnan(found["contrast_c50"][1, 0])


def population(normalized, n=24):
    """Score cells in the smallest groups that there are: each computes only its own pool."""
    units = draw_normalized(n, display=DISPLAY, seed=0)
    tables = []
    for i in range(n):
        model = NormalizedPopulation(units=units.iloc[[i]], normalized=normalized)
        known = {"degrees": 6, "pixels": 96, "channels": 1, "mean": 0, "std": 1}
        results = run(model, ["v1"], battery="phenomena", **known)
        tables.append(results.units.assign_coords(channel=("unit", [i])))
    return scorecard(xr.concat(tables, "unit", combine_attrs="override")).set_index("number")


@pytest.mark.slow
def test_the_scorecard_of_normalised_cells():
    card = population(normalized=True)
    assert (card.loc[list(OF_NORMALIZATION), "shown"] == "yes").all()


@pytest.mark.slow
def test_the_scorecard_of_the_control():
    card = population(normalized=False)
    assert (card.loc[list(NOT_OF_A_FILTER), "shown"] == "no").all()
    # Masks of other contrasts, and surrounds: not even a little.
    assert card.loc[23:27, "effect"].abs().max() < 1e-3
    assert (card.loc[[3, 5, 13, 14, 15, 16], "shown"] == "yes").all()
