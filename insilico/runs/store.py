"""The folder of a run while it is made: what there is already is not made again.

Recordings are kept on tapes while they are made, and as labelled Zarr when they are whole; the
tables come last, and with them the manifest. A folder without one is that of a run that was
stopped, and the same run goes on there.
"""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico import disk
from insilico.checksums import check_files, write_manifest
from insilico.errors import UserError
from insilico.folders import LOCK, alone, check_free, written
from insilico.recording.schema import load_chunks, save_chunks
from insilico.recording.tape import Tape
from insilico.runs.progress import is_begun, is_complete, is_running
from insilico.runs.results import RECORDINGS, RUN, Results

__all__ = ["Kept", "RunStore", "check_new", "opened", "partial_runs"]

logger = logging.getLogger(__name__)

SELECTED = "selected.npy"
TABLES = ".tables.partial"

REMEDY = "`--mend` makes it anew."

# Of a difference between two runs, so much is said.
SHORT = 60
FEW = 3


class Kept(NamedTuple):
    """A recording, and which of the candidates its units are, if a selection was made."""

    recording: xr.DataArray
    selected: npt.NDArray[np.bool_] | None


class RunStore:
    """Keeps what a run makes, in its folder.

    Parameters
    ----------
    folder : Path
        Of the run, locked by this process.
    mend : bool
        Whether recordings that are damaged are made anew.
    """

    def __init__(self, folder: Path, *, mend: bool = False) -> None:
        self.folder = folder
        self._mend = mend

    def check_room(self, needed: Mapping[str, int]) -> None:
        """Refuse to record what the disk has no room for.

        Parameters
        ----------
        needed : mapping of str to int
            By protocol, bytes of the responses that are written one after the other while it is
            recorded; they are let go of when it is whole.

        Raises
        ------
        UserError
            If even the largest of those that are not there yet has no room.
        """
        missing = [
            size - _size(self._tape(name))
            for name, size in needed.items()
            if not self._whole(name).is_dir()
        ]
        if missing:
            disk.check_room(max(missing), disk.room(self.folder))

    def kept(self, name: str, shown: str) -> Kept | None:
        """Find a recording that was made before.

        Parameters
        ----------
        name : str
            Of its protocol.
        shown : str
            Fingerprint of what is shown, and to which units.

        Returns
        -------
        Kept or None

        Raises
        ------
        UserError
            If it is damaged, or something else was shown.
        """
        folder = self._whole(name)
        if not folder.is_dir():
            return None
        if self._mend and _damage(folder):
            shutil.rmtree(folder)
            return None
        files = check_files(folder, (".zattrs",), remedy=REMEDY)
        recording = load_chunks(folder)
        if recording.attrs.get("shown") != shown:
            raise UserError(
                f"{folder} is another recording: other stimuli were shown, or to other units. "
                "Begin anew with --fresh."
            )
        self._let_go(name)
        return Kept(recording, np.load(folder / SELECTED) if SELECTED in files else None)

    @contextmanager
    def tape(self, name: str, shown: str) -> Iterator[Tape]:
        """Give the tape of a recording that is made now.

        Parameters
        ----------
        name, shown
            As for `kept`.

        Yields
        ------
        Tape
        """
        folder = self._tape(name)
        folder.parent.mkdir(exist_ok=True)
        if self._mend and folder.is_dir():
            try:
                Tape(folder, shown).mend()
            except UserError:
                # Nothing tells how much of it is whole.
                shutil.rmtree(folder)
        tape = Tape(folder, shown)
        try:
            yield tape
        except BaseException:
            tape.flush()
            raise

    def keep(self, name: str, kept: Kept, shown: str) -> Kept:
        """Keep a recording that is whole, and let go of its tape.

        Parameters
        ----------
        name : str
            Of its protocol.
        kept : Kept
            The recording.
        shown : str
            As for `kept`.

        Returns
        -------
        Kept
            As it will be read again.
        """
        partial = self.folder / RECORDINGS / f".{name}.partial"
        with disk.writable(self.folder), _taken_back(partial):
            save_chunks(kept.recording.assign_attrs(shown=shown), partial)
            if kept.selected is not None:
                np.save(partial / SELECTED, kept.selected)
            write_manifest(partial)
            partial.rename(self._whole(name))
        self._let_go(name)
        return Kept(load_chunks(self._whole(name)), kept.selected)

    def finish(self, results: Results) -> None:
        """Write the tables beside the recordings; the run is complete then.

        Parameters
        ----------
        results : Results
            Of the run, with the recordings that are kept here.

        Raises
        ------
        UserError
            If they cannot be written; names the folder that the results are in instead, if any.
        """

        def save(folder: Path) -> None:
            if folder == self.folder:
                self._finish(results)
            else:
                results.save(folder)

        remedy = "Make room, and the same command goes on from what was recorded."
        try:
            _, trouble = disk.saved(save, self.folder)
        except UserError as error:
            raise UserError(f"{error} {remedy}") from error
        if trouble:
            raise UserError(f"{trouble}. {remedy}")

    def _finish(self, results: Results) -> None:
        # HDF5 complains at length when a disk is full.
        arrays = results.units.nbytes + sum(curve.nbytes for curve in results.curves.values())
        disk.check_room(arrays, disk.room(self.folder))
        partial = self.folder / TABLES
        with _taken_back(partial):
            results.write_tables(partial)
            for path in partial.iterdir():
                place = self.folder / path.name
                if place.is_dir():
                    # Left by a process that was stopped here.
                    shutil.rmtree(place)
                path.rename(place)
            partial.rmdir()
            write_manifest(self.folder)

    def _let_go(self, name: str) -> None:
        if self._tape(name).is_dir():
            shutil.rmtree(self._tape(name))

    def _whole(self, name: str) -> Path:
        return self.folder / RECORDINGS / f"{name}.zarr"

    def _tape(self, name: str) -> Path:
        return self.folder / RECORDINGS / f"{name}.tape"


@contextmanager
def opened(
    folder: Path, identity: Mapping[str, str], *, mend: bool = False
) -> Iterator[RunStore | None]:
    """Open the folder of a run, or begin it, and keep other processes out.

    Parameters
    ----------
    folder : Path
        Of the run: free, or that of the same run.
    identity : mapping of str to str
        What the run is.
    mend : bool
        Whether what is damaged is made anew.

    Yields
    ------
    RunStore or None
        None if the run is complete.

    Raises
    ------
    UserError
        If the folder holds something else, or another run, of which the difference is named; or
        another process is writing to it.
    """
    if not is_begun(folder):
        check_new(folder)
        folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if is_begun(folder):
            _compare(folder, identity)
        else:
            for other in partial_runs(folder.parent, identity):
                logger.warning(
                    "%s holds a part of this run: the same command with --out %s goes on there.",
                    other,
                    other,
                )
            with disk.writable(folder):
                written(folder / RUN, json.dumps(dict(identity), indent=2) + "\n")
        if mend and is_complete(folder) and _damage(folder):
            _undo(folder)
        if is_complete(folder):
            yield None
            return
        # Left by a process that was stopped while it wrote.
        for path in (*folder.glob(f"{RECORDINGS}/.*.partial"), *folder.glob("*.partial")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield RunStore(folder, mend=mend)


def check_new(folder: Path) -> None:
    """Refuse a folder in which no run can begin or go on.

    Parameters
    ----------
    folder : Path
        Where a run is to go.

    Raises
    ------
    UserError
        If it holds anything but a run; nothing is overwritten.
    """
    if is_begun(folder):
        return
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not held or held - {LOCK, f"{RUN}.partial"}:
        check_free(folder)


def partial_runs(around: Path, identity: Mapping[str, str]) -> list[Path]:
    """Find runs that were begun in some folder and stopped.

    Parameters
    ----------
    around : Path
        Whose folders are looked into.
    identity : mapping of str to str
        What the run is.

    Returns
    -------
    list of Path
        Those that are the same run.
    """
    if not around.is_dir():
        return []
    return sorted(
        run.parent
        for run in around.glob(f"*/{RUN}")
        if not is_complete(run.parent)
        and not is_running(run.parent)
        and _read(run.parent) == dict(identity)
    )


def _compare(folder: Path, identity: Mapping[str, str]) -> None:
    """Refuse to go on with another run."""
    there = _read(folder)
    if there is None:
        raise UserError(
            f"{folder / RUN} is damaged, and nothing else tells which run this is. Bring it back "
            "from a copy, or give --fresh for a new folder beside it."
        )
    names = [name for name in {**there, **identity} if there.get(name) != identity.get(name)]
    if not names:
        return
    told = "; ".join(
        f"{name}: {there.get(name, 'nothing'):.{SHORT}} there, "
        f"{identity.get(name, 'nothing'):.{SHORT}} here"
        for name in names[:FEW]
    )
    more = f"; and {len(names) - FEW} more" if len(names) > FEW else ""
    raise UserError(
        f"{folder} holds a run that differs in {told}{more}. Nothing is overwritten: give another "
        "folder with --out, or --fresh for a new one beside it."
    )


def _read(folder: Path) -> dict[str, str] | None:
    """Read what a run is; None if it cannot be told."""
    try:
        found = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def _damage(folder: Path) -> bool:
    """Whether any file is missing, or not as it was written."""
    try:
        check_files(folder, (), remedy="")
    except UserError:
        return True
    return False


@contextmanager
def _taken_back(partial: Path) -> Iterator[None]:
    """Give back what room a part took for which there was too little."""
    try:
        yield
    except (OSError, RuntimeError):
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _undo(folder: Path) -> None:
    """Take back all but the recordings, of which it is then seen which are damaged."""
    for path in folder.iterdir():
        if path.name not in (RUN, LOCK, RECORDINGS):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
