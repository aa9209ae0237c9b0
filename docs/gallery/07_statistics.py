"""
Copies are not evidence
=======================

How often does a 95 % interval hold the truth? Less often than it says, if units at many sites of
one channel are taken for independent.
"""

# %%
# A layer of 40 channels. The units at all sites of a channel are copies: they have the same value.
# The median of all channels that such a network could have is 1.

import matplotlib.pyplot as plt
import numpy as np

from insilico.comparison import statistics
from insilico.figures import TWO_COLUMNS, style

rng = np.random.default_rng(0)
CHANNELS, LAYERS, RESAMPLES = 40, 120, 300


def median_interval(values, channel):
    clusters = statistics.cluster(channel)
    draws = [
        statistics.medians(values, times[:, clusters.of_unit])
        for times in statistics.resamples(clusters, rng=rng, n_resamples=RESAMPLES)
    ]
    return statistics.interval(float(np.median(values)), np.concatenate(draws))


# %%
# Many such layers are drawn, each with an interval of its median: once by drawing channels, once by
# drawing units.

sites = np.array([1, 2, 4, 9])
ways = {"channels drawn": True, "units drawn": False}
held = {way: [] for way in ways}
examples = {}
for copies in sites:
    channel = np.repeat(np.arange(CHANNELS), copies)
    layers = rng.lognormal(size=(LAYERS, CHANNELS))[:, channel]
    for way, clustered in ways.items():
        groups = channel if clustered else np.arange(len(channel))
        made = [median_interval(values, groups) for values in layers]
        held[way].append(np.mean([each.low <= 1 <= each.high for each in made]))
        examples[way] = made[:30]

for way, rates in held.items():
    print(way, [f"{rate:.0%}" for rate in rates])

# %%
# Left, intervals of the first 30 layers at nine sites per channel; those that miss the truth are
# dark. Right, how many of all intervals hold it: the bootstrap of units gets worse with every copy.

colors = dict(zip(ways, ("tab:blue", "tab:orange"), strict=True))
with style():
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.6), layout="constrained")
    for ax, (way, made) in zip(axes, examples.items(), strict=False):
        for row, each in enumerate(made):
            hit = each.low <= 1 <= each.high
            ax.plot([each.low, each.high], [row, row], color=colors[way] if hit else "0.15")
            ax.plot(each.estimate, row, ".", color=colors[way] if hit else "0.15", markersize=3)
        ax.axvline(1, color="0.6", linewidth=0.8, zorder=0)
        ax.set(title=f"9 sites, {way}", xlabel="Median", yticks=[], xlim=(0.2, 2.6))
    for way, rates in held.items():
        axes[2].plot(sites, 100 * np.array(rates), "o-", color=colors[way], label=way)
    axes[2].axhline(95, color="0.6", linewidth=0.8, zorder=0)
    axes[2].set(xlabel="Sites per channel", ylabel="Intervals that hold the truth (%)")
    axes[2].set(ylim=(0, 100), xticks=sites)
    axes[2].legend(loc="lower left")
