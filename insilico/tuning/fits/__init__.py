"""Curves fitted to tuning: every unit of a population at once, from several starts, in bounds."""

from insilico.tuning.fits.families import FAMILIES
from insilico.tuning.fits.fitting import evaluate, fit_curve, is_better

__all__ = ["FAMILIES", "evaluate", "fit_curve", "is_better"]
