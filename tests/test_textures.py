"""Textures: how they are made, matched, loaded and drawn, and what is measured on them."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

import insilico
from insilico.cli.textures import textures as command
from insilico.errors import UserError
from insilico.experiments import marques2020
from insilico.experiments.batteries import standard
from insilico.experiments.gratings import ORIENTATION
from insilico.experiments.textures import centered_disk, with_textures
from insilico.tuning.properties import textures as properties
from stimuli import Display, Position
from stimuli.display import Window
from stimuli.marques2020 import sets as published
from stimuli.textures import build as texture_build
from stimuli.textures import pictures as texture_pictures
from stimuli.textures import sets as pictures
from stimuli.textures.drawing import draw, draw_published, draw_surround
from stimuli.textures.quality import spectrum_error, structure
from stimuli.textures.sources import (
    FAMILIES,
    periodic_part,
    source,
    with_normal_histogram,
)
from stimuli.textures.synthesis import matched_noise, random_phase_texture, with_random_phases

DISPLAY = Display.square(64, 6.0)
PARTS = [Window(0, 0, 64, 64), Window(17, 22, 13, 30), Window(0, 60, 5, 4)]


def some(n_families=3, n_samples=4, pixels=20, seed=0):
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (2, n_families, n_samples, pixels, pixels), dtype=np.uint8)
    return pictures.Textures(levels, tuple(f"im{n}" for n in range(n_families)), "tests")


def family(name):
    return next(each for each in FAMILIES if each.name == name)


def woven():
    return source(family("weave"), rng=np.random.default_rng(0))


def one(value, pixels=40):
    return np.full((1, pixels, pixels), value, dtype=np.uint8)


class TestDrawing:
    @pytest.mark.parametrize("level", [0, 100, 255])
    def test_raised_cosine_of_4_deg(self, level):
        image = draw(DISPLAY, one(level), x=0.4, y=-0.7)[0, 0].double().numpy()
        distance = np.hypot(DISPLAY.x() - 0.4, DISPLAY.y()[:, None] + 0.7)
        seen = np.where(distance < 2, 0.5 * (1 + np.cos(np.pi * distance / 2)), 0)
        np.testing.assert_allclose(image, 0.5 + 0.5 * seen * (2 * level / 255 - 1), atol=2e-6)

    def test_a_ramp_is_interpolated_at_the_pixels_of_the_display(self):
        fine = Display.square(160, 4.0)
        ramp = np.broadcast_to(np.arange(40, dtype=np.uint8) * 6, (1, 40, 40))
        disk = draw_surround(fine, ramp, ramp, diameter=2.0, surround_contrast=0)[0, 0]
        place = fine.x() * 10 + 19.5
        middle = np.abs(fine.x()) < 0.9
        expected = place[middle] * 6 / 255
        np.testing.assert_allclose(disk[80, middle], expected, atol=1e-6)
        upright = draw_surround(fine, ramp.mT, ramp.mT, diameter=2.0, surround_contrast=0)[0, 0]
        # Row 0 is on top of the picture and of the display.
        np.testing.assert_allclose(upright[middle, 80], expected, atol=1e-6)

    def test_a_coarse_display_averages(self):
        board = np.indices((40, 40)).sum(0) % 2 * 255
        image = draw(Display.square(16, 4.0), board[None].astype(np.uint8))
        assert abs(image - 0.5).max() < 0.03

    @pytest.mark.parametrize("window", PARTS)
    def test_a_part_is_the_part_of_the_whole(self, window):
        shown = some()
        grey = Display.square(64, 6.0, background=published.BACKGROUND)
        for made in (
            pictures.textures(DISPLAY, Position(0.3, -0.2), pictures=shown),
            pictures.published_textures(grey, pictures=shown),
            pictures.texture_surrounds(DISPLAY, Position(0.3, -0.2), pictures=shown),
        ):
            rows = [0, 7, len(made) - 1]
            whole = made.images(rows)[..., window.rows, window.columns]
            assert torch.equal(made.images(rows, window=window), whole)

    def test_rows_show_the_pictures_that_they_name(self):
        shown = some()
        made = pictures.textures(DISPLAY, Position(), pictures=shown)
        place = made.conditions.query("type == 2 and family == 3 and sample == 1").index
        expected = draw(DISPLAY, shown.levels[1, 2, 0][None])
        assert torch.equal(made.images(place.to_numpy()), expected)

    def test_each_place_has_its_picture(self):
        both = draw(DISPLAY, some().levels[0, 0, :2], x=[0.5, -1], y=[0, 0.25])
        for n, (x, y) in enumerate([(0.5, 0), (-1, 0.25)]):
            alone = draw(DISPLAY, some().levels[0, 0, n : n + 1], x=x, y=y)
            assert torch.equal(both[n : n + 1], alone)

    def test_sets_of_other_pictures_are_other_sets(self):
        ours, theirs = (
            pictures.textures(DISPLAY, Position(), pictures=some(seed=n)) for n in (0, 1)
        )
        assert ours.content_hash() != theirs.content_hash()
        assert ours.conditions["checksum"].nunique() == 1


class TestSurround:
    def test_disk_and_annulus(self):
        image = draw_surround(DISPLAY, one(255), one(0), diameter=1.5)[0, 0].numpy()
        distance = np.hypot(DISPLAY.x(), DISPLAY.y()[:, None])
        assert (image[distance < 0.65] == 1).all()
        np.testing.assert_allclose(image[(distance > 0.85) & (distance < 1.45)], 0, atol=1e-6)
        assert (image[distance > 2.01] == 0.5).all()

    def test_a_texture_surround_is_the_same_picture_going_on(self):
        shown = some()
        made = pictures.texture_surrounds(DISPLAY, Position(), diameter=1.0, pictures=shown)
        alone, in_noise, in_texture = made.images(
            made.conditions.query("family == 2 and sample == 3").index.to_numpy()
        )
        texture, noise = shown.levels[1, 1, 2][None], shown.levels[0, 1, 2][None]
        everywhere = draw_surround(DISPLAY, texture, texture, diameter=3.9)[0]
        torch.testing.assert_close(in_texture, everywhere, atol=1e-6, rtol=0)
        expected = draw_surround(DISPLAY, texture, noise, diameter=1.0)[0]
        assert torch.equal(in_noise, expected)
        nothing = draw_surround(DISPLAY, texture, noise, diameter=1.0, surround_contrast=0)[0]
        assert torch.equal(alone, nothing)


class TestPublished:
    @pytest.mark.parametrize(("pixels", "degrees"), [(224, 8.0), (64, 8.0), (96, 7.0), (64, 10.0)])
    def test_as_pillow_pastes_and_resizes(self, pixels, degrees):
        levels = some(1, 1, 160).levels[:, 0, 0]
        canvases = []
        y, x = np.mgrid[:640, :640]
        away = np.hypot(x - 360, y - 360) / 160
        seen = np.where(away < 1, 0.5 * (1 + np.cos(np.pi * away)), 0)
        for picture in levels:
            larger = Image.fromarray(picture).resize((320, 320), Image.Resampling.BILINEAR)
            canvas = np.full((640, 640), 128.0)
            canvas[200:520, 200:520] = np.asarray(larger)
            canvas = np.trunc(128 + (canvas - 128) * seen).astype(np.uint8)
            side = round(80 * degrees)
            offset = abs(round((640 - side) / 2))
            if side < 640:
                canvas = canvas[offset : offset + side, offset : offset + side]
            else:
                canvas = np.pad(canvas, offset, constant_values=128)
            resized = Image.fromarray(canvas).resize((pixels,) * 2, Image.Resampling.BILINEAR)
            canvases.append(np.asarray(resized))
        display = Display.square(pixels, degrees, background=published.BACKGROUND)
        x, y = published.POSITION
        images = draw_published(display, levels, x=x, y=y)
        np.testing.assert_array_equal((255 * images[:, 0]).round(), np.stack(canvases))

    def test_one_place_at_a_time(self):
        with pytest.raises(ValueError, match="one place at a time; got 2"):
            draw_published(DISPLAY, some().levels[0, 0, :2], x=[0, 1], y=0)

    def test_background_is_checked(self):
        with pytest.raises(ValueError, match="background=128 / 255"):
            pictures.published_textures(DISPLAY, pictures=some())


def write(folder, families, samples, kinds=("tex", "noise"), pixels=8):
    for kind in kinds:
        for family in families:
            for sample in samples:
                level = 5 * family + sample + 100 * (kind == "tex")
                image = Image.fromarray(np.full((pixels, pixels), level, dtype=np.uint8))
                image.save(folder / f"{kind}-{pixels}x{pixels}-im{family}-smp{sample}.png")


class TestOwnFolder:
    def test_published_order_and_numbers_from_one(self, tmp_path):
        write(tmp_path, (2, 13, 18), (1, 4))
        (tmp_path / "readme.txt").write_text("other files do not matter")
        found = pictures.from_folder(tmp_path)
        assert found.families == ("im13", "im18", "im2")
        assert found.factors == {"type": [1, 2], "family": [1, 2, 3], "sample": [1, 2]}
        expected = [[[66, 69], [91, 94], [11, 14]], [[166, 169], [191, 194], [111, 114]]]
        np.testing.assert_array_equal(found.levels[..., 0, 0], expected)

    def test_wrong_folders(self, tmp_path):
        with pytest.raises(ValueError, match="names must be like tex-320x320-im60-smp1.png"):
            pictures.from_folder(tmp_path)
        with pytest.raises(ValueError, match="absent holds no textures"):
            pictures.from_folder(tmp_path / "absent")
        write(tmp_path, (1, 2), (1, 2))
        (tmp_path / "noise-8x8-im2-smp1.png").unlink()
        with pytest.raises(ValueError, match=r"lacks noise-...-im2-smp1 \(1 of 8 files\)"):
            pictures.from_folder(tmp_path)
        write(tmp_path, (2,), (1,), kinds=("noise",), pixels=9)
        with pytest.raises(ValueError, match="have 8 x 8, 9 x 9 px"):
            pictures.from_folder(tmp_path)


@pytest.fixture(scope="module")
def texture():
    return with_normal_histogram(woven()[:256, :256])


class TestMatchedNoise:
    def test_histogram_and_spectrum_are_those_of_the_texture(self, texture):
        noise = matched_noise(texture, rng=np.random.default_rng(1))
        np.testing.assert_array_equal(np.sort(noise, axis=None), np.sort(texture, axis=None))
        assert spectrum_error(noise, texture) < 1e-3
        assert abs(np.corrcoef(noise.ravel(), texture.ravel())[0, 1]) < 0.2

    def test_structure_is_gone(self, texture):
        rng = np.random.default_rng(2)
        noise = structure(matched_noise(texture, rng=rng))
        scrambled = structure(with_random_phases(texture, rng=rng))
        assert noise.kurtosis == pytest.approx(scrambled.kurtosis, abs=0.15)
        assert noise.cross_scale == pytest.approx(scrambled.cross_scale, abs=0.05)
        assert structure(texture).cross_scale > scrambled.cross_scale + 0.15

    def test_random_phases_keep_the_spectrum_and_the_mean(self, texture):
        scrambled = with_random_phases(texture, rng=np.random.default_rng(3))
        assert spectrum_error(scrambled, texture) < 1e-10
        assert scrambled.mean() == pytest.approx(texture.mean())

    def test_noise_of_any_size_has_the_power_of_the_source(self):
        rng = np.random.default_rng(4)
        wave = np.cos(2 * np.pi * np.arange(64) / 8) * np.ones((64, 1))
        power = abs(np.fft.fft2(random_phase_texture(wave, pixels=256, rng=rng))) ** 2
        column = np.unravel_index(power.argmax(), power.shape)[1]
        assert min(column, 256 - column) == pytest.approx(256 / 8, abs=3)

    def test_normal_noise_has_no_structure_and_points_have(self):
        rng = np.random.default_rng(5)
        noise = structure(rng.normal(size=(256, 256)))
        assert noise.kurtosis == pytest.approx(3, abs=0.1)
        assert abs(noise.cross_scale) < 0.1
        points = structure((rng.uniform(size=(256, 256)) < 0.001).astype(float))
        assert points.kurtosis > 6
        assert points.cross_scale > 0.4


class TestSources:
    def test_fifteen_families_of_different_names(self):
        assert len({each.name for each in FAMILIES}) == 15
        assert all(each.origin for each in FAMILIES)

    @pytest.mark.parametrize("name", ["cells", "filtered noise"])
    def test_computed_ones_are_seeded_and_repeat_without_a_seam(self, name):
        first, again = (source(family(name), rng=np.random.default_rng(7)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        steps = abs(np.diff(first, axis=0)).mean(), abs(np.diff(first, axis=1)).mean()
        seams = abs(first[0] - first[-1]).mean(), abs(first[:, 0] - first[:, -1]).mean()
        np.testing.assert_allclose(seams, steps, rtol=0.5)

    def test_histogram_is_normal(self):
        flat = with_normal_histogram(np.random.default_rng(0).exponential(size=(200, 200)))
        quantiles = np.quantile(flat, [0.0228, 0.1587, 0.5, 0.8413, 0.9772])
        np.testing.assert_allclose(quantiles, [0.18, 0.34, 0.5, 0.66, 0.82], atol=2e-3)

    def test_periodic_part(self):
        slope = np.arange(64.0) + np.zeros((64, 1))
        assert periodic_part(slope).std() < 0.15 * slope.std()
        closed = np.pad(np.random.default_rng(0).normal(size=(30, 40)), 1)
        np.testing.assert_allclose(periodic_part(closed), closed, atol=1e-12)

    @pytest.mark.parametrize("each", FAMILIES[:8], ids=lambda each: each.name)
    def test_photographs(self, each):
        pytest.importorskip("skimage")
        pytest.importorskip("sklearn")
        picture = source(each, rng=np.random.default_rng(0))
        assert all(size % 16 == 0 for size in picture.shape)
        assert picture.mean() == pytest.approx(0.5, abs=1e-3)
        assert picture.std() == pytest.approx(0.16, abs=2e-3)


class TestSynthesis:
    def test_statistics_become_those_of_the_source(self):
        pytest.importorskip("plenoptic")
        from stimuli.textures.synthesis import statistics_error, synthesise

        original = woven()[:128, :128]
        losses = []
        start, texture = (
            synthesise(
                original,
                pixels=144,
                iterations=steps,
                rng=np.random.default_rng(1),
                report=lambda _, loss: losses.append(loss),
            )
            for steps in (1, 30)
        )
        assert texture.shape == (144, 144)
        assert losses[-1] < losses[0] / 3
        before, after = (statistics_error(each, original) for each in (start, texture))
        names = ("auto_correlation_magnitude", "cross_scale_correlation_magnitude")
        assert all(after[name] < before[name] / 2 for name in names)
        assert structure(texture).cross_scale > structure(start).cross_scale + 0.1


def fake_field(number, **_):
    rng = np.random.default_rng(number)
    texture, noise = rng.integers(0, 256, (2, 640, 640), dtype=np.uint8)
    about = {
        "family": FAMILIES[number - 1].name,
        "seed": 0,
        "statistics_error": {"a": 0.01, "b": 0.03, "c": 0.02},
        "noise_spectrum_error": 0.001,
        **{
            f"{kind}_structure": {"kurtosis": 3.0, "cross_scale": 0.1}
            for kind in ("texture", "noise", "scrambled")
        },
    }
    return texture_build.Field(texture, noise, about)


class TestBuild:
    def test_stopped_builds_go_on_and_are_packed(self, tmp_path, monkeypatch, capsys):
        made = []

        def make(number, **options):
            made.append(number)
            return fake_field(number)

        monkeypatch.setattr(texture_build, "_make", make)
        build = f"build --out {tmp_path / 'built'} --families"
        command([*build.split(), "grass", "wood"], result_action="return_value")
        with pytest.raises(ValueError, match="lacks the families brick, gravel"):
            command(
                ["pack", str(tmp_path / "built"), "--target", str(tmp_path / "data")],
                result_action="return_value",
            )
        command(["build", "--out", str(tmp_path / "built")], result_action="return_value")
        assert sorted(made) == list(range(1, 16))
        assert made[:2] == [2, 6]
        assert "statistics off by 2.0% (worst kind 3.0%)" in capsys.readouterr().out
        command(
            ["pack", str(tmp_path / "built"), "--target", str(tmp_path / "data")],
            result_action="return_value",
        )
        monkeypatch.setattr(texture_pictures, "files", lambda _: tmp_path)
        found = pictures.shipped.__wrapped__()
        assert found.levels.shape == (2, 15, 15, 160, 160)
        np.testing.assert_array_equal(found.levels[1, 4, 1], fake_field(5).texture[:160, 160:320])
        np.testing.assert_array_equal(found.levels[0, 8, 14], fake_field(9).noise[480:, 320:480])
        (tmp_path / "data" / "tex-im03.png").write_bytes(b"damaged")
        with pytest.raises(ValueError, match=r"tex-im03.png of this installation is damaged"):
            pictures.shipped.__wrapped__()

    def test_unknown_families(self, tmp_path):
        with pytest.raises(UserError, match="families must be among brick, grass.*; got snow"):
            command(
                ["build", "--out", str(tmp_path), "--families", "snow"],
                result_action="return_value",
            )

    def test_samples_do_not_overlap(self):
        field = np.arange(640 * 640).reshape(640, 640) % 251
        samples = texture_pictures.cut(field.astype(np.uint8))
        assert samples.shape == (15, 160, 160)
        marked = np.arange(16, dtype=np.uint8).reshape(4, 4).repeat(160, 0).repeat(160, 1)
        levels = [np.unique(sample).tolist() for sample in texture_pictures.cut(marked)]
        assert levels == [[n] for n in range(15)]


def test_nothing_but_synthesis_needs_the_extra():
    lines = (
        "import sys, insilico.experiments.batteries, stimuli.textures.sets, "
        "stimuli.textures.drawing"
    )
    check = "print({'plenoptic', 'skimage', 'sklearn'} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", f"{lines}\n{check}"], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "set()"


def curve(noise, texture, blank=0.0):
    """A curve of one unit from responses (family, sample)."""
    values = np.stack([noise, texture])[None].astype(float)
    dims = ("unit", "type", "family", "sample")
    coords = {dim: np.arange(1, n + 1) for dim, n in zip(dims[1:], values.shape[1:], strict=True)}
    coords |= {"blank": ("unit", [blank]), "layer": ("unit", ["v1"])}
    return xr.DataArray(values, coords, dims, attrs={"units": "spikes/s"})


class TestProperties:
    def test_modulation_is_the_mean_over_families(self):
        noise, texture = np.full((2, 3), 2.0), np.array([[4.0] * 3, [2.0] * 3])
        index = properties.texture_modulation_index(curve(noise, texture, blank=1.0))
        assert index.item() == pytest.approx(np.mean([2 / 4, 0]))
        assert index.name == "texture_modulation_index"
        swapped = properties.absolute_texture_modulation_index(curve(texture, noise, blank=1.0))
        assert swapped.item() == pytest.approx(0.25)

    def test_responses_below_the_blank_count_as_none(self):
        noise, texture = np.full((2, 2), 1.0), np.full((2, 2), 6.0)
        values = curve(noise, texture, blank=5.0)
        assert properties.texture_modulation_index(values).item() == 1
        assert properties.maximum_noise_response(values).item() == 0
        assert properties.maximum_texture_response(values).item() == 1

    def test_selectivity_and_sparseness(self):
        one_family = np.array([[5.0, 5.0], [0, 0], [0, 0]])
        values = curve(one_family, one_family)
        assert properties.texture_selectivity(values).item() == pytest.approx(1)
        # Two of six: mean^2 / mean of squares is 1/3.
        assert properties.texture_sparseness(values).item() == pytest.approx((2 / 3) / (5 / 6))

    def test_variance_ratio_of_families_without_samples(self):
        families = np.array([[1.0, 1.0], [9.0, 9.0]]) * 10
        values = curve(families, families)
        assert properties.texture_variance_ratio(values).item() == pytest.approx(1.02 / 0.02)

    def test_surrounds(self):
        values = xr.DataArray(
            [[[15, 5], [8, 8], [4, 0]], [[0, 0], [2, 0], [0, 2]], np.zeros((3, 2))],
            {"surround": [0, 1, 2], "layer": ("unit", ["v1"] * 3)},
            ("unit", "surround", "family"),
        )
        lost = properties.texture_surround_suppression(values)
        np.testing.assert_allclose(lost, [0.8, np.nan, np.nan])
        np.testing.assert_allclose(
            properties.noise_surround_suppression(values), [0.2, np.nan, np.nan]
        )
        np.testing.assert_allclose(properties.naturalistic_surround_index(values), [0.6, 0, np.nan])


@pytest.fixture(scope="module")
def results():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 9, padding=4), torch.nn.ReLU())
    battery = insilico.Battery(
        "textures",
        protocols=(
            standard.RECEPTIVE_FIELD,
            standard.ORIENTATION,
            standard.SPATIAL_FREQUENCY,
            standard.SIZE,
            standard.TEXTURES,
            standard.TEXTURE_SURROUND,
        ),
        references=("freeman2013.texture_modulation_index",),
    )
    shown = with_textures(battery, some())
    return insilico.run(model, layers=["1"], battery=shown, pixels=32, degrees=4, rates=False)


class TestProtocols:
    def test_every_property_is_measured(self, results):
        for protocol in (standard.TEXTURES, standard.TEXTURE_SURROUND):
            for measure in protocol.properties:
                assert results.units[measure.__name__].notnull().any()
        assert results.comparison["n_defined"].item() > 0

    def test_recording_says_which_pictures(self, results):
        recorded = results.recordings["textures"]
        assert recorded.dims == ("unit", "type", "family", "sample")
        assert recorded.attrs["stimulus_set"] == "textures"
        assert recorded["checksum"].item() == some().checksum
        citation = results.provenance["protocols"]["textures"]["citation"]
        assert citation.endswith("with the pictures of tests")
        assert "of ours" not in citation

    def test_index_is_that_of_the_recording(self, results):
        recorded = results.recordings["textures"].clip(min=0)
        evoked = (recorded - recorded["blank"].clip(min=0)).clip(min=0).mean("sample")
        noise, texture = evoked.sel(type=1), evoked.sel(type=2)
        expected = ((texture - noise) / (texture + noise)).mean("family")
        np.testing.assert_allclose(results.units["texture_modulation_index"], expected, atol=1e-6)

    def test_disks_are_as_large_as_the_preferred_grating(self):
        place = {name: ("unit", np.zeros(3)) for name in ("receptive_field_x", "receptive_field_y")}
        units = xr.Dataset(
            {"preferred_diameter": ("unit", [1.0, 4.0, np.nan]), **place},
            coords={name: ("unit", np.zeros(3)) for name in "xy"},
            attrs={"px_per_deg": 28.0},
        )
        np.testing.assert_array_equal(centered_disk(units)["diameter"], [1.0, 2.0, np.nan])

    def test_batteries_without_textures(self):
        none = insilico.Battery("gratings", (ORIENTATION,), references=())
        with pytest.raises(UserError, match="the gratings battery shows no textures"):
            with_textures(none, some())

    def test_published_protocol_measures_what_is_compared(self):
        rng = np.random.default_rng(0)
        response = curve(rng.random((15, 15)), rng.random((15, 15)))
        reduced = marques2020.TEXTURES.curve(response)
        names = {measure(reduced).name for measure in marques2020.TEXTURES.properties}
        assert set(marques2020.TEXTURE_REFERENCES) <= names


class TestShipped:
    def test_design(self):
        shown = pictures.shipped()
        assert shown.levels.shape == (2, 15, 15, 160, 160)
        assert len(set(shown.families)) == 15
        assert "other sources" in shown.origin

    def test_noise_has_the_levels_of_its_family(self):
        noise, texture = pictures.shipped().levels / 255
        for levels in (noise, texture):
            np.testing.assert_allclose(levels.mean((1, 2, 3)), 0.5, atol=0.03)
            np.testing.assert_allclose(levels.std((1, 2, 3)), 0.16, atol=0.02)

    def test_quality(self):
        record = json.loads(
            texture_pictures.files("stimuli").joinpath("data/textures.json").read_text()
        )
        for about in record["about"]:
            errors = list(about["statistics_error"].values())
            noise, scrambled, texture = (
                SimpleNamespace(**about[f"{kind}_structure"])
                for kind in ("noise", "scrambled", "texture")
            )
            assert np.median(errors) < 0.07, about["family"]
            assert about["noise_spectrum_error"] < 0.02, about["family"]
            assert noise.kurtosis == pytest.approx(scrambled.kurtosis, abs=0.15)
            assert noise.cross_scale == pytest.approx(scrambled.cross_scale, abs=0.05)
            assert texture.kurtosis > noise.kurtosis
            assert texture.cross_scale > noise.cross_scale
