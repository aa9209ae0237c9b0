"""How often the statistics are wrong, on populations whose truth is known.

Every simulated layer has channels whose units at several sites are exact copies. Run as a script it
prints the table of docs/statistics.md; test_statistics_simulations.py asserts what it shows.
"""

from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from insilico.comparison import statistics
from insilico.comparison.intervals import evidence, similarity_interval
from insilico.comparison.population import clusters_of, draw, population
from insilico.comparison.similarity import expected_scores
from insilico.comparison.statistics import bounds
from insilico.reference import ReferenceDistribution, load, load_joint

VARIANCE = "marques2020.ringach2002.circular_variance"
RATIO = "ringach2002.modulation_ratio"
RATE = "marques2020.ringach2002.max_dc"
YES_NO = "marques2020.schiller1976.spatial_frequency_selective"
JOINT = "ringach2002.circular_variance_and_smoothed_half_bandwidth"


def tilted(reference, tilt):
    """Shares that lean towards the upper bins, or to the lower ones where ``tilt`` is below 0."""
    shares = reference.probabilities * np.exp(tilt * np.linspace(-1, 1, len(reference.counts)))
    return shares / shares.sum()


def with_counts(reference, counts):
    return ReferenceDistribution(
        name=reference.name,
        property="p",
        edges=reference.edges,
        counts=counts,
        n=round(float(np.sum(counts))),
        scale=reference.scale,
    )


def layer(values, *, sites):
    """Channels that have the same value at every site."""
    channel = np.repeat(np.arange(len(values)), sites)
    return xr.Dataset({"p": ("unit", values[channel])}, coords={"channel": ("unit", channel)})


def values_in(shares, reference, n, rng):
    """Values of ``n`` channels; a fine grid of numbers in each bin, so that medians are unique."""
    place = rng.choice(len(shares), n, p=shares)
    if reference.scale == "binary":
        return place.astype(float)
    low, high = reference.edges[place], reference.edges[place + 1]
    return low + rng.random(n) * (high - low)


def true_median(shares, reference):
    below = np.append(0, shares.cumsum())
    return float(np.interp(0.5, below, reference.edges))


def distances(name, tilt, *, channels, sites, repeats, rng, n_resamples=400):
    """Coverage of the intervals of one property, and rates of its test."""
    reference = load(name)
    shares = tilted(reference, tilt)
    centres = np.array([0.0, 1.0])
    if reference.scale != "binary":
        centres = (reference.edges[1:] + reference.edges[:-1]) / 2
    if reference.scale == "log":
        centres = np.exp((np.log(reference.edges[1:]) + np.log(reference.edges[:-1])) / 2)
    difference = statistics.cumulative_difference(shares, reference.probabilities)
    truth = {
        "ks": float(statistics.kolmogorov_smirnov(difference)),
        "wasserstein": float(statistics.wasserstein(difference, centres)),
        "effect_size": float(statistics.cliffs_delta(shares, reference.probabilities)),
        "median": true_median(shares, reference),
    }
    found = []
    for _ in range(repeats):
        cells = rng.multinomial(round(float(reference.counts.sum())), reference.probabilities)
        known = with_counts(reference, cells.astype(float))
        units = layer(values_in(shares, reference, channels, rng), sites=sites)
        clusters = clusters_of(units)
        sample = population(units, known, clusters)
        (draws,) = draw([sample], clusters, rng=rng, n_resamples=n_resamples)
        every = np.append(sample.tallies[:, :-1].sum(axis=0, dtype=float), 0.0)
        score, true_score = expected_scores(
            np.array([every, np.append(shares, 0.0)]), known, rng=rng, n_draws=500
        )
        made = evidence(sample, draws, score=float(score), floor=0.5, rng=rng)
        row = {
            key: made[f"{key}_low"] <= value <= made[f"{key}_high"] for key, value in truth.items()
        }
        row["similarity"] = made["similarity_low"] <= true_score <= made["similarity_high"]
        row["rejected"] = made["p"] <= 0.05
        row["naive"] = statistics.kolmogorov_smirnov_test(every[:-1], cells) <= 0.05
        row["equivalent"] = made["equivalence"] == "equivalent"
        found.append(row)
    return pd.DataFrame(found).mean(), truth


def alike(name, tilt, *, channels, sites, correlation, cells, repeats, rng, n_resamples=400):
    """Coverage of the interval of a similarity, of channels whose sites are not quite the same."""
    reference = load(name)
    shares = tilted(reference, tilt)
    values = np.array([0.0, 1.0])
    if reference.scale != "binary":
        values = (reference.edges[1:] + reference.edges[:-1]) / 2
    channel = np.repeat(np.arange(channels), sites)
    found = []
    for _ in range(repeats):
        known = with_counts(reference, rng.multinomial(cells, reference.probabilities) * 1.0)
        hidden = np.sqrt(correlation) * rng.normal(size=channels)[channel]
        hidden += np.sqrt(1 - correlation) * rng.normal(size=len(channel))
        place = np.searchsorted(shares.cumsum()[:-1], special.ndtr(hidden))
        units = xr.Dataset({"p": ("unit", values[place])}, coords={"channel": ("unit", channel)})
        clusters = clusters_of(units)
        sample = population(units, known, clusters)
        (draws,) = draw([sample], clusters, rng=rng, n_resamples=n_resamples)
        every = np.append(sample.tallies[:, :-1].sum(axis=0, dtype=float), 0.0)
        score, truth = expected_scores(
            np.array([every, np.append(shares, 0.0)]), known, rng=rng, n_draws=500
        )
        made = similarity_interval(sample, draws, float(score))
        found.append(made.low <= truth <= made.high)
    difference = statistics.cumulative_difference(shares, reference.probabilities)
    return float(np.mean(found)), float(statistics.kolmogorov_smirnov(difference))


def bootstrapped(*arguments, **options):
    """Coverage as of `distances`, of bootstrap intervals made however near to 0 a distance is."""
    with mock.patch.object(bounds, "AWAY", 0.0):
        return distances(*arguments, **options)


def medians(*, channels, sites, repeats, rng, n_resamples=400):
    """Coverage of the interval of a median, with channels as sampling units and with units."""
    found = []
    for _ in range(repeats):
        values = rng.lognormal(size=channels)
        row = {}
        for name, units in (
            ("cluster", layer(values, sites=sites)),
            ("naive", layer(np.repeat(values, sites), sites=1)),
        ):
            clusters = clusters_of(units)
            every = units["p"].to_numpy()
            draws = np.concatenate(
                [
                    statistics.medians(every, times[:, clusters.of_unit])
                    for times in statistics.resamples(clusters, rng=rng, n_resamples=n_resamples)
                ]
            )
            made = statistics.interval(float(np.median(every)), draws)
            row[name] = made.low <= 1 <= made.high
        found.append(row)
    return pd.DataFrame(found).mean()


def runs(*, n_runs, channels, repeats, rng, spread=0.5, n_resamples=400):
    """Coverage for the median of all networks, from runs that differ, and without knowing of runs.

    The values of a run are normal around its own mean, so the median of all of them is 0.
    """
    found = []
    for _ in range(repeats):
        means = rng.normal(scale=spread, size=n_runs)
        values = (means[:, None] + rng.normal(size=(n_runs, channels))).ravel()
        run = np.repeat(np.arange(n_runs), channels)
        channel = np.tile(np.arange(channels), n_runs)
        row = {}
        for name, clusters in (
            ("runs", statistics.cluster(channel, run)),
            ("no_runs", statistics.cluster(np.arange(len(values)))),
        ):
            draws = np.concatenate(
                [
                    statistics.medians(values, times[:, clusters.of_unit])
                    for times in statistics.resamples(clusters, rng=rng, n_resamples=n_resamples)
                ]
            )
            made = statistics.interval(float(np.median(values)), draws)
            row[name] = made.low <= 0 <= made.high
        found.append(row)
    return pd.DataFrame(found).mean()


def joints(*, channels, repeats, rng, n_permutations=199):
    """Type I error of the tests on two properties."""
    reference = load_joint(JOINT)
    cells = round(float(reference.counts.sum()))
    shares = (reference.counts / reference.counts.sum()).ravel()
    found = []
    for _ in range(repeats):
        first, second = (
            rng.multinomial(n, shares).reshape(reference.counts.shape) for n in (channels, cells)
        )
        same = statistics.same_joint(first, second, rng=rng, n_permutations=n_permutations)
        x, y = rng.integers(0, 13, channels), rng.integers(0, 10, channels)
        apart = statistics.dependence(x, y, (13, 10), rng=rng, n_permutations=n_permutations)
        found.append({"same_joint": same.p <= 0.05, "dependence": apart.p <= 0.05})
    return pd.DataFrame(found).mean()


# Property, tilt, channels: the same distribution, little apart, well apart.
SAME = [(VARIANCE, 0, 60), (VARIANCE, 0, 400), (RATIO, 0, 150), (RATE, 0, 150), (YES_NO, 0, 150)]
NEAR = [(VARIANCE, 0.25, 150), (RATIO, 0.25, 150), (RATE, 0.5, 150), (YES_NO, 0.25, 150)]
# Tilt of the circular variance, and channels, where a bootstrap interval is the wrong one.
ZERO = [(0, 60), (0, 400)]
FAR = [(VARIANCE, 1, 150), (VARIANCE, -2, 150), (VARIANCE, 1, 500), (RATIO, 1, 150)]
FAR += [(RATIO, -2, 500), (RATE, -2, 300), (RATE, 2, 500)]


# Nearly all units on one side of an edge: what bootstrap samples show too little of.
ONE_SIDED = [(YES_NO, 0.5, 256), (YES_NO, 1, 256), (YES_NO, 2, 256), (YES_NO, 1, 40)]
ONE_SIDED += [(RATIO, -2, 256), (RATIO, -2, 40)]


def table(*, repeats, seed=0):
    """All simulations: one row per statistic and situation."""
    rng = np.random.default_rng(seed)
    rows = []

    def add(statistic, situation, rate, wanted):
        rows.append((statistic, situation, float(rate), wanted))

    sites = 4
    for kind, cases in (("same", SAME), ("near", NEAR), ("far", FAR)):
        for name, tilt, channels in cases:
            rates, truth = distances(
                name, tilt, channels=channels, sites=sites, repeats=repeats, rng=rng
            )
            label = name.rpartition(".")[2].replace("_", " ")
            where = f"{label}, {channels} channels x {sites}, distance {truth['ks']:.2f}"
            if kind == "same":
                add("KS test, one unit of each channel", where, rates["rejected"], "at most 5 %")
                add("KS test, all units (naive)", where, rates["naive"], "fails")
                add("equivalent", where, rates["equivalent"], "power")
            wanted = "93 to 97 %" if kind == "far" else "at least 93 %"
            add("KS distance", where, rates["ks"], wanted)
            add("Wasserstein distance", where, rates["wasserstein"], wanted)
            add("similarity", where, rates["similarity"], wanted)
            if kind == "far":
                add("Cliff's delta", where, rates["effect_size"], "93 to 97 %")
                add("median", where, rates["median"], "93 to 97 %")
    for channels, copies in ((60, 4), (200, 9)):
        rates = medians(channels=channels, sites=copies, repeats=repeats, rng=rng)
        where = f"log-normal, {channels} channels x {copies}"
        add("median", where, rates["cluster"], "93 to 97 %")
        add("median, unit-level bootstrap (naive)", where, rates["naive"], "fails")
    for n_runs in (3, 5, 10, 20):
        rates = runs(n_runs=n_runs, channels=40, repeats=repeats, rng=rng)
        where = f"{n_runs} runs of 40 channels that differ by half a standard deviation"
        add("median, runs drawn first", where, rates["runs"], "told")
        add("median, runs ignored (naive)", where, rates["no_runs"], "fails")
    for channels in (60, 300):
        rates = joints(channels=channels, repeats=repeats, rng=rng)
        add("2-D KS test", f"{channels} channels", rates["same_joint"], "at most 5 %")
        add("dependence test", f"{channels} channels", rates["dependence"], "at most 5 %")
    for tilt, channels in ZERO:
        rates, truth = bootstrapped(
            VARIANCE,
            tilt,
            channels=channels,
            sites=sites,
            repeats=repeats,
            rng=np.random.default_rng([seed, channels]),
        )
        where = f"circular variance, {channels} channels x {sites}, distance {truth['ks']:.2f}"
        add("KS distance, bootstrap throughout (naive)", where, rates["ks"], "told")
        add(
            "Wasserstein distance, bootstrap throughout (naive)",
            where,
            rates["wasserstein"],
            "fails",
        )
    for name, tilt, channels in ONE_SIDED:
        rate, distance = alike(
            name,
            tilt,
            channels=channels,
            sites=sites,
            correlation=0.9,
            cells=150,
            repeats=repeats,
            rng=np.random.default_rng([seed, channels]),
        )
        label = name.rpartition(".")[2].replace("_", " ")
        where = f"{label}, {channels} channels x {sites} that correlate by .9, 150 cells, "
        add("similarity", f"{where}distance {distance:.2f}", rate, "at least 93 %")
    return pd.DataFrame(rows, columns=["statistic", "situation", "rate", "wanted"])


def markdown(found):
    lines = ["| statistic | situation | rate | wanted |", "|---|---|---|---|"]
    lines += [
        f"| {row.statistic} | {row.situation} | {100 * row.rate:.1f} % | {row.wanted} |"
        for row in found.itertuples()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    print(markdown(table(repeats=int(sys.argv[1]))))  # noqa: T201
