"""Names of the models of this package, for those who only ask whether a name is one of them."""

__all__ = ["BUILT_IN_NAMES"]

# What makes each of them is in `insilico.models.built_in`, which imports torch.
BUILT_IN_NAMES = (
    "vone",
    "mechanistic_v1",
    "textbook",
    "motion_energy",
    "textbook:normalization",
    "textbook:control",
    "textbook:colour",
    "textbook:border_ownership",
    "textbook:log_polar",
    "vone_resnet50",
    "mechanistic_resnet50",
    "evnet_resnet50",
    "vone_dn",
    "constrained_resnet",
    "resnet50_center_surround",
    "resnet50_local_rf",
    "resnet50_tuned_norm",
    "resnet50_div_norm",
    "resnet50_cortical_magnification",
    *(f"resnet50_composite_{letter}" for letter in "abcdefg"),
)
