"""How sure a comparison is: intervals, tests and effect sizes of one property of one layer."""

from typing import Any

import numpy as np
import numpy.typing as npt

from insilico.comparison import statistics
from insilico.comparison.ceilings_and_floors import matched_ceiling, skill
from insilico.comparison.population import Draws, Population, places
from insilico.comparison.statistics import Interval
from insilico.reference import ReferenceDistribution

__all__ = ["FEWEST_CHANNELS", "evidence", "similarity_draws", "similarity_interval"]

Array = npt.NDArray[np.float64]

# Of fewer channels no interval is made.
FEWEST_CHANNELS = 5

NOTHING = Interval(float("nan"), float("nan"), float("nan"), "")


def evidence(
    sample: Population,
    draws: Draws,
    *,
    score: float,
    floor: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Gather what says how sure a comparison is.

    Parameters
    ----------
    sample : Population
        The units.
    draws : Draws
        The same in bootstrap samples.
    score, floor : float
        Similarity, and that of trivial populations.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict
        The columns that `insilico.comparison.table.score` describes.
    """
    reference, n = sample.reference, sample.n_channels
    linear = reference.period is None
    sure = n >= FEWEST_CHANNELS
    middle = NOTHING
    if linear and sure:
        middle = statistics.interval(float(np.median(sample.values)), draws.medians)
    found: dict[str, Any] = {
        "n_channels": n,
        "n_undefined": int(sample.tallies[:, -1].sum()),
        **_ends("median", middle),
    }
    if reference.counts is None or n == 0:
        return found
    counts, drawn = sample.tallies[:, :-1].sum(axis=0, dtype=np.float64), draws.counts[:, :-1]
    if sure:
        fixed = similarity_interval(sample, draws, score)
        found |= _ends("similarity", fixed)
        found |= {f"skill_{end}": skill(getattr(fixed, end), floor) for end in ("low", "high")}
    undefined = round(found["n_undefined"] * n / counts.sum())
    scores = matched_ceiling(
        reference, n, undefined=undefined, rng=rng, n_resamples=len(draws.counts)
    )
    found["matched_ceiling"] = float(scores.mean())
    found["matched_ceiling_low"], found["matched_ceiling_high"] = np.quantile(
        scores, (0.025, 0.975)
    )
    return found | _distances(sample, counts, drawn, sure=sure, rng=rng)


def similarity_draws(sample: Population, draws: Draws, score: float) -> Array:
    """Similarity in bootstrap samples, to first order, for means over properties.

    Parameters
    ----------
    sample : Population
        The units.
    draws : Draws
        The same in bootstrap samples.
    score : float
        Similarity of the units.

    Returns
    -------
    array, shape (resample,)
        NaN without public numbers, on too few channels, and in samples without a value.
    """
    reference = sample.reference
    if reference.counts is None or sample.n_channels < FEWEST_CHANNELS:
        return np.full(len(draws.counts), np.nan)
    data = reference.probabilities
    counts = sample.tallies[:, :-1].sum(axis=0, dtype=np.float64)
    difference = statistics.cumulative_difference(counts, data)
    drawn = statistics.cumulative_difference(draws.counts[:, :-1], data)
    top = np.abs(difference).argmax()
    moved = (drawn - difference)[:, top] * np.sign(difference[top])
    return np.asarray(score - moved / _scale(reference))


def similarity_interval(sample: Population, draws: Draws, score: float) -> Interval:
    """Interval of the similarity with these data, from that of the distance which it is made of.

    The data are fixed, as they are for every model that is compared with them.

    Parameters
    ----------
    sample : Population
        The units.
    draws : Draws
        The same in bootstrap samples.
    score : float
        Similarity of the units.

    Returns
    -------
    Interval
    """
    data, scale = sample.reference.probabilities, _scale(sample.reference)
    counts, drawn = sample.tallies[:, :-1].sum(axis=0, dtype=np.float64), draws.counts[:, :-1]
    difference = statistics.cumulative_difference(counts, data)
    moved = statistics.cumulative_difference(drawn[drawn.any(axis=1)], data)
    below = np.cumsum(data)[:-1]
    margins = statistics.share_margins(difference + below, moved + below, sample.n_channels)
    far = statistics.kolmogorov_smirnov_interval(difference, moved, margins=margins)
    low, high = score - (far.high - far.estimate) / scale, score + (far.estimate - far.low) / scale
    return Interval(score, max(low, 0.0), min(high, 1.0), far.method)


def _scale(reference: ReferenceDistribution) -> float:
    """Largest distance that any distribution could have from the data."""
    data = reference.probabilities
    return float(1 - min(data[0], data[-1]))


def _distances(
    sample: Population, counts: Array, drawn: Array, *, sure: bool, rng: np.random.Generator
) -> dict[str, Any]:
    """Distances between units and cells, both of which are samples."""
    reference = sample.reference
    cells = np.asarray(reference.counts)
    size = round(cells.sum())
    difference = statistics.cumulative_difference(counts, cells)
    linear, centres = reference.period is None, _centres(reference)
    far, shift, effect = (
        Interval(estimate, float("nan"), float("nan"), "")
        for estimate in (
            float(statistics.kolmogorov_smirnov(difference)),
            float(statistics.wasserstein(difference, centres)) if linear else np.nan,
            float(statistics.cliffs_delta(counts, cells)) if linear else np.nan,
        )
    )
    if sure:
        known = drawn.any(axis=1)
        drawn_cells = rng.multinomial(size, reference.probabilities, size=len(drawn))[known]
        draws = statistics.cumulative_difference(drawn[known], drawn_cells)
        far = statistics.kolmogorov_smirnov_interval(difference, draws)
        if linear:
            shift = statistics.wasserstein_interval(difference, draws, centres)
            effect = statistics.interval(
                effect.estimate,
                statistics.cliffs_delta(drawn[known], drawn_cells),
                jackknife=_jackknife(sample, counts, cells),
            )
    margin = statistics.sampling_margin(
        reference.probabilities,
        min(sample.n_channels, size),
        rng=rng,
        n_resamples=len(drawn),
    )
    single = sample.clusters.one_of_each(sample.defined, rng)
    one_each = np.bincount(places(reference, _values(sample, single)), minlength=len(cells)).astype(
        np.float64
    )
    within = "equivalent" if far.high < margin else "not shown"
    return {
        "ks": far.estimate,
        **_ends("ks", far),
        "ks_interval": far.method,
        "p": statistics.kolmogorov_smirnov_test(one_each, cells),
        "wasserstein": shift.estimate,
        **_ends("wasserstein", shift),
        "wasserstein_interval": shift.method,
        "effect_size": effect.estimate,
        **_ends("effect_size", effect),
        "ks_margin": margin,
        "equivalence": within if sure else "",
    }


def _centres(reference: ReferenceDistribution) -> Array:
    """Value that stands for each bin: its middle, on the axis on which values are even."""
    if reference.scale == "binary":
        return np.array([0.0, 1.0])
    edges = np.log(reference.edges) if reference.scale == "log" else reference.edges
    middle = (edges[1:] + edges[:-1]) / 2
    return np.exp(middle) if reference.scale == "log" else middle


def _jackknife(sample: Population, counts: Array, cells: Array) -> list[tuple[Array, Array]]:
    """Effect size without one channel, and without one cell; none where runs are drawn."""
    if sample.clusters.n_runs > 1:
        return []
    rest = counts - sample.tallies[:, :-1]
    rest = rest[rest.any(axis=1)]
    filled = np.flatnonzero(cells >= 1)
    fewer = cells - np.eye(len(cells))[filled]
    return [
        (statistics.cliffs_delta(rest, cells), np.ones(len(rest))),
        (statistics.cliffs_delta(counts, fewer), cells[filled]),
    ]


def _values(sample: Population, places: npt.NDArray[np.intp]) -> Array:
    """Values of units by their number in the layer."""
    every = np.full(len(sample.defined), np.nan)
    every[sample.defined] = sample.values
    return every[places]


def _ends(name: str, of: Interval) -> dict[str, float]:
    return {f"{name}_low": of.low, f"{name}_high": of.high}
