"""Results: everything a run gives, and how it is kept on disk."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd
import xarray as xr

from insilico.checksums import MANIFEST, check_files, write_manifest
from insilico.comparison.published import beside_board
from insilico.comparison.table import WORDS
from insilico.errors import UserError
from insilico.folders import check_free, inside
from insilico.netcdf import check_self_contained, write_netcdf
from insilico.recording.schema import load, load_chunks, save, save_chunks
from insilico.runs.methods import paragraph
from insilico.runs.summary import lines, short_table
from insilico.runs.unit import Unit, unit_of
from insilico.tables import read_csv, write_csv

if TYPE_CHECKING:
    from insilico.figures.of_results import Plots

__all__ = ["Results", "open_results"]

PROVENANCE = "provenance.json"

# What the run is, while it is made and afterwards; and where its recordings lie.
RUN = "run.json"
RECORDINGS = "recordings"

TABLES = ("comparison", "categories", "joint")
TABLE_FILES = tuple(f"{name}.csv" for name in TABLES)

# Only of runs with trials.
REPEATS = "repeats.csv"

REMEDY = "Bring the folder back from a copy, or give the command of the run again, with --mend."


@dataclass(frozen=True, repr=False)
class Results:
    """What a run recorded, measured and compared.

    Printed, it says what was run, what came out and what to be careful about.

    Parameters
    ----------
    battery : str
        Name of the battery.
    units : Dataset, dim "unit"
        One variable per property, with ``long_name``, ``units`` and ``protocol``; ``responsive``,
        dims ("unit", "protocol"); coordinates layer, channel, row, column, x, y.
    comparison : DataFrame
        One row per reference distribution (and layer): similarity, ceiling, medians, counts.
    curves : mapping of str to DataArray
        The tuning curves of each protocol, dims ("unit", <factor>).
    recordings : mapping of str to DataArray
        Raw activations of each protocol; protocols that share stimuli share the recording.
    provenance : mapping
        Model, weights, display, layers, battery, seed, versions: what it takes to do it again.
    warnings : tuple of str
        What a reader must know before believing a number.
    categories : DataFrame
        Mean similarity of each category of the published benchmark (and layer), with intervals;
        empty where none of its distributions was compared with.
    joint : DataFrame
        One row per pair of properties (and layer): how they go together in the same units.
    repeats : DataFrame
        One row per unit and property, where a run was asked for ``trials``: ``value`` as in
        ``units``, ``estimate`` on the mean of the trials, and its 95 % interval ``low`` to
        ``high``, ``standard_error``, and the share of halves of the trials in which it is
        ``defined``. Empty otherwise.
    """

    battery: str
    units: xr.Dataset
    comparison: pd.DataFrame
    curves: Mapping[str, xr.DataArray]
    recordings: Mapping[str, xr.DataArray]
    provenance: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    categories: pd.DataFrame = field(default_factory=pd.DataFrame)
    joint: pd.DataFrame = field(default_factory=pd.DataFrame)
    repeats: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __repr__(self) -> str:
        return "\n".join(lines(self))

    def _repr_html_(self) -> str:
        return str(_above("insilico.reporting.notebook", "cell")(self))

    def summary(self) -> pd.DataFrame:
        """Take the main columns of the comparison.

        Returns
        -------
        DataFrame, index ``layer`` and ``reference``
            ``units``; ``n``, the units that respond and have a value; ``model`` and ``macaque``,
            their medians, or shares of yes where a property is yes or no (NaN for a property that
            comes round); ``similarity`` and its standard ``error``, ``ceiling``, ``skill``; and
            ``top``, the skill of the data against themselves. Empty where nothing was compared.
        """
        return short_table(self)

    def unit(self, number: int) -> Unit:
        """Gather everything about one unit.

        Parameters
        ----------
        number : int
            Its row in ``units``, from 0.

        Returns
        -------
        Unit
            Printed, it lists what was measured.

        Raises
        ------
        UserError
            If there is no such unit.
        """
        return unit_of(self, number)

    def leaderboard(self) -> pd.DataFrame:
        """Set each layer beside the models of the public leaderboard, property by property.

        Returns
        -------
        DataFrame, one row per layer and property of the published benchmark
            ``layer``, ``property``, ``category``; the layer's ``ceiled`` score; its ``rank`` among
            the ``n`` models that were scored there (1 is the best); their ``median`` and ``best``
            score, and ``best_model``. The last row of each layer, "mean", is that of the categories
            over the properties that it has a score in. See `insilico.reference.leaderboard`.

        Raises
        ------
        UserError
            If the run has no score on any property of the published benchmark.
        """
        board = beside_board(self.comparison)
        if board.empty:
            raise UserError(
                f"the public leaderboard is of the published benchmark, and this run of the "
                f"{self.battery} battery has no score on it: run battery='marques2020'."
            )
        return board

    def methods(self) -> str:
        """Write the paragraph that a methods section needs: stimuli, units, exclusions, sources.

        Returns
        -------
        str
            Sentences in English, with a list of references; what only its authors know of the
            model is left to them.
        """
        return paragraph(self)

    @property
    def plot(self) -> "Plots":
        """The figures of the run: ``plot.summary()``, ``plot.unit(16)`` and others."""
        made: Plots = _above("insilico.figures.of_results", "Plots")(self)
        return made

    def report(self, folder: Path | str) -> Path:
        """Write the report, one page that needs no other file, and the figures beside it.

        Parameters
        ----------
        folder : path
            Where to write; made if there is none. An earlier report is replaced.

        Returns
        -------
        Path
            The page.
        """
        page: Path = _above("insilico.reporting.report", "write_report")(self, folder)
        return page

    def protocol(self, name: str) -> Mapping[str, str]:
        """Tell what is known of a protocol: its citation, its question, its figure and section.

        Parameters
        ----------
        name : str
            The protocol.

        Returns
        -------
        mapping of str to str
            Empty for one that the run does not describe.
        """
        return self.provenance.get("protocols", {}).get(name, {})

    def save(self, folder: Path | str) -> Path:
        """Write everything to a new folder.

        Parameters
        ----------
        folder : path
            Must not exist, or be empty.

        Returns
        -------
        Path
            The folder, with units.nc, units.csv, comparison.csv, categories.csv, joint.csv,
            provenance.json, recordings/ and curves/, and repeats.csv of a run with trials; and
            manifest.json, the checksums of all of them.

        Raises
        ------
        UserError
            If the folder already holds something; nothing is overwritten.
        """
        folder = Path(folder)
        check_free(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written beside its place and renamed: a run that stops halfway leaves no folder that
        # looks whole.
        partial = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.partial")
        try:
            self._write(partial)
            if folder.exists():
                folder.rmdir()
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def _write(self, folder: Path) -> None:
        self.write_tables(folder)
        (folder / RECORDINGS).mkdir()
        for name, file in self._files().items():
            if name == file:
                save_chunks(self.recordings[name], folder / RECORDINGS / f"{name}.zarr")
        write_manifest(folder)

    def write_tables(self, folder: Path) -> None:
        """Write everything but the recordings.

        Parameters
        ----------
        folder : Path
            A new folder: gets units.nc, units.csv, comparison.csv, categories.csv, joint.csv,
            provenance.json and curves/.
        """
        (folder / "curves").mkdir(parents=True)
        write_netcdf(self.units, folder / "units.nc")
        write_csv(unit_table(self.units), folder / "units.csv")
        for name in TABLES:
            write_csv(getattr(self, name), folder / f"{name}.csv")
        if not self.repeats.empty:
            write_csv(self.repeats, folder / REPEATS)
        for name, curve in self.curves.items():
            save(curve, folder / "curves" / f"{name}.nc")
        record = {
            "battery": self.battery,
            "warnings": list(self.warnings),
            "recordings": self._files(),
            "provenance": dict(self.provenance),
        }
        (folder / PROVENANCE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    def _files(self) -> dict[str, str]:
        """Name the recording of each protocol: after the first of those that share it."""
        first: dict[int, str] = {}
        return {
            name: first.setdefault(id(recording), name)
            for name, recording in self.recordings.items()
        }


def _above(module: str, name: str) -> Any:
    """Find what draws or writes a run: it is built on results, and loaded when asked for."""
    return getattr(import_module(module), name)


def open_results(folder: Path | str) -> Results:
    """Open what `Results.save` wrote.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        If the folder holds no results, or any file in it is missing or not as it was written; the
        message names the file.
    """
    folder = Path(folder)
    if (folder / RUN).is_file() and not (folder / MANIFEST).is_file():
        raise UserError(
            f"{folder} holds a run that is not finished. The command that began it goes on with "
            "it: `insilico run` with the same arguments and folder."
        )
    if not (folder / PROVENANCE).is_file() and not (folder / MANIFEST).is_file():
        raise UserError(
            f"{folder} holds no results: {PROVENANCE} is missing. Give a folder that "
            "`insilico run` or Results.save wrote."
        )
    files = check_files(folder, (PROVENANCE, "units.nc", *TABLE_FILES), remedy=REMEDY)
    try:
        return _read(folder, files)
    # The files are as they were written, but not by us: whatever they hold, it is no defect.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{folder} cannot be read as results ({reason}). {REMEDY}") from error


def _read(folder: Path, files: tuple[str, ...]) -> Results:
    """Read a folder whose files are as they were written."""
    for file in files:
        if file.endswith(".nc"):
            check_self_contained(folder / file)
    record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    with xr.open_dataset(folder / "units.nc", engine="h5netcdf") as units:
        units.load()
    _check_units(units)
    shared = {name: f"{RECORDINGS}/{file}.zarr" for name, file in record["recordings"].items()}
    absent = [file for file in shared.values() if f"{file}/.zattrs" not in files]
    if absent:
        raise ValueError(f"{absent[0]} is not in {MANIFEST}")
    opened = {file: load_chunks(inside(folder, file)) for file in set(shared.values())}
    return Results(
        battery=str(record["battery"]),
        units=units,
        **{name: _read_table(folder / f"{name}.csv") for name in TABLES},
        repeats=_read_table(folder / REPEATS) if REPEATS in files else pd.DataFrame(),
        curves={
            Path(file).stem: load(folder / file) for file in files if file.startswith("curves/")
        },
        recordings={name: opened[file] for name, file in shared.items()},
        provenance=dict(record["provenance"]),
        warnings=tuple(map(str, record["warnings"])),
    )


def _check_units(units: xr.Dataset) -> None:
    """Refuse a table of units that lacks what every one has."""
    absent = [name for name in ("layer", "channel", "responsive") if name not in units]
    if absent:
        raise ValueError(f"units.nc has no {', '.join(absent)}")
    if set(units["responsive"].dims) != {"unit", "protocol"}:
        raise ValueError(f"responsive has the dims {units['responsive'].dims}")


def _read_table(path: Path) -> pd.DataFrame:
    # A table may have no column at all.
    if not path.read_text(encoding="utf-8").strip():
        return pd.DataFrame()
    # A layer may be called "0".
    table = read_csv(path, dtype={"layer": str})
    words = [name for name in WORDS if name in table]
    return table.assign(
        **{name: table[name].astype(str).where(table[name].notna(), "") for name in words}
    )


def unit_table(units: xr.Dataset) -> pd.DataFrame:
    """One row per unit, one column per property; ``responsive`` one column per protocol."""
    table = units.drop_dims("protocol").to_dataframe().reset_index(drop=True)
    places = [name for name in units.coords if units[name].dims == ("unit",) and name in table]
    table = table[[*places, *[name for name in table if name not in places]]]
    flags = pd.DataFrame(
        units["responsive"].to_numpy(), columns=units["protocol"].to_numpy().astype(str)
    )
    return table.join(flags.add_prefix("responsive_"))
