"""Statistics on units that are copies of one another, and on histograms.

docs/statistics.md says in plain words what each is for, and how often each is wrong.
"""

from insilico.comparison.statistics.bootstrap import (
    Clusters,
    Interval,
    cluster,
    interval,
    medians,
    resamples,
)
from insilico.comparison.statistics.bounds import (
    kolmogorov_smirnov_interval,
    sampling_margin,
    share_margins,
    wasserstein_interval,
)
from insilico.comparison.statistics.joint import dependence, rank_correlation, same_joint
from insilico.comparison.statistics.shuffling import shuffled
from insilico.comparison.statistics.two_sample import (
    adjusted,
    cliffs_delta,
    cumulative_difference,
    kolmogorov_smirnov,
    kolmogorov_smirnov_test,
    wasserstein,
)

__all__ = [
    "Clusters",
    "Interval",
    "adjusted",
    "cliffs_delta",
    "cluster",
    "cumulative_difference",
    "dependence",
    "interval",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_interval",
    "kolmogorov_smirnov_test",
    "medians",
    "rank_correlation",
    "resamples",
    "same_joint",
    "sampling_margin",
    "share_margins",
    "shuffled",
    "wasserstein",
    "wasserstein_interval",
]
