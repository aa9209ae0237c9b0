"""The parameters of a stimulus: numbers, one or one for each picture, checked by name."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "LARGEST",
    "SIZES",
    "SURROUNDINGS",
    "Numbers",
    "column",
    "combinations",
    "drawing",
    "each_once",
    "in_disk",
    "vanishing",
]

# Of an angle, a place or a frequency; sines and cosines of more have few digits left.
LARGEST = 1e9

# How the names of parameters end that may be infinite, and may not be negative.
SIZES = ("diameter", "length", "width", "element")

# What a drawing function takes beside the parameters of its stimuli.
SURROUNDINGS = ("display", "time", "window", "device")

# A parameter of a stimulus: one number, or one for each picture.
Numbers: TypeAlias = float | np.number[Any] | Sequence[float] | npt.NDArray[Any] | pd.Series

P = ParamSpec("P")
Drawn = TypeVar("Drawn")


def column(name: str, value: object, *, size: bool = False) -> npt.NDArray[np.float64]:
    """One parameter of a stimulus as a vector: a number, or one value per stimulus.

    Every drawing function takes its parameters through here.

    Parameters
    ----------
    name : str
        What it is called.
    value : object
        What was given.
    size : bool
        Whether it is a diameter: not negative, and infinite where it fills the display.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        For what is no number, for NaN, and for infinity where that has no meaning.
    """
    # Scalars and vectors are both welcome, so that a vector of orientations draws a batch.
    try:
        numbers = np.asarray(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be a number, or one number per stimulus; got {value!r}."
        ) from None
    wrong = ~(numbers >= 0) if size else ~(np.abs(numbers) <= LARGEST)
    if wrong.any():
        allowed = "from 0 to infinity" if size else f"from {-LARGEST:g} to {LARGEST:g}"
        raise ValueError(f"{name} must be a number {allowed}; got {numbers[wrong][0]:g}.")
    return np.where(numbers > LARGEST, np.inf, numbers)


def in_disk(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """Declare that a function draws within disks, and the background outside of them.

    Parameters
    ----------
    draw : callable
        With the parameters ``x``, ``y`` and ``diameter``: of disks that fill a window, it does not
        depend on how large they are.

    Returns
    -------
    callable
        The same.
    """
    vars(draw)["in_disk"] = True
    return draw


def vanishing(
    **patterns: tuple[str, ...],
) -> Callable[[Callable[P, Drawn]], Callable[P, Drawn]]:
    """Declare what does not matter where there is no contrast.

    Parameters
    ----------
    **patterns : tuple of str
        By the name of a contrast, the parameters of the pattern that is not there where it is 0.

    Returns
    -------
    callable
        Takes a function that draws, and returns the same.
    """

    def declared(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
        vars(draw)["vanishing"] = patterns
        return draw

    return declared


def drawing(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """Check the parameters of a drawing function before it draws, and name the one that is wrong.

    Every public drawing function is wrapped in it.

    Parameters
    ----------
    draw : callable
        ``draw(display, *, window, device, **parameters)``. Parameters whose default is a word are
        left to it; names that end in one of `SIZES` may be infinite.

    Returns
    -------
    callable
        Raises ValueError for what is no number, and for numbers of values that do not agree.
    """
    numbers = _numbers(draw)

    @functools.wraps(draw)
    def checked(*args: P.args, **parameters: P.kwargs) -> Drawn:
        lengths = {
            name: len(column(name, value, size=name.endswith(SIZES)))
            for name in numbers
            if (value := parameters.get(name)) is not None
        }
        several = {name: length for name, length in lengths.items() if length != 1}
        if len(set(several.values())) > 1:
            given = ", ".join(f"{name} has {length}" for name, length in several.items())
            raise ValueError(
                f"every parameter is one number, or one for each picture; {given} of them."
            )
        return draw(*args, **parameters)

    return checked


def _numbers(draw: Callable[..., Any]) -> list[str]:
    """Names of the parameters that are numbers, one or one for each picture."""
    return [
        name
        for name, parameter in inspect.signature(draw).parameters.items()
        if name not in SURROUNDINGS and not isinstance(parameter.default, str)
    ]


def each_once(draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """Draw patterns once that come several times: an aperture for every phase of its grating.

    Parameters
    ----------
    draw : callable
        ``draw(display, *, window, device, **parameters)``, each pattern by itself; as `drawing`
        takes it.

    Returns
    -------
    callable
        The same; what it returns is not to be changed in place.
    """
    numbers = _numbers(draw)

    @functools.wraps(draw)
    def drawn(*args: P.args, **parameters: P.kwargs) -> Drawn:
        columns = {
            name: np.asarray(value, dtype=np.float64).reshape(-1)
            for name in numbers
            if (value := parameters.get(name)) is not None
        }
        several = [name for name, values in columns.items() if len(values) > 1]
        if not several:
            return draw(*args, **parameters)
        place = combinations([columns[name] for name in several])
        first, number = np.unique(place, return_index=True, return_inverse=True)[1:]
        n = len(place)
        if 2 * len(first) > n:
            return draw(*args, **parameters)
        fewer = {name: columns[name][first] for name in several}
        patterns: Any = draw(*args, **cast(Any, parameters | fewer))
        if len(first) == 1:
            return cast(Drawn, patterns.expand(n, *patterns.shape[1:]))
        # A table of places on the device of the patterns, whichever that is.
        return cast(Drawn, patterns.index_select(0, patterns.new_tensor(number, dtype=int)))

    return drawn


def combinations(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.intp]:
    """Tell by numbers which rows of some columns have the same values.

    Parameters
    ----------
    columns : sequence of array, shape (n,)
        At least one.

    Returns
    -------
    array, shape (n,)
        Rows with equal values, NaN among them, have equal numbers.
    """
    place = np.zeros(len(columns[0]), dtype=np.intp)
    for values in columns:
        if len(values) and values[0] == values[-1] and (values == values[0]).all():
            continue
        if values.dtype.hasobject:
            # What numpy cannot sort, a table can tell apart.
            level, levels = pd.factorize(values, use_na_sentinel=False)
        else:
            levels, level = np.unique(values, return_inverse=True)
        if len(levels) * (1 + place.max(initial=0)) > LARGEST:
            place = np.unique(place, return_inverse=True)[1]
        place = place * len(levels) + level
    return place
