import json

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.errors import UserError
from insilico.experiments.batteries import standard
from insilico.experiments.gratings import disk_diameters, gratings, preferred_grating
from insilico.experiments.receptive_field import patches
from stimuli import Display, Position

SMALL = Display.square(48, 4)

SOURCE = """
import torch
from torch import nn

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2))
"""


def network(seed=0):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 6, 9, padding=4, bias=False), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )


@pytest.fixture(scope="module")
def results():
    return insilico.run(network(), layers=["1", "2"], display=SMALL)


@pytest.fixture(scope="module")
def few():
    """The same on few stimuli, which is enough where two runs are compared."""
    return insilico.run(network(), layers=["1", "2"], display=SMALL, quick=True)


def test_units_are_one_table_over_layers_and_channels(results):
    units = results.units
    assert units.sizes["unit"] == 12
    assert units["layer"].values.tolist() == ["1"] * 6 + ["2"] * 6
    assert units["channel"].values.tolist() == [*range(6)] * 2
    for protocol in standard.BATTERY.protocols:
        for measure in protocol.properties:
            assert units[measure.__name__].attrs["protocol"] == protocol.name
            assert units[measure.__name__].attrs["definition"]
    assert units["responsive"].dims == ("unit", "protocol")


def test_comparison_is_tidy(results):
    table = results.comparison
    assert len(table) == 2 * len(standard.BATTERY.references)
    assert set(table["layer"]) == {"1", "2"}
    assert table["similarity"].dropna().between(-1, 1).all()
    assert (table["n_recorded"] == 6).all()


def test_protocols_that_share_stimuli_share_a_recording(results):
    recordings = results.recordings
    assert recordings["orientation"] is recordings["spatial_frequency_mean"]
    assert recordings["orientation"].dims == ("unit", "orientation", "spatial_frequency", "phase")
    assert recordings["receptive_field"].dims[1:3] == ("offset_y", "offset_x")


@pytest.mark.parametrize("largest", [1.0, 0.5])
def test_disks_are_as_small_and_as_close_on_a_larger_screen(largest):
    """A field of .3 deg is no larger because the screen is."""
    usual, large = (
        disk_diameters(Display.square(int(side * 8), side), 12, largest=largest)
        for side in (8, 12.0)
    )
    np.testing.assert_allclose(usual, 8 * np.geomspace(1 / 40, largest, 12))
    assert (large[0], large[-1]) == pytest.approx((0.2, 12 * largest))
    steps = np.diff(np.log2(large))
    assert steps == pytest.approx(steps[0])
    assert 0.9 * np.log2(usual[1] / usual[0]) < steps[0] <= np.log2(usual[1] / usual[0])
    small = disk_diameters(Display.square(48, 4), 12, largest=largest)
    np.testing.assert_allclose(small, 4 * np.geomspace(1 / 40, largest, 12))


def test_sizes_are_shown_at_what_each_unit_prefers(results):
    full_field = results.recordings["orientation"]
    expected = preferred_grating(results.units)
    size = results.recordings["size"]
    np.testing.assert_array_equal(size["orientation"], expected["orientation"])
    np.testing.assert_array_equal(size["spatial_frequency"], expected["spatial_frequency"])
    assert size["channel"].values.tolist() == results.units["channel"].values.tolist()
    # The largest disk covers the receptive field: the same picture as a full-field grating.
    for unit in range(3):
        shown = {name: float(size[name][unit]) for name in ("orientation", "spatial_frequency")}
        full = full_field[unit].sel(**shown, phase=0)
        assert float(size[unit, -1].sel(phase=0)) == pytest.approx(float(full), abs=1e-5)


def test_stimuli_are_centred_on_each_site():
    results = insilico.run(
        network(), layers=["1"], display=SMALL, sites=[(10, 30), (24, 24)], quick=True
    )
    recording = results.recordings["orientation"]
    np.testing.assert_allclose(recording["stimulus_x"], recording["x"])
    np.testing.assert_allclose(recording["stimulus_y"], recording["y"])
    # A convolution answers alike everywhere, so units of one channel are copies.
    first, second = (recording[recording["row"] == row] for row in (10, 24))
    np.testing.assert_allclose(first, second, atol=1e-5)
    x = results.units["receptive_field_x"] - results.units["x"]
    np.testing.assert_allclose(x[::2], x[1::2], atol=1e-4)


def test_the_same_seed_gives_identical_tables():
    said = {"layers": ["1"], "display": SMALL, "seed": 4, "quick": True}
    one, two = (insilico.run(network(), **said) for _ in range(2))
    xr.testing.assert_identical(one.units, two.units)
    pd.testing.assert_frame_equal(one.comparison, two.comparison)
    assert one.provenance["weights_hash"] == two.provenance["weights_hash"]


def test_cropping_changes_nothing(few):
    whole = insilico.run(network(), layers=["1", "2"], display=SMALL, crop="off", quick=True)
    for name, recording in whole.recordings.items():
        np.testing.assert_allclose(recording, few.recordings[name], atol=1e-5)
    assert "exact crop" in few.provenance["crop"]["orientation"]
    assert "switched off" in whole.provenance["crop"]["orientation"]


def test_a_resnet50_with_random_weights_runs_end_to_end():
    results = insilico.run("torchvision:resnet50", pixels=96, layers=["conv1"], quick=True)
    assert results.units.sizes["unit"] == 16
    assert results.provenance["trained"] is False
    assert any("UNTRAINED" in warning for warning in results.warnings)
    assert results.comparison["n_defined"].max() > 0


def test_a_network_in_a_file_runs_end_to_end(tmp_path):
    (tmp_path / "net.py").write_text(SOURCE)
    results = insilico.run(f"{tmp_path}/net.py:network", layers=["0"], pixels=48, degrees=4)
    assert results.units.sizes["unit"] == 6


def test_a_numpy_function_runs_end_to_end():
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((5, 48 * 48)) / 48

    def respond(images):
        return np.maximum(
            images.mean(1).reshape(len(images), -1) @ filters.T - 0.5 * filters.sum(1), 0
        )

    results = insilico.run(respond, display=SMALL, quick=True)
    assert results.units.sizes["unit"] == 5
    assert results.units["layer"].values.tolist() == ["output"] * 5
    assert np.isfinite(results.units["circular_variance"]).all()


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(torch.ones(len(x), 4, 6, 6))


def test_units_that_never_respond_are_counted_not_dropped():
    results = insilico.run(Constant(), layers=["layer"], display=SMALL, quick=True)
    assert results.units.sizes["unit"] == 4
    assert not results.units["responsive"].any()
    assert any("of 4 units do not respond" in warning for warning in results.warnings)
    assert any("not mapped to firing rates" in warning for warning in results.warnings)
    assert (results.comparison["n_responsive"] == 0).all()
    assert results.comparison["similarity"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"battery": "standart"}, "battery must be one of standard"),
        ({"layers": None}, "which layer is V1"),
        ({"display": SMALL, "pixels": 3}, "either display, or degrees and pixels"),
        ({"layers": ["11"]}, "no layer '11'"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    with pytest.raises(UserError, match=message):
        insilico.run(network(), **{"layers": ["1"], "pixels": 48, **arguments})


def test_a_model_that_normalises_for_itself_takes_no_second_normalisation():
    model = insilico.load_model("textbook", pixels=64, n=6)
    with pytest.raises(UserError, match="normalises for itself"):
        insilico.run(model, mean=0.5)


def test_without_firing_rates_magnitudes_are_not_compared(results):
    activations = insilico.run(network(), layers=["1", "2"], display=SMALL, rates=False)
    assert activations.provenance["rates"] is None
    assert results.provenance["rates"] is not None
    left_out = set(results.comparison["property"]) - set(activations.comparison["property"])
    assert left_out == {"maximum_response"}
    # The map is affine and its offset small: where a unit peaks does not move.
    np.testing.assert_allclose(
        activations.units["preferred_spatial_frequency"],
        results.units["preferred_spatial_frequency"],
        rtol=0.01,
    )


def test_units_drawn_in_degrees_are_not_shown_other_degrees():
    model = insilico.load_model("textbook", pixels=64, n=6)
    with pytest.raises(UserError, match=r"made for 8 px/deg and would be shown 16"):
        insilico.run(model, degrees=4)


def test_layers_that_look_at_different_places_all_have_a_status():
    results = insilico.run(network(), layers=["1", "2"], display=SMALL, quick=True)
    statuses = json.loads(results.provenance["crop"]["size"])
    assert set(statuses) == {"1", "2"}
    assert len(set(results.units["x"].values)) == 2


def test_results_survive_the_disk(results, tmp_path):
    folder = results.save(tmp_path / "run")
    again = insilico.open_results(folder)
    xr.testing.assert_identical(again.units, results.units)
    for name, recording in results.recordings.items():
        xr.testing.assert_identical(again.recordings[name], recording)
    for name, curve in results.curves.items():
        xr.testing.assert_identical(again.curves[name], curve)
    pd.testing.assert_frame_equal(again.comparison, results.comparison, check_dtype=False)
    assert again.provenance == results.provenance
    assert again.warnings == results.warnings
    table = pd.read_csv(folder / "units.csv")
    np.testing.assert_allclose(table["circular_variance"], results.units["circular_variance"])


def test_nothing_is_overwritten(results, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="already holds files"):
        results.save(folder)
    assert (folder / "mine.txt").read_text() == "keep"


def test_a_save_that_fails_leaves_nothing_behind(results, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("insilico.runs.results.save", fail)
    with pytest.raises(OSError, match="no space"):
        results.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no results"):
        insilico.open_results(tmp_path)


@pytest.mark.parametrize("display", [Display(), SMALL, Display(40, 64, 10.0)])
@pytest.mark.parametrize("make", [patches, gratings])
def test_standard_stimuli_can_be_shown_on_any_display(display, make):
    stimuli = make(display, Position(0.1, -0.2))
    few = np.linspace(0, len(stimuli) - 1, 20).astype(int)
    images = stimuli.images(few)
    assert images.shape == (20, 1, display.height, display.width)
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
