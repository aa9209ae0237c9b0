"""HyperParameters: all that can be said of the mechanistic V1, each number with its meaning."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = [
    "ABLATIONS",
    "SUBCORTICAL",
    "Bound",
    "HyperParameters",
    "bounds",
    "from_unit",
    "hyper_parameters",
    "to_unit",
]


class Bound(NamedTuple):
    """The range of a hyper-parameter, and how a search moves in it.

    Parameters
    ----------
    name : str
        The hyper-parameter.
    low, high : float
        The smallest and the largest value.
    unit : str
        Of the value; 1 for none.
    logarithmic : bool
        Whether equal steps are equal ratios.
    meaning : str
        What it does, in a sentence.
    """

    name: str
    low: float
    high: float
    unit: str
    logarithmic: bool
    meaning: str


def _in(low: float, high: float, unit: str, meaning: str, *, log: bool = False) -> dict[str, Any]:
    return {"low": low, "high": high, "unit": unit, "meaning": meaning, "logarithmic": log}


def _say(default: float, said: dict[str, Any]) -> Any:
    return field(default=default, metadata=said)


@dataclass(frozen=True)
class HyperParameters:
    """The distributions that a population of V1 units is drawn from, and what all units share.

    Medians and spreads are those of log-normal distributions, spreads in natural logarithms unless
    said otherwise. `bounds` says the range, the unit and the meaning of each.

    Raises
    ------
    UserError
        If a value is not a number within its bounds; says which they are.

    Examples
    --------
    >>> HyperParameters(surround_median=0).surround_median
    0
    >>> bounds()[0].name, bounds()[0].unit
    ('center_sigma', 'deg')
    """

    # Retina and lateral geniculate nucleus
    center_sigma: float = _say(
        0.021, _in(0.02, 0.1, "deg", "Standard deviation of the subcortical centre.", log=True)
    )
    surround_ratio: float = _say(
        5.0, _in(1.5, 6, "1", "Subcortical surround's deviation over the centre's.", log=True)
    )
    surround_balance: float = _say(
        0.55, _in(0, 0.95, "1", "Volume of the subcortical surround over that of the centre.")
    )
    contrast_gain: float = _say(
        0.5, _in(0, 8, "1", "How strongly local contrast divides the subcortical signal.")
    )
    contrast_pool_sigma: float = _say(
        0.3, _in(0.1, 0.6, "deg", "Standard deviation of the place that contrast is taken over.",
                 log=True)
    )  # fmt: skip

    # Receptive fields
    frequency_median: float = _say(
        2.4, _in(1, 6, "cpd", "Median of the preferred spatial frequency.", log=True)
    )
    frequency_spread: float = _say(
        1.49, _in(0.3, 2, "octaves", "Standard deviation of the preferred spatial frequency.")
    )
    width_median: float = _say(
        0.391, _in(0.15, 0.8, "cycles", "Median of nx, the envelope across the bars.", log=True)
    )
    width_spread: float = _say(0.472, _in(0.05, 1, "1", "Spread of nx."))
    aspect_median: float = _say(
        1.09, _in(0.5, 2.5, "1", "Median of ny/nx, the envelope along the bars over nx.", log=True)
    )
    aspect_spread: float = _say(0.58, _in(0.05, 0.8, "1", "Spread of ny/nx."))
    frequency_width_correlation: float = _say(
        0.932, _in(-0.95, 0.95, "1", "Copula: preferred frequency with nx.")
    )
    width_aspect_correlation: float = _say(0.229, _in(-0.95, 0.95, "1", "Copula: nx with ny/nx."))
    cardinal_bias: float = _say(
        0.429, _in(-0.5, 0.5, "1", "Surplus of horizontal and vertical over oblique orientations.")
    )
    horizontal_bias: float = _say(
        0, _in(-0.5, 0.5, "1", "Surplus of horizontal over vertical orientations.")
    )
    even_bias: float = _say(
        0, _in(-0.9, 0.9, "1", "Surplus of even over odd symmetric receptive fields.")
    )

    # Simple and complex cells
    complexity_median: float = _say(
        -3.97, _in(-4, 4, "logit", "Median weight of the energy beside that of the half-wave.")
    )
    complexity_spread: float = _say(
        3.1, _in(0.1, 8, "logit", "Its standard deviation; large ones make two classes.")
    )
    width_complexity_correlation: float = _say(
        0, _in(-0.95, 0.95, "1", "Copula: nx with the weight of the energy.")
    )

    # Excitation by neighbours
    excitation_median: float = _say(
        0.12, _in(0, 3, "1", "Median weight of the excitation by neighbours of like orientation.")
    )
    excitation_spread: float = _say(1.31, _in(0, 2, "1", "Spread of that weight."))
    broad_median: float = _say(
        0.12, _in(0, 1.5, "1", "Median weight of the excitation from all orientations.")
    )
    broad_spread: float = _say(1.1, _in(0, 2, "1", "Spread of that weight."))
    complexity_excitation_correlation: float = _say(
        0.112, _in(-0.95, 0.95, "1", "Copula: weight of the energy with those of both excitations.")
    )
    excitation_ratio: float = _say(
        0.814, _in(0.5, 6, "1", "Deviation of the place that excites over that of the envelope.",
                 log=True)
    )  # fmt: skip

    # Normalization
    exponent_median: float = _say(
        2.02, _in(1, 4, "1", "Median exponent of the response.", log=True)
    )
    exponent_spread: float = _say(0.15, _in(0, 0.6, "1", "Spread of the exponent."))
    semisaturation_median: float = _say(
        0.2, _in(0.02, 1, "contrast", "Median constant of the divisor.", log=True)
    )
    semisaturation_spread: float = _say(0.3, _in(0, 1.5, "1", "Spread of that constant."))
    untuned_median: float = _say(
        0.656, _in(0, 3, "1", "Median weight of the pool of all orientations.")
    )
    untuned_spread: float = _say(0.6, _in(0, 2, "1", "Spread of that weight."))
    tuned_median: float = _say(
        0.156, _in(0, 3, "1", "Median weight of the pool of orientations like the unit's own.")
    )
    tuned_spread: float = _say(0.794, _in(0, 2, "1", "Spread of that weight."))
    tuned_width: float = _say(
        17.5, _in(10, 60, "deg", "Standard deviation of the tuned pool's orientations.", log=True)
    )
    pool_octaves: float = _say(
        2.02, _in(0.5, 3, "octaves", "Standard deviation of the frequencies of both pools.")
    )
    pool_ratio: float = _say(
        1.22, _in(0.5, 3, "1", "Deviation of both pools over that of the envelope.", log=True)
    )

    # Surround
    surround_median: float = _say(
        1.02, _in(0, 4, "1", "Median weight of the suppressive surround.")
    )
    surround_spread: float = _say(0.0932, _in(0, 2.5, "1", "Spread of that weight."))
    surround_size_median: float = _say(
        2.48, _in(1.2, 8, "1", "Median of the surround's deviation over the envelope's.", log=True)
    )
    surround_size_spread: float = _say(0.524, _in(0, 1, "1", "Spread of that ratio."))
    surround_width: float = _say(
        34.0, _in(10, 120, "deg", "Standard deviation of the surround's orientations.", log=True)
    )
    width_surround_correlation: float = _say(
        0, _in(-0.95, 0.95, "1", "Copula: nx with the weight of the surround.")
    )

    # Output
    threshold_median: float = _say(
        0.005, _in(0, 0.5, "1", "Median threshold, a share of the largest response.")
    )
    threshold_spread: float = _say(0.5, _in(0, 2, "1", "Spread of the threshold."))
    baseline_median: float = _say(
        0.0394, _in(0, 0.3, "1", "Median spontaneous rate, a share of the largest response.")
    )
    baseline_spread: float = _say(0.212, _in(0, 2.5, "1", "Spread of the spontaneous rate."))
    complexity_baseline_correlation: float = _say(
        -0.0983, _in(-0.95, 0.95, "1", "Copula: weight of the energy with the spontaneous rate.")
    )
    gain_spread: float = _say(0.214, _in(0, 1.6, "1", "Spread of the largest response."))

    def __post_init__(self) -> None:
        for each in bounds():
            value = getattr(self, each.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not each.low <= value <= each.high:
                raise UserError(
                    f"{each.name} must be a number from {each.low:g} to {each.high:g} "
                    f"({each.unit}); got {value!r}. {each.meaning}"
                )


# What is said of the stages before the cortex, which all units share.
SUBCORTICAL = (
    "center_sigma",
    "surround_ratio",
    "surround_balance",
    "contrast_gain",
    "contrast_pool_sigma",
)

# What switches each mechanism off.
ABLATIONS: Mapping[str, Mapping[str, float]] = {
    "subcortical surround": {"surround_balance": 0},
    "subcortical contrast gain": {"contrast_gain": 0},
    "copula": {
        "frequency_width_correlation": 0,
        "width_aspect_correlation": 0,
        "width_complexity_correlation": 0,
        "width_surround_correlation": 0,
        "complexity_excitation_correlation": 0,
        "complexity_baseline_correlation": 0,
    },
    "excitation": {"excitation_median": 0},
    "broad excitation": {"broad_median": 0},
    "complex cells": {"complexity_median": -4, "complexity_spread": 0.1},
    "untuned pool": {"untuned_median": 0},
    "tuned pool": {"tuned_median": 0},
    "surround": {"surround_median": 0},
    "threshold": {"threshold_median": 0},
    "baseline": {"baseline_median": 0},
}


def bounds() -> list[Bound]:
    """List the hyper-parameters, each with its range, its unit and its meaning.

    Returns
    -------
    list of Bound
        In the order of the fields of `HyperParameters`.
    """
    return [Bound(each.name, **each.metadata) for each in dataclasses.fields(HyperParameters)]


def hyper_parameters(given: "HyperParameters | Mapping[str, float] | None") -> HyperParameters:
    """Take hyper-parameters as they are, or change some of the defaults by name.

    Parameters
    ----------
    given : HyperParameters, mapping of str to float, or None
        A mapping names new values.

    Returns
    -------
    HyperParameters

    Raises
    ------
    UserError
        If it is something else, there is no such name, or a value lies beyond its bounds.
    """
    if isinstance(given, HyperParameters):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise UserError(
            f"hyper_parameters must map names to numbers, as in {{'surround_median': 0}}; got "
            f"{given!r:.60}."
        )
    names = [each.name for each in bounds()]
    strangers = [name for name in given or {} if name not in names]
    if strangers:
        raise UserError(
            f"there is no hyper-parameter {', '.join(map(repr, strangers))}; there are "
            f"{', '.join(names)}."
        )
    return HyperParameters(**given or {})


def from_unit(place: npt.ArrayLike) -> HyperParameters:
    """Turn a point of the unit cube, where a search moves, into hyper-parameters.

    Parameters
    ----------
    place : array, shape (hyper-parameter,)
        0 is the lower bound of each and 1 the upper one.

    Returns
    -------
    HyperParameters
    """
    values = {}
    for share, each in zip(np.clip(place, 0, 1), bounds(), strict=True):
        if each.logarithmic:
            value = each.low * (each.high / each.low) ** share
        else:
            value = each.low + share * (each.high - each.low)
        values[each.name] = float(np.clip(value, each.low, each.high))
    return HyperParameters(**values)


def to_unit(said: HyperParameters) -> npt.NDArray[np.float64]:
    """Turn hyper-parameters into a point of the unit cube: the inverse of `from_unit`.

    Parameters
    ----------
    said : HyperParameters
        Any.

    Returns
    -------
    array, shape (hyper-parameter,)
    """
    place = []
    for each in bounds():
        value = getattr(said, each.name)
        if each.logarithmic:
            place.append(np.log(value / each.low) / np.log(each.high / each.low))
        else:
            place.append((value - each.low) / (each.high - each.low))
    return np.array(place)
