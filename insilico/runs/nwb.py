"""Results as Neurodata Without Borders, for tools and archives of electrophysiology.

NWB has times. There are none here: each stimulus is given a second, in the order of its table, so
that rows, intervals and responses belong together as they do in a recording of an animal; nothing
of a second was simulated, and the file says so. `ndx-rate-maps` is not used for the tuning curves:
its maps are in Hz, over bins of one or two variables, and these are responses to single values of
any number of factors, some of them in activations.

References
----------
Rübel et al. (2022). The Neurodata Without Borders ecosystem for neurophysiological data science.
eLife 11, e78362. https://doi.org/10.7554/eLife.78362
"""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.runs.results import Results

__all__ = ["stimulus_table", "write_nwb"]

# Seconds that each stimulus is given.
SHOWN = 1.0

# "Synthetic construct" in the taxonomy of the NCBI.
SYNTHETIC = "http://purl.obolibrary.org/obo/NCBITaxon_32630"

NO_TIME = (
    "Nothing of time was simulated: each stimulus is given one second, in the order of its table."
)


def write_nwb(results: Results, path: Path) -> None:
    """Write results to an NWB file.

    Parameters
    ----------
    results : Results
        A run: its units with all that was measured; of each recording the stimuli, as time
        intervals, and the responses, as a time series with a sample for each of them; the tuning
        curves, with the levels of their factors.
    path : Path
        The file.

    Raises
    ------
    UserError
        If pynwb is missing.
    """
    try:
        import pynwb
        from pynwb.core import DynamicTable, DynamicTableRegion, VectorData
    except ImportError as error:
        raise UserError(
            "NWB needs the package pynwb: pip install 'insilico-ephys[nwb]'. netCDF (.nc) needs "
            "none."
        ) from error
    about = results.provenance
    file = pynwb.NWBFile(
        session_description=(
            f"Units of the model {about.get('model', 'unknown')}, recorded in silico with the "
            f"{results.battery} battery. {NO_TIME}"
        ),
        identifier=str(uuid4()),
        session_start_time=datetime.fromisoformat(about["date"]),
        experiment_description="In-silico electrophysiology with insilico.",
        keywords=["in silico", "V1", "tuning", str(about.get("model", "unknown"))],
        notes="\n".join(results.warnings),
    )
    # NWB knows animals only. This taxon is that of what was never alive.
    file.subject = pynwb.file.Subject(
        subject_id=str(about.get("model", "unknown")),
        description=f"A model, and no animal; sex and age mean nothing. {results.battery}.",
        species=SYNTHETIC,
        sex="O",
        age="P0D",
    )
    found = file.create_processing_module(
        name="misc", description=f"Responses to each stimulus, and tuning curves. {NO_TIME}"
    )
    # Not the table of NWB that has this name, which is one of spikes.
    units = DynamicTable(
        name="units", description="Units, and what was measured.", columns=_units(results.units)
    )
    found.add(units)
    start = 0.0
    own: dict[int, tuple[str, xr.DataArray]] = {}
    for name, recording in results.recordings.items():
        # Protocols may share one.
        own.setdefault(id(recording), (name, recording))
    for name, recording in own.values():
        stimuli = stimulus_table(recording)
        file.add_time_intervals(_intervals(pynwb, name, stimuli, start))
        found.add(
            pynwb.TimeSeries(
                name=f"{name}_responses",
                description=f"Response to each stimulus of {name}_stimuli: one column per unit.",
                data=_by_stimulus(recording),
                unit=_unit_of(recording),
                starting_time=start,
                rate=1 / SHOWN,
            )
        )
        start += SHOWN * len(stimuli)
    for name, curve in results.curves.items():
        dims = [str(each) for each in curve.dims if each != "unit"]
        values = curve.transpose("unit", *dims).to_numpy().astype(float)
        whole = f"Response ({_unit_of(curve)}) by unit, {', '.join(dims)}."
        region = DynamicTableRegion(
            name="unit", data=np.arange(len(values)), description="The unit.", table=units
        )
        response = VectorData(name="response", description=whole, data=values)
        found.add(DynamicTable(name=name, description=whole, columns=[region, response]))
        for dim in dims:
            said = f"Levels of {dim} in {name}."
            levels = VectorData(name=dim, description=said, data=_plain(curve[dim].to_numpy()))
            found.add(DynamicTable(name=f"{name}_{dim}", description=said, columns=[levels]))
    with pynwb.NWBHDF5IO(str(path), "w") as target:
        target.write(file)


def stimulus_table(recording: xr.DataArray) -> pd.DataFrame:
    """List the stimuli of a recording: a row for each, the last factor changing fastest.

    Parameters
    ----------
    recording : DataArray, dims ("unit", <factors>)
        As `insilico.run` gives it.

    Returns
    -------
    DataFrame
        A column for each factor, and for what else is known of a stimulus.
    """
    factors = [str(name) for name in recording.dims if name != "unit"]
    further = [
        str(name)
        for name, each in recording.coords.items()
        if each.ndim and name not in factors and set(each.dims) <= set(factors)
    ]
    whole = recording.isel(unit=0, drop=True)
    columns = {
        name: recording[name].broadcast_like(whole).transpose(*factors)
        for name in (*factors, *further)
    }
    return pd.DataFrame({name: np.ravel(each.to_numpy()) for name, each in columns.items()})


def _units(units: xr.Dataset) -> list[Any]:
    """Make the columns of the table of units."""
    from pynwb.core import VectorData

    columns = []
    for name, each in units.variables.items():
        if each.dims == ("unit",):
            label = each.attrs.get("long_name", f"{name} of the unit".capitalize())
            kind = each.attrs.get("units", "")
            said = f"{label}{f' ({kind})' if kind else ''}."
            columns.append(
                VectorData(name=str(name), description=said, data=_plain(each.to_numpy()))
            )
    flags = units["responsive"].transpose("unit", "protocol")
    for number, protocol in enumerate(flags["protocol"].to_numpy().astype(str)):
        responded = flags.to_numpy()[:, number].astype(bool)
        said = f"Whether it responded in {protocol}."
        columns.append(VectorData(name=f"responsive_{protocol}", description=said, data=responded))
    return columns


def _intervals(pynwb: Any, name: str, stimuli: pd.DataFrame, start: float) -> Any:
    table = pynwb.epoch.TimeIntervals(
        name=f"{name}_stimuli", description=f"Stimuli of {name}, in deg, cpd and s. {NO_TIME}"
    )
    for column in stimuli:
        table.add_column(name=column, description=f"{column} of the stimulus.".capitalize())
    begin = start + SHOWN * np.arange(len(stimuli))
    for row, record in enumerate(stimuli.to_dict("records")):
        table.add_row(
            start_time=begin[row],
            stop_time=begin[row] + SHOWN,
            **{str(key): value for key, value in record.items()},
        )
    return table


def _by_stimulus(recording: xr.DataArray) -> Any:
    flat = recording.to_numpy().reshape(recording.sizes["unit"], -1)
    return np.ascontiguousarray(flat.T)


def _unit_of(array: xr.DataArray) -> str:
    return str(array.attrs.get("units", "activation"))


def _plain(values: Any) -> Any:
    """Words as words, and numbers as they are."""
    return values.astype(str).tolist() if values.dtype.kind in "OUS" else values
