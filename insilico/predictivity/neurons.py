"""Responses of neurons to pictures, and the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from insilico.checksums import check_archive
from insilico.errors import UserError
from insilico.folders import inside
from insilico.predictivity.assembly import DIMS, STIMULUS_ID, read_assembly, some

__all__ = ["NeuralData", "open_neurons"]

# Present and older names.
FILE_NAME = ("filename", "image_file_name")

# Balanced in the published splits; and the word for no balance.
STRATIFY = "texture_type"
NO_STRATA = "none"

# Width of the pictures of hosted recordings whose files do not say it, in deg.
PUBLISHED_DEGREES = {"FreemanZiemba2013": 4.0}


@dataclass(frozen=True, eq=False)
class NeuralData:
    """Responses of neurons to pictures.

    Parameters
    ----------
    name : str
        Of the recording.
    responses : DataArray, dims ("stimulus", "neuron", "repetition")
        NaN where a trial was not recorded. The coordinates ``stimulus`` and ``neuron`` name them;
        a coordinate ``stratum`` along ``stimulus`` names the kinds of stimuli of which every
        split is to have its share.
    pictures : tuple of Path
        One file per stimulus.
    degrees : float
        Width of the pictures, in deg.
    chosen : mapping, optional
        How they were read: goes into the provenance of what is made of them.
    """

    name: str
    responses: xr.DataArray = field(repr=False)
    pictures: tuple[Path, ...] = field(repr=False)
    degrees: float
    chosen: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.responses.dims != DIMS:
            raise UserError(
                f"the responses of {self.name} must have the dims {DIMS}; got "
                f"{self.responses.dims}. Transpose or rename them."
            )
        if not self.responses.size:
            raise UserError(f"{self.name} holds no responses: its sizes are {self.responses.shape}")
        if np.isinf(self.responses).any():
            raise UserError(
                f"{self.name} holds infinite responses. Leave NaN where a trial was not recorded."
            )
        if len(self.pictures) != self.responses.sizes["stimulus"]:
            raise UserError(
                f"{self.name} has responses to {self.responses.sizes['stimulus']} stimuli, but "
                f"{len(self.pictures)} pictures. Give one picture per stimulus, in the same order."
            )
        if not 0 < self.degrees < np.inf:
            raise UserError(
                f"degrees must be above 0 and finite; got {self.degrees:g}. It is the width of the "
                "pictures."
            )

    @property
    def mean(self) -> xr.DataArray:
        """Mean over the repetitions that were recorded, dims ("stimulus", "neuron")."""
        return self.responses.mean("repetition")


def open_neurons(
    path: Path | str,
    stimuli: Path | str | None = None,
    *,
    region: str | None = "V1",
    window: tuple[float, float] = (50.0, 200.0),
    stratify: str | None = None,
    degrees: float | None = None,
) -> NeuralData:
    """Open responses of neurons, and find the pictures that were shown.

    Parameters
    ----------
    path : path
        A netCDF file as Brain-Score hosts them, or a plain array in a .npy or .npz file: stimulus
        x neuron, or stimulus x neuron x repetition, NaN where a trial was not recorded.
    stimuli : path, optional
        A csv file with one row per picture, or the folder that holds it; by default that of
        ``path``. Its column ``filename`` names the files, which lie beside it or in folders
        there; what lies elsewhere, or is a link to there, is refused. For a netCDF file, its column
        ``stimulus_id`` says which stimulus each is; rows of stimuli that were not shown do not
        matter. For a plain array, the rows are those of the array.
    region : str or None
        Keep the neurons of this region, if the file names regions; None keeps all.
    window : tuple of float
        Average over the time bins that lie within it, in ms, if the file has time bins.
    stratify : str, optional
        Of which coordinate, or column of the csv file, every split is to have its share; by
        default of ``texture_type``, if there is one; 'none' for none.
    degrees : float, optional
        Width of the pictures, in deg; by default the column ``degrees`` of the csv file, and 4
        for those of Freeman & Ziemba (2013).

    Returns
    -------
    NeuralData
        The stimuli of a netCDF file are in the order of the csv file.

    Raises
    ------
    UserError
        If a file is missing or not as described: says which, and what to do.
    """
    path = Path(path)
    table, place = _table(path.parent if stimuli is None else Path(stimuli))
    if path.suffix == ".nc":
        responses = read_assembly(path, region=region, window=window)
        table = _shown(table, responses, place)
        responses = responses.sel(stimulus=table.index.to_numpy(str))
    elif path.suffix in (".npy", ".npz"):
        responses = _plain(path, table, place)
    else:
        raise UserError(f"{path} must end in .nc (netCDF), .npy or .npz. Save it as one of these.")
    name = str(responses.name)
    if degrees is None:
        known_as = f"{path.name} {name} {responses.attrs.get('stimulus_set_identifier')}"
        degrees = _degrees(table, known_as, place)
    responses = _stratified(responses, table, stratify)
    chosen = {
        "assembly": path.name,
        "region": region,
        "window": list(window),
        "stratify": stratify or (STRATIFY if "stratum" in responses.coords else NO_STRATA),
    }
    return NeuralData(name, responses, _files(table, place), degrees, chosen)


def _table(place: Path) -> tuple[pd.DataFrame, Path]:
    """Read the csv file of the pictures, indexed by stimulus, and say where it lies."""
    if place.is_dir():
        found = sorted(place.glob("*.csv"))
        if len(found) != 1:
            raise UserError(
                f"{place} must hold one csv file, with the names of the pictures; it holds "
                f"{some(file.name for file in found) or 'none'}. Set stimuli to that file."
            )
        place = found[0]
    if not place.exists():
        raise UserError(
            f"there is no {place}. Set stimuli to the csv file that names the pictures, or to its "
            "folder."
        )
    try:
        table = pd.read_csv(place, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except Exception as error:
        raise UserError(
            f"{place} cannot be read as a csv file: {error}. Set stimuli to the csv file that "
            "names the pictures, or to its folder."
        ) from error
    names = [name for name in FILE_NAME if name in table]
    if not names:
        raise UserError(
            f"{place} must name the file of each picture in a column filename; its columns are "
            f"{some(table.columns)}."
        )
    table = table.rename(columns={names[0]: "filename"})
    ids = next((name for name in STIMULUS_ID if name in table), "filename")
    table = table.set_index(ids, drop=False).rename_axis(None)
    repeated = table.index[table.index.duplicated()]
    if len(repeated):
        raise UserError(
            f"every row of {place} must have its own {ids}; these are repeated: {some(repeated)}."
        )
    return table, place


def _shown(table: pd.DataFrame, responses: xr.DataArray, place: Path) -> pd.DataFrame:
    """Keep the pictures to which there are responses."""
    shown = responses.indexes["stimulus"]
    unknown = shown.difference(table.index)
    if len(unknown):
        raise UserError(
            f"{len(unknown)} of {len(shown)} stimuli of {responses.name} are not in {place}: "
            f"{some(unknown)}. Set stimuli to the csv file of this recording."
        )
    return table[table.index.isin(shown)]


def _plain(path: Path, table: pd.DataFrame, place: Path) -> xr.DataArray:
    """Read a plain array, and label it."""
    content = _array(path)
    if content.ndim not in (2, 3) or content.dtype.kind not in "buif":
        raise UserError(
            f"{path} must hold numbers, stimulus x neuron or stimulus x neuron x repetition; it "
            f"holds {content.dtype} of the shape {content.shape}."
        )
    if len(content) != len(table):
        raise UserError(
            f"{path} has responses to {len(content)} stimuli, but {place} has {len(table)} rows. "
            "There must be one row per stimulus, in the same order."
        )
    values = content.astype(np.float64)
    values = values[..., None] if values.ndim == 2 else values
    coords = {
        "stimulus": table.index.to_numpy(str),
        "neuron": np.arange(values.shape[1]).astype(str),
    }
    return xr.DataArray(values, dims=DIMS, coords=coords, name=path.stem)


def _array(path: Path) -> np.ndarray:
    """Read the one array of a file, if it is whole."""
    remedy = "If it is damaged, bring it back from a copy."
    try:
        with path.open("rb") as file:
            check_archive(path, remedy=remedy)
            content = np.load(file)
            if not isinstance(content, np.ndarray):
                if len(content.files) != 1:
                    raise UserError(
                        f"{path} must hold one array; it holds {some(content.files) or 'none'}."
                    )
                content = content[content.files[0]]
                if not isinstance(content, np.ndarray):
                    raise ValueError("what it holds does not begin as arrays do")
                return content
            if file.read(1):
                raise ValueError(f"more follows on its {content.size} numbers")
            return content
    except UserError:
        raise
    # A damaged file breaks the reader wherever it likes.
    except Exception as error:
        raise UserError(f"{path} cannot be read as an array of NumPy: {error}. {remedy}") from error


def _stratified(responses: xr.DataArray, table: pd.DataFrame, stratify: str | None) -> xr.DataArray:
    """Put the coordinate or column that was asked for into the coordinate stratum."""
    kept = responses.drop_vars([each for each in responses.coords if each not in DIMS])
    known = {*map(str, responses.coords)}.difference(DIMS).union(table)
    name = stratify or STRATIFY
    if name not in known:
        if stratify in (None, NO_STRATA):
            return kept
        raise UserError(
            f"stratify must be {NO_STRATA}, a column of the csv file, or a coordinate that is the "
            f"same at all presentations of a stimulus; got {stratify!r}, and there are "
            f"{some(known)}."
        )
    values = responses[name] if name in responses.coords else table[name]
    return kept.assign_coords(stratum=("stimulus", values.to_numpy().astype(str)))


def _degrees(table: pd.DataFrame, known_as: str, place: Path) -> float:
    """Width of the pictures, from the csv file or as published."""
    published = [width for name, width in PUBLISHED_DEGREES.items() if name in known_as]
    widths = pd.to_numeric(table.get("degrees", pd.Series(published)), errors="coerce").unique()
    if len(widths) != 1 or np.isnan(widths[0]):
        raise UserError(
            f"all pictures must have one width in degrees of visual angle, and {place} does not "
            "say it in a column degrees. Set degrees (--image-degrees)."
        )
    return float(widths[0])


def _files(table: pd.DataFrame, place: Path) -> tuple[Path, ...]:
    """Find the pictures beside the csv file, or below it by their names; never elsewhere."""
    folder = place.parent
    beside = [inside(folder, name) for name in table["filename"]]
    if all(file.is_file() for file in beside):
        return tuple(beside)
    below: dict[str, list[Path]] = {}
    wanted = {file.name for file in beside}
    for file in sorted(folder.rglob("*")):
        if file.name in wanted and file.is_file():
            below.setdefault(file.name, []).append(inside(folder, str(file.relative_to(folder))))
    found = [[file] if file.is_file() else below.get(file.name, []) for file in beside]
    missing = [file.name for file, places in zip(beside, found, strict=True) if not places]
    if missing:
        packed = sorted(folder.glob("*.zip"))
        raise UserError(
            f"{len(missing)} of {len(beside)} pictures that {place} names are not in its folder: "
            f"{some(missing)}. "
            + (f"Unpack {packed[0].name} there." if packed else "Put them beside it.")
        )
    unclear = [places for places in found if len(places) > 1]
    if unclear:
        raise UserError(
            f"there are several files for one picture of {place}: {some(unclear[0])}. Keep one, or "
            "write the folder into the column filename."
        )
    return tuple(places[0] for places in found)
