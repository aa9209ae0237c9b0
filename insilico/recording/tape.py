"""The tape of a recording: every answer of the model, on disk as soon as it was given.

A recording that was stopped plays its tape before it goes on, so that nothing is shown twice and
the answers come to the same numbers in the same order. Where only sums or the best of many
responses are kept, what has come together so far is kept instead, between two pictures.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import zarr
from torch import Tensor
from zarr.codecs import Crc32cCodec

from insilico.disk import writable
from insilico.errors import UserError
from insilico.folders import written

__all__ = ["Tape", "undivided"]

Array = npt.NDArray[np.floating[Any]]
Keys = Sequence[tuple[float, ...]]

# Values in a chunk of the tape, which is a file with a checksum of its own; the last one is written
# again whenever something is added to it.
CHUNK = 2**18

# Values that wait to be written, at most.
WAITING = 2**20

# A tape has no end; only chunks that were written take room.
ENDLESS = 2**48

# Seconds between two writings at least, and how many times as long as the last one took: what is
# kept costs a few per cent of the time at most.
SECONDS = 2.0
PRICE = 50

PROGRESS = "progress.json"
SUMS = "sums.npz"

REMEDY = "`--mend` records anew from there on."


class Tape:
    """What a model answered while something is recorded, in the order in which it came.

    Parameters
    ----------
    folder : Path
        Of the tape; made if there is none, and played from its beginning if there is one.
    shown : str
        Fingerprint of what is shown, and to which units.

    Raises
    ------
    UserError
        If the tape is damaged, or something else was shown.
    """

    def __init__(self, folder: Path, shown: str) -> None:
        self._folder = folder
        self._shown = shown
        self._arrays: Any = None
        # What is on the tape, and how much of it was played.
        self._written = (0, 0)
        self._played = (0, 0)
        # Some moments of it, each about where a chunk begins.
        self._marks: list[tuple[int, int]] = []
        self._waiting: list[tuple[Keys, Tensor]] = []
        self._due = time.monotonic() + SECONDS
        if (folder / PROGRESS).is_file():
            shown_there, self._written, self._marks = self._progress()
            if shown_there != shown:
                raise UserError(
                    f"{folder} is the tape of another recording: other stimuli were shown, or to "
                    "other units. Begin anew with --fresh."
                )

    def need(self, values: int) -> None:
        """Forget what was not played yet, unless so many responses of it are there.

        Noise goes on from where it was: a part of it cannot be continued.
        """
        if self._written[0] - self._played[0] < values:
            self._written = self._played

    def play(
        self, rows: int, units: int, *, pictures: int | None = None
    ) -> tuple[list[tuple[float, ...]], Array]:
        """Play the next rows, of so many units each: as many of them as there are.

        Parameters
        ----------
        rows, units : int
            How many.
        pictures : int, optional
            How many fingerprints were written with them; one for each by default. If it is given,
            all rows are played or none.

        Returns
        -------
        tuple of list and array, shape (row, unit)
            The fingerprints of the pictures, and the responses.
        """
        values, start = self._played
        there = min(rows, (self._written[0] - values) // max(units, 1))
        keys = there
        if pictures is not None:
            there, keys = (rows, pictures) if there == rows else (0, 0)
        found = self._read("responses", values, there * units).reshape(there, units)
        names = self._read("pictures", start, keys)
        self._played = (values + there * units, start + keys)
        return [tuple(name) for name in names.tolist()], found

    def write(self, pictures: Keys, responses: Tensor) -> None:
        """Take up responses (row, unit), and which pictures they answer."""
        self._waiting.append((pictures, responses))
        waiting = sum(each.numel() for _, each in self._waiting)
        if waiting >= WAITING or time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Have on disk what was taken up: from a device, all of it at once."""
        if not self._waiting:
            return
        started = time.monotonic()
        responses = torch.cat([each.reshape(-1) for _, each in self._waiting]).cpu().numpy()
        pictures = np.array(
            [key for keys, _ in self._waiting for key in keys], dtype=float
        ).reshape(-1, 2)
        values, keys = self._written
        assert self._played == self._written, "only what was played to its end goes on"
        with writable(self._folder):
            self._write("responses", values, responses)
            self._write("pictures", keys, pictures)
            self._commit(values + len(responses), keys + len(pictures))
        self._written = self._played = (values + len(responses), keys + len(pictures))
        self._waiting.clear()
        self._wait(started)

    def mend(self) -> None:
        """Cut the tape off before the first chunk that is damaged.

        Raises
        ------
        UserError
            If nothing tells how much of it is whole.
        """
        whole = self._written
        for place, name in enumerate(("responses", "pictures")):
            for start in range(0, self._written[place], CHUNK):
                try:
                    self._read(name, start, min(CHUNK, self._written[place] - start))
                except UserError:
                    marks = [each for each in ((0, 0), *self._marks) if each[place] <= start]
                    whole = min(whole, marks[-1])
                    break
        if whole != self._written:
            self._marks = [each for each in self._marks if each <= whole]
            self._commit(*whole)
            self._written = whole
        try:
            self._load_sums()
        except UserError:
            (self._folder / SUMS).unlink()

    @property
    def due(self) -> bool:
        """Whether it is time to keep what has come together."""
        return time.monotonic() >= self._due

    def keep_sums(self, sums: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep what has come together since the tape ends, in place of what was kept before."""
        started = time.monotonic()
        partial = self._folder / f"{SUMS}.partial"
        with writable(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / PROGRESS).is_file():
                self._array("responses")
                self._commit(*self._written)
            with partial.open("wb") as file:
                np.savez(file, allow_pickle=False, at=np.array(self._written[0]), **sums)
            partial.replace(self._folder / SUMS)
        self._wait(started)

    def sums(self) -> dict[str, npt.NDArray[Any]] | None:
        """Return what had come together after the end of what was played; None if nothing had."""
        if self._waiting:
            # What comes next are other units: all sums on disk are of those before.
            return None
        found = self._load_sums()
        return found[1] if found is not None and found[0] == self._played[0] else None

    def _load_sums(self) -> tuple[int, dict[str, npt.NDArray[Any]]] | None:
        path = self._folder / SUMS
        if not path.is_file():
            return None
        try:
            # numpy compares the parts of the file with their checksums.
            with np.load(path, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
            return int(found.pop("at")), found
        # A damaged file breaks the reader wherever it likes.
        except Exception as error:
            raise UserError(f"{path} is damaged ({error}). {REMEDY}") from error

    def _wait(self, started: float) -> None:
        now = time.monotonic()
        self._due = now + max(SECONDS, PRICE * (now - started))

    def _array(self, name: str) -> Any:
        """Open a part of the tape; a recording of a moment never needs one."""
        if self._arrays is None and (self._folder / PROGRESS).is_file():
            self._arrays = zarr.open_group(self._folder, mode="r+")
        elif self._arrays is None:
            # What lies there was not begun: nothing says how much of it is whole.
            self._arrays = zarr.create_group(self._folder, overwrite=True)
            for each, dtype, across in (("responses", "f4", ()), ("pictures", "f8", (2,))):
                self._arrays.create_array(
                    each,
                    shape=(ENDLESS, *across),
                    chunks=(CHUNK, *across),
                    dtype=dtype,
                    compressors=[Crc32cCodec()],
                    fill_value=np.nan,
                )
        return self._arrays[name]

    def _write(self, name: str, start: int, values: Array) -> None:
        self._array(name)[start : start + len(values)] = values

    def _read(self, name: str, start: int, size: int) -> Array:
        """Read a part of the tape, chunk by chunk, to tell which one is damaged."""
        end = start + size
        empty: dict[str, Array] = {
            "responses": np.empty(0, np.float32),
            "pictures": np.empty((0, 2)),
        }
        parts: list[Array] = [empty[name]]
        while start < end:
            number = start // CHUNK
            stop = min(end, (number + 1) * CHUNK)
            # A chunk has a place along each axis.
            path = self._folder / name / "c" / str(number) / ("0" if name == "pictures" else "")
            try:
                if not path.is_file():
                    raise FileNotFoundError("it is missing")
                parts.append(self._array(name)[start:stop])
            # Likewise.
            except Exception as error:
                reason = " ".join(str(error).split())
                raise UserError(f"{path} is damaged ({reason:.100}). {REMEDY}") from error
            start = stop
        return np.concatenate(parts)

    def _progress(self) -> tuple[str, tuple[int, int], list[tuple[int, int]]]:
        path = self._folder / PROGRESS
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            marks = [(int(values), int(keys)) for values, keys in found["marks"]]
            return str(found["shown"]), (int(found["responses"]), int(found["pictures"])), marks
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} is damaged. {REMEDY}") from error

    def _commit(self, responses: int, pictures: int) -> None:
        """Say how much of the tape is whole: what lies beyond does not count."""
        last = self._marks[-1] if self._marks else (0, 0)
        if responses // CHUNK > last[0] // CHUNK or pictures // CHUNK > last[1] // CHUNK:
            self._marks.append((responses, pictures))
        record = {"shown": self._shown, "responses": responses, "pictures": pictures}
        written(self._folder / PROGRESS, json.dumps({**record, "marks": self._marks}))


@contextmanager
def undivided() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until what is begun is done.

    Yields
    ------
    None
        Signals come to the main thread only; those that nobody handles are not waited for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    came: list[tuple[int, FrameType | None]] = []
    handled = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in handled:
        signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        for late, frame in came:
            handled[signal.Signals(late)](late, frame)
