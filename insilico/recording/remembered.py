"""Responses to pictures that may come again, where nothing else keeps them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Fingerprint", "Remembered"]

Fingerprint = tuple[float, ...]


class Remembered:
    """Responses by picture, all in one block of memory.

    Kept one by one they would lie among the maps that passes of the model make and leave, and hold
    on to the memory around them.

    Parameters
    ----------
    n_pictures, n_bytes : int
        How many may come, and how much memory they may take. Beyond this a picture is not known
        when it comes again.
    """

    def __init__(self, n_pictures: int, n_bytes: int) -> None:
        self._n_pictures = n_pictures
        self._n_bytes = n_bytes
        self._rows: dict[Fingerprint, int] = {}
        # Made when it is known how many numbers a response has.
        self._block = torch.empty((0, 0))

    def __contains__(self, picture: Fingerprint) -> bool:
        return picture in self._rows

    def __getitem__(self, picture: Fingerprint) -> Tensor:
        return self._block[self._rows[picture]]

    def add(self, pictures: Sequence[Fingerprint], responses: Tensor) -> None:
        """Remember the responses (picture, number) to pictures that are not known yet."""
        if not self._rows:
            width = responses.shape[1]
            most = self._n_bytes // (responses.element_size() * max(1, width))
            # On a CPU, what is never written to takes no memory.
            self._block = responses.new_empty((min(most, self._n_pictures), width))
        first = len(self._rows)
        some = min(len(pictures), len(self._block) - first)
        self._block[first : first + some] = responses[:some]
        self._rows.update((picture, first + n) for n, picture in enumerate(pictures[:some]))

    @property
    def pictures(self) -> npt.NDArray[np.float64]:
        """Fingerprints of the pictures, (picture, 2)."""
        return np.array(list(self._rows)).reshape(-1, 2)

    @property
    def responses(self) -> npt.NDArray[np.float32]:
        """What answered them, (picture, number)."""
        return self._block[: len(self._rows)].cpu().numpy()
