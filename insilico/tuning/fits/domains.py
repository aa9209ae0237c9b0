"""Where families of curves are defined: contrasts up to 1, frequencies above 0, angles in deg."""

from typing import NamedTuple

import numpy as np

from insilico.errors import UserError
from insilico.tuning.fits.family import Array
from stimuli.conventions import PERIODS

__all__ = ["check_domain", "check_not_radians"]


class Domain(NamedTuple):
    """What values of a dim may be.

    Attributes
    ----------
    words : str
        What an error says of it.
    lowest, highest : float
        Both belong to it, but for a lowest one that is ``open``.
    open : bool
        Whether the lowest value does not belong to it.
    """

    words: str
    lowest: float = -np.inf
    highest: float = np.inf
    open: bool = False


ANY = Domain("finite numbers")
CONTRAST = Domain("from 0 to 1 (divide per cent by 100)", 0, 1)
DOMAINS = {
    "contrast": CONTRAST,
    "mask_contrast": CONTRAST,
    "surround_contrast": CONTRAST,
    "spatial_frequency": Domain("finite, and above 0", 0, open=True),
    "diameter": Domain("finite, and not below 0", 0),
}

# Of contrasts that were computed.
ROUNDING = 1e-6


def check_domain(name: str, dim: str, values: Array) -> None:
    """Refuse values at which a family has no curve.

    Parameters
    ----------
    name : str
        The dim of the family.
    dim : str
        What the curve calls it.
    values : array
        Along the curve.

    Raises
    ------
    UserError
        If any is not finite or lies beyond the domain.
    """
    domain = DOMAINS.get(name, ANY)
    above = values > domain.lowest if domain.open else values >= domain.lowest
    there = np.isfinite(values) & above & (values <= domain.highest + ROUNDING)
    if not there.all():
        raise UserError(
            f"values along {dim} must be {domain.words}; got "
            f"{', '.join(f'{value:g}' for value in values[~there][:4])}."
        )


def check_not_radians(name: str, dim: str, values: Array) -> None:
    """Refuse angles that can only be radians: no tuning is seen within 6 deg.

    Parameters
    ----------
    name, dim, values
        As for `check_domain`.

    Raises
    ------
    UserError
        If none is beyond 2 pi.
    """
    if name in PERIODS and len(values) and np.abs(values).max() <= 2 * np.pi:
        raise UserError(
            f"values along {dim} are in deg; they reach from {values.min():g} to "
            f"{values.max():g}, and look like radians. Give np.rad2deg of them."
        )
