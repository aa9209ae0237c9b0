"""The schema of a recording: responses labelled by unit and by stimulus, with their provenance.

A recording is a plain `xarray.DataArray` called ``response``. Its first dim is ``unit``, with the
coordinates ``layer``, ``channel``, ``row``, ``column``, ``x``, ``y`` (the nominal centre of the
receptive field, deg) and ``blank`` (the response to the background). Its other dims are the
factors of the stimulus set, and every further column of the stimulus table is a coordinate (the
place of the stimulus as ``stimulus_x`` and ``stimulus_y``). Of movies the last dim is ``time``, in
s from where measuring begins.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.netcdf import write_netcdf
from stimuli import StimulusSet

__all__ = [
    "MAP_NUMBERS",
    "UNIT_COORDINATES",
    "Labelled",
    "coordinates_of",
    "label",
    "label_maps",
    "label_pictures",
    "labelled",
    "load",
    "load_chunks",
    "over_time",
    "save",
    "save_chunks",
    "side_by_side",
]

# Of responses in a chunk, which is a file.
CHUNK_BYTES = 8 * 2**20

UNIT_COORDINATES = ("layer", "channel", "row", "column", "x", "y")

# What is known of a unit from its responses to white noise, beside its maps.
MAP_NUMBERS = (
    "peak", "chance_peak", "linear_share", "n_excitatory", "n_suppressive", "largest_eigenvalue",
    "smallest_eigenvalue", "chance_largest_eigenvalue", "chance_smallest_eigenvalue",
)  # fmt: skip

UNITS = {
    "orientation": "deg",
    "direction": "deg",
    "plaid_angle": "deg",
    "phase": "deg",
    "spatial_frequency": "cpd",
    "temporal_frequency": "Hz",
    "time": "s",
    "speed": "deg/s",
    "diameter": "deg",
    "inner_diameter": "deg",
    "offset_x": "deg",
    "offset_y": "deg",
    "x": "deg",
    "y": "deg",
    "stimulus_x": "deg",
    "stimulus_y": "deg",
    "element": "deg",
    "contrast": "1",
}


Coordinate = tuple[tuple[str, ...], npt.NDArray[Any], Mapping[str, Any]]


class Labelled(NamedTuple):
    """A recording before it is an array of xarray, which of hundreds of small ones takes longer.

    Attributes
    ----------
    values : array, shape (unit, <factors>)
        The responses.
    dims : tuple of str
        What its axes are called.
    coords : dict of str to tuple
        Of each coordinate its dims, its values, and its attributes.
    attrs : mapping
        What is known of the whole.
    """

    values: npt.NDArray[Any]
    dims: tuple[str, ...]
    coords: dict[str, Coordinate]
    attrs: Mapping[str, Any]

    @classmethod
    def of(cls, recording: xr.DataArray) -> "Labelled":
        """Take a recording apart."""
        coords: dict[str, Coordinate] = {
            str(name): (tuple(map(str, each.dims)), each.to_numpy(), each.attrs)
            for name, each in recording.coords.variables.items()
        }
        return cls(recording.to_numpy(), tuple(map(str, recording.dims)), coords, recording.attrs)

    def array(self) -> xr.DataArray:
        """Make it a recording."""
        return xr.DataArray(self.values, self.coords, self.dims, "response", self.attrs)


def label(
    responses: npt.NDArray[np.floating[Any]],
    *,
    conditions: pd.DataFrame,
    dims: tuple[str, ...],
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
    attrs: Mapping[str, Any],
) -> xr.DataArray:
    r"""Label responses with their units and stimuli.

    Parameters
    ----------
    responses : array, shape (unit, stimulus) or (unit, stimulus, harmonic)
        One column per row of ``conditions``; with a third axis, F0 and F1 over phase.
    conditions : DataFrame
        The stimulus table, in the order of the columns of ``responses``.
    dims : tuple of str
        The factors: columns of ``conditions`` that together name each stimulus once.
    units : DataFrame
        One row per unit, with the columns `UNIT_COORDINATES`.
    blank : array, shape (unit,)
        Response to the blank display.
    attrs : mapping
        Provenance; values that netCDF cannot hold are stored as JSON.

    Returns
    -------
    DataArray, dims ("unit", \\*dims) or ("unit", \\*dims, "harmonic")
        NaN where a combination of factors was not shown.
    """
    columns = {str(name): values.to_numpy() for name, values in conditions.items()}
    return labelled(
        responses,
        columns=columns,
        dims=dims,
        units=coordinates_of(units),
        blank=blank,
        attrs=attrs,
    ).array()


def coordinates_of(units: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Take what recordings tell of their units from a table.

    Parameters
    ----------
    units : DataFrame
        One row per unit, with the columns `UNIT_COORDINATES`.

    Returns
    -------
    dict of str to array, shape (unit,)
    """
    # Through a list: numpy strings are saved by netCDF, those of pandas are not.
    return {name: np.array(units[name].tolist()) for name in UNIT_COORDINATES}


def labelled(
    responses: npt.NDArray[np.floating[Any]],
    *,
    columns: Mapping[str, npt.NDArray[Any]],
    dims: tuple[str, ...],
    units: Mapping[str, npt.NDArray[Any]],
    blank: npt.NDArray[np.floating[Any]],
    attrs: Mapping[str, Any],
) -> Labelled:
    r"""Label responses, and leave it to others to make an array of xarray of them.

    Parameters
    ----------
    responses, dims, blank, attrs
        As for `label`.
    columns : mapping of str to array
        Those of the stimulus table.
    units : mapping of str to array
        From `coordinates_of`.

    Returns
    -------
    Labelled, dims ("unit", \\*dims) or ("unit", \\*dims, "harmonic")
        NaN where a combination of factors was not shown.
    """
    levels: dict[str, npt.NDArray[Any]] = {}
    places = []
    for dim in dims:
        levels[dim], place = np.unique(columns[dim], return_inverse=True)
        places.append(place)
    shape = tuple(len(values) for values in levels.values())
    coords: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = {
        name: (("unit",), values) for name, values in units.items()
    }
    coords |= {name: ((name,), level) for name, level in levels.items()}
    coords["blank"] = (("unit",), blank)
    for name, column in columns.items():
        if name not in dims:
            # The place of a stimulus must not be taken for that of the unit.
            coordinate = f"stimulus_{name}" if name in coords else name
            coords[coordinate] = _factor_coordinate(column, tuple(places), shape, dims)
    harmonic = ("harmonic",) if responses.ndim == 3 else ()
    if harmonic:
        coords["harmonic"] = (("harmonic",), np.arange(responses.shape[2]))
    return Labelled(
        _spread(responses, tuple(places), shape),
        ("unit", *dims, *harmonic),
        {
            name: (*values, {"units": UNITS[name]} if name in UNITS else {})
            for name, values in coords.items()
        },
        {"long_name": "Response", "units": "activation", **_netcdf(attrs)},
    )


def over_time(
    stimuli: StimulusSet, times: Sequence[float] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Give each answer to a movie a row of the table, and recordings a dim ``time``.

    Parameters
    ----------
    stimuli : StimulusSet
        Of movies, or of pictures.
    times : sequence of float, optional
        When there are answers, in s; at every frame from 0 s on by default.

    Returns
    -------
    tuple of DataFrame and tuple of str
        The table and its factors; of pictures as they are.
    """
    if times is None:
        times = [moment for moment in stimuli.time if moment >= 0]
    table = stimuli.conditions
    if not len(times):
        return table, stimuli.dims
    longer = table.loc[table.index.repeat(len(times))].reset_index(drop=True)
    return longer.assign(time=np.tile(times, len(table))), (*stimuli.dims, "time")


def label_maps(
    maps: npt.NDArray[np.floating[Any]],
    *,
    techniques: Sequence[str],
    conditions: pd.DataFrame,
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
    numbers: Mapping[str, npt.NDArray[np.floating[Any]]],
    attrs: Mapping[str, Any],
) -> xr.DataArray:
    """Label maps that were made of responses to mosaics.

    Parameters
    ----------
    maps : array, shape (unit, technique, half, row, column)
        Rows from the bottom up.
    techniques : sequence of str
        How each was made.
    conditions : DataFrame
        The stimulus table, of one place and one size of element.
    units, blank, attrs
        As for `label`.
    numbers : mapping of str to array, shape (unit,)
        What else is known of each unit.

    Returns
    -------
    DataArray, dims ("unit", "technique", "polarity", "element_y", "element_x")
        ``element_y`` and ``element_x`` count elements from the middle; the coordinate ``element``
        is the side of one, in deg.
    """
    coords: dict[str, Any] = {"technique": list(techniques), "polarity": [-1.0, 1.0]}
    coords |= _of_a_square(maps.shape[-1], conditions, units, blank)
    coords |= {name: ("unit", np.asarray(values)) for name, values in numbers.items()}
    return xr.DataArray(
        maps,
        dims=("unit", "technique", "polarity", "element_y", "element_x"),
        coords=coords,
        name="response",
        attrs={"long_name": "Response per contrast", "units": "activation", **_netcdf(attrs)},
    )


def label_pictures(
    pictures: npt.NDArray[np.floating[Any]],
    *,
    reached: npt.NDArray[np.floating[Any]],
    conditions: pd.DataFrame,
    units: pd.DataFrame,
    blank: npt.NDArray[np.floating[Any]],
    attrs: Mapping[str, Any],
) -> xr.DataArray:
    """Label pictures that units like best.

    Parameters
    ----------
    pictures : array, shape (unit, picture, row, column)
        In contrast, rows from the bottom up; the first is the best Gabor function.
    reached : array, shape (unit, picture)
        Responses to them.
    conditions, units, blank, attrs
        As for `label_maps`.

    Returns
    -------
    DataArray, dims ("unit", "picture", "element_y", "element_x")
        With the coordinate ``reached``, and those of a square as in `label_maps`.
    """
    coords: dict[str, Any] = {"reached": (("unit", "picture"), reached)}
    coords |= {"picture": np.arange(pictures.shape[1])}
    coords |= _of_a_square(pictures.shape[-1], conditions, units, blank)
    return xr.DataArray(
        pictures,
        dims=("unit", "picture", "element_y", "element_x"),
        coords=coords,
        name="response",
        attrs={"long_name": "Contrast", "units": "1", **_netcdf(attrs)},
    )


def _of_a_square(
    size: int, conditions: pd.DataFrame, units: pd.DataFrame, blank: npt.NDArray[np.floating[Any]]
) -> dict[str, Any]:
    """Coordinates of the elements of a square, and of the units that it is shown to."""
    middle = np.arange(size) - (size - 1) / 2
    first = conditions.iloc[0]
    return {
        **{name: ("unit", np.array(units[name].tolist())) for name in UNIT_COORDINATES},
        "element_y": middle,
        "element_x": middle,
        "blank": ("unit", blank),
        "element": ((), float(first["element"]), {"units": UNITS["element"]}),
        "stimulus_x": ((), float(first["x"]), {"units": UNITS["stimulus_x"]}),
        "stimulus_y": ((), float(first["y"]), {"units": UNITS["stimulus_y"]}),
    }


def side_by_side(parts: Sequence[Labelled]) -> xr.DataArray:
    """Concatenate recordings of groups of units, which differ in what was the same for a group.

    Parameters
    ----------
    parts : sequence of Labelled, dims ("unit", <factors>)
        At least one; all have the same factors.

    Returns
    -------
    DataArray, dims ("unit", <factors>)
        What differs between groups is a coordinate on ``unit``. NaN where a group was not shown a
        level of a factor that another was.
    """
    first, *others = parts
    factors = [dim for dim in first.dims if dim != "unit" and dim in first.coords]
    if not all(_same(first.coords[dim], other.coords[dim]) for other in others for dim in factors):
        # Their levels differ too: NaN where a group was not shown one.
        return xr.concat(
            [part.array() for part in parts],
            "unit",
            coords="different",
            compat="equals",
            join="outer",
            combine_attrs="override",
        )
    # Of hundreds of groups, xarray's concat takes longer than their recording.
    sizes = [len(part.values) for part in parts]
    coords: dict[str, Coordinate] = {}
    for name, one in first.coords.items():
        each = [part.coords[name] for part in parts]
        dims, _, attrs = one
        if "unit" in dims:
            coords[name] = (dims, np.concatenate([values for _, values, _ in each]), attrs)
        elif all(_same(one, other) for other in each[1:]):
            coords[name] = one
        else:
            # Where a horizontal bar moves, its x stays: it varies along fewer factors than others'.
            varies = [dim for dim in first.dims if any(dim in own for own, _, _ in each)]
            full = tuple(first.values.shape[first.dims.index(dim)] for dim in varies)
            values = np.stack([_along(own, values, varies, full) for own, values, _ in each])
            coords[name] = (("unit", *varies), np.repeat(values, sizes, axis=0), attrs)
    values = np.concatenate([part.values for part in parts])
    return Labelled(values, first.dims, coords, first.attrs).array()


def _same(one: Coordinate, other: Coordinate) -> bool:
    """Whether coordinates are equal; what is missing in both is."""
    (dims, values, _), (other_dims, other_values, _) = one, other
    if dims != other_dims or values.shape != other_values.shape:
        return False
    alike = np.asarray(values == other_values)
    return bool(alike.all() or (alike | (pd.isna(values) & pd.isna(other_values))).all())


def _along(
    dims: tuple[str, ...], values: npt.NDArray[Any], varies: Sequence[str], full: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Repeat a coordinate along factors that it does not vary along."""
    own = tuple(size if dim in dims else 1 for dim, size in zip(varies, full, strict=True))
    order = [dims.index(dim) for dim in varies if dim in dims]
    return np.broadcast_to(values.transpose(order).reshape(own), full)


def save(recording: xr.DataArray, path: Path | str) -> None:
    """Write a recording as netCDF; it opens again in plain xarray."""
    write_netcdf(recording, Path(path))


def load(path: Path | str) -> xr.DataArray:
    """Read a recording that `save` wrote, whole into memory."""
    with xr.open_dataarray(path, engine="h5netcdf") as recording:
        return recording.load()


def save_chunks(recording: xr.DataArray, folder: Path | str) -> None:
    """Write a recording as Zarr, in chunks of units; it opens again in plain xarray.

    Parameters
    ----------
    recording : DataArray, dims ("unit", <factors>)
        As `label` makes it.
    folder : path
        A new folder.
    """
    from numcodecs import Zstd

    units = recording.sizes["unit"]
    each = max(1, recording.nbytes // max(units, 1))
    step = max(1, min(units, CHUNK_BYTES // each))
    # Zarr sorts by name.
    dataset = recording.to_dataset(name="response").assign_attrs(order=list(recording.coords))
    # Version 2 of the format, which has a specification of text.
    dataset.to_zarr(
        folder,
        mode="w-",
        zarr_format=2,
        consolidated=True,
        encoding={
            "response": {
                "chunks": (step, *recording.shape[1:]) if recording.size else None,
                "compressors": [Zstd(level=1)],
            }
        },
    )


def load_chunks(folder: Path | str) -> xr.DataArray:
    """Read a recording that `save_chunks` wrote, whole into memory."""
    with xr.open_dataset(folder, engine="zarr", consolidated=True) as dataset:
        response = dataset["response"].load().drop_encoding()
        coords = {name: response[name].variable for name in dataset.attrs["order"]}
    return xr.DataArray(response.variable, coords, name="response")


def _spread(
    responses: npt.NDArray[np.floating[Any]],
    place: tuple[npt.NDArray[np.intp], ...],
    shape: tuple[int, ...],
) -> npt.NDArray[np.floating[Any]]:
    """Spread the columns of responses over the factors; without a copy if they are in order."""
    n, rest = len(responses), responses.shape[2:]
    if not shape:
        return responses.reshape(n, *rest)
    flat = np.ravel_multi_index(place, shape)
    if np.array_equal(flat, np.arange(np.prod(shape))):
        return responses.reshape(n, *shape, *rest)
    values = np.full((n, *shape, *rest), np.nan, dtype=responses.dtype)
    values[np.index_exp[:] + place] = responses
    return values


def _factor_coordinate(
    column: npt.NDArray[Any],
    place: tuple[npt.NDArray[np.intp], ...],
    shape: tuple[int, ...],
    dims: tuple[str, ...],
) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
    """Spread a column over the factors, and drop those along which it does not change."""
    if len(column) and np.all(pd.isna(column) if pd.isna(column[0]) else column == column[0]):
        return (), column[:1].squeeze()
    complete = len(column) == int(np.prod(shape))
    cube = np.zeros(shape, dtype=column.dtype)
    cube[place] = column
    kept: list[str] = []
    for dim in dims:
        axis = len(kept)
        first = cube.take([0], axis=axis)
        if complete and np.all(cube == first):
            cube = first.squeeze(axis)
        else:
            kept.append(dim)
    return tuple(kept), cube


def _netcdf(attrs: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, float)
    return {
        name: value
        if isinstance(value, plain) and not isinstance(value, bool)
        else json.dumps(value)
        for name, value in attrs.items()
        if value is not None
    }
