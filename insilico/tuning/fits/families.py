"""The families of curves that tuning is described with."""

from collections.abc import Mapping

from insilico.tuning.fits.contrast import NAKA_RUSHTON, PEIRCE, PLAID, SURROUND_CONTRAST
from insilico.tuning.fits.family import Family
from insilico.tuning.fits.gabor import GABOR
from insilico.tuning.fits.orientation import DOUBLE_VON_MISES, LOG_GAUSSIAN, VON_MISES
from insilico.tuning.fits.size import DIFFERENCE_OF_GAUSSIANS, RATIO_OF_GAUSSIANS

__all__ = ["FAMILIES"]

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        VON_MISES,
        DOUBLE_VON_MISES,
        LOG_GAUSSIAN,
        NAKA_RUSHTON,
        PEIRCE,
        DIFFERENCE_OF_GAUSSIANS,
        RATIO_OF_GAUSSIANS,
        GABOR,
        PLAID,
        SURROUND_CONTRAST,
    )
}
