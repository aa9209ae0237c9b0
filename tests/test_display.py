import numpy as np
import pytest
import torch

from stimuli import Display


@pytest.mark.parametrize("pixels", [7, 8])
def test_pixel_centres_are_symmetric_about_the_middle(pixels):
    display = Display.square(pixels=pixels, degrees=2)
    np.testing.assert_allclose(display.x(), -display.x()[::-1], atol=1e-15)
    np.testing.assert_allclose(display.y(), -display.y()[::-1], atol=1e-15)
    assert display.x()[-1] > 0 > display.y()[-1]


def test_position_inverts_the_pixel_centres():
    display = Display(height=10, width=16, px_per_deg=4)
    assert display.position(3, 5) == (display.x()[5], display.y()[3])


def test_transfer_functions_at_known_values():
    half = torch.tensor(0.5)
    assert float(Display(transfer="srgb").encode(half)) == pytest.approx(0.7354, abs=1e-4)
    assert float(Display(transfer="gamma:2.2").encode(half)) == pytest.approx(0.5 ** (1 / 2.2))
    assert float(Display(transfer="affine:0.4:0.2").encode(torch.tensor(1.0))) == pytest.approx(0.5)
    assert float(Display().encode(half)) == 0.5
    assert float(Display(transfer="srgb").encode(np.float64(0.001))) == pytest.approx(0.01292)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 0}, "at least 1 x 1"),
        ({"px_per_deg": 0.0}, "px_per_deg must be a finite number above 0"),
        ({"background": 1.0}, "between 0 and 1"),
        ({"transfer": "gamma:-1"}, "transfer must be"),
        ({"transfer": "linear"}, "got 'linear'"),
    ],
)
def test_impossible_displays_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Display(**arguments)


def test_square_refuses_no_field():
    with pytest.raises(ValueError, match="degrees must be a finite number above 0"):
        Display.square(degrees=0)
