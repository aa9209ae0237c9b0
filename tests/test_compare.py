"""The similarity with published distributions, its context, and the table of comparisons."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from insilico.comparison.ceilings_and_floors import ceiling, floors, skill
from insilico.comparison.similarity import similarity
from insilico.comparison.table import category_scores, score
from insilico.reference import (
    CATEGORIES,
    MARQUES2020,
    ReferenceDistribution,
    from_values,
    load,
    names,
)

GOLDEN = json.loads((Path(__file__).parent / "data" / "ks_similarity.json").read_text())

# Uniform; best single bin and its number; first and last bin: the published trivial floors.
FLOORS = {
    "ringach2002.circular_variance": (0.903, 0.513, 8, 0, 0.027),
    "ringach2002.bandwidth": (0.556, 0.607, 5, 0, 0),
    "ringach2002.orthogonal_preferred_ratio": (0.692, 0.531, 3, 0.373, 0),
    "ringach2002.orientation_selective": (0.510, 0.980, 2, 0, 0.980),
    "ringach2002.circular_variance_bandwidth_ratio": (0.577, 0.678, 7, 0, 0),
    "ringach2002.orthogonal_preferred_ratio_circular_variance_difference": (0.493, 0.615, 7, 0, 0),
    "ringach2002.modulation_ratio": (0.779, 0.484, 3, 0.190, 0),
    "ringach2002.max_dc": (0.729, 0.668, 5, 0, 0),
    "devalois1982a.preferred_orientation": (0.953, 0.345, 2, 0.061, 0),
    "devalois1982b.peak_spatial_frequency": (0.815, 0.506, 7, 0, 0.003),
    "schiller1976.spatial_frequency_selective": (0.596, 0.808, 2, 0, 0.808),
    "schiller1976.spatial_frequency_bandwidth": (0.741, 0.616, 5, 0, 0),
    "cavanaugh2002a.surround_suppression_index": (0.500, 0.579, 2, 0.347, 0),
    "cavanaugh2002a.grating_summation_field": (0.706, 0.635, 4, 0, 0),
    "cavanaugh2002a.surround_diameter": (0.639, 0.628, 6, 0, 0.027),
    "freemanZiemba2013.texture_modulation_index": (0.620, 0.534, 13, 0, 0),
    "freemanZiemba2013.absolute_texture_modulation_index": (0.254, 0.753, 1, 0.753, 0),
}
# AlexNet's category scores, raw and ceiled.
ALEXNET = {
    "orientation": (0.870, 0.899),
    "spatial_frequency": (0.817, 0.857),
    "receptive_field_size": (0.483, 0.505),
    "surround_modulation": (0.365, 0.381),
    "texture_modulation": (0.748, 0.785),
    "response_selectivity": (0.588, 0.625),
    "response_magnitude": (0.804, 0.843),
    "mean": (0.668, 0.699),
}
WITH_NUMBERS = [name for name in MARQUES2020 if name.removeprefix("marques2020.") in FLOORS]


def random_stream(seed=0):
    return np.random.default_rng(seed)


def histogram(counts, *, n=None, scale="linear"):
    counts = np.asarray(counts, dtype=float)
    return ReferenceDistribution(
        name="own.p",
        property="p",
        edges=np.arange(len(counts) + 1.0),
        counts=counts,
        n=int(counts.sum()) if n is None else n,
        scale=scale,
    )


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["case"])
def test_similarity_of_the_published_implementation(case):
    reference = ReferenceDistribution(
        name=case["case"],
        property="p",
        edges=np.array(case["bins"]),
        counts=np.array(case["reference_counts"], dtype=float),
        n=case["n_reference"],
    )
    values = np.array(case["model_values"], dtype=float)
    score = similarity(values, reference, rng=random_stream(), n_resamples=1000)
    # Theirs is the mean of three runs of 1000 resamples, ours of one; four standard errors.
    noise = case["bootstrap_sd"] * np.sqrt(1 / 3000 + 1 / 1000)
    assert abs(score.mean - case["score_mean"]) < max(4 * noise, 1e-12)
    assert abs(score.mean - case["score_mean"]) < 0.01
    assert score.error == pytest.approx(case["bootstrap_sd"], rel=0.12, abs=1e-12)


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_ceilings_are_the_published_ones(name):
    reference = load(name)
    score = ceiling(reference, rng=random_stream(), n_resamples=5000)
    assert abs(score.mean - reference.published_ceiling) < 0.005


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_floors_are_those_of_trivial_populations(name):
    uniform, single_bin, best_bin, first, last = FLOORS[name.removeprefix("marques2020.")]
    found = floors(load(name))
    assert found.uniform == pytest.approx(uniform, abs=6e-4)
    assert found.single_bin == pytest.approx(single_bin, abs=6e-4)
    assert found.best_bin == best_bin
    assert found.first_bin == pytest.approx(first, abs=6e-4)
    assert found.last_bin == pytest.approx(last, abs=6e-4)
    assert found.floor == max(found.uniform, found.single_bin)


def test_floors_are_what_such_populations_score():
    reference = load("marques2020.cavanaugh2002a.surround_suppression_index")
    found = floors(reference)
    middle = (reference.edges[:-1] + reference.edges[1:]) / 2
    for value, expected in (
        (middle[found.best_bin - 1], found.single_bin),
        (-3.0, found.first_bin),
        (9.0, found.last_bin),
    ):
        score = similarity(np.full(40, value), reference, rng=random_stream())
        assert score.mean == pytest.approx(expected, abs=1e-12)
        assert score.error < 1e-12


@pytest.mark.parametrize("selective", [6, 40, 73])
def test_two_bins_have_a_closed_form(selective):
    n = 87
    reference = histogram([n - selective, selective], scale="binary")
    share = selective / n
    drawn = np.arange(n + 1)
    distance = abs(drawn / n - share)
    expected = 1 - stats.binom.pmf(drawn, n, share) @ distance / max(share, 1 - share)
    score = ceiling(reference, rng=random_stream(), n_resamples=10_000)
    assert abs(score.mean - expected) < 4 * score.error / 100


def test_the_error_is_the_standard_deviation_over_resamples():
    # One unit in each of two bins against data with everything in the first: KS is the share drawn
    # in the second, binomial, and KS_max is 1.
    score = similarity([0.5, 1.5], histogram([100, 0]), rng=random_stream(), n_resamples=20_000)
    assert score.mean == pytest.approx(0.5, abs=0.002)
    assert score.error == pytest.approx(0.05, rel=0.03)


def test_one_resample_has_no_error():
    score = similarity([0.5, 1.5], histogram([100, 0]), rng=random_stream(), n_resamples=1)
    assert score.error == 0


def test_undefined_units_leave_without_penalty():
    reference = load("cavanaugh2002a.grating_summation_field")
    values = reference.sample(400, rng=random_stream(1))
    values = values[~np.isnan(values)]
    complete = similarity(values, reference, rng=random_stream())
    half = similarity(
        np.append(values, np.full(len(values), np.nan)), reference, rng=random_stream()
    )
    assert half.mean == pytest.approx(complete.mean, abs=0.02)
    assert half.error > complete.error


def test_undefined_populations():
    reference = histogram([50, 50])
    nothing = similarity([], reference, rng=random_stream())
    assert np.isnan(nothing).all()
    assert similarity(np.full(9, np.nan), reference, rng=random_stream()) == (0, 0)


def test_one_defined_unit_is_scored_where_enough_resamples_hold_it():
    # 100 draws miss the one defined value among 4000 in 97.5 % of the resamples, and the one among
    # 35 in 5.5 %; more than 100 of 1000 such resamples make the score 0.
    reference = histogram([60, 40])
    in_first = 1 - 40 / 60
    for units, expected in ((4000, 0.0), (50, 0.0), (35, in_first)):
        values = np.append(0.5, np.full(units - 1, np.nan))
        score = similarity(values, reference, rng=random_stream())
        assert score.mean == pytest.approx(expected)


def test_resamples_are_counted_not_shared():
    # The published rule is 100 resamples whatever their number: 13 % of 500 are fewer.
    values = np.append(0.5, np.full(49, np.nan))
    score = similarity(values, histogram([60, 40]), rng=random_stream(), n_resamples=500)
    assert score.mean == pytest.approx(1 / 3)


def test_no_resamples_is_an_error():
    with pytest.raises(ValueError, match="n_resamples must be at least 1; got 0"):
        similarity([1.0], histogram([1, 1]), rng=random_stream(), n_resamples=0)


values_with_nan = hnp.arrays(
    float, st.integers(0, 40), elements=st.floats(-2, 14) | st.just(np.nan)
)
some_counts = st.lists(st.integers(0, 30), min_size=2, max_size=12).filter(any)


@settings(deadline=None)
@given(values=values_with_nan, counts=some_counts)
def test_similarity_is_in_range_and_changes_nothing(values, counts):
    reference = histogram(counts)
    before = values.copy()
    score = similarity(values, reference, rng=random_stream(), n_resamples=20)
    np.testing.assert_array_equal(values, before)
    if len(values) == 0:
        assert np.isnan(score.mean)
    else:
        assert 0 <= score.mean <= 1
        assert 0 <= score.error <= 0.5


@settings(deadline=None)
@given(values=values_with_nan, counts=some_counts, seed=st.integers(0, 5))
def test_similarity_ignores_the_order_of_units(values, counts, seed):
    reference = histogram(counts)
    shuffled = random_stream(seed).permutation(values)
    one = similarity(values, reference, rng=random_stream(seed), n_resamples=20)
    other = similarity(shuffled, reference, rng=random_stream(seed), n_resamples=20)
    np.testing.assert_equal(one, other)


@settings(deadline=None)
@given(values=values_with_nan, counts=some_counts)
def test_similarity_ignores_a_monotonic_change_of_scale(values, counts):
    reference = histogram(counts)
    stretched = ReferenceDistribution(
        name="own.p",
        property="p",
        edges=2.0**reference.edges,
        counts=reference.counts,
        n=reference.n,
    )
    # exp2 of a value just below an integer may round to the edge itself; the grid avoids that.
    coarse = np.round(values * 8) / 8
    one = similarity(coarse, reference, rng=random_stream(), n_resamples=20)
    other = similarity(2.0**coarse, stretched, rng=random_stream(), n_resamples=20)
    np.testing.assert_equal(one, other)


@settings(deadline=None)
@given(counts=some_counts)
def test_the_data_themselves_reach_the_ceiling(counts):
    reference = histogram(counts, n=sum(counts) + 3)
    middles = np.repeat(np.arange(len(counts)) + 0.5, counts)
    values = np.append(middles, [np.nan] * 3)
    one = similarity(values, reference, rng=random_stream(), n_resamples=50)
    other = ceiling(reference, rng=random_stream(), n_resamples=50)
    np.testing.assert_equal(one, other)


@settings(deadline=None)
@given(
    counts=some_counts,
    other=some_counts,
    first=st.floats(0, 1),
    second=st.floats(0, 1),
)
def test_similarity_grows_as_a_population_approaches_the_data(counts, other, first, second):
    bins = min(len(counts), len(other))
    counts, other = np.array(counts[:bins], float), np.array(other[:bins], float)
    if not counts.any() or not other.any():
        return
    # So many cells that resampling hardly matters.
    reference = histogram(counts, n=10**8)
    data, away = counts / counts.sum(), other / other.sum()
    middles = np.arange(bins) + 0.5
    scores = []
    for share in sorted((first, second)):
        mixed = np.round(1e4 * (share * data + (1 - share) * away)).astype(int)
        values = np.repeat(middles, mixed)
        scores.append(similarity(values, reference, rng=random_stream(), n_resamples=5).mean)
    assert scores[0] <= scores[1] + 0.003


@pytest.mark.parametrize(
    ("score", "floor", "expected"), [(1, 0.3, 1), (0.3, 0.3, 0), (0.2, 0.6, -1), (0.65, 0.3, 0.5)]
)
def test_skill(score, floor, expected):
    assert skill(score, floor) == pytest.approx(expected)


def test_skill_of_the_data_themselves():
    # Preferred orientation is nearly uniform: even perfect data are hardly above the floor.
    reference = load("marques2020.devalois1982a.preferred_orientation")
    best = ceiling(reference, rng=random_stream(), n_resamples=20_000).mean
    assert skill(best, floors(reference).floor) == pytest.approx(0.19, abs=0.01)


def unit_table(n=200, *, layers=("layer1",), seed=0):
    rng = random_stream(seed)
    suppression = rng.beta(2, 3, n)
    return xr.Dataset(
        {
            "suppression_index": (
                "unit",
                suppression,
                {"long_name": "Suppression", "units": "1", "protocol": "size"},
            ),
            "grating_summation_field": (
                "unit",
                np.where(suppression > 0.1, rng.lognormal(0, 0.5, n), np.nan),
                {"long_name": "Summation field", "units": "deg", "protocol": "size"},
            ),
            "preferred_orientation": (
                "unit",
                rng.uniform(0, 180, n),
                {"units": "deg", "protocol": "orientation"},
            ),
            "curves": (("unit", "phase"), np.zeros((n, 2))),
            "responsive": (
                ("unit", "protocol"),
                np.stack([np.arange(n) % 10 != 0, np.arange(n) % 4 != 0], axis=1),
            ),
        },
        coords={
            "layer": ("unit", np.array(layers)[np.arange(n) * len(layers) // max(n, 1)]),
            "protocol": ["orientation", "size"],
        },
    )


CAVANAUGH = ("cavanaugh2002a.suppression_index", "cavanaugh2002a.grating_summation_field")


def test_table_of_comparisons():
    units = unit_table()
    table = score(units, CAVANAUGH, n_resamples=200)
    assert table["reference"].tolist() == list(CAVANAUGH)
    assert table["layer"].tolist() == ["layer1", "layer1"]
    first, second = (row for _, row in table.iterrows())
    assert first["label"] == "Suppression"
    assert second["units"] == "deg"
    assert (first["n_recorded"], first["n_responsive"], first["n_reference"]) == (200, 150, 190)
    responsive = units["responsive"].sel(protocol="size").to_numpy()
    field = units["grating_summation_field"].to_numpy()[responsive]
    assert second["n_defined"] == np.isfinite(field).sum() < second["n_responsive"]
    assert second["median_model"] == np.nanmedian(field)
    assert second["median_reference"] == load(CAVANAUGH[1]).median
    for _, row in table.iterrows():
        assert 0 < row["similarity"] < row["ceiling"] < 1
        assert row["ceiled"] == row["similarity"] / row["ceiling"]
        assert row["skill"] == skill(row["similarity"], row["floor"])
        assert row["ceiling_skill"] == skill(row["ceiling"], row["floor"])
        assert row["doi"] == "10.1152/jn.00692.2001"
        assert "Cavanaugh" in row["citation"]
    assert table["category"].tolist() == ["", ""]


def test_a_row_depends_on_nothing_else_in_the_table():
    units = unit_table(layers=("a", "b"))
    table = score(units, CAVANAUGH, n_resamples=50)
    again = score(units, CAVANAUGH[::-1], n_resamples=50)
    alone = score(units.isel(unit=units["layer"] == "b"), CAVANAUGH[1], n_resamples=50)
    key = ["layer", "reference"]
    pd.testing.assert_frame_equal(
        table.sort_values(key, ignore_index=True), again.sort_values(key, ignore_index=True)
    )
    pd.testing.assert_frame_equal(table.iloc[[3]].reset_index(drop=True), alone)
    other = score(units, CAVANAUGH, n_resamples=50, seed=1)
    assert (other["similarity"] != table["similarity"]).all()
    assert table["layer"].tolist() == ["a", "a", "b", "b"]


def test_units_without_a_note_of_what_responded_all_count():
    units = unit_table().drop_vars("responsive")
    assert score(units, CAVANAUGH[0], n_resamples=9)["n_responsive"].tolist() == [200]


def test_a_table_read_back_from_disk_gives_the_same(tmp_path):
    units = unit_table(layers=("a", "b"))
    units.to_netcdf(tmp_path / "units.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "units.nc", engine="h5netcdf") as stored:
        again = score(stored.load(), CAVANAUGH, n_resamples=20)
    pd.testing.assert_frame_equal(again, score(units, CAVANAUGH, n_resamples=20))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_units(n):
    table = score(unit_table(n), CAVANAUGH, n_resamples=20)
    assert len(table) == 2
    assert table["n_recorded"].tolist() == [n, n]
    # Unit 0 responds in neither protocol.
    assert table["n_responsive"].tolist() == [max(n - 1, 0)] * 2
    assert table["similarity"].notna().all() == (n > 1)
    assert table["median_model"].notna().all() == (n > 1)
    assert table["ceiling"].notna().all()
    scores = category_scores(table)
    assert len(scores) == 8


def test_circular_property():
    (row,) = score(unit_table(), "devalois1982a.preferred_orientation", n_resamples=50).itertuples()
    assert row.similarity > 0.85
    assert np.isnan(row.median_model)
    assert np.isnan(row.median_reference)
    assert row.label == "Preferred orientation"


def test_reference_of_ones_own():
    own = from_values(
        unit_table()["suppression_index"].to_numpy(),
        edges=np.linspace(0, 1, 11),
        property="suppression_index",
        name="lab2026.suppression_index",
    )
    (row,) = score(unit_table(), [own], n_resamples=200).itertuples()
    assert row.reference == "lab2026.suppression_index"
    assert row.similarity > 0.93


def test_units_of_which_a_joined_table_does_not_know_whether_they_respond_do_not_count():
    units = unit_table()
    known = units["responsive"].astype(float)
    known[0] = np.nan
    name = "cavanaugh2002a.suppression_index"
    counts = [
        score(units.assign(responsive=each), [name], n_resamples=20)["n_responsive"].item()
        for each in (known, known.fillna(0).astype(bool))
    ]
    assert counts[0] == counts[1]


def test_reference_without_public_numbers():
    name = "marques2020.freemanZiemba2013.max_noise"
    units = xr.Dataset({"freemanZiemba2013.max_noise": ("unit", [1.0, 20.0, np.nan])})
    (row,) = score(units, [name]).itertuples()
    assert (row.n_recorded, row.n_defined, row.n_reference) == (3, 2, 102)
    assert row.median_model == 10.5
    assert np.isnan([row.similarity, row.ceiling, row.ceiled, row.floor, row.skill]).all()
    assert row.layer == ""


def test_absent_property_is_explained():
    with pytest.raises(ValueError, match=r"'curves'.*does not have.*suppression_index, grating_s"):
        score(unit_table(), [from_values([1, 2], edges=[0, 1, 2], property="curves")])
    with pytest.raises(ValueError, match=r"'modulation_ratio', which the unit table does not have"):
        score(unit_table(), ["ringach2002.modulation_ratio"])
    with pytest.raises(ValueError, match="nearest names are cavanaugh2002a.suppression_index"):
        score(unit_table(), ["cavanaugh2002.suppression_index"])


def test_unknown_protocol_is_explained():
    units = unit_table()
    units["suppression_index"].attrs["protocol"] = "sizes"
    with pytest.raises(ValueError, match=r"protocol 'sizes'.*\['orientation', 'size'\]"):
        score(units, CAVANAUGH[0])
    del units["suppression_index"].attrs["protocol"]
    with pytest.raises(ValueError, match="protocol None"):
        score(units, CAVANAUGH[0])


def alexnet_comparison(names):
    loaded = [load(name) for name in names]
    raw = np.array([reference.alexnet for reference in loaded])
    published = np.array([reference.published_ceiling for reference in loaded])
    return pd.DataFrame(
        {
            "layer": "features.2",
            "reference": list(names),
            "category": [reference.category for reference in loaded],
            "similarity": raw,
            "ceiled": raw / published,
        }
    )


def test_alexnet_by_category():
    scores = category_scores(alexnet_comparison(MARQUES2020)).set_index("category")
    assert list(scores.index) == [*CATEGORIES, "mean"]
    for name, (raw, ceiled) in ALEXNET.items():
        assert scores.loc[name, "similarity"] == pytest.approx(raw, abs=6e-4)
        assert scores.loc[name, "ceiled"] == pytest.approx(ceiled, abs=1.1e-3)
    assert scores.loc["mean", "coverage"] == "22 of 22"
    assert scores.loc["orientation", "coverage"] == "7 of 7"


def test_categories_say_what_they_cover():
    gratings = [name for name in WITH_NUMBERS if "freemanZiemba2013" not in name]
    scores = category_scores(alexnet_comparison(gratings)).set_index("category")
    assert scores.loc["mean", "coverage"] == "15 of 22"
    assert scores.loc["texture_modulation", "coverage"] == "0 of 2"
    assert np.isnan(scores.loc["texture_modulation", "ceiled"])
    assert scores.loc["response_magnitude", "coverage"] == "1 of 3"
    present = scores.drop(index=["mean", "texture_modulation"])
    assert scores.loc["mean", "ceiled"] == pytest.approx(present["ceiled"].mean())
    nothing = category_scores(alexnet_comparison(gratings).assign(category=""))
    assert nothing[["similarity", "ceiled"]].isna().all(axis=None)
    assert nothing["coverage"].iloc[-1] == "0 of 22"
    assert category_scores(alexnet_comparison(gratings).iloc[:0]).empty


def test_benchmark_population_drawn_from_the_data_scores_its_ceiling():
    loaded = [load(name) for name in names("marques2020.") if load(name).counts is not None]
    units = xr.Dataset(
        {
            reference.property: ("unit", reference.sample(20_000, rng=random_stream(number)))
            for number, reference in enumerate(loaded)
        }
    )
    table = score(units, loaded)
    assert (abs(table["ceiled"] - 1) < 0.02).all()
    scores = category_scores(table).set_index("category")
    assert scores.loc["mean", "coverage"] == "17 of 22"
    assert scores.loc["mean", "ceiled"] == pytest.approx(1, abs=0.01)
