"""Curves over diameter: what Gaussian fields collect within a disk."""

import numpy as np

from insilico.tuning.fits.family import Array, Family, Parameter, crossed

__all__ = ["DIFFERENCE_OF_GAUSSIANS", "RATIO_OF_GAUSSIANS"]

WIDTH = Parameter("center_width", 1e-3, 1e3, units="deg")
# A surround as narrow as the centre could not be told from it.
RATIO = Parameter("surround_to_center", 1.05, 20)

# Where fits begin: narrow, middling and wide surrounds, weak and strong ones.
RATIOS, SUPPRESSIONS = (1.3, 2.5, 6.0), (0.3, 3.0, 30.0)


def _difference(diameter: Array, width: Array, ratio: Array) -> tuple[Array, ...]:
    from scipy.special import erf  # takes a while to import

    return erf(diameter / width), -erf(diameter / (width * ratio))


def _ratio(diameter: Array, width: Array, ratio: Array, suppression: Array) -> tuple[Array, ...]:
    from scipy.special import erf  # takes a while to import

    center, surround = (erf(diameter / extent) ** 2 for extent in (width, width * ratio))
    return (center / (1 + suppression * surround),)


def _widths(diameter: Array) -> Array:
    return np.geomspace(diameter[diameter > 0].min(), 1.5 * diameter.max(), 10)


DIFFERENCE_OF_GAUSSIANS = Family(
    name="difference_of_gaussians",
    formula="excitation erf(diameter / center_width) "
    "- inhibition erf(diameter / (surround_to_center center_width))",
    dims=("diameter",),
    amplitudes=(
        Parameter("excitation", 0, units="response"),
        Parameter("inhibition", 0, units="response", no_effect=0),
    ),
    shape=(WIDTH, RATIO),
    basis=_difference,
    starts=lambda diameter: crossed(RATIOS, _widths(diameter))[..., ::-1],
)

RATIO_OF_GAUSSIANS = Family(
    name="ratio_of_gaussians",
    formula="excitation erf(diameter / center_width)^2 / "
    "(1 + suppression erf(diameter / (surround_to_center center_width))^2)",
    dims=("diameter",),
    amplitudes=(Parameter("excitation", 0, units="response"),),
    shape=(WIDTH, RATIO, Parameter("suppression", 0, 1000, no_effect=0)),
    basis=_ratio,
    starts=lambda diameter: crossed(RATIOS, _widths(diameter), SUPPRESSIONS)[..., [1, 0, 2]],
)
