"""Colour: backgrounds of three channels, and gratings of given cone contrasts."""

import numpy as np
import pytest
import torch
from torch import nn

import insilico
from insilico.models.preparation import prepared
from stimuli import Display, Window, cone_grating, factorial, grating, spot
from stimuli.catalogue import Named
from stimuli.cone_contrast import DIRECTIONS, cone_contrast, largest_share
from stimuli.cones import SRGB_CONES
from stimuli.gratings import blank_screen

WARM = (0.6, 0.5, 0.3)
SEEN = {"orientation": 90.0, "spatial_frequency": 1.0}


def light(images):
    """Linear red, green and blue of the first picture of an encoded display, (row, column, 3)."""
    return images[0].movedim(0, -1).double().numpy()


def test_the_matrix_is_that_of_the_cited_sources():
    # Row sums: what sRGB white excites, from XYZ (.9505, 1, 1.089) by the printed matrices.
    np.testing.assert_allclose(np.sum(SRGB_CONES, axis=1), [0.973717, 1.015506, 1.089], atol=1e-6)
    assert Display().cones == SRGB_CONES


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("background", [0.5, 0.3, WARM])
def test_what_is_drawn_excites_the_cones_as_asked(name, background):
    display = Display.square(33, 4, background=background)
    asked = 0.9 * np.array(DIRECTIONS[name]) * largest_share(display, DIRECTIONS[name])
    long, medium, short = asked
    drawn = cone_grating(
        display, l_contrast=long, m_contrast=medium, s_contrast=short, diameter=3.0, **SEEN
    )
    assert drawn.shape == (1, 3, 33, 33)
    found = cone_contrast(display, light(drawn))
    np.testing.assert_allclose(found[16, 16], asked, atol=2e-6)
    np.testing.assert_allclose(found[0, 0], 0, atol=1e-6)


def test_the_transfer_function_is_applied_to_each_channel():
    plain, encoded = (
        cone_grating(Display.square(16, 4, transfer=name), l_contrast=0.1, **SEEN)
        for name in ("encoded", "srgb")
    )
    torch.testing.assert_close(Display(transfer="srgb").encode(plain), encoded)


def test_a_matrix_of_ones_own_is_used():
    # Each cone sees one channel alone, and the S cone as little of it as may be.
    display = Display.square(16, 4, cones=np.diag([1.0, 2.0, 0.1]))
    picture = cone_grating(display, m_contrast=0.4, **SEEN)[0]
    assert torch.equal(picture[[0, 2]], torch.full((2, 16, 16), 0.5))
    torch.testing.assert_close(picture[1:2], grating(display, contrast=0.4, **SEEN)[0])


def test_colours_beyond_the_gamut_are_refused_with_the_largest_possible():
    with pytest.raises(ValueError, match=r"largest of this colour are L 0\.0988, M -0\.0988, S 0"):
        cone_grating(Display(), l_contrast=[0.05, 0.3], m_contrast=[-0.05, -0.3], **SEEN)
    display = Display.square(16, 4)
    assert cone_grating(display, l_contrast=0.0988, m_contrast=-0.0988, **SEEN).max() < 1
    with pytest.raises(ValueError, match="largest of this colour are L"):
        cone_grating(display, l_contrast=0.099, m_contrast=-0.099, **SEEN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"background": (0.5, 0.5)}, "one luminance, or three"),
        ({"background": (0.5, 0.0, 0.5)}, "between 0 and 1"),
        ({"background": WARM, "transfer": "affine:0.4:0.2"}, "is for grey screens"),
        ({"cones": [[1, 0], [0, 1]]}, "3 x 3 numbers"),
        ({"cones": "mine.csv"}, "3 x 3 numbers"),
        ({"cones": np.ones((3, 3))}, "depend on each other"),
    ],
)
def test_impossible_colours_of_a_display_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Display(**arguments)


def test_grey_in_three_numbers_is_grey():
    display = Display(background=(0.4, 0.4, 0.4), cones=np.array(SRGB_CONES))
    assert display == Display(background=0.4)
    assert hash(display) == hash(Display(background=0.4))


def test_grey_stimuli_keep_their_one_channel_and_take_the_colour_of_a_coloured_screen():
    grey, warm = (Display.square(16, 4, background=level) for level in (0.5, WARM))
    assert grating(grey, contrast=0.4, **SEEN).shape == (1, 1, 16, 16)
    shown = grating(warm, contrast=0.4, **SEEN)
    modulation = grating(grey, contrast=0.4, **SEEN) / 0.5 - 1
    for channel, level in enumerate(WARM):
        torch.testing.assert_close(shown[:, [channel]], level * (1 + modulation))
    with pytest.raises(ValueError, match=r"\[-1, 0\.66"):
        spot(warm, diameter=1, contrast=0.7)


def test_the_blank_has_the_levels_of_the_screen():
    display = Display.square(16, 4, background=WARM, transfer="gamma:2.2")
    picture = blank_screen(display, window=Window(2, 3, 5, 4))
    assert picture.shape == (1, 3, 5, 4)
    np.testing.assert_allclose(picture[0, :, 0, 0], np.array(WARM) ** (1 / 2.2), rtol=1e-6)


class Channels(nn.Module):
    """Four units: the mean of each channel, and their sum."""

    def forward(self, images):
        means = images.mean((2, 3))
        return torch.cat([means, means.sum(1, keepdim=True)], 1)


def test_a_probe_shows_the_blank_and_the_pictures_in_colour():
    display = Display.square(16, 4, background=WARM)
    model, card = prepared(
        Channels(),
        display=display,
        degrees=None,
        pixels=None,
        mean=None,
        std=None,
        channels=3,
        seed=0,
        background=0.5,
    )
    assert card.display == display
    probe = insilico.Probe(model, ["output"], display=card.display)
    stimuli = factorial(
        "colours", display, Named("cone_grating"), {"l_contrast": [0.0, 0.05]}, phase=0.0, **SEEN
    )
    response = probe.record(stimuli)
    np.testing.assert_allclose(response["blank"], [*WARM, sum(WARM)], rtol=1e-6)
    np.testing.assert_allclose(response[:3, 0], WARM, rtol=1e-6)
    grey = prepared(
        Channels(),
        display=Display.square(16, 4, cones=np.eye(3)),
        degrees=None,
        pixels=None,
        mean=None,
        std=None,
        channels=3,
        seed=0,
        background=0.4,
    )[1].display
    assert grey == Display.square(16, 4, background=0.4, cones=np.eye(3))
