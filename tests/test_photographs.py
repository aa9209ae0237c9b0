"""Pictures in files: resampled, placed, cut off and composed."""

import numpy as np
import pytest
import torch
from PIL import Image

import stimuli
from stimuli import Display, Position, Window, photographs

DISPLAY = Display.square(64, 4.0, background=0.4)
PARTS = [Window(0, 0, 64, 64), Window(17, 22, 13, 30), Window(0, 60, 5, 4), Window(60, 3, 1, 1)]


def random_levels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path, levels):
    Image.fromarray(levels).save(path)
    return path


@pytest.fixture
def noise(tmp_path):
    """Files that differ in size, of which one has colour."""
    sizes = {"small.png": (9, 21), "large.png": (150, 130), "colour.png": (40, 40, 3)}
    return [save(tmp_path / name, random_levels(*shape)) for name, shape in sizes.items()]


@pytest.mark.parametrize("window", PARTS)
@pytest.mark.parametrize("degrees", [2.6, 7.0])
def test_a_part_is_the_part_of_the_whole(noise, window, degrees):
    made = photographs(DISPLAY, noise, degrees=degrees, position=Position(0.37, -0.21))
    whole = made.images()[..., window.rows, window.columns]
    assert torch.equal(made.images(window=window), whole)


@pytest.mark.parametrize("window", PARTS)
def test_sixteen_bits_of_grey_are_all_shown(tmp_path, window):
    deep = np.random.default_rng(1).integers(0, 2**16, (64, 64), dtype=np.uint16)
    path = save(tmp_path / "deep.png", deep)
    made = photographs(DISPLAY, [path], degrees=4.0)
    [[picture]] = made.images()
    np.testing.assert_allclose(picture, deep / 65535, atol=1e-6)
    part = made.images(window=window)
    assert torch.equal(part, made.images()[..., window.rows, window.columns])


def test_pictures_are_shown_upright_as_their_camera_says(tmp_path):
    levels = random_levels(40, 40)
    lying = Image.fromarray(np.rot90(levels).copy())
    exif = lying.getexif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    lying.save(tmp_path / "lying.png", exif=exif)
    save(tmp_path / "upright.png", levels)
    files = [tmp_path / "upright.png", tmp_path / "lying.png"]
    first, second = photographs(DISPLAY, files, degrees=3.0).images()
    assert torch.equal(first, second)


def test_each_row_shows_its_picture(noise):
    made = photographs(DISPLAY, noise, degrees=3.0)
    assert made.dims == ("picture",)
    assert made.conditions["picture"].tolist() == [0, 1, 2]
    alone = [photographs(DISPLAY, noise[n:], degrees=3.0).images([0]) for n in (2, 0)]
    assert torch.equal(made.images([2, 0]), torch.cat([alone[0], alone[1].expand(-1, 3, -1, -1)]))


@pytest.mark.parametrize(("size", "degrees"), [((7, 5), 2.0), ((300, 200), 2.0), ((40, 40), 9.0)])
def test_a_constant_picture_gives_its_constant(tmp_path, size, degrees):
    path = save(tmp_path / "plain.png", np.full(size, 200, dtype=np.uint8))
    image = photographs(DISPLAY, [path], degrees=degrees).images()[0, 0].numpy()
    height = degrees * size[0] / size[1]
    half_px = 0.5 / DISPLAY.px_per_deg
    x, y = np.abs(DISPLAY.x()), np.abs(DISPLAY.y())[:, None]
    inside = (x + half_px <= degrees / 2 + 1e-9) & (y + half_px <= height / 2 + 1e-9)
    outside = (x - half_px >= degrees / 2 - 1e-9) | (y - half_px >= height / 2 - 1e-9)
    assert inside.any()
    assert (image[inside] == np.float32(200 / 255)).all()
    assert (image[outside] == np.float32(0.4)).all()
    # The area is right, edges included.
    seen = ((image - 0.4) / (200 / 255 - 0.4)).sum() / DISPLAY.px_per_deg**2
    assert seen == pytest.approx(min(degrees, 4) * min(height, 4), rel=1e-5)


def test_a_picture_of_as_many_pixels_is_itself(tmp_path):
    levels = random_levels(20, 32)
    path = save(tmp_path / "picture.png", levels)
    # Pixel (0, 0) of the picture lies on row 5, column 11 of the display.
    at = DISPLAY.position(5 + 9.5, 11 + 15.5)
    image = photographs(DISPLAY, [path], degrees=2.0, position=at).images()[0, 0].numpy()
    expected = np.full((64, 64), 0.4, dtype=np.float32)
    expected[5:25, 11:43] = (levels / 255).astype(np.float32)
    np.testing.assert_array_equal(image, expected)


def test_a_picture_twice_as_fine_is_averaged_as_pillow_does(tmp_path):
    levels = random_levels(128, 128)
    path = save(tmp_path / "picture.png", levels)
    image = photographs(DISPLAY, [path], degrees=4.0).images()[0, 0].numpy()
    exact = Image.fromarray(levels.astype(np.float32))
    expected = np.asarray(exact.resize((64, 64), Image.Resampling.BILINEAR)) / 255
    np.testing.assert_allclose(image, expected, atol=2e-6)


def test_a_coarse_ramp_is_interpolated(tmp_path):
    ramp = np.broadcast_to(np.arange(16, dtype=np.uint8) * 16, (4, 16))
    image = photographs(DISPLAY, [save(tmp_path / "ramp.png", ramp)], degrees=4.0).images()[0, 0]
    expected = (DISPLAY.x() * 4 + 7.5).clip(0, 15) * 16 / 255
    np.testing.assert_allclose(image[32], expected, atol=1e-6)


def test_what_lies_beyond_the_display_is_cut_off(tmp_path):
    levels = random_levels(16, 16)
    path = save(tmp_path / "picture.png", levels)
    at = DISPLAY.position(-4 + 7.5, 60 + 7.5)
    image = photographs(DISPLAY, [path], degrees=1.0, position=at).images()[0, 0].numpy()
    expected = np.full((64, 64), 0.4, dtype=np.float32)
    expected[:12, 60:] = (levels[4:, :4] / 255).astype(np.float32)
    np.testing.assert_array_equal(image, expected)
    nowhere = photographs(DISPLAY, [path], degrees=1.0, position=Position(30, 0)).images()
    assert (nowhere == np.float32(0.4)).all()


class TestColour:
    def test_channels(self, tmp_path):
        levels = random_levels(64, 64, 3)
        path = save(tmp_path / "picture.png", levels)
        images = photographs(DISPLAY, [path], degrees=4.0).images()
        np.testing.assert_array_equal(
            images[0], (levels / 255).astype(np.float32).transpose(2, 0, 1)
        )

    def test_grey_files_make_grey_images_however_they_are_saved(self, tmp_path):
        grey = random_levels(64, 64)
        paths = [
            save(tmp_path / "L.png", grey),
            save(tmp_path / "RGB.png", np.stack([grey] * 3, axis=-1)),
        ]
        Image.fromarray(grey).convert("P").save(tmp_path / "P.png")
        images = photographs(DISPLAY, [*paths, tmp_path / "P.png"], degrees=4.0).images()
        assert images.shape == (3, 1, 64, 64)
        assert torch.equal(images[0], images[1])
        assert torch.equal(images[0], images[2])

    def test_one_of_colour_makes_three_channels_for_all(self, noise):
        images = photographs(DISPLAY, noise, degrees=4.0).images([0])
        assert images.shape == (1, 3, 64, 64)
        assert torch.equal(images[:, 0], images[:, 2])


def test_transparency_shows_the_background(tmp_path):
    levels = np.full((64, 64, 2), 255, dtype=np.uint8)
    levels[:, :32, 1], levels[:, 32:48, 1] = 0, 51
    image = photographs(DISPLAY, [save(tmp_path / "LA.png", levels)], degrees=4.0).images()[0, 0]
    assert (image[:, :32] == np.float32(0.4)).all()
    np.testing.assert_allclose(image[:, 33:47], 0.2 + 0.8 * 0.4, atol=1e-6)
    assert (image[:, 48:] == 1).all()


def test_the_display_encodes_luminance(tmp_path):
    path = save(tmp_path / "plain.png", np.full((8, 8), 51, dtype=np.uint8))
    display = Display.square(16, 4.0, transfer="gamma:2")
    image = photographs(display, [path], degrees=2.0).images()[0, 0]
    assert float(image[8, 8]) == pytest.approx(0.2**0.5)
    assert float(image[0, 0]) == pytest.approx(0.5**0.5)


def test_other_content_is_another_set(tmp_path):
    def fingerprint(levels, folder, **changed):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = save(tmp_path / folder / "picture.png", levels)
        return photographs(DISPLAY, [path], **{"degrees": 4.0, **changed}).content_hash()

    levels = random_levels(6, 8)
    changed = levels.copy()
    changed[0, 0] ^= 1
    same = fingerprint(levels, "a")
    assert fingerprint(levels, "b") == same
    assert fingerprint(changed, "a") != same
    assert fingerprint(levels.reshape(8, 6), "a") != same
    assert fingerprint(levels, "a", degrees=4.1) != same


class TestWrongFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(ValueError, match="there is no picture .*absent.png"):
            photographs(DISPLAY, [tmp_path / "absent.png"], degrees=4.0)

    def test_no_picture(self, tmp_path):
        (tmp_path / "text.png").write_text("no picture")
        with pytest.raises(ValueError, match="text.png cannot be read as a picture"):
            photographs(DISPLAY, [tmp_path / "text.png"], degrees=4.0)

    def test_cut_short(self, tmp_path):
        path = save(tmp_path / "whole.png", random_levels(64, 64))
        (tmp_path / "half.png").write_bytes(path.read_bytes()[:2000])
        with pytest.raises(ValueError, match="half.png cannot be read as a picture"):
            photographs(DISPLAY, [path, tmp_path / "half.png"], degrees=4.0)

    def test_numbers_with_a_point(self, tmp_path):
        path = save(tmp_path / "deep.tif", np.full((4, 4), 0.5, dtype=np.float32))
        with pytest.raises(ValueError, match=r"or 16 of grey; .*deep.tif is of the kind 'F'"):
            photographs(DISPLAY, [path], degrees=4.0)

    def test_no_files_and_no_size(self, tmp_path):
        with pytest.raises(ValueError, match="there are no pictures to show"):
            photographs(DISPLAY, [], degrees=4.0)
        with pytest.raises(ValueError, match="must be above 0; got 0"):
            photographs(DISPLAY, [tmp_path / "picture.png"], degrees=0)


def test_stimuli_offers_it():
    assert stimuli.photographs is photographs
    assert "photographs" in stimuli.__all__
