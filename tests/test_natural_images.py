"""Photographs: the views that are shown, and the geometry of a population's answers to them."""

from dataclasses import replace

import numpy as np
import pytest
import small_battery
import torch
import xarray as xr
from PIL import Image

import insilico
from insilico.experiments.batteries import find_battery
from insilico.experiments.natural_images import NATURAL_IMAGES, with_photographs
from insilico.experiments.scope import lacking
from insilico.figures.plates import plates
from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from insilico.tuning.properties import natural_images as properties
from stimuli import Display, Position, Window, packaged, photographs
from stimuli.packaged import packaged_photographs
from stimuli.picture_views import photograph_views

DISPLAY = Display.square(32, 4.0)
BATTERY = find_battery("natural_images").battery
OPTIONS = {"layers": ["rectified"], "display": small_battery.DISPLAY, "channels": 1}


def levels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for number, (name, size) in enumerate({"a.png": (48, 64), "in/b.PNG": (40, 40)}.items()):
        save(tmp_path / "mine" / name, levels(*size, seed=number))
    (tmp_path / "mine" / "notes.txt").write_text("no picture")
    return tmp_path / "mine"


class TestViews:
    def test_a_photograph_is_cut_into_squares_of_half_its_side(self, tmp_path):
        picture = levels(64, 96)
        made = photograph_views(DISPLAY, [save(tmp_path / "one.png", picture)], fewest=9)
        assert made.dims == ("picture", "view", "trial")
        assert len(made) == 9
        # From the top left to the bottom right: as many pixels as the display has.
        cut = [picture[top : top + 32, left : left + 32] for top in (0, 16, 32) for left in
               (0, 32, 64)]  # fmt: skip
        found = made.images()[:, 0].numpy()
        np.testing.assert_array_equal(found, (np.array(cut) / 255).astype(np.float32))

    def test_of_many_photographs_each_is_shown_whole_and_once(self, tmp_path):
        path = save(tmp_path / "one.png", levels(40, 64))
        made = photograph_views(DISPLAY, [path, path], fewest=2)
        assert len(made) == 2
        whole = photographs(DISPLAY, [path], degrees=4 * 64 / 40)
        assert torch.equal(made.images([1]), whole.images())

    def test_repeats_are_the_same_picture_and_views_follow_their_place(self, tmp_path):
        paths = [save(tmp_path / f"{n}.png", levels(64, 64, seed=n)) for n in range(2)]
        place = Position(0.5, -0.25)
        made = photograph_views(DISPLAY, paths, position=place, fewest=8, trials=2)
        assert made.conditions[["picture", "view"]].drop_duplicates().shape == (8, 2)
        images = made.images()
        assert torch.equal(images[::2], images[1::2])
        assert torch.equal(made.images([3, 2, 9]), images[[3, 2, 9]])
        window = Window(5, 9, 11, 3)
        part = images[..., window.rows, window.columns]
        assert torch.equal(made.images(window=window), part)
        # 8 px/deg: the middle of the first view is 4 px to the right and 2 px down.
        found = images[0, 0, 2:, 4:].numpy()
        expected = levels(64, 64, seed=0)[:30, :28] / 255
        np.testing.assert_array_equal(found, expected.astype(np.float32))

    def test_no_photograph_has_more_than_64_views(self, tmp_path):
        path = save(tmp_path / "one.png", levels(8, 8))
        assert len(photograph_views(DISPLAY, [path])) == 64
        with pytest.raises(ValueError, match="there are no photographs"):
            photograph_views(DISPLAY, [])


def population(exponent, *, n_pictures, n_units, noise, seed):
    """Answers to photographs twice, of so many dimensions."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, n_units + 1) ** (-exponent / 2)
    turned = np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    signal = (rng.standard_normal((n_pictures, n_units)) * scale) @ turned
    return signal + noise * rng.standard_normal((2, n_pictures, n_units))


def curve_of(**layers):
    """Lay answers (trial, picture, unit) of some layers out as a curve."""
    whole = np.concatenate(list(layers.values()), axis=2).transpose(2, 1, 0)
    names = np.repeat(list(layers), [each.shape[2] for each in layers.values()])
    return xr.DataArray(
        whole[:, :, None],
        dims=("unit", "picture", "view", "trial"),
        coords={"layer": ("unit", names)},
    )


def test_the_exponent_of_each_layer_is_recovered_under_noise():
    said = {"n_pictures": 1200, "n_units": 400, "noise": 0.05}
    curve = curve_of(one=population(1.0, seed=0, **said), other=population(0.7, seed=1, **said))
    found = properties.eigenspectrum_exponent(curve)
    assert found[:400].to_numpy() == pytest.approx(1.0, abs=0.05)
    assert found[400:].to_numpy() == pytest.approx(0.7, abs=0.05)
    # Units that nothing is known of have no part in it.
    lost = curve.copy()
    lost[7] = np.nan
    assert properties.eigenspectrum_exponent(lost)[0] == pytest.approx(1.0, abs=0.05)
    assert np.isnan(properties.eigenspectrum_exponent(curve[:64])).all()


def test_sparseness_of_units_and_of_layers_by_hand():
    answers = np.array([[4, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [3, 0, 0, 3]], dtype=float)
    twice = np.stack([answers.T, answers.T])
    curve = curve_of(one=twice[..., :3], other=twice[..., 3:])
    found = properties.lifetime_sparseness(curve).to_numpy()
    assert found[[0, 1]].tolist() == [1, 0]
    assert np.isnan(found[2])
    assert found[3] == pytest.approx((1 - 0.5) / 0.75)
    assert properties.share_above_half_maximum(curve)[[0, 1, 3]].to_numpy().tolist() == [
        0.25, 1, 0.5,
    ]  # fmt: skip
    # Of the first picture (4, 1, 0), of the others (0, 1, 0).
    first = (1 - (5 / 3) ** 2 / (17 / 3)) / (1 - 1 / 3)
    layer = properties.population_sparseness(curve).to_numpy()
    assert layer[:3] == pytest.approx((first + 3) / 4)
    assert np.isnan(layer[3])


def test_a_run_shows_photographs_of_a_folder(folder, tmp_path):
    mine = with_photographs(BATTERY, folder)
    assert mine["natural_images"].citation == "2 photographs of mine"
    results = insilico.run(small_battery.Filters(), battery=mine, quick=True, **OPTIONS)
    curve = results.curves["natural_images"]
    assert dict(curve.sizes) == {"unit": 4, "picture": 2, "view": 8, "trial": 2}
    assert (curve.isel(trial=0) == curve.isel(trial=1)).all()
    flat = curve.isel(trial=0).to_numpy().reshape(4, -1)
    a = flat.mean(1) ** 2 / (flat**2).mean(1)
    found = results.units["lifetime_sparseness"]
    np.testing.assert_allclose(found, (1 - a) / (1 - 1 / 16), atol=1e-9)
    page = next(each for each in plates(results) if each.name == "natural_images")
    assert set(page.numbers["quantity"]) == {"response", "lifetime sparseness", "variance"}
    assert page.caption.startswith("After 2 photographs of mine")
    again = insilico.open_results(results.save(tmp_path / "run"))
    assert again.curves["natural_images"]["file"].to_numpy().tolist() == ["a.png", "b.PNG"]


def test_spikes_are_drawn_for_each_repeat(folder):
    mine = with_photographs(BATTERY, folder)
    said = {"battery": mine, "quick": True, "spikes": "poisson", **OPTIONS}
    curve = insilico.run(small_battery.Filters(), **said).curves["natural_images"]
    assert (curve.isel(trial=0) != curve.isel(trial=1)).any()
    assert curve.attrs["units"] == "spikes/s"


def test_without_photographs_it_is_left_out_and_that_is_said(monkeypatch, folder):
    monkeypatch.setattr(packaged, "PHOTOGRAPHS", (("no_such_package", "data", ("a.png",)),))
    # Made anew, and rehearsed.
    bare = replace(BATTERY, name="mine")
    assert bare.rehearsed["natural_images"].properties == ()
    probe = Probe(small_battery.Filters(), ["rectified"], display=small_battery.DISPLAY, channels=1)
    card = ModelCard("filters", small_battery.DISPLAY, channels=1)
    left, told = bare.suiting(card.display, lacking(card, probe, {"photographs"}))
    assert [each.name for each in left.protocols] == ["orientation"]
    assert told[0].startswith("natural_images is left out: there are no photographs: give a folder")
    assert "pip install 'insilico-ephys[train]'" in told[0]
    # With some of one's own nothing is lacking.
    mine = with_photographs(bare, folder)
    assert "lifetime_sparseness" in mine.rehearsed["natural_images"].properties
    assert mine.suiting(card.display, lacking(card, probe, {""}))[1] == []


def test_what_is_no_folder_of_photographs_is_refused(folder):
    with pytest.raises(insilico.UserError, match="the motion battery shows no photographs"):
        with_photographs(find_battery("motion").battery, folder)
    with pytest.raises(insilico.UserError, match="absent holds no photographs"):
        with_photographs(BATTERY, folder / "absent")
    (folder / "broken.jpg").write_text("no picture")
    with pytest.raises(insilico.UserError, match=r"broken.jpg cannot be read as a picture"):
        with_photographs(BATTERY, folder)


def test_the_packaged_photographs_are_there():
    files = packaged_photographs()
    assert len(files) == 10
    assert all(path.is_file() for path in files)
    shown = NATURAL_IMAGES.stimuli(DISPLAY, Position())
    assert len(shown) == 720
    assert shown.images([0]).shape == (1, 3, 32, 32)
