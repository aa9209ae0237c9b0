"""Responses as they arrive: which picture they answer, which stimuli show it, what is kept."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.reduce import Store

__all__ = ["Responses"]

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

    def begin(self, units: npt.NDArray[np.intp], device: torch.device) -> None:
        """Begin to record some units, in the order in which their responses will come."""
        self._store.begin(units, device)
        self._units = units
        self._rows: dict[Fingerprint, int] = {}
        self._kept: dict[Fingerprint, Tensor] = {}
        self._spare = RECALLED_BYTES

    def finish(self) -> None:
        """Have done with these units."""
        self._store.finish()

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
        self, rows: range, pictures: Sequence[Fingerprint], shown: Sequence[int], found: Tensor
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
        found : Tensor, shape (shown, unit)
            The responses to those.
        """
        responses = found
        if len(shown) < len(rows):
            place = {pictures[n]: position for position, n in enumerate(shown)}
            again = [picture for picture in dict.fromkeys(pictures) if picture not in place]
            place |= {picture: len(found) + n for n, picture in enumerate(again)}
            recalled = [self._recall(picture).to(found.device) for picture in again]
            known = torch.cat([found, torch.stack(recalled)]) if recalled else found
            responses = known[[place[picture] for picture in pictures]]
        # The least and the largest are NaN where any is.
        finite = torch.stack(responses.aminmax(dim=1)).isfinite().all(0)
        if not bool(finite.all()):
            self._faulty[0][rows.start : rows.stop] |= ~finite.cpu().numpy()
            self._faulty[1][self._units] |= ~responses.isfinite().all(0).cpu().numpy()
        if rows.start == self._n_stimuli:
            self.blank[self._units] = responses[0].cpu().numpy()
            return
        self._store.add(rows, responses)
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

    def _remember(self, picture: Fingerprint, row: int, response: Tensor) -> None:
        if self._store.keeps_all:
            self._rows[picture] = row
        elif response.nbytes <= self._spare:
            # Beyond this a picture that comes again is shown again.
            self._kept[picture] = response.clone()
            self._spare -= response.nbytes

    def _recall(self, picture: Fingerprint) -> Tensor:
        if picture in self._kept:
            return self._kept[picture]
        return self._store.recall(self._rows[picture])
