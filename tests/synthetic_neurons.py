"""Recordings of imaginary neurons, in files as Brain-Score hosts them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from PIL import Image

IDENTIFIER = "imaginary.Synthetic2026"

TIME_BINS = np.arange(0, 300)


def write_assembly(
    folder: Path,
    responses: npt.ArrayLike,
    *,
    texture_types: Sequence[str],
    regions: Sequence[str],
    pictures: Sequence[npt.NDArray[np.uint8]],
    time_bins: Sequence[int] | None = TIME_BINS,
    identifier: str = IDENTIFIER,
    shuffled: int | None = None,
    older: bool = False,
    repetition: bool = True,
    types_in: str = "csv",
    degrees: float | None = None,
) -> tuple[Path, Path]:
    """Write responses and pictures as `brainio.packaging` does.

    Parameters
    ----------
    folder : Path
        Where ``assy_IDENTIFIER.nc`` and the folder ``stimulus_IDENTIFIER`` go.
    responses : array, shape (stimulus, neuron, repetition)
        In any units; NaN in all neurons where there was no presentation. They are put into the
        bins from 50 to 200 ms, with other numbers before and after.
    texture_types, regions : sequence of str
        Of each stimulus, and of each neuron.
    pictures : sequence of array of uint8
        Of each stimulus.
    time_bins : sequence of int or None
        Where each bin of 1 ms begins; None writes no time bins.
    identifier : str
        Of the recording.
    shuffled : int, optional
        Seed of the order of the presentations; by default, all stimuli repetition by repetition.
    older : bool
        Whether to use the older names, image_id and image_file_name.
    repetition : bool
        Whether to number the repetitions. If not, the index of presentations may have one level
        only, and is then called ``presentation`` in the file.
    types_in : {"csv", "assembly"}
        Which file says the type of each stimulus.
    degrees : float, optional
        A column of the csv file.

    Returns
    -------
    tuple of Path
        The netCDF file, and the folder of stimuli.
    """
    values = np.asarray(responses, dtype=np.float64)
    id_name, file_name = ("image_id", "image_file_name") if older else ("stimulus_id", "filename")
    ids = [f"{number:02d}" for number in range(len(values))]
    shown = ~np.isnan(values).all(axis=1)
    trial, stimulus = np.nonzero(shown.T)
    if shuffled is not None:
        order = np.random.default_rng(shuffled).permutation(len(trial))
        trial, stimulus = trial[order], stimulus[order]
    presentation = {id_name: np.asarray(ids)[stimulus]}
    if repetition:
        presentation["repetition"] = trial
    if types_in == "assembly":
        presentation["texture_type"] = np.asarray(texture_types)[stimulus]
    neuroid = {"neuroid_id": np.arange(1, values.shape[1] + 1), "region": list(regions)}
    array = xr.DataArray(
        values[stimulus, :, trial],
        dims=("presentation", "neuroid"),
        coords=_levels("presentation", presentation) | _levels("neuroid", neuroid),
        attrs={"identifier": identifier, "stimulus_set_identifier": identifier},
    )
    indexes = {"presentation": list(presentation), "neuroid": list(neuroid)}
    if time_bins is not None:
        start = np.asarray(time_bins)
        time = {"time_bin_start": start, "time_bin_end": start + 1}
        inside = (start >= 50) & (start < 200)
        array = array.expand_dims(time_bin=len(start), axis=-1)
        array = array.where(xr.DataArray(inside, dims="time_bin"), 1000.0 + np.arange(len(start)))
        array = array.assign_coords(_levels("time_bin", time))
        indexes["time_bin"] = list(time)
    array = array.set_index(indexes)
    store = identifier.replace(".", "_")
    path = folder / f"assy_{store}.nc"
    folder.mkdir(parents=True, exist_ok=True)
    data = array.reset_index(list(indexes)).to_dataset(name="data")
    packed = {name: {"zlib": True, "complevel": 1} for name in data.variables}
    data.to_netcdf(path, engine="h5netcdf", encoding=packed)
    stimuli = folder / f"stimulus_{store}"
    _write_stimuli(
        stimuli,
        pictures,
        pd.DataFrame(
            {id_name: ids, file_name: [f"picture-{each}.png" for each in ids]}
            | ({"texture_type": list(texture_types)} if types_in == "csv" else {})
            | ({"degrees": degrees} if degrees is not None else {})
        ),
        file_name,
    )
    return path, stimuli


def _levels(dim: str, levels: dict) -> dict:
    return {name: (dim, values) for name, values in levels.items()}


def _write_stimuli(
    folder: Path, pictures: Sequence[npt.NDArray[np.uint8]], table: pd.DataFrame, file_name: str
) -> None:
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / f"{folder.name}.csv", index=False)
    for name, levels in zip(table[file_name], pictures, strict=True):
        Image.fromarray(levels).save(folder / name)
