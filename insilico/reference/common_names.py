"""What others call the properties: for people who come from pynapple, Allen or Brain-Score."""

from typing import NamedTuple

__all__ = ["COMMON_NAMES", "CommonName", "named_here"]


class CommonName(NamedTuple):
    """A measure under the names that it has elsewhere.

    Parameters
    ----------
    elsewhere : tuple of str
        Those names.
    property : str
        The property that stands for it.
    here : str
        How it follows from that.
    """

    elsewhere: tuple[str, ...]
    property: str
    here: str

    def sentence(self, name: str) -> str:
        """Say what a measure is called here.

        Parameters
        ----------
        name : str
            How the user called it.

        Returns
        -------
        str

        Examples
        --------
        >>> named_here("SSI").sentence("SSI")
        "'SSI' is here suppression_index."
        """
        return f"{name!r} is here {self.here}."


COMMON_NAMES = (
    CommonName(
        ("OSI",), "orthogonal_preferred_ratio",
        "(1 - r) / (1 + r), with r the orthogonal_preferred_ratio",
    ),
    CommonName(
        ("gOSI", "CirVar", "CV"), "circular_variance", "circular_variance, and gOSI is 1 less it",
    ),
    CommonName(
        ("DSI",), "direction_index",
        "d / (2 - d), with d the direction_index of models that take time",
    ),
    CommonName(("DI",), "direction_index", "direction_index, of models that take time"),
    CommonName(
        ("gDSI",), "direction_selectivity", "direction_selectivity, of models that take time",
    ),
    CommonName(("F1/F0", "modulation index", "MI"), "modulation_ratio", "modulation_ratio"),
    CommonName(
        ("CRF", "contrast response function"), "contrast_half_peak",
        "the curve of the contrast protocol; contrast_half_peak and others are read off it",
    ),
    CommonName(("C50", "c50", "semisaturation contrast"), "contrast_c50", "contrast_c50"),
    CommonName(("SI", "SSI", "surround suppression index"), "suppression_index",
               "suppression_index"),
    CommonName(("COS", "cross-orientation suppression"), "cross_orientation_suppression",
               "cross_orientation_suppression"),
    CommonName(("GSF",), "grating_summation_field", "grating_summation_field"),
    CommonName(("AMRF", "MRF"), "annular_minimum_response_field",
               "annular_minimum_response_field, of gratings with a hole"),
)  # fmt: skip


def named_here(name: str) -> CommonName | None:
    """Find a measure by a name that it has elsewhere, in any case.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    CommonName or None

    Examples
    --------
    >>> named_here("ssi").property
    'suppression_index'
    """
    wanted = name.casefold()
    for each in COMMON_NAMES:
        if wanted in (other.casefold() for other in each.elsewhere):
            return each
    return None
