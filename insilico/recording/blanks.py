"""The blank comes in every recording: a model that answers it otherwise later on has changed."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Blanks"]

# Difference that counts, of the largest answer to the blank among units that are recorded together;
# and what rounding makes at most, of the largest one in the layer.
CHANGED = 1e-2
ROUNDING = 1e-4

NAMED_BY = ("layer", "channel", "row", "column")


class Blanks:
    """Remembers how units answered the blank, and says so where they answer otherwise.

    Parameters
    ----------
    units : DataFrame
        All units of a probe, numbered from 0.
    """

    def __init__(self, units: pd.DataFrame) -> None:
        self._layer = pd.factorize(units["layer"])
        self._own = {name: units[name].to_numpy() for name in NAMED_BY}
        self._first: dict[int, npt.NDArray[np.floating[Any]]] = {}
        self._said: set[str] = set()

    def note(
        self, units: pd.DataFrame, blank: npt.NDArray[np.floating[Any]], frames: int = 0
    ) -> list[str]:
        """Compare with the first answers of the same units.

        Parameters
        ----------
        units : DataFrame
            Their rows of the table; what is numbered otherwise is not compared.
        blank : array, shape (unit,)
            Their answers.
        frames : int
            Of a blank movie, which is another stimulus.

        Returns
        -------
        list of str
            A sentence for each layer that answers otherwise, said once.
        """
        codes, layers = self._layer
        first = self._first.setdefault(frames, np.full(len(codes), np.nan))
        place = units.index.to_numpy()
        ours = place.dtype.kind == "i" and place.max(initial=0) < len(codes)
        if not ours or not all(
            np.array_equal(known[place], units[name].to_numpy())
            for name, known in self._own.items()
        ):
            return []
        before = first[place]
        first[place] = np.where(np.isnan(before), blank, before)
        apart = np.nan_to_num(np.abs(blank - before))
        if not apart.any():
            return []
        told = []
        for code in np.unique(codes[place[apart > 0]]).tolist():
            own = codes[place] == code
            largest = np.nanmax(np.abs(before[own]))
            strongest = np.nanmax(np.abs(first[codes == code]))
            change = float(apart[own].max())
            differs = change > max(CHANGED * largest, ROUNDING * strongest)
            if differs and str(layers[code]) not in self._said:
                self._said.add(str(layers[code]))
                told.append(
                    f"{layers[code]}: the blank was answered otherwise later on than at first (by "
                    f"up to {change:.2g}, where answers were up to {largest:.2g}): the model "
                    "changes while it is recorded, and what is measured holds that change"
                )
        return told
