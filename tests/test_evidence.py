"""The columns of a comparison that say how sure it is, categories, and joint structure."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_results import results as imaginary

from insilico import open_results
from insilico.comparison.joint import joint_structure
from insilico.comparison.population import bins_of
from insilico.comparison.table import score, score_all
from insilico.experiments.batteries import standard
from insilico.reference import ReferenceDistribution, load, load_joint

VARIANCE = "marques2020.ringach2002.circular_variance"
FIELD = "cavanaugh2002a.grating_summation_field"

PAIRS = [pair for each in standard.BATTERY.protocols for pair in each.joint]


def random_stream(seed=0):
    return np.random.default_rng(seed)


def layer(name, values, *, sites=1, **attrs):
    """Units of channels that have the same value at every site."""
    channel = np.repeat(np.arange(len(values)), sites)
    return xr.Dataset(
        {load(name).property: ("unit", np.asarray(values)[channel], attrs)},
        coords={"layer": ("unit", np.full(len(channel), "a")), "channel": ("unit", channel)},
    )


def row(units, name=VARIANCE, **options):
    (found,) = score(units, name, **options).to_dict("records")
    return found


def test_copies_add_nothing():
    values = load(VARIANCE).sample(80, rng=random_stream())
    once, copied = (row(layer(VARIANCE, values, sites=sites)) for sites in (1, 5))
    assert (once["n_channels"], copied["n_channels"]) == (80, 80)
    assert (once["n_defined"], copied["n_defined"]) == (80, 400)
    for column in ("median_low", "median_high", "ks_low", "ks_high", "p", "ks", "ks_margin"):
        assert copied[column] == pytest.approx(once[column]), column
    assert copied["effect_size_high"] == pytest.approx(once["effect_size_high"])
    assert copied["matched_ceiling"] == pytest.approx(once["matched_ceiling"])
    assert once["similarity"] == pytest.approx(copied["similarity"], abs=0.01)


def test_ends_surround_what_they_belong_to():
    units = layer(FIELD, load(FIELD).sample(300, rng=random_stream()) * 2)
    found = row(units, FIELD)
    for name in ("similarity", "skill", "ks", "wasserstein", "effect_size", "matched_ceiling"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"], name
    assert found["median_low"] < found["median_model"] < found["median_high"]
    assert found["p"] < 1e-6
    assert found["equivalence"] == "not shown"
    # Twice as large: an octave up, and so larger than nearly every cell.
    assert found["effect_size_low"] > 0.2
    assert found["wasserstein_low"] > 0


def test_macaque_cells_are_equivalent_to_themselves():
    reference = load(VARIANCE)
    middle = (reference.edges[1:] + reference.edges[:-1]) / 2
    found = row(layer(VARIANCE, np.repeat(middle, 4 * reference.counts.astype(int))))
    assert found["ks"] == pytest.approx(0, abs=1e-12)
    assert found["p"] == 1
    assert found["equivalence"] == "equivalent"
    assert (found["ks_interval"], found["ks_low"]) == ("bound", 0)
    assert found["wasserstein"] == pytest.approx(0, abs=1e-12)
    assert found["effect_size"] == pytest.approx(0, abs=1e-12)


def test_p_values_are_adjusted_within_a_layer():
    names = [VARIANCE, "marques2020.ringach2002.modulation_ratio"]
    units = xr.Dataset(
        {
            load(name).property: ("unit", load(name).sample(200, rng=random_stream(3)) ** power)
            for name, power in zip(names, (1.3, 1.0), strict=True)
        },
        coords={"layer": ("unit", np.repeat(["a", "b"], 100))},
    )
    table = score(units, names, n_resamples=50)
    for _, rows in table.groupby("layer"):
        small, large = sorted(rows["p"])
        assert sorted(rows["p_adjusted"]) == pytest.approx([min(2 * small, large), large])


def test_a_population_in_one_bin_is_not_certain():
    found = row(layer(VARIANCE, np.zeros(60)))
    assert found["similarity"] == 0
    assert found["similarity_high"] == pytest.approx(1 - 0.025 ** (1 / 60), rel=0.1)


def test_other_references_have_no_categories():
    assert score_all(layer(FIELD, np.ones(9)), FIELD, n_resamples=9).categories.empty


def test_what_is_undefined_is_counted_and_explained():
    values = load(FIELD).sample(100, rng=random_stream())
    units = layer(FIELD, values, undefined="NaN for units without suppression.", protocol="size")
    units["responsive"] = (("unit", "protocol"), (np.arange(100) >= 10)[:, None])
    found = row(units.assign_coords(protocol=["size"]), FIELD)
    assert found["n_responsive"] == 90
    assert found["n_undefined"] == np.isnan(values[10:]).sum() == 90 - found["n_defined"]
    assert found["why_undefined"] == "NaN for units without suppression."


@pytest.mark.parametrize("n", [0, 1, 4])
def test_of_few_channels_there_is_no_interval(n):
    found = row(layer(VARIANCE, np.linspace(0.1, 0.9, n), sites=3), n_resamples=20)
    assert found["n_channels"] == n
    for name in ("median", "similarity", "ks", "wasserstein"):
        assert np.isnan(found[f"{name}_low"])
        assert np.isnan(found[f"{name}_high"])
    assert found["equivalence"] == ""
    assert np.isnan(found["p"]) == (n == 0)


def test_circular_properties_have_no_linear_statistics():
    units = layer("devalois1982a.preferred_orientation", random_stream().uniform(0, 180, 200))
    found = row(units, "devalois1982a.preferred_orientation")
    assert np.isnan([found[name] for name in ("median_low", "wasserstein", "effect_size")]).all()
    assert found["ks_low"] <= found["ks"] <= found["ks_high"]


def test_shuffle_floor_is_the_median_over_units_that_count():
    units = layer(VARIANCE, np.linspace(0.1, 0.9, 30), protocol="o")
    units["responsive"] = (("unit", "protocol"), (np.arange(30) % 2 == 0)[:, None])
    units = units.assign_coords(protocol=["o"])
    shuffles = np.where(np.arange(30) % 2 == 0, 0.8, 0.1)[:, None] * np.ones(4)
    name = load(VARIANCE).property
    made = score_all(
        units,
        VARIANCE,
        n_resamples=20,
        shuffled={name: xr.DataArray(shuffles, dims=("unit", "shuffle"))},
    )
    assert made.properties["shuffle_floor"].tolist() == [0.8]
    assert score(units, VARIANCE, n_resamples=20)["shuffle_floor"].isna().all()


def test_runs_widen_the_interval():
    rng = random_stream()
    values = (rng.uniform(0.2, 0.7, 4)[:, None] + rng.normal(0, 0.02, (4, 100))).ravel()
    units = layer(VARIANCE, values)
    together = row(units)
    apart = row(units.assign_coords(run=("unit", np.repeat(np.arange(4), 100))))
    width = {
        key: found["median_high"] - found["median_low"]
        for key, found in (("together", together), ("apart", apart))
    }
    assert width["apart"] > 1.5 * width["together"]


def test_categories_have_intervals():
    names = [VARIANCE, "marques2020.ringach2002.bandwidth", "marques2020.ringach2002.max_dc"]
    units = xr.Dataset(
        {
            load(name).property: ("unit", load(name).sample(200, rng=random_stream(number)))
            for number, name in enumerate(names)
        }
    )
    made = score_all(units, names).categories.set_index("category")
    for name in ("orientation", "response_magnitude", "mean"):
        low, high = made.loc[name, ["similarity_low", "similarity_high"]]
        assert low < made.loc[name, "similarity"] < high
    assert made.loc["spatial_frequency", ["similarity_low", "similarity_high"]].isna().all()
    alone = score(units, names).iloc[2]
    assert made.loc["response_magnitude", "similarity"] == pytest.approx(alone["similarity"])


def cells_of_ringach(n, rng):
    """Units that have the joint distribution of the cells."""
    joint = load_joint("ringach2002.circular_variance_and_smoothed_half_bandwidth")
    place = rng.choice(joint.counts.size, n, p=(joint.counts / joint.counts.sum()).ravel())
    x, y = np.unravel_index(place, joint.counts.shape)
    middle_x, middle_y = ((each[1:] + each[:-1]) / 2 for each in (joint.edges_x, joint.edges_y))
    return middle_x[x], middle_y[y]


def test_joint_structure():
    rng = random_stream()
    variance, bandwidth = cells_of_ringach(300, rng)
    units = xr.Dataset(
        {
            "circular_variance": ("unit", variance),
            "smoothed_half_bandwidth": ("unit", bandwidth),
            "modulation_ratio": ("unit", rng.uniform(0, 2, 300)),
            "suppression_index": ("unit", variance),
        },
        coords={"channel": ("unit", np.arange(300))},
    )
    table = joint_structure(units, PAIRS, n_resamples=199)
    assert table["property_x"].tolist() == [
        "circular_variance",
        "circular_variance",
        "suppression_index",
    ]
    cells, ratio, same = (each for _, each in table.iterrows())
    assert cells["compared_with"] == "cells"
    assert cells["p"] > 0.05
    assert cells["correlation_low"] < cells["correlation_reference"] < cells["correlation_high"]
    assert ratio["compared_with"] == same["compared_with"] == "independence"
    assert ratio["p"] > 0.05
    assert ratio["correlation_low"] < 0 < ratio["correlation_high"]
    assert same["p"] == 1 / 200
    assert same["correlation"] > 0.95
    crossed = units.assign(smoothed_half_bandwidth=("unit", rng.permutation(bandwidth)))
    assert joint_structure(crossed, PAIRS, n_resamples=199)["p"][0] == 1 / 200
    assert cells["p_adjusted"] >= cells["p"]


def test_the_interval_of_a_correlation_is_as_wide_as_drawing_with_replacement_makes_it():
    # Independent properties: the standard error of a rank correlation is 1 / sqrt(n - 1). Channels
    # that count once instead of as often as they are drawn give three quarters of it.
    rng = random_stream()
    units = xr.Dataset(
        {
            "circular_variance": ("unit", rng.uniform(0, 1, 300)),
            "modulation_ratio": ("unit", rng.uniform(0, 2, 300)),
        },
        coords={"channel": ("unit", np.arange(300))},
    )
    [found] = joint_structure(units, PAIRS, n_resamples=2000).to_dict("records")
    width = found["correlation_high"] - found["correlation_low"]
    assert width == pytest.approx(2 * 1.96 / np.sqrt(299), rel=0.12)


def test_joint_structure_of_nothing():
    assert joint_structure(layer(VARIANCE, np.ones(3)), PAIRS).empty
    few = xr.Dataset({name: ("unit", []) for name in ("circular_variance", "modulation_ratio")})
    (found,) = joint_structure(few, PAIRS, n_resamples=9).to_dict("records")
    assert (found["n_units"], found["n_channels"]) == (0, 0)
    assert np.isnan([found["distance"], found["p"], found["correlation"]]).all()


def test_a_reference_of_ones_own_with_fractional_counts():
    own = ReferenceDistribution(
        name="own.p", property="p", edges=np.arange(5.0), counts=np.full(4, 7.5), n=31
    )
    units = xr.Dataset({"p": ("unit", random_stream().uniform(0, 4, 60))})
    (found,) = score(units, [own]).to_dict("records")
    assert 0 < found["p"] <= 1
    assert found["ks_low"] <= found["ks"] <= found["ks_high"]


def test_results_keep_the_tables(tmp_path):
    made = imaginary(30)
    made.save(tmp_path / "run")
    again = open_results(tmp_path / "run")
    pd.testing.assert_frame_equal(again.comparison, made.comparison)
    assert again.joint.empty
    assert again.categories.empty


def test_a_value_on_an_edge_lies_in_the_bin_above_it():
    values = np.array([0.0, 0.5, 0.999, 1.0, 2.0, -1.0, 9.0])
    edges = np.array([0.0, 0.5, 1.0, 2.0])
    assert bins_of(values, edges).tolist() == [0, 1, 1, 2, 2, 0, 2]
