"""Responses as they arrive: which picture they answer, which stimuli show it, what is kept."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.recording.reduce import Store

__all__ = ["Responses"]

Array = npt.NDArray[np.float32]
Fingerprint = tuple[float, ...]

# Responses to pictures that may come again, where the reduction does not keep them.
RECALLED_BYTES = 128 * 2**20


class Responses:
    """Gives every stimulus the response to its picture, which is shown once if that is enough.

    Parameters
    ----------
    store : Store
        Where the responses go.
    n_stimuli, n_units : int
        Size of the recording.
    recalls : bool
        Whether a picture that comes again is answered from memory; not for noisy models.

    Attributes
    ----------
    blank : array, shape (unit,)
        Response to the blank, which comes after the last stimulus.
    """

    def __init__(self, store: Store, n_stimuli: int, n_units: int, *, recalls: bool = True) -> None:
        self.blank = np.empty(n_units, dtype=np.float32)
        self._store = store
        self._n_stimuli = n_stimuli
        self._recalls = recalls
        self._faulty = (np.zeros(n_stimuli + 1, dtype=bool), np.zeros(n_units, dtype=bool))
        self.begin(np.arange(n_units))

    def begin(self, units: npt.NDArray[np.intp]) -> None:
        """Begin to record some units, in the order in which their responses will come."""
        everyone = np.array_equal(units, np.arange(len(self.blank)))
        self._units = slice(None) if everyone else units
        self._rows: dict[Fingerprint, int] = {}
        self._kept: dict[Fingerprint, Array] = {}
        self._spare = RECALLED_BYTES

    def unknown(self, pictures: Sequence[Fingerprint]) -> list[int]:
        """Which pictures must be shown: each unless it was before, here or earlier."""
        if not self._recalls:
            return list(range(len(pictures)))
        found: dict[Fingerprint, int] = {}
        for n, picture in enumerate(pictures):
            if picture not in self._rows and picture not in self._kept:
                found.setdefault(picture, n)
        return list(found.values())

    def add(
        self, rows: range, pictures: Sequence[Fingerprint], shown: Sequence[int], found: Array
    ) -> None:
        """Take in the responses to a run of stimuli.

        Parameters
        ----------
        rows : range
            Which stimuli; the number after the last one is the blank.
        pictures : sequence
            The fingerprint of each one's picture.
        shown : sequence of int
            Which of them were shown.
        found : array, shape (shown, unit)
            The responses to those.
        """
        responses = found
        if len(shown) < len(rows):
            responses = np.empty((len(rows), found.shape[1]), dtype=np.float32)
            responses[list(shown)] = found
            place = {pictures[n]: n for n in shown}
            for n, picture in enumerate(pictures):
                if picture not in place:
                    responses[n] = self._recall(picture)
                elif place[picture] != n:
                    responses[n] = responses[place[picture]]
        finite = np.isfinite(responses)
        if not finite.all():
            self._faulty[0][rows.start : rows.stop] |= ~finite.all(1)
            self._faulty[1][self._units] |= ~finite.all(0)
        if rows.start == self._n_stimuli:
            self.blank[self._units] = responses[0]
            return
        self._store.add(np.array(rows), self._units, responses)
        for n in shown if self._recalls else ():
            self._remember(pictures[n], rows[n], responses[n])

    def check(self) -> None:
        """Refuse responses that are not finite.

        Raises
        ------
        UserError
            Says how many.
        """
        stimuli, units = self._faulty
        if stimuli.any():
            raise UserError(
                f"the model returned NaN or infinity for {stimuli.sum()} of {len(stimuli)} "
                f"stimuli in {units.sum()} of {len(units)} units. Check its weights and the range "
                "of values it takes (mean and std)."
            )

    def _remember(self, picture: Fingerprint, row: int, response: Array) -> None:
        if self._store.keeps_all:
            self._rows[picture] = row
        elif response.nbytes <= self._spare:
            # Beyond this a picture that comes again is shown again.
            self._kept[picture] = response.copy()
            self._spare -= response.nbytes

    def _recall(self, picture: Fingerprint) -> npt.NDArray[np.floating[Any]]:
        if picture in self._kept:
            return self._kept[picture]
        return self._store.recall(self._rows[picture], self._units)
