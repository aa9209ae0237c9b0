"""What the words over the columns of a report mean."""

__all__ = ["TERMS"]

# Anchor, name, definition; each column of a table leads to its own.
TERMS = (
    (
        "recorded",
        "Units recorded",
        "Channels at chosen places of a layer. Those of one channel share their weights: they are "
        "copies that differ in what lies before them.",
    ),
    (
        "responsive",
        "Responsive",
        "The best response exceeds that to the blank by 5 spikes/s; on activations, by the same "
        "share of the layer's largest. Other units are counted, and left out of comparisons.",
    ),
    (
        "units",
        "Units (with a value)",
        "Responsive units for which the property is defined: a bandwidth needs a curve that falls "
        "on both sides, a size a response that falls again. The others are left out.",
    ),
    (
        "median",
        "Median",
        "Half of the units with a value lie below. Of the macaque's, interpolated in the bins of "
        "the publication; a share where the property is yes or no; none for angles.",
    ),
    (
        "cells",
        "Cells",
        "How many macaque neurons the published distribution holds.",
    ),
    (
        "similarity",
        "Similarity",
        "1 \N{MINUS SIGN} KS / KSmax. KS is the largest difference between the two cumulative "
        "distributions on the bins of the publication, KSmax the largest that any distribution "
        "could have. 1 is the same distribution. A mean over resamples of as many units as cells "
        "were recorded, with its 95 % interval or, where there is none, \N{PLUS-MINUS SIGN} the "
        "standard deviation over the resamples.",
    ),
    (
        "ceiling",
        "Ceiling",
        "The similarity of the recorded cells to another sample of themselves: what the data allow "
        "a perfect model.",
    ),
    (
        "matched-ceiling",
        "Matched ceiling",
        "The ceiling for few units: the similarity that as many macaque cells as there are "
        "channels would get, and the range of 95 % of such samples.",
    ),
    (
        "floor",
        "Floor",
        "The similarity of the better of two trivial populations: values spread evenly over the "
        "bins, or all in one bin.",
    ),
    (
        "skill",
        "Skill",
        "(similarity \N{MINUS SIGN} floor) / (1 \N{MINUS SIGN} floor): 0 is as good as trivial, "
        "below 0 worse. The top is the skill of the data against themselves, which no population "
        "can pass but by luck: the fewer the cells and the coarser the bins, the lower it is.",
    ),
    (
        "interval",
        "Intervals [low, high]",
        "95 % intervals, from resampling whole channels: units of one channel are copies, and are "
        "kept together. None below five channels.",
    ),
    (
        "channels",
        "Channels",
        "How many channels have a unit with a value: the size of the sample. Tests take one unit "
        "of each.",
    ),
    (
        "ks",
        "KS distance",
        "Kolmogorov-Smirnov: the largest difference between the two cumulative distributions, on "
        "the bins of the publication. 0 is the same distribution. Near 0 the interval is "
        "a bound, too wide rather than too narrow.",
    ),
    (
        "p",
        "p, adjusted",
        "Probability of so large a KS distance if units and cells came from one distribution: "
        "exact, adjusted for the number of properties of the layer (Benjamini-Hochberg).",
    ),
    (
        "wasserstein",
        "Distance, in its units",
        "Wasserstein: how far, on average, values have to be moved for one distribution to become "
        "the other.",
    ),
    (
        "effect-size",
        "Effect size",
        "Cliff's delta: the share of pairs in which the unit has the larger value, less the share "
        "in which the cell has. Between \N{MINUS SIGN}1 and 1.",
    ),
    (
        "equivalence",
        "Equivalent",
        "The interval of the KS distance lies below what two macaque samples of that size stay "
        "below in 95 % of cases: the units differ from the cells by no more than other cells do.",
    ),
    (
        "shuffle-floor",
        "Median, shuffled",
        "Median of the index when the responses of each unit are shuffled over the stimuli: the "
        "selectivity that finite sampling gives to a unit that is not tuned.",
    ),
    (
        "correlation",
        "Rank correlation",
        "Spearman's, of two properties of the same units on the bins of the publications, with "
        "its 95 % interval over channels; and that of the cells where their joint histogram is "
        "published.",
    ),
    (
        "joint-distance",
        "Distance of two properties together",
        "Two-dimensional Kolmogorov-Smirnov: the largest difference between two joint "
        "distributions in any quadrant, from the cells where their joint histogram is published, "
        "or else from independence. Its p-value is by permutation, of one unit of each channel, "
        "adjusted for the pairs of the layer.",
    ),
    (
        "source",
        "Source",
        "The publication that the cells come from. Each property's definition, and how its numbers "
        "were obtained, stand under Definitions.",
    ),
)
