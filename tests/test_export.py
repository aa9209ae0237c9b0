"""Results as one file: netCDF-4 as xarray opens it, and NWB as its inspector lets it pass."""

import dataclasses
import json

import fake_results
import numpy as np
import pytest
import xarray as xr

import insilico
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.runs import export as exports
from insilico.runs.nwb import stimulus_table


@pytest.fixture(scope="module")
def results():
    """With recordings, of which two protocols share one."""
    found = fake_results.results(6)
    kept = {name: found.curves[name] for name in ("orientation", "receptive_field")}
    shared = kept["orientation"].assign_coords(
        stimulus_x=0.5, contrast=("orientation", np.ones(24))
    )
    recordings = {"orientation": shared, "again": shared, "map": kept["receptive_field"]}
    return dataclasses.replace(found, curves=kept, recordings=recordings)


def test_one_file_of_netcdf(results, tmp_path):
    path = insilico.export(results, tmp_path / "run.nc")

    def group(name):
        return xr.load_dataset(path, group=name, engine="h5netcdf")

    assert group("units").identical(results.units)
    for name, each in results.curves.items():
        xr.testing.assert_identical(group(f"curves/{name}")["response"].drop_attrs(),
                                    each.rename("response").drop_attrs())  # fmt: skip
    assert set(xr.load_datatree(path, engine="h5netcdf")["recordings"]) == set(results.recordings)
    table = group("tables/comparison").to_dataframe()
    assert list(table["reference"]) == list(results.comparison["reference"])
    np.testing.assert_allclose(table["similarity"], results.comparison["similarity"])
    about = xr.load_dataset(path, engine="h5netcdf").attrs
    assert json.loads(about["provenance"]) == dict(results.provenance)
    assert about["battery"] == "standard"
    assert [each.name for each in tmp_path.iterdir()] == ["run.nc"]


def test_one_file_of_nwb_passes_its_inspector(results, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    inspector = pytest.importorskip("nwbinspector")
    path = insilico.export(results, tmp_path / "run.nwb")
    told = {each.importance.name for each in inspector.inspect_nwbfile(nwbfile_path=str(path))}
    # It suggests to say who did it and where, which nobody has said.
    assert told == {"BEST_PRACTICE_SUGGESTION"}
    with pynwb.NWBHDF5IO(str(path), "r") as source:
        file = source.read()
        found = file.processing["misc"]
        units = found["units"].to_dataframe()
        np.testing.assert_array_equal(
            units["circular_variance"], results.units["circular_variance"]
        )
        np.testing.assert_array_equal(
            units["responsive_size"], results.units["responsive"].sel(protocol="size")
        )
        assert list(units["layer"]) == list(results.units["layer"].to_numpy())
        # Each stimulus has an interval, in which its responses lie.
        recording = results.recordings["map"]
        stimuli = file.intervals["map_stimuli"].to_dataframe()
        series = found["map_responses"]
        assert len(stimuli) == len(series.data) == 13 * 13
        at = 1
        times = series.starting_time + np.arange(len(series.data)) / series.rate
        assert stimuli["start_time"].iloc[at] == times[at]
        picked = recording.sel(offset_y=stimuli["offset_y"].iloc[at],
                               offset_x=stimuli["offset_x"].iloc[at])  # fmt: skip
        np.testing.assert_array_equal(series.data[at], picked)
        assert (
            file.intervals["orientation_stimuli"]["stop_time"][-1] == stimuli["start_time"].iloc[0]
        )
        assert "again_stimuli" not in file.intervals
        curve = found["receptive_field"].to_dataframe()
        np.testing.assert_array_equal(
            np.stack(curve["response"]), results.curves["receptive_field"]
        )
        levels = found["orientation_orientation"]["orientation"][:]
        np.testing.assert_array_equal(levels, results.curves["orientation"]["orientation"])
        assert "no animal" in file.subject.description
        assert "Nothing of time was simulated" in file.session_description


def test_stimuli_of_a_recording(results):
    table = stimulus_table(results.recordings["orientation"])
    assert list(table) == ["orientation", "contrast"]
    assert list(table["orientation"]) == list(np.arange(0, 180, 7.5))
    assert len(stimulus_table(results.recordings["map"])) == 169


def test_what_cannot_be_exported(results, tmp_path, monkeypatch, capsys):
    with pytest.raises(UserError, match=r"must end with .nc or .nwb; got 'run.csv'"):
        insilico.export(results, tmp_path / "run.csv")
    (tmp_path / "there.nc").touch()
    with pytest.raises(UserError, match="already exists, and nothing is overwritten"):
        insilico.export(results, tmp_path / "there.nc")
    with pytest.raises(UserError, match="there is no folder"):
        insilico.export(results, tmp_path / "nowhere" / "run.nc")
    monkeypatch.setitem(__import__("sys").modules, "pynwb", None)
    with pytest.raises(UserError, match=r"pip install 'insilico-ephys\[nwb\]'"):
        insilico.export(results, tmp_path / "run.nwb")
    monkeypatch.setattr(exports, "room", lambda _: 1000)
    with pytest.raises(UserError, match="are free on the disk"):
        insilico.export(results, tmp_path / "run.nc")
    assert [each.name for each in tmp_path.iterdir()] == ["there.nc"]
    assert main(["export", str(tmp_path), str(tmp_path / "a.nc")]) == 2
    assert "holds no results" in capsys.readouterr().err
