"""Responses as they arrive: which picture they answer, which stimuli show it, what is kept."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.reduce import Part, Store
from insilico.recording.remembered import Fingerprint, Remembered
from insilico.recording.reverse_correlation import Correlations
from insilico.recording.tape import Tape, undivided

__all__ = ["Responses"]

# Responses to pictures that may come again, where the reduction does not keep them.
RECALLED_BYTES = 128 * 2**20

# Bytes of responses that are played from a tape at a time.
PLAYED_BYTES = 64 * 2**20


class Responses:
    """Gives every stimulus the response to its picture, which is shown once if that is enough.

    Parameters
    ----------
    store : Store or Correlations
        Where the responses go.
    n_stimuli, n_units : int
        Size of the recording.
    recalls : bool
        Whether a picture that comes again is answered from memory; not for noisy models.
    tape : Tape, optional
        Where responses are kept as they come, and what there is already is played from. Of noisy
        models all is played, or nothing.

    answers : int
        How many there are to each stimulus: to a picture one, to a movie one for every time.
    n_groups : int
        Among how many groups of units the stimuli are divided evenly, one after the other. To each
        row answer the units of its group, as many of every one.

    Attributes
    ----------
    blank : array, shape (group, unit)
        Response to the blank, which comes after the last stimulus, once for each group.
    done : int
        How many stimuli, the blanks the last of them, these units have answered.
    n_pictures : array, shape (group,)
        How many pictures had to be shown.
    recalls : bool
        As given.
    """

    def __init__(
        self,
        store: Store | Correlations,
        n_stimuli: int,
        n_units: int,
        *,
        recalls: bool = True,
        tape: Tape | None = None,
        answers: int = 1,
        n_groups: int = 1,
    ) -> None:
        self.blank = np.empty((n_groups, n_units), dtype=np.float32)
        self.n_pictures = np.zeros(n_groups, dtype=np.intp)
        self._store = store
        self._n_stimuli = n_stimuli
        self.answers = answers
        self.recalls = recalls
        self._tape = tape
        self._end = n_stimuli + n_groups
        # Which group is shown what.
        each = np.repeat(np.arange(n_groups), n_stimuli // n_groups)
        self._group = np.concatenate([each, np.arange(n_groups)])
        self._faulty = (np.zeros(self._end, dtype=bool), np.zeros(n_units, dtype=bool))
        self._finite: list[tuple[range, Tensor]] = []
        if tape is not None and not recalls:
            rows = n_stimuli * answers if store.keeps_all else store.n_kept
            tape.need((rows + n_groups * (answers if store.keeps_all else 1)) * n_units)

    def begin(
        self, units: npt.NDArray[np.intp], device: torch.device, *, in_parts: bool = False
    ) -> None:
        """Begin to record some units, in the order in which their responses will come.

        What they have answered already is played from the tape. If to most stimuli only parts of
        them will answer, it is those answers that are remembered.
        """
        self._store.begin(units, device)
        self._units = units
        self._rows: dict[Fingerprint, int] = {}
        self._remembered = Remembered(self._n_stimuli, RECALLED_BYTES)
        self._in_parts = in_parts
        self.done = 0
        self._before = self.n_pictures.copy()
        self._sums = torch.zeros(len(units), device=device)
        # Whether there is something that the tape does not hold yet.
        self._partial = False
        if self._tape is None:
            return
        if self._store.keeps_all:
            self._play(self._tape, device)
        else:
            self._play_kept(self._tape, device)

    def finish(self) -> None:
        """Have done with these units."""
        self._judge()
        if self._tape is not None and self._partial and not self._store.keeps_all:
            rows = np.concatenate([self._store.kept(), self.blank[:, self._units]])
            # In place of the pictures, how many each group was shown.
            shown = (self.n_pictures - self._before).tolist()
            self._tape.write([(n, 0) for n in shown], torch.from_numpy(rows))
        self._partial = False
        self._store.finish()

    def keep(self) -> None:
        """Have on disk what has come so far, if there is a tape."""
        if self._tape is None:
            return
        self._judge()
        self._tape.flush()
        if self._partial and self.recalls and not self._store.keeps_all:
            self._tape.keep_sums(
                {
                    "kept": self._store.kept(),
                    "blank": self.blank[:, self._units],
                    "done": np.array([self.done, *(self.n_pictures - self._before)]),
                    "pictures": self._remembered.pictures,
                    "recalled": self._remembered.responses,
                }
            )

    def knows(self, picture: Fingerprint) -> bool:
        """Whether a picture was shown, and its responses can be recalled."""
        return picture in self._rows or picture in self._remembered

    def unknown(self, pictures: Sequence[Fingerprint]) -> list[int]:
        """Which pictures must be shown: each unless it was before, here or earlier."""
        if not self.recalls:
            return list(range(len(pictures)))
        found: dict[Fingerprint, int] = {}
        for n, picture in enumerate(pictures):
            if not self.knows(picture):
                found.setdefault(picture, n)
        return list(found.values())

    def add(
        self,
        rows: range,
        pictures: Sequence[Fingerprint],
        shown: Sequence[int],
        found: Tensor,
        parts: Sequence[Part] | None = None,
    ) -> None:
        """Take in the responses to a run of stimuli.

        Parameters
        ----------
        rows : range
            Which stimuli; the numbers after the last one are the blanks.
        pictures : sequence
            The fingerprint of each one's picture.
        shown : sequence of int
            Which of them were shown.
        found : Tensor, shape (shown, unit)
            The responses to those; to movies those of all times beside each other.
        parts : sequence of Part, optional
            Which units these are, if not all.
        """
        with undivided():
            responses = self._add(rows, pictures, shown, found, parts)
            self._count(rows, shown)
            self.done = rows.stop
            self._partial = True
            if self._tape is not None and self._store.keeps_all:
                self._tape.write(pictures, responses)
            elif self._tape is not None and self._tape.due:
                self.keep()

    def _add(
        self,
        rows: range,
        pictures: Sequence[Fingerprint],
        shown: Sequence[int],
        found: Tensor,
        parts: Sequence[Part] | None = None,
    ) -> Tensor:
        """Take them in, and return the response to each stimulus."""
        responses = found
        if len(shown) < len(rows):
            place = {pictures[n]: position for position, n in enumerate(shown)}
            again = [picture for picture in dict.fromkeys(pictures) if picture not in place]
            place |= {picture: len(found) + n for n, picture in enumerate(again)}
            recalled = [self._recall(picture).to(found.device) for picture in again]
            known = torch.cat([found, torch.stack(recalled)]) if recalled else found
            responses = known[[place[picture] for picture in pictures]]
        # The least and the largest are NaN where any is, and so is a sum. Judged in the end: to ask
        # a GPU is to wait for it.
        finite = responses.amax(1).isfinite() & responses.amin(1).isfinite()
        self._finite.append((rows, finite))
        if parts is None:
            self._sums += responses.reshape(-1, len(self._units)).sum(0)
        for part in parts or ():
            self._sums[part.units] += responses[part.rows].sum(0)[part.own]
        if rows.start >= self._n_stimuli:
            groups = self._group[rows.start : rows.stop]
            self.blank[np.ix_(groups, self._units)] = self._blank(responses).cpu().numpy()
            return responses
        each = self.answers
        if parts is not None:
            assert isinstance(self._store, Store)
            self._store.add(rows, responses, parts)
        else:
            self._store.add(
                range(rows.start * each, rows.stop * each), responses.reshape(-1, len(self._units))
            )
        if self.recalls and self._store.keeps_all:
            self._rows.update((pictures[n], rows[n]) for n in shown)
        elif self.recalls and isinstance(self._store, Store) and self._in_parts == bool(parts):
            # Not of a `Correlation`, whose noise never comes again.
            self._remembered.add([pictures[n] for n in shown], found)
        return responses

    def _count(self, rows: range, shown: Sequence[int]) -> None:
        groups = self._group[rows.start : rows.stop][list(shown)]
        self.n_pictures += np.bincount(groups, minlength=len(self.n_pictures))

    def _blank(self, responses: Tensor) -> Tensor:
        """Responses of units to blanks: to a movie the mean over time, as of rates."""
        if self.answers == 1:
            return responses
        return responses.reshape(len(responses), self.answers, -1).clamp(min=0).mean(1)

    def _judge(self) -> None:
        """Note which responses were not finite: nothing of them is kept, and they are refused."""
        if not self._finite:
            return
        runs, finite = zip(*self._finite, strict=True)
        self._finite.clear()
        faulty = ~torch.cat(finite).cpu().numpy()
        if faulty.any():
            self._faulty[0][np.concatenate(runs)[faulty]] = True
            self._faulty[1][self._units] |= ~self._sums.isfinite().cpu().numpy()
        self._partial = self._partial and not self._faulty[0].any()

    def answer_elsewhere(self, parts: Iterable[tuple[int, Tensor]]) -> None:
        """Have all units answer like the blank but those that were asked, by cell of the store."""
        assert isinstance(self._store, Store)
        blank = torch.from_numpy(self.blank[0, self._units])
        self._store.answer_elsewhere(parts, blank)

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

    def _play(self, tape: Tape, device: torch.device) -> None:
        """Take in what these units answered before."""
        n_units, end = len(self._units) * self.answers, self._end
        step = max(1, PLAYED_BYTES // (4 * max(n_units, 1)))
        while self.done < end:
            # The blanks, which are the last ones, come by themselves.
            stop = min(self.done + step, self._n_stimuli) if self.done < self._n_stimuli else end
            pictures, played = tape.play(stop - self.done, n_units)
            if not len(played):
                return
            responses = torch.from_numpy(played).to(device)
            shown = self.unknown(pictures)
            rows = range(self.done, self.done + len(played))
            self._add(rows, pictures, shown, responses[shown])
            self._count(rows, shown)
            self.done = rows.stop

    def _play_kept(self, tape: Tape, device: torch.device) -> None:
        """Take in what was kept of the answers that these units gave before."""
        n_units, n_groups = len(self._units), len(self.blank)
        shown, rows = tape.play(self._store.n_kept + n_groups, n_units, pictures=n_groups)
        if shown:
            self._store.go_on(rows[:-n_groups])
            self.blank[:, self._units] = rows[-n_groups:]
            self.done = self._end
            self.n_pictures += np.array(shown, dtype=np.intp)[:, 0]
            return
        sums = tape.sums()
        if sums is None:
            return
        self._store.go_on(sums["kept"])
        self.blank[:, self._units] = sums["blank"]
        self.done = int(sums["done"][0])
        self.n_pictures += sums["done"][1:]
        self._partial = True
        pictures = [tuple(picture) for picture in sums["pictures"].tolist()]
        if pictures:
            self._remembered.add(pictures, torch.from_numpy(sums["recalled"]).to(device))

    def _recall(self, picture: Fingerprint) -> Tensor:
        if picture in self._remembered:
            return self._remembered[picture]
        assert isinstance(self._store, Store)
        start = self._rows[picture] * self.answers
        return torch.cat([self._store.recall(start + n) for n in range(self.answers)])
