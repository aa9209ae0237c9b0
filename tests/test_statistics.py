"""Bootstrap over channels, tests on counts, intervals of distances, joint structure."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from insilico.comparison import statistics
from insilico.comparison.ceilings_and_floors import ceiling, matched_ceiling
from insilico.comparison.similarity import expected_scores, similarity
from insilico.comparison.statistics import Interval
from insilico.comparison.statistics.joint import distance
from insilico.errors import UserError
from insilico.reference import load
from insilico.tuning.properties.orientation import circular_variance


def random_stream(seed=0):
    return np.random.default_rng(seed)


def drawn(clusters, n=2000, seed=0):
    return np.concatenate(
        list(statistics.resamples(clusters, rng=random_stream(seed), n_resamples=n))
    )


class TestClusters:
    def test_channels_of_different_runs_are_different(self):
        clusters = statistics.cluster(np.array([0, 1, 0, 1, 0]), np.array([4, 4, 9, 9, 9]))
        assert clusters.of_unit.tolist() == [0, 1, 2, 3, 2]
        assert clusters.run.tolist() == [0, 0, 1, 1]
        assert (clusters.n, clusters.n_runs) == (4, 2)

    def test_totals_by_channel(self):
        clusters = statistics.cluster(np.array([5, 3, 5, 3, 5]))
        assert clusters.totals(np.array([0, 2, 0, 1, 1]), 3).tolist() == [[0, 1, 1], [2, 1, 0]]

    def test_one_unit_of_each_channel(self):
        channel = np.array([0, 0, 0, 1, 1, 2])
        clusters = statistics.cluster(channel)
        chosen = np.array([True, True, False, True, True, False])
        found = [tuple(clusters.one_of_each(chosen, random_stream(seed))) for seed in range(200)]
        assert set(found) == set(itertools.product((0, 1), (3, 4)))

    def test_every_resample_has_as_many_channels(self):
        times = drawn(statistics.cluster(np.repeat(np.arange(7), 3)))
        assert times.shape == (2000, 7)
        assert (times.sum(axis=1) == 7).all()
        # Binomial with 7 draws at 1/7: variance 6/7.
        assert times.mean(axis=0) == pytest.approx(1, abs=0.1)
        assert times.var(axis=0) == pytest.approx(6 / 7, abs=0.12)

    def test_runs_are_drawn_whole_and_their_channels_within(self):
        run = np.repeat([0, 1, 2], [2, 3, 4])
        times = drawn(statistics.cluster(np.arange(9), run))
        sizes = np.array([times[:, run == number].sum(axis=1) for number in range(3)])
        whole = sizes / np.array([[2], [3], [4]])
        assert (whole == whole.round()).all()
        assert (whole.sum(axis=0) == 3).all()
        assert whole.var() == pytest.approx(2 / 3, abs=0.05)

    def test_large_samples_come_in_blocks(self, monkeypatch):
        monkeypatch.setattr("insilico.comparison.statistics.bootstrap.BLOCK", 100)
        blocks = list(
            statistics.resamples(
                statistics.cluster(np.arange(30)), rng=random_stream(), n_resamples=8
            )
        )
        assert [len(block) for block in blocks] == [3, 3, 2]

    def test_nothing_to_draw(self):
        assert drawn(statistics.cluster(np.array([], dtype=int)), 5).shape == (5, 0)
        with pytest.raises(UserError, match="n_resamples must be at least 1; got 0"):
            drawn(statistics.cluster(np.arange(3)), 0)


class TestIntervals:
    def test_medians_are_those_of_repeated_values(self):
        rng = random_stream()
        values, times = rng.normal(size=11), rng.integers(0, 3, (50, 11))
        expected = [np.median(np.repeat(values, row)) for row in times]
        np.testing.assert_array_equal(
            statistics.medians(values, times.astype(np.float32)), expected
        )

    def test_an_empty_sample_has_no_median(self):
        assert np.isnan(statistics.medians(np.array([1.0]), np.zeros((1, 1), np.float32)))
        assert np.isnan(statistics.medians(np.array([]), np.zeros((2, 0), np.float32))).all()

    def test_percentile_interval_is_that_of_the_draws(self):
        draws = random_stream().normal(size=999)
        made = statistics.interval(0.0, draws)
        assert (made.low, made.high) == pytest.approx(tuple(np.quantile(draws, (0.025, 0.975))))
        assert made.method == "percentile"

    @pytest.mark.parametrize("seed", range(3))
    def test_bca_is_that_of_scipy_where_nothing_is_clustered(self, seed):
        values = random_stream(seed).lognormal(size=40)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=999, method="BCa", rng=random_stream(seed)
        )
        rest = (values.sum() - values) / (len(values) - 1)
        ours = statistics.interval(
            values.mean(),
            theirs.bootstrap_distribution,
            jackknife=[(rest, np.ones(len(values)))],
        )
        assert ours.method == "bca"
        assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval, rel=1e-9)

    def test_bca_of_two_samples_is_that_of_scipy(self):
        first, second = random_stream(1).lognormal(size=(2, 30))

        def difference(x, y, axis=-1):
            return x.mean(axis=axis) - y.mean(axis=axis)

        theirs = stats.bootstrap(
            (first, second), difference, n_resamples=499, method="BCa", rng=random_stream(2)
        )
        without = [(each.sum() - each) / (len(each) - 1) for each in (first, second)]
        ours = statistics.interval(
            float(difference(first, second)),
            theirs.bootstrap_distribution,
            jackknife=[
                (without[0] - second.mean(), np.ones(30)),
                (first.mean() - without[1], np.ones(30)),
            ],
        )
        assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval, rel=1e-9)

    def test_undefined_draws(self):
        nan = float("nan")
        some = statistics.interval(2.0, np.array([1.0, 2.0, 3.0, nan]))
        assert 1 <= some.low < some.high <= 3
        for made in (
            statistics.interval(2.0, np.array([1.0, nan, nan])),
            statistics.interval(nan, np.array([1.0, 2.0])),
            statistics.interval(2.0, np.array([])),
        ):
            assert np.isnan([made.low, made.high]).all()


def enumerated(first, second):
    """P-value of the KS distance by dealing out all observations in all ways."""
    bins = np.arange(len(first))
    pooled = np.repeat(bins, np.add(first, second))
    n = sum(first)

    def distance(counts, others):
        difference = statistics.cumulative_difference(counts, others)
        return statistics.kolmogorov_smirnov(difference)

    observed = distance(first, second)
    every = [
        np.bincount(pooled[list(chosen)], minlength=len(bins))
        for chosen in itertools.combinations(range(len(pooled)), n)
    ]
    return np.mean(
        [distance(each, np.add(first, second) - each) >= observed - 1e-9 for each in every]
    )


class TestTwoSamples:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ([3, 0], [0, 3]),
            ([2, 1, 1], [1, 1, 3]),
            ([0, 4, 0, 1], [3, 1, 2, 1]),
            ([1, 0, 0, 0], [0, 2, 2, 2]),
            ([2, 2], [2, 2]),
            ([0, 3, 2], [0, 1, 5]),
        ],
    )
    def test_p_value_by_enumeration(self, first, second):
        found = statistics.kolmogorov_smirnov_test(first, second)
        assert found == pytest.approx(enumerated(first, second), abs=1e-12)
        assert found == pytest.approx(statistics.kolmogorov_smirnov_test(second, first))

    def test_p_value_of_values_without_ties_is_that_of_scipy(self):
        rng = random_stream()
        first, second = rng.normal(size=60), rng.normal(0.4, size=45)
        order = np.argsort(np.append(first, second))
        of_first = (order < len(first)).astype(int)
        theirs = stats.ks_2samp(first, second, method="exact").pvalue
        assert statistics.kolmogorov_smirnov_test(of_first, 1 - of_first) == pytest.approx(theirs)

    def test_p_value_of_two_bins_is_a_sum_of_hypergeometric_ones(self):
        first, second = np.array([130, 70]), np.array([20, 60])
        total, n = 280, 200
        dealt = np.arange(70 + 1, 150 + 1)
        chance = stats.hypergeom.pmf(dealt, total, 150, n)
        far = abs(dealt / 200 - (150 - dealt) / 80) >= abs(130 / 200 - 20 / 80) - 1e-12
        assert statistics.kolmogorov_smirnov_test(first, second) == pytest.approx(
            chance[far].sum(), rel=1e-8
        )

    def test_p_values_are_small_without_losing_digits(self):
        apart = statistics.kolmogorov_smirnov_test([0, 300], [300, 0])
        expected = 2 * np.exp(-(stats.binom.logpmf(300, 600, 0.5) + 600 * np.log(2)))
        assert apart == pytest.approx(expected, rel=1e-6)

    def test_an_empty_sample_has_no_p_value(self):
        assert np.isnan(statistics.kolmogorov_smirnov_test([0, 0], [1, 1]))
        assert np.isnan(statistics.kolmogorov_smirnov_test([2, 0], [0, 0]))

    def test_what_is_no_histogram_is_explained(self):
        with pytest.raises(UserError, match="two histograms on the same bins"):
            statistics.kolmogorov_smirnov_test([1, 2, 3], [1, 2])

    @pytest.mark.parametrize("bins", [1, 3])
    def test_wasserstein_distance_of_a_shift_is_the_shift(self, bins):
        counts = np.zeros(12)
        counts[2:6] = (1, 5, 3, 2)
        difference = statistics.cumulative_difference(np.roll(counts, bins), counts)
        centres = 4.0 + 2.5 * np.arange(12)
        assert statistics.wasserstein(difference, centres) == pytest.approx(2.5 * bins)

    def test_wasserstein_distance_is_that_of_scipy(self):
        rng = random_stream()
        first, second, centres = *rng.integers(0, 9, (2, 8)), rng.normal(size=8).cumsum()
        centres = np.sort(centres)
        difference = statistics.cumulative_difference(first, second)
        theirs = stats.wasserstein_distance(centres, centres, first, second)
        assert statistics.wasserstein(difference, centres) == pytest.approx(theirs)

    def test_cliffs_delta_is_that_of_all_pairs(self):
        first, second = np.array([2, 0, 5, 1]), np.array([3, 3, 1, 0])
        pairs = np.sign(np.repeat(np.arange(4), first)[:, None] - np.repeat(np.arange(4), second))
        assert statistics.cliffs_delta(first, second) == pytest.approx(pairs.mean())
        assert statistics.cliffs_delta([0, 1], [1, 0]) == 1

    def test_adjustment_is_that_of_scipy(self):
        p = np.array([0.03, np.nan, 0.001, 0.2, 0.04])
        found = statistics.adjusted(p)
        assert np.isnan(found[1])
        np.testing.assert_array_equal(
            found[[0, 2, 3, 4]], stats.false_discovery_control(p[[0, 2, 3, 4]])
        )
        assert np.isnan(statistics.adjusted([np.nan])).all()


class TestBounds:
    def draws(self, difference, spread, n=4000):
        return difference + spread * random_stream().normal(size=(n, len(difference)))

    def test_one_edge_far_ahead_has_a_normal_interval(self):
        difference = np.array([0.01, -0.6, 0.05])
        made = statistics.kolmogorov_smirnov_interval(difference, self.draws(difference, 0.02))
        assert made.method == "bootstrap"
        assert made.estimate == 0.6
        assert made.low == pytest.approx(0.6 - 1.96 * 0.02, abs=0.003)
        assert made.high == pytest.approx(0.6 + 1.96 * 0.02, abs=0.003)

    def test_near_zero_there_is_a_bound(self):
        difference = np.array([0.02, -0.03, 0.01])
        draws = self.draws(difference, 0.02)
        made = statistics.kolmogorov_smirnov_interval(difference, draws)
        assert made.method == "bound"
        assert made.low == 0
        assert made.high == pytest.approx(0.03 + 1.96 * 0.02, abs=0.003)
        shift = statistics.wasserstein_interval(difference, draws, np.arange(4.0))
        assert (shift.method, shift.low) == ("bound", 0)
        assert shift.high > shift.estimate == pytest.approx(0.06)

    def test_an_edge_that_no_channel_crosses_is_not_certain(self):
        difference = np.array([0.1, -0.6])
        draws = difference + np.array([0.02, 0]) * random_stream().normal(size=(4000, 1))
        sure = statistics.kolmogorov_smirnov_interval(difference, draws)
        assert (sure.low, sure.high) == (0.6, 0.6)
        margins = np.full((2, 2), 0.05)
        made = statistics.kolmogorov_smirnov_interval(difference, draws, margins=margins)
        assert (made.low, made.high) == pytest.approx((0.55, 0.65))

    def test_margins_of_shares_are_wilsons(self):
        n = 200
        for share in (0.01, 0.2, 0.995):
            draws = share + np.sqrt(share * (1 - share) / n) * random_stream().normal(
                size=(200000, 1)
            )
            below, above = statistics.share_margins(np.array([share]), draws, 1)
            known = stats.binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
            assert share - below[0] == pytest.approx(known.low, abs=2e-4)
            assert share + above[0] == pytest.approx(known.high, abs=2e-4)
        below, above = statistics.share_margins(np.array([-1e-17, 1.0]), np.zeros((9, 2)), n)
        known = stats.binomtest(0, n).proportion_ci(0.95, method="wilson")
        assert above.tolist() == pytest.approx([known.high, 0])
        assert below.tolist() == pytest.approx([0, known.high])

    def test_far_wasserstein_distance_moves_with_its_differences(self):
        difference = np.full(3, 0.5)
        draws = difference + 0.02 * random_stream().normal(size=(4000, 1))
        made = statistics.wasserstein_interval(difference, draws, np.arange(4.0))
        assert made.method == "bootstrap"
        assert made.low == pytest.approx(1.5 - 1.96 * 0.06, abs=0.01)

    def test_margin_is_that_of_two_binomial_samples(self):
        n = 60
        chance = stats.binom.pmf(np.arange(n + 1), n, 0.3)
        apart = abs(np.subtract.outer(np.arange(n + 1), np.arange(n + 1))) / n
        beyond = np.array(
            [(np.outer(chance, chance)[apart > k / n + 1e-9]).sum() for k in range(n)]
        )
        expected = np.argmax(beyond <= 0.05) / n
        found = statistics.sampling_margin(
            np.array([0.7, 0.3]), n, rng=random_stream(), n_resamples=20_000
        )
        assert found == pytest.approx(expected, abs=1.01 / n)


class TestJoint:
    def test_distance_looks_at_all_quadrants(self):
        first, second = np.zeros((2, 2)), np.zeros((2, 2))
        first[0, 1] = first[1, 0] = second[0, 0] = second[1, 1] = 1
        assert distance(first, second) == 0.5
        # All units in the upper left of the cells: 3/4 more of them there.
        corner = np.zeros((2, 2))
        corner[0, 1] = 1
        assert distance(corner, np.ones((2, 2))) == 0.75

    def test_same_marginals_and_another_joint_is_found(self):
        diagonal, anti = np.diag([40, 40, 40]), np.fliplr(np.diag([40, 40, 40]))
        found = statistics.same_joint(diagonal, anti, rng=random_stream(), n_permutations=99)
        assert found.p == 0.01
        same = statistics.same_joint(diagonal, diagonal, rng=random_stream(), n_permutations=99)
        assert same == (0, 1)

    def test_p_value_of_the_same_joint_is_near_the_exact_one(self):
        first, second = np.array([[3, 0], [1, 0]]), np.array([[0, 1], [1, 3]])
        pooled = (first + second).ravel()
        place = np.repeat(np.arange(4), pooled)
        every = [
            np.bincount(place[list(chosen)], minlength=4).reshape(2, 2)
            for chosen in itertools.combinations(range(9), 4)
        ]
        observed = distance(first, second)
        exact = np.mean(
            [distance(each, first + second - each) >= observed - 1e-9 for each in every]
        )
        found = statistics.same_joint(first, second, rng=random_stream(), n_permutations=9999)
        assert found.p == pytest.approx(exact, abs=0.02)

    def test_dependence(self):
        x = np.repeat(np.arange(4), 25)
        found = statistics.dependence(x, x, (4, 4), rng=random_stream(), n_permutations=99)
        assert found == (0.25, 0.01)
        crossed = statistics.dependence(
            x, np.tile(np.arange(5), 20), (4, 5), rng=random_stream(), n_permutations=99
        )
        assert crossed == (0, 1)

    def test_rank_correlation_is_that_of_scipy(self):
        counts = random_stream().integers(0, 6, (4, 5))
        x, y = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
        expected = stats.spearmanr(x, y).statistic
        assert statistics.rank_correlation(counts) == pytest.approx(expected)
        assert np.isnan(statistics.rank_correlation([[3, 2], [0, 0]]))

    def test_nothing_to_test(self):
        empty = np.zeros((2, 2), dtype=int)
        assert np.isnan(statistics.same_joint(empty, empty + 1, rng=random_stream())).all()
        nothing = np.array([], dtype=int)
        assert np.isnan(statistics.dependence(nothing, nothing, (2, 2), rng=random_stream())).all()


def test_shuffled_curves_keep_their_responses_and_lose_their_order():
    orientation = np.arange(0, 180, 15.0)
    tuned = 1 + np.cos(np.deg2rad(2 * orientation))
    sharp = np.eye(12)[0]
    curve = xr.DataArray(
        [tuned, np.ones(12), sharp],
        {"orientation": orientation, "layer": ("unit", ["a", "a", "a"])},
        ("unit", "orientation"),
    )
    found = statistics.shuffled(curve, circular_variance, rng=random_stream(), n_shuffles=200)
    assert found.sizes == {"unit": 3, "shuffle": 200}
    assert circular_variance(curve).to_numpy() == pytest.approx([0.5, 1, 0])
    # A random walk of 12 steps: the resultant of the shuffled curve is that of its deviations.
    deviations = ((tuned - 1) ** 2).sum() / 11
    expected = np.sqrt(deviations * 12) / 12
    assert (1 - found[0]).std() ** 2 + (1 - found[0]).mean() ** 2 == pytest.approx(
        expected**2, rel=0.2
    )
    assert found[1].to_numpy() == pytest.approx(1)
    assert found[2].to_numpy() == pytest.approx(0)


class TestSimilarities:
    def test_expected_scores_are_the_published_ones(self):
        reference = load("marques2020.cavanaugh2002a.grating_summation_field")
        values = reference.sample(300, rng=random_stream(1)) ** 1.2
        counts = np.append(reference.histogram(values), np.isnan(values).sum())
        (found,) = expected_scores(counts[None], reference, rng=random_stream(), n_draws=1000)
        published = similarity(values, reference, rng=random_stream(), n_resamples=20_000)
        assert found == pytest.approx(published.mean, abs=4 * published.error / 30)

    def test_expected_scores_of_nothing(self):
        reference = load("cavanaugh2002a.suppression_index")
        empty = np.zeros((1, 11))
        assert np.isnan(expected_scores(empty, reference, rng=random_stream()))

    def test_matched_ceiling_rises_to_the_ceiling(self):
        reference = load("marques2020.ringach2002.circular_variance")
        few, many, most = (
            matched_ceiling(reference, n, rng=random_stream()).mean() for n in (20, 200, 10**6)
        )
        assert few < many - 0.03 < most
        best = ceiling(reference, rng=random_stream(), n_resamples=10_000)
        assert most == pytest.approx(best.mean, abs=0.01)


def test_an_interval_says_how_it_was_made():
    assert Interval(1.0, 0.5, 1.5, "bca").method == "bca"
