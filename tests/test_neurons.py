"""Responses of neurons: recordings as Brain-Score hosts them, plain arrays, and their pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from synthetic_neurons import write_assembly

from insilico.errors import UserError
from insilico.predictivity import NeuralData, open_neurons

TYPES = ["noise", "texture"] * 3
REGIONS = ["V1", "V2", "V1", "V1"]
PICTURES = [np.full((4, 4), 40 * n, dtype=np.uint8) for n in range(6)]
RESPONSES = np.random.default_rng(0).uniform(0, 40, (6, 4, 12))
V1 = RESPONSES[:, [0, 2, 3]]


def write(folder, responses=RESPONSES, **changed):
    made = {"texture_types": TYPES, "regions": REGIONS, "pictures": PICTURES, **changed}
    return write_assembly(folder, responses, **made)


def opened(folder, responses=RESPONSES, **changed):
    return open_neurons(*write(folder, responses, **changed), degrees=4)


def csv_of(stimuli):
    [path] = stimuli.glob("*.csv")
    return path


def edit(stimuli, change):
    change(pd.read_csv(csv_of(stimuli), dtype=str)).to_csv(csv_of(stimuli), index=False)


class TestAssembly:
    def test_responses_pictures_and_labels(self, tmp_path):
        found = opened(tmp_path)
        assert found.name == "imaginary.Synthetic2026"
        assert found.responses.dims == ("stimulus", "neuron", "repetition")
        np.testing.assert_allclose(found.responses, V1, rtol=1e-12)
        assert found.responses["neuron"].to_numpy().tolist() == ["1", "3", "4"]
        assert found.responses["stimulus"].to_numpy().tolist() == [f"0{n}" for n in range(6)]
        assert found.responses["stratum"].to_numpy().tolist() == TYPES
        assert [np.asarray(Image.open(path))[0, 0] for path in found.pictures] == [
            0, 40, 80, 120, 160, 200,
        ]  # fmt: skip
        xr.testing.assert_allclose(found.mean, found.responses.mean("repetition"))

    @pytest.mark.parametrize(
        "changed",
        [
            {"older": True},
            {"shuffled": 3},
            {"time_bins": None},
            {"time_bins": range(0, 300)[::-1]},
            {"types_in": "assembly", "shuffled": 1, "older": True},
        ],
        ids=str,
    )
    def test_the_same_in_other_layouts(self, tmp_path, changed):
        usual, other = opened(tmp_path / "usual"), opened(tmp_path / "other", **changed)
        xr.testing.assert_allclose(other.responses, usual.responses)
        assert [path.name for path in other.pictures] == [path.name for path in usual.pictures]

    def test_stimuli_are_in_the_order_of_the_csv_file_and_only_those_shown(self, tmp_path):
        path, stimuli = write(tmp_path, types_in="assembly")
        more = pd.DataFrame({"stimulus_id": ["never shown"], "filename": ["absent.png"]})
        edit(stimuli, lambda table: pd.concat([more, table[::-1]]))
        found = open_neurons(path, stimuli, degrees=4)
        assert [each.name for each in found.pictures] == [f"picture-0{n}.png" for n in range(6)][
            ::-1
        ]
        np.testing.assert_allclose(found.responses, V1[::-1])
        assert found.responses["stratum"].to_numpy().tolist() == TYPES[::-1]

    def test_unequal_numbers_of_repetitions(self, tmp_path):
        some = RESPONSES.copy()
        some[2, :, 5:], some[4, :, 0] = np.nan, np.nan
        found = opened(tmp_path, some, shuffled=5)
        expected = V1.copy()
        expected[2, :, 5:] = np.nan
        # A missing one is not told from the last: repetitions have no meaning across stimuli.
        expected[4] = np.roll(expected[4], -1, axis=-1)
        expected[4, :, -1] = np.nan
        np.testing.assert_allclose(found.responses, expected)
        np.testing.assert_allclose(found.mean[2], V1[2, :, :5].mean(-1))

    def test_a_neuron_that_was_not_recorded_is_nan(self, tmp_path):
        some = RESPONSES.copy()
        some[3, 2] = np.nan
        found = opened(tmp_path, some)
        assert np.isnan(found.mean).sum() == 1
        assert np.isnan(found.mean[3, 1])

    @pytest.mark.parametrize("types_in", ["csv", "assembly"])
    def test_repetitions_without_numbers_are_in_the_order_of_presentation(self, tmp_path, types_in):
        found = opened(tmp_path, repetition=False, types_in=types_in)
        np.testing.assert_allclose(found.responses, V1)
        found = opened(tmp_path, repetition=False, shuffled=2, types_in=types_in)
        np.testing.assert_allclose(np.sort(found.responses), np.sort(V1))
        np.testing.assert_allclose(found.mean, V1.mean(-1))

    def test_one_presentation_each(self, tmp_path):
        assert opened(tmp_path, RESPONSES[..., :1]).responses.shape == (6, 3, 1)

    def test_regions(self, tmp_path):
        path, stimuli = write(tmp_path)
        np.testing.assert_allclose(
            open_neurons(path, stimuli, region="V2", degrees=4).responses, RESPONSES[:, [1]]
        )
        assert open_neurons(path, stimuli, region=None, degrees=4).responses.shape[1] == 4
        with pytest.raises(UserError, match="no neurons of the region IT; its regions are V1, V2"):
            open_neurons(path, stimuli, region="IT")

    def test_many_neurons_are_read_in_parts(self, tmp_path):
        responses = np.random.default_rng(1).uniform(size=(6, 37, 2))
        found = opened(tmp_path, responses, regions=["V1"] * 37)
        np.testing.assert_allclose(found.responses, responses)

    def test_bins_outside_the_window_do_not_count(self, tmp_path):
        path, stimuli = write(tmp_path)
        early = open_neurons(path, stimuli, window=(10, 20), degrees=4)
        np.testing.assert_allclose(early.responses, 1014.5)
        across = open_neurons(path, stimuli, window=(49, 51), degrees=4)
        np.testing.assert_allclose(across.responses, (V1 + 1049) / 2)
        partly = open_neurons(path, stimuli, window=(49.5, 51.5), degrees=4)
        np.testing.assert_allclose(partly.responses, V1)

    def test_a_window_without_bins(self, tmp_path):
        path, stimuli = write(tmp_path, time_bins=range(20, 40))
        with pytest.raises(UserError, match="within 50 to 200 ms; its bins lie between 20 and 40"):
            open_neurons(path, stimuli)

    def test_other_names_and_places_of_the_array(self, tmp_path):
        path, stimuli = write(tmp_path)
        with xr.open_dataset(path) as data:
            other = data.load().transpose("time_bin", "neuroid", "presentation")
        other["data"].attrs = {}
        other = other.rename(data="responses").drop_vars(["region", "neuroid_id"])
        other.attrs = {}
        other.to_netcdf(tmp_path / "own.nc", engine="h5netcdf")
        found = open_neurons(tmp_path / "own.nc", stimuli, degrees=4)
        assert found.name == "own"
        np.testing.assert_allclose(found.responses, RESPONSES)
        assert found.responses["neuron"].to_numpy().tolist() == ["0", "1", "2", "3"]

    def test_files_of_something_else(self, tmp_path):
        path, stimuli = write(tmp_path)
        with xr.open_dataset(path) as data:
            data = data.load()
        wrong = {
            "must hold one array with the dims presentation": data.rename(neuroid="unit"),
            "coordinate stimulus_id; its coordinates are": data.drop_vars("stimulus_id"),
            "time bins without time_bin_end": data.drop_vars("time_bin_end"),
            "holds no responses": data.isel(presentation=slice(0)),
        }
        for number, (message, content) in enumerate(wrong.items()):
            content.to_netcdf(tmp_path / f"{number}.nc", engine="h5netcdf")
            with pytest.raises(UserError, match=message):
                open_neurons(tmp_path / f"{number}.nc", stimuli)
        (tmp_path / "text.nc").write_text("no netCDF")
        with pytest.raises(UserError, match=r"text.nc cannot be read as netCDF"):
            open_neurons(tmp_path / "text.nc", stimuli)
        with pytest.raises(UserError, match=r"there is no file .*absent.nc"):
            open_neurons(tmp_path / "absent.nc", stimuli)
        with pytest.raises(UserError, match=r"data.mat must end in .nc \(netCDF\), .npy or .npz"):
            open_neurons(tmp_path / "data.mat", stimuli)


class TestStratum:
    def test_none_by_default_where_there_is_no_texture_type(self, tmp_path):
        path, stimuli = write(tmp_path)
        edit(stimuli, lambda table: table.rename(columns={"texture_type": "kind"}))
        assert "stratum" not in open_neurons(path, stimuli, degrees=4).responses.coords
        found = open_neurons(path, stimuli, stratify="kind", degrees=4)
        assert found.responses["stratum"].to_numpy().tolist() == TYPES

    def test_none_where_none_is_wanted(self, tmp_path):
        path, stimuli = write(tmp_path)
        found = open_neurons(path, stimuli, stratify="none", degrees=4)
        assert "stratum" not in found.responses.coords
        assert found.chosen["stratify"] == "none"

    def test_what_differs_between_presentations_is_no_stratum(self, tmp_path):
        path, stimuli = write(tmp_path)
        with pytest.raises(UserError, match=r"got 'repetition', and there are .*texture_type"):
            open_neurons(path, stimuli, stratify="repetition", degrees=4)


class TestDegrees:
    def test_given_before_written_before_published(self, tmp_path):
        path, stimuli = write(tmp_path, identifier="movshon.FreemanZiemba2013.public")
        assert open_neurons(path, stimuli).degrees == 4
        edit(stimuli, lambda table: table.assign(degrees="6.5"))
        assert open_neurons(path, stimuli).degrees == 6.5
        assert open_neurons(path, stimuli, degrees=3).degrees == 3

    def test_unknown(self, tmp_path):
        path, stimuli = write(tmp_path)
        with pytest.raises(
            UserError, match=r"does not say it in a column degrees. Set degrees .--image-degrees"
        ):
            open_neurons(path, stimuli)
        for widths in (["4", "5"] * 3, ["wide"] * 6):
            edit(stimuli, lambda table, widths=widths: table.assign(degrees=widths))
            with pytest.raises(UserError, match=r"pictures must have one width"):
                open_neurons(path, stimuli)
        with pytest.raises(UserError, match="must be above 0"):
            open_neurons(path, stimuli, degrees=0)


class TestStimuli:
    def test_the_folder_of_the_recording_by_default(self, tmp_path):
        path, stimuli = write(tmp_path)
        csv_of(stimuli).rename(tmp_path / "stimuli.csv")
        # The pictures lie in a folder beside the csv file then.
        assert {each.parent for each in open_neurons(path, degrees=4).pictures} == {stimuli}

    def test_the_csv_file_itself(self, tmp_path):
        path, stimuli = write(tmp_path)
        (stimuli / "other.csv").write_text("something,else\n")
        with pytest.raises(
            UserError, match="must hold one csv file.*it holds other.csv, stimulus_"
        ):
            open_neurons(path, stimuli)
        assert (
            len(
                open_neurons(
                    path, stimuli / "stimulus_imaginary_Synthetic2026.csv", degrees=4
                ).pictures
            )
            == 6
        )

    def test_missing_stimuli(self, tmp_path):
        path, stimuli = write(tmp_path)
        edit(stimuli, lambda table: table[1:4])
        with pytest.raises(UserError, match=r"3 of 6 stimuli of .* are not in .*: 00, 04, 05\."):
            open_neurons(path, stimuli)

    def test_missing_pictures(self, tmp_path):
        path, stimuli = write(tmp_path)
        (stimuli / "picture-03.png").unlink()
        with pytest.raises(UserError, match=r"1 of 6 pictures .*: picture-03.png. Put them beside"):
            open_neurons(path, stimuli, degrees=4)
        (stimuli / "pictures.zip").write_bytes(b"")
        with pytest.raises(UserError, match=r"picture-03.png. Unpack pictures.zip there"):
            open_neurons(path, stimuli, degrees=4)

    def test_two_pictures_of_one_name(self, tmp_path):
        path, stimuli = write(tmp_path)
        for name in ("a", "b"):
            (stimuli / name).mkdir()
            (stimuli / name / "picture-03.png").write_bytes(b"")
        # That beside the csv file is meant.
        assert {each.parent for each in open_neurons(path, stimuli, degrees=4).pictures} == {
            stimuli
        }
        (stimuli / "picture-03.png").unlink()
        with pytest.raises(UserError, match="several files for one picture.*a/picture-03.png"):
            open_neurons(path, stimuli, degrees=4)
        edit(stimuli, lambda table: table.replace("picture-03.png", "b/picture-03.png"))
        assert open_neurons(path, stimuli, degrees=4).pictures[3].parent.name == "b"

    def test_wrong_tables(self, tmp_path):
        path, stimuli = write(tmp_path)
        with pytest.raises(UserError, match="there is no .*absent.csv"):
            open_neurons(path, tmp_path / "absent.csv")
        with pytest.raises(UserError, match="must hold one csv file.*it holds none"):
            open_neurons(path)
        edit(stimuli, lambda table: table.assign(stimulus_id="01"))
        with pytest.raises(UserError, match="its own stimulus_id; these are repeated: 01"):
            open_neurons(path, stimuli)
        edit(stimuli, lambda table: table.drop(columns="filename"))
        with pytest.raises(
            UserError, match="column filename; its columns are stimulus_id, texture"
        ):
            open_neurons(path, stimuli)
        csv_of(stimuli).write_bytes(b"")
        with pytest.raises(UserError, match="cannot be read as a csv file"):
            open_neurons(path, stimuli)


@pytest.fixture
def pictures(tmp_path):
    """A folder with pictures and a csv file whose rows are in an order of their own."""
    _, stimuli = write(tmp_path)
    edit(stimuli, lambda table: table[["filename", "texture_type"]][::-1])
    return stimuli


class TestPlainArrays:
    @pytest.mark.parametrize("shape", [(6, 4), (6, 4, 12)])
    def test_npy(self, tmp_path, pictures, shape):
        values = RESPONSES.reshape(6, 4, 12)[:, :, : 1 if len(shape) == 2 else 12].reshape(shape)
        np.save(tmp_path / "own.npy", values)
        found = open_neurons(tmp_path / "own.npy", pictures, degrees=5)
        assert (found.name, found.degrees) == ("own", 5)
        np.testing.assert_array_equal(found.responses, values.reshape(6, 4, -1))
        assert [each.name for each in found.pictures] == [f"picture-0{n}.png" for n in range(6)][
            ::-1
        ]
        assert found.responses["stimulus"].to_numpy().tolist() == [
            each.name for each in found.pictures
        ]
        assert found.responses["neuron"].to_numpy().tolist() == ["0", "1", "2", "3"]
        assert found.responses["stratum"].to_numpy().tolist() == TYPES[::-1]

    def test_npz(self, tmp_path, pictures):
        counts = RESPONSES.astype(np.int16)
        np.savez(tmp_path / "own.npz", spikes=counts)
        found = open_neurons(tmp_path / "own.npz", pictures, degrees=4)
        np.testing.assert_array_equal(found.responses, counts)
        np.savez(tmp_path / "two.npz", spikes=counts, more=counts)
        with pytest.raises(UserError, match="must hold one array; it holds more, spikes"):
            open_neurons(tmp_path / "two.npz", pictures)

    def test_trials_that_were_not_recorded(self, tmp_path, pictures):
        values = RESPONSES.copy()
        values[1, 2, 3:] = np.nan
        np.save(tmp_path / "own.npy", values)
        found = open_neurons(tmp_path / "own.npy", pictures, degrees=4)
        assert found.mean[1, 2] == pytest.approx(RESPONSES[1, 2, :3].mean())
        values[0, 0, 0] = np.inf
        np.save(tmp_path / "own.npy", values)
        with pytest.raises(UserError, match=r"own holds infinite responses. Leave NaN where"):
            open_neurons(tmp_path / "own.npy", pictures, degrees=4)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (RESPONSES[:5], r"responses to 5 stimuli, but .*csv has 6 rows"),
            (RESPONSES[..., 0, 0], r"must hold numbers, stimulus x neuron .* the shape \(6,\)"),
            (RESPONSES[..., None], r"must hold numbers, .* \(6, 4, 12, 1\)"),
            (np.full((6, 4), "spike"), "must hold numbers, .* it holds <U5"),
            (RESPONSES[:, :0], "own holds no responses"),
        ],
    )
    def test_wrong_arrays(self, tmp_path, pictures, values, message):
        np.save(tmp_path / "own.npy", values)
        with pytest.raises(UserError, match=message):
            open_neurons(tmp_path / "own.npy", pictures, degrees=4)

    def test_wrong_files(self, tmp_path, pictures):
        np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
        np.savez(tmp_path / "objects.npz", np.array([{}, None]))
        np.savez(tmp_path / "cut.npz", RESPONSES)
        whole = (tmp_path / "cut.npz").read_bytes()
        (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "wrong.npz").write_bytes(whole.replace(whole[600:608], b"12345678"))
        (tmp_path / "text.npy").write_text("no array")
        (tmp_path / "empty.npy").touch()
        for name in (
            *("objects.npy", "text.npy", "empty.npy", "absent.npz"),
            *("objects.npz", "cut.npz", "wrong.npz"),
        ):
            with pytest.raises(UserError, match=f"{name} (cannot be read as an array|is damaged)"):
                open_neurons(tmp_path / name, pictures)


class TestNeuralData:
    def made(self, **changed):
        array = xr.DataArray(RESPONSES, dims=("stimulus", "neuron", "repetition"))
        values = {
            "name": "own",
            "responses": array,
            "pictures": (Path("a.png"),) * 6,
            "degrees": 4.0,
        }
        return NeuralData(**{**values, **changed})

    @pytest.mark.parametrize("degrees", [0, -1, np.inf, np.nan])
    def test_degrees_are_a_width(self, degrees):
        with pytest.raises(UserError, match="degrees must be above 0 and finite"):
            self.made(degrees=degrees)

    def test_wrong_dims(self):
        array = self.made().responses
        with pytest.raises(UserError, match=r"must have the dims \('stimulus', 'neuron', 'repet"):
            self.made(responses=array.transpose("neuron", "stimulus", "repetition"))

    def test_one_picture_per_stimulus(self):
        with pytest.raises(UserError, match="responses to 6 stimuli, but 5 pictures"):
            self.made(pictures=(Path("a.png"),) * 5)
