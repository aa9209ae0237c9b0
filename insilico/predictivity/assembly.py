"""Recordings in the netCDF files that Brain-Score hosts.

Such a file holds one array, presentation x neuroid or presentation x neuroid x time_bin, whose
labels are plain coordinates along these dims.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.netcdf import opened

__all__ = ["DIMS", "STIMULUS_ID", "read_assembly", "some"]

# Present and older names.
STIMULUS_ID = ("stimulus_id", "image_id")

DIMS = ("stimulus", "neuron", "repetition")
HOSTED = ({"presentation", "neuroid"}, {"presentation", "neuroid", "time_bin"})

# Neurons that are read at a time: bins of 1 ms of all of them would take gigabytes.
TOGETHER = 16

N_SHOWN = 5


def read_assembly(path: Path, *, region: str | None, window: tuple[float, float]) -> xr.DataArray:
    """Read responses, averaged over time.

    Parameters
    ----------
    path : Path
        A netCDF file.
    region : str or None
        Keep the neurons of this region, where the file names regions; None keeps all.
    window : tuple of float
        Keep the time bins that lie within it, in ms, where the file has time bins.

    Returns
    -------
    DataArray, dims ("stimulus", "neuron", "repetition")
        Named by the identifier of the file, with its attributes. Repetitions are counted for each
        stimulus by itself; where some stimuli have fewer than others, the last are NaN. Whatever
        the file says of presentations and is the same at all those of a stimulus is a coordinate
        along it.

    Raises
    ------
    UserError
        If this is no such file, or nothing is left of it.
    """
    # Nothing in it is a date, not even what is counted in ms.
    with opened(path, remedy="Bring it back, or download it again.", decode_times=False) as content:
        array = _of_region(_array(content, path), region, path)
        array = _in_window(array, window, path)
        attrs = content.attrs | array.attrs
        name = str(attrs.get("identifier", path.stem))
        return _by_stimulus(array, path).rename(name).assign_attrs(attrs)


def some(values: Iterable[object]) -> str:
    """Name the first few of several things.

    Examples
    --------
    >>> some(["V2", "V4", "V2", "IT"])
    'IT, V2, V4'
    """
    different = sorted({str(value) for value in values})
    rest = len(different) - N_SHOWN
    return ", ".join(different[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _array(content: xr.Dataset, path: Path) -> xr.DataArray:
    arrays = [array for array in content.data_vars.values() if set(array.dims) in HOSTED]
    if len(arrays) != 1:
        shapes = {str(name): array.dims for name, array in content.data_vars.items()}
        raise UserError(
            f"{path} must hold one array with the dims presentation, neuroid and perhaps time_bin; "
            f"it holds {shapes}. Reshape it, or save stimulus x neuron x repetition as .npy."
        )
    if not arrays[0].size:
        raise UserError(f"{path} holds no responses: its sizes are {dict(arrays[0].sizes)}.")
    return arrays[0]


def _of_region(array: xr.DataArray, region: str | None, path: Path) -> xr.DataArray:
    if region is None or "region" not in array.coords:
        return array
    regions = np.broadcast_to(_text(array["region"]), array.sizes["neuroid"])
    kept = np.flatnonzero(regions == region)
    if not len(kept):
        raise UserError(
            f"{path} has no neurons of the region {region}; its regions are {some(regions)}. "
            "Set region to one of them, or to None for all neurons."
        )
    return array.isel(neuroid=kept)


def _in_window(array: xr.DataArray, window: tuple[float, float], path: Path) -> xr.DataArray:
    if "time_bin" not in array.dims:
        return array
    absent = [name for name in ("time_bin_start", "time_bin_end") if name not in array.coords]
    if absent:
        raise UserError(f"{path} has time bins without {some(absent)}: it must say when they are.")
    start, end = (array[name].to_numpy() for name in ("time_bin_start", "time_bin_end"))
    inside = np.flatnonzero((start >= window[0]) & (end <= window[1]))
    if not len(inside):
        raise UserError(
            f"no time bin of {path} lies within {window[0]:g} to {window[1]:g} ms; its bins lie "
            f"between {start.min():g} and {end.max():g} ms. Set window."
        )
    return array.isel(time_bin=inside)


def _by_stimulus(array: xr.DataArray, path: Path) -> xr.DataArray:
    """Average over time, and put the presentations of each stimulus side by side."""
    shown = pd.DataFrame(
        {
            str(name): _text(values)
            for name, values in array.coords.items()
            if values.dims == ("presentation",)
        }
    )
    # An index of one level only is written under the name of its dim.
    names = [name for name in (*STIMULUS_ID, "presentation") if name in shown]
    if not names:
        raise UserError(
            f"{path} must name the stimulus of each presentation in a coordinate stimulus_id; its "
            f"coordinates are {some(array.coords)}."
        )
    number, stimuli = pd.factorize(shown.pop(names[0]))
    order = array["repetition"].to_numpy() if "repetition" in shown else np.zeros(len(number))
    # Numbers of repetitions may have gaps, or be those of all presentations.
    place = pd.DataFrame({"number": number, "order": order}).sort_values("order", kind="stable")
    repetition = place.groupby("number").cumcount().sort_index().to_numpy()
    by_stimulus = shown.drop(columns=[name for name in DIMS if name in shown]).groupby(number)
    constant = by_stimulus.nunique().eq(1).all()
    described = by_stimulus.first().loc[:, constant]
    rates = _rates(array)
    responses = np.full((len(stimuli), rates.shape[1], repetition.max() + 1), np.nan)
    responses[number, :, repetition] = rates
    neurons = array["neuroid_id"] if "neuroid_id" in array.coords else array["neuroid"]
    return xr.DataArray(
        responses,
        dims=DIMS,
        coords={
            "stimulus": stimuli.to_numpy(str),
            "neuron": _text(neurons),
            **{name: ("stimulus", values.to_numpy(str)) for name, values in described.items()},
        },
    )


def _rates(array: xr.DataArray) -> npt.NDArray[np.float64]:
    """Read presentation x neuroid, averaged over time bins."""
    parts = []
    for start in range(0, array.sizes["neuroid"], TOGETHER):
        part = array.isel(neuroid=slice(start, start + TOGETHER)).astype(np.float64)
        part = part.mean("time_bin") if "time_bin" in part.dims else part
        parts.append(part.transpose("presentation", "neuroid").to_numpy())
    return np.concatenate(parts, axis=1)


def _text(values: xr.DataArray) -> np.ndarray:
    return values.to_numpy().astype(str)
